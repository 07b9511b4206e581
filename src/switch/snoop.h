/* snoop.h - groups go where their members are (RFC 4541)
 *
 * While no querier is there everything goes to all ports, as without snooping.
 */
#ifndef SWITCH_SNOOP_H
#define SWITCH_SNOOP_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "switch/view.h"

#define SNOOP_PORT_MAX	256		/* memberships of one port */

/* A group in a VLAN; the group :: or 0.0.0.0: its routers, and who asks for members. */
struct snoop_group {
	struct map_node	node;
	struct list	members;
	struct ip_addr	ip;
	uint16_t	vlan;
	bool		routers;
	/* of routers: */
	usec		known;		/* until when a querier is believed to be there */
	usec		ready;		/* from when on all have had time to report */
	usec		keep;		/* how long a report is good */
};

struct snoop_member {
	struct list	in_group;
	struct list	in_port;	/* longest not reported first */
	struct snoop_group *group;
	uint32_t	port;
	struct timer	end;
};

struct snoop {
	struct hash_key	key;
	struct map	map;
	struct heap	timers;
	uint32_t	n_ports;
	uint64_t	*set;		/* what snoop_in gives */
	uint64_t	queries, reports, narrowed;
	struct snoop_port {
		struct list	members;
		uint32_t	count;
	} *port;
};

void snoop_init(struct snoop *s, uint32_t n_ports, const struct hash_key *key);
void snoop_fini(struct snoop *s);
/* A frame to a group that came in at port: learns from it. The bitmap of the ports
 * that want it, valid until the next call; NULL: all. */
const uint64_t *snoop_in(struct snoop *s, uint32_t port, const struct view *v, usec now);
void snoop_flush_port(struct snoop *s, uint32_t port);
/* Ends what is due; returns when to be called again, NEVER if nothing is pending. */
usec snoop_age(struct snoop *s, usec now);

/* For the console: all groups, in no order; NULL is before the first and after the last. */
const struct snoop_group *snoop_next(const struct snoop *s, const struct snoop_group *g);

#endif
