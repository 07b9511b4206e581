/* tcp_late.c - which of the records were overtaken (tcp_sent.c; RFC 8985 6.2 step 5)
 *
 * The question comes with each ACK that tells of a hole, so what it costs must
 * follow what has changed and not the window. What flies, in order of transmission:
 *
 *	sent once	in sequence order; none of it is below ring->once
 *	sent again	in ring->again, a queue of what went when; an entry whose octets
 *			have arrived, or went once more, is dead
 *
 * In either order the oldest are lost as long as they are late, then come those which
 * were overtaken and are not late yet, up to a mark (passed) that moves on only. Of
 * these the youngest alone matters, for the timer: a second mark (waits) stands behind
 * it, and moves back when it is no more. Linux keeps a list by time for this, with a
 * link in each record.
 */
#include "stack/tcp_sent.h"

#include <stdlib.h>

#include "base/mem.h"

#define AGAIN_FIRST	16

/* --- the queue of what was sent again --- */

static void compact(struct again_queue *q)
{
	memmove(q->v, q->v + q->head, (q->end - q->head) * sizeof(q->v[0]));
	q->end -= q->head;
	q->passed -= q->head;
	q->waits -= MIN(q->waits, q->head);
	q->head = 0;
}

static struct again_queue *room_for_one(struct again_queue *q)
{
	if (!q) {
		q = xmalloc(sizeof(*q) + AGAIN_FIRST * sizeof(q->v[0]));
		*q = (struct again_queue){ .size = AGAIN_FIRST };
	} else if (q->end == q->size && q->head > q->size / 2) {
		compact(q);
	} else if (q->end == q->size) {
		q = xrealloc(q, sizeof(*q) + 2 * q->size * sizeof(q->v[0]));
		q->size *= 2;
	}
	return q;
}

/* By time, and by sequence of what went at the same time. */
void sent_note_again(struct sent_log *l, struct seq from, struct seq to, uint32_t at)
{
	struct again_queue *q = l->ring->again = room_for_one(l->ring->again);
	uint32_t k = q->end++;

	for (; k > q->head && sent_after(q->v[k - 1].at, q->v[k - 1].to, at, to); k--)
		q->v[k] = q->v[k - 1];
	q->v[k] = (struct again){ from, to, at };
	q->passed = MIN(q->passed, k);
}

static void forget_first(struct sent_ring *r)
{
	struct again_queue *q = r->again;

	q->head++;
	q->passed = MAX(q->passed, q->head);
	if (q->head < q->end)
		return;
	free(q);
	r->again = NULL;
}

void sent_again_acked(struct sent_log *l)
{
	struct again_queue *q;

	while ((q = l->ring->again) && seq_le(q->v[q->head].to, l->una))
		forget_first(l->ring);
}

/* Those that lay in the order of sequence come into the order of time. */
void sent_flies_again(struct sent_log *l)
{
	struct sent_ring *r = l->ring;

	if (!r)
		return;
	r->once = r->passed = r->waits = l->una;
	free(r->again);
	r->again = NULL;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct sent *s = sent_nth(l, i);

		if (s->state == SENT_FLYING && s->rxt)
			sent_note_again(l, sent_start(l, i), s->end, s->at);
	}
}

/* --- the question --- */

/* What is asked: sent before (at, end)? And if so, sent by since? */
struct ask {
	struct sent_log	*l;
	uint32_t	at, since;
	struct seq	end;
	uint32_t	wait;		/* the answer */
};

static bool overtaken(const struct ask *a, const struct sent *s)
{
	return sent_after(a->at, a->end, s->at, s->end);
}

static bool is_late(const struct ask *a, uint32_t at)
{
	return (int32_t)(at - a->since) <= 0;
}

static void wait_for(struct ask *a, uint32_t at)
{
	if (!is_late(a, at))
		a->wait = MAX(a->wait, at - a->since);
}

/* --- of what was sent once --- */

