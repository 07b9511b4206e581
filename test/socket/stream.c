/* stream.c - cases: an established TCP connection, its bytes and its end */
#include "conform.h"

#include <linux/sockios.h>
#include <sys/sendfile.h>

CASE(half_close_client)
{
	int c, s;

	pair(&c, &s);
	put(c, "question");
	OK(shutdown(c, SHUT_WR));
	want(s, "question");
	want_eof(s);
	put(s, "answer");
	OK(close(s));
	want(c, "answer");
	want_eof(c);
}

CASE(half_close_server)
{
	int c, s;

	pair(&c, &s);
	OK(shutdown(s, SHUT_WR));
	want_eof(c);
	want_eof(c);	/* again and again */
	put(c, "still");
	put(c, "open");
	want(s, "stillopen");
	OK(close(c));
	want_eof(s);
}

CASE(half_close_bulk)
{
	int c, s;
	pid_t pid;

	pair(&c, &s);
	pid = OK(fork());
	if (pid == 0) {
		close(s);
		OK(shutdown(c, SHUT_WR));
		pat_recv(c, 0, 2000000);
		want_eof(c);
		_exit(0);
	}
	close(c);
	want_eof(s);
	pat_send(s, 0, 2000000);
	OK(close(s));
	reap(pid);
}

CASE(shutdown_rd)
{
	int c, s;

	pair(&c, &s);
	OK(shutdown(c, SHUT_RD));
	want_eof(c);
	put(c, "out");
	want(s, "out");
}

static void *read_one(void *arg)
{
	char c;

	return (void *)(intptr_t)read(*(int *)arg, &c, 1);
}

CASE(shutdown_wakes_reader)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(read_one, &c);
	nap(100);
	OK(shutdown(c, SHUT_RD));
	EQ((intptr_t)joined(t), 0);
}

CASE(shutdown_not_connected)
{
	struct addr a;

	ERR(shutdown(tcp(), SHUT_WR), ENOTCONN);
	ERR(shutdown(bound(SOCK_STREAM, &a), SHUT_RDWR), ENOTCONN);
	ERR(shutdown(udp(), SHUT_RD), ENOTCONN);
}

CASE(shutdown_bad_how)
{
	int c, s;

	pair(&c, &s);
	ERR(shutdown(c, 3), EINVAL);
	ERR(shutdown(c, -1), EINVAL);
}

CASE(shutdown_both)
{
	int c, s;

	pair(&c, &s);
	put(c, "last");
	OK(shutdown(c, SHUT_RDWR));
	want_eof(c);
	ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	want(s, "last");
	want_eof(s);
}

CASE(close_delivers)
{
	int c, s;

	pair(&c, &s);
	pat_send(c, 0, 60000);
	OK(close(c));
	nap(50);
	pat_recv(s, 0, 60000);
	want_eof(s);
}

static void send_and_exit(int fd)
{
	pat_send(fd, 0, 300000);
}

CASE(exit_delivers)
{
	int c, s;
	pid_t pid;

	pair(&c, &s);
	pid = child(send_and_exit, c);
	close(c);
	pat_recv(s, 0, 300000);
	want_eof(s);
	reap(pid);
}

static void wait_for_death(int fd)
{
	pause();
}

CASE(kill_closes)
{
	int c, s, status;
	pid_t pid;

	pair(&c, &s);
	pid = child(wait_for_death, c);
	close(c);
	EQ(poll_for(s, POLLIN, 50), 0);
	OK(kill(pid, SIGKILL));
	EQ(waitpid(pid, &status, 0), pid);
	want_eof(s);
}

CASE(linger_waits)
{
	struct linger li = { 1, 5 };
	int c, s;

	pair(&c, &s);
	OK(setsockopt(c, SOL_SOCKET, SO_LINGER, &li, sizeof(li)));
	pat_send(c, 0, 50000);
	OK(close(c));
	pat_recv(s, 0, 50000);
	want_eof(s);
}

