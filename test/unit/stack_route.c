/* stack_route.c - routes and the choice of a source (RFC 6724) */
#include "unit.h"

#include <stdio.h>

#include "stack_pair.h"

static struct pair *p;
static struct stack *st;

static int start(void **state)
{
	p = pair_ready(1500);
	st = p->a.st;
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

static struct route make(const char *prefix, const char *gw, uint32_t metric)
{
	struct route r = { .nif = p->a.nif, .metric = metric };
	unsigned len;

	assert_true(ip_prefix_parse_text(prefix, &r.dst, &len));
	r.len = (uint8_t)len;
	if (gw)
		r.gw = text(gw);
	return r;
}

static int add(const char *prefix, const char *gw, uint32_t metric)
{
	struct route r = make(prefix, gw, metric);

	return route_add(st, &r);
}

static void assert_via(const char *dst, const char *gw)
{
	struct ip_addr a = text(dst), g = gw ? text(gw) : IP_NONE;
	const struct route *r = route_find(st, &a, 0);

	assert_non_null(r);
	assert_true(ip_eq(&r->gw, &g));
}

static void longest_prefix_then_metric(void **state)
{
	struct route r;

	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0), 0);
	assert_int_equal(add("192.168.0.0/16", "10.0.0.8", 5), 0);
	assert_int_equal(add("192.168.0.0/16", "10.0.0.7", 3), 0);
	assert_int_equal(add("192.168.3.0/24", "10.0.0.6", 99), 0);
	assert_int_equal(add("::/0", "fd00::9", 0), 0);
	assert_via("8.8.8.8", "10.0.0.9");
	assert_via("192.168.1.1", "10.0.0.7");
	assert_via("192.168.3.1", "10.0.0.6");
	assert_via("2001:db8::1", "fd00::9");
	assert_via("10.0.0.77", NULL);
	r = make("192.168.0.0/16", "10.0.0.7", 3);
	assert_int_equal(route_del(st, &r), 0);
	assert_int_equal(route_del(st, &r), -ESRCH);
	assert_via("192.168.1.1", "10.0.0.8");
}

static void bad_routes(void **state)
{
	struct route r = make("0.0.0.0/0", NULL, 0);

	assert_int_equal(add("10.1.0.1/16", NULL, 0), -EINVAL);		/* host bits */
	assert_int_equal(add("10.1.0.0/16", "fd00::1", 0), -EINVAL);
	assert_int_equal(add("10.1.0.0/16", NULL, 0), 0);
	assert_int_equal(add("10.1.0.0/16", NULL, 0), -EEXIST);
	r.nif = NULL;
	assert_int_equal(route_add(st, &r), -EINVAL);
}

static unsigned count(void)
{
	unsigned n = 0;

	for (const struct route *r = route_next(st, NULL); r; r = route_next(st, r))
		n++;
	return n;
}

static void there_is_a_most(void **state)
{
	char most[12];

	snprintf(most, sizeof(most), "%u", count() + 2);
	assert_int_equal(stack_set(st, "route_max_size", most), 0);
	assert_int_equal(add("10.1.0.0/16", NULL, 0), 0);
	assert_int_equal(add("10.2.0.0/16", NULL, 0), 0);
	assert_int_equal(add("10.3.0.0/16", NULL, 0), -ENOSPC);
}

/* One route in each of many tables comes and goes: the walk finds all, and what
 * tables leave behind has an end; those of late are still known. */
static void tables_come_and_go(void **state)
{
	struct route r = make("10.9.0.0/16", NULL, 0);
	unsigned before = count();

	for (uint32_t i = 0; i < 1000; i++) {
		r.table = 1000 + i * 7 % 1000;
		assert_int_equal(route_add(st, &r), 0);
	}
	assert_int_equal(count(), before + 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		r.table = 1000 + i;
		assert_int_equal(route_del(st, &r), 0);
		assert_true(route_table_known(st, r.table, true));
	}
	assert_int_equal(count(), before);
	assert_false(route_table_known(st, 1000, true));
	assert_true(route_table_known(st, 1999, true));
	r.table = 1999;
	assert_int_equal(route_add(st, &r), 0);
	assert_int_equal(count(), before + 1);
	assert_int_equal(route_del(st, &r), 0);
}

