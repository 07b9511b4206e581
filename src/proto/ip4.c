/* ip4.c - the IPv4 header (RFC 791) */
#include "base/sum.h"
#include "proto/proto.h"

bool ip4_parse(struct rd *r, struct ip4 *h)
{
	uint8_t vhl = rd_u8(r), b[4];
	uint16_t frag;

	h->hlen = (uint8_t)((vhl & 15) * 4);
	h->tos = rd_u8(r);
	h->len = rd_u16(r);
	h->id = rd_u16(r);
	frag = rd_u16(r);
	h->flags = frag & (IP4_DF | IP4_MF);
	h->frag = (uint16_t)((frag & 0x1fff) * 8);
	h->ttl = rd_u8(r);
	h->proto = rd_u8(r);
	h->sum = rd_u16(r);
	rd_copy(r, b, 4);
	h->src = ip_from_v4(b);
	rd_copy(r, b, 4);
	h->dst = ip_from_v4(b);
	if (r->fail || vhl >> 4 != 4 || h->hlen < IP4_LEN || h->len < h->hlen)
		return false;
	h->opts = rd_bytes(r, h->hlen - IP4_LEN);
	return !r->fail;
}

static void put_header(struct wr *w, const struct ip4 *h)
{
	wr_u8(w, (uint8_t)(4 << 4 | h->hlen / 4));
	wr_u8(w, h->tos);
	wr_u16(w, h->len);
	wr_u16(w, h->id);
	wr_u16(w, (uint16_t)((h->flags & (IP4_DF | IP4_MF)) | h->frag / 8));
	wr_u8(w, h->ttl);
	wr_u8(w, h->proto);
	wr_u16(w, 0);
	wr_bytes(w, ip_v4(&h->src), 4);
	wr_bytes(w, ip_v4(&h->dst), 4);
	if (h->hlen > IP4_LEN)
		wr_bytes(w, h->opts, h->hlen - IP4_LEN);
}

void ip4_emit(struct wr *w, const struct ip4 *h)
{
	uint8_t *p = wr_room(w, h->hlen);
	struct sum s = { 0 };
	struct wr hw;
	be16 sum;

	if (!p)
		return;
	hw = wr_of(p, h->hlen);
	put_header(&hw, h);
	sum_add(&s, p, h->hlen);
	sum = be16_put(sum_end(&s));
	memcpy(p + 10, &sum, 2);
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
