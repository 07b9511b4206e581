/* proto_nd.c - neighbour discovery messages and their options */
#include "proto_test.h"

static void random_ra_opts(struct rng *rng, struct nd_opts *o)
{
	static const char *const names[] = { "lan", "example.com", "a.b-c.d_e.example" };
	static const uint8_t prefs[] = { 0, 1, 3 };

	o->n_route = (uint8_t)rng_below(rng, 9);
	for (unsigned i = 0; i < o->n_route; i++) {
		struct ip_addr a = random_v6(rng);
		unsigned len = rng_below(rng, 129);

		o->route[i] = (struct nd_route){
			ip_mask(&a, len), (uint8_t)len, prefs[rng_below(rng, 3)],
			(uint32_t)rng_u64(rng),
		};
	}
	o->n_dns = (uint8_t)rng_below(rng, 9);
	for (unsigned i = 0; i < o->n_dns; i++) {
		o->dns[i] = (struct nd_dns){ random_v6(rng), (uint32_t)rng_u64(rng) };
		o->dns[i].addr.b[0] = 0x20;
	}
	o->n_search = (uint8_t)rng_below(rng, 5);
	for (unsigned i = 0; i < o->n_search; i++) {
		strcpy(o->search[i].name, names[rng_below(rng, 3)]);
		o->search[i].life = (uint32_t)rng_u64(rng);
	}
}

static void random_opts(struct rng *rng, struct nd_opts *o)
{
	*o = (struct nd_opts){
		.has_src = rng_below(rng, 2), .has_dst = rng_below(rng, 2),
		.has_mtu = rng_below(rng, 2), .mtu = (uint32_t)rng_u64(rng),
		.n_prefix = (uint8_t)rng_below(rng, 9),
	};
	random_bytes(rng, &o->src_ll, 6);
	random_bytes(rng, &o->dst_ll, 6);
	for (unsigned i = 0; i < o->n_prefix; i++)
		o->prefix[i] = (struct nd_prefix){
			random_v6(rng), (uint8_t)rng_below(rng, 129),
			rng_below(rng, 2), rng_below(rng, 2),
			(uint32_t)rng_u64(rng), (uint32_t)rng_u64(rng),
		};
	o->has_nonce = rng_below(rng, 2);
	random_bytes(rng, o->nonce, 6);
	random_ra_opts(rng, o);
}

/* The cursor after type, code and checksum of what was emitted. */
static struct rd body(const struct wr *w, uint8_t type)
{
	struct rd r = rd_of(w->start, wr_len(w));

	assert_false(w->fail);
	assert_int_equal(rd_u8(&r), type);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_u16(&r), 0);
	return r;
}

static void ns_round_trip(struct rng *rng)
{
	uint8_t b[2048];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_ns y, x = { .target = random_v6(rng) };
	struct rd r;

	random_opts(rng, &x.o);
	nd_ns_emit(&w, &x);
	r = body(&w, ND_NS);
	assert_true(nd_ns_parse(&r, &y) && nd_ns_eq(&x, &y));
}

static void na_round_trip(struct rng *rng)
{
	uint8_t b[2048];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_na y, x = { .flags = (uint8_t)(rng_below(rng, 8) << 5),
			      .target = random_v6(rng) };
	struct rd r;

	random_opts(rng, &x.o);
	nd_na_emit(&w, &x);
	r = body(&w, ND_NA);
	assert_true(nd_na_parse(&r, &y) && nd_na_eq(&x, &y));
}

static void ra_round_trip(struct rng *rng)
{
	uint8_t b[2048];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_ra y, x = {
		.hops = (uint8_t)rng_below(rng, 256), .managed = rng_below(rng, 2),
		.other = rng_below(rng, 2), .lifetime = (uint16_t)rng_u64(rng),
		.reachable = (uint32_t)rng_u64(rng), .retrans = (uint32_t)rng_u64(rng),
		.pref = (uint8_t)(rng_below(rng, 2) * 3),
	};
	struct rd r;

	random_opts(rng, &x.o);
	nd_ra_emit(&w, &x);
	r = body(&w, ND_RA);
	assert_true(nd_ra_parse(&r, &y) && nd_ra_eq(&x, &y));
}

static void rs_round_trip(struct rng *rng)
{
	uint8_t b[2048];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_opts x, y;
	struct rd r;

	random_opts(rng, &x);
	nd_rs_emit(&w, &x);
	r = body(&w, ND_RS);
	assert_true(nd_rs_parse(&r, &y) && nd_opts_eq(&x, &y));
}

