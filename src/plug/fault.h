/* fault.h - a bad link: loss, delay, reordering, duplication, damage, a bottleneck */
#ifndef PLUG_FAULT_H
#define PLUG_FAULT_H

#include "plug/locator.h"
#include "plug/plug.h"

struct fault_conf {
	double		loss, reorder, dup, corrupt;	/* probabilities */
	usec		delay, jitter;
	uint64_t	rate;		/* bits per second; 0: no limit */
	uint64_t	queue;		/* full-size frames before the bottleneck */
	uint64_t	seed;
};

/* Row of the plug table: fault://loss=1%/delay=10ms/...{LOCATOR}. */
struct plug *fault_open(const struct locator *loc, const struct plug_conf *conf, char **why);
/* What the options say; NULL, or one malloc'd line: option and cure. */
char *fault_options(const struct locator *loc, struct fault_conf *out);
/* The same around any plug; takes inner. Carries wire frames only. */
struct plug *fault_new(struct plug *inner, const struct fault_conf *conf, usec now);
/* What arrives from now on meets the fate of a new link with this seed. */
void fault_seed(struct plug *p, uint64_t seed);

#endif
