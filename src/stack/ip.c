/* ip.c - what IPv4 and IPv6 have in common: routes of flows, delivery
 *
 * in:  ip4_in | ip6_in -> ip_deliver -> udp_in | tcp_in | icmp4_in | icmp6_in
 * out: udp_out | tcp_out | icmp -> ip_out -> ip4_out | ip6_out -> neigh_out
 *
 * A host of the weak model (RFC 1122 3.3.4.2): what is addressed to any of its
 * addresses is its own, and never leaves it when it sends it itself.
 */
#include <errno.h>
#include <netinet/in.h>

#include "base/sum.h"
#include "proto/proto.h"
#include "stack/ip.h"
#include "stack/netif.h"
#include "stack/pmtu.h"
#include "stack/sock_table.h"

bool ip_sum_ok(const struct pkt *pkt, const struct ip *ip)
{
	struct sum s = { 0 };

	if (pkt->sum != PKT_SUM_NONE)
		return true;
	sum_pseudo(&s, &ip->src, &ip->dst, ip->proto, pkt_len(pkt));
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	return sum_end(&s) == 0;
}

/* Queries come to the group itself, from a source no filter names. */
static bool is_group_talk(const struct pkt *pkt, const struct ip *ip)
{
	uint8_t type;

	if (ip->v4)
		return ip->proto == IPPROTO_IGMP;
	return ip->proto == IPPROTO_ICMPV6 && pkt_copy(pkt, 0, &type, 1) &&
	       (type == MLD_QUERY || type == MLD1_REPORT);
}

enum drop ip_deliver(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	bool taken;

	pkt->l4 = pkt->cur;
	if (!ip->v4 && ip_is_any(&ip->src) && ip->proto != IPPROTO_ICMPV6)
		return drop(st, pkt, DROP_IP_MARTIAN);	/* RFC 4291 2.5.2 */
	if (ip_is_multicast(&ip->dst) && !is_group_talk(pkt, ip) &&
	    !netif_group_wants(ip->nif, &ip->dst, &ip->src))
		return drop(st, pkt, DROP_IP_NOT_OURS);
	count_ip(st, ip->v4, IP_InDelivers, 1);
	taken = !list_empty(&st->socks->raws) && raw_in(st, pkt, ip);
	switch (ip->proto) {
	case IPPROTO_TCP:
		return tcp_in(st, pkt, ip);
	case IPPROTO_UDP:
		return udp_in(st, pkt, ip);
	case IPPROTO_ICMP:
		if (ip->v4)
			return icmp4_in(st, pkt, ip);
		break;
	case IPPROTO_IGMP:
		if (ip->v4)
			return igmp_in(st, pkt, ip);
		break;
	case IPPROTO_ICMPV6:
		if (!ip->v4)
			return icmp6_in(st, pkt, ip);
		break;
	}
	if (taken) {
		pkt_free(pkt);
		return DROP_NONE;
	}
	icmp_error(st, pkt, ICMP_ERR_PROTO, 0);		/* RFC 1122 3.2.2.1 */
	return drop(st, pkt, DROP_IP_PROTO);
}

struct ip_addr ip_src_of(const struct pkt *pkt)
{
	const uint8_t *h = pkt->head + pkt->l3;

	return h[0] >> 4 == 4 ? ip_from_v4(h + 12) : ip_from_v6(h + 8);
}

static bool is_group(const struct netif *nif, const struct ip_addr *a)
{
	return ip_is_multicast(a) || netif_is_broadcast(nif, a);
}

static bool chosen(const struct ip_addr *src)
{
	return !ip_is_any(src);
}

/* Group and link-local addresses exist on every link: the flow must say which,
 * its source may, a route for the group does, else the first link is taken. */
static struct netif *scoped_netif(struct stack *st, const struct flow *f)
{
	struct netif_addr *a = chosen(&f->src) ? stack_addr(st, &f->src) : NULL;
	const struct route *r;

	if (f->ifindex)
		return netif_by_index(st, f->ifindex);
	if (a && !netif_is_lo(a->nif))
		return a->nif;
	r = route_find(st, &f->dst, 0);
	if (r)
		return r->nif;
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);

		if (netif_is_up(nif) && !netif_is_lo(nif))
			return nif;
	}
	return NULL;
}

static bool is_scoped(const struct ip_addr *dst)
{
	return ip_is_multicast(dst) || ip_eq(dst, &IP4_BROADCAST) ||
	       (!ip_is_v4(dst) && ip_is_linklocal(dst));
}

static struct route_key key_of(const struct flow *f)
{
	return (struct route_key){
		.dst = f->dst, .src = f->src, .oif = f->ifindex, .mark = f->mark,
		.sport = f->sport, .dport = f->dport, .proto = f->proto,
		.tos = f->tos & (ip_is_v4(&f->dst) ? 0x1c : 0xfc),
	};
}

/* What a route says besides where: the source to prefer, an MTU of its own. */
struct way {
	struct ip_addr	prefer;		/* IP_NONE: choose */
	uint32_t	mtu;		/* 0: the link's */
	bool		several;	/* the flow goes by one of several hops */
};

