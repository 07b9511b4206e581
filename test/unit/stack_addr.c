/* stack_addr.c - addresses: DAD, announcements, what routers give */
#include "unit.h"

#include "stack_frame.h"

static struct pair *p;

static int start(void **state)
{
	p = pair_ready(1500);
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

static struct netif_addr *find(struct side *s, struct ip_addr a)
{
	return netif_addr_find(s->nif, &a);
}

static void optimistic_then_ours(void **state)
{
	struct pair *q = pair_new(1500);
	struct ip_addr a = v6_of(1);

	assert_int_equal(find(&q->a, a)->state, ADDR_OPTIMISTIC);
	assert_non_null(stack_addr(q->a.st, &a));
	pair_run(q, 999 * USEC_PER_MSEC);
	assert_int_equal(find(&q->a, a)->state, ADDR_OPTIMISTIC);
	pair_run(q, 2 * USEC_PER_MSEC);
	assert_int_equal(find(&q->a, a)->state, ADDR_OK);
	pair_free(q);
}

static void tentative_is_not_used(void **state)
{
	struct ip_addr a = v6_of(77);

	assert_int_equal(stack_set(p->a.st, "optimistic_dad", "0"), 0);
	assert_int_equal(netif_addr_add(p->a.nif, &a, 64), 0);
	assert_int_equal(find(&p->a, a)->state, ADDR_TENTATIVE);
	assert_null(stack_addr(p->a.st, &a));
	pair_run(p, 1001 * USEC_PER_MSEC);
	assert_non_null(stack_addr(p->a.st, &a));
}

static void without_probes_at_once(void **state)
{
	struct ip_addr a = v6_of(78);

	assert_int_equal(stack_set(p->a.st, "dad_transmits", "0"), 0);
	assert_int_equal(netif_addr_add(p->a.nif, &a, 64), 0);
	assert_int_equal(find(&p->a, a)->state, ADDR_OK);
}

static void owner_defends(void **state)
{
	struct ip_addr a = v6_of(2);

	assert_int_equal(netif_addr_add(p->a.nif, &a, 64), 0);
	pair_settle(p);
	assert_int_equal(find(&p->a, a)->state, ADDR_DUPLICATE);
	assert_null(stack_addr(p->a.st, &a));
	assert_int_equal(find(&p->b, a)->state, ADDR_OK);
	pair_run(p, 5 * USEC_PER_SEC);
	assert_int_equal(find(&p->a, a)->state, ADDR_DUPLICATE);
}

static void two_testers_both_lose(void **state)
{
	struct ip_addr a = v6_of(9);

	assert_int_equal(netif_addr_add(p->a.nif, &a, 64), 0);
	assert_int_equal(netif_addr_add(p->b.nif, &a, 64), 0);
	pair_settle(p);
	assert_int_equal(find(&p->a, a)->state, ADDR_DUPLICATE);
	assert_int_equal(find(&p->b, a)->state, ADDR_DUPLICATE);
}

static void what_is_no_address(void **state)
{
	static const struct ip_addr group6 = { { 0xff, 2, [15] = 9 } }, loop6 = { { [15] = 1 } };
	const struct { struct ip_addr a; unsigned len; } bad[] = {
		{ IP4_ANY, 8 }, { IP6_ANY, 64 }, { IP4(224, 0, 0, 9), 24 }, { group6, 64 },
		{ loop6, 128 }, { IP4(127, 0, 0, 1), 8 }, { v4_of(9), 33 }, { v6_of(9), 129 },
		{ IP4_BROADCAST, 24 }, { IP4(0, 0, 0, 5), 24 }, { IP4(250, 0, 0, 1), 24 },
	};
	struct ip_addr a = v4_of(1);

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(netif_addr_add(p->a.nif, &bad[i].a, bad[i].len), -EINVAL);
	assert_int_equal(netif_addr_add(p->a.nif, &a, 24), -EEXIST);
	assert_int_equal(netif_addr_del(p->a.nif, &a, 25), -EADDRNOTAVAIL);
}

/* The route to the prefix stays as long as an address is in it. */
static void connected_route_is_shared(void **state)
{
	struct ip_addr a = v4_of(1), a2 = v4_of(3), to = v4_of(200);

	assert_int_equal(netif_addr_add(p->a.nif, &a2, 24), 0);
	assert_int_equal(netif_addr_del(p->a.nif, &a, 24), 0);
	assert_non_null(route_find(p->a.st, &to, 0));
	assert_int_equal(netif_addr_del(p->a.nif, &a2, 24), 0);
	assert_null(route_find(p->a.st, &to, 0));
}

static void ip4_is_announced(void **state)
{
	struct ip_addr a = v4_of(50), old = v4_of(51);
	struct arp arp;
	struct rd r;

	neigh_heard(p->b.nif, &a, &(struct mac){ { 2, 7, 7, 7, 7, 7 } });
	assert_int_equal(netif_addr_add(p->a.nif, &a, 24), 0);
	r = rd_of(last_out(&p->a)->head + last_out(&p->a)->start + ETH_LEN, ARP_LEN);
	assert_true(arp_parse(&r, &arp));
	assert_int_equal(arp.op, ARP_REQUEST);
	assert_true(ip_eq(&arp.spa, &a) && ip_eq(&arp.tpa, &a));
	pair_settle(p);
	assert_true(mac_eq(&neigh_find(p->b.nif, &a)->mac, &p->a.nif->mac));
	assert_null(neigh_find(p->b.nif, &old));
}

/* --- routers --- */

static const struct mac router_mac = { { 2, 1, 1, 1, 1, 1 } };
static const struct ip_addr router = { { 0xfe, 0x80, [15] = 0xaa } };
static const struct ip_addr prefix = { { 0x20, 1, 0xd, 0xb8 } };
static const struct ip_addr far_away = { { 0x20, 2, [15] = 1 } };

static enum drop ra_from(struct ip_addr src, const struct nd_ra *ra)
{
	static const struct ip_addr all = { { 0xff, 2, [15] = 1 } };
	struct ip6 h = ip6_head(0);
	uint8_t b[400];
	struct wr w = wr_of(b, sizeof(b));

	h.src = src;
	h.dst = all;
	nd_ra_emit(&w, ra);
	return nd_arrive(&p->a, h, b, wr_len(&w));
}

static struct nd_ra ra_make(uint16_t lifetime, uint32_t valid, uint32_t preferred)
{
	return (struct nd_ra){
		.hops = 60, .lifetime = lifetime,
		.o = { .has_src = true, .src_ll = router_mac, .has_mtu = true, .mtu = 1400,
		       .n_prefix = 1, .prefix = { { prefix, 64, true, true, valid, preferred } } },
	};
}

static struct netif_addr *slaac_of(struct netif *nif)
{
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (a->slaac)
			return a;
	}
	return NULL;
}

