/* fault.c - a bad link, the same way each time
 *
 *	fault://loss=1%/delay=10ms/jitter=2ms/reorder=5%/dup=1%/corrupt=0.1%/
 *		rate=100M/queue=50/seed=7{vde:///tmp/sw}
 *
 * Both directions have these faults, each with a generator of its own: the
 * n-th frame of a direction meets the same fate in each run with one seed,
 * whatever the other direction does, and switching one fault on does not move
 * the others (every frame throws all the dice).
 *
 * It stands where frames are as on the wire: above it are segmentation and
 * merging (classic.c). If the plug below hands up super-frames they are cut
 * here first.
 *
 * A frame passes, in this order: loss; damage of one bit; duplication; the
 * bottleneck (rate, behind a queue that drops what does not fit); delay plus or
 * minus jitter, which keeps the order; and the reordered few are held back up
 * to REORDER_HOLD longer while others overtake them.
 *
 * Time is the caller's: what was sent or received gets its time of arrival by
 * the next plug_run, which also moves what is due; deadline says when.
 */
#include "plug/fault.h"

#include <stdlib.h>

#include "base/mem.h"

#define FULL_FRAME	1514
#define WAITING_MAX	65536		/* frames under way in one direction */
#define REORDER_HOLD	(2 * USEC_PER_MSEC)
#define RETRY		USEC_PER_MSEC	/* the plug below is full */
#define ARENA_LIMIT	(64u << 20)

struct way {
	struct rng	rng;
	struct list	fresh;		/* came since the last run */
	struct list	waiting;	/* by due time, which is in pkt->note */
	uint32_t	n;		/* of waiting */
	usec		link_free;	/* when the bottleneck will have sent all */
	usec		last_due;
	uint64_t	*drops;
};

struct fault {
	struct plug	plug;
	struct plug	*inner;
	struct fault_conf conf;
	struct arena	*arena;		/* of damaged frames */
	usec		now;
	struct way	out, in;
};

static struct fault *fault_of(struct plug *p)
{
	return container_of(p, struct fault, plug);
}

static void lose(struct way *w, struct pkt *pkt)
{
	(*w->drops)++;
	pkt_free(pkt);
}

/* The same frame with one bit changed, in memory of its own: the payload of a
 * packet may belong to a sender who will send it again. */
static struct pkt *damage(struct fault *f, struct pkt *pkt, uint32_t dice)
{
	uint32_t len = pkt_len(pkt), bit = dice % (len * 8);
	uint8_t *copy = xmalloc(len);
	struct pkt *bad = pkt_new();

	pkt_copy(pkt, 0, copy, len);
	copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	if (!pkt_append(bad, f->arena, copy, len)) {
		pkt_free(bad);
		bad = NULL;
	}
	free(copy);
	pkt_free(pkt);
	return bad;
}

/* When the bottleneck has sent the frame, or NEVER: its queue is full. */
static usec through_link(const struct fault *f, struct way *w, uint32_t len)
{
	usec backlog, took;

	if (!f->conf.rate)
		return f->now;
	backlog = MAX(w->link_free - f->now, 0);
	took = (usec)((uint64_t)len * 8 * 1000000 / f->conf.rate);
	if (backlog > (usec)(f->conf.queue * FULL_FRAME * 8 * 1000000 / f->conf.rate))
		return NEVER;
	w->link_free = f->now + backlog + took;
	return w->link_free;
}

static void insert(struct way *w, struct pkt *pkt, usec due)
{
	struct list *after = w->waiting.prev;

	while (after != &w->waiting && (usec)container_of(after, struct pkt, link)->note > due)
		after = after->prev;
	pkt->note = (uint64_t)due;
	list_add_head(after, &pkt->link);
	w->n++;
}

static void admit(struct fault *f, struct way *w, struct pkt *pkt, double vary, double hold)
{
	usec due = through_link(f, w, pkt_len(pkt));

	if (due == NEVER || w->n >= WAITING_MAX) {
		lose(w, pkt);
		return;
	}
	due += f->conf.delay + (usec)((2 * vary - 1) * (double)f->conf.jitter);
	due = MAX(due, f->now);
	if (hold > 0) {
		due += (usec)(hold * REORDER_HOLD);
	} else {
		due = MAX(due, w->last_due);
		w->last_due = due;
	}
	insert(w, pkt, due);
}

/* Every frame throws the same dice, so that faults do not move each other. */
static void arrive(struct fault *f, struct way *w, struct pkt *pkt)
{
	const struct fault_conf *c = &f->conf;
	bool lost = rng_double(&w->rng) < c->loss;
	bool bad = rng_double(&w->rng) < c->corrupt;
	bool twice = rng_double(&w->rng) < c->dup;
	bool late = rng_double(&w->rng) < c->reorder;
	double hold = 1 - rng_double(&w->rng);	/* (0, 1] */
	double vary = rng_double(&w->rng);
	uint32_t bit = (uint32_t)rng_u64(&w->rng);
	struct pkt *copy;

	if (lost || !pkt_len(pkt)) {
		lose(w, pkt);
		return;
	}
	if (bad)
		pkt = damage(f, pkt, bit);
	if (!pkt)
		return;
	copy = twice ? pkt_clone(pkt) : NULL;
	admit(f, w, pkt, vary, late ? hold : 0);
	if (copy)
		admit(f, w, copy, vary, 0);
}

