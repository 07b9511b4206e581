/* procnet.h - the stack's tables as files of /proc/net */
#ifndef NODE_PROCNET_H
#define NODE_PROCNET_H

#include <stdio.h>

#include "stack/stack.h"

/* name: "tcp". 0, or -ENOENT: none of ours. */
int procnet_write(FILE *f, struct stack *st, const char *name);
int procnet_open(struct stack *st, const char *name);	/* to be read; or -errno */

#endif
