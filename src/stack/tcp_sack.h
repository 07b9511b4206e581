/* tcp_sack.h - selective acknowledgment, the receiver's end */
#ifndef STACK_TCP_SACK_H
#define STACK_TCP_SACK_H

#include "proto/proto.h"

struct tcpc;

void tcp_sack_note(struct tcpc *tc, struct seq from, struct seq to); /* out of order came */
void tcp_sack_advance(struct tcpc *tc);	/* rcv_nxt moved */
void tcp_dsack_note(struct tcpc *tc, struct seq from, struct seq to); /* came twice */
void tcp_sack_fill(struct tcpc *tc, struct tcp_opts *o);

#endif
