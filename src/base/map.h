/* map.h - intrusive hash table with chains; grows by doubling
 *
 * The caller hashes (with a secret where strangers choose keys) and compares.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/base.h"

struct map_node {
	struct map_node	*next;
	uint32_t	hash;
};

struct map {
	struct map_node	**bucket;
	uint32_t	mask;		/* buckets - 1 */
	uint32_t	count;
};

void map_init(struct map *m);		/* no memory until the first insert */
void map_fini(struct map *m);		/* must be empty */
void map_insert(struct map *m, struct map_node *n, uint32_t hash);
void map_remove(struct map *m, struct map_node *n);

/* First node of the chain with that hash; then the next one with the same. */
struct map_node *map_find(const struct map *m, uint32_t hash);
struct map_node *map_find_next(const struct map_node *n);

/* Walks all nodes in no order: map_next(m, NULL) is the first. The node given
 * must still be in the map, so take the next before removing one. */
struct map_node *map_next(const struct map *m, const struct map_node *n);

#endif
