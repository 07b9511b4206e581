/* config_stack_in.h - between config_stack.c and config_rtnl.c */
#ifndef NODE_CONFIG_STACK_IN_H
#define NODE_CONFIG_STACK_IN_H

#include "node/config_in.h"
#include "node/kind.h"
#include "proto/proto.h"

struct stack_config {
	struct list	link;		/* of all */
	struct ioth	*s;
	pid_t		owner;		/* the process that looks after it */
	struct config	*config;
	struct config_ops ops;
	int		netlink, news;
	unsigned	waiters;	/* threads that wait for it to be done */
	struct list	socks;		/* conf_sock.link */
	unsigned	told_if;	/* whose routers told: */
	struct nd_opts	told;
	usec		dns_at, search_at;	/* when */
	char		*last;		/* resolv.conf, as it was when asked for last */
};

/* All but the ways out and ran. */
extern const struct config_ops conf_rtnl_ops;

#endif
