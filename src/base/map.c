/* map.c - intrusive hash table with chains
 *
 * Buckets are a power of two and double when there is a node per bucket; they
 * never shrink. The full hash is kept in the node, so growing asks nobody to
 * hash again, and a lookup compares 32 bits before the caller compares keys.
 */
#include "base/map.h"

#include <stdlib.h>

#include "base/mem.h"

#define FIRST_BUCKETS	16

void map_init(struct map *m)
{
	*m = (struct map){ NULL, 0, 0 };
}

void map_fini(struct map *m)
{
	free(m->bucket);
	map_init(m);
}

static struct map_node **slot(const struct map *m, uint32_t hash)
{
	return &m->bucket[hash & m->mask];
}

static void push(struct map *m, struct map_node *n)
{
	struct map_node **b = slot(m, n->hash);

	n->next = *b;
	*b = n;
}

static void grow(struct map *m)
{
	struct map old = *m;
	size_t size = old.bucket ? ((size_t)old.mask + 1) * 2 : FIRST_BUCKETS;
	struct map_node *n, *next;

	m->bucket = xzalloc(size * sizeof(*m->bucket));
	m->mask = (uint32_t)(size - 1);
	if (!old.bucket)
		return;
	for (size_t i = 0; i <= old.mask; i++) {
		for (n = old.bucket[i]; n; n = next) {
			next = n->next;
			push(m, n);
		}
	}
	free(old.bucket);
}

void map_insert(struct map *m, struct map_node *n, uint32_t hash)
{
	if (!m->bucket || m->count > m->mask)
		grow(m);
	n->hash = hash;
	push(m, n);
	m->count++;
}

void map_remove(struct map *m, struct map_node *n)
{
	struct map_node **p = slot(m, n->hash);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	n->next = NULL;
	m->count--;
}

static struct map_node *same_hash(struct map_node *n, uint32_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct map_node *map_find(const struct map *m, uint32_t hash)
{
	return m->bucket ? same_hash(*slot(m, hash), hash) : NULL;
}

struct map_node *map_find_next(const struct map_node *n)
{
	return same_hash(n->next, n->hash);
}

struct map_node *map_next(const struct map *m, const struct map_node *n)
{
	size_t i = 0;

	if (!m->bucket)
		return NULL;
	if (n && n->next)
		return n->next;
	if (n)
		i = (size_t)(n->hash & m->mask) + 1;
	for (; i <= m->mask; i++) {
		if (m->bucket[i])
			return m->bucket[i];
	}
	return NULL;
}
