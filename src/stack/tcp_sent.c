/* tcp_sent.c - what was sent and is not acknowledged, in records
 *
 * All of [snd_una, snd_nxt) lies in records, in sequence order and without gaps.
 * A record is what one transmission sent: where it ends, when it went, whether it
 * was the first time, and what became of it:
 *
 *	FLYING	sent, nothing heard of it
 *	SACKED	the receiver has it (RFC 2018)
 *	LOST	to be sent again; being sent again it flies
 *
 * so what is in the network is the octets of records that fly, and the two sums
 * (sacked, lost) give it without a walk. This is all that loss detection (RFC 8985),
 * retransmission, round trips and undo ask for; there is no other scoreboard.
 *
 * A super-frame is one record and is cut where a SACK block or a retransmission
 * cuts it; neighbours that do not differ are joined again (sent_join). What is sent
 * within a fraction of the round trip shares a record, with the time of its first
 * octets, so there are a few hundred in a window of any size; but not what went before
 * and after something that was sent again, whose arrival tells of the one only. A receiver that
 * invents blocks cannot make more than SENT_MAX of them: SACK is advice.
 *
 * The records lie in an array that empties at its head and fills at its tail; there
 * is none when all is acknowledged.
 */
#include "stack/tcp_sent.h"

#include <stdlib.h>

#include "base/mem.h"

#define SENT_FIRST	4
#define SENT_MAX	4096	/* no more are made for the sake of SACK blocks */

/* --- the array --- */

void sent_init(struct sent_log *l, struct seq una)
{
	sent_free(l);
	l->una = una;
}

void sent_free(struct sent_log *l)
{
	if (l->ring)
		free(l->ring->again);
	free(l->ring);
	l->ring = NULL;
	l->n = l->sacked = l->lost = 0;
}

/* Room for one more at the tail: what was freed at the head, or a larger array. */
static void make_room(struct sent_log *l)
{
	struct sent_ring *r = l->ring;

	if (!r) {
		l->ring = r = xmalloc(sizeof(*r) + SENT_FIRST * sizeof(r->v[0]));
		*r = (struct sent_ring){ .size = SENT_FIRST, .fack = l->una,
					   .once = l->una, .passed = l->una,
					   .waits = l->una, .hole = l->una };
	} else if (r->head + l->n < r->size) {
		return;
	} else if (r->head <= r->size / 2) {
		l->ring = r = xrealloc(r, sizeof(*r) + 2 * r->size * sizeof(r->v[0]));
		r->size *= 2;
	} else {
		memmove(r->v, r->v + r->head, l->n * sizeof(r->v[0]));
		r->head = 0;
	}
}

