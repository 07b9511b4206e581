/* name_names.c - the order of destinations, resolv.conf */
#include <arpa/inet.h>
#include <string.h>

#include "name/order.h"
#include "name/resolvconf.h"
#include "unit.h"

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;

	assert_true(ip_parse_text(s, &a));
	return a;
}

/* The examples of RFC 6724 10.2 that rules without flags decide; and others. What is
 * given first is worse; no source: unreachable. */
static const struct {
	const char *worse, *worse_source, *better, *better_source;
} pairs[] = {
	{ "198.51.100.121", "169.254.13.78", "2001:db8:1::1", "2001:db8:1::2" },
	{ "2001:db8:1::1", "fe80::1", "198.51.100.121", "198.51.100.117" },
	{ "10.1.2.3", "10.1.2.4", "2001:db8:1::1", "2001:db8:1::2" },
	{ "2001:db8:1::1", "2001:db8:1::2", "fe80::1", "fe80::2" },
	{ "2001:db8:1::1", "2002:c633:6401::2", "2002:c633:6401::1", "2002:c633:6401::2" },
	{ "2002:c633:6401::1", "2002:c633:6401::2", "2001:db8:1::1", "2001:db8:1::2" },
	{ "2001:db8:3ffe::1", "2001:db8:1::2", "2001:db8:1::1", "2001:db8:1::2" },
	{ "2001:db8::1", NULL, "10.0.0.1", "10.0.0.2" },
	{ "2001:db8::1", "2001:db8::2", "::1", "::1" },
	{ "fd00::1", "2001:db8::2", "10.0.0.1", "10.0.0.2" },
	{ "127.0.0.1", "127.0.0.1", "::1", "::1" },
};

static struct dest dest(const char *addr, const char *source, unsigned i)
{
	return (struct dest){ ip(addr), source ? ip(source) : IP_NONE, source, i };
}

static void destinations(void **state)
{
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		struct dest d[2] = {
			dest(pairs[i].worse, pairs[i].worse_source, 0),
			dest(pairs[i].better, pairs[i].better_source, 1),
		};

		dest_sort(d, 2);
		if (d[0].index != 1)
			fail_msg("%s should come before %s", pairs[i].better, pairs[i].worse);
		dest_sort(d, 2);
		assert_int_equal(d[0].index, 1);
	}
}

static void the_server_s_order_is_kept(void **state)
{
	struct dest d[8];

	for (unsigned i = 0; i < 8; i++)
		d[i] = dest(i == 5 ? "fd00::9" : "10.0.0.9", i == 5 ? "fd00::1" : "10.0.0.1", i);
	dest_sort(d, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(d[i].index, i < 5 ? i : i < 7 ? i + 1 : 5);
}

static void resolv_conf(void **state)
{
	struct resolvconf rc;

	resolvconf_parse("# made by hand\n"
			 "domain not.this\nsearch  lan. example.org\t\n"
			 "nameserver 10.0.0.1\n nameserver 10.0.0.9\nnameserver fe80::1%eth0\n"
			 "nameserver 300.0.0.1\nnameserver\nnameservers 10.0.0.8\n"
			 "options rotate ndots:3 timeout:99 attempts:-1 debug", &rc);
	assert_int_equal(rc.n_server, 2);
	assert_true(ip_eq(&rc.server[0].addr, &IP4(10, 0, 0, 1)));
	assert_string_equal(rc.server[0].zone, "");
	assert_string_equal(rc.server[1].zone, "eth0");
	assert_int_equal(rc.n_domain, 2);
	assert_string_equal(rc.domain[0], "lan.");
	assert_string_equal(rc.domain[1], "example.org");
	assert_int_equal(rc.ndots, 3);
	assert_int_equal(rc.timeout, 30);
	assert_int_equal(rc.attempts, 1);
	assert_true(rc.rotate);
	assert_false(rc.tcp);
}

static void an_empty_resolv_conf(void **state)
{
	struct resolvconf rc;

	resolvconf_parse("", &rc);
	assert_int_equal(rc.n_server, 0);
	assert_int_equal(rc.ndots, 1);
	assert_int_equal(rc.timeout, 5);
	assert_int_equal(rc.attempts, 2);
}

static void too_much_of_all(void **state)
{
	char text[20000] = "", longest[300];
	struct resolvconf rc;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	for (int i = 0; i < 20; i++)
		strcat(text, "nameserver 10.0.0.1\n");
	strcat(text, "search");
	for (int i = 0; i < 40; i++)
		strcat(strcat(text, " "), i ? "lan" : longest);
	resolvconf_parse(text, &rc);
	assert_int_equal(rc.n_server, RC_SERVERS);
	assert_int_equal(rc.n_domain, RC_DOMAINS);
	assert_string_equal(rc.domain[0], "lan");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations),
		cmocka_unit_test(the_server_s_order_is_kept),
		cmocka_unit_test(resolv_conf),
		cmocka_unit_test(an_empty_resolv_conf),
		cmocka_unit_test(too_much_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