static void router_gives_all(void **state)
{
	struct nd_ra ra = ra_make(1800, 86400, 14400);
	struct ip_addr near = prefix;
	struct flow f = { .dst = far_away, .proto = 99 };

	assert_int_equal(ra_from(router, &ra), DROP_NONE);
	near.b[15] = 7;
	assert_non_null(route_find(p->a.st, &near, 0));
	assert_true(ip_eq(&route_find(p->a.st, &near, 0)->gw, &IP_NONE));
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &router));
	assert_non_null(slaac_of(p->a.nif));
	assert_true(ip_in_prefix(&slaac_of(p->a.nif)->addr, &prefix, 64));
	assert_int_equal(ip_route(p->a.st, &f), 0);
	assert_true(ip_eq(&f.hop, &router));
	assert_int_equal(f.mtu, 1400);
	assert_int_equal(p->a.nif->hops, 60);
	assert_true(mac_eq(&neigh_find(p->a.nif, &router)->mac, &router_mac));
}

static void router_leaves(void **state)
{
	struct nd_ra ra = ra_make(1800, 86400, 14400);

	ra_from(router, &ra);
	ra.lifetime = 0;
	ra_from(router, &ra);
	assert_null(route_find(p->a.st, &far_away, 0));
	ra.lifetime = 100;
	ra_from(router, &ra);
	pair_run(p, 99 * USEC_PER_SEC);
	assert_non_null(route_find(p->a.st, &far_away, 0));
	pair_run(p, 2 * USEC_PER_SEC);
	assert_null(route_find(p->a.st, &far_away, 0));
}

/* RFC 4861 6.3.6: of two routers the one that answers; of one, that one. */
static void silent_router_stands_back(void **state)
{
	static const struct ip_addr second = { { 0xfe, 0x80, [15] = 0xbb } };
	struct nd_ra ra = ra_make(1800, 86400, 14400);
	struct flow f = { .dst = far_away, .proto = 99 };

	p->a.cut = true;
	ra_from(router, &ra);
	ra_from(second, &ra);
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &router));
	assert_int_equal(ip_out(p->a.st, pkt_new(), &f), DROP_NONE);
	pair_run(p, 10 * USEC_PER_SEC);
	assert_int_equal(neigh_find(p->a.nif, &router)->state, NEIGH_FAILED);
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &second));
	ra_from(router, &ra);
	ra.lifetime = 0;
	ra_from(second, &ra);
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &router));
}

