/* stack_frag.c - reassembly against orders, overlaps, floods and time */
#include "unit.h"

#include "base/rand.h"
#include "stack_frame.h"

static struct pair *p;
static struct frame f;
static struct sock *so;
static bool v4;

static int start(bool four)
{
	v4 = four;
	p = pair_ready(1500);
	so = udp_open(&p->a, AF_INET6, IP6_ANY, 2000);
	return 0;
}

static int start4(void **state) { return start(true); }
static int start6(void **state) { return start(false); }

static int end(void **state)
{
	pair_free(p);
	return 0;
}

/* A part of b's datagram id. */
static enum drop part(uint32_t id, const uint8_t *b, uint32_t off, uint32_t len, bool more)
{
	static uint8_t buf[66000];
	struct ip6_frag fr = { IPPROTO_UDP, (uint16_t)off, more, id };
	struct ip4 h = ip4_head(IPPROTO_UDP);
	struct wr w = wr_of(buf, IP6_FRAG_LEN);

	if (v4) {
		h.id = (uint16_t)id;
		h.frag = (uint16_t)off;
		h.flags = more ? IP4_MF : 0;
		put_ip4(&f, &p->a, h, b + off, len);
	} else {
		ip6_frag_emit(&w, &fr);
		memcpy(buf + IP6_FRAG_LEN, b + off, len);
		put_ip6(&f, &p->a, ip6_head(IPPROTO_FRAGMENT), buf, IP6_FRAG_LEN + len);
	}
	return arrive(&p->a, &f);
}

static size_t datagram(uint8_t *b, size_t n)
{
	static uint8_t data[65507];
	struct ip_addr src = v4 ? v4_of(2) : v6_of(2), dst = v4 ? v4_of(1) : v6_of(1);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 13 + (i >> 7));
	return udp_make(b, &src, &dst, 1000, 2000, data, n);
}

static void assert_received(const uint8_t *b, size_t n)
{
	static uint8_t got[65535];

	assert_int_equal(udp_from(so, got, sizeof(got), NULL), n - UDP_LEN);
	assert_memory_equal(got, b + UDP_LEN, n - UDP_LEN);
	assert_int_equal(frag_held(p->a.st), 0);
}

static void any_order(void **state)
{
	static uint8_t b[65535];
	struct rng rng;

	rng_seed(&rng, 5);
	for (uint32_t i = 0; i < 60; i++) {
		uint32_t size = 8 + rng_below(&rng, 180) * 8, order[64], k;
		uint32_t n = (uint32_t)datagram(b, 1 + rng_below(&rng, MIN(size * 60, 65400u)));
		uint32_t parts = (n + size - 1) / size;

		if (parts == 1)
			continue;
		for (k = 0; k < parts; k++) {
			uint32_t j = rng_below(&rng, k + 1);

			order[k] = order[j];
			order[j] = k;
		}
		for (k = 0; k < parts; k++) {
			uint32_t off = order[k] * size, len = MIN(size, n - off);

			assert_int_equal(part(i, b, off, len, off + len < n), DROP_NONE);
			if (k % 5 == 0 && k + 1 < parts)	/* again: ignored */
				assert_int_equal(part(i, b, off, len, off + len < n), DROP_FRAG_BAD);
		}
		assert_received(b, n);
	}
}

static void overlap_spoils_the_datagram(void **state)
{
	static const struct { uint32_t off, len; } over[] = {
		{ 0, 24 }, { 8, 16 }, { 8, 32 }, { 24, 16 }, { 16, 24 }, { 24, 8 }, { 0, 48 },
	};
	uint8_t b[200];
	size_t n = datagram(b, 64);

	for (uint32_t i = 0; i < ARRAY_LEN(over); i++) {
		assert_int_equal(part(i, b, 16, 16, true), DROP_NONE);
		assert_int_equal(part(i, b, over[i].off, over[i].len, true), DROP_FRAG_OVERLAP);
		/* Nothing that comes later makes it whole (RFC 5722 4). */
		assert_int_equal(part(i, b, 0, 16, true), DROP_FRAG_OVERLAP);
		assert_int_equal(part(i, b, 16, (uint32_t)n - 16, false), DROP_FRAG_OVERLAP);
	}
	assert_int_equal(udp_from(so, b, sizeof(b), NULL), -EAGAIN);
	pair_run(p, 61 * USEC_PER_SEC);
	assert_int_equal(frag_held(p->a.st), 0);
}

static void the_end_is_told_once(void **state)
{
	uint8_t b[200];

	datagram(b, 100);
	assert_int_equal(part(1, b, 64, 10, false), DROP_NONE);
	assert_int_equal(part(1, b, 80, 8, true), DROP_FRAG_OVERLAP);	/* behind the end */
	assert_int_equal(part(2, b, 64, 16, true), DROP_NONE);
	assert_int_equal(part(2, b, 48, 8, false), DROP_FRAG_OVERLAP);	/* before what is there */
	assert_int_equal(part(3, b, 64, 10, false), DROP_NONE);
	assert_int_equal(part(3, b, 32, 10, false), DROP_FRAG_OVERLAP);	/* two ends */
}

