/* node_poll.c - ioth_poll, ioth_ppoll, ioth_select: of near sockets the stack's word, of all others
 * the kernel's
 *
 * A near socket's pair shows nothing, so that plain poll(2) does not see what these see tells
 * that no system call was needed. What is ready when, the cases of test/socket say.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node_here.h"

/* One of the three calls, or one of them with a mask. */
static int (*way)(struct pollfd *v, nfds_t n, int ms);

static struct timespec *timespec_of(int ms, struct timespec *ts)
{
	*ts = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
	return ms < 0 ? NULL : ts;
}

static int by_ppoll(struct pollfd *v, nfds_t n, int ms)
{
	struct timespec ts;

	return ioth_ppoll(v, n, timespec_of(ms, &ts), NULL);
}

static int by_mask(struct pollfd *v, nfds_t n, int ms)
{
	struct timespec ts;
	sigset_t none;

	sigemptyset(&none);
	return ioth_ppoll(v, n, timespec_of(ms, &ts), &none);
}

static int by_select(struct pollfd *v, nfds_t n, int ms)
{
	static const short asks[3] = { POLLIN, POLLOUT, POLLPRI };
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	fd_set set[3] = { 0 };
	int ready = 0, bits;

	for (nfds_t i = 0; i < n; i++) {
		for (int k = 0; k < 3; k++) {
			if (v[i].fd >= 0 && v[i].events & asks[k])
				FD_SET(v[i].fd, &set[k]);
		}
	}
	bits = ioth_select(FD_SETSIZE, &set[0], &set[1], &set[2], ms < 0 ? NULL : &tv);
	for (nfds_t i = 0; i < n && bits >= 0; i++) {
		v[i].revents = 0;
		for (int k = 0; k < 3; k++)
			v[i].revents |= v[i].fd >= 0 && FD_ISSET(v[i].fd, &set[k]) ? asks[k] : 0;
		ready += v[i].revents != 0;
	}
	return bits < 0 ? -1 : ready;
}

/* What there is of events; -1 for an error. */
static int ready(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	int n = way(&p, 1, ms);

	return n <= 0 ? n : p.revents;
}

static void input_and_output(void **state)
{
	struct here h = here_begin();
	struct pollfd p = { .fd = h.fd[1], .events = POLLIN };

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(ready(h.fd[1], POLLIN | POLLOUT, SOON), POLLOUT);
	put(h.fd[0], "ab");
	assert_int_equal(ready(h.fd[1], POLLIN | POLLOUT, SOON), POLLIN | POLLOUT);
	assert_int_equal(ready(h.fd[1], POLLPRI, 0), 0);
	get(h.fd[1], "a");
	assert_int_equal(ready(h.fd[1], POLLIN, 0), POLLIN);
	get(h.fd[1], "b");
	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	put(h.fd[0], "c");		/* plain poll hears of it, though later */
	assert_int_equal(ready(h.fd[1], POLLIN, SOON), POLLIN);
	assert_int_equal(poll(&p, 1, SOON), 1);
	get(h.fd[1], "c");
	assert_int_equal(poll(&p, 1, 0), 0);
	here_end(&h);
}

/* A listener's pair shows nothing while it is near; after a while it does. */
static void plain_poll_hears_of_connections(void **state)
{
	struct here h = here_begin();
	struct pollfd p = { .fd = h.lis, .events = POLLIN };
	int fd = ioth_msocket(h.s, AF_INET, SOCK_STREAM, 0), peer;

	assert_int_equal(ready(h.lis, POLLIN, 0), 0);
	assert_int_equal(ioth_connect(fd, (struct sockaddr *)&h.sin, sizeof(h.sin)), 0);
	assert_int_equal(poll(&p, 1, SOON), 1);
	assert_int_equal(ready(h.lis, POLLIN, SOON), POLLIN);
	peer = ioth_accept(h.lis, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(ready(h.lis, POLLIN, 0), 0);
	ioth_close(peer);
	ioth_close(fd);
	here_end(&h);
}

/* No token is shown to the kernel while somebody polls by calls. */
static void nothing_is_shown(void **state)
{
	struct here h = here_begin();
	struct pollfd p = { .fd = h.fd[1], .events = POLLIN };
	int unseen = 0;

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	for (int i = 0; i < 100; i++) {
		put(h.fd[0], "x");
		assert_int_equal(ready(h.fd[1], POLLIN, SOON), POLLIN);
		unseen += poll(&p, 1, 0) == 0;
		get(h.fd[1], "x");
	}
	assert_in_range(unseen, 1, 100);	/* a thread that is stopped for long shows it */
	here_end(&h);
}

static void *put_late(void *fd)
{
	usleep(50000);
	put(*(int *)fd, "x");
	return NULL;
}

static void who_waits_is_told(void **state)
{
	struct here h = here_begin();
	pthread_t t;

	assert_int_equal(ready(h.fd[1], POLLIN, 30), 0);
	assert_int_equal(pthread_create(&t, NULL, put_late, &h.fd[0]), 0);
	assert_int_equal(ready(h.fd[1], POLLIN, SOON), POLLIN);
	pthread_join(t, NULL);
	here_end(&h);
}

struct waiter {
	int		fd, events, got;
};

static void *wait_for(void *arg)
{
	struct waiter *w = arg;

	w->got = ready(w->fd, w->events, SOON);
	return NULL;
}

/* Each is told what he has asked for. */
static void several_wait(void **state)
{
	struct here h = here_begin();
	struct waiter w[4] = {
		{ h.fd[1], POLLIN, 0 }, { h.fd[1], POLLRDHUP, 0 }, { h.fd[0], POLLIN, 0 },
		{ h.lis, POLLIN, 0 },
	};
	pthread_t t[4];
	int fd;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, wait_for, &w[i]), 0);
	usleep(20000);
	put(h.fd[0], "x");
	pthread_join(t[0], NULL);
	assert_int_equal(w[0].got, POLLIN);
	put(h.fd[1], "y");
	pthread_join(t[2], NULL);
	assert_int_equal(w[2].got, POLLIN);
	fd = ioth_msocket(h.s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_connect(fd, (struct sockaddr *)&h.sin, sizeof(h.sin)), 0);
	pthread_join(t[3], NULL);
	assert_int_equal(w[3].got, POLLIN);
	assert_int_equal(ioth_shutdown(h.fd[0], SHUT_WR), 0);
	pthread_join(t[1], NULL);
	assert_int_equal(w[1].got, POLLRDHUP);
	ioth_close(fd);
	here_end(&h);
}

