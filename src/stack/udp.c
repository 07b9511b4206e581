/* udp.c - UDP endpoints (RFC 768, RFC 1122 4.1; RFC 8200 8.1)
 *
 * in:   ip_deliver -> udp_in -> dg_put
 * out:  sock_send -> udp_send -> udp_out -> ip_out
 *
 * A datagram is delivered whole or dropped with a name. The queue, and what is
 * the same for all sockets of datagrams, is in dgram.c and dg_send.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/dgram.h"
#include "stack/errq.h"
#include "stack/ip_extra.h"
#include "stack/lend.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"
#include "stack/stamp.h"

#define MAX_SEGMENTS	128	/* UDP_MAX_SEGMENTS */

/* Of linux/udp.h, which cannot be had together with netinet/udp.h. */
#define UDP_NO_CHECK6_TX 101
#define UDP_NO_CHECK6_RX 102

struct udp_sock {
	struct dgram	d;		/* first */
	bool		cork;		/* UDP_CORK */
	bool		no_sum_tx, no_sum_rx;	/* UDP_NO_CHECK6_TX, _RX */
	uint16_t	segment;	/* UDP_SEGMENT: bytes; 0: whole */
	bool		held;		/* a datagram that grows is underway: */
	struct flow	flow;
	struct endpoint	to;
	uint8_t		*data;
	size_t		len;
	struct ip_extra	*extra;		/* of its first piece; NULL: the socket's */
	uint32_t	stamping;	/* the same */
};

static struct udp_sock *udp_of(const struct sock *so)
{
	return container_of(dg_of(so), struct udp_sock, d);
}

struct sock *udp_sock_new(struct stack *st)
{
	struct udp_sock *us = xzalloc(sizeof(*us));

	dg_init(&us->d);
	return &us->d.so;
}

/* --- in --- */

/* A super-frame is several datagrams, which as a rule are queued as one. */
static enum drop deliver(struct sock *so, struct pkt *pkt, const struct ip *ip, uint16_t port)
{
	uint32_t total = pkt_len(pkt), size = pkt->gso_size;
	enum drop why = DROP_NONE;

	count_ip(so->st, ip->v4, IP_UdpInDatagrams, size && total > size ? (total + size - 1) / size : 1);
	if (total <= size)
		pkt->gso_size = 0;
	if (!size || total <= size || dg_of(so)->whole || dg_takes_row(dg_of(so), pkt))
		return dg_put(dg_of(so), pkt, ip, port);
	for (uint32_t off = 0; off < total; off += size) {
		struct pkt *part = pkt_clone(pkt);

		part->gso_size = 0;
		pkt_trim_front(part, off);
		pkt_trim_to(part, size);
		why = dg_put(dg_of(so), part, ip, port);
	}
	pkt_free(pkt);
	return why;
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

	if (!sock_hears(so, f->ip))
		return;
	if (f->last)
		deliver(f->last, pkt_clone(f->pkt), f->ip, f->port);
	f->last = so;
}

static enum drop udp_group_in(struct stack *st, struct pkt *pkt, const struct ip *ip,
			      const struct udp *uh)
{
	struct fan f = { ip, pkt, uh->src_port, NULL };

	sock_find_all(st, IPPROTO_UDP, ip, uh->dst_port, uh->src_port, fan_each, &f);
	if (!f.last)
		return drop(st, pkt, DROP_UDP_NO_SOCK);
	return deliver(f.last, pkt, ip, uh->src_port);
}

/* No checksum at all is fine in IPv4, and in IPv6 for who says so (RFC 768,
 * RFC 8200 8.1, RFC 6936). */
static bool sum_ok(struct stack *st, const struct pkt *pkt, const struct ip *ip,
		   const struct udp *uh)
{
	struct sock *so;

	if (uh->sum || pkt->sum != PKT_SUM_NONE)
		return ip_sum_ok(pkt, ip);
	so = ip->v4 ? NULL : sock_find(st, IPPROTO_UDP, ip, uh->dst_port, uh->src_port);
	return ip->v4 || (so && udp_of(so)->no_sum_rx);
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
	if (!sum_ok(st, pkt, ip, &uh))
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
	return deliver(so, pkt, ip, uh.src_port);
}

/* The user knows what follows the UDP header. */
void udp_icmp(struct stack *st, const struct icmp_note *n)
{
	struct endpoint local = { n->src, n->src_port, 0 }, remote = { n->dst, n->dst_port, 0 };
	struct sock *so = sock_find_connected(st, IPPROTO_UDP, &local, &remote);
	struct ip ip = { .src = n->dst, .dst = n->src, .v4 = ip_is_v4(&n->src), .nif = st->lo };
	struct rd data = n->l4;

	if (!so)
		so = sock_find(st, IPPROTO_UDP, &ip, n->src_port, n->dst_port);
	if (!so)
		return;
	if (n->mtu)
		ip_pmtu_update(st, &n->dst, n->mtu);
	rd_bytes(&data, UDP_LEN);
	errq_icmp(dg_of(so), n, data);
}

