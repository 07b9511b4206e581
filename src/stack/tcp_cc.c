/* tcp_cc.c - congestion control as a table of events; Reno (RFC 5681)
 *
 * A controller lets cwnd (bytes) grow and says what ssthresh becomes when the
 * window must shrink; what may be sent under them (pipe, retransmissions first) is
 * tcp_out.c's business, and what is lost, and cwnd meanwhile, tcp_ack.c's. Its own
 * state is in cc_mem.
 */
#include "stack/tcp.h"

#define CWND_MAX	(1u << 30)

static void reno_init(struct tcpc *tc)
{
	tc->ssthresh = CWND_MAX;
	tc->cwnd_acked = 0;
}

/* RFC 5681 3.1, counting bytes (RFC 3465) without a limit per ACK, as Linux:
 * one ACK of a super-frame stands for many. */
static void reno_ack(struct tcpc *tc, const struct tcp_ack *a)
{
	uint32_t acked = a->acked;

	if (!a->limited)
		return;
	if (tc->cwnd < tc->ssthresh) {
		uint32_t grow = MIN(acked, tc->ssthresh - tc->cwnd);

		tc->cwnd = MIN(tc->cwnd + grow, CWND_MAX);
		acked -= grow;
	}
	tc->cwnd_acked += acked;
	while (tc->cwnd_acked >= tc->cwnd) {
		tc->cwnd_acked -= tc->cwnd;
		tc->cwnd = MIN(tc->cwnd + tc->mss, CWND_MAX);
	}
}

/* RFC 5681 3.1 (4) */
static uint32_t reno_ssthresh(struct tcpc *tc, uint32_t flight, enum tcp_cc_why why)
{
	(void)why;
	tc->cwnd_acked = 0;
	return MAX(flight / 2, 2 * tc->mss);
}

static void reno_undo(struct tcpc *tc)
{
	tc->cwnd_acked = 0;
}

/* RFC 5681 4.1, decaying by half per RTO of silence as RFC 2861. */
static void reno_idle(struct tcpc *tc, usec silence)
{
	uint32_t restart = MIN(tc->so.st->param.tcp_initial_cwnd * tc->mss, tc->cwnd);

	tc->ssthresh = MAX(tc->ssthresh, tc->cwnd / 4 * 3);
	for (; silence > tc->rto && tc->cwnd > restart; silence -= tc->rto)
		tc->cwnd /= 2;
	tc->cwnd = MAX(tc->cwnd, restart);
	tc->cwnd_acked = 0;
}

static const struct tcp_cc ccs[] = {
	{ "reno", reno_init, reno_ack, reno_ssthresh, reno_undo, reno_idle },
};

const struct tcp_cc *tcp_cc_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ccs); i++) {
		if (!strcmp(ccs[i].name, name))
			return &ccs[i];
	}
	return NULL;
}

/* When the MSS is known. */
void tcp_cc_init(struct tcpc *tc)
{
	struct param *p = &tc->so.st->param;

	if (!tc->cc)
		tc->cc = tcp_cc_find(p->tcp_congestion_control);
	if (!tc->cc)
		tc->cc = &ccs[0];
	tc->cwnd = p->tcp_initial_cwnd * tc->mss;
	tc->cc->init(tc);
}
