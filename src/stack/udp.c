/* udp.c - UDP endpoints (RFC 768, RFC 1122 4.1; RFC 8200 8.1)
 *
 * in:   ip_deliver -> udp_in -> queue of the socket -> sock_wake
 * out:  sock_send -> udp_send -> ip_out
 *
 * A datagram is delivered whole or dropped with a name. There is no state here
 * besides the queue of each socket, which holds no more than rcvbuf.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/netif.h"
#include "stack/sock.h"
#include "stack/sock_opt.h"

struct udp_sock {
	struct sock	so;
	struct list	queue;		/* packets, cur at the data */
	uint32_t	queued;		/* their memory */
	bool		shut_rd, shut_wr;
};

/* What recv tells of a datagram: in the queued packet's cb. */
struct udp_note {
	struct endpoint	peer;
	struct ip_addr	local;
	uint8_t		ttl, tos;
};
static_assert(sizeof(struct udp_note) <= sizeof(((struct pkt *)0)->cb), "fits the packet");

static struct udp_sock *of(const struct sock *so)
{
	return container_of(so, struct udp_sock, so);
}

static struct udp_note *note_of(struct pkt *pkt)
{
	return (struct udp_note *)(void *)pkt->cb;
}

struct sock *udp_sock_new(struct stack *st)
{
	struct udp_sock *us = xzalloc(sizeof(*us));

	list_init(&us->queue);
	return &us->so;
}

/* --- in --- */

/* Datagrams often lie in a large chunk that others share: a small one is
 * copied out rather than hold all of it. */
static uint32_t charge(struct stack *st, struct pkt *pkt)
{
	uint32_t len = pkt_len(pkt), fair = 2 * ((uint32_t)sizeof(*pkt) + len);
	uint8_t buf[2048];

	if (pkt->truesize > fair && len <= sizeof(buf)) {
		pkt_copy(pkt, 0, buf, len);
		pkt_trim_front(pkt, len);
		if (len && !pkt_append(pkt, st->heap, buf, len))
			return UINT32_MAX;
	}
	return pkt->truesize;
}

static enum drop udp_queue(struct udp_sock *us, struct pkt *pkt, const struct ip *ip, uint16_t port)
{
	struct stack *st = us->so.st;
	uint32_t size;

	if (us->shut_rd)
		return drop(st, pkt, DROP_UDP_NO_SOCK);
	size = charge(st, pkt);
	if (size == UINT32_MAX)
		return drop(st, pkt, DROP_NO_MEMORY);
	if (us->queued && us->queued + size > us->so.rcvbuf)
		return drop(st, pkt, DROP_SOCK_FULL);
	*note_of(pkt) = (struct udp_note){
		.peer = { ip->src, port, ip->nif->index },
		.local = ip->dst, .ttl = ip->ttl, .tos = ip->tos,
	};
	list_add_tail(&us->queue, &pkt->link);
	us->queued += size;
	sock_wake(&us->so);
	return DROP_NONE;
}

/* Everyone who wants it gets a copy; the last one gets the packet. */
struct fan {
	const struct ip	*ip;
	struct pkt	*pkt;
	uint16_t	port;
	struct sock	*last;
};

static void fan_each(void *ctx, struct sock *so)
{
	struct fan *f = ctx;

	if (f->last)
		udp_queue(of(f->last), pkt_clone(f->pkt), f->ip, f->port);
	f->last = so;
}

static enum drop udp_group_in(struct stack *st, struct pkt *pkt, const struct ip *ip,
			      const struct udp *uh)
{
	struct fan f = { ip, pkt, uh->src_port, NULL };

	sock_find_all(st, IPPROTO_UDP, ip, uh->dst_port, uh->src_port, fan_each, &f);
	if (!f.last)
		return drop(st, pkt, DROP_UDP_NO_SOCK);
	return udp_queue(of(f.last), pkt, ip, uh->src_port);
}

/* No checksum at all is fine in IPv4 only (RFC 768, RFC 8200 8.1). */
static bool sum_ok(const struct pkt *pkt, const struct ip *ip, const struct udp *uh)
{
	return (ip->v4 && !uh->sum) || ip_sum_ok(pkt, ip);
}

