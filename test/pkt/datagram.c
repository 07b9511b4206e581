/* datagram.c - packets other than TCP segments
 *
 *	< udp N			> udp N [mac M] [OPTS]	N bytes of pattern; M: last byte of dst
 *	< icmp NAME [mtu N] [seq N]		about the packet sent last
 *	> icmp NAME [mtu N] [anything] [at OCTET]	about the packet that came in last
 *	< icmp echo N		> icmp echo-reply N [OPTS]
 *	> frag FROM:TO [more]			a piece, bytes of the IP payload
 *	< ip PROTO N		N bytes of any protocol
 *	< hex 0800 4500...	raw, from the Ethernet type on
 *	< neigh ..., > neigh ...		neigh.c
 *	< query, < report, > report		group.c
 *	< ra, < redirect, < probe		router.c
 *
 * OPTS: "opts HEX" or "dstopts HEX" as frame.c has them; none is none.
 * NAME: unreach net|host|proto|port|admin, frag (IPv6: packet too big),
 * time ttl|frag, param [next|option]. An error the stack sends must quote what came in last
 * ("anything": not compared) and be no larger than the RFCs allow.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "world.h"

static const struct icmp_row {
	const char	*name, *sub;
	uint8_t		t4, c4, t6, c6;
	bool		error;
} icmps[] = {
	{ "unreach", "net",	ICMP4_UNREACH, ICMP4_NET,   ICMP6_UNREACH, ICMP6_NOROUTE, true },
	{ "unreach", "host",	ICMP4_UNREACH, ICMP4_HOST,  ICMP6_UNREACH, ICMP6_ADDR, true },
	{ "unreach", "proto",	ICMP4_UNREACH, ICMP4_PROTO, ICMP6_PARAM, 1, true },
	{ "unreach", "port",	ICMP4_UNREACH, ICMP4_PORT,  ICMP6_UNREACH, ICMP6_PORT, true },
	{ "unreach", "admin",	ICMP4_UNREACH, ICMP4_ADMIN, ICMP6_UNREACH, ICMP6_ADMIN, true },
	{ "frag", NULL,		ICMP4_UNREACH, ICMP4_FRAG,  ICMP6_TOO_BIG, 0, true },
	{ "time", "ttl",	ICMP4_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0, true },
	{ "time", "frag",	ICMP4_TIME_EXCEEDED, 1, ICMP6_TIME_EXCEEDED, 1, true },
	{ "param", "next",	ICMP4_PARAM, 0, ICMP6_PARAM, 1, true },
	{ "param", "option",	ICMP4_PARAM, 0, ICMP6_PARAM, 2, true },
	{ "param", NULL,	ICMP4_PARAM, 0, ICMP6_PARAM, 0, true },
	{ "echo", NULL,		ICMP4_ECHO, 0, ICMP6_ECHO, 0, false },
	{ "echo-reply", NULL,	ICMP4_ECHO_REPLY, 0, ICMP6_ECHO_REPLY, 0, false },
};

static _Noreturn void differ(struct world *w, const struct frame *f, const char *what)
{
	fail(w, "%s differs\n\tseen at +%.6f: %s", what, (double)(f->at - START) / 1e6,
	     frame_text(f->b, f->len));
}

static void overs(struct world *w, struct words *ws, struct over *o)
{
	while (word_peek(ws) && over_word(w, ws, o))
		;
	words_end(w, ws);
}

static void udp_in_line(struct world *w, struct conn *c, struct words *ws)
{
	uint32_t n = number_need(w, ws, "bytes");
	uint8_t *b = xzalloc(UDP_LEN + n);
	struct wr h = wr_of(b, UDP_LEN);
	struct over o;

	over_init(w, c, &o);
	overs(w, ws, &o);
	wr_u16(&h, o.sport);
	wr_u16(&h, o.dport);
	wr_u16(&h, (uint16_t)(UDP_LEN + n));
	for (uint32_t i = 0; i < n; i++)
		b[UDP_LEN + i] = pattern(i);
	ip_inject(w, &o, IPPROTO_UDP, b, UDP_LEN + n, 6);
	free(b);
}

/* What the header has beside. */
struct opts {
	uint8_t	b[256];
	size_t	n;
};

static void opts_words(struct world *w, struct words *ws, struct opts *o)
{
	o->n = 0;
	if (word_is(ws, "opts")) {
		o->n = opts4_need(w, ws, o->b);
	} else if (word_is(ws, "dstopts")) {
		o->n = 2 + ext6_need(w, ws, o->b + 2);
		o->b[1] = (uint8_t)(o->n / 8 - 1);
	}
}

static void opts_check(struct world *w, const struct frame *f, const struct opts *o)
{
	size_t skip = f->v6 && f->n_opts;	/* the next header's number */

	if (f->n_opts != o->n || (o->n && memcmp(f->opts + skip, o->b + skip, o->n - skip)))
		differ(w, f, "what is beside the IP header");
}

