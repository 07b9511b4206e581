/* heap.h - intrusive binary heap of deadlines
 *
 * A timer has a place in at most one heap; at == NEVER means not armed.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/base.h"

struct timer {
	usec		at;
	uint32_t	place;		/* 1 + index; 0: not in the heap */
};

struct heap {
	struct timer	**v;
	uint32_t	n, size;
};

#define TIMER_OFF ((struct timer){ NEVER, 0 })

void heap_init(struct heap *h);
void heap_fini(struct heap *h);
void timer_set(struct heap *h, struct timer *t, usec at);  /* NEVER disarms */
usec heap_deadline(const struct heap *h);		   /* NEVER when empty */
struct timer *heap_pop_due(struct heap *h, usec now);	   /* disarmed; or NULL */

#endif
