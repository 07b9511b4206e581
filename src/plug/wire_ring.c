/* wire_ring.c - frames into a wire, and out of it
 *
 * put:    pkt -> payload into our arena, if it is elsewhere -> record -> (ring) published
 * take:   record, copied out and checked -> pkt; its spans are one chunk of the
 *         other's arena, whose release writes the frame's number to back
 * reap:   numbers of back, checked -> our packets of those numbers are freed
 *
 * Sleeping: who finds nothing to do writes into asleep what he waits for (wire_sleep)
 * and looks once more. Who publishes looks at asleep afterwards (wire_wake).
 * Between the write and the look of either stands a full fence, so at
 * least one sees the other's (Dekker): no wake-up is lost. Each sleep has a number
 * and is rung once. test/unit/plug_sleep.c tries all interleavings of this.
 */
#include "plug/wire.h"

#include <assert.h>
#include <sys/socket.h>

#include "base/mem.h"

#define FRAME_MIN	14u
#define FRAME_MAX	(65535u + 18)
#define SEGMENTS_MAX	2048		/* of a super-frame; TCP's smallest MSS needs 1366 */
#define QUIET_RING	(WIRE_RING / 8)	/* of it is used while there is little to say */
#define ROOM_WORTH	(WIRE_RING / 2)	/* who waits for room is woken when so much is full */
/* Of the other's held by our readers: beyond, what comes is copied. In chunks they are twice as
 * many bytes at most, half of what it keeps for frames (wire_arena.c): else its queue would wait
 * for readers who wait for what is in it. */
#define COPY_BYTES	(WIRE_ARENA / 4)
#define COPY_FRAMES	(WIRE_FRAMES / 2)

/* A frame of the other side whose payload is still read here. */
struct wire_in {
	struct chunk	c;
	bool		out;
};

static_assert(sizeof(struct wire_rec) == WIRE_ALIGN, "a record begins and ends on 16 bytes");
static_assert((WIRE_RING & (WIRE_RING - 1)) == 0, "offsets run freely");

static bool lied(struct wire *w, const char *how)
{
	w->why = how;
	return false;
}

/* --- doorbells --- */

/* Its sleep, if it is for one of these; else 0. */
static uint32_t asleep_for(const struct wire *w, uint32_t wants)
{
	uint32_t sleep;

	atomic_thread_fence(memory_order_seq_cst);
	sleep = atomic_load_explicit(&w->peer->asleep, memory_order_relaxed);
	return sleep & wants && w->bell >= 0 ? sleep : 0;
}

