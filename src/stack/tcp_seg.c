/* tcp_seg.c - a segment of a synchronized connection (RFC 9293 3.10.7.4)
 *
 * The steps in the order of the RFC, each of which may end the segment:
 * timestamps, sequence, RST, SYN, ACK, URG, data and FIN. In the middle of a
 * transfer a segment cannot fail the first four, which one test of a few fields
 * shows (predicted). Whatever the steps decided, at the end tcp_output sends
 * what has become possible and the ACK that is owed.
 */
#include "stack/tcp.h"

#include <errno.h>

#define PAWS_IDLE	(24u * 24 * 3600)	/* s, RFC 7323 5.5 */

static bool end_seg(struct seg *sg, enum drop why)
{
	sg->why = why;
	return false;
}

/* --- first: timestamps (RFC 7323 5.3) --- */

bool tcp_paws_fails(const struct tcpc *tc, const struct seg *sg)
{
	return tc->ts_ok && sg->h.o.has_ts &&
	       (int32_t)(sg->h.o.ts_val - tc->ts_recent) < 0 &&
	       (uint32_t)(tc->so.st->now / USEC_PER_SEC) - tc->ts_recent_at < PAWS_IDLE;
}

/* A duplicate ACK that was overtaken by a later one: it may tell of a loss. As
 * Linux: it changes no window and is no older than a timeout, in ticks of up to 1200
 * a second. */
static bool overtaken_ack(const struct tcpc *tc, const struct seg *sg)
{
	int32_t age = (int32_t)(tc->ts_recent - sg->h.o.ts_val);

	return (sg->h.flags & TCP_ACK) && !sg->len && seq_eq(sg->h.seq, tc->rcv_nxt) &&
	       seq_eq(sg->h.ack, tc->snd_una) &&
	       !(seq_eq(sg->h.seq, tc->snd_wl1) && sg->wnd > tc->snd_wnd) &&
	       age <= (int32_t)(tc->rto / 1000 * 12 / 10);
}

/* Data that came before: the sender went back, so it wants to know which (RFC 2883), and
 * to hear it soon. */
static void tell_old_data(struct tcpc *tc, const struct seg *sg)
{
	if (!sg->len || !seq_lt(sg->h.seq, tc->rcv_nxt) || (sg->h.flags & TCP_SYN))
		return;
	tcp_dsack_note(tc, sg->h.seq, seq_min(tcp_seg_end(sg), tc->rcv_nxt));
	tc->quick = MAX(tc->quick, 2);
}

/* What comes after its own retransmission is older by its timestamp, too: it tells the
 * sender that it was wrong (as Linux). */
static bool check_paws(struct tcpc *tc, struct seg *sg)
{
	if ((sg->h.flags & TCP_RST) || !tcp_paws_fails(tc, sg) || overtaken_ack(tc, sg))
		return true;
	tell_old_data(tc, sg);
	tc->ack_now |= tcp_may_answer(tc, sg);
	return end_seg(sg, DROP_TCP_PAWS);
}

/* RFC 7323 4.3: only what spans the last ACK we sent, and never backwards. After
 * the ACK was seen to be acceptable (as Linux): who guesses a sequence number but no
 * acknowledgment must not set the clock that all that follows is measured by. */
void tcp_ts_update(struct tcpc *tc, const struct seg *sg)
{
	if (!tc->ts_ok || !sg->h.o.has_ts || seq_gt(sg->h.seq, tc->rcv_wup) ||
	    tcp_paws_fails(tc, sg))
		return;
	tc->ts_recent = sg->h.o.ts_val;
	tc->ts_recent_at = (uint32_t)(tc->so.st->now / USEC_PER_SEC);
}

/* --- second: sequence number --- */

/* A segment that ends before what we have ACKed is old, one that begins after
 * the window is not for us; an old one may still carry an ACK, so like Linux
 * the left edge is the last one we told the peer. */
static bool check_seq(struct tcpc *tc, struct seg *sg)
{
	struct seq right = seq_add(tc->rcv_nxt, tcp_rcv_window(tc));

	if (seq_ge(tcp_seg_end(sg), tc->rcv_wup) && seq_le(sg->h.seq, right))
		return true;
	if (sg->h.flags & TCP_RST)
		return end_seg(sg, DROP_TCP_WINDOW);
	tell_old_data(tc, sg);
	if (sg->h.flags & TCP_SYN)
		tcp_challenge_ack(tc);
	else
		tc->ack_now |= tcp_may_answer(tc, sg);
	return end_seg(sg, sg->len ? DROP_TCP_DUP : DROP_TCP_WINDOW);
}

