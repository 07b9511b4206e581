/* libioth.c - a program written for VirtualSquare's libioth, using all of its functions
 *
 *	libioth STACK [VNL...]
 *
 * Includes what such programs include, in C99 and in C++, and says the first thing
 * that is not as it is told there. The network of the first VNL is its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/rtnetlink.h>

#include <ioth.h>

#define CHECK(what)	check((what) ? 1 : 0, #what, __LINE__)

static int bad;

static void check(int right, const char *what, int line)
{
	if (right)
		return;
	printf("line %d: not %s (%s)\n", line, what, strerror(errno));
	bad = 1;
}

static unsigned char address[] = { 10, 77, 0, 1 }, gateway[] = { 10, 77, 0, 254 };
static unsigned char far[] = { 10, 99, 0, 0 };
static unsigned char address6[16] = { 0xfd, 0x77 }, far6[16] = { 0xfd, 0x78 };

/* Without waiting for the detection of duplicates. */
static int bound(struct ioth *s)
{
	struct sockaddr_in6 sin6;
	int fd = ioth_msocket(s, AF_INET6, SOCK_DGRAM, 0), ret;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	memcpy(&sin6.sin6_addr, address6, 16);
	ret = ioth_bind(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	ioth_close(fd);
	return ret == 0;
}

/* The kernel of a container may have no IPv6. */
static void configure(struct ioth *s, int ifindex)
{
	unsigned char mac[6], was[6];
	char text[MAC_ADDRSTRLEN];

	address6[15] = 1;
	CHECK(ioth_linksetupdown(s, ifindex, 0) == 0);
	CHECK(ioth_linkgetaddr(s, ifindex, was) == 0);
	CHECK(ioth_macton("02:77:00:00:00:01", mac) == 1);
	CHECK(ioth_macton("02-77-00-00-00-01", mac) == 1);
	CHECK(ioth_macton("nonsense", mac) == 0);
	CHECK(ioth_macton("02:77:00:00:00:01", mac) == 1);
	CHECK(ioth_linksetaddr(s, ifindex, mac) == 0);
	CHECK(ioth_linkgetaddr(s, ifindex, was) == 0 && memcmp(was, mac, 6) == 0);
	CHECK(strcmp(ioth_ntomac(was, text, sizeof(text)), "02:77:00:00:00:01") == 0);
	CHECK(ioth_linksetmtu(s, ifindex, 1400) == 0);
	CHECK(ioth_linksetupdown(s, ifindex, 1) == 0);
	CHECK(ioth_ipaddr_add(s, AF_INET, address, 24, ifindex) == 0);
	CHECK(ioth_ipaddr_add(s, AF_INET, address, 24, ifindex) < 0 && errno == EEXIST);
	CHECK(ioth_ipaddr_add(s, AF_INET6, address6, 64, ifindex) == 0);
	CHECK(ioth_iproute_add(s, AF_INET, NULL, 0, gateway, 0) == 0);
	CHECK(ioth_iproute_add(s, AF_INET, NULL, 0, gateway, 0) < 0 && errno == EEXIST);
	CHECK(ioth_iproute_add(s, AF_INET, far, nl_routedata2prefix(24, RTN_BLACKHOLE, 0), NULL, 0) == 0);
	CHECK(ioth_iproute_del(s, AF_INET, far, nl_routedata2prefix(24, RTN_BLACKHOLE, 0), NULL, 0) == 0);
	address6[15] = 3;
	CHECK(ioth_ipaddr_add(s, AF_INET6, address6,
			      nl_addrdata2prefix(64, IFA_F_NODAD, RT_SCOPE_UNIVERSE), ifindex) == 0);
	CHECK(bound(s));
	CHECK(ioth_ipaddr_del(s, AF_INET6, address6, 64, ifindex) == 0);
	address6[15] = 2;
	CHECK(ioth_iproute_add(s, AF_INET6, far6, 64, address6, ifindex) == 0);
	CHECK(ioth_iproute_del(s, AF_INET6, far6, 64, address6, ifindex) == 0);
	address6[15] = 1;
	CHECK(ioth_iproute_del(s, AF_INET, NULL, 0, gateway, 0) == 0);
	CHECK(ioth_ipaddr_del(s, AF_INET6, address6, 64, ifindex) == 0);
	CHECK(ioth_iplink_add(s, "x0", 0, "nosuchtype", NULL, 0) < 0);
	CHECK(ioth_iplink_del(s, "nosuch0", 0) < 0);
}

static void interfaces(struct ioth *s, int ifindex)
{
	struct ifaddrs *list = NULL, *i;
	struct { unsigned len; unsigned short type, flags; unsigned seq, pid; unsigned char link[16]; }
		msg = { sizeof(msg), 18 /* RTM_GETLINK */, 5 /* REQUEST, ACK */, 1, 0, { 0 } };
	int found = 0;

	memcpy(msg.link + 4, &ifindex, sizeof(ifindex));
	CHECK(ioth_nldialog(s, &msg) == ifindex);
	CHECK(ioth_getifaddrs(s, &list) == 0);
	for (i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		if (memcmp(&((struct sockaddr_in *)i->ifa_addr)->sin_addr, address, 4) == 0)
			found++;
	}
	ioth_freeifaddrs(list);
	CHECK(found == 1);
}

static struct sockaddr_in name(int port)
{
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(port);
	memcpy(&sin.sin_addr, address, 4);
	return sin;
}

static void bytes(int a, int b)
{
	char in[16], hello[] = "hello", world[] = "world";
	struct iovec out[2], to[1];
	struct msghdr m;

	out[0].iov_base = hello;
	out[1].iov_base = world;
	out[0].iov_len = out[1].iov_len = 5;
	to[0].iov_base = in;
	to[0].iov_len = sizeof(in);
	CHECK(ioth_write(a, "hello", 5) == 5 && ioth_read(b, in, sizeof(in)) == 5);
	CHECK(ioth_writev(a, out, 2) == 10 && ioth_recv(b, in, 10, MSG_WAITALL) == 10);
	CHECK(memcmp(in, "helloworld", 10) == 0);
	CHECK(ioth_send(a, "x", 1, 0) == 1 && ioth_readv(b, to, 1) == 1);
	CHECK(ioth_sendto(a, "x", 1, 0, NULL, 0) == 1);
	CHECK(ioth_recvfrom(b, in, sizeof(in), 0, NULL, NULL) == 1);
	memset(&m, 0, sizeof(m));
	m.msg_iov = out;
	m.msg_iovlen = 2;
	CHECK(ioth_sendmsg(a, &m, 0) == 10);
	to[0].iov_len = 10;
	m.msg_iov = to;
	m.msg_iovlen = 1;
	CHECK(ioth_recvmsg(b, &m, MSG_WAITALL) == 10);
	CHECK(ioth_shutdown(a, SHUT_WR) == 0);
	while (ioth_read(b, in, sizeof(in)) > 0)
		;
}

static void streams(void)
{
	struct sockaddr_in sin = name(5000), got;
	socklen_t len = sizeof(got), size = sizeof(int);
	int on = 1, off = 0, pending = -1;
	int lis = ioth_socket(AF_INET, SOCK_STREAM, 0), a = ioth_socket(AF_INET, SOCK_STREAM, 0), b;

	CHECK(ioth_setsockopt(lis, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	CHECK(ioth_getsockopt(lis, SOL_SOCKET, SO_REUSEADDR, &off, &size) == 0 && off == 1);
	CHECK(ioth_bind(lis, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	CHECK(ioth_listen(lis, 5) == 0);
	CHECK(ioth_connect(a, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	b = ioth_accept(lis, (struct sockaddr *)&got, &len);
	CHECK(b >= 0 && len == sizeof(got));
	CHECK(ioth_getpeername(a, (struct sockaddr *)&got, &len) == 0 && got.sin_port == sin.sin_port);
	CHECK(ioth_getsockname(b, (struct sockaddr *)&got, &len) == 0 && got.sin_port == sin.sin_port);
	bytes(a, b);
	CHECK(ioth_fcntl(b, F_SETFL, O_NONBLOCK) == 0 && ioth_fcntl(b, F_GETFL, 0) & O_NONBLOCK);
	CHECK(ioth_ioctl(b, FIONREAD, &pending) == 0 && pending == 0);
	CHECK(ioth_close(a) == 0 && ioth_close(b) == 0 && ioth_close(lis) == 0);
	CHECK(ioth_close(lis) < 0);
}

/* On a native stack. */
static void later_interface(struct ioth *s, const char *vnl)
{
	struct nl_iplink_data datum = { IFLA_VDE_VNL, (int)strlen(vnl) + 1, vnl };
	struct ioth *peer = ioth_newstack("native", vnl);
	unsigned char here[] = { 10, 78, 0, 1 }, there[] = { 10, 78, 0, 2 };
	int index, lis, a, b;
	struct sockaddr_in sin = name(5001);
	char in[4];

	index = ioth_iplink_add(s, "late0", -1, "vde", &datum, 1);
	CHECK(index > 0 && ioth_if_nametoindex(s, "late0") == index);
	CHECK(ioth_iplink_add(s, "late0", 0, "vde", &datum, 1) < 0 && errno == EEXIST);
	CHECK(ioth_iplink_add(s, NULL, 0, "vde", &datum, 1) == 0);
	CHECK(ioth_if_nametoindex(s, "eth1") > 0 && ioth_iplink_del(s, "eth1", 0) == 0);
	CHECK(ioth_linksetupdown(s, index, 1) == 0);
	CHECK(ioth_ipaddr_add(s, AF_INET, here, 24, index) == 0);
	CHECK(ioth_ipaddr_add(peer, AF_INET, there, 24, ioth_if_nametoindex(peer, "vde0")) == 0);
	memcpy(&sin.sin_addr, there, 4);
	lis = ioth_msocket(peer, AF_INET, SOCK_STREAM, 0);
	a = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
	CHECK(ioth_bind(lis, (struct sockaddr *)&sin, sizeof(sin)) == 0 && ioth_listen(lis, 1) == 0);
	CHECK(ioth_connect(a, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	b = ioth_accept(lis, NULL, NULL);
	CHECK(ioth_write(a, "late", 4) == 4 && ioth_recv(b, in, 4, MSG_WAITALL) == 4);
	CHECK(ioth_write(a, "lost", 4) == 4);
	CHECK(ioth_iplink_del(s, NULL, index) == 0 && ioth_if_nametoindex(s, "late0") < 0);
	CHECK(ioth_close(a) == 0 && ioth_close(b) == 0 && ioth_close(lis) == 0);
	CHECK(ioth_delstack(peer) == 0);
}

int main(int argc, char **argv)
{
	struct ioth *host = ioth_get_defstack(), *s, *more;
	int ifindex, fd;

	ioth_set_license("SPDX-License-Identifier: GPL-2.0-or-later");
	CHECK(argc > 2 && host != NULL);
	CHECK(ioth_newstack("nosuchstack", NULL) == NULL && errno == ENOTSUP);
	s = ioth_newstackv(argv[1], (const char **)argv + 2);
	if (!s) {
		perror(argv[1]);
		return 1;
	}
	ifindex = ioth_if_nametoindex(s, "vde0");
	CHECK(ifindex > 0);
	CHECK(ioth_if_nametoindex(s, "nosuch0") == -1 && errno == ENODEV);
	configure(s, ifindex);
	interfaces(s, ifindex);
	ioth_set_defstack(s);
	CHECK(ioth_get_defstack() == s);
	streams();
	if (strcmp(argv[1], "native") == 0 && strcmp(argv[2], "null://") != 0)
		later_interface(s, argv[2]);
	ioth_set_defstack(NULL);
	CHECK(ioth_get_defstack() == host);

	more = ioth_newstackl(argv[1], argv[2], argv[2], (char *)NULL);
	CHECK(more != NULL && ioth_if_nametoindex(more, "vde1") > 0);
	fd = ioth_msocket(more, AF_INET, SOCK_DGRAM, 0);
	CHECK(ioth_delstack(more) < 0 && errno == EBUSY);
	CHECK(ioth_close(fd) == 0 && ioth_delstack(more) == 0);
	CHECK(ioth_delstack(s) == 0);
	if (!bad)
		printf("all of libioth\n");
	return bad;
}
