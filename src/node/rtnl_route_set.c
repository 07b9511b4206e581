/* rtnl_route_set.c - RTM_NEWROUTE, RTM_DELROUTE
 *
 * The checks and their words are the kernel's, in its order, as scripts look at
 * both. IPv4 and IPv6 differ: IPv4 wants no bits behind the prefix, IPv6 takes
 * them off; IPv6 has 1024 for a metric that was not given. Several next hops are
 * several routes in the stack (rtnl_route_hops.c); each is checked as one alone.
 */
#include <linux/ipv6_route.h>

#include "node/rtnl_in.h"
#include "stack/netif.h"
#include "stack/route.h"

#define METRIC6	1024

static bool is_v4(const struct nlreq *r)
{
	return req_family(r) == AF_INET;
}

/* What this stack has no idea of. */
static int refuse_absent(struct nlreq *r)
{
	const struct rtmsg *rtm = r->body;

	if (r->tb[RTA_NH_ID])
		return refuse(r, -EINVAL, "Nexthop id does not exist");
	if (r->tb[RTA_ENCAP] || r->tb[RTA_VIA] || r->tb[RTA_EXPIRES] || rtm->rtm_tos ||
	    rtm->rtm_src_len)
		return -EOPNOTSUPP;
	return 0;
}

static int read_metrics(struct nlreq *r, struct route *rt)
{
	const struct nlattr *at, *nest = r->tb[RTA_METRICS];
	size_t pos = 0;

	if (!nest)
		return 0;
	while ((at = attr_take(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), &pos))) {
		uint16_t type = mnl_attr_get_type(at);

		if (mnl_attr_get_payload_len(at) < sizeof(uint32_t) || !type || type > RTAX_MAX)
			return refuse(r, -EINVAL, "Invalid metric type");
		if (type == RTAX_MTU)
			memcpy(&rt->mtu, mnl_attr_get_payload(at), sizeof(rt->mtu));
		else if (type != RTAX_LOCK)
			return refuse(r, -EOPNOTSUPP, "of a route's metrics this stack has mtu");
	}
	return 0;
}

static int read_type(struct nlreq *r, struct route *rt)
{
	const struct rtmsg *rtm = r->body;

	rt->type = rtm->rtm_type ? rtm->rtm_type : RTN_UNICAST;
	if (rt->type > RTN_MAX)
		return refuse(r, -EINVAL, "Invalid route type");
	if (rt->type != RTN_UNICAST && (rt->type < RTN_BLACKHOLE || rt->type > RTN_THROW))
		return refuse(r, -EOPNOTSUPP, "this stack has no routes of that type");
	return 0;
}

static int read_prefix(struct nlreq *r, struct route *rt)
{
	const struct rtmsg *rtm = r->body;
	struct ip_addr masked;

	rt->len = rtm->rtm_dst_len;
	if (rt->len > (is_v4(r) ? 32 : 128))
		return refuse(r, -EINVAL, "Invalid prefix length");
	if (req_ip(r, RTA_DST, rtm->rtm_family, &rt->dst) < 0)
		return -EINVAL;
	if (!r->tb[RTA_DST])
		rt->dst = is_v4(r) ? IP4_ANY : IP6_ANY;
	if (ip_is_v4(&rt->dst) != is_v4(r))
		return -EINVAL;		/* an IPv4-mapped prefix */
	masked = ip_mask(&rt->dst, rt->len);
	if (is_v4(r) && !ip_eq(&masked, &rt->dst))
		return refuse(r, -EINVAL, "Invalid prefix for given prefix length");
	rt->dst = masked;
	return 0;
}

