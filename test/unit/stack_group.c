/* stack_group.c - what an interface tells of its groups */
#include "unit.h"

#include "stack/group.h"
#include "stack_frame.h"

static struct pair *p;
static struct frame f;

static int start(void **state)
{
	p = pair_ready(1500);
	p->b.cut = true;
	solicit_end(p->a.nif);		/* frames are counted */
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

static const uint8_t *l3_of(const struct pkt *pkt)
{
	return pkt->head + pkt->l3;
}

/* What a report says of itself is right: IGMP's alone, MLD's with its addresses. */
static void assert_sum(const struct pkt *pkt)
{
	uint8_t b[1500];
	size_t n = pkt_copy(pkt, ETH_LEN, b, sizeof(b));
	bool v4 = b[0] >> 4 == 4;
	size_t at = v4 ? (b[0] & 15) * 4u : IP6_LEN + 8;
	struct ip_addr src, dst;
	struct sum s = { 0 };

	memcpy(&src, b + 8, 16);
	memcpy(&dst, b + 24, 16);
	if (!v4)
		sum_pseudo(&s, &src, &dst, IPPROTO_ICMPV6, (uint32_t)(n - at));
	sum_add(&s, b + at, n - at);
	assert_int_equal(sum_end(&s), 0);
}

static void join_and_leave_are_reported(void **state)
{
	struct ip_addr g4 = IP4(239, 1, 1, 1), g6 = { { 0xff, 5, [15] = 7 } };
	struct ip_addr all = IP4(224, 0, 0, 1);
	const uint8_t *h;

	netif_join(p->a.nif, &g4);
	h = l3_of(last_out(&p->a));
	assert_sum(last_out(&p->a));
	assert_int_equal(h[9], IPPROTO_IGMP);
	assert_int_equal(h[8], 1);				/* one hop */
	assert_memory_equal(h + 16, "\xe0\0\0\x16", 4);
	assert_memory_equal(h + 20, "\x94\4\0\0", 4);		/* router alert */
	assert_int_equal(h[24], 0x22);
	assert_int_equal(h[32], 4);				/* to exclude nobody */
	assert_memory_equal(h + 36, ip_v4(&g4), 4);
	cable_clear(&p->a);
	netif_join(p->a.nif, &g4);		/* counted */
	netif_leave(p->a.nif, &g4);
	netif_join(p->a.nif, &all);	/* never told */
	assert_null(last_out(&p->a));
	netif_leave(p->a.nif, &g4);
	assert_int_equal(l3_of(last_out(&p->a))[32], 3);	/* to include nobody */
	assert_false(netif_joined(p->a.nif, &g4));
	netif_join(p->a.nif, &g6);
	h = l3_of(last_out(&p->a));
	assert_sum(last_out(&p->a));
	assert_int_equal(h[6], IPPROTO_HOPOPTS);
	assert_int_equal(h[7], 1);
	assert_int_equal(h[8], 0xfe);				/* from the link-local address */
	assert_int_equal(h[48], 143);
	assert_memory_equal(h + 60, &g6, 16);
}

static void own_queries_are_answered(struct netif *nif, bool v4, unsigned groups)
{
	unsigned n = 0;

	assert_true(stimer_armed(&nif->talk[v4 ? 0 : 1].general));
	pair_run(p, 10 * USEC_PER_SEC);
	list_for(l, &nif->groups)
		n++;
	assert_int_equal(n, groups);
}

static void mld_query(void **state)
{
	uint8_t b[28] = { 130, [4] = 0x27, 0x10 };
	struct ip6 h = ip6_head(IPPROTO_ICMPV6);
	unsigned sent;

	h.src = ip6_linklocal_eui64(p->b.nif->mac);
	h.dst = (struct ip_addr){ { 0xff, 2, [15] = 1 } };
	h.hops = 1;
	icmp_sum(b, 28, &h);
	put_ip6(&f, &p->a, h, b, 28);
	sent = p->a.sent;
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	assert_int_equal(p->a.sent, sent);		/* not at once */
	own_queries_are_answered(p->a.nif, false, 1);		/* both addresses share a group */
	assert_int_equal(p->a.sent, sent + 1);
	h.hops = 64;
	put_ip6(&f, &p->a, h, b, 28);
	assert_int_equal(arrive(&p->a, &f), DROP_GROUP_BAD);
}

static void igmp_query(void **state)
{
	uint8_t b[12] = { 0x11, 100 };
	struct ip_addr g4 = IP4(239, 1, 1, 1);
	struct ip4 h = ip4_head(IPPROTO_IGMP);

	h.dst = IP4(224, 0, 0, 1);
	h.ttl = 1;
	icmp_sum(b, 12, NULL);
	netif_join(p->a.nif, &g4);
	put_ip4(&f, &p->a, h, b, 12);
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	own_queries_are_answered(p->a.nif, true, 2);
	b[5] = 1;					/* of a group we are not in */
	icmp_sum(b, 12, NULL);
	put_ip4(&f, &p->a, h, b, 12);
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	assert_false(stimer_armed(&p->a.nif->talk[0].general));
	b[6]++;
	put_ip4(&f, &p->a, h, b, 12);
	assert_int_equal(arrive(&p->a, &f), DROP_GROUP_BAD);
}

/* The interface receives what any of its members wants. */
static void filters_of_members(void **state)
{
	struct ip_addr g = IP4(239, 1, 1, 1), s1 = v4_of(2), s2 = v4_of(3), many[11];
	static struct netif_member a, b;
	struct netif *nif = p->a.nif;

	p->a.cut = true;
	assert_int_equal(netif_filter(nif, &s1, &a, true, NULL, 0), -EINVAL);
	assert_int_equal(netif_filter(nif, &g, &a, false, many, 11), -ENOBUFS);
	assert_int_equal(netif_filter(nif, &g, &a, false, &s1, 1), 0);
	assert_true(netif_group_wants(nif, &g, &s1));
	assert_false(netif_group_wants(nif, &g, &s2));
	assert_int_equal(netif_filter(nif, &g, &b, true, &s1, 1), 0);
	assert_true(netif_group_wants(nif, &g, &s2));
	assert_true(member_wants(&a, &s1));
	assert_false(member_wants(&b, &s1));
	assert_int_equal(netif_filter(nif, &g, &a, false, NULL, 0), 0);
	assert_false(netif_group_wants(nif, &g, &s1));
	assert_int_equal(netif_filter(nif, &g, &b, false, NULL, 0), 0);
	assert_false(netif_joined(nif, &g));
	assert_null(b.nif);
}

/* Those of sockets are; an address hears of its neighbours however many there are. */
static void groups_are_bounded(void **state)
{
	struct ip_addr g = IP4(239, 1, 0, 0), own = { { 0xfd, [15] = 99 } };
	struct netif_member m[300] = { { .n = 0 } };
	struct ip_addr node = ip6_solicited_node(&own);
	int e = 0, n = 0;

	p->a.cut = true;
	for (; !e && n < 300; n++) {
		g.b[14] = (uint8_t)(n >> 8);
		g.b[15] = (uint8_t)n;
		e = netif_filter(p->a.nif, &g, &m[n], true, NULL, 0);
	}
	assert_int_equal(e, -ENOBUFS);
	assert_in_range(n, 200, 257);
	assert_int_equal(netif_filter(p->a.nif, &m[0].group, &m[n], true, NULL, 0), 0);
	assert_int_equal(netif_addr_add(p->a.nif, &own, 64), 0);
	assert_true(netif_joined(p->a.nif, &node));
	for (int i = 0; i <= n; i++) {
		if (m[i].nif)
			netif_filter(p->a.nif, &m[i].group, &m[i], false, NULL, 0);
	}
}

static void listed_of(struct ip_addr *src, unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		src[i] = (struct ip_addr){ { 0xfd, 1, [14] = (from + i) >> 8, [15] = (uint8_t)(from + i) } };
}

static int wants_listed(struct netif_member *m, bool exclude, unsigned from, unsigned n)
{
	struct ip_addr g = { { 0xff, 5, [15] = 7 } }, src[200];

	listed_of(src, from, n);
	return netif_filter(p->a.nif, &g, m, exclude, src, n);
}

/* What is told of the group: the mode, and so many sources. */
static void assert_told(bool exclude, unsigned n)
{
	struct ip_addr g = { { 0xff, 5, [15] = 7 } };
	struct netif_group *ng = group_find(p->a.nif, &g);
	unsigned in = 0;

	for (unsigned i = 0; i < ng->n; i++)
		in += ng->src[i].in;
	assert_int_equal(ng->exclude, exclude);
	assert_int_equal(in, n);
	assert_true(ng->n <= MAX_NOTED);
}

/* Whom nobody can name are received; whom nobody can name as unwanted, too. */
static void more_sources_than_are_told(void **state)
{
	static struct netif_member a, b;

	p->a.cut = true;
	p->a.st->param.mld_max_msf = 200;
	assert_int_equal(wants_listed(&a, false, 0, 40), 0);
	assert_int_equal(wants_listed(&b, false, 20, GROUP_SOURCES - 20), 0);
	assert_told(false, GROUP_SOURCES);
	assert_int_equal(wants_listed(&b, false, 20, GROUP_SOURCES - 19), 0);
	assert_told(true, 0);
	assert_int_equal(wants_listed(&b, false, 0, 10), 0);
	assert_told(false, 40);
	assert_int_equal(wants_listed(&a, true, 0, GROUP_SOURCES + 6), 0);
	assert_told(true, GROUP_SOURCES + 6 - 10);	/* b wants ten of them */
	assert_int_equal(wants_listed(&b, false, 100, 1), 0);
	assert_told(true, GROUP_SOURCES);
	wants_listed(&a, false, 0, 0);
	wants_listed(&b, false, 0, 0);
}

/* Those that went are kept until that is told, unless those that came need the room. */
static void sources_come_and_go(void **state)
{
	static struct netif_member a;

	p->a.cut = true;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(wants_listed(&a, false, i * GROUP_SOURCES, GROUP_SOURCES), 0);
		assert_told(false, GROUP_SOURCES);
	}
	wants_listed(&a, false, 0, 0);
}

