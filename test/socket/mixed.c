/* mixed.c - cases: calls of different kinds on one connection, and what they leave */
#include "conform.h"

#include <sys/sendfile.h>

enum { TIMES = 50 };

static ssize_t put_msg(int fd, const char *text)
{
	struct iovec v = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return sendmsg(fd, &m, 0);
}

static ssize_t get_msg(int fd, char *buf, size_t len)
{
	struct iovec v = { buf, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return recvmsg(fd, &m, 0);
}

CASE(sendmsg_between_sends)
{
	int c, s;

	pair(&c, &s);
	for (int i = 0; i < TIMES; i++) {
		EQ(send(c, "one", 3, 0), 3);
		EQ(put_msg(c, "two"), 3);
		EQ(send(c, "three", 5, 0), 5);
		want(s, "onetwothree");
	}
}

CASE(sendmmsg_between_sends)
{
	struct iovec v[2] = { { "two", 3 }, { "three", 5 } };
	struct mmsghdr m[2] = {
		{ .msg_hdr = { .msg_iov = &v[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &v[1], .msg_iovlen = 1 } },
	};
	int c, s;

	pair(&c, &s);
	for (int i = 0; i < TIMES; i++) {
		EQ(send(c, "one", 3, 0), 3);
		EQ(sendmmsg(c, m, 2, 0), 2);
		EQ(m[0].msg_len, 3);
		EQ(m[1].msg_len, 5);
		EQ(send(c, "four", 4, 0), 4);
		want(s, "onetwothreefour");
	}
}

static int file_of(const char *text)
{
	char name[] = "/tmp/conform.XXXXXX";
	int fd = OK(mkstemp(name));

	OK(unlink(name));
	EQ(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

CASE(sendfile_between_sends)
{
	int c, s, f = file_of("two");

	pair(&c, &s);
	for (int i = 0; i < TIMES; i++) {
		EQ(send(c, "one", 3, 0), 3);
		EQ(sendfile(c, f, &(off_t){ 0 }, 3), 3);
		EQ(send(c, "three", 5, 0), 5);
		want(s, "onetwothree");
	}
}

/* More than there is room for: the sends that follow wait behind it. */
CASE(sendfile_of_more_than_there_is_room_for)
{
	enum { N = 8000000 };
	uint8_t *p = malloc(N);
	char name[] = "/tmp/conform.XXXXXX";
	int c, s, f = OK(mkstemp(name));
	off_t at = 0;
	size_t sent;
	ssize_t n;

	OK(unlink(name));
	pat_fill(p, 0, N);
	EQ(write(f, p, N), N);
	pair(&c, &s);
	nonblock(c);
	while ((n = sendfile(c, f, &at, N - at)) > 0)
		;
	sent = (size_t)at;
	for (size_t got = 0; got < N;) {
		while (sent < N && (n = send(c, p + sent, N - sent, 0)) > 0)
			sent += (size_t)n;
		n = OK(recv(s, p, 60000, 0));
		pat_check(p, got, (size_t)n);
		got += (size_t)n;
		pat_fill(p, 0, 60000);
	}
}

CASE(splice_between_sends)
{
	int c, s, p[2];

	pair(&c, &s);
	OK(pipe(p));
	for (int i = 0; i < TIMES; i++) {
		EQ(send(c, "one", 3, 0), 3);
		EQ(write(p[1], "two", 3), 3);
		EQ(splice(p[0], NULL, c, NULL, 3, 0), 3);
		EQ(send(c, "three", 5, 0), 5);
		want(s, "onetwothree");
	}
}

CASE(splice_after_receive)
{
	int c, s, p[2];

	pair(&c, &s);
	OK(pipe(p));
	put(c, "x");
	want(s, "x");
	ERR(recv(s, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	put(c, "spliced");
	poll_until(s, POLLIN, POLLIN);
	EQ(splice(s, NULL, p[1], NULL, 100, 0), 7);
	want(p[0], "spliced");
	put(c, "more");
	want(s, "more");
}

static void *wait_in_recvmsg(void *arg)
{
	char c = 0;

	return (void *)(intptr_t)(get_msg(*(int *)arg, &c, 1) == 1 ? c : -1);
}

CASE(recvmsg_waits_beside_recv)
{
	pthread_t t;
	int c, s;

	pair(&c, &s);
	t = thread(wait_in_recvmsg, &s);
	nap(50);
	ERR(recv(s, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	put(c, "x");
	EQ((intptr_t)joined(t), 'x');
}

CASE(recvmmsg_of_stream)
{
	char b[2][4];
	struct iovec v[2] = { { b[0], 3 }, { b[1], 3 } };
	struct mmsghdr m[2] = {
		{ .msg_hdr = { .msg_iov = &v[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &v[1], .msg_iovlen = 1 } },
	};
	int c, s;

	pair(&c, &s);
	put(c, "x");
	want(s, "x");
	put(c, "abcde");
	poll_until(s, POLLIN, POLLIN);
	EQ(recvmmsg(s, m, 2, MSG_WAITFORONE, NULL), 2);
	EQ(m[0].msg_len, 3);
	EQ(m[1].msg_len, 2);
	EQ(memcmp(b[0], "abc", 3), 0);
	EQ(memcmp(b[1], "de", 2), 0);
}

/* What is there to read when the first descriptor of a socket is no more. */
static int other_name(int *c)
{
	int s, d;

	pair(c, &s);
	ERR(recv(s, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	d = OK(fcntl(s, F_DUPFD, 100));
	OK(close(s));
	put(*c, "xyz");
	poll_until(d, POLLIN, POLLIN);
	return d;
}

CASE(duplicate_receives_a_message)
{
	char b[8];
	int c, d = other_name(&c);

	EQ(get_msg(d, b, sizeof(b)), 3);
	EQ(memcmp(b, "xyz", 3), 0);
}

static void nothing(int arg)
{
	_exit(0);
}

CASE(duplicate_after_fork)
{
	int c, d = other_name(&c);

	reap(child(nothing, 0));
	want(d, "xyz");
}

static int state(int fd)
{
	struct tcp_info ti;

	OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &(socklen_t){ sizeof(ti) }));
	return ti.tcpi_state;
}

/* The buffer is full and stays so: RST at once all the same. */
CASE(close_full_with_linger_of_0)
{
	int c, s;

	pair(&c, &s);
	fill(c);
	OK(setsockopt(c, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)));
	OK(close(c));
	for (int i = 0; state(s) != TCP_CLOSE; i++) {
		NEED(i < 1000);
		nap(10);
	}
}

/* Nobody hears more of it: the listener does not find it when it has room. */
CASE(close_while_connecting)
{
	struct addr a;
	int filler, l = full_listener(&a, &filler), c = begin_connect(tcp(), &a);

	OK(close(c));
	accept_from(l);
	EQ(poll_for(l, POLLIN, 2500), 0);	/* a SYN is sent again after a second */
}

static int to_close;

static void close_it(int sig)
{
	close(to_close);
}

CASE(sigpipe_handler_closes)
{
	int c, s;

	pair(&c, &s);
	to_close = s;
	signal(SIGPIPE, close_it);
	OK(shutdown(c, SHUT_WR));
	ERR(send(c, "x", 1, 0), EPIPE);
	want_eof(c);
}

/* Once it was told nothing is left to wait for. */
CASE(write_after_reset_was_told)
{
	int c, s;

	pair(&c, &s);
	rude_close(s);
	poll_until(c, POLLIN | POLLHUP, POLLIN | POLLHUP | POLLERR);
	EQ(get_opt(c, SOL_SOCKET, SO_ERROR), ECONNRESET);
	ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	want_eof(c);
}