CASE(reset_linger)
{
	int c, s;
	char b;

	pair(&c, &s);
	rude_close(c);
	poll_until(s, POLLIN | POLLOUT | POLLRDHUP,
		   POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
	ERR(read(s, &b, 1), ECONNRESET);
	EQ(read(s, &b, 1), 0);
	ERR(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
}

CASE(reset_so_error)
{
	int c, s;

	pair(&c, &s);
	rude_close(c);
	poll_until(s, 0, POLLERR | POLLHUP);
	EQ(get_opt(s, SOL_SOCKET, SO_ERROR), ECONNRESET);
	EQ(get_opt(s, SOL_SOCKET, SO_ERROR), 0);
	want_eof(s);
}

CASE(reset_by_unread_data)
{
	int c, s;
	char b;

	pair(&c, &s);
	put(s, "never read");
	poll_until(c, POLLIN, POLLIN);
	OK(close(c));	/* RFC 2525 2.17 */
	poll_until(s, POLLIN, POLLIN | POLLERR | POLLHUP);
	ERR(read(s, &b, 1), ECONNRESET);
}

CASE(reset_wakes_reader)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(read_one, &s);
	nap(100);
	rude_close(c);
	EQ((intptr_t)joined(t), -1);
}

CASE(write_to_closed)
{
	int c, s;

	pair(&c, &s);
	OK(close(c));
	want_eof(s);
	put(s, "first is taken");
	poll_until(s, 0, POLLERR | POLLHUP);
	ERR(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
}

CASE(sigpipe)
{
	int c, s;

	pair(&c, &s);
	catch_signal(SIGPIPE, 0);
	OK(shutdown(c, SHUT_WR));
	ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	EQ(caught, 0);
	ERR(write(c, "x", 1), EPIPE);
	EQ(caught, 1);
	ERR(send(c, "x", 1, 0), EPIPE);
	EQ(caught, 2);
}

CASE(io_not_connected)
{
	struct addr a;
	char c;

	ERR(read(tcp(), &c, 1), ENOTCONN);
	ERR(recv(bound(SOCK_STREAM, &a), &c, 1, 0), ENOTCONN);
	ERR(recv(listener(&a), &c, 1, 0), ENOTCONN);
	ERR(send(tcp(), "x", 1, MSG_NOSIGNAL), EPIPE);
	ERR(send(listener(&a), "x", 1, MSG_NOSIGNAL), EPIPE);
}

CASE(sendto_connected_stream)
{
	struct addr a;
	int c, s;

	pair(&c, &s);
	a = at(1);	/* an address given to a connected stream is ignored */
	EQ(sendto(c, "x", 1, 0, &a.sa, a.len), 1);
	want(s, "x");
}

CASE(recvfrom_stream)
{
	struct addr a = { .len = sizeof(a.ss) };
	int c, s;
	char b;

	pair(&c, &s);
	put(c, "x");
	a.ss.ss_family = 99;
	EQ(recvfrom(s, &b, 1, 0, &a.sa, &a.len), 1);
	EQ(a.len, 0);	/* Linux gives no name on a connected stream */
	EQ(a.ss.ss_family, 99);
}

CASE(recvmsg_stream)
{
	struct addr a;
	char x[3], y[20];
	struct iovec io[2] = { { x, 3 }, { y, 20 } };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a.ss), .msg_iov = io,
			    .msg_iovlen = 2, .msg_flags = -1 };
	int c, s;

	pair(&c, &s);
	put(c, "abcdef");
	EQ(recvmsg(s, &m, 0), 6);
	EQ(memcmp(x, "abc", 3), 0);
	EQ(memcmp(y, "def", 3), 0);
	EQ(m.msg_namelen, 0);
	EQ(m.msg_flags, 0);
}

