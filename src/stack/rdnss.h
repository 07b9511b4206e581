/* rdnss.h - resolvers that routers tell, inside the stack (stack.h shows them) */
#ifndef STACK_RDNSS_H
#define STACK_RDNSS_H

#include "proto/proto.h"
#include "stack/stack.h"

void rdnss_heard(struct netif *nif, const struct nd_opts *o);
void rdnss_flush(struct netif *nif);

#endif
