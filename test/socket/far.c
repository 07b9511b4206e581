/* far.c - cases: between two stacks on one link
 *
 * The other stack has the host number 2 where the target has 1. What a loopback never
 * shows: frames, neighbours, ICMP errors from elsewhere, a window and a path between.
 */
#include <net/if.h>
#include "conform.h"

#include <netinet/ip.h>

/* On the target's network, with another host number. */
static struct addr host(int number, int port)
{
	struct addr a = at(port);

	if (family == AF_INET)
		((uint8_t *)&a.in4.sin_addr)[3] = number;
	else
		a.in6.sin6_addr.s6_addr[15] = number;
	return a;
}

static struct addr far_at(int port)
{
	return host(2, port);
}

static int far_bound(int type, struct addr *a)
{
	int fd = far_socket(family, type, 0);

	OK(fd);
	*a = far_at(0);
	OK(bind(fd, &a->sa, a->len));
	*a = local_name(fd);
	return fd;
}

static int far_listener(struct addr *a)
{
	int fd = far_bound(SOCK_STREAM, a);

	OK(listen(fd, 16));
	return fd;
}

/* A connection from here to there. */
static void far_pair(int *c, int *s)
{
	struct addr a;
	int l = far_listener(&a);

	*c = dial(&a);
	*s = accept_from(l);
	OK(close(l));
}

CASE(far_connect)
{
	struct addr a, c, p, mine;
	int l = far_listener(&a), fd = dial(&a), s = accept_from(l);

	c = local_name(fd);
	mine = at(port_of(&c));
	NEED(same(&c, &mine));
	p = peer_name(s);
	NEED(same(&p, &mine));
	p = peer_name(fd);
	NEED(same(&p, &a));
	put(fd, "there");
	want(s, "there");
	put(s, "and back");
	want(fd, "and back");
}

CASE(far_connects_here)
{
	struct addr a, p;
	int l = listener(&a), fd = far_socket(family, SOCK_STREAM, 0), s;

	OK(connect(fd, &a.sa, a.len));
	s = accept_from(l);
	p = peer_name(s);
	a = far_at(port_of(&p));
	NEED(same(&p, &a));
	put(fd, "hello");
	want(s, "hello");
}

CASE(far_nonblock)
{
	struct addr a;
	int l = far_listener(&a);

	connects_later(l, &a);
}

CASE(far_refused)
{
	struct addr a;
	int fd = tcp();

	OK(close(far_listener(&a)));
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
	begin_connect(fd, &a);
	poll_until(fd, POLLIN | POLLOUT, POLLIN | POLLOUT | POLLERR | POLLHUP);
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
}

