/* plug_offload.c - super-frames become the frames a naive sender would send */
#include "plug_bag.h"

/* Each segment equals the one made directly from its part of the payload. */
static void cut_and_compare(struct seg s, uint16_t size)
{
	uint32_t off = 0, total = s.len;
	uint8_t flags = s.flags ? s.flags : TCP_ACK;
	uint32_t seq = s.seq;
	uint16_t id = s.id;

	offload_out(seg_out(arena, &s, size), bag_emit, &bag);
	assert_int_equal(bag.n, (total + size - 1) / size);
	for (unsigned i = 0; off < total; i++) {
		struct pkt *pkt = bag_pop(&bag);
		struct seg part = s;

		part.len = MIN(size, total - off);
		part.seq = seq + off;
		part.id = (uint16_t)(id + i);
		part.flags = flags;
		if (off)
			part.flags &= (uint8_t)~TCP_CWR;
		if (off + part.len < total)
			part.flags &= (uint8_t)~(TCP_FIN | TCP_PSH);
		assert_seg(pkt, &part);
		assert_int_equal(pkt->sum, PKT_SUM_NONE);
		assert_int_equal(pkt->gso_size, 0);
		off += part.len;
		pkt_free(pkt);
	}
}

static void segments_are_as_a_naive_sender_makes_them(void **state)
{
	static const struct seg segs[] = {
		{ .seq = 1, .ack = 5, .len = 60000, .id = 100 },
		{ .seq = 1, .ack = 5, .len = 60000, .v6 = true },
		{ .seq = 0xfffff000, .len = 20000, .id = 0xfffe },
		{ .seq = 9, .len = 5000, .flags = TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR | TCP_ECE },
		{ .seq = 9, .len = 2896, .v6 = true, .flags = TCP_ACK | TCP_PSH, .tos = 2 },
		{ .seq = 9, .len = 1449 },
	};

	for (size_t i = 0; i < ARRAY_LEN(segs); i++) {
		cut_and_compare(segs[i], 1448);
		cut_and_compare(segs[i], 1439);
		cut_and_compare(segs[i], 536);
	}
}

static void what_fits_is_only_summed(void **state)
{
	struct seg s = { .seq = 3, .len = 1000, .flags = TCP_ACK | TCP_PSH };

	cut_and_compare(s, 1448);
	cut_and_compare(s, 1000);
	s.v6 = true;
	cut_and_compare(s, 1448);
	s.len = 0;
	offload_out(seg_out(arena, &s, 0), bag_emit, &bag);
	assert_int_equal(bag.n, 1);
	assert_seg(list_first(&bag.frames, struct pkt, link), &s);
}

/* The payload is not copied: the segments' bytes lie in the sender's chunks. */
static void payload_stays_by_reference(void **state)
{
	struct seg s = { .seq = 1, .len = 60000 };
	struct pkt *pkt = seg_out(arena, &s, 1448);
	size_t used = arena_heap_used(arena);

	offload_out(pkt, bag_emit, &bag);
	assert_int_equal(arena_heap_used(arena), used);
}

static void a_complete_frame_passes_unchanged(void **state)
{
	struct pkt *pkt = plain_frame(arena, 300, 5);

	offload_out(pkt, bag_emit, &bag);
	assert_int_equal(bag.n, 1);
	assert_ptr_equal(bag_pop(&bag), pkt);
	pkt_free(pkt);
}

/* gso notes on something that is not TCP over IP must not be believed. */
static void nonsense_is_not_cut(void **state)
{
	static const uint16_t hlens[] = { 0, 14, 54, 100, 250, 2000 };

	for (size_t i = 0; i < ARRAY_LEN(hlens); i++) {
		struct pkt *pkt = plain_frame(arena, 4000, 5);

		pkt->gso_size = 1000;
		pkt->gso_hlen = hlens[i];
		offload_out(pkt, bag_emit, &bag);
		assert_int_equal(bag.n, 1);
		bag_empty(&bag);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(segments_are_as_a_naive_sender_makes_them, setup, teardown),
		cmocka_unit_test_setup_teardown(what_fits_is_only_summed, setup, teardown),
		cmocka_unit_test_setup_teardown(payload_stays_by_reference, setup, teardown),
		cmocka_unit_test_setup_teardown(a_complete_frame_passes_unchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_not_cut, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