/* Full: bells enough are ringing; gone: reading will tell. */
static void ring_bell(struct wire *w, uint32_t sleep)
{
	if (atomic_exchange_explicit(&w->rung, sleep, memory_order_relaxed) != sleep)
		send(w->bell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A bell stays in the socket. A futex that nobody sleeps on yet has told nobody: who published the
 * frame before the sleep began may be the first to see it. */
static void ring_futex(struct wire *w, uint32_t sleep)
{
	if (atomic_load_explicit(&w->rung, memory_order_relaxed) != sleep &&
	    futex_wake(&w->own->sent, true))
		atomic_store_explicit(&w->rung, sleep, memory_order_relaxed);
}

void wire_wake(struct wire *w, uint32_t wants)
{
	uint32_t sleep = asleep_for(w, wants);

	if (sleep)
		ring_bell(w, sleep);
}

static void tell_of_frames(struct wire *w)
{
	uint32_t sleep = asleep_for(w, WIRE_WANTS_FRAMES);

	if (sleep & WIRE_BY_FUTEX)
		ring_futex(w, sleep);
	else if (sleep)
		ring_bell(w, sleep);
}

void wire_sleep(struct wire *w, bool room)
{
	w->sleeps += WIRE_SLEEP;
	atomic_store_explicit(&w->own->asleep, w->sleeps | WIRE_WANTS_FRAMES |
			      (w->by_futex ? WIRE_BY_FUTEX : 0) | (room ? WIRE_WANTS_ROOM : 0),
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void wire_awake(struct wire *w)
{
	atomic_store_explicit(&w->own->asleep, w->sleeps, memory_order_relaxed);
}

bool wire_by_futex(struct wire *w, struct futexes *s)
{
	w->by_futex = futexes_add(s, &w->peer->sent, w->taken, true);
	return w->by_futex;
}

void wire_by_bell(struct wire *w)
{
	w->by_futex = false;
}

uint32_t wire_progress(const struct wire *w)
{
	return atomic_load_explicit(&w->peer->taken, memory_order_relaxed) +
	       atomic_load_explicit(&w->peer->returned, memory_order_relaxed);
}

bool wire_waiting(const struct wire *w)
{
	return atomic_load_explicit(&w->peer->sent, memory_order_relaxed) != w->taken;
}

/* --- out --- */

bool wire_reap(struct wire *w)
{
	uint32_t end = atomic_load_explicit(&w->peer->returned, memory_order_acquire);

	if (end - w->reaped > WIRE_FRAMES)
		return lied(w, "it gave back more frames than there are");
	for (; w->reaped != end; w->reaped++) {
		uint16_t n = atomic_load_explicit(&w->peer->back[w->reaped % WIRE_FRAMES],
						  memory_order_relaxed);

		if (n >= w->n_numbers || !w->out[n])
			return lied(w, "it gave back a frame it had not");
		pkt_free(w->out[n]);
		w->out[n] = NULL;
		w->free[w->n_free++] = n;
	}
	return true;
}

static bool room_for(struct wire *w, uint32_t len)
{
	if (w->sent + len - w->room_at <= WIRE_RING)
		return true;
	w->room_at = atomic_load_explicit(&w->peer->taken, memory_order_acquire);
	if (w->sent - w->room_at > WIRE_RING)
		return lied(w, "it took what was not sent");
	return w->sent + len - w->room_at <= WIRE_RING;
}

/* The other sleeps and has taken everything: there is little to say, for which the ring's
 * first pages will do. The others would be touched once, and kept for good. */
static bool is_quiet(const struct wire *w)
{
	return atomic_load_explicit(&w->peer->asleep, memory_order_relaxed) & WIRE_WANTS_FRAMES &&
	       atomic_load_explicit(&w->peer->taken, memory_order_relaxed) == w->sent;
}

uint8_t *wire_record(struct wire *w, uint32_t len)
{
	uint32_t at = w->sent % WIRE_RING, rest = WIRE_RING - at;

	if (rest >= len && (at < QUIET_RING || !is_quiet(w)))
		return room_for(w, len) ? w->own->ring + at : NULL;
	if (!room_for(w, rest + len))
		return NULL;
	memcpy(w->own->ring + at, &(struct wire_rec){ .len = (uint16_t)rest },
	       sizeof(struct wire_rec));
	w->sent += rest;
	return w->own->ring;
}

static bool is_ours(const struct wire *w, const struct pkt *pkt)
{
	for (unsigned i = 0; i < pkt->n_ext; i++) {
		if (pkt->ext[i].chunk->arena != &w->arena)
			return false;
	}
	return true;
}

/* The payload as spans of our arena; false: it is full. */
static bool import(struct wire *w, struct pkt *pkt)
{
	struct ext ext[2];
	uint32_t hlen = (uint32_t)(pkt->end - pkt->cur), done = 0, size = sizeof(*pkt);
	unsigned n = 0;

	while (done < pkt->paylen && n < ARRAY_LEN(ext)) {
		struct chunk *c = wire_arena_take(w, pkt->paylen - done);

		if (!c)
			break;
		ext[n] = (struct ext){ c, c->data, pkt_copy(pkt, hlen + done, c->data, c->size) };
		done += ext[n++].len;
		size += c->size;
	}
	if (done < pkt->paylen) {
		while (n)
			chunk_unref(ext[--n].chunk);
		return false;
	}
	for (unsigned i = 0; i < pkt->n_ext; i++)
		chunk_unref(pkt->ext[i].chunk);
	memcpy(pkt->ext, ext, n * sizeof(ext[0]));
	pkt->n_ext = (uint8_t)n;
	pkt->truesize = size;
	return true;
}

/* A number for a frame under way, or -1. */
static int number(struct wire *w)
{
	if (!w->n_free && w->n_numbers < WIRE_FRAMES)
		return (int)w->n_numbers++;
	return w->n_free ? (int)w->free[--w->n_free] : -1;
}

static struct wire_rec rec_of(const struct pkt *pkt)
{
	struct wire_rec r = {
		.head_len = (uint16_t)(pkt->end - pkt->cur), .sum = pkt->sum,
		.gso_size = pkt->gso_size, .gso_hlen = pkt->gso_hlen,
	};

	if (pkt->sum == PKT_SUM_PARTIAL) {
		r.sum_start = pkt->sum_start - (pkt->cur - pkt->start);
		r.sum_off = pkt->sum_off;
	}
	return r;
}

uint32_t wire_rec_len(uint32_t n_ext, uint32_t head_len)
{
	uint32_t len = sizeof(struct wire_rec) + n_ext * (uint32_t)sizeof(struct wire_span) + head_len;

	return (len + WIRE_ALIGN - 1) / WIRE_ALIGN * WIRE_ALIGN;
}

/* A whole frame in its record. */
static bool put_small(struct wire *w, struct pkt *pkt)
{
	struct wire_rec r = rec_of(pkt);
	uint8_t *p;

	r.head_len = (uint16_t)pkt_len(pkt);
	r.len = (uint16_t)wire_rec_len(0, r.head_len);
	p = wire_record(w, r.len);
	if (!p)
		return false;
	memcpy(p, &r, sizeof(r));
	pkt_copy(pkt, 0, p + sizeof(r), r.head_len);
	w->sent += r.len;
	pkt_free(pkt);
	return true;
}

static bool put_spans(struct wire *w, struct pkt *pkt)
{
	struct wire_rec r = rec_of(pkt);
	struct wire_span *span;
	uint8_t *p;
	int n;

	r.n_ext = pkt->n_ext;
	r.len = (uint16_t)wire_rec_len(r.n_ext, r.head_len);
	p = wire_record(w, r.len);
	n = p ? number(w) : -1;
	if (n < 0)
		return false;
	r.number = (uint16_t)n;
	w->out[n] = pkt;
	memcpy(p, &r, sizeof(r));
	span = (struct wire_span *)(p + sizeof(r));
	for (unsigned i = 0; i < r.n_ext; i++)
		span[i] = (struct wire_span){ (uint32_t)(pkt->ext[i].p - w->own->arena),
					      pkt->ext[i].len };
	memcpy(span + r.n_ext, pkt->head + pkt->cur, r.head_len);
	w->sent += r.len;
	return true;
}

bool wire_put(struct wire *w, struct pkt *pkt)
{
	if (w->why || !wire_reap(w))
		return false;
	if (!pkt->n_ext || (pkt_len(pkt) <= WIRE_INLINE && !pkt->gso_size))
		return put_small(w, pkt);
	return (is_ours(w, pkt) || import(w, pkt)) && put_spans(w, pkt);
}

void wire_ring(struct wire *w)
{
	if (atomic_load_explicit(&w->own->sent, memory_order_relaxed) == w->sent)
		return;
	atomic_store_explicit(&w->own->sent, w->sent, memory_order_release);
	tell_of_frames(w);
}

/* --- in --- */

/* The last reader of a frame's payload is done with it. */
void wire_give_back(struct arena *a, struct chunk *c)
{
	struct wire *w = container_of(a, struct wire, in_arena);
	struct wire_in *in = container_of(c, struct wire_in, c);

	pthread_mutex_lock(&w->lock);
	in->out = false;
	w->held -= c->size;
	w->held_frames--;
	if (w->owned) {
		atomic_store_explicit(&w->own->back[w->returned++ % WIRE_FRAMES],
				      (uint16_t)(in - w->in), memory_order_relaxed);
		atomic_store_explicit(&w->own->returned, w->returned, memory_order_release);
		wire_wake(w, WIRE_WANTS_ROOM);
	}
	wire_unref(w, false);
}

/* What the record says, beside its spans, can be true. */
static bool notes_fit(const struct wire_rec *r)
{
	if (r->sum > PKT_SUM_OK || r->head_len > PKT_HEAD)
		return false;
	if (r->sum == PKT_SUM_PARTIAL &&
	    (r->sum_start < FRAME_MIN || (uint32_t)r->sum_start + r->sum_off + 2 > r->head_len))
		return false;
	return !r->gso_size || (r->gso_hlen > FRAME_MIN && r->gso_hlen <= r->head_len);
}

bool wire_read_rec(struct wire *w, const uint8_t *p, uint32_t left, struct wire_rec *r)
{
	memcpy(r, p, sizeof(*r));
	if (r->len < sizeof(*r) || r->len % WIRE_ALIGN || r->len > left)
		return lied(w, "a record has a wrong length");
	if (!r->n_ext && !r->head_len)
		return p + r->len == w->peer->ring + WIRE_RING ||
		       lied(w, "a record without a frame does not end the ring");
	if (r->n_ext > PKT_EXTS || wire_rec_len(r->n_ext, r->head_len) != r->len || !notes_fit(r))
		return lied(w, "a record contradicts itself");
	return true;
}

/* The frame's payload as one chunk, of which each span takes a reference. */
static struct chunk *frame_chunk(struct wire *w, const struct wire_rec *r, uint32_t size)
{
	struct wire_in *in;
	bool taken;

	if (!w->in)
		w->in = xzalloc(WIRE_FRAMES * sizeof(w->in[0]));
	if (r->number >= WIRE_FRAMES)
		return NULL;
	in = &w->in[r->number];
	pthread_mutex_lock(&w->lock);
	taken = in->out;
	if (!taken) {
		in->out = true;
		w->chunks++;
		w->held += size;
		w->held_frames++;
	}
	pthread_mutex_unlock(&w->lock);
	if (taken)
		return NULL;
	in->c = (struct chunk){ .size = size, .arena = &w->in_arena };
	atomic_store_explicit(&in->c.refs, r->n_ext, memory_order_relaxed);
	return &in->c;
}

static uint8_t *in_peer(const struct wire *w, const struct wire_span *s)
{
	return (uint8_t *)(uintptr_t)w->peer->arena + s->off;
}

/* The spans, checked, and how many bytes they are; 0: they lie. */
static uint32_t read_spans(const uint8_t *p, unsigned n, struct wire_span *span)
{
	uint32_t sum = 0;

	memcpy(span, p, n * sizeof(*span));
	for (unsigned i = 0; i < n; i++) {
		if (!span[i].len || span[i].len > FRAME_MAX || span[i].off >= WIRE_ARENA ||
		    span[i].len > WIRE_ARENA - span[i].off)
			return 0;
		sum += span[i].len;
	}
	return sum <= FRAME_MAX ? sum : 0;
}

static bool add_spans(struct wire *w, struct pkt *pkt, const struct wire_rec *r, const uint8_t *p)
{
	struct wire_span span[PKT_EXTS];
	uint32_t sum = read_spans(p, r->n_ext, span);
	struct chunk *c = sum ? frame_chunk(w, r, sum) : NULL;

	if (!c)
		return false;
	for (unsigned i = 0; i < r->n_ext; i++)
		pkt_add_ext(pkt, c, in_peer(w, &span[i]), span[i].len);
	return true;
}

/* Our readers hold much of the other's arena: this frame shall not stay in it. */
static struct pkt *copied(struct wire *w, struct pkt *pkt)
{
	struct iovec iov[PKT_EXTS + 1];
	int n = pkt_iov(pkt, iov), first = pkt->end > pkt->cur;
	struct pkt *copy = pkt_new();
	uint32_t keep = pkt->paylen;

	memcpy(copy, pkt, offsetof(struct pkt, ext));
	list_init(&copy->link);
	memcpy(copy->head, pkt->head, sizeof(pkt->head));
	copy->n_ext = 0;
	copy->paylen = 0;
	copy->truesize = sizeof(*copy);
	if (!pkt_append_iov(copy, w->heap, iov + first, n - first, keep)) {
		pkt_free(copy);
		copy = NULL;
	}
	pkt_free(pkt);
	return copy;
}

static bool holds_much(struct wire *w)
{
	bool much;

	pthread_mutex_lock(&w->lock);
	much = w->held > COPY_BYTES || w->held_frames > COPY_FRAMES;
	pthread_mutex_unlock(&w->lock);
	return much;
}

struct pkt *wire_pkt(const struct wire_rec *r, const uint8_t *head)
{
	struct pkt *pkt = pkt_new();

	pkt->start = pkt->cur = r->head_len <= PKT_HEAD - 2 ? 2 : 0;
	pkt->end = pkt->start + r->head_len;
	memcpy(pkt->head + pkt->start, head, r->head_len);
	pkt->sum = r->sum;
	pkt->sum_start = r->sum_start;
	pkt->sum_off = r->sum_off;
	pkt->gso_size = r->gso_size;
	pkt->gso_hlen = r->gso_hlen;
	return pkt;
}

/* Of its payload: a tag that a switch adds makes no frame one too many. */
static bool too_many(const struct wire_rec *r, const struct pkt *pkt)
{
	return r->gso_size && (pkt_len(pkt) - r->gso_hlen) / r->gso_size > SEGMENTS_MAX;
}

static struct pkt *frame_of(struct wire *w, const struct wire_rec *r, const uint8_t *p)
{
	struct pkt *pkt = wire_pkt(r, p + sizeof(*r) + r->n_ext * sizeof(struct wire_span));

	if (r->n_ext && !add_spans(w, pkt, r, p + sizeof(*r)))
		lied(w, "a frame's payload is not in its arena, or still with us");
	else if (pkt_len(pkt) < FRAME_MIN)
		lied(w, "a frame is shorter than an Ethernet header");
	else if (too_many(r, pkt))
		lied(w, "a frame would be cut into too many");
	if (w->why) {
		pkt_free(pkt);
		return NULL;
	}
	return holds_much(w) && r->n_ext ? copied(w, pkt) : pkt;
}

uint32_t wire_unread(struct wire *w)
{
	if (w->taken == w->sent_at)
		w->sent_at = atomic_load_explicit(&w->peer->sent, memory_order_acquire);
	if (w->sent_at - w->taken <= WIRE_RING && (w->sent_at - w->taken) % WIRE_ALIGN == 0)
		return w->sent_at - w->taken;
	lied(w, "it sent more than its ring holds");
	return 0;
}

struct pkt *wire_take(struct wire *w)
{
	struct pkt *pkt = NULL;
	struct wire_rec r;
	uint32_t left;

	while (!w->why && !pkt && (left = wire_unread(w)) > 0) {
		uint32_t at = w->taken % WIRE_RING;
		const uint8_t *p = w->peer->ring + at;

		if (!wire_read_rec(w, p, MIN(left, WIRE_RING - at), &r))
			break;
		if (r.n_ext || r.head_len)
			pkt = frame_of(w, &r, p);
		w->taken += r.len;
	}
	return pkt;
}

void wire_took(struct wire *w)
{
	if (atomic_load_explicit(&w->own->taken, memory_order_relaxed) == w->taken)
		return;
	atomic_store_explicit(&w->own->taken, w->taken, memory_order_release);
	if (w->sent_at - w->taken <= ROOM_WORTH)	/* the rest is taken, too, and tells */
		wire_wake(w, WIRE_WANTS_ROOM);
}
