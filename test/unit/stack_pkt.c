/* stack_pkt.c - packets and arenas */
#include "unit.h"

#include <stdlib.h>

#include "base/rand.h"
#include "base/sum.h"
#include "stack/pkt.h"

#define LIMIT ((size_t)1 << 20)

static struct arena *arena;

static int start(void **state)
{
	arena = arena_heap_new(LIMIT);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

static void fill(uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(i * 131 + (i >> 8));
}

/* n bytes in spans of at most piece. */
static struct pkt *make(const uint8_t *b, uint32_t n, uint32_t piece)
{
	struct pkt *pkt = pkt_new();

	for (uint32_t i = 0; i < n; i += piece)
		assert_true(pkt_append(pkt, arena, b + i, MIN(piece, n - i)));
	return pkt;
}

static void chunks_are_aligned_and_bounded(void **state)
{
	struct chunk *c[16];
	unsigned n = 0;

	for (uint32_t want = 1; want <= CHUNK_MAX * 2; want *= 3) {
		struct chunk *one = arena->alloc(arena, want);

		assert_non_null(one);
		assert_int_equal((uintptr_t)one->data % 64, 0);
		assert_int_equal(one->size, MIN(want, CHUNK_MAX));
		memset(one->data, 0x55, one->size);
		chunk_unref(one);
	}
	while (n < ARRAY_LEN(c) && (c[n] = arena->alloc(arena, CHUNK_MAX)))
		n++;
	assert_int_equal(n, LIMIT / CHUNK_MAX);
	assert_null(arena->alloc(arena, 1));
	while (n)
		chunk_unref(c[--n]);
}

static void freed_last_is_used_first(void **state)
{
	struct chunk *a = arena->alloc(arena, 2000), *b = arena->alloc(arena, 2000);

	chunk_unref(b);
	chunk_unref(a);
	assert_ptr_equal(arena->alloc(arena, 1500), a);
	chunk_unref(a);
}

static void arena_outlives_its_owner(void **state)
{
	struct arena *own = arena_heap_new(LIMIT);
	struct pkt *pkt = pkt_new();

	assert_true(pkt_append(pkt, own, "abc", 3));
	arena_heap_unref(own);
	assert_memory_equal(pkt->ext[0].p, "abc", 3);
	pkt_free(pkt);		/* the sanitizer sees whether the arena went too */
}

static void pull_copies_across_extents(void **state)
{
	uint8_t b[300];
	struct pkt *pkt;

	fill(b, sizeof(b));
	for (uint32_t piece = 16; piece < 300; piece += 41) {
		pkt = make(b, sizeof(b), piece);
		assert_memory_equal(pkt_pull(pkt, 14), b, 14);
		pkt_skip(pkt, 14);
		assert_memory_equal(pkt_pull(pkt, 40), b + 14, 40);
		assert_memory_equal(pkt_pull(pkt, 20), b + 14, 20);
		pkt_skip(pkt, 40);
		assert_int_equal(pkt_len(pkt), 300 - 54);
		assert_memory_equal(pkt_pull(pkt, 120), b + 54, 120);
		assert_null(pkt_pull(pkt, 301 - 54));		/* not that long */
		assert_null(pkt_pull(pkt, 300 - 54));		/* head too small */
		pkt_free(pkt);
	}
}

/* What the peer writes into its memory after we looked changes nothing. */
static void pulled_headers_are_ours(void **state)
{
	struct pkt *pkt = make((const uint8_t *)"header", 6, 6);
	uint8_t *theirs = pkt->ext[0].p;

	pkt_pull(pkt, 6);
	memset(theirs, 'x', 6);
	assert_memory_equal(pkt_pull(pkt, 6), "header", 6);
	pkt_free(pkt);
}

static void trim_and_copy(void **state)
{
	uint8_t b[500], out[500];
	struct rng rng;

	fill(b, sizeof(b));
	rng_seed(&rng, 1);
	for (int i = 0; i < 2000; i++) {
		struct pkt *pkt = make(b, sizeof(b), 30 + rng_below(&rng, 200));
		uint32_t pull = rng_below(&rng, 60), front = rng_below(&rng, 520);
		uint32_t to = rng_below(&rng, 520), left, off, n;

		pkt_pull(pkt, pull);
		pkt_trim_front(pkt, front);
		front = MIN(front, 500u);
		pkt_trim_to(pkt, to);
		left = MIN(500 - front, to);
		assert_int_equal(pkt_len(pkt), left);
		off = rng_below(&rng, 500);
		n = pkt_copy(pkt, off, out, rng_below(&rng, 500));
		assert_true(n <= (off < left ? left - off : 0));
		assert_memory_equal(out, b + front + off, n);
		pkt_free(pkt);
	}
}

static void push_moves_the_notes(void **state)
{
	struct pkt *pkt = pkt_new();

	pkt_push(pkt, 20);
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_off = 16;
	pkt->gso_size = 1000;
	pkt->gso_hlen = 20;
	pkt_push(pkt, 40);
	pkt_push(pkt, 14);
	assert_int_equal(pkt->cur, pkt->start);
	assert_int_equal(pkt->sum_start, 54);
	assert_int_equal(pkt->gso_hlen, 74);
	assert_null(pkt_push(pkt, PKT_HEADROOM));
	pkt_free(pkt);
}

static void partial_sum_is_finished(void **state)
{
	struct ip_addr src = IP4(10, 0, 0, 1), dst = IP4(10, 0, 0, 2);
	uint8_t b[99];

	fill(b, sizeof(b));
	for (uint32_t n = 0; n <= sizeof(b); n += 33) {
		struct pkt *pkt = make(b, n, 7);
		uint8_t *h = pkt_push(pkt, 8);
		struct sum s = { 0 };
		be16 partial;

		memset(h, 0, 8);
		h[5] = (uint8_t)(8 + n);
		sum_pseudo(&s, &src, &dst, 17, 8 + n);
		partial = be16_put(sum_partial(&s));
		memcpy(h + 6, &partial, 2);
		pkt->sum = PKT_SUM_PARTIAL;
		pkt->sum_off = 6;
		pkt_push(pkt, 20);
		pkt_sum_finish(pkt);
		assert_int_equal(pkt->sum, PKT_SUM_NONE);
		pkt_sum(pkt, 20, 8 + n, &s);
		assert_int_equal(sum_end(&s), 0);
		pkt_free(pkt);
	}
}

static void clone_and_slice_share_payload(void **state)
{
	uint8_t b[100], out[100];
	struct pkt *pkt, *c, *s;

	fill(b, sizeof(b));
	pkt = make(b, sizeof(b), 40);
	memcpy(pkt_push(pkt, 8), "headers!", 8);
	c = pkt_clone(pkt);
	s = pkt_slice(pkt, 4, 60);
	assert_ptr_equal(c->ext[0].p, pkt->ext[0].p);
	pkt_free(pkt);
	assert_int_equal(pkt_copy(c, 0, out, 100), 100);
	assert_memory_equal(out, "headers!", 8);
	assert_memory_equal(out + 8, b, 92);
	assert_int_equal(pkt_copy(s, 0, out, 100), 60);
	assert_memory_equal(out, "ers!", 4);
	assert_memory_equal(out + 4, b, 56);
	assert_non_null(pkt_push(s, 100));	/* room in front again */
	pkt_free(c);
	pkt_free(s);
}

static void turn_keeps_what_is_left(void **state)
{
	uint8_t b[150], out[150];
	struct pkt *pkt;

	fill(b, sizeof(b));
	for (unsigned skip = 0; skip <= 140; skip += 20) {
		pkt = make(b, sizeof(b), 50);
		pkt_pull(pkt, 140);
		pkt_skip(pkt, skip);
		pkt->sum = PKT_SUM_OK;
		pkt_turn(pkt);
		assert_int_equal(pkt->sum, PKT_SUM_NONE);
		assert_non_null(pkt_push(pkt, 70));
		pkt_skip(pkt, 70);
		assert_int_equal(pkt_copy(pkt, 0, out, 150), 150 - skip);
		assert_memory_equal(out, b + skip, 150 - skip);
		pkt_free(pkt);
	}
}

static void table_of_extents_is_bounded(void **state)
{
	struct pkt *pkt = pkt_new();
	struct iovec iov[PKT_EXTS + 1];

	for (int i = 0; i < PKT_EXTS; i++)
		assert_true(pkt_append(pkt, arena, "x", 1));
	assert_false(pkt_append(pkt, arena, "x", 1));
	pkt_push(pkt, 4);
	assert_int_equal(pkt_iov(pkt, iov), PKT_EXTS + 1);
	assert_int_equal(pkt_len(pkt), PKT_EXTS + 4);
	pkt_free(pkt);
}

static void truesize_counts_chunks_once(void **state)
{
	struct chunk *c = arena->alloc(arena, 4096);
	struct pkt *pkt = pkt_new();
	uint32_t bare = pkt->truesize;

	pkt_add_ext(pkt, chunk_ref(c), c->data, 10);
	pkt_add_ext(pkt, c, c->data + 10, 10);
	assert_int_equal(pkt->truesize, bare + 4096);
	pkt_trim_front(pkt, 15);
	assert_int_equal(pkt->truesize, bare + 4096);
	pkt_trim_front(pkt, 5);
	assert_int_equal(pkt->truesize, bare);
	pkt_free(pkt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chunks_are_aligned_and_bounded, start, end),
		cmocka_unit_test_setup_teardown(freed_last_is_used_first, start, end),
		cmocka_unit_test(arena_outlives_its_owner),
		cmocka_unit_test_setup_teardown(pull_copies_across_extents, start, end),
		cmocka_unit_test_setup_teardown(pulled_headers_are_ours, start, end),
		cmocka_unit_test_setup_teardown(trim_and_copy, start, end),
		cmocka_unit_test_setup_teardown(push_moves_the_notes, start, end),
		cmocka_unit_test_setup_teardown(partial_sum_is_finished, start, end),
		cmocka_unit_test_setup_teardown(clone_and_slice_share_payload, start, end),
		cmocka_unit_test_setup_teardown(turn_keeps_what_is_left, start, end),
		cmocka_unit_test_setup_teardown(table_of_extents_is_bounded, start, end),
		cmocka_unit_test_setup_teardown(truesize_counts_chunks_once, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
