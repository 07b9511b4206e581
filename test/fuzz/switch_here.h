/* switch_here.h - a switch in the target's process, a new one every INPUTS inputs */
#ifndef SWITCH_HERE_H
#define SWITCH_HERE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"
#include "switch/switch.h"

#define INPUTS	64		/* of one switch */

static char parent[] = "/tmp/fuzz-switch.XXXXXX", dir[64];
static struct loop *loop;
static struct sw *sw;

static inline void here_end(void)
{
	switch_free(sw);
	loop_free(loop);
	rmdir(parent);
}

static inline void here_start(void)
{
	struct switch_conf conf = { .path = dir, .gid = (gid_t)-1, .n_ports = 16 };
	char *why;

	if (!loop) {
		CHECK(mkdtemp(parent));
		snprintf(dir, sizeof(dir), "%s/sw", parent);
		loop = loop_new();
		atexit(here_end);
	}
	switch_free(sw);
	sw = switch_new(&conf, loop, &why);
	CHECK(sw);
}

#endif
