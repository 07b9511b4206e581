/* direct.c - a plug's introduced wires: joined, used, ended (doc/ethernet.md)
 *
 *	      struct intro          the other's file         revoked, idle, a lie
 *	NONE -------------> ASKED ------------------> LIVE ----------------------> ENDING -> NONE
 *
 * Order. Who goes LIVE sends a mark through the switch, behind all that it sent that
 * way; the other takes nothing from the new wire before the mark has come. If
 * a mark is lost, frames are held for PATIENCE. Back again: frames that wait for
 * room move to the switch's lane, and who gets a frame of his neighbour from
 * the switch first empties the wire they share (directs_is_mark).
 *
 * Loss. Who ends a wire closes its direction of the socket and goes on taking until
 * the other has done the same, so what was put is taken; only if the other dies
 * or stays silent for LINGER that is lost, like frames of any line that breaks.
 *
 * Which frames go there: direct_frames.c. Who is woken, and by what: direct_bells.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/stranger.h"
#include "plug/direct_in.h"
#include "plug/shm.h"
#include "proto/proto.h"

#define QUEUE_MAX	256
#define ANSWER_TIME	(2 * USEC_PER_SEC)	/* for the other's file */
#define PATIENCE	(20 * USEC_PER_MSEC)
#define LINGER		(500 * USEC_PER_MSEC)
#define LOOK_EVERY	(2 * USEC_PER_SEC)
#define IDLE_TIME	(6 * USEC_PER_SEC)	/* without a frame: its memory goes */
#define TELL_EVERY	(30 * USEC_PER_SEC)	/* a mark, so that the switch knows us still */

static unsigned place_of(const struct directs *ds, const struct direct *d)
{
	return (unsigned)(d - ds->d);
}

struct directs *directs_new(struct lane *main, void (*in)(struct plug *p, struct pkt *pkt))
{
	struct directs *ds = xzalloc(sizeof(*ds));

	*ds = (struct directs){ .plug = main->plug, .main = main, .in = in, .file = -1, .poll = -1 };
	if (direct_watch_main(ds))
		return ds;
	free(ds);
	return NULL;
}

/* --- one wire's life --- */

static void set_state(struct directs *ds, struct direct *d, enum direct_state s)
{
	unsigned bit = 1u << place_of(ds, d);

	ds->used = s == DIRECT_NONE ? ds->used & ~bit : ds->used | bit;
	d->state = s;
	d->since = now_mono();
}

/* What waits in the switch's lane has to be flushed by somebody. */
static void call_user(struct directs *ds)
{
	if (ds->plug->wake)
		ds->plug->wake(ds->plug);
}

static void end_lane(struct directs *ds, struct direct *d)
{
	lane_move(&d->lane, ds->main);
	call_user(ds);
}

void direct_finish(struct directs *ds, struct direct *d)
{
	struct wire *w = d->lane.wire;

	if (w->why)
		err("a neighbour broke the rules of the wire it shared with us: %s", w->why);
	end_lane(ds, d);
	wire_close(w);
	if (!d->eof)
		direct_unwatch(ds, d->sock);
	close(d->sock);
	set_state(ds, d, DIRECT_NONE);
	atomic_store(&ds->main->wire->own->intro[place_of(ds, d)], d->id);
	debug("introduction %u has ended", d->id);
}

/* Nothing more is put; the other is told. */
static void begin_end(struct directs *ds, struct direct *d)
{
	end_lane(ds, d);
	wire_ring(d->lane.wire);
	shutdown(d->sock, SHUT_WR);
	set_state(ds, d, DIRECT_ENDING);
}

static bool revoked(const struct directs *ds, const struct direct *d)
{
	return atomic_load_explicit(&ds->main->wire->peer->intro[place_of(ds, d)],
				    memory_order_acquire) != d->id;
}

void direct_step(struct directs *ds, struct direct *d, usec now)
{
	bool late;

	if (d->state < DIRECT_LIVE)
		return;
	if (d->state == DIRECT_LIVE && (d->eof || revoked(ds, d)))
		begin_end(ds, d);
	if (!d->marked && !d->held_at && wire_waiting(d->lane.wire))
		d->held_at = now_mono();
	late = d->state == DIRECT_ENDING && now - d->since >= LINGER;
	if (d->lane.wire->why || (late && !d->marked))
		direct_finish(ds, d);
	else if (d->state == DIRECT_ENDING && (d->eof || late) && d->marked) {
		direct_take(ds, d, INT32_MAX);
		direct_finish(ds, d);
	}
}

/* --- joining --- */

