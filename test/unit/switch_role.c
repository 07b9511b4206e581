/* switch_role.c - no router, no DHCP server behind a port */
#include "switch_lan.h"

#define HOST	1	/* port 1: neither; the others: whatever they like */

static int setup(void **state)
{
	lan_setup(state);
	policy_role(&policy, HOST, GUARD_ROUTER, false);
	policy_role(&policy, HOST, GUARD_DHCP, false);
	return 0;
}

static void ok(void)
{
	expect(HOST, ALL_BUT(HOST));
}

static void bad(enum guard_drop why)
{
	uint64_t before = policy_guard_of(&policy, HOST)->drops[why];

	refused(HOST, CORE_GUARD);
	assert_int_equal(policy_guard_of(&policy, HOST)->drops[why], before + 1);
	expect(2, ALL_BUT(2));
}

/* An ICMPv6 message, behind so many headers. */
static void icmp6(uint8_t type, unsigned headers, bool fragment)
{
	uint8_t next = fragment ? IPPROTO_FRAGMENT : IPPROTO_ICMPV6;

	put_eth(mac(9), mac(1), ETHERTYPE_IP6);
	put_ip("fe80::1", "ff02::1", headers ? IPPROTO_DSTOPTS : next, 255,
	       (uint16_t)(8 * headers + (fragment ? 8 : 0) + 16));
	for (unsigned i = 1; i <= headers; i++) {
		wr_u8(&w, i < headers ? IPPROTO_DSTOPTS : next);
		wr_u8(&w, 0);
		wr_bytes(&w, "\1\4\0\0\0\0", 6);
	}
	if (fragment)
		ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_ICMPV6, 0, true, 77 });
	wr_u8(&w, type);
	wr_zero(&w, 15);
}

static void routers(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		icmp6(ND_RA, 0, false);
		bad(GUARD_ROUTER);
		icmp6(ND_REDIRECT, 0, false);
		bad(GUARD_ROUTER);
		icmp6(ND_RS, 0, false);
		ok();
		icmp6(ND_NA, 0, false);
		ok();
		icmp6(128, 0, false);
		ok();
	}
}

/* RFC 7113 */
static void nothing_is_hidden(void **state)
{
	icmp6(ND_RA, 1, false);
	bad(GUARD_ROUTER);
	icmp6(ND_RA, 8, false);
	bad(GUARD_ROUTER);
	icmp6(ND_RA, 9, false);
	bad(GUARD_HIDDEN);
	icmp6(ND_RA, 0, true);
	bad(GUARD_ROUTER);
	put_eth(mac(9), mac(1), ETHERTYPE_IP6);		/* too short to tell */
	put_ip("fe80::1", "ff02::1", IPPROTO_FRAGMENT, 255, 8);
	ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_ICMPV6, 0, true, 77 });
	bad(GUARD_HIDDEN);
	put_eth(mac(9), mac(1), ETHERTYPE_IP6);		/* of no use without the first */
	put_ip("fe80::1", "ff02::1", IPPROTO_FRAGMENT, 255, 16);
	ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_ICMPV6, 8, false, 77 });
	wr_u8(&w, ND_RA);
	wr_zero(&w, 7);
	ok();
	put_eth(mac(9), mac(1), ETHERTYPE_IP4);		/* 8 octets of UDP, as short as can be */
	put_ip("10.0.0.1", "255.255.255.255", IPPROTO_UDP, 64, 4);
	wr_u32(&w, 0x00430044);
	bad(GUARD_HIDDEN);
	put_eth(mac(9), mac(1), ETHERTYPE_IP4);		/* to a server, and nothing in it */
	put_ip("10.0.0.1", "10.0.0.2", IPPROTO_UDP, 64, UDP_LEN);
	put_udp(1000, 67);
	bad(GUARD_HIDDEN);
}

static void a_second_tag_hides(void **state)
{
	assert_int_equal(vlan_create(&core, 5), 0);
	assert_int_equal(vlan_add_port(&core, 5, HOST), 0);
	put_eth(mac(9), mac(1), 0);
	put_vlan(5, ETHERTYPE_VLAN);
	vlan_emit(&w, &(struct vlan){ .id = 1, .type = ETHERTYPE_IP6 });
	refused(HOST, CORE_GUARD);
	put_eth(mac(9), mac(1), 0x88a8);
	vlan_emit(&w, &(struct vlan){ .id = 1, .type = ETHERTYPE_IP6 });
	refused(HOST, CORE_GUARD);
}

static void udp(const char *src, const char *dst, uint16_t to, uint8_t op)
{
	bool v4 = !strchr(src, ':');

	put_eth(mac(9), mac(1), v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	put_ip(src, dst, IPPROTO_UDP, 64, UDP_LEN + 4);
	put_udp(1000, to);
	wr_u8(&w, op);
	wr_zero(&w, 3);
}

static void dhcp_servers(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		udp("10.0.0.1", "255.255.255.255", 68, 2);
		bad(GUARD_DHCP);
		udp("10.0.0.1", "10.0.0.2", 67, 2);		/* to a relay */
		bad(GUARD_DHCP);
		udp("0.0.0.0", "255.255.255.255", 67, 1);
		ok();
		udp("fe80::1", "fe80::2", 546, 7);
		bad(GUARD_DHCP);
		udp("fe80::1", "fe80::2", 547, 13);
		bad(GUARD_DHCP);
		udp("fe80::1", "ff02::1:2", 547, 1);
		ok();
		udp("10.0.0.1", "10.0.0.2", 546, 2);
		ok();
		udp("fe80::1", "fe80::2", 68, 2);
		ok();
	}
}

/* Each by itself; addresses are as free as before, and nothing is left of it. */
static void one_at_a_time(void **state)
{
	policy_role(&policy, HOST, GUARD_ROUTER, true);
	icmp6(ND_RA, 0, false);
	ok();
	udp("10.0.0.1", "255.255.255.255", 68, 2);
	bad(GUARD_DHCP);
	put_eth(mac(9), mac(1), ETHERTYPE_ARP);		/* for another's address */
	arp_emit(&w, &(struct arp){ .op = ARP_REPLY, .sha = mac(3), .spa = addr("10.0.0.3"),
				    .tha = mac(9), .tpa = addr("10.0.0.9") });
	ok();
	policy_role(&policy, HOST, GUARD_ROUTER, false);
	policy_role(&policy, HOST, GUARD_DHCP, true);
	udp("10.0.0.1", "255.255.255.255", 68, 2);
	ok();
	icmp6(ND_RA, 0, false);
	bad(GUARD_ROUTER);
	assert_int_equal(policy_guard(&policy, HOST, "10.0.0.1", true), 0);
	udp("10.0.0.2", "10.0.0.3", 1000, 0);
	bad(GUARD_IP);
	assert_int_equal(policy_guard(&policy, HOST, "10.0.0.1", false), 0);
	assert_non_null(policy_guard_of(&policy, HOST));
	policy_role(&policy, HOST, GUARD_ROUTER, true);
	assert_null(core.port[HOST].rules);
	policy_role(&policy, HOST, GUARD_ROUTER, true);
	assert_null(core.port[HOST].rules);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, lan_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(routers),
		TEST(nothing_is_hidden),
		TEST(a_second_tag_hides),
		TEST(dhcp_servers),
		TEST(one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
