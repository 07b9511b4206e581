/* lane.h - a wire and the frames that wait for room on it */
#ifndef PLUG_LANE_H
#define PLUG_LANE_H

#include "plug/plug.h"
#include "plug/wire.h"

struct lane {
	struct wire	*wire;
	struct plug	*plug;		/* whose counters count */
	struct list	queue;
	uint32_t	max;		/* frames of it */
	uint32_t	queued, bytes;
	uint32_t	seen;		/* of the other's progress, before the last try */
	bool		starved;	/* somebody was told that there is less room than all */
	bool		full;		/* a small frame found no room on the wire, and some wait yet */
};

void lane_init(struct lane *l, struct wire *w, struct plug *p, uint32_t max);
void lane_add(struct lane *l, struct pkt *pkt);
/* Puts what has room, and rings; if some has none, asks for a bell. True: all went. */
bool lane_flush(struct lane *l);
bool lane_moved(const struct lane *l);	/* frames wait, and the other has taken some */
void lane_drop(struct lane *l);		/* what waits, counted */
void lane_move(struct lane *from, struct lane *to);
uint32_t lane_room(struct lane *l);

#endif
