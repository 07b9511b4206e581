/* addr.c - the addresses of interfaces and their tests (RFC 4862, RFC 4429)
 *
 * An IPv6 address is TENTATIVE until nobody has answered dad_transmits
 * solicitations for it, or OPTIMISTIC when it may already be used with care:
 * no link-layer option in what we send from it, no override in what we
 * advertise (RFC 4429 3.2, 3.3). An IPv4 address is used at once and announced
 * (RFC 5227 2.3). Each address brings the route to its prefix.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"

static struct route connected_route(const struct netif_addr *a)
{
	return (struct route){
		.dst = ip_mask(&a->addr, a->len), .len = a->len,
		.nif = a->nif,
		.metric = ip_is_v4(&a->addr) ? 0 : 256,	/* as Linux's */
	};
}

static void addr_settled(struct netif_addr *a)
{
	a->state = ADDR_OK;
	route_changed(a->nif->st);
	nd_announce(a);
}

/* RFC 4862 5.4: one solicitation, then wait for the answer of an owner. */
static void dad_fire(struct stack *st, struct stimer *tm)
{
	struct netif_addr *a = container_of(tm, struct netif_addr, dad);

	if (!a->dad_left) {
		addr_settled(a);
		return;
	}
	a->dad_left--;
	stimer_set(st, &a->dad, st->now + st->param.retrans_time_ms * USEC_PER_MSEC);
	nd_dad_probe(a);
}

static void life_fire(struct stack *st, struct stimer *tm)
{
	addr_remove(container_of(tm, struct netif_addr, life));
}

void addr_up(struct netif_addr *a)
{
	struct stack *st = a->nif->st;
	bool test = !ip_is_v4(&a->addr) && !(a->nif->flags & NETIF_NOARP);

	if (a->state == ADDR_DUPLICATE)
		return;
	if (ip_is_v4(&a->addr))
		arp_announce(a);
	if (!test || !st->param.dad_transmits) {
		addr_settled(a);
		return;
	}
	a->state = st->param.optimistic_dad ? ADDR_OPTIMISTIC : ADDR_TENTATIVE;
	a->dad_left = (uint8_t)st->param.dad_transmits;
	dad_fire(st, &a->dad);
}

void addr_conflict(struct netif_addr *a)
{
	struct stack *st = a->nif->st;

	stimer_set(st, &a->dad, NEVER);
	a->state = ADDR_DUPLICATE;
	route_changed(st);
}

static bool addr_valid(const struct netif *nif, const struct ip_addr *a, unsigned len)
{
	bool v4 = ip_is_v4(a);

	if (ip_is_any(a) || ip_is_multicast(a) || len > (v4 ? 32 : 128))
		return false;
	if (v4 && (ip_v4(a)[0] == 0 || ip_v4(a)[0] >= 240))
		return false;
	return !ip_is_loopback(a) || netif_is_lo(nif);
}

/* Another address may have brought the route already. */
static void route_join(const struct netif_addr *a)
{
	struct route r = connected_route(a);

	if (!a->slaac)
		route_add(a->nif->st, &r);
}

/* A /31 or /32 has none (RFC 3021 2.1), nor has IPv6. */
static struct ip_addr broadcast_of(const struct ip_addr *addr, unsigned len)
{
	return ip_is_v4(addr) && len < 31 ? ip4_subnet_broadcast(addr, len) : IP_NONE;
}

int addr_add(struct netif *nif, const struct ip_addr *addr, unsigned len, bool slaac)
{
	struct netif_addr *a;
	struct ip_addr group;

	if (!addr_valid(nif, addr, len))
		return -EINVAL;
	if (netif_addr_find(nif, addr))
		return -EEXIST;
	a = xzalloc(sizeof(*a));
	a->nif = nif;
	a->addr = *addr;
	a->len = (uint8_t)len;
	a->broadcast = broadcast_of(addr, len);
	a->slaac = slaac;
	a->state = ADDR_TENTATIVE;
	a->valid_until = a->preferred_until = NEVER;
	stimer_init(&a->dad, dad_fire);
	stimer_init(&a->life, life_fire);
	list_add_tail(&nif->addrs, &a->link);
	route_join(a);
	if (!ip_is_v4(addr)) {
		group = ip6_solicited_node(addr);	/* RFC 4861 7.2.1 */
		netif_join(nif, &group);
	}
	if (netif_is_up(nif))
		addr_up(a);
	route_changed(nif->st);
	return 0;
}

int netif_addr_add(struct netif *nif, const struct ip_addr *addr, unsigned len)
{
	return addr_add(nif, addr, len, false);
}

/* The route to the prefix goes with the last address in it. */
static void route_leave(const struct netif_addr *gone)
{
	struct route r = connected_route(gone);

	list_for(l, &gone->nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (a != gone && !a->slaac && a->len == gone->len &&
		    ip_in_prefix(&a->addr, &r.dst, r.len))
			return;
	}
	if (!gone->slaac)
		route_del(gone->nif->st, &r);
}

void addr_remove(struct netif_addr *a)
{
	struct stack *st = a->nif->st;
	struct ip_addr group;

	route_leave(a);
	stimer_set(st, &a->dad, NEVER);
	stimer_set(st, &a->life, NEVER);
	list_del(&a->link);
	if (!ip_is_v4(&a->addr)) {
		group = ip6_solicited_node(&a->addr);
		netif_leave(a->nif, &group);
	}
	route_changed(st);
	free(a);
}

int netif_addr_del(struct netif *nif, const struct ip_addr *addr, unsigned len)
{
	struct netif_addr *a = netif_addr_find(nif, addr);

	if (!a || a->len != len)
		return -EADDRNOTAVAIL;
	addr_remove(a);
	return 0;
}

struct netif_addr *netif_addr_find(const struct netif *nif, const struct ip_addr *addr)
{
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (ip_eq(&a->addr, addr))
			return a;
	}
	return NULL;
}

struct netif_addr *netif_subnet(const struct netif *nif, const struct ip_addr *addr)
{
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (addr_usable(a) && ip_in_prefix(addr, &a->addr, a->len))
			return a;
	}
	return NULL;
}

bool netif_is_broadcast(const struct netif *nif, const struct ip_addr *addr)
{
	if (!ip_is_v4(addr))
		return false;
	if (ip_eq(addr, &IP4_BROADCAST))
		return true;
	list_for(l, &nif->addrs) {
		if (ip_eq(addr, &container_of(l, struct netif_addr, link)->broadcast))
			return true;
	}
	return false;
}

/* All of 127/8 is ours (RFC 1122 3.2.1.3 (g)). */
struct netif_addr *stack_addr(struct stack *st, const struct ip_addr *addr)
{
	if (ip_is_v4(addr) && ip_is_loopback(addr))
		return netif_subnet(st->lo, addr);
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);
		struct netif_addr *a = netif_addr_find(nif, addr);

		if (a && addr_usable(a))
			return a;
	}
	return NULL;
}
