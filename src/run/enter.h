/* enter.h - a program in the namespaces of a kernel stack */
#ifndef RUN_ENTER_H
#define RUN_ENTER_H

#include "node/node.h"

#define RESOLV_MAX	4096

struct ioth;

/* Whom the program asks for names instead of the machine's servers; empty: these. */
void enter_resolv(struct ioth *s, const struct node_conf *c, char text[RESOLV_MAX]);
/* In the program, of one thread: as kernel_enter, with rights over its network that outlive
 * execve, and with that text for /etc/resolv.conf unless it is empty. False: the user was
 * told. A PR_SET_PDEATHSIG is lost. */
bool enter_stack(int process, int flags, const char *resolv);

#endif
