/* node_lend.c - ioth.h's loans: on kinds that lend and on one that copies, in any order,
 * past the end of their socket, stack, peer and wire */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioth.h"
#include "unit.h"

#include "switch_here.h"

#define SIZE	60000

static struct sockaddr_in at(const char *text, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, text, &sin.sin_addr);
	return sin;
}

static int connected(struct ioth *s, const struct sockaddr_in *to)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioth_connect(fd, (const struct sockaddr *)to, sizeof(*to)), 0);
	return fd;
}

static int bound(struct ioth *s, int type, struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = ioth_msocket(s, AF_INET, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioth_bind(fd, (struct sockaddr *)sin, len), 0);
	assert_int_equal(ioth_getsockname(fd, (struct sockaddr *)sin, &len), 0);
	return fd;
}

/* A connection of s with itself: fd[0] connected, fd[1] accepted. */
static void joined(struct ioth *s, int fd[2])
{
	struct sockaddr_in sin = at("127.0.0.1", 0);
	int lis = bound(s, SOCK_STREAM, &sin);

	assert_int_equal(ioth_listen(lis, 1), 0);
	fd[0] = connected(s, &sin);
	fd[1] = ioth_accept(lis, NULL, NULL);
	assert_true(fd[1] >= 0);
	assert_int_equal(ioth_close(lis), 0);
}

static void put(const struct ioth_loan *l, const void *text)
{
	size_t done = 0;

	for (int i = 0; i < l->n; done += l->iov[i++].iov_len)
		memcpy(l->iov[i].iov_base, (const char *)text + done, l->iov[i].iov_len);
	assert_int_equal(done, l->len);
}

static void lend_and_send(int fd, const void *text, size_t len)
{
	struct ioth_loan *l = ioth_send_lend(fd, len, 0);

	assert_non_null(l);
	assert_int_equal(l->len, len);
	put(l, text);
	assert_int_equal(ioth_send_lent(fd, l, len, 0, NULL, 0), len);
}

static void shows(const struct ioth_loan *l, const void *text, size_t len)
{
	size_t done = 0;

	assert_non_null(l);
	for (int i = 0; i < l->n; done += l->iov[i++].iov_len)
		assert_memory_equal(l->iov[i].iov_base, (const char *)text + done, l->iov[i].iov_len);
	assert_int_equal(done, l->len);
	assert_int_equal(done, len);
}

static void gets(int fd, const void *text, size_t len)
{
	struct ioth_loan *l = ioth_recv_lend(fd, len, 0, NULL, NULL);

	shows(l, text, len);
	ioth_give_back(l);
}

static void at_end(int fd)
{
	struct ioth_loan *l = ioth_recv_lend(fd, 10, 0, NULL, NULL);

	shows(l, "", 0);
	ioth_give_back(l);
}

static struct ioth *kind(const char *name)
{
	struct ioth *s = ioth_newstack(name, NULL);

	assert_non_null(s);
	return s;
}

/* The first that is read of a native socket comes by the pair. */
static void warmed(struct ioth *s, int fd[2])
{
	joined(s, fd);
	for (int i = 0; i < 2; i++) {
		lend_and_send(fd[i], "x", 1);
		gets(fd[!i], "x", 1);
	}
}

static void streams_on_each_kind(void **state)
{
	const char *kinds[] = { "native", "host" };

	for (int i = 0; i < 2; i++) {
		struct ioth *s = kind(kinds[i]);
		struct ioth_loan *l;
		int fd[2];

		warmed(s, fd);
		assert_null(ioth_recv_lend(fd[1], 10, MSG_DONTWAIT, NULL, NULL));
		assert_int_equal(errno, EAGAIN);
		assert_null(ioth_recv_lend(fd[1], 10, MSG_PEEK, NULL, NULL));
		assert_int_equal(errno, EINVAL);
		lend_and_send(fd[0], "hello", 5);
		gets(fd[1], "hel", 3);
		gets(fd[1], "lo", 2);
		l = ioth_send_lend(fd[1], 100, MSG_DONTWAIT);
		assert_int_equal(ioth_send_lent(fd[1], l, 101, 0, NULL, 0), -1);
		assert_int_equal(errno, EINVAL);
		memcpy(l->iov[0].iov_base, "abc", 3);
		assert_int_equal(ioth_send_lent(fd[1], l, 3, 0, NULL, 0), 3);
		gets(fd[0], "abc", 3);
		ioth_give_back(ioth_send_lend(fd[0], 1000, 0));
		assert_int_equal(ioth_shutdown(fd[0], SHUT_WR), 0);
		at_end(fd[1]);
		assert_int_equal(ioth_close(fd[0]), 0);
		assert_int_equal(ioth_close(fd[1]), 0);
		assert_int_equal(ioth_delstack(s), 0);
	}
}

