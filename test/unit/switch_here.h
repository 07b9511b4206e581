/* switch_here.h - a running switch in the test's own process, in a directory of its own */
#ifndef SWITCH_HERE_H
#define SWITCH_HERE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plug_frames.h"
#include "switch/command.h"
#include "switch/switch.h"

static char dir[40], path[64];
static struct loop *loop;
static struct sw *sw;

static inline void here_dir(void)
{
	strcpy(dir, "/tmp/ioth-switch-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sw", dir);
	loop = loop_new();
}

/* At path, of the process's group. */
static inline void here_start(struct switch_conf conf)
{
	char *why = NULL;

	conf.path = path;
	conf.gid = conf.mgmt_gid = (gid_t)-1;
	sw = switch_new(&conf, loop, &why);
	if (!sw)
		fail_msg("%s", why);
}

/* It has left no file. */
static inline int here_end(void)
{
	switch_free(sw);
	loop_free(loop);
	assert_int_equal(access(path, F_OK), -1);
	return rmdir(dir);
}

/* The same with n plugs, and what they hold. */
static inline int here_leave(struct plug **plug, struct bag *bag, int n, struct arena *a)
{
	for (int i = 0; i < n; i++) {
		bag_empty(&bag[i]);
		plug_close(plug[i]);
		plug[i] = NULL;
	}
	assert_int_equal(here_end(), 0);
	arena_heap_unref(a);
	return 0;
}

static inline void here_turn(void)
{
	loop_wait(loop, 0);
	switch_run(sw, now_mono());
}

static inline void *here_answer(void *joined)
{
	while (!atomic_load((atomic_bool *)joined)) {
		loop_wait(loop, now_mono() + 1000);
		switch_run(sw, now_mono());
	}
	return NULL;
}

/* Opens n plugs, whose frames go to the bags. */
static inline void here_join(struct plug **plug, struct bag *bag, int n,
			     const struct plug_conf *conf)
{
	atomic_bool joined = false;
	char *locator = xasprintf("vde://%s", path), *why = NULL;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, here_answer, &joined), 0);
	for (int i = 0; i < n; i++) {
		plug[i] = plug_open(locator, conf, &why);
		if (!plug[i])
			fail_msg("%s", why);
		bag_init(&bag[i]);
		plug[i]->deliver = bag_deliver;
		plug[i]->user = &bag[i];
	}
	atomic_store(&joined, true);
	pthread_join(t, NULL);
	free(locator);
}

static struct grow out;

/* The console's whole answer to a line; as long as out is not freed. */
static inline const char *say(const char *line)
{
	grow_free(&out);
	command_run(sw, NULL, line, &out);
	grow_put(&out, "", 1);
	return out.s;
}

#endif
