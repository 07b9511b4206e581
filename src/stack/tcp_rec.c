/* tcp_rec.c - recovery: what is sent while something is missing
 *
 *   OPEN   nothing is lost
 *   CWR    nothing is lost, and the window shrinks (ECN)
 *   FAST   something is lost and ACKs come: PRR (RFC 9937) says with each of
 *          them how much goes, until recover is acknowledged
 *   RTO    no ACK came: slow start from one segment, F-RTO (RFC 5682)
 *
 * Each ACK passes tcp_rec_ack: has it proved the reduction wrong, has it ended
 * recovery, what is lost (rack_detect, or the first segment where SACK is not
 * spoken: RFC 6582), does recovery begin, how large is cwnd. tcp_out.c then sends
 * what is lost before what is new, as far as cwnd exceeds tcp_pipe. Duplicate ACKs
 * make the pipe smaller, which gives limited transmit (RFC 3042) for nothing.
 *
 * A reduction that proves to be wrong is taken back (tcp_undo.c).
 */
#include "stack/tcp.h"

static uint32_t flight(const struct tcpc *tc)
{
	return (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una);
}

/* RFC 6675 4, SetPipe; without SACK each duplicate ACK is a segment that left. */
uint32_t tcp_pipe(const struct tcpc *tc)
{
	uint32_t pipe = flight(tc) - tc->sent.sacked - tc->sent.lost;
	uint32_t dup = tc->sack_ok ? 0 : tc->dup_acks * tc->mss;

	return pipe > dup ? pipe - dup : 0;
}

/* --- the window shrinks --- */

static void reduce(struct tcpc *tc, enum tcp_cc_why why, uint32_t out, uint32_t delivered)
{
	struct undo undo = {
		.cwnd = tc->cwnd, .ssthresh = tc->ssthresh, .from = tc->snd_una,
		.valid = why != TCP_CC_ECN,
	};
	struct prr prr = { .flight = MAX(tcp_pipe(tc) + tc->sent.lost + delivered, 1u) };

	tcp_undo_begin(tc, &undo, &prr);
	tc->ssthresh = tc->cc->ssthresh(tc, MIN(out, tc->cwnd), why);
	tcp_undo_shrunk(tc, undo.cwnd);
	tc->tlp = false;
	tcp_ecn_reduced(tc);
}

/* A loss in a window that has shrunk for a mark: it shrinks from where it was then, for
 * it is answered once (RFC 3168 6.1.2), but as to a loss, which counts for more
 * (RFC 8511). */
static void reduce_anew(struct tcpc *tc, enum tcp_cc_why why)
{
	uint32_t cwnd = tc->cwnd;

	if (!tc->cut)
		return;
	tc->cwnd = MAX(cwnd, tc->cut->undo.cwnd);
	tc->ssthresh = tc->cc->ssthresh(tc, MIN(tc->cut->prr.flight, tc->cwnd), why);
	tc->cwnd = cwnd;
	tc->tlp = false;
}

/* --- proportional rate reduction (RFC 9937 6) --- */

static uint32_t round_up(uint64_t n, uint32_t unit)
{
	return (uint32_t)((n + unit - 1) / unit * unit);
}

/* In the reduction as many whole segments go as ssthresh has to what was in flight;
 * below ssthresh what has arrived is replaced, and a segment more if all is well. */
static int64_t prr_count(const struct tcpc *tc, uint32_t delivered, bool safe)
{
	const struct prr *p = &tc->cut->prr;
	uint32_t pipe = tcp_pipe(tc);
	int64_t n;

	if (pipe > tc->ssthresh) {
		uint64_t due = ((uint64_t)p->delivered * tc->ssthresh + p->flight - 1) / p->flight;

		return (int64_t)round_up(due, tc->mss) - p->out;
	}
	n = MAX((int64_t)p->delivered - p->out, (int64_t)delivered);
	if (safe)
		n += tc->mss;
	return MIN(n, (int64_t)tc->ssthresh - pipe);
}

static void prr_ack(struct tcpc *tc, uint32_t delivered, bool safe, bool must)
{
	struct prr *p = &tc->cut->prr;
	int64_t n;

	p->delivered += delivered;
	n = MAX(prr_count(tc, delivered, safe), 0);
	if (must || !p->out)
		n = MAX(n, (int64_t)tc->mss);
	tc->cwnd = MAX(tcp_pipe(tc) + (uint32_t)n, tc->mss);
}