static void ends_are_told(void **state)
{
	struct here h = here_begin();
	struct linger reset = { 1, 0 };
	int events;

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(ioth_shutdown(h.fd[0], SHUT_WR), 0);
	assert_int_equal(ready(h.fd[1], POLLIN | POLLRDHUP, SOON), POLLIN | POLLRDHUP);
	here_end(&h);
	h = here_begin();
	assert_int_equal(ready(h.fd[1], 0, 0), 0);
	ioth_setsockopt(h.fd[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	ioth_close(h.fd[0]);
	events = ready(h.fd[1], 0, SOON);
	assert_int_equal(events & POLLHUP, POLLHUP);
	h.fd[0] = -1;
	here_end(&h);
}

/* A pipe among them: the kernel waits, and the sockets are shown to it as long. */
static void with_others(void **state)
{
	struct here h = here_begin();
	struct pollfd p[3] = { { .fd = -1, .events = POLLIN }, { .fd = h.fd[1], .events = POLLIN },
			       { .events = POLLIN } };
	int pip[2];

	assert_int_equal(pipe(pip), 0);
	p[2].fd = pip[0];
	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(way(p, 3, 0), 0);
		put(h.fd[0], "x");
		assert_int_equal(way(p, 3, SOON), 1);
		assert_int_equal(p[1].revents, POLLIN);
		assert_int_equal(ready(h.fd[1], POLLIN, 0), POLLIN);	/* by calls again */
		assert_int_equal(write(pip[1], "p", 1), 1);
		assert_int_equal(way(p, 3, SOON), 2);
		get(h.fd[1], "x");
		assert_int_equal(read(pip[0], &(char){ 0 }, 1), 1);
	}
	close(pip[0]);
	close(pip[1]);
	here_end(&h);
}

/* Who connects without waiting polls before his socket has anything to say. */
static void connecting(void **state)
{
	struct here h = here_begin();
	int fd = ioth_msocket(h.s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), peer;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ioth_connect(fd, (struct sockaddr *)&h.sin, sizeof(h.sin));
	assert_int_equal(ready(fd, POLLOUT, SOON), POLLOUT);
	peer = ioth_accept(h.lis, NULL, NULL);
	assert_int_equal(ready(fd, POLLIN, 10), 0);
	put(peer, "x");
	assert_int_equal(ready(fd, POLLIN, SOON), POLLIN);
	get(fd, "x");
	assert_int_equal(ready(fd, POLLIN, 0), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	ioth_close(peer);
	ioth_close(fd);
	here_end(&h);
}

static void on_alarm(int sig)
{
}

static void signals_interrupt(void **state)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART }, was;
	struct here h = here_begin();

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	sigaction(SIGALRM, &sa, &was);
	ualarm(50000, 0);
	assert_int_equal(ready(h.fd[1], POLLIN, SOON), -1);
	assert_int_equal(errno, EINTR);
	sigaction(SIGALRM, &was, NULL);
	here_end(&h);
}

/* Descriptors that are no sockets of the stack any more. */
static void closed_ones(void **state)
{
	struct here h = here_begin();
	struct pollfd p = { .fd = h.fd[1], .events = POLLIN };

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(ioth_close(h.fd[1]), 0);
	assert_int_equal(way(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLNVAL);
	h.fd[1] = -1;
	here_end(&h);
}

/* A child has no stack, and hears by the pair. */
static void child_hears(void **state)
{
	struct here h = here_begin();
	int status;
	pid_t pid;

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	pid = fork();
	if (pid == 0)
		_exit(ready(h.fd[1], POLLIN, SOON) == POLLIN ? 0 : 1);
	put(h.fd[0], "x");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	here_end(&h);
}

static int choose(void **state)
{
	way = *(int (**)(struct pollfd *, nfds_t, int))*state;
	return 0;
}

#define BY(w, test)	{ #w " " #test, test, choose, NULL, &(__typeof__(way)){ w } }
#define BY_POLLS(test)	BY(ioth_poll, test), BY(by_ppoll, test), BY(by_mask, test)
#define BY_ALL(test)	BY_POLLS(test), BY(by_select, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BY_ALL(input_and_output),
		BY_ALL(plain_poll_hears_of_connections),
		BY_ALL(nothing_is_shown),
		BY_ALL(who_waits_is_told),
		BY_POLLS(several_wait),
		BY_POLLS(ends_are_told),
		BY_ALL(with_others),
		BY_ALL(connecting),
		BY_ALL(signals_interrupt),
		BY_POLLS(closed_ones),
		BY_ALL(child_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
