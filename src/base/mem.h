/* mem.h - allocation that does not return NULL
 *
 * Running out of memory in a process of ours ends it with a message: sizes
 * are bounded by limits, never by a stranger, so this is the machine's end.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

void *xmalloc(size_t n);
void *xzalloc(size_t n);		/* zeroed */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

#endif
