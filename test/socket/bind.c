/* bind.c - cases: which names a socket may take, and which it is said to have */
#include "conform.h"

static int bind_to(int type, const struct addr *a, int opt)
{
	int fd = OK(socket(a->ss.ss_family, type, 0));

	if (opt)
		set_opt(fd, SOL_SOCKET, opt, 1);
	if (bind(fd, &a->sa, a->len) == 0)
		return fd;
	close(fd);
	return -1;
}

CASE(bind_zero)
{
	struct addr a, b = at(0);

	bound(SOCK_STREAM, &a);
	NEED(port_of(&a) >= 1024);
	b.in4.sin_port = a.in4.sin_port;
	NEED(same(&a, &b));
	bound(SOCK_DGRAM, &a);
	NEED(port_of(&a) >= 1024);
}

CASE(bind_fresh_name)
{
	struct addr a = local_name(tcp()), b = any(family, 0);

	NEED(same(&a, &b));
	a = local_name(udp());
	NEED(same(&a, &b));
}

CASE(bind_wildcard)
{
	struct addr a = any(family, 0), b;
	int fd = tcp();

	OK(bind(fd, &a.sa, a.len));
	b = local_name(fd);
	NEED(port_of(&b) >= 1024);
	a.in4.sin_port = b.in4.sin_port;
	NEED(same(&a, &b));
}

CASE(bind_twice)
{
	struct addr a, b = at(0);
	int fd = bound(SOCK_STREAM, &a);

	ERR(bind(fd, &b.sa, b.len), EINVAL);
	fd = bound(SOCK_DGRAM, &a);
	ERR(bind(fd, &b.sa, b.len), EINVAL);
}

CASE(bind_connected)
{
	struct addr a, b = at(0);
	int fd;

	listener(&a);
	fd = dial(&a);
	ERR(bind(fd, &b.sa, b.len), EINVAL);
}

CASE(bind_in_use)
{
	struct addr a;

	bound(SOCK_STREAM, &a);
	ERR(bind_to(SOCK_STREAM, &a, 0), EADDRINUSE);
	bound(SOCK_DGRAM, &a);
	ERR(bind_to(SOCK_DGRAM, &a, 0), EADDRINUSE);
}

CASE(bind_in_use_listening)
{
	struct addr a;

	listener(&a);
	ERR(bind_to(SOCK_STREAM, &a, 0), EADDRINUSE);
	ERR(bind_to(SOCK_STREAM, &a, SO_REUSEADDR), EADDRINUSE);
}

CASE(bind_in_use_reuseaddr_listening)
{
	struct addr a = at(0);
	int fd = bind_to(SOCK_STREAM, &a, SO_REUSEADDR);

	a = local_name(fd);
	OK(listen(fd, 4));
	ERR(bind_to(SOCK_STREAM, &a, SO_REUSEADDR), EADDRINUSE);
}

CASE(bind_in_use_wildcard)
{
	struct addr a = any(family, 0), b;
	int fd = tcp();

	OK(bind(fd, &a.sa, a.len));
	a = local_name(fd);
	OK(listen(fd, 4));
	b = at(port_of(&a));
	ERR(bind_to(SOCK_STREAM, &b, 0), EADDRINUSE);
}

CASE(bind_in_use_other_address)
{
	struct addr a, b = addr_of("127.0.0.77", 0);

	if (family == AF_INET6)
		skip("::1 has no neighbours");
	listener(&a);
	b.in4.sin_port = a.in4.sin_port;
	OK(listen(OK(bind_to(SOCK_STREAM, &b, 0)), 1));
}

CASE(bind_reuseaddr_listen_second)
{
	struct addr a = at(0);
	int x = bind_to(SOCK_STREAM, &a, SO_REUSEADDR), y;

	a = local_name(x);
	y = OK(bind_to(SOCK_STREAM, &a, SO_REUSEADDR));
	OK(listen(x, 4));
	ERR(listen(y, 4), EADDRINUSE);
}

CASE(bind_reuseport)
{
	struct addr a = at(0);
	int l[2], seen[2] = { 0 };
	struct pollfd p[2];

	l[0] = OK(bind_to(SOCK_STREAM, &a, SO_REUSEPORT));
	a = local_name(l[0]);
	l[1] = OK(bind_to(SOCK_STREAM, &a, SO_REUSEPORT));
	OK(listen(l[0], 64));
	OK(listen(l[1], 64));
	for (int i = 0; i < 50; i++) {
		dial(&a);
		for (int j = 0; j < 2; j++)
			p[j] = (struct pollfd){ .fd = l[j], .events = POLLIN };
		EQ(poll(p, 2, 5000), 1);
		seen[p[1].revents ? 1 : 0]++;
		accept_from(p[1].revents ? l[1] : l[0]);
	}
	EQ(seen[0] + seen[1], 50);
	NEED(seen[0] > 0 && seen[1] > 0);
}

