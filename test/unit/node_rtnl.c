/* node_rtnl.c - netlink requests and news, message by message */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "node/node.h"
#include "stack/neigh.h"
#include "stack/sock.h"
#include "unit.h"

/* A peer that keeps what it was told. */
struct ear {
	struct nlpeer	p;
	union { struct nlmsghdr align; uint8_t b[65536]; } got;
	size_t		len;
	unsigned	datagrams, news;
};

static struct node node;
static struct stack *st;
static struct netif *eth;
static struct ear a, b;
static union { struct nlmsghdr align; uint8_t b[1024]; } req;

static void hear(struct nlpeer *p, const void *buf, size_t len, bool news)
{
	struct ear *e = container_of(p, struct ear, p);

	assert_true(len <= RTNL_BUF && e->len + len <= sizeof(e->got));
	memcpy(e->got.b + e->len, buf, len);
	e->len += len;
	e->datagrams++;
	e->news += news;
}

static void out(struct netif *nif, struct pkt *pkt)
{
	pkt_free(pkt);
}

static int setup(void **state)
{
	static const struct netif_ops ops = { .out = out };
	struct ip_addr addr = IP4(10, 0, 0, 1);

	node = (struct node){ .st = st = stack_new(1, USEC_PER_SEC) };
	st->user = &node;
	rtnl_init(&node);
	eth = netif_add(st, "eth0", (struct mac){ { 2, 0, 0, 0, 0, 1 } }, 1500, 0, &ops, NULL);
	netif_up(eth);
	assert_int_equal(netif_addr_add(eth, &addr, 24), 0);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.p = (struct nlpeer){ .n = &node, .proto = NETLINK_ROUTE, .emit = hear };
	b.p = a.p;
	rtnl_open(&a.p, 100);
	rtnl_open(&b.p, 100);
	return 0;
}

static int teardown(void **state)
{
	rtnl_close(&a.p);
	rtnl_close(&b.p);
	st->on_change = NULL;
	stack_free(st);
	return 0;
}

/* A new request with a zeroed header of that size. */
static void *begin(uint16_t type, uint16_t flags, size_t head)
{
	memset(&req, 0, sizeof(req));
	mnl_nlmsg_put_header(req.b);
	req.align.nlmsg_type = type;
	req.align.nlmsg_flags = NLM_F_REQUEST | flags;
	req.align.nlmsg_seq = 7;
	return mnl_nlmsg_put_extra_header(&req.align, head);
}

static struct nlmsghdr *send_to(struct ear *e)
{
	e->len = e->datagrams = e->news = 0;
	rtnl_request(&e->p, req.b, req.align.nlmsg_len);
	return e->len ? &e->got.align : NULL;
}

static int error_of(const struct nlmsghdr *nlh)
{
	assert_non_null(nlh);
	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
}

static void ask_addr(uint16_t type, uint16_t flags, uint8_t last)
{
	const uint8_t v4[4] = { 10, 0, 9, last };
	struct ifaddrmsg *ifa = begin(type, flags, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 24;
	ifa->ifa_index = eth->index;
	mnl_attr_put(&req.align, IFA_LOCAL, 4, v4);
	mnl_attr_put(&req.align, IFA_ADDRESS, 4, v4);
}

static unsigned count(const struct ear *e, uint16_t type)
{
	const struct nlmsghdr *nlh = &e->got.align;
	int left = (int)e->len;
	unsigned n = 0;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		n += nlh->nlmsg_type == type;
	assert_int_equal(left, 0);
	return n;
}

static void addresses(void **state)
{
	const struct nlmsghdr *nlh;

	ask_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 1);
	assert_null(send_to(&a));		/* no news is good news */
	ask_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 2);
	nlh = send_to(&a);
	assert_int_equal(error_of(nlh), 0);
	assert_int_equal(nlh->nlmsg_seq, 7);
	assert_int_equal(nlh->nlmsg_pid, 100);
	assert_true(nlh->nlmsg_flags & NLM_F_CAPPED);
	assert_int_equal(error_of(send_to(&a)), -EEXIST);
	begin(RTM_GETADDR, NLM_F_DUMP, sizeof(struct rtgenmsg));
	send_to(&a);
	assert_int_equal(count(&a, RTM_NEWADDR), 6);	/* ::1, fe80::, 127, 10.0.0.1, two */
	assert_int_equal(count(&a, NLMSG_DONE), 1);
	ask_addr(RTM_DELADDR, NLM_F_ACK, 1);	/* the second one is of its subnet */
	assert_int_equal(error_of(send_to(&a)), 0);
	ask_addr(RTM_DELADDR, NLM_F_ACK, 2);
	assert_int_equal(error_of(send_to(&a)), -EADDRNOTAVAIL);
}

