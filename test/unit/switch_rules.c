/* switch_rules.c - mirrors, storms, rates, MTU, hooks: what becomes of each frame */
#include <errno.h>

#include "base/cursor.h"
#include "switch/rules.h"
#include "switch/vlan.h"
#include "unit.h"

#define PORTS 6

static struct core core;
static unsigned got[PORTS];

static void out(void *ctx, uint32_t port, const struct frame *f)
{
	got[port]++;
}

/* Ports 1 to 4 are up; station 10 * n is behind port n. */
static int setup(void **state)
{
	static const struct hash_key key = { { 1 } };

	core_init(&core, PORTS, &key, out, NULL);
	for (uint8_t i = 1; i < 5; i++) {
		struct mac m = { { 2, 0, 0, 0, 0, (uint8_t)(10 * i) } };

		core_port_up(&core, i);
		fdb_learn(&core.fdb, 0, &m, i, 0);
	}
	return 0;
}

static int teardown(void **state)
{
	core_fini(&core);
	return 0;
}

static struct frame frame_of(uint8_t *b, uint8_t dst, uint8_t src, uint32_t len)
{
	memset(b, 0, 14);
	b[0] = 2;
	b[5] = dst;
	if (dst >= 0xfe)
		memset(b, dst == 0xff ? 0xff : 0x33, 6);
	b[6] = 2;
	b[11] = src;
	b[12] = 8;
	return (struct frame){ .p = b, .len = len };
}

static enum core_drop input_len(uint32_t port, uint8_t dst, uint8_t src, uint32_t len, usec now)
{
	static uint8_t b[FRAME_MAX];
	struct frame f = frame_of(b, dst, src, len);

	memset(got, 0, sizeof(got));
	return core_input(&core, port, &f, now);
}

static enum core_drop input(uint32_t port, uint8_t dst, uint8_t src, usec now)
{
	return input_len(port, dst, src, 100, now);
}

#define GOT(a, b, c, d) (got[1] == (a) && got[2] == (b) && got[3] == (c) && got[4] == (d))

static void a_mirror_of_what_comes_in(void **state)
{
	static const struct mac listener = { { 2, 0, 0, 0, 0, 40 } };

	assert_int_equal(rules_set_mirror(&core, 1, 4, true, false), 0);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 1, 0, 1));
	assert_int_equal(input(2, 10, 20, 0), CORE_TAKEN);
	assert_true(GOT(1, 0, 0, 0));
	assert_int_equal(input(1, 0xff, 10, 0), CORE_TAKEN);	/* nothing but mirrored ones */
	assert_true(GOT(0, 1, 1, 1));
	assert_int_equal(input(2, 0xff, 20, 0), CORE_TAKEN);
	assert_true(GOT(1, 0, 1, 0));
	assert_int_equal(input(4, 0xff, 40, 0), CORE_MONITOR);
	assert_true(GOT(0, 0, 0, 0));
	assert_int_equal(input(1, 40, 10, 0), CORE_TAKEN);	/* it is forgotten */
	assert_true(GOT(0, 1, 1, 1));
	assert_int_equal(core_fix_address(&core, 0, &listener, 4), 0);
	assert_int_equal(input(1, 40, 10, 0), CORE_DOWN);
	assert_true(GOT(0, 0, 0, 1));
}

static void a_mirror_of_what_leaves(void **state)
{
	rules_set_mirror(&core, 1, 4, false, true);
	input(1, 20, 10, 0);
	assert_true(GOT(0, 1, 0, 0));
	input(2, 10, 20, 0);
	assert_true(GOT(1, 0, 0, 1));
	rules_set_mirror(&core, 2, 4, true, true);
	input(2, 10, 20, 0);
	assert_true(GOT(1, 0, 0, 2));
	rules_set_mirror(&core, 1, NO_PORT, true, true);
	rules_set_mirror(&core, 2, NO_PORT, true, true);
	assert_false(rules_is_monitor(&core, 4));
	for (unsigned i = 0; i < PORTS; i++)
		assert_null(core.port[i].rules);
	assert_int_equal(input(4, 0xff, 40, 0), CORE_TAKEN);
	assert_true(GOT(1, 1, 1, 0));
}

