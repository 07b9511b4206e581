/* filter.h - what may pass a port: rules in the language of pcap-filter(7)
 *
 * One filter a port and direction. The first rule that matches decides; where none
 * does the frame may pass.
 */
#ifndef SWITCH_FILTER_H
#define SWITCH_FILTER_H

#include "switch/core.h"

#define FILTER_MAX	64		/* rules */
#define FILTER_EXPR_MAX	1024		/* characters of one */

struct bpf;

struct filter_rule {
	bool		deny;
	char		*expr;		/* as it was given; "": every frame */
	struct bpf	*bpf;
	uint64_t	frames, bytes;	/* that it decided about */
};

struct filter {
	uint32_t	n;
	struct filter_rule rule[FILTER_MAX];
};

/* A rule before the at-th, or (n or more) behind all. NULL, or why not (malloc'd). */
char *filter_add(struct filter *f, uint32_t at, bool deny, const char *expr);
bool filter_del(struct filter *f, uint32_t at);	/* false: there is none */
void filter_clear(struct filter *f);
/* True: it may pass. Counts. */
bool filter_pass(struct filter *f, const struct frame *frame);

#endif
