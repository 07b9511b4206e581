/* arena.c - payload memory on the heap
 *
 * Sizes are rounded up to a power of two, and a few chunks of each size are
 * kept for the next one who asks: the most recently freed first, because it is
 * still in the cache. A chunk and its counters share the first cache line, the
 * data follows, aligned.
 *
 * The arena counts one reference for its owner and one for every chunk that is
 * out, so packets may outlive the stack that made them. Chunks come back from
 * any thread, hence the lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/pkt.h"

#define LINE		64
#define MIN_BITS	8
#define MAX_BITS	16	/* CHUNK_MAX */
#define CLASSES		(MAX_BITS - MIN_BITS + 1)
#define KEEP_BYTES	(256u << 10)	/* in each free list */

struct heap_chunk {
	struct chunk	c;
	struct heap_chunk *next;	/* in the free list */
	unsigned	class;
};

struct heap_arena {
	struct arena	a;
	pthread_mutex_t	lock;
	size_t		limit, used, chunks;
	bool		owned;
	struct heap_chunk *spare[CLASSES];
	unsigned	n_spare[CLASSES];
};

static_assert(sizeof(struct heap_chunk) <= LINE, "data starts on the next line");
static_assert(CHUNK_MAX == 1 << MAX_BITS, "the last class is the largest chunk");

static struct heap_arena *of(const struct arena *a)
{
	return container_of(a, struct heap_arena, a);
}

static unsigned class_of(uint32_t want)
{
	unsigned i = 0;

	while ((1u << (i + MIN_BITS)) < want)
		i++;
	return i;
}

static size_t class_size(unsigned i)
{
	return (size_t)1 << (i + MIN_BITS);
}

static struct heap_chunk *chunk_new(struct arena *a, unsigned class)
{
	struct heap_chunk *h = aligned_alloc(LINE, LINE + class_size(class));

	if (!h)
		return NULL;
	h->c.data = (uint8_t *)h + LINE;
	h->c.arena = a;
	h->class = class;
	return h;
}

/* From the free list, or NULL with *full set when the limit forbids another. */
static struct heap_chunk *take(struct heap_arena *h, unsigned class, bool *full)
{
	struct heap_chunk *c = NULL;

	pthread_mutex_lock(&h->lock);
	*full = h->used + class_size(class) > h->limit;
	if (!*full) {
		h->used += class_size(class);
		h->chunks++;
		c = h->spare[class];
		if (c) {
			h->spare[class] = c->next;
			h->n_spare[class]--;
		}
	}
	pthread_mutex_unlock(&h->lock);
	return c;
}

static void arena_end(struct heap_arena *h)
{
	for (unsigned i = 0; i < CLASSES; i++) {
		for (struct heap_chunk *c = h->spare[i], *next; c; c = next) {
			next = c->next;
			free(c);
		}
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* Gives c (NULL: none) back; the last one out frees the arena. */
static void put(struct heap_arena *h, struct heap_chunk *c)
{
	bool keep = false, end;

	pthread_mutex_lock(&h->lock);
	if (c) {
		h->used -= class_size(c->class);
		h->chunks--;
		keep = h->owned && (h->n_spare[c->class] + 1) *
				   class_size(c->class) <= KEEP_BYTES;
		if (keep) {
			c->next = h->spare[c->class];
			h->spare[c->class] = c;
			h->n_spare[c->class]++;
		}
	}
	end = !h->owned && !h->chunks;
	pthread_mutex_unlock(&h->lock);
	if (!keep)
		free(c);
	if (end)
		arena_end(h);
}

static void release(struct arena *a, struct chunk *c)
{
	put(of(a), container_of(c, struct heap_chunk, c));
}

static struct chunk *alloc(struct arena *a, uint32_t want)
{
	uint32_t size = CLAMP(want, 1u, (uint32_t)CHUNK_MAX);
	unsigned class = class_of(size);
	bool full;
	struct heap_chunk *h = take(of(a), class, &full);

	if (full)
		return NULL;
	if (!h)
		h = chunk_new(a, class);
	if (!h)
		abort();	/* the machine's end, as in mem.c */
	atomic_init(&h->c.refs, 1);
	h->c.size = size;
	return &h->c;
}

struct arena *arena_heap_new(size_t limit)
{
	struct heap_arena *h = xzalloc(sizeof(*h));

	h->a = (struct arena){ alloc, release };
	h->limit = limit;
	h->owned = true;
	pthread_mutex_init(&h->lock, NULL);
	return &h->a;
}

void arena_heap_unref(struct arena *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&of(a)->lock);
	of(a)->owned = false;
	pthread_mutex_unlock(&of(a)->lock);
	put(of(a), NULL);
}

size_t arena_heap_used(const struct arena *a)
{
	struct heap_arena *h = of(a);
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = h->used;
	pthread_mutex_unlock(&h->lock);
	return n;
}