/* Refused frames are shown, too; the listener's own are not; a chain ends at once. */
static void mirrors_and_other_rules(void **state)
{
	rules_set_mirror(&core, 1, 4, true, true);
	rules_set_mirror(&core, 4, 3, true, true);
	rules_set_rate(&core, 1, false, 1, 100);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_int_equal(input(1, 20, 10, 0), CORE_RATE);
	assert_true(GOT(0, 0, 0, 1));
	assert_int_equal(rules_set_talk(&core, 4, true), 0);
	assert_int_equal(input(4, 20, 40, 0), CORE_TAKEN);
	assert_true(GOT(0, 1, 1, 0));
	core_port_down(&core, 4);
	input(1, 20, 10, 0);
	assert_true(GOT(0, 0, 0, 0));
	assert_int_equal(rules_set_mirror(&core, 1, 1, true, true), -EINVAL);
	assert_int_equal(rules_set_mirror(&core, 1, PORTS, true, true), -EINVAL);
	assert_int_equal(rules_set_mirror(&core, PORTS, 1, true, true), -EINVAL);
}

/* What another rule then refuses has not left. */
static void what_does_not_leave_is_not_mirrored(void **state)
{
	rules_set_mirror(&core, 2, 4, false, true);
	rules_set_rate(&core, 2, true, 1, 100);
	input(1, 20, 10, 0);
	assert_true(GOT(0, 1, 0, 1));
	input(1, 20, 10, 0);
	assert_true(GOT(0, 0, 0, 0));
}

static void a_listener_has_an_mtu_too(void **state)
{
	rules_set_mirror(&core, 1, 4, true, true);
	rules_set_mtu(&core, 4, 1000);
	input_len(1, 20, 10, 1014, 0);
	assert_true(GOT(0, 1, 0, 1));
	input_len(1, 20, 10, 1015, 0);
	assert_true(GOT(0, 1, 0, 0));
	assert_int_equal(core.port[4].drops[CORE_MTU_OUT], 1);
}

static void a_tag_is_mirrored_as_it_came(void **state)
{
	uint8_t b[60];
	struct frame f = frame_of(b, 0xff, 10, 60);

	put_u32(b + 12, 0x81000000 | 77);
	rules_set_mirror(&core, 1, 4, true, true);
	memset(got, 0, sizeof(got));
	assert_int_equal(core_input(&core, 1, &f, 0), CORE_VLAN);
	assert_true(GOT(0, 0, 0, 1));
}

static void storms(void **state)
{
	assert_int_equal(rules_set_storm(&core, 1, STORM_BROADCAST, 10, 2), 0);
	assert_int_equal(rules_set_storm(&core, 1, STORM_MULTICAST, 10, 1), 0);
	assert_int_equal(rules_set_storm(&core, 1, STORM_UNKNOWN, 10, 1), 0);
	assert_int_equal(input(1, 0xff, 10, 0), CORE_TAKEN);
	assert_int_equal(input(1, 0xff, 10, 0), CORE_TAKEN);
	assert_int_equal(input(1, 0xff, 10, 0), CORE_STORM);
	assert_int_equal(input(1, 0xfe, 10, 0), CORE_TAKEN);
	assert_int_equal(input(1, 0xfe, 10, 0), CORE_STORM_MULTICAST);
	assert_int_equal(input(1, 99, 10, 0), CORE_TAKEN);
	assert_int_equal(input(1, 99, 10, 0), CORE_STORM_UNKNOWN);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_int_equal(input(2, 0xff, 20, 0), CORE_TAKEN);
	assert_int_equal(input(1, 0xff, 10, 99999), CORE_STORM);
	assert_int_equal(input(1, 0xff, 10, 100000), CORE_TAKEN);
	assert_int_equal(input(1, 0xff, 10, 100000), CORE_STORM);
	assert_int_equal(core.port[1].drops[CORE_STORM], 3);
	assert_int_equal(core.port[1].drops[CORE_STORM_UNKNOWN], 1);
	assert_int_equal(rules_set_storm(&core, 1, N_STORMS, 1, 1), -EINVAL);
	assert_int_equal(rules_set_storm(&core, 1, STORM_UNKNOWN, BUCKET_MAX + 1ull, 1), -EINVAL);
}

