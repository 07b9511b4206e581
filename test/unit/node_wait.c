/* Who waits in a stack drives it; one thread stands in for all stacks. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "ioth.h"
#include "unit.h"

#define MESSAGES	2000

static struct ioth *node(void)
{
	struct ioth *s = ioth_newstack("native", "null://");
	struct in_addr a = { htonl(0x0a000001) };

	assert_non_null(s);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")), 0);
	return s;
}

static struct sockaddr_in at(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(0x0a000001) };
}

static int bound(struct ioth *s, uint16_t port)
{
	struct sockaddr_in sin = at(port);
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* "task": threads; "fd": descriptors, and the one that counts them. */
static int count(const char *what)
{
	char path[32];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/self/%s", what);
	d = opendir(path);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* A stack's only descriptor is its plug's, of which "null" has none. */
static void all_stacks_share_a_thread(void **state)
{
	struct ioth *s[20] = { node() };
	int fds = count("fd");

	for (int i = 1; i < 20; i++)
		s[i] = node();
	assert_int_equal(count("task"), 2);
	assert_int_equal(count("fd"), fds);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ioth_delstack(s[i]), 0);
}

/* Datagram sockets need an inotify descriptor and a socket more, once. */
static void sockets_share_what_watches_them(void **state)
{
	struct ioth *s[20];
	int fd[20], fds = 0;

	for (int i = 0; i < 20; i++) {
		s[i] = node();
		fd[i] = bound(s[i], 1000);
		if (i == 0)
			fds = count("fd");
	}
	assert_int_equal(count("fd"), fds + 19 * 2);
	for (int i = 0; i < 20; i++) {
		struct sockaddr_in sin = at(1000);

		close(fd[i]);	/* not by ioth_close: a stack has to see it itself */
		fd[i] = ioth_msocket(s[i], AF_INET, SOCK_DGRAM, 0);
		assert_int_equal(ioth_bind(fd[i], (struct sockaddr *)&sin, sizeof(sin)), 0);
		close(fd[i]);
		assert_int_equal(ioth_delstack(s[i]), 0);
	}
}

/* Answers until an empty datagram comes. */
static void *echo(void *arg)
{
	int fd = *(int *)arg;
	struct sockaddr_in from;
	char b[8];
	ssize_t n;

	do {
		socklen_t len = sizeof(from);

		n = ioth_recvfrom(fd, b, sizeof(b), 0, (struct sockaddr *)&from, &len);
		ioth_sendto(fd, b, (size_t)n, 0, (struct sockaddr *)&from, len);
	} while (n > 0);
	return (void *)n;
}

/* Three threads wait in turns: whoever has news drives next, and none sleeps for good. */
static void news_find_whom_they_are_for(void **state)
{
	struct ioth *s = node();
	int fd[2] = { bound(s, 1001), bound(s, 1002) }, own = bound(s, 1000);
	pthread_t t[2];
	void *ret;
	char b[8];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, echo, &fd[i]);
	for (int i = 0; i < MESSAGES + 2; i++) {
		struct sockaddr_in to = at((uint16_t)(1001 + i % 3 % 2));
		size_t len = i < MESSAGES ? 4 : 0;

		if (!len)
			to = at((uint16_t)(1001 + i - MESSAGES));
		assert_int_equal(ioth_sendto(own, &i, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
		assert_int_equal(ioth_recv(own, b, sizeof(b), 0), len);
		assert_memory_equal(b, &i, len);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &ret);
		assert_null(ret);
		ioth_close(fd[i]);
	}
	ioth_close(own);
	assert_int_equal(ioth_delstack(s), 0);
}

static void nothing(int sig)
{
}

/* signal(7): a handler without SA_RESTART ends the call. */
static void signal_ends_a_call(void **state)
{
	struct ioth *s = node();
	int fd = bound(s, 1000);
	struct sigaction old, sa = { .sa_handler = nothing };
	struct itimerval soon = { .it_interval.tv_usec = 20000, .it_value.tv_usec = 20000 };
	struct itimerval none = { .it_value.tv_usec = 0 };
	char b;

	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(ioth_recv(fd, &b, 1, 0), -1);
	assert_int_equal(errno, EINTR);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &old, NULL);
	ioth_close(fd);
	assert_int_equal(ioth_delstack(s), 0);
}

static void call_ends_in_time(void **state)
{
	struct ioth *s = node();
	int fd = bound(s, 1000);
	struct timeval tv = { 0, 10000 };
	char b;

	assert_int_equal(ioth_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(ioth_recv(fd, &b, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	ioth_close(fd);
	assert_int_equal(ioth_delstack(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_stacks_share_a_thread),
		cmocka_unit_test(sockets_share_what_watches_them),
		cmocka_unit_test(news_find_whom_they_are_for),
		cmocka_unit_test(signal_ends_a_call),
		cmocka_unit_test(call_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
