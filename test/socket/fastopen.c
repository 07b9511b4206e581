/* fastopen.c - cases: connecting and sending in one call (tcp(7), RFC 7413)
 *
 * Whether data really goes with the SYN is the sysctls' and the cookies' matter and not
 * seen here; what the calls answer and that the bytes arrive, once and in order, is.
 */
#include <netinet/tcp.h>

#include "conform.h"

CASE(fastopen_sendto)
{
	struct addr a;
	int l = listener(&a), fd = tcp(), sfd;

	EQ(sendto(fd, "hello", 5, MSG_FASTOPEN, &a.sa, a.len), 5);
	sfd = accept_from(l);
	want(sfd, "hello");
	put(fd, " again");
	want(sfd, " again");
	put(sfd, "answer");
	want(fd, "answer");
}

CASE(fastopen_twice)	/* the second time a cookie may be known */
{
	struct addr a;
	int l = listener(&a);

	for (int i = 0; i < 2; i++) {
		int fd = tcp(), sfd;

		EQ(sendto(fd, "hello", 5, MSG_FASTOPEN, &a.sa, a.len), 5);
		sfd = accept_from(l);
		want(sfd, "hello");
		close(fd);
		want_eof(sfd);
		close(sfd);
	}
}

CASE(fastopen_sendmsg)
{
	struct addr a;
	int l = listener(&a), fd = tcp();
	struct iovec iov[2] = { { "hel", 3 }, { "lo", 2 } };
	struct msghdr mh = { .msg_name = &a.sa, .msg_namelen = a.len, .msg_iov = iov,
			     .msg_iovlen = 2 };

	EQ(sendmsg(fd, &mh, MSG_FASTOPEN), 5);
	want(accept_from(l), "hello");
}

CASE(fastopen_nonblock)
{
	struct addr a;
	int l = listener(&a), fd = tcp();
	long n;

	nonblock(fd);
	n = sendto(fd, "hello", 5, MSG_FASTOPEN, &a.sa, a.len);
	NEED(n == 5 || (n < 0 && errno == EINPROGRESS));
	poll_until(fd, POLLOUT, POLLOUT);
	if (n < 0)
		put(fd, "hello");
	want(accept_from(l), "hello");
}

CASE(fastopen_refused)
{
	struct addr a;
	int l = listener(&a), fd = tcp();

	close(l);
	ERR(sendto(fd, "hello", 5, MSG_FASTOPEN, &a.sa, a.len), ECONNREFUSED);
}

CASE(fastopen_no_address)
{
	int fd = tcp();

	ERR(sendto(fd, "hello", 5, MSG_FASTOPEN | MSG_NOSIGNAL, NULL, 0), EINVAL);
}

CASE(fastopen_connect)
{
	struct addr a;
	int l = listener(&a);

	for (int i = 0; i < 2; i++) {
		int fd = tcp(), sfd;

		set_opt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
		EQ(connect(fd, &a.sa, a.len), 0);
		put(fd, "hello");
		sfd = accept_from(l);
		want(sfd, "hello");
		put(sfd, "answer");
		want(fd, "answer");
		close(fd);
		close(sfd);
	}
}
