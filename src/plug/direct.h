/* direct.h - wires of a plug's own to single neighbours: introductions
 *
 * A switch that sees two plugs talk sends each of them a struct intro, with one
 * end of a socket pair. They exchange their files on it and have a wire, for
 * frames from the one MAC address to the other and nothing else.
 *
 * An introduction has a number, and a place in the table of either plug. It holds
 * as long as the switch's file for that plug shows the number at that place
 * (wire_file.intro): taking it away needs no message and cannot be refused. A
 * plug shows there the number of the last wire that it has closed.
 */
#ifndef PLUG_DIRECT_H
#define PLUG_DIRECT_H

#include "plug/lane.h"

#define INTRO_KIND	'I'		/* a doorbell is a zero */
#define INTRO_MAGIC	0x31444f49u	/* "IOD1" */

struct intro {
	uint8_t		kind;
	uint8_t		place;		/* below WIRE_INTROS */
	uint16_t	mtu;		/* the other's */
	uint32_t	id;		/* never 0 */
	struct mac	mine, theirs;
};

/* The first message on the socket pair, with the file. */
struct intro_hello {
	uint32_t	magic;
	uint32_t	id;
};

enum direct_state {
	DIRECT_NONE,
	DIRECT_ASKED,		/* our file went; the other's is awaited */
	DIRECT_LIVE,
	DIRECT_ENDING,		/* nothing more is put; what was put is still taken */
};

struct direct {
	enum direct_state state;
	uint32_t	id;
	struct mac	mine, theirs;
	uint32_t	mtu;
	int		sock;
	struct lane	lane;
	bool		marked;		/* what they sent by the switch before is here */
	bool		eof;		/* they have ended it */
	bool		held;		/* plug.hold: what is there is not taken */
	usec		since;		/* of this state */
	usec		held_at;	/* frames wait for the mark; 0: none do */
	usec		look_at;	/* is it in use? */
	usec		used_at, told_at;
	uint64_t	frames, seen;	/* both ways; then, when we looked last */
};

struct directs {
	struct plug	*plug;
	struct lane	*main;
	int		poll;		/* epoll: the switch's socket, and ours; -1: the plug's
					 * user waits for each (plug.bell) */
	unsigned	used;		/* a bit for each place that is not NONE */
	unsigned	turn;
	uint64_t	sent;		/* frames by all of them */
	uint64_t	strangers;	/* frames that were not of the introduced */
	void		(*in)(struct plug *p, struct pkt *pkt);
	struct intro	msg;		/* being read from the switch */
	uint32_t	got;
	int		file;
	struct direct	d[WIRE_INTROS];
};

/* NULL: no descriptor left. in takes what arrives. */
struct directs *directs_new(struct lane *main, void (*in)(struct plug *p, struct pkt *pkt));
void directs_free(struct directs *ds);

/* Reads bells and messages; false: the switch has gone. */
bool directs_hear(struct directs *ds);
/* Where a frame goes that is to be sent; NULL: to the switch. */
struct lane *directs_lane(struct directs *ds, struct pkt *pkt);
/* A frame that came from the switch: is it a mark? Before any other frame of a
 * neighbour what he sent by his wire is delivered. */
bool directs_is_mark(struct directs *ds, struct pkt *pkt);
int directs_take(struct directs *ds, int max);
void directs_let(struct directs *ds);	/* none is held any more */
/* Of the live one with least. */
uint32_t directs_room(struct directs *ds);
void directs_flush(struct directs *ds);
void directs_sleep(struct directs *ds);
bool directs_by_futex(struct directs *ds, struct futexes *w);	/* see wire_by_futex */
void directs_by_bell(struct directs *ds);
void directs_awake(struct directs *ds);
bool directs_waiting(const struct directs *ds);
bool directs_moved(const struct directs *ds);	/* frames queued for one of them may go on */
bool directs_queued(const struct directs *ds);
void directs_run(struct directs *ds, usec now);
usec directs_deadline(const struct directs *ds);
/* The live one to a neighbour, or NULL. */
struct direct *directs_to(struct directs *ds, const struct mac *to);

#endif
