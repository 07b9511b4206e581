/* snoop_msg.h - between snoop.c and snoop_msg.c: what messages of IGMP and MLD tell */
#ifndef SWITCH_SNOOP_MSG_H
#define SWITCH_SNOOP_MSG_H

#include "switch/snoop.h"

#define SNOOP_KEEP	(260 * USEC_PER_SEC)	/* RFC 3376 8.4 with its defaults */
#define SNOOP_SLACK	(1 * USEC_PER_SEC)	/* after the end of a round of answers */

enum snoop_is { SNOOP_DATA, SNOOP_QUERY, SNOOP_REPORT };

struct snoop_query {
	struct ip_addr	src, group;	/* group any: for all groups */
	usec		max_resp, interval;
	uint8_t		robust;
	bool		ends;		/* groups of which nobody is reported now */
};

/* snoop_msg.c: reads a message and tells what is in it by the functions below. */
enum snoop_is snoop_read(struct snoop *s, uint32_t port, const struct view *v, usec now);

/* snoop.c */
void snoop_asked(struct snoop *s, uint32_t port, uint16_t vlan, const struct snoop_query *q,
		 usec now);
void snoop_joined(struct snoop *s, uint32_t port, uint16_t vlan, const struct ip_addr *ip,
		  usec now);
void snoop_router(struct snoop *s, uint32_t port, uint16_t vlan, const struct ip_addr *src,
		  usec now);

#endif
