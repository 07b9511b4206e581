/* threads.c - cases: threads that share sockets, and wake each other */
#include "conform.h"

static void *read_byte(void *arg)
{
	char c = 0;
	ssize_t n = read(*(int *)arg, &c, 1);

	return (void *)(intptr_t)(n == 1 ? c : n < 0 ? -errno : 0);
}

CASE(threads_read_one_socket)
{
	enum { N = 6 };
	pthread_t t[N];
	int c, s, sum = 0;

	pair(&c, &s);
	for (int i = 0; i < N; i++)
		t[i] = thread(read_byte, &s);
	nap(50);
	put(c, "abcdef");
	for (int i = 0; i < N; i++)
		sum += (intptr_t)joined(t[i]);
	EQ(sum, 'a' + 'b' + 'c' + 'd' + 'e' + 'f');	/* each byte once */
}

CASE(threads_leave_the_rest_to_poll)
{
	int c, s, x, y;
	pthread_t t;

	pair(&c, &s);
	t = thread(read_byte, &s);
	nap(50);
	put(c, "abc");
	EQ((intptr_t)joined(t), 'a');
	EQ(poll_for(s, POLLIN, 5000), POLLIN);
	want(s, "bc");
	EQ(poll_for(s, POLLIN, 0), 0);

	udp_pair(&x, &y);
	t = thread(read_byte, &y);
	nap(50);
	put(x, "d");
	put(x, "e");
	EQ((intptr_t)joined(t), 'd');
	EQ(poll_for(y, POLLIN, 5000), POLLIN);
	want(y, "e");
	EQ(poll_for(y, POLLIN, 0), 0);
}

CASE(threads_receive_datagrams)
{
	enum { N = 6 };
	pthread_t t[N];
	int x, y, sum = 0;

	udp_pair(&x, &y);
	for (int i = 0; i < N; i++)
		t[i] = thread(read_byte, &y);
	nap(50);
	for (int i = 0; i < N; i++)
		EQ(send(x, &"abcdef"[i], 1, 0), 1);
	for (int i = 0; i < N; i++)
		sum += (intptr_t)joined(t[i]);
	EQ(sum, 'a' + 'b' + 'c' + 'd' + 'e' + 'f');
}

static void *write_letters(void *arg)
{
	for (int i = 0; i < 500; i++)
		EQ(send(*(int *)arg, "0123456789", 10, 0), 10);
	return NULL;
}

CASE(threads_write_one_socket)
{
	enum { N = 4, ALL = N * 500 * 10 };
	char buf[ALL];
	pthread_t t[N];
	int c, s;

	pair(&c, &s);
	for (int i = 0; i < N; i++)
		t[i] = thread(write_letters, &c);
	for (size_t have = 0; have < ALL;) {
		ssize_t n = OK(read(s, buf + have, ALL - have));

		NEED(n > 0);
		have += n;
	}
	for (int i = 0; i < ALL; i++)
		EQ(buf[i], '0' + i % 10);	/* no write is torn by another */
	for (int i = 0; i < N; i++)
		joined(t[i]);
}

static void *poll_in(void *arg)
{
	return (void *)(intptr_t)poll_for(*(int *)arg, POLLIN, 5000);
}

CASE(threads_poll_one_socket)
{
	pthread_t t[3];
	int c, s;

	pair(&c, &s);
	for (int i = 0; i < 3; i++)
		t[i] = thread(poll_in, &s);
	nap(50);
	put(c, "x");
	for (int i = 0; i < 3; i++)
		EQ((intptr_t)joined(t[i]), POLLIN);	/* all of them */
}

static void *accept_one(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	return (void *)(intptr_t)(fd < 0 ? -errno : fd);
}

/* Linux keeps the socket while a call is in it: the call goes on. */
CASE(close_while_reading)
{
	int c, s, fd;
	pthread_t t;

	pair(&c, &s);
	fd = s;
	t = thread(read_byte, &fd);
	nap(100);
	OK(close(s));
	put(c, "x");
	EQ((intptr_t)joined(t), 'x');
	want_eof(c);
}

