/* bucket.h - a token bucket: so many units a second, and a burst (RFC 2697 3)
 *
 * Credit is kept in millionths of a unit, so that no microsecond is lost at any
 * rate. What is larger than the burst passes when the bucket is full and is paid
 * for afterwards: over time no more than rate passes, whatever the frames.
 */
#ifndef SWITCH_BUCKET_H
#define SWITCH_BUCKET_H

#include "base/base.h"

#define BUCKET_MAX	1000000000000	/* of rate and of burst */

struct bucket {
	uint64_t	rate;		/* units a second; 0: no limit */
	uint64_t	burst;
	int64_t		level;
	usec		at;
};

static inline struct bucket bucket_of(uint64_t rate, uint64_t burst, usec now)
{
	return (struct bucket){ rate, burst, (int64_t)(burst * 1000000), now };
}

/* False: not now, and nothing is taken. */
static inline bool bucket_take(struct bucket *b, uint64_t n, usec now)
{
	int64_t full = (int64_t)(b->burst * 1000000), want = (int64_t)(n * 1000000);

	if (!b->rate)
		return true;
	if (now > b->at) {
		uint64_t gone = (uint64_t)(now - b->at);

		b->at = now;
		b->level = gone > (uint64_t)(full - b->level) / b->rate ? full :
			   b->level + (int64_t)(gone * b->rate);
	}
	if (b->level < MIN(want, full))
		return false;
	b->level -= want;
	return true;
}

#endif
