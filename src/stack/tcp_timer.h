/* tcp_timer.h - the timers of a connection and the events that move them */
#ifndef STACK_TCP_TIMER_H
#define STACK_TCP_TIMER_H

#include "stack/stack.h"

struct tcpc;

/* Timers of a connection; the one stimer is armed at the earliest. */
enum tcp_timer {
	TCP_T_RTX,	/* retransmission: SYN, data, FIN */
	TCP_T_PERSIST,	/* window closed or too small, nothing in flight */
	TCP_T_DELACK,
	TCP_T_KEEP,	/* keepalive */
	TCP_T_PACE,	/* the next piece may go */
	TCP_T_MEMORY,	/* there was none for the user's bytes: let him try again */
	TCP_T_STATE,	/* end of an orphan's FIN-WAIT-2 */
	N_TCP_TIMERS
};

/* What TCP_T_RTX waits for. */
enum { RTX_RTO, RTX_PTO, RTX_REO };

void tcp_timer_init(struct tcpc *tc);
void tcp_timer_stop_all(struct tcpc *tc);
void tcp_ev_syn_sent(struct tcpc *tc);
void tcp_ev_syn_misread(struct tcpc *tc);	/* answered as if of an earlier connection */
void tcp_ev_established(struct tcpc *tc);
void tcp_ev_data_sent(struct tcpc *tc, bool first_again);
/* snd_una moved (newer); what is missing may be late for so long (0: nothing is). */
void tcp_ev_ack(struct tcpc *tc, bool newer, usec reorder);
void tcp_ev_ack_sent(struct tcpc *tc);
void tcp_ev_data_came(struct tcpc *tc);
void tcp_ev_ack_later(struct tcpc *tc);	/* a delayed ACK is owed */
bool tcp_ack_pending(const struct tcpc *tc);
void tcp_ev_no_memory(struct tcpc *tc);
void tcp_ev_paced(struct tcpc *tc, usec until);
void tcp_ev_blocked(struct tcpc *tc);	/* data, nothing in flight, may not send */
void tcp_ev_unblocked(struct tcpc *tc);
void tcp_ev_orphan_fin_wait2(struct tcpc *tc);
void tcp_ev_keepalive(struct tcpc *tc);	/* the option changed, or data came */

#endif
