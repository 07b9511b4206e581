/* frame.c - frames other than TCP segments, and IP around all of them
 *
 *	< udp N			> udp N [mac M]	N bytes of pattern; M: last byte of dst
 *	< icmp NAME [mtu N] [seq N]		about the packet sent last
 *	> icmp NAME [mtu N]			about the packet that came in last
 *	< icmp echo N		> icmp echo-reply N
 *	> frag FROM:TO [more]			a piece, bytes of the IP payload
 *	< ip PROTO N		N bytes of any protocol
 *	< hex 0800 4500...	raw, from the Ethernet type on
 *	< neigh ..., > neigh ...		neigh.c
 *
 * NAME: unreach net|host|proto|port|admin, frag (IPv6: packet too big),
 * time ttl|frag, param. In every inbound line: src A, dst A, sport N, dport N, nosum,
 * ttl N, tos N, badsum, badipsum, and "frag ID FROM:TO" for a piece of it
 * ("more" or "last" when it is not the length that decides).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
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
	{ "param", NULL,	ICMP4_PARAM, 0, ICMP6_PARAM, 0, true },
	{ "echo", NULL,		ICMP4_ECHO, 0, ICMP6_ECHO, 0, false },
	{ "echo-reply", NULL,	ICMP4_ECHO_REPLY, 0, ICMP6_ECHO_REPLY, 0, false },
};

/* --- reading what the stack sent --- */

static void read_ip4(struct frame *f, struct rd *r)
{
	struct ip4 h;

	if (!ip4_parse(r, &h))
		return;
	f->ip = true;
	f->src = h.src;
	f->dst = h.dst;
	f->proto = h.proto;
	f->ttl = h.ttl;
	f->df = h.flags & IP4_DF;
	f->more = h.flags & IP4_MF;
	f->frag_off = h.frag;
	f->frag_id = h.id;
	f->frag = f->more || h.frag;
	f->l4 = r->p;
	f->l4_len = MIN(rd_left(r), (size_t)h.len - h.hlen);
}

static void read_ip6(struct frame *f, struct rd *r)
{
	struct ip6_frag fr;
	struct ip6 h;

	if (!ip6_parse(r, &h))
		return;
	f->ip = f->v6 = f->df = true;
	f->src = h.src;
	f->dst = h.dst;
	f->proto = h.next;
	f->ttl = h.hops;
	f->l4_len = MIN(rd_left(r), h.plen);
	if (h.next == IPPROTO_FRAGMENT && ip6_frag_parse(r, &fr)) {
		f->frag = true;
		f->more = fr.more;
		f->frag_off = fr.off;
		f->frag_id = fr.id;
		f->proto = fr.next;
		f->l4_len -= IP6_FRAG_LEN;
	}
	f->l4 = r->p;
}

struct frame *frame_new(const uint8_t *b, size_t len, usec at)
{
	struct frame *f = xzalloc(sizeof(*f) + len);
	struct rd r;

	list_init(&f->link);
	f->at = at;
	f->len = len;
	memcpy(f->b, b, len);
	r = rd_of(f->b, len);
	if (!eth_parse(&r, &f->eth))
		return f;
	if (f->eth.type == ETHERTYPE_IP4)
		read_ip4(f, &r);
	else if (f->eth.type == ETHERTYPE_IP6)
		read_ip6(f, &r);
	return f;
}

void frame_free(struct frame *f)
{
	free(f);
}

struct frame *expect_frame(struct world *w, struct when when)
{
	usec base = w->now, slack = when.any ? 0 : TOLERANCE;
	struct frame *f = world_await(w, base + when.to + slack);

	if (!f)
		fail(w, "expected: this packet\n\tseen:     none until +%.6f",
		     (double)(w->now - START) / 1e6);
	if (f->at + slack < base + when.from)
		fail(w, "expected: not before +%.6f\n\tseen at +%.6f: %s",
		     (double)(base + when.from - START) / 1e6,
		     (double)(f->at - START) / 1e6, frame_text(f->b, f->len));
	return f;
}

static _Noreturn void differ(struct world *w, const struct frame *f, const char *what)
{
	fail(w, "%s differs\n\tseen at +%.6f: %s", what, (double)(f->at - START) / 1e6,
	     frame_text(f->b, f->len));
}

/* --- sending to the stack --- */

void over_init(struct world *w, struct conn *c, struct over *o)
{
	*o = (struct over){ .src = c->raddr, .dst = w->us, .sport = c->rport,
			    .dport = c->lport, .ttl = 64, .frag_id = 1 };
}

static void over_frag(struct world *w, struct words *ws, struct over *o)
{
	const char *p;

	o->frag = true;
	o->frag_id = number_need(w, ws, "fragment ID");
	p = word_need(w, ws, "FROM:TO");
	if (sscanf(p, "%u:%u", &o->frag_from, &o->frag_to) != 2)
		fail(w, "script: '%s' is not FROM:TO", p);
	if (word_is(ws, "more"))
		o->more = o->more_set = true;
	else if (word_is(ws, "last"))
		o->more_set = true;
}

static struct ip_addr address_need(struct world *w, struct words *ws)
{
	const char *s = word_need(w, ws, "an address");
	struct ip_addr a;

	if (!ip_parse_text(s, &a))
		fail(w, "script: '%s' is not an address", s);
	return a;
}

