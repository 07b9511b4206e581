/* lend.h - payload in the user's hands, without a copy
 *
 * Received: packets leave the queue as they are. Sent: chunks of the arena that
 * frames will leave from are written by the user first and given to sock_send then
 * (msg.draft). Either way what is lent goes on counting in the socket's buffer until
 * it is settled, which has to be before sock_close; the memory itself is held by
 * references and may stay longer.
 */
#ifndef STACK_LEND_H
#define STACK_LEND_H

#include "stack/sock.h"

struct lent {
	struct list	pkts;		/* in order, cur at the data */
	uint32_t	len;		/* octets */
	uint32_t	size;		/* of memory, as it counts */
};

#define DRAFT_CHUNKS	16

struct draft {
	struct chunk	*chunk[DRAFT_CHUNKS];
	unsigned	n;
	uint32_t	len;		/* octets there is room for */
	uint32_t	size;		/* of memory, as it counts */
};

void lent_init(struct lent *l);
void lent_free(struct lent *l);		/* the packets; any thread */
/* The data as spans: how many; NULL: only that. */
int lent_iov(const struct lent *l, struct iovec *iov);

/* Up to most octets of a stream, or a datagram, of which the rest is cut off. Octets
 * (m as for sock_recv), 0: the end, or an empty datagram; -errno as sock_recv, -ENOBUFS:
 * half of the buffer is lent already, -EOPNOTSUPP: this socket lends nothing. */
ssize_t sock_lend(struct sock *so, uint32_t most, struct lent *l, struct msg *m);
void sock_lend_end(struct sock *so, struct lent *l);	/* counts no more */

void draft_free(struct draft *d);	/* the chunks; any thread */
int draft_iov(const struct draft *d, struct iovec iov[DRAFT_CHUNKS]);

/* Room for up to want octets, at least one (of a datagram: all). 0, -errno as
 * sock_send, -ENOBUFS: the buffer is lent and nothing else, -EOPNOTSUPP. */
int sock_draft(struct sock *so, uint32_t want, struct draft *d);
void sock_draft_end(struct sock *so, struct draft *d);	/* counts no more */

/* Is what is sent the draft's, from its beginning? Then its chunks are taken as they
 * are (each with a reference of its own), else it is copied as any other. */
static inline bool draft_fits(const struct draft *d, const struct iovec *iov, int n, size_t len)
{
	return d && n > 0 && d->n && len <= d->len && iov[0].iov_base == d->chunk[0]->data;
}

#endif
