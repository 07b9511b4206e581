/* ours.c - our stack as a host
 *
 * Its clock moves a millisecond with each frame that comes, so that no timer of a case
 * goes off within it.
 */
#include "host.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "../sim/wire.h"
#include "base/mem.h"
#include "stack/neigh.h"

#define MOST_SOCKS	64

struct ours {
	struct host	h;
	struct stack	*st;
	struct netif	*nif;
	usec		now;
	struct sock	*so[MOST_SOCKS];
};

static struct ours *of(struct host *h) { return (struct ours *)h; }
static struct sock *sock(struct host *h, int s) { return of(h)->so[s]; }

/* --- frames --- */

static void one_out(void *ctx, const uint8_t *b, size_t len)
{
	struct host *h = ctx;
	const char *bad = wire_check(b, len);

	if (bad) {
		printf("FAIL we sent a frame with %s\n", bad);
		exit(1);
	}
	if (h->said)
		h->said(h->ctx, b, (uint32_t)len);
}

static void out(struct netif *nif, struct pkt *pkt)
{
	wire_split(pkt, one_out, nif->ctx);
}

static void settle(struct host *h)
{
	stack_run(of(h)->st);
}

static void input(struct host *h, const uint8_t *b, uint32_t len)
{
	struct ours *o = of(h);

	o->now += USEC_PER_MSEC;
	stack_now(o->st, o->now);
	stack_input(o->st, o->nif, wire_pkt(o->st->heap, b, len));
	stack_run(o->st);
}

/* --- sockets --- */

static int keep(struct ours *o, struct sock *so)
{
	for (int s = 0; s < MOST_SOCKS; s++)
		if (!o->so[s]) {
			o->so[s] = so;
			return s;
		}
	abort();
}

static int our_socket(struct host *h, int family, int type, int proto)
{
	struct sock *so;
	int r = sock_new(of(h)->st, family, type, proto, &so);

	return r < 0 ? r : keep(of(h), so);
}

static int our_bind(struct host *h, int s, const struct endpoint *ep)
{
	return sock_bind(sock(h, s), ep);
}

static int our_connect(struct host *h, int s, const struct endpoint *ep)
{
	return sock_connect(sock(h, s), ep);
}

static int our_listen(struct host *h, int s, int backlog)
{
	return sock_listen(sock(h, s), backlog);
}

static int our_accept(struct host *h, int s)
{
	struct sock *so;
	int r = sock_accept(sock(h, s), &so);

	return r < 0 ? r : keep(of(h), so);
}

static ssize_t our_send(struct host *h, int s, const void *b, size_t n, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)b, n };
	struct msg m = { .ttl = -1, .tos = -1 };

	return sock_send(sock(h, s), &iov, 1, flags, &m);
}

static ssize_t our_recv(struct host *h, int s, void *b, size_t n, int flags)
{
	struct iovec iov = { b, n };
	struct msg m = { .ttl = -1 };

	return sock_recv(sock(h, s), &iov, 1, flags, &m);
}

static ssize_t our_recv_error(struct host *h, int s, void *b, size_t n, uint32_t *ext)
{
	struct iovec iov = { b, n };
	struct msg m = { .ttl = -1 };
	ssize_t r = sock_recv(sock(h, s), &iov, 1, MSG_ERRQUEUE, &m);

	*ext = m.err.data;
	return r;
}

static int our_shutdown(struct host *h, int s)
{
	return sock_shutdown(sock(h, s), SHUT_WR);
}

static void our_close(struct host *h, int s)
{
	sock_close(sock(h, s));
	of(h)->so[s] = NULL;
}

static int our_setopt(struct host *h, int s, int level, int name, const void *v, socklen_t n)
{
	return sock_setopt(sock(h, s), level, name, v, n);
}

/* SO_ERROR is a node's, not a stack's. */
static int our_getopt(struct host *h, int s, int level, int name, void *v, socklen_t *n)
{
	if (level != SOL_SOCKET || name != SO_ERROR)
		return sock_getopt(sock(h, s), level, name, v, n);
	*(int *)v = sock_take_error(sock(h, s));
	return 0;
}

static unsigned our_events(struct host *h, int s)
{
	static const struct { uint32_t ev; unsigned poll; } t[] = {
		{ EV_IN, POLLIN }, { EV_OUT, POLLOUT }, { EV_HUP, POLLHUP }, { EV_ERR, POLLERR },
		{ EV_RDHUP, POLLRDHUP }, { EV_PRI, POLLPRI },
	};
	uint32_t ev = sock_events(sock(h, s));
	unsigned r = 0;

	for (unsigned i = 0; i < ARRAY_LEN(t); i++)
		r |= ev & t[i].ev ? t[i].poll : 0;
	return r;
}

/* --- to begin and to forget --- */

static void forget(struct host *h, const struct ip_addr *a)
{
	if (!ip_eq(a, &peer4) && !ip_eq(a, &peer6))
		neigh_del(of(h)->nif, a);
}

static void set_up(struct ours *o)
{
	for (unsigned i = 0; i < n_settings; i++)
		if (stack_set(o->st, settings[i].name, settings[i].value) == -EINVAL)
			abort();
	netif_up(o->nif);
	netif_addr_add(o->nif, &own4, 24);
	netif_addr_add(o->nif, &own6, 64);
	neigh_set(o->nif, &peer4, &peer_mac, NEIGH_PERMANENT);
	neigh_set(o->nif, &peer6, &peer_mac, NEIGH_PERMANENT);
	/* Duplicate detection and reports of groups come to their end. */
	for (unsigned i = 0; i < 600; i++) {
		o->now += USEC_PER_SEC;
		stack_now(o->st, o->now);
		stack_run(o->st);
	}
}

struct host *ours_open(void)
{
	static const struct host_ops ops = {
		our_socket, our_bind, our_connect, our_listen, our_accept, our_send, our_recv, our_recv_error,
		our_shutdown, our_close, our_setopt, our_getopt, our_events, forget, input, settle,
	};
	static const struct netif_ops wire = { .out = out };
	struct ours *o = xzalloc(sizeof(*o));

	o->h = (struct host){ .ops = &ops, .name = "ours" };
	o->now = 1000 * USEC_PER_SEC;
	o->st = stack_new(1, o->now);
	o->nif = netif_add(o->st, "eth0", own_mac, 1500, 0, &wire, o);
	set_up(o);
	return &o->h;
}
