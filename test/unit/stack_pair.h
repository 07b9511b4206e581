/* stack_pair.h - two stacks on one cable, and time that we move
 *
 * What one sends waits in the cable until pair_run carries it over. A test may
 * look at frames, drop them, or put in its own.
 */
#ifndef TEST_STACK_PAIR_H
#define TEST_STACK_PAIR_H

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "proto/proto.h"
#include "stack/frag.h"
#include "stack/icmp.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"
#include "stack/sock.h"

static inline struct ip_addr text(const char *s)
{
	struct ip_addr a;

	assert_true(ip_parse_text(s, &a));
	return a;
}

struct side {
	struct stack	*st;
	struct netif	*nif;
	struct side	*peer;
	struct list	out;		/* frames on their way to the peer */
	bool		cut;		/* the cable loses everything */
	bool		finish;		/* sums are completed, as by a plug */
	uint32_t	room;
	unsigned	sent;
	enum drop	last;		/* why the last packet was dropped */
};

struct pair {
	struct side	a, b;
	usec		now;
};

static inline void side_out(struct netif *nif, struct pkt *pkt)
{
	struct side *s = nif->ctx;

	s->sent++;
	if (s->finish)
		pkt_sum_finish(pkt);
	if (s->cut)
		pkt_free(pkt);
	else
		list_add_tail(&s->out, &pkt->link);
}

static inline uint32_t side_room(struct netif *nif)
{
	return ((struct side *)nif->ctx)->room;
}

static inline void side_drop(struct stack *st, const struct pkt *pkt, enum drop why)
{
	((struct side *)st->user)->last = why;
}

static const struct netif_ops side_ops = { .out = side_out, .room = side_room };

static inline void side_start(struct side *s, struct side *peer, uint8_t n, uint32_t mtu, usec now)
{
	struct ip_addr v4 = IP4(10, 0, 0, n);
	struct ip_addr v6 = { { 0xfd, [15] = n } };

	*s = (struct side){ .st = stack_new(n, now), .peer = peer, .room = 1000 };
	list_init(&s->out);
	s->st->user = s;
	s->st->on_drop = side_drop;
	s->nif = netif_add(s->st, "eth0", (struct mac){ { 2, 0, 0, 0, 0, n } }, mtu, 0, &side_ops, s);
	assert_int_equal(netif_addr_add(s->nif, &v4, 24), 0);
	assert_int_equal(netif_addr_add(s->nif, &v6, 64), 0);
	netif_up(s->nif);
}

static inline bool side_carry(struct side *s, usec now)
{
	struct list *l = list_pop(&s->out);

	if (!l)
		return false;
	stack_now(s->peer->st, now);
	stack_input(s->peer->st, s->peer->nif, container_of(l, struct pkt, link));
	return true;
}

/* All that happens without time passing. */
static inline void pair_settle(struct pair *p)
{
	do {
		stack_now(p->a.st, p->now);
		stack_now(p->b.st, p->now);
		stack_run(p->a.st);
		stack_run(p->b.st);
	} while (side_carry(&p->a, p->now) || side_carry(&p->b, p->now));
}

/* Time moves from deadline to deadline. */
static inline void pair_run(struct pair *p, usec us)
{
	usec end = p->now + us;

	for (;;) {
		usec next;

		pair_settle(p);
		next = MIN(stack_deadline(p->a.st), stack_deadline(p->b.st));
		if (next > end)
			break;
		p->now = MAX(p->now, next);
	}
	p->now = end;
	pair_settle(p);
}

static inline struct pair *pair_new(uint32_t mtu)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->now = USEC_PER_SEC;
	side_start(&p->a, &p->b, 1, mtu, p->now);
	side_start(&p->b, &p->a, 2, mtu, p->now);
	return p;
}

/* DAD is over, everybody has announced himself. */
static inline struct pair *pair_ready(uint32_t mtu)
{
	struct pair *p = pair_new(mtu);

	pair_run(p, 20 * USEC_PER_SEC);
	return p;
}

static inline void side_end(struct side *s)
{
	struct list *l;

	while ((l = list_pop(&s->out)))
		pkt_free(container_of(l, struct pkt, link));
}

/* Nothing may be left: every chunk is back in its arena. */
static inline void pair_free(struct pair *p)
{
	struct arena *heap[2] = { p->a.st->heap, p->b.st->heap };

	side_end(&p->a);
	side_end(&p->b);
	for (int i = 0; i < 2; i++) {
		struct stack *st = i ? p->b.st : p->a.st;

		st->heap = arena_heap_new(1);	/* so that the real one stays */
		stack_free(st);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(arena_heap_used(heap[i]), 0);
		arena_heap_unref(heap[i]);
	}
	free(p);
}

static inline struct ip_addr v4_of(uint8_t n) { return IP4(10, 0, 0, n); }
static inline struct ip_addr v6_of(uint8_t n) { return (struct ip_addr){ { 0xfd, [15] = n } }; }

static inline struct endpoint ep_of(struct ip_addr a, uint16_t port)
{
	return (struct endpoint){ a, port, 0 };
}

static inline struct sock *udp_open(struct side *s, int family, struct ip_addr a, uint16_t port)
{
	struct endpoint ep = ep_of(a, port);
	struct sock *so;

	assert_int_equal(sock_new(s->st, family, SOCK_DGRAM, 0, &so), 0);
	assert_int_equal(sock_bind(so, &ep), 0);
	return so;
}

static inline ssize_t udp_to(struct sock *so, const void *data, size_t len, struct ip_addr a, uint16_t port)
{
	struct msg m = { .peer = ep_of(a, port), .has_peer = true, .ttl = -1, .tos = -1 };
	struct iovec iov = { (void *)(uintptr_t)data, len };

	return sock_send(so, &iov, 1, 0, &m);
}

static inline ssize_t udp_from(struct sock *so, void *buf, size_t size, struct msg *m)
{
	struct iovec iov = { buf, size };

	return sock_recv(so, &iov, 1, 0, m);
}

#endif