/* What adding and deleting have in common. */
static int read_route(struct nlreq *r, struct route *rt)
{
	const struct rtmsg *rtm = r->body;
	uint32_t oif = req_u32(r, RTA_OIF, 0);
	int e;

	if (!is_v4(r) && req_family(r) != AF_INET6)
		return -EAFNOSUPPORT;
	*rt = (struct route){
		.table = req_u32(r, RTA_TABLE, rtm->rtm_table), .scope = rtm->rtm_scope,
		.protocol = rtm->rtm_protocol, .metric = req_u32(r, RTA_PRIORITY, 0),
		.pref = req_u8(r, RTA_PREF, PREF_MEDIUM), .onlink = rtm->rtm_flags & RTNH_F_ONLINK,
	};
	if (!rt->table)
		rt->table = TABLE_MAIN;
	e = read_prefix(r, rt);
	if (e)
		return e;
	if (req_ip(r, RTA_GATEWAY, rtm->rtm_family, &rt->gw) < 0 ||
	    req_ip(r, RTA_PREFSRC, rtm->rtm_family, &rt->src) < 0)
		return -EINVAL;
	if (ip_is_any(&rt->gw))
		rt->gw = IP_NONE;
	rt->nif = oif ? netif_by_index(r->st, oif) : NULL;
	return oif && !rt->nif ? -ENODEV : 0;
}

/* --- the next hop --- */

static int silent_way(struct nlreq *r)
{
	return is_v4(r) ? refuse(r, -ENETUNREACH, "Nexthop has invalid gateway") : -EHOSTUNREACH;
}

/* The gateway must be on a link: found by a route without one. */
static int find_way(struct nlreq *r, struct route *rt)
{
	struct route_key k = { .dst = rt->gw, .oif = rt->nif ? rt->nif->index : 0 };
	const struct route *way;

	if (!is_v4(r) && ip_is_linklocal(&rt->gw))
		return rt->nif ? 0 : refuse(r, -EINVAL, "Egress device not specified");
	if (route_lookup(r->st, &k, &way) < 0)
		return silent_way(r);
	if (!ip_is_any(&way->gw))
		return is_v4(r) ? refuse(r, -EINVAL, "Nexthop has invalid gateway") :
				  -EHOSTUNREACH;
	rt->nif = way->nif;
	return 0;
}

static int check_gw(struct nlreq *r, struct route *rt)
{
	if (is_v4(r) && rt->scope >= RT_SCOPE_LINK)
		return refuse(r, -EINVAL, "Nexthop has invalid scope");
	if (stack_addr(r->st, &rt->gw) || ip_is_multicast(&rt->gw))
		return refuse(r, -EINVAL, is_v4(r) ? "Nexthop has invalid gateway" :
						     "Gateway can not be a local address");
	if (!rt->onlink)
		return find_way(r, rt);
	return rt->nif ? 0 : refuse(r, -ENODEV, "Nexthop device required for onlink");
}

static int check_hop(struct nlreq *r, struct route *rt)
{
	int e = 0;

	if (rt->type != RTN_UNICAST) {
		rt->nif = NULL;
		rt->gw = IP_NONE;
		rt->onlink = false;
		return 0;
	}
	if (!ip_is_any(&rt->gw))
		e = check_gw(r, rt);
	else if (is_v4(r) && rt->onlink)
		e = refuse(r, -EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK "
				       "can not be set");
	else if (!rt->nif)
		e = -ENODEV;
	rt->onlink &= !ip_is_any(&rt->gw);
	if (!e && !netif_is_up(rt->nif))
		return refuse(r, -ENETDOWN, "Nexthop device is not up");
	return e;
}

static int check_src(struct nlreq *r, const struct route *rt)
{
	if (ip_is_any(&rt->src) || stack_addr(r->st, &rt->src))
		return 0;
	return refuse(r, -EINVAL, is_v4(r) ? "Invalid prefsrc address" : "Invalid source address");
}

/* --- placing it --- */

static bool same_place(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->len == b->len && a->metric == b->metric &&
	       ip_eq(&a->dst, &b->dst);
}

static const struct route *find_place(struct stack *st, const struct route *rt)
{
	const struct route *o;

	for (o = route_next(st, NULL); o; o = route_next(st, o)) {
		if (same_place(o, rt))
			return o;
	}
	return NULL;
}

/* IPv6: beside one that is there, if both have a gateway that no router told of. */
static bool may_join(const struct nlreq *r, const struct route *old, const struct route *rt)
{
	return !is_v4(r) && old && req_flags(r) & NLM_F_APPEND && old->type == RTN_UNICAST &&
	       !ip_is_any(&old->gw) && !ip_is_any(&rt->gw) && old->protocol != PROTO_RA;
}

