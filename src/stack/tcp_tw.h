/* tcp_tw.h - what is left of a connection in TIME-WAIT */
#ifndef STACK_TCP_TW_H
#define STACK_TCP_TW_H

#include "stack/sock.h"

struct seg;
struct tcp_tw;
struct tcpc;

/* Those of a stack, in tcp_stack. */
struct tcp_tws {
	struct map	map;
	struct list	by_end;		/* the next to go first */
	struct stimer	timer;
};

void tcp_tw_init(struct tcp_tws *t);
void tcp_tw_fini(struct stack *st);

/* TIME-WAIT begins for the connection, which itself ends. */
void tcp_tw_start(const struct tcpc *tc);
/* A segment no connection claims. True: TIME-WAIT has dealt with it (sg->why);
 * false: nobody waits, or does no longer, and a listener may have it. */
bool tcp_tw_in(struct stack *st, struct seg *sg);

/* --- for sock_table.c: TIME-WAIT keeps the port --- */
/* Does one on this port forbid so to bind to its local address? */
bool tcp_tw_in_way(const struct sock *so, uint16_t port);
/* May a new connection not have these ends? (tcp_tw_reuse) */
bool tcp_tw_taken(struct stack *st, const struct endpoint *l, const struct endpoint *r);
/* A new connection has them. */
void tcp_tw_forget(struct stack *st, const struct endpoint *l, const struct endpoint *r);

/* Walks all, for show: NULL starts. Fills in the ends. */
const struct tcp_tw *tcp_tw_next(const struct stack *st, const struct tcp_tw *tw,
				 struct endpoint *l, struct endpoint *r);
usec tcp_tw_until(const struct tcp_tw *tw);

#endif
