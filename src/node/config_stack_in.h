/* config_stack_in.h - between config_stack.c, config_rtnl.c and config_sock.c */
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

struct conf_sock {
	struct list	link;
	struct stack_config *sc;
	enum conf_way	way;
	unsigned	ifindex;
	int		fd;
	int		quiet;		/* DHCP4: takes what comes to the port; -1 */
};

void stack_config_kick(void);	/* who looks after them looks again */

/* config_rtnl.c: all but ran and those of config_sock.c, as of struct config_ops */
extern const struct config_ops conf_rtnl_ops;
struct conf_sock *conf_sock_open(void *ctx, unsigned ifindex, enum conf_way way);
void conf_sock_close(struct conf_sock *s);
void conf_sock_send(struct conf_sock *s, const void *p, size_t n);
size_t conf_sock_recv(struct conf_sock *s, void *p, size_t size);

#endif
