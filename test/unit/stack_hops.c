/* stack_hops.c - routes with several next hops (RFC 2991, RFC 2992) */
#include "unit.h"

#include "stack/route.h"
#include "stack_pair.h"

static struct route hop(struct side *s, struct ip_addr gw, uint8_t weight)
{
	bool v4 = ip_is_v4(&gw);

	return (struct route){
		.dst = v4 ? IP4(10, 8, 0, 0) : text("fd08::"), .len = v4 ? 16 : 32, .gw = gw,
		.src = IP_NONE, .nif = s->nif, .weight = weight,
	};
}

static struct ip_addr target(unsigned i)
{
	return IP4(10, 8, (uint8_t)(i >> 8), (uint8_t)i);
}

static uint8_t way_of(struct stack *st, const struct route_key *k)
{
	const struct route *r;

	assert_int_equal(route_lookup(st, k, &r), 0);
	return r->gw.b[15];
}

static unsigned share(struct stack *st, uint8_t gw)
{
	unsigned n = 0;

	for (unsigned i = 1; i < 1000; i++) {
		struct route_key k = { .dst = target(i), .src = v4_of(1) };

		assert_int_equal(way_of(st, &k), way_of(st, &k));
		n += way_of(st, &k) == gw;
	}
	return n;
}

/* Each hop has its weight of the flows; one that is silent has none. */
static void weights(void **state)
{
	struct pair *p = pair_ready(1500);
	struct route h[2] = { hop(&p->a, v4_of(2), 0), hop(&p->a, v4_of(3), 1) };
	struct stack *st = p->a.st;

	assert_int_equal(route_add_hops(st, h, 2), 0);
	assert_in_range(share(st, 2), 250, 420);
	assert_in_range(share(st, 3), 580, 750);
	route_avoid(st, &h[1], true);
	assert_int_equal(share(st, 2), 999);
	route_avoid(st, &h[0], true);
	assert_in_range(share(st, 3), 580, 750);
	route_avoid(st, &h[0], false);
	route_avoid(st, &h[1], false);
	assert_in_range(share(st, 2), 250, 420);
	pair_free(p);
}

/* Ports tell flows apart only if they are asked for. */
static void policy(void **state)
{
	struct pair *p = pair_ready(1500);
	struct route h[2] = { hop(&p->a, v4_of(2), 0), hop(&p->a, v4_of(3), 0) };
	struct route_key k = { .dst = target(1), .src = v4_of(1), .proto = IPPROTO_TCP };
	unsigned n[2] = { 0, 0 };

	assert_int_equal(route_add_hops(p->a.st, h, 2), 0);
	for (int policy = 0; policy < 2; policy++) {
		assert_int_equal(stack_set(p->a.st, "net.ipv4.fib_multipath_hash_policy",
					   policy ? "1" : "0"), 0);
		for (k.sport = 1; k.sport < 200; k.sport++)
			n[policy] += way_of(p->a.st, &k) == 2;
	}
	assert_true(n[0] == 0 || n[0] == 199);
	assert_in_range(n[1], 60, 140);
	pair_free(p);
}

/* All or nothing, and they go together. */
static void one_route(void **state)
{
	struct pair *p = pair_ready(1500);
	struct route h[3] = { hop(&p->a, v6_of(2), 0), hop(&p->a, v6_of(3), 0), hop(&p->a, v6_of(2), 0) };
	struct stack *st = p->a.st;
	struct ip_addr to = text("fd08::1");
	const struct route *r;

	assert_int_equal(route_add_hops(st, h, 3), -EEXIST);
	assert_null(route_find(st, &to, 0));
	assert_int_equal(route_add_hops(st, h, 2), 0);
	r = route_find(st, &to, 0);
	assert_non_null(r);
	r = route_first_hop(st, r);
	assert_int_equal(r->gw.b[15], 2);
	assert_int_equal(route_next_hop(st, r)->gw.b[15], 3);
	assert_null(route_next_hop(st, route_next_hop(st, r)));
	h[2] = hop(&p->a, v6_of(4), 0);
	assert_int_equal(route_join_hops(st, r, &h[2]), 0);
	assert_int_equal(route_del(st, &h[0]), 0);
	r = route_first_hop(st, route_find(st, &to, 0));
	assert_int_equal(r->gw.b[15], 3);
	route_del_hops(st, r);
	assert_null(route_find(st, &to, 0));
	pair_free(p);
}

/* A flow that has no source yet goes by the hop it will have with it. */
static void flows_stay(void **state)
{
	struct pair *p = pair_ready(1500);
	struct route h[2] = { hop(&p->a, v4_of(2), 0), hop(&p->a, v4_of(3), 0) };
	struct stack *st = p->a.st;

	assert_int_equal(route_add_hops(st, h, 2), 0);
	for (unsigned i = 1; i < 100; i++) {
		struct flow f = { .dst = target(i), .src = IP_NONE, .proto = IPPROTO_UDP };
		struct ip_addr hop;

		assert_int_equal(ip_route(st, &f), 0);
		hop = f.hop;
		assert_int_equal(ip_route(st, &f), 0);
		assert_true(ip_eq(&hop, &f.hop));
	}
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights),
		cmocka_unit_test(policy),
		cmocka_unit_test(one_route),
		cmocka_unit_test(flows_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
