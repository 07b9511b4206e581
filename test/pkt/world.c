/* world.c - the stack under test, its clock, and the frames it sent
 *
 * Virtual time moves only in world_advance and world_await, from one deadline
 * of the stack to the next. Frames the stack sends wait in w->sent until the
 * script expects them: one that is still there when the script acts again, or
 * ends, is an error. Questions about neighbours are answered by the harness
 * at the same instant, after the call into the stack has returned.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "world.h"

#define ARENA_LIMIT	((size_t)256 << 20)
#define SPIN_LIMIT	100000

const char *frame_text(const void *frame, size_t len)
{
	static char buf[512];
	struct text t = text_of(buf, sizeof(buf));

	frame_print(&t, frame, len);
	return buf;
}

void world_trace(struct world *w, const char *dir, const void *frame, size_t len)
{
	if (w->trace)
		printf("%10.6f %s %s\n", (double)(w->now - START) / 1e6, dir,
		       frame_text(frame, len));
}

static void changed(const struct tcpc *tc, int old, const char *why)
{
	const struct world *w = tc->so.st->user;

	printf("%10.6f # %s -> %s: %s\n", (double)(w->now - START) / 1e6, tcp_state_name(old),
	       tcp_state_name(tc->state), why);
}

static void sent(void *ctx, const uint8_t *b, size_t len)
{
	struct world *w = ctx;
	struct frame *f = frame_new(b, len, w->st->now);

	world_trace(w, ">", b, len);
	f->bad = wire_check(b, len);
	list_add_tail(neigh_swallow(w, f) ? &w->asked : &w->sent, &f->link);
}

static void netif_out(struct netif *nif, struct pkt *pkt)
{
	struct world *w = nif->ctx;

	if (w->gso)
		pkt->gso_size = 0;
	wire_split(pkt, sent, w);
}

static const struct netif_ops netif_ops = { .out = netif_out };

void world_init(struct world *w)
{
	list_init(&w->sent);
	list_init(&w->asked);
	w->mtu = 1500;
	w->isn = 0xfffff000;	/* so that every longer script wraps */
	w->now = START;
	w->us_mac = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	w->peer_mac = (struct mac){ { 2, 0, 0, 0, 0, 2 } };
	w->router_mac = (struct mac){ { 2, 0, 0, 0, 0, 0xfe } };
	ip_parse_text(w->v6 ? "fd00::1" : "10.0.0.1", &w->us);
	ip_parse_text(w->v6 ? "fd00::2" : "10.0.0.2", &w->peer);
	ip_parse_text(w->v6 ? "fd00::fe" : "10.0.0.254", &w->router);
	for (int i = 0; i < N_CONNS; i++) {
		struct conn *c = &w->conn[i];

		c->lport = 80;
		c->rport = (uint16_t)(40000 + i);
		c->raddr = w->peer;
		c->irs = w->isn;
		c->win = 65535;
	}
}

static void must(struct world *w, int r, const char *what)
{
	if (r < 0)
		fail(w, "%s: %s", what, errno_text(r));
}

static void add_route(struct world *w)
{
	struct route r = { .dst = w->v6 ? IP6_ANY : IP4_ANY, .gw = w->router, .nif = w->nif };

	must(w, route_add(w->st, &r), "route_add");
}

/* The clock starts ten seconds early: duplicate address detection and the
 * announcements of a new interface are over when the script begins. */
void world_start(struct world *w)
{
	if (w->st)
		return;
	w->now = START - 10 * USEC_PER_SEC;
	w->st = stack_new(1, w->now);
	w->st->user = w;
	w->st->on_state = w->trace ? changed : NULL;
	w->arena = arena_heap_new(ARENA_LIMIT);
	w->nif = netif_add(w->st, "eth0", w->us_mac, w->mtu, 0, &netif_ops, w);
	w->nif->arena = w->arena;
	netif_up(w->nif);
	must(w, netif_addr_add(w->nif, &w->us, w->v6 ? 64 : 24), "netif_addr_add");
	add_route(w);
	world_advance(w, START);
	w->ready = true;
}

static void free_list(struct list *l)
{
	struct list *n;

	while ((n = list_pop(l)))
		frame_free(container_of(n, struct frame, link));
}

void world_finish(struct world *w)
{
	world_start(w);
	world_no_frames(w);
	stack_free(w->st);
	group_finish(w);
	if (arena_heap_used(w->arena))
		fail(w, "%zu bytes of packets were not given back",
		     arena_heap_used(w->arena));
	arena_heap_unref(w->arena);
	free_list(&w->sent);
	free_list(&w->asked);
	for (int i = 0; i < N_CONNS; i++)
		frame_free(w->conn[i].quote);
	free(w->last_in);
}

void world_settle(struct world *w)
{
	stack_run(w->st);
	for (int i = 0; !list_empty(&w->asked); i++) {
		if (i == SPIN_LIMIT)
			fail(w, "the stack asks for neighbours without end");
		neigh_answer(w);
		stack_run(w->st);
	}
}

/* One step of the clock towards to; false when there is nothing due before. */
static bool step(struct world *w, usec to)
{
	usec d = stack_deadline(w->st);

	if (d > to)
		return false;
	w->now = MAX(w->now, d);
	stack_now(w->st, w->now);
	world_settle(w);
	return true;
}

static void clock_set(struct world *w, usec to)
{
	w->now = MAX(w->now, to);
	stack_now(w->st, w->now);
}

static void spin_check(struct world *w, int *spins, usec before)
{
	*spins = w->now == before ? *spins + 1 : 0;
	if (*spins > SPIN_LIMIT)
		fail(w, "the stack's deadline does not move");
}

void world_advance(struct world *w, usec to)
{
	int spins = 0;

	for (usec before = w->now; step(w, to); before = w->now)
		spin_check(w, &spins, before);
	clock_set(w, to);
}

struct frame *world_await(struct world *w, usec to)
{
	int spins = 0;

	world_settle(w);
	for (usec before = w->now; list_empty(&w->sent) && step(w, to); before = w->now)
		spin_check(w, &spins, before);
	if (list_empty(&w->sent)) {
		clock_set(w, to);
		return NULL;
	}
	return container_of(list_pop(&w->sent), struct frame, link);
}

void world_inject(struct world *w, const void *frame, size_t len)
{
	struct pkt *pkt = wire_pkt(w->arena, frame, len);

	world_trace(w, "<", frame, len);
	if (!pkt)
		fail(w, "no memory for a frame in");
	stack_now(w->st, w->now);
	stack_input(w->st, w->nif, pkt);
	if (w->ready)
		world_settle(w);
}

void world_no_frames(struct world *w)
{
	struct frame *f = list_first(&w->sent, struct frame, link);

	if (f)
		fail(w, "nothing was expected before this line\n\tseen at +%.6f: %s",
		     (double)(f->at - START) / 1e6, frame_text(f->b, f->len));
}