CASE(sendmsg_stream)
{
	struct iovec io[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	struct msghdr m = { .msg_iov = io, .msg_iovlen = 3 };
	int c, s;

	pair(&c, &s);
	EQ(sendmsg(c, &m, 0), 5);
	EQ(sendmsg(c, &m, MSG_DONTWAIT | MSG_NOSIGNAL), 5);
	want(s, "abcdeabcde");
}

CASE(sendmmsg_stream)
{
	struct iovec io[2] = { { "ab", 2 }, { "cde", 3 } };
	struct mmsghdr m[2] = { { .msg_hdr = { .msg_iov = io, .msg_iovlen = 1 } },
				{ .msg_hdr = { .msg_iov = io + 1, .msg_iovlen = 1 } } };
	int c, s;

	pair(&c, &s);
	EQ(sendmmsg(c, m, 2, 0), 2);
	EQ(m[1].msg_len, 3);
	want(s, "abcde");
}

CASE(writev_readv)
{
	char x[2], y[4];
	struct iovec out[2] = { { "one", 3 }, { "two", 3 } };
	struct iovec in[2] = { { x, 2 }, { y, 4 } };
	static struct iovec many[1025];
	int c, s;

	pair(&c, &s);
	EQ(writev(c, out, 2), 6);
	poll_until(s, POLLIN, POLLIN);
	EQ(readv(s, in, 2), 6);
	ERR(readv(s, many, 1025), EINVAL);
	ERR(writev(c, many, 1025), EINVAL);
	EQ(memcmp(x, "on", 2), 0);
	EQ(memcmp(y, "etwo", 4), 0);
}

CASE(peek_stream)
{
	char b[8];
	int c, s;

	pair(&c, &s);
	put(c, "abcdef");
	poll_until(s, POLLIN, POLLIN);
	EQ(recv(s, b, 3, MSG_PEEK), 3);
	EQ(recv(s, b, 8, MSG_PEEK), 6);
	EQ(memcmp(b, "abcdef", 6), 0);
	want(s, "abcdef");
}

static void *send_in_pieces(void *arg)
{
	for (int i = 0; i < 5; i++) {
		nap(30);
		put(*(int *)arg, "ab");
	}
	return NULL;
}

CASE(waitall)
{
	char b[10];
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(send_in_pieces, &c);
	EQ(recv(s, b, 10, MSG_WAITALL), 10);
	EQ(memcmp(b, "ababababab", 10), 0);
	joined(t);
}

CASE(waitall_eof)
{
	char b[10];
	int c, s;

	pair(&c, &s);
	put(c, "abc");
	OK(shutdown(c, SHUT_WR));
	EQ(recv(s, b, 10, MSG_WAITALL), 3);
}

CASE(recv_trunc_discards)
{
	int c, s;
	char b[4] = "----";

	pair(&c, &s);
	put(c, "skipkeep");
	poll_until(s, POLLIN, POLLIN);
	EQ(recv(s, b, 4, MSG_TRUNC), 4);	/* tcp(7) */
	EQ(memcmp(b, "----", 4), 0);
	want(s, "keep");
}

static void *put_later(void *arg)
{
	nap(100);
	put(*(int *)arg, "skipkeep");
	return NULL;
}

CASE(recv_trunc_waits)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	ERR(recv(s, NULL, 4, MSG_TRUNC | MSG_DONTWAIT), EAGAIN);
	t = thread(put_later, &c);
	EQ(recv(s, NULL, 4, MSG_TRUNC), 4);
	want(s, "keep");
	joined(t);
	OK(shutdown(c, SHUT_WR));
	EQ(recv(s, NULL, 4, MSG_TRUNC), 0);
}

CASE(recv_dontwait)
{
	int c, s;
	char b;

	pair(&c, &s);
	ERR(recv(s, &b, 1, MSG_DONTWAIT), EAGAIN);
	put(c, "x");
	poll_until(s, POLLIN, POLLIN);
	EQ(recv(s, &b, 1, MSG_DONTWAIT), 1);
}

CASE(zero_length_stream)
{
	int c, s;
	char b;

	pair(&c, &s);
	EQ(send(c, "", 0, 0), 0);
	EQ(write(c, "", 0), 0);
	EQ(read(s, &b, 0), 0);
	EQ(poll_for(s, POLLIN, 50), 0);	/* no message, no end */
	put(c, "x");
	want(s, "x");
}

