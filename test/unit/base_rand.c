/* base_rand.c - SipHash's published vector, and that numbers look random */
#include "base/rand.h"
#include "unit.h"

/* The example at the end of the SipHash paper (appendix A). */
static void vector_of_the_paper(void **state)
{
	struct hash_key k;
	uint8_t in[15];

	for (uint8_t i = 0; i < 16; i++)
		k.b[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		in[i] = i;
	assert_true(hash64(&k, in, sizeof(in)) == 0xa129ca6149be45e5);
}

static void a_seed_repeats(void **state)
{
	struct rng a, b, c;
	int same = 0;

	rng_seed(&a, 7);
	rng_seed(&b, 7);
	rng_seed(&c, 8);
	for (int i = 0; i < 100; i++) {
		uint64_t v = rng_u64(&a);

		assert_true(v == rng_u64(&b));
		same += v == rng_u64(&c);
	}
	assert_int_equal(same, 0);
}

static void below_is_in_range_and_even(void **state)
{
	unsigned hits[10] = { 0 };
	struct rng r;

	rng_seed(&r, 1);
	for (int i = 0; i < 100000; i++)
		hits[rng_below(&r, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(hits[i], 9500, 10500);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_below(&r, 0x80000001u) <= 0x80000000u);
	assert_int_equal(rng_below(&r, 0), 0);
	assert_int_equal(rng_below(&r, 1), 0);
}

/* Four in three: without drawing again, each third value comes twice as often. */
static void large_ranges_are_even(void **state)
{
	unsigned thirds = 0;
	struct rng r;

	rng_seed(&r, 1);
	for (int i = 0; i < 30000; i++)
		thirds += rng_below(&r, 0xc0000000u) % 3 == 0;
	assert_in_range(thirds, 9500, 10500);
}

static void doubles_lie_in_zero_to_one(void **state)
{
	struct rng r;
	double sum = 0;

	rng_seed(&r, 1);
	for (int i = 0; i < 10000; i++) {
		double d = rng_double(&r);

		assert_true(d >= 0 && d < 1);
		sum += d;
	}
	assert_true(sum > 4800 && sum < 5200);
}

static void the_system_seeds_differ(void **state)
{
	struct rng a, b;

	rng_seed_system(&a);
	rng_seed_system(&b);
	assert_true(rng_u64(&a) != rng_u64(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_of_the_paper),
		cmocka_unit_test(a_seed_repeats),
		cmocka_unit_test(below_is_in_range_and_even),
		cmocka_unit_test(large_ranges_are_even),
		cmocka_unit_test(doubles_lie_in_zero_to_one),
		cmocka_unit_test(the_system_seeds_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
