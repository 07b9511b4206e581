/* stack_rule.c - tables, rules, and what is told when they change */
#include "unit.h"

#include "stack/route.h"
#include "stack_pair.h"

static struct pair *p;
static struct stack *st;

static struct { int n; enum change what; bool gone; } told;

static void tell(struct stack *s, enum change what, bool gone, const void *object)
{
	assert_non_null(object);
	told.n++;
	told.what = what;
	told.gone = gone;
}

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

static int add(const char *prefix, const char *gw, uint32_t table, enum route_type type)
{
	struct route r = { .table = table, .type = (uint8_t)type };
	unsigned len;

	assert_true(ip_prefix_parse_text(prefix, &r.dst, &len));
	r.len = (uint8_t)len;
	if (gw)
		r.gw = text(gw);
	if (type == ROUTE_UNICAST)
		r.nif = p->a.nif;
	return route_add(st, &r);
}

/* A rule of IPv4 that asks this table. */
static struct rule to_table(uint32_t priority, uint32_t table)
{
	return (struct rule){
		.priority = priority, .v4 = true, .action = RULE_TABLE, .table = table,
	};
}

static void assert_way(const struct route_key *k, int error, const char *gw)
{
	const struct route *r;
	char buf[IP_STRLEN];
	int e = route_lookup(st, k, &r);

	assert_int_equal(e, error);
	if (!e)
		assert_string_equal(ip_text(&r->gw, buf), gw);
}

static void tables(void **state)
{
	struct route_key k = { .dst = text("8.8.8.8") };
	struct rule r = to_table(100, 7);

	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0, ROUTE_UNICAST), 0);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", TABLE_MAIN, ROUTE_UNICAST), -EEXIST);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.7", 7, ROUTE_UNICAST), 0);
	assert_int_equal(add("8.8.0.0/16", "10.0.0.5", 70000, ROUTE_UNICAST), 0);
	assert_way(&k, 0, "10.0.0.9");
	assert_int_equal(rule_add(st, &r), 0);
	assert_int_equal(rule_add(st, &r), -EEXIST);
	assert_way(&k, 0, "10.0.0.7");
	r.table = 70000;
	assert_int_equal(rule_add(st, &r), 0);		/* of the same priority: the older first */
	assert_way(&k, 0, "10.0.0.7");
	r.table = 7;
	assert_int_equal(rule_del(st, &r), 0);
	assert_int_equal(rule_del(st, &r), -ENOENT);
	assert_way(&k, 0, "10.0.0.5");
	k.dst = text("9.9.9.9");
	assert_way(&k, 0, "10.0.0.9");			/* that table has nothing on it */
}

/* One selector a time: the rule takes the packet it describes, no other. */
static void selectors(void **state)
{
	struct ip_addr src = text("10.0.0.1"), other = text("10.0.1.1");
	struct route_key k = { .dst = text("8.8.8.8"), .src = src, .mark = 5, .uid = 9, .tos = 8,
			       .sport = 1000, .dport = 53, .proto = IPPROTO_UDP };
	struct route_key miss[8];
	struct rule r[8];

	for (int i = 0; i < 8; i++) {
		miss[i] = k;
		r[i] = to_table(10, 7);
	}
	r[0].src = text("10.0.0.0"), r[0].src_len = 24, miss[0].src = other;
	r[1].dst = text("8.0.0.0"), r[1].dst_len = 8, miss[1].dst = other;
	r[2].tos = 8, miss[2].tos = 4;
	r[3].mark = 1, r[3].mark_mask = 3, miss[3].mark = 6;
	r[4].ipproto = IPPROTO_UDP, miss[4].proto = IPPROTO_TCP;
	r[5].dport[0] = 50, r[5].dport[1] = 53, miss[5].dport = 54;
	r[6].has_uid = true, r[6].uid[0] = 9, r[6].uid[1] = 10, miss[6].uid = 11;
	strcpy(r[7].iif, "lo"), miss[7].iif = p->a.nif->index;
	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0, ROUTE_UNICAST), 0);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.7", 7, ROUTE_UNICAST), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(rule_add(st, &r[i]), 0);
		assert_way(&k, 0, "10.0.0.7");
		assert_way(&miss[i], 0, "10.0.0.9");
		assert_int_equal(rule_del(st, &r[i]), 0);
		r[i].invert = true;
		assert_int_equal(rule_add(st, &r[i]), 0);
		assert_way(&k, 0, "10.0.0.9");
		assert_way(&miss[i], 0, "10.0.0.7");
		assert_int_equal(rule_del(st, &r[i]), 0);
	}
}

