/* dg_send.c - sockets of whole datagrams: where to, and how large
 *
 * out:  dg_flow -> dg_mtu_check -> dg_gather -> the protocol's header -> ip_out
 *
 * A datagram goes by the socket's own flow, which is kept up to date, if it is for the
 * connected peer and asks for nothing special; else a flow is made for it.
 */
#include "proto/proto.h"
#include "stack/dgram.h"

#include <errno.h>
#include <netinet/in.h>

#include "stack/errq.h"
#include "stack/ip_extra.h"
#include "stack/netif.h"

static bool broadcast_refused(const struct sock *so, const struct flow *f)
{
	return !so->broadcast && netif_is_broadcast(f->nif, &f->dst);
}

static bool names_source(const struct msg *m)
{
	return m && !ip_eq(&m->local, &IP_NONE);
}

/* The interface, the more particular before the more general. */
static uint32_t leave_by(const struct sock *so, const struct endpoint *to, const struct msg *m)
{
	const struct sock_ip *ip = sock_ip(so, &to->addr);

	if (m && m->ifindex)
		return m->ifindex;
	if (to->ifindex)
		return to->ifindex;
	if (!ip_is_v4(&to->addr) && dg_of(so)->sticky_if)
		return dg_of(so)->sticky_if;
	if (ip_is_multicast(&to->addr) && ip->group_if)
		return ip->group_if;
	return so->flow.ifindex ? so->flow.ifindex : ip->unicast_if;
}

static struct ip_addr speak_as(const struct sock *so, const struct endpoint *to,
			       const struct msg *m)
{
	if (names_source(m))
		return m->local;
	if (!ip_is_any(&so->local.addr) && !ip_is_multicast(&so->local.addr))
		return so->local.addr;
	return ip_is_v4(&to->addr) ? IP_NONE : dg_of(so)->sticky_src;
}

/* Said beside it (IPV6_FLOWINFO) or with its address, else with that of connect. */
static uint32_t label_of(const struct sock *so, const struct endpoint *to, const struct msg *m)
{
	uint32_t said = m && m->has_peer ? 0 : so->asked->flowinfo;

	if (m && m->flow)
		said = m->flow;
	return ip_is_v4(&to->addr) ? 0 : said & IP6_LABEL_MASK;
}

/* The flow of one datagram that is not for the connected peer, or asks for
 * something special. */
static int flow_make(struct sock *so, const struct endpoint *to, const struct msg *m,
		     struct flow *f)
{
	const struct sock_ip *ip = sock_ip(so, &to->addr);

	*f = (struct flow){
		.src = speak_as(so, to, m), .dst = to->addr, .proto = (uint8_t)so->proto,
		.ttl = ip_is_multicast(&to->addr) ? MAX(ip->group_ttl, 1) : ip->ttl,
		.tos = ip->tos, .any_src = sock_any_addr(so), .ifindex = leave_by(so, to, m),
		.mark = so->flow.mark, .sport = so->local.port, .dport = to->port,
		.label = label_of(so, to, m), .no_label = ip->want & WANT_NO_LABEL,
	};
	if (so->flow.ifindex && f->ifindex != so->flow.ifindex)
		return -ENETUNREACH;		/* bound to another device */
	if (m && m->ttl >= 0)
		f->ttl = (uint8_t)m->ttl;
	if (m && m->tos >= 0)
		f->tos = (uint8_t)m->tos;
	return ip_route(so->st, f);
}

static bool asks_nothing(const struct sock *so, const struct msg *m)
{
	if (so->asked->ip[0].unicast_if || so->asked->ip[1].unicast_if || dg_of(so)->sticky_if ||
	    !ip_eq(&dg_of(so)->sticky_src, &IP_NONE))
		return false;
	return !m || (!m->has_peer && !names_source(m) && !m->ifindex &&
		      m->ttl < 0 && m->tos < 0 && !m->flow);
}

/* The connected peer, as always: the socket's own flow, kept up to date. */
static int flow_connected(struct sock *so, struct flow *f)
{
	int e = so->flow.gen == so->st->route_gen ? 0 : ip_route(so->st, &so->flow);

	*f = so->flow;
	return e;
}

