/* held.c - ports whose other end is a plug of the switch's own
 *
 * in:   plug_recv -> delivered -> core_input for each frame
 * out:  core -> port_out -> held_out -> port_flush -> held_flush
 *
 * "ioth switch --plug LOCATOR": a tap, a network card, another switch, a command,
 * whatever a locator names, without a cable's process. Super-frames stay what they
 * are if the plug takes them. When a plug ends its port does, and one line tells;
 * the switch goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "switch/client.h"

#define BURST		256
#define STEP		32		/* frames between two looks at who waits */
#define RESERVE		BATCH		/* frames of its queue, for who does not wait for room */
#define ARENA_LIMIT	(64u << 20)

struct held {
	struct list	link;		/* sw->held */
	struct client	*c;
	struct plug	*plug;
	struct watch	w, hup;
	struct arena	*arena;		/* for frames that came as bytes */
	bool		more;
};

static void delivered(struct plug *p, struct pkt *pkt)
{
	struct held *h = p->user;
	struct client *c = h->c;
	struct frame f = { .len = pkt_wire_len(pkt), .pkt = pkt };

	pkt_begin(pkt);		/* room for what rules may want to see */
	f.p = pkt_pull(pkt, FRAME_MIN);
	if (f.p)
		core_input(&c->sw->core, c->port, &f, c->sw->now);
	pkt_free(pkt);
}

static void gone(struct held *h, int error)
{
	struct client *c = h->c;

	if (!h->plug->told)
		err("port %u: %s: %s", c->port, c->descr,
		    error == -EPIPE ? "the other side has gone" : strerror(-error));
	client_free(c);
}

static void watch(struct held *h)
{
	uint32_t in = h->c->waits ? 0 : EPOLLIN, out = h->plug->want_write ? EPOLLOUT : 0;
	uint32_t want = in | out;

	if (h->plug->fd >= 0 && want != h->w.events && loop_watch(h->c->sw->loop, &h->w, want) < 0)
		h->more = true;		/* epoll has no memory: each turn asks anew */
}

/* As many as come, until somebody is full. */
static int recv_steps(struct held *h)
{
	int n = STEP;

	for (int i = 0; i < BURST / STEP && n == STEP && !h->c->waits; i++)
		n = plug_recv(h->plug, STEP);
	h->more = n == STEP || (n >= 0 && h->plug->more);
	return n;
}

static void read_on(struct held *h)
{
	struct sw *sw = h->c->sw;
	int n;

	share_begin(h->c);
	n = recv_steps(h);
	plug_run(h->plug, sw->now);
	if (n < 0 && n != -EAGAIN)
		gone(h, n);
	else
		watch(h);
	port_flush(sw);		/* may end any client, this one too */
	share_end(sw);
}

static void ready(struct watch *w, uint32_t events)
{
	struct held *h = container_of(w, struct held, w);

	if (events & EPOLLOUT && !held_flush(h->c))
		return;
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		read_on(h);
}

static void hung_up(struct watch *w, uint32_t events)
{
	struct held *h = container_of(w, struct held, hup);
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		gone(h, -EPIPE);
}

void held_out(struct client *c, const struct frame *f)
{
	struct plug *p = c->held->plug;
	struct pkt *pkt = plug_room(p) ? frame_pkt(c->held->arena, f) : NULL;
	uint64_t drops = p->tx_drops;

	if (pkt)
		plug_send(p, pkt);
	c->sw->core.port[c->port].tx_drops += pkt ? p->tx_drops - drops : 1;
	if (list_empty(&c->dirty))
		list_add_tail(&c->sw->dirty, &c->dirty);
	if (c->sw->core.whom == CORE_ONE && held_is_full(c))
		hold_saw(c);
}

bool held_is_full(const struct client *c)
{
	return plug_room(c->held->plug) < RESERVE;
}

const struct plug *held_plug(const struct client *c)
{
	return c->held->plug;
}

void held_pause(struct client *c)
{
	watch(c->held);
}

/* What the plug has read already makes its descriptor no more readable. */
void held_go_on(struct client *c)
{
	c->held->more = true;
	watch(c->held);
}

bool held_flush(struct client *c)
{
	struct held *h = c->held;
	int rc = plug_flush(h->plug);

	if (rc < 0 && rc != -EAGAIN) {
		gone(h, rc);
		return false;
	}
	watch(h);
	return true;
}

/* Those that are there now: each goes back to the list before it may end. */
void held_run(struct sw *sw, usec now)
{
	struct list all = LIST_INIT(all), *l;

	list_splice_tail(&all, &sw->held);
	while ((l = list_pop(&all))) {
		struct held *h = container_of(l, struct held, link);

		list_add_tail(&sw->held, l);
		if (h->more && !h->c->waits) {
			read_on(h);
		} else if (h->plug->ops->run) {
			sw->now = now;
			plug_run(h->plug, now);
			port_flush(sw);
		}
	}
}

usec held_deadline(const struct sw *sw)
{
	usec at = NEVER;

	list_for(l, &sw->held) {
		const struct held *h = container_of(l, struct held, link);
		usec due = h->more && !h->c->waits ? 0 : plug_deadline(h->plug);

		at = MIN(at, due);
	}
	return at;
}

void held_leave(struct client *c)
{
	struct held *h = c->held;

	list_del(&h->link);
	loop_unwatch(c->sw->loop, &h->w);
	loop_unwatch(c->sw->loop, &h->hup);
	plug_close(h->plug);
	arena_heap_unref(h->arena);
	free(h);
	c->held = NULL;
}

static void attach(struct client *c, struct plug *p)
{
	struct held *h = xzalloc(sizeof(*h));

	c->held = h;
	*h = (struct held){ .c = c, .plug = p };
	h->arena = arena_heap_new(ARENA_LIMIT);
	h->w = (struct watch){ .fd = p->fd, .ready = ready };
	h->hup = (struct watch){ .fd = p->hup_fd, .ready = hung_up };
	p->user = h;
	p->deliver = delivered;
	list_add_tail(&c->sw->held, &h->link);
	watch(h);
	if (h->hup.fd >= 0)
		loop_watch(c->sw->loop, &h->hup, EPOLLIN | EPOLLRDHUP);
}

bool held_open(struct sw *sw, const char *locator, char **why)
{
	bool no_stdio = true;
	struct plug_conf conf = { .descr = sw->conf.path, .now = now_mono(),
				  .stdio_taken = &no_stdio };
	struct client *c = client_own(sw);
	struct plug *p = NULL;
	const char *refused;

	refused = port_choose(c, 0, false);
	if (refused)
		*why = xasprintf("%s: %s", locator, refused);
	else
		p = plug_open(locator, &conf, why);
	if (!p) {
		free(c);
		return false;
	}
	attach(c, p);
	port_seat(c, locator);
	info("port %u: %s", c->port, c->descr);
	return true;
}