static void stamp(struct fault *f, struct way *w)
{
	struct list *l;

	while ((l = list_pop(&w->fresh)))
		arrive(f, w, container_of(l, struct pkt, link));
}

static struct pkt *due(const struct fault *f, const struct way *w)
{
	struct pkt *pkt = list_first(&w->waiting, struct pkt, link);

	return pkt && (usec)pkt->note <= f->now ? pkt : NULL;
}

static void take(struct way *w, struct pkt *pkt)
{
	list_del(&pkt->link);
	w->n--;
}

static void mirror(struct fault *f)
{
	f->plug.want_write = f->inner->want_write;
	f->plug.more = f->inner->more;
	f->plug.told = f->inner->told;
	f->plug.tx_frames = f->inner->tx_frames;
	f->plug.tx_bytes = f->inner->tx_bytes;
}

static int fault_flush(struct plug *p)
{
	struct fault *f = fault_of(p);
	int rc = plug_flush(f->inner);

	mirror(f);
	return rc;
}

static void release_out(struct fault *f)
{
	struct pkt *pkt;
	bool any = false;

	while ((pkt = due(f, &f->out)) && plug_room(f->inner)) {
		take(&f->out, pkt);
		plug_send(f->inner, pkt);
		any = true;
	}
	if (any)
		fault_flush(&f->plug);
}

static void release_in(struct fault *f)
{
	struct pkt *pkt;

	while ((pkt = due(f, &f->in))) {
		take(&f->in, pkt);
		f->plug.rx_frames++;
		f->plug.rx_bytes += pkt_len(pkt);
		f->plug.deliver(&f->plug, pkt);
	}
}

static void fault_run(struct plug *p, usec now)
{
	struct fault *f = fault_of(p);

	f->now = MAX(f->now, now);
	plug_run(f->inner, now);
	stamp(f, &f->out);
	stamp(f, &f->in);
	release_out(f);
	release_in(f);
}

static usec way_deadline(const struct fault *f, const struct way *w)
{
	const struct pkt *pkt = list_first(&w->waiting, struct pkt, link);

	if (!list_empty(&w->fresh))
		return f->now;
	return pkt ? (usec)pkt->note : NEVER;
}

static usec fault_deadline(struct plug *p)
{
	struct fault *f = fault_of(p);
	usec out = way_deadline(f, &f->out), in = way_deadline(f, &f->in);
	usec below = plug_deadline(f->inner), first;

	/* Nobody calls us when the plug below has room again. */
	if (f->inner->want_write || !plug_room(f->inner))
		out = MAX(out, f->now + RETRY);
	first = MIN(out, in);
	return MIN(first, below);
}

static void fault_send(struct plug *p, struct pkt *pkt)
{
	list_add_tail(&fault_of(p)->out.fresh, &pkt->link);
}

static void cut_in(void *ctx, struct pkt *pkt)
{
	struct fault *f = ctx;

	list_add_tail(&f->in.fresh, &pkt->link);
}

static void inner_deliver(struct plug *inner, struct pkt *pkt)
{
	struct fault *f = inner->user;

	offload_out(pkt, cut_in, f);
}

static void inner_wake(struct plug *inner)
{
	struct fault *f = inner->user;

	if (f->plug.wake)
		f->plug.wake(&f->plug);
}

/* Arrivals are delivered by run: deadline is now. */
static int fault_recv(struct plug *p, int max)
{
	struct fault *f = fault_of(p);
	int n = plug_recv(f->inner, max);

	mirror(f);
	return n;
}

static uint32_t fault_room(struct plug *p)
{
	return plug_room(fault_of(p)->inner);
}

void fault_seed(struct plug *p, uint64_t seed)
{
	rng_seed(&fault_of(p)->out.rng, seed * 2);
	rng_seed(&fault_of(p)->in.rng, seed * 2 + 1);
}

static void way_init(struct way *w, usec now, uint64_t *drops)
{
	list_init(&w->fresh);
	list_init(&w->waiting);
	w->link_free = w->last_due = now;
	w->drops = drops;
}

static void way_fini(struct way *w)
{
	struct list *l;

	list_splice_tail(&w->waiting, &w->fresh);
	while ((l = list_pop(&w->waiting)))
		pkt_free(container_of(l, struct pkt, link));
}

static void fault_close(struct plug *p)
{
	struct fault *f = fault_of(p);

	way_fini(&f->out);
	way_fini(&f->in);
	plug_close(f->inner);
	arena_heap_unref(f->arena);
	free(f);
}

static const struct plug_ops fault_ops = {
	.scheme		= "fault",
	.send		= fault_send,
	.flush		= fault_flush,
	.recv		= fault_recv,
	.room		= fault_room,
	.run		= fault_run,
	.deadline	= fault_deadline,
	.close		= fault_close,
};

struct plug *fault_new(struct plug *inner, const struct fault_conf *conf, usec now)
{
	struct fault *f = xzalloc(sizeof(*f));

	f->plug = (struct plug){
		.ops = &fault_ops, .fd = inner->fd, .hup_fd = inner->hup_fd,
		.mtu = inner->mtu,
	};
	f->inner = inner;
	f->conf = *conf;
	f->now = now;
	f->arena = arena_heap_new(ARENA_LIMIT);
	way_init(&f->out, now, &f->plug.tx_drops);
	way_init(&f->in, now, &f->plug.rx_drops);
	fault_seed(&f->plug, conf->seed);
	inner->user = f;
	inner->deliver = inner_deliver;
	inner->wake = inner_wake;
	return &f->plug;
}
