/* node_epoll.c - ioth_epoll_*: sockets that leave the kernel's set, and come back to it
 *
 * Whether one has left is what /proc says of the set. Everything else is the same before
 * and after; the cases of test/socket run through these calls as well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ioth.h"
#include "node_bytes.h"
#include "unit.h"

#define SOON	5000	/* ms: more than a loaded machine needs */

/* A connection of s with itself. */
static void joined(struct ioth *s, int fd[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int lis = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);

	assert_true(lis >= 0);
	assert_int_equal(ioth_bind(lis, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(ioth_getsockname(lis, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(ioth_listen(lis, 1), 0);
	fd[0] = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_connect(fd[0], (struct sockaddr *)&sin, len), 0);
	fd[1] = ioth_accept(lis, NULL, NULL);
	assert_true(fd[1] >= 0);
	assert_int_equal(ioth_close(lis), 0);
}

/* After a receive, or a send, its bytes go by calls. */
static void by_calls(int fd)
{
	char c;

	assert_int_equal(ioth_recv(fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void set(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	assert_int_equal(ioth_epoll_ctl(ep, op, fd, &ev), 0);
}

/* What is told of fd, the only one; 0: nothing, for so long. */
static uint32_t told(int ep, int fd, int ms)
{
	struct epoll_event ev[4];
	int n = ioth_epoll_wait(ep, ev, 4, ms);

	assert_in_range(n, 0, 1);
	if (n)
		assert_int_equal(ev[0].data.fd, fd);
	return n ? ev[0].events : 0;
}

static bool in_kernel(int ep, int fd)
{
	char path[64], line[200];
	bool found = false;
	FILE *f;
	int tfd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		found |= sscanf(line, "tfd: %d", &tfd) == 1 && tfd == fd;
	fclose(f);
	return found;
}

struct here {
	struct ioth	*s;
	int		fd[2], ep;
};

/* fd[1] is the set's, and near. */
static struct here begin(uint32_t events)
{
	struct here h = { .s = ioth_newstack("native", NULL), .ep = ioth_epoll_create1(EPOLL_CLOEXEC) };

	assert_non_null(h.s);
	joined(h.s, h.fd);
	set(h.ep, EPOLL_CTL_ADD, h.fd[1], events);
	assert_true(in_kernel(h.ep, h.fd[1]));
	by_calls(h.fd[1]);
	assert_false(in_kernel(h.ep, h.fd[1]));
	return h;
}

static void end(struct here *h)
{
	ioth_close(h->fd[0]);
	ioth_close(h->fd[1]);
	assert_int_equal(ioth_close(h->ep), 0);
	assert_int_equal(ioth_delstack(h->s), 0);
}

static void level_and_edge(void **state)
{
	struct here h = begin(EPOLLIN);

	assert_int_equal(told(h.ep, h.fd[1], 0), 0);
	put(h.fd[0], "ab");
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
	assert_int_equal(told(h.ep, h.fd[1], 0), EPOLLIN);
	get(h.fd[1], "a");
	assert_int_equal(told(h.ep, h.fd[1], 0), EPOLLIN);
	get(h.fd[1], "b");
	assert_int_equal(told(h.ep, h.fd[1], 0), 0);
	set(h.ep, EPOLL_CTL_MOD, h.fd[1], EPOLLIN | EPOLLET);
	put(h.fd[0], "cd");
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
	assert_int_equal(told(h.ep, h.fd[1], 0), 0);
	put(h.fd[0], "e");
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
	set(h.ep, EPOLL_CTL_MOD, h.fd[1], EPOLLIN | EPOLLONESHOT);
	assert_int_equal(told(h.ep, h.fd[1], 0), EPOLLIN);
	put(h.fd[0], "f");
	assert_int_equal(told(h.ep, h.fd[1], 20), 0);
	set(h.ep, EPOLL_CTL_MOD, h.fd[1], EPOLLIN | EPOLLOUT);
	assert_int_equal(told(h.ep, h.fd[1], 0), EPOLLIN | EPOLLOUT);
	assert_false(in_kernel(h.ep, h.fd[1]));
	assert_int_equal(ioth_epoll_ctl(h.ep, EPOLL_CTL_DEL, h.fd[1], NULL), 0);
	assert_int_equal(told(h.ep, h.fd[1], 0), 0);
	end(&h);
}

static void room_is_told(void **state)
{
	static char b[65536];
	struct here h = begin(EPOLLIN);
	int ep = ioth_epoll_create1(0);
	size_t sent = 0, got = 0;
	ssize_t n;

	set(ep, EPOLL_CTL_ADD, h.fd[0], EPOLLOUT);
	while ((n = ioth_send(h.fd[0], b, sizeof(b), MSG_DONTWAIT)) > 0 || told(ep, h.fd[0], 50))
		sent += n > 0 ? (size_t)n : 0;
	assert_false(in_kernel(ep, h.fd[0]));
	while (got < sent) {
		assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
		got += (size_t)ioth_recv(h.fd[1], b, sizeof(b), 0);
	}
	assert_int_equal(told(ep, h.fd[0], SOON), EPOLLOUT);
	assert_int_equal(ioth_close(ep), 0);
	end(&h);
}

/* Others than ioth_epoll_wait hear of it as well. */
static void poll_hears(void **state)
{
	struct here h = begin(EPOLLIN);
	struct pollfd p = { .fd = h.fd[1], .events = POLLIN };
	int outer = ioth_epoll_create1(0);

	put(h.fd[0], "x");
	assert_int_equal(poll(&p, 1, SOON), 1);
	p.fd = h.ep;
	assert_int_equal(poll(&p, 1, SOON), 1);
	set(outer, EPOLL_CTL_ADD, h.ep, EPOLLIN);
	assert_int_equal(told(outer, h.ep, SOON), EPOLLIN);
	get(h.fd[1], "x");
	assert_int_equal(told(h.ep, h.fd[1], 0), 0);
	assert_int_equal(told(outer, h.ep, 0), 0);
	assert_false(in_kernel(h.ep, h.fd[1]));
	put(h.fd[0], "y");
	p.fd = h.fd[1];
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
	assert_int_equal(ioth_poll(&p, 1, 0), 1);	/* at once */
	assert_false(in_kernel(h.ep, h.fd[1]));
	get(h.fd[1], "y");
	assert_int_equal(ioth_poll(&p, 1, 0), 0);
	assert_int_equal(told(h.ep, h.fd[1], 0), 0);
	assert_int_equal(ioth_close(outer), 0);
	end(&h);
}

/* A near one that is always ready leaves the far ones their turn. */
static void far_ones_have_their_turn(void **state)
{
	struct here h = begin(EPOLLIN), other = begin(EPOLLIN);
	int waits[3] = { 0 }, p[2], fd[3];

	assert_int_equal(pipe(p), 0);
	set(h.ep, EPOLL_CTL_ADD, p[0], EPOLLIN);
	set(h.ep, EPOLL_CTL_ADD, other.fd[1], EPOLLIN);	/* of another stack */
	assert_true(in_kernel(h.ep, other.fd[1]));
	assert_int_equal(write(p[1], "x", 1), 1);
	put(h.fd[0], "x");
	put(other.fd[0], "x");
	memcpy(fd, (int[]){ h.fd[1], p[0], other.fd[1] }, sizeof(fd));
	for (int i = 0; i < 3; i++)
		assert_int_equal(poll(&(struct pollfd){ fd[i], POLLIN, 0 }, 1, SOON), 1);
	for (int i = 0; i < 100; i++) {
		struct epoll_event ev;

		assert_int_equal(ioth_epoll_wait(h.ep, &ev, 1, SOON), 1);
		for (int k = 0; k < 3; k++)
			waits[k] += ev.data.fd == fd[k];
	}
	for (int k = 0; k < 3; k++)
		assert_true(waits[k] >= 5);
	close(p[0]);
	close(p[1]);
	ioth_close(other.fd[0]);
	ioth_close(other.fd[1]);
	ioth_close(other.ep);
	assert_int_equal(ioth_delstack(other.s), 0);
	end(&h);
}

/* Urgent data, a reset and a copy of the descriptor are the kernel's to tell. */
static void back_in_the_kernel(void **state)
{
	struct linger reset = { 1, 0 };
	struct here h = begin(EPOLLIN);

	put(h.fd[0], "a");
	assert_int_equal(ioth_send(h.fd[0], "!", 1, MSG_OOB), 1);
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
	get(h.fd[1], "a");
	assert_true(in_kernel(h.ep, h.fd[1]));
	end(&h);
	h = begin(EPOLLIN | EPOLLRDHUP);
	ioth_setsockopt(h.fd[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	ioth_close(h.fd[0]);
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP);
	end(&h);
	h = begin(EPOLLIN | EPOLLRDHUP);
	assert_int_equal(ioth_shutdown(h.fd[0], SHUT_WR), 0);
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN | EPOLLRDHUP);
	end(&h);
}

/* A set that was closed by close(2), another at its number; a stack that ends. */
static void numbers_come_again(void **state)
{
	struct here h = begin(EPOLLIN);
	int ep;

	close(h.ep);
	ep = ioth_epoll_create1(0);
	assert_int_equal(ep, h.ep);
	put(h.fd[0], "x");
	assert_int_equal(told(ep, h.fd[1], 20), 0);
	set(ep, EPOLL_CTL_ADD, h.fd[1], EPOLLIN);
	assert_int_equal(told(ep, h.fd[1], SOON), EPOLLIN);
	assert_int_equal(ioth_close(h.fd[1]), 0);
	assert_int_equal(told(ep, h.fd[1], 20), 0);
	end(&h);
}

/* Both processes hear of what comes after a fork. */
static void children_hear(void **state)
{
	struct here h = begin(EPOLLIN);
	int status;
	pid_t pid = fork();

	if (!pid) {
		bool ok = told(h.ep, h.fd[1], SOON) == EPOLLIN;

		_exit(ok ? 0 : 1);
	}
	put(h.fd[0], "x");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(told(h.ep, h.fd[1], SOON), EPOLLIN);
	end(&h);
}

static void answer(int ep, int fd, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		assert_true(told(ep, fd, -1) & EPOLLIN);
		get(fd, "?");
		put(fd, "?");
	}
}

#define ROUNDS	2000

static void *echo(void *arg)
{
	struct here *h = arg;

	answer(h->ep, h->fd[1], ROUNDS);
	return NULL;
}

/* Two threads wait for each other; with other descriptors in a set, and without. */
static void no_news_is_lost(void **state)
{
	for (int mixed = 0; mixed < 2; mixed++) {
		struct here h = begin(EPOLLIN);
		int ep = ioth_epoll_create1(0), p[2];
		pthread_t t;

		assert_int_equal(pipe(p), 0);
		by_calls(h.fd[0]);
		set(ep, EPOLL_CTL_ADD, h.fd[0], EPOLLIN);
		assert_false(in_kernel(ep, h.fd[0]));
		if (mixed)
			set(h.ep, EPOLL_CTL_ADD, p[0], EPOLLIN);
		assert_int_equal(pthread_create(&t, NULL, echo, &h), 0);
		put(h.fd[0], "?");
		answer(ep, h.fd[0], ROUNDS - 1);
		assert_true(told(ep, h.fd[0], -1) & EPOLLIN);
		pthread_join(t, NULL);
		close(p[0]);
		close(p[1]);
		assert_int_equal(ioth_close(ep), 0);
		end(&h);
	}
}

static void *wait_for_one(void *arg)
{
	struct here *h = arg;

	assert_int_equal(told(h->ep, h->fd[1], -1), EPOLLIN);
	return NULL;
}

static void *wait_for_a_pipe(void *arg)
{
	const struct here *h = arg;
	struct epoll_event ev;

	assert_int_equal(ioth_epoll_wait(h->ep, &ev, 1, 4 * SOON), 1);
	assert_int_not_equal(ev.data.fd, h->fd[1]);
	return NULL;
}

/* Who waits for near ones alone hears of another that is put into the set. */
static void others_come(void **state)
{
	struct here h = begin(EPOLLIN);
	time_t began = time(NULL);
	pthread_t t;
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	pthread_create(&t, NULL, wait_for_a_pipe, &h);
	usleep(50000);
	set(h.ep, EPOLL_CTL_ADD, p[0], EPOLLIN);
	pthread_join(t, NULL);
	assert_true(time(NULL) - began < 2 * SOON / 1000);
	close(p[0]);
	close(p[1]);
	end(&h);
}

/* Who sleeps hears of what becomes near, or far, meanwhile. */
static void members_change_while_one_sleeps(void **state)
{
	struct pollfd p = { .events = POLLIN };
	struct here h = begin(EPOLLIN);
	pthread_t t;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&t, NULL, wait_for_one, &h), 0);
		usleep(20000);
		p.fd = h.fd[1];
		if (i == 0)
			assert_int_equal(ioth_poll(&p, 1, 0), 0);	/* far */
		put(h.fd[0], "x");
		pthread_join(t, NULL);
		get(h.fd[1], "x");
	}
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_come),
		cmocka_unit_test(level_and_edge),
		cmocka_unit_test(room_is_told),
		cmocka_unit_test(poll_hears),
		cmocka_unit_test(far_ones_have_their_turn),
		cmocka_unit_test(back_in_the_kernel),
		cmocka_unit_test(numbers_come_again),
		cmocka_unit_test(children_hear),
		cmocka_unit_test(no_news_is_lost),
		cmocka_unit_test(members_change_while_one_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