/* --- third: RST (RFC 5961 3.2) --- */

static void reset_in(struct tcpc *tc)
{
	int error = tc->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET;

	/* All was said and heard: nothing to complain about. */
	if (tcp_state_in(tc, 1u << TCP_CLOSING | 1u << TCP_LAST_ACK) && tc->orphan)
		error = 0;
	tcp_fail(tc, error, "RST received");
}

static bool check_rst(struct tcpc *tc, struct seg *sg)
{
	if (!(sg->h.flags & TCP_RST))
		return true;
	if (seq_eq(sg->h.seq, tc->rcv_nxt)) {
		reset_in(tc);
		return end_seg(sg, DROP_NONE);
	}
	tcp_challenge_ack(tc);
	return end_seg(sg, DROP_TCP_STATE);
}

/* --- fourth: SYN (RFC 5961 4.2) --- */

/* In a simultaneous open the peer's SYN-ACK repeats the SYN we know. */
static bool is_crossed_syn_ack(const struct tcpc *tc, const struct seg *sg)
{
	return tc->state == TCP_SYN_RECV && (sg->h.flags & TCP_ACK) &&
	       seq_eq(seq_add(sg->h.seq, 1), tc->rcv_nxt) && seq_eq(sg->h.ack, tc->snd_nxt);
}

static bool check_syn(struct tcpc *tc, struct seg *sg)
{
	if (!(sg->h.flags & TCP_SYN))
		return true;
	if (is_crossed_syn_ack(tc, sg)) {
		sg->h.seq = tc->rcv_nxt;
		sg->len--;
		sg->h.flags &= ~(TCP_SYN | TCP_ECE);
		return true;
	}
	if (tc->fo_child && seq_eq(sg->h.seq, tc->irs))
		tcp_send_syn(tc);	/* our SYN-ACK was lost */
	else
		tcp_challenge_ack(tc);
	return end_seg(sg, DROP_TCP_STATE);
}

/* --- fifth: ACK --- */

static bool syn_recv_ack(struct tcpc *tc, struct seg *sg)
{
	if (seq_le(sg->h.ack, tc->snd_una) || seq_gt(sg->h.ack, tc->snd_nxt)) {
		tcp_reset_reply(tc->so.st, sg);
		return end_seg(sg, DROP_TCP_STATE);
	}
	tc->snd_una = seq_add(tc->iss, 1);
	tc->snd_wnd = tc->max_wnd = sg->wnd;
	tc->snd_wl1 = sg->h.seq;
	tcp_rtt_syn_acked(tc, sg);
	tcp_established(tc);
	return true;
}

/* Our FIN is acknowledged. */
static void fin_acked(struct tcpc *tc)
{
	switch (tc->state) {
	case TCP_FIN_WAIT1:
		tcp_set_state(tc, TCP_FIN_WAIT2, "FIN acknowledged");
		break;
	case TCP_CLOSING:
		tcp_set_state(tc, TCP_TIME_WAIT, "FIN acknowledged");
		break;
	case TCP_LAST_ACK:
		tcp_set_state(tc, TCP_CLOSE, "FIN acknowledged");
		break;
	}
}

static bool check_ack(struct tcpc *tc, struct seg *sg)
{
	if (!(sg->h.flags & TCP_ACK))
		return end_seg(sg, DROP_TCP_STATE);
	if (tc->state == TCP_SYN_RECV && !syn_recv_ack(tc, sg))
		return false;
	if (!tcp_ack_in(tc, sg))
		return false;
	if (tc->fin_sent && seq_eq(tc->snd_una, tc->snd_nxt))
		fin_acked(tc);
	return tc->state != TCP_CLOSE;
}

/* --- sixth: URG (RFC 9293 3.8.5; the pointer means what Linux takes it to) --- */

