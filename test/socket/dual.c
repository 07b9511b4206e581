/* dual.c - cases: one AF_INET6 socket for both families (RFC 3493 3.7)
 *
 * Their peer is the target if it is an IPv4 address, else 127.0.0.1.
 */
#include "conform.h"

static struct addr v4(int port)
{
	return family == AF_INET ? at(port) : addr_of("127.0.0.1", port);
}

static struct addr mapped(const struct addr *a)
{
	struct addr m = any(AF_INET6, port_of(a));

	memset(m.in6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(m.in6.sin6_addr.s6_addr + 12, &a->in4.sin_addr, 4);
	return m;
}

static int bind6(int type, int port, bool only, struct addr *a)
{
	int fd = OK(socket(AF_INET6, type, 0));

	*a = any(AF_INET6, port);
	if (only)
		set_opt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (bind(fd, &a->sa, a->len) < 0) {
		close(fd);
		return -1;
	}
	*a = local_name(fd);
	return fd;
}

static int dial_v4(int port)
{
	struct addr a = v4(port);
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(connect(fd, &a.sa, a.len));
	return fd;
}

CASE(dual_accepts_v4)
{
	struct addr a, c, want_peer, p = { .len = sizeof(p.ss) };
	int l = bind6(SOCK_STREAM, 0, false, &a), fd, s;

	OK(listen(l, 4));
	fd = dial_v4(port_of(&a));
	s = OK(accept(l, &p.sa, &p.len));
	c = local_name(fd);
	want_peer = mapped(&c);
	NEED(same(&p, &want_peer));
	p = peer_name(s);
	NEED(same(&p, &want_peer));
	c = v4(port_of(&a));
	want_peer = mapped(&c);
	p = local_name(s);
	NEED(same(&p, &want_peer));
	EQ(get_opt(s, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	put(fd, "four");
	want(s, "four");
}

CASE(dual_accepts_v6_too)
{
	struct addr a, six;
	int l = bind6(SOCK_STREAM, 0, false, &a), fd = OK(socket(AF_INET6, SOCK_STREAM, 0));

	OK(listen(l, 4));
	six = addr_of("::1", port_of(&a));
	OK(connect(fd, &six.sa, six.len));
	put(fd, "six");
	want(accept_from(l), "six");
	put(dial_v4(port_of(&a)), "four");
	want(accept_from(l), "four");
}

CASE(dual_v6only_refuses_v4)
{
	struct addr a, b;
	int l = bind6(SOCK_STREAM, 0, true, &a), fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(listen(l, 4));
	b = v4(port_of(&a));
	ERR(connect(fd, &b.sa, b.len), ECONNREFUSED);
}

CASE(dual_v6only_shares_port)
{
	struct addr a, b;
	int six, four = OK(socket(AF_INET, SOCK_STREAM, 0)), tries = 0;

	do {	/* a connection of another case may be in TIME-WAIT at the port */
		six = bind6(SOCK_STREAM, 0, true, &a);
		b = any(AF_INET, port_of(&a));
	} while (bind(four, &b.sa, b.len) < 0 && errno == EADDRINUSE && ++tries < 5);
	NEED(tries < 5);
	OK(listen(six, 4));
	OK(listen(four, 4));
	put(dial_v4(port_of(&a)), "four");
	want(accept_from(four), "four");
	EQ(poll_for(six, POLLIN, 30), 0);
}

CASE(dual_conflicts_with_v4)
{
	struct addr a, b;
	int six = bind6(SOCK_STREAM, 0, false, &a), four = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(listen(six, 4));
	b = any(AF_INET, port_of(&a));
	ERR(bind(four, &b.sa, b.len), EADDRINUSE);
}

CASE(dual_connects_mapped)
{
	struct addr a = v4(0), m, p;
	int l = OK(socket(AF_INET, SOCK_STREAM, 0)), fd = OK(socket(AF_INET6, SOCK_STREAM, 0));

	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 4));
	a = local_name(l);
	m = mapped(&a);
	OK(connect(fd, &m.sa, m.len));
	p = peer_name(fd);
	NEED(same(&p, &m));
	p = local_name(fd);
	NEED(IN6_IS_ADDR_V4MAPPED(&p.in6.sin6_addr));
	put(fd, "mapped");
	want(accept_from(l), "mapped");
}

CASE(dual_v6only_refuses_mapped)
{
	struct addr a = v4(9), m = mapped(&a);
	int fd = OK(socket(AF_INET6, SOCK_STREAM, 0));

	set_opt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	ERR(connect(fd, &m.sa, m.len), ENETUNREACH);
}

CASE(dual_udp)
{
	struct addr a, b, c, from = { .len = sizeof(from.ss) };
	int six = bind6(SOCK_DGRAM, 0, false, &a), four = OK(socket(AF_INET, SOCK_DGRAM, 0));
	char buf[8];

	b = v4(port_of(&a));
	EQ(sendto(four, "four", 4, 0, &b.sa, b.len), 4);
	EQ(recvfrom(six, buf, 8, 0, &from.sa, &from.len), 4);
	c = local_name(four);
	EQ(port_of(&from), port_of(&c));
	NEED(IN6_IS_ADDR_V4MAPPED(&from.in6.sin6_addr));
	EQ(sendto(six, "six", 3, 0, &from.sa, from.len), 3);
	from.len = sizeof(from.ss);
	EQ(recvfrom(four, buf, 8, 0, &from.sa, &from.len), 3);
	NEED(same(&from, &b));
}

CASE(dual_udp_connect_mapped)
{
	struct addr a = v4(0), m;
	int four = OK(socket(AF_INET, SOCK_DGRAM, 0)), six = OK(socket(AF_INET6, SOCK_DGRAM, 0));

	OK(bind(four, &a.sa, a.len));
	a = local_name(four);
	m = mapped(&a);
	OK(connect(six, &m.sa, m.len));
	put(six, "x");
	want(four, "x");
	a = local_name(six);
	NEED(IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr));
}
