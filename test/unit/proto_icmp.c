/* proto_icmp.c - ICMP heads and how they read */
#include "proto_test.h"

static void round_trip(void **state)
{
	uint8_t b[ICMP_LEN], c[ICMP_LEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {	/* all bits mean something */
		struct rd r = rd_of(b, sizeof(b));
		struct wr w = wr_of(c, sizeof(c));
		struct icmp h;

		random_bytes(&rng, b, sizeof(b));
		assert_true(icmp_parse(&r, &h));
		icmp_emit(&w, &h);
		assert_memory_equal(b, c, sizeof(b));
	}
	check_short(icmp_parse, struct icmp, b, ICMP_LEN);
}

static void fields(void **state)
{
	struct rd r = rd_of("\x08\x00\xab\xcd\x00\x05\x00\x09", ICMP_LEN);
	struct icmp h;

	assert_true(icmp_parse(&r, &h));
	assert_true(h.type == ICMP4_ECHO && h.code == 0 && h.sum == 0xabcd);
	assert_int_equal(h.rest, 5 << 16 | 9);
}

static const struct { struct icmp h; const char *want; } lines4[] = {
	{ { ICMP4_ECHO, 0, 0, 5 << 16 | 9 }, "icmp echo request id 5 seq 9" },
	{ { ICMP4_ECHO_REPLY, 0, 0, 5 << 16 | 9 }, "icmp echo reply id 5 seq 9" },
	{ { ICMP4_UNREACH, ICMP4_PORT, 0, 0 }, "icmp unreachable port" },
	{ { ICMP4_UNREACH, ICMP4_FRAG, 0, 1400 }, "icmp unreachable need to frag mtu 1400" },
	{ { ICMP4_UNREACH, 9, 0, 0 }, "icmp unreachable code 9" },
	{ { ICMP4_UNREACH, 200, 0, 0 }, "icmp unreachable code 200" },
	{ { ICMP4_TIME_EXCEEDED, 0, 0, 0 }, "icmp time exceeded in transit" },
	{ { ICMP4_TIME_EXCEEDED, 1, 0, 0 }, "icmp time exceeded in reassembly" },
	{ { ICMP4_PARAM, 0, 0, 20u << 24 }, "icmp parameter problem at 20" },
	{ { 13, 2, 0, 0 }, "icmp type 13 code 2" },
};

static const struct { struct icmp h; const char *want; } lines6[] = {
	{ { ICMP6_ECHO, 0, 0, 5 << 16 | 9 }, "icmp6 echo request id 5 seq 9" },
	{ { ICMP6_ECHO_REPLY, 0, 0, 5 << 16 | 9 }, "icmp6 echo reply id 5 seq 9" },
	{ { ICMP6_UNREACH, ICMP6_NOROUTE, 0, 0 }, "icmp6 unreachable no route" },
	{ { ICMP6_UNREACH, 99, 0, 0 }, "icmp6 unreachable code 99" },
	{ { ICMP6_TOO_BIG, 0, 0, 1280 }, "icmp6 too big mtu 1280" },
	{ { ICMP6_TIME_EXCEEDED, 0, 0, 0 }, "icmp6 time exceeded in transit" },
	{ { ICMP6_PARAM, 1, 0, 40 }, "icmp6 parameter problem code 1 at 40" },
	{ { 200, 0, 0, 0 }, "icmp6 type 200 code 0" },
};

static void lines(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(lines4); i++)
		check_print(icmp4_print, &lines4[i].h, lines4[i].want);
	for (size_t i = 0; i < ARRAY_LEN(lines6); i++)
		check_print(icmp6_print, &lines6[i].h, lines6[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(fields),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
