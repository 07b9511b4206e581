/* cmsg.c - cases: ancillary data and the error queue of datagrams */
#include "conform.h"

#include <net/if.h>
#include <time.h>

#include <linux/errqueue.h>

enum {	/* of linux/in6.h */
	OPT6_FLOWINFO = 11, OPT6_FLOWINFO_SEND = 33, OPT6_AUTOFLOWLABEL = 70, OPT6_ORIGDSTADDR = 74,
};

/* A message with room for all that may come beside it. */
struct in {
	struct addr	from;
	char		data[2048];
	struct iovec	io;
	struct msghdr	m;
	union {
		struct cmsghdr	h;
		char		room[512];
	} ctl;
};

static ssize_t take(int fd, struct in *in, int flags)
{
	memset(in, 0, sizeof(*in));
	in->io = (struct iovec){ in->data, sizeof(in->data) };
	in->m = (struct msghdr){ &in->from.ss, sizeof(in->from.ss), &in->io, 1, &in->ctl,
				 sizeof(in->ctl), 0 };
	return recvmsg(fd, &in->m, flags);
}

static bool has(struct in *in, int level, int type, void *value, size_t n)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&in->m); h; h = CMSG_NXTHDR(&in->m, h))
		if (h->cmsg_level == level && h->cmsg_type == type) {
			EQ(h->cmsg_len, CMSG_LEN(n));
			memcpy(value, CMSG_DATA(h), n);
			return true;
		}
	return false;
}

/* Sends "x" to b with one control message. */
static ssize_t send_with(int fd, const struct addr *b, int level, int type, const void *v, size_t n)
{
	union {
		struct cmsghdr h;
		char room[64];
	} c = { .h = { CMSG_LEN(n), level, type } };
	struct iovec io = { "x", 1 };
	struct msghdr m = { (void *)b, b->len, &io, 1, &c, CMSG_SPACE(n), 0 };

	memcpy(CMSG_DATA(&c.h), v, n);
	return sendmsg(fd, &m, 0);
}

static bool v4(void)
{
	return family == AF_INET;
}

static int level(void)
{
	return v4() ? IPPROTO_IP : IPPROTO_IPV6;
}

CASE(cmsg_ttl_and_tos_sent)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b), n = 7, tos = 0x20, got;
	uint8_t got4 = 0;
	struct in in;

	set_opt(y, level(), v4() ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1);
	set_opt(y, level(), v4() ? IP_RECVTOS : IPV6_RECVTCLASS, 1);
	EQ(send_with(x, &b, level(), v4() ? IP_TTL : IPV6_HOPLIMIT, &n, sizeof(n)), 1);
	EQ(take(y, &in, 0), 1);
	NEED(has(&in, level(), v4() ? IP_TTL : IPV6_HOPLIMIT, &got, sizeof(got)));
	EQ(got, 7);
	EQ(send_with(x, &b, level(), v4() ? IP_TOS : IPV6_TCLASS, &tos, sizeof(tos)), 1);
	EQ(take(y, &in, 0), 1);
	if (v4()) {
		NEED(has(&in, IPPROTO_IP, IP_TOS, &got4, sizeof(got4)));
		EQ(got4, tos);
	} else {
		NEED(has(&in, IPPROTO_IPV6, IPV6_TCLASS, &got, sizeof(got)));
		EQ(got, tos);
	}
	NEED(has(&in, level(), v4() ? IP_TTL : IPV6_HOPLIMIT, &got, sizeof(got)));
	EQ(got, 64);		/* for that one datagram only */
}

CASE(cmsg_bad_is_refused)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b), n = 256, zero = 0;
	char odd[3] = { 0 };
	struct in in;

	ERR(send_with(x, &b, level(), v4() ? IP_TTL : IPV6_HOPLIMIT, &n, sizeof(n)), EINVAL);
	ERR(send_with(x, &b, level(), v4() ? IP_PKTINFO : IPV6_PKTINFO, odd, sizeof(odd)), EINVAL);
	ERR(send_with(x, &b, level(), 250, &zero, sizeof(zero)), EINVAL);
	if (v4())
		ERR(send_with(x, &b, IPPROTO_IP, IP_TTL, &zero, sizeof(zero)), EINVAL);
	EQ(send_with(x, &b, IPPROTO_TCP, 1, &zero, sizeof(zero)), 1);	/* not its level */
	EQ(take(y, &in, 0), 1);
	ERR(take(y, &in, MSG_DONTWAIT), EAGAIN);
}

