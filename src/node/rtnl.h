/* rtnl.h - the node's interfaces, addresses and routes, as rtnetlink tells them
 *
 * Dumps (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE) and one link by index or name:
 * what getifaddrs, getaddrinfo and ip show ask for. Anything else is answered
 * with -EOPNOTSUPP.
 */
#ifndef NODE_RTNL_H
#define NODE_RTNL_H

#include "stack/stack.h"

#define RTNL_BUF 8192		/* no answer is longer than this at once */

/* Answers the messages of one datagram from a program; pid is its netlink
 * address. emit takes each datagram of the answer, in order. */
void rtnl_answer(struct stack *st, const void *req, size_t len, uint32_t pid,
		 void (*emit)(void *ctx, const void *buf, size_t len), void *ctx);

#endif
