/* misc.c - cases: wrong arguments, and sockets that are none of our business */
#include "conform.h"

#include <netdb.h>
#include <stddef.h>
#include <sys/un.h>

CASE(bad_fd)
{
	struct addr a = at(9);
	int v = 0;
	socklen_t len = sizeof(v);

	for (int fd = -1; fd < 1000; fd += 1000) {
		ERR(bind(fd, &a.sa, a.len), EBADF);
		ERR(connect(fd, &a.sa, a.len), EBADF);
		ERR(listen(fd, 1), EBADF);
		ERR(accept(fd, NULL, NULL), EBADF);
		ERR(getsockname(fd, &a.sa, &a.len), EBADF);
		ERR(getpeername(fd, &a.sa, &a.len), EBADF);
		ERR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, sizeof(v)), EBADF);
		ERR(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len), EBADF);
		ERR(sendto(fd, "x", 1, 0, &a.sa, a.len), EBADF);
		ERR(shutdown(fd, SHUT_RD), EBADF);
	}
}

CASE(not_a_socket)
{
	struct addr a = at(9);
	struct msghdr m = { 0 };
	int p[2], v = 0;
	socklen_t len = sizeof(v);

	OK(pipe(p));
	ERR(bind(p[0], &a.sa, a.len), ENOTSOCK);
	ERR(connect(p[0], &a.sa, a.len), ENOTSOCK);
	ERR(listen(p[0], 1), ENOTSOCK);
	ERR(accept(p[0], NULL, NULL), ENOTSOCK);
	ERR(getsockname(p[0], &a.sa, &a.len), ENOTSOCK);
	ERR(getpeername(p[0], &a.sa, &a.len), ENOTSOCK);
	ERR(setsockopt(p[0], SOL_SOCKET, SO_REUSEADDR, &v, sizeof(v)), ENOTSOCK);
	ERR(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &v, &len), ENOTSOCK);
	ERR(sendto(p[1], "x", 1, 0, &a.sa, a.len), ENOTSOCK);
	ERR(sendmsg(p[1], &m, 0), ENOTSOCK);
	ERR(recvmsg(p[0], &m, 0), ENOTSOCK);
	ERR(shutdown(p[0], SHUT_RD), ENOTSOCK);
}

CASE(socket_bad_arguments)
{
	ERR(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
	ERR(socket(family, 99, 0), EINVAL);
	ERR(socket(family, SOCK_STREAM | 0x1000, 0), EINVAL);
	ERR(socket(family, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	ERR(socket(family, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	ERR(socket(family, SOCK_STREAM, -1), EINVAL);
	ERR(socket(family, SOCK_STREAM, 9999), EINVAL);
	ERR(socket(family, SOCK_RDM, 0), ESOCKTNOSUPPORT);
}

CASE(socket_explicit_protocol)
{
	OK(socket(family, SOCK_STREAM, IPPROTO_TCP));
	OK(socket(family, SOCK_DGRAM, IPPROTO_UDP));
}

CASE(socketpair_of_inet)
{
	int p[2];

	ERR(socketpair(family, SOCK_STREAM, 0, p), EOPNOTSUPP);
}

CASE(names_not_connected)
{
	struct addr a;

	a.len = sizeof(a.ss);
	ERR(getpeername(tcp(), &a.sa, &a.len), ENOTCONN);
	ERR(getpeername(udp(), &a.sa, &a.len), ENOTCONN);
	ERR(getpeername(listener(&a), &a.sa, &a.len), ENOTCONN);
}

CASE(peer_name_after_reset)
{
	struct addr a = { .len = sizeof(a.ss) };
	int c, s;
	char b;

	pair(&c, &s);
	rude_close(c);
	ERR(read(s, &b, 1), ECONNRESET);
	ERR(getpeername(s, &a.sa, &a.len), ENOTCONN);
}

CASE(peer_name_after_eof)
{
	struct addr a, b;
	int c, s;

	pair(&c, &s);
	a = local_name(c);
	OK(shutdown(c, SHUT_WR));
	want_eof(s);
	b = peer_name(s);
	NEED(same(&a, &b));
}

CASE(msg_bad_pointers)
{
	struct iovec io = { nowhere, 4 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	int c, s;

	pair(&c, &s);
	ERR(sendmsg(c, nowhere, 0), EFAULT);
	ERR(sendmsg(c, &m, 0), EFAULT);
	put(c, "x");
	poll_until(s, POLLIN, POLLIN);
	ERR(recvmsg(s, nowhere, 0), EFAULT);
	ERR(recvmsg(s, &m, 0), EFAULT);
	want(s, "x");
}

CASE(msg_too_many_iovecs)
{
	static struct iovec io[2000];
	struct msghdr m = { .msg_iov = io, .msg_iovlen = ARRAY_LEN(io) };
	int c, s;

	pair(&c, &s);
	ERR(sendmsg(c, &m, 0), EMSGSIZE);
	ERR(recvmsg(s, &m, 0), EMSGSIZE);
}

CASE(recv_into_bad_memory)
{
	int c, s;

	pair(&c, &s);
	put(c, "kept");
	poll_until(s, POLLIN, POLLIN);
	ERR(read(s, nowhere, 4), EFAULT);
	want(s, "kept");
}

CASE(resolver_numeric)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	char text[64];

	EQ(getnameinfo(&target.sa, target.len, text, sizeof(text), NULL, 0, NI_NUMERICHOST), 0);
	EQ(getaddrinfo(text, "80", &hints, &ai), 0);
	EQ(ai->ai_family, family);
	freeaddrinfo(ai);
}

CASE(unix_stream)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX }, got;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 20, n = sizeof(got);
	int l = OK(socket(AF_UNIX, SOCK_STREAM, 0)), c = OK(socket(AF_UNIX, SOCK_STREAM, 0)), s;

	snprintf(un.sun_path + 1, 30, "conform-%011d", getpid());	/* abstract */
	ERR(connect(c, (struct sockaddr *)&un, len), ECONNREFUSED);
	OK(bind(l, (struct sockaddr *)&un, len));
	OK(listen(l, 4));
	OK(connect(c, (struct sockaddr *)&un, len));
	s = OK(accept(l, (struct sockaddr *)&got, &n));
	EQ(n, sizeof(sa_family_t));
	n = sizeof(got);
	OK(getpeername(c, (struct sockaddr *)&got, &n));
	EQ(n, len);
	EQ(memcmp(&un, &got, len), 0);
	EQ(get_opt(c, SOL_SOCKET, SO_DOMAIN), AF_UNIX);
	EQ(get_opt(s, SOL_SOCKET, SO_PROTOCOL), 0);
	ERR(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)), EOPNOTSUPP);
	put(c, "unix");
	want(s, "unix");
	OK(shutdown(c, SHUT_WR));
	want_eof(s);
}

CASE(unix_path_names)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX }, got;
	socklen_t n = sizeof(got);
	int l = OK(socket(AF_UNIX, SOCK_STREAM, 0)), fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
	char dir[] = "/tmp/conform.XXXXXX";

	NEED(mkdtemp(dir));
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", dir);
	OK(bind(l, (struct sockaddr *)&un, sizeof(un)));
	OK(listen(l, 4));
	OK(connect(fd, (struct sockaddr *)&un, sizeof(un)));
	OK(getpeername(fd, (struct sockaddr *)&got, &n));
	EQ(strcmp(got.sun_path, un.sun_path), 0);
	OK(unlink(un.sun_path));
	OK(rmdir(dir));
}

