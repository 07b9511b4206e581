/* ip4.c - the IPv4 header (RFC 791) */
#include "base/sum.h"
#include "proto/proto.h"

bool ip4_parse(struct rd *r, struct ip4 *h)
{
	const uint8_t *p = rd_bytes(r, IP4_LEN);
	uint16_t frag;

	if (!p)
		return false;
	h->hlen = (uint8_t)((p[0] & 15) * 4);
	h->tos = p[1];
	h->len = get_u16(p + 2);
	h->id = get_u16(p + 4);
	frag = get_u16(p + 6);
	h->flags = frag & (IP4_DF | IP4_MF);
	h->frag = (uint16_t)((frag & 0x1fff) * 8);
	h->ttl = p[8];
	h->proto = p[9];
	h->sum = get_u16(p + 10);
	h->src = ip_from_v4(p + 12);
	h->dst = ip_from_v4(p + 16);
	if (p[0] >> 4 != 4 || h->hlen < IP4_LEN || h->len < h->hlen)
		return false;
	h->opts = rd_bytes(r, h->hlen - IP4_LEN);
	return !r->fail;
}

static void put_header(uint8_t *p, const struct ip4 *h)
{
	p[0] = (uint8_t)(4 << 4 | h->hlen / 4);
	p[1] = h->tos;
	put_u16(p + 2, h->len);
	put_u16(p + 4, h->id);
	put_u16(p + 6, (uint16_t)((h->flags & (IP4_DF | IP4_MF)) | h->frag / 8));
	p[8] = h->ttl;
	p[9] = h->proto;
	put_u16(p + 10, 0);
	memcpy(p + 12, ip_v4(&h->src), 4);
	memcpy(p + 16, ip_v4(&h->dst), 4);
	if (h->hlen > IP4_LEN)
		memcpy(p + IP4_LEN, h->opts, h->hlen - IP4_LEN);
}

void ip4_emit(struct wr *w, const struct ip4 *h)
{
	uint8_t *p = wr_room(w, h->hlen);
	struct sum s = { 0 };

	if (!p)
		return;
	put_header(p, h);
	sum_add(&s, p, h->hlen);
	put_u16(p + 10, sum_end(&s));
}

void ip4_print(struct text *t, const struct ip4 *h)
{
	char src[IP_STRLEN], dst[IP_STRLEN];

	text_add(t, "%s > %s ip4 proto %u len %u ttl %u",
		 ip_text(&h->src, src), ip_text(&h->dst, dst),
		 h->proto, h->len, h->ttl);
	if (h->tos)
		text_add(t, " tos 0x%02x", h->tos);
	if (h->flags & IP4_DF)
		text_add(t, " DF");
	if (h->frag || h->flags & IP4_MF)
		text_add(t, " frag %u@%u%s", h->id, h->frag, h->flags & IP4_MF ? "+" : "");
	if (h->hlen > IP4_LEN)
		text_add(t, " options %u", h->hlen - IP4_LEN);
}
