/* proto_eth.c - Ethernet and 802.1Q */
#include "proto_test.h"

static const uint8_t tagged[] = {
	0x02, 0, 0, 0, 0, 0x02,  0x02, 0, 0, 0, 0, 0x01,  0x81, 0x00,
	0xb0, 0x05,  0x08, 0x00,
};

static void fields(void **state)
{
	struct rd r = rd_of(tagged, sizeof(tagged));
	struct eth e;
	struct vlan v;

	assert_true(eth_parse(&r, &e));
	assert_int_equal(rd_left(&r), VLAN_LEN);
	assert_int_equal(e.type, ETHERTYPE_VLAN);
	assert_true(e.dst.b[5] == 2 && e.src.b[5] == 1);
	check_print(eth_print, &e, "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan");
	assert_true(vlan_parse(&r, &v));
	assert_int_equal(rd_left(&r), 0);
	assert_true(v.id == 5 && v.prio == 5 && v.dei && v.type == ETHERTYPE_IP4);
	check_print(vlan_print, &v, "vlan 5 prio 5 dei");
}

static void types_by_name(void **state)
{
	static const struct { uint16_t type; const char *name; } t[] = {
		{ ETHERTYPE_IP4, "ip4" }, { ETHERTYPE_IP6, "ip6" },
		{ ETHERTYPE_ARP, "arp" }, { 0x88cc, "type 0x88cc" },
		{ 0x05ff, "802.3 length 1535" }, { 0x0600, "type 0x0600" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct eth e = { .type = t[i].type };
		char want[80] = "00:00:00:00:00:00 > 00:00:00:00:00:00 ";

		strcat(want, t[i].name);
		check_print(eth_print, &e, want);
	}
}

static void eth_round_trip(void **state)
{
	uint8_t b[ETH_LEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));
		struct eth x, y;

		random_bytes(&rng, &x, sizeof(x));
		eth_emit(&w, &x);
		assert_false(w.fail);
		assert_true(eth_parse(&r, &y) && eth_eq(&x, &y));
	}
	check_short(eth_parse, struct eth, tagged, ETH_LEN);
}

static void vlan_round_trip(void **state)
{
	uint8_t b[VLAN_LEN], c[VLAN_LEN];
	struct rng rng;

	rng_seed(&rng, 2);
	for (int i = 0; i < 1000; i++) {	/* all bits mean something */
		struct rd r = rd_of(b, sizeof(b));
		struct wr w = wr_of(c, sizeof(c));
		struct vlan v;

		random_bytes(&rng, b, sizeof(b));
		assert_true(vlan_parse(&r, &v));
		vlan_emit(&w, &v);
		assert_memory_equal(b, c, sizeof(b));
	}
	check_short(vlan_parse, struct vlan, tagged + ETH_LEN, VLAN_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(types_by_name),
		cmocka_unit_test(eth_round_trip),
		cmocka_unit_test(vlan_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
