/* forward.h - the stack as a router */
#ifndef STACK_FORWARD_H
#define STACK_FORWARD_H

#include "proto/proto.h"
#include "stack/ip.h"

/* cur and l3 at the IP header, which was checked. Takes pkt. */
enum drop forward4(struct netif *nif, struct pkt *pkt, const struct ip4 *h);
enum drop forward6(struct netif *nif, struct pkt *pkt, const struct ip6 *h);
/* rp_filter: may this source speak by that interface? cur at the IP header. */
bool forward_source_ok(struct netif *nif, const struct pkt *pkt, const struct ip4 *h);
void forward_update(struct stack *st);	/* a parameter was set */
void forward_netif(struct netif *nif, bool on);	/* joins or leaves the routers' groups */

#endif