static void datagrams_on_each_kind(void **state)
{
	const char *kinds[] = { "native", "host" };

	for (int i = 0; i < 2; i++) {
		struct ioth *s = kind(kinds[i]);
		struct sockaddr_in a = at("127.0.0.1", 0), b = a, from;
		int fa = bound(s, SOCK_DGRAM, &a), fb = bound(s, SOCK_DGRAM, &b);
		struct ioth_loan *l[3];

		for (int k = 0; k < 3; k++) {
			l[k] = ioth_send_lend(fa, (size_t)k * 5000, 0);
			memset(l[k]->iov[0].iov_base, 'a' + k, (size_t)k * 5000);
		}
		for (int k = 2; k >= 0; k--)	/* the last that was lent goes first */
			assert_int_equal(ioth_send_lent(fa, l[k], (size_t)k * 5000, 0,
							(struct sockaddr *)&b, sizeof(b)), k * 5000);
		for (int k = 2; k >= 0; k--) {
			socklen_t len = sizeof(from);

			l[k] = ioth_recv_lend(fb, 65536, 0, (struct sockaddr *)&from, &len);
			assert_int_equal(l[k]->len, k * 5000);
			assert_int_equal(from.sin_port, a.sin_port);
		}
		assert_int_equal(((char *)l[1]->iov[0].iov_base)[4999], 'b');
		for (int k = 0; k < 3; k++)
			ioth_give_back(l[k]);
		assert_int_equal(ioth_close(fa), 0);
		assert_int_equal(ioth_close(fb), 0);
		assert_int_equal(ioth_delstack(s), 0);
	}
}

/* Between sockets of one stack what is read is the memory that was written. */
static void nothing_is_copied(void **state)
{
	struct ioth *s = kind("native");
	struct ioth_loan *to, *in;
	void *where;
	int fd[2];

	warmed(s, fd);
	to = ioth_send_lend(fd[0], SIZE, 0);
	where = to->iov[0].iov_base;
	assert_int_equal(ioth_send_lent(fd[0], to, SIZE, 0, NULL, 0), SIZE);
	in = ioth_recv_lend(fd[1], SIZE, 0, NULL, NULL);
	assert_ptr_equal(in->iov[0].iov_base, where);
	ioth_give_back(in);
	ioth_close(fd[0]);
	ioth_close(fd[1]);
	assert_int_equal(ioth_delstack(s), 0);
}

static void *giver(void *loan)
{
	ioth_give_back(loan);
	return NULL;
}

/* Who keeps what he got closes his window and is told; others may give it back. */
static void the_window_closes_and_opens(void **state)
{
	static char buf[SIZE];
	struct ioth *s = kind("native");
	struct ioth_loan *l[100];
	int fd[2], n = 0;
	pthread_t t;

	warmed(s, fd);
	assert_int_equal(ioth_setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &(int){ 100000 }, sizeof(int)), 0);
	while (ioth_send(fd[0], buf, SIZE, MSG_DONTWAIT) > 0)
		;
	while ((l[n] = ioth_recv_lend(fd[1], 10000, MSG_DONTWAIT, NULL, NULL)))
		assert_in_range(n++, 0, 98);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(ioth_poll(&(struct pollfd){ .fd = fd[1], .events = POLLIN }, 1, 0), 1);
	assert_int_equal(pthread_create(&t, NULL, giver, l[0]), 0);
	pthread_join(t, NULL);
	while (--n > 0)
		ioth_give_back(l[n]);
	while (ioth_send(fd[0], buf, SIZE, MSG_DONTWAIT) < 0)
		assert_true(ioth_recv(fd[1], buf, SIZE, 0) > 0);
	ioth_close(fd[0]);
	ioth_close(fd[1]);
	assert_int_equal(ioth_delstack(s), 0);
}

