/* lane.c - frames wait here until their wire has room
 *
 * Who was told that there is not all the room (lane_room) hears by the plug's resume
 * that a flush has made some.
 */
#include "plug/lane.h"

void lane_init(struct lane *l, struct wire *w, struct plug *p, uint32_t max)
{
	*l = (struct lane){ .wire = w, .plug = p, .max = max };
	list_init(&l->queue);
}

void lane_add(struct lane *l, struct pkt *pkt)
{
	list_add_tail(&l->queue, &pkt->link);
	l->queued++;
	l->bytes += pkt_len(pkt);
}

static void unqueue(struct lane *l, struct pkt *pkt, uint32_t len)
{
	list_del(&pkt->link);
	l->queued--;
	l->bytes -= len;
}

/* False: the first of the queue has no room. */
static bool put_all(struct lane *l)
{
	struct pkt *pkt;

	while ((pkt = list_first(&l->queue, struct pkt, link))) {
		uint32_t len = pkt_len(pkt);

		unqueue(l, pkt, len);
		if (!wire_put(l->wire, pkt)) {
			list_add_head(&l->queue, &pkt->link);
			l->queued++;
			l->bytes += len;
			return false;
		}
		l->plug->tx_frames++;
		l->plug->tx_bytes += len;
	}
	return true;
}

bool lane_flush(struct lane *l)
{
	uint32_t queued = l->queued;
	bool done;

	l->seen = wire_progress(l->wire);
	done = put_all(l);
	if (!done && !l->plug->looking) {	/* who looks sees it: lane_moved */
		wire_ring(l->wire);
		wire_sleep(l->wire, true);
		done = put_all(l);
	}
	wire_ring(l->wire);
	l->full = l->full && !done;
	if (l->starved && l->queued < queued) {
		l->starved = false;
		l->plug->resume = true;
	}
	return done;
}

bool lane_moved(const struct lane *l)
{
	return l->queued && wire_progress(l->wire) != l->seen;
}

void lane_drop(struct lane *l)
{
	struct pkt *pkt;

	l->plug->tx_drops += l->queued;
	while ((pkt = list_first(&l->queue, struct pkt, link))) {
		unqueue(l, pkt, pkt_len(pkt));
		pkt_free(pkt);
	}
}

void lane_move(struct lane *from, struct lane *to)
{
	list_splice_tail(&to->queue, &from->queue);
	to->queued += from->queued;
	to->bytes += from->bytes;
	from->queued = from->bytes = 0;
	if (from->starved)
		from->plug->resume = true;
	from->starved = false;
}

uint32_t lane_room(struct lane *l)
{
	l->starved = l->queued > 0;
	return l->queued < l->max ? l->max - l->queued : 0;
}
