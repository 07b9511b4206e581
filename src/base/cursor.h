/* cursor.h - bounded reading and writing of wire formats
 *
 * A short read sets fail and yields zero, and leaves nothing to read, so a
 * parser is straight code with one check at the end and its loops end too.
 * A write past the end sets fail and writes nothing.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/base.h"

struct rd {
	const uint8_t	*p, *end;
	bool		fail;
};

struct wr {
	uint8_t		*start, *p, *end;
	bool		fail;
};

static inline struct rd rd_of(const void *p, size_t n)
{
	return (struct rd){ p, n ? (const uint8_t *)p + n : p, false };
}

static inline struct wr wr_of(void *p, size_t n)
{
	return (struct wr){ p, p, (uint8_t *)p + n, false };
}

static inline size_t rd_left(const struct rd *r) { return (size_t)(r->end - r->p); }
static inline size_t wr_left(const struct wr *w) { return (size_t)(w->end - w->p); }
static inline size_t wr_len(const struct wr *w) { return (size_t)(w->p - w->start); }

/* Fields of a span that was taken whole, by their offset in it. */
static inline uint16_t get_u16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

/* The next n bytes, or NULL (and fail). */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (rd_left(r) < n) {
		r->fail = true;
		r->p = r->end;
		return NULL;
	}
	r->p += n;
	return p;
}

static inline bool rd_copy(struct rd *r, void *to, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
	return p != NULL;
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);

	return p ? get_u16(p) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p ? get_u32(p) : 0;
}

/* A cursor over the next n bytes; both fail when they are not there. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	return p ? rd_of(p, n) : (struct rd){ NULL, NULL, true };
}

/* Room for n bytes, or NULL (and fail). */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (wr_left(w) < n) {
		w->fail = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void wr_bytes(struct wr *w, const void *from, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p)
		memcpy(p, from, n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p)
		memset(p, 0, n);
}

static inline void wr_u8(struct wr *w, uint8_t v) { wr_bytes(w, &v, 1); }

static inline void wr_u16(struct wr *w, uint16_t v)
{
	be16 b = be16_put(v);

	wr_bytes(w, &b, 2);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	be32 b = be32_put(v);

	wr_bytes(w, &b, 4);
}

#endif
