/* loop.h - epoll with callbacks and one deadline source
 *
 * One loop per thread. A watch lives in its owner's struct; the callback may
 * remove any watch, its own included.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <sys/epoll.h>

#include "base/list.h"

#define LOOP_BATCH	64	/* events handled by one wait at most */

struct loop;

struct watch {
	int		fd;
	uint32_t	events;		/* EPOLL*; 0: registered, silent */
	void		(*ready)(struct watch *w, uint32_t events);
	bool		added;
};

struct loop *loop_new(void);		/* NULL with errno */
void loop_free(struct loop *l);
int loop_fd(const struct loop *l);	/* the epoll fd itself */
int loop_watch(struct loop *l, struct watch *w, uint32_t events); /* add or change; 0 or -errno */
void loop_unwatch(struct loop *l, struct watch *w);	/* the fd stays open */

/* Waits until a watch is ready or at passes; runs the callbacks. Returns the
 * number of events (0 on timeout or EINTR) or -errno. */
int loop_wait(struct loop *l, usec at);

usec now_mono(void);			/* CLOCK_MONOTONIC */

#endif