/* An advertisement cannot take an address away at once: RFC 4862 5.5.3 e. */
static void lifetimes(void **state)
{
	struct nd_ra ra = ra_make(1800, 86400, 14400);
	struct netif_addr *a;

	ra_from(router, &ra);
	a = slaac_of(p->a.nif);
	ra = ra_make(1800, 10, 10);
	ra_from(router, &ra);
	assert_int_equal(a->valid_until, p->now + 7200 * USEC_PER_SEC);
	assert_int_equal(a->preferred_until, p->now + 10 * USEC_PER_SEC);
	pair_run(p, 7199 * USEC_PER_SEC);
	assert_ptr_equal(slaac_of(p->a.nif), a);
	pair_run(p, 2 * USEC_PER_SEC);
	assert_null(slaac_of(p->a.nif));
	ra = ra_make(1800, 0, 0);
	ra_from(router, &ra);
	assert_null(slaac_of(p->a.nif));
}

static void not_every_prefix_is_taken(void **state)
{
	struct nd_ra ra = ra_make(0, 100, 200);		/* preferred longer than valid */

	ra_from(router, &ra);
	assert_null(slaac_of(p->a.nif));
	ra = ra_make(0, 200, 100);
	ra.o.prefix[0].len = 56;
	ra_from(router, &ra);
	assert_null(slaac_of(p->a.nif));
	ra.o.prefix[0].len = 64;
	ra.o.prefix[0].prefix = (struct ip_addr){ { 0xfe, 0x80 } };
	ra_from(router, &ra);
	assert_null(slaac_of(p->a.nif));
	assert_int_equal(stack_set(p->a.st, "autoconf", "0"), 0);
	ra = ra_make(0, 200, 100);
	ra_from(router, &ra);
	assert_null(slaac_of(p->a.nif));
	assert_int_equal(stack_set(p->a.st, "accept_ra", "0"), 0);
	ra = ra_make(100, 200, 100);
	ra_from(router, &ra);
	assert_null(route_find(p->a.st, &far_away, 0));
}

static void learned_things_are_bounded(void **state)
{
	struct nd_ra ra = ra_make(1800, 86400, 86400);
	unsigned routes = 0, addrs = 0;

	for (unsigned i = 0; i < 500; i++) {
		struct ip_addr src = router;

		src.b[14] = (uint8_t)(i >> 8);
		src.b[15] = (uint8_t)i;
		ra.o.prefix[0].prefix.b[6] = (uint8_t)(i >> 8);
		ra.o.prefix[0].prefix.b[7] = (uint8_t)i;
		assert_int_equal(ra_from(src, &ra), DROP_NONE);
		cable_clear(&p->a);
	}
	list_for(l, &p->a.nif->learned)
		routes++;
	list_for(l, &p->a.nif->addrs)
		addrs += container_of(l, struct netif_addr, link)->slaac;
	assert_int_equal(routes, 64);
	assert_int_equal(addrs, 16);
}

static size_t redirect_make(uint8_t *b, struct ip_addr target, struct ip_addr dst)
{
	struct wr w = wr_of(b, 64);

	wr_u8(&w, ND_REDIRECT);
	wr_zero(&w, 7);
	wr_bytes(&w, target.b, 16);
	wr_bytes(&w, dst.b, 16);
	return wr_len(&w);
}

static enum drop redirect_from(struct ip_addr src, struct ip_addr target, struct ip_addr dst)
{
	struct ip6 h = ip6_head(0);
	uint8_t b[64];

	h.src = src;
	return nd_arrive(&p->a, h, b, redirect_make(b, target, dst));
}

static void redirects_only_from_the_router_in_use(void **state)
{
	static const struct ip_addr better = { { 0xfe, 0x80, [15] = 0xbb } };
	struct nd_ra ra = ra_make(1800, 86400, 14400);

	ra_from(router, &ra);
	assert_int_equal(redirect_from(better, better, far_away), DROP_NONE);
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &router));
	assert_int_equal(redirect_from(v6_of(2), better, far_away), DROP_ND_BAD);
	assert_int_equal(redirect_from(router, v6_of(9), far_away), DROP_ND_BAD);
	assert_int_equal(redirect_from(router, better, far_away), DROP_NONE);
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &better));
	pair_run(p, 601 * USEC_PER_SEC);
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &router));
	assert_int_equal(redirect_from(router, far_away, far_away), DROP_NONE);	/* on link */
	assert_true(ip_eq(&route_find(p->a.st, &far_away, 0)->gw, &IP_NONE));
}

