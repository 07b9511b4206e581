/* walked.c - what random programs (walk/walk.c) found: differences from Linux that were repaired */
#include "conform.h"

#include <linux/sockios.h>

static int inq(int fd)
{
	int n = -1;

	OK(ioctl(fd, SIOCINQ, &n));
	return n;
}

CASE(inq_of_listener)
{
	struct addr a;
	int n, l = listener(&a);

	ERR(ioctl(l, SIOCINQ, &n), EINVAL);
}

/* What the stack holds is counted, whoever has received before. */
CASE(inq_after_recv)
{
	char b[8000];
	int c, s;

	pair(&c, &s);
	ERR(recv(s, b, sizeof(b), MSG_DONTWAIT), EAGAIN);
	EQ(send(c, b, 500, 0), 500);
	poll_until(s, POLLIN, POLLIN);
	EQ(inq(s), 500);
	EQ(recv(s, b, 100, 0), 100);
	EQ(inq(s), 400);
}

CASE(inq_between_recvs)
{
	char b[8000] = { 0 };
	int c, s;

	pair(&c, &s);
	EQ(send(c, b, 500, 0), 500);
	poll_until(s, POLLIN, POLLIN);
	EQ(recv(s, b, 1, 0), 1);
	EQ(send(c, b, 10, 0), 10);
	for (int i = 0; i < 1000 && inq(s) != 509; i++)
		nap(2);
	EQ(inq(s), 509);
}

CASE(inq_of_dgram_after_recv)
{
	char b[600];
	int a, z;

	udp_pair(&a, &z);
	ERR(recv(z, b, sizeof(b), MSG_DONTWAIT), EAGAIN);
	EQ(send(a, b, 500, 0), 500);
	poll_until(z, POLLIN, POLLIN);
	EQ(inq(z), 500);
}

/* Those that waited when the socket got another peer are still of whom they came from. */
CASE(udp_reconnect_names_source)
{
	struct addr first, from, me;
	char b[10];
	int a, z, other;

	udp_pair(&a, &z);
	first = local_name(a);
	other = bound(SOCK_DGRAM, &me);
	put(a, "x");
	poll_until(z, POLLIN, POLLIN);
	OK(connect(z, &me.sa, me.len));
	EQ(recv_from(z, b, sizeof(b), &from), 1);
	NEED(same(&from, &first));
	from = local_name(z);
	OK(connect(other, &from.sa, from.len));
	put(other, "y");
	EQ(recv_from(z, b, sizeof(b), &from), 1);
	NEED(same(&from, &me));
}

CASE(udp_connect_fails_keeps_peer)
{
	struct addr nowhere_at = family == AF_INET ? addr_of("192.0.2.9", 9) : addr_of("2001:db8::9", 9);
	int a, z;

	if (family == AF_INET6)
		skip("Linux keeps half of the old peer");
	udp_pair(&a, &z);
	ERR(connect(a, &nowhere_at.sa, nowhere_at.len), ENETUNREACH);
	put(a, "x");
	want(z, "x");
}

