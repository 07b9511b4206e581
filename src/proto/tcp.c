/* tcp.c - the TCP header and its options (RFC 9293 3.1, 3.2)
 *
 * Options read: MSS (RFC 9293 3.7.1), window scale and timestamps (RFC 7323),
 * SACK permitted and SACK (RFC 2018), Fast Open (RFC 7413). A list that makes no sense ends there and
 * what was read before it stays: middle boxes damage options, and a dropped
 * segment would hang the connection.
 *
 * Options written: in the groups of four bytes in which Linux writes them, so
 * that the header of a segment with timestamps looks to others as they expect.
 * SACK blocks come last and as many as still fit.
 */
#include "proto/print.h"
#include "proto/proto.h"

enum { OPT_END = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACK_OK = 4,
       OPT_SACK = 5, OPT_TS = 8, OPT_FO = 34 };

#define TS_HEAD		(OPT_NOP << 24 | OPT_NOP << 16 | OPT_TS << 8 | 10)
#define TS_AND_SACK_OK	(OPT_SACK_OK << 24 | 2 << 16 | OPT_TS << 8 | 10)
#define SACK_OK_ALONE	(OPT_NOP << 24 | OPT_NOP << 16 | OPT_SACK_OK << 8 | 2)
#define TS_LEN		12
#define SACK_HEAD	4	/* NOP NOP kind length */
#define SACK_BLOCK	8
#define FO_MIN		4	/* RFC 7413 4.1.1 */

static void sack_parse(struct rd *r, struct tcp_opts *o)
{
	o->n_sack = 0;
	while (rd_left(r) >= SACK_BLOCK && o->n_sack < TCP_MAX_SACK) {
		struct tcp_sack *s = &o->sack[o->n_sack++];

		s->from = SEQ(rd_u32(r));
		s->to = SEQ(rd_u32(r));
	}
}

/* body: the option after kind and length. One of the wrong length is skipped. */
static void opt_parse_one(uint8_t kind, struct rd *body, struct tcp_opts *o)
{
	size_t len = rd_left(body);

	if (kind == OPT_TS && len == 8) {
		o->has_ts = true;
		o->ts_val = rd_u32(body);
		o->ts_ecr = rd_u32(body);
	} else if (kind == OPT_SACK && len && len % SACK_BLOCK == 0) {
		sack_parse(body, o);
	} else if (kind == OPT_MSS && len == 2) {
		o->has_mss = true;
		o->mss = rd_u16(body);
	} else if (kind == OPT_WSCALE && len == 1) {
		o->has_wscale = true;
		o->wscale = rd_u8(body);
	} else if (kind == OPT_SACK_OK && len == 0) {
		o->sack_ok = true;
	} else if (kind == OPT_FO && (!len || (len >= FO_MIN && len <= sizeof(o->fo)))) {
		o->has_fo = true;
		o->fo_len = (uint8_t)len;
		rd_copy(body, o->fo, len);
	}
}

static void opts_parse(struct rd r, struct tcp_opts *o)
{
	while (rd_left(&r)) {
		uint8_t kind = rd_u8(&r), len;
		struct rd body;

		if (kind == OPT_END)
			break;
		if (kind == OPT_NOP)
			continue;
		len = rd_u8(&r);
		if (len < 2)
			break;
		body = rd_sub(&r, len - 2u);
		if (r.fail)
			break;
		opt_parse_one(kind, &body, o);
	}
}

/* NOP NOP TS, as all write it (RFC 7323 appendix A): most segments have no other. */
static bool only_ts(struct rd *r, struct tcp *h)
{
	if (h->hlen != TCP_LEN + TS_LEN || get_u32(r->p) != TS_HEAD)
		return false;
	h->o.has_ts = true;
	h->o.ts_val = get_u32(r->p + 4);
	h->o.ts_ecr = get_u32(r->p + 8);
	r->p += TS_LEN;
	return true;
}

bool tcp_parse(struct rd *r, struct tcp *h)
{
	const uint8_t *p = rd_bytes(r, TCP_LEN);

	if (!p)
		return false;
	h->src_port = get_u16(p);
	h->dst_port = get_u16(p + 2);
	h->seq = SEQ(get_u32(p + 4));
	h->ack = SEQ(get_u32(p + 8));
	h->hlen = (uint8_t)((p[12] >> 4) * 4);
	h->flags = p[13];
	h->win = get_u16(p + 14);
	h->sum = get_u16(p + 16);
	h->urg = get_u16(p + 18);
	h->o = (struct tcp_opts){ 0 };
	if (h->hlen < TCP_LEN || rd_left(r) + TCP_LEN < h->hlen)
		return false;
	if (!only_ts(r, h))
		opts_parse(rd_sub(r, h->hlen - TCP_LEN), &h->o);
	return true;
}

/* 20 and all options but SACK, as emitted. */
static unsigned len_before_sack(const struct tcp_opts *o)
{
	unsigned n = TCP_LEN;

	n += o->has_mss ? 4 : 0;
	n += o->has_ts ? 12 : o->sack_ok ? 4 : 0;
	n += o->has_wscale ? 4 : 0;
	n += o->has_fo ? (2u + o->fo_len + 3) & ~3u : 0;
	return n;
}

