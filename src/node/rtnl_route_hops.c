/* rtnl_route_hops.c - RTA_MULTIPATH: routes with several next hops, read and shown */
#include "node/rtnl_in.h"
#include "stack/netif.h"
#include "stack/route.h"

/* --- shown --- */

static void put_hop(struct nlmsghdr *nlh, const struct route *r)
{
	struct rtnexthop *h = (void *)((uint8_t *)nlh + MNL_ALIGN(nlh->nlmsg_len));
	uint32_t before = nlh->nlmsg_len;

	mnl_nlmsg_put_extra_header(nlh, sizeof(*h));
	h->rtnh_ifindex = (int)r->nif->index;
	h->rtnh_hops = r->weight;
	h->rtnh_flags = r->onlink ? RTNH_F_ONLINK : 0;
	if (!ip_is_any(&r->gw))
		put_ip(nlh, RTA_GATEWAY, &r->gw);
	h->rtnh_len = (uint16_t)(nlh->nlmsg_len - before);
}

void put_hops(struct nlmsghdr *nlh, const struct stack *st, const struct route *first)
{
	struct nlattr *nest = nest_start(nlh, RTA_MULTIPATH);

	for (const struct route *r = first; r; r = route_next_hop(st, r))
		put_hop(nlh, r);
	mnl_attr_nest_end(nlh, nest);
}

/* --- read --- */

/* The next at *at, which moves on; its attributes follow it. */
static const struct rtnexthop *hop_take(const struct nlattr *nest, size_t *at)
{
	size_t len = mnl_attr_get_payload_len(nest);
	const struct rtnexthop *h = (const void *)((const uint8_t *)mnl_attr_get_payload(nest) + *at);

	if (*at > len || len - *at < sizeof(*h) || h->rtnh_len < sizeof(*h) ||
	    h->rtnh_len > len - *at)
		return NULL;
	*at += RTNH_ALIGN(h->rtnh_len);
	return h;
}

static int read_gw(struct nlreq *r, const struct rtnexthop *h, struct route *rt)
{
	const struct nlattr *a;
	size_t at = sizeof(*h);

	rt->gw = IP_NONE;
	while ((a = attr_take(h, h->rtnh_len, &at))) {
		struct nlreq one = { .tb = { [RTA_GATEWAY] = a } };

		if (mnl_attr_get_type(a) == RTA_VIA || mnl_attr_get_type(a) == RTA_ENCAP)
			return -EOPNOTSUPP;
		if (mnl_attr_get_type(a) == RTA_GATEWAY &&
		    req_ip(&one, RTA_GATEWAY, req_family(r), &rt->gw) < 0)
			return -EINVAL;
	}
	if (ip_is_any(&rt->gw))
		rt->gw = IP_NONE;
	return 0;
}

/* One hop, of which all but the way is *rt already. */
static int read_hop(struct nlreq *r, const struct rtnexthop *h, struct route *rt)
{
	uint32_t index = (uint32_t)h->rtnh_ifindex;

	rt->nif = index ? netif_by_index(r->st, index) : NULL;
	rt->weight = h->rtnh_hops;
	rt->onlink = h->rtnh_flags & RTNH_F_ONLINK;
	if (index && !rt->nif)
		return -ENODEV;
	return read_gw(r, h, rt);
}

int read_hops(struct nlreq *r, const struct route *rt, struct route hops[HOPS_MAX])
{
	const struct rtnexthop *h;
	size_t at = 0;
	int n = 0, e;

	while ((h = hop_take(r->tb[RTA_MULTIPATH], &at))) {
		if (n == HOPS_MAX)
			return refuse(r, -EINVAL, "too many next hops");
		hops[n] = *rt;
		e = read_hop(r, h, &hops[n++]);
		if (e)
			return e;
	}
	return n ? n : refuse(r, -EINVAL, "Invalid nexthop configuration - extra data after nexthop");
}
