/* nd.h - neighbour discovery beyond the neighbours: addresses and routers */
#ifndef STACK_ND_H
#define STACK_ND_H

#include "stack/stack.h"

void nd_dad_probe(struct netif_addr *a);	/* one solicitation (RFC 4862 5.4.2) */
void nd_announce(struct netif_addr *a);		/* unsolicited NA; nothing for IPv4 */

/* msg is a whole ICMPv6 message whose checksum is still to be filled in. */
struct wr;
void nd_send(struct netif *nif, const struct wr *msg, const struct ip_addr *src,
	     const struct ip_addr *dst, const struct mac *to);

/* Do routers tell us anything? Not while we are one, unless accept_ra is 2. */
static inline bool nd_accepts_ra(const struct stack *st)
{
	const struct param *p = &st->param;

	return p->accept_ra && (!p->forwarding || p->accept_ra == 2);
}

/* solicit.c: asking for routers (RFC 4861 6.3.7) */
void nd_solicit_routers(struct netif *nif);
void solicit_end(struct netif *nif);

/* router.c: what routers tell (RFC 4861 6.3) */
struct nd_ra;
void nd_netif_init(struct netif *nif);
void nd_netif_down(struct netif *nif);		/* what routers told is forgotten */
void router_heard(struct netif *nif, const struct ip_addr *src, const struct nd_ra *ra);
/* It is no router any more (RFC 4861 7.2.5). */
void router_gone(struct netif *nif, const struct ip_addr *addr);
void router_silent(struct netif *nif, const struct ip_addr *addr);
void router_speaks(struct netif *nif, const struct ip_addr *addr);
/* Both families; false: not from whom we would have sent it to. */
bool router_redirect(struct netif *nif, const struct ip_addr *from,
		     const struct ip_addr *dst, const struct ip_addr *target);

#endif
