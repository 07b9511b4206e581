/* limits.c - cases: the smallest and the largest, and what lies beyond */
#include "conform.h"

CASE(limit_backlog_any_number)
{
	static const int backlog[] = { -1, 0, 1, 100000 };

	for (size_t i = 0; i < ARRAY_LEN(backlog); i++) {
		struct addr a;
		int l = bound(SOCK_STREAM, &a);

		OK(listen(l, backlog[i]));
		put(dial(&a), "x");
		want(accept_from(l), "x");
	}
}

CASE(limit_backlog_changes)
{
	struct addr a;
	int filler, l = full_listener(&a, &filler), fd = begin_connect(tcp(), &a);

	EQ(poll_for(fd, POLLOUT, 100), 0);
	OK(listen(l, 8));		/* the next SYN finds room */
	NEED(poll_for(fd, POLLOUT, 8000) & POLLOUT);
	accept_from(l);
	accept_from(l);
}

CASE(limit_iovecs)
{
	enum { N = 1024 };		/* UIO_MAXIOV */
	static struct iovec io[N];
	static char in[N];
	struct msghdr m = { .msg_iov = io, .msg_iovlen = N };
	int c, s;

	for (int i = 0; i < N; i++)
		io[i] = (struct iovec){ (char *)&"0123456789"[i % 10], 1 };
	pair(&c, &s);
	EQ(sendmsg(c, &m, 0), N);
	EQ(recv(s, in, sizeof(in), MSG_WAITALL | MSG_PEEK), N);
	EQ(in[1023], '3');
	for (int i = 0; i < N; i++)
		io[i] = (struct iovec){ in + i, 1 };
	memset(in, 0, sizeof(in));
	EQ(recvmsg(s, &m, MSG_WAITALL), N);
	for (int i = 0; i < N; i++)
		EQ(in[i], '0' + i % 10);
}

CASE(limit_iovecs_of_datagram)
{
	struct iovec io[10] = { { 0 } };
	struct msghdr m = { .msg_iov = io, .msg_iovlen = 0 };
	char text[10], in[20];
	int x, y;

	udp_pair(&x, &y);
	EQ(sendmsg(x, &m, 0), 0);	/* none: a datagram of no bytes */
	EQ(recv(y, in, sizeof(in), 0), 0);
	for (int i = 0; i < 10; i++) {
		text[i] = 'a' + i;
		io[i] = (struct iovec){ text + i, 1 };
	}
	m.msg_iovlen = 10;
	EQ(sendmsg(x, &m, 0), 10);
	EQ(recv(y, in, sizeof(in), 0), 10);
	EQ(memcmp(in, text, 10), 0);
}

CASE(limit_thousand_sockets)
{
	enum { N = 1000 };
	int fd[N];

	for (int i = 0; i < N; i++)
		fd[i] = i % 2 ? tcp() : udp();
	for (int i = 0; i < N; i++)
		OK(close(fd[i]));
	OK(close(tcp()));
}

CASE(limit_udp_queue_drops)
{
	char b[1000] = { 0 };
	int x, y, n = 0;
	ssize_t len;

	udp_pair(&x, &y);
	set_opt(y, SOL_SOCKET, SO_RCVBUF, 10000);
	for (int i = 0; i < 1000; i++)
		EQ(send(x, b, sizeof(b), 0), sizeof(b));	/* what has no room is lost */
	do {				/* what came before is read, and there is room again */
		put(x, "after");
		poll_for(y, POLLIN, 1000);
		while ((len = recv(y, b, sizeof(b), MSG_DONTWAIT)) == sizeof(b))
			n++;
	} while (len != 5);
	NEED(n > 0 && n < 1000);
	EQ(memcmp(b, "after", 5), 0);
}

CASE(limit_long_option)
{
	int fd = tcp(), v[20] = { 1 };
	socklen_t len = sizeof(v);

	OK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, v, sizeof(v)));
	OK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, v, &len));
	EQ(len, sizeof(int));
	EQ(v[0], 1);
	len = 0;
	OK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, v, &len));
	EQ(len, 0);
}

CASE(limit_ports_of_udp)
{
	enum { N = 300 };
	static bool used[65536];

	for (int i = 0; i < N; i++) {
		struct addr a;

		bound(SOCK_DGRAM, &a);
		NEED(!used[port_of(&a)]);
		used[port_of(&a)] = true;
	}
}

CASE(limit_highest_port)
{
	struct addr a = at(65535), p;
	int l = tcp();

	set_opt(l, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(l, &a.sa, a.len) < 0 && errno == EADDRINUSE)
		skip("port 65535 is taken");
	OK(listen(l, 1));
	p = peer_name(dial(&a));
	EQ(port_of(&p), 65535);
}

CASE(limit_recv_of_nothing)
{
	int c, s;
	char b;

	pair(&c, &s);
	ERR(recv(s, &b, 0, MSG_DONTWAIT), EAGAIN);	/* it waits for a byte all the same */
	put(c, "x");
	poll_until(s, POLLIN, POLLIN);
	EQ(recv(s, &b, 0, 0), 0);
	want(s, "x");
}

CASE(limit_poll_many)
{
	enum { N = 200 };
	struct pollfd p[N + 1];
	int fd[N], to;
	struct addr a;

	for (int i = 0; i < N; i++) {
		fd[i] = bound(SOCK_DGRAM, &a);
		p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	}
	p[N] = (struct pollfd){ .fd = -1, .events = POLLIN };
	EQ(poll(p, N + 1, 0), 0);
	a = local_name(fd[150]);
	to = udp();
	EQ(sendto(to, "x", 1, 0, &a.sa, a.len), 1);
	EQ(poll(p, N + 1, 5000), 1);
	EQ(p[150].revents, POLLIN);
	EQ(p[N].revents, 0);
}
