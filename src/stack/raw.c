/* raw.c - raw sockets: every packet of a protocol, headers by the user
 *
 * in:   ip_deliver -> raw_in -> dg_put	a copy each, before the protocol sees it
 * out:  sock_send -> raw_send -> ip_out
 *			       -> neigh_out	the user's own IP header (IP_HDRINCL)
 *
 * raw(7), RFC 3542 3: over IPv4 the user gets the IP header too, over IPv6 what
 * follows the headers. ICMP types can be filtered; over IPv6 the kernel places
 * the checksum for who asks (IPV6_CHECKSUM), always for ICMPv6.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/dgram.h"
#include "stack/errq.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"
#include "stack/stamp.h"
#include "stack/sock_table.h"

enum { OPT_ICMP_FILTER = 1, OPT_ICMP6_FILTER = 1, OPT6_HDRINCL = 36 };	/* of linux/ */

struct raw {
	struct dgram	d;		/* first */
	struct list	link;		/* sock_table.raws */
	bool		hdrincl;
	int		sum_off;	/* IPv6: of the checksum; -1: none */
	uint32_t	filter[8];	/* ICMP types not wanted, a bit each */
};

static struct raw *raw_of(const struct sock *so)
{
	return container_of(dg_of(so), struct raw, d);
}

struct sock *raw_sock_new(struct stack *st)
{
	struct raw *r = xzalloc(sizeof(*r));

	dg_init(&r->d);
	r->sum_off = -1;
	list_add_tail(&st->socks->raws, &r->link);
	return &r->d.so;
}

/* What sock_init decides is known from here on. */
static uint8_t proto_of(const struct raw *r)
{
	return (uint8_t)r->d.so.proto;
}

static bool hdrincl(const struct raw *r)
{
	return r->hdrincl || proto_of(r) == IPPROTO_RAW;
}

static int sum_off(const struct raw *r)
{
	return proto_of(r) == IPPROTO_ICMPV6 ? 2 : r->sum_off;
}

/* --- in --- */

static bool has_addr(const struct ip_addr *own, const struct ip_addr *a)
{
	return ip_is_any(own) || ip_eq(own, a);
}

static bool matches(const struct raw *r, uint8_t proto, const struct ip_addr *local,
		    const struct ip_addr *remote)
{
	const struct sock *so = &r->d.so;

	return so->family == (ip_is_v4(local) ? AF_INET : AF_INET6) && proto_of(r) == proto &&
	       proto != IPPROTO_RAW && has_addr(&so->local.addr, local) &&
	       (!so->connected || has_addr(&so->remote.addr, remote));
}

static bool filtered(const struct raw *r, const struct pkt *pkt)
{
	bool v4 = r->d.so.family == AF_INET;
	uint8_t type;

	if (proto_of(r) != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || !pkt_copy(pkt, 0, &type, 1))
		return false;
	return (!v4 || type < 32) && r->filter[type / 32] >> type % 32 & 1;
}

static bool sum_ok(const struct raw *r, const struct pkt *pkt, const struct ip *ip)
{
	return ip->v4 || sum_off(r) < 0 || ip_sum_ok(pkt, ip);
}

/* As it would be on the wire, whole, with IPv4's header in front. */
static struct pkt *copy_for(const struct pkt *pkt, const struct ip *ip)
{
	struct pkt *c = pkt_clone(pkt);
	uint8_t *h;
	be16 len;

	c->gso_size = 0;

	if (c->sum == PKT_SUM_PARTIAL) {
		pkt_pull(c, MIN(pkt_len(c), (uint32_t)c->sum_off + 2));
		pkt_sum_finish(c);
	}
	if (!ip->v4)
		return c;
	c->cur = c->l3;
	h = c->head + c->l3;
	len = be16_put((uint16_t)pkt_len(c));
	memcpy(h + 2, &len, 2);
	if (ip->reassembled)
		h[6] = h[7] = 0;
	return c;
}

bool raw_in(struct stack *st, const struct pkt *pkt, const struct ip *ip)
{
	bool taken = false;

	list_for_safe(l, &st->socks->raws) {
		struct raw *r = container_of(l, struct raw, link);
		uint32_t dev = r->d.so.flow.ifindex;

		if (!matches(r, ip->proto, &ip->dst, &ip->src) ||
		    (dev && dev != ip->nif->index) || !sock_hears(&r->d.so, ip))
			continue;
		taken = true;
		if (!filtered(r, pkt) && sum_ok(r, pkt, ip))
			dg_put(&r->d, copy_for(pkt, ip), ip, 0);
	}
	return taken;
}

