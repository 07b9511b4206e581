/* prefer.h - what RFC 6724 compares addresses by: scope, label, precedence
 *
 * The policy table is the RFC's own (2.1). Sources are chosen by stack/source.c,
 * destinations ordered by name/order.c.
 */
#ifndef BASE_PREFER_H
#define BASE_PREFER_H

#include "base/addr.h"

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

int ip_scope(const struct ip_addr *a);	/* as in a multicast address; 3.1, 3.2 */
int ip_label(const struct ip_addr *a);
int ip_precedence(const struct ip_addr *a);

#endif
