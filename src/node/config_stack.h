/* config_stack.h - configuration of a stack of any kind; all of ioth.h's errors as -errno */
#ifndef NODE_CONFIG_STACK_H
#define NODE_CONFIG_STACK_H

#include "node/config.h"
#include "node/kind.h"

int stack_config(struct ioth *s, const struct words *w);
char *stack_newconf(struct ioth *s, const struct words_if *i, int *error);
char *stack_resolvconf(struct ioth *s);		/* NULL: it was not configured by words */
/* Before the stack ends: leases are given back, by the process that asked for them.
 * -EBUSY: others have sockets of it. */
int stack_config_end(struct ioth *s);
void stack_config_fork(enum fork_when when);

#endif
