/* proto_tcp.c - the TCP header and its options */
#include "proto_test.h"

/* A header whose options are these bytes (a multiple of four, up to 40). */
static bool parse_opts(const void *opts, size_t n, struct tcp *h)
{
	uint8_t *b = xzalloc(TCP_LEN + n);
	struct rd r = rd_of(b, TCP_LEN + n);
	bool ok;

	b[12] = (uint8_t)((TCP_LEN + n) / 4 << 4);
	memcpy(b + TCP_LEN, opts, n);
	ok = tcp_parse(&r, h);
	assert_true(!ok || rd_left(&r) == 0);
	free(b);
	return ok;
}

/* The options as tcp_emit writes them. */
static size_t emit_opts(const struct tcp_opts *o, uint8_t *b)
{
	uint8_t all[TCP_MAXLEN];
	struct wr w = wr_of(all, sizeof(all));
	struct tcp h = { .o = *o };

	tcp_emit(&w, &h);
	assert_false(w.fail);
	assert_int_equal(wr_len(&w), tcp_hlen(o));
	assert_int_equal(all[12] >> 4, wr_len(&w) / 4);
	memcpy(b, all + TCP_LEN, wr_len(&w) - TCP_LEN);
	return wr_len(&w) - TCP_LEN;
}

static void fields(void **state)
{
	static const uint8_t b[] = {
		0x00, 0x50, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 2,
		0x60, 0x12, 0xff, 0xff, 0xab, 0xcd, 0, 3, 2, 4, 5, 0xb4,
	};
	struct rd r = rd_of(b, sizeof(b));
	struct tcp h;

	assert_true(tcp_parse(&r, &h));
	assert_true(h.src_port == 80 && h.dst_port == 40000);
	assert_true(h.seq.v == 1 && h.ack.v == 2 && h.hlen == 24);
	assert_int_equal(h.flags, TCP_SYN | TCP_ACK);
	assert_true(h.win == 65535 && h.sum == 0xabcd && h.urg == 3);
	assert_true(h.o.has_mss && h.o.mss == 1460);
	check_print(tcp_print, &h, "tcp 80 > 40000 S. 1:1(0) ack 2 win 65535 <mss 1460>");
	check_short(tcp_parse, struct tcp, b, sizeof(b));
}

static void header_length(void **state)
{
	for (unsigned i = 0; i < 16; i++) {
		uint8_t b[TCP_MAXLEN] = { [12] = (uint8_t)(i << 4) };
		struct rd r = rd_of(b, sizeof(b));
		struct tcp h;

		assert_int_equal(tcp_parse(&r, &h), i >= 5);
		assert_true(i < 5 || rd_left(&r) == TCP_MAXLEN - i * 4);
	}
}

static void options_as_linux_writes_them(void **state)
{
	static const struct { struct tcp_opts o; const char *bytes; size_t n; } t[] = {
		{ { 0 }, "", 0 },
		{ { .has_mss = true, .mss = 1460, .sack_ok = true, .has_ts = true,
		    .ts_val = 1, .ts_ecr = 2, .has_wscale = true, .wscale = 7 },
		  "\2\4\5\xb4\4\2\x8\xa\0\0\0\1\0\0\0\2\1\3\3\7", 20 },
		{ { .has_ts = true, .ts_val = 1, .ts_ecr = 2 },
		  "\1\1\x8\xa\0\0\0\1\0\0\0\2", 12 },
		{ { .has_mss = true, .mss = 1220, .sack_ok = true },
		  "\2\4\4\xc4\1\1\4\2", 8 },
		{ { .n_sack = 1, .sack = { { { 1 }, { 2 } } } },
		  "\1\1\5\xa\0\0\0\1\0\0\0\2", 12 },
	};
	uint8_t b[40];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(emit_opts(&t[i].o, b), t[i].n);
		assert_memory_equal(b, t[i].bytes, t[i].n);
	}
}

static void random_opts(struct rng *rng, struct tcp_opts *o)
{
	*o = (struct tcp_opts){
		.has_mss = rng_below(rng, 2), .has_wscale = rng_below(rng, 2),
		.has_ts = rng_below(rng, 2), .sack_ok = rng_below(rng, 2),
		.mss = (uint16_t)rng_u64(rng), .wscale = (uint8_t)rng_u64(rng),
		.ts_val = (uint32_t)rng_u64(rng), .ts_ecr = (uint32_t)rng_u64(rng),
		.n_sack = (uint8_t)rng_below(rng, TCP_MAX_SACK + 1),
		.has_fo = !rng_below(rng, 3),
		.fo_len = (uint8_t)(rng_below(rng, 3) ? 4 + rng_below(rng, 13) : 0),
	};
	random_bytes(rng, o->fo, sizeof(o->fo));
	for (unsigned i = 0; i < o->n_sack; i++)
		o->sack[i] = (struct tcp_sack){ SEQ(rng_u64(rng)), SEQ(rng_u64(rng)) };
}

