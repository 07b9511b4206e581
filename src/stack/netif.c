/* netif.c - interfaces, and the loopback among them
 *
 * An interface belongs to its stack from netif_add to netif_remove. Coming up it
 * gets a link-local address, tests and announces every address it has, and asks
 * for routers; from then on frames pass. The loopback interface is one like the
 * others whose driver puts frames in a queue that stack_run empties.
 */
#include "stack/netif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/delay.h"
#include "stack/forward.h"
#include "stack/frag.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/packet.h"
#include "stack/slaac.h"
#include "stack/sock.h"

#define LO_MTU		65536
#define MTU_MIN		68	/* RFC 791 3.2 */
#define LO_QUEUE	1000	/* frames */

struct netif *netif_add(struct stack *st, const char *name, struct mac mac, uint32_t mtu,
			uint32_t flags, const struct netif_ops *ops, void *ctx)
{
	struct netif *nif = xzalloc(sizeof(*nif));

	nif->st = st;
	nif->index = ++st->last_ifindex;
	strncpy(nif->name, name, sizeof(nif->name) - 1);
	nif->mac = mac;
	nif->mtu = nif->mtu_max = mtu;
	nif->flags = flags & ~(uint32_t)NETIF_UP;
	nif->ops = ops;
	nif->ctx = ctx;
	list_init(&nif->addrs);
	list_init(&nif->stalled);
	list_init(&nif->loop);
	groups_init(nif);
	nd_netif_init(nif);
	list_add_tail(&st->netifs, &nif->link);
	if (st->is_router)
		forward_netif(nif, true);
	route_changed(st);
	stack_tell(st, CHANGE_LINK, false, nif);
	return nif;
}

/* Frames on their way in through the loopback queue. */
static void loop_forget(struct netif *nif)
{
	struct netif *lo = nif->st->lo;

	list_for_safe(l, &lo->loop) {
		struct pkt *pkt = container_of(l, struct pkt, link);

		if (pkt->nif != nif)
			continue;
		list_del(l);
		lo->looped--;
		pkt_free(pkt);
	}
}

void netif_remove(struct netif *nif)
{
	struct stack *st = nif->st;

	nif->flags &= ~(uint32_t)NETIF_UP;
	stack_tell(st, CHANGE_LINK, true, nif);
	list_del(&nif->link);
	while (!list_empty(&nif->stalled))
		list_del(nif->stalled.next);
	sock_netif_gone(nif);
	packet_netif_down(nif);
	nd_netif_down(nif);
	while (!list_empty(&nif->addrs))
		addr_remove(list_first(&nif->addrs, struct netif_addr, link));
	groups_free(nif);
	route_flush(nif, false);
	neigh_flush(nif);
	frag_flush(nif);
	loop_forget(nif);
	delay_forget(nif);
	route_changed(st);
	free(nif);
}

/* What every interface has of IPv6; was lost going down. */
static void addrs6_own(struct netif *nif)
{
	static const struct ip_addr lo6 = { { [15] = 1 } };

	if (netif_is_lo(nif))
		netif_addr_add(nif, &lo6, 128);
	slaac_linklocal(nif, 0);
}

void netif_up(struct netif *nif)
{
	if (netif_is_up(nif))
		return;
	addrs6_own(nif);
	nif->flags |= NETIF_UP;
	netif_changed(nif);
	groups_up(nif, false);
	list_for(l, &nif->addrs)
		addr_up(container_of(l, struct netif_addr, link));
	nd_solicit_routers(nif);
}

/* As Linux: IPv4 addresses stay, IPv6 addresses and all routes go. */
void netif_down(struct netif *nif)
{
	if (!netif_is_up(nif))
		return;
	nif->flags &= ~(uint32_t)NETIF_UP;
	packet_netif_down(nif);
	groups_down(nif, false);
	nd_netif_down(nif);
	list_for_safe(l, &nif->addrs)
		addr_down(container_of(l, struct netif_addr, link));
	route_flush(nif, false);
	neigh_forget(nif, false);
	frag_flush(nif);
	delay_forget(nif);
	netif_changed(nif);
}

/* As Linux: all of IPv6 goes with the MTU, and comes with it again. */
static void ip6_begin(struct netif *nif)
{
	if (!netif_is_up(nif))
		return;
	groups_up(nif, true);
	addrs6_own(nif);
	nd_solicit_routers(nif);
}

static void ip6_end(struct netif *nif)
{
	groups_down(nif, true);
	nd_netif_down(nif);
	list_for_safe(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (!ip_is_v4(&a->addr))
			addr_remove(a);
	}
	route_flush(nif, true);
	neigh_forget(nif, true);
}

int netif_set_mtu(struct netif *nif, uint32_t mtu)
{
	bool had = netif_has_ip6(nif);

	if (mtu < MTU_MIN || mtu > nif->mtu_max)
		return -EINVAL;
	nif->mtu = mtu;
	if (had && !netif_has_ip6(nif))
		ip6_end(nif);
	netif_changed(nif);
	if (!had && netif_has_ip6(nif))
		ip6_begin(nif);
	return 0;
}

void netif_changed(struct netif *nif)
{
	route_changed(nif->st);
	stack_tell(nif->st, CHANGE_LINK, false, nif);
}

/* Each is tried once. Who finds no room again keeps its place before those that had
 * some and want more. */
void netif_ready(struct netif *nif)
{
	struct list waiting, missed, *l;

	list_init(&waiting);
	list_init(&missed);
	list_splice_tail(&waiting, &nif->stalled);
	while ((l = list_pop(&waiting))) {
		struct sock *so = container_of(l, struct sock, stall);
		uint64_t sent = nif->tx_frames;

		so->ops->resume(so);	/* it may end so */
		if (nif->stalled.prev == l && nif->tx_frames == sent) {
			list_del(l);
			list_add_tail(&missed, l);
		}
	}
	list_splice_tail(&missed, &nif->stalled);
	list_splice_tail(&nif->stalled, &missed);
}

struct netif *netif_by_index(struct stack *st, uint32_t index)
{
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);

		if (nif->index == index)
			return nif;
	}
	return NULL;
}

struct netif *netif_by_name(struct stack *st, const char *name)
{
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);

		if (!strcmp(nif->name, name))
			return nif;
	}
	return NULL;
}

static void lo_out(struct netif *nif, struct pkt *pkt)
{
	if (nif->looped >= LO_QUEUE) {
		drop(nif->st, pkt, DROP_NETIF_FULL);
		return;
	}
	list_add_tail(&nif->loop, &pkt->link);
	nif->looped++;
}

void netif_loop(struct netif *nif, struct pkt *pkt, uint16_t type)
{
	struct eth e = { nif->mac, nif->mac, type };
	struct wr w = wr_of(pkt_push(pkt, ETH_LEN), ETH_LEN);

	eth_emit(&w, &e);
	pkt->nif = nif;
	lo_out(nif->st->lo, pkt);
}

static uint32_t lo_room(struct netif *nif)
{
	return LO_QUEUE - nif->looped;
}

static const struct netif_ops lo_ops = { .out = lo_out, .room = lo_room };

struct netif *loopback_add(struct stack *st)
{
	struct netif_addr want = {
		.addr = IP4(127, 0, 0, 1), .len = 8, .quiet_brd = true,
		.valid_until = NEVER, .preferred_until = NEVER,
	};
	struct netif *lo = netif_add(st, "lo", (struct mac){ { 0 } }, LO_MTU,
				     NETIF_LOOPBACK | NETIF_NOARP, &lo_ops, NULL);

	netif_addr_put(lo, &want, false);
	netif_up(lo);
	return lo;
}