bool raw_wanted(struct stack *st, uint8_t proto, bool v4)
{
	list_for(l, &st->socks->raws) {
		struct raw *r = container_of(l, struct raw, link);

		if (proto_of(r) == proto && (r->d.so.family == AF_INET) == v4)
			return true;
	}
	return false;
}

void raw_icmp(struct stack *st, const struct icmp_note *n)
{
	struct icmp_note note = *n;

	note.dst_port = 0;
	list_for_safe(l, &st->socks->raws) {
		struct raw *r = container_of(l, struct raw, link);

		if (matches(r, n->proto, &n->src, &n->dst))
			errq_icmp(&r->d, &note, r->hdrincl ? n->all : n->l4);
	}
}

/* --- out --- */

static int raw_bind(struct sock *so, const struct endpoint *ep)
{
	struct endpoint at = { ep->addr, (uint16_t)so->proto, ep->ifindex };
	int e = sock_table_address(so, ep);

	if (!e)
		so->local = at;
	return e;
}

static int raw_connect(struct sock *so, const struct endpoint *ep)
{
	struct ip_addr old = so->local.addr;
	struct endpoint to = { ep->addr, 0, ep->ifindex };
	int e = dg_route(so, &to);

	so->connected = !e;
	if (e)
		so->local.addr = old;
	return e;
}

/* raw(7): identification and source are filled in if 0, length and checksum
 * always; IPv6's header is sent as it is. */
static int header_fix(struct stack *st, uint8_t *h, uint32_t hlen, uint32_t len,
		      const struct flow *f)
{
	static const uint8_t none[4];
	struct sum s = { 0 };
	be16 v = be16_put((uint16_t)len);

	if (!ip_is_v4(&f->dst))
		return hlen == IP6_LEN ? 0 : -EINVAL;
	memcpy(h + 2, &v, 2);
	if (!memcmp(h + 4, none, 2)) {
		v = be16_put((uint16_t)rng_u64(&st->rng));
		memcpy(h + 4, &v, 2);
	}
	if (!memcmp(h + 12, none, 4))
		memcpy(h + 12, ip_v4(&f->src), 4);
	memset(h + 10, 0, 2);
	sum_add(&s, h, hlen);
	v = be16_put(sum_end(&s));
	memcpy(h + 10, &v, 2);
	return 0;
}

/* The user's packet, with his IP header in the head. Takes pkt. */
static int send_whole(struct sock *so, struct pkt *pkt, const struct flow *f)
{
	bool v4 = ip_is_v4(&f->dst);
	uint32_t len = pkt_len(pkt), hlen = v4 ? IP4_LEN : IP6_LEN;
	uint8_t h[IP4_LEN + IP4_OPTS_MAX];
	int e = -EINVAL;

	if (pkt_copy(pkt, 0, h, hlen) == hlen) {
		hlen = v4 ? (h[0] & 15u) * 4 : hlen;
		if (hlen >= IP4_LEN && pkt_copy(pkt, 0, h, hlen) == hlen)
			e = len > f->mtu ? -EMSGSIZE : header_fix(so->st, h, hlen, len, f);
	}
	if (e) {
		pkt_free(pkt);
		return e;
	}
	pkt_trim_front(pkt, hlen);
	memcpy(pkt_push(pkt, hlen), h, hlen);
	pkt->l3 = pkt->cur;
	neigh_out(f->nif, pkt, &f->hop);
	return 0;
}

/* The field lies in the user's bytes: it is moved into the head with all before. */
static int sum_fix(struct pkt *pkt, const struct flow *f, int off)
{
	uint32_t len = pkt_len(pkt), n = (uint32_t)off + 2;
	uint8_t b[64];
	struct sum s = { 0 };
	be16 v;

	if (n > len || n > sizeof(b))
		return -EINVAL;
	pkt_copy(pkt, 0, b, n);
	memset(b + off, 0, 2);
	pkt_trim_front(pkt, n);
	memcpy(pkt_push(pkt, n), b, n);
	sum_pseudo(&s, &f->src, &f->dst, f->proto, len);
	pkt_sum(pkt, 0, len, &s);
	v = be16_put(sum_end(&s) ? sum_end(&s) : 0xffff);
	memcpy(pkt->head + pkt->cur + off, &v, 2);
	return 0;
}

