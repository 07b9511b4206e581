/* tcp_sack.h - selective acknowledgment, both ends */
#ifndef STACK_TCP_SACK_H
#define STACK_TCP_SACK_H

#include "proto/proto.h"

struct tcpc;

/* Ranges above snd_una that the receiver has, in order, disjoint. */
struct tcp_sb {
	uint32_t	n, size;
	struct tcp_sack	r[];
};

uint32_t tcp_sb_add(struct tcp_sb **sb, struct seq from, struct seq to); /* bytes new */
void tcp_sb_ack(struct tcp_sb *sb, struct seq una);
uint32_t tcp_sb_bytes(const struct tcp_sb *sb, struct seq from, struct seq to);
/* First octets of [from, limit) not in the board. False: there are none. */
bool tcp_sb_hole(const struct tcp_sb *sb, struct seq from, struct seq limit, struct tcp_sack *hole);
/* All below is lost by RFC 6675 IsLost; una: nothing is. */
struct seq tcp_sb_lost(const struct tcp_sb *sb, struct seq una, uint32_t mss);
void tcp_sack_note(struct tcpc *tc, struct seq from, struct seq to); /* out of order came */
void tcp_sack_advance(struct tcpc *tc);	/* rcv_nxt moved */
void tcp_dsack_note(struct tcpc *tc, struct seq from, struct seq to); /* came twice */
void tcp_sack_fill(struct tcpc *tc, struct tcp_opts *o);

#endif
