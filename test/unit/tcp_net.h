/* tcp_net.h - two stacks and a bad wire between them, in virtual time
 *
 * a is 10.0.0.1 / fd00::1, b is 10.0.0.2 / fd00::2. Frames are cut to the
 * wire's MTU (cut) or travel as super-frames; each may be lost, doubled or
 * overtaken. Everything follows from the seed.
 */
#ifndef TCP_NET_H
#define TCP_NET_H

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "plug/plug.h"
#include "stack/sock.h"
#include "stack/tcp.h"
#include "unit.h"

struct frame {
	struct list	link;
	usec		at;
	int		to;
	struct pkt	*pkt;
};

struct net {
	struct stack	*st[2];
	struct netif	*nif[2];
	struct list	wire;		/* by time */
	usec		now, delay;
	struct rng	rng;
	uint32_t	loss, dup, reorder;	/* of 1000 */
	bool		cut;
	uint32_t	rate;		/* bytes per ms; 0: no limit */
	usec		free_at[2];
	uint32_t	room;		/* frames a netif takes at once; 0: no limit */
	uint64_t	frames, bytes, lost;
	/* Looks at each frame; true: it is lost. */
	bool		(*tap)(struct net *n, int from, struct pkt *pkt);
	void		*user;
};

static inline void net_put(struct net *n, struct pkt *pkt, int to, usec at)
{
	struct frame *f = xmalloc(sizeof(*f));
	struct list *l = n->wire.prev;

	*f = (struct frame){ .at = at, .to = to, .pkt = pkt };
	while (l != &n->wire && container_of(l, struct frame, link)->at > at)
		l = l->prev;
	list_link(&f->link, l, l->next);
}

static inline void net_frame(struct net *n, struct pkt *pkt, int from)
{
	usec at = n->now;

	n->frames++;
	n->bytes += pkt_len(pkt);
	if ((n->tap && n->tap(n, from, pkt)) || rng_below(&n->rng, 1000) < n->loss) {
		n->lost++;
		pkt_free(pkt);
		return;
	}
	if (n->rate) {
		at = n->free_at[from] = MAX(n->free_at[from], n->now) +
					(usec)pkt_len(pkt) * 1000 / n->rate;
	}
	at += n->delay;
	if (rng_below(&n->rng, 1000) < n->reorder)
		at += n->delay * (1 + rng_below(&n->rng, 5));
	if (rng_below(&n->rng, 1000) < n->dup)
		net_put(n, pkt_clone(pkt), !from, at + rng_below(&n->rng, 3) * n->delay);
	net_put(n, pkt, !from, at);
}

struct net_end { struct net *n; int i; };

static inline void net_emit(void *ctx, struct pkt *pkt)
{
	struct net_end *e = ctx;

	net_frame(e->n, pkt, e->i);
}

static inline void net_out(struct netif *nif, struct pkt *pkt)
{
	struct net *n = nif->ctx;
	struct net_end e = { n, nif == n->nif[1] };

	if (n->cut)
		offload_out(pkt, net_emit, &e);
	else
		net_frame(n, pkt, e.i);
}

static inline uint32_t net_count(struct net *n, int to)
{
	uint32_t c = 0;

	list_for(l, &n->wire)
		c += container_of(l, struct frame, link)->to == to;
	return c;
}

static inline uint32_t net_room(struct netif *nif)
{
	struct net *n = nif->ctx;
	uint32_t used;

	if (!n->room)
		return 1000;
	used = net_count(n, nif == n->nif[0]);
	return used < n->room ? n->room - used : 0;
}

