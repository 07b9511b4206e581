/* switch_guard.c - an owner may use only the addresses given to it */
#include <errno.h>
#include <stdio.h>

#include "switch_lan.h"

#define OWNER	1	/* of port 1: MAC 02::1, 10.0.0.1, 10.1.0.0/16, 2001:db8::1 */

static void give(const char *word)
{
	assert_int_equal(policy_guard(&policy, OWNER, word, true), 0);
}

static int setup(void **state)
{
	lan_setup(state);
	give("02:00:00:00:00:01");
	give("10.0.0.1");
	give("10.1.0.0/16");
	give("2001:db8::1");
	return 0;
}

static uint64_t drops(enum guard_drop why)
{
	return policy_guard_of(&policy, OWNER)->drops[why];
}

static void ok(void)
{
	expect(OWNER, ALL_BUT(OWNER));
}

static void bad(enum guard_drop why)
{
	uint64_t before = drops(why), learned = core.fdb.map.count;

	refused(OWNER, CORE_GUARD);
	assert_int_equal(drops(why), before + 1);
	assert_int_equal(core.fdb.map.count, learned);
	assert_non_null(guard_drop_text(why));
}

static void sources_of_frames(void **state)
{
	put_eth(mac(9), mac(1), 0x88b5);
	ok();
	put_eth(mac(9), mac(2), 0x88b5);
	bad(GUARD_MAC);
	put_eth(mac(9), mac(2), 0x88b5);
	expect(2, ALL_BUT(2));		/* others are not guarded */
}

static void udp_from(const char *src, const char *dst)
{
	bool v4 = !strchr(src, ':');

	put_eth(mac(9), mac(1), v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	put_ip(src, dst, IPPROTO_UDP, 64, UDP_LEN);
	put_udp(1000, 53);
}

static void sources_of_packets(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		udp_from("10.0.0.1", "10.0.0.9");
		ok();
		udp_from("10.1.200.3", "10.0.0.9");
		ok();
		udp_from("10.0.0.2", "10.0.0.9");
		bad(GUARD_IP);
		udp_from("2001:db8::1", "2001:db8::9");
		ok();
		udp_from("2001:db8::2", "2001:db8::9");
		bad(GUARD_IP);
		udp_from("fe80::ff:fe00:1", "fe80::9");
		ok();
		udp_from("fe80::ff:fe00:2", "fe80::9");
		bad(GUARD_IP);
		udp_from("::", "ff02::1");
		bad(GUARD_IP);
	}
	put_eth(mac(9), mac(1), ETHERTYPE_IP4);
	wr_zero(&w, 46);
	bad(GUARD_IP);		/* version 0 */
}

/* Whoever made its packet left little room for headers: the frame stays what it is. */
static void long_packets(void **state)
{
	put_eth(MAC_BROADCAST, mac(9), 0x88b5);
	put_in(3);
	as_pkt = true;
	for (unsigned len = 0; len < 400; len += 7) {
		cramped = len & 1;
		udp_from("10.0.0.1", "10.0.0.9");
		for (unsigned i = 0; i < len; i++)
			wr_u8(&w, 0xff);
		expect(OWNER, 1u << 3);
		assert_memory_equal(got, frame, wr_len(&w));
	}
}

static void a_second_tag_hides(void **state)
{
	assert_int_equal(vlan_create(&core, 7), 0);
	assert_int_equal(vlan_add_port(&core, 7, OWNER), 0);
	assert_int_equal(vlan_add_port(&core, 7, 2), 0);
	put_eth(mac(9), mac(1), 0);
	put_vlan(7, ETHERTYPE_IP4);
	put_ip("10.0.0.2", "10.0.0.9", IPPROTO_UDP, 64, UDP_LEN);
	put_udp(1, 2);
	bad(GUARD_IP);
	put_eth(mac(9), mac(1), 0);
	put_vlan(7, ETHERTYPE_VLAN);
	wr_u32(&w, ETHERTYPE_IP4);
	put_ip("10.0.0.2", "10.0.0.9", IPPROTO_UDP, 64, UDP_LEN);
	bad(GUARD_HIDDEN);
	put_eth(mac(9), mac(1), 0x88a8);
	vlan_emit(&w, &(struct vlan){ .id = 7, .type = ETHERTYPE_IP4 });
	put_ip("10.0.0.2", "10.0.0.9", IPPROTO_UDP, 64, UDP_LEN);
	bad(GUARD_HIDDEN);
}