/* 100 bytes a frame at 1000 bytes/s: one each 100 ms beyond the burst, for ever. */
static void rates(void **state)
{
	unsigned n = 0;

	assert_int_equal(rules_set_rate(&core, 1, false, 1000, 500), 0);
	for (usec now = 0; now < 100 * USEC_PER_SEC; now += 7001)
		n += input(1, 20, 10, now) == CORE_TAKEN;
	assert_int_equal(n, 5 + 999);
	rules_set_rate(&core, 1, false, 0, 0);
	assert_null(core.port[1].rules);
	assert_int_equal(rules_set_rate(&core, 2, true, 1000, 100), 0);
	input(1, 20, 10, 0);
	assert_true(GOT(0, 1, 0, 0));
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);	/* counted where it would leave */
	assert_true(GOT(0, 0, 0, 0));
	assert_int_equal(core.port[2].drops[CORE_RATE_OUT], 1);
	assert_int_equal(input(1, 0xff, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 1, 1));
	assert_int_equal(rules_set_rate(&core, 2, true, BUCKET_MAX + 1ull, 0), -EINVAL);
}

/* Larger than the burst: it passes when the bucket is full, and is paid for. */
static void a_frame_larger_than_the_burst(void **state)
{
	rules_set_rate(&core, 1, false, 1000, 50);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_int_equal(input(1, 20, 10, 99999), CORE_RATE);
	assert_int_equal(input(1, 20, 10, 100000), CORE_TAKEN);
}

static void bursts_that_nobody_gave(void **state)
{
	rules_set_rate(&core, 1, false, 10000000, 0);
	rules_set_rate(&core, 1, true, 1000, 0);
	rules_set_storm(&core, 1, STORM_BROADCAST, 1000, 0);
	rules_set_storm(&core, 1, STORM_UNKNOWN, 1, 0);
	assert_int_equal(core.port[1].rules->rate_in.burst, 1000000);
	assert_int_equal(core.port[1].rules->rate_out.burst, 65536);
	assert_int_equal(core.port[1].rules->storm[STORM_BROADCAST].burst, 100);
	assert_int_equal(core.port[1].rules->storm[STORM_UNKNOWN].burst, 1);
}

/* A bucket against the sum of what may pass, at rates from 1/s to the highest. */
static void buckets_keep_the_rate(void **state)
{
	struct rng rng;

	rng_seed(&rng, 7);
	for (int i = 0; i < 2000; i++) {
		uint64_t rate = 1 + rng_u64(&rng) % (1ull << rng_below(&rng, 39));
		uint64_t burst = 1 + rng_u64(&rng) % (1ull << rng_below(&rng, 39)), sum = 0;
		uint64_t largest = 1 + rng_below(&rng, 65535);
		usec now = 0, gap = 1 + (usec)(rng_u64(&rng) % (1ull << rng_below(&rng, 36)));
		struct bucket b = bucket_of(rate, burst, 0);

		for (int k = 0; k < 100; k++) {
			uint64_t n = 1 + rng_below(&rng, (uint32_t)largest);

			sum += bucket_take(&b, n, now) ? n : 0;
			assert_true((double)sum <= (double)burst + (double)largest +
				    (double)rate * (double)now / 1e6 * (1 + 1e-9));
			now += gap;
		}
		now += USEC_PER_SEC * 1000000;
		assert_true(bucket_take(&b, burst, now) || burst > rate * 1000000);
	}
}

