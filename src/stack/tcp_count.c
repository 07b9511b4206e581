/* tcp_count.c - what a connection counts only to tell it (TCP_INFO)
 *
 * Nothing here decides anything but whether a path loses what is sent
 * (tcp_count_lossy), for which another ACK is worth its price. Three counters are every connection's; what few
 * connections meet (losses, reordering, windows that were too small) is in a struct
 * that there is from the first time on.
 *
 * Time is told as Linux tells it (tcp_chrono): busy is all the time in which something
 * was to be sent or acknowledged, which is the life of the send queue; limited by the
 * peer's window or by our send buffer are parts of it.
 *
 * The delivery rate is that of draft-cheng-iccrg-delivery-rate-estimation, sampled once
 * a round trip: one piece in flight is marked, and when it is acknowledged, what was
 * delivered since it was sent (bytes_acked and what is SACKed say it) is divided by
 * the longer of the times that sending and acknowledging it took. A sample in which the
 * user had too little to send counts only if it is faster than the last.
 */
#include "stack/tcp.h"

#include <stdlib.h>

#include "base/mem.h"

#define LOSSY	USEC_PER_SEC	/* so long what came out of order is remembered */

struct tcp_rare *tcp_rare_own(struct tcpc *tc)
{
	struct tcp_rare *r = tc->count.rare;

	if (!r) {
		tc->count.rare = r = xzalloc(sizeof(*r));
		r->rwnd_since = r->sndbuf_since = r->rto_at = NEVER;
	}
	return r;
}

void tcp_count_clear(struct tcpc *tc)
{
	free(tc->count.rare);
	tc->count = (struct tcp_count){ 0 };
}

/* --- the delivery rate --- */

static uint32_t now_of(const struct tcpc *tc)
{
	return (uint32_t)tc->so.st->now;
}

/* Octets of which the peer has told that they are there. */
static uint32_t delivered(const struct tcpc *tc)
{
	return (uint32_t)tc->bytes_acked + tc->sent.sacked;
}

/* Less than a segment is left to send, and more would be allowed. */
static bool runs_dry(const struct tcpc *tc)
{
	return seq_diff(tc->snd_end, tc->snd_nxt) < (int32_t)tc->mss &&
	       tcp_pipe(tc) < tc->cwnd;
}

void tcp_count_sent_new(struct tcpc *tc)
{
	struct rate *r = &tc->sent.ring->rate;

	if (!r->started) {
		r->started = true;
		r->acked_sent_at = r->acked_at = now_of(tc);
	}
	r->dry |= runs_dry(tc);
	if (r->marked)
		return;
	r->marked = true;
	r->end = tc->snd_nxt;
	r->sent_at = now_of(tc);
	r->first_at = r->acked_sent_at;
	r->delivered_at = r->acked_at;
	r->delivered = delivered(tc);
	r->limited = r->dry;
	r->dry = runs_dry(tc);
}

void tcp_count_acked(struct tcpc *tc, struct seq ack, struct rate *r)
{
	struct sent_ring *ring = tc->sent.ring;

	r->marked = false;
	if (!ring || !ring->rate.marked || seq_lt(ack, ring->rate.end))
		return;
	*r = ring->rate;
	ring->rate.marked = false;
}

/* Shorter than the shortest round trip: ACKs were delayed and came together. */
static void sample(struct tcpc *tc, const struct rate *r)
{
	struct tcp_count *c = &tc->count;
	uint32_t sending = r->sent_at - r->first_at, acking = now_of(tc) - r->delivered_at;
	uint32_t us = MAX(MAX(sending, acking), 1u), bytes = delivered(tc) - r->delivered;

	if (us < tc->min_rtt || us >> 31)
		return;
	if (r->limited && (uint64_t)bytes * c->rate_us < (uint64_t)c->rate_bytes * us)
		return;
	c->rate_bytes = bytes;
	c->rate_us = us & INT32_MAX;
	c->rate_limited = r->limited;
}

/* --- ACKs --- */

static void unusual(struct tcpc *tc, const struct ack_news *n, uint32_t segs, bool ece)
{
	struct tcp_rare *r = tcp_rare_own(tc);
	uint32_t most = tc->so.st->param.tcp_max_reordering;
	uint32_t by = tcp_count_segs(n->heard.reordered, tc->mss);

	if (ece)
		r->delivered_ce += segs;
	if (n->dsack)
		r->dsack_dups += tcp_count_segs((uint32_t)seq_diff(n->twice.to, n->twice.from),
						tc->mss);
	r->reord_seen += by > 0;
	if (by > MAX(r->reordering, tc->so.st->param.tcp_reordering))
		r->reordering = MIN(by, most);
}

