/* delay.c - frames that leave later (TCP_TX_DELAY, for trying long paths)
 *
 * A frame whose packet says so is complete and waits here, as with Linux it waits in the
 * queueing discipline fq, so the connection may be over when it goes. The frames of a
 * stack are in one list by the time they are due: as a rule the next one goes to its
 * end. What goes by loopback is not held back, nor is what belongs to no connection yet
 * or any more.
 */
#include "stack/delay.h"

#include <stdlib.h>

#include "base/mem.h"
#include "stack/ip.h"
#include "stack/netif.h"

#define HELD_MAX	10000	/* frames of a stack; fq's limit */

struct delays {
	struct list	q;		/* by pkt->note, when they are due */
	uint32_t	n;
	struct stimer	timer;
};

static struct pkt *first(const struct delays *d)
{
	return list_first(&d->q, struct pkt, link);
}

static void arm(struct stack *st)
{
	struct pkt *pkt = first(st->delays);

	stimer_set(st, &st->delays->timer, pkt ? (usec)pkt->note : NEVER);
}

static struct pkt *take(struct delays *d)
{
	struct pkt *pkt = first(d);

	list_del(&pkt->link);
	d->n--;
	return pkt;
}

static void due(struct stack *st, struct stimer *tm)
{
	struct delays *d = container_of(tm, struct delays, timer);

	while (d->n && (usec)first(d)->note <= st->now) {
		struct pkt *pkt = take(d);

		pkt->delay = 0;
		eth_send(pkt->nif, pkt, NULL);
	}
	arm(st);
}

static struct delays *own(struct stack *st)
{
	if (!st->delays) {
		st->delays = xzalloc(sizeof(*st->delays));
		list_init(&st->delays->q);
		stimer_init(&st->delays->timer, due);
	}
	return st->delays;
}

bool delay_add(struct netif *nif, struct pkt *pkt)
{
	struct delays *d;
	struct list *prev;

	if (netif_is_lo(nif)) {
		pkt->delay = 0;
		return false;
	}
	d = own(nif->st);
	if (d->n == HELD_MAX) {
		drop(nif->st, pkt, DROP_NETIF_FULL);
		return true;
	}
	prev = d->q.prev;
	pkt->nif = nif;
	pkt->note = (uint64_t)nif->st->now + pkt->delay;
	while (prev != &d->q && container_of(prev, struct pkt, link)->note > pkt->note)
		prev = prev->prev;
	list_link(&pkt->link, prev, prev->next);
	d->n++;
	arm(nif->st);
	return true;
}

void delay_forget(struct netif *nif)
{
	struct delays *d = nif->st->delays;

	if (!d)
		return;
	list_for_safe(l, &d->q) {
		struct pkt *pkt = container_of(l, struct pkt, link);

		if (pkt->nif != nif)
			continue;
		list_del(l);
		d->n--;
		drop(nif->st, pkt, DROP_NETIF_DOWN);
	}
	arm(nif->st);
}

void delays_free(struct stack *st)
{
	struct delays *d = st->delays;

	if (!d)
		return;
	while (d->n)
		pkt_free(take(d));
	stimer_set(st, &d->timer, NEVER);
	free(d);
}
