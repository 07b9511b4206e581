/* rt_ioctl.c - the route and ARP ioctls of old (SIOCADDRT, arp(7)) */
#include <assert.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>

#include "node/ioctl_in.h"
#include "node/rtnl_in.h"
#include "stack/neigh.h"

static_assert(sizeof(struct in6_rtmsg) == IN6_RTMSG_SIZE, "the kernel's");

/* --- routes --- */

static int route_way(struct stack *st, struct route *r)
{
	struct route_key k = { .dst = r->gw, .oif = r->nif ? r->nif->index : 0 };
	const struct route *way;

	if (ip_is_any(&r->gw)) {
		r->gw = IP_NONE;
		r->scope = RT_SCOPE_LINK;
		return r->nif ? 0 : -ENODEV;
	}
	if (r->nif && !ip_is_v4(&r->gw) && ip_is_linklocal(&r->gw))
		return 0;
	if (route_lookup(st, &k, &way) < 0)
		return -ENETUNREACH;
	r->nif = way->nif;
	return 0;
}

static int route_change(struct stack *st, struct route *r, bool add, bool host)
{
	struct ip_addr masked = ip_mask(&r->dst, r->len);
	const struct route *o;
	struct route copy;
	int e;

	if (!ip_eq(&masked, &r->dst) && !host)
		return -EINVAL;
	if (add) {
		e = route_way(st, r);
		return e ? e : route_add(st, r);
	}
	for (o = route_next(st, NULL); o; o = route_next(st, o)) {
		if (o->table == TABLE_MAIN && o->len == r->len && ip_eq(&o->dst, &r->dst) &&
		    (ip_is_any(&r->gw) || ip_eq(&r->gw, &o->gw)) &&
		    (!r->nif || r->nif == o->nif) && (!r->metric || r->metric == o->metric)) {
			copy = *o;
			return route_del(st, &copy);
		}
	}
	return -ESRCH;
}

int route4_ioctl(struct stack *st, bool add, void *arg)
{
	const struct rtentry *rt = arg;
	struct route r = { .table = TABLE_MAIN, .protocol = PROTO_BOOT, .type = ROUTE_UNICAST };
	const char *dev = (const char *)(rt + 1);	/* what rt_dev pointed to */
	struct ip_addr mask;
	int len = 32;

	if (!sin_read(&rt->rt_dst, &r.dst))
		return -EAFNOSUPPORT;
	r.gw = IP_NONE;
	if (rt->rt_flags & RTF_GATEWAY && !sin_read(&rt->rt_gateway, &r.gw))
		return -EINVAL;
	if (!(rt->rt_flags & RTF_HOST)) {
		sin_read(&rt->rt_genmask, &mask);
		len = mask_len(&mask);
	}
	if (len < 0)
		return len;
	r.len = (uint8_t)len;
	r.metric = rt->rt_metric > 0 ? (uint32_t)rt->rt_metric - 1 : 0;
	r.mtu = rt->rt_flags & RTF_MTU ? (uint32_t)rt->rt_mtu : 0;
	if (rt->rt_flags & RTF_REJECT)
		r.type = ROUTE_UNREACHABLE;
	r.nif = *dev ? if_named(st, dev) : NULL;
	if (*dev && !r.nif)
		return -ENODEV;
	if (r.type == ROUTE_UNREACHABLE && add) {
		r.nif = NULL;
		r.gw = IP_NONE;
		return route_add(st, &r);
	}
	return route_change(st, &r, add, false);
}

int route6_ioctl(struct stack *st, bool add, void *arg)
{
	const struct in6_rtmsg *m = arg;
	struct route r = {
		.dst = ip_from_v6(m->rtmsg_dst.s6_addr), .gw = ip_from_v6(m->rtmsg_gateway.s6_addr),
		.nif = netif_by_index(st, (uint32_t)m->rtmsg_ifindex), .table = TABLE_MAIN,
		.metric = m->rtmsg_metric, .protocol = PROTO_BOOT, .type = ROUTE_UNICAST,
	};

	if (m->rtmsg_dst_len > 128 || ip_is_v4(&r.dst) || (!ip_is_any(&r.gw) && ip_is_v4(&r.gw)))
		return -EINVAL;
	if (m->rtmsg_ifindex && !r.nif)
		return -ENODEV;
	r.len = (uint8_t)m->rtmsg_dst_len;
	r.dst = ip_mask(&r.dst, r.len);
	if (add && !r.metric)
		r.metric = 1024;	/* as Linux's */
	return route_change(st, &r, add, true);
}

/* --- ARP --- */

int arp_ioctl(struct stack *st, uint32_t cmd, void *arg)
{
	struct arpreq *req = arg;
	struct route_key k = { .mark = 0 };
	const struct route *way;
	struct netif *nif;
	struct neigh *n;
	struct mac mac;
	int e = 0;

	if (!sin_read(&req->arp_pa, &k.dst))
		return -EPFNOSUPPORT;
	req->arp_dev[sizeof(req->arp_dev) - 1] = 0;
	if (!req->arp_dev[0])
		e = route_lookup(st, &k, &way);
	if (e)
		return e;
	nif = req->arp_dev[0] ? if_named(st, req->arp_dev) : way->nif;
	if (!nif)
		return -ENODEV;
	n = neigh_find(nif, &k.dst);
	if (cmd == SIOCDARP)
		return n ? neigh_del(nif, &k.dst) : -ENXIO;
	memcpy(&mac, req->arp_ha.sa_data, sizeof(mac));
	if (cmd == SIOCSARP)
		return neigh_set(nif, &k.dst, &mac, req->arp_flags & ATF_PERM ? NEIGH_PERMANENT :
							     NEIGH_STALE);
	if (!n)
		return -ENXIO;
	req->arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(req->arp_ha.sa_data, &n->mac, sizeof(n->mac));
	req->arp_flags = ATF_COM | (n->state == NEIGH_PERMANENT ? ATF_PERM : 0);
	snprintf(req->arp_dev, sizeof(req->arp_dev), "%s", nif->name);
	return 0;
}