CASE(fionread_stream)
{
	int c, s, n = -1;

	pair(&c, &s);
	OK(ioctl(s, FIONREAD, &n));
	EQ(n, 0);
	put(c, "abcde");
	poll_until(s, POLLIN, POLLIN);
	OK(ioctl(s, FIONREAD, &n));
	EQ(n, 5);
	want(s, "ab");
	OK(ioctl(s, FIONREAD, &n));
	EQ(n, 3);
}

CASE(siocoutq)
{
	int c, s, n = -1, unsent;

	pair(&c, &s);
	put(c, "abcde");
	want(s, "abcde");
	for (int64_t end = now_ms() + 20000; n && now_ms() < end; nap(5))
		OK(ioctl(c, TIOCOUTQ, &n));
	EQ(n, 0);	/* all acknowledged */
	nonblock(c);
	/* As much as fits: a stack that was not run meanwhile still passes some on. */
	for (int64_t end = now_ms() + 10000, full = 0; now_ms() < end && !(n && full > 20);
	     full++, nap(10)) {
		while (send(c, (char[8192]){ 0 }, 8192, 0) > 0)
			full = 0;
		OK(ioctl(c, TIOCOUTQ, &n));
	}
	NEED(n > 0);	/* the peer reads nothing */
	OK(ioctl(c, SIOCOUTQNSD, &unsent));
	NEED(unsent > 0 && unsent <= n);
}

CASE(siocoutq_says_all)
{
	int c, s, in = 0, out = 0, sent = 0, n;

	pair(&c, &s);
	nonblock(c);
	for (int i = 0; i < 20 && (n = (int)send(c, (char[1000]){ 0 }, 1000, 0)) > 0; i++)
		sent += n;
	for (int64_t end = now_ms() + 20000; in != sent && now_ms() < end; nap(5)) {
		OK(ioctl(c, SIOCOUTQ, &out));
		OK(ioctl(s, FIONREAD, &in));
		NEED(in + out >= 0 && in <= sent && out <= sent);
	}
	EQ(in, sent);
	for (int64_t end = now_ms() + 20000; out && now_ms() < end; nap(5))
		OK(ioctl(c, SIOCOUTQ, &out));
	EQ(out, 0);
}

static int there(int fd)
{
	int n = -1;

	OK(ioctl(fd, SIOCINQ, &n));
	return n;
}

CASE(siocinq_while_reading)
{
	char b[100] = "";
	int c, s;

	pair(&c, &s);
	put(c, "abc");
	want(s, "a");
	for (int i = 0; i < 20; i++) {
		int n = 2 + 99 * (i > 0);

		EQ(there(s), n);
		EQ(send(c, b, 99, 0), 99);
		for (int t = 0; t < 2000 && there(s) < n + 99; t++)
			nap(1);
		if (i)
			EQ(recv(s, b, 99, MSG_WAITALL), 99);
	}
	OK(shutdown(c, SHUT_WR));
	poll_until(s, POLLRDHUP, POLLRDHUP);
	EQ(recv(s, b, 100, MSG_WAITALL), 100);
	EQ(there(s), 1);
	EQ(recv(s, b, 100, 0), 1);
	EQ(there(s), 0);
}

CASE(siocinq_listener)
{
	struct addr a;
	int l = listener(&a), n;

	ERR(ioctl(l, SIOCINQ, &n), EINVAL);
}

CASE(siocoutq_listener)
{
	struct addr a;
	int l = listener(&a), n;

	ERR(ioctl(l, SIOCOUTQ, &n), EINVAL);
	ERR(ioctl(l, SIOCOUTQNSD, &n), EINVAL);
}

CASE(urgent_data)
{
	int c, s;

	pair(&c, &s);
	want_urgent(c, s);
}