/* Who wants words gets them behind the request that is quoted, or instead. */
static void words(void **state)
{
	int on = 1;
	const struct nlmsghdr *nlh;
	const struct nlattr *at;

	assert_int_equal(rtnl_setopt(&a.p, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
	ask_addr(RTM_DELADDR, 0, 5);
	nlh = send_to(&a);
	assert_true(nlh->nlmsg_flags & NLM_F_ACK_TLVS && !(nlh->nlmsg_flags & NLM_F_CAPPED));
	at = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nlmsgerr) + req.align.nlmsg_len -
					  sizeof(struct nlmsghdr));
	assert_int_equal(mnl_attr_get_type(at), NLMSGERR_ATTR_MSG);
	assert_string_equal(mnl_attr_get_str(at), "ipv4: Address not found");
	assert_int_equal(rtnl_setopt(&a.p, NETLINK_CAP_ACK, &on, sizeof(on)), 0);
	nlh = send_to(&a);
	assert_true(nlh->nlmsg_flags & NLM_F_CAPPED);
	at = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nlmsgerr));
	assert_string_equal(mnl_attr_get_str(at), "ipv4: Address not found");
}

/* News of what a request did names it; of what time did, nobody. */
static void news(void **state)
{
	uint32_t group = RTNLGRP_IPV4_IFADDR, neighbours = RTNLGRP_NEIGH;
	struct ip_addr peer = IP4(10, 0, 0, 9);
	const struct nlmsghdr *nlh = &b.got.align;

	rtnl_setopt(&b.p, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	assert_int_not_equal(a.p.pid, b.p.pid);
	ask_addr(RTM_NEWADDR, NLM_F_CREATE, 1);
	send_to(&a);
	assert_int_equal(b.news, 1);
	assert_int_equal(nlh->nlmsg_type, RTM_NEWADDR);
	assert_int_equal(nlh->nlmsg_pid, 100);
	assert_int_equal(nlh->nlmsg_seq, 7);
	neigh_heard(eth, &peer, &(struct mac){ { 2, 0, 0, 0, 0, 9 } });
	assert_int_equal(b.news, 1);
	assert_int_equal(rtnl_bind(&b.p, 0, 1u << (neighbours - 1)), 0);
	b.len = 0;
	neigh_del(eth, &peer);
	assert_int_equal(b.news, 2);
	assert_int_equal(nlh->nlmsg_type, RTM_DELNEIGH);
	assert_int_equal(nlh->nlmsg_pid, 0);
}

/* Who asks to hear what his own request does hears it before the answer. */
static void echo(void **state)
{
	const struct nlmsghdr *nlh;

	ask_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_ECHO | NLM_F_ACK, 1);
	nlh = send_to(&a);
	assert_int_equal(nlh->nlmsg_type, RTM_NEWROUTE);
	assert_int_equal(count(&a, RTM_NEWADDR), 1);
	assert_int_equal(count(&a, NLMSG_ERROR), 1);
	assert_int_equal(b.news, 0);
}

static void links(void **state)
{
	struct ifinfomsg *ifi = begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*ifi));

	ifi->ifi_index = (int)eth->index;
	mnl_attr_put_u32(&req.align, IFLA_MTU, 1400);
	mnl_attr_put_strz(&req.align, IFLA_IFNAME, "foo");
	assert_int_equal(error_of(send_to(&a)), 0);
	assert_int_equal(eth->mtu, 1400);
	assert_string_equal(eth->name, "foo");
	mnl_attr_put_u32(&req.align, IFLA_MASTER, 1);
	assert_int_equal(error_of(send_to(&a)), -EOPNOTSUPP);
	ifi = begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*ifi));
	ifi->ifi_index = (int)eth->index;
	ifi->ifi_change = IFF_UP;
	assert_int_equal(error_of(send_to(&a)), 0);
	assert_false(eth->flags & NETIF_UP);
	ifi = begin(RTM_GETLINK, 0, sizeof(*ifi));
	mnl_attr_put_strz(&req.align, IFLA_IFNAME, "nosuch");
	assert_int_equal(error_of(send_to(&a)), -ENODEV);
}

/* More routes than a datagram holds: all come, in several. */
static void long_dump(void **state)
{
	struct route r = { .len = 32, .nif = eth };

	for (unsigned i = 0; i < 1000; i++) {
		r.dst = IP4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
		assert_int_equal(route_add(st, &r), 0);
	}
	((struct rtmsg *)begin(RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg)))->rtm_family = AF_INET;
	send_to(&a);
	assert_true(a.datagrams > 5);
	/* and the subnet's; of table local 127/8, 127.0.0.1, 10.0.0.1, two broadcasts */
	assert_int_equal(count(&a, RTM_NEWROUTE), 1006);
	assert_int_equal(count(&a, NLMSG_DONE), 1);
}

