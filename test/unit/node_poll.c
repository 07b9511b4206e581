/* node_poll.c - ioth_poll: of near sockets the stack's word, of all others the kernel's
 *
 * A near socket's pair shows nothing, so that plain poll(2) does not see what ioth_poll sees tells
 * that no system call was needed. What is ready when, the cases of test/socket say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioth.h"
#include "unit.h"

#define SOON	20000	/* ms: more than a loaded machine needs */

struct here {
	struct ioth	*s;
	int		lis, fd[2];
	struct sockaddr_in sin;
};

static struct here begin(void)
{
	struct here h = { .s = ioth_newstack("native", NULL) };
	socklen_t len = sizeof(h.sin);

	assert_non_null(h.s);
	h.sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	h.lis = ioth_msocket(h.s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_bind(h.lis, (struct sockaddr *)&h.sin, len), 0);
	assert_int_equal(ioth_getsockname(h.lis, (struct sockaddr *)&h.sin, &len), 0);
	assert_int_equal(ioth_listen(h.lis, 4), 0);
	h.fd[0] = ioth_msocket(h.s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_connect(h.fd[0], (struct sockaddr *)&h.sin, len), 0);
	h.fd[1] = ioth_accept(h.lis, NULL, NULL);
	assert_true(h.fd[1] >= 0);
	return h;
}

static void end(struct here *h)
{
	ioth_close(h->fd[0]);
	ioth_close(h->fd[1]);
	ioth_close(h->lis);
	assert_int_equal(ioth_delstack(h->s), 0);
}

/* What there is of events; -1 for an error. */
static int ready(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	int n = ioth_poll(&p, 1, ms);

	return n <= 0 ? n : p.revents;
}

static void put(int fd, const char *text)
{
	assert_int_equal(ioth_send(fd, text, strlen(text), 0), strlen(text));
}

static void get(int fd, const char *text)
{
	char b[64];

	assert_int_equal(ioth_recv(fd, b, strlen(text), MSG_WAITALL), strlen(text));
	assert_memory_equal(b, text, strlen(text));
}

static void input_and_output(void **state)
{
	struct here h = begin();
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
	end(&h);
}

/* A listener's pair shows nothing while it is near; after a while it does. */
static void plain_poll_hears_of_connections(void **state)
{
	struct here h = begin();
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
	end(&h);
}

/* No token is shown to the kernel while somebody polls by calls. */
static void nothing_is_shown(void **state)
{
	struct here h = begin();
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
	end(&h);
}

static void *put_late(void *fd)
{
	usleep(50000);
	put(*(int *)fd, "x");
	return NULL;
}

static void who_waits_is_told(void **state)
{
	struct here h = begin();
	pthread_t t;

	assert_int_equal(ready(h.fd[1], POLLIN, 30), 0);
	assert_int_equal(pthread_create(&t, NULL, put_late, &h.fd[0]), 0);
	assert_int_equal(ready(h.fd[1], POLLIN, SOON), POLLIN);
	pthread_join(t, NULL);
	end(&h);
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
	struct here h = begin();
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
	end(&h);
}

static void ends_are_told(void **state)
{
	struct here h = begin();
	struct linger reset = { 1, 0 };
	int events;

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(ioth_shutdown(h.fd[0], SHUT_WR), 0);
	assert_int_equal(ready(h.fd[1], POLLIN | POLLRDHUP, SOON), POLLIN | POLLRDHUP);
	end(&h);
	h = begin();
	assert_int_equal(ready(h.fd[1], 0, 0), 0);
	ioth_setsockopt(h.fd[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	ioth_close(h.fd[0]);
	events = ready(h.fd[1], 0, SOON);
	assert_int_equal(events & POLLHUP, POLLHUP);
	h.fd[0] = -1;
	end(&h);
}

/* A pipe among them: the kernel waits, and the sockets are shown to it as long. */
static void with_others(void **state)
{
	struct here h = begin();
	struct pollfd p[3] = { { .fd = -1, .events = POLLIN }, { .fd = h.fd[1], .events = POLLIN },
			       { .events = POLLIN } };
	int pip[2];

	assert_int_equal(pipe(pip), 0);
	p[2].fd = pip[0];
	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ioth_poll(p, 3, 0), 0);
		put(h.fd[0], "x");
		assert_int_equal(ioth_poll(p, 3, SOON), 1);
		assert_int_equal(p[1].revents, POLLIN);
		assert_int_equal(ready(h.fd[1], POLLIN, 0), POLLIN);	/* by calls again */
		assert_int_equal(write(pip[1], "p", 1), 1);
		assert_int_equal(ioth_poll(p, 3, SOON), 2);
		get(h.fd[1], "x");
		assert_int_equal(read(pip[0], &(char){ 0 }, 1), 1);
	}
	close(pip[0]);
	close(pip[1]);
	end(&h);
}

/* Who connects without waiting polls before his socket has anything to say. */
static void connecting(void **state)
{
	struct here h = begin();
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
	end(&h);
}

static void on_alarm(int sig)
{
}

static void signals_interrupt(void **state)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART }, was;
	struct here h = begin();

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	sigaction(SIGALRM, &sa, &was);
	ualarm(50000, 0);
	assert_int_equal(ready(h.fd[1], POLLIN, SOON), -1);
	assert_int_equal(errno, EINTR);
	sigaction(SIGALRM, &was, NULL);
	end(&h);
}

/* Descriptors that are no sockets of the stack any more. */
static void closed_ones(void **state)
{
	struct here h = begin();
	struct pollfd p = { .fd = h.fd[1], .events = POLLIN };

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(ioth_close(h.fd[1]), 0);
	assert_int_equal(ioth_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLNVAL);
	h.fd[1] = -1;
	end(&h);
}

/* A child has no stack, and hears by the pair. */
static void child_hears(void **state)
{
	struct here h = begin();
	int status;
	pid_t pid;

	assert_int_equal(ready(h.fd[1], POLLIN, 0), 0);
	pid = fork();
	if (pid == 0)
		_exit(ready(h.fd[1], POLLIN, SOON) == POLLIN ? 0 : 1);
	put(h.fd[0], "x");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(input_and_output),
		cmocka_unit_test(plain_poll_hears_of_connections),
		cmocka_unit_test(nothing_is_shown),
		cmocka_unit_test(who_waits_is_told),
		cmocka_unit_test(several_wait),
		cmocka_unit_test(ends_are_told),
		cmocka_unit_test(with_others),
		cmocka_unit_test(connecting),
		cmocka_unit_test(signals_interrupt),
		cmocka_unit_test(closed_ones),
		cmocka_unit_test(child_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