static void udp_expect_line(struct world *w, struct conn *c, struct words *ws, struct when when)
{
	uint32_t n = number_need(w, ws, "bytes");
	uint32_t mac = word_is(ws, "mac") ? number_need(w, ws, "mac") : 0;
	struct frame *f;
	struct opts o;
	struct udp u;
	struct rd r;

	opts_words(w, ws, &o);
	words_end(w, ws);
	f = expect_frame(w, when);
	opts_check(w, f, &o);
	if (mac && f->eth.dst.b[5] != mac)
		fail(w, "the MAC address differs\n\tseen: ...%02x", f->eth.dst.b[5]);
	r = rd_of(f->l4, f->l4_len);
	if (!f->ip || f->frag || f->proto != IPPROTO_UDP || !udp_parse(&r, &u))
		differ(w, f, "the kind of packet");
	if (f->bad)
		fail(w, "the stack sent %s", f->bad);
	if (u.src_port != c->lport || u.dst_port != c->rport || !ip_eq(&f->dst, &c->raddr))
		differ(w, f, "an address or port");
	if (rd_left(&r) != n)
		differ(w, f, "the length");
	for (uint32_t i = 0; i < n; i++)
		if (r.p[i] != pattern(i))
			differ(w, f, "the payload");
	frame_free(c->quote);
	c->quote = f;
}

static void ip_in_line(struct world *w, struct conn *c, struct words *ws)
{
	uint8_t proto = (uint8_t)number_need(w, ws, "protocol");
	uint32_t n = number_need(w, ws, "bytes");
	uint8_t *b = xzalloc(n + 1);
	struct over o;

	over_init(w, c, &o);
	overs(w, ws, &o);
	o.nosum = true;
	ip_inject(w, &o, proto, b, n, 0);
	free(b);
}

/* --- ICMP --- */

static const struct icmp_row *icmp_need(struct world *w, struct words *ws)
{
	const char *name = word_need(w, ws, "an ICMP message"), *sub = word_peek(ws);

	for (size_t i = 0; i < ARRAY_LEN(icmps); i++) {
		const struct icmp_row *m = &icmps[i];

		if (strcmp(m->name, name) != 0)
			continue;
		if (!m->sub)
			return m;
		if (sub && strcmp(m->sub, sub) == 0) {
			word_next(ws);
			return m;
		}
	}
	fail(w, "script: icmp '%s' is not known", name);
}

/* The packet the stack sent last, up to 48 bytes past its IP header. */
static size_t quote(struct world *w, struct conn *c, uint8_t *to, const uint32_t *seq)
{
	const struct frame *f = c->quote;
	size_t ip = f ? (size_t)(f->l4 - f->b) - ETH_LEN : 0, n;
	be32 v;

	if (!f)
		fail(w, "script: no packet was sent that ICMP could be about");
	n = MIN(f->len - ETH_LEN, ip + 48);
	memcpy(to, f->b + ETH_LEN, n);
	if (seq && n >= ip + 8) {
		v = be32_put(c->iss + *seq);
		memcpy(to + ip + 4, &v, 4);
	}
	return n;
}

static void icmp_in_line(struct world *w, struct conn *c, struct words *ws)
{
	const struct icmp_row *m = icmp_need(w, ws);
	uint32_t n = m->error ? 0 : number_need(w, ws, "bytes"), seq = 0, mtu = 0;
	uint8_t *b = xzalloc(ICMP_LEN + 128 + n);
	bool has_seq = false;
	struct over o;
	size_t len = ICMP_LEN + n;

	over_init(w, c, &o);
	for (;;) {
		if (word_is(ws, "mtu"))
			mtu = number_need(w, ws, "mtu");
		else if (word_is(ws, "seq")) {
			seq = number_need(w, ws, "seq");
			has_seq = true;
		} else
			break;
	}
	overs(w, ws, &o);
	b[0] = w->v6 ? m->t6 : m->t4;
	b[1] = w->v6 ? m->c6 : m->c4;
	for (int i = 0; i < 4; i++)
		b[4 + i] = (uint8_t)(mtu >> (24 - 8 * i));
	for (uint32_t i = 0; i < n; i++)
		b[ICMP_LEN + i] = pattern(i);
	if (m->error)
		len += quote(w, c, b + ICMP_LEN, has_seq ? &seq : NULL);
	ip_inject(w, &o, w->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, b, len, 2);
	free(b);
}

static void quote_check(struct world *w, const struct frame *f)
{
	size_t n = f->l4_len - ICMP_LEN, ip = w->v6 ? IP6_LEN : (size_t)(w->last_in[0] & 15) * 4;

	if (f->len - ETH_LEN > (w->v6 ? 1280 : 576))	/* RFC 1812 4.3.2.3, RFC 4443 2.4c */
		differ(w, f, "the size of an ICMP error");
	if (n < ip + 8 || n > w->last_in_len || memcmp(f->l4 + ICMP_LEN, w->last_in, n) != 0)
		differ(w, f, "the packet quoted");
}

