/* inject.h - a program whose sockets are of a kernel stack */
#ifndef RUN_INJECT_H
#define RUN_INJECT_H

#include "run/enter.h"
#include "run/run.h"

struct kstack;

extern const struct trap inject_traps[];

struct inject *inject_open(const struct node_conf *conf);	/* NULL: the user was told why */
void inject_close(struct inject *in);		/* NULL is fine */
/* What the program is to have for /etc/resolv.conf, and a pidfd of the stack where that is
 * to be done; or -1: nothing. */
int inject_resolv(const struct inject *in, const struct node_conf *conf, char text[RESOLV_MAX]);
struct kstack *inject_stack(const struct inject *in);
long inject_call(struct call *c);

#endif
