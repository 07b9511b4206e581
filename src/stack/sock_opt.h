/* sock_opt.h - pieces of sock.c that options and protocols use */
#ifndef STACK_SOCK_OPT_H
#define STACK_SOCK_OPT_H

#include "stack/sock.h"

/* A destination fit for the socket's family and link; :: becomes ::1. */
int sock_dst_check(struct sock *so, struct endpoint *ep);
int sock_group_join(struct sock *so, struct netif *nif, const struct ip_addr *g);
int sock_group_leave(struct sock *so, struct netif *nif, const struct ip_addr *g);
void sock_groups_leave(struct sock *so, const struct netif *nif);

#endif
