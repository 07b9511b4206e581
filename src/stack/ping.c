/* ping.c - ICMP echo sockets: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6
 *
 * in:   icmp4_in | icmp6_in -> ping_in -> dg_put
 * out:  sock_send -> ping_send -> ip_out
 *
 * icmp(7): the identifier is the socket's port; the user gives the whole echo
 * request, of which identifier and checksum are ours, and gets the whole reply.
 * Unlike Linux's, a connected one hears its peer only.
 */
#include <errno.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/dgram.h"
#include "stack/errq.h"
#include "stack/ip_extra.h"
#include "stack/netif.h"
#include "stack/stamp.h"

struct sock *ping_sock_new(struct stack *st)
{
	struct dgram *d = xzalloc(sizeof(*d));

	dg_init(d);
	return &d->so;
}

static int proto_of(bool v4)
{
	return v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static uint16_t id_of(const struct icmp *h)
{
	return (uint16_t)(h->rest >> 16);
}

/* The checksum is verified. cur at the ICMP header. */
enum drop ping_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	struct rd r = rd_of(pkt_pull(pkt, ICMP_LEN), ICMP_LEN);
	struct icmp h;
	struct sock *so;

	icmp_parse(&r, &h);
	so = sock_find(st, proto_of(ip->v4), ip, id_of(&h), 0);
	if (!so)
		return drop(st, pkt, DROP_ICMP_TYPE);
	return dg_put(dg_of(so), pkt, ip, 0);
}

void ping_icmp(struct stack *st, const struct icmp_note *n)
{
	struct ip ip = { .src = n->dst, .dst = n->src, .v4 = ip_is_v4(&n->src), .nif = st->lo };
	struct icmp_note note = *n;
	struct rd r = n->l4;
	struct icmp h;
	struct sock *so;

	if (!icmp_parse(&r, &h) || h.type != (ip.v4 ? ICMP4_ECHO : ICMP6_ECHO))
		return;
	so = sock_find(st, proto_of(ip.v4), &ip, id_of(&h), 0);
	if (!so)
		return;
	if (n->mtu)
		ip_pmtu_update(st, &n->dst, n->mtu);
	note.dst_port = 0;
	errq_icmp(dg_of(so), &note, n->l4);
}

/* There are no ports: what a name says of one is forgotten. */
static int ping_connect(struct sock *so, const struct endpoint *ep)
{
	struct endpoint to = *ep;

	to.port = 0;
	return dg_connect(so, &to);
}

static void sum_put(struct pkt *pkt, const struct flow *f, struct icmp *h)
{
	struct sum s = { 0 };
	struct wr w;

	if (f->proto == IPPROTO_ICMPV6)
		sum_pseudo(&s, &f->src, &f->dst, f->proto, pkt_len(pkt));
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	h->sum = sum_end(&s);
	w = wr_of(pkt->head + pkt->cur, ICMP_LEN);
	icmp_emit(&w, h);
}

/* pkt is the user's; its first eight bytes become our header. */
static int header_fix(struct sock *so, struct pkt *pkt, const struct flow *f)
{
	uint8_t b[ICMP_LEN];
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct icmp h;
	struct wr w;

	if (!icmp_parse(&r, &h) || h.code ||
	    h.type != (f->proto == IPPROTO_ICMP ? ICMP4_ECHO : ICMP6_ECHO))
		return -EINVAL;
	h.sum = 0;
	h.rest = (uint32_t)so->local.port << 16 | (h.rest & 0xffff);
	pkt_trim_front(pkt, ICMP_LEN);
	w = wr_of(pkt_push(pkt, ICMP_LEN), ICMP_LEN);
	icmp_emit(&w, &h);
	sum_put(pkt, f, &h);
	return 0;
}

static ssize_t ping_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	size_t len = iov_total(iov, n);
	struct pkt *pkt = NULL;
	struct flow f;
	int e;

	e = dg_flow_own(so, flags, len, m, &f);
	if (!e && (len < ICMP_LEN || len > 65535 - IP4_LEN))
		e = len < ICMP_LEN ? -EINVAL : -EMSGSIZE;
	if (!e)
		e = dg_autobind(so);
	if (!e)
		e = dg_mtu_check(so, &f, len + (ip_is_v4(&f.dst) ? IP4_LEN : IP6_LEN), m);
	if (!e)
		e = dg_gather(so, &f, iov, n, &pkt);
	if (!e)
		e = header_fix(so, pkt, &f);
	if (e) {
		pkt_free(pkt);
		return e;
	}
	stamp_sent(so, pkt, &f, m);
	ip_out_with(so->st, pkt, &f, dg_extra(so, m));
	return (ssize_t)len;
}

const struct sock_ops ping_ops = {
	.bind = dg_bind,
	.connect = ping_connect,
	.send = ping_send,
	.recv = dg_recv,
	.shutdown = dg_shutdown,
	.close = dg_destroy,
	.events = dg_events,
	.setopt = dg_setopt,
	.resume = sock_wake,
	.destroy = dg_destroy,
};
