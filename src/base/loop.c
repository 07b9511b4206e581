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
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/loop_in.h"
#include "base/mem.h"

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
	l = xzalloc(sizeof(*l) + LOOP_BATCH * sizeof(l->ev[0]));
	l->fd = fd;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->set)
		set_free(l);
	else
		close(l->fd);
	free(l);
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
	if (l->set)
		return set_watch(l, w, events);
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
	if (w->added && l->set)
		set_unwatch(l, w);
	else if (w->added)
		epoll_ctl(l->fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	w->events = 0;
	forget(l, w);
}

int loop_poll(struct pollfd *fd, unsigned n, usec at)
{
	usec left = at == NEVER ? NEVER : at - now_mono();
	struct timespec ts;

	if (left < 0)
		left = 0;
	ts = (struct timespec){ left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
	return ppoll(fd, n, left == NEVER ? NULL : &ts, NULL);
}

static int wait_msec(int fd, struct epoll_event *ev, int n, usec left)
{
	int64_t ms = left == NEVER ? -1 : (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC;

	return epoll_wait(fd, ev, n, (int)MIN(ms, INT_MAX));
}

static int epoll_until(int fd, struct epoll_event *ev, int n, usec at)
{
	usec left = at == NEVER ? NEVER : at - now_mono();
	struct timespec ts;
	int ret;

	if (left < 0)
		left = 0;
	ts = (struct timespec){ left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
	ret = epoll_pwait2(fd, ev, n, left == NEVER ? NULL : &ts, NULL);
	return ret < 0 && errno == ENOSYS ? wait_msec(fd, ev, n, left) : ret;
}

static void run_batch(struct loop *l)
{
	for (l->at = 0; l->at < l->n; l->at++) {
		struct watch *w = l->ev[l->at].data.ptr;
		uint32_t events;

		if (!w)
			continue;
		/* A callback before may have narrowed what is wanted. */
		events = l->ev[l->at].events & (w->events | LOOP_ALWAYS);
		if (events)
			w->ready(w, events);
	}
	l->n = 0;
}

int loop_wait(struct loop *l, usec at)
{
	int n;

	if (l->set)
		return set_look(l);
	n = epoll_until(l->fd, l->ev, LOOP_BATCH, at);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->n = n;
	run_batch(l);
	return n;
}

int loop_ask(struct loop *l)
{
	return l->set ? set_ask(l) : loop_wait(l, 0);
}

void loop_say(struct loop *l, struct watch *w, uint32_t events)
{
	if (l->set)
		set_say(l, w, events | LOOP_SAID);
	else
		w->ready(w, events | LOOP_SAID);
}

bool loop_nap_begin(struct loop *l, struct nap *nap)
{
	if (l->set)
		return set_nap_begin(l, nap);
	*nap = (struct nap){ .fd = { { .fd = l->fd, .events = POLLIN } }, .n = 1 };
	return true;
}

void loop_nap_end(struct loop *l, const struct nap *nap)
{
	if (l->set)
		set_nap_end(l, nap);
}
