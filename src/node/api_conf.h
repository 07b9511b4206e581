/* api_conf.h - rtnetlink to a stack of any kind */
#ifndef NODE_API_CONF_H
#define NODE_API_CONF_H

#include <libmnl/libmnl.h>

#include "node/kind.h"

#define CONF_BUF	32768		/* no datagram of an answer is longer */

/* A socket to ask it by, to be given to ioth_close. -1 with errno. */
int conf_open(struct ioth *s);
/* Calls each for each message of the answer, until its end. -1 with errno. */
int conf_ask(int fd, const struct nlmsghdr *req, mnl_cb_t each, void *arg);
/* Asks for all objects of a kind, RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE. */
int conf_dump(int fd, uint16_t type, mnl_cb_t each, void *arg);

#endif