static void actions(void **state)
{
	static const struct { enum rule_action a; int error; } t[] = {
		{ RULE_BLACKHOLE, -EINVAL }, { RULE_UNREACHABLE, -EHOSTUNREACH },
		{ RULE_PROHIBIT, -EACCES },
	};
	struct route_key k = { .dst = text("8.8.8.8") };
	struct rule r = to_table(10, 0);

	assert_int_equal(rule_add(st, &r), -EINVAL);
	r.action = RULE_NOP + 1;			/* reserved */
	assert_int_equal(rule_add(st, &r), -EINVAL);
	r.action = RULE_PROHIBIT + 1;
	assert_int_equal(rule_add(st, &r), -EINVAL);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0, ROUTE_UNICAST), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		r.action = (uint8_t)t[i].a;
		assert_int_equal(rule_add(st, &r), 0);
		assert_way(&k, t[i].error, NULL);
		assert_int_equal(rule_del(st, &r), 0);
	}
	r.action = RULE_GOTO;
	r.target = 32766;
	assert_int_equal(rule_add(st, &r), 0);
	r = (struct rule){ .priority = 11, .v4 = true, .action = RULE_PROHIBIT };
	assert_int_equal(rule_add(st, &r), 0);		/* jumped over */
	assert_way(&k, 0, "10.0.0.9");
	r = (struct rule){ .priority = 11, .action = RULE_PROHIBIT };
	assert_int_equal(rule_add(st, &r), 0);
	k.dst = text("2001:db8::1");
	assert_way(&k, -EACCES, NULL);
}

static void route_types(void **state)
{
	struct flow f = { .dst = text("8.1.0.1") };
	struct rule r = to_table(10, 7);

	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0, ROUTE_UNICAST), 0);
	assert_int_equal(add("8.1.0.0/16", NULL, 0, ROUTE_BLACKHOLE), 0);
	assert_int_equal(add("8.2.0.0/16", NULL, 0, ROUTE_UNREACHABLE), 0);
	assert_int_equal(add("8.3.0.0/16", NULL, 0, ROUTE_PROHIBIT), 0);
	assert_int_equal(add("8.3.0.0/16", "10.0.0.9", 0, ROUTE_PROHIBIT), -EINVAL);
	assert_int_equal(add("8.4.0.0/16", NULL, 7, ROUTE_THROW), 0);
	assert_int_equal(add("8.0.0.0/8", "10.0.0.7", 7, ROUTE_UNICAST), 0);
	assert_int_equal(ip_route(st, &f), -EINVAL);
	f.dst = text("8.2.0.1");
	assert_int_equal(ip_route(st, &f), -EHOSTUNREACH);
	f.dst = text("8.3.0.1");
	assert_int_equal(ip_route(st, &f), -EACCES);
	assert_int_equal(rule_add(st, &r), 0);
	assert_int_equal(ip_route(st, &f), 0);
	f.dst = text("8.4.0.1");			/* table 7 sends it on to main */
	assert_int_equal(ip_route(st, &f), 0);
	assert_true(ip_eq(&f.hop, &IP4(10, 0, 0, 9)));
	assert_string_equal(route_type_name(ROUTE_THROW), "throw");
}

/* wg-quick's: everything but the default route of main. */
static void suppressed_default(void **state)
{
	struct route_key k = { .dst = text("8.8.8.8") };
	struct rule r = to_table(10, TABLE_MAIN);

	r.suppress = true;
	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0, ROUTE_UNICAST), 0);
	assert_int_equal(add("9.0.0.0/8", "10.0.0.8", 0, ROUTE_UNICAST), 0);
	assert_int_equal(add("0.0.0.0/0", "10.0.0.7", 7, ROUTE_UNICAST), 0);
	assert_int_equal(rule_add(st, &r), 0);
	r = to_table(11, 7);
	assert_int_equal(rule_add(st, &r), 0);
	assert_way(&k, 0, "10.0.0.7");
	k.dst = text("9.0.0.1");
	assert_way(&k, 0, "10.0.0.8");
}

static void rules_of_linux(void **state)
{
	static const uint32_t want[] = { 0, 32766, 32767, 0, 32766 };

	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(rule_at(st, i)->priority, want[i]);
		assert_int_equal(rule_at(st, i)->v4, i < 3);
	}
	assert_null(rule_at(st, ARRAY_LEN(want)));
	assert_int_equal(rule_free_priority(st, true), 32765);
}

