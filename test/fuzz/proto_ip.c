/* proto_ip.c - IPv4, IPv6, its extension headers and options from any bytes
 *
 * The input is taken as a packet; one that begins like a frame is taken without
 * its Ethernet header too, so that both kinds of corpus serve.
 */
#include "../proto_eq.h"
#include "base/sum.h"
#include "fuzz.h"

static void ip4(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[IP4_MAXLEN];
	struct wr w = wr_of(b, sizeof(b));
	struct sum s = { 0 };
	struct ip4 h, again;
	struct rd back;

	if (!ip4_parse(&r, &h))
		return;
	CHECK(r.p == from + h.hlen && h.len >= h.hlen && h.frag % 8 == 0);
	ip4_emit(&w, &h);
	CHECK(!w.fail && wr_len(&w) == h.hlen);
	sum_add(&s, b, h.hlen);
	CHECK(sum_end(&s) == 0);
	back = rd_of(b, h.hlen);
	CHECK(ip4_parse(&back, &again) && ip4_eq(&h, &again));
	CHECK_PRINT(ip4_print, &h);
}

static void options(struct rd body)
{
	const uint8_t *at = body.p;
	struct ip6_opt o;

	while (ip6_opt_next(&body, &o)) {
		CHECK(body.p >= at + 2 && o.data + o.len == body.p);
		at = body.p;
	}
	CHECK(rd_left(&body) == 0);
}

static void frag(struct rd r)
{
	uint8_t b[IP6_FRAG_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct rd back = rd_of(b, sizeof(b));
	struct ip6_frag f, again;

	if (!ip6_frag_parse(&r, &f))
		return;
	CHECK(f.off % 8 == 0);
	ip6_frag_emit(&w, &f);
	CHECK(!w.fail && ip6_frag_parse(&back, &again) && ip6_frag_eq(&f, &again));
	CHECK_PRINT(ip6_frag_print, &f);
}

/* Reads headers until the bytes end, whatever the next fields say. */
static void extensions(struct rd r)
{
	const uint8_t *from = r.p;
	struct ip6_ext e;

	for (; ip6_ext_parse(&r, &e); from = r.p) {
		CHECK(e.len >= 8 && r.p == from + e.len);
		CHECK(e.body.p == from + 2 && e.body.end == r.p);
		options(e.body);
	}
	CHECK(r.fail);
}

static void ip6(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[IP6_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct ip6 h;

	if (!ip6_parse(&r, &h))
		return;
	CHECK(r.p == from + IP6_LEN && !ip_is_v4(&h.src) && !ip_is_v4(&h.dst));
	ip6_emit(&w, &h);
	CHECK(!w.fail && memcmp(from, b, IP6_LEN) == 0);
	CHECK_PRINT(ip6_print, &h);
	frag(r);
	extensions(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);

	ip4(r);
	ip6(r);
	frag(r);
	extensions(r);
	options(r);
	if (rd_bytes(&r, ETH_LEN)) {
		ip4(r);
		ip6(r);
	}
	return 0;
}