/* Nobody answers to the address: after three questions of a second each. */
CASE(far_nobody)
{
	struct addr a = host(77, 9);
	int t, u = udp();

	if (family == AF_INET ? (ntohl(a.in4.sin_addr.s_addr) >> 24) == 127 : !a.in6.sin6_addr.s6_addr[0])
		skip("a loopback has no neighbours");
	t = begin_connect(tcp(), &a);
	OK(connect(u, &a.sa, a.len));
	if (family == AF_INET)		/* else no error but a hard one is told */
		set_opt(u, IPPROTO_IP, IP_RECVERR, 1);
	else
		set_opt(u, IPPROTO_IPV6, IPV6_RECVERR, 1);
	put(u, "x");
	NEED(poll_for(t, POLLOUT, 20000) & POLLERR);
	EQ(get_opt(t, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
	poll_until(u, 0, POLLERR);
	EQ(get_opt(u, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
}

CASE(far_half_close)
{
	int c, s;

	far_pair(&c, &s);
	put(c, "question");
	OK(shutdown(c, SHUT_WR));
	want(s, "question");
	want_eof(s);
	put(s, "answer");
	OK(close(s));
	want(c, "answer");
	want_eof(c);
}

CASE(far_reset)
{
	int c, s;
	char b;

	far_pair(&c, &s);
	rude_close(s);
	ERR(read(c, &b, 1), ECONNRESET);
	ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
}

CASE(far_closed_unread)
{
	int c, s;

	far_pair(&c, &s);
	put(c, "never read");
	poll_until(s, POLLIN, POLLIN);
	OK(close(s));
	poll_until(c, 0, POLLERR | POLLHUP);
	EQ(get_opt(c, SOL_SOCKET, SO_ERROR), ECONNRESET);
}

CASE(far_write_to_closed)
{
	int c, s;

	far_pair(&c, &s);
	OK(close(s));
	want_eof(c);
	put(c, "first is taken");
	poll_until(c, 0, POLLERR | POLLHUP);
	ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void *send_much(void *arg)
{
	int fd = *(int *)arg;

	pat_send(fd, 0, 3 << 20);
	OK(shutdown(fd, SHUT_WR));
	return NULL;
}

CASE(far_bulk)
{
	pthread_t t[2];
	int c, s;

	far_pair(&c, &s);
	t[0] = thread(send_much, &c);
	pat_recv(s, 0, 3 << 20);
	want_eof(s);
	t[1] = thread(send_much, &s);
	pat_recv(c, 0, 3 << 20);
	want_eof(c);
	joined(t[0]);
	joined(t[1]);
}

/* The window closes, and opens again when there is a reader. */
CASE(far_window)
{
	size_t sent = 0;
	uint8_t b[8192];
	int c, s;

	far_pair(&c, &s);
	nonblock(c);
	do {
		for (ssize_t n = 0; n >= 0; sent += n > 0 ? n : 0) {
			pat_fill(b, sent, sizeof(b));
			n = send(c, b, sizeof(b), MSG_NOSIGNAL);
		}
		EQ(errno, EAGAIN);
	} while (poll_for(c, POLLOUT, 1500));
	pat_recv(s, 0, sent);
	poll_until(c, POLLOUT, POLLOUT);
}

CASE(far_urgent)
{
	int c, s;

	far_pair(&c, &s);
	want_urgent(c, s);
}

CASE(far_pending_is_reset)
{
	struct addr a;
	int l = far_listener(&a), fd = dial(&a);
	char b;

	poll_until(l, POLLIN, POLLIN);
	OK(close(l));
	ERR(read(fd, &b, 1), ECONNRESET);
}

CASE(far_udp)
{
	struct addr b, from, mine;
	int x = udp(), y = far_bound(SOCK_DGRAM, &b);
	char buf[16];

	EQ(sendto(x, "ping", 4, 0, &b.sa, b.len), 4);
	EQ(recv_from(y, buf, 16, &from), 4);
	mine = local_name(x);
	mine = at(port_of(&mine));
	NEED(same(&from, &mine));
	EQ(sendto(y, "pong!", 5, 0, &from.sa, from.len), 5);
	EQ(recv_from(x, buf, 16, &from), 5);
	NEED(same(&from, &b));
}

CASE(far_udp_refused)
{
	struct addr b, who;
	int x = udp();
	char c;

	OK(close(far_bound(SOCK_DGRAM, &b)));
	OK(connect(x, &b.sa, b.len));
	put(x, "x");
	poll_until(x, POLLIN | POLLOUT, POLLOUT | POLLERR);
	ERR(recv_from(x, &c, 1, &who), ECONNREFUSED);
}

/* In fragments. */
CASE(far_udp_long)
{
	static uint8_t out[40000], in[65536];
	struct addr b;
	int x = udp(), y = far_bound(SOCK_DGRAM, &b);

	set_opt(y, SOL_SOCKET, SO_RCVBUF, 200000);
	pat_fill(out, 0, sizeof(out));
	EQ(sendto(x, out, sizeof(out), 0, &b.sa, b.len), sizeof(out));
	EQ(read(y, in, sizeof(in)), sizeof(out));
	pat_check(in, 0, sizeof(out));
}

CASE(far_group)
{
	struct addr a = any(family, 0), g;
	int x = udp(), y = far_socket(family, SOCK_DGRAM, 0);
	struct ip_mreq four = { .imr_interface = far_at(0).in4.sin_addr };
	struct ipv6_mreq six = { .ipv6mr_interface = 0 };

	OK(bind(y, &a.sa, a.len));
	a = local_name(y);
	g = addr_of(family == AF_INET ? "239.7.8.9" : "ff15::789", port_of(&a));
	if (family == AF_INET) {
		four.imr_multiaddr = g.in4.sin_addr;
		OK(setsockopt(y, IPPROTO_IP, IP_ADD_MEMBERSHIP, &four, sizeof(four)));
		OK(setsockopt(x, IPPROTO_IP, IP_MULTICAST_IF, &target.in4.sin_addr, 4));
	} else {
		six.ipv6mr_multiaddr = g.in6.sin6_addr;
		OK(setsockopt(y, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof(six)));
		set_opt(x, IPPROTO_IPV6, IPV6_MULTICAST_IF, if_nametoindex("eth0"));
	}
	EQ(sendto(x, "all", 3, 0, &g.sa, g.len), 3);
	want(y, "all");
}

CASE(far_broadcast)
{
	struct addr a = any(AF_INET, 0), all;
	int x = udp(), y;

	if (family != AF_INET)
		skip("IPv6 has no broadcast");
	y = far_socket(AF_INET, SOCK_DGRAM, 0);
	OK(bind(y, &a.sa, a.len));
	a = local_name(y);
	all = host(255, port_of(&a));
	ERR(sendto(x, "x", 1, 0, &all.sa, all.len), EACCES);
	set_opt(x, SOL_SOCKET, SO_BROADCAST, 1);
	EQ(sendto(x, "all", 3, 0, &all.sa, all.len), 3);
	want(y, "all");
}

CASE(far_mapped)
{
	struct addr a, m = any(AF_INET6, 0), p;
	int l, fd;

	if (family != AF_INET)
		skip("IPv4's");
	l = far_listener(&a);
	memset(m.in6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(m.in6.sin6_addr.s6_addr + 12, &a.in4.sin_addr, 4);
	m.in6.sin6_port = a.in4.sin_port;
	fd = OK(socket(AF_INET6, SOCK_STREAM, 0));
	OK(connect(fd, &m.sa, m.len));
	p = peer_name(accept_from(l));
	EQ(p.in4.sin_addr.s_addr, target.in4.sin_addr.s_addr);
}

CASE(far_many)
{
	enum { N = 50 };
	struct addr a;
	int l = far_bound(SOCK_STREAM, &a), c[N], s[N];

	OK(listen(l, N));
	for (int i = 0; i < N; i++)
		c[i] = begin_connect(tcp(), &a);
	for (int i = 0; i < N; i++) {
		poll_until(c[i], POLLOUT, POLLOUT);
		s[i] = accept_from(l);
		put(s[i], "hello");
	}
	for (int i = 0; i < N; i++) {
		poll_until(c[i], POLLIN, POLLIN);
		want(c[i], "hello");
	}
}
