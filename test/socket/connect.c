/* connect.c - cases: connect on TCP sockets, in all its states */
#include "conform.h"

CASE(connect_names)
{
	struct addr a, c, s, p;
	int l = listener(&a), fd = dial(&a), sfd = accept_from(l);

	c = local_name(fd);
	p = peer_name(fd);
	NEED(same(&p, &a));
	s = local_name(sfd);
	NEED(same(&s, &a));
	p = peer_name(sfd);
	NEED(same(&p, &c));
	NEED(port_of(&c) != 0 && port_of(&c) != port_of(&a));
	put(fd, "ping");
	want(sfd, "ping");
	put(sfd, "pong");
	want(fd, "pong");
}

CASE(connect_nonblock)
{
	struct addr a;
	int l = listener(&a);

	connects_later(l, &a);
}

CASE(connect_nonblock_again)
{
	struct addr a;
	int fd;

	listener(&a);
	fd = begin_connect(tcp(), &a);
	poll_until(fd, POLLOUT, POLLOUT);
	EQ(connect(fd, &a.sa, a.len), 0);
	ERR(connect(fd, &a.sa, a.len), EISCONN);
}

CASE(connect_pending_states)
{
	struct addr a, b = { .len = sizeof(b.ss) };
	int filler, l = full_listener(&a, &filler), fd = begin_connect(tcp(), &a);

	ERR(connect(fd, &a.sa, a.len), EALREADY);
	EQ(poll_for(fd, POLLIN | POLLOUT, 50), 0);
	ERR(getpeername(fd, &b.sa, &b.len), ENOTCONN);
	b = local_name(fd);
	NEED(port_of(&b) != 0);
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
	accept_from(l);
	poll_until(fd, POLLIN | POLLOUT, POLLOUT);
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
	b = peer_name(fd);
	NEED(same(&a, &b));
	put(fd, "late");
	want(accept_from(l), "late");
}

CASE(connect_pending_io)
{
	struct addr a;
	int filler, fd;
	char c;

	full_listener(&a, &filler);
	fd = begin_connect(tcp(), &a);
	ERR(send(fd, "x", 1, MSG_NOSIGNAL), EAGAIN);
	ERR(recv(fd, &c, 1, 0), EAGAIN);
}

CASE(connect_pending_close)
{
	struct addr a;
	int filler, l = full_listener(&a, &filler), fd;

	fd = begin_connect(tcp(), &a);
	OK(close(fd));
	OK(close(l));
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
}

CASE(connect_refused)
{
	struct addr a, b;
	int fd = bound(SOCK_STREAM, &a), c = tcp();

	OK(close(fd));
	ERR(connect(c, &a.sa, a.len), ECONNREFUSED);
	EQ(get_opt(c, SOL_SOCKET, SO_ERROR), 0);
	ERR(getpeername(c, &b.sa, &(socklen_t){ sizeof(b.ss) }), ENOTCONN);
}

CASE(connect_refused_bound_only)
{
	struct addr a;

	bound(SOCK_STREAM, &a);
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
}

CASE(connect_refused_then_ok)
{
	struct addr dead, a;
	int c = tcp(), l = listener(&a);

	OK(close(bound(SOCK_STREAM, &dead)));
	ERR(connect(c, &dead.sa, dead.len), ECONNREFUSED);
	OK(connect(c, &a.sa, a.len));
	put(c, "again");
	want(accept_from(l), "again");
}

CASE(connect_refused_nonblock)
{
	struct addr a;
	int fd = tcp();

	OK(close(bound(SOCK_STREAM, &a)));
	begin_connect(fd, &a);
	poll_until(fd, POLLIN | POLLOUT, POLLIN | POLLOUT | POLLERR | POLLHUP);
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
}

