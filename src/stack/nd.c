/* nd.c - neighbour discovery at its place before the machines
 * (RFC 4861 6.1, 7.1, 8.1; RFC 4862 5.4; RFC 4429)
 *
 * in:  icmp6_in -> nd_in -> neigh_heard | neigh_advert | addr_conflict
 *			 -> router_heard | router_redirect
 * out: neigh_out -> nd_solicit -> ip6_send_on
 *
 * Messages are believed only from the link: hop limit 255, and whole (RFC 6980).
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "proto/proto.h"
#include "stack/ip.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"

#define MSG_MAX		1500
#define OUT_MAX		64

static const struct ip_addr all_nodes = { { 0xff, 0x02, [15] = 1 } };

/* A message of ours to the group or address dst; to: straight to that station. */
void nd_send(struct netif *nif, const struct wr *msg, const struct ip_addr *src,
	     const struct ip_addr *dst, const struct mac *to)
{
	struct ip6 h = {
		.plen = (uint16_t)wr_len(msg), .next = IPPROTO_ICMPV6, .hops = 255,
		.src = *src, .dst = *dst,
	};
	struct pkt *pkt = pkt_new();
	struct sum s = { 0 };
	struct wr w;
	be16 sum;

	sum_pseudo(&s, src, dst, IPPROTO_ICMPV6, (uint32_t)wr_len(msg));
	sum_add(&s, msg->start, wr_len(msg));
	sum = be16_put(sum_end(&s));
	memcpy(msg->start + 2, &sum, 2);
	memcpy(pkt_push(pkt, (unsigned)wr_len(msg)), msg->start, wr_len(msg));
	if (!to) {
		ip6_send_on(nif, pkt, src, dst, IPPROTO_ICMPV6, 255);
		return;
	}
	w = wr_of(pkt_push(pkt, IP6_LEN), IP6_LEN);
	ip6_emit(&w, &h);
	pkt->l3 = pkt->cur;
	eth_out(nif, pkt, to, ETHERTYPE_IP6);
}

/* Our link address is not told from an address that may be somebody else's
 * (RFC 4429 3.2). */
static bool tell_ll(const struct netif *nif, const struct ip_addr *src)
{
	struct netif_addr *a = netif_addr_find(nif, src);

	return a && a->state == ADDR_OK;
}

/* A solicitation to the group must tell a link address (RFC 4861 4.3), so an
 * optimistic one, which does not, is passed over: by Linux, for one. RFC 4429 3.2
 * would wait for the end of the test. We ask the target alone, by the frame of its
 * group: that needs no link address, the answer begins with the target asking for
 * ours (RFC 4861 7.2.4), and no cache is led astray by it. */
