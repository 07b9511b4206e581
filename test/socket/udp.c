/* udp.c - cases: datagrams, connected and not, with all that comes beside them */
#include "conform.h"

/* Bound to the wildcard, so that the address of arrival is worth asking for. */
static int udp_any(struct addr *a)
{
	int fd = udp();

	*a = any(family, 0);
	OK(bind(fd, &a->sa, a->len));
	*a = local_name(fd);
	*a = at(port_of(a));
	return fd;
}

static ssize_t send_to(int fd, const char *text, const struct addr *a)
{
	return sendto(fd, text, strlen(text), 0, &a->sa, a->len);
}

CASE(udp_exchange)
{
	struct addr a, b, from;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	char buf[16];

	EQ(send_to(x, "ping", &b), 4);
	EQ(recv_from(y, buf, 16, &from), 4);
	EQ(memcmp(buf, "ping", 4), 0);
	NEED(same(&from, &a));
	EQ(send_to(y, "pong!", &from), 5);
	EQ(recv_from(x, buf, 16, &from), 5);
	NEED(same(&from, &b));
}

CASE(udp_autobind)
{
	struct addr a, mine, from;
	int x = udp(), y = bound(SOCK_DGRAM, &a);
	char buf[4];

	EQ(send_to(x, "x", &a), 1);
	mine = local_name(x);
	NEED(port_of(&mine) >= 1024);
	EQ(recv_from(y, buf, 4, &from), 1);
	EQ(port_of(&from), port_of(&mine));
	mine = at(port_of(&mine));
	NEED(same(&from, &mine));	/* sent from the address it went to */
}

CASE(udp_wildcard_replies)
{
	struct addr a, b, from;
	int x = udp_any(&a), y = udp_any(&b);
	char buf[4];

	EQ(send_to(x, "x", &b), 1);
	EQ(recv_from(y, buf, 4, &from), 1);
	NEED(same(&from, &a));
	EQ(send_to(y, "y", &from), 1);
	EQ(recv_from(x, buf, 4, &from), 1);
	NEED(same(&from, &b));
}

CASE(udp_connected)
{
	struct addr a, b, n;
	int x = udp(), y = bound(SOCK_DGRAM, &b);

	OK(connect(x, &b.sa, b.len));
	n = peer_name(x);
	NEED(same(&n, &b));
	a = local_name(x);
	n = at(port_of(&a));
	NEED(same(&a, &n));	/* connect chooses the source */
	put(x, "hello");
	OK(connect(y, &a.sa, a.len));
	want(y, "hello");
	EQ(send(y, "you", 3, 0), 3);
	want(x, "you");
}

CASE(udp_connected_filters)
{
	struct addr a, b, c;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b), z = bound(SOCK_DGRAM, &c);

	OK(connect(x, &b.sa, b.len));
	EQ(send_to(z, "stranger", &a), 8);
	EQ(poll_for(x, POLLIN, 50), 0);
	EQ(send_to(y, "friend", &a), 6);
	want(x, "friend");
}

CASE(udp_queued_before_connect)
{
	struct addr a, b, c;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b), z = bound(SOCK_DGRAM, &c);

	EQ(send_to(z, "early", &a), 5);
	poll_until(x, POLLIN, POLLIN);
	OK(connect(x, &b.sa, b.len));
	want(x, "early");	/* what is queued stays */
	EQ(send_to(y, "later", &a), 5);
	want(x, "later");
}

static bool same_host(int fd, const struct addr *want)
{
	struct addr n = local_name(fd);

	if (n.ss.ss_family == AF_INET)
		n.in4.sin_port = want->in4.sin_port;
	else
		n.in6.sin6_port = want->in6.sin6_port;
	return same(&n, want);
}

