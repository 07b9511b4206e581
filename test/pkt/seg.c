/* seg.c - TCP segments in and out
 *
 *	FLAGS SEQ:END(LEN) [ack N] [win N] [urg N] [tos N] [<OPTIONS>] [by N]
 *
 * FLAGS are letters of FSRP.UEW (. is ACK), - for none. Numbers are relative:
 * the SYN is 0, the first byte 1. In: win not given is the last one, and any
 * word of frame.c's list may follow (badsum, ttl N ...). Out: win is compared
 * as the header has it, A~B is a range, not given is anything; "by N" stands
 * for a run of segments of N bytes, of which the first has the W of FLAGS and the
 * last the P.
 *
 * No options at all means: none, or timestamps where both SYNs had them.
 * Payload in is made from pattern(), payload out is compared with it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "seg.h"

struct spec {
	uint8_t		flags;
	uint32_t	seq, len, ack, win, win_to, urg, by, tos;
	bool		has_ack, has_win, has_urg, has_tos, has_opts;
	struct items	opts;
};

struct seen {
	struct tcp	h;
	uint32_t	seq, ack, len;
	uint8_t		tos;
	struct items	opts;
	const uint8_t	*data;
};

static const char flag_letters[] = "FSRP.UEW";

static uint8_t flags_read(struct world *w, const char *s)
{
	uint8_t flags = 0;

	for (; *s; s++) {
		const char *p = strchr(flag_letters, *s);

		if (p)
			flags |= (uint8_t)(1u << (p - flag_letters));
		else if (*s != '-')
			fail(w, "script: '%c' is not a TCP flag", *s);
	}
	return flags;
}

static void win_read(struct world *w, struct spec *s, const char *p)
{
	s->has_win = true;
	if (sscanf(p, "%u~%u", &s->win, &s->win_to) == 2)
		return;
	s->win = s->win_to = number(w, p);
}

/* A word that both directions have; false: not one of them. */
static bool spec_word(struct world *w, struct spec *s, struct words *ws)
{
	if (ws->at < ws->n && ws->opts[ws->at]) {
		items_read(w, &s->opts, word_next(ws));
		return s->has_opts = true;
	}
	if (word_is(ws, "ack")) {
		s->ack = number_need(w, ws, "ack");
		return s->has_ack = true;
	}
	if (word_is(ws, "urg")) {
		s->urg = number_need(w, ws, "urg");
		return s->has_urg = true;
	}
	if (word_is(ws, "win")) {
		win_read(w, s, word_need(w, ws, "win"));
		return true;
	}
	if (word_is(ws, "by")) {
		s->by = number_need(w, ws, "bytes");
		return true;
	}
	return false;
}

static void spec_head(struct world *w, struct spec *s, const char *flags, struct words *ws)
{
	const char *p = word_need(w, ws, "SEQ:END(LEN)");
	uint32_t end;

	*s = (struct spec){ .flags = flags_read(w, flags) };
	if (sscanf(p, "%u:%u(%u)", &s->seq, &end, &s->len) != 3)
		fail(w, "script: '%s' is not SEQ:END(LEN)", p);
	if (end != s->seq + s->len)
		fail(w, "script: %u and %u bytes do not end at %u", s->seq, s->len, end);
}

/* --- in --- */

static void default_ts(struct items *is)
{
	*is = (struct items){ .n = 3 };
	is->i[0].kind = is->i[1].kind = OPT_NOP;
	is->i[2] = (struct item){ .kind = OPT_TS, .n = 2, .any = 0x30000u };
}

static void note_in(struct conn *c, const struct spec *s)
{
	if (s->flags & TCP_SYN) {
		c->ts_in = items_find(&s->opts, OPT_TS) != NULL;
		c->wscale_in = items_find(&s->opts, OPT_WSCALE) != NULL;
		c->acked = 0;
		c->nxt = 1;
	}
}

