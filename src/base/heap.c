/* heap.c - intrusive binary heap of deadlines
 *
 * v[0] is the earliest. Each timer knows its place (1 + index), so changing or
 * disarming one costs a walk of log n and no search. A timer that is not armed
 * is not in the heap: at == NEVER and place == 0 go together.
 */
#include "base/heap.h"

#include <stdlib.h>

#include "base/mem.h"

#define FIRST_SIZE	16

void heap_init(struct heap *h)
{
	*h = (struct heap){ NULL, 0, 0 };
}

void heap_fini(struct heap *h)
{
	free(h->v);
	heap_init(h);
}

static void put(struct heap *h, uint32_t i, struct timer *t)
{
	h->v[i] = t;
	t->place = i + 1;
}

/* The hole at i moves towards the root until t fits into it. */
static void sift_up(struct heap *h, uint32_t i, struct timer *t)
{
	while (i > 0 && t->at < h->v[(i - 1) / 2]->at) {
		put(h, i, h->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, t);
}

/* The hole at i moves towards the leaves until t fits into it. */
static void sift_down(struct heap *h, uint32_t i, struct timer *t)
{
	uint32_t c;

	while ((c = 2 * i + 1) < h->n) {
		if (c + 1 < h->n && h->v[c + 1]->at < h->v[c]->at)
			c++;
		if (h->v[c]->at >= t->at)
			break;
		put(h, i, h->v[c]);
		i = c;
	}
	put(h, i, t);
}

static void settle(struct heap *h, uint32_t i, struct timer *t)
{
	if (i > 0 && t->at < h->v[(i - 1) / 2]->at)
		sift_up(h, i, t);
	else
		sift_down(h, i, t);
}

static void take_out(struct heap *h, struct timer *t)
{
	uint32_t i = t->place - 1;
	struct timer *last = h->v[--h->n];

	t->place = 0;
	t->at = NEVER;
	if (last != t)
		settle(h, i, last);
}

static void insert(struct heap *h, struct timer *t)
{
	if (h->n == h->size) {
		h->size = h->size ? h->size * 2 : FIRST_SIZE;
		h->v = xrealloc(h->v, h->size * sizeof(*h->v));
	}
	sift_up(h, h->n++, t);
}

void timer_set(struct heap *h, struct timer *t, usec at)
{
	if (at == NEVER) {
		if (t->place)
			take_out(h, t);
		return;
	}
	t->at = at;
	if (t->place)
		settle(h, t->place - 1, t);
	else
		insert(h, t);
}

usec heap_deadline(const struct heap *h)
{
	return h->n ? h->v[0]->at : NEVER;
}

struct timer *heap_pop_due(struct heap *h, usec now)
{
	struct timer *t;

	if (!h->n || h->v[0]->at > now)
		return NULL;
	t = h->v[0];
	take_out(h, t);
	return t;
}