/* --- out --- */

/* size (udp(7), UDP_SEGMENT): a super-frame of datagrams of that many bytes each, the
 * last of what is left; it is cut where it leaves for what cannot carry it. */
static enum drop udp_out(struct udp_sock *us, struct pkt *pkt, struct flow *f,
			 const struct msg *m, uint16_t to, uint32_t size)
{
	struct sock *so = &us->d.so;
	uint32_t len = UDP_LEN + pkt_len(pkt);
	struct udp uh = { so->local.port, to, (uint16_t)len, 0 };
	struct wr w = wr_of(pkt_push(pkt, UDP_LEN), UDP_LEN);
	bool none = us->no_sum_tx && !ip_is_v4(&f->dst);
	struct sum s = { 0 };

	sum_pseudo(&s, &f->src, &f->dst, IPPROTO_UDP, len);
	uh.sum = none ? 0 : sum_partial(&s);
	udp_emit(&w, &uh);
	pkt->sum = none ? PKT_SUM_NONE : PKT_SUM_PARTIAL;
	pkt->sum_start = 0;
	pkt->sum_off = 6;
	pkt->gso_size = (uint16_t)size;
	pkt->gso_hlen = size ? UDP_LEN : 0;
	count_ip(so->st, ip_is_v4(&f->dst), IP_UdpOutDatagrams, size ? (len - UDP_LEN + size - 1) / size : 1);
	if (so->asked->stamping)
		stamp_sent(so, pkt, f, m);
	return ip_out_with(so->st, pkt, f, dg_extra(so, m));
}

/* Linux: more than a datagram can have is an error like more than the path takes. */
static int size_check(struct sock *so, struct flow *f, size_t len, const struct msg *m)
{
	bool v4 = ip_is_v4(&f->dst);
	size_t max = 65535 - UDP_LEN - (v4 ? IP4_LEN : 0);

	if (v4 && len > 65535)
		return -EMSGSIZE;
	if (len > max)
		return dg_too_large(so, f, m);
	return dg_mtu_check(so, f, len + UDP_LEN + (v4 ? IP4_LEN : IP6_LEN), m);
}

static uint32_t segment_of(const struct udp_sock *us, const struct msg *m, size_t len)
{
	uint32_t size = m && m->segment ? m->segment : us->segment;

	return size && len > size ? size : 0;
}

/* As Linux: a segment fits the path, and there are not too many. */
static int segment_check(struct udp_sock *us, struct flow *f, size_t len, uint32_t size,
			 const struct msg *m)
{
	bool v4 = ip_is_v4(&f->dst);
	size_t total = size + UDP_LEN + (v4 ? IP4_LEN : IP6_LEN);
	int e;

	if (len > 65535 - UDP_LEN - (v4 ? IP4_LEN : 0))
		return -EMSGSIZE;
	e = dg_mtu_check(&us->d.so, f, total, m);
	if (!e && total > f->mtu)
		e = -EMSGSIZE;
	/* Long headers are not repeated. */
	if (!e && (len > (size_t)size * MAX_SEGMENTS ||
		   (!v4 && ip_extra_len(dg_extra(&us->d.so, m), false))))
		e = -EINVAL;
	return !e && us->no_sum_tx && !v4 ? -EIO : e;
}

/* Room for one frame is enough to begin, as for a datagram of many fragments: the
 * plug counts what it has to drop. */
static int send_now(struct udp_sock *us, struct flow *f, const struct iovec *iov, int n,
		    const struct msg *m, uint16_t port)
{
	struct sock *so = &us->d.so;
	size_t len = iov_total(iov, n);
	uint32_t size = segment_of(us, m, len);
	struct pkt *pkt;
	int e = size ? segment_check(us, f, len, size, m) : size_check(so, f, len, m);

	if (!e && m && draft_fits(m->draft, iov, n, len)) {
		e = dg_room(so, f, 1);
		pkt = e ? NULL : dg_refer(m->draft, (uint32_t)len);
	} else if (!e && !size && !dg_extra(so, m)) {
		e = dg_gather_short(so, f, iov, n, &pkt);
	} else if (!e) {
		e = dg_gather(so, f, iov, n, &pkt);
	}
	if (e)
		return e;
	udp_out(us, pkt, f, m, port, size);
	return 0;
}

static void held_drop(struct udp_sock *us)
{
	free(us->extra);
	us->extra = NULL;
	free(us->data);
	us->data = NULL;
	us->len = 0;
	us->held = false;
}

static int held_append(struct udp_sock *us, const struct iovec *iov, int n)
{
	size_t more = iov_total(iov, n);

	if (us->len + more > 65535) {
		held_drop(us);
		return -EMSGSIZE;
	}
	us->data = xrealloc(us->data, us->len + more + 1);
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(us->data + us->len, iov[i].iov_base, iov[i].iov_len);
		us->len += iov[i].iov_len;
	}
	return 0;
}

