/* group.c - cases: multicast groups, and who in them is heard (RFC 3678) */
#include "conform.h"

#include <net/if.h>

enum { OPT6_MULTICAST_ALL = 29 };	/* of linux/in6.h */

static bool v4(void)
{
	return family == AF_INET;
}

static int level(void)
{
	return v4() ? IPPROTO_IP : IPPROTO_IPV6;
}

/* The interface that has the target. */
static unsigned link_index(void)
{
	struct addr four = addr_of("127.0.0.1", 0), six = addr_of("::1", 0);
	unsigned i = if_nametoindex(same(&target, &four) || same(&target, &six) ? "lo" : "eth0");

	if (!i)
		skip("no eth0 here");
	return i;
}

static struct addr group(int n, int port)
{
	char text[40];

	snprintf(text, sizeof(text), v4() ? "239.7.7.%d" : "ff15::77:%d", n);
	return addr_of(text, port);
}

static struct addr stranger(void)
{
	return addr_of(v4() ? "192.0.2.9" : "2001:db8::9", 0);
}

/* A receiver of any group on a free port. */
static int receiver(int *port)
{
	struct addr a = any(family, 0);
	int fd = udp();

	OK(bind(fd, &a.sa, a.len));
	a = local_name(fd);
	*port = port_of(&a);
	return fd;
}

/* Speaks from the target, by its interface. */
static int sender(void)
{
	struct addr a;
	int fd = bound(SOCK_DGRAM, &a);

	if (v4())
		OK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &target.in4.sin_addr, 4));
	else
		set_opt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, link_index());
	return fd;
}

static int group_op(int fd, int name, const struct addr *g)
{
	struct group_req q = { .gr_interface = link_index(), .gr_group = g->ss };

	return setsockopt(fd, level(), name, &q, sizeof(q));
}

static int source_op(int fd, int name, const struct addr *g, const struct addr *src)
{
	struct group_source_req q = { .gsr_interface = link_index(), .gsr_group = g->ss,
				      .gsr_source = src->ss };

	return setsockopt(fd, level(), name, &q, sizeof(q));
}

static void tell(int fd, const char *text, const struct addr *g)
{
	EQ(sendto(fd, text, strlen(text), 0, &g->sa, g->len), strlen(text));
}