static inline struct net *net_new(uint64_t seed)
{
	static const struct netif_ops ops = { .out = net_out, .room = net_room };
	struct net *n = xzalloc(sizeof(*n));

	list_init(&n->wire);
	rng_seed(&n->rng, seed);
	n->now = 1000000;
	n->delay = 100;
	n->cut = true;
	for (int i = 0; i < 2; i++) {
		struct ip_addr v4 = IP4(10, 0, 0, 1 + i), v6 = { { 0xfd, [15] = 1 + i } };

		n->st[i] = stack_new(seed * 2 + 1 + i, n->now);
		n->st[i]->param.dad_transmits = 0;
		n->nif[i] = netif_add(n->st[i], "eth0", (struct mac){ { 2, 0, 0, 0, 0, 1 + i } },
				      1500, 0, &ops, n);
		netif_addr_add(n->nif[i], &v4, 24);
		netif_addr_add(n->nif[i], &v6, 64);
		netif_up(n->nif[i]);
	}
	return n;
}

static inline usec net_deadline(struct net *n)
{
	struct frame *f = list_first(&n->wire, struct frame, link);
	usec at = f ? f->at : NEVER;

	return MIN(at, MIN(stack_deadline(n->st[0]), stack_deadline(n->st[1])));
}

/* Everything due now. */
static inline void net_turn(struct net *n)
{
	struct frame *f;

	for (int i = 0; i < 2; i++)
		stack_now(n->st[i], n->now);
	while ((f = list_first(&n->wire, struct frame, link)) && f->at <= n->now) {
		list_del(&f->link);
		stack_input(n->st[f->to], n->nif[f->to], f->pkt);
		free(f);
	}
	for (int i = 0; i < 2; i++) {
		netif_ready(n->nif[i]);
		stack_run(n->st[i]);
	}
}

/* To the next event, but not past end. False: nothing before end. */
static inline bool net_step(struct net *n, usec end)
{
	usec at = net_deadline(n);

	if (at > end) {
		n->now = MAX(n->now, end == NEVER ? n->now : end);
		net_turn(n);
		return false;
	}
	n->now = MAX(n->now, at);
	net_turn(n);
	return true;
}

static inline void net_run(struct net *n, usec duration)
{
	usec end = n->now + duration;

	while (net_step(n, end))
		continue;
}

static inline struct endpoint net_ep(int i, uint16_t port, bool v6)
{
	struct ip_addr v4 = IP4(10, 0, 0, 1 + i), a6 = { { 0xfd, [15] = 1 + i } };

	return (struct endpoint){ .addr = v6 ? a6 : v4, .port = port };
}

static inline struct sock *net_bound(struct net *n, int i, int type, const struct endpoint *ep,
				     bool reuse)
{
	int family = ip_is_v4(&ep->addr) ? AF_INET : AF_INET6;
	struct sock *so;

	assert_int_equal(sock_new(n->st[i], family, type, 0, &so), 0);
	so->reuseaddr = reuse;
	assert_int_equal(sock_bind(so, ep), 0);
	return so;
}

static inline struct sock *net_listen(struct net *n, int i, uint16_t port, bool v6)
{
	struct endpoint ep = net_ep(i, port, v6);
	struct sock *so = net_bound(n, i, SOCK_STREAM, &ep, true);

	assert_int_equal(sock_listen(so, 128), 0);
	return so;
}

static inline struct sock *net_connect(struct net *n, int i, uint16_t port, bool v6)
{
	struct endpoint ep = net_ep(!i, port, v6);
	struct sock *so;

	assert_int_equal(sock_new(n->st[i], v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &so), 0);
	assert_int_equal(sock_connect(so, &ep), -EINPROGRESS);
	return so;
}

/* A connection from 0 to 1; s[0], s[1] are its ends. */
static inline void net_pair(struct net *n, bool v6, struct sock *s[2])
{
	struct sock *l = net_listen(n, 1, 80, v6);
	usec end = n->now + 300 * USEC_PER_SEC;

	s[0] = net_connect(n, 0, 80, v6);
	while (sock_accept(l, &s[1]) < 0)
		assert_true(net_step(n, end));
	while (tcpc_of(s[0])->state != TCP_ESTABLISHED)
		assert_true(net_step(n, end));
	sock_close(l);
}