void nd_solicit(struct netif *nif, const struct ip_addr *target, const struct ip_addr *src,
		const struct mac *to)
{
	struct ip_addr group = ip6_solicited_node(target);
	struct mac group_mac = mac_of_multicast(&group);
	struct nd_ns ns = { .target = *target };
	uint8_t buf[OUT_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	ns.o.has_src = tell_ll(nif, src);
	ns.o.src_ll = nif->mac;
	nd_ns_emit(&w, &ns);
	if (to || (!ns.o.has_src && !ip_is_any(src)))
		nd_send(nif, &w, src, target, to ? to : &group_mac);
	else
		nd_send(nif, &w, src, &group, NULL);
}

/* With a nonce, by which we know our own if it comes back (RFC 7527 4.1). */
void nd_dad_probe(struct netif_addr *a)
{
	struct ip_addr dst = ip6_solicited_node(&a->addr);
	struct nd_ns ns = { .target = a->addr };
	uint8_t buf[OUT_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	ns.o.has_nonce = a->nif->st->param.enhanced_dad;
	memcpy(ns.o.nonce, a->nonce, sizeof(a->nonce));
	nd_ns_emit(&w, &ns);
	nd_send(a->nif, &w, &IP6_ANY, &dst, NULL);
}

static bool own_probe(const struct netif_addr *a, const struct nd_ns *m)
{
	return a->nif->st->param.enhanced_dad && m->o.has_nonce &&
	       !memcmp(m->o.nonce, a->nonce, sizeof(a->nonce));
}

static void nd_advertise(struct netif_addr *a, const struct ip_addr *dst, uint8_t flags,
			 const struct mac *to)
{
	struct nd_na na = { .flags = flags, .target = a->addr };
	uint8_t buf[OUT_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	if (a->nif->st->param.forwarding)
		na.flags |= ND_NA_ROUTER;
	if (a->state == ADDR_OK)		/* RFC 4429 3.3 */
		na.flags |= ND_NA_OVERRIDE;
	na.o.has_dst = true;
	na.o.dst_ll = a->nif->mac;
	nd_na_emit(&w, &na);
	nd_send(a->nif, &w, &a->addr, dst, to);
}

/* RFC 4861 7.2.6: those who knew the address elsewhere learn of it. */
void nd_announce(struct netif_addr *a)
{
	if (!ip_is_v4(&a->addr) && !(a->nif->flags & NETIF_NOARP) && netif_is_up(a->nif))
		nd_advertise(a, &all_nodes, 0, NULL);
}

/* A message as it came: what IP knows, who sent the frame. */
struct nd_msg {
	const struct ip	*ip;
	struct mac	from;
};

static bool ns_valid(const struct ip *ip, const struct nd_ns *m)
{
	struct ip_addr group = ip6_solicited_node(&m->target);

	if (ip_is_multicast(&m->target))
		return false;
	return !ip_is_any(&ip->src) || (ip_eq(&ip->dst, &group) && !m->o.has_src);
}

/* Who does not tell a link address (it is optimistic) is answered where its
 * frame came from: to resolve it first, it might have to resolve us. */
static enum drop ns_in(struct stack *st, const struct nd_msg *msg, struct rd *r)
{
	const struct ip *ip = msg->ip;
	struct netif_addr *a;
	struct nd_ns m;

	if (!nd_ns_parse(r, &m) || !ns_valid(ip, &m))
		return DROP_ND_BAD;
	a = netif_addr_find(ip->nif, &m.target);
	if (!a || a->state == ADDR_DUPLICATE)
		return DROP_NONE;
	if (ip_is_any(&ip->src) && a->state != ADDR_OK) {
		if (!own_probe(a, &m))
			addr_conflict(a);	/* both test it: RFC 4862 5.4.3 */
		return DROP_NONE;
	}
	if (!addr_usable(a))
		return DROP_NONE;
	if (m.o.has_src)
		neigh_heard(ip->nif, &ip->src, &m.o.src_ll);
	if (ip_is_any(&ip->src))
		nd_advertise(a, &all_nodes, 0, NULL);
	else
		nd_advertise(a, &ip->src, ND_NA_SOLICITED, m.o.has_src ? NULL : &msg->from);
	return DROP_NONE;
}

static enum drop na_in(struct stack *st, const struct nd_msg *msg, struct rd *r)
{
	const struct ip *ip = msg->ip;
	unsigned flags = ADV_IS_ND;
	struct netif_addr *a;
	struct nd_na m;

	if (!nd_na_parse(r, &m) || ip_is_multicast(&m.target) ||
	    (ip->group && m.flags & ND_NA_SOLICITED))
		return DROP_ND_BAD;
	a = netif_addr_find(ip->nif, &m.target);
	if (a) {
		if (a->state == ADDR_TENTATIVE || a->state == ADDR_OPTIMISTIC)
			addr_conflict(a);	/* RFC 4862 5.4.4 */
		return DROP_NONE;
	}
	flags |= m.flags & ND_NA_SOLICITED ? ADV_SOLICITED : 0;
	flags |= m.flags & ND_NA_OVERRIDE ? ADV_OVERRIDE : 0;
	flags |= m.flags & ND_NA_ROUTER ? ADV_ROUTER : 0;
	neigh_advert(ip->nif, &m.target, m.o.has_dst ? &m.o.dst_ll : NULL, flags);
	return DROP_NONE;
}

static enum drop ra_in(struct stack *st, const struct nd_msg *msg, struct rd *r)
{
	const struct ip *ip = msg->ip;
	struct nd_ra m;

	if (!nd_ra_parse(r, &m) || !ip_is_linklocal(&ip->src))
		return DROP_ND_BAD;
	if (m.o.has_src)
		neigh_heard(ip->nif, &ip->src, &m.o.src_ll);
	if (nd_accepts_ra(st))
		router_heard(ip->nif, &ip->src, &m);
	return DROP_NONE;
}

/* A router answers it; we only check that it is well made. */
static enum drop rs_in(struct stack *st, const struct nd_msg *msg, struct rd *r)
{
	const struct ip *ip = msg->ip;
	struct nd_opts o;

	if (!nd_rs_parse(r, &o) || (ip_is_any(&ip->src) && o.has_src))
		return DROP_ND_BAD;
	return DROP_NONE;
}

/* RFC 4861 8.1 */
static enum drop redirect_in(struct stack *st, const struct nd_msg *msg, struct rd *r)
{
	const struct ip *ip = msg->ip;
	struct nd_redirect m;

	if (!nd_redirect_parse(r, &m) || !ip_is_linklocal(&ip->src) ||
	    ip_is_multicast(&m.dst) || ip_is_multicast(&m.target))
		return DROP_ND_BAD;
	if (!ip_is_linklocal(&m.target) && !ip_eq(&m.target, &m.dst))
		return DROP_ND_BAD;
	if (!st->param.accept_redirects || st->param.forwarding)
		return DROP_NONE;
	if (router_redirect(ip->nif, &ip->src, &m.dst, &m.target) && m.o.has_dst)
		neigh_heard(ip->nif, &m.target, &m.o.dst_ll);
	return DROP_NONE;
}

static enum drop (*const messages[])(struct stack *, const struct nd_msg *, struct rd *) = {
	[ND_RS - ND_RS] = rs_in,
	[ND_RA - ND_RS] = ra_in,
	[ND_NS - ND_RS] = ns_in,
	[ND_NA - ND_RS] = na_in,
	[ND_REDIRECT - ND_RS] = redirect_in,
};

enum drop nd_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t buf[MSG_MAX];
	struct rd r = rd_of(buf, pkt_copy(pkt, 0, buf, sizeof(buf)));
	uint8_t type = rd_u8(&r), code = rd_u8(&r);
	struct nd_msg msg = { .ip = ip };
	enum drop why = DROP_ND_BAD;

	memcpy(&msg.from, pkt->head + pkt->start + sizeof(struct mac), sizeof(msg.from));
	rd_u16(&r);
	if (!r.fail && !code && ip->ttl == 255 && !ip->reassembled &&
	    type >= ND_RS && type <= ND_REDIRECT && !(ip->nif->flags & NETIF_NOARP))
		why = messages[type - ND_RS](st, &msg, &r);
	if (why)
		return drop(st, pkt, why);
	pkt_free(pkt);
	return DROP_NONE;
}
