/* direct_in.h - between direct.c, direct_frames.c and direct_bells.c */
#ifndef PLUG_DIRECT_IN_H
#define PLUG_DIRECT_IN_H

#include "plug/direct.h"

#define ETHERTYPE_LOCAL	0x88b5	/* IEEE 802 9.2.4: local experiments; of a mark */
#define LATER		0	/* a time at which no time is up */
#define ALL		~0u

/* Those of the set that are in use; the loop may end the one it has. */
#define for_used(ds, d, set)							\
	for (unsigned left_ = (ds)->used & (set); left_; left_ &= left_ - 1)	\
		for (struct direct *d = (struct direct *)&(ds)->d[__builtin_ctz(left_)]; d; d = NULL)

/* direct.c: the life of a wire */

/* What the switch says; its socket is ours to keep or close. */
void direct_introduced(struct directs *ds, const struct intro *in, int sock);
/* The other's file. False: the wire cannot come to be. */
bool direct_answered(struct directs *ds, struct direct *d);
/* Is it still ours to use? Ended by both, and everything taken? now: LATER if
 * only what happened counts. */
void direct_step(struct directs *ds, struct direct *d, usec now);
void direct_finish(struct directs *ds, struct direct *d);

/* direct_frames.c: at most max frames of a live one to the plug's user; how many */
int direct_take(struct directs *ds, struct direct *d, int max);

/* direct_bells.c: who waits hears the switch's socket, and a wire's; false: no descriptor left */
bool direct_watch_main(struct directs *ds);
bool direct_watch(struct directs *ds, int sock);
void direct_unwatch(struct directs *ds, int sock);

#endif
