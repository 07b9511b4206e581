/* tcp_req.h - half-open connections of a listener, and doing without them */
#ifndef STACK_TCP_REQ_H
#define STACK_TCP_REQ_H

#include "stack/tcp.h"

#define TCP_REQ_LEVELS	8

struct tcp_listen {
	struct tcpc	*tc;		/* the listener */
	uint32_t	backlog;
	uint32_t	n_ready, n_reqs;
	uint32_t	n_fo;		/* of the ready, by Fast Open and not complete */
	struct list	ready;		/* struct tcp_ready */
	/* By how often the SYN-ACK was sent again, each in order of time. */
	struct list	reqs[TCP_REQ_LEVELS];
	struct stimer	timer;		/* of all requests */
	usec		cookie_at;	/* the last SYN cookie; 0: none */
};

/* A connection that waits for accept. */
struct tcp_ready {
	struct list	link;
	struct tcp_listen *lis;
	struct tcpc	*tc;
};

struct tcp_req {
	struct map_node	node;
	struct list	link;
	struct tcpc	*listener;
	struct ip_addr	local, remote;
	uint16_t	local_port, remote_port;
	uint32_t	ifindex : 29;	/* of a link-local peer */
	uint32_t	keeps_syn : 1;	/* a pointer to its headers follows the struct */
	uint32_t	ecn_ok : 1;
	uint32_t	fo : 1;		/* the SYN-ACK brings a Fast Open cookie */
	struct seq	iss, irs;
	uint32_t	ts_recent;
	uint32_t	sent : 27;	/* us, low bits: the last SYN-ACK */
	uint32_t	ts_ok : 1, sack_ok : 1, wscale_ok : 1;
	uint32_t	acked : 1;	/* TCP_DEFER_ACCEPT: the handshake's ACK came */
	uint32_t	cookie : 1;	/* iss is a SYN cookie; not in the table */
	uint16_t	mss;		/* the peer's; 0: not said */
	uint16_t	snd_wnd, rcv_wnd;
	uint8_t		snd_wscale : 4, rcv_wscale : 4;
	uint8_t		retries;
};

/* --- tcp_req.c --- */
void tcp_req_init(struct tcp_listen *l, struct tcpc *tc);	/* a listener's part */
void tcp_req_stop(struct tcp_listen *l);			/* all are forgotten */
struct tcp_req *tcp_req_find(struct stack *st, const struct endpoint *l, const struct endpoint *r);
/* What a SYN says, all but iss. */
void tcp_req_fill(struct tcp_req *rq, struct tcpc *lis, const struct seg *sg,
		  const struct endpoint *l, const struct endpoint *r);
void tcp_req_new(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		 const struct endpoint *r);
void tcp_req_free(struct tcp_req *rq);
struct tcp_syn *tcp_req_take_syn(struct tcp_req *rq);	/* NULL: it keeps none */
/* One that left the first SYN-ACK unanswered goes. False: there is none. */
bool tcp_req_give_way(struct tcp_listen *l);
enum drop tcp_req_in(struct tcp_req *rq, struct seg *sg);
void tcp_req_syn_ack(const struct tcp_req *rq);
void tcp_req_ends(const struct tcp_req *rq, struct endpoint *l, struct endpoint *r);
struct flow tcp_req_flow(const struct tcp_req *rq);	/* routed */
usec tcp_req_sent(const struct tcp_req *rq);	/* when; NEVER: more than once (Karn) */

/* --- tcp_listen.c --- */
/* The last ACK of the handshake: from request to connection. */
enum drop tcp_listen_complete(struct tcp_req *rq, struct seg *sg);

/* --- tcp_cookie.c (RFC 4987 3.6) --- */
void tcp_cookie_answer(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		       const struct endpoint *r);
/* Does the ACK acknowledge a cookie of ours? Fills rq with what it tells. */
bool tcp_cookie_check(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		      const struct endpoint *r, struct tcp_req *rq);
uint32_t tcp_cookie_ts(const struct tcp_req *rq, uint32_t now);

#endif
