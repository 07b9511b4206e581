/* group.c - multicast groups: what an interface tells, what queriers ask
 *
 *	groups manual				reports are the script's business
 *	filter[N] G include|exclude [A ...]	member N of group G (include nobody: leaves)
 *	< query [v1|v2] [G] [about A ...] [within MS] [robust N] [interval S]
 *	< report G				another's, in an elder's words
 *	> report G is-in|is-ex|to-in|to-ex|allow|block [A ...] [and G ...]
 *	> report G v1|v2|leave			an elder's words
 *	expect wants G A yes|no
 *
 * A query is of the newest version and general if it does not say otherwise.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/sum.h"
#include "stack/netif.h"
#include "world.h"

static const char *const records[] = { "", "is-in", "is-ex", "to-in", "to-ex", "allow", "block" };

static struct ip_addr addr_need(struct world *w, struct words *ws)
{
	const char *s = word_need(w, ws, "an address");
	struct ip_addr a;

	if (!ip_parse_text(s, &a))
		fail(w, "script: '%s' is not an address", s);
	return a;
}

static bool addr_word(struct words *ws, struct ip_addr *a)
{
	const char *s = word_peek(ws);

	if (!s || !ip_parse_text(s, a))
		return false;
	word_next(ws);
	return true;
}

static void addr_put(struct world *w, struct wr *o, const struct ip_addr *a)
{
	wr_bytes(o, w->v6 ? a->b : ip_v4(a), w->v6 ? 16 : 4);
}

/* --- in --- */

static struct ip_addr any_of(const struct world *w)
{
	return w->v6 ? IP6_ANY : IP4_ANY;
}

static void group_inject(struct world *w, struct wr *o, const struct ip_addr *dst)
{
	struct over ov;

	over_init(w, &w->conn[1], &ov);
	ov.ttl = 1;
	ov.dst = *dst;
	if (w->v6)
		ov.src = (struct ip_addr){ { 0xfe, 0x80, [15] = 0xfe } };
	ip_inject(w, &ov, w->v6 ? IPPROTO_ICMPV6 : IPPROTO_IGMP, o->start, wr_len(o), 2);
}

struct ask {
	int		version;
	struct ip_addr	group, src[64];
	uint16_t	n;
	uint32_t	within, robust, interval;
};

static void ask_words(struct world *w, struct words *ws, struct ask *q)
{
	while (word_peek(ws)) {
		if (word_is(ws, "v1"))
			q->version = 1;
		else if (word_is(ws, "v2"))
			q->version = 2;
		else if (word_is(ws, "within"))
			q->within = number_need(w, ws, "ms");
		else if (word_is(ws, "robust"))
			q->robust = number_need(w, ws, "times");
		else if (word_is(ws, "interval"))
			q->interval = number_need(w, ws, "seconds");
		else if (word_is(ws, "about"))
			while (addr_word(ws, &q->src[q->n]))
				q->n++;
		else if (!addr_word(ws, &q->group))
			break;
	}
	words_end(w, ws);
}

static void query_head(struct world *w, struct wr *o, const struct ask *q)
{
	if (w->v6) {
		wr_u8(o, 130);
		wr_zero(o, 3);
		wr_u16(o, (uint16_t)q->within);
		wr_u16(o, 0);
	} else {
		wr_u8(o, 0x11);
		wr_u8(o, q->version == 1 ? 0 : (uint8_t)(q->within / 100));
		wr_u16(o, 0);
	}
	addr_put(w, o, &q->group);
}

void group_query(struct world *w, struct words *ws)
{
	struct ip_addr all = w->v6 ? (struct ip_addr){ { 0xff, 2, [15] = 1 } } : IP4(224, 0, 0, 1);
	struct ask q = { .version = w->v6 ? 2 : 3, .group = any_of(w), .within = 10000 };
	uint8_t b[1200];
	struct wr o = wr_of(b, sizeof(b));

	ask_words(w, ws, &q);
	query_head(w, &o, &q);
	if (q.version == (w->v6 ? 2 : 3)) {
		wr_u8(&o, (uint8_t)q.robust);
		wr_u8(&o, (uint8_t)q.interval);
		wr_u16(&o, q.n);
		for (unsigned i = 0; i < q.n; i++)
			addr_put(w, &o, &q.src[i]);
	}
	group_inject(w, &o, ip_is_any(&q.group) ? &all : &q.group);
}

void group_report_in(struct world *w, struct words *ws)
{
	struct ip_addr g = addr_need(w, ws);
	uint8_t b[32];
	struct wr o = wr_of(b, sizeof(b));

	words_end(w, ws);
	wr_u8(&o, w->v6 ? 131 : 0x16);
	wr_zero(&o, w->v6 ? 7 : 3);
	addr_put(w, &o, &g);
	group_inject(w, &o, &g);
}

