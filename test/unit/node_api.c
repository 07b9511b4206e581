/* node_api.c - ioth.h: descriptors and their stacks, whatever their kind */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "ioth.h"
#include "node/kind.h"
#include "unit.h"

static struct sockaddr_in at(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
}

static struct ioth *native(void)
{
	struct ioth *s = ioth_newstack("native", NULL);

	assert_non_null(s);
	return s;
}

static int listener(struct ioth *s, uint16_t *port)
{
	struct sockaddr_in sin = at(0);
	socklen_t len = sizeof(sin);
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_listen(fd, 5), 0);
	assert_int_equal(ioth_getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* A connection of s with itself: fd[0] connected, fd[1] accepted. */
static void joined(struct ioth *s, int fd[2])
{
	struct sockaddr_in sin;
	uint16_t port;
	int lis = listener(s, &port);

	sin = at(port);
	fd[0] = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ioth_connect(fd[0], (struct sockaddr *)&sin, sizeof(sin)), 0);
	fd[1] = ioth_accept(lis, NULL, NULL);
	assert_true(fd[1] >= 0);
	assert_int_equal(ioth_close(lis), 0);
}

static void carries(struct ioth *s)
{
	char buf[8];
	int fd[2];

	joined(s, fd);
	assert_int_equal(ioth_write(fd[0], "hello", 5), 5);
	assert_int_equal(ioth_recv(fd[1], buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(ioth_close(fd[0]), 0);
	assert_int_equal(ioth_read(fd[1], buf, sizeof(buf)), 0);
	assert_int_equal(ioth_close(fd[1]), 0);
}

static void each_kind_carries_bytes(void **state)
{
	struct ioth *s = native(), *h = ioth_newstack(NULL, NULL);

	carries(s);
	carries(h);
	assert_int_equal(ioth_delstack(s), 0);
	assert_int_equal(ioth_delstack(h), 0);
}

static void kind_or_locator_may_be_wrong(void **state)
{
	assert_null(ioth_newstack("no such kind", NULL));
	assert_int_equal(errno, ENOTSUP);
	assert_null(ioth_newstackl("host", "/tmp", NULL));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ioth_delstack(NULL), -1);
	assert_int_equal(errno, EINVAL);
}

static void stranger_is_refused(void **state)
{
	struct ioth *s = native();
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(ioth_listen(fd, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(ioth_close(fd), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(ioth_read(-1, NULL, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(close(fd), 0);
	assert_int_equal(ioth_delstack(s), 0);
}

static void open_sockets_keep_the_stack(void **state)
{
	const char *kinds[] = { "native", "host" };

	for (int i = 0; i < 2; i++) {
		struct ioth *s = ioth_newstack(kinds[i], NULL);
		int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

		assert_int_equal(ioth_delstack(s), -1);
		assert_int_equal(errno, EBUSY);
		assert_int_equal(close(fd), 0);		/* not by ioth_close */
		assert_int_equal(ioth_delstack(s), 0);
	}
}

/* A number that close(2) set free is another stack's now. */
static void number_is_used_again(void **state)
{
	struct ioth *a = native(), *b = ioth_newstack("host", NULL);
	int fd = ioth_msocket(a, AF_INET, SOCK_STREAM, 0);
	int of_b = ioth_msocket(b, AF_INET, SOCK_STREAM, 0);

	assert_int_equal(dup2(of_b, fd), fd);
	assert_int_equal(fds_set(fd, b), 0);
	assert_int_equal(ioth_delstack(a), 0);
	assert_ptr_equal(fds_at(fd)->stack, b);
	assert_int_equal(ioth_listen(fd, 1), 0);
	assert_int_equal(ioth_close(of_b), 0);
	assert_int_equal(ioth_close(fd), 0);
	assert_null(fds_at(fd)->stack);
	assert_int_equal(ioth_delstack(b), 0);
}

static void duplicate_is_the_same_socket(void **state)
{
	struct ioth *s = native(), *h = ioth_newstack("host", NULL);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	uint16_t port;
	int fd = listener(s, &port), two = dup(fd), three;

	assert_int_equal(ioth_getsockname(two, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(ntohs(sin.sin_port), port);
	assert_int_equal(ioth_close(two), 0);
	assert_int_equal(ioth_close(fd), 0);
	fd = listener(h, &port);
	three = ioth_fcntl(fd, F_DUPFD, 0);
	assert_int_equal(ioth_getsockname(three, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(ntohs(sin.sin_port), port);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_delstack(h), -1);
	assert_int_equal(ioth_close(three), 0);
	assert_int_equal(ioth_delstack(s), 0);
	assert_int_equal(ioth_delstack(h), 0);
}

static void default_stack_is_never_null(void **state)
{
	struct ioth *host = ioth_get_defstack(), *s = native();
	int fd;

	assert_non_null(host);
	fd = ioth_socket(AF_INET, SOCK_STREAM, 0);
	assert_ptr_equal(fds_at(fd)->stack, host);
	assert_int_equal(ioth_close(fd), 0);
	ioth_set_defstack(s);
	fd = ioth_socket(AF_INET, SOCK_STREAM, 0);
	assert_ptr_equal(fds_at(fd)->stack, s);
	assert_int_equal(ioth_close(fd), 0);
	ioth_set_defstack(NULL);
	assert_ptr_equal(ioth_get_defstack(), host);
	ioth_set_defstack(s);
	assert_int_equal(ioth_delstack(s), 0);
	assert_ptr_equal(ioth_get_defstack(), host);
}

static void *accepts(void *arg)
{
	int ret = ioth_accept(*(int *)arg, NULL, NULL);

	return (void *)(intptr_t)(ret < 0 ? errno : 0);
}

/* Whoever waits at a descriptor that is closed is told, and the stack can go. */
static void close_while_another_waits(void **state)
{
	struct ioth *s = native();
	uint16_t port;
	int fd = listener(s, &port);
	pthread_t thread;
	void *error;

	pthread_create(&thread, NULL, accepts, &fd);
	while (__atomic_load_n(&s->calls, __ATOMIC_SEQ_CST) == 0)
		poll(NULL, 0, 1);
	assert_int_equal(ioth_close(fd), 0);
	pthread_join(thread, &error);
	assert_in_set((uintptr_t)error, ((uintptr_t[]){ EBADF, EINVAL }), 2);
	assert_int_equal(ioth_delstack(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_carries_bytes),
		cmocka_unit_test(kind_or_locator_may_be_wrong),
		cmocka_unit_test(stranger_is_refused),
		cmocka_unit_test(open_sockets_keep_the_stack),
		cmocka_unit_test(number_is_used_again),
		cmocka_unit_test(duplicate_is_the_same_socket),
		cmocka_unit_test(default_stack_is_never_null),
		cmocka_unit_test(close_while_another_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
