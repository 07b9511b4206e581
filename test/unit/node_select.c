/* node_select.c - ioth_select: what it does that poll does not
 *
 * As Linux's, and what is ready when, node_poll.c and the cases of test/socket say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "node_here.h"

/* Linux tells what is left. */
static void select_tells_time(void **state)
{
	struct here h = here_begin();
	struct timeval tv = { 0, 30000 };
	int64_t t = now_ns();
	struct late l;
	fd_set set;

	by_calls(h.fd[1]);
	assert_int_equal(select_in(h.fd[1], &set, &tv), 0);
	assert_true(now_ns() - t >= 30000000);
	assert_int_equal(tv.tv_sec * 1000000 + tv.tv_usec, 0);
	assert_false(FD_ISSET(h.fd[1], &set));
	tv = (struct timeval){ SOON / 1000 - 2, 2000000 };	/* more than a second of them */
	later(&l, put_x, h.fd[0]);
	assert_int_equal(select_in(h.fd[1], &set, &tv), 1);
	assert_in_range(tv.tv_sec, 0, SOON / 1000 - 1);
	assert_in_range(tv.tv_usec, 0, 999999);
	pthread_join(l.thread, NULL);
	tv = (struct timeval){ 0, -1 };
	assert_int_equal(select_in(h.fd[1], &set, &tv), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(FD_ISSET(h.fd[1], &set));
	assert_int_equal(ioth_select(-1, &set, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
	here_end(&h);
}

static void select_of_closed(void **state)
{
	struct here h = here_begin();
	int closed = dup(0);
	struct timeval tv = { SOON / 1000, 0 };
	fd_set set;

	assert_true(closed >= 0);
	close(closed);
	FD_ZERO(&set);
	FD_SET(closed, &set);
	FD_SET(h.fd[1], &set);
	assert_int_equal(ioth_select(FD_SETSIZE, &set, NULL, NULL, &tv), -1);
	assert_int_equal(errno, EBADF);
	put(h.fd[0], "x");
	assert_int_equal(ioth_select(FD_SETSIZE, &set, NULL, NULL, &tv), -1);	/* even so */
	assert_int_equal(errno, EBADF);
	assert_true(FD_ISSET(closed, &set) && FD_ISSET(h.fd[1], &set));
	here_end(&h);
}

/* A hang-up is no exceptional condition. */
static void select_waits_on(void **state)
{
	struct here h = here_begin();
	struct timeval tv = { 0, 50000 };
	struct linger reset = { 1, 0 };
	struct pollfd p = { .fd = h.fd[1] };
	int64_t t = now_ns();
	fd_set set, all, in;

	ioth_setsockopt(h.fd[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	ioth_close(h.fd[0]);
	assert_int_equal(ioth_poll(&p, 1, SOON), 1);
	FD_ZERO(&all);
	FD_SET(h.fd[1], &all);
	set = all;
	FD_ZERO(&in);
	FD_SET(h.lis, &in);
	assert_int_equal(ioth_select(FD_SETSIZE, &in, NULL, &set, &tv), 0);
	assert_true(now_ns() - t >= 50000000);
	assert_false(FD_ISSET(h.fd[1], &set));
	set = all;
	assert_int_equal(ioth_select(h.fd[1] + 1, &set, NULL, &all, NULL), 1);
	assert_true(FD_ISSET(h.fd[1], &set));
	h.fd[0] = -1;
	here_end(&h);
}

/* fds more than FD_SETSIZE: the sets are as long as the program says, but no bit is looked at that
 * the kernel has no number for. */
static void select_beyond(void **state)
{
	struct rlimit was, more;
	struct here h = here_begin();
	fd_set *small = malloc(sizeof(*small)), large[4] = { 0 };
	unsigned long *words = (unsigned long *)large;
	struct late l;
	int high;

	FD_ZERO(small);
	FD_SET(h.fd[1], small);
	put(h.fd[0], "x");
	assert_int_equal(ioth_select(1 << 20, small, NULL, NULL, NULL), 1);
	assert_true(FD_ISSET(h.fd[1], small));
	get(h.fd[1], "x");
	getrlimit(RLIMIT_NOFILE, &was);
	more = was;
	more.rlim_cur = more.rlim_max < 3000 ? more.rlim_max : 3000;
	setrlimit(RLIMIT_NOFILE, &more);
	high = ioth_fcntl(h.fd[1], F_DUPFD, 2000);
	if (high < 0)
		skip();
	words[high / 64] |= 1ul << high % 64;
	later(&l, put_x, h.fd[0]);
	assert_int_equal(ioth_select(high + 1, large, NULL, NULL, NULL), 1);
	assert_true(words[high / 64] >> high % 64 & 1);
	pthread_join(l.thread, NULL);
	ioth_close(high);
	setrlimit(RLIMIT_NOFILE, &was);
	free(small);
	here_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(select_tells_time),
		cmocka_unit_test(select_of_closed),
		cmocka_unit_test(select_waits_on),
		cmocka_unit_test(select_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
