/* proto_udp_tcp.c - UDP and TCP headers from any bytes */
#include "../proto_eq.h"
#include "fuzz.h"

static void udp(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[UDP_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct udp u;

	if (!udp_parse(&r, &u))
		return;
	CHECK(r.p == from + UDP_LEN && u.len >= UDP_LEN);
	udp_emit(&w, &u);
	CHECK(!w.fail && memcmp(from, b, UDP_LEN) == 0);
	CHECK_PRINT(udp_print, &u);
}

static void tcp(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[TCP_MAXLEN];
	struct wr w = wr_of(b, sizeof(b));
	struct tcp h, again;
	struct rd back;

	if (!tcp_parse(&r, &h))
		return;
	CHECK(r.p == from + h.hlen && h.hlen >= TCP_LEN && h.hlen <= TCP_MAXLEN);
	CHECK(h.o.n_sack <= TCP_MAX_SACK);
	CHECK_PRINT(tcp_print, &h);

	tcp_emit(&w, &h);
	CHECK(!w.fail && wr_len(&w) == tcp_hlen(&h.o));
	back = rd_of(b, wr_len(&w));
	CHECK(tcp_parse(&back, &again) && again.hlen == wr_len(&w));
	/* Without padding more blocks fit on the wire than as emitted. */
	CHECK(again.o.n_sack <= h.o.n_sack);
	h.o.n_sack = again.o.n_sack;
	CHECK(tcp_eq(&h, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size), v4 = r, v6 = r;

	udp(r);
	tcp(r);
	if (rd_bytes(&v4, ETH_LEN + IP4_LEN)) {	/* the input may be a frame */
		udp(v4);
		tcp(v4);
	}
	if (rd_bytes(&v6, ETH_LEN + IP6_LEN)) {
		udp(v6);
		tcp(v6);
	}
	return 0;
}
