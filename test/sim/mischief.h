/* mischief.h - what happens to two hosts besides a bad link (mischief.c) */
#ifndef SIM_MISCHIEF_H
#define SIM_MISCHIEF_H

#include "net.h"

struct run;
struct sock;
struct stream;

#define MAX_DEEDS	6

struct deed {
	struct event	ev;
	struct run	*run;
	unsigned	what;
	bool		on_server;	/* whom it is done to */
	unsigned	flow;
	usec		at, until;	/* from the start */
	bool		begun, applied;
};

struct mischief {
	struct deed	deed[MAX_DEEDS];
	unsigned	n;
	usec		start;
	uint32_t	excuses;	/* bits: what users may now see (mischief.c) */
	uint32_t	cut_flows;	/* bits: flows that were ended on purpose */
	struct rng	rng;		/* its own, so that the link's chances stay */
	uint8_t		seen[2][1600];	/* the last TCP frame of each host */
	size_t		seen_len[2];
};

void mischief_start(struct run *r);
void mischief_stop(struct run *r);	/* what is still to come does not */
void mischief_watch(struct sock *so);	/* it notices a silent peer some day */
void mischief_dial(const struct run *r, unsigned flow);	/* the client's, before connect */
/* May the stream of the flow have ended like that? */
bool mischief_excuses(const struct run *r, const struct stream *s, unsigned flow);
void mischief_print(const struct mischief *m);

#endif