static bool begin(struct directs *ds, struct direct *d, const struct intro *in, int sock)
{
	struct intro_hello hello = { INTRO_MAGIC, in->id };
	struct wire *w = wire_new();

	fcntl(sock, F_SETFL, O_NONBLOCK);
	*d = (struct direct){
		.id = in->id, .mine = in->mine, .theirs = in->theirs, .sock = sock,
		.mtu = MIN(in->mtu, ds->plug->mtu),
	};
	if (w && shm_put(sock, &hello, sizeof(hello), w->fd) == 0 && direct_watch(ds, sock)) {
		close(w->fd);
		w->fd = -1;
		lane_init(&d->lane, w, ds->plug, QUEUE_MAX);
		set_state(ds, d, DIRECT_ASKED);
		return true;
	}
	if (w)
		wire_close(w);
	return false;
}

void direct_introduced(struct directs *ds, const struct intro *in, int sock)
{
	struct direct *d = &ds->d[in->place % WIRE_INTROS];

	if (sock < 0)
		return;
	if (in->place >= WIRE_INTROS || !in->id || mac_eq(&in->mine, &in->theirs)) {
		close(sock);
		return;
	}
	if (d->state != DIRECT_NONE)
		direct_finish(ds, d);
	if (!begin(ds, d, in, sock)) {
		close(sock);
		atomic_store(&ds->main->wire->own->intro[in->place], in->id);
	}
}

/* Goes by the switch, behind what went before: to the neighbour, and the switch
 * sees where we are. */
static void send_mark(struct directs *ds, struct direct *d, usec now)
{
	struct eth e = { d->theirs, d->mine, ETHERTYPE_LOCAL };
	struct intro_hello id = { INTRO_MAGIC, d->id };
	struct pkt *pkt = pkt_new();
	struct wr w = wr_of(pkt->head + pkt->start, ETH_LEN);

	eth_emit(&w, &e);
	memcpy(pkt->head + pkt->start + ETH_LEN, &id, sizeof(id));
	pkt->end = pkt->start + ETH_LEN + sizeof(id);
	lane_add(ds->main, pkt);
	d->told_at = now;
	call_user(ds);
}

bool direct_answered(struct directs *ds, struct direct *d)
{
	struct intro_hello hello = { 0 };
	int file = -1;
	ssize_t n = shm_get(d->sock, &hello, sizeof(hello), &file);
	const char *why = NULL;

	if (n == -EAGAIN || n == -EINTR)
		return true;
	if (n != sizeof(hello) || hello.magic != INTRO_MAGIC || hello.id != d->id || file < 0)
		why = "it did not answer as expected";
	else
		why = wire_join(d->lane.wire, file, d->sock);
	if (file >= 0)
		stranger_close(file, stranger_at(d->sock));
	if (why) {
		debug("introduction %u: %s", d->id, why);
		return false;
	}
	set_state(ds, d, DIRECT_LIVE);
	d->used_at = d->since;
	d->look_at = d->since + LOOK_EVERY;
	send_mark(ds, d, d->since);
	debug("introduction %u: joined", d->id);
	return true;
}

/* --- time --- */

/* Is it in use? Then the switch hears of us now and then; if not, it ends. */
static void look(struct directs *ds, struct direct *d, usec now)
{
	d->look_at = now + LOOK_EVERY;
	if (d->frames != d->seen)
		d->used_at = now;
	else if (now - d->used_at >= IDLE_TIME)
		begin_end(ds, d);
	if (d->frames != d->seen && now - d->told_at >= TELL_EVERY)
		send_mark(ds, d, now);
	d->seen = d->frames;
}

void directs_run(struct directs *ds, usec now)
{
	for_used(ds, d, ALL) {
		if (d->state == DIRECT_ASKED && now - d->since >= ANSWER_TIME)
			direct_finish(ds, d);
		if (d->held_at && now - d->held_at >= PATIENCE) {
			d->marked = true;
			d->held_at = 0;
			call_user(ds);
		}
		direct_step(ds, d, now);
		if (d->state == DIRECT_LIVE && now >= d->look_at)
			look(ds, d, now);
	}
}

usec directs_deadline(const struct directs *ds)
{
	static const usec lasts[] = { [DIRECT_ASKED] = ANSWER_TIME, [DIRECT_ENDING] = LINGER };
	usec at = NEVER;

	for_used(ds, d, ALL) {
		at = MIN(at, d->state == DIRECT_LIVE ? d->look_at : d->since + lasts[d->state]);
		if (d->held_at)
			at = MIN(at, d->held_at + PATIENCE);
	}
	return at;
}

void directs_free(struct directs *ds)
{
	if (!ds)
		return;
	for_used(ds, d, ALL) {
		wire_ring(d->lane.wire);
		lane_drop(&d->lane);
		wire_close(d->lane.wire);
		if (!d->eof)
			direct_unwatch(ds, d->sock);
		close(d->sock);
	}
	if (ds->file >= 0)
		close(ds->file);
	if (ds->poll >= 0)
		close(ds->poll);
	free(ds);
}