static void generation_moves(void **state)
{
	struct flow f = { .dst = text("8.8.8.8"), .proto = 17 };
	uint32_t gen = st->route_gen;

	assert_int_equal(ip_route(st, &f), -ENETUNREACH);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0), 0);
	assert_int_not_equal(st->route_gen, gen);
	assert_int_equal(ip_route(st, &f), 0);
	assert_int_equal(f.gen, st->route_gen);
	st->route_gen = UINT32_MAX;
	route_changed(st);
	assert_int_equal(st->route_gen, 1);		/* 0 is a flow never routed */
}

static void flows(void **state)
{
	struct flow f = { .dst = v4_of(2), .proto = 17 };
	struct ip_addr own = v4_of(1);

	assert_int_equal(ip_route(st, &f), 0);
	assert_ptr_equal(f.nif, p->a.nif);
	assert_true(ip_eq(&f.src, &own));
	assert_int_equal(f.mtu, 1500);
	f = (struct flow){ .src = v6_of(1), .dst = v4_of(2) };
	assert_int_equal(ip_route(st, &f), -ENETUNREACH);
	f = (struct flow){ .src = v4_of(9), .dst = v4_of(2) };
	assert_int_equal(ip_route(st, &f), -EADDRNOTAVAIL);
	f.any_src = true;
	assert_int_equal(ip_route(st, &f), 0);
	f = (struct flow){ .src = IP4(127, 0, 0, 1), .dst = v4_of(2) };
	assert_int_equal(ip_route(st, &f), -EINVAL);
	f = (struct flow){ .dst = v4_of(2), .ifindex = st->lo->index };
	assert_int_equal(ip_route(st, &f), -ENETUNREACH);
	f = (struct flow){ .dst = own };
	assert_int_equal(ip_route(st, &f), 0);
	assert_ptr_equal(f.nif, st->lo);
	assert_true(ip_eq(&f.src, &own));
}

/* RFC 6437 3 */
static void labels(void **state)
{
	struct flow a = { .dst = v6_of(2), .proto = 17, .sport = 1000, .dport = 53 }, b = a, c = a;

	c.dport = 54;
	assert_int_equal(ip_route(st, &a), 0);
	assert_int_equal(ip_route(st, &b), 0);
	assert_int_equal(ip_route(st, &c), 0);
	assert_int_not_equal(a.label, 0);
	assert_int_equal(a.label, b.label);
	assert_int_not_equal(a.label, c.label);
	assert_int_equal(a.label >> 20, 0);
	stack_set(st, "auto_flowlabels", "0");
	b.label = 0;
	assert_int_equal(ip_route(st, &b), 0);
	assert_int_equal(b.label, 0);
}

static void preferred_source(void **state)
{
	struct route r = make("172.16.0.0/12", "10.0.0.9", 0);
	struct flow f = { .dst = text("172.16.0.1") };
	struct ip_addr second = v4_of(33);

	r.src = second;
	assert_int_equal(route_add(st, &r), 0);
	assert_int_equal(ip_route(st, &f), 0);
	assert_false(ip_eq(&f.src, &second));		/* not ours yet */
	assert_int_equal(netif_addr_add(p->a.nif, &second, 24), 0);
	f = (struct flow){ .dst = text("172.16.0.1") };
	assert_int_equal(ip_route(st, &f), 0);
	assert_true(ip_eq(&f.src, &second));
}

