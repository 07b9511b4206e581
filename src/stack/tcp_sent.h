/* tcp_sent.h - what was sent and is not acknowledged: a record a transmission */
#ifndef STACK_TCP_SENT_H
#define STACK_TCP_SENT_H

#include "proto/proto.h"

enum { SENT_FLYING, SENT_SACKED, SENT_LOST };

/* Octets from the end of the record before it (the first: from una). */
struct sent {
	struct seq	end;
	uint32_t	at;		/* last sent: the low bits of usec */
	uint8_t		state;
	bool		rxt;		/* sent more than once */
};

/* Of the delivery rate (tcp_count.c); times are the low bits of usec. */
struct rate {
	bool		started;
	bool		marked;		/* one piece in flight is measured */
	bool		limited;	/* by what the user had to send, before it */
	bool		dry;		/* the same, since */
	struct seq	end;		/* of that piece */
	uint32_t	sent_at;	/* when it went, and when what was acknowledged last then */
	uint32_t	first_at, delivered_at;	/* had been sent, and was acknowledged */
	uint32_t	delivered;	/* octets then */
	uint32_t	acked_sent_at, acked_at; /* the same, now */
};

/* What went again, and when: in order of time. The marks: tcp_late.c. */
struct again {
	struct seq	from, to;
	uint32_t	at;
};

struct again_queue {
	uint32_t	size, head, end;
	uint32_t	passed, waits;
	struct again	v[];		/* v[head] ... v[end - 1] */
};

struct sent_ring {
	uint32_t	size, head;
	struct rate	rate;
	uint32_t	runs;		/* records that are SACKED */
	struct seq	fack;		/* end of the highest octets that arrived */
	struct seq	once;		/* none below flies that was sent once */
	struct seq	passed, waits;	/* of these (tcp_late.c) */
	struct seq	hole;		/* none below is LOST */
	bool		apart;		/* something went again since the last record began */
	uint32_t	last_at;	/* what went last */
	struct seq	last_end;
	struct again_queue *again;	/* NULL: empty */
	struct sent	v[];		/* v[head] ... v[head + n - 1], in sequence order */
};

struct sent_log {
	struct sent_ring *ring;		/* NULL: there are no records */
	uint32_t	n;
	uint32_t	sacked, lost;	/* octets in these states */
	struct seq	una;
};

/* What one ACK said; sent_ack and sent_sack add to it. */
struct heard {
	/* to be set before */
	struct seq	limit;		/* original looks only below it */
	uint32_t	not_after;	/* when sent again later than this, it was not that copy */
	/* told */
	uint32_t	delivered;	/* octets that had not arrived before */
	bool		sampled;	/* something sent once arrived: first sent, last sent */
	uint32_t	first_at, last_at;
	bool		rxt;		/* something sent more than once arrived */
	bool		original;	/* something below limit, sent once, arrived */
	uint32_t	reordered;	/* ... so far behind something sent after it */
	bool		any;		/* what was sent last of all that arrived: */
	struct seq	end;
	uint32_t	at;
};

static inline struct sent *sent_nth(const struct sent_log *l, uint32_t i)
{
	return &l->ring->v[l->ring->head + i];
}

static inline struct seq sent_start(const struct sent_log *l, uint32_t i)
{
	return i ? sent_nth(l, i - 1)->end : l->una;
}

static inline uint32_t sent_len(const struct sent_log *l, uint32_t i)
{
	return (uint32_t)seq_diff(sent_nth(l, i)->end, sent_start(l, i));
}

/* How long ago at was. Some stamps are a little ahead of the clock (tcp_sent.c). */
static inline uint32_t sent_age(uint32_t at, uint32_t now)
{
	return at - now <= UINT16_MAX ? 0 : now - at;
}

/* RFC 8985 6.2, RACK_sent_after: was (at, end) sent after (at2, end2)? */
static inline bool sent_after(uint32_t at, struct seq end, uint32_t at2, struct seq end2)
{
	return (int32_t)(at - at2) > 0 || (at == at2 && seq_gt(end, end2));
}

void sent_init(struct sent_log *l, struct seq una);	/* empties it */
void sent_free(struct sent_log *l);
/* New octets up to end went out; those of one quantum of time share a record. */
void sent_new(struct sent_log *l, struct seq end, uint32_t now, uint32_t quantum);
/* [from, to) went out again. */
void sent_again(struct sent_log *l, struct seq from, struct seq to, uint32_t now);
void sent_ack(struct sent_log *l, struct seq una, struct heard *h);
/* Returns the octets that were not known to be there. */
uint32_t sent_sack(struct sent_log *l, struct seq from, struct seq to, struct heard *h);
void sent_lose(struct sent_log *l, uint32_t i);		/* the i-th record, flying */
void sent_lose_first(struct sent_log *l, uint32_t len);
/* All is lost, but what was sent after since (unless it is all that there is). */
void sent_lose_before(struct sent_log *l, uint32_t since);
void sent_lose_all(struct sent_log *l);
/* What flies and was sent before (at, end), which never grows older, is lost if it
 * went at since or earlier. Returned is how long after since the last of the others
 * went; 0: there are none. */
uint32_t sent_lose_overtaken(struct sent_log *l, uint32_t at, struct seq end, uint32_t since);
void sent_renege(struct sent_log *l);	/* what was SACKed is lost as well */
void sent_unlose(struct sent_log *l);	/* nothing is */
/* The first octets that are lost. */
bool sent_first_lost(const struct sent_log *l, struct tcp_sack *range);

static inline uint32_t sent_sacked_runs(const struct sent_log *l)
{
	return l->ring ? l->ring->runs : 0;
}

/* --- between tcp_sent.c and tcp_late.c --- */
/* Index of the record that holds seq; n if none does. */
uint32_t sent_find(const struct sent_log *l, struct seq seq);
/* Joins what is alike of [from, end) and its neighbours. */
void sent_join(struct sent_log *l, uint32_t from, uint32_t end);
void sent_note_again(struct sent_log *l, struct seq from, struct seq to, uint32_t at);
void sent_again_acked(struct sent_log *l);	/* una has moved */
void sent_flies_again(struct sent_log *l);	/* what did not; the order of time is made anew */

#endif
