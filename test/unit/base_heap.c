/* base_heap.c - the timer heap against an array that is searched */
#include "base/heap.h"
#include "base/rand.h"
#include "unit.h"

#define N	200

static usec earliest(const struct timer *t)
{
	usec min = NEVER;

	for (int i = 0; i < N; i++)
		min = MIN(min, t[i].at);
	return min;
}

static uint32_t armed(const struct timer *t)
{
	uint32_t n = 0;

	for (int i = 0; i < N; i++) {
		assert_int_equal(t[i].at != NEVER, t[i].place != 0);
		n += t[i].at != NEVER;
	}
	return n;
}

static void random_against_naive(void **state)
{
	struct timer t[N];
	struct heap h;
	struct rng r;

	rng_seed(&r, 1);
	heap_init(&h);
	for (int i = 0; i < N; i++)
		t[i] = TIMER_OFF;
	for (int round = 0; round < 20000; round++) {
		struct timer *one = &t[rng_below(&r, N)];
		usec min = earliest(t), now;

		assert_true(heap_deadline(&h) == min);
		if (rng_below(&r, 3)) {
			timer_set(&h, one, rng_below(&r, 5) ? rng_below(&r, 500) : NEVER);
		} else {
			now = rng_below(&r, 500);
			one = heap_pop_due(&h, now);
			assert_int_equal(one != NULL, min <= now);
			assert_true(!one || (one->at == NEVER && one->place == 0));
		}
		assert_int_equal(h.n, armed(t));
	}
	while (heap_pop_due(&h, NEVER - 1))
		continue;
	assert_int_equal(h.n, 0);
	heap_fini(&h);
}

static void pops_in_order(void **state)
{
	struct timer t[N], *one;
	struct heap h;
	struct rng r;
	usec last = -1;
	int n = 0;

	rng_seed(&r, 2);
	heap_init(&h);
	assert_null(heap_pop_due(&h, NEVER));
	for (int i = 0; i < N; i++) {
		t[i] = TIMER_OFF;
		timer_set(&h, &t[i], rng_below(&r, 1000));
	}
	for (; heap_deadline(&h) != NEVER; n++) {
		usec at = heap_deadline(&h);

		assert_null(heap_pop_due(&h, at - 1));
		one = heap_pop_due(&h, at);
		assert_non_null(one);
		assert_true(at >= last);
		last = at;
	}
	assert_int_equal(n, N);
	heap_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_naive),
		cmocka_unit_test(pops_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