CASE(udp_reconnect)
{
	struct addr a, b, n;
	int x = udp(), y = bound(SOCK_DGRAM, &a), z = bound(SOCK_DGRAM, &b);

	OK(connect(x, &a.sa, a.len));
	OK(connect(x, &b.sa, b.len));
	n = peer_name(x);
	NEED(same(&n, &b));
	put(x, "to b");
	want(z, "to b");
	EQ(poll_for(y, POLLIN, 30), 0);
}

/* The source that the first connect() chose stays until the socket is dissolved. */
CASE(udp_reconnect_keeps_source)
{
	struct addr a, lo, n = { .ss.ss_family = AF_UNSPEC, .len = sizeof(n.in4) };
	int x = udp();

	bound(SOCK_DGRAM, &a);
	lo = addr_of(a.ss.ss_family == AF_INET ? "127.0.0.1" : "::1", 9);
	OK(connect(x, &a.sa, a.len));
	OK(connect(x, &lo.sa, lo.len));
	NEED(same_host(x, &a));
	OK(connect(x, &n.sa, n.len));
	OK(connect(x, &lo.sa, lo.len));
	NEED(same_host(x, &lo));
}

CASE(udp_dissolve)
{
	struct addr a, b, c, n = { .len = sizeof(n.in4) };
	int x, y = bound(SOCK_DGRAM, &b), z = bound(SOCK_DGRAM, &c);

	OK(close(bound(SOCK_DGRAM, &a)));
	x = udp();
	OK(bind(x, &a.sa, a.len));	/* a port that was asked for is kept */
	OK(connect(x, &b.sa, b.len));
	n.ss.ss_family = AF_UNSPEC;
	OK(connect(x, &n.sa, n.len));
	n.len = sizeof(n.ss);
	ERR(getpeername(x, &n.sa, &n.len), ENOTCONN);
	n = local_name(x);
	NEED(same(&n, &a));
	ERR(send(x, "x", 1, 0), EDESTADDRREQ);
	EQ(send_to(z, "all", &a), 3);
	want(x, "all");
	EQ(send_to(y, "welcome", &a), 7);
	want(x, "welcome");
}

CASE(udp_sendto_while_connected)
{
	struct addr a, b;
	int x = udp(), y = bound(SOCK_DGRAM, &a), z = bound(SOCK_DGRAM, &b);

	OK(connect(x, &a.sa, a.len));
	EQ(send_to(x, "aside", &b), 5);
	want(z, "aside");
	put(x, "on");
	want(y, "on");
}

CASE(udp_send_without_address)
{
	ERR(send(udp(), "x", 1, 0), EDESTADDRREQ);
	ERR(write(udp(), "x", 1), EDESTADDRREQ);
}