static uint32_t data_offset(const struct spec *s)
{
	return s->seq + (s->flags & TCP_SYN ? 1 : 0) - 1;
}

static size_t seg_build(struct world *w, struct conn *c, const struct spec *s,
			const struct over *o, uint8_t *b)
{
	size_t n = items_emit(&s->opts, w, c, b + TCP_LEN);
	struct wr h = wr_of(b, TCP_LEN);

	wr_u16(&h, o->sport);
	wr_u16(&h, o->dport);
	wr_u32(&h, c->irs + s->seq);
	wr_u32(&h, s->has_ack ? c->iss + s->ack : 0);
	wr_u8(&h, (uint8_t)((TCP_LEN + n) / 4 << 4));
	wr_u8(&h, s->flags);
	wr_u16(&h, (uint16_t)s->win);
	wr_u16(&h, 0);
	wr_u16(&h, (uint16_t)s->urg);
	for (uint32_t i = 0; i < s->len; i++)
		b[TCP_LEN + n + i] = pattern(data_offset(s) + i);
	return TCP_LEN + n + s->len;
}

void seg_in(struct world *w, struct conn *c, const char *flags, struct words *ws)
{
	struct spec s;
	struct over o;
	uint8_t *b;
	size_t len;

	over_init(w, c, &o);
	spec_head(w, &s, flags, ws);
	while (word_peek(ws) && (spec_word(w, &s, ws) || over_word(w, ws, &o)))
		;
	words_end(w, ws);
	if (s.flags & TCP_ACK && !s.has_ack)
		fail(w, "script: the ACK flag needs ack N");
	c->win = s.has_win ? (uint16_t)s.win : c->win;
	s.win = c->win;
	if (!s.has_opts && c->ts_in && c->ts_out)
		default_ts(&s.opts);
	note_in(c, &s);
	b = xmalloc(TCP_MAXLEN + s.len);
	len = seg_build(w, c, &s, &o, b);
	ip_inject(w, &o, IPPROTO_TCP, b, len, 16);
	free(b);
}

/* --- out --- */

static void seen_text(const struct seen *g, struct text *t)
{
	for (int i = 0; i < 8; i++)
		if (g->h.flags >> i & 1)
			text_add(t, "%c", flag_letters[i]);
	text_add(t, " %u:%u(%u)", g->seq, g->seq + g->len, g->len);
	if (g->h.flags & TCP_ACK)
		text_add(t, " ack %u", g->ack);
	text_add(t, " win %u", g->h.win);
	if (g->h.flags & TCP_URG)
		text_add(t, " urg %u", g->h.urg);
	if (g->tos)
		text_add(t, " tos %u", g->tos);
	items_text(&g->opts, t);
}

static _Noreturn void differ(struct world *w, const struct frame *f, const struct seen *g,
			     const char *what)
{
	char buf[512];
	struct text t = text_of(buf, sizeof(buf));

	if (g)
		seen_text(g, &t);
	fail(w, "%s differs\n\tseen at +%.6f: %s\n\tframe: %s", what,
	     (double)(f->at - START) / 1e6, buf, frame_text(f->b, f->len));
}

/* The stack's number 0 is learnt from its SYN, its clock from the first value
 * the script names. */
static void learn(struct conn *c, const struct tcp *h, const struct spec *s)
{
	const struct item *ts = items_find(&s->opts, OPT_TS);

	if (h->flags & TCP_SYN && !c->iss_known) {
		c->iss = h->seq.v;
		c->iss_known = true;
	}
	if (h->flags & TCP_SYN)
		c->ts_out = h->o.has_ts;
	if (h->o.has_ts)
		c->ts_last = h->o.ts_val;
	if (h->o.has_ts && ts && !(ts->any & 0x10001u) && !c->ts_off_known) {
		c->ts_off = h->o.ts_val - ts->v[0];
		c->ts_off_known = true;
	}
}

