/* tag.c - a frame with the tag its port wants, or without (IEEE 802.1Q 9.3)
 *
 * As a rule a frame leaves as it came and nothing is done. Else it is copied once
 * a form, however many ports want that: the link header is written anew, the
 * payload of a packet is referred to, bytes of a data socket's batch become a
 * packet. The copy is freed when the frame has been sent (tag_done); who queues it
 * has a clone.
 *
 * Notes of offload count from the front and move with it. A super-frame's or a
 * sum's that would then lie in the link header are nonsense: such a frame is
 * dropped, since its receiver would take it for a breach of the wire's rules.
 */
#include <stdlib.h>

#include "base/cursor.h"
#include "plug/wire.h"
#include "proto/proto.h"
#include "switch/vlan.h"

#define PRIO_BITS	0xf000		/* PCP and DEI */
#define COPY_HEAD	200		/* bytes of a copied frame that lie in head */
#define PAYLOAD_MAX	65535u

/* The link header of the frame as it shall leave; its length. */
static unsigned make_header(const struct pass *s, bool tagged, uint8_t *h)
{
	uint16_t prio = s->tagged ? get_u16(s->f.p + ETH_LEN) & PRIO_BITS : 0;
	const uint8_t *type = s->f.p + (s->tagged ? ETH_LEN + 2 : ETH_LEN - 2);

	memcpy(h, s->f.p, 12);
	if (!tagged) {
		memcpy(h + 12, type, 2);
		return ETH_LEN;
	}
	put_u16(h + 12, ETHERTYPE_VLAN);
	put_u16(h + 14, prio | s->vlan);
	memcpy(h + 16, type, 2);
	return ETH_LEN + VLAN_LEN;
}

static struct pkt *discard(struct pkt *pkt)
{
	pkt_free(pkt);
	return NULL;
}

/* Bytes: the header, what of the rest head shall hold, and the rest in the arena. */
static struct pkt *from_bytes(struct arena *a, const uint8_t *h, unsigned hlen,
			      const uint8_t *p, uint32_t len)
{
	struct pkt *pkt = pkt_new();
	uint32_t n = MIN(len, COPY_HEAD - hlen);

	pkt->start = pkt->cur = PKT_PULL_START;
	pkt->end = (uint16_t)(PKT_PULL_START + hlen + n);
	memcpy(pkt->head + pkt->start, h, hlen);
	memcpy(pkt->head + pkt->start + hlen, p, n);
	return pkt_append(pkt, a, p + n, len - n) ? pkt : discard(pkt);
}

struct pkt *tag_copy(struct arena *a, const struct frame *f)
{
	return from_bytes(a, f->p, ETH_LEN, f->p + ETH_LEN, f->len - ETH_LEN);
}

/* Notes that count from the front, moved by what the header grew by. */
static bool move_notes(struct pkt *pkt, unsigned old, unsigned hlen)
{
	if (pkt->sum == PKT_SUM_PARTIAL) {
		if (pkt->sum_start < old)
			return false;
		pkt->sum_start = (uint16_t)(pkt->sum_start - old + hlen);
	}
	if (pkt->gso_size) {
		if (pkt->gso_hlen <= old)
			return false;
		pkt->gso_hlen = (uint16_t)(pkt->gso_hlen - old + hlen);
	}
	return true;
}

/* The first old bytes of head become the header h. */
static struct pkt *from_pkt(const struct pkt *from, unsigned old, const uint8_t *h, unsigned hlen)
{
	struct pkt *pkt = pkt_clone(from);
	unsigned rest;

	pkt->cur = from->cur;
	pkt_strip(pkt);
	rest = (unsigned)(pkt->end - pkt->cur) - old;
	if (PKT_PULL_START + hlen + rest > PKT_HEAD || !move_notes(pkt, old, hlen))
		return discard(pkt);
	memmove(pkt->head + PKT_PULL_START + hlen, pkt->head + pkt->cur + old, rest);
	memcpy(pkt->head + PKT_PULL_START, h, hlen);
	pkt->start = pkt->cur = PKT_PULL_START;
	pkt->end = (uint16_t)(PKT_PULL_START + hlen + rest);
	pkt->l3 = pkt->l4 = 0;
	return pkt;
}

/* Head is so full that it cannot grow: its end becomes payload. */
static struct pkt *spill(const struct pass *s)
{
	struct pkt *pkt = pkt_clone(s->f.pkt), *full = s->f.pkt;
	unsigned in_head = (unsigned)(full->end - full->cur);
	struct iovec iov[PKT_EXTS + 1];
	int n = pkt_iov(full, iov);

	if (full->sum == PKT_SUM_PARTIAL || full->gso_size || full->paylen > PAYLOAD_MAX)
		return discard(pkt);
	pkt_cut(pkt, COPY_HEAD);
	iov[0].iov_base = full->head + full->cur + COPY_HEAD;
	iov[0].iov_len = in_head - COPY_HEAD;
	if (!pkt_append_iov(pkt, s->core->arena, iov, n, pkt_len(full) - COPY_HEAD))
		return discard(pkt);
	return pkt;
}

static struct pkt *change_it(const struct pass *s, bool tagged)
{
	unsigned old = ETH_LEN + (s->tagged ? VLAN_LEN : 0), hlen;
	const struct pkt *from = s->f.pkt;
	uint8_t h[ETH_LEN + VLAN_LEN];
	struct pkt *pkt, *small;

	hlen = make_header(s, tagged, h);
	if (!from)
		return from_bytes(s->core->arena, h, hlen, s->f.p + old, s->f.len - old);
	if (PKT_PULL_START + (unsigned)(from->end - from->cur) - old + hlen <= PKT_HEAD)
		return from_pkt(from, old, h, hlen);
	small = spill(s);
	pkt = small ? from_pkt(small, old, h, hlen) : NULL;
	pkt_free(small);
	return pkt;
}

static bool as_it_came(const struct pass *s, bool tagged)
{
	if (s->tagged != tagged)
		return false;
	return !tagged || (get_u16(s->f.p + ETH_LEN) & 0xfff) == s->vlan;
}

static struct pkt *change(const struct pass *s, bool tagged)
{
	struct pass as_pkt = *s;
	struct pkt *pkt;

	if (!s->f.small)
		return change_it(s, tagged);
	as_pkt.f.pkt = wire_small_pkt(s->f.small);
	pkt = change_it(&as_pkt, tagged);
	pkt_free(as_pkt.f.pkt);
	return pkt;
}

const struct frame *tag_frame(struct pass *s, bool tagged)
{
	struct pkt *pkt = s->changed[tagged];

	if (!pkt) {
		if (as_it_came(s, tagged))
			return &s->f;
		pkt = s->changed[tagged] = change(s, tagged);
		if (!pkt)
			return NULL;
		s->as[tagged] = (struct frame){
			.p = pkt->head + pkt->cur, .len = pkt_wire_len(pkt), .pkt = pkt,
		};
	}
	return &s->as[tagged];
}

void tag_done(struct pass *s)
{
	pkt_free(s->changed[0]);
	pkt_free(s->changed[1]);
}