CASE(udp_refused)
{
	struct addr a;
	int x = udp();
	char c;

	OK(close(bound(SOCK_DGRAM, &a)));
	OK(connect(x, &a.sa, a.len));
	put(x, "x");
	poll_until(x, POLLIN | POLLOUT, POLLOUT | POLLERR);
	ERR(recv(x, &c, 1, 0), ECONNREFUSED);	/* ICMP port unreachable */
	put(x, "x");
	poll_until(x, 0, POLLERR);
	EQ(get_opt(x, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	EQ(get_opt(x, SOL_SOCKET, SO_ERROR), 0);
	put(x, "x");
	poll_until(x, 0, POLLERR);
	ERR(send(x, "x", 1, 0), ECONNREFUSED);
}

/* What wakes who polls, and what he then asks for. */
CASE(udp_refused_polls)
{
	struct addr a, who;
	int x = udp();
	char c;

	OK(close(bound(SOCK_DGRAM, &a)));
	OK(connect(x, &a.sa, a.len));
	put(x, "x");
	poll_until(x, POLLIN | POLLOUT, POLLOUT | POLLERR);
	EQ(get_opt(x, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	poll_until(x, POLLIN | POLLOUT, POLLOUT);
	put(x, "x");
	poll_until(x, POLLIN | POLLOUT, POLLOUT | POLLERR);
	ERR(recvfrom(x, &c, 1, 0, &who.sa, &(socklen_t){ sizeof(who.ss) }), ECONNREFUSED);
	poll_until(x, POLLIN | POLLOUT, POLLOUT);
	EQ(get_opt(x, SOL_SOCKET, SO_ERROR), 0);
}

CASE(udp_refused_wakes_epoll)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int x = udp(), ep = epoll_create1(EPOLL_CLOEXEC);
	struct addr a;

	OK(close(bound(SOCK_DGRAM, &a)));
	OK(connect(x, &a.sa, a.len));
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, x, &ev));
	put(x, "x");
	EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	EQ(ev.events, EPOLLERR);
	EQ(get_opt(x, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	put(x, "x");
	EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	EQ(ev.events, EPOLLERR);
}

CASE(udp_refused_wakes_reader)
{
	struct addr a;
	int x = udp();
	char c;

	OK(close(bound(SOCK_DGRAM, &a)));
	OK(connect(x, &a.sa, a.len));
	put(x, "x");
	ERR(recv(x, &c, 1, 0), ECONNREFUSED);
}

CASE(udp_unconnected_hears_no_error)
{
	struct addr a;
	int x = udp();

	OK(close(bound(SOCK_DGRAM, &a)));
	EQ(send_to(x, "x", &a), 1);
	EQ(poll_for(x, POLLIN, 50), 0);
	EQ(send_to(x, "x", &a), 1);
}

CASE(udp_recvmsg)
{
	struct addr a, b, from;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	char p[2], q[10];
	struct iovec io[2] = { { p, 2 }, { q, 10 } };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from.ss), .msg_iov = io,
			    .msg_iovlen = 2, .msg_flags = -1 };

	EQ(send_to(x, "abcdef", &b), 6);
	EQ(recvmsg(y, &m, 0), 6);
	EQ(memcmp(p, "ab", 2), 0);
	EQ(memcmp(q, "cdef", 4), 0);
	from.len = m.msg_namelen;
	NEED(same(&from, &a));
	EQ(m.msg_flags, 0);
}

CASE(udp_recvmsg_truncated)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	char p[3];
	struct iovec io = { p, 3 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	EQ(send_to(x, "abcdef", &b), 6);
	EQ(send_to(x, "next", &b), 4);
	EQ(recvmsg(y, &m, 0), 3);
	EQ(m.msg_flags, MSG_TRUNC);
	EQ(recvmsg(y, &m, MSG_TRUNC), 4);	/* the true length */
	EQ(memcmp(p, "nex", 3), 0);
}

CASE(udp_sendmsg)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	struct iovec io[3] = { { "ab", 2 }, { "", 0 }, { "cd", 2 } };
	struct msghdr m = { .msg_name = &b, .msg_namelen = b.len, .msg_iov = io,
			    .msg_iovlen = 3 };

	EQ(sendmsg(x, &m, 0), 4);
	want(y, "abcd");
	m.msg_name = NULL;
	ERR(sendmsg(x, &m, 0), EDESTADDRREQ);
	OK(connect(x, &b.sa, b.len));
	EQ(sendmsg(x, &m, 0), 4);
	want(y, "abcd");
}

CASE(udp_mmsg)
{
	enum { N = 4 };
	struct addr a, b, from[N];
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	struct mmsghdr m[N] = { 0 };
	struct iovec io[N];
	char buf[N][8];

	for (int i = 0; i < N; i++) {
		io[i] = (struct iovec){ "abcd", i };
		m[i].msg_hdr = (struct msghdr){ &b, b.len, &io[i], 1, NULL, 0, 0 };
	}
	EQ(sendmmsg(x, m, N, 0), N);
	for (int i = 0; i < N; i++) {
		EQ(m[i].msg_len, i);
		io[i] = (struct iovec){ buf[i], 8 };
		m[i].msg_hdr = (struct msghdr){ &from[i], sizeof(from[i].ss), &io[i], 1,
						NULL, 0, 0 };
	}
	EQ(recvmmsg(y, m, N, 0, NULL), N);
	for (int i = 0; i < N; i++) {
		EQ(m[i].msg_len, i);
		from[i].len = m[i].msg_hdr.msg_namelen;
		NEED(same(&from[i], &a));
	}
}

