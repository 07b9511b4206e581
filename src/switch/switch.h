/* switch.h - a virtual Ethernet switch that VDE clients can join
 *
 * A switch lives in a loop of the caller's and does nothing on its own: wait on
 * the loop until switch_deadline at most, then call switch_run. switch_main is
 * that for a process which does nothing else.
 */
#ifndef SWITCH_SWITCH_H
#define SWITCH_SWITCH_H

#include <sys/types.h>

#include "base/loop.h"

#define SWITCH_PORTS_DEFAULT	256
#define SWITCH_PORTS_MAX	65536

struct switch_conf {
	const char	*path;		/* the directory clients are given */
	mode_t		mode;		/* of ctl; 0: 0600 */
	gid_t		gid;		/* (gid_t)-1: the process's */
	uint32_t	n_ports;	/* 0: SWITCH_PORTS_DEFAULT */
	bool		hub;
	bool		classic;	/* no shared memory: every frame by a socket */
};

struct sw;

/* NULL with *why (malloc'd, one line naming the input and the cure). */
struct sw *switch_new(const struct switch_conf *conf, struct loop *loop, char **why);
void switch_run(struct sw *sw, usec now);
usec switch_deadline(const struct sw *sw);
void switch_free(struct sw *sw);	/* leaves no files; NULL is fine */

/* Runs a switch until SIGTERM, SIGINT or SIGHUP; the exit status. In the
 * background the caller's process ends when the switch answers. */
int switch_main(const struct switch_conf *conf, bool background, const char *pidfile);

#endif
