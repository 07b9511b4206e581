/* udp.c - UDP endpoints (RFC 768, RFC 1122 4.1; RFC 8200 8.1)
 *
 * in:   ip_deliver -> udp_in -> dg_put
 * out:  sock_send -> udp_send -> udp_out -> ip_out
 *
 * A datagram is delivered whole or dropped with a name. The queue, and what is
 * the same for all sockets of datagrams, is in dgram.c.
 */
#include <errno.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/dgram.h"
#include "stack/errq.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"

struct sock *udp_sock_new(struct stack *st)
{
	struct dgram *d = xzalloc(sizeof(*d));

	dg_init(d);
	return &d->so;
}

/* --- in --- */

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
		dg_put(dg_of(f->last), pkt_clone(f->pkt), f->ip, f->port);
	f->last = so;
}

static enum drop udp_group_in(struct stack *st, struct pkt *pkt, const struct ip *ip,
			      const struct udp *uh)
{
	struct fan f = { ip, pkt, uh->src_port, NULL };

	sock_find_all(st, IPPROTO_UDP, ip, uh->dst_port, uh->src_port, fan_each, &f);
	if (!f.last)
		return drop(st, pkt, DROP_UDP_NO_SOCK);
	return dg_put(dg_of(f.last), pkt, ip, uh->src_port);
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
	return dg_put(dg_of(so), pkt, ip, uh.src_port);
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

/* RFC 1122 4.1.3.4: the address a wildcard socket speaks from is the route's. */
static ssize_t udp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	const struct endpoint *to = m && m->has_peer ? &m->peer : &so->remote;
	size_t len = iov_total(iov, n);
	struct flow f;
	struct pkt *pkt;
	int e;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (dg_of(so)->shut_wr)
		return -EPIPE;
	if (so->error)
		return -sock_take_error(so);
	if (!to->port && ((m && m->has_peer) || so->connected))
		return -EINVAL;
	e = dg_flow(so, m, &f);
	if (!e)
		e = dg_autobind(so);
	if (!e)
		e = size_check(so, &f, len, m);
	if (!e)
		e = dg_gather(so, &f, iov, n, &pkt);
	if (e)
		return e;
	udp_out(so->st, pkt, &f, so->local.port, to->port);
	return (ssize_t)len;
}

const struct sock_ops udp_ops = {
	.bind = dg_bind,
	.connect = dg_connect,
	.send = udp_send,
	.recv = dg_recv,
	.shutdown = dg_shutdown,
	.close = dg_destroy,
	.events = dg_events,
	.setopt = dg_setopt,
	.resume = sock_wake,
	.destroy = dg_destroy,
};
