/* switch.h - a virtual Ethernet switch that VDE clients can join
 *
 * A switch lives in a loop of the caller's and does nothing on its own: wait on
 * the loop until switch_deadline at most, then call switch_run. switch_main is
 * that for a process which does nothing else.
 */
#ifndef SWITCH_SWITCH_H
#define SWITCH_SWITCH_H

#include <sys/types.h>

#include "base/addr.h"
#include "base/loop.h"

#define SWITCH_PORTS_DEFAULT	256
#define SWITCH_PORTS_MAX	65536

#define SWITCH_PLUGS_MAX	64

struct switch_conf {
	const char	*path;		/* the directory clients are given */
	mode_t		mode;		/* of ctl; 0: 0600 */
	mode_t		dir_mode;	/* of path; 0: follows from mode */
	gid_t		gid;		/* (gid_t)-1: the process's */
	uint32_t	n_ports;	/* 0: SWITCH_PORTS_DEFAULT */
	bool		hub;
	const char	*plug[SWITCH_PLUGS_MAX];	/* locators of plugs of its own */
	uint32_t	n_plugs;
	usec		patience;	/* with a port that is full (hold.c); 0: the usual */
	bool		alone;		/* nobody is introduced to anybody */
	bool		classic;	/* no shared memory: every frame by a socket */
	struct mac	mac;		/* all zero: any */
	const char	*mgmt;		/* another socket for consoles; NULL: DIR/mgmt only */
	mode_t		mgmt_mode;	/* of that; 0: 0600 */
	gid_t		mgmt_gid;	/* (gid_t)-1: the process's */
	bool		console;	/* stdin is one, if somebody types there */
};

struct sw;

/* NULL with *why (malloc'd, one line naming the input and the cure). */
struct sw *switch_new(const struct switch_conf *conf, struct loop *loop, char **why);
void switch_run(struct sw *sw, usec now);
usec switch_deadline(const struct sw *sw);
bool switch_stopped(const struct sw *sw);	/* a console ended it */
/* Runs a file of commands; path NULL: vde_switch's rc file if there is one. False with
 * *why, a line for each command that failed. */
bool switch_load(struct sw *sw, const char *path, char **why);
void switch_free(struct sw *sw);	/* leaves no files; NULL is fine */

struct switch_process {
	bool		background;	/* the caller's process ends when the switch answers */
	const char	*pidfile;
	const char	*rcfile;	/* NULL: see switch_load */
};

/* Runs a switch until SIGTERM, SIGINT, SIGHUP or a console ends it; the exit status. */
int switch_main(const struct switch_conf *conf, const struct switch_process *proc);

#endif
