/* node_in.h - between node.c, node_if.c and node_wait.c */
#ifndef NODE_NODE_IN_H
#define NODE_NODE_IN_H

#include "node/node.h"

#define NODE_HOT_FOR	USEC_PER_MSEC

/* A plug and the interface it is for the stack. */
struct iface {
	struct node	*node;
	struct plug	*plug;
	struct netif	*nif;
	struct watch	w, hup;
	struct list	bells;		/* what else the plug is to be waited for by */
	bool		queued;		/* frames since the last flush */
	bool		woken;		/* the plug has frames, of which its fd is silent */
};

/* node_if.c. add: NULL with *why; of: the node's name, or NULL. */
struct iface *iface_add(struct node *n, const struct if_conf *c, const char *of, char **why);
void iface_recv(struct iface *ifc);
void iface_flush(struct iface *ifc);

/* node.c, with the lock held */
void node_settle(struct node *n);	/* all that is due */
usec node_deadline(const struct node *n);
void node_take_in(struct node *n);	/* what plugs and descriptors have; alarms */
void node_rest(struct node *n);		/* gives up the lock; who drives knows until when */
void node_await(struct node *n);	/* node_wait.c: something that comes, or is due */
void node_sleep(struct node *n, usec until);	/* without the lock meanwhile */

#endif
