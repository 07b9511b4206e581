/* errq.h - the queue of errors of a socket */
#ifndef STACK_ERRQ_H
#define STACK_ERRQ_H

#include "stack/dgram.h"

struct errq {
	struct sock	*so;
	struct list	*list;
	uint32_t	*queued;	/* memory of it is counted here */
	enum budget_of	budget;
};

struct errq errq_of(struct dgram *d);
/* An ICMP error about a datagram of d's; data: what of it the user knows. Queued
 * if the socket wants to hear it (IP_RECVERR), and the socket's error as Linux has it. */
void errq_icmp(struct dgram *d, const struct icmp_note *n, struct rd data);
/* We refuse a datagram ourselves: info is the MTU. */
void errq_local(struct dgram *d, int error, uint32_t info, const struct endpoint *to);
/* When something left: data is the frame, or nothing. */
void errq_stamp(const struct errq *q, uint32_t which, uint32_t key, struct rd data);
/* recv with MSG_ERRQUEUE. -EAGAIN: none waits. */
ssize_t errq_take(const struct errq *q, const struct iovec *iov, int n, struct msg *m);
void errq_clear(const struct errq *q);
ssize_t errq_recv(struct dgram *d, const struct iovec *iov, int n, struct msg *m);
void errq_free(struct dgram *d);

#endif
