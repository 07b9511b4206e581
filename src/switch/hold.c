/* hold.c - back-pressure: who sends to a full port waits, for a while
 *
 * shm_out, data_flush, held_out -> hold_saw: the port's ring, socket or queue is full, so
 * whose frame it was is not read any more (client.waits); his frames stay in his own memory,
 * his ring or his socket fills, and his stack's TCP stops by itself (plug_room).
 * port_flush, bell, data_ready -> hold_room: there is room, he is read on.
 *
 * The rule: for each queue's worth of frames that a port takes, others may wait for
 * it conf.patience altogether (20 ms). A port that is slower, stopped or dead loses its own
 * frames from then on, until it has taken as many again. So nobody's other
 * traffic waits longer than that for a port which does not read, and two that wait
 * for each other go on. Frames that go to several ports, or to who listens to others, wait for
 * nobody (core.whom).
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

/* A data socket has a backlog only when the kernel takes no more. */
static bool is_full(const struct client *c)
{
	if (c->held)
		return held_is_full(c);
	return c->plug ? shm_is_full(c->plug) : !list_empty(&c->backlog);
}

static void go_on(struct client *c)
{
	if (c->held)
		held_go_on(c);
	else if (!c->plug)
		data_watch(c);
	else if (list_empty(&c->more))
		list_add_tail(&c->sw->more, &c->more);
}

static void stop(struct client *c)
{
	list_del(&c->more);
	if (c->held)
		held_pause(c);
	else if (c->plug)
		shm_enough(c->plug);
	else
		data_watch(c);
}

void hold_release(struct client *c)
{
	struct client *to = c->waits;

	if (!to)
		return;
	if (to != c)
		to->held_for += MAX(now_mono() - c->wait_since, 0);
	c->waits = NULL;
	list_del(&c->wait);
	list_del(&c->waiting);
	go_on(c);
}

static void release_all(struct client *to)
{
	while (!list_empty(&to->waiters))
		hold_release(list_first(&to->waiters, struct client, wait));
}

void hold_room(struct client *c)
{
	if (!list_empty(&c->waiters) && !is_full(c))
		release_all(c);
}

void hold_leave(struct client *c)
{
	release_all(c);
	hold_release(c);
}

static bool is_patient(struct client *to)
{
	const struct plug *p = to->held ? held_plug(to) : to->plug;
	uint64_t frames = p ? p->tx_frames : to->sent_frames;
	uint64_t bytes = p ? p->tx_bytes : to->sent_bytes;

	if (frames - to->frames_mark >= WORTH_FRAMES || bytes - to->bytes_mark >= WORTH_BYTES) {
		to->frames_mark = frames;
		to->bytes_mark = bytes;
		to->held_for = 0;
	}
	return to->held_for < to->sw->conf.patience;
}

static void wait_for(struct client *from, struct client *to, usec until)
{
	from->waits = to;
	from->wait_since = from->sw->now;
	from->wait_until = until;
	list_add_tail(&from->sw->waiting, &from->waiting);
	stop(from);
}

void hold_saw(struct client *to)
{
	struct sw *sw = to->sw;
	struct client *from = sw->from;

	if (!from || from == to || from->waits || !is_patient(to))
		return;
	wait_for(from, to, sw->now + sw->conf.patience - to->held_for);
	list_add_tail(&to->waiters, &from->wait);
}

void hold_rest(struct client *c, usec until)
{
	if (!c->waits)
		wait_for(c, c, until);
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
			if (c->waits != c)
				c->waits->held_for = sw->conf.patience;
			hold_release(c);
		}
	}
}
