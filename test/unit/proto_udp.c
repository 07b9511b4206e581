/* proto_udp.c - the UDP header */
#include "proto_test.h"

static void round_trip(void **state)
{
	uint8_t b[UDP_LEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));
		struct udp x, y;

		random_bytes(&rng, &x, sizeof(x));
		x.len = MAX(x.len, UDP_LEN);
		udp_emit(&w, &x);
		assert_int_equal(wr_len(&w), UDP_LEN);
		assert_true(udp_parse(&r, &y) && udp_eq(&x, &y));
	}
	check_short(udp_parse, struct udp, b, UDP_LEN);
}

static void a_length_below_the_header_is_refused(void **state)
{
	struct rd r = rd_of("\0\1\0\2\0\7\0\0", UDP_LEN);
	struct udp u;

	assert_false(udp_parse(&r, &u));
}

static void line(void **state)
{
	struct udp u = { 1024, 53, 40, 0 };

	check_print(udp_print, &u, "udp 1024 > 53 len 32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(a_length_below_the_header_is_refused),
		cmocka_unit_test(line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