static int find_way(struct stack *st, struct flow *f, struct way *w)
{
	struct route_key k = key_of(f);
	const struct route *r;
	int e;

	if (stack_addr(st, &f->dst)) {
		f->nif = st->lo;
		f->hop = w->prefer = f->dst;
		return 0;
	}
	if (is_scoped(&f->dst)) {
		f->nif = scoped_netif(st, f);
		f->hop = f->dst;
		return f->nif && netif_is_up(f->nif) ? 0 : -ENETUNREACH;
	}
	e = route_lookup(st, &k, &r);
	if (e)
		return e;
	f->nif = r->nif;
	w->mtu = r->mtu;
	w->several = r->group != 0;
	f->hop = ip_eq(&r->gw, &IP_NONE) ? f->dst : r->gw;
	if (!ip_eq(&r->src, &IP_NONE) && stack_addr(st, &r->src))
		w->prefer = r->src;
	return 0;
}

/* IPv4 speaks from the subnet of the next hop, as hosts always did. Without any
 * address only broadcasts may leave, from 0.0.0.0 (RFC 1122 3.2.1.3 (a)). */
static int find_source(struct stack *st, struct flow *f, const struct ip_addr *prefer)
{
	bool v4 = ip_is_v4(&f->dst);

	if (!ip_eq(prefer, &IP_NONE))
		f->src = *prefer;
	else
		f->src = ip_source_by(st, f->nif, v4 ? &f->hop : &f->dst, &f->hop);
	if (chosen(&f->src) || (v4 && is_group(f->nif, &f->dst)))
		return 0;
	return -EADDRNOTAVAIL;
}

/* As Linux says it, which looks for the route first. */
static int unfit(struct stack *st, struct flow *f, int error)
{
	struct way w = { .prefer = IP_NONE };
	int e = find_way(st, f, &w);

	return e < 0 ? e : error;
}

static int check_source(struct stack *st, struct flow *f)
{
	if (ip_is_v4(&f->src) != ip_is_v4(&f->dst))	/* a socket of IPv6 may have either */
		return ip_is_v4(&f->dst) ? -ENETUNREACH : unfit(st, f, -EAFNOSUPPORT);
	if (ip_is_loopback(&f->src) && !stack_addr(st, &f->dst) && f->ifindex != st->lo->index)
		return unfit(st, f, -EINVAL);	/* RFC 1122 3.2.1.3 (g) */
	return f->any_src || stack_addr(st, &f->src) ? 0 : -EADDRNOTAVAIL;
}

/* RFC 6437 3: the same for a flow, not to be guessed, never 0. */
static uint32_t flow_label(struct stack *st, const struct flow *f)
{
	struct { struct ip_addr src, dst; uint16_t sport, dport; uint32_t proto; } k = {
		f->src, f->dst, f->sport, f->dport, f->proto
	};
	uint32_t label = (uint32_t)hash64(&st->secret, &k, sizeof(k)) & IP6_LABEL_MASK;

	return label ? label : 1;
}

int ip_route(struct stack *st, struct flow *f)
{
	struct way w = { .prefer = IP_NONE };
	bool open = !chosen(&f->src);
	int e = open ? 0 : check_source(st, f);

	if (e)
		return e;
	if (ip_is_any(&f->dst))
		return -ENETUNREACH;
	e = find_way(st, f, &w);
	if (!e && open)
		e = find_source(st, f, &w.prefer);
	if (!e && w.several && open)	/* as every time from now on, when it has a source */
		e = find_way(st, f, &w);
	if (e)
		return e;
	f->mtu = netif_mtu(f->nif, ip_is_v4(&f->dst));
	if (w.mtu)
		f->mtu = MIN(f->mtu, w.mtu);
	if (!netif_is_lo(f->nif))
		f->mtu = pmtu_of(st, &f->dst, f->mtu);
	if (!f->label && !f->no_label && !ip_is_v4(&f->dst) && st->param.auto_flowlabels)
		f->label = flow_label(st, f);
	f->gen = st->route_gen;
	return 0;
}

/* Members hear what they send to their group, unless they asked not to. */
static void loop_copy(const struct pkt *pkt, const struct flow *f, const struct ip_extra *x)
{
	struct pkt *copy;

	if (!f->loop || netif_is_lo(f->nif) || !is_group(f->nif, &f->dst))
		return;
	copy = pkt_clone(pkt);
	if (ip_is_v4(&f->dst))
		ip4_loop(copy, f, x);
	else
		ip6_loop(copy, f, x);
}

void ip_count_odd(struct stack *st, const struct pkt *pkt, const struct flow *f)
{
	bool v4 = ip_is_v4(&f->dst);

	if (ip_is_multicast(&f->dst))
		count_ip(st, v4, IP_OutMcastPkts, 1);
	if (f->proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		icmp_count(st, v4, true, pkt_peek(pkt, 0));
}

enum drop ip_out_with(struct stack *st, struct pkt *pkt, struct flow *f,
		      const struct ip_extra *x)
{
	if (f->gen != st->route_gen && ip_route(st, f) < 0) {
		count_ip(st, ip_is_v4(&f->dst), IP_OutNoRoutes, 1);
		return drop(st, pkt, DROP_IP_NO_ROUTE);
	}
	loop_copy(pkt, f, x);
	return ip_is_v4(&f->dst) ? ip4_out(st, pkt, f, x) : ip6_out(st, pkt, f, x);
}

enum drop ip_out(struct stack *st, struct pkt *pkt, struct flow *f)
{
	return ip_out_with(st, pkt, f, NULL);
}