CASE(udp_recvmmsg_partial)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	char buf[3][8];
	struct iovec io[3] = { { buf[0], 8 }, { buf[1], 8 }, { buf[2], 8 } };
	struct mmsghdr m[3] = { 0 };

	for (int i = 0; i < 3; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &io[i], .msg_iovlen = 1 };
	EQ(send_to(x, "one", &b), 3);
	EQ(recvmmsg(y, m, 3, MSG_WAITFORONE, NULL), 1);
	ERR(recvmmsg(y, m, 3, MSG_DONTWAIT, NULL), EAGAIN);
}

/* Sends what it is given to send, one after the other. */
static void *send_slowly(void *to)
{
	int x = udp();

	for (int i = 0; i < 4; i++) {
		usleep(50000);
		send_to(x, "one", to);
	}
	close(x);
	return NULL;
}

static int slow_mmsg(int y, struct addr *to, int flags, struct timespec *timeout)
{
	char buf[4][8];
	struct iovec io[4];
	struct mmsghdr m[4] = { 0 };
	pthread_t t;
	int n;

	for (int i = 0; i < 4; i++) {
		io[i] = (struct iovec){ buf[i], 8 };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &io[i], .msg_iovlen = 1 };
	}
	t = thread(send_slowly, to);
	n = recvmmsg(y, m, 4, flags, timeout);
	joined(t);
	while (recv(y, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		continue;
	return n;
}

CASE(udp_recvmmsg_waits_for_all)
{
	struct timespec soon = { 0, 60000000 }, none = { 0, -1 };
	struct addr b;
	int y = bound(SOCK_DGRAM, &b), n;

	EQ(slow_mmsg(y, &b, 0, NULL), 4);
	n = slow_mmsg(y, &b, MSG_WAITFORONE, NULL);
	NEED(n >= 1 && n < 4);
	n = slow_mmsg(y, &b, 0, &soon);		/* it is over when the second has come */
	NEED(n >= 2 && n < 4);
	EQ(soon.tv_sec + soon.tv_nsec, 0);
	ERR(recvmmsg(y, &(struct mmsghdr){ 0 }, 1, MSG_DONTWAIT, &none), EINVAL);
}

CASE(udp_peek)
{
	struct addr a, b, from;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	char buf[8];

	EQ(send_to(x, "abcdef", &b), 6);
	from.len = sizeof(from.ss);
	EQ(recvfrom(y, buf, 3, MSG_PEEK, &from.sa, &from.len), 3);
	NEED(same(&from, &a));
	EQ(recv(y, buf, 1, MSG_PEEK | MSG_TRUNC), 6);
	EQ(recv(y, buf, 8, 0), 6);
	ERR(recv(y, buf, 8, MSG_DONTWAIT), EAGAIN);
}

CASE(udp_rest_is_lost)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	char buf[8];

	EQ(send_to(x, "abcdef", &b), 6);
	EQ(send_to(x, "xyz", &b), 3);
	EQ(read(y, buf, 2), 2);
	EQ(read(y, buf, 8), 3);
	EQ(memcmp(buf, "xyz", 3), 0);
}

CASE(udp_nonblock)
{
	int x, y;
	char c;

	udp_pair(&x, &y);
	ERR(recv(x, &c, 1, MSG_DONTWAIT), EAGAIN);
	nonblock(x);
	ERR(read(x, &c, 1), EAGAIN);
	ERR(recvfrom(x, &c, 1, 0, &(struct sockaddr){ 0 }, &(socklen_t){ 16 }), EAGAIN);
}

