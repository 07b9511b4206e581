/* tcp_sack.h - selective acknowledgment, the receiver's end */
#ifndef STACK_TCP_SACK_H
#define STACK_TCP_SACK_H

#include "base/list.h"
#include "proto/proto.h"

struct tcpc;

/* What the receiver holds that is ahead of rcv_nxt, and what it says of that. */
struct tcp_ooo {
	struct list	link;		/* all of the stack (tcp_prune.c) */
	struct tcpc	*tc;
	struct list	q;
	uint32_t	truesize;
	uint8_t		n_sacks;
	struct tcp_sack	sacks[TCP_MAX_SACK], dsack; /* dsack.from == to: none */
};

void tcp_sack_note(struct tcpc *tc, struct seq from, struct seq to); /* out of order came */
void tcp_sack_advance(struct tcpc *tc);	/* rcv_nxt moved */
void tcp_dsack_note(struct tcpc *tc, struct seq from, struct seq to); /* came twice */
unsigned tcp_sack_blocks(const struct tcpc *tc);	/* that fill would like to add */
void tcp_sack_fill(struct tcpc *tc, struct tcp_opts *o);

#endif
