/* pair.h - two stacks and the wire between them, moved by hand */
#ifndef MUTATE_PAIR_H
#define MUTATE_PAIR_H

#include "stack/sock.h"
#include "stack/tcp.h"

#define PORT		80

struct frame {
	struct list	link;
	uint32_t	len;
	uint8_t		b[];
};

/* Octets of the stream that the end sends and receives; the pattern is that of
 * the octet's place, the other end's begins at another. */
struct end {
	struct pair	*pair;
	unsigned	index;
	struct stack	*st;
	struct netif	*nif;
	struct ip_addr	addr;
	struct sock	*listener, *so;
	uint32_t	goal, sent, recvd;
	bool		shut, eof, deaf;	/* deaf: the user does not read */
	bool		want_shut;		/* after all of goal */
	int		error;			/* as the user saw it */
	bool		wrong;			/* an octet is not the one that was sent */
	struct list	q;			/* frames on their way to this end */
	bool		hold;			/* they stay where they are */
	unsigned	drop;			/* bits: the next frames that are lost */
};

struct pair {
	usec		now;
	bool		v6;
	struct end	e[2];			/* the one that is looked at, the honest peer */
};

enum { SUBJECT, PEER };

void pair_init(struct pair *p, bool v6);
void pair_fini(struct pair *p);
/* A socket of the end that listens, or that connects to the other's. */
void end_listen(struct end *e);
void end_connect(struct end *e, uint16_t from);
/* What the user can do now: accept, write, shut, read. */
void end_use(struct end *e);
void end_close(struct end *e);
/* A frame from the wire, now; frames it causes wait in the queues. */
void end_input(struct end *e, const uint8_t *b, uint32_t len);
/* Delivers until nothing more comes of it. */
void pair_settle(struct pair *p);
/* Time passes with its timers, until stop says so. */
void pair_pass(struct pair *p, usec d, bool (*stop)(struct pair *p));
void frames_drop(struct list *q);
static inline struct end *end_other(struct end *e) { return &e->pair->e[!e->index]; }

void broken(const char *fmt, ...) PRINTF(1, 2);	/* says so, counts, goes on */
extern unsigned n_broken;
/* What is being tried, for broken(): "FIN-WAIT-1 seq=... flags=...". */
extern char *trying;		/* of TRYING bytes, seen by the parent process */

#endif
