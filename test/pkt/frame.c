/* frame.c - Ethernet and IP around everything a script sends and expects
 *
 * Words that any inbound line may have: src A, dst A, sport N, dport N, ttl N,
 * tos N, badsum, nosum, badipsum, and "frag ID FROM:TO" for a piece of it, in
 * bytes of the IP payload ("more" or "last" when it is not the length that
 * decides which it is). "opts HEX" are IPv4's options (what is missing to a multiple
 * of four is 0); "hopopts HEX", "dstopts HEX", "rthdr HEX" IPv6's extension headers in
 * that order, without their first two bytes (padded to 8 by PadN).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "world.h"

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
	f->tos = h.tos;
	f->df = h.flags & IP4_DF;
	f->more = h.flags & IP4_MF;
	f->frag_off = h.frag;
	f->frag_id = h.id;
	f->frag = f->more || h.frag;
	f->n_opts = (size_t)h.hlen - IP4_LEN;
	f->opts = r->p - f->n_opts;
	f->l4 = r->p;
	f->l4_len = MIN(rd_left(r), (size_t)h.len - h.hlen);
}

/* Destination options, which only sockets that ask for them have. */
static void skip_options(struct frame *f, struct rd *r)
{
	size_t n = rd_left(r) >= 8 ? (r->p[1] + 1u) * 8 : 0;

	if (f->proto != IPPROTO_DSTOPTS || !n || n > f->l4_len)
		return;
	f->opts = r->p;
	f->n_opts = n;
	f->proto = r->p[0];
	f->l4_len -= n;
	rd_bytes(r, n);
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
	f->tos = h.tclass;
	f->l4_len = MIN(rd_left(r), h.plen);
	if (h.next == IPPROTO_FRAGMENT && ip6_frag_parse(r, &fr)) {
		f->frag = true;
		f->more = fr.more;
		f->frag_off = fr.off;
		f->frag_id = fr.id;
		f->proto = fr.next;
		f->l4_len -= IP6_FRAG_LEN;
	}
	skip_options(f, r);
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

static unsigned hex_need(struct world *w, struct words *ws, uint8_t *to, size_t room)
{
	const char *p = word_need(w, ws, "hexadecimal digits");
	unsigned n = 0, v;

	for (; p[0] && p[1]; p += 2) {
		if (n == room || sscanf(p, "%2x", &v) != 1)
			fail(w, "script: '%s' is not hexadecimal, or too long", p);
		to[n++] = (uint8_t)v;
	}
	return n;
}

unsigned opts4_need(struct world *w, struct words *ws, uint8_t to[40])
{
	memset(to, 0, 40);
	return (hex_need(w, ws, to, 40) + 3) / 4 * 4;
}

/* What is missing to a multiple of 8 with the first two bytes: Pad1, PadN. */
unsigned ext6_need(struct world *w, struct words *ws, uint8_t to[254])
{
	unsigned n = hex_need(w, ws, to, 248), pad = (8 - (n + 2) % 8) % 8;

	memset(to + n, 0, pad);
	if (pad > 1) {
		to[n] = 1;
		to[n + 1] = (uint8_t)(pad - 2);
	}
	return n + pad;
}

static bool ext_word(struct world *w, struct words *ws, struct over *o)
{
	static const struct { const char *name; uint8_t number; } rows[] = {
		{ "hopopts", IPPROTO_HOPOPTS }, { "dstopts", IPPROTO_DSTOPTS },
		{ "rthdr", IPPROTO_ROUTING },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!word_is(ws, rows[i].name))
			continue;
		if (o->n_ext == ARRAY_LEN(o->ext))
			fail(w, "script: too many headers");
		o->ext[o->n_ext].number = rows[i].number;
		o->ext[o->n_ext].len = (uint8_t)ext6_need(w, ws, o->ext[o->n_ext].b);
		o->n_ext++;
		return true;
	}
	return false;
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
	else if (word_is(ws, "opts"))
		o->n_opts = opts4_need(w, ws, o->opts);
	else
		return ext_word(w, ws, o);
	return true;
}

void eth_header(struct world *w, struct wr *o, const struct ip_addr *dst, uint16_t type)
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
	struct ip4 h = { .hlen = (uint8_t)(IP4_LEN + ov->n_opts), .tos = ov->tos, .ttl = ov->ttl,
			 .proto = proto, .len = (uint16_t)(IP4_LEN + ov->n_opts + len), .id = (uint16_t)ov->frag_id,
			 .src = ov->src, .dst = ov->dst, .opts = ov->opts };

	if (ov->frag) {
		h.frag = (uint16_t)ov->frag_from;
		h.flags = ov->more ? IP4_MF : 0;
	} else {
		h.flags = IP4_DF;
	}
	ip4_emit(o, &h);
	if (ov->badipsum)
		o->p[-10 - (int)ov->n_opts] ^= 0x55;
}

static void ip6_header(struct wr *o, const struct over *ov, uint8_t proto, size_t len)
{
	struct ip6 h = { .tclass = ov->tos, .hops = ov->ttl, .next = proto,
			 .plen = (uint16_t)len, .src = ov->src, .dst = ov->dst };
	struct ip6_frag f = { .next = proto, .off = ov->frag_from, .more = ov->more,
			      .id = ov->frag_id };

	uint8_t last = ov->frag ? IPPROTO_FRAGMENT : proto;

	for (unsigned i = 0; i < ov->n_ext; i++)
		len += 2u + ov->ext[i].len;
	h.next = ov->n_ext ? ov->ext[0].number : last;
	h.plen = (uint16_t)(len + (ov->frag ? IP6_FRAG_LEN : 0));
	ip6_emit(o, &h);
	for (unsigned i = 0; i < ov->n_ext; i++) {
		wr_u8(o, i + 1 < ov->n_ext ? ov->ext[i + 1].number : last);
		wr_u8(o, (uint8_t)((ov->ext[i].len + 2) / 8 - 1));
		wr_bytes(o, ov->ext[i].b, ov->ext[i].len);
	}
	if (ov->frag)
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

	if (proto != IPPROTO_ICMP && proto != IPPROTO_IGMP)
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
	uint8_t *b = xmalloc(len + 1200);
	struct wr r = wr_of(b, len + 1200);
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