uint32_t sent_find(const struct sent_log *l, struct seq seq)
{
	uint32_t lo = 0, hi = l->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_le(sent_nth(l, mid)->end, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The i-th record ends at seq, and a copy of it goes on from there. */
static void split(struct sent_log *l, uint32_t i, struct seq seq)
{
	make_room(l);
	memmove(sent_nth(l, i + 1), sent_nth(l, i), (l->n - i) * sizeof(struct sent));
	sent_nth(l, i)->end = seq;
	l->ring->runs += sent_nth(l, i)->state == SENT_SACKED;
	l->n++;
}

/* The index of the record that begins at seq, which one is cut for. */
static uint32_t cut(struct sent_log *l, struct seq seq)
{
	uint32_t i = sent_find(l, seq);

	if (i < l->n && seq_lt(sent_start(l, i), seq))
		split(l, i++, seq);
	return i;
}

static bool alike(const struct sent *a, const struct sent *b)
{
	if (a->state != b->state)
		return false;
	return a->state == SENT_SACKED ||
	       (a->rxt == b->rxt && (a->state == SENT_LOST || a->at == b->at));
}

void sent_join(struct sent_log *l, uint32_t from, uint32_t end)
{
	uint32_t to = from - (from > 0), i = to + 1;

	end = MIN(end + 1, l->n);
	if (i >= end)
		return;
	for (; i < end; i++) {
		struct sent *a = sent_nth(l, to), *b = sent_nth(l, i);

		if (!alike(a, b))
			a = sent_nth(l, ++to);
		else
			l->ring->runs -= a->state == SENT_SACKED;
		*a = *b;
	}
	to++;
	memmove(sent_nth(l, to), sent_nth(l, end), (l->n - end) * sizeof(struct sent));
	l->n -= end - to;
}

/* --- sending --- */

/* What goes in one turn of ours has one time, and of that the later octets count as sent
 * later (RFC 8985 6.2). Of earlier ones, sent again after them, the time is a microsecond more. */
static uint32_t stamp(struct sent_log *l, struct seq end, uint32_t now)
{
	struct sent_ring *r = l->ring;

	if (!l->n || (int32_t)(now - r->last_at) > 0)
		r->last_at = now;
	else if (seq_lt(end, r->last_end))
		r->last_at++;
	r->last_end = end;
	return r->last_at;
}

void sent_new(struct sent_log *l, struct seq end, uint32_t now, uint32_t quantum)
{
	struct sent *last = l->n ? sent_nth(l, l->n - 1) : NULL;

	if (last && last->state == SENT_FLYING && !last->rxt && !l->ring->apart &&
	    now - last->at <= quantum) {
		stamp(l, end, now);
		last->end = end;
		return;
	}
	make_room(l);
	now = stamp(l, end, now);
	l->ring->apart = false;
	*sent_nth(l, l->n++) = (struct sent){ .end = end, .at = now };
}

void sent_again(struct sent_log *l, struct seq from, struct seq to, uint32_t now)
{
	uint32_t first = cut(l, from), end = cut(l, to);

	now = stamp(l, to, now);
	for (uint32_t i = first; i < end; i++) {
		struct sent *s = sent_nth(l, i);

		if (s->state == SENT_SACKED)
			continue;
		if (s->state == SENT_LOST)
			l->lost -= sent_len(l, i);
		*s = (struct sent){ .end = s->end, .at = now, .rxt = true };
	}
	sent_join(l, first, end);
	sent_note_again(l, from, to, now);
	l->ring->apart = true;
}

/* --- what arrived --- */

static void sample(struct heard *h, uint32_t at)
{
	if (!h->sampled)
		h->first_at = h->last_at = at;
	else if ((int32_t)(at - h->last_at) > 0)
		h->last_at = at;
	h->sampled = true;
}

/* len octets of s up to end arrived, and were not known to be there. */
static void deliver(struct sent_log *l, const struct sent *s, struct seq end, uint32_t len,
		    struct heard *h)
{
	struct seq *fack = &l->ring->fack;
	uint32_t late = seq_lt(end, *fack) ? (uint32_t)seq_diff(*fack, end) + len : 0;

	*fack = seq_max(*fack, end);
	if (s->rxt) {
		h->rxt = true;
		if ((int32_t)(s->at - h->not_after) > 0)
			return;		/* RFC 8985 6.2 step 2: an earlier copy */
	} else {
		sample(h, s->at);
		h->original |= seq_le(end, h->limit);
		h->reordered = MAX(h->reordered, late);
	}
	if (h->any && !sent_after(s->at, end, h->at, h->end))
		return;
	h->any = true;
	h->end = end;
	h->at = s->at;
}

static void acked(struct sent_log *l, const struct sent *s, struct seq to, struct heard *h)
{
	uint32_t len = (uint32_t)seq_diff(to, l->una);

	l->una = to;
	if (s->state == SENT_SACKED) {
		l->sacked -= len;
		return;
	}
	if (s->state == SENT_LOST)
		l->lost -= len;
	h->delivered += len;
	deliver(l, s, to, len, h);
}

/* What una has passed goes along: left 2 GiB behind it would be ahead. */
static void drag_marks(struct sent_log *l)
{
	struct sent_ring *r = l->ring;

	r->once = seq_max(r->once, l->una);
	r->passed = seq_max(r->passed, l->una);
	r->waits = seq_max(r->waits, l->una);
	r->hole = seq_max(r->hole, l->una);
	if (r->again)
		sent_again_acked(l);
}

void sent_ack(struct sent_log *l, struct seq una, struct heard *h)
{
	while (l->n && seq_lt(l->una, una)) {
		const struct sent *s = sent_nth(l, 0);

		acked(l, s, seq_min(s->end, una), h);
		if (seq_gt(s->end, una))
			break;
		l->ring->runs -= s->state == SENT_SACKED;
		l->ring->head++;
		l->n--;
	}
	l->una = una;
	if (l->n)
		drag_marks(l);
	else
		sent_free(l);	/* idle connections are the most */
}

/* The block is known already, or there are too many. */
static bool useless(const struct sent_log *l, struct seq from, struct seq to)
{
	uint32_t i = sent_find(l, from);

	if (i == l->n || l->n >= SENT_MAX)
		return true;
	return sent_nth(l, i)->state == SENT_SACKED && seq_ge(sent_nth(l, i)->end, to);
}

uint32_t sent_sack(struct sent_log *l, struct seq from, struct seq to, struct heard *h)
{
	uint32_t first, end, new = 0;

	from = seq_max(from, l->una);
	if (seq_ge(from, to) || useless(l, from, to))
		return 0;
	first = cut(l, from);
	end = cut(l, to);
	for (uint32_t i = first; i < end; i++) {
		struct sent *s = sent_nth(l, i);
		uint32_t len = sent_len(l, i);

		if (s->state == SENT_SACKED)
			continue;
		if (s->state == SENT_LOST)
			l->lost -= len;
		deliver(l, s, s->end, len, h);
		s->state = SENT_SACKED;
		l->ring->runs++;
		new += len;
	}
	sent_join(l, first, end);
	l->sacked += new;
	h->delivered += new;
	return new;
}

/* --- what is lost --- */

void sent_lose(struct sent_log *l, uint32_t i)
{
	if (sent_nth(l, i)->state != SENT_FLYING)
		return;
	sent_nth(l, i)->state = SENT_LOST;
	l->lost += sent_len(l, i);
	l->ring->hole = seq_min(l->ring->hole, sent_start(l, i));
}

void sent_lose_first(struct sent_log *l, uint32_t len)
{
	uint32_t end = cut(l, seq_add(l->una, len));

	for (uint32_t i = 0; i < end; i++)
		sent_lose(l, i);
}

void sent_lose_before(struct sent_log *l, uint32_t since)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (!i || (int32_t)(sent_nth(l, i)->at - since) <= 0)
			sent_lose(l, i);
	}
	sent_join(l, 0, l->n);
}

void sent_lose_all(struct sent_log *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		sent_lose(l, i);
	sent_join(l, 0, l->n);
}

void sent_renege(struct sent_log *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (sent_nth(l, i)->state == SENT_SACKED)
			sent_nth(l, i)->state = SENT_FLYING;
	}
	l->sacked = l->ring->runs = 0;
	l->ring->fack = l->una;
	sent_flies_again(l);
}

void sent_unlose(struct sent_log *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (sent_nth(l, i)->state == SENT_LOST)
			sent_nth(l, i)->state = SENT_FLYING;
	}
	l->lost = 0;
	sent_flies_again(l);
}

bool sent_first_lost(const struct sent_log *l, struct tcp_sack *range)
{
	uint32_t i;

	if (!l->lost)
		return false;
	i = sent_find(l, l->ring->hole);
	while (sent_nth(l, i)->state != SENT_LOST)
		i++;
	range->from = l->ring->hole = sent_start(l, i);
	while (i < l->n && sent_nth(l, i)->state == SENT_LOST)
		range->to = sent_nth(l, i++)->end;
	return true;
}
