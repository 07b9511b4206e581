/* addr_label.h - the labels of IPv6 addresses (RFC 6724 2.1) */
#ifndef STACK_ADDR_LABEL_H
#define STACK_ADDR_LABEL_H

#include "stack/stack.h"

#define LABEL_NONE	UINT32_MAX

struct addr_label {
	struct ip_addr	prefix;
	uint8_t		len;
	uint32_t	ifindex;	/* 0: of any interface */
	uint32_t	label;
};

uint32_t addr_label(const struct stack *st, const struct ip_addr *a, uint32_t ifindex);
const struct addr_label *addr_label_find(const struct stack *st, const struct ip_addr *a,
					 uint32_t ifindex);	/* NULL: none */
const struct addr_label *addr_label_at(const struct stack *st, unsigned i);
/* 0, -EEXIST, -ENOBUFS. */
int addr_label_set(struct stack *st, const struct addr_label *want, bool replace);
int addr_label_del(struct stack *st, const struct addr_label *gone);	/* 0, -ESRCH */
void addr_labels_free(struct stack *st);

#endif
