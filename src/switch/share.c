/* share.c - who floods has a share of the switch while others use it
 *
 * read_on, data_in -> share_begin -> frames go out, those for several ports counted
 * (port_out) -> port_flush -> share_end: SHARE times what these took of the turn is
 * owed; who owes more than CREDIT rests, which no number of ports makes last longer.
 *
 * A frame for all costs the switch as much as one to each port, and each who sits there
 * his own time, whether he wants it or not. Turns (shm.c) are no help against a storm: it
 * is back with more while others are still busy with what they got. So a client's frames
 * for several ports (groups, broadcasts, stations that are not known) have one part in SHARE
 * of the switch's time while others send, too. Who is over it is not read until he is even,
 * as if a port were full (hold.c): he waits, and nothing of his is lost here. A client alone is
 * not held up, nor the few broadcasts of one who begins, nor anybody in a hub, where all
 * frames are such.
 */
#include "switch/client.h"

#define SHARE		8
#define CREDIT		(20 * USEC_PER_MSEC)	/* a SHAREth of it is the switch's time; nobody rests longer */
#define RECENT		(10 * USEC_PER_MSEC)	/* who sent then sends, too */
#define COPY_MOST	((usec)10)	/* more was not the frame's fault: the switch did not run */

void share_begin(struct client *c)
{
	struct sw *sw = c->sw;

	sw->now = now_mono();
	sw->outs = sw->floods = 0;
	sw->from = c;
}

static bool others_send(struct sw *sw, const struct client *c)
{
	if (sw->sender != c->id) {
		sw->other_sent = sw->sent;
		sw->sender = c->id;
	}
	sw->sent = sw->now;
	return sw->now - sw->other_sent < RECENT;
}

void share_end(struct sw *sw)
{
	struct client *c = sw->from;
	usec now, took;

	sw->from = NULL;
	if (!c || !sw->outs || !others_send(sw, c) || !sw->floods || sw->core.hub)
		return;
	now = now_mono();
	took = MIN((now - sw->now) * sw->floods / sw->outs, COPY_MOST * sw->floods);
	c->owes = MIN(MAX(c->owes, now - CREDIT) + took * SHARE, now + CREDIT);
	if (c->owes > now)
		hold_rest(c, c->owes);
}
