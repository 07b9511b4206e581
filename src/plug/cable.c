/* cable.c - joins two plugs, each of any kind
 *
 * cable_run -> plug_recv of one -> deliver -> plug_send to the other -> plug_flush
 *
 * Nothing is taken that cannot be passed on: as many frames as the other plug
 * has room for, and none while it is full; they wait where they are, so that a sender
 * that can be held is held (a TCP stream, a pipe, a wire).
 *
 * Descriptors are watched for edges: "ready" is kept here until a reading comes back
 * empty, and who may not be read costs no wake-ups meanwhile. A plug over shared
 * memory hears of room by the same bell as of frames: it is read with a count
 * of 0 then, which takes none.
 */
#include "plug/cable.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"

#define BURST		64
#define CUT		46	/* wire frames of a super-frame, at most, at an MTU of 1500 */

struct side {
	struct plug	*plug;
	struct side	*to;
	struct loop	*loop;
	struct watch	w, hup;
	struct mac	last;		/* whom its last frame was for */
	bool		ready;
	int		error;
};

struct cable {
	struct side	side[2];
};

/* The next frame is as a rule for the same neighbour: its payload had best be read to
 * where the plug that sends it wants it. Anew after each frame, for a plug may
 * have let go of a neighbour's memory then. */
static void aim(struct side *s)
{
	struct plug *to = s->to->plug;

	s->plug->into = to->ops->arena_to ? to->ops->arena_to(to, &s->last) : to->arena;
}

static void arrived(struct plug *p, struct pkt *pkt)
{
	struct side *s = p->user;

	pkt->nif = NULL;
	for (unsigned i = 0; i < sizeof(s->last.b); i++)
		s->last.b[i] = pkt_peek(pkt, i);
	plug_send(s->to->plug, pkt);
	aim(s);
}

static void woken(struct watch *w, uint32_t events)
{
	container_of(w, struct side, w)->ready = true;
}

static void hung_up(struct watch *w, uint32_t events)
{
	struct side *s = container_of(w, struct side, hup);
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		s->error = -EPIPE;
}

/* How many frames may be taken now. */
static int burst(const struct side *s)
{
	const struct plug *from = s->plug, *to = s->to->plug;
	uint32_t room = to->ops->room(s->to->plug);

	if (from->offload && !to->offload)
		room /= CUT;
	return (int)MIN(room, (uint32_t)BURST);
}

static void watch(struct side *s)
{
	uint32_t want = EPOLLIN | EPOLLET;

	if (s->plug->want_write)
		want |= EPOLLOUT;
	if (s->plug->fd >= 0 && want != s->w.events && loop_watch(s->loop, &s->w, want) < 0)
		s->ready = true;	/* epoll has no memory: each turn asks anew */
}

static void flush(struct side *s)
{
	int rc = plug_flush(s->plug);

	if (rc < 0 && rc != -EAGAIN && !s->error)
		s->error = rc;
	watch(s);
}

static void carry(struct side *s)
{
	int max = burst(s), n;

	aim(s);
	n = plug_recv(s->plug, max);
	if (n < 0 && n != -EAGAIN)
		s->error = n;
	s->ready = !s->error && (max == 0 || n > 0 || s->plug->more);
	flush(s->to);
}

bool cable_run(struct cable *c, usec now)
{
	struct side *a = &c->side[0], *b = &c->side[1];

	for (int i = 0; i < 2; i++) {
		if (c->side[i].ready)
			carry(&c->side[i]);
	}
	plug_run(a->plug, now);
	plug_run(b->plug, now);
	flush(a);
	flush(b);
	return !a->error && !b->error;
}

usec cable_deadline(const struct cable *c)
{
	usec at = NEVER;

	for (int i = 0; i < 2; i++) {
		const struct side *s = &c->side[i];
		usec due = s->ready && burst(s) ? 0 : plug_deadline(s->plug);

		at = MIN(at, due);
	}
	return at;
}

int cable_error(const struct cable *c, int end)
{
	return c->side[end].error;
}

const struct plug *cable_plug(const struct cable *c, int end)
{
	return c->side[end].plug;
}

static void attach(struct side *s, struct loop *loop, struct plug *p, struct side *to)
{
	*s = (struct side){ .plug = p, .to = to, .loop = loop, .ready = true };
	p->user = s;
	p->deliver = arrived;
	s->w = (struct watch){ .fd = p->fd, .ready = woken };
	s->hup = (struct watch){ .fd = p->hup_fd, .ready = hung_up };
	watch(s);
	if (s->hup.fd >= 0)
		loop_watch(loop, &s->hup, EPOLLIN | EPOLLRDHUP);
}

struct cable *cable_new(struct loop *loop, struct plug *a, struct plug *b)
{
	struct cable *c = xzalloc(sizeof(*c));

	if (!a->offload && !b->offload) {
		a = plug_bare(a);
		b = plug_bare(b);
	}
	attach(&c->side[0], loop, a, &c->side[1]);
	attach(&c->side[1], loop, b, &c->side[0]);
	return c;
}

void cable_free(struct cable *c)
{
	if (!c)
		return;
	for (int i = 0; i < 2; i++) {
		loop_unwatch(c->side[i].loop, &c->side[i].w);
		loop_unwatch(c->side[i].loop, &c->side[i].hup);
		plug_close(c->side[i].plug);
	}
	free(c);
}
