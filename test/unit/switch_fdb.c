/* switch_fdb.c - the forwarding database against a naive one */
#include "switch/fdb.h"
#include "unit.h"

#define PORTS 8

static const struct hash_key key = { { 1 } };

static struct mac mac_of(uint32_t n)
{
	return (struct mac){ { 2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
			       (uint8_t)n } };
}

static void learn(struct fdb *f, uint32_t n, uint32_t port, usec now)
{
	struct mac m = mac_of(n);

	fdb_learn(f, 0, &m, port, now);
}

static uint32_t find(struct fdb *f, uint32_t n, usec now)
{
	struct mac m = mac_of(n);

	return fdb_find(f, 0, &m, now);
}

static void learns_ages_and_flushes(void **state)
{
	struct fdb f;

	fdb_init(&f, PORTS, &key);
	assert_int_equal(find(&f, 1, 0), FDB_NO_PORT);
	learn(&f, 1, 3, 0);
	assert_int_equal(find(&f, 1, FDB_AGE - 1), 3);
	assert_int_equal(find(&f, 1, FDB_AGE), FDB_NO_PORT);
	learn(&f, 1, 3, 50);
	assert_int_equal(fdb_age(&f, FDB_AGE), FDB_AGE + 50);
	assert_int_equal(find(&f, 1, FDB_AGE), 3);
	assert_int_equal(fdb_age(&f, FDB_AGE + 50), NEVER);
	assert_int_equal(f.map.count, 0);
	learn(&f, 1, 3, 0);
	learn(&f, 2, 4, 0);
	fdb_flush_port(&f, 3);
	assert_int_equal(find(&f, 1, 0), FDB_NO_PORT);
	assert_int_equal(find(&f, 2, 0), 4);
	fdb_fini(&f);
}

static void an_address_in_use_does_not_move(void **state)
{
	struct fdb f;

	fdb_init(&f, PORTS, &key);
	learn(&f, 1, 3, 0);
	learn(&f, 1, 4, FDB_MIN_STAY - 1);
	assert_int_equal(find(&f, 1, FDB_MIN_STAY), 3);
	learn(&f, 1, 4, FDB_MIN_STAY);
	assert_int_equal(find(&f, 1, FDB_MIN_STAY), 4);
	fdb_fini(&f);
}

static void vlans_are_apart(void **state)
{
	struct fdb f;
	struct mac m = mac_of(1);

	fdb_init(&f, PORTS, &key);
	fdb_learn(&f, 1, &m, 3, 0);
	fdb_learn(&f, 2, &m, 4, 0);
	assert_int_equal(fdb_find(&f, 1, &m, 0), 3);
	assert_int_equal(fdb_find(&f, 2, &m, 0), 4);
	assert_int_equal(fdb_find(&f, 0, &m, 0), FDB_NO_PORT);
	fdb_fini(&f);
}

/* Invented addresses push out only what was learned behind the same port. */
static void a_flood_of_addresses_is_bounded(void **state)
{
	struct fdb f;

	fdb_init(&f, PORTS, &key);
	learn(&f, 1, 3, 0);
	learn(&f, 2, 4, 0);
	for (uint32_t i = 0; i < 100000; i++)
		learn(&f, 1000 + i, 4, 1);
	assert_int_equal(f.map.count, FDB_PORT_MAX + 1);
	assert_int_equal(find(&f, 1, 1), 3);
	assert_int_equal(find(&f, 2, 1), FDB_NO_PORT);
	assert_int_equal(find(&f, 1000 + 99999, 1), 4);
	fdb_fini(&f);
}

static void a_limit_of_a_port(void **state)
{
	struct mac m = mac_of(1);
	struct fdb f;

	fdb_init(&f, PORTS, &key);
	fdb_limit(&f, 3, 2, true);
	learn(&f, 1, 3, 0);
	learn(&f, 2, 3, 0);
	learn(&f, 3, 3, 0);
	assert_int_equal(find(&f, 3, 0), FDB_NO_PORT);
	assert_int_equal(find(&f, 1, 0), 3);
	learn(&f, 3, 4, 0);
	assert_int_equal(fdb_learn(&f, 0, &m, 3, 0), FDB_KNOWN);
	m = mac_of(3);		/* what cannot move here stays where it is */
	assert_int_equal(fdb_learn(&f, 0, &m, 3, FDB_MIN_STAY), FDB_FULL);
	assert_int_equal(find(&f, 3, 0), 4);
	fdb_limit(&f, 3, 1, false);
	assert_int_equal(f.map.count, 2);
	assert_int_equal(fdb_learn(&f, 0, &m, 3, FDB_MIN_STAY), FDB_MOVED);
	assert_int_equal(find(&f, 1, 0), FDB_NO_PORT);
	assert_int_equal(find(&f, 2, 0), FDB_NO_PORT);
	fdb_fini(&f);
}

