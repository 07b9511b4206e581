/* loop.c - epoll with callbacks and one deadline source
 *
 * Events are fetched in a batch and a callback may remove a watch whose event
 * is still waiting in that batch, and free its memory: loop_unwatch therefore
 * blanks it there. A watch with events == 0 is taken out of the kernel's set,
 * because epoll reports EPOLLHUP and EPOLLERR whether asked to or not.
 *
 * Deadlines are in microseconds; where the kernel is too old for epoll_pwait2
 * (before 5.11) they are rounded up to milliseconds.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define ALWAYS	(EPOLLERR | EPOLLHUP)

struct loop {
	int			fd;
	int			n, at;	/* the batch and the event being run */
	bool			no_pwait2;
	struct epoll_event	ev[LOOP_BATCH];
};

usec now_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

struct loop *loop_new(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	struct loop *l;

	if (fd < 0)
		return NULL;
	l = xzalloc(sizeof(*l));
	l->fd = fd;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}

int loop_fd(const struct loop *l)
{
	return l->fd;
}

int loop_watch(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (!events) {
		loop_unwatch(l, w);
		return 0;
	}
	if (w->added && w->events == events)
		return 0;
	if (epoll_ctl(l->fd, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return -errno;
	w->added = true;
	w->events = events;
	return 0;
}

static void forget(struct loop *l, const struct watch *w)
{
	for (int i = l->at; i < l->n; i++) {
		if (l->ev[i].data.ptr == w)
			l->ev[i].data.ptr = NULL;
	}
}

void loop_unwatch(struct loop *l, struct watch *w)
{
	if (w->added)
		epoll_ctl(l->fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	w->events = 0;
	forget(l, w);
}

static int wait_msec(struct loop *l, usec left)
{
	int64_t ms = left == NEVER ? -1 : (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC;

	return epoll_wait(l->fd, l->ev, LOOP_BATCH, (int)MIN(ms, INT_MAX));
}

static int wait_usec(struct loop *l, usec left)
{
	struct timespec ts = { left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
	int n = -1;

	if (!l->no_pwait2)
		n = epoll_pwait2(l->fd, l->ev, LOOP_BATCH, left == NEVER ? NULL : &ts, NULL);
	if (l->no_pwait2 || (n < 0 && errno == ENOSYS)) {
		l->no_pwait2 = true;
		n = wait_msec(l, left);
	}
	return n;
}

static void run_batch(struct loop *l)
{
	for (l->at = 0; l->at < l->n; l->at++) {
		struct watch *w = l->ev[l->at].data.ptr;
		uint32_t events;

		if (!w)
			continue;
		/* A callback before may have narrowed what is wanted. */
		events = l->ev[l->at].events & (w->events | ALWAYS);
		if (events)
			w->ready(w, events);
	}
	l->n = 0;
}

int loop_wait(struct loop *l, usec at)
{
	usec left = at;
	int n;

	if (at != NEVER) {
		left = at - now_mono();
		left = MAX(left, 0);
	}
	n = wait_usec(l, left);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->n = n;
	run_batch(l);
	return n;
}