static void icmp_expect_line(struct world *w, struct conn *c, struct words *ws,
			     struct when when)
{
	const struct icmp_row *m = icmp_need(w, ws);
	uint32_t want = m->error ? 0 : number_need(w, ws, "bytes"), mtu = 0;
	bool has_mtu = word_is(ws, "mtu"), any = word_is(ws, "anything");
	struct frame *f;
	struct opts o;
	struct icmp h;
	struct rd r;

	if (has_mtu)
		mtu = number_need(w, ws, "mtu");
	if (word_is(ws, "at")) {	/* the octet that is wrong */
		mtu = number_need(w, ws, "octet") << (w->v6 ? 0 : 24);
		has_mtu = true;
	}
	opts_words(w, ws, &o);
	words_end(w, ws);
	f = expect_frame(w, when);
	opts_check(w, f, &o);
	r = rd_of(f->l4, f->l4_len);
	if (!f->ip || f->proto != (w->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || f->frag ||
	    !icmp_parse(&r, &h))
		differ(w, f, "the kind of packet");
	if (f->bad)
		fail(w, "the stack sent %s", f->bad);
	if (h.type != (w->v6 ? m->t6 : m->t4) || h.code != (w->v6 ? m->c6 : m->c4))
		differ(w, f, "the ICMP message");
	if (!ip_eq(&f->dst, &c->raddr))
		differ(w, f, "the destination");
	if (has_mtu && h.rest != mtu)
		differ(w, f, "the MTU or the octet");
	if (m->error && !any)
		quote_check(w, f);
	if (!m->error && rd_left(&r) != want)
		differ(w, f, "the length");
	frame_free(f);
}

static void frag_expect_line(struct world *w, struct words *ws, struct when when)
{
	const char *p = word_need(w, ws, "FROM:TO");
	bool more = word_is(ws, "more");
	uint32_t from, to;
	struct frame *f;

	if (sscanf(p, "%u:%u", &from, &to) != 2)
		fail(w, "script: '%s' is not FROM:TO", p);
	words_end(w, ws);
	f = expect_frame(w, when);
	if (!f->ip || !f->frag)
		differ(w, f, "the kind of packet");
	if (f->bad)
		fail(w, "the stack sent %s", f->bad);
	if (f->frag_off != from || f->frag_off + f->l4_len != to || f->more != more)
		differ(w, f, "the piece");
	frame_free(f);
}

static void hex_in_line(struct world *w, struct words *ws)
{
	uint8_t b[2048];
	struct wr o = wr_of(b, sizeof(b));
	unsigned v;

	eth_header(w, &o, NULL, 0);
	o.p -= 2;
	for (const char *p; (p = word_next(ws));)
		for (; p[0] && p[1]; p += 2) {
			if (sscanf(p, "%2x", &v) != 1)
				fail(w, "script: '%s' is not hexadecimal", p);
			wr_u8(&o, (uint8_t)v);
		}
	world_inject(w, b, wr_len(&o));
}

bool frame_kind(const char *k)
{
	return !strcmp(k, "udp") || !strcmp(k, "icmp") || !strcmp(k, "neigh") ||
	       !strcmp(k, "query") || !strcmp(k, "report") || !strcmp(k, "ra") || !strcmp(k, "redirect") || !strcmp(k, "probe") ||
	       !strcmp(k, "hex") || !strcmp(k, "frag") || !strcmp(k, "ip");
}

void frame_in(struct world *w, struct conn *c, const char *kind, struct words *ws)
{
	if (!strcmp(kind, "udp"))
		udp_in_line(w, c, ws);
	else if (!strcmp(kind, "icmp"))
		icmp_in_line(w, c, ws);
	else if (!strcmp(kind, "neigh"))
		neigh_in(w, ws);
	else if (!strcmp(kind, "hex"))
		hex_in_line(w, ws);
	else if (!strcmp(kind, "ip"))
		ip_in_line(w, c, ws);
	else if (!strcmp(kind, "query"))
		group_query(w, ws);
	else if (!strcmp(kind, "report"))
		group_report_in(w, ws);
	else if (!router_in(w, kind, ws))
		fail(w, "script: %s only goes out", kind);
}

void frame_expect(struct world *w, struct conn *c, const char *kind, struct words *ws,
		  struct when when)
{
	if (!strcmp(kind, "udp"))
		udp_expect_line(w, c, ws, when);
	else if (!strcmp(kind, "icmp"))
		icmp_expect_line(w, c, ws, when);
	else if (!strcmp(kind, "neigh"))
		neigh_expect(w, ws, when);
	else if (!strcmp(kind, "frag"))
		frag_expect_line(w, ws, when);
	else if (!strcmp(kind, "report"))
		group_expect(w, ws, when);
	else
		fail(w, "script: %s only comes in", kind);
}
