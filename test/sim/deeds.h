/* deeds.h - the kinds of mischief (deeds.c) */
#ifndef SIM_DEEDS_H
#define SIM_DEEDS_H

#include "mischief.h"

/* What users may see afterwards. */
enum { RESET = 1, SILENCE = 2, REFUSED = 4 };

struct kind {
	const char *name;
	/* False: there was nothing to do it to. */
	bool	(*begin)(struct deed *d);
	void	(*end)(struct deed *d);
	uint32_t excuses;
	bool	all;		/* flows are concerned */
};

extern const struct kind kinds[];
extern const unsigned n_kinds;

static inline uint32_t between(struct mischief *m, uint32_t lo, uint32_t hi)
{
	return lo + rng_below(&m->rng, hi - lo + 1);
}

#endif
