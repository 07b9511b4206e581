/* dg_lend.c - datagrams in the user's hands (lend.h)
 *
 * Received, a packet leaves the queue and goes on counting in rcvbuf; half of that may
 * be lent, so there always is room for the next.
 *
 * A draft is one chunk, which becomes the payload of one packet. It comes from the
 * arena of the connected peer's next hop; for others the way out is not known yet, and
 * the plug copies what leaves by shared memory.
 */
#include <errno.h>

#include "stack/dgram.h"
#include "stack/lend.h"
#include "stack/netif.h"
#include "stack/stack.h"

/* --- in --- */

/* Of a row the first is taken out, which counts like any other that is queued. */
static struct pkt *out_of_row(struct dgram *d, struct pkt *row)
{
	struct pkt *pkt = pkt_clone(row);

	pkt->gso_size = 0;
	pkt_trim_to(pkt, dg_len(row));
	dg_row_next(d, row);
	d->queued += pkt->truesize;
	budget_take(d->so.st, BUDGET_UDP, pkt->truesize);
	return pkt;
}

/* The first datagram leaves the queue; its memory counts until it is given back. */
ssize_t dg_lend(struct sock *so, uint32_t most, struct lent *l, struct msg *m)
{
	struct dgram *d = dg_of(so);
	struct pkt *pkt = list_first(&d->queue, struct pkt, link);

	d->path_mtu = 0;	/* a loan has no ancillary data to tell it */
	if (so->error)
		return -sock_take_error(so);
	if (d->lent > so->rcvbuf / 2)
		return -ENOBUFS;
	if (!pkt)
		return d->shut_rd ? 0 : -EAGAIN;
	if (dg_len(pkt) < pkt_len(pkt))
		pkt = out_of_row(d, pkt);
	else
		list_del(&pkt->link);
	l->size = pkt->truesize;
	dg_tell(so, m, pkt, MIN(most, pkt_len(pkt)));
	pkt_trim_to(pkt, most);
	l->len = pkt_len(pkt);
	d->lent += l->size;
	list_add_tail(&l->pkts, &pkt->link);
	return l->len;
}

void dg_lend_end(struct sock *so, const struct lent *l)
{
	dg_of(so)->lent -= l->size;
	dg_let_go(dg_of(so), l->size);
}

/* --- out --- */

static struct chunk *chunk_for(struct sock *so, uint32_t size)
{
	const struct flow *f = &so->flow;
	struct arena *a = so->connected && f->nif ? netif_arena(f->nif, &f->hop) : NULL;
	struct chunk *c = a ? a->alloc(a, size) : NULL;

	return c ? c : so->st->heap->alloc(so->st->heap, size);
}

int dg_draft(struct sock *so, uint32_t want, struct draft *d)
{
	struct chunk *c;

	if (want > 65535)
		return -EMSGSIZE;
	if (dg_of(so)->drafts && dg_of(so)->drafts + want > so->sndbuf)
		return -ENOBUFS;
	c = chunk_for(so, MAX(want, 1u));
	if (!c)
		return -ENOBUFS;
	*d = (struct draft){ .chunk = { c }, .n = 1, .len = want, .size = c->size };
	dg_of(so)->drafts += c->size;
	return 0;
}

void dg_draft_end(struct sock *so, const struct draft *d)
{
	dg_of(so)->drafts -= d->size;
}

struct pkt *dg_refer(const struct draft *d, uint32_t len)
{
	struct pkt *pkt = pkt_new();

	if (len)
		pkt_add_ext(pkt, chunk_ref(d->chunk[0]), d->chunk[0]->data, len);
	return pkt;
}