CASE(udp_shutdown_stops_sending)
{
	struct addr peer;
	int a, z;

	udp_pair(&a, &z);
	peer = local_name(z);
	OK(shutdown(a, SHUT_WR));
	ERR(sendto(a, "x", 1, MSG_NOSIGNAL, &peer.sa, peer.len), EPIPE);
	ERR(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
}

CASE(udp_shutdown_unconnected)
{
	struct addr me;
	int a = bound(SOCK_DGRAM, &me);

	ERR(shutdown(a, SHUT_WR), ENOTCONN);
	ERR(sendto(a, "x", 1, MSG_NOSIGNAL, &me.sa, me.len), EPIPE);
}

CASE(udp_send_binds)
{
	struct addr me;
	int a = udp();

	me = at(0);
	ERR(sendto(a, "x", 1, 0, &me.sa, me.len), EINVAL);
	me = local_name(a);
	NEED(port_of(&me) != 0);
}

CASE(udp_mapped_peers)
{
	struct addr mapped = addr_of("::ffff:127.0.0.1", 0), six = addr_of("::1", 9), none = any(AF_INET6, 9), peer;
	int a;

	if (family == AF_INET)
		skip("of IPv6");
	a = udp();
	OK(bind(a, &mapped.sa, mapped.len));
	ERR(connect(a, &six.sa, six.len), EAFNOSUPPORT);
	OK(connect(a, &none.sa, none.len));
	peer = peer_name(a);
	mapped = addr_of("::ffff:127.0.0.1", 9);
	NEED(same(&peer, &mapped));
}

CASE(udp_no_mark)
{
	int n, a = udp();

	ERR(ioctl(a, SIOCATMARK, &n), ENOTTY);
}

CASE(listener_shutdown_write)
{
	struct addr a;
	int l = listener(&a);

	OK(shutdown(l, SHUT_WR));
	OK(close(dial(&a)));
}

/* Its connection was told of, as by connect(). */
CASE(shutdown_tells_connected)
{
	struct addr a;
	int fd = begin_connect(tcp(), (listener(&a), &a));

	poll_until(fd, POLLOUT, POLLOUT);
	OK(shutdown(fd, SHUT_WR));
	ERR(connect(fd, &a.sa, a.len), EISCONN);
}

CASE(recv_after_refused)
{
	struct addr a;
	char b[4];
	int fd = bound(SOCK_STREAM, &a), c = tcp();

	ERR(connect(c, &a.sa, a.len), ECONNREFUSED);
	ERR(recv(c, b, sizeof(b), MSG_DONTWAIT), ENOTCONN);
	OK(close(fd));
}

/* WAITALL: what came, and why no more comes is for the next call. */
CASE(waitall_keeps_reset)
{
	char b[10];
	int c, s;

	pair(&c, &s);
	ERR(recv(s, b, sizeof(b), MSG_DONTWAIT), EAGAIN);
	put(c, "abc");
	poll_until(s, POLLIN, POLLIN);
	rude_close(c);
	poll_until(s, POLLIN | POLLRDHUP, POLLIN | POLLRDHUP | POLLHUP | POLLERR);
	EQ(recv(s, b, sizeof(b), MSG_WAITALL), 3);
	ERR(recv(s, b, sizeof(b), 0), ECONNRESET);
}

/* A reset behind the end of the stream: reads go on to say the end. */
CASE(reset_behind_end)
{
	char b[10];
	int c, s;

	pair(&c, &s);
	put(c, "abc");
	want(s, "abc");
	OK(close(c));
	poll_until(s, POLLIN | POLLRDHUP, POLLIN | POLLRDHUP);
	put(s, "x");
	poll_until(s, POLLIN | POLLRDHUP, POLLIN | POLLRDHUP | POLLHUP | POLLERR);
	EQ(recv(s, b, sizeof(b), 0), 0);
	EQ(recv(s, b, sizeof(b), 0), 0);
	EQ(get_opt(s, SOL_SOCKET, SO_ERROR), EPIPE);
}

/* Unread, and its FIN sent before: who closes then resets. */
CASE(shut_then_close_unread)
{
	int c, s;

	pair(&c, &s);
	put(c, "abc");
	poll_until(s, POLLIN, POLLIN);
	OK(shutdown(s, SHUT_WR));
	poll_until(c, POLLIN | POLLRDHUP, POLLIN | POLLRDHUP);
	OK(close(s));
	poll_until(c, POLLIN | POLLRDHUP, POLLIN | POLLRDHUP | POLLHUP | POLLERR);
}

/* RFC 9293 3.10.4: who reads no more resets who goes on sending, also behind what was read. */
CASE(shut_both_resets_sender)
{
	int c, s;
	ssize_t n = 1;

	pair(&c, &s);
	put(c, "abc");
	want(s, "a");
	OK(shutdown(s, SHUT_RDWR));
	for (int i = 0; i < 300 && n > 0; i++, nap(10))
		n = send(c, "more", 4, MSG_NOSIGNAL);
	NEED(n < 0 && (errno == EPIPE || errno == ECONNRESET));
}