static void fixed_ones_stay(void **state)
{
	struct mac m = mac_of(1);
	struct fdb f;

	fdb_init(&f, PORTS, &key);
	learn(&f, 1, 4, 0);
	fdb_fix(&f, 0, &m, 3);
	assert_int_equal(fdb_learn(&f, 0, &m, 4, FDB_AGE), FDB_STAYS);
	assert_int_equal(fdb_learn(&f, 0, &m, 3, FDB_AGE), FDB_KNOWN);
	assert_int_equal(fdb_age(&f, 9 * FDB_AGE), NEVER);
	fdb_flush_port(&f, 3);
	fdb_flush_vlan(&f, 4, 0);
	assert_int_equal(find(&f, 1, 9 * FDB_AGE), 3);
	fdb_flush_vlan(&f, 3, 0);
	assert_int_equal(find(&f, 1, 0), FDB_NO_PORT);
	fdb_fix(&f, 0, &m, 3);
	assert_true(fdb_forget(&f, 0, &m));
	assert_false(fdb_forget(&f, 0, &m));
	assert_int_equal(f.map.count, 0);
	assert_int_equal(f.port[3].count, 0);	/* they are none of those that are limited */
	fdb_fini(&f);
}

static void walks_all_of_it(void **state)
{
	const struct fdb_entry *e = NULL;
	uint32_t n = 0, fixed = 0;
	struct fdb f;

	fdb_init(&f, PORTS, &key);
	assert_null(fdb_next(&f, NULL));
	for (uint32_t i = 0; i < 10; i++) {
		struct mac m = mac_of(100 + i);

		learn(&f, i, i % PORTS, i);
		if (i < 3)
			fdb_fix(&f, 0, &m, 1);
	}
	for (; (e = fdb_next(&f, e)); n++) {
		assert_true(e->fixed == (n < 3));
		assert_true(e->fixed || e->seen == n - 3);
		fixed += e->fixed;
	}
	assert_int_equal(n, 13);
	assert_int_equal(fixed, 3);
	fdb_fini(&f);
}

#define MACS 300

/* The naive twin: an array over all addresses. */
struct naive { uint32_t port; usec seen; };

static void naive_learn(struct naive *e, uint32_t port, usec now)
{
	bool known = e->port != FDB_NO_PORT && now - e->seen < FDB_AGE;

	if (known && e->port != port && now - e->seen < FDB_MIN_STAY)
		return;
	*e = (struct naive){ port, now };
}

static void agrees_with_a_naive_table(void **state)
{
	struct naive twin[MACS];
	struct fdb f;
	struct rng rng;
	usec now = 0;

	rng_seed(&rng, 5);
	fdb_init(&f, PORTS, &key);
	for (int i = 0; i < MACS; i++)
		twin[i] = (struct naive){ FDB_NO_PORT, 0 };
	for (int i = 0; i < 200000; i++) {
		uint32_t n = rng_below(&rng, MACS), port = rng_below(&rng, PORTS), want;

		now += rng_below(&rng, 60000);
		if (rng_below(&rng, 2)) {
			learn(&f, n, port, now);
			naive_learn(&twin[n], port, now);
		}
		if (rng_below(&rng, 5000) == 0) {
			fdb_flush_port(&f, port);
			for (int k = 0; k < MACS; k++) {
				if (twin[k].port == port)
					twin[k].port = FDB_NO_PORT;
			}
		}
		if (rng_below(&rng, 1000) == 0) {
			fdb_age(&f, now);
			now += rng_below(&rng, 2) * FDB_AGE / 2;
		}
		n = rng_below(&rng, MACS);
		want = twin[n].port != FDB_NO_PORT && now - twin[n].seen < FDB_AGE ?
			twin[n].port : FDB_NO_PORT;
		assert_int_equal(find(&f, n, now), want);
	}
	fdb_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learns_ages_and_flushes),
		cmocka_unit_test(an_address_in_use_does_not_move),
		cmocka_unit_test(vlans_are_apart),
		cmocka_unit_test(a_flood_of_addresses_is_bounded),
		cmocka_unit_test(a_limit_of_a_port),
		cmocka_unit_test(fixed_ones_stay),
		cmocka_unit_test(walks_all_of_it),
		cmocka_unit_test(agrees_with_a_naive_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