static struct pkt *super_frame(uint32_t payload, uint16_t gso)
{
	struct arena *a = arena_heap_new(1 << 20);
	static uint8_t b[65536];
	struct pkt *pkt = pkt_new();

	frame_of(b, 20, 10, 0);
	pkt->end = (uint16_t)(pkt->cur + 54);
	memcpy(pkt->head + pkt->cur, b, 54);
	assert_true(pkt_append(pkt, a, b, payload));
	arena_heap_unref(a);
	pkt->gso_size = gso;
	pkt->gso_hlen = 54;
	return pkt;
}

static enum core_drop input_pkt(struct pkt *pkt)
{
	struct frame f = { .p = pkt_pull(pkt, 14), .len = pkt_wire_len(pkt), .pkt = pkt };

	memset(got, 0, sizeof(got));
	return core_input(&core, 1, &f, 0);
}

static void a_frame_over_the_mtu_is_dropped_whole(void **state)
{
	struct pkt *pkt = super_frame(14460, 1446);
	uint8_t b[1518];
	struct frame f;

	assert_int_equal(rules_set_mtu(&core, 2, 1500), 0);
	input_len(1, 20, 10, 1514, 0);
	assert_true(GOT(0, 1, 0, 0));
	assert_int_equal(input_len(1, 20, 10, 1515, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 0, 0));
	input_len(1, 0xff, 10, 1515, 0);
	assert_true(GOT(0, 0, 1, 1));
	assert_int_equal(core.port[2].drops[CORE_MTU_OUT], 2);
	input_pkt(pkt);				/* its segments fit */
	assert_true(GOT(0, 1, 0, 0));
	rules_set_mtu(&core, 2, 1485);
	input_pkt(pkt);
	assert_true(GOT(0, 0, 0, 0));
	pkt_free(pkt);
	vlan_create(&core, 5);			/* a tag does not count */
	vlan_add_port(&core, 5, 1);
	vlan_add_port(&core, 5, 2);
	f = frame_of(b, 0xff, 10, 1503);
	put_u32(b + 12, 0x81000005);
	got[2] = 0;
	core_input(&core, 1, &f, 0);
	assert_int_equal(got[2], 1);
	f.len++;
	core_input(&core, 1, &f, 0);
	assert_int_equal(got[2], 1);
	assert_int_equal(rules_set_mtu(&core, 2, 67), -EINVAL);
	core_port_down(&core, 2);
	core_port_up(&core, 2);
	assert_int_equal(core.port[2].mtu, 1485);
}

/* 10 segments of 1500 bytes cost what ten frames do. */
static void a_super_frame_costs_its_segments(void **state)
{
	struct pkt *pkt = super_frame(14460, 1446);

	rules_set_rate(&core, 1, false, 1, 29999);
	assert_int_equal(input_pkt(pkt), CORE_TAKEN);
	assert_int_equal(input_pkt(pkt), CORE_RATE);
	rules_set_rate(&core, 1, false, 1, 30000);
	assert_int_equal(input_pkt(pkt), CORE_TAKEN);
	assert_int_equal(input_pkt(pkt), CORE_TAKEN);
	assert_int_equal(input_pkt(pkt), CORE_RATE);
	rules_set_rate(&core, 1, false, 0, 0);
	rules_set_rate(&core, 2, true, 1, 29999);
	input_pkt(pkt);
	assert_int_equal(got[2], 1);
	input_pkt(pkt);
	assert_int_equal(got[2], 0);
	rules_set_storm(&core, 1, STORM_UNKNOWN, 1, 19);
	pkt->head[pkt->cur + 5] = 99;
	assert_int_equal(input_pkt(pkt), CORE_TAKEN);
	assert_int_equal(input_pkt(pkt), CORE_STORM_UNKNOWN);
	pkt_free(pkt);
}

