/* talk.h - what is said of groups, between mld.c (when) and mld_msg.c (in which bytes) */
#ifndef STACK_TALK_H
#define STACK_TALK_H

#include "proto/proto.h"
#include "stack/group.h"

#define REPORT_MAX	1200		/* bytes of records in one report */

/* A report being written. */
struct report {
	struct group_talk *t;
	uint8_t		buf[8 + REPORT_MAX];
	struct wr	w;
	uint16_t	n;
};

/* A query of any version, in one form. */
struct query {
	unsigned	version;
	struct ip_addr	group;		/* any: general */
	usec		within;
	usec		interval;
	uint8_t		robust;		/* 0: not told */
	struct rd	sources;
};

/* mld_msg.c: begin, put any number of records, send what is there. */
void report_begin(struct report *r, struct group_talk *t);
void report_put(struct report *r, const struct ip_addr *g, uint8_t type,
		const struct ip_addr *const *src, unsigned n);
void report_send(struct report *r);
void elder_send(const struct netif_group *ng, unsigned v, bool leave);

/* mld.c: what came. */
void talk_query(struct netif *nif, bool v4, const struct query *q);
void talk_heard(struct netif *nif, const struct ip_addr *g);

#endif
