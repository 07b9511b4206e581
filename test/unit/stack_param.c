/* stack_param.c - parameters by name */
#include "unit.h"

#include <errno.h>

#include <netinet/in.h>

#include "stack/param.h"
#include "stack/sock.h"

static struct param p;

static int start(void **state)
{
	param_defaults(&p);
	return 0;
}

static void defaults_are_linux(void **state)
{
	assert_int_equal(p.ip_default_ttl, 64);
	assert_int_equal(p.ip_local_port_range[0], 32768);
	assert_int_equal(p.ip_local_port_range[1], 60999);
	assert_int_equal(p.tcp_rmem[2], 6291456);
	assert_int_equal(p.tcp_initial_cwnd, 10);
	assert_string_equal(p.tcp_congestion_control, "cubic");
}

static void set_by_any_of_its_names(void **state)
{
	assert_int_equal(param_set(&p, "tcp_sack", "0"), 0);
	assert_int_equal(p.tcp_sack, 0);
	assert_int_equal(param_set(&p, "net.ipv4.tcp_sack", "1"), 0);
	assert_int_equal(p.tcp_sack, 1);
	assert_int_equal(param_set(&p, "net.ipv4.tcp_rmem", "1 2\t3\n"), 0);
	assert_int_equal(p.tcp_rmem[0], 1);
	assert_int_equal(p.tcp_rmem[2], 3);
	assert_int_equal(param_set(&p, "net.ipv6.conf.all.accept_ra", "0"), 0);
	assert_int_equal(p.accept_ra, 0);
	assert_int_equal(param_set(&p, "tcp_congestion_control", "reno"), 0);
	assert_string_equal(p.tcp_congestion_control, "reno");
}

static void bad_values_change_nothing(void **state)
{
	static const char *const bad[][2] = {
		{ "tcp_rmem", "1 2" }, { "tcp_rmem", "1 2 3 4" }, { "tcp_rmem", "3 2 1" },
		{ "tcp_sack", "2" }, { "tcp_sack", "" }, { "tcp_sack", "x" },
		{ "ip_default_ttl", "0" }, { "ip_default_ttl", "256" },
		{ "ip_local_port_range", "0 5" }, { "tcp_rmem", "1 2 99999999999999999999" },
		{ "tcp_congestion_control", "" }, { "tcp_congestion_control", "a b" },
		{ "tcp_congestion_control", "sixteen-bytes-xx" },
	};
	struct param before = p;

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(param_set(&p, bad[i][0], bad[i][1]), -EINVAL);
	assert_int_equal(param_set(&p, "tcp_nonsense", "1"), -ENOENT);
	assert_int_equal(param_set(&p, "foo.tcp_sack", "1"), -ENOENT);
	assert_memory_equal(&p, &before, sizeof(p));
}

static void what_holds_anyway_may_be_said(void **state)
{
	char buf[16];

	assert_int_equal(param_set(&p, "net.ipv4.conf.all.accept_local", "0"), 0);
	assert_int_equal(param_set(&p, "net.ipv4.conf.all.accept_local", "1"), -EINVAL);
	assert_int_equal(param_set(&p, "router_solicitations", "-1"), 0);
	assert_int_equal(param_get(&p, "net.ipv4.tcp_stdurg", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "0");
	assert_int_equal(param_get(&p, "tcp_stdurg", buf, 1), -ENOSPC);
}

/* bindv6only: a new socket of IPv6 is for IPv6 alone. */
static void sockets_begin_as_is_said(void **state)
{
	struct stack *st = stack_new(1, 0);
	socklen_t len = sizeof(int);
	struct sock *so;
	int on = 0;

	assert_int_equal(stack_set(st, "net.ipv6.bindv6only", "1"), 0);
	assert_int_equal(sock_new(st, AF_INET6, SOCK_STREAM, 0, &so), 0);
	assert_int_equal(sock_getopt(so, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len), 0);
	assert_int_equal(on, 1);
	stack_free(st);
}

static void what_is_told_can_be_set(void **state)
{
	char buf[64];

	for (unsigned i = 0; param_name(i); i++) {
		struct param q;

		assert_int_equal(param_get(&p, param_name(i), buf, sizeof(buf)), 0);
		param_defaults(&q);
		assert_int_equal(param_set(&q, param_name(i), buf), 0);
		assert_memory_equal(&p, &q, sizeof(p));
	}
	assert_int_equal(param_get(&p, "ip_local_port_range", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "32768 60999");
	assert_int_equal(param_get(&p, "ip_local_port_range", buf, 4), -ENOSPC);
	assert_int_equal(param_get(&p, "none", buf, sizeof(buf)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(defaults_are_linux, start),
		cmocka_unit_test_setup(set_by_any_of_its_names, start),
		cmocka_unit_test_setup(bad_values_change_nothing, start),
		cmocka_unit_test_setup(what_holds_anyway_may_be_said, start),
		cmocka_unit_test_setup(sockets_begin_as_is_said, start),
		cmocka_unit_test_setup(what_is_told_can_be_set, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