/* What was held goes, to whom its first piece was for. */
static int held_send(struct udp_sock *us)
{
	struct iovec iov = { us->data, us->len };
	struct msg m = {
		.peer = us->to, .has_peer = true, .ttl = -1, .tos = -1, .extra = us->extra,
		.stamping = us->stamping,
	};
	int e = us->held ? send_now(us, &us->flow, &iov, 1, &m, us->to.port) : 0;

	if (e != -EAGAIN)
		held_drop(us);
	return e;
}

/* MSG_MORE, UDP_CORK: pieces of one datagram. */
static int hold(struct udp_sock *us, const struct flow *f, const struct msg *m,
		const struct iovec *iov, int n, bool more)
{
	int e = more ? 0 : dg_room(&us->d.so, &us->flow, 1);

	if (e)
		return e;
	if (!us->held) {
		us->flow = *f;
		us->to = m && m->has_peer ? m->peer : us->d.so.remote;
		us->extra = ip_extra_copy(m ? m->extra : NULL);
		us->stamping = m ? m->stamping : 0;
		us->held = true;
	}
	e = held_append(us, iov, n);
	return e || more ? e : held_send(us);
}

/* RFC 1122 4.1.3.4: the address a wildcard socket speaks from is the route's. */
static ssize_t udp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	const struct endpoint *to = m && m->has_peer ? &m->peer : &so->remote;
	struct udp_sock *us = udp_of(so);
	bool more = flags & MSG_MORE || us->cork;
	struct flow f;
	int e;

	e = dg_autobind(so);		/* also if it is not sent then, as Linux */
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!us->held && !to->port && ((m && m->has_peer) || so->connected))
		return -EINVAL;
	if (!e && !us->held)
		e = dg_flow(so, m, &f);
	if (us->d.shut_wr && !e)
		return -EPIPE;
	if (so->error && !e)
		return -sock_take_error(so);
	if (!e && (more || us->held))
		e = hold(us, us->held ? &us->flow : &f, m, iov, n, more);
	else if (!e)
		e = send_now(us, &f, iov, n, m, to->port);
	return e ? e : (ssize_t)iov_total(iov, n);
}

/* --- options --- */

/* The stack counts them: who brings frames then joins what follows each other. */
static void set_gro(struct udp_sock *us, bool on)
{
	us->d.so.st->udp_gro += (uint32_t)on - us->d.whole;
	us->d.whole = on;
}

static int set_flag(struct udp_sock *us, int name, int n)
{
	switch (name) {
	case UDP_CORK:
		us->cork = n != 0;
		return us->cork ? 0 : held_send(us);
	case UDP_NO_CHECK6_TX:
		us->no_sum_tx = n != 0;
		return 0;
	case UDP_NO_CHECK6_RX:
		us->no_sum_rx = n != 0;
		return 0;
	case UDP_GRO:
		set_gro(us, n != 0);
		return 0;
	case UDP_SEGMENT:
		if (n < 0 || n > 65535)
			return -EINVAL;
		us->segment = (uint16_t)n;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int udp_setopt(struct sock *so, int level, int name, const void *v, socklen_t len)
{
	int n, e;

	if (level != IPPROTO_UDP)
		return dg_setopt(so, level, name, v, len);
	e = opt_take_int(level, v, len, &n);
	return e ? e : set_flag(udp_of(so), name, n);
}

static int udp_getopt(struct sock *so, int level, int name, void *v, socklen_t *len)
{
	const struct udp_sock *us = udp_of(so);

	if (level != IPPROTO_UDP)
		return so->family == AF_INET && level != IPPROTO_IP && level != SOL_SOCKET ?
		       -EOPNOTSUPP : -ENOPROTOOPT;
	switch (name) {
	case UDP_CORK:
		return opt_put_int(v, len, us->cork);
	case UDP_NO_CHECK6_TX:
		return opt_put_int(v, len, us->no_sum_tx);
	case UDP_NO_CHECK6_RX:
		return opt_put_int(v, len, us->no_sum_rx);
	case UDP_SEGMENT:
		return opt_put_int(v, len, us->segment);
	case UDP_GRO:
		return opt_put_int(v, len, us->d.whole);
	}
	return -ENOPROTOOPT;
}

static void udp_destroy(struct sock *so)
{
	held_drop(udp_of(so));
	set_gro(udp_of(so), false);
	dg_destroy(so);
}

const struct sock_ops udp_ops = {
	.bind = dg_bind,
	.connect = dg_connect,
	.send = udp_send,
	.recv = dg_recv,
	.lend = dg_lend,
	.lend_end = dg_lend_end,
	.draft = dg_draft,
	.draft_end = dg_draft_end,
	.shutdown = dg_shutdown,
	.close = udp_destroy,
	.events = dg_events,
	.setopt = udp_setopt,
	.getopt = udp_getopt,
	.resume = sock_wake,
	.destroy = udp_destroy,
};