/* Without memory for PRR the window is at once what it should become. */
static void recovery_ack(struct tcpc *tc, uint32_t delivered, bool safe, bool must)
{
	if (tc->cut)
		prr_ack(tc, delivered, safe, must);
	else
		tc->cwnd = MAX(tc->ssthresh, must ? tcp_pipe(tc) + tc->mss : tc->mss);
}

/* --- entering --- */

void tcp_enter_cwr(struct tcpc *tc)
{
	if (tc->rec != TCP_REC_OPEN)
		return;
	reduce(tc, TCP_CC_ECN, flight(tc), 0);
	tc->rec = TCP_REC_CWR;
	tc->recover = tc->snd_nxt;
}

static void enter_fast(struct tcpc *tc, uint32_t delivered)
{
	if (tc->rec == TCP_REC_CWR)
		reduce_anew(tc, TCP_CC_LOSS);
	else
		reduce(tc, TCP_CC_LOSS, flight(tc), delivered);
	count_tcp(tc->so.st, tc->sack_ok ? TCP_TCPSackRecovery : TCP_TCPRenoRecovery);
	tc->rec = TCP_REC_FAST;
	tc->recover = tc->snd_nxt;
}

void tcp_rec_probe_lost(struct tcpc *tc, uint32_t before)
{
	if (tc->rec != TCP_REC_OPEN)
		return;
	reduce(tc, TCP_CC_LOSS, before, 0);
	tcp_undo_never(tc);
	tc->cwnd = tc->ssthresh;
}

static void enter_rto(struct tcpc *tc)
{
	tc->rec = TCP_REC_RTO;
	tc->recover = tc->snd_nxt;
	tc->dup_acks = 0;
	tc->tlp = tc->frto = tc->frto_new = false;
}

/* RFC 5681 3.1: ssthresh shrinks once for each loss, so not if recovery already
 * answered it, and not again while the timer backs off. What was sent less than a
 * round trip ago may still arrive (RFC 8985 6.3). Whether the timeout was spurious is
 * not asked in a recovery that got on (RFC 5682 3.1 step 1): new data goes before
 * what is lost then, and one segment a timeout is all that would get through. */
void tcp_enter_rto(struct tcpc *tc)
{
	bool new = tc->rec < TCP_REC_FAST || (tc->rec == TCP_REC_RTO && tc->retrans_run <= 1);
	bool ask = tc->rec < TCP_REC_FAST || tc->retrans_run > 1;
	struct sent_log *l = &tc->sent;

	if (tc->rec == TCP_REC_CWR)
		reduce_anew(tc, TCP_CC_RTO);
	else if (new)
		reduce(tc, TCP_CC_RTO, flight(tc), 0);
	/* A receiver may discard what it SACKed (RFC 2018 8). */
	if (l->n && sent_nth(l, 0)->state == SENT_SACKED)
		sent_renege(l);
	if (tc->sack_ok && tc->rack.valid)
		sent_lose_before(l, (uint32_t)tc->so.st->now - tc->rack.rtt);
	else
		sent_lose_all(l);
	enter_rto(tc);
	tc->cwnd = tcp_pipe(tc) + tc->mss;
	tc->frto = tc->so.st->param.tcp_frto && ask;
}

void tcp_mark_all_lost(struct tcpc *tc)
{
	sent_lose_all(&tc->sent);
	enter_rto(tc);
}

/* Too large for the path, that is all (RFC 4821 7.5): the window stays, and has room for
 * it even where duplicates only tell that others have left the network. */
static bool probe_was_lost(struct tcpc *tc)
{
	if (!tcp_mtup_lost(tc))
		return false;
	enter_rto(tc);
	tc->cwnd = MAX(tc->cwnd, tcp_pipe(tc) + tc->sent.lost);
	tcp_undo_never(tc);
	return true;
}

/* --- an ACK --- */

static void leave(struct tcpc *tc)
{
	if (tc->rec != TCP_REC_RTO)
		tc->cwnd = tc->ssthresh;
	if (tc->rec != TCP_REC_CWR)
		rack_recovered(tc);
	tcp_undo_recovered(tc);
	tc->rec = TCP_REC_OPEN;
	tc->dup_acks = 0;
}

static void frto_undo(struct tcpc *tc)
{
	count_tcp(tc->so.st, TCP_TCPSpuriousRTOs);
	tcp_undo(tc);
}

