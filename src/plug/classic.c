/* classic.c - a plug for wire frames made into a plug for a stack
 *
 * vde, fault and others like them carry only what fits on an Ethernet, so that
 * each is small and faults act on frames as they are on the wire. This one
 * stands above: it segments and completes sums on the way out (offload.c) and
 * merges on the way in (merge.c). plug_open puts it where it is needed.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "plug/classic.h"

struct classic {
	struct plug	plug;
	struct plug	*below;
	struct merge	*merge;
};

static struct classic *classic_of(struct plug *p)
{
	return container_of(p, struct classic, plug);
}

/* What the user of a plug looks at is kept by the one below. */
static void mirror(struct classic *c)
{
	c->plug.want_write = c->below->want_write;
	c->plug.more = c->below->more;
	c->plug.told = c->below->told;
	c->plug.rx_frames = c->below->rx_frames;
	c->plug.tx_frames = c->below->tx_frames;
	c->plug.rx_bytes = c->below->rx_bytes;
	c->plug.tx_bytes = c->below->tx_bytes;
	c->plug.rx_drops = c->below->rx_drops;
	c->plug.tx_drops = c->below->tx_drops;
}

static void frame_out(void *ctx, struct pkt *pkt)
{
	struct classic *c = ctx;

	plug_send(c->below, pkt);
}

static void classic_send(struct plug *p, struct pkt *pkt)
{
	struct classic *c = classic_of(p);

	offload_out(pkt, frame_out, c);
	mirror(c);
}

static int classic_flush(struct plug *p)
{
	struct classic *c = classic_of(p);
	int rc = plug_flush(c->below);

	mirror(c);
	return rc;
}

static void frame_in(struct plug *below, struct pkt *pkt)
{
	struct classic *c = below->user;

	merge_add(c->merge, pkt);
}

static void merged_in(void *ctx, struct pkt *pkt)
{
	struct classic *c = ctx;

	c->plug.deliver(&c->plug, pkt);
}

static int classic_recv(struct plug *p, int max)
{
	struct classic *c = classic_of(p);
	int n;

	merge_udp(c->merge, p->join_udp);
	n = plug_recv(c->below, max);
	merge_flush(c->merge);
	mirror(c);
	return n;
}

static uint32_t classic_room(struct plug *p)
{
	return plug_room(classic_of(p)->below);
}

static void classic_run(struct plug *p, usec now)
{
	struct classic *c = classic_of(p);

	plug_run(c->below, now);
	merge_flush(c->merge);
	mirror(c);
}

static usec classic_deadline(struct plug *p)
{
	return plug_deadline(classic_of(p)->below);
}

static void below_woke(struct plug *below)
{
	struct classic *c = below->user;

	if (c->plug.wake)
		c->plug.wake(&c->plug);
}

static void classic_close(struct plug *p)
{
	struct classic *c = classic_of(p);

	plug_close(c->below);
	merge_free(c->merge);
	free(c);
}

static const struct plug_ops classic_ops = {
	.scheme		= "classic",
	.send		= classic_send,
	.flush		= classic_flush,
	.recv		= classic_recv,
	.room		= classic_room,
	.run		= classic_run,
	.deadline	= classic_deadline,
	.close		= classic_close,
};

struct plug *classic_new(struct plug *below)
{
	struct classic *c = xzalloc(sizeof(*c));

	c->plug = (struct plug){
		.ops = &classic_ops, .fd = below->fd, .hup_fd = below->hup_fd,
		.mtu = below->mtu,
	};
	c->below = below;
	c->merge = merge_new(merged_in, c);
	below->user = c;
	below->deliver = frame_in;
	below->wake = below_woke;
	return &c->plug;
}

struct plug *plug_bare(struct plug *p)
{
	struct classic *c = classic_of(p);
	struct plug *below;

	if (p->ops != &classic_ops)
		return p;
	below = c->below;
	merge_free(c->merge);
	free(c);
	return below;
}
