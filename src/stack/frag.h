/* frag.h - reassembly, one table for both families */
#ifndef STACK_FRAG_H
#define STACK_FRAG_H

#include "stack/ip.h"

/* Where a fragment belongs and what part it is. */
struct frag {
	uint32_t	id;
	uint8_t		proto;		/* IPv4: part of the key. IPv6: next header */
	uint32_t	off;		/* bytes */
	bool		more;
};

struct frag_table *frag_table_new(void);
void frag_table_free(struct stack *st);
void frag_flush(struct netif *nif);
/* cur at the fragment's data, trimmed to it. Takes pkt, and when the datagram is
 * whole hands it on: ip_deliver (IPv4), ip6_headers_in (IPv6). */
enum drop frag_in(struct stack *st, struct pkt *pkt, const struct ip *ip, const struct frag *f);
size_t frag_held(const struct stack *st);	/* bytes in the table */

#endif
