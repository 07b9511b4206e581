/* tcp_snd.c - the send queue: bytes copied once, sent and sent again by reference
 *
 * The queue is a ring of spans in order; each is the used part of one chunk of
 * the arena of the netif (and next hop) the route leaves by, so what is sent needs no copy
 * below. New bytes fill up the last chunk first. A segment's extents refer to
 * the chunks (tcp_snd_map) and hold a reference each, therefore an
 * acknowledgment may release a span while a copy of it is still on its way.
 *
 * reserve hands out the free tail of the last chunk and empty chunks after it;
 * commit counts what was written. Between the two the user writes without our
 * lock, so spans with a free tail stay, even through the connection's end.
 *
 * MSG_EOR ends a record, as in Linux: its last span is closed, what comes goes to a
 * new one, and no segment reaches across, new or sent again.
 *
 * Chunks are as large as the queue already is, within bounds: one small request
 * costs 2 KiB, a bulk transfer works with the largest.
 */
#include "stack/netif.h"
#include "stack/tcp.h"

#include <stdlib.h>

#include "base/mem.h"

#define CHUNK_SMALL	2048
#define FIRST_SPANS	4

static struct snd_span *span_at(const struct snd_queue *q, uint32_t i)
{
	return &q->ring->v[(q->ring->head + i) & (q->ring->size - 1)];
}

static uint32_t tail_room(const struct snd_span *s)
{
	return s->eor ? 0 : (uint32_t)(s->chunk->data + s->chunk->size - (s->p + s->len));
}

static bool is_full(const struct snd_queue *q)
{
	return !q->ring || q->n == q->ring->size;
}

static void grow(struct snd_queue *q)
{
	uint32_t size = q->ring ? q->ring->size * 2 : FIRST_SPANS;
	struct snd_ring *r = xmalloc(sizeof(*r) + size * sizeof(r->v[0]));

	*r = (struct snd_ring){ .size = size };
	if (q->ring) {
		r->since = q->ring->since;
		r->records = q->ring->records;
	}
	for (uint32_t i = 0; i < q->n; i++)
		r->v[i] = *span_at(q, i);
	free(q->ring);
	q->ring = r;
}

static void let_go(struct tcpc *tc, struct chunk *c)
{
	budget_give(tc->so.st, BUDGET_TCP, c->size);
	chunk_unref(c);
}

struct chunk *tcp_snd_chunk(struct tcpc *tc, uint32_t size)
{
	struct stack *st = tc->so.st;
	struct flow *f = &tc->so.flow;
	struct arena *a = f->nif ? netif_arena(f->nif, &f->hop) : NULL;
	struct chunk *c = NULL;

	size = tcp_snd_room(tc, size, MIN(size, CHUNK_SMALL));
	if (!size)
		return NULL;
	if (a)
		c = a->alloc(a, size);
	return c ? c : st->heap->alloc(st->heap, size);
}

static struct chunk *chunk_for(struct tcpc *tc, size_t want)
{
	uint32_t size = (uint32_t)MIN(want, CHUNK_MAX);

	return tcp_snd_chunk(tc, CLAMP(MAX(size, (uint32_t)tc->snd.bytes), CHUNK_SMALL, CHUNK_MAX));
}

static struct snd_span *push_chunk(struct tcpc *tc, struct chunk *c)
{
	struct snd_queue *q = &tc->snd;
	struct snd_span *s;

	if (is_full(q))
		grow(q);
	s = span_at(q, q->n++);
	*s = (struct snd_span){ .chunk = c, .p = c->data };
	budget_take(tc->so.st, BUDGET_TCP, c->size);
	return s;
}

static struct snd_span *push(struct tcpc *tc, size_t want)
{
	struct chunk *c = chunk_for(tc, want);

	return c ? push_chunk(tc, c) : NULL;
}

static void drop_empty_tail(struct tcpc *tc)
{
	struct snd_queue *q = &tc->snd;

	while (q->n && !span_at(q, q->n - 1)->len)
		let_go(tc, span_at(q, --q->n)->chunk);
}

/* The only span before the empty ones that can have room is the last. */
static uint32_t first_with_room(const struct snd_queue *q)
{
	uint32_t i = q->n;

	while (i && !span_at(q, i - 1)->len)
		i--;
	return i && tail_room(span_at(q, i - 1)) ? i - 1 : i;
}