CASE(cmsg_pktinfo_foreign_source)
{
	struct in_pktinfo p4 = { .ipi_spec_dst.s_addr = htonl(0xc0000201) };
	struct in6_pktinfo p6 = { 0 };
	struct addr b;
	int x = udp();

	bound(SOCK_DGRAM, &b);
	inet_pton(AF_INET6, "2001:db8::1", &p6.ipi6_addr);
	if (v4()) {
		EQ(send_with(x, &b, IPPROTO_IP, IP_PKTINFO, &p4, sizeof(p4)), -1);
		NEED(errno == EINVAL || errno == ENETUNREACH);	/* by kernel */
	} else
		ERR(send_with(x, &b, IPPROTO_IPV6, IPV6_PKTINFO, &p6, sizeof(p6)), EINVAL);
}

CASE(cmsg_origdst)
{
	struct addr b, got = { .len = 0 };
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	struct in in;

	set_opt(y, level(), v4() ? IP_RECVORIGDSTADDR : OPT6_ORIGDSTADDR, 1);
	EQ(send_with(x, &b, IPPROTO_TCP, 1, "", 0), 1);
	EQ(take(y, &in, 0), 1);
	got.len = b.len;
	NEED(has(&in, level(), v4() ? IP_ORIGDSTADDR : OPT6_ORIGDSTADDR, &got.ss, b.len));
	NEED(same(&got, &b));
}