static bool do_urg(struct tcpc *tc, struct seg *sg)
{
	struct seq at = seq_add(sg->h.seq, (uint32_t)sg->h.urg - 1);

	if (!(sg->h.flags & TCP_URG) || !sg->h.urg || !tcp_state_in(tc, TCP_CAN_RECV))
		return true;
	if (seq_lt(at, tc->copied) || seq_lt(at, tc->rcv_nxt))
		return true;
	if ((tc->urg_here || tc->urg_valid) && seq_le(at, tc->urg_seq))
		return true;
	if (seq_diff(at, tc->rcv_nxt) > 65535)
		return true;
	tc->urg_seq = at;
	tc->urg_here = true;
	tc->urg_valid = tc->urg_read = false;
	return true;
}

/* The urgent byte itself is kept when it comes by, in order or not. */
static void urg_byte(struct tcpc *tc, const struct seg *sg)
{
	int32_t off = seq_diff(tc->urg_seq, sg->h.seq);

	if (!tc->urg_here || tc->urg_valid || tc->urg_read)
		return;
	if (off < 0 || (uint32_t)off >= sg->paylen)
		return;
	pkt_copy(sg->pkt, (uint32_t)off, &tc->urg_byte, 1);
	tc->urg_valid = true;
}

/* --- seventh: data, eighth: FIN --- */

/* Data for a user who will never read it: the peer must hear of the loss
 * (RFC 2525 2.17, RFC 9293 3.6.1). */
static bool nobody_reads(const struct tcpc *tc, const struct seg *sg)
{
	return (tc->shut & TCP_SHUT_RCV) && sg->paylen && !tc->done &&
	       tcp_state_in(tc, 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2) &&
	       seq_gt(seq_add(sg->h.seq, sg->paylen), tc->rcv_nxt);
}

/* Cuts what was received before. False: that is all of it. */
static bool trim_old(struct tcpc *tc, struct seg *sg)
{
	int32_t old = seq_diff(tc->rcv_nxt, sg->h.seq);

	if (old <= 0)
		return true;
	tcp_dsack_note(tc, sg->h.seq, seq_min(tc->rcv_nxt, tcp_seg_end(sg)));
	tc->ack_now = true;
	if ((uint32_t)old >= sg->len)
		return end_seg(sg, DROP_TCP_DUP);
	pkt_trim_front(sg->pkt, (uint32_t)old);
	sg->paylen -= MIN(sg->paylen, (uint32_t)old);
	sg->len -= (uint32_t)old;
	sg->h.seq = tc->rcv_nxt;
	return true;
}

/* Cuts what is beyond the window; the FIN goes with it. */
static bool trim_new(struct tcpc *tc, struct seg *sg)
{
	int32_t room = seq_diff(seq_add(tc->rcv_nxt, tcp_rcv_window(tc)), sg->h.seq);

	if ((int32_t)sg->paylen <= room || !sg->paylen)
		return true;
	tc->ack_now = true;
	if (room <= 0)
		return end_seg(sg, DROP_TCP_WINDOW);
	pkt_trim_to(sg->pkt, (uint32_t)room);
	sg->paylen = sg->len = (uint32_t)room;
	sg->h.flags &= ~TCP_FIN;
	return true;
}

/* RFC 9293 3.8.6.3 and RFC 5681 4.2: an ACK for every second full-sized frame,
 * a super-frame being one as long as they come in equal sizes; one that is
 * smaller than the last, or pushed, ends a burst: the sender waits for us. What a
 * plug merged was several frames on the wire, often all that cwnd allowed.
 *
 * A sender of super-frames is a neighbour by memory: those that are taken in together get
 * one ACK, unless that lets too much of the window go by (tcp_answer). */
static void ack_policy(struct tcpc *tc, uint32_t paylen, const struct pkt *pkt, uint8_t flags)
{
	uint32_t unit = pkt->gso_size ? pkt->gso_size : paylen;
	uint32_t all = (uint32_t)seq_diff(tc->rcv_nxt, tc->rcv_wup) + paylen;

	if (unit > tc->rcv_mss)
		tc->rcv_mss = MIN(unit, tc->mss_base);
	if (paylen > tc->rcv_mss) {
		tc->merged |= pkt->sum == PKT_SUM_OK;
		tc->ack_now |= pkt->sum == PKT_SUM_OK || all >= tc->so.rcvbuf / 4;
		tc->ack_soon |= paylen != tc->rcv_super || (flags & TCP_PSH) || tc->ack_frames;
		tc->rcv_super = paylen;
		tc->ack_frames = 1;
	} else if (paylen >= tc->rcv_mss && ++tc->ack_frames >= 2) {
		tc->ack_now = true;
	}
	if (tc->quick && !tc->pingpong)
		tc->ack_now = true;
	tc->pushed = flags & TCP_PSH;
	if (!tc->ack_now && !tc->ack_soon)
		tcp_ev_ack_later(tc);
}

