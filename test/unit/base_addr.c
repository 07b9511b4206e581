/* base_addr.c - classes, prefixes and text of addresses, sockaddr */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "base/rand.h"
#include "unit.h"

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;

	assert_true(ip_parse_text(s, &a));
	return a;
}

static void classes(void **state)
{
	static const struct {
		const char *s;
		bool any, loop, multi, ll;
	} t[] = {
		{ "0.0.0.0",	      true,  false, false, false },
		{ "::",		      true,  false, false, false },
		{ "127.9.9.9",	      false, true,  false, false },
		{ "::1",	      false, true,  false, false },
		{ "224.0.0.1",	      false, false, true,  false },
		{ "239.255.255.255",  false, false, true,  false },
		{ "240.0.0.1",	      false, false, false, false },
		{ "ff02::1",	      false, false, true,  false },
		{ "169.254.1.1",      false, false, false, true },
		{ "fe80::1",	      false, false, false, true },
		{ "febf::1",	      false, false, false, true },
		{ "fec0::1",	      false, false, false, false },
		{ "fd00::1",	      false, false, false, false },
		{ "fc00::1",	      false, false, false, false },
		{ "2001:db8::1",      false, false, false, false },
		{ "10.0.0.1",	      false, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct ip_addr a = ip(t[i].s);

		assert_int_equal(ip_is_any(&a), t[i].any);
		assert_int_equal(ip_is_loopback(&a), t[i].loop);
		assert_int_equal(ip_is_multicast(&a), t[i].multi);
		assert_int_equal(ip_is_linklocal(&a), t[i].ll);
	}
}

static unsigned bit(const struct ip_addr *a, unsigned i)
{
	const uint8_t *b = ip_is_v4(a) ? ip_v4(a) : a->b;

	return b[i / 8] >> (7 - i % 8) & 1;
}

static unsigned naive_common(const struct ip_addr *a, const struct ip_addr *b, unsigned bits)
{
	unsigned i = 0;

	while (i < bits && bit(a, i) == bit(b, i))
		i++;
	return i;
}

static void random_addr(struct rng *r, struct ip_addr *a, bool v4)
{
	for (int i = 0; i < 16; i++)
		a->b[i] = (uint8_t)rng_u64(r);
	if (v4)
		*a = ip_from_v4(a->b);
}

static void prefixes_against_naive(void **state)
{
	struct rng r;

	rng_seed(&r, 1);
	for (int round = 0; round < 5000; round++) {
		bool v4 = round & 1;
		unsigned bits = v4 ? 32 : 128, common, len = rng_below(&r, bits + 1);
		struct ip_addr a, b, m;

		random_addr(&r, &a, v4);
		b = a;
		b.b[15 - rng_below(&r, v4 ? 4 : 16)] ^= (uint8_t)(1 << rng_below(&r, 8));
		b = rng_below(&r, 10) ? b : a;
		common = naive_common(&a, &b, bits);
		assert_int_equal(ip_common_bits(&a, &b), common);
		assert_int_equal(ip_in_prefix(&a, &b, len), common >= len);
		m = ip_mask(&a, len);
		for (unsigned i = 0; i < bits; i++)
			assert_int_equal(bit(&m, i), i < len ? bit(&a, i) : 0);
		assert_int_equal(ip_is_v4(&m), v4);
		m = ip4_subnet_broadcast(&a, len);
		for (unsigned i = 0; i < bits; i++)
			assert_int_equal(bit(&m, i), i < len ? bit(&a, i) : 1);
	}
}

static void families_do_not_mix(void **state)
{
	struct ip_addr a = ip("10.0.0.1"), b = ip("::10.0.0.1");

	assert_int_equal(ip_common_bits(&a, &b), 0);
	assert_false(ip_in_prefix(&a, &b, 0));
	assert_false(ip_in_prefix(&a, &IP6_ANY, 0));
	assert_true(ip_in_prefix(&a, &IP4_ANY, 0));
}

static void derived(void **state)
{
	struct ip_addr a = ip("2001:db8::12:3456"), want = ip("ff02::1:ff12:3456"), g;
	struct mac m = { { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 } };
	char buf[MAC_STRLEN];

	g = ip6_solicited_node(&a);
	assert_true(ip_eq(&g, &want));
	want = ip("fe80::11:22ff:fe33:4455");
	g = ip6_linklocal_eui64(m);
	assert_true(ip_eq(&g, &want));
	g = ip("ff02::1:ff12:3456");
	m = mac_of_multicast(&g);
	assert_string_equal(mac_text(&m, buf), "33:33:ff:12:34:56");
	g = ip("239.129.2.3");
	m = mac_of_multicast(&g);
	assert_string_equal(mac_text(&m, buf), "01:00:5e:01:02:03");
}

static void text_round_trip(void **state)
{
	char buf[IP_STRLEN], mbuf[MAC_STRLEN];
	struct ip_addr a, b;
	struct mac m, k;
	struct rng r;

	rng_seed(&r, 2);
	for (int i = 0; i < 1000; i++) {
		random_addr(&r, &a, i & 1);
		assert_true(ip_parse_text(ip_text(&a, buf), &b));
		assert_true(ip_eq(&a, &b));
		memcpy(&m, &a, 6);
		assert_true(mac_parse_text(mac_text(&m, mbuf), &k));
		assert_true(mac_eq(&m, &k));
	}
}

static void text_is_strict(void **state)
{
	static const char *const bad_ip[] = { "", "1.2.3", "1.2.3.4 ", "1.2.3.256",
		"::g", "1::2::3", "1.2.3.4/8", "fe80::1%1", "localhost" };
	static const char *const bad_net[] = { "10.0.0.1", "10.0.0.1/", "10.0.0.1/33",
		"/8", "fd00::/129", "10.0.0.1/8/8", "10.0.0.1/-1", "10.0.0.1/+1",
		"fd00:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001/64" };
	static const char *const bad_mac[] = { "", "02:00:00:00:00", "02:00:00:00:00:0g",
		"02-00-00-00-00-00", "02:00:00:00:00:000", "2:0:0:0:0:0:0:0:00" };
	struct ip_addr a = IP_NONE;
	unsigned len = 7;
	struct mac m;

	for (size_t i = 0; i < ARRAY_LEN(bad_ip); i++)
		assert_false(ip_parse_text(bad_ip[i], &a));
	for (size_t i = 0; i < ARRAY_LEN(bad_net); i++)
		assert_false(ip_prefix_parse_text(bad_net[i], &a, &len));
	for (size_t i = 0; i < ARRAY_LEN(bad_mac); i++)
		assert_false(mac_parse_text(bad_mac[i], &m));
	assert_int_equal(len, 7);
	assert_true(ip_prefix_parse_text("10.1.2.3/24", &a, &len));
	assert_true(len == 24 && ip_v4(&a)[3] == 3);
	assert_true(ip_prefix_parse_text("fd00::1/64", &a, &len) && len == 64);
}

static void endpoints_as_text(void **state)
{
	struct endpoint ep = { ip("10.0.0.1"), 80, 3 };
	char buf[EP_STRLEN];

	assert_string_equal(ep_text(&ep, buf), "10.0.0.1:80");
	ep = (struct endpoint){ ip("fd00::1"), 8080, 0 };
	assert_string_equal(ep_text(&ep, buf), "[fd00::1]:8080");
	memset(ep.addr.b, 0xff, 16);
	ep.addr.b[0] = 0xfe;
	ep.ifindex = UINT32_MAX;
	ep.port = 65535;
	ep_text(&ep, buf);
	assert_int_equal(buf[strlen(buf) - 6], ':');
}

static void sockaddr_in_and_out(void **state)
{
	struct sockaddr_in sin = { AF_INET, htons(80), { htonl(0x0a000001) }, { 0 } };
	struct sockaddr_storage ss;
	struct endpoint ep;
	struct ip_addr want = ip("10.0.0.1");

	assert_int_equal(ep_from_sockaddr((void *)&sin, sizeof(sin), &ep), 0);
	assert_true(ip_eq(&ep.addr, &want) && ep.port == 80);
	assert_int_equal(ep_from_sockaddr((void *)&sin, sizeof(sin) - 1, &ep), -EINVAL);
	assert_int_equal(ep_from_sockaddr((void *)&sin, 1, &ep), -EINVAL);
	assert_int_equal(ep_to_sockaddr(&ep, AF_INET, &ss), sizeof(sin));
	assert_memory_equal(&ss, &sin, sizeof(sin));
	sin.sin_family = AF_UNIX;
	assert_int_equal(ep_from_sockaddr((void *)&sin, sizeof(sin), &ep), -EAFNOSUPPORT);
	assert_int_equal(ep_to_sockaddr(&ep, AF_INET6, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(ep_from_sockaddr((void *)&ss, sizeof(struct sockaddr_in6), &ep), 0);
	assert_true(ip_is_v4(&ep.addr) && ip_eq(&ep.addr, &want));
}

static void sockaddr_in6_scope(void **state)
{
	struct endpoint ep = { ip("fe80::1"), 53, 4 }, back;
	struct sockaddr_storage ss;
	struct sockaddr_in6 *sin6 = (void *)&ss;

	ep_to_sockaddr(&ep, AF_INET6, &ss);
	assert_int_equal(sin6->sin6_scope_id, 4);
	assert_int_equal(ep_from_sockaddr((void *)&ss, sizeof(*sin6), &back), 0);
	assert_int_equal(back.ifindex, 4);
	assert_int_equal(ep_from_sockaddr((void *)&ss, 24, &back), 0);
	assert_int_equal(back.ifindex, 0);
	assert_int_equal(ep_from_sockaddr((void *)&ss, 23, &back), -EINVAL);
	ep.addr = ip("fd00::1");
	ep_to_sockaddr(&ep, AF_INET6, &ss);
	assert_int_equal(sin6->sin6_scope_id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(prefixes_against_naive),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(derived),
		cmocka_unit_test(text_round_trip),
		cmocka_unit_test(text_is_strict),
		cmocka_unit_test(endpoints_as_text),
		cmocka_unit_test(sockaddr_in_and_out),
		cmocka_unit_test(sockaddr_in6_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
