/* grow.h - text that grows: put at the end, taken from the front */
#ifndef BASE_GROW_H
#define BASE_GROW_H

#include <stdarg.h>

#include "base/base.h"

struct grow {
	char	*s;		/* not terminated */
	size_t	len, size;
};

void grow_add(struct grow *g, const char *fmt, ...) PRINTF(2, 3);
void grow_put(struct grow *g, const void *p, size_t n);
void grow_take(struct grow *g, size_t n);	/* n bytes or fewer off the front */
void grow_free(struct grow *g);			/* empty again */

#endif
