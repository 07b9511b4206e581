/* base_map.c - the hash table against an array of what is in it */
#include "base/map.h"
#include "base/rand.h"
#include "unit.h"

#define N	2000

struct item {
	struct map_node	node;
	uint32_t	hash;
	bool		in, seen;
};

static struct item *item_of(struct map_node *n)
{
	return container_of(n, struct item, node);
}

static bool found(const struct map *m, const struct item *it)
{
	struct map_node *n = map_find(m, it->hash);

	for (; n; n = map_find_next(n)) {
		assert_int_equal(n->hash, it->hash);
		if (n == &it->node)
			return true;
	}
	return false;
}

static void walk_sees_each_once(const struct map *m, struct item *it)
{
	uint32_t n = 0;

	for (int i = 0; i < N; i++)
		it[i].seen = false;
	for (struct map_node *x = map_next(m, NULL); x; x = map_next(m, x)) {
		assert_true(item_of(x)->in && !item_of(x)->seen);
		item_of(x)->seen = true;
		n++;
	}
	assert_int_equal(n, m->count);
}

static void random_against_naive(void **state)
{
	static struct item it[N];
	uint32_t count = 0;
	struct map m;
	struct rng r;

	rng_seed(&r, 1);
	map_init(&m);
	walk_sees_each_once(&m, it);
	for (int i = 0; i < N; i++)	/* few hashes: many equal ones */
		it[i].hash = rng_below(&r, N / 3) * 0x9e3779b9u;
	for (int round = 0; round < 40000; round++) {
		struct item *one = &it[rng_below(&r, N)];

		assert_int_equal(found(&m, one), one->in);
		if (one->in)
			map_remove(&m, &one->node);
		else
			map_insert(&m, &one->node, one->hash);
		one->in = !one->in;
		count += one->in ? 1u : -1u;
		assert_int_equal(m.count, count);
		if (round % 1000 == 0)
			walk_sees_each_once(&m, it);
	}
	for (struct map_node *n = map_next(&m, NULL), *next; n; n = next) {
		next = map_next(&m, n);
		map_remove(&m, n);
	}
	assert_int_equal(m.count, 0);
	map_fini(&m);
}

static void empty(void **state)
{
	struct map m;

	map_init(&m);
	assert_null(map_find(&m, 0));
	assert_null(map_next(&m, NULL));
	map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(random_against_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
