/* tcp_pace.h - when the next piece may go, so that bursts do not fill queues */
#ifndef STACK_TCP_PACE_H
#define STACK_TCP_PACE_H

#include "base/base.h"

struct tcpc;

/* tcp_pacing_min_rtt_us and more */
bool tcp_path_is_long(const struct tcpc *tc);
/* What cwnd and the round trip give, whether paced or not; srtt is known. */
uint64_t tcp_pace_own(const struct tcpc *tc);
uint64_t tcp_pace_rate(const struct tcpc *tc);	/* bytes a second; 0: not paced */
/* Not yet: a timer will call tcp_output. */
bool tcp_pace_wait(struct tcpc *tc);
/* len bytes go now; snd_nxt has not moved yet. */
void tcp_pace_sent(struct tcpc *tc, uint32_t len);
/* At most limit: what a super-frame may carry. */
uint32_t tcp_pace_burst(const struct tcpc *tc, uint32_t mss, uint32_t limit);

#endif
