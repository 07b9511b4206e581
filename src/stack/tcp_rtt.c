/* tcp_rtt.c - round-trip time and retransmission timeout (RFC 6298)
 *
 * One segment per round trip is timed in microseconds. A retransmission stops
 * the timing (Karn's rule, RFC 6298 3); then the timestamp echoed by the peer
 * gives the sample instead (RFC 7323 4.1), in its milliseconds. As in Linux the
 * variance term, not the sum, is held above the minimum: on a quiet path the
 * timeout is the round trip plus tcp_min_rto_us.
 */
#include "stack/tcp.h"

#define RTO_INITIAL	1000000u	/* RFC 6298 2.1 */
#define RTO_MAX		120000000u

void tcp_rtt_init(struct tcpc *tc)
{
	tc->rto = RTO_INITIAL;
	tc->min_rtt = UINT32_MAX;
	tc->rtt_at = NEVER;
}

static void rto_update(struct tcpc *tc)
{
	uint64_t var = MAX((uint64_t)tc->rttvar * 4, tc->so.st->param.tcp_min_rto_us);

	tc->rto = (uint32_t)MIN(tc->srtt + var, RTO_MAX);
	tc->backoff = 0;
}

/* RFC 6298 2.2, 2.3 */
void tcp_rtt_sample(struct tcpc *tc, usec rtt)
{
	uint32_t r = (uint32_t)CLAMP(rtt, 1, (usec)RTO_MAX);
	uint32_t diff;

	tc->min_rtt = MIN(tc->min_rtt, r);
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

void tcp_rtt_sent(struct tcpc *tc, struct seq end)
{
	if (tc->rtt_at != NEVER)
		return;
	tc->rtt_seq = end;
	tc->rtt_at = tc->so.st->now;
}

void tcp_rtt_retransmitted(struct tcpc *tc)
{
	tc->rtt_at = NEVER;
}

static usec rtt_of(struct tcpc *tc, const struct seg *sg)
{
	usec at = tc->rtt_at;
	int32_t ms;

	if (at != NEVER) {
		if (seq_lt(sg->h.ack, tc->rtt_seq))
			return NEVER;
		tc->rtt_at = NEVER;
		return tc->so.st->now - at;
	}
	if (!tc->ts_ok || !sg->h.o.has_ts || !sg->h.o.ts_ecr)
		return NEVER;
	ms = (int32_t)(tcp_ts_now(tc) - sg->h.o.ts_ecr);
	return ms >= 0 ? MAX(ms, 1) * USEC_PER_MSEC : NEVER;
}

/* After snd_una has moved. */
usec tcp_rtt_acked(struct tcpc *tc, const struct seg *sg)
{
	usec rtt = rtt_of(tc, sg);

	if (rtt != NEVER)
		tcp_rtt_sample(tc, rtt);
	return rtt;
}
