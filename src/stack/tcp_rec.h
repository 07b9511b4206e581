/* tcp_rec.h - loss detection and recovery of a connection */
#ifndef STACK_TCP_REC_H
#define STACK_TCP_REC_H

#include "stack/tcp_sent.h"

struct seg;
struct tcpc;

enum tcp_rec {
	TCP_REC_OPEN,
	TCP_REC_CWR,	/* the window shrinks and nothing is lost: ECN (RFC 3168 6.1.2) */
	TCP_REC_FAST,
	TCP_REC_RTO,
};

/* RFC 8985 5.3; times are the low bits of usec. */
struct rack {
	uint32_t	at;		/* of what was sent last of all that arrived */
	struct seq	end;
	uint32_t	rtt;
	struct seq	dsack_round;	/* mult grows once a round trip */
	uint8_t		mult, persist;
	bool		reordered;
	bool		valid;		/* something arrived */
	bool		in_round;	/* dsack_round is not over */
	bool		idle;		/* nothing was in flight since */
};

/* RFC 9937: octets since recovery began. */
struct prr {
	uint32_t	delivered, out, flight;
};

/* What a wrong reduction of the window is undone with. */
struct undo {
	uint32_t	cwnd, ssthresh;
	uint32_t	rxt;		/* octets sent again, less those that came twice */
	uint32_t	ts;		/* our clock when the first were sent again */
	struct seq	from;		/* snd_una then */
	bool		again;		/* something was sent again since */
	bool		valid, has_ts;
};

/* A reduction before the last one, which was not proved wrong yet. */
struct old_cut {
	struct seq	from, to;	/* what was in flight */
	uint32_t	rxt;		/* octets sent again, less those that came twice */
	uint32_t	took;		/* octets of the window */
};

#define OLD_CUTS 8

/* What goes with the last reductions of the window. */
struct tcp_cut {
	struct prr	prr;
	struct undo	undo;
	struct old_cut	old[OLD_CUTS];	/* the oldest first */
	uint32_t	n_old;
};

/* The rest of what an ACK said, for recovery. */
struct ack_news {
	struct heard	heard;
	bool		newer;		/* snd_una moved */
	bool		dup;		/* a duplicate, or new blocks */
	bool		dsack;
	struct tcp_sack	twice;		/* what came twice, if dsack */
	uint32_t	lost;		/* octets found to be lost by it */
	usec		reorder;	/* so long may what is missing still be late; 0 */
};

/* --- tcp_rec.c --- */
uint32_t tcp_pipe(const struct tcpc *tc);
/* After snd_una and the records have moved. */
void tcp_rec_ack(struct tcpc *tc, const struct seg *sg, struct ack_news *n);
/* snd_nxt has moved by len, or [from, to) goes again. */
void tcp_rec_sent_new(struct tcpc *tc, uint32_t len);
void tcp_rec_sent_again(struct tcpc *tc, struct seq from, struct seq to);
void tcp_enter_rto(struct tcpc *tc);
/* The network is congested though nothing is lost; once a window (RFC 3168 6.1.2). */
void tcp_enter_cwr(struct tcpc *tc);
/* The same as a timeout without blaming congestion. */
void tcp_mark_all_lost(struct tcpc *tc);
/* A probe repaired a loss: the window shrinks (RFC 8985 7.4.2), of which so much was
 * in flight before the ACK that told it. */
void tcp_rec_probe_lost(struct tcpc *tc, uint32_t before);
void tcp_rec_reorder_due(struct tcpc *tc, usec *wait);

/* --- tcp_undo.c --- */
/* The window is about to shrink, and has. What was noted before it is kept apart. */
void tcp_undo_begin(struct tcpc *tc, const struct undo *u, const struct prr *prr);
void tcp_undo_shrunk(struct tcpc *tc, uint32_t from);
bool tcp_may_undo(const struct tcpc *tc);
void tcp_undo(struct tcpc *tc);		/* the last reduction was wrong */
void tcp_undo_ack(struct tcpc *tc, const struct seg *sg, const struct ack_news *n);
void tcp_undo_never(struct tcpc *tc);	/* the last one was right */
void tcp_undo_disown(struct tcpc *tc);	/* none will be taken back */
void tcp_undo_recovered(struct tcpc *tc);
void tcp_undo_forget(struct tcpc *tc);	/* all */

/* --- tcp_rack.c --- */
void rack_init(struct tcpc *tc);
uint32_t rack_not_after(const struct tcpc *tc);
void rack_ack(struct tcpc *tc, const struct ack_news *n);
/* Octets found to be lost; what may only be late is waited for: *wait, 0: none. */
uint32_t rack_detect(struct tcpc *tc, usec *wait);
void rack_recovered(struct tcpc *tc);
/* After which time without an ACK to probe; NEVER: not at all. */
usec tlp_timeout(const struct tcpc *tc);
void tlp_probe(struct tcpc *tc);
void tlp_ack(struct tcpc *tc, const struct seg *sg, const struct ack_news *n);

#endif