CASE(connect_refused_nonblock_connect)
{
	struct addr a;
	int fd = tcp();

	OK(close(bound(SOCK_STREAM, &a)));
	begin_connect(fd, &a);
	poll_until(fd, POLLOUT, POLLOUT | POLLERR | POLLHUP);
	ERR(connect(fd, &a.sa, a.len), ECONNREFUSED);
}

CASE(connect_refused_nonblock_read)
{
	struct addr a;
	int fd = tcp();
	char c;

	OK(close(bound(SOCK_STREAM, &a)));
	begin_connect(fd, &a);
	poll_until(fd, POLLOUT, POLLOUT | POLLERR | POLLHUP);
	ERR(read(fd, &c, 1), ECONNREFUSED);
	EQ(read(fd, &c, 1), 0);
}

CASE(connect_isconn)
{
	struct addr a;
	int fd;

	listener(&a);
	fd = dial(&a);
	ERR(connect(fd, &a.sa, a.len), EISCONN);
}

CASE(connect_listening)
{
	struct addr a;
	int l = listener(&a);

	ERR(connect(l, &a.sa, a.len), EISCONN);
}

CASE(connect_timeout)
{
	struct addr a;
	int filler, fd = tcp();

	full_listener(&a, &filler);
	set_opt(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	ERR(connect(fd, &a.sa, a.len), ETIMEDOUT);
}

CASE(connect_sndtimeo)
{
	struct addr a;
	int filler, fd = tcp();
	int64_t start = now_ms();

	full_listener(&a, &filler);
	timeout_opt(fd, SO_SNDTIMEO, 200);
	ERR(connect(fd, &a.sa, a.len), EINPROGRESS);
	NEED(now_ms() - start >= 190);
	NEED(now_ms() - start < 20000);
	ERR(connect(fd, &a.sa, a.len), EALREADY);
}

CASE(connect_eintr)
{
	struct addr a;
	int filler, l = full_listener(&a, &filler), fd = tcp();

	catch_signal(SIGUSR1, 0);
	signal_after(100, SIGUSR1);
	ERR(connect(fd, &a.sa, a.len), EINTR);
	EQ(caught, 1);
	accept_from(l);
	poll_until(fd, POLLOUT, POLLOUT);	/* it went on meanwhile */
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
}

static void *accept_when_caught(void *arg)
{
	until_caught(1);
	accept_from(*(int *)arg);
	return NULL;
}

CASE(connect_restart)
{
	struct addr a;
	int filler, l = full_listener(&a, &filler), fd = tcp();
	pthread_t t = thread(accept_when_caught, &l);

	catch_signal(SIGUSR1, SA_RESTART);
	signal_after(100, SIGUSR1);
	OK(connect(fd, &a.sa, a.len));
	EQ(caught, 1);
	joined(t);
}

CASE(connect_unrouted)
{
	struct addr a = addr_of(family == AF_INET ? "203.0.113.1" : "2001:db8:ffff::1", 9);

	if (connect(udp(), &a.sa, a.len) == 0)	/* sends nothing */
		skip("this machine has a default route");
	EQ(errno, ENETUNREACH);
	ERR(connect(tcp(), &a.sa, a.len), ENETUNREACH);
	ERR(sendto(udp(), "x", 1, 0, &a.sa, a.len), ENETUNREACH);
}

CASE(connect_multicast)
{
	struct addr a = addr_of(family == AF_INET ? "224.0.0.251" : "ff02::fb", 9);

	ERR(connect(tcp(), &a.sa, a.len), ENETUNREACH);
}

CASE(connect_wildcard)
{
	struct addr a = any(family, 0), p;
	struct addr lo = addr_of(family == AF_INET ? "127.0.0.1" : "::1", 0);
	int l = tcp(), fd;

	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 4));
	a = local_name(l);
	fd = dial(&a);
	p = peer_name(fd);
	lo.in4.sin_port = a.in4.sin_port;
	NEED(same(&p, &lo));
	put(fd, "any");
	want(accept_from(l), "any");
}

