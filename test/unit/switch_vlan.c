/* switch_vlan.c - who gets a frame of which VLAN, and with which tag */
#include <errno.h>

#include "base/cursor.h"
#include "plug/wire.h"
#include "switch/vlan.h"
#include "unit.h"

#define PORTS 70		/* more than a word of a bitmap */
#define TAG(vid) (0x81000000u | (vid))

static struct core core;
static struct got {
	unsigned	times;
	uint32_t	len, tag;	/* 0: none */
	uint8_t		frame[2000];
	uint8_t		sum;
	uint16_t	sum_start, gso_hlen;
} got[PORTS];

static void out(void *ctx, uint32_t port, const struct frame *f)
{
	struct got *g = &got[port];
	uint32_t n = f->pkt ? pkt_copy(f->pkt, 0, g->frame, sizeof(g->frame)) : f->len;

	if (!f->pkt)
		memcpy(g->frame, f->p, n);
	assert_memory_equal(g->frame, f->p, 14);
	g->times++;
	g->len = f->len;
	g->tag = get_u16(g->frame + 12) == 0x8100 ? get_u32(g->frame + 12) : 0;
	g->sum = f->pkt ? f->pkt->sum : 0;
	g->sum_start = f->pkt ? f->pkt->sum_start : 0;
	g->gso_hlen = f->pkt ? f->pkt->gso_hlen : 0;
}

/* Ports 1 and 2: VLAN 0. 3: VLAN 5. 4: tagged 5 and 6. 69: VLAN 6, tagged 5. 6: none, tagged 6. */
static int setup(void **state)
{
	static const struct hash_key key = { { 1 } };

	core_init(&core, PORTS, &key, out, NULL);
	for (uint32_t i = 1; i < PORTS; i++) {
		if (i <= 6 || i == 69)
			core_port_up(&core, i);
	}
	assert_int_equal(vlan_create(&core, 5), 0);
	assert_int_equal(vlan_create(&core, 6), 0);
	assert_int_equal(vlan_set_untagged(&core, 3, 5), 0);
	assert_int_equal(vlan_set_untagged(&core, 4, VLAN_NONE), 0);
	assert_int_equal(vlan_add_port(&core, 5, 4), 0);
	assert_int_equal(vlan_add_port(&core, 6, 4), 0);
	assert_int_equal(vlan_set_untagged(&core, 69, 6), 0);
	assert_int_equal(vlan_add_port(&core, 5, 69), 0);
	assert_int_equal(vlan_set_untagged(&core, 6, VLAN_NONE), 0);
	assert_int_equal(vlan_add_port(&core, 6, 6), 0);
	core_port_down(&core, 5);
	return 0;
}

static int teardown(void **state)
{
	core_fini(&core);
	return 0;
}

static uint32_t make(uint8_t *b, uint8_t dst, uint8_t src, uint32_t tag, uint32_t len)
{
	memset(b, 0, len);
	memset(b, dst == 0xff ? 0xff : 0, 6);
	b[0] |= 2;
	b[5] = dst;
	b[6] = 2;
	b[11] = src;
	if (tag)
		put_u32(b + 12, tag);
	for (uint32_t i = tag ? 18 : 14; i < len; i++)
		b[i] = (uint8_t)(i - (tag ? 4 : 0));
	put_u16(b + (tag ? 16 : 12), 0x0800);
	return len;
}

static enum core_drop input(uint32_t port, uint8_t dst, uint8_t src, uint32_t tag)
{
	uint8_t b[100];
	struct frame f = { .p = b, .len = make(b, dst, src, tag, tag ? 100 : 96) };

	memset(got, 0, sizeof(got));
	return core_input(&core, port, &f, 0);
}

/* The port got it, with that tag; the rest is what was sent. */
static void expect(uint32_t port, uint32_t tag)
{
	const uint8_t *p = got[port].frame + (tag ? 16 : 12);

	assert_int_equal(got[port].times, 1);
	assert_int_equal(got[port].tag, tag);
	assert_int_equal(got[port].len, tag ? 100 : 96);
	assert_int_equal(get_u16(p), 0x0800);
	for (unsigned i = 14; i < 96; i++)
		assert_int_equal(p[i - 12], i);
	got[port].times = 0;
}

