/* tcp_mtup.h - the path's MTU found by trying (RFC 4821) */
#ifndef STACK_TCP_MTUP_H
#define STACK_TCP_MTUP_H

#include "base/base.h"

struct tcpc;

/* There is one only for who probes: NULL in struct tcpc otherwise. */
struct tcp_mtup {
	uint32_t	low, high;	/* MTUs: what passes; the most that may */
	uint32_t	size;		/* MTU of the probe under way; 0: none */
	struct seq	from, to;	/* its octets */
	usec		at;		/* when this search began */
};

void tcp_mtup_start(struct tcpc *tc);		/* the connection is established */
void tcp_mtup_free(struct tcpc *tc);
/* How large packets may be, where the route says path. */
uint32_t tcp_mtup_mtu(const struct tcpc *tc, uint32_t path);
/* What goes next is a probe of len octets, or nothing while len is 0. */
bool tcp_mtup_turn(struct tcpc *tc, uint32_t *len);
void tcp_mtup_sent(struct tcpc *tc, struct seq from, struct seq to);
void tcp_mtup_again(struct tcpc *tc);		/* something was sent again */
void tcp_mtup_ack(struct tcpc *tc);		/* snd_una moved */
/* Is what is lost the probe, and no sign of congestion? Then all of it is lost. */
bool tcp_mtup_lost(struct tcpc *tc);
void tcp_mtup_timeout(struct tcpc *tc);	/* before anything is sent again for it */

#endif