enum drop udp_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	const uint8_t *p = pkt_pull(pkt, UDP_LEN);
	struct rd r = rd_of(p, p ? UDP_LEN : 0);
	struct udp uh;
	struct sock *so;

	if (!udp_parse(&r, &uh) || uh.len > pkt_len(pkt))
		return drop(st, pkt, DROP_UDP_SHORT);
	pkt_trim_to(pkt, uh.len);
	if (!sum_ok(pkt, ip, &uh))
		return drop(st, pkt, DROP_UDP_SUM);

	if (ip->group) {
		pkt_skip(pkt, UDP_LEN);
		return udp_group_in(st, pkt, ip, &uh);
	}
	so = sock_find(st, IPPROTO_UDP, ip, uh.dst_port, uh.src_port);
	if (!so) {
		icmp_error(st, pkt, ICMP_ERR_PORT, 0);	/* RFC 1122 4.1.3.1 */
		return drop(st, pkt, DROP_UDP_NO_SOCK);
	}
	pkt_skip(pkt, UDP_LEN);
	return udp_queue(of(so), pkt, ip, uh.src_port);
}

/* RFC 1122 4.1.3.3: whoever is connected hears it, if it is final or about the
 * size (as Linux). */
void udp_icmp(struct stack *st, const struct icmp_note *n)
{
	struct endpoint local = { n->src, n->src_port, 0 }, remote = { n->dst, n->dst_port, 0 };
	struct sock *so = sock_find_connected(st, IPPROTO_UDP, &local, &remote);
	struct ip ip = { .src = n->dst, .dst = n->src, .v4 = ip_is_v4(&n->src), .nif = st->lo };

	if (!so)
		so = sock_find(st, IPPROTO_UDP, &ip, n->src_port, n->dst_port);
	if (!so)
		return;
	if (n->mtu)
		ip_pmtu_update(st, &n->dst, n->mtu);
	if (n->mtu && sock_ip(so, &n->dst)->mtu_discover == IP_PMTUDISC_DONT)
		return;
	if (so->recverr || (so->connected && (n->hard || n->mtu)))
		sock_set_error(so, n->error);
}

static struct pkt *queue_first(struct udp_sock *us)
{
	return list_first(&us->queue, struct pkt, link);
}

/* Copies as much as fits into the iovec. */
static size_t scatter(const struct pkt *pkt, const struct iovec *iov, int n)
{
	uint32_t off = 0, len = pkt_len(pkt);

	for (int i = 0; i < n && off < len; i++)
		off += pkt_copy(pkt, off, iov[i].iov_base,
				(uint32_t)MIN(iov[i].iov_len, (size_t)(len - off)));
	return off;
}

static void tell(struct msg *m, struct pkt *pkt, size_t copied)
{
	const struct udp_note *u = note_of(pkt);
	bool scoped = !ip_is_v4(&u->peer.addr) && ip_is_linklocal(&u->peer.addr);

	m->peer = u->peer;
	m->has_peer = true;
	m->ifindex = u->peer.ifindex;
	m->peer.ifindex = scoped ? u->peer.ifindex : 0;
	m->local = u->local;
	m->ttl = u->ttl;
	m->tos = u->tos;
	m->len = pkt_len(pkt);
	m->flags = m->len > copied ? MSG_TRUNC : 0;
}

static ssize_t udp_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct udp_sock *us = of(so);
	struct pkt *pkt = queue_first(us);
	size_t len;
	ssize_t ret;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return flags & MSG_OOB ? -EOPNOTSUPP : -EAGAIN;
	if (so->error)
		return -sock_take_error(so);
	if (!pkt)
		return us->shut_rd ? 0 : -EAGAIN;
	len = scatter(pkt, iov, n);
	if (m)
		tell(m, pkt, len);
	ret = flags & MSG_TRUNC ? (ssize_t)pkt_len(pkt) : (ssize_t)len;
	if (flags & MSG_PEEK)
		return ret;
	list_del(&pkt->link);
	us->queued -= pkt->truesize;
	pkt_free(pkt);
	return ret;
}

/* --- out --- */

static int udp_bind(struct sock *so, const struct endpoint *ep)
{
	int e = sock_table_bind(so, ep);

	so->listening = so->bound;
	return e;
}

