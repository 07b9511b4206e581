/* tcp_sock.h - the socket calls of TCP: what tcp_sock.c and tcp_io.c share */
#ifndef STACK_TCP_SOCK_H
#define STACK_TCP_SOCK_H

#include "stack/tcp.h"

#define TCP_SYN_UNANSWERED	(1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV)

/* The SYN waits for the first write (TCP_FASTOPEN_CONNECT). */
static inline bool tcp_fo_waits(const struct tcpc *tc)
{
	return tc->fo && tc->fo->waits && tc->state == TCP_SYN_SENT;
}

/* --- tcp_sock.c --- */
int tcp_connect_open(struct tcpc *tc, const struct endpoint *ep);	/* SYN-SENT, no SYN yet */
void tcp_connect_go(struct tcpc *tc);

/* --- tcp_io.c: of struct sock_ops --- */
ssize_t tcp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);
size_t tcp_reserve(struct sock *so, struct iovec *iov, int *n);
void tcp_commit(struct sock *so, size_t len);
ssize_t tcp_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);
size_t tcp_peek(struct sock *so, struct iovec *iov, int *n);
void tcp_consume(struct sock *so, size_t len);
bool tcp_at_mark(const struct sock *so);

/* tcp_io.c, for tcp_lend.c: may it send, why has nothing been received; what was queued
 * goes; the buffer is full. 0 or -errno. */
int tcp_may_write(struct tcpc *tc);
int tcp_recv_nothing(struct tcpc *tc);
void tcp_queued(struct tcpc *tc);
void tcp_queue_full(struct tcpc *tc);

/* tcp_lend.c */
ssize_t tcp_lend(struct sock *so, uint32_t most, struct lent *l, struct msg *m);
void tcp_lend_end(struct sock *so, const struct lent *l);
int tcp_draft(struct sock *so, uint32_t want, struct draft *d);
void tcp_draft_end(struct sock *so, const struct draft *d);
ssize_t tcp_send_draft(struct tcpc *tc, const struct draft *d, uint32_t len, int flags);

#endif
