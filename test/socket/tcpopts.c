/* tcpopts.c - cases: TCP's options that tell something of a connection (tcp(7)) */
#include <netinet/tcp.h>
#include <string.h>

#include "conform.h"

#define OPT_INQ		36
#define OPT_SAVE_SYN	27
#define OPT_SAVED_SYN	28

/* Reads up to size bytes; what TCP_INQ says is left, -1: it says nothing. */
static int left_after(int fd, size_t size)
{
	union { char b[64]; struct cmsghdr align; } ctl = { .b = { 0 } };
	char buf[64];
	struct iovec iov = { buf, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.b,
			     .msg_controllen = sizeof(ctl.b) };
	struct cmsghdr *k;
	int n = -1;

	NEED(recvmsg(fd, &mh, 0) >= 0);
	k = CMSG_FIRSTHDR(&mh);
	if (k && k->cmsg_level == IPPROTO_TCP && k->cmsg_type == OPT_INQ)
		memcpy(&n, CMSG_DATA(k), sizeof(n));
	return n;
}

CASE(inq)
{
	int a, b;

	pair(&a, &b);
	put(a, "0123456789");
	poll_until(b, POLLIN, POLLIN);
	nap(100);
	EQ(left_after(b, 2), -1);
	set_opt(b, IPPROTO_TCP, OPT_INQ, 1);
	EQ(left_after(b, 3), 5);
	EQ(left_after(b, 3), 2);
	EQ(left_after(b, 3), 0);
	put(a, "x");
	EQ(left_after(b, 3), 0);	/* waits for it */
	close(a);
	EQ(left_after(b, 3), 1);	/* the end */
}

CASE(saved_syn)
{
	struct addr a;
	int l = listener(&a), fd;
	uint8_t h[256];
	socklen_t len = sizeof(h);

	set_opt(l, IPPROTO_TCP, OPT_SAVE_SYN, 1);
	dial(&a);
	fd = accept_from(l);
	EQ(getsockopt(fd, IPPROTO_TCP, OPT_SAVED_SYN, h, &len), 0);
	NEED(len >= 40);
	NEED(h[0] >> 4 == 4 || h[0] >> 4 == 6);
	len = sizeof(h);
	EQ(getsockopt(fd, IPPROTO_TCP, OPT_SAVED_SYN, h, &len), 0);
	EQ(len, 0);
}