static void a_member_is_of_one_group(void **state)
{
	struct ip_addr g = IP4(239, 1, 1, 1), other = IP4(239, 1, 1, 2);
	static struct netif_member a;
	struct netif *nif = p->a.nif;

	assert_int_equal(netif_filter(nif, &g, &a, true, NULL, 0), 0);
	assert_int_equal(netif_filter(nif, &other, &a, true, NULL, 0), -EINVAL);
	assert_int_equal(netif_filter(p->b.nif, &g, &a, true, NULL, 0), -EINVAL);
	netif_leave(nif, &g);			/* nobody joined so */
	netif_leave(nif, &other);
	assert_true(netif_joined(nif, &g));
	netif_filter(nif, &g, &a, false, NULL, 0);
	assert_false(netif_joined(nif, &g));
}

/* What is left of a membership whose interface is gone may be given up, and used again. */
static void the_interface_goes_first(void **state)
{
	struct ip_addr g = IP4(239, 1, 1, 1), s = v4_of(2);
	struct netif *nif = netif_add(p->a.st, "eth1", (struct mac){ { 2, 9 } }, 1500, 0,
				      p->a.nif->ops, &p->a);
	static struct netif_member a, b;

	p->a.cut = true;
	netif_up(nif);
	assert_int_equal(netif_filter(nif, &g, &a, false, &s, 1), 0);
	assert_int_equal(netif_filter(nif, &g, &b, true, NULL, 0), 0);
	netif_remove(nif);
	assert_null(a.nif);
	assert_int_equal(netif_filter(p->a.nif, &g, &a, false, NULL, 0), 0);
	assert_int_equal(netif_filter(p->a.nif, &g, &b, true, NULL, 0), 0);
	assert_ptr_equal(b.nif, p->a.nif);
	netif_filter(p->a.nif, &g, &b, false, NULL, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(join_and_leave_are_reported),
		TEST(mld_query),
		TEST(igmp_query),
		TEST(filters_of_members),
		TEST(groups_are_bounded),
		TEST(more_sources_than_are_told),
		TEST(sources_come_and_go),
		TEST(a_member_is_of_one_group),
		TEST(the_interface_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
