/* tcp_rtt.c - round-trip time and retransmission timeout (RFC 6298)
 *
 * The records of what was sent (tcp_sent.c) give a round trip in microseconds with
 * each ACK, unless something it covers was sent more than once (Karn's rule,
 * RFC 6298 3); then the timestamp echoed by the peer gives it instead (RFC 7323
 * 4.1), in its milliseconds, if it is news. One sample a round trip goes into the smoothed values,
 * from the oldest octets of its ACK, so that a delayed ACK counts; the smallest of the last
 * tcp_min_rtt_wlen seconds is kept for RACK. As in Linux the variance term, not the sum, is held above the minimum:
 * on a quiet path the timeout is the round trip plus tcp_rto_min_us.
 */
#include "stack/tcp.h"

#define RTO_INITIAL	1000000u	/* RFC 6298 2.1 */
#define SECOND_BITS	20		/* us: about a second */
#define RTO_MAX		120000000u

void tcp_rtt_init(struct tcpc *tc)
{
	tc->rto = RTO_INITIAL;
	tc->min_rtt = tc->young_rtt = UINT32_MAX;
	tc->syn_at = NEVER;
}

static void rto_update(struct tcpc *tc)
{
	uint64_t var = MAX((uint64_t)tc->rttvar * 4, tc->so.st->param.tcp_rto_min_us);

	tc->rto = (uint32_t)MIN(tc->srtt + var, tc->so.st->param.tcp_rto_max_ms * 1000u);
	tc->backoff = 0;
}

/* The window in halves: when the young half is over, the older one is forgotten. */
static void min_rtt_heard(struct tcpc *tc, uint32_t rtt)
{
	uint32_t now = (uint32_t)(tc->so.st->now >> SECOND_BITS);
	uint32_t half = (tc->so.st->param.tcp_min_rtt_wlen + 1) / 2;

	if (now - tc->young_since >= half) {
		tc->min_rtt = now - tc->young_since < 2 * half ? tc->young_rtt : UINT32_MAX;
		tc->young_rtt = UINT32_MAX;
		tc->young_since = now;
	}
	tc->young_rtt = MIN(tc->young_rtt, rtt);
	tc->min_rtt = MIN(tc->min_rtt, rtt);
}

/* RFC 6298 2.2, 2.3 */
void tcp_rtt_sample(struct tcpc *tc, usec rtt)
{
	uint32_t r = (uint32_t)CLAMP(rtt, 1, (usec)RTO_MAX);
	uint32_t diff;

	min_rtt_heard(tc, r);
	if (!tc->srtt) {
		tc->srtt = r;
		tc->rttvar = r / 2;
	} else {
		diff = tc->srtt > r ? tc->srtt - r : r - tc->srtt;
		tc->rttvar = tc->rttvar - tc->rttvar / 4 + diff / 4;
		tc->srtt = MAX(tc->srtt - tc->srtt / 8 + r / 8, 1);
	}
	rto_update(tc);
}

/* The SYN is timed without a record. */
void tcp_rtt_syn_sent(struct tcpc *tc)
{
	tc->syn_at = tc->so.st->now;
}

void tcp_rtt_syn_again(struct tcpc *tc)
{
	tc->syn_at = NEVER;
}

static usec echoed(const struct tcpc *tc, const struct seg *sg)
{
	int32_t ms;

	if (!tc->ts_ok || !sg->h.o.has_ts || !sg->h.o.ts_ecr)
		return NEVER;
	ms = (int32_t)(tcp_ts_now(tc) - sg->h.o.ts_ecr);
	return ms >= 0 ? MAX(ms, 1) * USEC_PER_MSEC : NEVER;
}

/* The question for the hop's link address, that may itself be lost, is no part of the path. */
void tcp_rtt_syn_acked(struct tcpc *tc, const struct seg *sg)
{
	usec now = tc->so.st->now;
	usec rtt = tc->syn_at == NEVER ? echoed(tc, sg) : now - tc->syn_at;

	if (rtt != NEVER)
		tcp_rtt_sample(tc, now - neigh_left(&tc->so.flow, now - rtt));
	tc->rtt_seq = tc->snd_nxt;
}

/* Once what was sent after the last sample arrives. */
static void sample_in_turn(struct tcpc *tc, struct seq end, usec rtt)
{
	if (seq_le(end, tc->rtt_seq))
		return;
	tc->rtt_seq = tc->snd_nxt;
	tcp_rtt_sample(tc, rtt);
}

/* The echo counts milliseconds. If it agrees with what is known, as far as it can tell, it
 * says nothing finer: taken for a sample, 1 ms would make a path of 0.1 ms twice as long. */
static bool agrees(const struct tcpc *tc, usec rtt)
{
	usec more = rtt - tc->srtt;

	return tc->srtt && more < USEC_PER_MSEC && more > -USEC_PER_MSEC;
}

usec tcp_rtt_heard(struct tcpc *tc, const struct seg *sg, const struct ack_news *n)
{
	const struct heard *h = &n->heard;
	uint32_t now = (uint32_t)tc->so.st->now, last;
	usec rtt;

	if (h->sampled && !h->rxt) {
		last = sent_age(h->last_at, now);
		if (!last && tc->srtt) {
			rto_update(tc);
			return NEVER;	/* in one turn of ours: the clock did not move */
		}
		last = MAX(last, 1u);
		min_rtt_heard(tc, last);
		sample_in_turn(tc, h->end, sent_age(h->first_at, now));
		return last;
	}
	rtt = n->newer ? echoed(tc, sg) : NEVER;
	if (rtt == NEVER)
		return NEVER;
	if (agrees(tc, rtt))
		rto_update(tc);
	else
		tcp_rtt_sample(tc, rtt);
	return rtt;
}
