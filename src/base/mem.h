/* mem.h - allocation that does not return NULL
 *
 * Running out of memory in a process of ours ends it with a message: sizes
 * are bounded by limits, never by a stranger, so this is the machine's end.
 *
 * And a copy: `rep movsb`, which libc's memcpy is for long ones, writes 3 GB/s on Zen 4 where the
 * destination is not aligned, and 50 where it is.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <string.h>

#include "base/base.h"

void *xmalloc(size_t n);
void *xzalloc(size_t n);		/* zeroed */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

#define COPY_LONG	2048
#define COPY_ALIGN	64

/* memcpy of payload, at any address. */
static inline void copy_bytes(void *to, const void *from, size_t n)
{
	size_t odd = -(uintptr_t)to % COPY_ALIGN;

	if (n >= COPY_LONG && odd) {
		memcpy(to, from, odd);
		to = (uint8_t *)to + odd;
		from = (const uint8_t *)from + odd;
		n -= odd;
	}
	memcpy(to, from, n);
}

#endif