static void nobody_else(void)
{
	for (unsigned i = 0; i < PORTS; i++)
		assert_int_equal(got[i].times, 0);
}

static void vlans_are_flooded_apart(void **state)
{
	assert_int_equal(input(1, 0xff, 10, 0), CORE_TAKEN);
	expect(2, 0);
	nobody_else();
	assert_int_equal(input(3, 0xff, 11, 0), CORE_TAKEN);
	expect(4, TAG(5));
	expect(69, TAG(5));
	nobody_else();
	assert_int_equal(input(4, 0xff, 12, TAG(6)), CORE_TAKEN);
	expect(69, 0);
	expect(6, TAG(6));
	nobody_else();
}

static void a_tag_must_be_of_the_port(void **state)
{
	assert_int_equal(input(1, 0xff, 10, TAG(5)), CORE_VLAN);
	assert_int_equal(input(1, 0xff, 10, TAG(4000)), CORE_VLAN);	/* not created */
	assert_int_equal(input(4, 0xff, 10, TAG(4095)), CORE_VLAN);
	assert_int_equal(input(6, 0xff, 10, TAG(5)), CORE_VLAN);
	assert_int_equal(input(4, 0xff, 10, 0), CORE_UNTAGGED);
	assert_int_equal(input(4, 0xff, 10, TAG(0)), CORE_UNTAGGED);
	nobody_else();
	assert_int_equal(core.fdb.map.count, 0);
	assert_int_equal(input(3, 0xff, 10, TAG(5)), CORE_TAKEN);	/* its untagged one */
	expect(4, TAG(5));
	expect(69, TAG(5));
	nobody_else();
}

/* A priority stays while there is a tag to carry it (IEEE 802.1Q 6.9.1). */
static void priorities(void **state)
{
	input(3, 0xff, 11, TAG(0xa000));
	expect(4, TAG(0xa005));
	expect(69, TAG(0xa005));
	input(1, 0xff, 10, TAG(0xe000));
	expect(2, 0);
	nobody_else();
	input(3, 0xff, 11, TAG(0x1000));	/* the eligible to be dropped (DEI) stay so */
	expect(4, TAG(0x1005));
	input(4, 0xff, 12, TAG(0x7006));
	expect(69, 0);
	expect(6, TAG(0x7006));
}

static void stations_are_known_by_vlan(void **state)
{
	input(4, 0xff, 20, TAG(5));
	input(69, 20, 21, TAG(5));
	expect(4, TAG(5));
	nobody_else();
	input(3, 20, 22, 0);
	expect(4, TAG(5));
	nobody_else();
	input(4, 22, 20, TAG(5));
	expect(3, 0);
	nobody_else();
	input(69, 20, 21, 0);		/* in VLAN 6 nobody knows it */
	expect(4, TAG(6));
	expect(6, TAG(6));
	nobody_else();
}

static void a_hub_ignores_vlans(void **state)
{
	core.hub = true;
	assert_int_equal(input(1, 0xff, 10, TAG(4000)), CORE_TAKEN);
	for (uint32_t i = 2; i < PORTS; i++) {
		if (i <= 6 && i != 5)
			expect(i, TAG(4000));
	}
	expect(69, TAG(4000));
	nobody_else();
}

