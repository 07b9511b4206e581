/* tcp_snd.h - the send queue of a connection */
#ifndef STACK_TCP_SND_H
#define STACK_TCP_SND_H

#include "stack/pkt.h"

struct tcpc;

/* One chunk's part of the send queue. */
struct snd_span {
	struct chunk	*chunk;
	uint8_t		*p;
	uint32_t	len : 31;
	uint32_t	eor : 1;	/* a record ends here: nothing is added */
	struct seq	seq;		/* of p[0] */
};

struct snd_ring {
	uint32_t	size, head;	/* size is a power of two */
	uint32_t	hint;		/* place (from head) last looked up */
	uint32_t	records;	/* spans that end one */
	usec		since;		/* there was something in it */
	struct snd_span	v[];
};

struct snd_queue {
	struct snd_ring	*ring;		/* NULL: none is needed */
	uint32_t	n;		/* spans in it */
	uint32_t	bytes : 31;	/* committed, not acknowledged */
	uint32_t	reserved : 1;	/* the user writes into the tail */
};

size_t tcp_snd_reserve(struct tcpc *tc, struct iovec *iov, int *n, size_t want);
void tcp_snd_commit(struct tcpc *tc, size_t len);
/* Of the arena that the route leaves by; smaller if memory is short, NULL if there is none. */
struct chunk *tcp_snd_chunk(struct tcpc *tc, uint32_t size);
/* A chunk that is written already, as one span; a reference of it is the queue's now. */
void tcp_snd_add(struct tcpc *tc, struct chunk *c, uint32_t len);
/* What was committed last ends a record (MSG_EOR): no segment has bytes of it and of the next. */
void tcp_snd_end_record(struct tcpc *tc);
/* How many of the len bytes from seq, at most, are of the same record; only for a
 * queue that has any (see tcp_snd_record). */
uint32_t tcp_snd_find_end(struct tcpc *tc, struct seq seq, uint32_t len);
/* Adds up to len bytes from seq to the packet's extents; returns how many. */
uint32_t tcp_snd_map(struct tcpc *tc, struct pkt *pkt, struct seq seq, uint32_t len);
void tcp_snd_acked(struct tcpc *tc, struct seq una);	/* releases what is before */
void tcp_snd_free(struct tcpc *tc);

#endif
