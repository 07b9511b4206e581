/* cmsg.c - ancillary data of datagrams, in and out (ip(7), RFC 3542)
 *
 * Two tables: what may come beside a datagram that was received, in Linux's
 * order, and what a program may say beside one that it sends. As in Linux an
 * IPv6 socket has the options of both levels: a datagram that came by IPv4 is
 * told of at level IP, its addresses also in their mapped form.
 */
#include "proto/proto.h"
#include "stack/cmsg.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/time.h>
#include <time.h>

#include <linux/errqueue.h>	/* needs time.h */
#include <linux/net_tstamp.h>

#include "stack/ip_extra.h"
#include "stack/netif.h"
#include "stack/stamp.h"
#include "stack/tcp.h"

enum { OPT6_FLOWINFO = 11, OPT6_ORIGDSTADDR = 74 };	/* of linux/in6.h */

/* --- what was received --- */

struct put {
	const struct sock *so;
	const struct msg *m;
	usec		epoch;
	struct msghdr	*mh;
	size_t		used;
	bool		v4;		/* came by IPv4 */
};

/* As put_cmsg: what does not fit is cut, and MSG_CTRUNC says so. */
static void put(struct put *p, int level, int type, const void *v, size_t n)
{
	struct cmsghdr *k = (struct cmsghdr *)((uint8_t *)p->mh->msg_control + p->used);
	size_t room = p->mh->msg_controllen - p->used, len = CMSG_LEN(n);

	if (room < len)
		p->mh->msg_flags |= MSG_CTRUNC;
	if (room < sizeof(*k))
		return;
	k->cmsg_level = level;
	k->cmsg_type = type;
	k->cmsg_len = MIN(len, room);
	memcpy(CMSG_DATA(k), v, k->cmsg_len - CMSG_LEN(0));
	p->used += MIN(CMSG_SPACE(n), room);
}

static void put_stamp(struct put *p)
{
	usec t = p->epoch + p->m->when;
	struct timeval tv = { t / USEC_PER_SEC, t % USEC_PER_SEC };
	struct timespec ts = { tv.tv_sec, tv.tv_usec * 1000 };
	struct timespec all[3] = { ts };	/* by software; the others are hardware's */

	if (!p->m->when)
		return;
	if (p->so->asked->stamping & SOF_TIMESTAMPING_SOFTWARE &&
	    (p->m->flags & MSG_ERRQUEUE ||
	     p->so->asked->stamping & SOF_TIMESTAMPING_RX_SOFTWARE))
		put(p, SOL_SOCKET, p->so->asked->stamping_new ? SO_TIMESTAMPING_NEW :
		    SO_TIMESTAMPING_OLD, all, sizeof(all));
	if (p->so->stamp == STAMP_NS)
		put(p, SOL_SOCKET, p->so->stamp_new ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD,
		    &ts, sizeof(ts));
	else if (p->so->stamp)
		put(p, SOL_SOCKET, p->so->stamp_new ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD,
		    &tv, sizeof(tv));
}

/* ip(7): the address of ours that would answer. */
static struct ip_addr spec_dst(const struct put *p)
{
	struct stack *st = p->so->st;
	struct netif *nif = netif_by_index(st, p->m->ifindex);

	if (stack_addr(st, &p->m->local) || !nif)
		return p->m->local;
	return ip_source(st, nif, &p->m->peer.addr);
}

static void put_pktinfo4(struct put *p)
{
	struct in_pktinfo pi = { .ipi_ifindex = (int)p->m->ifindex };
	struct ip_addr spec = spec_dst(p);

	memcpy(&pi.ipi_addr, ip_v4(&p->m->local), 4);
	memcpy(&pi.ipi_spec_dst, ip_v4(&spec), 4);
	put(p, IPPROTO_IP, IP_PKTINFO, &pi, sizeof(pi));
}

static void put_pktinfo6(struct put *p, int type)
{
	struct in6_pktinfo pi = { .ipi6_ifindex = p->m->ifindex };

	memcpy(&pi.ipi6_addr, p->m->local.b, 16);
	put(p, IPPROTO_IPV6, type, &pi, sizeof(pi));
}

static void put_origdst(struct put *p, int family)
{
	struct endpoint ep = { p->m->local, p->so->local.port, 0 };
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(&ep, family, &ss);

	put(p, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
	    family == AF_INET ? IP_ORIGDSTADDR : OPT6_ORIGDSTADDR, &ss, len);
}