CASE(unix_dgram)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX }, from;
	socklen_t n = sizeof(from);
	int x = OK(socket(AF_UNIX, SOCK_DGRAM, 0)), y = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	char buf[8];

	OK(bind(x, (struct sockaddr *)&a, sizeof(sa_family_t)));	/* autobind */
	OK(bind(y, (struct sockaddr *)&a, sizeof(sa_family_t)));
	OK(getsockname(y, (struct sockaddr *)&from, &n));
	EQ(sendto(x, "dgram", 5, 0, (struct sockaddr *)&from, n), 5);
	n = sizeof(from);
	EQ(recvfrom(y, buf, 8, 0, (struct sockaddr *)&from, &n), 5);
	EQ(sendto(y, "back", 4, 0, (struct sockaddr *)&from, n), 4);
	want(x, "back");
}

CASE(unix_pair_sendmsg)
{
	struct iovec io[2] = { { "ab", 2 }, { "cd", 2 } };
	struct msghdr m = { .msg_iov = io, .msg_iovlen = 2 };
	char buf[8];
	int v[2];

	OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, v));
	EQ(sendmsg(v[0], &m, 0), 4);
	io[0] = (struct iovec){ buf, 8 };
	m.msg_iovlen = 1;
	EQ(recvmsg(v[1], &m, 0), 4);
	NEED(m.msg_flags == 0 || m.msg_flags == MSG_EOR);
	EQ(poll_for(v[0], POLLIN, 0), 0);
}

CASE(unix_passes_fds)
{
	int v[2], p[2], got;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, v));
	OK(pipe(p));
	send_fd(v[0], p[1]);
	got = recv_fd(v[1]);
	put(got, "piped");
	want(p[0], "piped");
}

CASE(unix_accept_eintr)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int l = OK(socket(AF_UNIX, SOCK_STREAM, 0));

	OK(bind(l, (struct sockaddr *)&un, sizeof(sa_family_t)));
	OK(listen(l, 4));
	catch_signal(SIGALRM, 0);
	alarm_each_second();
	ERR(accept(l, NULL, NULL), EINTR);
}

CASE(unix_peercred)
{
	struct {
		int pid;
		unsigned int uid, gid;
	} cred = { 0 };
	socklen_t len = sizeof(cred);
	int v[2];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, v));
	OK(getsockopt(v[0], SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EQ(cred.pid, getpid());
	EQ(cred.uid, getuid());
}