static int send_payload(struct sock *so, struct pkt *pkt, struct flow *f, const struct msg *m)
{
	int off = sum_off(raw_of(so)), e = 0;

	if (so->family == AF_INET6 && off >= 0)
		e = sum_fix(pkt, f, off);
	if (e) {
		pkt_free(pkt);
		return e;
	}
	stamp_sent(so, pkt, f, m);
	ip_out_with(so->st, pkt, f, dg_extra(so, m));
	return 0;
}

static ssize_t raw_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	size_t len = iov_total(iov, n);
	bool whole = hdrincl(raw_of(so));
	struct pkt *pkt;
	struct flow f;
	int e;

	e = dg_flow_own(so, flags, len, m, &f);
	if (!e && !whole)
		e = dg_mtu_check(so, &f, len + (ip_is_v4(&f.dst) ? IP4_LEN : IP6_LEN), m);
	if (!e)
		e = dg_gather(so, &f, iov, n, &pkt);
	if (!e)
		e = whole ? send_whole(so, pkt, &f) : send_payload(so, pkt, &f, m);
	return e ? e : (ssize_t)len;
}

/* --- options --- */

static int set_filter(struct raw *r, size_t size, const void *v, socklen_t len)
{
	memcpy(r->filter, v, MIN(len, size));
	return 0;
}

static int set_sum_off(struct raw *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(IPPROTO_IPV6, v, len, &n);

	if (e)
		return e;
	/* RFC 3542 3.1: ICMPv6's is not the user's to place. */
	if (proto_of(r) == IPPROTO_ICMPV6 || (n > 0 && n & 1))
		return -EINVAL;
	r->sum_off = n < 0 ? -1 : n;
	return 0;
}

static int set_hdrincl(struct raw *r, int level, const void *v, socklen_t len)
{
	int n, e = opt_take_int(level, v, len, &n);

	if (!e)
		r->hdrincl = n != 0;
	return e;
}

enum which { NONE, FILTER4, FILTER6, SUM, HDRINCL };

static enum which which_opt(const struct sock *so, int level, int name)
{
	bool v4 = so->family == AF_INET;

	if (level == IPPROTO_RAW && v4 && name == OPT_ICMP_FILTER)
		return FILTER4;
	if (level == IPPROTO_ICMPV6 && !v4 && name == OPT_ICMP6_FILTER)
		return FILTER6;
	if ((level == IPPROTO_IPV6 || level == IPPROTO_RAW) && !v4 && name == IPV6_CHECKSUM)
		return SUM;
	if (v4 ? level == IPPROTO_IP && name == IP_HDRINCL :
		 level == IPPROTO_IPV6 && name == OPT6_HDRINCL)
		return HDRINCL;
	return NONE;
}

static int raw_setopt(struct sock *so, int level, int name, const void *v, socklen_t len)
{
	struct raw *r = raw_of(so);

	switch (which_opt(so, level, name)) {
	case FILTER4:
		return proto_of(r) == IPPROTO_ICMP ? set_filter(r, 4, v, len) : -EOPNOTSUPP;
	case FILTER6:
		return proto_of(r) == IPPROTO_ICMPV6 ? set_filter(r, 32, v, len) : -EOPNOTSUPP;
	case SUM:
		return set_sum_off(r, v, len);
	case HDRINCL:
		return set_hdrincl(r, level, v, len);
	case NONE:
		break;
	}
	return dg_setopt(so, level, name, v, len);
}

static int raw_getopt(struct sock *so, int level, int name, void *v, socklen_t *len)
{
	struct raw *r = raw_of(so);

	switch (which_opt(so, level, name)) {
	case FILTER4:
		return opt_put(v, len, r->filter, 4);
	case FILTER6:
		return opt_put(v, len, r->filter, 32);
	case SUM:
		return opt_put_int(v, len, sum_off(r));
	case HDRINCL:
		return opt_put_int(v, len, hdrincl(r));
	case NONE:
		break;
	}
	return -ENOPROTOOPT;
}

static void raw_destroy(struct sock *so)
{
	list_del(&raw_of(so)->link);
	dg_free(dg_of(so));
}

const struct sock_ops raw_ops = {
	.bind = raw_bind,
	.connect = raw_connect,
	.send = raw_send,
	.recv = dg_recv,
	.shutdown = dg_shutdown,
	.close = raw_destroy,
	.events = dg_events,
	.setopt = raw_setopt,
	.getopt = raw_getopt,
	.resume = sock_wake,
	.destroy = raw_destroy,
};
