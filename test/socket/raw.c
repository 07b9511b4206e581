/* raw.c - cases: ICMP echo sockets and raw sockets
 *
 * Raw sockets ask for a right: where the kernel refuses it these cases are skipped.
 */
#include "conform.h"

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

enum { EXPERIMENT = 253 };	/* RFC 3692 */

static bool v4(void)
{
	return family == AF_INET;
}

static int ping_socket(void)
{
	int fd = socket(family, SOCK_DGRAM, v4() ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		skip("no ICMP sockets for this group (ping_group_range)");
	return OK(fd);
}

static int raw(int proto)
{
	int fd = socket(family, SOCK_RAW, proto);

	if (fd < 0 && errno == EPERM)
		skip("no raw sockets without privilege");
	return OK(fd);
}

/* Type and code of both families lie alike. */
static struct icmphdr echo(int seq)
{
	struct icmphdr h = { .type = v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST };

	h.un.echo.id = htons(7);
	h.un.echo.sequence = htons(seq);
	return h;
}

static int reply_type(void)
{
	return v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
}

CASE(ping_echo)
{
	struct { struct icmphdr h; char data[8]; } out = { echo(3), "payload" }, in;
	struct addr a = at(0), from, me;
	int x = ping_socket();

	EQ(sendto(x, &out, sizeof(out), 0, &a.sa, a.len), sizeof(out));
	from.len = sizeof(from.ss);
	EQ(recvfrom(x, &in, sizeof(in), 0, &from.sa, &from.len), sizeof(in));
	NEED(same(&from, &a));
	me = local_name(x);
	EQ(in.h.type, reply_type());
	EQ(in.h.code, 0);
	EQ(ntohs(in.h.un.echo.id), port_of(&me));	/* not the 7 that was asked for */
	EQ(ntohs(in.h.un.echo.sequence), 3);
	EQ(memcmp(in.data, "payload", 8), 0);
}

CASE(ping_connected)
{
	struct icmphdr h = echo(1), in;
	struct addr a = at(5);
	int x = ping_socket();

	OK(connect(x, &a.sa, a.len));
	EQ(send(x, &h, sizeof(h), 0), sizeof(h));
	EQ(read(x, &in, sizeof(in)), sizeof(in));
	EQ(in.type, reply_type());
}

CASE(ping_identifier)
{
	struct icmphdr h = echo(1), in;
	struct addr a = at(0), id = at(0x1234), me;
	int x = ping_socket(), y = ping_socket();

	OK(bind(x, &id.sa, id.len));
	me = local_name(x);
	NEED(same(&me, &id));
	EQ(sendto(x, &h, sizeof(h), 0, &a.sa, a.len), sizeof(h));
	EQ(read(x, &in, sizeof(in)), sizeof(in));
	EQ(ntohs(in.un.echo.id), 0x1234);
	EQ(poll_for(y, POLLIN, 20), 0);
}

CASE(ping_only_echo)
{
	struct icmphdr h = echo(1);
	struct addr a = at(0);
	int x = ping_socket();

	ERR(sendto(x, &h, 4, 0, &a.sa, a.len), EINVAL);
	h.code = 1;
	ERR(sendto(x, &h, sizeof(h), 0, &a.sa, a.len), EINVAL);
	h.code = 0;
	h.type = reply_type();
	ERR(sendto(x, &h, sizeof(h), 0, &a.sa, a.len), EINVAL);
	ERR(socket(family, SOCK_DGRAM, v4() ? IPPROTO_ICMPV6 : IPPROTO_ICMP), EPROTONOSUPPORT);
}

CASE(raw_needs_protocol)
{
	ERR(socket(family, SOCK_RAW, 0), EPROTONOSUPPORT);
}

/* Where what follows the IP header lies in what a raw socket receives. */
static const void *payload(const char *buf)
{
	return v4() ? buf + (buf[0] & 15) * 4 : buf;
}

CASE(raw_any_protocol)
{
	int x = raw(EXPERIMENT), y = raw(EXPERIMENT), z = raw(EXPERIMENT + 1);
	struct addr a = at(0), from = { .len = sizeof(from.ss) };
	char buf[100];

	EQ(sendto(x, "hello", 5, 0, &a.sa, a.len), 5);
	EQ(recvfrom(y, buf, sizeof(buf), 0, &from.sa, &from.len), (v4() ? 20 : 0) + 5);
	NEED(same(&from, &a));
	EQ(memcmp(payload(buf), "hello", 5), 0);
	if (v4()) {
		struct iphdr h;

		memcpy(&h, buf, sizeof(h));
		EQ(h.version, 4);
		EQ(ntohs(h.tot_len), 25);
		EQ(h.protocol, EXPERIMENT);
		EQ(h.daddr, target.in4.sin_addr.s_addr);
	}
	EQ(read(x, buf, sizeof(buf)), (v4() ? 20 : 0) + 5);	/* its own socket too */
	EQ(poll_for(z, POLLIN, 20), 0);
}

CASE(raw_sees_udp)
{
	struct addr b;
	int r = raw(IPPROTO_UDP), x = udp(), y = bound(SOCK_DGRAM, &b);
	struct udphdr h;
	char buf[100];

	EQ(sendto(x, "data", 4, 0, &b.sa, b.len), 4);
	want(y, "data");
	EQ(read(r, buf, sizeof(buf)), (v4() ? 20 : 0) + 12);
	memcpy(&h, payload(buf), sizeof(h));
	EQ(ntohs(h.dest), port_of(&b));
	EQ(ntohs(h.len), 12);
	EQ(memcmp((const char *)payload(buf) + 8, "data", 4), 0);
}

CASE(raw_bound_and_connected)
{
	int x = raw(EXPERIMENT), y = raw(EXPERIMENT), z = raw(EXPERIMENT);
	struct addr a = at(0), other = addr_of(v4() ? "192.0.2.1" : "2001:db8::1", 0);
	char buf[100];

	ERR(bind(x, &other.sa, other.len), EADDRNOTAVAIL);
	OK(bind(y, &a.sa, a.len));
	OK(connect(x, &a.sa, a.len));
	EQ(send(x, "one", 3, 0), 3);
	EQ(read(y, buf, sizeof(buf)), (v4() ? 20 : 0) + 3);
	EQ(read(z, buf, sizeof(buf)), (v4() ? 20 : 0) + 3);
}

CASE(raw_icmp_filter)
{
	int x = raw(v4() ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	struct { struct icmphdr h; } out = { echo(9) };
	struct icmp6_filter f6;
	uint32_t f4 = ~(1u << ICMP_ECHOREPLY);
	struct addr a = at(0);
	char buf[100];
	struct icmphdr h;

	if (v4()) {
		OK(setsockopt(x, SOL_RAW, 1, &f4, sizeof(f4)));
		out.h.checksum = htons(0xffff - 0x0800 - 7 - 9);
	} else {
		ICMP6_FILTER_SETBLOCKALL(&f6);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &f6);
		OK(setsockopt(x, IPPROTO_ICMPV6, ICMP6_FILTER, &f6, sizeof(f6)));
	}
	EQ(sendto(x, &out, sizeof(out), 0, &a.sa, a.len), sizeof(out));
	EQ(read(x, buf, sizeof(buf)), (v4() ? 20 : 0) + sizeof(h));
	memcpy(&h, payload(buf), sizeof(h));
	EQ(h.type, reply_type());
	EQ(ntohs(h.un.echo.id), 7);
	EQ(ntohs(h.un.echo.sequence), 9);
	EQ(poll_for(x, POLLIN, 20), 0);		/* the request was not for it */
}

CASE(raw_checksum_offset)
{
	int x, y;
	struct addr a = at(0);
	uint8_t buf[100], out[12] = { 1, 2, 3, 4 };

	if (v4())
		skip("an IPv6 option");
	x = raw(EXPERIMENT);
	y = raw(EXPERIMENT);
	EQ(get_opt(x, IPPROTO_IPV6, IPV6_CHECKSUM), -1);
	set_opt(x, IPPROTO_IPV6, IPV6_CHECKSUM, 6);
	EQ(get_opt(x, IPPROTO_IPV6, IPV6_CHECKSUM), 6);
	EQ(sendto(x, out, sizeof(out), 0, &a.sa, a.len), sizeof(out));
	EQ(read(y, buf, sizeof(buf)), sizeof(out));
	NEED(buf[6] || buf[7]);
	EQ(read(x, buf, sizeof(buf)), sizeof(out));	/* and it is right */
	EQ(sendto(y, out, sizeof(out), 0, &a.sa, a.len), sizeof(out));
	EQ(read(y, buf, sizeof(buf)), sizeof(out));
	EQ(poll_for(x, POLLIN, 20), 0);			/* but this one is not */
}

CASE(raw_header_included)
{
	int x = raw(IPPROTO_RAW), y = raw(EXPERIMENT);
	struct { struct iphdr h; char data[4]; } out = { .data = "abcd" }, in;
	struct addr a = at(0), from = { .len = sizeof(from.ss) };

	if (!v4())
		skip("IPv4's");
	out.h = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 17, .protocol = EXPERIMENT,
				.daddr = target.in4.sin_addr.s_addr };
	EQ(get_opt(x, IPPROTO_IP, IP_HDRINCL), 1);
	EQ(sendto(x, &out, sizeof(out), 0, &a.sa, a.len), sizeof(out));
	EQ(recvfrom(y, &in, sizeof(in), 0, &from.sa, &from.len), sizeof(in));
	EQ(in.h.ttl, 17);
	EQ(ntohs(in.h.tot_len), sizeof(in));
	EQ(in.h.saddr, target.in4.sin_addr.s_addr);	/* filled in */
	NEED(in.h.check != 0);
	EQ(memcmp(in.data, "abcd", 4), 0);
}