static int autobind(struct sock *so)
{
	struct endpoint any = { so->local.addr, 0, so->local.ifindex };
	bool late = so->late_port;
	int e;

	if (so->bound)
		return 0;
	so->late_port = false;
	e = udp_bind(so, &any);
	so->late_port = late;
	return e == -EADDRINUSE ? -EAGAIN : e;
}

static void forget_peer(struct sock *so)
{
	sock_table_unconnect(so);
	so->remote.port = 0;
}

static bool broadcast_refused(const struct sock *so, const struct flow *f)
{
	return !so->broadcast && netif_is_broadcast(f->nif, &f->dst);
}

static int udp_connect(struct sock *so, const struct endpoint *ep)
{
	struct endpoint old = so->local;
	int e = autobind(so);

	if (e)
		return e;
	forget_peer(so);
	if (!so->addr_locked)
		so->local.addr = so->family == AF_INET ? IP4_ANY : IP6_ANY;
	so->remote = *ep;
	so->flow.gen = 0;
	e = sock_route(so);
	if (!e && broadcast_refused(so, &so->flow))
		e = -EACCES;
	if (!e)
		e = sock_table_connect(so);
	if (e)
		so->local.addr = old.addr;
	return e;
}

/* The flow of one datagram that is not for the connected peer, or asks for
 * something special. */
static int flow_make(struct sock *so, const struct endpoint *to, const struct msg *m,
		     struct flow *f)
{
	const struct sock_ip *ip = sock_ip(so, &to->addr);
	bool group = ip_is_multicast(&to->addr);

	*f = (struct flow){
		.src = so->local.addr, .dst = to->addr, .proto = IPPROTO_UDP,
		.ttl = group ? MAX(ip->group_ttl, 1) : ip->ttl, .tos = ip->tos,
		.any_src = so->freebind, .ifindex = so->flow.ifindex, .mark = so->mark,
		.sport = so->local.port, .dport = to->port,
	};
	if (group && ip->group_if)
		f->ifindex = ip->group_if;
	if (to->ifindex)
		f->ifindex = to->ifindex;
	if (ip_is_any(&f->src) || ip_is_multicast(&f->src) || (m && !ip_eq(&m->local, &IP_NONE)))
		f->src = m ? m->local : IP_NONE;
	if (m && m->ifindex)
		f->ifindex = m->ifindex;
	if (m && m->ttl >= 0)
		f->ttl = (uint8_t)m->ttl;
	if (m && m->tos >= 0)
		f->tos = (uint8_t)m->tos;
	return ip_route(so->st, f);
}

static bool asks_nothing(const struct msg *m)
{
	return !m || (!m->has_peer && ip_eq(&m->local, &IP_NONE) && !m->ifindex &&
		      m->ttl < 0 && m->tos < 0);
}

/* The connected peer, as always: the socket's own flow, kept up to date. */
static int flow_connected(struct sock *so, struct flow *f)
{
	int e = so->flow.gen == so->st->route_gen ? 0 : ip_route(so->st, &so->flow);

	*f = so->flow;
	return e;
}

static int flow_find(struct sock *so, const struct msg *m, struct flow *f)
{
	struct endpoint to = m && m->has_peer ? m->peer : so->remote;
	int e;

	if (!(m && m->has_peer) && !so->connected)
		return -EDESTADDRREQ;
	if (!to.port)
		return -EINVAL;
	e = sock_dst_check(so, &to);
	if (!e && so->connected && asks_nothing(m))
		e = flow_connected(so, f);
	else if (!e)
		e = flow_make(so, &to, m, f);
	if (!e && broadcast_refused(so, f))
		e = -EACCES;
	if (!e)
		f->loop = sock_ip(so, &to.addr)->group_loop ||
			  netif_is_broadcast(f->nif, &to.addr);
	return e;
}

/* Linux: what fits is sent unfragmented, what does not is refused only by those
 * who want to know (IP_PMTUDISC_DO). */
