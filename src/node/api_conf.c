/* api_conf.c - ioth.h: interfaces, addresses and routes of a stack */
#include <errno.h>

#include "node/kind.h"
#include "node/native.h"

static int result(int ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static struct node *node_of(const struct ioth *s)
{
	return ((struct native *)s->data)->node;
}

static struct ip_addr addr_of(int family, const void *p)
{
	return family == AF_INET ? ip_from_v4(p) : ip_from_v6(p);
}

unsigned ioth_if_nametoindex(struct ioth *s, const char *ifname)
{
	struct netif *nif;
	unsigned index = 0;

	node_lock(node_of(s));
	nif = netif_by_name(node_of(s)->st, ifname);
	if (nif)
		index = nif->index;
	else
		errno = ENODEV;
	node_unlock(node_of(s));
	return index;
}

static int addr_change(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex,
		       int (*change)(struct netif *, const struct ip_addr *, unsigned))
{
	struct netif *nif;
	struct ip_addr a;
	int ret = -ENODEV;

	if ((family != AF_INET && family != AF_INET6) || prefix < 0 ||
	    prefix > (family == AF_INET ? 32 : 128))
		return result(-EINVAL);
	a = addr_of(family, addr);
	node_lock(node_of(s));
	nif = netif_by_index(node_of(s)->st, ifindex);
	if (nif)
		ret = change(nif, &a, (unsigned)prefix);
	node_unlock(node_of(s));
	return result(ret);
}

int ioth_ipaddr_add(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	return addr_change(s, family, addr, prefix, ifindex, netif_addr_add);
}

int ioth_ipaddr_del(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	return addr_change(s, family, addr, prefix, ifindex, netif_addr_del);
}

static int route_change(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
			unsigned ifindex, int (*change)(struct stack *, const struct route *))
{
	struct route r = { .metric = 1024 };
	int ret = -ENODEV;

	if ((family != AF_INET && family != AF_INET6) || prefix < 0 ||
	    prefix > (family == AF_INET ? 32 : 128))
		return result(-EINVAL);
	if (dst) {
		r.dst = addr_of(family, dst);
		r.len = (uint8_t)prefix;
	} else {
		r.dst = family == AF_INET ? IP4_ANY : IP6_ANY;
	}
	if (gw)
		r.gw = addr_of(family, gw);
	node_lock(node_of(s));
	r.nif = netif_by_index(node_of(s)->st, ifindex);
	if (r.nif)
		ret = change(node_of(s)->st, &r);
	node_unlock(node_of(s));
	return result(ret);
}

int ioth_iproute_add(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, family, dst, prefix, gw, ifindex, route_add);
}

int ioth_iproute_del(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, family, dst, prefix, gw, ifindex, route_del);
}
