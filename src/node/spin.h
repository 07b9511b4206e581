/* spin.h - may a thread look for news instead of sleeping, and for how long? */
#ifndef NODE_SPIN_H
#define NODE_SPIN_H

#include "base/base.h"

/* Of one node; zero is a good start. */
struct spin {
	unsigned	missed;		/* times in a row that nothing came for long */
	unsigned	skip;		/* so many of the next are not tried */
};

/* How long to look before sleeping, at most; 0: sleep at once. */
usec spin_time(struct spin *s, usec now, usec most);
void spin_ended(struct spin *s, usec waited);	/* looking and sleeping */
/* What was waited for last came soon, and there are cores for what comes next. */
bool spin_is_near(const struct spin *s, usec now);
/* Between two looks, now and then: lets others run. False: somebody wanted to. */
bool spin_yield(usec *now);

/* Between two looks: leaves the core's other thread alone. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
