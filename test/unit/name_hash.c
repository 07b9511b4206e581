/* name_hash.c - hash addresses against all values that VirtualSquare published */
#include "name/hash.h"
#include "unit.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_true(ip_parse_text(text, &a));
	return a;
}

static void is_addr(struct ip_addr a, const char *text)
{
	char buf[IP_STRLEN];

	assert_string_equal(ip_text(&a, buf), text);
}

static void is_mac(struct mac m, const char *text)
{
	char buf[MAC_STRLEN];

	assert_string_equal(mac_text(&m, buf), text);
}

static void hashed(const char *base, const char *name, const char *text)
{
	struct ip_addr b = ip(base);

	is_addr(hash_addr(&b, name, NULL, 0), text);
}

static void published_addresses(void **state)
{
	hashed("fc00::", "renzo.hash.local", "fc00::4cc:8049:6765:d03a");
	hashed("fc00::", "hic_sunt_leones.hash.local", "fc00::9c8f:74b4:705f:6512");
	hashed("fc00::", "hash.test.local", "fc00::f4b7:a5a9:259b:fb70");
	hashed("2001:760:2e00:ff00::", "renzo.hash.v2.cs.unibo.it",
	       "2001:760:2e00:ff00:6066:4f84:db3e:c9cb");
	hashed("2001:760:2e00:ff00::", "lucia.hash.v2.cs.unibo.it",
	       "2001:760:2e00:ff00:cf1:1fe9:aad4:e838");
	hashed("2001:760:2e00:ff00::", "whatever-you-want.hash.v2.cs.unibo.it",
	       "2001:760:2e00:ff00:542d:ffcb:17e:8fa7");
	hashed("2000:760::", "test.v2.cs.unibo.it", "2000:760::68d6:2fac:95a:5a2e");
}

static void names_as_typed(void **state)
{
	hashed("2001:db8::", "www.example.org", "2001:db8::fc24:c332:7b7b:bfe7");
	hashed("2001:db8::", "www.example.org.", "2001:db8::fc24:c332:7b7b:bfe7");
	hashed("2001:db8::", "WWW.example.org", "2001:db8::6070:3928:b379:a846");
	hashed("2001:db8::1", "www.example.org", "2001:db8::fc24:c332:7b7b:bfe6");
	/* Of nothing: MD5's own d41d8cd9 8f00b204. */
	hashed("::", "", "::d41d:8cd9:8f00:b204");
	hashed("::", ".", "::d41d:8cd9:8f00:b204");
}

static void bits_of_the_base_are_cleared(void **state)
{
	struct ip_addr base = ip("fd00::300:0:0:0");
	struct ip_addr a = hash_addr(&base, "www.example.org", NULL, 0);

	assert_int_equal(a.b[8] & 3, 0);
}

static void macs(void **state)
{
	is_mac(hash_mac("renzo.hash.local", NULL), "06:cc:80:65:d0:3a");
	is_mac(hash_mac("test.v2.cs.unibo.it", NULL), "6a:d6:2f:5a:5a:2e");
	is_mac(hash_mac("www.example.org", NULL), "fe:24:c3:7b:bf:e7");
	is_mac(hash_mac("www.example.org", "secret"), "46:20:ac:95:13:d1");
}

static void eui64(void **state)
{
	struct ip_addr v2 = ip("2000:760::"), doc = ip("2001:db8::"), fe80 = ip("fe80::");
	struct mac m = hash_mac("test.v2.cs.unibo.it", NULL);
	struct ip_addr ll = ip6_linklocal_eui64(m), mine = hash_eui64(&fe80, m);

	is_addr(hash_eui64(&v2, m), "2000:760::68d6:2fff:fe5a:5a2e");
	is_addr(hash_eui64(&doc, hash_mac("www.example.org", NULL)),
		"2001:db8::fc24:c3ff:fe7b:bfe7");
	assert_true(ip_eq(&ll, &mine));
}

static void otip(const char *name, const char *passwd, uint32_t time, const char *text)
{
	struct ip_addr base = ip("::");

	is_addr(hash_addr(&base, name, passwd, time), text);
}

static void one_time_addresses(void **state)
{
	otip("www.example.org", "secret", 53125000, "::c49f:5f65:a957:6628");
	otip("renzo.otip", "mypassword", 51746753, "::e8be:1b1f:6545:8d12");
	otip("renzo.otip", "mypassword", 51746754, "::64c6:30b9:3f3a:14d7");
	otip("renzo.otip", "mypassword", 51890493, "::103b:2baf:8539:1e32");
	otip("renzo.otip", "mypassword", 51890495, "::18b5:b8a:5f15:3839");
	otip("test.otip.v2.cs.unibo.it", "secret_password", 51889486, "::78e4:bb37:f7bf:f2cf");
}

static void one_time(void **state)
{
	assert_int_equal(hash_otiptime(1700000000, 32, 0), 53125000);
	assert_int_equal(hash_otiptime(1700000031, 32, 0), 53125000);
	assert_int_equal(hash_otiptime(1700000032, 32, 0), 53125001);
	assert_int_equal(hash_otiptime(1700000024, 32, 8), 53125001);	/* before it divides */
	assert_int_equal(hash_otiptime(1700000007, 32, -8), 53124999);
	assert_int_equal(hash_otiptime(1700000000, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_addresses),
		cmocka_unit_test(names_as_typed),
		cmocka_unit_test(bits_of_the_base_are_cleared),
		cmocka_unit_test(macs),
		cmocka_unit_test(eui64),
		cmocka_unit_test(one_time_addresses),
		cmocka_unit_test(one_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