size_t tcp_snd_reserve(struct tcpc *tc, struct iovec *iov, int *n, size_t want)
{
	struct snd_queue *q = &tc->snd;
	size_t have = 0;
	int k = 0;

	drop_empty_tail(tc);
	want = MIN(want, tcp_snd_space(tc));
	for (uint32_t i = first_with_room(q); have < want && k < *n; i++) {
		struct snd_span *s = i < q->n ? span_at(q, i) : push(tc, want - have);
		size_t len;

		if (!s) {
			tcp_ev_no_memory(tc);
			break;
		}
		len = MIN(tail_room(s), want - have);
		iov[k++] = (struct iovec){ s->p + s->len, len };
		have += len;
	}
	*n = k;
	q->reserved = have > 0;
	return have;
}

void tcp_snd_commit(struct tcpc *tc, size_t len)
{
	struct snd_queue *q = &tc->snd;

	if (len && !q->bytes)
		q->ring->since = tc->so.st->now;
	for (uint32_t i = first_with_room(q); len && i < q->n; i++) {
		struct snd_span *s = span_at(q, i);
		uint32_t add = (uint32_t)MIN(tail_room(s), len);

		if (!s->len)
			s->seq = tc->snd_end;
		s->len += add;
		tc->snd_end = seq_add(tc->snd_end, add);
		q->bytes += add;
		len -= add;
	}
	q->reserved = false;
	drop_empty_tail(tc);
}

void tcp_snd_add(struct tcpc *tc, struct chunk *c, uint32_t len)
{
	struct snd_span *s = push_chunk(tc, c);

	if (!tc->snd.bytes)
		tc->snd.ring->since = tc->so.st->now;
	s->len = len;
	s->seq = tc->snd_end;
	tc->snd_end = seq_add(tc->snd_end, len);
	tc->snd.bytes += len;
}

void tcp_snd_end_record(struct tcpc *tc)
{
	struct snd_queue *q = &tc->snd;

	if (!q->bytes || span_at(q, q->n - 1)->eor)
		return;
	span_at(q, q->n - 1)->eor = true;
	q->ring->records++;
}

/* The place of the span that holds seq, which is in the queue. */
static uint32_t find(struct snd_queue *q, struct seq seq)
{
	uint32_t i = q->ring->hint < q->n ? q->ring->hint : 0;

	if (seq_lt(seq, span_at(q, i)->seq))
		i = 0;
	while (i + 1 < q->n && span_at(q, i + 1)->len && seq_ge(seq, span_at(q, i + 1)->seq))
		i++;
	return q->ring->hint = i;
}

uint32_t tcp_snd_find_end(struct tcpc *tc, struct seq seq, uint32_t len)
{
	struct snd_queue *q = &tc->snd;

	for (uint32_t i = find(q, seq); i < q->n; i++) {
		const struct snd_span *s = span_at(q, i);
		uint32_t to = (uint32_t)seq_diff(seq_add(s->seq, s->len), seq);

		if (s->eor || to >= len)
			return MIN(to, len);
	}
	return len;
}

uint32_t tcp_snd_map(struct tcpc *tc, struct pkt *pkt, struct seq seq, uint32_t len)
{
	struct snd_queue *q = &tc->snd;
	uint32_t done = 0;

	for (uint32_t i = len ? find(q, seq) : 0; done < len && pkt->n_ext < PKT_EXTS; i++) {
		struct snd_span *s = span_at(q, i);
		uint32_t off = (uint32_t)seq_diff(seq_add(seq, done), s->seq);
		uint32_t part = MIN(s->len - off, len - done);

		pkt_add_ext(pkt, chunk_ref(s->chunk), s->p + off, part);
		done += part;
	}
	return done;
}

void tcp_snd_acked(struct tcpc *tc, struct seq una)
{
	struct snd_queue *q = &tc->snd;

	while (q->bytes) {
		struct snd_span *s = span_at(q, 0);
		int32_t n = seq_diff(una, s->seq);

		if (n <= 0)
			return;
		n = MIN(n, (int32_t)s->len);
		s->p += n;
		s->len -= (uint32_t)n;
		s->seq = seq_add(s->seq, (uint32_t)n);
		q->bytes -= (uint32_t)n;
		if (!q->bytes)
			tcp_count_idle(tc, q->ring->since);
		if (s->len || (q->reserved && tail_room(s)))
			return;
		let_go(tc, s->chunk);
		q->ring->records -= s->eor;
		q->ring->head = (q->ring->head + 1) & (q->ring->size - 1);
		q->ring->hint -= q->ring->hint > 0;
		q->n--;
	}
	if (!q->n)
		tcp_snd_free(tc);
}

void tcp_snd_free(struct tcpc *tc)
{
	struct snd_queue *q = &tc->snd;

	for (uint32_t i = 0; i < q->n; i++)
		let_go(tc, span_at(q, i)->chunk);
	free(q->ring);
	*q = (struct snd_queue){ 0 };
}
