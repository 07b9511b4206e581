/* child.h - a shell command whose stdin and stdout are one socket of ours */
#ifndef PLUG_CHILD_H
#define PLUG_CHILD_H

#include "base/base.h"

struct child;

/* Starts it by sh -c; stderr stays where it is. *fd is the socket. NULL with *why. */
struct child *child_start(const char *command, int *fd, char **why);
/* SIGTERM, then, if need be, SIGKILL; NULL is fine. Returns at once: a thread of ours
 * waits, and the process's exit for the thread. Takes c. */
void child_end(struct child *c);
/* The same; first says how it ended, or that it let go of its output. */
void child_tell(struct child *c);

#endif