CASE(group_is_heard)
{
	int port, r = receiver(&port), s = sender();
	struct addr g = group(1, port);

	OK(group_op(r, MCAST_JOIN_GROUP, &g));
	ERR(group_op(r, MCAST_JOIN_GROUP, &g), EADDRINUSE);
	tell(s, "one", &g);
	want(r, "one");
	OK(group_op(r, MCAST_LEAVE_GROUP, &g));
	ERR(group_op(r, MCAST_LEAVE_GROUP, &g), EADDRNOTAVAIL);
	tell(s, "two", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
}

CASE(group_loop_off)
{
	int port, r = receiver(&port), s = sender();
	struct addr g = group(2, port);

	OK(group_op(r, MCAST_JOIN_GROUP, &g));
	set_opt(s, level(), v4() ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, 0);
	EQ(get_opt(s, level(), v4() ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP), 0);
	if (link_index() == if_nametoindex("lo"))
		skip("the loopback interface brings it back all the same");
	tell(s, "one", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
	set_opt(s, level(), v4() ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, 1);
	tell(s, "two", &g);
	want(r, "two");
}

CASE(group_all_off)
{
	int port, r = receiver(&port), other = udp(), s = sender();
	struct addr g = group(3, port);

	OK(group_op(other, MCAST_JOIN_GROUP, &g));
	tell(s, "one", &g);
	want(r, "one");			/* joined by another: heard all the same */
	EQ(get_opt(r, level(), v4() ? IP_MULTICAST_ALL : OPT6_MULTICAST_ALL), 1);
	set_opt(r, level(), v4() ? IP_MULTICAST_ALL : OPT6_MULTICAST_ALL, 0);
	EQ(get_opt(r, level(), v4() ? IP_MULTICAST_ALL : OPT6_MULTICAST_ALL), 0);
	tell(s, "two", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
	OK(group_op(r, MCAST_JOIN_GROUP, &g));
	tell(s, "three", &g);
	want(r, "three");
}

CASE(group_block_source)
{
	int port, r = receiver(&port), s = sender();
	struct addr g = group(4, port), me = at(0);

	OK(group_op(r, MCAST_JOIN_GROUP, &g));
	OK(source_op(r, MCAST_BLOCK_SOURCE, &g, &me));
	ERR(source_op(r, MCAST_BLOCK_SOURCE, &g, &me), EADDRNOTAVAIL);
	tell(s, "one", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
	OK(source_op(r, MCAST_UNBLOCK_SOURCE, &g, &me));
	ERR(source_op(r, MCAST_UNBLOCK_SOURCE, &g, &me), EADDRNOTAVAIL);
	tell(s, "two", &g);
	want(r, "two");
}

CASE(group_of_one_source)
{
	int port, r = receiver(&port), s = sender();
	struct addr g = group(5, port), me = at(0), he = stranger();

	OK(source_op(r, MCAST_JOIN_SOURCE_GROUP, &g, &he));
	ERR(source_op(r, MCAST_JOIN_SOURCE_GROUP, &g, &he), EADDRNOTAVAIL);
	tell(s, "one", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
	OK(source_op(r, MCAST_JOIN_SOURCE_GROUP, &g, &me));
	tell(s, "two", &g);
	want(r, "two");
	ERR(source_op(r, MCAST_BLOCK_SOURCE, &g, &me), EINVAL);	/* the other kind */
	OK(source_op(r, MCAST_LEAVE_SOURCE_GROUP, &g, &me));
	OK(source_op(r, MCAST_LEAVE_SOURCE_GROUP, &g, &he));	/* the last: left */
	ERR(group_op(r, MCAST_LEAVE_GROUP, &g), EADDRNOTAVAIL);
}

CASE(group_source_by_address)
{
	int port, r = receiver(&port), s = sender();
	struct addr g = group(6, port);
	struct ip_mreq_source q = { g.in4.sin_addr, target.in4.sin_addr, target.in4.sin_addr };

	if (!v4())
		skip("IPv4's");
	OK(setsockopt(r, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &q, sizeof(q)));
	tell(s, "one", &g);
	want(r, "one");
	OK(setsockopt(r, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &q, sizeof(q)));
	ERR(setsockopt(r, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &q, sizeof(q)), EINVAL);
	tell(s, "two", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
}

CASE(group_filter)
{
	int port, r = receiver(&port), s = sender();
	struct addr g = group(7, port), me = at(0), he = stranger();
	union {
		struct group_filter f;
		char room[GROUP_FILTER_SIZE(4)];
	} u = { .f = { .gf_interface = link_index(), .gf_group = g.ss,
		       .gf_fmode = MCAST_EXCLUDE, .gf_numsrc = 2 } }, got = u;
	socklen_t len = GROUP_FILTER_SIZE(4);

	u.f.gf_slist[0] = me.ss;
	(&u.f.gf_slist[0])[1] = he.ss;
	ERR(setsockopt(r, level(), MCAST_MSFILTER, &u, GROUP_FILTER_SIZE(2)), EINVAL);
	OK(group_op(r, MCAST_JOIN_GROUP, &g));
	ERR(setsockopt(r, level(), MCAST_MSFILTER, &u, GROUP_FILTER_SIZE(1)), EINVAL);
	OK(setsockopt(r, level(), MCAST_MSFILTER, &u, GROUP_FILTER_SIZE(2)));
	tell(s, "one", &g);
	EQ(poll_for(r, POLLIN, 50), 0);
	got.f.gf_numsrc = 4;
	OK(getsockopt(r, level(), MCAST_MSFILTER, &got, &len));
	EQ(got.f.gf_fmode, MCAST_EXCLUDE);
	EQ(got.f.gf_numsrc, 2);
	EQ(len, GROUP_FILTER_SIZE(2));
	u.f.gf_fmode = MCAST_INCLUDE;
	u.f.gf_numsrc = 1;
	OK(setsockopt(r, level(), MCAST_MSFILTER, &u, GROUP_FILTER_SIZE(1)));
	tell(s, "two", &g);
	want(r, "two");
	u.f.gf_numsrc = 0;
	OK(setsockopt(r, level(), MCAST_MSFILTER, &u, GROUP_FILTER_SIZE(0)));
	ERR(group_op(r, MCAST_LEAVE_GROUP, &g), EADDRNOTAVAIL);
}