static int mtu_check(const struct sock *so, struct flow *f, size_t len)
{
	size_t max = 65535 - UDP_LEN - (ip_is_v4(&f->dst) ? IP4_LEN : 0);
	size_t total = len + UDP_LEN + (ip_is_v4(&f->dst) ? IP4_LEN : IP6_LEN);
	uint8_t discover = sock_ip(so, &f->dst)->mtu_discover;
	uint32_t mtu = f->mtu;

	if (discover == IP_PMTUDISC_PROBE || discover == IP_PMTUDISC_INTERFACE)
		mtu = netif_mtu(f->nif, ip_is_v4(&f->dst));
	if (sock_ip(so, &f->dst)->frag_size)
		mtu = MIN(mtu, sock_ip(so, &f->dst)->frag_size);
	if (len > max)
		return -EMSGSIZE;
	if (total > mtu && (discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE ||
			    discover == IP_PMTUDISC_INTERFACE))
		return -EMSGSIZE;
	f->mtu = mtu;
	f->df = total <= mtu && discover != IP_PMTUDISC_DONT;
	return 0;
}

static enum drop udp_out(struct stack *st, struct pkt *pkt, struct flow *f,
			 uint16_t from, uint16_t to)
{
	uint32_t len = UDP_LEN + pkt_len(pkt);
	struct udp uh = { from, to, (uint16_t)len, 0 };
	struct wr w = wr_of(pkt_push(pkt, UDP_LEN), UDP_LEN);
	struct sum s = { 0 };

	sum_pseudo(&s, &f->src, &f->dst, IPPROTO_UDP, len);
	uh.sum = sum_partial(&s);
	udp_emit(&w, &uh);
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_start = 0;
	pkt->sum_off = 6;
	return ip_out(st, pkt, f);
}

static size_t iov_total(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

static bool has_room(struct netif *nif)
{
	return !nif->ops->room || nif->ops->room(nif) > 0;
}

/* RFC 1122 4.1.3.4: the address a wildcard socket speaks from is the route's. */
static ssize_t udp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct stack *st = so->st;
	size_t len = iov_total(iov, n);
	struct flow f;
	struct pkt *pkt;
	int e;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (of(so)->shut_wr)
		return -EPIPE;
	if (so->error)
		return -sock_take_error(so);
	e = flow_find(so, m, &f);
	if (!e)
		e = autobind(so);
	if (!e)
		e = mtu_check(so, &f, len);
	if (e)
		return e;
	if (!has_room(f.nif)) {
		sock_stall(so, f.nif);
		return -EAGAIN;
	}
	pkt = pkt_new();
	if (!pkt_append_iov(pkt, f.nif->arena ? f.nif->arena : st->heap, iov, n, (uint32_t)len)) {
		drop(st, pkt, DROP_NO_MEMORY);
		return -ENOBUFS;
	}
	udp_out(st, pkt, &f, so->local.port, m && m->has_peer ? m->peer.port : so->remote.port);
	return (ssize_t)len;
}

static int udp_shutdown(struct sock *so, int how)
{
	if (!so->connected)
		return -ENOTCONN;
	of(so)->shut_rd |= how != SHUT_WR;
	of(so)->shut_wr |= how != SHUT_RD;
	sock_wake(so);
	return 0;
}

static void udp_destroy(struct sock *so)
{
	struct udp_sock *us = of(so);
	struct list *l;

	while ((l = list_pop(&us->queue)))
		pkt_free(container_of(l, struct pkt, link));
	sock_fini(so);
	free(us);
}

static uint32_t udp_events(const struct sock *so)
{
	const struct udp_sock *us = of(so);
	uint32_t ev = 0;

	if (!list_empty(&us->queue) || us->shut_rd)
		ev |= EV_IN;
	if (list_empty(&so->stall))
		ev |= EV_OUT;
	if (so->error)
		ev |= EV_ERR;
	if (us->shut_rd)
		ev |= EV_RDHUP;
	if (us->shut_rd && us->shut_wr)
		ev |= EV_HUP;
	return ev;
}

const struct sock_ops udp_ops = {
	.bind = udp_bind,
	.connect = udp_connect,
	.send = udp_send,
	.recv = udp_recv,
	.shutdown = udp_shutdown,
	.close = udp_destroy,
	.events = udp_events,
	.resume = sock_wake,
	.destroy = udp_destroy,
};
