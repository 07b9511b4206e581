/* order.h - which of a name's addresses to try first (RFC 6724 6) */
#ifndef NAME_ORDER_H
#define NAME_ORDER_H

#include "base/addr.h"

struct dest {
	struct ip_addr	addr;
	struct ip_addr	source;		/* that the stack would speak from */
	bool		reachable;	/* it has one */
	unsigned	index;		/* the caller's */
};

void dest_sort(struct dest *d, unsigned n);

#endif
