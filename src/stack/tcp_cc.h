/* tcp_cc.h - congestion control and round-trip time */
#ifndef STACK_TCP_CC_H
#define STACK_TCP_CC_H

#include "base/base.h"

struct seg;
struct tcpc;

struct tcp_cc {
	const char	*name;
	void		(*init)(struct tcpc *tc);
	/* New data acknowledged outside fast recovery, cwnd being the limit. */
	void		(*ack)(struct tcpc *tc, uint32_t acked);
	/* Fast recovery begins: sets ssthresh and cwnd. */
	void		(*loss)(struct tcpc *tc, uint32_t flight);
	/* Retransmission timeout: sets ssthresh and cwnd. */
	void		(*rto)(struct tcpc *tc, uint32_t flight);
	/* About to send after a silence longer than the RTO. */
	void		(*idle)(struct tcpc *tc, usec silence);
};

/* Round trip (tcp_rtt.c). */
void tcp_rtt_init(struct tcpc *tc);
void tcp_rtt_sample(struct tcpc *tc, usec rtt);
void tcp_rtt_sent(struct tcpc *tc, struct seq end);	/* new data up to end */
void tcp_rtt_retransmitted(struct tcpc *tc);		/* Karn: stop timing */
void tcp_rtt_acked(struct tcpc *tc, const struct seg *sg);

const struct tcp_cc *tcp_cc_find(const char *name);	/* NULL: unknown */
void tcp_cc_init(struct tcpc *tc);

#endif