CASE(cmsg_timestamp_ns)
{
	struct timespec now, ts;
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	struct in in;

	set_opt(y, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	EQ(get_opt(y, SOL_SOCKET, SO_TIMESTAMPNS), 1);
	EQ(get_opt(y, SOL_SOCKET, SO_TIMESTAMP), 0);
	EQ(send_with(x, &b, IPPROTO_TCP, 1, "", 0), 1);
	EQ(take(y, &in, 0), 1);
	OK(clock_gettime(CLOCK_REALTIME, &now));
	NEED(has(&in, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof(ts)));
	NEED(now.tv_sec - ts.tv_sec >= 0 && now.tv_sec - ts.tv_sec < 8);
	set_opt(y, SOL_SOCKET, SO_TIMESTAMP, 1);
	EQ(get_opt(y, SOL_SOCKET, SO_TIMESTAMPNS), 0);
	set_opt(y, SOL_SOCKET, SO_TIMESTAMP, 0);
	EQ(send_with(x, &b, IPPROTO_TCP, 1, "", 0), 1);
	EQ(take(y, &in, 0), 1);
	EQ(in.m.msg_controllen, 0);
}

CASE(cmsg_truncated)
{
	struct addr b;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	char byte;
	struct iovec io = { &byte, 1 };
	struct cmsghdr small[1];
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = small,
			    .msg_controllen = sizeof(small) };

	set_opt(y, level(), v4() ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
	EQ(send_with(x, &b, IPPROTO_TCP, 1, "", 0), 1);
	EQ(recvmsg(y, &m, 0), 1);
	EQ(m.msg_flags, MSG_CTRUNC);
}

CASE(cmsg_options_read_back)
{
	static const int o4[] = { IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVERR, IP_RECVORIGDSTADDR,
				  IP_FREEBIND };
	static const int o6[] = { IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_RECVERR,
				  IPV6_DONTFRAG, OPT6_ORIGDSTADDR };
	int x = udp();

	for (size_t i = 0; i < (v4() ? ARRAY_LEN(o4) : ARRAY_LEN(o6)); i++) {
		int name = v4() ? o4[i] : o6[i];

		EQ(get_opt(x, level(), name), 0);
		set_opt(x, level(), name, 1);
		EQ(get_opt(x, level(), name), 1);
		set_opt(x, level(), name, 0);
		EQ(get_opt(x, level(), name), 0);
	}
}

CASE(cmsg_sticky_pktinfo)
{
	struct in6_pktinfo pi = { .ipi6_addr = target.in6.sin6_addr };
	struct addr b, mine;
	int x = udp(), y = bound(SOCK_DGRAM, &b);
	struct in in;

	if (v4())
		skip("an IPv6 option");
	OK(setsockopt(x, IPPROTO_IPV6, IPV6_PKTINFO, &pi, sizeof(pi)));
	EQ(sendto(x, "x", 1, 0, &b.sa, b.len), 1);
	EQ(take(y, &in, 0), 1);
	mine = at(port_of(&in.from));
	in.from.len = mine.len;
	NEED(same(&in.from, &mine));
	inet_pton(AF_INET6, "2001:db8::1", &pi.ipi6_addr);
	if (setsockopt(x, IPPROTO_IPV6, IPV6_PKTINFO, &pi, sizeof(pi)) == 0)
		skip("who may have raw sockets may send from any address");
	EQ(errno, EINVAL);
}

/* --- flow labels, path MTUs (RFC 3542) --- */

/* The label of the next datagram; 0: it has none, or the stack's own. */
static uint32_t label_at(int fd)
{
	uint32_t flow = 0;
	struct in in;

	EQ(take(fd, &in, 0), 1);
	has(&in, IPPROTO_IPV6, OPT6_FLOWINFO, &flow, sizeof(flow));
	return ntohl(flow) & 0xfffff;
}

/* Whoever receives from it is told the flow label. */
static int tells_flows(struct addr *a)
{
	int fd;

	if (v4())
		skip("an IPv6 option");
	fd = bound(SOCK_DGRAM, a);
	set_opt(fd, IPPROTO_IPV6, OPT6_FLOWINFO, 1);
	return fd;
}

CASE(cmsg_flow_label_of_address)
{
	struct addr b;
	int x, y;

	x = udp();
	y = tells_flows(&b);
	b.in6.sin6_flowinfo = htonl(0x0ff12345);
	EQ(sendto(x, "x", 1, 0, &b.sa, b.len), 1);
	NEED(label_at(y) != 0x12345);
	set_opt(x, IPPROTO_IPV6, OPT6_FLOWINFO_SEND, 1);
	EQ(sendto(x, "x", 1, 0, &b.sa, b.len), 1);
	EQ(label_at(y), 0x12345);
	b.in6.sin6_flowinfo = 0;
	EQ(sendto(x, "x", 1, 0, &b.sa, b.len), 1);
	NEED(label_at(y) != 0x12345);
	set_opt(x, IPPROTO_IPV6, OPT6_AUTOFLOWLABEL, 0);
	EQ(sendto(x, "x", 1, 0, &b.sa, b.len), 1);
	EQ(label_at(y), 0);
}

CASE(cmsg_flow_label_of_connection)
{
	uint32_t flow = htonl(0x54321);
	struct addr b, p;
	int x, y;

	x = udp();
	y = tells_flows(&b);
	set_opt(x, IPPROTO_IPV6, OPT6_FLOWINFO_SEND, 1);
	b.in6.sin6_flowinfo = htonl(0x12345);
	OK(connect(x, &b.sa, b.len));
	p = peer_name(x);
	EQ(ntohl(p.in6.sin6_flowinfo), 0x12345);
	put(x, "x");
	EQ(label_at(y), 0x12345);
	EQ(send_with(x, &b, IPPROTO_IPV6, OPT6_FLOWINFO, &flow, sizeof(flow)), 1);
	EQ(label_at(y), 0x54321);	/* of that one only */
	put(x, "x");
	EQ(label_at(y), 0x12345);
	set_opt(x, IPPROTO_IPV6, OPT6_FLOWINFO_SEND, 0);
	p = peer_name(x);
	EQ(p.in6.sin6_flowinfo, 0);
	OK(connect(x, &b.sa, b.len));
	put(x, "x");
	NEED(label_at(y) != 0x12345);
}

CASE(flow_label_of_stream)
{
	struct addr a, p;
	int l, c;

	if (v4())
		skip("an IPv6 option");
	l = listener(&a);
	c = tcp();
	set_opt(c, IPPROTO_IPV6, OPT6_FLOWINFO_SEND, 1);
	a.in6.sin6_flowinfo = htonl(0x12345);
	OK(connect(c, &a.sa, a.len));
	accept_from(l);
	p = peer_name(c);
	EQ(ntohl(p.in6.sin6_flowinfo), 0x12345);
	p = local_name(c);
	EQ(p.in6.sin6_flowinfo, 0);
}

/* What was too large is refused, and an empty message tells what is not. */
CASE(cmsg_path_mtu)
{
	static char large[65527];	/* with its headers more than any path takes */
	struct ip6_mtuinfo info, here;
	socklen_t n = sizeof(here);
	struct addr b;
	struct in in;
	int x;

	if (v4())
		skip("an IPv6 option");
	x = udp();
	bound(SOCK_DGRAM, &b);
	set_opt(x, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	OK(connect(x, &b.sa, b.len));
	ERR(sendto(x, large, sizeof(large), 0, &b.sa, b.len), EMSGSIZE);
	ERR(take(x, &in, MSG_DONTWAIT), EAGAIN);
	set_opt(x, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1);
	ERR(sendto(x, large, sizeof(large), 0, &b.sa, b.len), EMSGSIZE);
	EQ(take(x, &in, 0), 0);
	NEED(has(&in, IPPROTO_IPV6, IPV6_PATHMTU, &info, sizeof(info)));
	OK(getsockopt(x, IPPROTO_IPV6, IPV6_PATHMTU, &here, &n));
	EQ(info.ip6m_mtu, here.ip6m_mtu);
	EQ(info.ip6m_addr.sin6_family, AF_INET6);
	EQ(info.ip6m_addr.sin6_port, 0);
	EQ(memcmp(&info.ip6m_addr.sin6_addr, &b.in6.sin6_addr, 16), 0);
	ERR(take(x, &in, MSG_DONTWAIT), EAGAIN);
	set_opt(x, IPPROTO_IPV6, IPV6_DONTFRAG, 0);
	set_opt(x, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	ERR(sendto(x, large, sizeof(large), 0, &b.sa, b.len), EMSGSIZE);
	ERR(take(x, &in, MSG_DONTWAIT), EAGAIN);
}

/* --- the error queue --- */

struct error_of {
	struct sock_extended_err ee;
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in4;
		struct sockaddr_in6	in6;
	} who;
};

static bool error_in(struct in *in, struct error_of *e)
{
	size_t n = sizeof(e->ee) + (v4() ? sizeof(e->who.in4) : sizeof(e->who.in6));

	return has(in, level(), v4() ? IP_RECVERR : IPV6_RECVERR, e, n);
}

/* A port of the target where nobody is. */
static struct addr nobody(void)
{
	struct addr a;
	int fd = bound(SOCK_DGRAM, &a);

	OK(close(fd));
	return a;
}

CASE(errqueue_unconnected_hears)
{
	struct addr b = nobody(), who;
	int x = udp();
	struct error_of e;
	struct in in;
	char c;

	ERR(take(x, &in, MSG_ERRQUEUE), EAGAIN);
	set_opt(x, level(), v4() ? IP_RECVERR : IPV6_RECVERR, 1);
	EQ(sendto(x, "hello", 5, 0, &b.sa, b.len), 5);
	ERR(recvfrom(x, &c, 1, 0, &who.sa, &(socklen_t){ sizeof(who.ss) }), ECONNREFUSED);
	EQ(take(x, &in, MSG_ERRQUEUE), 5);
	EQ(memcmp(in.data, "hello", 5), 0);
	EQ(in.m.msg_flags, MSG_ERRQUEUE);
	in.from.len = b.len;
	NEED(same(&in.from, &b));
	NEED(error_in(&in, &e));
	EQ(e.ee.ee_errno, ECONNREFUSED);
	EQ(e.ee.ee_origin, v4() ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6);
	EQ(e.ee.ee_type, v4() ? 3 : 1);
	EQ(e.ee.ee_code, v4() ? 3 : 4);
	EQ(e.who.sa.sa_family, family);
	if (v4())
		EQ(e.who.in4.sin_addr.s_addr, target.in4.sin_addr.s_addr);
	else
		EQ(memcmp(&e.who.in6.sin6_addr, &target.in6.sin6_addr, 16), 0);
	ERR(take(x, &in, MSG_ERRQUEUE), EAGAIN);
	ERR(take(x, &in, MSG_DONTWAIT), EAGAIN);
}

/* POLLERR while there is one to read: traceroute lives by it. */
CASE(errqueue_polls)
{
	struct addr b = nobody();
	int x = udp();
	struct in in;

	set_opt(x, level(), v4() ? IP_RECVERR : IPV6_RECVERR, 1);
	OK(connect(x, &b.sa, b.len));
	put(x, "hello");
	poll_until(x, POLLIN | POLLOUT, POLLOUT | POLLERR);
	EQ(take(x, &in, MSG_ERRQUEUE), 5);
	poll_until(x, POLLIN | POLLOUT, POLLOUT);
	EQ(get_opt(x, SOL_SOCKET, SO_ERROR), 0);
}

CASE(errqueue_holds_each)
{
	struct addr b = nobody();
	int x = udp();
	struct in in;

	set_opt(x, level(), v4() ? IP_RECVERR : IPV6_RECVERR, 1);
	for (int i = 0; i < 3; i++) {
		ssize_t n;

		do	/* the error of the one before is told first */
			n = sendto(x, &"abc"[i], 1, 0, &b.sa, b.len);
		while (n < 0 && errno == ECONNREFUSED);
		EQ(n, 1);
	}
	for (int i = 0; i < 3; i++) {
		for (int left = 500; take(x, &in, MSG_ERRQUEUE) < 0 && left; left--)
			nap(10);
		EQ(in.data[0], "abc"[i]);
	}
}