/* --- out --- */

bool group_is_report(const struct frame *f)
{
	return f->ip && (f->proto == IPPROTO_IGMP || f->proto == IPPROTO_HOPOPTS);
}

static struct rd body_of(const struct frame *f)
{
	size_t skip = f->v6 ? 8 : 0;

	return rd_of(f->l4 + MIN(skip, f->l4_len), f->l4_len - MIN(skip, f->l4_len));
}

static _Noreturn void differ(struct world *w, const struct frame *f, const char *what)
{
	fail(w, "%s differs\n\tseen at +%.6f: %s", what, (double)(f->at - START) / 1e6,
	     frame_text(f->b, f->len));
}

static struct ip_addr addr_get(const struct world *w, struct rd *r)
{
	uint8_t b[16] = { 0 };

	rd_copy(r, b, w->v6 ? 16 : 4);
	return w->v6 ? ip_from_v6(b) : ip_from_v4(b);
}

static void record_text(struct world *w, struct rd *r, struct text *t)
{
	uint8_t type = rd_u8(r);
	char buf[IP_STRLEN];
	struct ip_addr a;
	uint16_t n;

	rd_u8(r);
	n = rd_u16(r);
	a = addr_get(w, r);
	text_add(t, "%s%s %s", t->len ? " and " : "", ip_text(&a, buf),
		 type < ARRAY_LEN(records) ? records[type] : "?");
	while (n-- && !r->fail) {
		a = addr_get(w, r);
		text_add(t, " %s", ip_text(&a, buf));
	}
}

static void elder_text(struct world *w, uint8_t type, struct rd *r, struct text *t)
{
	char buf[IP_STRLEN];
	struct ip_addr a;

	rd_bytes(r, w->v6 ? 7 : 3);
	a = addr_get(w, r);
	text_add(t, "%s %s", ip_text(&a, buf), type == 131 || type == 0x12 ? "v1" :
		 type == 0x16 ? "v2" : type == 132 || type == 0x17 ? "leave" : "?");
}

static void report_text(struct world *w, const struct frame *f, struct text *t)
{
	struct rd r = body_of(f);
	uint8_t type = rd_u8(&r);
	uint16_t n;

	if (type != 143 && type != 0x22) {
		elder_text(w, type, &r, t);
		return;
	}
	rd_bytes(&r, 5);
	for (n = rd_u16(&r); n-- && !r.fail;)
		record_text(w, &r, t);
}

void group_expect(struct world *w, struct words *ws, struct when when)
{
	char want[1024], got[4096];
	struct text tw = text_of(want, sizeof(want)), tg = text_of(got, sizeof(got));
	struct frame *f;

	for (const char *s; (s = word_next(ws));)
		text_add(&tw, "%s%s", tw.len ? " " : "", s);
	f = expect_frame(w, when);
	if (!group_is_report(f) || f->ttl != 1)
		differ(w, f, "the kind of packet");
	if (f->bad)
		fail(w, "the stack sent %s", f->bad);
	report_text(w, f, &tg);
	if (strcmp(want, got) != 0)
		fail(w, "the report differs\n\texpected: %s\n\tseen:     %s", want, got);
	frame_free(f);
}

/* --- members --- */

bool group_event(struct world *w, const char *name, int n, struct words *ws)
{
	struct ip_addr src[70], g;
	unsigned k = 0;
	bool exclude;
	int e;

	if (strcmp(name, "filter"))
		return false;
	g = addr_need(w, ws);
	exclude = word_is(ws, "exclude");
	if (!exclude && !word_is(ws, "include"))
		fail(w, "script: filter G include|exclude");
	while (k < ARRAY_LEN(src) && addr_word(ws, &src[k]))
		k++;
	e = netif_filter(w->nif, &g, &w->member[n], exclude, src, k);
	if (e < 0)
		fail(w, "filter: %s", errno_text(e));
	world_settle(w);
	return true;
}

bool group_wants_expect(struct world *w, struct words *ws)
{
	struct ip_addr g, a;
	bool want;

	if (!word_is(ws, "wants"))
		return false;
	g = addr_need(w, ws);
	a = addr_need(w, ws);
	want = word_is(ws, "yes");
	if (!want && !word_is(ws, "no"))
		fail(w, "script: expect wants G A yes|no");
	if (netif_group_wants(w->nif, &g, &a) != want)
		fail(w, "the interface %s it", want ? "does not want" : "wants");
	return true;
}

void group_finish(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->member); i++)
		free(w->member[i].src);
}
