/* config_node.h - the configuration of a node; with its lock held */
#ifndef NODE_CONFIG_NODE_H
#define NODE_CONFIG_NODE_H

#include "node/config.h"
#include "node/node.h"

struct node_config {
	struct node	*n;
	struct config	*config;
	struct node_alarm alarm;
	struct nlpeer	peer;		/* hears of links and addresses */
	pthread_cond_t	ran;		/* goes with the node's lock */
	bool		rules_dns;	/* node->dns is what we find */
	char		*last;		/* resolv.conf, as it was when asked for last */
};

struct node_config *node_config(struct node *n);	/* made if it is not there */
/* Configures a node that nobody drives yet, and drives it until that is done. NULL, or
 * why it is not as it should be, malloc'd. */
char *node_configure(struct node *n, const char *string);
void node_config_free(struct node *n);			/* gives leases back */

#endif
