/* route.h - the route table's life */
#ifndef STACK_ROUTE_H
#define STACK_ROUTE_H

#include "stack/stack.h"

struct route_table *route_table_new(void);
void route_table_free(struct route_table *t);

#endif