/* The socket is closed, its stack deleted: the memory is the borrower's still. */
static void loans_outlive_socket_and_stack(void **state)
{
	struct ioth *s = kind("native");
	struct ioth_loan *in, *to, *kept;
	int fd[2];

	warmed(s, fd);
	lend_and_send(fd[0], "hello", 5);
	in = ioth_recv_lend(fd[1], 5, 0, NULL, NULL);
	to = ioth_send_lend(fd[1], SIZE, 0);
	kept = ioth_send_lend(fd[1], SIZE, 0);
	ioth_close(fd[0]);
	ioth_close(fd[1]);
	assert_int_equal(ioth_send_lent(fd[1], to, 5, 0, NULL, 0), -1);
	assert_int_equal(errno, EBADF);
	ioth_give_back(to);
	assert_int_equal(ioth_delstack(s), 0);
	shows(in, "hello", 5);
	memset(kept->iov[0].iov_base, 1, kept->iov[0].iov_len);
	ioth_give_back(kept);
	ioth_give_back(in);
}

/* The reset leaves what was lent before. */
static void a_reset_ends_no_loan(void **state)
{
	struct ioth *s = kind("native");
	struct linger reset = { .l_onoff = 1 };
	struct ioth_loan *in, *to;
	int fd[2];

	warmed(s, fd);
	lend_and_send(fd[0], "hello", 5);
	in = ioth_recv_lend(fd[1], 5, 0, NULL, NULL);
	to = ioth_send_lend(fd[1], 5, 0);
	put(to, "abcde");
	assert_int_equal(ioth_setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	ioth_close(fd[0]);
	assert_int_equal(ioth_send_lent(fd[1], to, 5, MSG_NOSIGNAL, NULL, 0), -1);
	assert_true(errno == ECONNRESET || errno == EPIPE);
	ioth_give_back(to);
	assert_null(ioth_send_lend(fd[1], 5, MSG_NOSIGNAL));
	shows(in, "hello", 5);
	ioth_close(fd[1]);
	assert_int_equal(ioth_delstack(s), 0);
	ioth_give_back(in);
}

/* A loan of another socket is copied, whatever it is. */
static void what_was_received_is_sent_on(void **state)
{
	struct ioth *s = kind("native");
	struct ioth_loan *in;
	int a[2], b[2];

	warmed(s, a);
	warmed(s, b);
	lend_and_send(a[0], "hello", 5);
	in = ioth_recv_lend(a[1], 5, 0, NULL, NULL);
	assert_int_equal(ioth_send_lent(b[0], in, 5, 0, NULL, 0), 5);
	gets(b[1], "hello", 5);
	for (int i = 0; i < 2; i++) {
		ioth_close(a[i]);
		ioth_close(b[i]);
	}
	assert_int_equal(ioth_delstack(s), 0);
}

/* A child may read, and to give back there is nothing to the parent. */
static void a_child_has_a_look(void **state)
{
	struct ioth *s = kind("native");
	struct ioth_loan *in;
	int fd[2], status;
	pid_t pid;

	warmed(s, fd);
	lend_and_send(fd[0], "hello", 5);
	in = ioth_recv_lend(fd[1], 5, 0, NULL, NULL);
	pid = fork();
	if (pid == 0) {
		bool ok = memcmp(in->iov[0].iov_base, "hello", 5) == 0;

		ioth_give_back(in);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	shows(in, "hello", 5);
	ioth_give_back(in);
	ioth_close(fd[0]);
	ioth_close(fd[1]);
	assert_int_equal(ioth_delstack(s), 0);
}

/* --- two processes on a switch --- */

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stop;

static void *switching(void *arg)
{
	while (!atomic_load(&stop)) {
		pthread_mutex_lock(&turn);
		loop_wait(loop, now_mono() + 1000);
		switch_run(sw, now_mono());
		pthread_mutex_unlock(&turn);
		sched_yield();
	}
	return NULL;
}

static struct ioth *on_switch(const char *address)
{
	struct sockaddr_in sin = at(address, 0);
	struct ioth *s;

	while (!(s = ioth_newstack("native", path)))	/* the switch begins meanwhile */
		usleep(1000);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, &sin.sin_addr, 24, ioth_if_nametoindex(s, "eth0")), 0);
	return s;
}

