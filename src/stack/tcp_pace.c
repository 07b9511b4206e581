/* tcp_pace.c - pacing: a window spread over its round trip
 *
 * The rate is Linux's: cwnd (in recovery the flight, if that is more) per srtt, times
 * tcp_pacing_ss_ratio (200 %) in slow start and tcp_pacing_ca_ratio (120 %) after it, at
 * most SO_MAX_PACING_RATE. That option is always honoured. Otherwise paths of
 * tcp_pacing_min_rtt_us and more are paced: there the bursts that stretched ACKs release
 * overrun a bottleneck's queue, and on shorter ones a timer that fires late costs more
 * than the burst (doc/bad-links.md has both measured). tcp_pacing 0 paces none of them.
 *
 * A piece of len bytes forbids the next for len / rate. What was not used is kept: FREE
 * segments' worth, which few queues mind and which lets small windows go as they are
 * acknowledged; a millisecond's if that is more and we were woken too late, or a busy
 * machine would halve the rate. Of SO_MAX_PACING_RATE, that somebody asked for, it is an
 * initial window's worth, and a millisecond's while data are in flight. A super-frame
 * carries a millisecond at most, as with Linux, and two segments at least. A connection
 * that is not paced pays one comparison.
 */
#include "stack/tcp.h"

#define CATCH_UP	USEC_PER_MSEC
#define FREE		24

bool tcp_path_is_long(const struct tcpc *tc)
{
	return tc->min_rtt >= tc->so.st->param.tcp_pacing_min_rtt_us;
}

uint64_t tcp_pace_own(const struct tcpc *tc)
{
	const struct param *p = &tc->so.st->param;
	uint32_t ratio = tc->cwnd < tc->ssthresh / 2 ? p->tcp_pacing_ss_ratio :
			 p->tcp_pacing_ca_ratio;
	uint32_t window = MAX(tc->cwnd, (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una));

	return (uint64_t)window * 1000000 / tc->srtt * ratio / 100;
}

uint64_t tcp_pace_rate(const struct tcpc *tc)
{
	const struct param *p = &tc->so.st->param;
	bool own = p->tcp_pacing && tcp_path_is_long(tc) && tc->srtt;
	uint64_t rate;

	if (!own)
		return tc->so.asked->max_pacing;
	rate = tcp_pace_own(tc);
	if (tc->so.asked->max_pacing)
		rate = MIN(rate, tc->so.asked->max_pacing);
	return MAX(rate, 1);
}

static usec time_for(uint64_t bytes, uint64_t rate)
{
	return (usec)MIN(bytes * 1000000 / rate, 3600u * 1000000u);
}

/* How much of the time before now may be made up for. */
static usec credit(const struct tcpc *tc, uint64_t rate)
{
	uint32_t segs = tc->so.st->param.tcp_initial_cwnd;
	usec first;

	if (!tc->so.asked->max_pacing)
		segs = MAX(segs, FREE);
	first = time_for((uint64_t)segs * tc->mss, rate);
	return tc->pace_waits ? MAX(first, CATCH_UP) : first;
}

/* A rate made from cwnd is cwnd's limit. */
bool tcp_pace_wait(struct tcpc *tc)
{
	uint64_t rate;

	if (tc->pace_at <= tc->so.st->now || !(rate = tcp_pace_rate(tc)))
		return false;
	tc->cwnd_limited |= rate != tc->so.asked->max_pacing;
	tcp_ev_paced(tc, tc->pace_at);
	return true;
}

void tcp_pace_sent(struct tcpc *tc, uint32_t len)
{
	uint64_t rate = tcp_pace_rate(tc);
	usec now = tc->so.st->now;

	if (!rate)
		return;
	if (!tc->so.asked->max_pacing || seq_eq(tc->snd_una, tc->snd_nxt))
		tc->pace_at = MAX(tc->pace_at, now - credit(tc, rate));
	else if (tc->last_sent != now)
		tc->pace_at = MAX(tc->pace_at, now - CATCH_UP);
	tc->pace_at += time_for(len, rate);
}

uint32_t tcp_pace_burst(const struct tcpc *tc, uint32_t mss, uint32_t limit)
{
	uint64_t rate = tcp_pace_rate(tc);
	uint32_t most;

	if (!rate)
		return limit;
	most = MAX((uint32_t)MIN(rate / 1000, UINT16_MAX), 2 * mss);
	return MIN(limit, most - most % mss);
}
