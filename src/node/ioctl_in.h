/* ioctl_in.h - what if_ioctl.c and rt_ioctl.c share */
#ifndef NODE_IOCTL_IN_H
#define NODE_IOCTL_IN_H

#include "stack/stack.h"

#define IN6_RTMSG_SIZE	80	/* struct in6_rtmsg, which two headers define */

bool sin_read(const struct sockaddr *sa, struct ip_addr *out);	/* false: not AF_INET */
int mask_len(const struct ip_addr *mask);	/* -EINVAL: not a prefix */
struct netif *if_named(struct stack *st, const char *name);	/* "eth0:1" is eth0 */

int route4_ioctl(struct stack *st, bool add, void *arg);
int route6_ioctl(struct stack *st, bool add, void *arg);
int arp_ioctl(struct stack *st, uint32_t cmd, void *arg);

#endif