/* Nothing may be left: sockets, chunks, and no timer of TCP. */
static inline void net_free(struct net *n)
{
	struct frame *f;

	for (int i = 0; i < 2; i++) {
		assert_null(sock_next(n->st[i], NULL));
		assert_int_equal(n->st[i]->tcp->reqs.count, 0);
		assert_int_equal(n->st[i]->drops[DROP_IP_TOO_BIG], 0);
	}
	while ((f = list_first(&n->wire, struct frame, link))) {
		list_del(&f->link);
		pkt_free(f->pkt);
		free(f);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(arena_heap_used(n->st[i]->heap), 0);
	for (int i = 0; i < 2; i++) {
		netif_remove(n->nif[i]);
		stack_free(n->st[i]);
	}
	free(n);
}

/* Bytes of a stream: the k-th is known, so any mistake shows. */
static inline uint8_t net_byte(uint64_t k)
{
	return (uint8_t)(k ^ k >> 8 ^ k >> 16 ^ k >> 24);
}

static inline void net_fill(uint8_t *p, size_t len, uint64_t from)
{
	for (size_t i = 0; i < len; i++)
		p[i] = net_byte(from + i);
}

static inline void net_check(const uint8_t *p, size_t len, uint64_t from)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != net_byte(from + i))
			fail_msg("byte %llu is wrong", (unsigned long long)(from + i));
	}
}

/* One direction of a transfer. */
struct flood {
	struct sock	*from, *to;
	uint64_t	total, sent, got;
	bool		by_ref;
	size_t		unit;
	uint8_t		*buf;
};

static inline void flood_send(struct flood *fl)
{
	while (fl->sent < fl->total) {
		size_t len = MIN(fl->unit, fl->total - fl->sent);
		struct iovec iov[8] = { { fl->buf, len } };
		int n = 8;
		size_t done = 0;
		ssize_t r;

		if (fl->by_ref) {
			if (!sock_reserve(fl->from, iov, &n))
				return;
			for (int i = 0; i < n && done < len; i++) {
				size_t k = MIN(iov[i].iov_len, len - done);

				net_fill(iov[i].iov_base, k, fl->sent + done);
				done += k;
			}
			sock_commit(fl->from, done);
			fl->sent += done;
			continue;
		}
		net_fill(fl->buf, len, fl->sent);
		r = sock_send(fl->from, iov, 1, 0, NULL);
		if (r < 0) {
			assert_int_equal(r, -EAGAIN);
			return;
		}
		fl->sent += (uint64_t)r;
	}
}

static inline void flood_recv(struct flood *fl)
{
	for (;;) {
		struct iovec iov[8] = { { fl->buf, fl->unit } };
		int n = 8;
		ssize_t r;

		if (fl->by_ref) {
			size_t len = sock_peek(fl->to, iov, &n), done = 0;

			for (int i = 0; i < n; i++) {
				net_check(iov[i].iov_base, iov[i].iov_len, fl->got + done);
				done += iov[i].iov_len;
			}
			assert_int_equal(len, done);
			sock_consume(fl->to, len);
			r = (ssize_t)len;
		} else {
			r = sock_recv(fl->to, iov, 1, 0, NULL);
			if (r > 0)
				net_check(fl->buf, (size_t)r, fl->got);
		}
		if (r <= 0)
			return;
		fl->got += (uint64_t)r;
	}
}

/* Runs until all is there; fails after the given virtual time. */
static inline void net_flood(struct net *n, struct flood *fl, int count, usec most)
{
	usec end = n->now + most;
	bool done = false;

	for (int i = 0; i < count; i++)
		fl[i].buf = malloc(fl[i].unit);
	while (!done) {
		done = true;
		for (int i = 0; i < count; i++) {
			flood_send(&fl[i]);
			flood_recv(&fl[i]);
			done &= fl[i].got == fl[i].total;
		}
		if (!done && !net_step(n, end))
			fail_msg("stuck: sent %llu got %llu of %llu",
				 (unsigned long long)fl[0].sent, (unsigned long long)fl[0].got,
				 (unsigned long long)fl[0].total);
	}
	for (int i = 0; i < count; i++)
		free(fl[i].buf);
}

#endif
