/* frame.c - Ethernet and IP around everything a script sends and expects
 *
 * Words that any inbound line may have: src A, dst A, sport N, dport N, ttl N,
 * tos N, badsum, nosum, badipsum, and "frag ID FROM:TO" for a piece of it, in
 * bytes of the IP payload ("more" or "last" when it is not the length that
 * decides which it is).
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
