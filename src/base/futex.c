/* futex.c - to sleep until a word in memory is not what it was (futex(2)) */
#include "base/futex.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_bool missing;		/* futex_waitv: an older kernel, or a filter */

bool futexes_work(void)
{
	return !atomic_load_explicit(&missing, memory_order_relaxed);
}

bool futexes_add(struct futexes *s, const atomic_uint *word, uint32_t is, bool shared)
{
	if (s->n == FUTEXES_MOST)
		return false;
	s->w[s->n++] = (struct futex_waitv){
		.val = is, .uaddr = (uintptr_t)word,
		.flags = FUTEX_32 | (shared ? 0 : FUTEX_PRIVATE_FLAG),
	};
	return true;
}

bool futexes_sleep(const struct futexes *s, usec at)
{
	struct timespec ts = { at / USEC_PER_SEC, at % USEC_PER_SEC * 1000 };

	if (syscall(SYS_futex_waitv, s->w, s->n, 0, at == NEVER ? NULL : &ts, CLOCK_MONOTONIC) >= 0)
		return true;
	if (errno == ENOSYS || errno == EPERM)
		missing = true;
	return errno != EINTR;
}

bool futex_wake(const atomic_uint *word, bool shared)
{
	return syscall(SYS_futex, word, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, INT_MAX) > 0;
}