static enum core_drop refuse(void *ctx, const struct pass *s, uint32_t port)
{
	assert_ptr_equal(s->core, &core);
	assert_int_equal(s->from, 1);
	return port == 1 ? CORE_FILTER : CORE_FILTER_OUT;
}

static void hooks_are_asked(void **state)
{
	uint32_t changes = core.changes;

	core_rules(&core, 1)->filter_in.check = refuse;
	core_rules_changed(&core, 1);
	assert_true(core.changes != changes);
	assert_false(core_plain(&core, 1, 2));
	assert_int_equal(input(1, 20, 10, 0), CORE_FILTER);
	core.port[1].rules->filter_in.check = NULL;
	core_rules_changed(&core, 1);
	assert_null(core.port[1].rules);
	core_rules(&core, 2)->filter_out.check = refuse;
	core_rules_changed(&core, 2);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 0, 0));
	assert_int_equal(core.port[2].drops[CORE_FILTER_OUT], 1);
	core.hub = true;
	input(1, 20, 10, 0);
	assert_true(GOT(0, 0, 1, 1));
}

static bool answer(void *ctx, const struct pass *s)
{
	return s->f.p[5] == 30;
}

static const uint64_t *third(void *ctx, const struct pass *s)
{
	static const uint64_t only[] = { 1 << 3 | 1 << 5 };

	return s->f.p[0] == 0x33 ? only : NULL;
}

static void suppression_and_snooping(void **state)
{
	input(1, 30, 10, 0);		/* the way is remembered, and it is asked nevertheless */
	core.suppress = answer;
	core.snoop = third;
	assert_int_equal(input(1, 30, 10, 0), CORE_ANSWERED);
	assert_int_equal(input(1, 0xfe, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 1, 0));
	assert_int_equal(input(1, 0xff, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 1, 1, 1));
	assert_int_equal(input(3, 0xfe, 30, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 0, 0));
}

static void what_is_plain(void **state)
{
	assert_true(core_plain(&core, 1, 2));
	rules_set_storm(&core, 1, STORM_UNKNOWN, 10, 10);
	core_rules(&core, 1)->guard.check = refuse;
	assert_true(core_plain(&core, 1, 2));
	core_rules(&core, 1)->guards_ip = true;
	assert_false(core_plain(&core, 1, 2));
	assert_false(core_plain(&core, 2, 1));
	rules_set_rate(&core, 3, true, 10, 10);
	assert_false(core_plain(&core, 2, 3));
	rules_set_mtu(&core, 4, 1500);
	assert_false(core_plain(&core, 2, 4));
	rules_set_mtu(&core, 4, 0);
	rules_set_mirror(&core, 1, 4, true, false);
	assert_false(core_plain(&core, 2, 4));
	rules_set_talk(&core, 4, true);
	assert_true(core_plain(&core, 2, 4));
}

/* Port 4 is the way out for 1 and 2, who shall not know each other. */
static void isolated_ports_reach_only_others(void **state)
{
	assert_int_equal(rules_set_isolated(&core, PORTS, true), -EINVAL);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);	/* the way is remembered */
	rules_set_isolated(&core, 1, true);
	assert_true(core_plain(&core, 1, 2));
	rules_set_isolated(&core, 2, true);
	assert_false(core_plain(&core, 1, 2));
	assert_true(core_plain(&core, 1, 4));
	assert_int_equal(input(1, 20, 10, 0), CORE_ISOLATED);
	assert_true(GOT(0, 0, 0, 0));
	assert_int_equal(input(1, 40, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 0, 1));
	assert_int_equal(input(4, 10, 40, 0), CORE_TAKEN);
	assert_true(GOT(1, 0, 0, 0));
	for (uint8_t dst = 0xfd; dst; dst++) {		/* unknown, a group, broadcast */
		assert_int_equal(input(1, dst, 10, 0), CORE_TAKEN);
		assert_true(GOT(0, 0, 1, 1));
		assert_int_equal(input(4, dst, 40, 0), CORE_TAKEN);
		assert_true(GOT(1, 1, 1, 0));
	}
	core.hub = true;
	assert_int_equal(input(2, 40, 20, 0), CORE_TAKEN);
	assert_true(GOT(0, 0, 1, 1));
	core.hub = false;
	rules_set_isolated(&core, 2, false);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_true(GOT(0, 1, 0, 0));
}