static int place(struct nlreq *r, struct route *hops, unsigned n)
{
	const struct route *old = find_place(r->st, hops);

	if (old && req_flags(r) & NLM_F_EXCL)
		return -EEXIST;
	if (!old && !(req_flags(r) & NLM_F_CREATE))
		return -ENOENT;
	if (old && req_flags(r) & NLM_F_REPLACE && n == 1 && !old->group)
		return route_replace(r->st, old, hops);
	if (old && req_flags(r) & NLM_F_REPLACE)
		route_del_hops(r->st, old);
	else if (n == 1 && may_join(r, old, hops))
		return route_join_hops(r->st, old, hops);
	return route_add_hops(r->st, hops, n);
}

/* What is asked for, hop by hop; how many, or -errno. */
static int read_all(struct nlreq *r, struct route hops[HOPS_MAX])
{
	struct route rt;
	int n = 1, e = refuse_absent(r);

	if (!e)
		e = read_route(r, &rt);
	if (!e)
		e = read_type(r, &rt);
	if (!e)
		e = read_metrics(r, &rt);
	if (!e && !is_v4(r) && !rt.metric)
		rt.metric = METRIC6;
	hops[0] = rt;
	if (!e && r->tb[RTA_MULTIPATH] && rt.type == RTN_UNICAST)
		n = read_hops(r, &rt, hops);
	return e ? e : n;
}

int newroute(struct nlreq *r)
{
	struct route hops[HOPS_MAX];
	int n = read_all(r, hops), e = n < 0 ? n : 0;

	for (int i = 0; !e && i < n; i++)
		e = check_hop(r, &hops[i]);
	if (!e)
		e = check_src(r, &hops[0]);
	return e ? e : place(r, hops, (unsigned)n);
}

/* --- deletion: the first that agrees with all that is said --- */

static bool agrees(const struct nlreq *r, const struct route *w, const struct route *rt)
{
	const struct rtmsg *rtm = r->body;

	return rt->table == w->table && rt->len == w->len && ip_eq(&rt->dst, &w->dst) &&
	       (!r->tb[RTA_PRIORITY] || rt->metric == w->metric) &&
	       (!r->tb[RTA_OIF] || rt->nif == w->nif) &&
	       (ip_is_any(&w->gw) || ip_eq(&rt->gw, &w->gw)) &&
	       (ip_is_any(&w->src) || ip_eq(&rt->src, &w->src)) &&
	       (!rtm->rtm_protocol || rt->protocol == rtm->rtm_protocol) &&
	       (!is_v4(r) || !rtm->rtm_type || rt->type == rtm->rtm_type) &&
	       (!is_v4(r) || rtm->rtm_scope == RT_SCOPE_NOWHERE || rt->scope == rtm->rtm_scope);
}

/* IPv6's next hops are taken away one by one, if a gateway is named. */
static int remove_route(struct nlreq *r, const struct route *rt, const struct route *w)
{
	struct route copy = *rt;

	if (!rt->group || (!is_v4(r) && !ip_is_any(&w->gw)))
		return route_del(r->st, &copy);
	route_del_hops(r->st, rt);
	return 0;
}

static int remove_one(struct nlreq *r, const struct route *w)
{
	const struct route *rt;

	for (rt = route_next(r->st, NULL); rt; rt = route_next(r->st, rt)) {
		if (agrees(r, w, rt))
			return remove_route(r, rt, w);
	}
	return -ESRCH;
}

/* IPv4: all that has this hop first. */
static int remove_hops(struct nlreq *r, const struct route *w)
{
	struct route hops[HOPS_MAX];
	int n = read_hops(r, w, hops), e = n < 0 ? n : 0;

	for (int i = 0; i < (is_v4(r) ? MIN(n, 1) : n) && !e; i++)
		e = remove_one(r, &hops[i]);
	return e;
}

int delroute(struct nlreq *r)
{
	struct route w;
	int e = read_route(r, &w);

	if (e)
		return e;
	if (!route_table_exists(r->st, w.table, is_v4(r)))
		return refuse(r, -ESRCH, "FIB table does not exist");
	return r->tb[RTA_MULTIPATH] ? remove_hops(r, &w) : remove_one(r, &w);
}
