/* pair.c - a wire inside one process
 *
 * What one end sends the other receives: the same packets, their payload by
 * reference, super-frames and PARTIAL sums as they are. The ends may belong to
 * two threads. send only queues; flush hands the whole queue over under one
 * lock and calls the other end's wake; so does recv when the sender had been
 * told to wait. wake is called under the lock, which keeps the other end from
 * being closed meanwhile: it may set a flag or write to an eventfd, but must
 * not call a plug or wait for a lock.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "plug/plug.h"

#define INBOX_MAX	512		/* packets */
#define QUEUE_MAX	512

struct end {
	struct plug	plug;
	struct wire	*wire;
	struct end	*peer;
	struct list	queue;		/* sent, not flushed: only this end's thread */
	uint32_t	queued;
	struct list	inbox;		/* from the peer; the wire's lock */
	uint32_t	waiting;
	bool		blocked;	/* the peer's inbox was full: wake us; same lock */
};

struct wire {
	pthread_mutex_t	lock;
	int		open;		/* ends */
	struct end	end[2];
};

static struct end *end_of(struct plug *p)
{
	return container_of(p, struct end, plug);
}

static void wake(struct end *e)
{
	if (e->plug.wake)
		e->plug.wake(&e->plug);
}

static bool peer_gone(const struct end *e)
{
	return e->wire->open < 2;
}

static void pair_send(struct plug *p, struct pkt *pkt)
{
	struct end *e = end_of(p);

	if (e->queued == QUEUE_MAX) {
		p->tx_drops++;
		pkt_free(pkt);
		return;
	}
	pkt->nif = NULL;
	list_add_tail(&e->queue, &pkt->link);
	e->queued++;
}

/* Under the lock. */
static bool hand_over(struct end *e)
{
	bool any = false;
	struct list *l;

	while (e->peer->waiting < INBOX_MAX && (l = list_pop(&e->queue))) {
		e->plug.tx_frames++;
		e->plug.tx_bytes += pkt_len(container_of(l, struct pkt, link));
		list_add_tail(&e->peer->inbox, l);
		e->peer->waiting++;
		e->queued--;
		any = true;
	}
	e->blocked = e->queued > 0;
	return any;
}

static int pair_flush(struct plug *p)
{
	struct end *e = end_of(p);
	int rc = 0;

	if (!e->queued)
		return 0;
	pthread_mutex_lock(&e->wire->lock);
	if (peer_gone(e))
		rc = -EPIPE;
	else if (hand_over(e))
		wake(e->peer);
	if (!rc && e->blocked)
		rc = -EAGAIN;
	pthread_mutex_unlock(&e->wire->lock);
	p->want_write = rc == -EAGAIN;
	return rc;
}

/* Moves up to max packets from the inbox to l. */
static int take(struct end *e, struct list *l, int max)
{
	int n = 0, rc;

	pthread_mutex_lock(&e->wire->lock);
	while (n < max && !list_empty(&e->inbox)) {
		list_add_tail(l, list_pop(&e->inbox));
		n++;
	}
	e->waiting -= (uint32_t)n;
	rc = n ? n : peer_gone(e) ? -EPIPE : 0;
	if (n && !peer_gone(e) && e->peer->blocked) {
		e->peer->blocked = false;
		wake(e->peer);
	}
	pthread_mutex_unlock(&e->wire->lock);
	return rc;
}

static int pair_recv(struct plug *p, int max)
{
	struct list frames = LIST_INIT(frames), *l;
	int n = take(end_of(p), &frames, max);

	while ((l = list_pop(&frames))) {
		struct pkt *pkt = container_of(l, struct pkt, link);

		p->rx_frames++;
		p->rx_bytes += pkt_len(pkt);
		p->deliver(p, pkt);
	}
	return n;
}

static uint32_t pair_room(struct plug *p)
{
	return QUEUE_MAX - end_of(p)->queued;
}

static void free_all(struct list *l)
{
	struct list *n;

	while ((n = list_pop(l)))
		pkt_free(container_of(n, struct pkt, link));
}

static void pair_close(struct plug *p)
{
	struct end *e = end_of(p);
	struct wire *w = e->wire;
	bool last;

	pair_flush(p);
	pthread_mutex_lock(&w->lock);
	last = --w->open == 0;
	free_all(&e->queue);
	free_all(&e->inbox);
	if (!last)
		wake(e->peer);
	pthread_mutex_unlock(&w->lock);
	if (last) {
		pthread_mutex_destroy(&w->lock);
		free(w);
	}
}

static const struct plug_ops pair_ops = {
	.scheme	= "pair",
	.send	= pair_send,
	.flush	= pair_flush,
	.recv	= pair_recv,
	.room	= pair_room,
	.close	= pair_close,
};

int plug_pair(struct plug *ends[2])
{
	struct wire *w = xzalloc(sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	w->open = 2;
	for (int i = 0; i < 2; i++) {
		struct end *e = &w->end[i];

		e->plug = (struct plug){
			.ops = &pair_ops, .fd = -1, .hup_fd = -1, .mtu = 1500,
			.offload = true,
		};
		e->wire = w;
		e->peer = &w->end[!i];
		list_init(&e->queue);
		list_init(&e->inbox);
		ends[i] = &e->plug;
	}
	return 0;
}
