/* api_netlink.h - rtnetlink to a stack of any kind */
#ifndef NODE_API_NETLINK_H
#define NODE_API_NETLINK_H

#include <libmnl/libmnl.h>

#include "node/kind.h"

#define NL_BUF		32768		/* no datagram of an answer is longer */
#define NL_REQ_MAX	8192
#define NL_ADDED	(NLM_F_CREATE | NLM_F_EXCL)

/* A socket to ask it by, to be given to ioth_close. -1 with errno. */
int nl_open(struct ioth *s);
/* Calls each for each message of the answer, until its end. -1 with errno. */
int nl_ask(int fd, const struct nlmsghdr *req, mnl_cb_t each, void *arg);
/* Asks for all objects of a kind, RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE. */
int nl_dump(int fd, uint16_t type, mnl_cb_t each, void *arg);

struct nl_request {
	union { struct nlmsghdr h; char b[NL_REQ_MAX]; };
};

/* Begins r: its header of len octets, which is zero. */
void *nl_request(struct nl_request *r, uint16_t type, uint16_t flags, size_t len);
/* 0, also where what was done is a link; -1 with errno. */
int nl_tell(struct ioth *s, const struct nl_request *r);

#endif
