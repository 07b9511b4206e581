/* cc_reno.c - Reno: a segment more each round trip, half after a loss (RFC 5681) */
#include "stack/tcp.h"

/* Bytes acknowledged since cwnd last grew. */
static uint32_t *counter(struct tcpc *tc)
{
	return (uint32_t *)(void *)tc->cc_mem;
}

static void reno_init(struct tcpc *tc)
{
	*counter(tc) = 0;
}

static void reno_ack(struct tcpc *tc, const struct tcp_ack *a)
{
	uint32_t *n = counter(tc), acked = a->limited ? tcp_slow_start(tc, a->acked) : 0;

	if (!acked)
		return;
	*n = MIN(*n, tc->cwnd) + acked;		/* cwnd may be much smaller by now */
	while (*n >= tc->cwnd) {
		*n -= tc->cwnd;
		tc->cwnd = MIN(tc->cwnd + tc->mss, TCP_CWND_MAX);
	}
}

/* RFC 5681 3.1 (4); a mark is a milder sign than a loss (RFC 8511 3.1). */
static uint32_t reno_ssthresh(struct tcpc *tc, uint32_t flight, enum tcp_cc_why why)
{
	*counter(tc) = 0;
	return MAX(why == TCP_CC_ECN ? flight / 5 * 4 : flight / 2, 2 * tc->mss);
}

const struct tcp_cc tcp_reno = {
	.name = "reno",
	.init = reno_init,
	.ack = reno_ack,
	.ssthresh = reno_ssthresh,
	.undo = reno_init,
};