CASE(udp_zero_length)
{
	struct addr a, b, from;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	char buf[4];

	EQ(send_to(x, "", &b), 0);
	poll_until(y, POLLIN, POLLIN);
	EQ(recv_from(y, buf, 4, &from), 0);
	NEED(same(&from, &a));
	OK(connect(x, &b.sa, b.len));
	EQ(send(x, NULL, 0, 0), 0);
	EQ(write(x, "", 0), 0);
	EQ(recv(y, buf, 4, 0), 0);
	EQ(recv(y, buf, 4, 0), 0);
	ERR(recv(y, buf, 4, MSG_DONTWAIT), EAGAIN);
}

CASE(udp_largest)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	size_t max = family == AF_INET ? 65507 : 65527;
	static uint8_t out[65536], in[65536];

	set_opt(x, SOL_SOCKET, SO_SNDBUF, 200000);
	set_opt(y, SOL_SOCKET, SO_RCVBUF, 200000);
	pat_fill(out, 0, max);
	EQ(sendto(x, out, max, 0, &b.sa, b.len), max);
	EQ(read(y, in, sizeof(in)), max);
	pat_check(in, 0, max);
	ERR(sendto(x, out, max + 1, 0, &b.sa, b.len), EMSGSIZE);
	OK(connect(x, &b.sa, b.len));
	ERR(send(x, out, max + 1, 0), EMSGSIZE);
}

CASE(udp_in_order)
{
	int x, y, got;

	udp_pair(&x, &y);
	for (int i = 0; i < 100; i++)
		EQ(write(x, &i, sizeof(i)), sizeof(i));
	for (int i = 0; i < 100; i++) {
		EQ(read(y, &got, sizeof(got)), sizeof(got));
		EQ(got, i);
	}
}

CASE(udp_sender_never_blocks)
{
	struct addr b;
	int x, y, z = udp();
	char buf[1000] = { 0 };

	udp_pair(&x, &y);
	b = local_name(y);
	for (int i = 0; i < 5000; i++)	/* the reader is asleep */
		EQ(write(x, buf, sizeof(buf)), sizeof(buf));
	for (int i = 0; i < 500; i++)
		EQ(sendto(z, buf, sizeof(buf), 0, &b.sa, b.len), sizeof(buf));
	EQ(read(y, buf, sizeof(buf)), sizeof(buf));
}

CASE(udp_fionread)
{
	int x, y, n = -1;

	udp_pair(&x, &y);
	OK(ioctl(y, FIONREAD, &n));
	EQ(n, 0);
	put(x, "abc");
	put(x, "defgh");
	poll_until(y, POLLIN, POLLIN);
	OK(ioctl(y, FIONREAD, &n));
	EQ(n, 3);	/* of the first datagram */
}

CASE(udp_recvfrom_truncated_name)
{
	struct addr b, from;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	char c;

	EQ(send_to(x, "x", &b), 1);
	memset(&from, 0x5a, sizeof(from));
	from.len = 4;
	EQ(recvfrom(y, &c, 1, 0, &from.sa, &from.len), 1);
	EQ(from.len, b.len);
	EQ(from.ss.ss_family, family);
	EQ(((uint8_t *)&from)[4], 0x5a);
	EQ(send_to(x, "y", &b), 1);
	EQ(recvfrom(y, &c, 1, 0, NULL, NULL), 1);
}

CASE(udp_bad_arguments)
{
	struct addr a = at(9);
	int x = udp();

	ERR(sendto(x, "x", 1, 0, &a.sa, a.len - 8), EINVAL);
	if (family == AF_INET)
		ERR(sendto(x, "x", 1, MSG_OOB, &a.sa, a.len), EOPNOTSUPP);
	a.in4.sin_port = 0;
	ERR(sendto(x, "x", 1, 0, &a.sa, a.len), EINVAL);
}