/* RFC 5682 3.1. New data follows the first ACK; what that brings tells whether the
 * timeout was spurious. */
static void frto_ack(struct tcpc *tc, const struct ack_news *n)
{
	if (n->heard.original && (tc->sack_ok || !n->heard.rxt) && tcp_may_undo(tc))
		frto_undo(tc);				/* 3b */
	else if (seq_gt(tc->snd_nxt, tc->recover))
		tc->frto &= !n->dup;			/* 3a */
	else if (n->newer && seq_lt(tc->snd_una, tc->recover))
		tc->frto = tc->frto_new = seq_lt(tc->snd_nxt, tc->snd_end); /* 2b */
}

/* RFC 6582 3.2: without SACK the first segment is lost at the third duplicate, and
 * at each partial ACK; one window of losses is answered once. */
static uint32_t newreno_detect(struct tcpc *tc, const struct ack_news *n)
{
	uint32_t before = tc->sent.lost;
	bool partial = tc->rec == TCP_REC_FAST && n->newer;
	bool third = tc->rec < TCP_REC_FAST && seq_gt(tc->snd_una, tc->recover) &&
		     tc->dup_acks >= tc->so.st->param.tcp_reordering;

	if (flight(tc) && (partial || third))
		sent_lose_first(&tc->sent, MIN(tc->mss, flight(tc)));
	return tc->sent.lost - before;
}

static void detect(struct tcpc *tc, struct ack_news *n)
{
	if (!tc->sack_ok)
		n->lost = newreno_detect(tc, n);
	else if (n->heard.any && (tc->sent.sacked || tc->rec >= TCP_REC_FAST))
		n->lost = rack_detect(tc, &n->reorder);
}

void tcp_rec_ack(struct tcpc *tc, const struct seg *sg, struct ack_news *n)
{
	bool first;

	if (tc->sack_ok)
		rack_ack(tc, n);
	tlp_ack(tc, sg, n);
	tcp_undo_ack(tc, sg, n);
	if (tc->rec == TCP_REC_RTO && tc->frto)
		frto_ack(tc, n);
	if (tc->rec != TCP_REC_OPEN && seq_ge(tc->snd_una, tc->recover))
		leave(tc);
	detect(tc, n);
	first = tc->rec < TCP_REC_FAST && tc->sent.lost && !probe_was_lost(tc);
	if (first)
		enter_fast(tc, n->heard.delivered);
	if (tc->rec == TCP_REC_FAST || tc->rec == TCP_REC_CWR) {
		if (first || n->heard.delivered)
			recovery_ack(tc, n->heard.delivered, n->newer && !n->lost,
				     !tc->sack_ok && n->lost);
	}
}

/* What was missing is late by now. */
void tcp_rec_reorder_due(struct tcpc *tc, usec *wait)
{
	uint32_t lost = rack_detect(tc, wait);

	if (lost && tc->rec < TCP_REC_FAST && !probe_was_lost(tc)) {
		enter_fast(tc, 0);
		recovery_ack(tc, 0, false, false);
	}
}

/* --- what was sent --- */

#define QUANTA	256	/* of a round trip: what is sent within one shares a record */

void tcp_rec_sent_new(struct tcpc *tc, uint32_t len)
{
	sent_new(&tc->sent, tc->snd_nxt, (uint32_t)tc->so.st->now, tc->srtt / QUANTA);
	tcp_count_sent_new(tc);
	if (tc->cut)
		tc->cut->prr.out += len;
}

static void cut_sent_again(struct tcpc *tc, uint32_t len)
{
	struct undo *u = &tc->cut->undo;

	tc->cut->prr.out += len;
	u->rxt += len;
	u->again = true;
	if (!tc->ts_ok || !u->valid || u->has_ts)
		return;
	u->has_ts = true;
	u->ts = tcp_ts_now(tc);
}

void tcp_rec_sent_again(struct tcpc *tc, struct seq from, struct seq to)
{
	count_tcp(tc->so.st, tc->rec == TCP_REC_RTO ? TCP_TCPSlowStartRetrans : TCP_TCPFastRetrans);
	sent_again(&tc->sent, from, to, (uint32_t)tc->so.st->now);
	if (tc->cut)
		cut_sent_again(tc, (uint32_t)seq_diff(to, from));
	tcp_count_sent_again(tc, (uint32_t)seq_diff(to, from));
}