static void seen_read(struct world *w, const struct frame *f, struct conn *c,
		      const struct spec *s, struct seen *g)
{
	struct rd r = rd_of(f->l4, f->l4_len);

	if (!f->ip || f->proto != IPPROTO_TCP || f->frag || !tcp_parse(&r, &g->h))
		differ(w, f, NULL, "the kind of packet");
	if (f->bad)
		fail(w, "the stack sent %s\n\tframe: %s", f->bad, frame_text(f->b, f->len));
	if (!ip_eq(&f->dst, &c->raddr) || g->h.dst_port != c->rport ||
	    g->h.src_port != c->lport)
		differ(w, f, NULL, "the connection");
	if (!f->df)
		differ(w, f, NULL, "DF (RFC 1191 3)");
	learn(c, &g->h, s);
	window_note(w, c, &g->h);
	g->seq = g->h.seq.v - c->iss;
	g->ack = g->h.ack.v - c->irs;
	g->len = (uint32_t)(f->l4_len - g->h.hlen);
	g->tos = f->tos;
	g->data = f->l4 + g->h.hlen;
	items_parse(&g->opts, c, f->l4 + TCP_LEN, g->h.hlen - (size_t)TCP_LEN);
}

static bool opts_ok(const struct spec *s, const struct seen *g, const struct conn *c)
{
	struct items none = { 0 };

	if (s->has_opts)
		return items_match(&s->opts, &g->opts);
	if (c->ts_in && c->ts_out) {
		default_ts(&none);
		none.i[2].any = 3;
	}
	return items_match(&none, &g->opts);
}

static bool data_ok(const struct spec *s, const struct seen *g)
{
	for (uint32_t i = 0; i < g->len; i++)
		if (g->data[i] != pattern(data_offset(s) + i))
			return false;
	return true;
}

static const char *difference(const struct spec *s, const struct seen *g, const struct conn *c,
			      uint8_t mask)
{
	if ((g->h.flags & mask) != (s->flags & mask))
		return "a flag";
	if (g->seq != s->seq)
		return "the sequence number";
	if (g->len != s->len)
		return "the length";
	if (s->has_ack && g->ack != s->ack)
		return "the acknowledgement";
	if (s->has_win && (g->h.win < s->win || g->h.win > s->win_to))
		return "the window";
	if (s->has_urg && g->h.urg != s->urg)
		return "the urgent pointer";
	if (s->has_tos && g->tos != s->tos)
		return "the type of service";
	if (!opts_ok(s, g, c))
		return "an option";
	return data_ok(s, g) ? NULL : "the payload";
}

static void one(struct world *w, struct conn *c, const struct spec *s, struct when when,
		uint8_t mask)
{
	struct frame *f = expect_frame(w, when);
	struct seen g = { .len = 0 };
	const char *what;

	seen_read(w, f, c, s, &g);
	what = difference(s, &g, c, mask);
	if (what)
		differ(w, f, &g, what);
	frame_free(c->quote);
	c->quote = f;
}

static bool tos_word(struct world *w, struct spec *s, struct words *ws)
{
	if (!word_is(ws, "tos"))
		return false;
	s->tos = number_need(w, ws, "tos");
	return s->has_tos = true;
}

void seg_expect(struct world *w, struct conn *c, const char *flags, struct words *ws,
		struct when when)
{
	struct spec s, part;
	uint32_t left;

	spec_head(w, &s, flags, ws);
	while (word_peek(ws) && (spec_word(w, &s, ws) || tos_word(w, &s, ws)))
		;
	words_end(w, ws);
	if (!s.by) {
		one(w, c, &s, when, 0xff);
		return;
	}
	part = s;
	for (left = s.len; left; left -= part.len, part.seq += part.len) {
		part.len = MIN(left, s.by);
		one(w, c, &part, when,
		    left > s.by || !(s.flags & TCP_PSH) ? (uint8_t)~TCP_PSH : 0xff);
		part.flags &= (uint8_t)~TCP_CWR;
		when = (struct when){ 0, when.any ? when.to : 0, when.any };
	}
}
