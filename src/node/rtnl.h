/* rtnl.h - netlink of a node: how programs see and change its stack
 *
 * A peer is a netlink socket of a program, kept by a front end (call_netlink.c).
 * What it asks goes to rtnl_request; answers and news leave by its emit. Its owner
 * is root of the stack: no request is refused for want of rights, unless it only
 * reads. All with the node's lock held.
 *
 *   rtnl.c         requests, answers, errors; the table of message types
 *   rtnl_link.c, rtnl_link_new.c, rtnl_addr.c, rtnl_neigh.c, rtnl_route.c, rtnl_rule.c   objects
 *   rtnl_watch.c   sockets, groups, news of what the stack itself changes
 *   diag.c         NETLINK_SOCK_DIAG: the stack's sockets
 *   if_ioctl.c, rt_ioctl.c   the ioctls of old
 */
#ifndef NODE_RTNL_H
#define NODE_RTNL_H

#include "stack/stack.h"

struct node;

#define RTNL_BUF 8192		/* no answer is longer than this at once */

struct rtnl {
	struct list	peers;
	uint32_t	seq, pid;	/* of the request under way, for its news */
	struct nlpeer	*echo;		/* who wants them himself (NLM_F_ECHO) */
};

struct nlpeer {
	struct list	link;		/* rtnl->peers */
	struct node	*n;
	int		proto;		/* NETLINK_ROUTE, NETLINK_SOCK_DIAG */
	uint32_t	pid;		/* its netlink address */
	uint64_t	groups;		/* 1 << (RTNLGRP_X - 1) */
	bool		reads;		/* may ask for things, not change them */
	bool		ext_ack, cap_ack, strict;
	bool		opens;		/* it may make interfaces: it is the node's own process */
	/* Takes a datagram. news: may be lost if the peer is slow, and the peer
	 * must be told so (ENOBUFS). */
	void		(*emit)(struct nlpeer *p, const void *buf, size_t len, bool news);
};

void rtnl_init(struct node *n);
/* Of p the caller sets n, proto and emit; pid 0: chosen as the kernel would,
 * want if it is free. */
void rtnl_open(struct nlpeer *p, uint32_t want);
void rtnl_close(struct nlpeer *p);
int rtnl_bind(struct nlpeer *p, uint32_t pid, uint32_t groups);	/* 0, -EADDRINUSE */
/* Level SOL_NETLINK. 0 or -errno. */
int rtnl_setopt(struct nlpeer *p, int name, const void *v, socklen_t len);
int rtnl_getopt(struct nlpeer *p, int name, void *v, socklen_t *len);

/* Answers the messages of one datagram. */
void rtnl_request(struct nlpeer *p, const void *req, size_t len);

/* SIOC* of sockets(7), netdevice(7), arp(7): arg is what the program pointed to,
 * of ioctl_size bytes; changed in place. 0 or -errno; -ENOTTY: not one of these. */
size_t node_ioctl_size(uint32_t cmd, int family);
bool node_ioctl_answers(uint32_t cmd);		/* in arg; else it stays as it is */
int node_ioctl(struct node *n, uint32_t cmd, int family, void *arg);

#endif