CASE(bind_reuseport_one_side)
{
	struct addr a = at(0);
	int l = OK(bind_to(SOCK_STREAM, &a, SO_REUSEPORT));

	OK(listen(l, 4));
	a = local_name(l);
	ERR(bind_to(SOCK_STREAM, &a, 0), EADDRINUSE);
	listener(&a);
	ERR(bind_to(SOCK_STREAM, &a, SO_REUSEPORT), EADDRINUSE);
}

CASE(bind_foreign)
{
	struct addr a = addr_of(family == AF_INET ? "198.51.100.7" : "2001:db8::7", 0);

	ERR(bind_to(SOCK_STREAM, &a, 0), EADDRNOTAVAIL);
	ERR(bind_to(SOCK_DGRAM, &a, 0), EADDRNOTAVAIL);
}

CASE(bind_after_close)
{
	struct addr a;
	int l = listener(&a);

	OK(close(l));
	l = OK(bind_to(SOCK_STREAM, &a, 0));
	OK(listen(l, 4));
	put(dial(&a), "second");
	want(accept_from(l), "second");
}

CASE(bind_time_wait)
{
	struct addr a = at(0);
	int l = OK(bind_to(SOCK_STREAM, &a, SO_REUSEADDR)), fd, s;

	OK(listen(l, 4));
	a = local_name(l);
	fd = dial(&a);
	s = accept_from(l);
	OK(close(s));	/* the server closes first: its side waits */
	want_eof(fd);
	OK(close(fd));
	OK(close(l));
	nap(50);
	ERR(bind_to(SOCK_STREAM, &a, 0), EADDRINUSE);
	l = OK(bind_to(SOCK_STREAM, &a, SO_REUSEADDR));
	OK(listen(l, 4));
	put(dial(&a), "again");
	want(accept_from(l), "again");
}

CASE(bind_tcp_and_udp)
{
	struct addr a;

	bound(SOCK_STREAM, &a);
	OK(bind_to(SOCK_DGRAM, &a, 0));
}

CASE(bind_udp_reuseaddr)
{
	struct addr a = at(0);
	int x = OK(bind_to(SOCK_DGRAM, &a, SO_REUSEADDR));

	a = local_name(x);
	OK(bind_to(SOCK_DGRAM, &a, SO_REUSEADDR));
	ERR(bind_to(SOCK_DGRAM, &a, 0), EADDRINUSE);
}

CASE(bind_wrong_family)
{
	struct addr a = any(family == AF_INET ? AF_INET6 : AF_INET, 0);

	ERR(bind(tcp(), &a.sa, sizeof(a.in6)), EAFNOSUPPORT);
}

CASE(bind_short_address)
{
	struct addr a = at(0);

	ERR(bind(tcp(), &a.sa, a.len - 8), EINVAL);
	ERR(bind(tcp(), &a.sa, sizeof(a.ss) + 1), EINVAL);
}

CASE(bind_bad_pointer)
{
	ERR(bind(tcp(), nowhere, target.len), EFAULT);
}

CASE(name_truncated)
{
	struct addr a, b;
	int fd = bound(SOCK_STREAM, &a);

	memset(&b, 0x5a, sizeof(b));
	b.len = 4;
	OK(getsockname(fd, &b.sa, &b.len));
	EQ(b.len, a.len);
	EQ(memcmp(&a, &b, 4), 0);
	EQ(((uint8_t *)&b)[4], 0x5a);
	b.len = 0;
	OK(getsockname(fd, &b.sa, &b.len));
	EQ(b.len, a.len);
}

CASE(name_bad_arguments)
{
	struct addr a;
	int fd = bound(SOCK_STREAM, &a);

	a.len = -1;
	ERR(getsockname(fd, &a.sa, &a.len), EINVAL);
}

CASE(name_bad_pointers)
{
	struct addr a;
	int fd = bound(SOCK_STREAM, &a);

	ERR(getsockname(fd, nowhere, &a.len), EFAULT);
	ERR(getsockname(fd, &a.sa, nowhere), EFAULT);
}
