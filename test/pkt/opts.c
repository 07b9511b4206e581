/* opts.c - TCP options as text, as bytes, and compared one by one
 *
 *	mss 1000 | mss auto		auto: what the MTU allows
 *	sackOK   nop   eol   wscale 7
 *	sack 1001:2001 3001:4001	relative to the receiver's number 0
 *	TS val 100 ecr 200		auto: the harness's clock, the last value seen
 *	FO | FO 0011223344556677	Fast Open: asks for a cookie, or is one (any: some)
 *	raw 0402...			any bytes (only in)
 *
 * A value of "any" is not compared. Timestamps the stack sends are relative:
 * the first one a script names a number for fixes where its clock stands, and
 * a tick more or less is the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "seg.h"

uint32_t peer_ts(const struct world *w)
{
	return (uint32_t)(1000 + (w->now - START) / USEC_PER_MSEC);
}

static void value(struct world *w, struct item *it, const char *s)
{
	unsigned i = it->n++;

	if (!s)
		fail(w, "script: an option's value is missing");
	if (!strcmp(s, "any"))
		it->any |= 1u << i;
	else if (!strcmp(s, "auto"))
		it->any |= 0x10000u << i;
	else
		it->v[i] = number(w, s);
}

static void sack_read(struct world *w, struct item *it, struct words *ws)
{
	for (const char *s; (s = word_next(ws)) && it->n < 2 * TCP_MAX_SACK; it->n += 2)
		if (sscanf(s, "%u:%u", &it->v[it->n], &it->v[it->n + 1]) != 2)
			fail(w, "script: '%s' is not a SACK block", s);
}

static void raw_read(struct world *w, struct item *it, const char *s)
{
	unsigned b;

	for (; s && s[0] && s[1] && it->raw_len < sizeof(it->raw); s += 2) {
		if (sscanf(s, "%2x", &b) != 1)
			fail(w, "script: raw needs hexadecimal digits");
		it->raw[it->raw_len++] = (uint8_t)b;
	}
}

static void item_read(struct world *w, struct item *it, struct words *ws)
{
	const char *name = word_next(ws);

	if (!strcmp(name, "nop")) {
		it->kind = OPT_NOP;
	} else if (!strcmp(name, "eol")) {
		it->kind = OPT_EOL;
	} else if (!strcmp(name, "sackOK")) {
		it->kind = OPT_SACKOK;
	} else if (!strcmp(name, "mss") || !strcmp(name, "wscale")) {
		it->kind = name[0] == 'm' ? OPT_MSS : OPT_WSCALE;
		value(w, it, word_next(ws));
	} else if (!strcmp(name, "TS")) {
		it->kind = OPT_TS;
		if (word_is(ws, "val"))
			value(w, it, word_next(ws));
		if (word_is(ws, "ecr"))
			value(w, it, word_next(ws));
	} else if (!strcmp(name, "sack")) {
		it->kind = OPT_SACK;
		sack_read(w, it, ws);
	} else if (!strcmp(name, "FO")) {
		it->kind = OPT_FO;
		if (word_is(ws, "any"))
			it->any = 1;
		else
			raw_read(w, it, word_next(ws));
	} else if (!strcmp(name, "raw")) {
		it->kind = OPT_RAW;
		raw_read(w, it, word_next(ws));
	} else {
		fail(w, "script: '%s' is not a TCP option", name);
	}
	words_end(w, ws);
}

static void autos(const struct world *w, struct item *it)
{
	if (it->kind == OPT_MSS && it->any & 0x10000u)
		it->v[0] = w->mtu - (w->v6 ? 60 : 40);
}

void items_read(struct world *w, struct items *is, const char *text)
{
	char buf[256], *save = NULL;

	*is = (struct items){ .wild = !strcmp(text, "...") };
	snprintf(buf, sizeof(buf), "%s", text);
	if (is->wild || !strcmp(text, "none"))
		return;
	for (char *p = strtok_r(buf, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		struct words ws;

		words_cut(w, &ws, p);
		if (!word_peek(&ws) || is->n == MAX_ITEMS)
			fail(w, "script: an empty option");
		item_read(w, &is->i[is->n], &ws);
		autos(w, &is->i[is->n++]);
	}
}

static void item_parse(struct item *it, const struct conn *c, struct rd body)
{
	switch (it->kind) {
	case OPT_MSS:
		it->v[it->n++] = rd_u16(&body);
		break;
	case OPT_WSCALE:
		it->v[it->n++] = rd_u8(&body);
		break;
	case OPT_TS:
		it->v[0] = rd_u32(&body) - c->ts_off;
		it->v[1] = rd_u32(&body);
		it->n = 2;
		break;
	case OPT_FO:
		it->raw_len = (uint8_t)MIN(rd_left(&body), sizeof(it->raw));
		rd_copy(&body, it->raw, it->raw_len);
		break;
	case OPT_SACK:
		while (rd_left(&body) >= 4 && it->n < 2 * TCP_MAX_SACK)
			it->v[it->n++] = rd_u32(&body) - c->irs;
		break;
	}
}

void items_parse(struct items *is, const struct conn *c, const uint8_t *p, size_t len)
{
	struct rd r = rd_of(p, len);

	*is = (struct items){ .n = 0 };
	while (rd_left(&r) && is->n < MAX_ITEMS) {
		struct item *it = &is->i[is->n++];

		it->kind = rd_u8(&r);
		if (it->kind == OPT_EOL)
			return;
		if (it->kind != OPT_NOP)
			item_parse(it, c, rd_sub(&r, (rd_u8(&r) - 2u) & 0xff));
	}
}

static void item_emit(struct wr *o, const struct item *it, const struct world *w,
		      const struct conn *c)
{
	static const uint8_t len[] = { [OPT_MSS] = 4, [OPT_WSCALE] = 3, [OPT_SACKOK] = 2,
				       [OPT_TS] = 10 };

	if (it->kind == OPT_RAW) {
		wr_bytes(o, it->raw, it->raw_len);
		return;
	}
	wr_u8(o, it->kind);
	if (it->kind == OPT_FO) {
		wr_u8(o, (uint8_t)(2 + it->raw_len));
		wr_bytes(o, it->raw, it->raw_len);
		return;
	}
	if (it->kind > OPT_NOP)
		wr_u8(o, it->kind == OPT_SACK ? (uint8_t)(2 + 4 * it->n) : len[it->kind]);
	if (it->kind == OPT_MSS)
		wr_u16(o, (uint16_t)it->v[0]);
	if (it->kind == OPT_WSCALE)
		wr_u8(o, (uint8_t)it->v[0]);
	for (int i = 0; it->kind == OPT_SACK && i < it->n; i++)
		wr_u32(o, it->v[i] + c->iss);
	if (it->kind == OPT_TS) {
		wr_u32(o, it->any & 0x10000u ? peer_ts(w) : it->v[0]);
		wr_u32(o, it->any & 0x20000u ? c->ts_last :
			  it->v[1] ? it->v[1] + c->ts_off : 0);
	}
}

size_t items_emit(const struct items *is, const struct world *w, const struct conn *c,
		  uint8_t *to)
{
	struct wr o = wr_of(to, 40);

	for (int i = 0; i < is->n; i++)
		item_emit(&o, &is->i[i], w, c);
	while (wr_len(&o) % 4)
		wr_u8(&o, OPT_EOL);
	return wr_len(&o);
}

static void item_text(const struct item *it, struct text *t)
{
	switch (it->kind) {
	case OPT_EOL:	text_add(t, "eol"); break;
	case OPT_NOP:	text_add(t, "nop"); break;
	case OPT_SACKOK: text_add(t, "sackOK"); break;
	case OPT_MSS:	text_add(t, "mss %u", it->v[0]); break;
	case OPT_WSCALE: text_add(t, "wscale %u", it->v[0]); break;
	case OPT_TS:	text_add(t, "TS val %u ecr %u", it->v[0], it->v[1]); break;
	case OPT_SACK:
		text_add(t, "sack");
		for (int i = 0; i + 1 < it->n; i += 2)
			text_add(t, " %u:%u", it->v[i], it->v[i + 1]);
		break;
	case OPT_FO:
		text_add(t, it->raw_len ? "FO " : "FO");
		for (int i = 0; i < it->raw_len; i++)
			text_add(t, "%02x", it->raw[i]);
		break;
	default:	text_add(t, "kind %u", it->kind);
	}
}

void items_text(const struct items *is, struct text *t)
{
	if (!is->n)
		return;
	text_add(t, " <");
	for (int i = 0; i < is->n; i++) {
		text_add(t, "%s", i ? "," : "");
		item_text(&is->i[i], t);
	}
	text_add(t, ">");
}

static bool value_match(const struct item *want, const struct item *got, int i)
{
	uint32_t d = got->v[i] - want->v[i];

	if (want->any >> i & 1)
		return true;
	if (want->kind == OPT_TS && i == 0)
		return d + 1 <= 2;		/* a tick before or after */
	return d == 0;
}

static bool cookie_match(const struct item *want, const struct item *got)
{
	if (want->any)
		return got->raw_len;
	return want->raw_len == got->raw_len && !memcmp(want->raw, got->raw, want->raw_len);
}

bool items_match(const struct items *want, const struct items *got)
{
	if (want->wild)
		return true;
	if (want->n != got->n)
		return false;
	for (int i = 0; i < want->n; i++) {
		const struct item *a = &want->i[i], *b = &got->i[i];

		if (a->kind != b->kind || a->n != b->n)
			return false;
		if (a->kind == OPT_FO && !cookie_match(a, b))
			return false;
		for (int k = 0; k < a->n; k++)
			if (!value_match(a, b, k))
				return false;
	}
	return true;
}

const struct item *items_find(const struct items *is, uint8_t kind)
{
	for (int i = 0; i < is->n; i++)
		if (is->i[i].kind == kind)
			return &is->i[i];
	return NULL;
}