static void errors_are_those_of_vde_switch(void **state)
{
	uint32_t changes = core.changes;

	assert_int_equal(vlan_create(&core, 5), -EEXIST);
	assert_int_equal(vlan_create(&core, VLAN_NONE), -EINVAL);
	assert_int_equal(vlan_remove(&core, 7), -ENXIO);
	assert_int_equal(vlan_remove(&core, 5), -EADDRINUSE);
	assert_int_equal(vlan_add_port(&core, 7, 1), -ENXIO);
	assert_int_equal(vlan_add_port(&core, 5, PORTS), -EINVAL);
	assert_int_equal(vlan_add_port(&core, 5, 3), -EINVAL);
	assert_int_equal(vlan_del_port(&core, 5, 3), -EINVAL);
	assert_int_equal(vlan_set_untagged(&core, 1, 7), -ENXIO);
	assert_int_equal(vlan_set_untagged(&core, 1, 4096), -EINVAL);
	assert_int_equal(core.changes, changes);
	assert_int_equal(vlan_set_untagged(&core, 3, 0), 0);
	assert_int_equal(vlan_del_port(&core, 5, 4), 0);
	assert_int_equal(vlan_remove(&core, 5), -EADDRINUSE);	/* by 69 alone */
	assert_int_equal(vlan_del_port(&core, 5, 69), 0);
	assert_int_equal(core.changes, changes + 3);
	assert_int_equal(vlan_remove(&core, 5), 0);
	assert_false(vlan_exists(&core, 5));
	assert_int_equal(vlan_set_untagged(&core, 69, VLAN_NONE), 0);
	assert_int_equal(vlan_add_port(&core, 0, 69), 0);
	assert_int_equal(input(69, 0xff, 9, TAG(0)), CORE_TAKEN);	/* as vde_switch has it */
	expect(1, 0);
}

/* What was learned of a port in a VLAN goes when it leaves the VLAN. */
static void leaving_a_vlan_forgets_its_addresses(void **state)
{
	input(4, 0xff, 20, TAG(5));
	input(4, 0xff, 20, TAG(6));
	vlan_del_port(&core, 5, 4);
	assert_int_equal(core.fdb.map.count, 1);
	input(3, 20, 22, 0);
	expect(69, TAG(5));
	nobody_else();
}

static void plain_is_the_same_untagged_vlan(void **state)
{
	assert_true(core_plain(&core, 1, 2));
	assert_false(core_plain(&core, 1, 3));
	assert_false(core_plain(&core, 4, 6));		/* neither has one */
	assert_false(core_plain(&core, 1, 5));		/* down */
	core_rules(&core, 1);
	core_rules_changed(&core, 1);
	assert_null(core.port[1].rules);
	core.hub = true;
	assert_false(core_plain(&core, 1, 2));
}

static struct pkt *packet(struct arena *a, uint32_t in_head, const uint8_t *b, uint32_t len)
{
	struct pkt *pkt = pkt_new();

	pkt->start = pkt->cur = 0;
	pkt->end = (uint16_t)in_head;
	memcpy(pkt->head, b, in_head);
	assert_true(pkt_append(pkt, a, b + in_head, len - in_head));
	return pkt;
}

/* Payload by reference, notes of offload moved: tag stripped, then added. */
static void packets_keep_their_notes(void **state)
{
	struct arena *a = arena_heap_new(1 << 20);
	uint8_t b[3000];

	for (unsigned tagged = 0; tagged < 2; tagged++) {
		unsigned hlen = tagged ? 58 : 54;
		struct pkt *pkt = packet(a, hlen, b, make(b, 0xff, 10, tagged ? TAG(5) : 0, 3000));
		struct frame f = { .p = pkt->head, .len = hlen + 1000, .pkt = pkt };
		size_t used = arena_heap_used(a);

		pkt->sum = PKT_SUM_PARTIAL;
		pkt->sum_start = (uint16_t)(hlen - 20);
		pkt->sum_off = 16;
		pkt->gso_size = 1000;
		pkt->gso_hlen = (uint16_t)hlen;
		memset(got, 0, sizeof(got));
		assert_int_equal(core_input(&core, tagged ? 4 : 3, &f, 0), CORE_TAKEN);
		assert_int_equal(arena_heap_used(a), used);
		for (uint32_t port = 3; port < PORTS; port++) {
			struct got *g = &got[port];
			unsigned want = g->tag ? 58 : 54;

			if (!g->times)
				continue;
			assert_int_equal(g->tag != 0, port != 3);
			assert_int_equal(g->gso_hlen, want);
			assert_int_equal(g->sum_start, want - 20);
			assert_int_equal(g->len, want + 1000);
			for (unsigned i = want; i < 2000; i++)
				assert_int_equal(g->frame[i], (uint8_t)(i - (g->tag ? 4 : 0)));
		}
		pkt_free(pkt);
	}
	assert_int_equal(arena_heap_used(core.arena), 0);
	arena_heap_unref(a);
}

