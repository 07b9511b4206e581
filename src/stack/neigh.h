/* neigh.h - neighbours: one machine for ARP and ND (RFC 4861 7.3)
 *
 * out:  neigh_out -> (arp_request | nd_solicit) ... neigh_advert -> eth_out
 */
#ifndef STACK_NEIGH_H
#define STACK_NEIGH_H

#include "stack/stack.h"

enum neigh_state {
	NEIGH_INCOMPLETE,	/* asked for the link address; packets wait */
	NEIGH_REACHABLE,	/* confirmed not long ago */
	NEIGH_STALE,		/* not lately, and nobody cares */
	NEIGH_DELAY,		/* in use: an upper layer may confirm it */
	NEIGH_PROBE,		/* nobody did: asking it directly */
	NEIGH_FAILED,		/* no answer */
	NEIGH_PERMANENT,	/* set by hand */
	N_NEIGH_STATES
};

struct neigh {
	struct map_node	node;
	struct list	lru;		/* most recently used first */
	struct netif	*nif;
	struct ip_addr	addr;
	struct mac	mac;
	enum neigh_state state;
	bool		router;
	bool		silent;		/* it failed, and has not spoken since */
	uint8_t		probes;
	struct stimer	timer;
	usec		confirmed;
	struct list	queue;		/* packets, INCOMPLETE only */
	unsigned	queued;
	usec		answered;	/* when those that waited last left; 0: never */
};

struct neigh_table *neigh_table_new(void);
void neigh_table_free(struct stack *st);
void neigh_flush(struct netif *nif);

/* It spoke to us, of itself: an entry comes to be (RFC 4861 7.2.3, RFC 826). */
void neigh_heard(struct netif *nif, const struct ip_addr *addr, const struct mac *mac);
enum { ADV_SOLICITED = 1, ADV_OVERRIDE = 2, ADV_ROUTER = 4, ADV_IS_ND = 8 };
/* An advertisement or ARP reply (RFC 4861 7.2.5); mac NULL: it gave none. */
void neigh_advert(struct netif *nif, const struct ip_addr *addr, const struct mac *mac,
		  unsigned flags);
/* By hand: PERMANENT, REACHABLE or STALE with that link address; 0, -EINVAL. */
int neigh_set(struct netif *nif, const struct ip_addr *addr, const struct mac *mac,
	      enum neigh_state state);
int neigh_del(struct netif *nif, const struct ip_addr *addr);	/* 0, -ENOENT */
/* Entries of an interface, but not those set by hand; only6: IPv6 leaves it, all
 * of IPv6's. */
void neigh_forget(struct netif *nif, bool only6);
struct neigh *neigh_find(struct netif *nif, const struct ip_addr *addr);
struct neigh *neigh_next(struct stack *st, struct neigh *n);	/* for show; NULL starts */
const char *neigh_state_name(enum neigh_state s);

/* What it asks with: to is NULL for the link at large. arp.c, nd.c. */
void arp_request(struct netif *nif, const struct ip_addr *target, const struct ip_addr *src,
		 const struct mac *to);
void nd_solicit(struct netif *nif, const struct ip_addr *target, const struct ip_addr *src,
		const struct mac *to);
void arp_announce(const struct netif_addr *a);
void arp_probe(const struct netif_addr *a);

#endif
