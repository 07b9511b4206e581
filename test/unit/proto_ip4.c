/* proto_ip4.c - the IPv4 header */
#include "base/sum.h"
#include "proto_test.h"

/* The example header of many textbooks; its checksum is 0xb861. */
static const uint8_t plain[IP4_LEN] = {
	0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
	0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
};

static void fields(void **state)
{
	struct rd r = rd_of(plain, sizeof(plain));
	uint8_t b[IP4_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct ip4 h;

	assert_true(ip4_parse(&r, &h));
	assert_int_equal(rd_left(&r), 0);
	assert_true(h.hlen == 20 && h.len == 115 && h.flags == IP4_DF && h.frag == 0);
	assert_true(h.ttl == 64 && h.proto == 17 && h.sum == 0xb861);
	check_print(ip4_print, &h, "192.168.0.1 > 192.168.0.199 ip4 proto 17 len 115 ttl 64 DF");
	ip4_emit(&w, &h);
	assert_memory_equal(b, plain, sizeof(b));
	check_short(ip4_parse, struct ip4, plain, IP4_LEN);
}

static bool parses(const uint8_t *from, size_t n, size_t at, uint8_t value)
{
	uint8_t b[IP4_MAXLEN] = { 0 };
	struct rd r = rd_of(b, n);
	struct ip4 h;

	memcpy(b, from, IP4_LEN);
	b[at] = value;
	return ip4_parse(&r, &h);
}

static void malformed(void **state)
{
	assert_true(parses(plain, 20, 0, 0x45));
	assert_false(parses(plain, 20, 0, 0x65));	/* version */
	assert_false(parses(plain, 20, 0, 0x44));	/* hlen 16 */
	assert_false(parses(plain, 20, 0, 0x40));
	assert_false(parses(plain, 23, 0, 0x46));	/* options cut */
	assert_true(parses(plain, 24, 0, 0x46));
	assert_true(parses(plain, 60, 0, 0x4f));
	assert_false(parses(plain, 20, 3, 19));		/* len < hlen */
	assert_true(parses(plain, 20, 3, 20));
	assert_true(parses(plain, 20, 2, 0xff));	/* more than is there */
	assert_true(parses(plain, 20, 6, 0x80));	/* reserved flag: ignored */
}

static void random_header(struct rng *rng, struct ip4 *h, uint8_t *opts)
{
	random_bytes(rng, h, sizeof(*h));
	h->hlen = (uint8_t)(IP4_LEN + 4 * rng_below(rng, 11));
	h->len = (uint16_t)(h->hlen + rng_below(rng, 60000));
	h->flags &= IP4_DF | IP4_MF;
	h->frag &= 0xfff8;
	h->src = random_v4(rng);
	h->dst = random_v4(rng);
	random_bytes(rng, opts, IP4_MAXLEN - IP4_LEN);
	h->opts = opts;
}

static void round_trip(void **state)
{
	uint8_t b[IP4_MAXLEN], opts[IP4_MAXLEN - IP4_LEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 2000; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct rd r = rd_of(b, sizeof(b));
		struct sum s = { 0 };
		struct ip4 x, y;

		random_header(&rng, &x, opts);
		ip4_emit(&w, &x);
		assert_int_equal(wr_len(&w), x.hlen);
		sum_add(&s, b, x.hlen);
		assert_int_equal(sum_end(&s), 0);
		assert_true(ip4_parse(&r, &y) && ip4_eq(&x, &y));
		assert_int_equal(r.p - b, x.hlen);
		assert_true(y.opts == b + IP4_LEN);
	}
}

static void emit_without_room_writes_nothing(void **state)
{
	uint8_t b[IP4_LEN] = { 0 }, zero[IP4_LEN] = { 0 };
	struct wr w = wr_of(b, IP4_LEN - 1);
	struct ip4 h = { .hlen = IP4_LEN, .len = IP4_LEN };

	ip4_emit(&w, &h);
	assert_true(w.fail);
	assert_memory_equal(b, zero, sizeof(b));
}

static void print_of_fragments_and_options(void **state)
{
	struct ip4 h = { .hlen = 24, .len = 100, .id = 7, .flags = IP4_MF, .frag = 1480,
			 .ttl = 1, .proto = 6, .tos = 0x10, .src = IP4_ANY, .dst = IP4_ANY };

	check_print(ip4_print, &h, "0.0.0.0 > 0.0.0.0 ip4 proto 6 len 100 ttl 1 "
		    "tos 0x10 frag 7@1480+ options 4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(malformed),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(emit_without_room_writes_nothing),
		cmocka_unit_test(print_of_fragments_and_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