CASE(udp_bad_pointers)
{
	struct addr a = at(9);
	int x = udp();
	char c;

	ERR(sendto(x, "x", 1, 0, nowhere, a.len), EFAULT);
	ERR(sendto(x, nowhere, 1, 0, &a.sa, a.len), EFAULT);
	ERR(recvfrom(x, &c, 1, MSG_DONTWAIT, &a.sa, nowhere), EAGAIN);
}

CASE(udp_rcvtimeo)
{
	struct addr from;
	int x, y;
	char c;
	int64_t start = now_ms();

	udp_pair(&x, &y);
	timeout_opt(x, SO_RCVTIMEO, 200);
	ERR(recv(x, &c, 1, 0), EAGAIN);
	NEED(now_ms() - start >= 190);
	start = now_ms();
	ERR(recv_from(x, &c, 1, &from), EAGAIN);
	NEED(now_ms() - start >= 190);
	NEED(now_ms() - start < 20000);
}

CASE(udp_eintr)
{
	struct addr from;
	int x, y;
	char c;

	udp_pair(&x, &y);
	catch_signal(SIGUSR1, 0);
	signal_after(100, SIGUSR1);
	ERR(recv_from(x, &c, 1, &from), EINTR);
	signal_after(100, SIGUSR1);
	ERR(recv(x, &c, 1, 0), EINTR);
	EQ(caught, 2);
}

static void *send_when_caught(void *arg)
{
	until_caught(1);
	put(*(int *)arg, "late");
	return NULL;
}

CASE(udp_recvfrom_restart)
{
	struct addr from;
	int x, y;
	char buf[8];
	pthread_t t;

	udp_pair(&x, &y);
	catch_signal(SIGUSR1, SA_RESTART);
	t = thread(send_when_caught, &y);
	signal_after(50, SIGUSR1);
	EQ(recv_from(x, buf, 8, &from), 4);
	EQ(caught, 1);
	joined(t);
}

static void *recv_blocking(void *arg)
{
	struct addr from;
	char buf[8];

	return (void *)(intptr_t)recv_from(*(int *)arg, buf, 8, &from);
}

CASE(udp_send_while_receiving)
{
	struct addr a, b;
	int x = bound(SOCK_DGRAM, &a), y = bound(SOCK_DGRAM, &b);
	pthread_t t = thread(recv_blocking, &x);

	nap(100);
	EQ(send_to(x, "out", &b), 3);	/* the other thread is in recvfrom */
	want(y, "out");
	EQ(send_to(y, "back", &a), 4);
	EQ((intptr_t)joined(t), 4);
}

/* Receives one byte and the control message of that type into value. */
static bool recv_with(int fd, int level, int type, void *value, size_t n)
{
	union {
		struct cmsghdr h;
		char room[256];
	} c;
	char byte;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = sizeof(c) };

	EQ(recvmsg(fd, &m, 0), 1);
	EQ(m.msg_flags, 0);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == level && h->cmsg_type == type) {
			EQ(h->cmsg_len, CMSG_LEN(n));
			memcpy(value, CMSG_DATA(h), n);
			return true;
		}
	return false;
}

