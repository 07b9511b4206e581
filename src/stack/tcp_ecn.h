/* tcp_ecn.h - explicit congestion notification of a connection (RFC 3168 6.1) */
#ifndef STACK_TCP_ECN_H
#define STACK_TCP_ECN_H

#include "stack/stack.h"

struct seg;
struct tcp;
struct tcpc;

/* Handshake: flags of our SYN or SYN-ACK; what the peer's said. */
uint8_t tcp_ecn_syn(struct tcpc *tc);
void tcp_ecn_syn_in(struct tcpc *tc, const struct seg *sg);
/* Does a listener agree to the SYN? */
bool tcp_ecn_wanted(const struct stack *st, const struct seg *sg);

/* A segment with data came; the ACK of it may have to echo. */
void tcp_ecn_data_in(struct tcpc *tc, const struct seg *sg);
/* An acceptable ACK came. True: the network is congested. */
bool tcp_ecn_echoed(const struct tcpc *tc, const struct seg *sg);
/* The window was reduced: the peer is told, with the next new data. */
void tcp_ecn_reduced(struct tcpc *tc);
/* Flags of the header and bits of the flow for a segment on its way out. */
void tcp_ecn_out(struct tcpc *tc, struct tcp *h, bool new_data);

#endif
