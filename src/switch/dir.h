/* dir.h - the directory that is a switch's name */
#ifndef SWITCH_DIR_H
#define SWITCH_DIR_H

#include <sys/types.h>

#include "base/base.h"

/* Of the directory, for ctl's: who may use it may enter; VDE adds the set-group-id bit. */
mode_t dir_mode(mode_t ctl);
#define DIR_PATH_MAX	92	/* leaves room for "/NNNN.NNNNNNNNN" in sun_path */

struct sw_dir {
	char	path[DIR_PATH_MAX + 1];	/* absolute */
	int	fd;			/* holds the lock */
	bool	ours;			/* removed at the end */
};

/* Makes or takes over the directory. False with *why (malloc'd). */
bool dir_take(struct sw_dir *d, const char *path, mode_t mode, gid_t gid, char **why);
/* Removes the sockets of the switch and its clients, and the directory. */
void dir_leave(struct sw_dir *d);

#endif
