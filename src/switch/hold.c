/* hold.c - back-pressure: who sends to a full port waits, for a while
 *
 * shm_out -> hold_saw: the port's queue is nearly full, so whose frame it was is
 * not read any more (client.waits); his frames stay in his own memory, his ring fills,
 * and his stack's TCP stops by itself (plug_room). port_flush, bell -> hold_room:
 * there is room, he is read on.
 *
 * The rule: for each queue's worth of frames that a port takes, others may wait for
 * it conf.patience altogether (20 ms). A port that is slower, stopped or dead loses its own
 * frames from then on, until it has taken as many again. So nobody's other
 * traffic waits longer than that for a port which does not read. Frames to groups
 * wait for nobody, nor do those of clients by sockets.
 */
#include "switch/client.h"

#define WORTH_FRAMES	512
#define WORTH_BYTES	(1u << 20)

void hold_init(struct client *c)
{
	list_init(&c->wait);
	list_init(&c->waiting);
	list_init(&c->waiters);
}

void hold_release(struct client *c)
{
	struct client *to = c->waits;

	if (!to)
		return;
	to->held_for += MAX(now_mono() - c->wait_since, 0);
	c->waits = NULL;
	list_del(&c->wait);
	list_del(&c->waiting);
	if (list_empty(&c->more))
		list_add_tail(&c->sw->more, &c->more);
}

static void release_all(struct client *to)
{
	while (!list_empty(&to->waiters))
		hold_release(list_first(&to->waiters, struct client, wait));
}

void hold_room(struct client *c)
{
	if (!list_empty(&c->waiters) && !shm_is_full(c->plug))
		release_all(c);
}

void hold_leave(struct client *c)
{
	release_all(c);
	hold_release(c);
}

static bool is_patient(struct client *to)
{
	const struct plug *p = to->plug;

	if (p->tx_frames - to->frames_mark >= WORTH_FRAMES ||
	    p->tx_bytes - to->bytes_mark >= WORTH_BYTES) {
		to->frames_mark = p->tx_frames;
		to->bytes_mark = p->tx_bytes;
		to->held_for = 0;
	}
	return to->held_for < to->sw->conf.patience;
}

void hold_saw(struct client *to, const struct frame *f)
{
	struct sw *sw = to->sw;
	struct client *from = sw->from;

	if (!from || from == to || from->waits || f->p[0] & 1 || !is_patient(to))
		return;
	from->waits = to;
	from->wait_since = sw->now;
	from->wait_until = sw->now + sw->conf.patience - to->held_for;
	list_add_tail(&to->waiters, &from->wait);
	list_add_tail(&sw->waiting, &from->waiting);
	shm_enough(from->plug);
}

usec hold_deadline(const struct sw *sw)
{
	usec at = NEVER;

	list_for(l, &sw->waiting)
		at = MIN(at, container_of(l, struct client, waiting)->wait_until);
	return at;
}

void hold_run(struct sw *sw, usec now)
{
	list_for_safe(l, &sw->waiting) {
		struct client *c = container_of(l, struct client, waiting);

		if (c->wait_until <= now) {
			c->waits->held_for = sw->conf.patience;
			hold_release(c);
		}
	}
}