static bool do_data(struct tcpc *tc, struct seg *sg)
{
	bool fin;

	if (!sg->len)
		return true;
	if (!tcp_state_in(tc, TCP_CAN_RECV)) {
		tc->ack_now = true;	/* after the peer's FIN */
		return end_seg(sg, DROP_TCP_DUP);
	}
	if (nobody_reads(tc, sg)) {
		tcp_reset_reply(tc->so.st, sg);
		tcp_fail(tc, ECONNRESET, "data nobody reads");
		return end_seg(sg, DROP_TCP_STATE);
	}
	if (!trim_old(tc, sg) || !trim_new(tc, sg))
		return false;
	fin = sg->h.flags & TCP_FIN;
	urg_byte(tc, sg);
	tcp_ev_data_came(tc);
	if (sg->paylen)
		tcp_ecn_data_in(tc, sg);
	if (sg->paylen)
		ack_policy(tc, sg->paylen, sg->pkt, sg->h.flags);
	if (tc->ts_ok && sg->h.o.has_ts && sg->h.o.ts_ecr && sg->paylen >= tc->rcv_mss)
		tcp_rcv_rtt_ts(tc, sg->h.o.ts_ecr);
	tcp_rcv_data(tc, sg->pkt, sg->h.seq, fin);
	sg->pkt = NULL;
	sock_wake(&tc->so);
	return true;
}

void tcp_fin_in(struct tcpc *tc)
{
	tc->rcv_nxt = seq_add(tc->rcv_nxt, 1);
	tc->ack_now = true;
	tc->done = true;
	tc->shut |= TCP_SHUT_RCV;
	tcp_rcv_end(tc);
	switch (tc->state) {
	case TCP_ESTABLISHED:
		tcp_set_state(tc, TCP_CLOSE_WAIT, "FIN received");
		break;
	case TCP_FIN_WAIT1:
		tcp_set_state(tc, TCP_CLOSING, "FIN received");
		break;
	case TCP_FIN_WAIT2:
		tcp_set_state(tc, TCP_TIME_WAIT, "FIN received");
		break;
	}
}

/* --- the steps together --- */

/* Header prediction: in order, established, nothing special. */
static bool predicted(const struct tcpc *tc, const struct seg *sg)
{
	return tc->state == TCP_ESTABLISHED && (sg->h.flags & ~TCP_PSH) == TCP_ACK &&
	       seq_eq(sg->h.seq, tc->rcv_nxt) && sg->paylen <= tcp_rcv_window(tc) &&
	       !tcp_paws_fails(tc, sg);
}

static bool (*const checks[])(struct tcpc *tc, struct seg *sg) = {
	check_paws, check_seq, check_rst, check_syn,
};

static bool checks_pass(struct tcpc *tc, struct seg *sg)
{
	if (predicted(tc, sg)) {
		count_tcp(tc->so.st, TCP_TCPHPHits);
		return true;
	}
	for (unsigned i = 0; i < ARRAY_LEN(checks); i++) {
		if (!checks[i](tc, sg))
			return false;
	}
	return true;
}

/* What a plug or the peer made one of is counted as it was on the wire. */
static void count_in(struct tcpc *tc, const struct seg *sg)
{
	uint32_t segs = sg->pkt->gso_size ? tcp_count_segs(sg->paylen, sg->pkt->gso_size) : 1;

	tc->so.st->mib.tcp[TCP_InSegs] += segs - 1;
	tc->segs_in += segs;
	if (sg->paylen)
		tc->count.data_in += segs;
}

void tcp_seg_in(struct tcpc *tc, struct seg *sg)
{
	sg->wnd = (uint32_t)sg->h.win << tc->snd_wscale;
	count_in(tc, sg);
	if (checks_pass(tc, sg)) {
		tc->last_rcvd = tc->so.st->now;
		if (check_ack(tc, sg) && do_urg(tc, sg))
			do_data(tc, sg);
	}
	if (tc->state == TCP_CLOSE)
		return;
	tcp_output(tc);
	tcp_wake_writer(tc);
}