CASE(connect_after_bind)
{
	struct addr a, b, p;
	int l = listener(&a), fd = bound(SOCK_STREAM, &b);

	OK(connect(fd, &a.sa, a.len));
	p = peer_name(accept_from(l));
	NEED(same(&p, &b));
	p = local_name(fd);
	NEED(same(&p, &b));
}

CASE(connect_to_itself)
{
	struct addr a, p;
	int fd = bound(SOCK_STREAM, &a);

	OK(connect(fd, &a.sa, a.len));	/* simultaneous open, RFC 9293 3.5 */
	p = peer_name(fd);
	NEED(same(&p, &a));
	put(fd, "echo");
	want(fd, "echo");
}

CASE(connect_unspec_dissolves)
{
	struct addr a, none = { .len = sizeof(none.in4) };
	int l = listener(&a), fd = dial(&a), s = accept_from(l);
	char c;

	none.ss.ss_family = AF_UNSPEC;
	OK(connect(fd, &none.sa, none.len));
	ERR(getpeername(fd, &none.sa, &none.len), ENOTCONN);
	ERR(read(s, &c, 1), ECONNRESET);
	OK(connect(fd, &a.sa, a.len));
	put(fd, "anew");
	want(accept_from(l), "anew");
}

CASE(connect_unspec_drops_data)
{
	struct addr a, none = { .len = sizeof(none.in4) };
	int l = listener(&a), fd = dial(&a), s = accept_from(l);

	put(s, "old");
	poll_until(fd, POLLIN, POLLIN);
	none.ss.ss_family = AF_UNSPEC;
	OK(connect(fd, &none.sa, none.len));
	OK(connect(fd, &a.sa, a.len));
	put(accept_from(l), "new");
	want(fd, "new");
}

CASE(connect_unspec_gives_up)
{
	struct addr full, a, none = { .len = sizeof(none.in4) };
	int filler, fd, l;

	full_listener(&full, &filler);
	l = listener(&a);
	fd = begin_connect(tcp(), &full);
	none.ss.ss_family = AF_UNSPEC;
	OK(connect(fd, &none.sa, none.len));
	begin_connect(fd, &a);
	poll_until(fd, POLLOUT, POLLOUT);
	put(fd, "elsewhere");
	want(accept_from(l), "elsewhere");
}

CASE(connect_unspec_stops_listening)
{
	struct addr a, none = { .len = sizeof(none.in4) };
	int l = listener(&a);

	none.ss.ss_family = AF_UNSPEC;
	OK(connect(l, &none.sa, none.len));
	EQ(get_opt(l, SOL_SOCKET, SO_ACCEPTCONN), 0);
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
}

CASE(connect_wrong_family)
{
	struct addr a = addr_of(family == AF_INET ? "::1" : "127.0.0.1", 9);

	/* enough room for the length not to be what is wrong */
	ERR(connect(tcp(), &a.sa, sizeof(a.in6)), EAFNOSUPPORT);
}

CASE(connect_short_address)
{
	struct addr a = at(9);

	ERR(connect(tcp(), &a.sa, a.len - 8), EINVAL);
	ERR(connect(tcp(), &a.sa, sizeof(a.ss) + 1), EINVAL);
	ERR(connect(udp(), &a.sa, a.len - 8), EINVAL);
}

CASE(connect_bad_pointer)
{
	ERR(connect(tcp(), nowhere, target.len), EFAULT);
}

CASE(connect_port_zero)
{
	struct addr a = at(0);

	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
}

CASE(connect_ports_differ)
{
	struct addr a;
	bool used[65536] = { 0 };
	int l;

	l = bound(SOCK_STREAM, &a);
	OK(listen(l, 100));
	for (int i = 0; i < 64; i++) {
		struct addr n = local_name(dial(&a));

		NEED(!used[port_of(&n)]);
		NEED(port_of(&n) >= 1024);
		used[port_of(&n)] = true;
	}
}