CASE(urgent_mark)
{
	int c, s, here = -1;
	char b[8];

	pair(&c, &s);
	EQ(send(c, "ab!", 3, MSG_OOB), 3);
	put(c, "cd");
	poll_until(s, POLLPRI, POLLPRI);
	OK(ioctl(s, SIOCATMARK, &here));
	EQ(here, 0);
	EQ(recv(s, b, sizeof(b), 0), 2);	/* a read ends at the mark */
	OK(ioctl(s, SIOCATMARK, &here));
	EQ(here, 1);
	EQ(recv(s, b, 1, MSG_OOB), 1);
	EQ(b[0], '!');
	want(s, "cd");
	EQ(send(c, "?", 1, MSG_OOB), 1);	/* and again */
	poll_until(s, POLLPRI, POLLPRI);
	EQ(recv(s, b, 1, MSG_OOB), 1);
	EQ(b[0], '?');
	put(c, "e");
	want(s, "e");
}

CASE(urgent_inline)
{
	int c, s;

	pair(&c, &s);
	set_opt(s, SOL_SOCKET, SO_OOBINLINE, 1);
	EQ(get_opt(s, SOL_SOCKET, SO_OOBINLINE), 1);
	put(c, "a");
	EQ(send(c, "b!", 2, MSG_OOB), 2);
	put(c, "c");
	want(s, "ab!c");
}

/* An urgent byte comes with a signal to s's owner. */
static void signals(int c, int s)
{
	char b;

	catch_signal(SIGURG, 0);
	OK(fcntl(s, F_SETOWN, getpid()));
	EQ(send(c, "!", 1, MSG_OOB), 1);
	for (int64_t end = now_ms() + 5000; !caught && now_ms() < end; nap(5))
		;
	EQ(caught, 1);
	EQ(recv(s, &b, 1, MSG_OOB), 1);
}

CASE(urgent_signal)
{
	int c, s;

	pair(&c, &s);
	signals(c, s);
}

/* Who has read all there was is told, though he asks for nothing else meanwhile. */
CASE(urgent_after_read)
{
	int c, s;
	char b;

	pair(&c, &s);
	for (int i = 0; i < 2; i++) {
		put(c, "ab");
		want(s, "ab");
		ERR(recv(s, &b, 1, MSG_DONTWAIT), EAGAIN);
		EQ(send(c, "!", 1, MSG_OOB), 1);
		poll_until(s, POLLPRI, POLLPRI);
		EQ(recv(s, &b, 1, MSG_OOB), 1);
		EQ(b, '!');
	}
}

CASE(urgent_signal_after_read)
{
	int c, s;
	char b;

	pair(&c, &s);
	put(c, "ab");
	want(s, "ab");
	ERR(recv(s, &b, 1, MSG_DONTWAIT), EAGAIN);
	signals(c, s);
}

static void *send_bulk(void *arg)
{
	int fd = *(int *)arg;

	pat_send(fd, 0, 3000000);
	EQ(send(fd, "!", 1, MSG_OOB), 1);
	pat_send(fd, 3000000, 4000000);
	return NULL;
}

CASE(urgent_amid_bulk)
{
	int c, s;
	char b;
	pthread_t t;

	pair(&c, &s);
	t = thread(send_bulk, &c);
	pat_recv(s, 0, 3000000);
	poll_until(s, POLLPRI, POLLPRI);
	EQ(recv(s, &b, 1, MSG_OOB), 1);
	EQ(b, '!');
	pat_recv(s, 3000000, 4000000);
	joined(t);
}

CASE(recv_eintr)
{
	int c, s;
	char b;

	pair(&c, &s);
	catch_signal(SIGUSR1, 0);
	signal_after(100, SIGUSR1);
	ERR(read(s, &b, 1), EINTR);
	EQ(caught, 1);
}

static void *send_when_caught(void *arg)
{
	until_caught(1);
	return send_in_pieces(arg);
}

CASE(recv_restart)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	catch_signal(SIGUSR1, SA_RESTART);
	signal_after(10, SIGUSR1);
	t = thread(send_when_caught, &c);
	want(s, "ab");
	EQ(caught, 1);
	joined(t);
}

CASE(recv_timeout)
{
	int c, s;
	char b;
	int64_t start = now_ms();

	pair(&c, &s);
	timeout_opt(s, SO_RCVTIMEO, 200);
	ERR(read(s, &b, 1), EAGAIN);
	NEED(now_ms() - start >= 190);
	put(c, "x");
	want(s, "x");
}

