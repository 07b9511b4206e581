/* proto_arp.c - ARP */
#include "proto_test.h"

static const uint8_t request[ARP_LEN] = {
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 1,  10, 0, 0, 1,
	0, 0, 0, 0, 0, 0,  10, 0, 0, 2,
};

static void fields(void **state)
{
	struct rd r = rd_of(request, sizeof(request));
	struct arp a;

	assert_true(arp_parse(&r, &a));
	assert_int_equal(rd_left(&r), 0);
	assert_true(a.op == ARP_REQUEST && a.sha.b[5] == 1 && mac_is_zero(&a.tha));
	assert_true(ip_v4(&a.spa)[3] == 1 && ip_v4(&a.tpa)[3] == 2);
	check_print(arp_print, &a, "arp who-has 10.0.0.2 tell 10.0.0.1");
	a.op = ARP_REPLY;
	check_print(arp_print, &a, "arp reply 10.0.0.1 is-at 02:00:00:00:00:01");
	a.op = 9;
	check_print(arp_print, &a, "arp op 9 from 10.0.0.1 for 10.0.0.2");
	check_short(arp_parse, struct arp, request, ARP_LEN);
}

static void other_hardware_or_protocol_is_refused(void **state)
{
	for (int i = 0; i < 6; i++) {
		uint8_t b[ARP_LEN];
		struct rd r = rd_of(b, sizeof(b));
		struct arp a;

		memcpy(b, request, sizeof(b));
		b[i] ^= 2;
		assert_false(arp_parse(&r, &a));
	}
}

static void round_trip(void **state)
{
	uint8_t b[ARP_LEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));
		struct arp x, y;

		random_bytes(&rng, &x, sizeof(x));
		x.spa = random_v4(&rng);
		x.tpa = random_v4(&rng);
		arp_emit(&w, &x);
		assert_int_equal(wr_len(&w), ARP_LEN);
		assert_true(arp_parse(&r, &y) && arp_eq(&x, &y));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(other_hardware_or_protocol_is_refused),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