static void an_arp(uint16_t op, struct mac sha, const char *spa)
{
	put_eth(MAC_BROADCAST, mac(1), ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ op, sha, mac(0), addr(spa), addr("10.0.0.9") });
}

static void senders_of_arp(void **state)
{
	an_arp(ARP_REQUEST, mac(1), "10.0.0.1");
	ok();
	an_arp(ARP_REPLY, mac(1), "10.0.0.1");
	ok();
	an_arp(ARP_REQUEST, mac(1), "10.0.0.2");
	bad(GUARD_ARP);
	an_arp(ARP_REPLY, mac(1), "10.0.0.2");
	bad(GUARD_ARP);
	an_arp(ARP_REPLY, mac(2), "10.0.0.1");
	bad(GUARD_ARP);
	an_arp(ARP_REQUEST, mac(1), "0.0.0.0");		/* a probe */
	ok();
	an_arp(ARP_REPLY, mac(1), "0.0.0.0");
	bad(GUARD_ARP);
	put_eth(MAC_BROADCAST, mac(1), ETHERTYPE_ARP);
	bad(GUARD_ARP);		/* of nothing */
}

/* ll: 0: without the option. */
static void nd_begin(const char *src, const char *dst, uint16_t len)
{
	put_eth(mac(9), mac(1), ETHERTYPE_IP6);
	put_ip(src, dst, IPPROTO_ICMPV6, 255, len);
}

static void ns(const char *src, const char *target, uint8_t ll)
{
	struct nd_ns m = { .target = addr(target), .o = { .has_src = ll, .src_ll = mac(ll) } };

	nd_begin(src, "ff02::1:ff00:9", ll ? 32 : 24);
	nd_ns_emit(&w, &m);
}

static void na(const char *src, const char *target, uint8_t ll)
{
	struct nd_na m = { .target = addr(target), .o = { .has_dst = ll, .dst_ll = mac(ll) } };

	nd_begin(src, "ff02::1", ll ? 32 : 24);
	nd_na_emit(&w, &m);
}

/* ll: of another router. */
static void ra(uint8_t ll)
{
	nd_begin("fe80::ff:fe00:1", "ff02::1", 24);
	wr_u32(&w, (uint32_t)ND_RA << 24);
	wr_zero(&w, 12);
	wr_u16(&w, 0x101);
	wr_bytes(&w, &(struct mac){ { 2, 0, 0, 0, 0, ll } }, 6);
}

static void rs(const char *src, uint8_t ll)
{
	nd_begin(src, "ff02::2", ll ? 16 : 8);
	nd_rs_emit(&w, &(struct nd_opts){ .has_src = ll, .src_ll = mac(ll) });
}

static void speakers_of_neighbour_discovery(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		ns("2001:db8::1", "2001:db8::9", 1);
		ok();
		ns("2001:db8::1", "2001:db8::9", 2);
		bad(GUARD_ND);
		ns("2001:db8::2", "2001:db8::9", 1);
		bad(GUARD_IP);
		ns("::", "2001:db8::1", 0);		/* duplicate detection */
		ok();
		ns("::", "fe80::ff:fe00:1", 0);
		ok();
		ns("::", "2001:db8::2", 0);
		bad(GUARD_ND);
		na("2001:db8::1", "2001:db8::1", 1);
		ok();
		na("2001:db8::1", "2001:db8::2", 1);
		bad(GUARD_ND);
		na("2001:db8::1", "2001:db8::1", 2);
		bad(GUARD_ND);
		rs("::", 0);
		ok();
		rs("fe80::ff:fe00:1", 1);
		ok();
		rs("fe80::ff:fe00:1", 2);
		bad(GUARD_ND);
		ra(1);
		ok();
		ra(2);
		bad(GUARD_ND);
	}
}

