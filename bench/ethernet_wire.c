/* ethernet_wire.c - two processes and a wire: see ethernet.c */
#include "ethernet.h"

#include <poll.h>
#include <sys/socket.h>

/* Both sides are made here; a child then keeps to its own. */
static void wire_pair(struct wire *w[2])
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) < 0)
		err(1, "socketpair");
	for (int i = 0; i < 2; i++) {
		w[i] = wire_new();
		if (!w[i])
			err(1, "wire");
	}
	for (int i = 0; i < 2; i++) {
		const char *why = wire_join(w[i], w[!i]->fd, s[i]);

		if (why)
			errx(1, "%s", why);
	}
}

void wire_wait(struct wire *w)
{
	struct pollfd p = { w->bell, POLLIN, 0 };
	char bells[64];

	poll(&p, 1, -1);
	if (recv(w->bell, bells, sizeof(bells), MSG_DONTWAIT) == 0)
		errx(1, "the switch is gone");
}

struct pkt *super_frame(struct chunk *c)
{
	static const uint8_t head[54] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
	struct pkt *pkt = pkt_new();

	memcpy(pkt_push(pkt, sizeof(head)), head, sizeof(head));
	pkt_add_ext(pkt, chunk_ref(c), c->data, SUPER_LEN);
	pkt->gso_size = 1446;
	pkt->gso_hlen = sizeof(head);
	return pkt;
}

static void super_in(struct wire *w)
{
	struct chunk *c[PIECES];
	unsigned k = 0;

	for (unsigned i = 0; i < PIECES; i++)
		c[i] = w->arena.alloc(&w->arena, PIECE);
	for (unsigned n = 0;; n = (n + 1) % PIECES) {
		struct pkt *pkt;

		while (atomic_load(&c[n]->refs) > 1 && wire_reap(w))
			relax(&k);
		memcpy(c[n]->data, mine, SUPER_LEN);
		pkt = super_frame(c[n]);
		while (!wire_put(w, pkt))
			relax(&k);
		wire_ring(w);
	}
}

static void super_out(struct wire *w)
{
	unsigned k = 0;

	for (;;) {
		struct pkt *pkt = wire_take(w);

		if (!pkt) {
			wire_took(w);
			relax(&k);
			continue;
		}
		pkt_copy(pkt, 54, mine, SUPER_LEN);
		atomic_fetch_add_explicit(&sh->got, SUPER_LEN, memory_order_relaxed);
		pkt_free(pkt);
		wire_took(w);
	}
}

void bench_super(void)
{
	struct wire *w[2];

	wire_pair(w);
	if (in_child_on(0))
		super_in(w[0]);
	if (in_child_on(1))
		super_out(w[1]);
	report(1e9, 0);
}

void wire_send(struct wire *w)
{
	struct wire_small s;

	wire_small_set(&s, mine, FRAME);
	if (!wire_put_small(w, &s))
		errx(1, "%s", w->why ? w->why : "no room");
	wire_ring(w);
}

bool wire_got(struct wire *w)
{
	struct wire_small s;
	struct pkt *pkt;

	if (wire_take_small(w, &s))
		return true;
	pkt = wire_take(w);		/* behind the ring's end */
	pkt_free(pkt);
	return pkt;
}

static void got_spinning(struct wire *w)
{
	unsigned k = 0;

	while (!wire_got(w))
		relax(&k);
	wire_took(w);
}

/* As node_wait.c does: the wire's futex, and one by which others of the process wake him. */
static void nap(struct wire *w)
{
	struct futexes f = { .n = 0 };
	static atomic_uint kicks;

	if (!wire_by_futex(w, &f) || !futexes_add(&f, &kicks, kicks, false))
		errx(1, "too many futexes");
	wire_sleep(w, false);
	if (!wire_waiting(w))
		futexes_sleep(&f, NEVER);
	wire_by_bell(w);
	wire_awake(w);
}

static void got_napping(struct wire *w)
{
	while (!wire_got(w))
		nap(w);
	wire_took(w);
}

static void got_by_bell(struct wire *w)
{
	while (!wire_got(w)) {
		wire_sleep(w, false);
		if (!wire_waiting(w))
			wire_wait(w);
	}
	wire_took(w);
}

struct end {
	struct wire *w;
	void	(*got)(struct wire *w);	/* waits for a frame */
};

static void wire_trip(void *ctx)
{
	const struct end *e = ctx;

	wire_send(e->w);
	e->got(e->w);
}

static void bench_trip(void (*got)(struct wire *w), unsigned per)
{
	struct wire *w[2];

	wire_pair(w);
	if (in_child_on(1)) {
		for (;;) {
			got(w[1]);
			wire_send(w[1]);
		}
	}
	trips(wire_trip, &(struct end){ w[0], got }, per);
}

void bench_spin(void) { bench_trip(got_spinning, 100); }
void bench_asleep(void) { bench_trip(got_napping, 1); }
void bench_by_bell(void) { bench_trip(got_by_bell, 1); }