bool over_word(struct world *w, struct words *ws, struct over *o)
{
	if (word_is(ws, "src"))
		o->src = address_need(w, ws);
	else if (word_is(ws, "dst"))
		o->dst = address_need(w, ws);
	else if (word_is(ws, "sport"))
		o->sport = (uint16_t)number_need(w, ws, "port");
	else if (word_is(ws, "dport"))
		o->dport = (uint16_t)number_need(w, ws, "port");
	else if (word_is(ws, "ttl"))
		o->ttl = (uint8_t)number_need(w, ws, "ttl");
	else if (word_is(ws, "tos"))
		o->tos = (uint8_t)number_need(w, ws, "tos");
	else if (word_is(ws, "badsum"))
		o->badsum = true;
	else if (word_is(ws, "nosum"))
		o->nosum = true;
	else if (word_is(ws, "badipsum"))
		o->badipsum = true;
	else if (word_is(ws, "frag"))
		over_frag(w, ws, o);
	else
		return false;
	return true;
}

static void eth_header(struct world *w, struct wr *o, const struct ip_addr *dst, uint16_t type)
{
	struct eth e = { .dst = w->us_mac, .src = w->peer_mac, .type = type };

	if (dst && ip_eq(dst, &IP4_BROADCAST))
		e.dst = MAC_BROADCAST;
	else if (dst && ip_is_multicast(dst))
		e.dst = mac_of_multicast(dst);
	eth_emit(o, &e);
}

static void ip4_header(struct wr *o, const struct over *ov, uint8_t proto, size_t len)
{
	struct ip4 h = { .hlen = IP4_LEN, .tos = ov->tos, .ttl = ov->ttl, .proto = proto,
			 .len = (uint16_t)(IP4_LEN + len), .id = (uint16_t)ov->frag_id,
			 .src = ov->src, .dst = ov->dst };

	if (ov->frag) {
		h.frag = (uint16_t)ov->frag_from;
		h.flags = ov->more ? IP4_MF : 0;
	} else {
		h.flags = IP4_DF;
	}
	ip4_emit(o, &h);
	if (ov->badipsum)
		o->p[-10] ^= 0x55;
}

static void ip6_header(struct wr *o, const struct over *ov, uint8_t proto, size_t len)
{
	struct ip6 h = { .tclass = ov->tos, .hops = ov->ttl, .next = proto,
			 .plen = (uint16_t)len, .src = ov->src, .dst = ov->dst };
	struct ip6_frag f = { .next = proto, .off = ov->frag_from, .more = ov->more,
			      .id = ov->frag_id };

	if (!ov->frag) {
		ip6_emit(o, &h);
		return;
	}
	h.next = IPPROTO_FRAGMENT;
	h.plen = (uint16_t)(len + IP6_FRAG_LEN);
	ip6_emit(o, &h);
	ip6_frag_emit(o, &f);
}

static void remember(struct world *w, const uint8_t *ip, size_t len)
{
	free(w->last_in);
	w->last_in = xmalloc(len);
	memcpy(w->last_in, ip, len);
	w->last_in_len = len;
}

static void l4_sum(const struct over *ov, uint8_t proto, uint8_t *l4, size_t len, size_t off)
{
	struct sum s = { 0 };
	be16 v;

	if (proto != IPPROTO_ICMP)
		sum_pseudo(&s, &ov->src, &ov->dst, proto, (uint32_t)len);
	sum_add(&s, l4, len);
	v = be16_put((uint16_t)(sum_end(&s) ^ (ov->badsum ? 0x1234 : 0)));
	memcpy(l4 + off, &v, 2);
}

void ip_inject(struct world *w, const struct over *o, uint8_t proto, uint8_t *l4, size_t len,
	       size_t sum_off)
{
	bool v4 = ip_is_v4(&o->src);
	struct over ov = *o;
	uint8_t *b = xmalloc(len + 128);
	struct wr r = wr_of(b, len + 128);
	size_t from = 0, to = len;

	if (!o->nosum)
		l4_sum(o, proto, l4, len, sum_off);
	if (o->frag) {
		from = MIN(o->frag_from, len);
		to = MIN(o->frag_to, len);
		ov.more = o->more_set ? o->more : to < len;
	}
	eth_header(w, &r, &o->dst, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	(v4 ? ip4_header : ip6_header)(&r, &ov, proto, to - from);
	wr_bytes(&r, l4 + from, to - from);
	if (r.fail)
		fail(w, "script: the packet is too long");
	remember(w, b + ETH_LEN, wr_len(&r) - ETH_LEN);
	world_inject(w, b, wr_len(&r));
	free(b);
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

static void udp_expect_line(struct world *w, struct conn *c, struct words *ws, struct when when)
{
	uint32_t n = number_need(w, ws, "bytes");
	uint32_t mac = word_is(ws, "mac") ? number_need(w, ws, "mac") : 0;
	struct frame *f;
	struct udp u;
	struct rd r;

	words_end(w, ws);
	f = expect_frame(w, when);
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
	size_t n = f->l4_len - ICMP_LEN, ip = w->v6 ? IP6_LEN : IP4_LEN;

	if (f->len - ETH_LEN > (w->v6 ? 1280 : 576))	/* RFC 1812 4.3.2.3, RFC 4443 2.4c */
		differ(w, f, "the size of an ICMP error");
	if (n < ip + 8 || n > w->last_in_len || memcmp(f->l4 + ICMP_LEN, w->last_in, n) != 0)
		differ(w, f, "the packet quoted");
}

static void icmp_expect_line(struct world *w, struct conn *c, struct words *ws, struct when when)
{
	const struct icmp_row *m = icmp_need(w, ws);
	uint32_t want = m->error ? 0 : number_need(w, ws, "bytes"), mtu = 0;
	bool has_mtu = word_is(ws, "mtu"), any = word_is(ws, "anything");
	struct frame *f;
	struct icmp h;
	struct rd r;

	if (has_mtu)
		mtu = number_need(w, ws, "mtu");
	words_end(w, ws);
	f = expect_frame(w, when);
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
		differ(w, f, "the MTU");
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
	else
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
	else
		fail(w, "script: %s only comes in", kind);
}