int dg_flow(struct sock *so, const struct msg *m, struct flow *f)
{
	struct endpoint to = m && m->has_peer ? m->peer : so->remote;
	int e;

	if (!(m && m->has_peer) && !so->connected)
		return -EDESTADDRREQ;
	e = sock_dst_check(so, &to);
	if (!e && so->connected && asks_nothing(so, m))
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

int dg_too_large(struct sock *so, const struct flow *f, const struct msg *m)
{
	errq_local(dg_of(so), EMSGSIZE, f->mtu, m && m->has_peer ? &m->peer : &so->remote);
	return -EMSGSIZE;
}

int dg_flow_own(struct sock *so, int flags, size_t len, const struct msg *m, struct flow *f)
{
	int e;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (so->error)
		return -sock_take_error(so);
	if (len > 65535)
		return -EMSGSIZE;
	e = dg_flow(so, m, f);
	return e ? e : (so->family == AF_INET) != ip_is_v4(&f->dst) ? -EINVAL : 0;
}

const struct ip_extra *dg_extra(const struct sock *so, const struct msg *m)
{
	return m && m->extra ? m->extra : so->asked->extra;
}

/* RFC 3542 11.3: an empty message will tell how large it may be. */
static void path_note(struct sock *so, const struct flow *f, const struct msg *m)
{
	struct dgram *d = dg_of(so);

	if (ip_is_v4(&f->dst) || !(so->asked->ip[1].want & WANT_PATHMTU))
		return;
	d->path_to = (struct endpoint){ f->dst, 0, f->ifindex };
	d->path_mtu = f->mtu - ip_extra_len(dg_extra(so, m), false);
	sock_wake(so);
}

/* Linux: PROBE and INTERFACE do not believe the path MTU, and OMIT neither; what
 * does not fit is refused to those who want to know, else cut. */
int dg_mtu_check(struct sock *so, struct flow *f, size_t total, const struct msg *m)
{
	const struct sock_ip *ip = sock_ip(so, &f->dst);
	uint8_t discover = ip->mtu_discover;
	bool dontfrag = ip->want & WANT_DONTFRAG || (m && m->dontfrag);
	bool refuse = discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE ||
		      discover == IP_PMTUDISC_INTERFACE || dontfrag;

	total += ip_extra_len(dg_extra(so, m), ip_is_v4(&f->dst));
	if (total > 65535 + (ip_is_v4(&f->dst) ? 0 : IP6_LEN))
		return dg_too_large(so, f, m);
	if (discover >= IP_PMTUDISC_PROBE)
		f->mtu = netif_mtu(f->nif, ip_is_v4(&f->dst));
	if (ip->frag_size)
		f->mtu = MIN(f->mtu, ip->frag_size);
	if (total > f->mtu && dontfrag)
		path_note(so, f, m);
	if (total > f->mtu && refuse)
		return dg_too_large(so, f, m);
	f->df = discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE ||
		(discover == IP_PMTUDISC_WANT && total <= f->mtu);
	return 0;
}

size_t iov_total(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

int dg_room(struct sock *so, const struct flow *f, uint32_t frames)
{
	struct netif *nif = f->nif;

	if (netif_room(nif, &f->hop) >= frames)
		return 0;
	sock_stall(so, nif);
	return -EAGAIN;
}

int dg_gather(struct sock *so, const struct flow *f, const struct iovec *iov, int n,
	      struct pkt **out)
{
	struct arena *arena = netif_arena(f->nif, &f->hop);
	struct pkt *pkt;
	int e = dg_room(so, f, 1);

	if (e)
		return e;
	pkt = pkt_new();
	if (!pkt_append_iov(pkt, arena ? arena : so->st->heap, iov, n, (uint32_t)iov_total(iov, n))) {
		drop(so->st, pkt, DROP_NO_MEMORY);
		return -ENOBUFS;
	}
	*out = pkt;
	return 0;
}

int dg_gather_short(struct sock *so, const struct flow *f, const struct iovec *iov, int n,
		    struct pkt **out)
{
	int e;

	if (iov_total(iov, n) > PKT_HEAD - PKT_HEADROOM)
		return dg_gather(so, f, iov, n, out);
	e = dg_room(so, f, 1);
	if (e)
		return e;
	*out = pkt_new();
	pkt_put(*out, iov, n);
	return 0;
}

int dg_route(struct sock *so, const struct endpoint *to)
{
	int e;

	so->remote = *to;
	so->flow.gen = 0;
	e = sock_route(so);
	return !e && broadcast_refused(so, &so->flow) ? -EACCES : e;
}