static void malformed(void **state)
{
	static uint8_t b[66000];

	datagram(b, 100);
	assert_int_equal(part(1, b, 0, 0, true), DROP_FRAG_BAD);
	assert_int_equal(part(1, b, 0, 12, true), DROP_FRAG_BAD);
	assert_int_equal(part(1, b, 65528, 16, false), DROP_FRAG_BAD);
	assert_int_equal(frag_held(p->a.st), 0);
}

static void time_runs_out(void **state)
{
	uint8_t b[200];
	usec limit = v4 ? 30 : 60;
	unsigned sent;

	datagram(b, 100);
	assert_int_equal(part(1, b, 0, 16, true), DROP_NONE);
	assert_int_equal(part(2, b, 16, 16, true), DROP_NONE);
	pair_run(p, limit * USEC_PER_SEC - 1);
	assert_int_equal(p->a.st->drops[DROP_FRAG_TIMEOUT], 0);
	cable_clear(&p->a);
	p->a.cut = true;
	sent = p->a.sent;
	pair_run(p, 2);
	assert_int_equal(p->a.st->drops[DROP_FRAG_TIMEOUT], 2);
	assert_int_equal(frag_held(p->a.st), 0);
	assert_int_equal(p->a.sent, sent + 1);	/* about the one whose start came */
}

static void memory_is_bounded(void **state)
{
	uint8_t b[1600];
	size_t n = datagram(b, 1400);

	assert_int_equal(stack_set(p->a.st, "ipfrag_high_thresh", "100000"), 0);
	for (uint32_t id = 1; id < 1000; id++) {
		assert_int_equal(part(id, b, 0, 1000, true), DROP_NONE);
		assert_true(frag_held(p->a.st) <= 100000);
	}
	assert_true(p->a.st->drops[DROP_FRAG_FULL] > 900);
	assert_int_equal(part(999, b, 1000, (uint32_t)n - 1000, false), DROP_NONE); /* the newest lives */
	assert_int_equal(udp_from(so, b, sizeof(b), NULL), 1400);
	assert_int_equal(stack_set(p->a.st, "ipfrag_high_thresh", "100"), 0);
	assert_int_equal(part(7777, b, 0, 1000, true), DROP_FRAG_FULL);
	assert_int_equal(frag_held(p->a.st), 0);
}

static void too_many_parts(void **state)
{
	static uint8_t b[8192];

	datagram(b, 8000);
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(part(1, b, i * 16, 8, true), DROP_NONE);
	assert_int_equal(part(1, b, 8, 8, true), DROP_FRAG_FULL);
}

static void goes_with_its_interface(void **state)
{
	uint8_t b[200];

	datagram(b, 100);
	assert_int_equal(part(1, b, 0, 16, true), DROP_NONE);
	cable_clear(&p->a);
	netif_remove(p->a.nif);
	assert_int_equal(frag_held(p->a.st), 0);
}

/* RFC 6946: a fragment that is all of it, while another of the same id waits. */
static void atomic_is_alone(void **state)
{
	uint8_t b[200];
	size_t n = datagram(b, 100);

	assert_int_equal(part(1, b, 0, 16, true), DROP_NONE);
	assert_int_equal(part(1, b, 0, (uint32_t)n, false), DROP_NONE);
	assert_int_equal(udp_from(so, b, sizeof(b), NULL), 100);
	assert_true(frag_held(p->a.st) > 0);
}

/* RFC 6980: neighbour discovery comes whole or not at all. */
static void fragmented_nd_is_refused(void **state)
{
	struct ip6 h = ip6_head(IPPROTO_FRAGMENT), pseudo = ip6_head(IPPROTO_ICMPV6);
	struct ip6_frag fr = { IPPROTO_ICMPV6, 0, false, 1 };
	uint8_t b[32] = { 0 };
	struct wr w = wr_of(b, IP6_FRAG_LEN);

	ip6_frag_emit(&w, &fr);
	b[8] = ND_NS;
	memcpy(b + 16, &h.dst, 16);
	icmp_sum(b + 8, 24, &pseudo);
	h.hops = 255;
	put_ip6(&f, &p->a, h, b, 32);
	assert_int_equal(arrive(&p->a, &f), DROP_ND_BAD);
}

#define BOTH(t) \
	{ #t " (IPv4)", t, start4, end, NULL }, \
	{ #t " (IPv6)", t, start6, end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(any_order),
		BOTH(overlap_spoils_the_datagram),
		BOTH(the_end_is_told_once),
		BOTH(malformed),
		BOTH(time_runs_out),
		BOTH(memory_is_bounded),
		BOTH(too_many_parts),
		BOTH(goes_with_its_interface),
		cmocka_unit_test_setup_teardown(atomic_is_alone, start6, end),
		cmocka_unit_test_setup_teardown(fragmented_nd_is_refused, start6, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
