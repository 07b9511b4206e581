/* wire_arena.c - payload memory in a wire's file
 *
 * The arena is cut into blocks of 64 KiB, and a block, while it is used, into
 * chunks of one size, a power of two. Each size has a current block, until that has
 * none left; one whose chunks are all back may serve another size. What describes
 * blocks and chunks is in memory of our own: the other side sees payload only.
 *
 * The next block is the one that came back first, of 4 MiB at least. What the other side
 * has read lies in its own cache, from which to take it back for writing costs several
 * times what it costs from the cache that both share (7 GB/s through 256 KiB, 30
 * through 4 MiB). Who has little under way stays in his current block.
 *
 * Half of the blocks are kept for frames on their way whose payload lies
 * elsewhere (wire_ring.c copies it): else send buffers could fill the arena and
 * wait behind the frames that can no longer be copied into it.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "plug/wire.h"

#define MIN_BITS	8
#define MAX_BITS	16
#define KEPT		(WIRE_BLOCKS / 2)
#define WALK		64	/* blocks: more than a processor's own cache holds */

static_assert(1 << MAX_BITS == WIRE_BLOCK, "a block is the largest chunk");
static_assert(MAX_BITS - MIN_BITS + 1 == WIRE_CLASSES, "each size has its lists");

struct wire_chunk {
	struct chunk	c;
	struct wire_block *block;
	struct wire_chunk *next;	/* free */
};

struct wire_block {
	struct list	link;		/* partial, of its class */
	struct wire_chunk *chunk;	/* all of them; NULL: not cut */
	struct wire_chunk *free;
	uint16_t	out;
	uint8_t		class;
};

static struct wire *wire_of(struct arena *a)
{
	return container_of(a, struct wire, arena);
}

static uint32_t number_of(const struct wire *w, const struct wire_block *b)
{
	return (uint32_t)(b - w->block);
}

static unsigned class_of(uint32_t want)
{
	unsigned i = 0;

	while ((1u << (i + MIN_BITS)) < want)
		i++;
	return i;
}

/* Chunks of the class's size, all free. */
static void cut(struct wire *w, struct wire_block *b, unsigned class)
{
	uint32_t size = 1u << (class + MIN_BITS), n = WIRE_BLOCK / size;
	uint8_t *data = w->own->arena + (size_t)number_of(w, b) * WIRE_BLOCK;

	list_init(&b->link);
	b->class = (uint8_t)class;
	b->chunk = xmalloc(n * sizeof(b->chunk[0]));
	b->free = NULL;
	while (n--) {
		struct wire_chunk *c = &b->chunk[n];

		*c = (struct wire_chunk){
			.c = { .size = size, .data = data + n * size, .arena = &w->arena },
			.block = b, .next = b->free,
		};
		b->free = c;
	}
}

static uint32_t in_use(const struct wire *w)
{
	return w->n_blocks - w->n_empty;
}

static struct wire_block *oldest_empty(struct wire *w)
{
	w->n_empty--;
	return &w->block[w->empty[w->first_empty++ % WIRE_BLOCKS]];
}

static struct wire_block *whole_block(struct wire *w, unsigned class)
{
	bool fresh = w->n_blocks < WALK || !w->n_empty;
	struct wire_block *b = fresh ? &w->block[w->n_blocks++] : oldest_empty(w);

	if (b->chunk && b->class != class) {
		free(b->chunk);
		b->chunk = NULL;
	}
	if (!b->chunk)
		cut(w, b, class);
	return b;
}

/* A block with a free chunk of the class, or NULL. */
static struct wire_block *block_for(struct wire *w, unsigned class, uint32_t limit)
{
	struct wire_block *b = w->current[class];
	bool most = in_use(w) >= limit;

	if (b && b->free)
		return b;
	b = list_first(&w->partial[class], struct wire_block, link);
	if (!most && (!b || w->n_blocks < WALK || w->n_empty))
		b = whole_block(w, class);
	else if (b)
		list_del(&b->link);
	if (b)
		w->current[class] = b;
	return b;
}

static struct chunk *take(struct wire *w, uint32_t want, uint32_t limit)
{
	unsigned class = class_of(CLAMP(want, 1u, (uint32_t)CHUNK_MAX));
	struct wire_chunk *c = NULL;
	struct wire_block *b;

	pthread_mutex_lock(&w->lock);
	b = w->owned ? block_for(w, class, limit) : NULL;
	if (b) {
		c = b->free;
		b->free = c->next;
		b->out++;
		w->chunks++;
		atomic_store_explicit(&c->c.refs, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&w->lock);
	return c ? &c->c : NULL;
}

static struct chunk *alloc(struct arena *a, uint32_t want)
{
	return take(wire_of(a), want, WIRE_BLOCKS - KEPT);
}

struct chunk *wire_arena_take(struct wire *w, uint32_t want)
{
	return take(w, want, WIRE_BLOCKS);
}

static void release(struct arena *a, struct chunk *chunk)
{
	struct wire *w = wire_of(a);
	struct wire_chunk *c = container_of(chunk, struct wire_chunk, c);
	struct wire_block *b = c->block;

	pthread_mutex_lock(&w->lock);
	b->out--;
	if (b != w->current[b->class] && !b->out) {
		list_del(&b->link);
		w->empty[(w->first_empty + w->n_empty++) % WIRE_BLOCKS] = (uint16_t)number_of(w, b);
	} else if (b != w->current[b->class] && !b->free) {
		list_add_tail(&w->partial[b->class], &b->link);
	}
	c->next = b->free;
	b->free = c;
	wire_unref(w, false);
}

bool wire_arena_init(struct wire *w)
{
	size_t size = WIRE_BLOCKS * sizeof(w->block[0]);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	w->block = p;
	w->arena = (struct arena){ .alloc = alloc, .release = release };
	for (size_t i = 0; i < ARRAY_LEN(w->partial); i++)
		list_init(&w->partial[i]);
	return true;
}

void wire_arena_fini(struct wire *w)
{
	for (uint32_t i = 0; i < w->n_blocks; i++)
		free(w->block[i].chunk);
	munmap(w->block, WIRE_BLOCKS * sizeof(w->block[0]));
}
