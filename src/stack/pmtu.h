/* pmtu.h - what is known of path MTUs (RFC 1191, RFC 8201) */
#ifndef STACK_PMTU_H
#define STACK_PMTU_H

#include "stack/stack.h"

struct pmtu_table *pmtu_table_new(void);
void pmtu_table_free(struct stack *st);
/* The MTU towards dst: the link's, or less if a router said so. */
uint32_t pmtu_of(struct stack *st, const struct ip_addr *dst, uint32_t link_mtu);

#endif