static void round_trips(void **state)
{
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		ns_round_trip(&rng);
		na_round_trip(&rng);
		ra_round_trip(&rng);
		rs_round_trip(&rng);
	}
}

#define TARGET	0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1

static bool ns(const uint8_t *b, size_t n, struct nd_ns *m)
{
	struct rd r = rd_of(b, n);

	return nd_ns_parse(&r, m);
}

static void short_messages(void **state)
{
	static const uint8_t b[] = { TARGET };

	check_short(nd_ns_parse, struct nd_ns, b, 20);
	check_short(nd_na_parse, struct nd_na, b, 20);
	check_short(nd_ra_parse, struct nd_ra, b, 12);
	check_short(nd_rs_parse, struct nd_opts, b, 4);
}

static void spoiled_options(void **state)
{
	static const uint8_t zero[] = { TARGET, 1, 0, 1, 2, 3, 4, 5, 6 };
	static const uint8_t past[] = { TARGET, 1, 2, 1, 2, 3, 4, 5, 6 };
	static const uint8_t half[] = { TARGET, 1 };
	struct nd_ns m;

	assert_false(ns(zero, sizeof(zero), &m));
	assert_false(ns(past, sizeof(past), &m));
	assert_false(ns(half, sizeof(half), &m));
}

static void skipped_options(void **state)
{
	static const uint8_t b[] = { TARGET,
		99, 1, 0, 0, 0, 0, 0, 0,			/* unknown */
		1, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,	/* wrong size */
		1, 1, 2, 0, 0, 0, 0, 1,
		1, 1, 2, 0, 0, 0, 0, 2,				/* the second */
		3, 1, 64, 0, 0, 0, 0, 0,			/* short prefix */
		3, 3, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0,
		5, 1, 0, 0, 0, 0, 5, 0xdc };
	struct nd_ns m;

	assert_true(ns(b, sizeof(b), &m));
	assert_true(m.o.has_src && m.o.src_ll.b[5] == 1 && !m.o.has_dst);
	assert_true(m.o.has_mtu && m.o.mtu == 1500 && m.o.n_prefix == 0);
}

static void a_mapped_target_is_refused(void **state)
{
	uint8_t b[20] = { [14] = 0xff, 0xff, 10, 0, 0, 1 };
	struct nd_ns m;
	struct nd_na na;
	struct rd r = rd_of(b, sizeof(b));

	assert_false(ns(b, sizeof(b), &m));
	assert_false(nd_na_parse(&r, &na));
}

static void prefixes_are_bounded(void **state)
{
	uint8_t b[12 + 32 * 10] = { 0 };
	struct rd r = rd_of(b, sizeof(b));
	struct nd_ra m;

	for (int i = 0; i < 10; i++) {
		uint8_t *p = b + 12 + 32 * i;

		p[0] = ND_OPT_PREFIX;
		p[1] = 4;
		p[2] = i == 0 ? 129 : 64;	/* the first: nonsense */
		p[16] = 0xfd;
		p[31] = (uint8_t)i;
	}
	assert_true(nd_ra_parse(&r, &m));
	assert_int_equal(m.o.n_prefix, 8);
	assert_int_equal(m.o.prefix[0].prefix.b[15], 1);
	assert_int_equal(m.o.prefix[7].prefix.b[15], 8);
}

static void lines(void **state)
{
	struct nd_opts o = { .has_src = true, .src_ll = { { 2, 0, 0, 0, 0, 1 } },
			     .has_mtu = true, .mtu = 1500 };
	struct nd_ns s = { addr("fe80::1"), o };
	struct nd_na a = { 0xe0, addr("fe80::1"), { 0 } };
	struct nd_ra r = { .hops = 64, .managed = true, .other = true, .lifetime = 1800 };

	check_print(nd_ns_print, &s, "icmp6 neighbour solicitation who-has fe80::1 "
		    "src-ll 02:00:00:00:00:01 mtu 1500");
	check_print(nd_na_print, &a,
		    "icmp6 neighbour advertisement fe80::1 router solicited override");
	r.o.n_prefix = 1;
	r.o.prefix[0] = (struct nd_prefix){ addr("fd00::"), 64, true, true, 60, 30 };
	check_print(nd_ra_print, &r, "icmp6 router advertisement lifetime 1800 hops 64 "
		    "managed other prefix fd00::/64 on-link auto valid 60 preferred 30");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(short_messages),
		cmocka_unit_test(spoiled_options),
		cmocka_unit_test(skipped_options),
		cmocka_unit_test(a_mapped_target_is_refused),
		cmocka_unit_test(prefixes_are_bounded),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
