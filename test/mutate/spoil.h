/* spoil.h - a good frame, its fields, and what they should not be */
#ifndef MUTATE_SPOIL_H
#define MUTATE_SPOIL_H

#include "lan.h"

#define MOST_PLACES	200

struct place {
	const char	*part;
	uint16_t	at;
	uint8_t		width;		/* 1, 2, 4 or, addresses, 16 */
};

struct frame_case {
	uint8_t		b[FRAME_MAX];
	uint32_t	len;
	struct place	place[MOST_PLACES];
	unsigned	n;
	bool		v4, arp;
	uint32_t	upper;
};

void frame_load(const struct templ *t, const struct lan *l, struct frame_case *f);
/* How many values a field has; the i-th into it. */
unsigned place_values(const struct place *p);
void place_set(struct frame_case *f, const struct place *p, unsigned i);
/* Makes the sums right again, but for those among the n fields that were set; *bad:
 * one of them is wrong now. */
void frame_mend(struct frame_case *f, const struct place *const *p, unsigned n, bool *bad);

static inline uint32_t load(const uint8_t *b, unsigned width)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v = v << 8 | b[i];
	return v;
}

#endif
