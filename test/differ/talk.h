/* talk.h - an honest peer of one connection, and a record of what it hears */
#ifndef DIFFER_TALK_H
#define DIFFER_TALK_H

#include "../mutate/seg.h"
#include "base/text.h"
#include "host.h"

#define PEER_ISS	100000u
#define PEER_CLOCK	5000u		/* of its timestamps; stands still */

/* The two ends of all segments, for test/mutate/seg.c: addresses only. */
struct ends { struct pair pair; struct netif nif[2]; };
void ends_init(struct ends *e, bool v6);

struct talk {
	struct host	*h;
	const struct ends *ends;
	bool		plain;		/* the peer offers no options */
	struct text	*log;		/* what the host says and shows, in words; NULL: not wanted */
	int		listener, s;	/* the host's sockets; -1: none */

	/* What the wire has shown, as the peer knows it. */
	uint16_t	port;		/* the peer's */
	bool		syn_seen, ts_ok;
	uint32_t	iss, una, nxt;	/* the host's numbers; una: as the peer has acknowledged */
	uint32_t	ack, right;	/* the peer's: acknowledged, and how far it may send */
	unsigned	wscale;
	uint32_t	ts;		/* the host's last */
	uint32_t	snd;		/* the peer's next */
	uint32_t	read;		/* by the host's user */
};

void talk_begin(struct talk *t, struct host *h, const struct ends *ends, bool plain, uint16_t port);
/* What the user does. */
void talk_listen(struct talk *t);
void talk_connect(struct talk *t);
void talk_accept(struct talk *t);
void talk_send(struct talk *t, unsigned n);
void talk_read(struct talk *t);		/* all there is */
void talk_shut(struct talk *t);
void talk_close(struct talk *t);
void talk_look(struct talk *t);		/* state, error, readiness, into the log */
void talk_end(struct talk *t);		/* nothing is left of it */
/* The segment the peer would send now; and a segment to the host. */
void talk_segment(const struct talk *t, uint8_t flags, uint32_t paylen, struct mseg *m);
void talk_input(struct talk *t, const struct mseg *m);

#endif