static void addresses_of_an_administrator(void **state)
{
	struct mac m = { { 2, 0, 0, 0, 0, 55 } }, group = { { 1 } };

	assert_int_equal(core_limit_addresses(&core, 1, 1, true), 0);
	assert_int_equal(input(1, 20, 11, 0), CORE_MACS);
	assert_int_equal(input(1, 20, 10, 0), CORE_TAKEN);
	assert_int_equal(core_limit_addresses(&core, 1, 0, true), -EINVAL);
	assert_int_equal(core_fix_address(&core, 0, &m, 3), 0);
	assert_int_equal(core_fix_address(&core, 1, &m, 3), -ENXIO);
	assert_int_equal(core_fix_address(&core, 0, &group, 3), -EINVAL);
	input(1, 55, 10, 0);
	assert_true(GOT(0, 0, 1, 0));
	core_port_down(&core, 3);
	assert_int_equal(input(1, 55, 10, 0), CORE_DOWN);
	assert_int_equal(core_forget_address(&core, 0, &m), 0);
	assert_int_equal(core_forget_address(&core, 0, &m), -ENOENT);
	assert_int_equal(core_set_age(&core, 5 * USEC_PER_SEC, USEC_PER_SEC), 0);
	assert_int_equal(core_set_age(&core, 0, 0), -EINVAL);
	input(1, 20, 10, 5 * USEC_PER_SEC);
	assert_true(GOT(0, 1, 0, 1));
}

static void counters(void **state)
{
	const struct core_port *p = &core.port[1], *q = &core.port[2];

	input(1, 20, 10, 0);
	input(1, 0xff, 10, 0);
	input(1, 0xfe, 10, 0);
	input(1, 0xfe, 10, 0);
	assert_int_equal(p->rx_frames, 4);
	assert_int_equal(p->rx_bytes, 400);
	assert_int_equal(p->rx_broadcast, 1);
	assert_int_equal(p->rx_multicast, 2);
	assert_int_equal(q->tx_frames, 4);
	assert_int_equal(q->tx_broadcast, 1);
	assert_int_equal(q->tx_multicast, 2);
	vlan_create(&core, 5);
	vlan_set_untagged(&core, 1, 5);
	rules_set_storm(&core, 1, STORM_UNKNOWN, 10, 10);
	core_reset_counters(&core, 1);
	assert_int_equal(p->rx_frames, 0);
	assert_true(p->up && p->untagged == 5 && p->rules);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mirror_of_what_comes_in), TEST(a_mirror_of_what_leaves),
		TEST(mirrors_and_other_rules), TEST(what_does_not_leave_is_not_mirrored),
		TEST(a_listener_has_an_mtu_too), TEST(a_tag_is_mirrored_as_it_came),
		TEST(storms), TEST(rates), TEST(a_frame_larger_than_the_burst),
		TEST(bursts_that_nobody_gave), TEST(buckets_keep_the_rate),
		TEST(a_frame_over_the_mtu_is_dropped_whole),
		TEST(a_super_frame_costs_its_segments), TEST(hooks_are_asked),
		TEST(suppression_and_snooping), TEST(what_is_plain),
		TEST(isolated_ports_reach_only_others),
		TEST(addresses_of_an_administrator), TEST(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