/* RFC 4191 3.2: another router, however unloved, before one that is silent. */
static void silent_next_hop(void **state)
{
	struct route r = { .dst = text("9.0.0.0"), .len = 8, .gw = text("10.0.0.7"),
			   .nif = p->a.nif };
	struct route_key k = { .dst = text("9.0.0.1") };

	assert_int_equal(add("0.0.0.0/0", "10.0.0.9", 0, ROUTE_UNICAST), 0);
	assert_int_equal(route_add(st, &r), 0);
	assert_way(&k, 0, "10.0.0.7");
	route_avoid(st, &r, true);
	assert_way(&k, 0, "10.0.0.9");
	route_avoid(st, &r, false);
	assert_way(&k, 0, "10.0.0.7");
}

static void assert_told(enum change what, bool gone)
{
	assert_true(told.n > 0);
	assert_int_equal(told.what, what);
	assert_int_equal(told.gone, gone);
	told.n = 0;
}

static void changes_are_told(void **state)
{
	struct ip_addr a = v4_of(50), n = v4_of(60);
	struct route r = { .dst = text("9.0.0.0"), .len = 8, .nif = p->a.nif };
	struct rule rule = to_table(5, 7);
	struct mac mac = { { 2, 9, 9, 9, 9, 9 } };

	told.n = 0;
	st->on_change = tell;
	assert_int_equal(route_add(st, &r), 0);
	assert_told(CHANGE_ROUTE, false);
	assert_int_equal(route_del(st, &r), 0);
	assert_told(CHANGE_ROUTE, true);
	assert_int_equal(rule_add(st, &rule), 0);
	assert_told(CHANGE_RULE, false);
	assert_int_equal(rule_del(st, &rule), 0);
	assert_told(CHANGE_RULE, true);
	assert_int_equal(neigh_set(p->a.nif, &n, &mac, NEIGH_PERMANENT), 0);
	assert_told(CHANGE_NEIGH, false);
	assert_int_equal(neigh_del(p->a.nif, &n), 0);
	assert_told(CHANGE_NEIGH, true);
	assert_int_equal(netif_addr_add(p->a.nif, &a, 24), 0);
	assert_told(CHANGE_ADDR, false);
	assert_int_equal(netif_addr_del(p->a.nif, &a, 24), 0);
	assert_told(CHANGE_ADDR, true);
	netif_down(p->a.nif);
	assert_told(CHANGE_LINK, false);
}

/* Down and up again: routes set by hand are there, neighbours are asked anew. */
static void down_and_up(void **state)
{
	struct route_key k = { .dst = text("8.8.8.8") };
	struct ip_addr peer = v4_of(2);

	assert_int_equal(add("0.0.0.0/0", "10.0.0.2", 0, ROUTE_UNICAST), 0);
	neigh_heard(p->a.nif, &peer, &p->b.nif->mac);
	netif_down(p->a.nif);
	assert_null(neigh_find(p->a.nif, &peer));
	assert_way(&k, -ENETUNREACH, NULL);
	netif_up(p->a.nif);
	assert_way(&k, -ENETUNREACH, NULL);	/* as Linux: routes do not come back, */
	k.dst = peer;
	assert_way(&k, 0, "::");			/* but those of addresses do */
	pair_run(p, 2 * USEC_PER_SEC);
	assert_null(netif_addr_find(p->a.nif, &(struct ip_addr){ { 0xfd, [15] = 1 } }));
	k.dst = ip6_linklocal_eui64(p->a.nif->mac);
	assert_true(addr_usable(netif_addr_find(p->a.nif, &k.dst)));
}

static void permanent_neighbour(void **state)
{
	struct mac mac = { { 2, 9, 9, 9, 9, 9 } };
	struct ip_addr a = v4_of(60);

	stack_set(st, "gc_thresh3", "2");
	assert_int_equal(neigh_set(p->a.nif, &a, &mac, NEIGH_PERMANENT), 0);
	assert_int_equal(neigh_set(p->a.nif, &a, &mac, NEIGH_DELAY), -EINVAL);
	neigh_heard(p->a.nif, &a, &p->b.nif->mac);
	neigh_advert(p->a.nif, &a, &p->b.nif->mac, ADV_SOLICITED | ADV_OVERRIDE);
	for (uint8_t i = 100; i < 120; i++) {
		struct ip_addr other = v4_of(i);

		neigh_heard(p->a.nif, &other, &p->b.nif->mac);
	}
	assert_true(mac_eq(&neigh_find(p->a.nif, &a)->mac, &mac));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tables),
		TEST(selectors),
		TEST(actions),
		TEST(route_types),
		TEST(suppressed_default),
		TEST(rules_of_linux),
		TEST(silent_next_hop),
		TEST(changes_are_told),
		TEST(down_and_up),
		TEST(permanent_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
