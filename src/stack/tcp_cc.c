/* tcp_cc.c - congestion control: what all controllers share (RFC 5681)
 *
 * A controller lets cwnd (bytes) grow and says what ssthresh becomes when the
 * window must shrink; what may be sent under them (pipe, retransmissions first) is
 * tcp_out.c's business, and what is lost, and cwnd meanwhile, tcp_ack.c's. Its own
 * state is in cc_mem. Here are the table of controllers, slow start, and what
 * a silence does to a window that was not in use.
 */
#include "stack/tcp.h"

static const struct tcp_cc *const ccs[] = { &tcp_cubic, &tcp_reno };

const struct tcp_cc *tcp_cc_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ccs); i++) {
		if (!strcmp(ccs[i]->name, name))
			return ccs[i];
	}
	return NULL;
}

const char tcp_cc_names[] = "reno cubic";

static bool listed(const char *list, const char *name, size_t len)
{
	for (size_t n; (n = strcspn(list, " ")) || *list; list += n + !!list[n]) {
		if (n == len && !memcmp(list, name, n))
			return true;
	}
	return false;
}

bool tcp_cc_listed(const char *list, const char *names)
{
	for (size_t n; (n = strcspn(names, " ")) || *names; names += n + !!names[n]) {
		if (!listed(list, names, n))
			return false;
	}
	return true;
}

/* When the MSS is known. */
void tcp_cc_init(struct tcpc *tc)
{
	struct param *p = &tc->so.st->param;

	if (!tc->cc)
		tc->cc = tcp_cc_find(p->tcp_congestion_control);
	if (!tc->cc)
		tc->cc = ccs[0];
	tc->cwnd = p->tcp_initial_cwnd * tc->mss;
	tc->ssthresh = TCP_CWND_MAX;
	tc->cc->init(tc);
}

void tcp_cc_set(struct tcpc *tc, const struct tcp_cc *cc)
{
	tc->cc = cc;
	tcp_undo_disown(tc);	/* what they would take back was the other's */
	if (tcp_state_in(tc, TCP_CAN_SEND))
		cc->init(tc);
}

/* RFC 5681 3.1, counting bytes (RFC 3465) without a limit per ACK, as Linux:
 * one ACK of a super-frame stands for many. */
uint32_t tcp_slow_start(struct tcpc *tc, uint32_t acked)
{
	uint32_t grow;

	if (tc->cwnd >= tc->ssthresh)
		return acked;
	grow = MIN(acked, tc->ssthresh - tc->cwnd);
	tc->cwnd = MIN(tc->cwnd + grow, TCP_CWND_MAX);
	return acked - grow;
}

/* RFC 5681 4.1, decaying by half per RTO of silence as RFC 2861. */
static void decay(struct tcpc *tc, usec silence)
{
	uint32_t restart = MIN(tc->so.st->param.tcp_initial_cwnd * tc->mss, tc->cwnd);

	tc->ssthresh = MAX(tc->ssthresh, tc->cwnd / 4 * 3);
	for (; silence > tc->rto && tc->cwnd > restart; silence -= tc->rto)
		tc->cwnd /= 2;
	tc->cwnd = MAX(tc->cwnd, restart);
}

void tcp_cc_restart(struct tcpc *tc, usec silence)
{
	if (silence > tc->rto)
		tcp_undo_forget(tc);		/* what it cost is decayed by now */
	if (silence > tc->rto && tc->so.st->param.tcp_slow_start_after_idle)
		decay(tc, silence);
	if (tc->cc->restart)
		tc->cc->restart(tc);
}