CASE(close_while_accepting)
{
	struct addr a;
	int l = listener(&a), fd = l;
	pthread_t t = thread(accept_one, &fd);

	nap(100);
	OK(close(l));
	put(dial(&a), "x");
	want((intptr_t)joined(t), "x");
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);	/* now it is gone */
}

CASE(close_in_epoll)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int c, s, ep = OK(epoll_create1(0));

	pair(&c, &s);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev));
	OK(close(s));
	EQ(epoll_wait(ep, &ev, 1, 50), 0);	/* it has left the set */
	want_eof(c);
}

struct late {
	int fd, how;
};

static void *shut_late(void *arg)
{
	struct late *p = arg;

	nap(100);
	OK(shutdown(p->fd, p->how));
	return NULL;
}

CASE(shutdown_wakes_poll)
{
	struct late p = { .how = SHUT_RD };
	pthread_t t;
	int s;

	pair(&p.fd, &s);
	t = thread(shut_late, &p);
	NEED(poll_for(p.fd, POLLIN, 5000) & POLLIN);
	want_eof(p.fd);
	joined(t);
}

/* Shut both ways it is still a member, who was never asked for while it was not. */
CASE(epoll_after_shutdown)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP };
	int c, s, c2, s2, ep = OK(epoll_create1(0));

	pair(&c, &s);
	pair(&c2, &s2);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, c2, &ev));
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev));
	put(s2, "x");
	EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	want(c2, "x");
	put(s, "x");
	EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	want(c, "x");
	EQ(epoll_wait(ep, &ev, 1, 0), 0);
	OK(shutdown(c, SHUT_RDWR));
	EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	NEED(ev.events & EPOLLIN && ev.events & EPOLLHUP);
	OK(epoll_ctl(ep, EPOLL_CTL_DEL, c, NULL));
	EQ(epoll_wait(ep, &ev, 1, 0), 0);
}

CASE(shutdown_wakes_epoll)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP };
	struct late p = { .how = SHUT_RDWR };
	int s, ep = OK(epoll_create1(0));
	pthread_t t;

	pair(&p.fd, &s);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.fd, &ev));
	t = thread(shut_late, &p);
	EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	NEED(ev.events & EPOLLIN);
	joined(t);
}

static void *send_until_error(void *arg)
{
	static char much[1 << 16];

	while (send(*(int *)arg, much, sizeof(much), MSG_NOSIGNAL) > 0)
		;
	return (void *)(intptr_t)errno;
}

CASE(shutdown_wakes_writer)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(send_until_error, &c);
	nap(300);	/* nobody reads: it waits */
	OK(shutdown(c, SHUT_WR));
	EQ((intptr_t)joined(t), EPIPE);
}

CASE(reset_wakes_writer)
{
	int c, s, error;
	pthread_t t;

	pair(&c, &s);
	t = thread(send_until_error, &c);
	nap(300);
	rude_close(s);
	error = (intptr_t)joined(t);
	NEED(error == ECONNRESET || error == EPIPE);
}

CASE(reset_wakes_poll)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(poll_in, &s);
	nap(50);
	rude_close(c);
	EQ((intptr_t)joined(t), POLLIN | POLLERR | POLLHUP);
}

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char b[16];
	ssize_t n;

	while ((n = read(fd, b, sizeof(b))) > 0)
		EQ(write(fd, b, n), n);
	return NULL;
}

CASE(threads_ping_pong)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(echo, &s);
	for (int i = 0; i < 300; i++) {
		put(c, "ping");
		want(c, "ping");
	}
	OK(shutdown(c, SHUT_WR));
	joined(t);
}

/* One thread reads while another writes, on one descriptor. */
CASE(threads_both_directions)
{
	int c, s;
	pthread_t t;

	pair(&c, &s);
	t = thread(echo, &s);
	for (int i = 0; i < 5; i++) {
		pthread_t r = thread(read_byte, &c);

		nap(20);
		put(c, "y");
		EQ((intptr_t)joined(r), 'y');
	}
	OK(shutdown(c, SHUT_WR));
	joined(t);
}