CASE(udp_pktinfo)
{
	struct addr b;
	int x = udp(), y = udp_any(&b);

	if (family == AF_INET) {
		struct in_pktinfo pi;

		set_opt(y, IPPROTO_IP, IP_PKTINFO, 1);
		EQ(send_to(x, "x", &b), 1);
		NEED(recv_with(y, IPPROTO_IP, IP_PKTINFO, &pi, sizeof(pi)));
		EQ(pi.ipi_addr.s_addr, target.in4.sin_addr.s_addr);
		NEED(pi.ipi_ifindex > 0);
	} else {
		struct in6_pktinfo pi;

		set_opt(y, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		EQ(send_to(x, "x", &b), 1);
		NEED(recv_with(y, IPPROTO_IPV6, IPV6_PKTINFO, &pi, sizeof(pi)));
		EQ(memcmp(&pi.ipi6_addr, &target.in6.sin6_addr, 16), 0);
		NEED(pi.ipi6_ifindex > 0);
	}
}

CASE(udp_pktinfo_sends)
{
	struct addr b, from, mine;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	struct in_pktinfo p4 = { .ipi_spec_dst = target.in4.sin_addr };
	struct in6_pktinfo p6 = { .ipi6_addr = target.in6.sin6_addr };
	bool v4 = family == AF_INET;
	size_t n = v4 ? sizeof(p4) : sizeof(p6);
	union {
		struct cmsghdr h;
		char room[64];
	} c = { .h = { CMSG_LEN(n), v4 ? IPPROTO_IP : IPPROTO_IPV6,
		       v4 ? IP_PKTINFO : IPV6_PKTINFO } };
	struct iovec io = { "x", 1 };
	struct msghdr m = { &b, b.len, &io, 1, &c, CMSG_SPACE(n), 0 };
	char byte;

	memcpy(CMSG_DATA(&c.h), v4 ? (void *)&p4 : (void *)&p6, n);
	EQ(sendmsg(x, &m, 0), 1);
	EQ(recv_from(y, &byte, 1, &from), 1);
	mine = at(port_of(&from));
	NEED(same(&from, &mine));
}

CASE(udp_recv_ttl)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b), ttl = -1;

	if (family == AF_INET) {
		set_opt(y, IPPROTO_IP, IP_RECVTTL, 1);
		set_opt(x, IPPROTO_IP, IP_TTL, 33);
		EQ(send_to(x, "x", &b), 1);
		NEED(recv_with(y, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	} else {
		set_opt(y, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		set_opt(x, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33);
		EQ(send_to(x, "x", &b), 1);
		NEED(recv_with(y, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl)));
	}
	EQ(ttl, 33);
}

CASE(udp_timestamp)
{
	struct timeval tv = { 0 };
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);

	set_opt(y, SOL_SOCKET, SO_TIMESTAMP, 1);
	EQ(send_to(x, "x", &b), 1);
	NEED(recv_with(y, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv)));
	NEED(tv.tv_sec > 1700000000);
}

static void echo_one(int fd)
{
	struct addr from;
	char buf[16];
	ssize_t n = OK(recv_from(fd, buf, 16, &from));

	EQ(sendto(fd, buf, n, 0, &from.sa, from.len), n);
}

CASE(udp_forked_server)
{
	struct addr a;
	int s = bound(SOCK_DGRAM, &a), x = udp();
	pid_t pid = child(echo_one, s);

	OK(connect(x, &a.sa, a.len));
	put(x, "to the child");
	want(x, "to the child");
	reap(pid);
	put(x, "to us");
	echo_one(s);
	want(x, "to us");
}

CASE(udp_closed_is_refused_anew)
{
	struct addr a;
	int s = bound(SOCK_DGRAM, &a), x = udp();
	char c;

	OK(connect(x, &a.sa, a.len));
	put(x, "x");
	want(s, "x");
	OK(close(s));
	put(x, "y");
	ERR(recv(x, &c, 1, 0), ECONNREFUSED);
}

CASE(udp_broadcast_needs_leave)
{
	struct addr a = addr_of("255.255.255.255", 9);

	if (family == AF_INET6)
		skip("IPv6 has no broadcast");
	EQ(sendto(udp(), "x", 1, 0, &a.sa, a.len), -1);
	NEED(errno == EACCES || errno == ENETUNREACH);	/* no route to it either */
}

CASE(udp_wrong_family)
{
	struct addr a = addr_of(family == AF_INET ? "::1" : "127.0.0.1", 9);

	if (family == AF_INET)
		ERR(sendto(udp(), "x", 1, 0, &a.sa, a.len), EAFNOSUPPORT);
	else
		skip("Linux sends from an AF_INET6 socket to an AF_INET address");
}
