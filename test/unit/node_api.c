/* node_api.c - ioth.h: descriptors and their stacks, whatever their kind */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioth.h"
#include "node/kind.h"
#include "open_sockets.h"
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

static void datagrams(struct ioth *s)
{
	struct sockaddr_in to = at(0), from;
	socklen_t len = sizeof(to);
	char buf[8], ctl[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl, .msg_controllen = sizeof(ctl),
	};
	int a = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);
	int b = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0), on = 1;

	assert_int_equal(ioth_bind(a, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(ioth_setsockopt(a, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
	assert_int_equal(ioth_getsockname(a, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(ioth_sendto(b, "0123456789", 10, 0, (struct sockaddr *)&to, len), 10);
	assert_int_equal(ioth_recvmsg(a, &m, 0), 8);
	assert_int_equal(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
	assert_int_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(CMSG_FIRSTHDR(&m)->cmsg_type, IP_PKTINFO);
	assert_int_equal(ioth_recvfrom(a, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(ioth_close(a), 0);
	assert_int_equal(ioth_close(b), 0);
}

static void batches(struct ioth *s)
{
	struct sockaddr_in to = at(0);
	socklen_t len = sizeof(to);
	char buf[2][4];
	struct iovec out[2] = { { (char *)"ab", 2 }, { (char *)"cde", 3 } };
	struct iovec in[2] = { { buf[0], 4 }, { buf[1], 4 } };
	struct mmsghdr v[2] = {
		{ .msg_hdr = { .msg_iov = &out[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &out[1], .msg_iovlen = 1 } },
	};
	struct mmsghdr w[2] = {
		{ .msg_hdr = { .msg_iov = &in[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &in[1], .msg_iovlen = 1 } },
	};
	int a = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);
	int b = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);
	struct pollfd pfd = { .fd = a, .events = POLLIN };

	assert_int_equal(ioth_bind(a, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(ioth_getsockname(a, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(ioth_connect(b, (struct sockaddr *)&to, len), 0);
	assert_int_equal(ioth_sendmmsg(b, v, 2, 0), 2);
	assert_int_equal(v[1].msg_len, 3);
	assert_int_equal(ioth_poll(&pfd, 1, -1), 1);
	for (int n = 0; n < 2;) {
		int ret = ioth_recvmmsg(a, w + n, (unsigned)(2 - n), MSG_WAITFORONE, NULL);

		assert_true(ret > 0);
		n += ret;
	}
	assert_int_equal(w[0].msg_len, 2);
	assert_int_equal(w[1].msg_len, 3);
	assert_memory_equal(buf[1], "cde", 3);
	assert_int_equal(ioth_close(a), 0);
	assert_int_equal(ioth_close(b), 0);
}

static void sends_files(struct ioth *s)
{
	FILE *f = tmpfile();
	off_t from = 2;
	char buf[8];
	int fd[2];

	fputs("0123456", f);
	fflush(f);
	joined(s, fd);
	assert_int_equal(ioth_sendfile(fd[0], fileno(f), &from, 3), 3);
	assert_int_equal(from, 5);
	assert_int_equal(ioth_recv(fd[1], buf, 3, MSG_WAITALL), 3);
	assert_memory_equal(buf, "234", 3);
	fclose(f);
	assert_int_equal(ioth_close(fd[0]), 0);
	assert_int_equal(ioth_close(fd[1]), 0);
}

static void accepts_with_flags(struct ioth *s)
{
	uint16_t port;
	int lis = listener(s, &port), fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0), new;
	struct sockaddr_in sin = at(port);

	assert_int_equal(ioth_connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_accept4(lis, NULL, NULL, 1 << 30), -1);
	assert_int_equal(errno, EINVAL);
	new = ioth_accept4(lis, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(new >= 0);
	assert_int_equal(ioth_fcntl(new, F_GETFD, 0), FD_CLOEXEC);
	assert_int_equal(ioth_fcntl(new, F_GETFL, 0) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(ioth_close(new), 0);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_close(lis), 0);
}

static void each_kind_does_all(void **state)
{
	const char *kinds[] = { "native", "host" };

	for (int i = 0; i < 2; i++) {
		struct ioth *s = ioth_newstack(kinds[i], NULL);

		datagrams(s);
		batches(s);
		sends_files(s);
		accepts_with_flags(s);
		assert_int_equal(ioth_delstack(s), 0);
	}
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

struct shared { struct ioth *s; int lis; uint16_t port; };

/* Connections to the shared listener; whose the accepted one is does not matter. */
static void *connects(void *arg)
{
	struct shared *sh = arg;
	struct sockaddr_in sin = at(sh->port);
	struct ifaddrs *list;

	for (int i = 0; i < 50; i++) {
		int fd = ioth_msocket(sh->s, AF_INET, SOCK_STREAM, 0), new;
		char byte;

		assert_int_equal(ioth_connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
		new = ioth_accept(sh->lis, NULL, NULL);
		assert_true(new >= 0);
		assert_int_equal(ioth_write(new, "x", 1), 1);
		assert_int_equal(ioth_close(new), 0);
		assert_int_equal(ioth_read(fd, &byte, 1), 1);
		assert_int_equal(ioth_read(fd, &byte, 1), 0);
		assert_int_equal(ioth_close(fd), 0);
	}
	assert_int_equal(ioth_getifaddrs(sh->s, &list), 0);
	ioth_freeifaddrs(list);
	return NULL;
}

static void threads_share_sockets(void **state)
{
	struct shared sh = { .s = native() };
	pthread_t t[4];

	sh.lis = listener(sh.s, &sh.port);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, connects, &sh);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(ioth_close(sh.lis), 0);
	assert_int_equal(ioth_delstack(sh.s), 0);
}

/* Accepts by calls that wait, which makes the node hot, and does the rest without them:
 * nobody has watched the pair yet. */
static void *answers_plainly(void *arg)
{
	struct shared *sh = arg;

	for (int i = 0; i < 60; i++) {
		int fd = ioth_accept(sh->lis, NULL, NULL), two;
		char byte;

		assert_true(fd >= 0);
		if (i % 3 == 0) {
			two = dup(fd);
			assert_int_equal(i % 2 ? close(fd) : ioth_close(fd), 0);
			fd = two;
		}
		assert_int_equal(read(fd, &byte, 1), 1);
		assert_int_equal(write(fd, "y", 1), 1);
		assert_int_equal(i % 2 ? close(fd) : ioth_close(fd), 0);
	}
	return NULL;
}

static void plain_calls_are_seen_in_a_hot_node(void **state)
{
	struct shared sh = { .s = native() };
	unsigned fds = open_sockets();
	struct sockaddr_in sin;
	pthread_t t;
	int left = 0;

	sh.lis = listener(sh.s, &sh.port);
	sin = at(sh.port);
	pthread_create(&t, NULL, answers_plainly, &sh);
	for (int i = 0; i < 60; i++) {
		int fd = ioth_msocket(sh.s, AF_INET, SOCK_STREAM, 0);
		char byte;

		assert_int_equal(ioth_connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
		assert_int_equal(ioth_write(fd, "x", 1), 1);
		assert_int_equal(ioth_read(fd, &byte, 1), 1);
		assert_int_equal(byte, 'y');
		assert_int_equal(ioth_read(fd, &byte, 1), 0);
		assert_int_equal(ioth_close(fd), 0);
	}
	pthread_join(t, NULL);
	assert_int_equal(ioth_close(sh.lis), 0);
	while (open_sockets() > fds && left++ < 5000)
		usleep(1000);		/* until the node has cooled */
	assert_int_equal(open_sockets(), fds);
	assert_int_equal(ioth_delstack(sh.s), 0);
}

/* The child has the descriptors; the stack is the parent's. */
static void child(const int fd[2], int lis)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char buf[8];
	struct ioth *s;

	if (ioth_accept(lis, NULL, NULL) >= 0 || errno != EOPNOTSUPP ||
	    ioth_getsockname(lis, (struct sockaddr *)&sin, &len) == 0 || errno != EOPNOTSUPP)
		_exit(1);
	if (ioth_read(fd[1], buf, 4) != 4 || ioth_write(fd[1], "pong", 4) != 4)
		_exit(2);
	if (ioth_shutdown(fd[1], SHUT_WR) < 0 || ioth_close(fd[1]) < 0 || ioth_close(lis) < 0)
		_exit(3);
	s = native();
	carries(s);
	_exit(ioth_delstack(s) < 0 ? 4 : 0);
}

static void forked_child_has_the_sockets(void **state)
{
	struct ioth *s = native();
	uint16_t port;
	int fd[2], lis = listener(s, &port), status;
	char buf[8];
	pid_t pid;

	joined(s, fd);
	pid = fork();
	if (pid == 0)
		child(fd, lis);
	assert_int_equal(ioth_close(fd[1]), 0);
	assert_int_equal(ioth_write(fd[0], "ping", 4), 4);
	assert_int_equal(ioth_recv(fd[0], buf, 4, MSG_WAITALL), 4);
	assert_memory_equal(buf, "pong", 4);
	assert_int_equal(ioth_read(fd[0], buf, 4), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(ioth_close(fd[0]), 0);
	assert_int_equal(ioth_close(lis), 0);
	carries(s);
	assert_int_equal(ioth_delstack(s), 0);
}

/* cat has a connection for its input and its output. */
static void executed_program_has_the_sockets(void **state)
{
	struct ioth *s = native();
	int fd[2];
	char buf[8];
	pid_t pid;

	joined(s, fd);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], 0);
		dup2(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		execlp("cat", "cat", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(ioth_close(fd[1]), 0);
	assert_int_equal(ioth_write(fd[0], "hello", 5), 5);
	assert_int_equal(ioth_recv(fd[0], buf, 5, MSG_WAITALL), 5);
	assert_int_equal(ioth_shutdown(fd[0], SHUT_WR), 0);
	assert_int_equal(ioth_read(fd[0], buf, 5), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ioth_close(fd[0]), 0);
	assert_int_equal(ioth_delstack(s), 0);
}

static unsigned lines_of(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned n = 0;

	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

static unsigned threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Bytes of the heap; a few are the allocator's own. */
static long heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return (long)(m.uordblks + m.hblkhd);
}

static void cycle(unsigned times)
{
	while (times--) {
		struct ioth *s = ioth_newstack("native", "null://");
		int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);

		assert_int_equal(ioth_if_nametoindex(s, "eth0") > 0, 1);
		assert_int_equal(ioth_close(fd), 0);
		assert_int_equal(ioth_delstack(s), 0);
	}
}

static void thousand_stacks_leave_nothing(void **state)
{
	unsigned fds, maps, tasks;
	long bytes;

	cycle(100);
	fds = open_fds();
	maps = lines_of("/proc/self/maps");
	tasks = threads();
	bytes = heap();
	cycle(1000);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(threads(), tasks);
	assert_true(lines_of("/proc/self/maps") < maps + 100);
	assert_true(heap() < bytes + 100000);	/* 100 bytes a stack would be seen */
}

static void interfaces_have_names(void **state)
{
	struct ioth *s = ioth_newstackl("native", "lan0:null://", "null://", NULL);

	assert_non_null(s);
	assert_true(ioth_if_nametoindex(s, "lan0") > 0);
	assert_int_equal(ioth_if_nametoindex(s, "eth0"), -1);
	assert_true(ioth_if_nametoindex(s, "eth1") > 0);
	assert_int_equal(ioth_delstack(s), 0);
	assert_null(ioth_newstackl("native", "eth1:null://", "null://", NULL));
	assert_int_equal(errno, EEXIST);
}

static int sack_of(struct ioth *s)
{
	const struct tcp_info *info;
	char buf[256];
	socklen_t len = sizeof(buf);
	int fd[2], ret;

	joined(s, fd);
	assert_int_equal(ioth_getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, buf, &len), 0);
	info = (const struct tcp_info *)buf;
	ret = (info->tcpi_options & TCPI_OPT_SACK) != 0;
	assert_int_equal(ioth_close(fd[0]), 0);
	assert_int_equal(ioth_close(fd[1]), 0);
	return ret;
}

static void stack_has_options(void **state)
{
	struct ioth *a = ioth_newstack("native,name=web,tcp_sack=0", "null://"), *b = native();

	assert_int_equal(sack_of(a), 0);
	assert_int_equal(sack_of(b), 1);
	assert_int_equal(ioth_delstack(a), 0);
	assert_int_equal(ioth_delstack(b), 0);
	assert_null(ioth_newstack("native,tcp_sack", NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(ioth_newstack("native,no_such=1", NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(ioth_newstack("native,name=", NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(ioth_newstack("host,x", NULL));
	assert_int_equal(errno, EINVAL);
}

/* With all that knows of it: addresses, routes, sockets. */
static void interfaces_come_and_go(void **state)
{
	struct nl_iplink_data datum[] = { { IFLA_VDE_VNL, 8, "null://" } };
	struct ioth *s = native();
	const uint8_t a[] = { 10, 0, 0, 1 }, gw[] = { 10, 0, 0, 254 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0), index;

	memcpy(&to.sin_addr, gw, 4);
	for (int i = 0; i < 40; i++) {
		index = ioth_iplink_add(s, "lan0", (unsigned)-1, "vde", datum, 1);
		assert_true(index > 1);
		assert_int_equal(ioth_linksetupdown(s, (unsigned)index, 1), 0);
		assert_int_equal(ioth_ipaddr_add(s, AF_INET, a, 24, (unsigned)index), 0);
		assert_int_equal(ioth_iproute_add(s, AF_INET, NULL, 0, gw, 0), 0);
		assert_int_equal(ioth_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
		assert_int_equal(ioth_iplink_del(s, "lan0", 0), 0);
		assert_int_equal(ioth_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), -1);
		assert_int_equal(errno, ENETUNREACH);
	}
	for (int i = 0; i < 16; i++)
		assert_int_equal(ioth_iplink_add(s, NULL, 0, "vde", datum, 1), 0);
	assert_int_equal(ioth_iplink_add(s, NULL, 0, "vde", datum, 1), -1);
	assert_int_equal(errno, ENOSPC);
	datum[0] = (struct nl_iplink_data){ IFLA_VDE_VNL, 12, "/no/such/sw" };
	assert_int_equal(ioth_iplink_del(s, "eth3", 0), 0);
	assert_int_equal(ioth_iplink_add(s, NULL, 0, "vde", datum, 1), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ioth_iplink_del(s, "lo", 0), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(ioth_iplink_add(s, "x", 0, "dummy", NULL, 0), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_delstack(s), 0);
}

static int thousand(struct ioth *s)
{
	struct ifaddrs *list, *i;
	int n = 0;

	assert_int_equal(ioth_getifaddrs(s, &list), 0);
	for (i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || strcmp(i->ifa_name, "eth0") != 0)
			continue;
		n += i->ifa_addr->sa_family == AF_PACKET ? 1000 : 0;
		n += i->ifa_addr->sa_family == AF_INET ? 1 : 0;
	}
	ioth_freeifaddrs(list);
	return n;
}

static void stack_is_configured(void **state)
{
	struct ioth *s = ioth_newstack("native", "null://");
	const uint8_t a[] = { 10, 0, 0, 1 }, gw[] = { 10, 0, 0, 254 }, far[] = { 10, 9, 9, 9 };
	uint8_t mac[6], old[6];
	char text[MAC_ADDRSTRLEN];
	int index;

	assert_non_null(s);
	index = ioth_if_nametoindex(s, "eth0");
	assert_true(index > 0);
	assert_int_equal(ioth_if_nametoindex(s, "vde0"), index);
	assert_int_equal(ioth_if_nametoindex(s, "eth1"), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(ioth_linksetupdown(s, (unsigned)index, 0), 0);
	assert_int_equal(ioth_linkgetaddr(s, (unsigned)index, old), 0);
	assert_int_equal(ioth_macton("02:00:5E:10:0a:01", mac), 1);
	assert_int_equal(ioth_macton("02:00:5E:10:0a", mac), 0);
	assert_int_equal(ioth_linksetaddr(s, (unsigned)index, mac), 0);
	assert_int_equal(ioth_linkgetaddr(s, (unsigned)index, old), 0);
	assert_string_equal(ioth_ntomac(old, text, sizeof(text)), "02:00:5e:10:0a:01");
	assert_int_equal(ioth_linksetmtu(s, (unsigned)index, 1400), 0);
	assert_int_equal(ioth_linksetupdown(s, (unsigned)index, 1), 0);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, a, 24, (unsigned)index), 0);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, a, 24, (unsigned)index), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, a, 33, (unsigned)index), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(thousand(s), 1001);
	assert_int_equal(ioth_iproute_add(s, AF_INET, NULL, 0, gw, 0), 0);
	assert_int_equal(ioth_iproute_add(s, AF_INET, far, 32, NULL, (unsigned)index), 0);
	assert_int_equal(ioth_iproute_del(s, AF_INET, far, 32, NULL, (unsigned)index), 0);
	assert_int_equal(ioth_iproute_del(s, AF_INET, NULL, 0, gw, 0), 0);
	assert_int_equal(ioth_iproute_del(s, AF_INET, NULL, 0, gw, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(ioth_ipaddr_del(s, AF_INET, a, 24, (unsigned)index), 0);
	assert_int_equal(thousand(s), 1000);
	assert_int_equal(ioth_sysctl(s, "tcp_sack", "0"), 0);
	assert_int_equal(ioth_sysctl(s, "no_such_thing", "0"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ioth_delstack(s), 0);
}

struct counted { const char *name; uint64_t value; unsigned n; };

static void take(void *arg, const char *name, uint64_t value)
{
	struct counted *c = arg;

	c->n++;
	if (strcmp(name, c->name) == 0)
		c->value = value;
}

static uint64_t counted(struct ioth *s, const char *name)
{
	struct counted c = { name, UINT64_MAX, 0 };

	assert_int_equal(ioth_statistics(s, take, &c), 0);
	assert_true(c.n > 0);
	return c.value;
}

static void stack_counts(void **state)
{
	struct ioth *s = ioth_newstack("native", "null://");
	const uint8_t a[] = { 10, 0, 0, 1 };
	struct sockaddr_in to = at(9);
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioth_ipaddr_add(s, AF_INET, a, 24,
					 (unsigned)ioth_if_nametoindex(s, "eth0")), 0);
	assert_int_equal(counted(s, "drop.UDP_NO_SOCK"), 0);
	assert_int_equal(ioth_sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(counted(s, "drop.UDP_NO_SOCK"), 1);
	assert_true(counted(s, "lo.tx_packets") > 0);
	assert_int_equal(counted(s, "sockets"), 1);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_delstack(s), 0);
	assert_true(counted(NULL, "lo.rx_bytes") != UINT64_MAX);
}

static void host_is_looked_at(void **state)
{
	struct ifaddrs *list;
	uint8_t mac[6];

	assert_int_equal(ioth_if_nametoindex(NULL, "lo"), 1);
	assert_int_equal(ioth_linkgetaddr(NULL, 1, mac), 0);
	assert_int_equal(mac[0], 0);
	assert_int_equal(ioth_getifaddrs(NULL, &list), 0);
	assert_string_equal(list->ifa_name, "lo");
	ioth_freeifaddrs(list);
	assert_int_equal(ioth_sysctl(NULL, "tcp_sack", "0"), -1);
	assert_int_equal(errno, ENOSYS);
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
		cmocka_unit_test(each_kind_does_all),
		cmocka_unit_test(stack_is_configured),
		cmocka_unit_test(interfaces_have_names),
		cmocka_unit_test(stack_has_options),
		cmocka_unit_test(interfaces_come_and_go),
		cmocka_unit_test(threads_share_sockets),
		cmocka_unit_test(plain_calls_are_seen_in_a_hot_node),
		cmocka_unit_test(forked_child_has_the_sockets),
		cmocka_unit_test(executed_program_has_the_sockets),
		cmocka_unit_test(thousand_stacks_leave_nothing),
		cmocka_unit_test(stack_counts),
		cmocka_unit_test(host_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