static unsigned sacks_that_fit(const struct tcp_opts *o)
{
	unsigned room;

	if (!o->n_sack)
		return 0;
	room = TCP_MAXLEN - len_before_sack(o);
	return room < SACK_HEAD ? 0 : MIN(o->n_sack, (room - SACK_HEAD) / SACK_BLOCK);
}

unsigned tcp_hlen(const struct tcp_opts *o)
{
	unsigned n = sacks_that_fit(o);

	return len_before_sack(o) + (n ? SACK_HEAD + n * SACK_BLOCK : 0);
}

static void opt_head(struct wr *w, uint8_t kind, uint8_t len)
{
	wr_u8(w, kind);
	wr_u8(w, len);
}

static void nops(struct wr *w, unsigned n)
{
	while (n--)
		wr_u8(w, OPT_NOP);
}

static void sack_emit(struct wr *w, const struct tcp_opts *o)
{
	unsigned n = sacks_that_fit(o);

	if (!n)
		return;
	nops(w, 2);
	opt_head(w, OPT_SACK, (uint8_t)(2 + n * SACK_BLOCK));
	for (unsigned i = 0; i < n; i++) {
		wr_u32(w, o->sack[i].from.v);
		wr_u32(w, o->sack[i].to.v);
	}
}

static void fo_emit(struct wr *w, const struct tcp_opts *o)
{
	opt_head(w, OPT_FO, (uint8_t)(2 + o->fo_len));
	wr_bytes(w, o->fo, o->fo_len);
	nops(w, -(2u + o->fo_len) & 3);
}

/* The two NOPs before it are where SACK-permitted goes. */
static void ts_emit(struct wr *w, const struct tcp_opts *o)
{
	uint8_t *p = wr_room(w, TS_LEN);

	if (!p)
		return;
	put_u32(p, o->sack_ok ? TS_AND_SACK_OK : TS_HEAD);
	put_u32(p + 4, o->ts_val);
	put_u32(p + 8, o->ts_ecr);
}

static void opts_emit(struct wr *w, const struct tcp_opts *o)
{
	if (o->has_mss) {
		opt_head(w, OPT_MSS, 4);
		wr_u16(w, o->mss);
	}
	if (o->has_ts)
		ts_emit(w, o);
	else if (o->sack_ok)
		wr_u32(w, SACK_OK_ALONE);
	if (o->has_wscale) {
		nops(w, 1);
		opt_head(w, OPT_WSCALE, 3);
		wr_u8(w, o->wscale);
	}
	if (o->has_fo)
		fo_emit(w, o);
	sack_emit(w, o);
}

void tcp_emit(struct wr *w, const struct tcp *h)
{
	unsigned hlen = tcp_hlen(&h->o);
	uint8_t *p = wr_room(w, TCP_LEN);

	if (!p)
		return;
	put_u16(p, h->src_port);
	put_u16(p + 2, h->dst_port);
	put_u32(p + 4, h->seq.v);
	put_u32(p + 8, h->ack.v);
	p[12] = (uint8_t)(hlen / 4 << 4);
	p[13] = h->flags;
	put_u16(p + 14, h->win);
	put_u16(p + 16, h->sum);
	put_u16(p + 18, h->urg);
	if (hlen > TCP_LEN)
		opts_emit(w, &h->o);
}

static void flags_print(struct text *t, uint8_t flags)
{
	static const char letters[] = "FSRP.UEW";

	if (!flags)
		text_add(t, "-");
	for (int i = 0; i < 8; i++) {
		if (flags >> i & 1)
			text_add(t, "%c", letters[i]);
	}
}

static void sack_print(struct text *t, const struct tcp_opts *o)
{
	text_add(t, "sack");
	for (unsigned i = 0; i < o->n_sack; i++)
		text_add(t, " %u:%u", o->sack[i].from.v, o->sack[i].to.v);
	text_add(t, ",");
}

static void fo_print(struct text *t, const struct tcp_opts *o)
{
	text_add(t, "FO ");
	for (unsigned i = 0; i < o->fo_len; i++)
		text_add(t, "%02x", o->fo[i]);
	text_add(t, ",");
}

static void opts_print(struct text *t, const struct tcp_opts *o)
{
	char buf[256];
	struct text l = text_of(buf, sizeof(buf));

	if (o->has_mss)
		text_add(&l, "mss %u,", o->mss);
	if (o->sack_ok)
		text_add(&l, "sackOK,");
	if (o->has_ts)
		text_add(&l, "TS val %u ecr %u,", o->ts_val, o->ts_ecr);
	if (o->has_wscale)
		text_add(&l, "wscale %u,", o->wscale);
	if (o->has_fo)
		fo_print(&l, o);
	if (o->n_sack)
		sack_print(&l, o);
	if (l.len)
		text_add(t, " <%.*s>", (int)l.len - 1, buf);
}

void tcp_print_segment(struct text *t, const struct tcp *h, size_t payload)
{
	flags_print(t, h->flags);
	text_add(t, " %u:%u(%zu)", h->seq.v, seq_add(h->seq, (uint32_t)payload).v, payload);
	if (h->flags & TCP_ACK)
		text_add(t, " ack %u", h->ack.v);
	text_add(t, " win %u", h->win);
	if (h->flags & TCP_URG)
		text_add(t, " urg %u", h->urg);
	opts_print(t, &h->o);
}

void tcp_print(struct text *t, const struct tcp *h)
{
	text_add(t, "tcp %u > %u ", h->src_port, h->dst_port);
	tcp_print_segment(t, h, 0);
}
