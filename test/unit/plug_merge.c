/* plug_merge.c - segments that follow each other become one packet */
#include "plug_frames.h"

#include "base/rand.h"

static struct arena *arena;
static struct bag bag;
static struct merge *merge;

static int setup(void **state)
{
	arena = arena_heap_new(16 << 20);
	bag_init(&bag);
	merge = merge_new(bag_emit, &bag);
	return 0;
}

static int teardown(void **state)
{
	bag_empty(&bag);
	merge_free(merge);
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

static void add(struct seg s)
{
	merge_add(merge, seg_in(arena, &s));
}

/* A merged packet: right lengths, sum verified, payload in order. */
static void assert_merged(struct pkt *pkt, struct seg s)
{
	uint32_t want_len, len;
	uint8_t *want = seg_bytes(&s, &want_len), *got = flat(pkt, &len);
	unsigned sum = seg_l4(&s) + 16;

	assert_int_equal(pkt->sum, PKT_SUM_OK);
	want[sum] = got[sum];		/* of the first part; not looked at */
	want[sum + 1] = got[sum + 1];
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
	free(want);
	free(got);
	pkt_free(pkt);
}

static void a_run_becomes_one(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		for (uint32_t i = 0; i < 10; i++)
			add((struct seg){ .v6 = v6, .seq = 0xffffff00 + i * 1448, .len = 1448, .id = 5 });
		assert_int_equal(bag.n, 0);
		merge_flush(merge);
		assert_int_equal(bag.n, 1);
		assert_int_equal(list_first(&bag.frames, struct pkt, link)->gso_size, 1448);
		assert_merged(bag_pop(&bag), (struct seg){ .v6 = v6, .seq = 0xffffff00,
							   .len = 14480, .id = 5 });
	}
}

static void a_push_ends_it_at_once(void **state)
{
	add((struct seg){ .seq = 0, .len = 1000 });
	add((struct seg){ .seq = 1000, .len = 1000, .flags = TCP_ACK | TCP_PSH });
	assert_int_equal(bag.n, 1);
	assert_merged(bag_pop(&bag), (struct seg){ .len = 2000, .flags = TCP_ACK | TCP_PSH });
}

static void a_shorter_segment_is_the_last(void **state)
{
	add((struct seg){ .seq = 0, .len = 1000 });
	add((struct seg){ .seq = 1000, .len = 10 });
	assert_int_equal(bag.n, 1);
	add((struct seg){ .seq = 1010, .len = 1000 });
	merge_flush(merge);
	assert_int_equal(bag.n, 2);
}

static void a_longer_segment_is_not_joined(void **state)
{
	add((struct seg){ .seq = 0, .len = 500 });
	add((struct seg){ .seq = 500, .len = 1000 });
	merge_flush(merge);
	assert_int_equal(bag.n, 2);
	assert_int_equal(list_first(&bag.frames, struct pkt, link)->paylen, 500);
}

/* Whatever differs keeps two segments apart and in order. */
static void what_differs_stays_apart(void **state)
{
	static const struct seg second[] = {
		{ .seq = 1001, .len = 1000 },			/* a gap */
		{ .seq = 999, .len = 1000 },			/* an overlap */
		{ .seq = 0, .len = 1000 },			/* again */
		{ .seq = 1000, .len = 1000, .ack = 1 },
		{ .seq = 1000, .len = 1000, .ts_val = 9 },
		{ .seq = 1000, .len = 1000, .tos = 3 },
		{ .seq = 1000, .len = 1000, .flags = TCP_ACK | TCP_URG },
		{ .seq = 1000, .len = 1000, .flags = TCP_ACK | TCP_CWR },
		{ .seq = 1000, .len = 1000, .flags = TCP_ACK | TCP_ECE },
		{ .seq = 1000, .len = 1000, .flags = TCP_RST },
		{ .seq = 1000, .len = 0 },
		{ .seq = 1000, .len = 1000, .v6 = true },
	};

	for (size_t i = 0; i < ARRAY_LEN(second); i++) {
		struct seg first = { .seq = 0, .len = 1000 };
		struct pkt *pkt;

		add(first);
		add(second[i]);
		merge_flush(merge);
		assert_int_equal(bag.n, 2);
		/* Only another family is another connection. */
		for (int n = 0; n < 2; n++) {
			pkt = bag_pop(&bag);
			assert_seg(pkt, n ? &second[i] : &first);
			pkt_free(pkt);
		}
	}
}

