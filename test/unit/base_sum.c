/* base_sum.c - the checksum against one that adds 16 bits at a time */
#include "base/rand.h"
#include "base/sum.h"
#include "unit.h"

static uint16_t naive(const uint8_t *p, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i < n; i++) {
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		s = (s & 0xffff) + (s >> 16);
	}
	return (uint16_t)~s;
}

static void fill(struct rng *r, uint8_t *p, size_t n)
{
	unsigned how = rng_below(r, 8);

	for (size_t i = 0; i < n; i++)
		p[i] = how == 0 ? 0xff : how == 1 ? 0 : (uint8_t)rng_u64(r);
}

static uint16_t whole(const void *p, size_t n)
{
	struct sum s = { 0 };

	sum_add(&s, p, n);
	return sum_end(&s);
}

static uint16_t plain(const void *p, size_t n)
{
	struct sum s = { 0 };

	sum_add_plain(&s, p, n);
	return sum_end(&s);
}

static void example_of_rfc1071(void **state)
{
	static const uint8_t b[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct sum s = { 0 };

	sum_add(&s, b, sizeof(b));
	assert_int_equal(sum_partial(&s), 0xddf2);
	assert_int_equal(sum_end(&s), 0x220d);
	assert_int_equal(whole(NULL, 0), 0xffff);
}

static void same_as_naive_for_every_length(void **state)
{
	struct rng r;
	uint8_t b[700 + 8];

	rng_seed(&r, 1);
	for (size_t n = 0; n <= 700; n++) {
		size_t off = rng_below(&r, 8);

		fill(&r, b, sizeof(b));
		assert_int_equal(whole(b + off, n), naive(b + off, n));
		assert_int_equal(plain(b + off, n), naive(b + off, n));
	}
}

static void same_in_pieces_of_any_length(void **state)
{
	static uint8_t b[70000];
	struct rng r;

	rng_seed(&r, 2);
	for (int round = 0; round < 300; round++) {
		size_t n = rng_below(&r, round % 10 ? 2000 : sizeof(b)), at = 0;
		struct sum s = { 0 };

		fill(&r, b, n);
		while (at < n) {
			size_t k = rng_below(&r, round % 3 ? 9 : 999);

			k = MIN(k, n - at);
			sum_add(&s, b + at, k);
			at += k;
		}
		assert_int_equal(sum_end(&s), naive(b, n));
		assert_int_equal(s.odd, n & 1);
	}
}

static void a_right_checksum_sums_to_zero(void **state)
{
	struct rng r;
	uint8_t b[100];

	rng_seed(&r, 3);
	for (int i = 0; i < 500; i++) {
		be16 v;

		fill(&r, b, sizeof(b));
		b[50] = b[51] = 0;
		v = be16_put(whole(b, sizeof(b)));
		memcpy(b + 50, &v, 2);
		assert_int_equal(whole(b, sizeof(b)), 0);
	}
}

static void pseudo_headers(void **state)
{
	struct ip_addr a4 = IP4(192, 0, 2, 1), b4 = IP4(198, 51, 100, 7);
	struct ip_addr a6, b6;
	uint8_t p4[12] = { 192, 0, 2, 1, 198, 51, 100, 7, 0, 17, 0x12, 0x34 };
	uint8_t p6[40] = { [32] = 0x00, 0x01, 0x12, 0x34, 0, 0, 0, 6 };
	struct sum s = { 0 };

	sum_pseudo(&s, &a4, &b4, 17, 0x1234);
	assert_int_equal(sum_end(&s), naive(p4, sizeof(p4)));

	assert_true(ip_parse_text("2001:db8::1:2", &a6));
	assert_true(ip_parse_text("fe80::abcd", &b6));
	memcpy(p6, a6.b, 16);
	memcpy(p6 + 16, b6.b, 16);
	s = (struct sum){ 0 };
	sum_pseudo(&s, &a6, &b6, 6, 0x11234);
	assert_int_equal(sum_end(&s), naive(p6, sizeof(p6)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_rfc1071),
		cmocka_unit_test(same_as_naive_for_every_length),
		cmocka_unit_test(same_in_pieces_of_any_length),
		cmocka_unit_test(a_right_checksum_sums_to_zero),
		cmocka_unit_test(pseudo_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