CASE(recv_timeout_negative)
{
	struct timeval tv = { -1, 0 };
	int64_t start = now_ms();
	int c, s;
	char b;

	pair(&c, &s);
	OK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	ERR(read(s, &b, 1), EAGAIN);
	NEED(now_ms() - start <= 2000);
	put(c, "x");
	NEED(poll_for(s, POLLIN, 5000) & POLLIN);
	want(s, "x");
}

CASE(recv_timeout_not_restarted)
{
	int c, s;
	char b;

	pair(&c, &s);
	timeout_opt(s, SO_RCVTIMEO, 3000);
	catch_signal(SIGUSR1, SA_RESTART);
	signal_after(100, SIGUSR1);
	ERR(read(s, &b, 1), EINTR);
}

CASE(send_timeout)
{
	int c, s;
	int64_t start = now_ms();

	pair(&c, &s);
	timeout_opt(c, SO_SNDTIMEO, 200);
	while (send(c, (char[65536]){ 0 }, 65536, MSG_NOSIGNAL) > 0)
		;
	EQ(errno, EAGAIN);
	NEED(now_ms() - start >= 190);
}

CASE(send_eintr)
{
	static const struct itimerval every = { { 0, 100000 }, { 0, 100000 } };
	static char buf[1 << 20];
	ssize_t n;
	int c, s;

	pair(&c, &s);
	catch_signal(SIGALRM, 0);
	OK(setitimer(ITIMER_REAL, &every, NULL));
	do
		n = send(c, buf, sizeof(buf), MSG_NOSIGNAL);
	while (n == (ssize_t)sizeof(buf));
	if (n < 0)				/* else: what fitted before the signal */
		EQ(errno, EINTR);
	NEED(caught > 0);
}

static int temp_file(size_t n)
{
	char name[] = "/tmp/conform.XXXXXX";
	uint8_t *p = malloc(n);
	int fd = OK(mkstemp(name));

	OK(unlink(name));
	pat_fill(p, 0, n);
	EQ(write(fd, p, n), n);
	free(p);
	return fd;
}

CASE(sendfile_stream)
{
	enum { N = 1000000 };
	int c, s, f = temp_file(N);
	off_t at = 0;
	pid_t pid;

	pair(&c, &s);
	pid = OK(fork());
	if (pid == 0) {
		close(c);
		pat_recv(s, 0, N);
		want_eof(s);
		_exit(0);
	}
	close(s);
	while (at < N)
		NEED(OK(sendfile(c, f, &at, N - at)) > 0);
	OK(close(c));
	reap(pid);
}

CASE(splice_stream)
{
	enum { N = 200000 };
	int c, s, f = temp_file(N), p[2], back[2];
	loff_t at = 0;
	ssize_t n;

	pair(&c, &s);
	OK(pipe(p));
	OK(pipe(back));
	for (size_t sent = 0, got = 0; got < N;) {
		if (sent < N) {
			n = OK(splice(f, &at, p[1], NULL, 30000, 0));
			for (sent += n; n > 0;)
				n -= OK(splice(p[0], NULL, c, NULL, n, 0));
		}
		n = OK(splice(s, NULL, back[1], NULL, 30000, 0));
		NEED(n > 0);
		pat_recv(back[0], got, got + n);
		got += n;
	}
}

CASE(stdio_on_socket)
{
	char line[40];
	int c, s;
	FILE *f;

	pair(&c, &s);
	f = fdopen(c, "r+");
	put(s, "hello stdio\n");
	NEED(fgets(line, sizeof(line), f) == line);
	EQ(strcmp(line, "hello stdio\n"), 0);
	fprintf(f, "answer %d\n", 42);
	fclose(f);
	want(s, "answer 42\n");
	want_eof(s);
}

CASE(seek_refused)
{
	int c, s;

	pair(&c, &s);
	ERR(lseek(c, 0, SEEK_CUR), ESPIPE);
	ERR(pread(c, &s, 1, 0), ESPIPE);
}