static void round_trip(void **state)
{
	uint8_t b[TCP_MAXLEN];
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 5000; i++) {
		struct wr w = wr_of(b, sizeof(b));
		struct tcp x, y;
		struct rd r;

		random_bytes(&rng, &x, sizeof(x));
		random_opts(&rng, &x.o);
		tcp_emit(&w, &x);
		assert_false(w.fail);
		assert_int_equal(wr_len(&w), tcp_hlen(&x.o));
		r = rd_of(b, wr_len(&w));
		assert_true(tcp_parse(&r, &y));
		assert_int_equal(y.hlen, wr_len(&w));
		/* Blocks for which there is no room are left out, no others. */
		assert_true(y.o.n_sack == x.o.n_sack || y.hlen + 8 > TCP_MAXLEN ||
			    (!y.o.n_sack && y.hlen + 12 > TCP_MAXLEN));
		x.o.n_sack = y.o.n_sack;
		assert_true(tcp_eq(&x, &y));
	}
}

static void three_blocks_beside_timestamps(void **state)
{
	struct tcp_opts o = { .has_ts = true, .n_sack = 4 };

	assert_int_equal(tcp_hlen(&o), TCP_MAXLEN);
	o.has_ts = false;
	assert_int_equal(tcp_hlen(&o), TCP_LEN + 4 + 4 * 8);
}

static void four_blocks_are_kept(void **state)
{
	uint8_t b[36] = { 1, 1, 5, 34 };
	struct tcp h;

	for (int i = 0; i < 4; i++)
		b[4 + 8 * i] = (uint8_t)(i + 1);
	assert_true(parse_opts(b, sizeof(b), &h));
	assert_int_equal(h.o.n_sack, 4);
	assert_int_equal(h.o.sack[3].from.v, 4 << 24);
}

static void a_malformed_list_ends_the_options(void **state)
{
	static const struct { const char *b; size_t n; } t[] = {
		{ "\2\4\5\xb4\3\0\1\1", 8 },		/* length 0 */
		{ "\2\4\5\xb4\3\1\1\1", 8 },		/* length 1 */
		{ "\2\4\5\xb4\x8\xa\0\0", 8 },		/* past the end */
		{ "\2\4\5\xb4\1\1\1\3", 8 },		/* no length */
		{ "\2\4\5\xb4\0\3\3\7", 8 },		/* after the end */
	};
	struct tcp h;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_true(parse_opts(t[i].b, t[i].n, &h));
		assert_true(h.o.has_mss && h.o.mss == 1460);
		assert_true(!h.o.has_ts && !h.o.has_wscale);
	}
}

static void unknown_and_wrong_sized_options_are_skipped(void **state)
{
	static const uint8_t b[] = {
		254, 4, 9, 9,  2, 3, 5, 1,  3, 4, 9, 9,  5, 7, 1, 2, 3, 4, 5, 1,
		4, 3, 0, 1,  8, 4, 0, 0,  5, 2,  2, 4, 5, 0xb4,  1, 1,
	};
	struct tcp h;

	assert_true(parse_opts(b, sizeof(b), &h));
	assert_true(h.o.has_mss && h.o.mss == 1460);
	assert_true(!h.o.has_wscale && !h.o.has_ts && !h.o.sack_ok && !h.o.n_sack);
}

static void lines(void **state)
{
	struct tcp h = { .src_port = 1, .dst_port = 2, .flags = 0xff, .win = 5, .urg = 6,
			 .o = { .has_mss = true, .mss = 9, .sack_ok = true, .has_ts = true,
				.has_wscale = true, .wscale = 14, .n_sack = 2 } };

	h.o.sack[1] = (struct tcp_sack){ SEQ(3), SEQ(4) };
	check_print(tcp_print, &h, "tcp 1 > 2 FSRP.UEW 0:0(0) ack 0 win 5 urg 6 "
		    "<mss 9,sackOK,TS val 0 ecr 0,wscale 14,sack 0:0 3:4>");
	h = (struct tcp){ 0 };
	check_print(tcp_print, &h, "tcp 0 > 0 - 0:0(0) win 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(header_length),
		cmocka_unit_test(options_as_linux_writes_them),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(three_blocks_beside_timestamps),
		cmocka_unit_test(four_blocks_are_kept),
		cmocka_unit_test(a_malformed_list_ends_the_options),
		cmocka_unit_test(unknown_and_wrong_sized_options_are_skipped),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
