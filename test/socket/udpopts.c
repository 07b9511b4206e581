/* udpopts.c - cases: options of UDP: pieces of a datagram, datagrams of a piece */
#include "conform.h"

#include <netinet/udp.h>

enum { NO_CHECK6_TX = 101, NO_CHECK6_RX = 102 };	/* of linux/udp.h */

static ssize_t send_to(int fd, const char *text, int flags, const struct addr *a)
{
	return sendto(fd, text, strlen(text), flags, &a->sa, a->len);
}

static void nothing(int fd)
{
	EQ(poll_for(fd, POLLIN, 20), 0);
}

CASE(udp_msg_more)
{
	struct addr b, c;
	int x = udp(), y = bound(SOCK_DGRAM, &b), z = bound(SOCK_DGRAM, &c);

	EQ(send_to(x, "one ", MSG_MORE, &b), 4);
	EQ(send_to(x, "two ", MSG_MORE, &c), 4);	/* the address no longer counts */
	nothing(y);
	EQ(send_to(x, "three", 0, &b), 5);
	want(y, "one two three");
	nothing(z);
	EQ(send_to(x, "next", 0, &c), 4);
	want(z, "next");
}

CASE(udp_cork)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);

	EQ(get_opt(x, IPPROTO_UDP, UDP_CORK), 0);
	set_opt(x, IPPROTO_UDP, UDP_CORK, 1);
	EQ(get_opt(x, IPPROTO_UDP, UDP_CORK), 1);
	EQ(send_to(x, "one ", 0, &b), 4);
	EQ(send_to(x, "two", 0, &b), 3);
	nothing(y);
	set_opt(x, IPPROTO_UDP, UDP_CORK, 0);
	want(y, "one two");
	set_opt(x, IPPROTO_UDP, UDP_CORK, 1);
	set_opt(x, IPPROTO_UDP, UDP_CORK, 0);		/* nothing held: nothing sent */
	nothing(y);
}

CASE(udp_segment_option)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);

	EQ(get_opt(x, IPPROTO_UDP, UDP_SEGMENT), 0);
	set_opt(x, IPPROTO_UDP, UDP_SEGMENT, 4);
	EQ(get_opt(x, IPPROTO_UDP, UDP_SEGMENT), 4);
	EQ(send_to(x, "abcdefghij", 0, &b), 10);
	want(y, "abcd");
	want(y, "efgh");
	want(y, "ij");
	EQ(send_to(x, "xy", 0, &b), 2);
	want(y, "xy");
	ERR(setsockopt(x, IPPROTO_UDP, UDP_SEGMENT, &(int){ 65536 }, sizeof(int)), EINVAL);
}

CASE(udp_segment_message)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	uint16_t size = 3;
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(uint16_t))];
	} c = { .h = { CMSG_LEN(sizeof(size)), IPPROTO_UDP, UDP_SEGMENT } };
	struct iovec io = { "abcde", 5 };
	struct msghdr m = { &b, b.len, &io, 1, &c, sizeof(c), 0 };

	memcpy(CMSG_DATA(&c.h), &size, sizeof(size));
	EQ(sendmsg(x, &m, 0), 5);
	want(y, "abc");
	want(y, "de");
}

CASE(udp_segment_limits)
{
	static char big[65000];
	struct addr b;
	int x = udp();

	bound(SOCK_DGRAM, &b);
	set_opt(x, IPPROTO_UDP, UDP_SEGMENT, 100);
	ERR(sendto(x, big, 12801, 0, &b.sa, b.len), EINVAL);	/* 129 of them */
	EQ(sendto(x, big, 12800, 0, &b.sa, b.len), 12800);
}

CASE(udp_zero_checksum)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);

	if (family == AF_INET)
		skip("IPv6's");
	set_opt(x, IPPROTO_UDP, NO_CHECK6_TX, 1);
	EQ(get_opt(x, IPPROTO_UDP, NO_CHECK6_TX), 1);
	EQ(send_to(x, "one", 0, &b), 3);
	nothing(y);
	set_opt(y, IPPROTO_UDP, NO_CHECK6_RX, 1);
	EQ(send_to(x, "two", 0, &b), 3);
	want(y, "two");
}