static void connections_are_merged_side_by_side(void **state)
{
	for (uint32_t i = 0; i < 5; i++) {
		for (uint16_t port = 1; port <= 4; port++)
			add((struct seg){ .src_port = port, .seq = i * 100, .len = 100 });
	}
	merge_flush(merge);
	assert_int_equal(bag.n, 4);
	for (uint16_t port = 1; port <= 4; port++)
		assert_merged(bag_pop(&bag), (struct seg){ .src_port = port, .len = 500 });
}

static void a_wrong_sum_is_not_hidden(void **state)
{
	struct seg s = { .seq = 1000, .len = 1000 };
	struct pkt *pkt = seg_in(arena, &s);

	add((struct seg){ .seq = 0, .len = 1000 });
	pkt->ext[0].p[500] ^= 1;
	merge_add(merge, pkt);
	add((struct seg){ .seq = 2000, .len = 1000 });
	merge_flush(merge);
	assert_int_equal(bag.n, 3);
	pkt_free(bag_pop(&bag));
	pkt = bag_pop(&bag);
	assert_int_equal(pkt->sum, PKT_SUM_NONE);
	pkt_free(pkt);
}

static void padding_is_cut_off(void **state)
{
	struct seg s = { .seq = 1000, .len = 10 };
	struct pkt *pkt = seg_in(arena, &s);

	assert_true(pkt_append(pkt, arena, "padding", 7));
	add((struct seg){ .seq = 0, .len = 1000 });
	merge_add(merge, pkt);
	assert_int_equal(bag.n, 1);
	assert_merged(bag_pop(&bag), (struct seg){ .len = 1010 });
}

static void other_frames_pass_in_order(void **state)
{
	add((struct seg){ .seq = 0, .len = 1000 });
	merge_add(merge, plain_frame(arena, 60, 77));
	assert_int_equal(bag.n, 2);
	pkt_free(bag_pop(&bag));
	assert_int_equal(plain_number(list_first(&bag.frames, struct pkt, link)), 77);
}

static void lengths_stay_within_an_ip_packet(void **state)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < 100; i++)
		add((struct seg){ .seq = i * 8000, .len = 8000 });
	merge_flush(merge);
	while (bag.n) {
		struct pkt *pkt = bag_pop(&bag);

		assert_true(pkt_len(pkt) <= 65535);
		assert_true(pkt->n_ext <= PKT_EXTS);
		total += pkt_len(pkt) - 66;
		pkt_free(pkt);
	}
	assert_int_equal(total, 800000);
}

/* Any mixture, then cut again: the bytes of each connection come out in order
 * and none is lost. */
static void merging_and_cutting_lose_nothing(void **state)
{
	struct rng rng;
	uint32_t next[4] = { 0 }, seen[4] = { 0 };
	struct bag cut;

	rng_seed(&rng, 42);
	bag_init(&cut);
	for (int i = 0; i < 3000; i++) {
		uint32_t c = rng_below(&rng, 4), len = rng_below(&rng, 3) ? 1000 : rng_below(&rng, 1000);

		add((struct seg){ .src_port = (uint16_t)(c + 1), .v6 = c & 1, .seq = next[c],
				  .len = len, .flags = rng_below(&rng, 9) ? 0 : TCP_ACK | TCP_PSH });
		next[c] += len;
		if (!rng_below(&rng, 30))
			merge_flush(merge);
	}
	merge_flush(merge);
	while (bag.n)
		offload_out(bag_pop(&bag), bag_emit, &cut);
	while (cut.n) {
		struct pkt *pkt = bag_pop(&cut);
		uint32_t len;
		uint8_t *p = flat(pkt, &len);
		unsigned l4 = p[12] == 0x86 ? 54 : 34, c = p[l4 + 1] - 1u;

		assert_true(len <= l4 + 32 + 1000);
		for (uint32_t i = l4 + 32; i < len; i++)
			assert_int_equal(p[i], seg_byte(seen[c]++));
		free(p);
		pkt_free(pkt);
	}
	for (int c = 0; c < 4; c++)
		assert_int_equal(seen[c], next[c]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_run_becomes_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_push_ends_it_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shorter_segment_is_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(a_longer_segment_is_not_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(what_differs_stays_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(connections_are_merged_side_by_side, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_sum_is_not_hidden, setup, teardown),
		cmocka_unit_test_setup_teardown(padding_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(other_frames_pass_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(lengths_stay_within_an_ip_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(merging_and_cutting_lose_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
