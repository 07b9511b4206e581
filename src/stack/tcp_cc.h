/* tcp_cc.h - congestion control and round-trip time */
#ifndef STACK_TCP_CC_H
#define STACK_TCP_CC_H

#include "base/base.h"

struct ack_news;
struct seg;
struct tcpc;

/* What an acknowledgment told. */
struct tcp_ack {
	uint32_t	acked;		/* octets that it deserves growth for */
	uint32_t	flight;		/* octets sent and not ACKed before it */
	usec		rtt;		/* of the last of them; NEVER: no sample */
	bool		limited;	/* cwnd was the limit: it may grow */
};

/* Why the window shrinks. */
enum tcp_cc_why { TCP_CC_LOSS, TCP_CC_RTO, TCP_CC_ECN };

/* A controller says what ssthresh is and how cwnd grows; what cwnd is during
 * recovery, and putting it back when that was wrong, is recovery's business. */
struct tcp_cc {
	const char	*name;
	void		(*init)(struct tcpc *tc);
	/* In no recovery but slow start after a timeout. */
	void		(*ack)(struct tcpc *tc, const struct tcp_ack *a);
	/* The new ssthresh, once a reduction; may note what it needs for undo. */
	uint32_t	(*ssthresh)(struct tcpc *tc, uint32_t flight, enum tcp_cc_why why);
	/* The last reduction was spurious, cwnd and ssthresh are back. */
	void		(*undo)(struct tcpc *tc);
	/* One before it was: the window is wider by so much; may be NULL. */
	void		(*wider)(struct tcpc *tc, uint32_t by);
	/* About to send after a silence in which all was acknowledged; may be NULL. */
	void		(*restart)(struct tcpc *tc);
};

extern const struct tcp_cc tcp_cubic, tcp_reno;

#define TCP_CWND_MAX	(1u << 30)	/* also ssthresh while nothing is known of the path */

/* Round trip (tcp_rtt.c). */
void tcp_rtt_init(struct tcpc *tc);
void tcp_rtt_sample(struct tcpc *tc, usec rtt);
void tcp_rtt_syn_sent(struct tcpc *tc);
void tcp_rtt_syn_again(struct tcpc *tc);		/* Karn: not timed */
void tcp_rtt_syn_acked(struct tcpc *tc, const struct seg *sg);
/* The sample the ACK gave; NEVER: none. After the records have moved. */
usec tcp_rtt_heard(struct tcpc *tc, const struct seg *sg, const struct ack_news *n);

const struct tcp_cc *tcp_cc_find(const char *name);	/* NULL: unknown */
extern const char tcp_cc_names[];	/* all of them */
bool tcp_cc_listed(const char *list, const char *names); /* each of names is in the list */
void tcp_cc_init(struct tcpc *tc);
void tcp_cc_set(struct tcpc *tc, const struct tcp_cc *cc);
/* For controllers: what slow start leaves of the ACK to congestion avoidance. */
uint32_t tcp_slow_start(struct tcpc *tc, uint32_t acked);
/* Data goes out after a silence in which nothing was in flight. */
void tcp_cc_restart(struct tcpc *tc, usec silence);

#endif
