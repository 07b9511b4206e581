/* spool.c - a bounded buffer that a thread empties into a descriptor
 *
 * Whoever puts is a node under its lock: it copies into the ring and goes on,
 * whether the disk is slow, the pipe is full or nobody reads the terminal. What
 * finds no room is refused, and its owner counts it.
 *
 * head and tail run freely under the lock. What lies between them belongs to the
 * thread, which writes it without the lock. The first error is told in one line and
 * ends the writing. A supervisor of ioth run gives up its own descriptor 2 once the
 * program runs, so a copy of it is kept to tell.
 *
 * The thread starts with the first bytes: a plug may be opened before a daemon
 * forks, a thread does not survive that.
 */
#include "plug/spool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define END_SECONDS	2

struct spool {
	int		fd, tell;
	char		*what;
	uint8_t		*ring;
	size_t		size;
	pthread_t	thread;
	bool		started, ending, failed;
	size_t		head, tail;		/* bytes put and written, ever */
	pthread_mutex_t	lock;
	pthread_cond_t	more, idle;		/* for the thread; for spool_end */
};

static void complain(struct spool *s, const char *why)
{
	if (s->tell >= 0)
		dprintf(s->tell, "ioth: %s: %s; what passes from here on is not written\n",
			s->what, why);
}

/* Bytes written, or -1 with errno. Who reads a pipe may be slow for ever. */
static ssize_t write_some(struct spool *s, const uint8_t *p, size_t n)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };
	ssize_t done = write(s->fd, p, n);

	if (done >= 0 || (errno != EAGAIN && errno != EINTR))
		return done;
	poll(&pfd, 1, -1);
	return 0;
}

/* Under the lock, which is given up meanwhile. */
static void write_waiting(struct spool *s)
{
	size_t at = s->tail & (s->size - 1);
	size_t n = MIN(s->head - s->tail, s->size - at);
	ssize_t done;
	int error;

	pthread_mutex_unlock(&s->lock);
	done = write_some(s, s->ring + at, n);
	error = errno;
	if (done < 0)
		complain(s, strerror(error));
	pthread_mutex_lock(&s->lock);
	if (done < 0)
		s->failed = true;
	else
		s->tail += (size_t)done;
}

static void *writer(void *arg)
{
	struct spool *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->failed) {
		if (s->head != s->tail) {
			write_waiting(s);
		} else {
			pthread_cond_signal(&s->idle);
			if (s->ending)
				break;
			pthread_cond_wait(&s->more, &s->lock);
		}
	}
	pthread_cond_signal(&s->idle);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are for the threads that expect them. */
static void start(struct spool *s)
{
	sigset_t all, was;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	s->started = pthread_create(&s->thread, NULL, writer, s) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!s->started) {
		s->failed = true;
		complain(s, "cannot start a thread");
	}
}

static void copy_in(struct spool *s, const void *from, size_t n)
{
	size_t at = s->head & (s->size - 1), first = MIN(n, s->size - at);

	memcpy(s->ring + at, from, first);
	memcpy(s->ring, (const uint8_t *)from + first, n - first);
	s->head += n;
}

bool spool_put(struct spool *s, const struct iovec *iov, int n)
{
	size_t len = 0;
	bool fits;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	pthread_mutex_lock(&s->lock);
	if (!s->started && !s->failed)
		start(s);
	fits = !s->failed && len <= s->size - (s->head - s->tail);
	for (int i = 0; fits && i < n; i++)
		copy_in(s, iov[i].iov_base, iov[i].iov_len);
	if (fits)
		pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	return fits;
}

bool spool_failed(struct spool *s)
{
	bool failed;

	pthread_mutex_lock(&s->lock);
	failed = s->failed;
	pthread_mutex_unlock(&s->lock);
	return failed;
}

struct spool *spool_new(int fd, size_t size, const char *what)
{
	struct spool *s = xzalloc(sizeof(*s));

	s->fd = fd;
	s->tell = log_copy();
	s->what = xstrdup(what);
	s->size = size;
	s->ring = xmalloc(size);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	pthread_cond_init(&s->idle, NULL);
	return s;
}

/* False: a reader keeps it waiting. */
static bool drained(struct spool *s)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_SECONDS;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_signal(&s->more);
	while (!s->failed && s->head != s->tail && rc == 0)
		rc = pthread_cond_timedwait(&s->idle, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
	return rc == 0;
}

/* A write or poll that hangs is where the thread can be cancelled, without the lock. */
void spool_end(struct spool *s)
{
	if (!s)
		return;
	if (s->started) {
		if (!drained(s)) {
			complain(s, "its reader does not read");
			pthread_cancel(s->thread);
		}
		pthread_join(s->thread, NULL);
	}
	close(s->fd);
	if (s->tell >= 0)
		close(s->tell);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	pthread_cond_destroy(&s->idle);
	free(s->ring);
	free(s->what);
	free(s);
}
