/* tcp_ack.c - what an acknowledgment means (RFC 9293 3.10.7.4, 5681, 6582, 6675)
 *
 * tcp_ack_in: validate -> SACK blocks -> snd_una moves -> window -> recovery.
 *
 * Recovery is kept as edges instead of marks on segments:
 *
 *	lost		octets below it, not SACKed, are lost
 *	high_rxt	octets below it have been sent again
 *	recover		recovery ends when this is acknowledged
 *
 * and what is in the network follows (tcp_pipe, RFC 6675 SetPipe). Fast recovery
 * raises lost to what RFC 6675 IsLost says, or without SACK to the first segment
 * after snd_una (NewReno); a timeout raises it to snd_nxt. tcp_out.c then sends
 * [high_rxt, lost) as cwnd allows. Duplicate ACKs without SACK shrink the pipe
 * by a segment each, which gives limited transmit (RFC 3042) for nothing.
 */
#include "stack/tcp.h"

#include <errno.h>

#define DUP_THRESH	3

static uint32_t not_sacked(const struct tcpc *tc, struct seq from, struct seq to)
{
	if (seq_ge(from, to))
		return 0;
	return (uint32_t)seq_diff(to, from) - tcp_sb_bytes(tc->sb, from, to);
}

uint32_t tcp_pipe(const struct tcpc *tc)
{
	struct seq lost = seq_max(tc->lost, tc->snd_una);
	uint32_t pipe, dup;

	if (!tc->dup_acks && seq_eq(lost, tc->snd_una) && (!tc->sb || !tc->sb->n))
		return (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una);
	pipe = not_sacked(tc, lost, tc->snd_nxt) +
	       not_sacked(tc, tc->snd_una, seq_min(tc->high_rxt, lost));
	dup = tc->sack_ok ? 0 : tc->dup_acks * tc->mss;
	return pipe > dup ? pipe - dup : 0;
}

/* --- SACK --- */

/* RFC 2883 4: the first block is below the ACK or inside the second. */
static bool is_dsack(const struct seg *sg, unsigned i)
{
	const struct tcp_sack *s = sg->h.o.sack;

	if (i)
		return false;
	return seq_lt(s[0].from, sg->h.ack) ||
	       (sg->h.o.n_sack > 1 && seq_ge(s[0].from, s[1].from) && seq_le(s[0].to, s[1].to));
}

/* Returns the bytes that were not known to be there before. */
static uint32_t sack_in(struct tcpc *tc, const struct seg *sg)
{
	uint32_t new = 0;

	if (!tc->sack_ok)
		return 0;
	for (unsigned i = 0; i < sg->h.o.n_sack; i++) {
		struct tcp_sack s = sg->h.o.sack[i];

		if (seq_ge(s.from, s.to) || seq_gt(s.to, tc->snd_nxt) || is_dsack(sg, i))
			continue;
		s.from = seq_max(s.from, seq_max(tc->snd_una, sg->h.ack));
		if (seq_lt(s.from, s.to))
			new += tcp_sb_add(&tc->sb, s.from, s.to);
	}
	return new;
}

/* --- recovery --- */

static uint32_t flight(const struct tcpc *tc)
{
	return (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una);
}

static void mark_first_lost(struct tcpc *tc)
{
	struct seq first = seq_min(seq_add(tc->snd_una, tc->mss), tc->snd_nxt);

	tc->lost = seq_max(tc->lost, first);
}

static void mark_lost(struct tcpc *tc)
{
	if (tc->sack_ok)
		tc->lost = seq_max(tc->lost, tcp_sb_lost(tc->sb, tc->snd_una, tc->mss));
}

/* More than two segments that were sent after the first octets were sent again
 * have arrived: those were lost again, and need not wait for the timeout. */
static void mark_lost_again(struct tcpc *tc)
{
	struct seq mark = seq_add(tc->rxt_nxt, (DUP_THRESH - 1) * tc->mss);

	if (tc->rec != TCP_REC_OPEN && tc->sb && tc->sb->n && seq_gt(tc->high_rxt, tc->snd_una))
		tc->again |= seq_gt(tc->sb->r[tc->sb->n - 1].to, mark);
}

