/* netif.h - interfaces, for the other files of the stack */
#ifndef STACK_NETIF_H
#define STACK_NETIF_H

#include "proto/proto.h"
#include "stack/stack.h"

struct netif *loopback_add(struct stack *st);
/* Our own copy of what we send to a group by nif: comes in there at the next
 * stack_run, marked. IP header at cur. Takes pkt. */
void netif_loop(struct netif *nif, struct pkt *pkt, uint16_t type);
#define PKT_LOOPED	1	/* pkt->note of a frame that never left */
/* May it be the source of what we send, the target of what comes? */
static inline bool addr_usable(const struct netif_addr *a)
{
	return a->state == ADDR_OK || a->state == ADDR_OPTIMISTIC;
}
static inline bool netif_is_up(const struct netif *nif) { return nif->flags & NETIF_UP; }
/* A link of less than IPv6's least MTU carries no IPv6 (RFC 8200 5). */
static inline bool netif_has_ip6(const struct netif *nif) { return nif->mtu >= IP6_MIN_MTU; }
static inline bool netif_is_lo(const struct netif *nif) { return nif->flags & NETIF_LOOPBACK; }

static inline uint32_t netif_mtu(const struct netif *nif, bool v4)
{
	return !v4 && nif->mtu6 ? MIN(nif->mtu6, nif->mtu) : nif->mtu;
}

/* Wire frames to hop that would be taken now without loss. */
static inline uint32_t netif_room(struct netif *nif, const struct ip_addr *hop)
{
	const struct netif_ops *ops = nif->ops;

	if (ops && ops->room_to)
		return ops->room_to(nif, hop);
	return ops && ops->room ? ops->room(nif) : UINT32_MAX;
}

/* Where payload for hop is best written; NULL: nowhere. */
static inline struct arena *netif_arena(struct netif *nif, const struct ip_addr *hop)
{
	return nif->arena && nif->ops->arena_to ? nif->ops->arena_to(nif, hop) : nif->arena;
}

/* Between two solicitations of a neighbour (RFC 4861 6.3.2). */
static inline usec netif_retrans(const struct netif *nif)
{
	return (nif->retrans_ms ? nif->retrans_ms : nif->st->param.retrans_time_ms) *
	       USEC_PER_MSEC;
}

/* addr.c */
int addr_add(struct netif *nif, const struct netif_addr *want);
void addr_up(struct netif_addr *a);		/* the interface came up: DAD, announcement */
void addr_down(struct netif_addr *a);		/* with the interface; IPv6: removed */
void addr_conflict(struct netif_addr *a);	/* somebody else has it (RFC 4862 5.4.5) */
void addr_remove(struct netif_addr *a);
void addr_life_set(struct netif_addr *a, usec valid, usec preferred);
/* The usable link-local IPv6 address; NULL: none. */
struct netif_addr *netif_linklocal(const struct netif *nif);
/* A subnet's or the limited broadcast address on this interface. */
bool netif_is_broadcast(const struct netif *nif, const struct ip_addr *a);
/* The address of nif with an on-link prefix that covers a; NULL: none. */
struct netif_addr *netif_subnet(const struct netif *nif, const struct ip_addr *a);

/* group.c */
/* Announces what was joined while down; only6: IPv4 was up. */
void groups_up(struct netif *nif, bool only6);
void groups_down(struct netif *nif, bool only6);
void groups_init(struct netif *nif);
void groups_free(struct netif *nif);

#endif
