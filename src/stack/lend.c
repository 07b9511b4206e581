/* lend.c - what is lent to a user: packets of a receive queue, chunks to be sent
 *
 *   sock_lend  -> tcp_lend | dg_lend: packets -> lent_iov -> the user reads
 *   sock_draft -> tcp_draft | udp_draft: chunks -> draft_iov -> the user writes
 *		-> sock_send with msg.draft: the chunks themselves are queued
 *
 * Here is what does not depend on the protocol. Spans of a draft are as long as its
 * chunks, but for the last.
 */
#include "stack/lend.h"

#include <errno.h>

void lent_init(struct lent *l)
{
	*l = (struct lent){ .len = 0 };
	list_init(&l->pkts);
}

void lent_free(struct lent *l)
{
	struct list *e;

	while ((e = list_pop(&l->pkts)))
		pkt_free(container_of(e, struct pkt, link));
}

int lent_iov(const struct lent *l, struct iovec *iov)
{
	int n = 0;

	list_for(e, &l->pkts) {
		struct iovec v[PKT_EXTS + 1];
		int k = pkt_iov(container_of(e, struct pkt, link), v);

		if (iov)
			memcpy(iov + n, v, (size_t)k * sizeof(*v));
		n += k;
	}
	return n;
}

ssize_t sock_lend(struct sock *so, uint32_t most, struct lent *l, struct msg *m)
{
	return so->ops->lend ? so->ops->lend(so, most, l, m) : -EOPNOTSUPP;
}

void sock_lend_end(struct sock *so, struct lent *l)
{
	if (l->size)
		so->ops->lend_end(so, l);
	l->size = 0;
}

void draft_free(struct draft *d)
{
	while (d->n)
		chunk_unref(d->chunk[--d->n]);
}

int draft_iov(const struct draft *d, struct iovec iov[DRAFT_CHUNKS])
{
	uint32_t left = d->len;

	for (unsigned i = 0; i < d->n; i++) {
		iov[i] = (struct iovec){ d->chunk[i]->data, MIN(left, d->chunk[i]->size) };
		left -= (uint32_t)iov[i].iov_len;
	}
	return (int)d->n;
}

int sock_draft(struct sock *so, uint32_t want, struct draft *d)
{
	*d = (struct draft){ .n = 0 };
	return so->ops->draft ? so->ops->draft(so, want, d) : -EOPNOTSUPP;
}

void sock_draft_end(struct sock *so, struct draft *d)
{
	if (d->size)
		so->ops->draft_end(so, d);
	d->size = 0;
}