static void reduce(struct tcpc *tc, enum tcp_cc_why why)
{
	tc->ssthresh = tc->cc->ssthresh(tc, MIN(flight(tc), tc->cwnd), why);
	tc->cwnd = tc->ssthresh;
	tcp_ecn_reduced(tc);
}

void tcp_enter_cwr(struct tcpc *tc)
{
	if (tc->rec != TCP_REC_OPEN)
		return;
	tc->rec = TCP_REC_CWR;
	tc->recover = tc->snd_nxt;
	reduce(tc, TCP_CC_ECN);
}

/* RFC 6675 5 (4), RFC 6582 3.2 (2) */
static void enter_fast(struct tcpc *tc)
{
	tc->rec = TCP_REC_FAST;
	tc->recover = tc->snd_nxt;
	tc->high_rxt = tc->snd_una;
	reduce(tc, TCP_CC_LOSS);
	mark_first_lost(tc);
	tc->force_rxt = true;
}

void tcp_mark_all_lost(struct tcpc *tc)
{
	tc->rec = TCP_REC_RTO;
	tc->recover = tc->lost = tc->snd_nxt;
	tc->high_rxt = tc->snd_una;
	tc->dup_acks = 0;
	tc->force_rxt = true;
	tcp_rtt_retransmitted(tc);
}

void tcp_enter_rto(struct tcpc *tc)
{
	/* RFC 5681 3.1: once for each loss, so not if recovery already answered
	 * it, and not again while the timer backs off. */
	if (tc->rec < TCP_REC_FAST || (tc->rec == TCP_REC_RTO && tc->retrans_run <= 1))
		reduce(tc, TCP_CC_RTO);
	tc->cwnd = tc->mss;
	/* A receiver may discard what it SACKed (RFC 2018 8). */
	if (tc->sb && tc->sb->n && seq_eq(tc->sb->r[0].from, tc->snd_una))
		tc->sb->n = 0;
	tcp_mark_all_lost(tc);
}

static void leave_recovery(struct tcpc *tc)
{
	if (tc->rec == TCP_REC_FAST)	/* RFC 6582 3.2 (3), option 2 */
		tc->cwnd = tc->ssthresh;
	tc->rec = TCP_REC_OPEN;
	tc->dup_acks = 0;
	tc->force_rxt = false;
}

/* Without SACK each segment a partial ACK covers was one of the duplicates. */
static void forget_dups(struct tcpc *tc, uint32_t acked)
{
	uint32_t segs = (acked + tc->mss - 1) / tc->mss;

	tc->dup_acks -= MIN(tc->dup_acks, segs - 1);
}

static void recovery_ack(struct tcpc *tc, uint32_t acked)
{
	if (seq_ge(tc->snd_una, tc->recover)) {
		leave_recovery(tc);
		return;
	}
	if (tc->sack_ok || tc->rec != TCP_REC_FAST)
		return;
	forget_dups(tc, acked);		/* RFC 6582 3.2 (3): partial */
	mark_first_lost(tc);
	tc->force_rxt = true;
}

/* RFC 6675 5: enough evidence that something is missing? Without SACK one
 * window of losses is answered once (RFC 6582 3.2 (2)). */
static bool evidence(const struct tcpc *tc)
{
	if (!flight(tc) || tc->rec >= TCP_REC_FAST)
		return false;
	if (tc->sack_ok && seq_gt(tc->lost, tc->snd_una))
		return true;
	return tc->dup_acks >= DUP_THRESH && (tc->sack_ok || seq_gt(tc->snd_una, tc->recover));
}

static void grow_sndbuf(struct tcpc *tc)
{
	uint32_t want = MIN(2 * tc->cwnd, tc->so.st->param.tcp_wmem[2]);

	if (!tc->so.sndbuf_locked && want > tc->so.sndbuf)
		tc->so.sndbuf = want;
}

/* --- the steps --- */

/* RFC 4861 7.3.1: the neighbour lives; telling it once a second is enough. */
static void confirm_path(struct tcpc *tc)
{
	tc->soft_error = 0;
	if (tc->so.st->now - tc->confirmed < USEC_PER_SEC)
		return;
	tc->confirmed = tc->so.st->now;
	neigh_confirm(tc->so.st, &tc->so.flow);
}

