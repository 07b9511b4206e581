/* wire_pass.c - small frames from one wire to the next, without a packet
 *
 * take_small:  record -> copied out, once -> checked -> struct wire_small
 * put_small:   struct wire_small -> record
 *
 * A switch does with most frames nothing but send them on, and most are small: ACKs,
 * requests, answers. Those lie whole in their record, so passing one on is two copies of
 * a hundred octets: no memory is asked for, nothing is given back. Records are copied in
 * pieces of WIRE_ALIGN octets, their padding with them, which is of the same sender.
 *
 * The rules are those of wire_ring.c: what the other side may write is read once into
 * memory of ours, checked there and used from there.
 */
#include "plug/wire.h"

#include "base/mem.h"

#define FRAME_MIN	14u

static void copy(uint8_t *to, const uint8_t *from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += WIRE_ALIGN)
		memcpy(to + i, from + i, WIRE_ALIGN);
}

static bool is_small(const struct wire_rec *r)
{
	return !r->n_ext && !r->gso_size && r->head_len >= FRAME_MIN;
}

const uint8_t *wire_next(struct wire *w, struct wire_rec *r)
{
	uint32_t left;

	while (!w->why && (left = wire_unread(w)) > 0) {
		uint32_t at = w->taken % WIRE_RING;
		const uint8_t *p = w->peer->ring + at;

		if (!wire_read_rec(w, p, MIN(left, WIRE_RING - at), r))
			return NULL;
		if (r->n_ext || r->head_len)
			return p;
		w->taken += r->len;
	}
	return NULL;
}

bool wire_take_small(struct wire *w, struct wire_small *s)
{
	const uint8_t *p = wire_next(w, &s->rec);

	if (!p || !is_small(&s->rec))
		return false;
	copy(s->b, p + sizeof(s->rec), s->rec.len - (uint32_t)sizeof(s->rec));
	w->taken += s->rec.len;
	return true;
}

bool wire_put_small(struct wire *w, const struct wire_small *s)
{
	uint8_t *p = w->why || !wire_reap(w) ? NULL : wire_record(w, s->rec.len);

	if (!p)
		return false;
	copy(p, (const uint8_t *)&s->rec, sizeof(s->rec));
	copy(p + sizeof(s->rec), s->b, s->rec.len - (uint32_t)sizeof(s->rec));
	w->sent += s->rec.len;
	return true;
}

void wire_small_set(struct wire_small *s, const void *frame, uint32_t len)
{
	s->rec = (struct wire_rec){
		.len = (uint16_t)wire_rec_len(0, len), .head_len = (uint16_t)len,
	};
	memset(s->b + len, 0, s->rec.len - sizeof(s->rec) - len);
	memcpy(s->b, frame, len);
}

struct pkt *wire_small_pkt(const struct wire_small *s)
{
	return wire_pkt(&s->rec, s->b);
}
