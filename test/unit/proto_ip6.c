/* proto_ip6.c - the IPv6 header, extension headers, options */
#include "proto_test.h"

static void random_header(struct rng *rng, struct ip6 *h)
{
	random_bytes(rng, h, sizeof(*h));
	h->flow &= 0xfffff;
	h->src = random_v6(rng);
	h->dst = random_v6(rng);
}

static void round_trip(void **state)
{
	uint8_t b[IP6_LEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 2000; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));
		struct ip6 x, y;

		random_header(&rng, &x);
		ip6_emit(&w, &x);
		assert_int_equal(wr_len(&w), IP6_LEN);
		assert_true(ip6_parse(&r, &y) && ip6_eq(&x, &y));
		assert_int_equal(rd_left(&r), 0);
	}
	check_short(ip6_parse, struct ip6, b, IP6_LEN);
}

static void first_word(void **state)
{
	struct ip6 h = { .tclass = 0xab, .flow = 0x12345, .plen = 9, .next = 6,
			 .hops = 64, .src = addr("fe80::1"), .dst = addr("ff02::1") };
	uint8_t b[IP6_LEN];
	struct wr w = wr_of(b, sizeof(b));

	ip6_emit(&w, &h);
	assert_memory_equal(b, "\x6a\xb1\x23\x45\x00\x09\x06\x40", 8);
	check_print(ip6_print, &h,
		    "fe80::1 > ff02::1 ip6 next 6 plen 9 hops 64 class 0xab flow 0x12345");
	b[0] = 0x4a;
	assert_false(ip6_parse(&(struct rd){ b, b + IP6_LEN, false }, &h));
}

static void mapped_addresses_are_refused(void **state)
{
	struct ip6 h = { .src = addr("fe80::1"), .dst = addr("fe80::2") };
	uint8_t b[IP6_LEN];

	for (int i = 0; i < 3; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));
		struct ip6 x = h, y;

		if (i == 1)
			x.src = IP4(10, 0, 0, 1);
		if (i == 2)
			x.dst = IP4(10, 0, 0, 1);
		ip6_emit(&w, &x);
		assert_int_equal(ip6_parse(&r, &y), i == 0);
	}
}

static void extension_headers(void **state)
{
	static const uint8_t b[] = { 6, 1, 5, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct rd r = rd_of(b, sizeof(b));
	struct ip6_ext e;

	assert_true(ip6_ext_parse(&r, &e));
	assert_true(e.next == 6 && e.len == 16 && rd_left(&e.body) == 14);
	assert_int_equal(rd_left(&r), 0);
	check_short(ip6_ext_parse, struct ip6_ext, b, sizeof(b));
}

static void the_longest_extension_header(void **state)
{
	static uint8_t b[2048] = { 59, 255 };
	struct rd r = rd_of(b, sizeof(b));
	struct ip6_ext e;

	assert_true(ip6_ext_parse(&r, &e));
	assert_int_equal(e.len, 2048);
	r = rd_of(b, sizeof(b) - 1);
	assert_false(ip6_ext_parse(&r, &e));
}

static void options(void **state)
{
	static const uint8_t b[] = { 0, 0, 5, 2, 0xab, 0xcd, 1, 0, 0, 1, 3, 0, 0, 0, 0 };
	struct rd r = rd_of(b, sizeof(b));
	struct ip6_opt o;

	assert_true(ip6_opt_next(&r, &o));
	assert_true(o.type == 5 && o.len == 2);
	assert_memory_equal(o.data, "\xab\xcd", 2);
	assert_true(ip6_opt_next(&r, &o) && o.type == 1 && o.len == 0);
	assert_true(ip6_opt_next(&r, &o) && o.type == 1 && o.len == 3);
	assert_false(ip6_opt_next(&r, &o));
	assert_false(r.fail);
}

static void malformed_options(void **state)
{
	static const struct { uint8_t b[4]; size_t n; } t[] = {
		{ { 5 }, 1 }, { { 5, 1 }, 2 }, { { 0, 5, 2, 0 }, 4 }, { { 1, 255 }, 2 },
	};
	struct ip6_opt o;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct rd r = rd_of(t[i].b, t[i].n);

		assert_false(ip6_opt_next(&r, &o));
		assert_true(r.fail);
		assert_false(ip6_opt_next(&r, &o));
	}
}

static void fragment_header(void **state)
{
	uint8_t b[IP6_FRAG_LEN];
	struct rng rng;

	rng_seed(&rng, 2);
	for (int i = 0; i < 1000; i++) {
		struct ip6_frag y, x = {
			.next = (uint8_t)rng_below(&rng, 256),
			.off = (uint16_t)(rng_below(&rng, 8192) * 8),
			.more = rng_below(&rng, 2), .id = (uint32_t)rng_u64(&rng),
		};
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));

		ip6_frag_emit(&w, &x);
		assert_true(ip6_frag_parse(&r, &y) && ip6_frag_eq(&x, &y));
	}
	check_short(ip6_frag_parse, struct ip6_frag, b, IP6_FRAG_LEN);
	check_print(ip6_frag_print, (&(struct ip6_frag){ 17, 1448, true, 5 }),
		    "frag 5@1448+ next 17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(first_word),
		cmocka_unit_test(mapped_addresses_are_refused),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(the_longest_extension_header),
		cmocka_unit_test(options),
		cmocka_unit_test(malformed_options),
		cmocka_unit_test(fragment_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