/* Growth is deserved only where cwnd was the limit (RFC 7661 4.3, as Linux). */
static bool was_limited(const struct tcpc *tc, uint32_t before)
{
	if (tc->cwnd < tc->ssthresh)
		return tc->cwnd < 2 * before;
	return tc->cwnd_limited;
}

static void new_ack(struct tcpc *tc, const struct seg *sg)
{
	uint32_t acked = (uint32_t)seq_diff(sg->h.ack, tc->snd_una);
	struct tcp_ack a = {
		.acked = acked, .delivered = acked, .flight = flight(tc), .rtt = NEVER,
	};

	tc->snd_una = sg->h.ack;
	tc->rxt_nxt = tc->snd_nxt;
	tc->again = false;
	tc->bytes_acked += acked;
	tcp_snd_acked(tc, tc->snd_una);
	tcp_sb_ack(tc->sb, tc->snd_una);
	tc->lost = seq_max(tc->lost, tc->snd_una);
	tc->high_rxt = seq_max(tc->high_rxt, tc->snd_una);
	a.rtt = tcp_rtt_acked(tc, sg);
	a.limited = was_limited(tc, a.flight);
	if (tc->rec == TCP_REC_OPEN || tc->rec == TCP_REC_RTO)
		tc->cc->ack(tc, &a);
	if (tc->rec != TCP_REC_OPEN)
		recovery_ack(tc, acked);
	else
		tc->dup_acks = 0;
	tcp_ev_ack_new(tc);
	confirm_path(tc);
	grow_sndbuf(tc);
}

/* RFC 9293 3.10.7.4: only newer segments may change the window. */
static void window_in(struct tcpc *tc, const struct seg *sg, bool newer)
{
	if (!newer && !seq_lt(tc->snd_wl1, sg->h.seq) &&
	    !(seq_eq(tc->snd_wl1, sg->h.seq) && sg->wnd > tc->snd_wnd))
		return;
	tc->snd_wl1 = sg->h.seq;
	tc->snd_wl2 = sg->h.ack;
	tc->snd_wnd = sg->wnd;
	tc->max_wnd = MAX(tc->max_wnd, sg->wnd);
}

/* RFC 5681 2: nothing but the same ACK again. With SACK: new blocks. */
static bool is_dup(const struct tcpc *tc, const struct seg *sg, uint32_t sacked)
{
	if (tc->sack_ok)
		return sacked > 0;
	return flight(tc) && !sg->len && sg->wnd == tc->snd_wnd && tc->rec != TCP_REC_RTO;
}

/* No more than can have arrived, so that invented ones gain nothing; segments
 * may be small. */
static void dup_ack(struct tcpc *tc)
{
	if (tc->dup_acks < MAX(flight(tc) / tc->mss, DUP_THRESH))
		tc->dup_acks++;
}

bool tcp_ack_in(struct tcpc *tc, struct seg *sg)
{
	bool newer = seq_gt(sg->h.ack, tc->snd_una), dup;
	uint32_t sacked;

	if (seq_gt(sg->h.ack, tc->snd_nxt) ||
	    seq_lt(seq_add(sg->h.ack, tc->max_wnd), tc->snd_una)) {
		tcp_challenge_ack(tc);	/* RFC 5961 5.2 */
		sg->why = DROP_TCP_WINDOW;
		return false;
	}
	tc->probes = 0;
	if (seq_lt(sg->h.ack, tc->snd_una))
		return true;		/* old; its data may still be wanted */
	sacked = sg->h.o.n_sack ? sack_in(tc, sg) : 0;
	dup = !newer && is_dup(tc, sg, sacked);
	if (tcp_ecn_echoed(tc, sg))	/* before this ACK lets cwnd grow */
		tcp_enter_cwr(tc);
	if (newer)
		new_ack(tc, sg);
	window_in(tc, sg, newer);
	if (dup)
		dup_ack(tc);
	if (sacked || tc->rec == TCP_REC_FAST)
		mark_lost(tc);
	if (sacked)
		mark_lost_again(tc);
	if (evidence(tc))
		enter_fast(tc);
	return true;
}
