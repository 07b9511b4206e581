/* daemon.h - a process that serves until it is told to end
 *
 * Used by the switch and the cable. It ends with SIGTERM, SIGINT or SIGHUP, or
 * when run says so; finish is called whenever start was, and gives the exit status.
 */
#ifndef BASE_DAEMON_H
#define BASE_DAEMON_H

#include "base/loop.h"

struct daemon_ops {
	/* False: it cannot be; *why (malloc'd, one line) or errno tells. */
	bool	(*start)(void *ctx, struct loop *loop, char **why);
	usec	(*deadline)(void *ctx);
	bool	(*run)(void *ctx, usec now);	/* after each wait; false: this is the end */
	int	(*finish)(void *ctx);
};

/* Exit status. In the background the caller's process ends once start is done:
 * with 0, or with 1 after the reason. pidfile: NULL for none. */
int daemon_main(const struct daemon_ops *ops, void *ctx, bool background, const char *pidfile);

#endif