static void put_error(struct put *p)
{
	const struct sock_error *e = &p->m->err;
	struct endpoint from = { e->from, 0, p->m->peer.ifindex };
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in6 offender;
	} v = { .ee = { .ee_errno = (uint32_t)e->error, .ee_origin = e->origin,
			.ee_type = e->type, .ee_code = e->code, .ee_info = e->info,
			.ee_data = e->data } };
	bool v6 = p->so->family == AF_INET6;
	struct sockaddr_storage ss;

	if (!ip_eq(&e->from, &IP_NONE)) {
		ep_to_sockaddr(&from, p->so->family, &ss);
		memcpy(&v.offender, &ss, v6 ? sizeof(v.offender) : sizeof(struct sockaddr_in));
	}
	put(p, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &v,
	    sizeof(v.ee) + (v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
}

/* packet(7), PACKET_AUXDATA: no tag is ever taken out of the frame. */
static void put_frame(struct put *p)
{
	const struct frame_note *f = &p->m->frame;
	struct tpacket_auxdata a = {
		.tp_status = TP_STATUS_USER, .tp_len = f->len, .tp_snaplen = p->m->len,
		.tp_net = f->net,
	};
	socklen_t len = sizeof(int);
	int on = 0;

	sock_getopt((struct sock *)(uintptr_t)p->so, SOL_PACKET, PACKET_AUXDATA, &on, &len);
	if (f->sum_wanted)
		a.tp_status |= TP_STATUS_CSUMNOTREADY;
	if (on)
		put(p, SOL_PACKET, PACKET_AUXDATA, &a, sizeof(a));
}

static void put_inq(struct put *p)
{
	if (tcpc_of(p->so)->asked->inq)
		put(p, IPPROTO_TCP, TCP_INQ, &p->m->inq, sizeof(p->m->inq));
}

static void put_ip4(struct put *p)
{
	unsigned want = p->so->asked->ip[0].want;
	uint8_t tos = (uint8_t)p->m->tos;

	if (want & WANT_PKTINFO)
		put_pktinfo4(p);
	if (want & WANT_TTL)
		put(p, IPPROTO_IP, IP_TTL, &p->m->ttl, sizeof(p->m->ttl));
	if (want & WANT_TOS)
		put(p, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (want & WANT_RECVOPTS && p->m->n_opts)
		put(p, IPPROTO_IP, IP_RECVOPTS, p->m->opts, p->m->n_opts);
	/* To be sent back as they are: no source route comes in (ip4.c). */
	if (want & WANT_RETOPTS && p->m->n_opts)
		put(p, IPPROTO_IP, IP_RETOPTS, p->m->opts, p->m->n_opts);
	if (want & WANT_ORIGDST)
		put_origdst(p, AF_INET);
}

/* Only the first may be hop-by-hop options; the others in their order. */
static void put_headers(struct put *p, unsigned want)
{
	static const struct { uint8_t number; unsigned want; int type; } rows[] = {
		{ IPPROTO_HOPOPTS, WANT_HOPOPTS, IPV6_HOPOPTS },
		{ IPPROTO_DSTOPTS, WANT_DSTOPTS, IPV6_DSTOPTS },
		{ IPPROTO_ROUTING, WANT_RTHDR, IPV6_RTHDR },
	};
	const struct msg *m = p->m;
	be32 flow = be32_put(m->flow);
	uint8_t next = m->next, here = next;

	if (want & WANT_FLOW && m->flow)
		put(p, IPPROTO_IPV6, OPT6_FLOWINFO, &flow, sizeof(flow));
	for (unsigned at = 0, len; at < m->n_opts; at += len, here = next) {
		if (!ext6_next(&next, m->opts + at, m->n_opts - at, &len))
			return;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			if (rows[i].number == here && want & rows[i].want)
				put(p, IPPROTO_IPV6, rows[i].type, m->opts + at, len);
		}
	}
}

static void put_path_mtu(struct put *p)
{
	struct ip6_mtuinfo info = { .ip6m_mtu = p->m->path_mtu };
	struct sockaddr_storage ss;

	ep_to_sockaddr(&p->m->peer, AF_INET6, &ss);
	memcpy(&info.ip6m_addr, &ss, sizeof(info.ip6m_addr));
	put(p, IPPROTO_IPV6, IPV6_PATHMTU, &info, sizeof(info));
}

static void put_ip6(struct put *p)
{
	unsigned want = p->so->asked->ip[1].want;

	if (want & WANT_PKTINFO)
		put_pktinfo6(p, IPV6_PKTINFO);
	if (p->v4)
		return;
	if (want & WANT_PKTINFO_OLD)
		put_pktinfo6(p, IPV6_2292PKTINFO);
	if (want & WANT_TTL_OLD)
		put(p, IPPROTO_IPV6, IPV6_2292HOPLIMIT, &p->m->ttl, sizeof(p->m->ttl));
	if (want & WANT_TTL)
		put(p, IPPROTO_IPV6, IPV6_HOPLIMIT, &p->m->ttl, sizeof(p->m->ttl));
	if (want & WANT_TOS)
		put(p, IPPROTO_IPV6, IPV6_TCLASS, &p->m->tos, sizeof(p->m->tos));
	put_headers(p, want);
	if (want & WANT_ORIGDST)
		put_origdst(p, AF_INET6);
}

void cmsg_put(const struct sock *so, const struct msg *m, usec epoch, struct msghdr *mh)
{
	struct put p = { so, m, epoch, mh, 0, ip_is_v4(&m->local) };
	int segment = m->segment;

	put_stamp(&p);
	if (so->family == AF_PACKET) {
		put_frame(&p);
	} else if (m->flags & MSG_ERRQUEUE) {
		put_error(&p);
	} else if (so->type == SOCK_STREAM) {
		put_inq(&p);
	} else if (m->path_mtu) {
		put_path_mtu(&p);
	} else {
		if (so->rxq_ovfl && m->lost)
			put(&p, SOL_SOCKET, SO_RXQ_OVFL, &m->lost, sizeof(m->lost));
		if (m->segment)
			put(&p, IPPROTO_UDP, UDP_GRO, &segment, sizeof(segment));
		if (so->family == AF_INET6)
			put_ip6(&p);
		if (p.v4)
			put_ip4(&p);
	}
	mh->msg_controllen = p.used;
}

/* --- what is to be sent --- */

static int take_int(const void *v, size_t n, int lo, int hi, int *out)
{
	int i;

	if (n != sizeof(i))
		return -EINVAL;
	memcpy(&i, v, sizeof(i));
	if (i < lo || i > hi)
		return -EINVAL;
	*out = i;
	return 0;
}

static int take_pktinfo4(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	struct in_pktinfo pi;

	if (n != sizeof(pi))
		return -EINVAL;
	memcpy(&pi, v, sizeof(pi));
	if (pi.ipi_ifindex)
		m->ifindex = (uint32_t)pi.ipi_ifindex;
	if (pi.ipi_spec_dst.s_addr)
		m->local = ip_from_v4((const uint8_t *)&pi.ipi_spec_dst);
	if (!ip_eq(&m->local, &IP_NONE) && !sock_any_addr(so) && !stack_addr(so->st, &m->local))
		return -EINVAL;
	return 0;
}

static int take_pktinfo6(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	struct in6_pktinfo pi;

	if (n < sizeof(pi))
		return -EINVAL;
	memcpy(&pi, v, sizeof(pi));
	if (pi.ipi6_ifindex && !netif_by_index(so->st, pi.ipi6_ifindex))
		return -ENODEV;
	if (pi.ipi6_ifindex)
		m->ifindex = pi.ipi6_ifindex;
	m->local = ip_from_v6(pi.ipi6_addr.s6_addr);
	if (!ip_eq(&m->local, &IP_NONE) && !sock_any_addr(so) && !stack_addr(so->st, &m->local))
		return -EINVAL;
	return 0;
}

static int take_ttl4(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return take_int(v, n, 1, 255, &m->ttl);
}

/* One byte will do for it (as Linux). */
static int take_tos4(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	if (n == 1)
		m->tos = *(const uint8_t *)v;
	return n == 1 ? 0 : take_int(v, n, 0, 255, &m->tos);
}

static int take_hops6(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return take_int(v, n, -1, 255, &m->ttl);
}

static int take_tclass6(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return take_int(v, n, -1, 255, &m->tos);
}

/* Whether or not addresses say theirs (IPV6_FLOWINFO_SEND), as Linux. */
static int take_flowinfo(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	be32 flow;

	if (n < sizeof(flow))
		return -EINVAL;
	memcpy(&flow, v, sizeof(flow));
	m->flow = be32_get(flow) & FLOWINFO_MASK;
	return 0;
}

static int take_dontfrag6(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	int on = 0, e = take_int(v, n, 0, 1, &on);

	m->dontfrag = on;
	return e;
}

static int take_segment(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	if (so->proto != IPPROTO_UDP || n != sizeof(m->segment))
		return -EINVAL;
	memcpy(&m->segment, v, sizeof(m->segment));
	return 0;
}

/* IP_RETOPTS: options to be sent, as they were received. */
static int take_options4(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return ip_extra_take4(&m->extra, v, MIN(n, (size_t)IP4_OPTS_MAX));
}

static int take_hopopts(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return ip_extra_take6(&m->extra, IPV6_HOPOPTS, v, n);
}

static int take_dst0opts(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return ip_extra_take6(&m->extra, IPV6_RTHDRDSTOPTS, v, n);
}

static int take_dstopts(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	return ip_extra_take6(&m->extra, IPV6_DSTOPTS, v, n);
}

static int take_stamping(const struct sock *so, const void *v, size_t n, struct msg *m)
{
	uint32_t flags;

	if (n != sizeof(flags))
		return -EINVAL;
	memcpy(&flags, v, sizeof(flags));
	return stamp_take(m, flags);
}

static const struct take {
	int	level, type;
	int	(*take)(const struct sock *so, const void *v, size_t n, struct msg *m);
} takes[] = {
	{ SOL_SOCKET, SO_TIMESTAMPING_OLD, take_stamping },
	{ SOL_SOCKET, SO_TIMESTAMPING_NEW, take_stamping },
	{ IPPROTO_IP, IP_PKTINFO, take_pktinfo4 },
	{ IPPROTO_IP, IP_TTL, take_ttl4 },
	{ IPPROTO_IP, IP_TOS, take_tos4 },
	{ IPPROTO_IP, IP_RETOPTS, take_options4 },
	{ IPPROTO_IPV6, IPV6_HOPOPTS, take_hopopts },
	{ IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, take_dst0opts },
	{ IPPROTO_IPV6, IPV6_DSTOPTS, take_dstopts },
	{ IPPROTO_IPV6, IPV6_PKTINFO, take_pktinfo6 },
	{ IPPROTO_IPV6, IPV6_2292PKTINFO, take_pktinfo6 },
	{ IPPROTO_IPV6, IPV6_2292HOPLIMIT, take_hops6 },
	{ IPPROTO_IPV6, IPV6_HOPLIMIT, take_hops6 },
	{ IPPROTO_IPV6, IPV6_TCLASS, take_tclass6 },
	{ IPPROTO_IPV6, IPV6_DONTFRAG, take_dontfrag6 },
	{ IPPROTO_IPV6, OPT6_FLOWINFO, take_flowinfo },
	{ IPPROTO_UDP, UDP_SEGMENT, take_segment },
};

/* Levels that are not the socket's are not looked at; what is unknown at one that
 * is, is an error (ip_cmsg_send, ip6_datagram_send_ctl). */
static int take_one(const struct sock *so, const struct cmsghdr *k, struct msg *m)
{
	if (k->cmsg_level == IPPROTO_IPV6 && so->family != AF_INET6)
		return 0;
	for (unsigned i = 0; i < ARRAY_LEN(takes); i++) {
		if (takes[i].level == k->cmsg_level && takes[i].type == k->cmsg_type)
			return takes[i].take(so, CMSG_DATA(k), k->cmsg_len - CMSG_LEN(0), m);
	}
	return k->cmsg_level == IPPROTO_IP || k->cmsg_level == IPPROTO_IPV6 ? -EINVAL : 0;
}

int cmsg_take(const struct sock *so, struct msghdr *mh, struct msg *m)
{
	size_t off = 0;
	int e = 0;

	while (!e && off + sizeof(struct cmsghdr) <= mh->msg_controllen) {
		const struct cmsghdr *k =
			(struct cmsghdr *)((uint8_t *)mh->msg_control + off);

		if (k->cmsg_len < sizeof(*k) || k->cmsg_len > mh->msg_controllen - off)
			return -EINVAL;
		e = take_one(so, k, m);
		off += CMSG_ALIGN(k->cmsg_len);
	}
	return e;
}
