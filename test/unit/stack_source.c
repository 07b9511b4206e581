/* stack_source.c - who in a multicast group a socket hears (RFC 3678) */
#include "unit.h"

#include "stack_pair.h"

static const struct ip_addr group = { { 0,0,0,0,0,0,0,0,0,0,0xff,0xff, 239, 1, 2, 3 } };

static int op(struct sock *so, int name, struct ip_addr src)
{
	struct ip_mreq_source q = { 0 };

	memcpy(&q.imr_multiaddr, ip_v4(&group), 4);
	memcpy(&q.imr_sourceaddr, ip_v4(&src), 4);
	return sock_setopt(so, IPPROTO_IP, name, &q, sizeof(q));
}

static int join(struct sock *so)
{
	struct ip_mreqn m = { .imr_multiaddr = { htonl(0xef010203) } };

	return sock_setopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m));
}

static struct sock *shared(struct side *s, uint16_t port)
{
	struct endpoint ep = ep_of(IP4_ANY, port);
	struct sock *so;
	int on = 1;

	assert_int_equal(sock_new(s->st, AF_INET, SOCK_DGRAM, 0, &so), 0);
	assert_int_equal(sock_setopt(so, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(sock_bind(so, &ep), 0);
	return so;
}

static bool hears(struct pair *p, struct sock *from, struct sock *so)
{
	char buf[4];

	assert_int_equal(udp_to(from, "x", 1, group, 5000), 1);
	pair_settle(p);
	return udp_from(so, buf, sizeof(buf), NULL) == 1;
}

/* Each socket has a filter of its own; the interface takes what any of them wants. */
static void each_its_own(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, v4_of(1), 0);
	struct sock *all = shared(&p->b, 5000), *some = shared(&p->b, 5000);

	assert_int_equal(op(some, IP_ADD_SOURCE_MEMBERSHIP, v4_of(77)), 0);
	assert_false(hears(p, a, some));
	assert_int_equal(p->b.last, DROP_IP_NOT_OURS);	/* not even the interface */
	assert_int_equal(join(all), 0);
	assert_true(hears(p, a, all));
	assert_false(hears(p, a, some));
	assert_int_equal(op(some, IP_ADD_SOURCE_MEMBERSHIP, v4_of(1)), 0);
	assert_true(hears(p, a, some));
	assert_int_equal(op(some, IP_DROP_SOURCE_MEMBERSHIP, v4_of(1)), 0);
	sock_close(all);
	while (hears(p, a, some))
		;
	assert_int_equal(op(some, IP_DROP_SOURCE_MEMBERSHIP, v4_of(77)), 0);
	assert_null(some->groups);
	pair_free(p);
}

/* Linux's order of errors. */
static void errors(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *b = shared(&p->b, 5000);

	assert_int_equal(op(b, IP_BLOCK_SOURCE, v4_of(1)), -EINVAL);
	assert_int_equal(op(b, IP_DROP_SOURCE_MEMBERSHIP, v4_of(1)), -EINVAL);
	assert_int_equal(join(b), 0);
	assert_int_equal(op(b, IP_UNBLOCK_SOURCE, v4_of(1)), -EADDRNOTAVAIL);
	assert_int_equal(op(b, IP_BLOCK_SOURCE, v4_of(1)), 0);
	assert_int_equal(op(b, IP_ADD_SOURCE_MEMBERSHIP, v4_of(1)), -EINVAL);
	for (uint8_t i = 2; i <= 10; i++)
		assert_int_equal(op(b, IP_BLOCK_SOURCE, v4_of(i)), 0);
	assert_int_equal(op(b, IP_BLOCK_SOURCE, v4_of(11)), -ENOBUFS);	/* igmp_max_msf */
	pair_free(p);
}

static void filter_too_large(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *b = shared(&p->b, 5000);
	uint8_t room[IP_MSFILTER_SIZE(20)] = { 0 };
	struct ip_msfilter h = { .imsf_multiaddr = { htonl(0xef010203) }, .imsf_fmode = MCAST_EXCLUDE };
	socklen_t len = sizeof(room);

	assert_int_equal(join(b), 0);
	for (uint32_t n = 0; n <= 20; n += 5) {
		h.imsf_numsrc = n;
		memcpy(room, &h, IP_MSFILTER_SIZE(0));
		for (uint32_t i = 0; i < n; i++)
			room[IP_MSFILTER_SIZE(0) + 4 * i] = (uint8_t)(i + 1);
		assert_int_equal(sock_setopt(b, IPPROTO_IP, IP_MSFILTER, room, sizeof(room)),
				 n > 10 ? -ENOBUFS : 0);
	}
	h.imsf_numsrc = 0xffffffff;
	memcpy(room, &h, IP_MSFILTER_SIZE(0));
	assert_int_equal(sock_getopt(b, IPPROTO_IP, IP_MSFILTER, room, &len), 0);
	assert_int_equal(len, IP_MSFILTER_SIZE(10));
	len = IP_MSFILTER_SIZE(0) - 1;
	assert_int_equal(sock_getopt(b, IPPROTO_IP, IP_MSFILTER, room, &len), -EINVAL);
	pair_free(p);
}

/* igmp_max_memberships counts the groups of one socket. */
static void groups_of_a_socket_are_bounded(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *b = shared(&p->b, 5000), *c = shared(&p->b, 5000);
	struct ip_mreqn m = { .imr_multiaddr = { htonl(0xef020000) } };

	assert_int_equal(stack_set(p->b.st, "igmp_max_memberships", "3"), 0);
	assert_int_equal(join(b), 0);
	for (uint32_t i = 1; i < 3; i++) {
		m.imr_multiaddr.s_addr = htonl(0xef020000 + i);
		assert_int_equal(sock_setopt(b, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), 0);
	}
	m.imr_multiaddr.s_addr = htonl(0xef020003);
	assert_int_equal(sock_setopt(b, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), -ENOBUFS);
	assert_int_equal(op(b, IP_BLOCK_SOURCE, v4_of(1)), 0);	/* of one there is */
	assert_int_equal(join(c), 0);
	pair_free(p);
}

static void interface_goes(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *b = shared(&p->b, 5000);

	assert_int_equal(join(b), 0);
	assert_int_equal(op(b, IP_BLOCK_SOURCE, v4_of(1)), 0);
	netif_remove(p->b.nif);
	assert_null(b->groups);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_its_own),
		cmocka_unit_test(errors),
		cmocka_unit_test(filter_too_large),
		cmocka_unit_test(groups_of_a_socket_are_bounded),
		cmocka_unit_test(interface_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
