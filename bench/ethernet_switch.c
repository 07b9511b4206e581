/* ethernet_switch.c - clients of a switch: see ethernet.c */
#include "ethernet.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOST_MS		5		/* after which frames under way are given up */

/* The header of a frame from station 1 to station 2, or the other way. */
static void address(uint8_t *b, uint8_t from)
{
	memset(b, 0, 14);
	b[0] = b[6] = 2;
	b[5] = (uint8_t)(3 - from);
	b[11] = from;
	b[12] = 8;
}

static int join_sock(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/shm", dir);
	if (s < 0 || connect(s, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		err(1, "%s", sun.sun_path);
	return s;
}

static struct wire *join(void)
{
	struct shm_hello h = { .magic = SHM_MAGIC, .mtu = 1500, .descr = "ethernet" };
	struct wire *w = wire_new();
	struct shm_answer a = { 0 };
	int file = -1, s = join_sock();
	const char *why;

	if (!w || shm_put(s, &h, sizeof(h), w->fd) < 0 ||
	    shm_get(s, &a, sizeof(a), &file) != (ssize_t)sizeof(a) || a.error)
		errx(1, "%s: %s", dir, a.why);
	why = wire_join(w, file, s);
	if (why)
		errx(1, "%s: %s", dir, why);
	return w;
}

/* The frame in mine, as often as there is room. */
static void shm_send_all(struct wire *w)
{
	struct wire_small s;

	wire_small_set(&s, mine, FRAME);
	for (;;) {
		for (unsigned i = 0; i < 256 && wire_put_small(w, &s); i++)
			;
		wire_ring(w);
		if (wire_put_small(w, &s))
			continue;
		wire_sleep(w, true);
		if (!wire_put_small(w, &s))
			wire_wait(w);
	}
}

static void shm_source(struct wire *w)
{
	address(mine, 1);
	shm_send_all(w);
}

static void shm_sink(struct wire *w)
{
	for (;;) {
		unsigned n = 0;

		while (n < 256 && wire_got(w))
			n++;
		wire_took(w);
		atomic_fetch_add_explicit(&sh->got, n, memory_order_relaxed);
		if (n)
			continue;
		wire_sleep(w, false);
		if (!wire_waiting(w))
			wire_wait(w);
	}
}

void bench_shm(void)
{
	struct wire *w[2];

	for (int i = 0; i < 2; i++)
		w[i] = join();
	address(mine, 2);
	wire_send(w[1]);		/* the switch learns where station 2 is */
	if (in_child())
		shm_sink(w[1]);
	if (in_child())
		shm_source(w[0]);
	report(1, switch_pid);
}

static void count_frame(struct plug *p, struct pkt *pkt)
{
	atomic_fetch_add_explicit(&sh->got, 1, memory_order_relaxed);
	pkt_free(pkt);
}

static struct plug *join_vde(void)
{
	char *where = xasprintf("vde://%s[classic=1]", dir), *why = NULL;
	struct plug *p = plug_open(where, &(struct plug_conf){ .descr = "ethernet" }, &why);

	if (!p)
		errx(1, "%s", why);
	p->deliver = count_frame;
	free(where);
	return p;
}

static void vde_send(struct plug *p, struct arena *a, uint32_t len)
{
	struct pkt *pkt = pkt_new();

	pkt_append(pkt, a, mine, len);
	plug_send(p, pkt);
}

static void vde_source(struct plug *p, uint32_t len)
{
	struct arena *a = arena_heap_new(16 << 20);
	struct pollfd out = { p->fd, POLLOUT, 0 };

	address(mine, 1);
	for (;;) {
		for (unsigned n = MIN(plug_room(p), 64u); n; n--)
			vde_send(p, a, len);
		if (plug_flush(p) == -EAGAIN)
			poll(&out, 1, -1);
	}
}

static void vde_sink(struct plug *p)
{
	struct pollfd in = { p->fd, POLLIN, 0 };

	for (;;) {
		poll(&in, 1, -1);
		if (plug_recv(p, 256) < 0)
			errx(1, "the switch is gone");
	}
}

static void bench_vde_of(uint32_t len)
{
	struct plug *p[2] = { join_vde(), join_vde() };
	struct arena *a = arena_heap_new(16 << 20);

	address(mine, 2);
	vde_send(p[1], a, FRAME);
	plug_flush(p[1]);
	doze(0.05);
	if (in_child())
		vde_sink(p[1]);
	if (in_child())
		vde_source(p[0], len);
	report(1, switch_pid);
}

void bench_vde(void) { bench_vde_of(FRAME); }
void bench_vde_mtu(void) { bench_vde_of(MTU_FRAME); }

/* A window of PIECES frames; what was lost is given up after a while. */
static void window_wait(struct wire *w, unsigned *sent)
{
	struct pollfd p = { w->bell, POLLIN, 0 };
	unsigned out = atomic_load(&sh->out);
	double start = now();
	char bells[64];

	do {
		while (wire_got(w))
			;		/* the storm is here, too */
		wire_took(w);
		wire_sleep(w, false);
		if (!wire_waiting(w) && poll(&p, 1, LOST_MS) > 0)
			recv(w->bell, bells, sizeof(bells), MSG_DONTWAIT);
	} while (atomic_load(&sh->out) == out && now() - start < LOST_MS / 1e3);
	if (atomic_load(&sh->out) == out)
		*sent = out;
}

static void window_in(struct wire *w)
{
	struct chunk *c[2 * PIECES];
	unsigned sent = 0;

	for (unsigned i = 0; i < ARRAY_LEN(c); i++)
		c[i] = w->arena.alloc(&w->arena, PIECE);
	for (unsigned n = 0;; n = (n + 1) % ARRAY_LEN(c)) {
		struct pkt *pkt = super_frame(c[n]);

		while (sent - atomic_load(&sh->out) >= PIECES)
			window_wait(w, &sent);
		memcpy(c[n]->data, mine, SUPER_LEN);
		if (!wire_put(w, pkt))
			pkt_free(pkt);
		wire_ring(w);
		sent++;
	}
}

/* Each frame is acknowledged by one of the smallest size, which wakes the sender. */
static void window_out(struct wire *w)
{
	struct wire_small ack;
	struct pkt *pkt;

	address(mine, 2);
	wire_small_set(&ack, mine, FRAME);
	for (;;) {
		while ((pkt = wire_take(w))) {
			if (pkt_len(pkt) > MTU_FRAME) {
				pkt_copy(pkt, 54, mine, SUPER_LEN);
				atomic_fetch_add(&sh->got, SUPER_LEN);
				atomic_fetch_add(&sh->out, 1);
				wire_put_small(w, &ack);
			}
			pkt_free(pkt);
		}
		wire_ring(w);
		wire_took(w);
		wire_sleep(w, false);
		if (!wire_waiting(w))
			wire_wait(w);
	}
}

static void sleep_on(struct wire *w)
{
	pause();
}

static void count_up(struct wire *w)
{
	for (volatile unsigned n = 0;; n++)
		;
}

static void blow(struct wire *w)
{
	memset(mine, 0xff, 6);
	memset(mine + 6, 2, 8);
	shm_send_all(w);
}

static void bench_beside(void (*third)(struct wire *w))
{
	struct wire *w[3];

	for (int i = 0; i < 3; i++)
		w[i] = join();
	address(mine, 2);
	wire_send(w[1]);
	doze(0.05);
	if (in_child())
		window_out(w[1]);
	if (in_child())
		window_in(w[0]);
	if (in_child())
		third(w[2]);
	report(1e9, 0);
}

void bench_bystander(void) { bench_beside(sleep_on); }
void bench_counter(void) { bench_beside(count_up); }
void bench_storm(void) { bench_beside(blow); }
