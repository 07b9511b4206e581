/* node_bare.c - plain=0: streams without a pair, and how they come by one
 *
 * That there is none is what the descriptor says: all such numbers are one and the same socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/param.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioth.h"
#include "node_bytes.h"
#include "open_sockets.h"
#include "unit.h"

#define SOON	5000	/* ms: more than a loaded machine needs */

struct here {
	struct ioth	*s;
	int		lis, fd[2];
	struct sockaddr_in at;
};

static int sock(const struct here *h)
{
	int fd = ioth_msocket(h->s, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	return fd;
}

static void join(struct here *h)
{
	h->fd[0] = sock(h);
	assert_int_equal(ioth_connect(h->fd[0], (struct sockaddr *)&h->at, sizeof(h->at)), 0);
	h->fd[1] = ioth_accept(h->lis, NULL, NULL);
	assert_true(h->fd[1] >= 0);
}

/* A connection of a stack with itself. */
static struct here begin_with(const char *kind)
{
	struct here h = { .s = ioth_newstack(kind, NULL),
			  .at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(h.at);

	assert_non_null(h.s);
	h.lis = sock(&h);
	assert_int_equal(ioth_bind(h.lis, (struct sockaddr *)&h.at, len), 0);
	assert_int_equal(ioth_getsockname(h.lis, (struct sockaddr *)&h.at, &len), 0);
	assert_int_equal(ioth_listen(h.lis, 8), 0);
	join(&h);
	return h;
}

static struct here begin(void)
{
	return begin_with("native,plain=0");
}

static void end(struct here *h)
{
	assert_int_equal(ioth_close(h->fd[0]), 0);
	assert_int_equal(ioth_close(h->fd[1]), 0);
	assert_int_equal(ioth_close(h->lis), 0);
	assert_int_equal(ioth_delstack(h->s), 0);
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static bool is_bare(const struct here *h, int fd)
{
	int other = sock(h);
	bool ret = inode(fd) == inode(other);

	assert_int_equal(ioth_close(other), 0);
	return ret;
}

static void dress(const struct here *h, int fd)
{
	int copy = ioth_fcntl(fd, F_DUPFD_CLOEXEC, 0);

	assert_true(copy >= 0);
	assert_int_equal(ioth_close(copy), 0);
	assert_false(is_bare(h, fd));
}

static short polled(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_in_range(poll(&p, 1, ms), 0, 1);
	return p.revents;
}

/* --- */

static void a_number_each(void **state)
{
	unsigned before = open_sockets(), n;
	struct here h = begin();

	n = open_sockets() - before;
	for (int i = 0; i < 8; i++) {
		struct here more = h;

		join(&more);
		put(more.fd[0], "there");
		get(more.fd[1], "there");
		assert_int_equal(open_sockets() - before, n + 2);
		assert_true(is_bare(&h, more.fd[0]) && is_bare(&h, more.fd[1]));
		assert_int_equal(ioth_close(more.fd[0]), 0);
		assert_int_equal(ioth_close(more.fd[1]), 0);
	}
	end(&h);
	assert_int_equal(open_sockets(), before);
}

static void plain_calls_fail_at_once(void **state)
{
	struct here h = begin();
	char c;

	put(h.fd[0], "x");
	assert_int_equal(read(h.fd[1], &c, 1), -1);
	assert_int_equal(send(h.fd[1], "y", 1, MSG_NOSIGNAL), -1);
	get(h.fd[1], "x");
	end(&h);
}

static void options_stay_with_the_pair(void **state)
{
	struct timeval tv = { 7, 250000 }, got;
	socklen_t len = sizeof(got);
	struct here h = begin();
	int fd = h.fd[1];

	assert_int_equal(ioth_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(ioth_fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_true(ioth_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
	assert_int_equal(fcntl(h.fd[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(ioth_recv(fd, &len, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(is_bare(&h, fd));
	dress(&h, fd);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &len), 0);
	assert_int_equal(got.tv_sec, tv.tv_sec);
	assert_int_equal(ioth_ioctl(h.fd[0], FIONBIO, &(int){ 1 }), 0);
	assert_true(is_bare(&h, h.fd[0]));
	assert_int_equal(ioth_recv(h.fd[0], &len, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	end(&h);
}

static void bad_timeouts_are_refused(void **state)
{
	struct timeval tv = { 0, 1000000 };
	struct here h = begin();

	assert_int_equal(ioth_setsockopt(h.fd[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), -1);
	assert_int_equal(errno, EDOM);
	assert_int_equal(ioth_setsockopt(h.fd[0], SOL_SOCKET, SO_SNDTIMEO, &tv, 4), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(is_bare(&h, h.fd[0]));
	end(&h);
}

static void accepted_ones_inherit_timeouts(void **state)
{
	struct timeval tv = { 0, 20000 };
	struct here h = begin(), more = h;
	char c;

	assert_int_equal(ioth_setsockopt(h.lis, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	join(&more);
	assert_int_equal(ioth_recv(more.fd[1], &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(is_bare(&h, more.fd[1]));
	assert_int_equal(ioth_close(more.fd[0]), 0);
	assert_int_equal(ioth_close(more.fd[1]), 0);
	end(&h);
}

/* What was there before the pair is told of by it. */
static void a_pair_tells_what_is(void **state)
{
	struct here h = begin();

	put(h.fd[0], "unread");
	while (ioth_recv(h.fd[1], &(char[6]){ 0 }, 6, MSG_PEEK) != 6)
		;
	dress(&h, h.fd[1]);
	assert_int_equal(polled(h.fd[1], POLLIN | POLLOUT, SOON), POLLIN | POLLOUT);
	get(h.fd[1], "unread");
	assert_int_equal(polled(h.fd[1], POLLIN, 0), 0);
	assert_int_equal(ioth_shutdown(h.fd[0], SHUT_WR), 0);
	assert_int_equal(ioth_recv(h.fd[1], &(char){ 0 }, 1, 0), 0);
	assert_true(is_bare(&h, h.fd[0]));
	dress(&h, h.fd[0]);
	assert_int_equal(send(h.fd[0], "z", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	put(h.fd[1], "back");
	assert_int_equal(polled(h.fd[0], POLLIN, SOON), POLLIN);
	get(h.fd[0], "back");
	end(&h);
}

static void a_listener_tells_of_who_waits(void **state)
{
	struct here h = begin(), more = h;

	more.fd[0] = sock(&h);
	assert_int_equal(ioth_connect(more.fd[0], (struct sockaddr *)&h.at, sizeof(h.at)), 0);
	dress(&h, h.lis);
	assert_int_equal(polled(h.lis, POLLIN | POLLOUT, SOON), POLLIN);
	more.fd[1] = ioth_accept(h.lis, NULL, NULL);
	assert_true(more.fd[1] >= 0);
	assert_int_equal(polled(h.lis, POLLIN, 0), 0);
	assert_int_equal(ioth_close(more.fd[0]), 0);
	assert_int_equal(ioth_close(more.fd[1]), 0);
	end(&h);
}

static void reset(struct here *h, int i)
{
	struct linger now = { .l_onoff = 1 };

	assert_int_equal(ioth_setsockopt(h->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	assert_int_equal(ioth_close(h->fd[i]), 0);
}

static void a_reset_is_told_once(void **state)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	struct here h = begin();
	char c;

	reset(&h, 0);
	assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), 0);
	assert_int_equal(ioth_getsockname(h.fd[1], (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(sin.sin_port, h.at.sin_port);
	h.fd[0] = sock(&h);
	end(&h);
}

static void a_reset_is_polled(void **state)
{
	struct pollfd p = { .events = POLLIN };
	struct here h = begin();

	p.fd = h.fd[1];
	assert_int_equal(ioth_poll(&p, 1, 0), 0);
	reset(&h, 0);
	assert_int_equal(ioth_poll(&p, 1, SOON), 1);
	assert_int_equal(p.revents, POLLIN | POLLERR | POLLHUP);
	h.fd[0] = sock(&h);
	end(&h);
}

static void polled_with_others_it_has_a_pair(void **state)
{
	struct here h = begin();
	char c;
	struct pollfd p[2] = { { .events = POLLIN }, { .fd = h.fd[1], .events = POLLIN } };
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	p[0].fd = pipes[0];
	assert_int_equal(ioth_poll(p, 2, 0), 0);
	put(h.fd[0], "x");
	while (ioth_recv(h.fd[1], &c, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		;
	assert_int_equal(ioth_poll(p, 2, SOON), 1);
	assert_int_equal(p[1].revents, POLLIN);
	assert_true(is_bare(&h, h.fd[1]));	/* the kernel was asked for the pipe alone */
	get(h.fd[1], "x");
	assert_int_equal(ioth_poll(p, 2, 100), 0);
	assert_false(is_bare(&h, h.fd[1]));
	put(h.fd[0], "y");
	assert_int_equal(ioth_poll(p, 2, SOON), 1);
	assert_int_equal(p[1].revents, POLLIN);
	close(pipes[0]);
	close(pipes[1]);
	end(&h);
}

/* In two sets, and out of them, with no pair. */
static void sets_need_none(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct here h = begin();
	int ep[2] = { ioth_epoll_create1(0), ioth_epoll_create1(0) };

	for (int i = 0; i < 2; i++)
		assert_int_equal(ioth_epoll_ctl(ep[i], EPOLL_CTL_ADD, h.fd[1], &ev), 0);
	assert_int_equal(ioth_epoll_ctl(ep[0], EPOLL_CTL_ADD, h.fd[1], &ev), -1);
	assert_int_equal(errno, EEXIST);
	put(h.fd[0], "x");
	for (int i = 0; i < 2; i++)
		assert_int_equal(ioth_epoll_wait(ep[i], &ev, 1, SOON), 1);
	assert_int_equal(ioth_epoll_ctl(ep[0], EPOLL_CTL_DEL, h.fd[1], NULL), 0);
	assert_int_equal(ioth_epoll_ctl(ep[0], EPOLL_CTL_DEL, h.fd[1], NULL), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ioth_epoll_wait(ep[1], &ev, 1, 0), 1);
	assert_int_equal(ioth_close(ep[1]), 0);
	assert_true(is_bare(&h, h.fd[1]));
	get(h.fd[1], "x");
	assert_int_equal(ioth_close(ep[0]), 0);
	end(&h);
}

/* A set waits for a connection to one who does not answer for his address, and is told in the end. */
static void a_set_waits_for_a_connection(void **state)
{
	struct epoll_event ev = { .events = EPOLLOUT };
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(7),
				     .sin_addr.s_addr = htonl(0x0a000002) };
	struct in_addr a = { htonl(0x0a000001) };
	int ep = ioth_epoll_create1(0), fd, error = 0;
	struct here h = { .s = ioth_newstack("native,plain=0", "null://") };
	socklen_t len = sizeof(error);

	assert_int_equal(ioth_ipaddr_add(h.s, AF_INET, &a, 24, ioth_if_nametoindex(h.s, "eth0")), 0);
	fd = ioth_msocket(h.s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(ioth_connect(fd, (struct sockaddr *)&there, sizeof(there)), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(ioth_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	assert_int_equal(ioth_epoll_wait(ep, &ev, 1, 10), 0);
	assert_true(is_bare(&h, fd));
	assert_int_equal(ioth_epoll_wait(ep, &ev, 1, 2 * SOON), 1);
	assert_int_equal(ev.events, EPOLLOUT | EPOLLERR | EPOLLHUP);
	assert_int_equal(ioth_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, EHOSTUNREACH);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_close(ep), 0);
	assert_int_equal(ioth_delstack(h.s), 0);
}

/* close(2) tells nobody; who gets the number next does. */
static void a_number_closed_plainly(void **state)
{
	struct here h = begin();
	int again;

	assert_int_equal(ioth_delstack(h.s), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(close(h.fd[1]), 0);
	again = sock(&h);
	assert_int_equal(again, h.fd[1]);
	assert_int_equal(ioth_recv(h.fd[0], &again, 1, 0), 0);
	assert_int_equal(close(h.lis), 0);
	assert_int_equal(close(h.fd[0]), 0);
	assert_int_equal(ioth_close(h.fd[1]), 0);
	assert_int_equal(ioth_delstack(h.s), 0);
}

static void a_child_has_pairs(void **state)
{
	struct here h = begin();
	pid_t pid;
	char c;

	put(h.fd[0], "for the child");
	pid = fork();
	if (pid == 0) {
		char b[13];

		_exit(read(h.fd[1], b, 13) != 13 || write(h.fd[1], "!", 1) != 1);
	}
	assert_int_equal(ioth_recv(h.fd[0], &c, 1, 0), 1);
	assert_int_equal(c, '!');
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(is_bare(&h, h.fd[1]));
	end(&h);
}

/* It stays as it is. */
static void no_descriptors_for_a_pair(void **state)
{
	struct rlimit all, few;
	struct here h = begin();
	int free = dup(h.fd[0]);

	close(free);
	getrlimit(RLIMIT_NOFILE, &all);
	few = (struct rlimit){ (rlim_t)free, all.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	assert_int_equal(ioth_fcntl(h.fd[1], F_DUPFD, 0), -1);
	assert_int_equal(errno, EMFILE);
	put(h.fd[0], "x");
	get(h.fd[1], "x");
	setrlimit(RLIMIT_NOFILE, &all);
	dress(&h, h.fd[1]);
	put(h.fd[0], "y");
	get(h.fd[1], "y");
	end(&h);
}

static void *close_late(void *arg)
{
	usleep(50000);
	assert_int_equal(ioth_close(*(int *)arg), 0);
	return NULL;
}

static void closed_while_a_call_waits(void **state)
{
	struct here h = begin();
	pthread_t t;
	char c;

	pthread_create(&t, NULL, close_late, &h.fd[1]);
	assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), -1);
	assert_int_equal(errno, EBADF);
	pthread_join(t, NULL);
	assert_int_equal(ioth_recv(h.fd[0], &c, 1, 0), 0);
	h.fd[1] = sock(&h);
	end(&h);
}

static void urgent_data_makes_a_pair(void **state)
{
	struct here h = begin();
	char c = 0;

	assert_int_equal(ioth_send(h.fd[0], "!", 1, MSG_OOB), 1);
	assert_int_equal(polled(h.fd[1], 0, 0) & POLLNVAL, 0);
	while (ioth_recv(h.fd[1], &c, 1, MSG_OOB) < 0)
		assert_true(errno == EAGAIN || errno == EINVAL);
	assert_int_equal(c, '!');
	assert_false(is_bare(&h, h.fd[1]));
	end(&h);
}

/* What is known of it stays until it is closed, however many others are: without a pair, with
 * one that came after the end, and with one from the start. */
static void what_ended_stays_until_closed(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct here h = begin_with(i == 2 ? "native" : "native,plain=0");
		char c;

		reset(&h, 0);
		assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), -1);
		if (i == 1)
			dress(&h, h.fd[1]);
		for (int k = 0; k < 300; k++)
			assert_int_equal(ioth_close(sock(&h)), 0);
		assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), 0);
		h.fd[0] = sock(&h);
		end(&h);
	}
}

static void sigio_needs_a_pair(void **state)
{
	struct here h = begin();

	assert_int_equal(ioth_fcntl(h.fd[1], F_SETFL, O_ASYNC | O_NONBLOCK), 0);
	assert_int_equal(fcntl(h.fd[1], F_GETFL) & (O_ASYNC | O_NONBLOCK), O_ASYNC | O_NONBLOCK);
	assert_int_equal(ioth_fcntl(h.fd[1], F_SETFL, 0), 0);
	end(&h);
}

/* --- a stream that is checked, while others do things to its sockets --- */

#define STREAM	(512 << 10)
#define MIXES	24

static char octet(unsigned at)
{
	return (char)(at * 2654435761u >> 24);
}

static void *write_stream(void *arg)
{
	const struct here *h = arg;
	unsigned seed = (unsigned)h->fd[0], done = 0;
	char b[9000];

	while (done < STREAM) {
		size_t some = (unsigned)rand_r(&seed) % sizeof(b) + 1, len = MIN(some, STREAM - done);
		ssize_t n;

		for (size_t i = 0; i < len; i++)
			b[i] = octet(done + (unsigned)i);
		n = ioth_send(h->fd[0], b, len, 0);
		assert_true(n > 0);
		done += (unsigned)n;
	}
	assert_int_equal(ioth_shutdown(h->fd[0], SHUT_WR), 0);
	return NULL;
}

static void *read_stream(void *arg)
{
	const struct here *h = arg;
	unsigned seed = (unsigned)h->fd[1], done = 0;
	char b[9000];

	for (;;) {
		unsigned r = (unsigned)rand_r(&seed);
		struct pollfd p = { .fd = h->fd[1], .events = POLLIN };
		ssize_t n;

		if (r & 1)
			assert_int_equal(ioth_poll(&p, 1, 4 * SOON), 1);
		n = ioth_recv(h->fd[1], b, r % sizeof(b) + 1, r & 1 ? MSG_DONTWAIT : 0);
		if (n == 0)
			break;
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(b[i], octet(done + (unsigned)i));
		done += (unsigned)n;
	}
	assert_int_equal(done, STREAM);
	return NULL;
}

static void fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void do_something(unsigned r, int fd, int ep, int pipe)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN | POLLOUT }, { .fd = pipe } };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int copy, n;

	switch (r % 8) {
	case 0:
		copy = ioth_fcntl(fd, F_DUPFD_CLOEXEC, 0);
		assert_int_equal(ioth_close(copy), 0);
		break;
	case 1:
		fork_one();
		break;
	case 2:
		ioth_poll(p, 2, (int)(r >> 8 & 3));
		break;
	case 3:
		ioth_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
		break;
	case 4:
		ioth_epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
		break;
	case 5:
		ioth_epoll_wait(ep, &ev, 1, 0);
		break;
	case 6:
		assert_int_equal(ioth_ioctl(fd, FIONREAD, &n), 0);
		break;
	default:
		usleep(r >> 8 & 255);
	}
}

static void nothing_is_lost_by_a_pair(void **state)
{
	unsigned seed = 1;

	for (int i = 0; i < MIXES; i++) {
		struct here h = begin();
		int ep = ioth_epoll_create1(EPOLL_CLOEXEC), pipes[2];
		pthread_t t[2];

		assert_int_equal(pipe(pipes), 0);
		pthread_create(&t[0], NULL, read_stream, &h);
		pthread_create(&t[1], NULL, write_stream, &h);
		for (unsigned k = (unsigned)rand_r(&seed) % 12; k; k--) {
			unsigned r = (unsigned)rand_r(&seed);

			do_something(r >> 4, h.fd[r & 1], ep, pipes[0]);
		}
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		assert_int_equal(ioth_close(ep), 0);
		close(pipes[0]);
		close(pipes[1]);
		end(&h);
	}
}

/* --- no descriptors are left for a pair --- */

static struct rlimit all_fds;

static void no_more_fds(int fd)
{
	int free = dup(fd);

	close(free);
	getrlimit(RLIMIT_NOFILE, &all_fds);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)free, all_fds.rlim_max });
}

static void fds_again(void)
{
	setrlimit(RLIMIT_NOFILE, &all_fds);
}

/* The kernel would tell of a number that is no connection. */
static void polled_without_descriptors(void **state)
{
	struct here h = begin();
	struct pollfd p[2] = { { .events = POLLIN }, { .fd = h.fd[1], .events = POLLIN } };
	struct timeval tv = { 1, 0 };
	int pipes[2];
	fd_set in;

	assert_int_equal(pipe(pipes), 0);
	p[0].fd = pipes[0];
	no_more_fds(h.fd[0]);
	assert_int_equal(ioth_poll(p, 2, 0), 0);
	assert_int_equal(ioth_poll(p, 2, 1000), -1);
	assert_int_equal(errno, EMFILE);
	FD_ZERO(&in);
	FD_SET(pipes[0], &in);
	FD_SET(h.fd[1], &in);
	assert_int_equal(ioth_select(MAX(pipes[0], h.fd[1]) + 1, &in, NULL, NULL, &tv), -1);
	assert_int_equal(errno, EMFILE);
	fds_again();
	put(h.fd[0], "x");
	assert_int_equal(ioth_poll(p, 2, SOON), 1);
	assert_int_equal(p[1].revents, POLLIN);
	close(pipes[0]);
	close(pipes[1]);
	end(&h);
}

static void both_ways(const struct here *h)
{
	put(h->fd[0], "to");
	get(h->fd[1], "to");
	put(h->fd[1], "fro");
	get(h->fd[0], "fro");
}

static void forked_without_descriptors(void **state)
{
	struct here h = begin();
	pid_t pid;

	put(h.fd[0], "before");
	no_more_fds(h.fd[0]);
	pid = fork();
	if (pid == 0)
		_exit(0);
	fds_again();
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	get(h.fd[1], "before");
	both_ways(&h);
	end(&h);
}

static void urgent_without_descriptors(void **state)
{
	struct here h = begin();
	char c;

	no_more_fds(h.fd[0]);
	assert_int_equal(ioth_send(h.fd[0], "!", 1, MSG_OOB), 1);
	assert_int_equal(ioth_recv(h.fd[1], &c, 1, MSG_OOB), -1);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), -1);
	assert_int_equal(errno, EMFILE);
	fds_again();
	while (ioth_recv(h.fd[1], &c, 1, MSG_OOB) < 0)
		assert_true(errno == EAGAIN || errno == EINVAL);
	assert_int_equal(c, '!');
	both_ways(&h);
	end(&h);
}

static void messages_without_descriptors(void **state)
{
	struct here h = begin();
	char b[8];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	assert_int_equal(ioth_setsockopt(h.fd[1], IPPROTO_TCP, TCP_INQ, &(int){ 1 }, sizeof(int)), 0);
	put(h.fd[0], "before");
	no_more_fds(h.fd[0]);
	assert_int_equal(ioth_recvmsg(h.fd[1], &mh, 0), -1);
	assert_int_equal(errno, EMFILE);
	fds_again();
	get(h.fd[1], "before");
	both_ways(&h);
	end(&h);
}

/* The set tells of it all the same, and of nothing when the number is closed. */
static void a_reset_without_descriptors(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = ioth_epoll_create1(0);
	struct here h = begin();
	char c;

	assert_int_equal(ioth_epoll_ctl(ep, EPOLL_CTL_ADD, h.fd[1], &ev), 0);
	assert_int_equal(ioth_epoll_wait(ep, &ev, 1, 0), 0);
	no_more_fds(h.fd[0]);
	reset(&h, 0);
	h.fd[0] = sock(&h);	/* none is free again */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ioth_epoll_wait(ep, &ev, 1, SOON), 1);
		assert_int_equal(ev.events, EPOLLIN | EPOLLERR | EPOLLHUP);
	}
	assert_int_equal(ioth_recv(h.fd[1], &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	fds_again();
	assert_int_equal(ioth_close(h.fd[1]), 0);
	assert_int_equal(ioth_epoll_wait(ep, &ev, 1, 0), 0);
	h.fd[1] = sock(&h);
	assert_int_equal(ioth_close(ep), 0);
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_each),
		cmocka_unit_test(plain_calls_fail_at_once),
		cmocka_unit_test(options_stay_with_the_pair),
		cmocka_unit_test(bad_timeouts_are_refused),
		cmocka_unit_test(accepted_ones_inherit_timeouts),
		cmocka_unit_test(a_pair_tells_what_is),
		cmocka_unit_test(a_listener_tells_of_who_waits),
		cmocka_unit_test(a_reset_is_told_once),
		cmocka_unit_test(a_reset_is_polled),
		cmocka_unit_test(polled_with_others_it_has_a_pair),
		cmocka_unit_test(sets_need_none),
		cmocka_unit_test(a_set_waits_for_a_connection),
		cmocka_unit_test(a_number_closed_plainly),
		cmocka_unit_test(a_child_has_pairs),
		cmocka_unit_test(no_descriptors_for_a_pair),
		cmocka_unit_test(closed_while_a_call_waits),
		cmocka_unit_test(urgent_data_makes_a_pair),
		cmocka_unit_test(what_ended_stays_until_closed),
		cmocka_unit_test(sigio_needs_a_pair),
		cmocka_unit_test(nothing_is_lost_by_a_pair),
		cmocka_unit_test(polled_without_descriptors),
		cmocka_unit_test(forked_without_descriptors),
		cmocka_unit_test(urgent_without_descriptors),
		cmocka_unit_test(messages_without_descriptors),
		cmocka_unit_test(a_reset_without_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
