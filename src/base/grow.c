/* grow.c - text that grows
 *
 * The memory is given back when the text is empty, since the answers it is for
 * are now and then large.
 */
#include "base/grow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define FIRST	256

static void make_room(struct grow *g, size_t n)
{
	size_t size = MAX(g->size, (size_t)FIRST);

	while (size - g->len < n)
		size *= 2;
	if (size == g->size)
		return;
	g->s = xrealloc(g->s, size);
	g->size = size;
}

void grow_put(struct grow *g, const void *p, size_t n)
{
	if (!n)
		return;
	make_room(g, n);
	memcpy(g->s + g->len, p, n);
	g->len += n;
}

void grow_add(struct grow *g, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	make_room(g, (size_t)n + 1);	/* vsnprintf ends with a zero */
	va_start(ap, fmt);
	vsnprintf(g->s + g->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	g->len += (size_t)n;
}

void grow_take(struct grow *g, size_t n)
{
	n = MIN(n, g->len);
	g->len -= n;
	if (!g->len)
		grow_free(g);
	else
		memmove(g->s, g->s + n, g->len);
}

void grow_free(struct grow *g)
{
	free(g->s);
	*g = (struct grow){ 0 };
}
