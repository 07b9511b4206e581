/* ip6.c - the IPv6 header and its extension headers (RFC 8200)
 *
 * An IPv4-mapped address never appears on a wire (RFC 4038 4.2). Here it would
 * also mean an IPv4 address to everybody above, and let a stranger speak IPv4
 * past the checks of IPv4; so a header that has one is malformed.
 */
#include "proto/proto.h"

bool ip6_parse(struct rd *r, struct ip6 *h)
{
	const uint8_t *p = rd_bytes(r, IP6_LEN);
	uint32_t first;

	if (!p)
		return false;
	first = get_u32(p);
	h->tclass = (uint8_t)(first >> 20);
	h->flow = first & IP6_LABEL_MASK;
	h->plen = get_u16(p + 4);
	h->next = p[6];
	h->hops = p[7];
	memcpy(&h->src, p + 8, 16);
	memcpy(&h->dst, p + 24, 16);
	return first >> 28 == 6 && !ip_is_v4(&h->src) && !ip_is_v4(&h->dst);
}

void ip6_emit(struct wr *w, const struct ip6 *h)
{
	uint8_t *p = wr_room(w, IP6_LEN);

	if (!p)
		return;
	put_u32(p, 6u << 28 | (uint32_t)h->tclass << 20 | (h->flow & IP6_LABEL_MASK));
	put_u16(p + 4, h->plen);
	p[6] = h->next;
	p[7] = h->hops;
	memcpy(p + 8, h->src.b, 16);
	memcpy(p + 24, h->dst.b, 16);
}

void ip6_print(struct text *t, const struct ip6 *h)
{
	char src[IP_STRLEN], dst[IP_STRLEN];

	text_add(t, "%s > %s ip6 next %u plen %u hops %u",
		 ip_text(&h->src, src), ip_text(&h->dst, dst),
		 h->next, h->plen, h->hops);
	if (h->tclass)
		text_add(t, " class 0x%02x", h->tclass);
	if (h->flow)
		text_add(t, " flow 0x%05x", h->flow);
}

bool ip6_ext_parse(struct rd *r, struct ip6_ext *e)
{
	e->next = rd_u8(r);
	e->len = (uint16_t)((rd_u8(r) + 1) * 8);
	e->body = rd_sub(r, e->len - 2u);
	return !r->fail;
}

bool ip6_frag_parse(struct rd *r, struct ip6_frag *f)
{
	uint16_t v;

	f->next = rd_u8(r);
	rd_u8(r);
	v = rd_u16(r);
	f->off = v & 0xfff8;
	f->more = v & 1;
	f->id = rd_u32(r);
	return !r->fail;
}

void ip6_frag_emit(struct wr *w, const struct ip6_frag *f)
{
	wr_u8(w, f->next);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)((f->off & 0xfff8) | f->more));
	wr_u32(w, f->id);
}

void ip6_frag_print(struct text *t, const struct ip6_frag *f)
{
	text_add(t, "frag %u@%u%s next %u", f->id, f->off, f->more ? "+" : "", f->next);
}

#define OPT_PAD1	0

bool ip6_opt_next(struct rd *r, struct ip6_opt *o)
{
	do {
		if (!rd_left(r))
			return false;
		o->type = rd_u8(r);
	} while (o->type == OPT_PAD1);
	o->len = rd_u8(r);
	o->data = rd_bytes(r, o->len);
	return !r->fail;
}