/* An advertisement for another, behind n headers of options; more: its first fragment. */
static void buried(unsigned n, bool more)
{
	struct nd_na m = { .target = addr("2001:db8::2") };
	uint8_t next = more ? IPPROTO_FRAGMENT : IPPROTO_ICMPV6;

	put_eth(mac(9), mac(1), ETHERTYPE_IP6);
	put_ip("2001:db8::1", "ff02::1", n ? IPPROTO_DSTOPTS : next, 255,
	       (uint16_t)(8 * n + (more ? 8 : 0) + 24));
	for (unsigned i = 1; i <= n; i++) {
		wr_u8(&w, i < n ? IPPROTO_DSTOPTS : next);
		wr_u8(&w, 0);
		wr_bytes(&w, "\1\4\0\0\0\0", 6);
	}
	if (more)
		ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_ICMPV6, 0, true, 77 });
	nd_na_emit(&w, &m);
}

static void nothing_hides_behind_headers(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		buried(1, false);
		bad(GUARD_ND);
		buried(8, false);
		bad(GUARD_ND);
		buried(9, false);
		bad(GUARD_HIDDEN);
		buried(0, true);
		bad(GUARD_HIDDEN);
	}
	na("2001:db8::1", "2001:db8::1", 1);
	put_u16(frame + ETH_LEN + 4, 60);		/* says it is longer than it is */
	bad(GUARD_HIDDEN);
	nd_begin("2001:db8::1", "ff02::1", 0);		/* says not even what it is */
	bad(GUARD_HIDDEN);
	put_eth(mac(9), mac(1), ETHERTYPE_IP6);		/* a redirect's begin */
	put_ip("2001:db8::1", "2001:db8::9", IPPROTO_FRAGMENT, 255, 16);
	ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_ICMPV6, 0, true, 77 });
	wr_u32(&w, (uint32_t)ND_REDIRECT << 24);
	wr_zero(&w, 4);
	bad(GUARD_HIDDEN);
	put_eth(mac(9), mac(1), ETHERTYPE_IP6);		/* a later fragment, of anything */
	put_ip("2001:db8::1", "ff02::1", IPPROTO_FRAGMENT, 255, 16);
	ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_ICMPV6, 8, false, 77 });
	wr_zero(&w, 8);
	ok();
	put_u32(frame + ETH_LEN + 20, 0x20010db9);	/* not from there */
	bad(GUARD_IP);
}

static void who_has_no_address_yet(void **state)
{
	put_eth(MAC_BROADCAST, mac(1), ETHERTYPE_IP4);
	put_ip("0.0.0.0", "255.255.255.255", IPPROTO_UDP, 64, UDP_LEN);
	put_udp(68, 67);
	ok();
	put_eth(MAC_BROADCAST, mac(1), ETHERTYPE_IP4);
	put_ip("0.0.0.0", "255.255.255.255", IPPROTO_UDP, 64, UDP_LEN);
	put_udp(67, 68);
	bad(GUARD_IP);
	put_eth(mac(9), mac(1), ETHERTYPE_IP4);
	put_ip("0.0.0.0", "10.0.0.9", IPPROTO_UDP, 64, UDP_LEN);
	put_udp(68, 53);
	bad(GUARD_IP);
	put_eth(mac(9), mac(1), ETHERTYPE_IP4);		/* payload that looks like DHCP */
	put_ip("0.0.0.0", "10.0.0.9", IPPROTO_UDP, 64, UDP_LEN);
	put_u16(frame + ETH_LEN + 6, 1);
	put_udp(68, 67);
	bad(GUARD_IP);
	put_eth(mac(9), mac(1), ETHERTYPE_IP4);
	put_ip("0.0.0.0", "224.0.0.22", IPPROTO_IGMP, 1, 8);
	wr_zero(&w, 8);
	ok();
	nd_begin("::", "ff02::16", 8);
	wr_u32(&w, 143u << 24);
	wr_zero(&w, 4);
	ok();
	nd_begin("::", "ff02::1", 24);
	wr_u32(&w, (uint32_t)MLD_QUERY << 24);
	wr_zero(&w, 20);
	bad(GUARD_IP);
}

