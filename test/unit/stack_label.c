/* stack_label.c - labels of addresses and the sources they choose (RFC 6724 5, rule 6) */
#include "unit.h"

#include "stack/addr_label.h"
#include "stack_pair.h"

static void longest_then_of_the_interface(void **state)
{
	struct pair *p = pair_new(1500);
	struct stack *st = p->a.st;
	struct ip_addr a = text("2001:db8::1");
	struct addr_label l = { text("2001:db8::"), 32, 0, 99 };

	assert_int_equal(addr_label(st, &a, 1), 1);
	assert_int_equal(addr_label_set(st, &l, false), 0);
	assert_int_equal(addr_label_set(st, &l, false), -EEXIST);
	l.ifindex = 2;
	l.label = 98;
	assert_int_equal(addr_label_set(st, &l, false), 0);
	assert_int_equal(addr_label(st, &a, 2), 98);
	assert_int_equal(addr_label(st, &a, 1), 99);
	l.label = 97;
	assert_int_equal(addr_label_set(st, &l, true), 0);
	assert_int_equal(addr_label(st, &a, 2), 97);
	l = (struct addr_label){ text("::"), 0, 0, 1 };
	assert_int_equal(addr_label_del(st, &l), 0);
	assert_int_equal(addr_label_del(st, &l), -ESRCH);
	a = text("2a00::1");
	assert_int_equal(addr_label(st, &a, 1), LABEL_NONE);
	pair_free(p);
}

static void table_is_bounded(void **state)
{
	struct pair *p = pair_new(1500);
	struct addr_label l = { text("2001:db8::"), 64, 0, 7 };
	int e = 0, n = 0;

	for (; !e && n < 1000; n++) {
		l.prefix.b[7] = (uint8_t)n;
		l.prefix.b[6] = (uint8_t)(n >> 8);
		e = addr_label_set(p->a.st, &l, false);
	}
	assert_int_equal(e, -ENOBUFS);
	pair_free(p);
}

/* A site that renumbers: who speaks to the new prefix does so from the new one. */
static void source_follows(void **state)
{
	struct pair *p = pair_new(1500);
	struct ip_addr old = text("2001:db8:1::1"), new = text("2001:db8:9::1"), to = text("2001:db8:1::2"), got;
	struct addr_label l = { text("2001:db8:9::"), 48, 0, 50 };

	assert_int_equal(netif_addr_add(p->a.nif, &old, 64), 0);
	assert_int_equal(netif_addr_add(p->a.nif, &new, 64), 0);
	pair_run(p, 20 * USEC_PER_SEC);
	got = ip_source(p->a.st, p->a.nif, &to);
	assert_true(ip_eq(&got, &old));
	assert_int_equal(addr_label_set(p->a.st, &l, false), 0);
	l = (struct addr_label){ text("2001:db8:1::2"), 128, 0, 50 };
	assert_int_equal(addr_label_set(p->a.st, &l, false), 0);
	got = ip_source(p->a.st, p->a.nif, &to);
	assert_true(ip_eq(&got, &new));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_then_of_the_interface),
		cmocka_unit_test(table_is_bounded),
		cmocka_unit_test(source_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