/* What came in a record: a tag makes a packet of it, with its notes. */
static void small_frames_keep_their_notes(void **state)
{
	struct wire_small s;
	uint8_t b[100];
	struct frame f = { .p = s.b, .len = sizeof(b), .small = &s };

	wire_small_set(&s, b, make(b, 0xff, 10, 0, sizeof(b)));
	s.rec.sum = PKT_SUM_PARTIAL;
	s.rec.sum_start = 34;
	s.rec.sum_off = 16;
	memset(got, 0, sizeof(got));
	assert_int_equal(core_input(&core, 3, &f, 0), CORE_TAKEN);
	assert_int_equal(got[69].times, 1);
	assert_int_equal(got[69].tag, TAG(5));
	assert_int_equal(got[69].len, 104);
	assert_int_equal(got[69].sum, PKT_SUM_PARTIAL);
	assert_int_equal(got[69].sum_start, 38);
	for (unsigned i = 18; i < 104; i++)
		assert_int_equal(got[69].frame[i], (uint8_t)(i - 4));
}

/* A head without room for a tag, and notes that would lie in the link header. */
static void odd_packets(void **state)
{
	struct arena *a = arena_heap_new(1 << 20);
	uint8_t b[1000];
	struct pkt *pkt = packet(a, PKT_HEAD, b, make(b, 0xff, 10, 0, 1000));
	struct frame f = { .p = pkt->head, .len = 1000, .pkt = pkt };

	memset(got, 0, sizeof(got));
	core_input(&core, 3, &f, 0);
	for (unsigned i = 18; i < 1004; i++)
		assert_int_equal(got[4].frame[i], (uint8_t)(i - 4));
	assert_int_equal(got[69].len, 1004);
	pkt->gso_size = 100;
	pkt->gso_hlen = PKT_HEAD;
	core_input(&core, 3, &f, 0);
	pkt_free(pkt);
	pkt = packet(a, 60, b, 1000);
	f.pkt = pkt;
	f.p = pkt->head;
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_start = 13;
	core_input(&core, 3, &f, 0);
	assert_int_equal(core.port[4].drops[CORE_TAG_OUT], 2);
	pkt->sum = PKT_SUM_NONE;
	pkt->gso_size = 100;
	pkt->gso_hlen = 14;
	core_input(&core, 3, &f, 0);
	assert_int_equal(core.port[4].drops[CORE_TAG_OUT], 3);
	assert_int_equal(got[4].times, 1);
	pkt_free(pkt);
	assert_int_equal(arena_heap_used(core.arena), 0);
	arena_heap_unref(a);
}

static void short_tags(void **state)
{
	uint8_t b[20];
	struct frame f = { .p = b, .len = 17 };

	make(b, 0xff, 10, TAG(5), 20);
	assert_int_equal(core_input(&core, 4, &f, 0), CORE_SHORT);
	f.len = 18;
	memset(got, 0, sizeof(got));
	assert_int_equal(core_input(&core, 4, &f, 0), CORE_TAKEN);
	assert_int_equal(got[3].len, 14);
	assert_int_equal(got[69].len, 18);
}

/* What the switch says itself has the port's tag. */
static void a_frame_of_our_own(void **state)
{
	uint8_t b[96];
	struct frame f = { .p = b, .len = make(b, 0xff, 10, 0, 96) };

	memset(got, 0, sizeof(got));
	core_send(&core, 4, 6, &f, 0);
	expect(4, TAG(6));
	core_send(&core, 69, 6, &f, 0);
	expect(69, 0);
	core_send(&core, 1, 6, &f, 0);
	core_send(&core, 5, 0, &f, 0);
	nobody_else();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vlans_are_flooded_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tag_must_be_of_the_port, setup, teardown),
		cmocka_unit_test_setup_teardown(priorities, setup, teardown),
		cmocka_unit_test_setup_teardown(stations_are_known_by_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hub_ignores_vlans, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_are_those_of_vde_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(leaving_a_vlan_forgets_its_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(plain_is_the_same_untagged_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(packets_keep_their_notes, setup, teardown),
		cmocka_unit_test_setup_teardown(small_frames_keep_their_notes, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(short_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_of_our_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