static void bad_messages(void **state)
{
	struct nd_ra ra = ra_make(1800, 86400, 14400);
	struct ip6 h = ip6_head(0);
	uint8_t b[64] = { ND_NS };
	struct frame f;

	assert_int_equal(ra_from(v6_of(2), &ra), DROP_ND_BAD);	/* not link-local */
	assert_int_equal(nd_arrive(&p->a, h, b, 23), DROP_ND_BAD);	/* short */
	memcpy(b + 8, &(struct ip_addr){ { 0xff, 2, [15] = 1 } }, 16);
	assert_int_equal(nd_arrive(&p->a, h, b, 24), DROP_ND_BAD);	/* group target */
	memcpy(b + 8, &h.dst, 16);
	assert_int_equal(nd_arrive(&p->a, h, b, 24), DROP_NONE);
	b[1] = 1;
	assert_int_equal(nd_arrive(&p->a, h, b, 24), DROP_ND_BAD);	/* code */
	b[1] = 0;
	memcpy(b + 24, "\1\0zzzzzz", 8);
	assert_int_equal(nd_arrive(&p->a, h, b, 32), DROP_ND_BAD);	/* option of no length */
	h.src = IP6_ANY;
	assert_int_equal(nd_arrive(&p->a, h, b, 24), DROP_ND_BAD);	/* DAD asks the group */
	h = ip6_head(IPPROTO_ICMPV6);
	h.hops = 254;						/* from beyond the link */
	icmp_sum(b, 24, &h);
	put_ip6(&f, &p->a, h, b, 24);
	assert_int_equal(arrive(&p->a, &f), DROP_ND_BAD);
}

/* RFC 7559: ever more rarely, but always; an answer ends it. */
static void routers_are_asked(void **state)
{
	struct pair *q = pair_new(1500);

	struct nd_ra ra = ra_make(1800, 86400, 14400);
	usec first = q->a.nif->rs_wait;

	assert_true(first >= 3600000 && first <= 4400000);
	pair_run(q, first);
	assert_true(q->a.nif->rs_wait >= first * 19 / 10 && q->a.nif->rs_wait <= first * 21 / 10);
	pair_run(q, 4 * 3600 * USEC_PER_SEC);
	assert_true(stimer_armed(&q->a.nif->rs));
	assert_true(q->a.nif->rs_wait <= 3960 * USEC_PER_SEC);
	router_heard(q->a.nif, &router, &ra);
	assert_false(stimer_armed(&q->a.nif->rs));
	pair_free(q);
}

/* Two prefixes, two interface identifiers, none of them 0, which is the routers'
 * (RFC 8981 3.3.1, RFC 4291 2.6.1). */
static void temporary_tell_nothing(void **state)
{
	struct nd_ra ra = ra_make(1800, 86400, 86400);
	const uint8_t *iid[4];
	unsigned n = 0;

	stack_set(p->a.st, "use_tempaddr", "2");
	assert_int_equal(stack_set(p->a.st, "addr_gen_mode", "3"), 0);	/* random */
	ra_from(router, &ra);
	ra.o.prefix[0].prefix.b[7]++;
	ra_from(router, &ra);
	list_for(l, &p->a.nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (a->slaac && n < ARRAY_LEN(iid))
			iid[n++] = a->addr.b + 8;
	}
	assert_int_equal(n, 4);		/* one each to stay, and a temporary one */
	for (unsigned i = 0; i < n; i++) {
		assert_memory_not_equal(iid[i], IP6_ANY.b, 8);
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(iid[i], iid[k], 8);
	}
}

/* RFC 3021: a link of two has no broadcast, its last address is a host's. */
static void two_hosts_on_a_link(void **state)
{
	struct ip_addr two = IP4(10, 7, 0, 2), last = IP4(10, 7, 0, 3), wide = IP4(10, 8, 0, 1);
	struct sock *so = udp_open(&p->a, AF_INET, IP4_ANY, 0);

	assert_int_equal(netif_addr_add(p->a.nif, &two, 31), 0);
	assert_int_equal(netif_addr_add(p->a.nif, &wide, 30), 0);
	assert_int_equal(udp_to(so, "x", 1, last, 9), 1);
	assert_int_equal(udp_to(so, "x", 1, IP4(10, 8, 0, 3), 9), -EACCES);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(optimistic_then_ours),
		TEST(tentative_is_not_used),
		TEST(without_probes_at_once),
		TEST(owner_defends),
		TEST(two_testers_both_lose),
		TEST(what_is_no_address),
		TEST(connected_route_is_shared),
		TEST(ip4_is_announced),
		TEST(two_hosts_on_a_link),
		TEST(router_gives_all),
		TEST(router_leaves),
		TEST(silent_router_stands_back),
		TEST(lifetimes),
		TEST(temporary_tell_nothing),
		TEST(not_every_prefix_is_taken),
		TEST(learned_things_are_bounded),
		TEST(redirects_only_from_the_router_in_use),
		TEST(bad_messages),
		cmocka_unit_test(routers_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
