/* proto_icmp_nd.c - ICMP and neighbour discovery from any bytes
 *
 * An ND message is read back from what emit made of it: unknown options are
 * gone, everything that was understood is the same.
 */
#include "../proto_eq.h"
#include "fuzz.h"

/* All options: 3 of 8 bytes and 8 prefixes of 32. */
#define ND_MAXLEN	(24 + 3 * 8 + 8 * 32)

static void icmp(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[ICMP_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct icmp h;

	if (!icmp_parse(&r, &h))
		return;
	icmp_emit(&w, &h);
	CHECK(!w.fail && memcmp(from, b, ICMP_LEN) == 0);
	CHECK_PRINT(icmp4_print, &h);
	CHECK_PRINT(icmp6_print, &h);
	CHECK(icmp_quoted(true, &h) <= 1020 && icmp_quoted(false, &h) <= 2040);
	icmp_ext_ok(r);
}

/* The cursor after the head of the message that was emitted. */
static struct rd body(const struct wr *w, uint8_t type)
{
	CHECK(!w->fail && w->start[0] == type && w->start[1] == 0);
	return rd_of(w->start + 4, wr_len(w) - 4);
}

static void ns(struct rd r)
{
	uint8_t b[ND_MAXLEN];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_ns m, again;
	struct rd back;

	if (!nd_ns_parse(&r, &m))
		return;
	CHECK(rd_left(&r) == 0 && !ip_is_v4(&m.target));
	nd_ns_emit(&w, &m);
	back = body(&w, ND_NS);
	CHECK(nd_ns_parse(&back, &again) && nd_ns_eq(&m, &again));
	CHECK_PRINT(nd_ns_print, &m);
}

static void na(struct rd r)
{
	uint8_t b[ND_MAXLEN];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_na m, again;
	struct rd back;

	if (!nd_na_parse(&r, &m))
		return;
	CHECK(rd_left(&r) == 0 && !ip_is_v4(&m.target));
	nd_na_emit(&w, &m);
	back = body(&w, ND_NA);
	CHECK(nd_na_parse(&back, &again) && nd_na_eq(&m, &again));
	CHECK_PRINT(nd_na_print, &m);
}

static void ra(struct rd r)
{
	uint8_t b[ND_MAXLEN];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_ra m, again;
	struct rd back;

	if (!nd_ra_parse(&r, &m))
		return;
	CHECK(rd_left(&r) == 0 && m.o.n_prefix <= 8);
	nd_ra_emit(&w, &m);
	back = body(&w, ND_RA);
	CHECK(nd_ra_parse(&back, &again) && nd_ra_eq(&m, &again));
	CHECK_PRINT(nd_ra_print, &m);
}

static void rs(struct rd r)
{
	uint8_t b[ND_MAXLEN];
	struct wr w = wr_of(b, sizeof(b));
	struct nd_opts o, again;
	struct rd back;

	if (!nd_rs_parse(&r, &o))
		return;
	CHECK(rd_left(&r) == 0);
	nd_rs_emit(&w, &o);
	back = body(&w, ND_RS);
	CHECK(nd_rs_parse(&back, &again) && nd_opts_eq(&o, &again));
}

static void all(struct rd r)
{
	icmp(r);
	if (!rd_bytes(&r, 4))
		return;
	ns(r);
	na(r);
	ra(r);
	rs(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);

	all(r);
	if (rd_bytes(&r, ETH_LEN + IP6_LEN))	/* the input may be a frame */
		all(r);
	return 0;
}
