/* route.h - the tables' life, and what rules need of them */
#ifndef STACK_ROUTE_H
#define STACK_ROUTE_H

#include "stack/stack.h"

struct route_table *route_table_new(void);
void route_table_free(struct route_table *t);
/* Longest prefix of one table, then lowest metric, of any type; NULL: none. */
const struct route *route_in_table(struct stack *st, uint32_t table, const struct route_key *k);
/* As if nobody had heard of its gateway; or as if it answered again. */
void route_avoid(struct stack *st, const struct route *r, bool avoid);

/* Who has a route: it stays until nobody has. What route_add adds is by hand, and
 * what route_del takes away is gone for all. */
enum route_by { BY_HAND = 1, BY_ADDR = 2, BY_ROUTER = 4 };
int route_join(struct stack *st, const struct route *r, enum route_by by);	/* 0, -EINVAL, -ENOSPC */
void route_leave(struct stack *st, const struct route *r, enum route_by by);
void route_expires(struct stack *st, const struct route *r, usec at);	/* a router's; for show */

/* --- several next hops (route_hops.c) --- */

/* All or none of them, as one route: 0, or what route_add says. */
int route_add_hops(struct stack *st, struct route *hops, unsigned n);
/* One more beside old. */
int route_join_hops(struct stack *st, const struct route *old, struct route *r);
void route_del_hops(struct stack *st, const struct route *r);	/* and all of its group */
const struct route *route_first_hop(const struct stack *st, const struct route *r);
const struct route *route_next_hop(const struct stack *st, const struct route *r);	/* NULL: none */
/* Of the group of r that one by which the flow goes. */
const struct route *route_hop(struct stack *st, const struct route *r, const struct route_key *k);

/* For it (route.c): quiet: nobody is told. */
int route_put(struct stack *st, const struct route *r, bool quiet);
void route_take(struct stack *st, const struct route *r, bool quiet);
uint32_t route_new_group(struct stack *st);
void route_set_group(struct stack *st, const struct route *r, uint32_t group);

struct rule_table *rule_table_new(void);
void rule_table_free(struct rule_table *t);
bool rules_ask_ports(const struct stack *st);	/* or what the packet carries */

#endif