static void nonsense(void **state)
{
	begin(RTM_NEWADDR, NLM_F_ACK, 2);	/* shorter than its header */
	assert_int_equal(error_of(send_to(&a)), -EINVAL);
	begin(RTM_GETTFILTER, 0, sizeof(struct tcmsg));
	assert_int_equal(error_of(send_to(&a)), -EOPNOTSUPP);
	begin(RTM_MAX + 5, 0, 64);
	assert_int_equal(error_of(send_to(&a)), -EOPNOTSUPP);
	ask_addr(RTM_NEWADDR, NLM_F_ACK, 1);
	req.align.nlmsg_flags = NLM_F_ACK;	/* not a request */
	assert_null(send_to(&a));
	assert_int_equal(rtnl_bind(&b.p, a.p.pid, 0), -EADDRINUSE);
}

static void ask_diag(uint16_t type, uint16_t flags, uint32_t states)
{
	struct inet_diag_req_v2 *d = begin(type, flags, sizeof(*d));

	d->sdiag_family = AF_INET;
	d->sdiag_protocol = IPPROTO_TCP;
	d->idiag_states = states;
	d->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	d->id.idiag_cookie[0] = d->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

static void sockets(void **state)
{
	struct endpoint local = { IP4(10, 0, 0, 1), 80, 0 }, far = { IP4(10, 0, 0, 9), 9, 0 };
	struct sock *lis, *c;
	struct inet_diag_req_v2 *d = (void *)(&req.align + 1);
	const struct inet_diag_msg *m = (void *)(&a.got.align + 1);

	assert_int_equal(sock_new(st, AF_INET, SOCK_STREAM, 0, &lis), 0);
	assert_int_equal(sock_bind(lis, &local), 0);
	assert_int_equal(sock_listen(lis, 5), 0);
	assert_int_equal(sock_new(st, AF_INET, SOCK_STREAM, 0, &c), 0);
	assert_int_equal(sock_connect(c, &far), -EINPROGRESS);
	a.p.proto = NETLINK_SOCK_DIAG;
	ask_diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, UINT32_MAX);
	send_to(&a);
	assert_int_equal(count(&a, SOCK_DIAG_BY_FAMILY), 2);
	ask_diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1u << TCP_LISTEN);
	send_to(&a);
	assert_int_equal(count(&a, SOCK_DIAG_BY_FAMILY), 1);
	assert_int_equal(m->idiag_state, TCP_LISTEN);
	assert_int_equal(ntohs(m->id.idiag_sport), 80);
	assert_int_equal(m->idiag_wqueue, 5);
	ask_diag(SOCK_DESTROY, NLM_F_ACK, 0);
	memcpy(d->id.idiag_src, ip_v4(&local.addr), 4);
	memcpy(d->id.idiag_dst, ip_v4(&far.addr), 4);
	d->id.idiag_sport = htons(c->local.port);
	d->id.idiag_dport = htons(9);
	assert_int_equal(error_of(send_to(&a)), 0);
	assert_int_equal(sock_take_error(c), ECONNABORTED);
	assert_int_equal(error_of(send_to(&a)), -ENOENT);
	sock_close(c);
	sock_close(lis);
}

static unsigned in_state(int tcp_state)
{
	ask_diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1u << tcp_state);
	send_to(&a);
	return count(&a, SOCK_DIAG_BY_FAMILY);
}

/* What has no socket, before and after, is shown too. */
static void small_states(void **state)
{
	struct endpoint local = { IP4(10, 0, 0, 1), 80, 0 };
	struct iovec hello = { (void *)"x", 1 };
	struct sock *lis, *c, *s;
	int wait = 5;

	assert_int_equal(sock_new(st, AF_INET, SOCK_STREAM, 0, &lis), 0);
	assert_int_equal(sock_bind(lis, &local), 0);
	assert_int_equal(sock_setopt(lis, IPPROTO_TCP, TCP_DEFER_ACCEPT, &wait, sizeof(wait)), 0);
	assert_int_equal(sock_listen(lis, 5), 0);
	assert_int_equal(sock_new(st, AF_INET, SOCK_STREAM, 0, &c), 0);
	assert_int_equal(sock_connect(c, &local), -EINPROGRESS);
	stack_run(st);
	a.p.proto = NETLINK_SOCK_DIAG;
	assert_int_equal(in_state(TCP_SYN_RECV), 1);
	assert_int_equal(in_state(TCP_ESTABLISHED), 1);
	assert_int_equal(sock_send(c, &hello, 1, 0, &(struct msg){ .ttl = -1, .tos = -1 }), 1);
	stack_run(st);
	assert_int_equal(in_state(TCP_SYN_RECV), 0);
	assert_int_equal(in_state(TCP_ESTABLISHED), 2);
	assert_int_equal(sock_accept(lis, &s), 0);
	sock_consume(s, 1);
	sock_close(c);
	stack_run(st);
	sock_close(s);
	stack_run(st);
	assert_int_equal(in_state(TCP_TIME_WAIT), 1);
	sock_close(lis);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses), TEST(words), TEST(news), TEST(echo), TEST(links), TEST(long_dump),
		TEST(nonsense), TEST(sockets), TEST(small_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