/* In the other process: sends for ever, numbers one after the other. */
static _Noreturn void sender(void)
{
	struct sockaddr_in to = at("10.0.0.1", 80);
	uint32_t number = 0;
	struct ioth *s;
	int fd;

	s = on_switch("10.0.0.2");
	fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
	while (ioth_connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		usleep(1000);
	for (;;) {
		struct ioth_loan *l = ioth_send_lend(fd, SIZE, 0);

		if (!l)
			_exit(1);
		for (int i = 0; i < l->n; i++) {
			for (size_t k = 0; k < l->iov[i].iov_len / 4; k++)
				((uint32_t *)l->iov[i].iov_base)[k] = number++;
		}
		if (ioth_send_lent(fd, l, l->len / 4 * 4, 0, NULL, 0) < 0)
			_exit(1);
	}
}

/* Numbers from *next on, also those that begin in one loan and end in another. */
static void numbers_follow(const struct ioth_loan *l, uint64_t *next)
{
	for (int i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->iov[i].iov_len; k++, ++*next) {
			uint32_t number = (uint32_t)(*next / 4);

			if (((uint8_t *)l->iov[i].iov_base)[k] != ((uint8_t *)&number)[*next % 4])
				fail_msg("octet %lu is wrong", (unsigned long)*next);
		}
	}
}

static bool in_shared_memory(const void *p)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	bool found = false;
	char line[400];

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%lx-%lx", &from, &to) == 2 && (unsigned long)p >= from &&
			(unsigned long)p < to && strstr(line, "ioth-wire");
	fclose(f);
	return found;
}

#define KEPT	8

/* Some of what comes is kept, from wires that begin and end meanwhile, and checked
 * again at last, when the peer has been killed and socket and stack are no more. */
static void loans_outlive_wires_and_peers(void **state)
{
	struct ioth_loan *kept[KEPT] = { NULL };
	struct sockaddr_in sin = at("10.0.0.1", 80);
	uint64_t next = 0, from[KEPT] = { 0 };
	int shared = 0, lis, fd, room = 4 << 20;	/* half of it may be lent */
	struct ioth *s;
	pthread_t t;
	pid_t pid;

	here_dir();
	pid = fork();
	if (pid == 0)
		sender();
	here_start((struct switch_conf){ 0 });
	assert_int_equal(pthread_create(&t, NULL, switching, NULL), 0);
	s = on_switch("10.0.0.1");
	lis = bound(s, SOCK_STREAM, &sin);
	assert_int_equal(ioth_setsockopt(lis, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	assert_int_equal(ioth_listen(lis, 1), 0);
	fd = ioth_accept(lis, NULL, NULL);
	for (int i = 0; i < 800; i++) {
		struct ioth_loan *l = ioth_recv_lend(fd, SIZE, 0, NULL, NULL);
		int slot = i / 97 % KEPT;

		assert_non_null(l);
		from[slot] = i % 97 ? from[slot] : next;
		numbers_follow(l, &next);
		if (i % 97 == 0) {
			shared += in_shared_memory(l->iov[0].iov_base);
			ioth_give_back(kept[slot]);
			kept[slot] = l;
		} else {
			ioth_give_back(l);
		}
		if (i % 200 == 150) {
			pthread_mutex_lock(&turn);
			say(i % 400 == 150 ? "port/sethub 1" : "port/sethub 0");
			pthread_mutex_unlock(&turn);
		}
	}
	assert_true(shared > 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ioth_close(fd);
	ioth_close(lis);
	assert_int_equal(ioth_delstack(s), 0);
	for (int i = 0; i < KEPT; i++) {
		numbers_follow(kept[i], &from[i]);
		ioth_give_back(kept[i]);
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	grow_free(&out);
	here_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_on_each_kind),
		cmocka_unit_test(datagrams_on_each_kind),
		cmocka_unit_test(nothing_is_copied),
		cmocka_unit_test(the_window_closes_and_opens),
		cmocka_unit_test(loans_outlive_socket_and_stack),
		cmocka_unit_test(a_reset_ends_no_loan),
		cmocka_unit_test(what_was_received_is_sent_on),
		cmocka_unit_test(a_child_has_a_look),
		cmocka_unit_test(loans_outlive_wires_and_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