void tcp_count_ack(struct tcpc *tc, const struct seg *sg, const struct ack_news *n,
		   const struct rate *r)
{
	uint32_t segs = tcp_count_segs(n->heard.delivered, tc->mss);
	bool ece = tc->ecn_ok && (sg->h.flags & TCP_ECE);

	tc->count.delivered += segs;
	if (r->marked)
		sample(tc, r);
	if (tc->sent.ring && n->heard.any) {
		tc->sent.ring->rate.acked_at = now_of(tc);
		tc->sent.ring->rate.acked_sent_at = n->heard.at;
	}
	if (n->dsack || n->heard.reordered || ece)
		unusual(tc, n, segs, ece);
}

void tcp_count_sent_again(struct tcpc *tc, uint32_t len)
{
	uint32_t segs = tcp_count_segs(len, tc->mss);

	tcp_rare_own(tc)->bytes_retrans += len;
	tc->so.st->mib.tcp[TCP_RetransSegs] += segs;
	tc->total_retrans += segs;
}

void tcp_count_ooo(struct tcpc *tc, const struct pkt *pkt)
{
	struct tcp_rare *r = tcp_rare_own(tc);

	r->ooo_packs += tcp_count_segs(MAX(pkt_len(pkt), 1u),
				       pkt->gso_size ? pkt->gso_size : UINT32_MAX);
	r->ooo_at = tc->so.st->now;
}

bool tcp_count_lossy(const struct tcpc *tc)
{
	const struct tcp_rare *r = tc->count.rare;

	return r && r->ooo_packs && tc->so.st->now - r->ooo_at < LOSSY;
}

/* --- time --- */

void tcp_count_idle(struct tcpc *tc, usec since)
{
	tc->count.busy += tc->so.st->now - since;
}

/* A clock that runs while on. */
static void clock_set(struct tcpc *tc, bool on, usec *since, usec *sum)
{
	if (on == (*since != NEVER))
		return;
	if (!on)
		*sum += tc->so.st->now - *since;
	*since = on ? tc->so.st->now : NEVER;
}

/* The next segment is larger than what the window leaves (tcp_snd_wnd_test). */
static bool window_limits(const struct tcpc *tc)
{
	int32_t left = seq_diff(tc->snd_end, tc->snd_nxt);
	int32_t room = seq_diff(seq_add(tc->snd_una, tc->snd_wnd), tc->snd_nxt);

	return left > 0 && room < MIN(left, (int32_t)tc->mss) && tcp_pipe(tc) < tc->cwnd;
}

/* Nothing is left to send, though the user has more than was taken (tcp_cwnd_validate). */
static bool buffer_limits(const struct tcpc *tc)
{
	return seq_eq(tc->snd_end, tc->snd_nxt) && tc->nospace && !tc->cwnd_limited &&
	       tcp_state_in(tc, TCP_CAN_WRITE);
}

void tcp_count_limits(struct tcpc *tc)
{
	bool window = window_limits(tc), buffer = buffer_limits(tc);
	struct tcp_rare *r = tc->count.rare;

	if (!r && !window && !buffer)
		return;
	r = tcp_rare_own(tc);
	clock_set(tc, window, &r->rwnd_since, &r->rwnd_limited);
	clock_set(tc, buffer, &r->sndbuf_since, &r->sndbuf_limited);
}

/* RFC 6298 5.4: timeouts in a row are one run. */
void tcp_count_rto(struct tcpc *tc, bool first)
{
	struct tcp_rare *r = tcp_rare_own(tc);

	r->rto += r->rto < UINT16_MAX;
	if (!first)
		return;
	r->rto_runs += r->rto_runs < UINT16_MAX;
	r->rto_at = tc->so.st->now;
}

void tcp_count_rto_over(struct tcpc *tc)
{
	struct tcp_rare *r = tc->count.rare;

	if (!r || r->rto_at == NEVER)
		return;
	r->rto_ms += (uint32_t)((tc->so.st->now - r->rto_at) / USEC_PER_MSEC);
	r->rto_at = NEVER;
}
