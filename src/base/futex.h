/* futex.h - to sleep until a word in memory is not what it was (futex(2))
 *
 * Who changes the word calls futex_wake afterwards. A word in memory of several
 * processes may be mapped read-only by who sleeps. Several at once need futex_waitv(2),
 * Linux 5.16.
 */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>

#include "base/base.h"

#define FUTEXES_MOST	20

struct futexes {
	struct futex_waitv w[FUTEXES_MOST];
	unsigned	n;
};

bool futexes_work(void);		/* as far as is known */
bool futexes_add(struct futexes *s, const atomic_uint *word, uint32_t is, bool shared);	/* false: full */
/* Until at, or one is not what it was, or was woken. False: a signal's handler ran; one with
 * SA_RESTART may go unnoticed. */
bool futexes_sleep(const struct futexes *s, usec at);
bool futex_wake(const atomic_uint *word, bool shared);	/* true: somebody slept */

#endif
