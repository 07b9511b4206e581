/* node_plugin.c - stacks from plugins (test/plugin/toy.c), of both kinds */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "ioth.h"
#include "node/kind.h"
#include "unit.h"

#define GPL	"SPDX-License-Identifier: GPL-2.0-or-later"

/* The plugins lie in plugin/.ioth, beside the directory of this program. */
static int setup(void **state)
{
	char path[PATH_MAX], *home;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n] = 0;
	*strrchr(path, '/') = 0;
	*strrchr(path, '/') = 0;
	home = xasprintf("%s/plugin", path);
	setenv("HOME", home, 1);
	free(home);
	return 0;
}

static void echoes(struct ioth *s, const char *text)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);
	struct iovec iov = { (void *)text, strlen(text) };
	char buf[64];

	assert_true(fd >= 0);
	assert_int_equal(ioth_write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ioth_read(fd, buf, sizeof(buf)), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	assert_int_equal(ioth_writev(fd, &iov, 1), strlen(text));
	iov = (struct iovec){ buf, sizeof(buf) };
	assert_int_equal(ioth_readv(fd, &iov, 1), strlen(text));
	assert_int_equal(ioth_send(fd, text, 1, 0), 1);
	assert_int_equal(ioth_recv(fd, buf, sizeof(buf), 0), 1);
	assert_int_equal(ioth_sendto(fd, text, 1, 0, NULL, 0), 1);
	assert_int_equal(ioth_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL), 1);
	assert_int_equal(ioth_close(fd), 0);
}

static void calls_are_derived(struct ioth *s)
{
	char buf[2][4] = { "a", "bc" };
	struct iovec iov[2] = { { buf[0], 1 }, { buf[1], 2 } };
	struct mmsghdr v[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioth_sendmmsg(fd, v, 2, 0), 2);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(ioth_recvmmsg(fd, v, 2, MSG_DONTWAIT, NULL), 2);
	assert_int_equal(v[1].msg_len, 2);
	assert_memory_equal(buf[1], "bc", 2);
	assert_int_equal(ioth_recvmmsg(fd, v, 2, MSG_DONTWAIT, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(ioth_close(fd), 0);
}

/* What a plugin has not, and what it refuses: its errno is ours. */
static void errors_are_told(struct ioth *s)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

	errno = 0;
	assert_int_equal(ioth_msocket(s, AF_INET6, SOCK_DGRAM, 0), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_int_equal(ioth_listen(fd, 1), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal(ioth_accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal(ioth_fcntl(fd, F_GETFL, 0), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal(ioth_sysctl(s, "tcp_sack", "0"), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal(ioth_delstack(s), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(ioth_close(fd), 0);
}

static void knows(struct ioth *s, int locators, const char *options)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0), n = -1;
	socklen_t len = sizeof(n);
	char text[8] = "";

	assert_int_equal(ioth_getsockopt(fd, 0, 1, &n, &len), 0);
	assert_int_equal(n, locators);
	len = sizeof(text);
	assert_int_equal(ioth_getsockopt(fd, 0, 2, text, &len), 0);
	assert_string_equal(text, options);
	assert_int_equal(ioth_close(fd), 0);
}

static void reentrant_serves_many(void **state)
{
	struct ioth *a = ioth_newstackl("toy,x=1", "here", "there", NULL);
	struct ioth *b = ioth_newstack("toy", NULL);

	assert_non_null(a);
	assert_non_null(b);
	knows(a, 2, "x=1");
	knows(b, 0, "");
	echoes(a, "hello");
	echoes(b, "there");
	calls_are_derived(a);
	errors_are_told(b);
	assert_int_equal(ioth_delstack(a), 0);
	echoes(b, "still");
	assert_int_equal(ioth_delstack(b), 0);
}

/* Each has a copy of the plugin's variables, and of its libc. */
static void other_is_loaded_for_each(void **state)
{
	struct ioth *a, *b;

	ioth_set_license(GPL);
	a = ioth_newstackl("solo,y", "here", NULL);
	b = ioth_newstack("solo", NULL);
	assert_non_null(a);
	assert_non_null(b);
	knows(a, 1, "y");
	knows(b, 0, "");
	echoes(a, "hello");
	echoes(b, "there");
	calls_are_derived(b);
	errors_are_told(a);
	assert_int_equal(ioth_delstack(a), 0);
	echoes(b, "still");
	assert_int_equal(ioth_delstack(b), 0);
	ioth_set_license(NULL);
}

static void may_fail(void **state)
{
	assert_null(ioth_newstack("nosuch", NULL));
	assert_int_equal(errno, ENOTSUP);
	assert_null(ioth_newstack("../toy", NULL));
	assert_int_equal(errno, ENOTSUP);
	assert_null(ioth_newstack("toy,fail", NULL));
	assert_int_equal(errno, ENETDOWN);
	ioth_set_license(GPL);
	assert_null(ioth_newstack("solo,fail", NULL));
	assert_int_equal(errno, ENETDOWN);
	ioth_set_license("MIT");
	assert_null(ioth_newstack("solo", NULL));
	assert_int_equal(errno, EPERM);
	ioth_set_license(NULL);
}

static void licenses_are_compared(void **state)
{
	static const struct { const char *plugin, *program; bool fits; } v[] = {
		{ "LGPL-2.1-or-later", "", true },
		{ "GPL-2.0-or-later", "", false },
		{ "GPL-2.0-or-later", "GPL-3.0-only", true },
		{ "GPL-3.0-or-later", "GPL-2.0-only", false },
		{ "GPL-3.0-or-later", "GPL-2.0-or-later", true },
		{ "GPL-2.0-only OR GPL-3.0-only", GPL, true },
		{ "GPL-2.0-only", "GPL-2.0-only", true },
		{ "GPL-2.0-only", "GPL-2.0-or-later", false },
		{ "SPDX-License-Identifier: MIT", "MIT", true },
		{ "GPL-2.0-or-later", "MIT", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(plugin_license_fits(v[i].plugin, v[i].program), v[i].fits);
}

static void *two_at_once(void *arg)
{
	for (int i = 0; i < 500; i++)
		echoes(arg, "thread");
	return NULL;
}

/* Whose the call in progress is, each thread knows for itself. */
static void threads_have_stacks_of_their_own(void **state)
{
	struct ioth *a = ioth_newstack("toy", NULL), *b = ioth_newstack("toy", NULL);
	pthread_t thread;

	pthread_create(&thread, NULL, two_at_once, a);
	two_at_once(b);
	pthread_join(thread, NULL);
	assert_int_equal(ioth_delstack(a), 0);
	assert_int_equal(ioth_delstack(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reentrant_serves_many),
		cmocka_unit_test(other_is_loaded_for_each),
		cmocka_unit_test(may_fail),
		cmocka_unit_test(licenses_are_compared),
		cmocka_unit_test(threads_have_stacks_of_their_own),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