static void lists_of_one_kind(void **state)
{
	policy_guard_clear(&policy, OWNER);
	assert_null(core.port[OWNER].rules);
	assert_true(core_plain(&core, OWNER, 2));	/* they may have a wire of their own */
	give("10.0.0.1");
	assert_false(core_plain(&core, OWNER, 2));
	put_eth(mac(9), mac(5), ETHERTYPE_ARP);		/* any MAC, but one only */
	arp_emit(&w, &(struct arp){ ARP_REQUEST, mac(5), mac(0), addr("10.0.0.1"), addr("10.0.0.9") });
	ok();
	put_eth(mac(9), mac(5), ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ ARP_REQUEST, mac(6), mac(0), addr("10.0.0.1"), addr("10.0.0.9") });
	bad(GUARD_ARP);
	udp_from("fe80::ff:fe00:1", "fe80::9");
	ok();
	assert_int_equal(policy_guard(&policy, OWNER, "10.0.0.1", false), 0);
	assert_null(core.port[OWNER].rules);
	give("02:00:00:00:00:01");
	udp_from("10.9.9.9", "10.0.0.9");
	ok();
	udp_from("::", "ff02::1");
	ok();
	an_arp(ARP_REQUEST, mac(2), "10.9.9.9");
	bad(GUARD_ARP);
}

static void words(void **state)
{
	static const char *const wrong[] = {
		"", "x", "10.0.0", "10.0.0.0/33", "01:00:00:00:00:01", "00:00:00:00:00:00",
		"224.0.0.1", "ff02::1", "0.0.0.0", "::",
	};
	char text[IP_STRLEN];

	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(policy_guard(&policy, OWNER, wrong[i], true), -EINVAL);
	assert_int_equal(policy_guard(&policy, OWNER, "10.0.0.1", true), -EEXIST);
	assert_int_equal(policy_guard(&policy, OWNER, "10.1.2.3/16", true), -EEXIST);
	assert_int_equal(policy_guard(&policy, OWNER, "10.0.0.5", false), -ENOENT);
	assert_int_equal(policy_guard(&policy, 2, "10.0.0.5", false), -ENOENT);
	assert_null(core.port[2].rules);
	for (unsigned i = 3; i < GUARD_MAX; i++) {
		snprintf(text, sizeof(text), "10.2.0.%u", i);
		give(text);
	}
	assert_int_equal(policy_guard(&policy, OWNER, "10.3.0.0", true), -ENOSPC);
	give("02:00:00:00:00:02");
	assert_int_equal(policy_guard(&policy, OWNER, "02:00:00:00:00:02", true), -EEXIST);
	assert_int_equal(policy_guard(&policy, OWNER, "02:00:00:00:00:02", false), 0);
	put_eth(mac(9), mac(2), 0x88b5);
	bad(GUARD_MAC);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, lan_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sources_of_frames),
		TEST(sources_of_packets),
		TEST(long_packets),
		TEST(a_second_tag_hides),
		TEST(senders_of_arp),
		TEST(speakers_of_neighbour_discovery),
		TEST(nothing_hides_behind_headers),
		TEST(who_has_no_address_yet),
		TEST(lists_of_one_kind),
		TEST(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
