/* slaac.h - addresses from prefixes, for the files about routers and addresses */
#ifndef STACK_SLAAC_H
#define STACK_SLAAC_H

#include "proto/proto.h"
#include "stack/stack.h"

/* addr_gen_mode, linklocal_gen_mode: numbers as IN6_ADDR_GEN_MODE_*. */
enum { GEN_EUI64 = 0, GEN_NONE = 1, GEN_STABLE = 2, GEN_RANDOM = 3 };

usec life_until(const struct stack *st, uint32_t seconds);	/* all ones: NEVER */
/* The address in prefix/64; counter: how many before it were somebody's. False: none. */
bool slaac_address(const struct netif *nif, uint32_t mode, const struct ip_addr *prefix,
		   uint8_t counter, struct ip_addr *out);
/* RFC 4862 5.3; counter as above. */
void slaac_linklocal(struct netif *nif, uint8_t counter);
void slaac_prefix(struct netif *nif, const struct ip_addr *router, const struct nd_prefix *p);
/* True: another was taken in its place, and a is gone. */
bool slaac_conflict(struct netif_addr *a);
void slaac_regenerate(struct netif_addr *a);

#endif
