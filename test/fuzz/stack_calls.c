/* stack_calls.c - a stack against any user, any administrator, any peer, any clock
 *
 * The input is a list of steps for one stack that has sockets of all kinds and a
 * neighbour (test/mutate/lan.c): time that passes, a frame (calls/peer.c), a socket call
 * (calls/user.c), or a change of its interfaces, addresses, routes, rules and parameters
 * (calls/admin.c). After each step
 *
 *	what left are good frames, unless a user made them himself, or somebody whose
 *	frames are forwarded, and none is longer than the interface says,
 *	the books of every connection balance (test/sim/books.c),
 *	nothing is due any more,
 *	and no socket became ready without a word to who waits for it (sock_wake).
 *
 * In the end, when all is closed and time has passed, no socket, no packet and no byte
 * of a budget is left.
 */
#include <stdarg.h>

#include "../mutate/pair.h"
#include "../sim/books.h"
#include "../sim/wire.h"
#include "calls/calls.h"
#include "stack/netif.h"
#include "stack/tcp.h"
#include "stack/tcp_req.h"

#define MOST_TIMERS	3000	/* that fire while a step's time passes */
#define MOST_RUNS	200	/* of the stack until nothing is due */

void broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	abort();
}

/* --- the wire --- */

static void one_out(void *ctx, const uint8_t *b, size_t len)
{
	struct world *w = ctx;
	const char *bad = wire_check(b, len);

	if (bad && !w->wild)
		broken("a frame with %s", bad);
	peer_hears(w, b, (uint32_t)len);
}

static void out(struct netif *nif, struct pkt *pkt)
{
	CHECK(pkt_len(pkt) >= ETH_LEN && pkt->cur == pkt->start);
	CHECK(pkt->gso_size || pkt_len(pkt) <= ETH_LEN + nif->mtu_max);
	CHECK(netif_is_up(nif));
	wire_split(pkt, one_out, nif->ctx);
}

static uint32_t room(struct netif *nif)
{
	return ((struct world *)nif->ctx)->room;
}

const struct netif_ops wire_ops = { .out = out, .room = room };

/* --- the user's sockets --- */

static void woken(struct sock *so)
{
	struct world *w = so->user;

	for (unsigned i = 0; i < SOCKS; i++)
		if (w->so[i] == so)
			w->woken[i] = true;
}

int adopt(struct world *w, struct sock *so, int i)
{
	for (int k = 0; i < 0 && k < SOCKS; k++)
		if (!w->so[k])
			i = k;
	if (i < 0 || w->so[i]) {
		sock_close(so);
		return -1;
	}
	w->so[i] = so;
	w->used[i] = true;
	so->user = w;
	so->wake = woken;
	return i;
}

void let_go(struct world *w, int i)
{
	if (!w->so[i])
		return;
	sock_close(w->so[i]);
	w->so[i] = NULL;
}

/* --- after each step --- */

static void run(struct world *w)
{
	int n = 0;

	stack_now(w->l.st, w->l.now);
	do {
		CHECK(++n < MOST_RUNS);
		stack_run(w->l.st);
	} while (stack_deadline(w->l.st) <= w->l.now);
}

/* Whoever sleeps until it is ready must have been told. */
static void check_wake(struct world *w, unsigned i)
{
	uint32_t now = w->so[i] ? sock_events(w->so[i]) : 0, fresh = now & ~w->events[i];

	if (fresh && !w->woken[i] && !w->used[i])
		broken("socket %u, family %d, type %d, %s: ready for %x, and nobody was told", i,
		       w->so[i]->family, w->so[i]->type, sock_state_name(w->so[i]), fresh);
	w->events[i] = now;
	w->woken[i] = w->used[i] = false;
}

static void check(struct world *w)
{
	run(w);
	books_check(w->l.st);
	for (unsigned i = 0; i < SOCKS; i++)
		check_wake(w, i);
}

static void pass(struct world *w, usec d)
{
	usec end = w->l.now + d;

	for (int n = 0; n < MOST_TIMERS && stack_deadline(w->l.st) <= end; n++) {
		w->l.now = MAX(w->l.now, stack_deadline(w->l.st));
		run(w);
	}
	w->l.now = end;
	run(w);
}

static void pass_time(struct world *w)
{
	static const usec unit[] = { 1, 1000, 50000, 1000000, 60000000 };
	usec d = rd_u8(&w->rd);

	pass(w, d * unit[below(w, ARRAY_LEN(unit))]);
}

/* --- begin and end --- */

static void begin(struct world *w)
{
	struct lan *l = &w->l;

	lan_init(l);
	l->nif->ops = &wire_ops;
	l->nif->ctx = w;
	w->room = 100;
	adopt(w, l->listener, 0);
	for (int v4 = 0; v4 < 2; v4++) {
		struct sock *so[] = { l->client[v4], l->udp[v4], l->asker[v4], l->raw[v4], l->ping[v4] };

		for (unsigned i = 0; i < ARRAY_LEN(so); i++)
			adopt(w, so[i], -1);
	}
	peer_hears(w, l->seen[1], l->seen_len[1]);	/* a SYN: it can be answered */
	check(w);
}

static bool quiet(const struct world *w)
{
	return w->l.st->budget[BUDGET_ALL].used == 0 && w->l.st->tcp->reqs.count == 0 &&
	       arena_heap_used(w->l.st->heap) == 0;
}

static void end(struct world *w)
{
	for (int i = 0; i < SOCKS; i++)
		let_go(w, i);
	param_defaults(&w->l.st->param);
	w->room = 100;
	netif_ready(w->l.nif);
	if (w->second)
		netif_ready(w->second);
	for (int i = 0; i < 100 && !quiet(w); i++) {
		pass(w, 100 * USEC_PER_SEC);
		books_check(w->l.st);
	}
	CHECK(!sock_next(w->l.st, NULL));
	CHECK(w->l.st->tcp->reqs.count == 0);
	CHECK(arena_heap_used(w->l.st->heap) == 0);
	for (unsigned i = 0; i < N_BUDGETS; i++)
		CHECK(w->l.st->budget[i].used == 0);
	lan_fini(&w->l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	w = (struct world){ .rd = rd_of(data, size) };
	begin(&w);
	while (rd_left(&w.rd)) {
		uint8_t what = rd_u8(&w.rd);

		if (what < 32)
			pass_time(&w);
		else if (what < 112)
			peer_steps[what % n_peer_steps](&w);
		else if (what < 216)
			user_steps[what % n_user_steps](&w);
		else
			admin_steps[what % n_admin_steps](&w);
		check(&w);
	}
	end(&w);
	return 0;
}
