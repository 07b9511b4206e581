/* node_here.h - a stack with a listener and a connection to it, bytes on that, and who waits for them */
#ifndef TEST_NODE_HERE_H
#define TEST_NODE_HERE_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ioth.h"
#include "node_bytes.h"
#include "unit.h"

#define SOON	20000	/* ms: more than a loaded machine needs */

struct here {
	struct ioth	*s;
	int		lis, fd[2];
	struct sockaddr_in sin;
};

/* One more connection. */
static inline void here_join(struct here *h, int fd[2])
{
	fd[0] = ioth_msocket(h->s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_connect(fd[0], (struct sockaddr *)&h->sin, sizeof(h->sin)), 0);
	fd[1] = ioth_accept(h->lis, NULL, NULL);
	assert_true(fd[1] >= 0);
}

static inline struct here here_begin(void)
{
	struct here h = { .s = ioth_newstack("native", NULL) };
	socklen_t len = sizeof(h.sin);

	assert_non_null(h.s);
	h.sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	h.lis = ioth_msocket(h.s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_bind(h.lis, (struct sockaddr *)&h.sin, len), 0);
	assert_int_equal(ioth_getsockname(h.lis, (struct sockaddr *)&h.sin, &len), 0);
	assert_int_equal(ioth_listen(h.lis, 4), 0);
	here_join(&h, h.fd);
	return h;
}

static inline void here_end(struct here *h)
{
	ioth_close(h->fd[0]);
	ioth_close(h->fd[1]);
	ioth_close(h->lis);
	assert_int_equal(ioth_delstack(h->s), 0);
}

/* --- waiting --- */

static inline int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* What comes is received by calls from now on, so it is told of by them. */
static inline void by_calls(int fd)
{
	assert_int_equal(ioth_recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static inline struct pollfd in(int fd)
{
	return (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* Another thread does it to fd, when we are likely to wait already. */
struct late {
	pthread_t	thread;
	int		fd, ms;
	void		(*what)(int fd);
};

static inline void *do_late(void *arg)
{
	struct late *l = arg;

	usleep((useconds_t)l->ms * 1000);
	l->what(l->fd);
	return NULL;
}

static inline void later(struct late *l, void (*what)(int fd), int fd)
{
	*l = (struct late){ .fd = fd, .ms = 20, .what = what };
	assert_int_equal(pthread_create(&l->thread, NULL, do_late, l), 0);
}

static inline void put_x(int fd)
{
	put(fd, "x");
}

static inline int select_in(int fd, fd_set *set, struct timeval *tv)
{
	FD_ZERO(set);
	FD_SET(fd, set);
	return ioth_select(fd + 1, set, NULL, NULL, tv);
}

#endif
