/* mem.c - allocation that ends the process instead of returning NULL
 *
 * A size here is bounded by a limit of ours before anybody asks for it, so
 * failure means that the machine has nothing left: the honest answer is one
 * line and the exit, not an error path in every caller that nobody can test.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static void *or_die(void *p)
{
	if (!p)
		die(1, "out of memory");
	return p;
}

void *xmalloc(size_t n)
{
	return or_die(malloc(n ? n : 1));
}

void *xzalloc(size_t n)
{
	return or_die(calloc(1, n ? n : 1));
}

void *xrealloc(void *p, size_t n)
{
	return or_die(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s));
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return or_die(s);
}