/* A stack with no more than these addresses, all of them settled. */
static void assert_source(const char *const *addrs, const char *dst, const char *expect)
{
	struct side s = { .room = 1 };
	struct ip_addr a, to = text(dst), want = text(expect), got;
	unsigned len;

	list_init(&s.out);
	s.cut = true;
	s.st = stack_new(3, 0);
	stack_set(s.st, "dad_transmits", "0");
	s.nif = netif_add(s.st, "eth0", (struct mac){ { 2, 0, 0, 0, 0, 3 } }, 1500, 0, &side_ops, &s);
	for (; *addrs; addrs++) {
		assert_true(ip_prefix_parse_text(*addrs, &a, &len));
		assert_int_equal(netif_addr_add(s.nif, &a, len), 0);
		if (strstr(*addrs, "dead"))	/* deprecated, by its name */
			netif_addr_find(s.nif, &a)->preferred_until = 0;
	}
	netif_up(s.nif);
	got = ip_source(s.st, s.nif, &to);
	if (!ip_eq(&got, &want)) {
		char buf[IP_STRLEN];

		print_error("to %s: %s, not %s\n", dst, ip_text(&got, buf), expect);
		fail();
	}
	stack_free(s.st);
}

#define SOURCE(dst, expect, ...) \
	assert_source((const char *const[]){ __VA_ARGS__, NULL }, dst, expect)

/* The examples of RFC 6724 10.1 that need no mobility, and some of IPv4. */
static void source_selection(void **state)
{
	SOURCE("2001:db8:1::1", "2001:db8:3::1", "2001:db8:3::1/64", "fe80::5/64");
	SOURCE("ff05::1", "2001:db8:3::1", "2001:db8:3::1/64", "fe80::5/64");
	SOURCE("2001:db8:1::1", "2001:db8:1::1", "2001:db8:1::1/64", "2001:db8:2::1/64");
	SOURCE("fe80::9", "fe80::ff:fe00:3", "2001:db8:2::1/64");
	SOURCE("2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::2/64", "2001:db8:3::2/64");
	SOURCE("2001:db8:1::1", "2001:db8:3::2", "2001:db8:1::dead/64", "2001:db8:3::2/64");
	SOURCE("2002:c633:6401::1", "2002:c633:6401::d5e3", "2002:c633:6401::d5e3/64", "2001:db8:1::2/64");
	SOURCE("fd11::1", "fd22::1", "2001:db8::1/64", "fd22::1/64");
	SOURCE("2001:db8:9::1", "2001:db8::1", "fd22::1/64", "2001:db8::1/64");
	SOURCE("10.2.0.9", "10.2.0.1", "10.1.0.1/24", "10.2.0.1/24");
	SOURCE("10.1.0.9", "10.1.0.1", "10.1.0.1/24", "10.1.0.8/24");	/* the first */
	SOURCE("8.8.8.8", "10.1.0.1", "169.254.3.3/16", "10.1.0.1/24");
	SOURCE("169.254.9.9", "169.254.3.3", "10.1.0.1/24", "169.254.3.3/16");
	SOURCE("8.8.8.8", "0.0.0.0", "fd00::1/64");
}

/* DHCP's first words: nobody speaks to everybody. */
static void without_an_address(void **state)
{
	struct flow f = { .dst = IP4_BROADCAST };
	struct ip_addr a = v4_of(1);

	assert_int_equal(netif_addr_del(p->a.nif, &a, 24), 0);
	assert_int_equal(ip_route(st, &f), 0);
	assert_true(ip_eq(&f.src, &IP4_ANY));
	assert_ptr_equal(f.nif, p->a.nif);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0), 0);
	f = (struct flow){ .dst = text("8.8.8.8") };
	assert_int_equal(ip_route(st, &f), -EADDRNOTAVAIL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(longest_prefix_then_metric),
		TEST(bad_routes),
		TEST(there_is_a_most),
		TEST(tables_come_and_go),
		TEST(generation_moves),
		TEST(flows),
		TEST(labels),
		TEST(preferred_source),
		cmocka_unit_test(source_selection),
		TEST(without_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
