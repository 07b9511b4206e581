/* observe.c - shows what passes a plug to an observer, and lets it pass
 *
 * in:   inner delivers -> seen -> our user
 * out:  our user sends -> seen -> inner sends
 *
 * It carries what the plug below carries, super-frames too, and gives its arenas to
 * the stack and its room for each neighbour, so that looking changes nothing. What an observer sees is a copy whose
 * checksum is complete: of the frame as it passes, or (cut) of the frames a wire
 * would carry.
 */
#include "plug/observe.h"

#include <stdlib.h>

#include "base/mem.h"

struct seen {
	struct plug	plug;
	struct plug_ops	ops;		/* no more than the plug below has */
	struct plug	*inner;
	struct observer	*o;
};

struct glance {
	struct observer	*o;
	bool		out;
};

static struct seen *seen_of(struct plug *p)
{
	return container_of(p, struct seen, plug);
}

static void show(void *ctx, struct pkt *pkt)
{
	const struct glance *g = ctx;

	g->o->saw(g->o, pkt, g->out);
	pkt_free(pkt);
}

static void look(struct observer *o, const struct pkt *pkt, bool out)
{
	struct glance g = { o, out };
	struct pkt *copy;

	if (!o->cut && pkt->sum != PKT_SUM_PARTIAL) {
		o->saw(o, pkt, out);
		return;
	}
	copy = pkt_clone(pkt);
	if (o->cut) {
		offload_out(copy, show, &g);
	} else {
		pkt_sum_finish(copy);
		show(&g, copy);
	}
}

/* What the user of a plug looks at is kept by the one below. */
static void mirror(struct seen *s)
{
	s->plug.want_write = s->inner->want_write;
	s->plug.more = s->inner->more;
	s->plug.told = s->inner->told;
	s->plug.resume |= s->inner->resume;
	s->inner->resume = false;
	s->plug.rx_frames = s->inner->rx_frames;
	s->plug.tx_frames = s->inner->tx_frames;
	s->plug.rx_bytes = s->inner->rx_bytes;
	s->plug.tx_bytes = s->inner->tx_bytes;
	s->plug.rx_drops = s->inner->rx_drops;
	s->plug.tx_drops = s->inner->tx_drops;
}

static void seen_send(struct plug *p, struct pkt *pkt)
{
	struct seen *s = seen_of(p);

	look(s->o, pkt, true);
	plug_send(s->inner, pkt);
	mirror(s);
}

static int seen_flush(struct plug *p)
{
	struct seen *s = seen_of(p);
	int rc = plug_flush(s->inner);

	mirror(s);
	return rc;
}

static void inner_deliver(struct plug *inner, struct pkt *pkt)
{
	struct seen *s = inner->user;

	look(s->o, pkt, false);
	s->plug.deliver(&s->plug, pkt);
}

static int seen_recv(struct plug *p, int max)
{
	struct seen *s = seen_of(p);
	int n;

	s->inner->join_udp = p->join_udp;
	n = plug_recv(s->inner, max);
	mirror(s);
	return n;
}

static uint32_t seen_room(struct plug *p)
{
	return plug_room(seen_of(p)->inner);
}

static uint32_t seen_room_to(struct plug *p, const struct mac *to)
{
	struct plug *inner = seen_of(p)->inner;

	return inner->ops->room_to(inner, to);
}

static struct arena *seen_arena_to(struct plug *p, const struct mac *to)
{
	struct plug *inner = seen_of(p)->inner;

	return inner->ops->arena_to(inner, to);
}

static void seen_run(struct plug *p, usec now)
{
	struct seen *s = seen_of(p);

	plug_run(s->inner, now);
	mirror(s);
}

static usec seen_deadline(struct plug *p)
{
	return plug_deadline(seen_of(p)->inner);
}

static void inner_wake(struct plug *inner)
{
	struct seen *s = inner->user;

	if (s->plug.wake)
		s->plug.wake(&s->plug);
}

static void seen_close(struct plug *p)
{
	struct seen *s = seen_of(p);

	plug_close(s->inner);
	s->o->end(s->o);
	free(s);
}

static const struct plug_ops seen_ops = {
	.scheme		= "observe",
	.send		= seen_send,
	.flush		= seen_flush,
	.recv		= seen_recv,
	.room		= seen_room,
	.run		= seen_run,
	.deadline	= seen_deadline,
	.close		= seen_close,
};

struct plug *observe_new(struct plug *inner, struct observer *o)
{
	struct seen *s = xzalloc(sizeof(*s));

	s->ops = seen_ops;
	if (inner->ops->room_to)
		s->ops.room_to = seen_room_to;
	if (inner->ops->arena_to)
		s->ops.arena_to = seen_arena_to;
	s->plug = (struct plug){
		.ops = &s->ops, .fd = inner->fd, .hup_fd = inner->hup_fd, .mtu = inner->mtu,
		.offload = inner->offload, .arena = inner->arena,
	};
	s->inner = inner;
	s->o = o;
	inner->user = s;
	inner->deliver = inner_deliver;
	inner->wake = inner_wake;
	return &s->plug;
}
