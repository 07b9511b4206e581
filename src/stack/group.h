/* group.h - multicast listening, between group.c (who wants what) and mld.c (what
 * is told about it)
 */
#ifndef STACK_GROUP_H
#define STACK_GROUP_H

#include "stack/stack.h"

#define GROUP_SOURCES	64	/* of one group; more, and all are received */
#define MAX_NOTED	(2 * GROUP_SOURCES)	/* with those that went */

/* A source in the filter of the interface, or one that was not long ago. */
struct group_source {
	struct ip_addr	addr;
	bool		in;
	uint8_t		left;		/* times to be told that it came or went */
};

/* A group this interface receives, or received not long ago. */
struct netif_group {
	struct list	link;
	struct netif	*nif;
	struct ip_addr	addr;
	uint32_t	users;		/* who want all of it */
	struct list	members;	/* struct netif_member */
	bool		exclude;	/* the union of all: RFC 3376 3.2 */
	uint16_t	n;
	struct group_source *src;	/* room for MAX_NOTED, or NULL: n is 0 */
	uint8_t		mode_left;	/* times to be told that exclude changed */
	bool		told;		/* the link knows that it is wanted */
	uint8_t		elder_left;	/* times to say so in an elder's words */
	struct stimer	reply;		/* a querier asked about this group */
	bool		asked_all;	/* or about these sources */
	uint8_t		n_asked;
	struct ip_addr	*asked;		/* room for GROUP_SOURCES, or NULL */
};

struct netif_group *group_find(const struct netif *nif, const struct ip_addr *g);
static inline bool group_wanted(const struct netif_group *ng)
{
	return ng->users || !list_empty(&ng->members);
}
/* Nobody wants it and everything is told: freed. */
void group_told(struct netif_group *ng);
bool group_is_reported(const struct ip_addr *g);

/* mld.c */
void talk_init(struct netif *nif);
void talk_stop(struct netif *nif, bool v4);
unsigned talk_robustness(const struct netif *nif, bool v4);
/* The filter changed: tells it now, and again (RFC 3810 6.1, RFC 3376 5.1). */
void talk_changed(struct netif_group *ng);
void talk_group_init(struct netif_group *ng);
void talk_group_fini(struct netif_group *ng);

#endif