static bool flies_once(const struct sent *s)
{
	return s->state == SENT_FLYING && !s->rxt;
}

static void lose_once(struct ask *a)
{
	struct sent_log *l = a->l;
	uint32_t first = sent_find(l, l->ring->once), i = first, lost = l->lost;

	for (; i < l->n; i++) {
		const struct sent *s = sent_nth(l, i);

		if (!flies_once(s))
			continue;
		if (!overtaken(a, s) || !is_late(a, s->at))
			break;
		sent_lose(l, i);
	}
	l->ring->once = sent_start(l, i);
	if (l->lost != lost)
		sent_join(l, first, i);
}

static void pass_once(struct ask *a)
{
	struct sent_ring *r = a->l->ring;
	uint32_t i = sent_find(a->l, seq_max(r->passed, r->once));

	for (; i < a->l->n; i++) {
		const struct sent *s = sent_nth(a->l, i);

		if (!flies_once(s))
			continue;
		if (!overtaken(a, s))
			break;
		r->waits = s->end;
	}
	r->passed = sent_start(a->l, i);
}

static void wait_once(struct ask *a)
{
	struct sent_ring *r = a->l->ring;
	uint32_t i = sent_find(a->l, seq_add(r->waits, (uint32_t)-1));

	for (; seq_gt(r->waits, r->once); r->waits = sent_start(a->l, i--)) {
		if (!flies_once(sent_nth(a->l, i)))
			continue;
		wait_for(a, sent_nth(a->l, i)->at);
		return;
	}
}

/* --- of what was sent again --- */

/* What flies of an entry. */
enum flies { DEAD, YOUNG, WAITING };

static enum flies look(const struct ask *a, const struct again *e, bool lose)
{
	struct sent_log *l = a->l;
	uint32_t first = sent_find(l, e->from), i = first, lost = l->lost;
	enum flies flies = DEAD;

	for (; i < l->n && seq_lt(sent_start(l, i), e->to); i++) {
		const struct sent *s = sent_nth(l, i);

		if (s->state != SENT_FLYING || !s->rxt || s->at != e->at)
			continue;
		if (!overtaken(a, s))
			flies = MAX(flies, YOUNG);
		else if (lose)
			sent_lose(l, i);
		else
			flies = WAITING;
	}
	if (l->lost != lost)
		sent_join(l, first, i);
	return flies;
}

static void lose_again(struct ask *a)
{
	const struct again_queue *q;

	while ((q = a->l->ring->again) && is_late(a, q->v[q->head].at) &&
	       look(a, &q->v[q->head], true) == DEAD)
		forget_first(a->l->ring);
}

/* The last that is asked about may be overtaken in part. */
static void pass_again(struct ask *a, struct again_queue *q)
{
	for (; q->passed < q->end; q->passed++) {
		const struct again *e = &q->v[q->passed];
		enum flies flies = DEAD;

		if ((int32_t)(a->at - e->at) >= 0)
			flies = look(a, e, false);
		if (flies == WAITING)
			q->waits = q->passed + 1;
		if (flies == YOUNG || !sent_after(a->at, a->end, e->at, seq_add(e->to, (uint32_t)-1)))
			break;
	}
}

static void wait_again(struct ask *a, struct again_queue *q)
{
	for (; q->waits > q->head; q->waits--) {
		const struct again *e = &q->v[q->waits - 1];

		if (look(a, e, false) != WAITING)
			continue;
		wait_for(a, e->at);
		return;
	}
}

uint32_t sent_lose_overtaken(struct sent_log *l, uint32_t at, struct seq end, uint32_t since)
{
	struct ask a = { .l = l, .at = at, .end = end, .since = since };

	if (!l->n)
		return 0;
	lose_once(&a);
	pass_once(&a);
	wait_once(&a);
	if (l->ring->again)
		lose_again(&a);
	if (l->ring->again) {
		pass_again(&a, l->ring->again);
		wait_again(&a, l->ring->again);
	}
	return a.wait;
}
