/* switch_suppress.c - the switch answers for who was heard a short time ago, and for nobody else */
#include <stdio.h>

#include "switch/rules.h"
#include "switch_lan.h"

#define SEC	USEC_PER_SEC

static int setup(void **state)
{
	lan_setup(state);
	policy_set_suppress(&policy, true);
	now = 1000 * SEC;
	return 0;
}

static void arp_put(uint16_t op, uint8_t src, const char *spa, const char *tpa)
{
	put_eth(op == ARP_REPLY ? mac(9) : MAC_BROADCAST, mac(src), ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ op, mac(src), mac(0), addr(spa), addr(tpa) });
}

/* Port 1, MAC 1 asks as 10.0.0.1. */
static void ask(const char *tpa)
{
	arp_put(ARP_REQUEST, 1, "10.0.0.1", tpa);
}

static void heard(uint32_t port, uint8_t src, const char *spa)
{
	arp_put(ARP_REPLY, src, spa, "10.0.0.9");
	put_in(port);
}

/* The asker, and nobody else, is told that MAC. */
static void answered(uint32_t port, const char *ip, uint8_t owner)
{
	struct ip_addr want = addr(ip);
	struct rd r;
	struct eth e;
	struct arp a;

	assert_int_equal(put_in(port), CORE_ANSWERED);
	assert_int_equal(went_to, 1ull << port);
	assert_int_equal(got_len, ETH_MIN);
	r = rd_of(got, got_len);
	assert_true(eth_parse(&r, &e) && arp_parse(&r, &a));
	assert_int_equal(e.type, ETHERTYPE_ARP);
	assert_int_equal(a.op, ARP_REPLY);
	assert_int_equal(a.sha.b[5], owner);
	assert_memory_equal(&e.src, &a.sha, 6);
	assert_memory_equal(&e.dst, frame + 6, 6);
	assert_memory_equal(&a.tha, frame + 6, 6);
	assert_memory_equal(&a.spa, &want, 16);
	assert_memory_equal(ip_v4(&a.tpa), frame + ETH_LEN + 14, 4);
}

static void passes(uint32_t port)
{
	expect(port, ALL_BUT(port));
}

static void who_was_heard_is_answered_for(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		ask("10.0.0.2");
		if (!i)
			passes(1);
		heard(2, 2, "10.0.0.2");
		ask("10.0.0.2");
		answered(1, "10.0.0.2", 2);
		arp_put(ARP_REQUEST, 3, "10.0.0.3", "10.0.0.1");
		answered(3, "10.0.0.1", 1);		/* asking tells, too */
	}
	assert_int_equal(policy.suppress.answers, 4);
	assert_int_equal(core.port[1].drops[CORE_ANSWERED], 2);
}

static void what_must_pass_passes(void **state)
{
	heard(2, 2, "10.0.0.2");
	arp_put(ARP_REQUEST, 1, "0.0.0.0", "10.0.0.2");		/* a probe */
	passes(1);
	arp_put(ARP_REQUEST, 2, "10.0.0.2", "10.0.0.2");	/* gratuitous */
	passes(2);
	ask("10.0.0.3");					/* unknown */
	passes(1);
	put_eth(mac(2), mac(1), ETHERTYPE_ARP);			/* to him alone */
	arp_emit(&w, &(struct arp){ ARP_REQUEST, mac(1), mac(0), addr("10.0.0.1"), addr("10.0.0.2") });
	expect(1, 1u << 2);
	arp_put(ARP_REQUEST, 7, "10.0.0.7", "10.0.0.2");	/* behind the same port */
	passes(2);
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 2);
}

static void old_knowledge_asks_again(void **state)
{
	heard(2, 2, "10.0.0.2");
	now += SUPPRESS_FRESH - 1;
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 2);
	now++;
	ask("10.0.0.2");
	passes(1);
	heard(2, 2, "10.0.0.2");
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 2);
	assert_int_equal(policy_age(&policy, now), now + SUPPRESS_FRESH);
	assert_int_equal(policy_age(&policy, now + SUPPRESS_FRESH), NEVER);
	assert_int_equal(policy.suppress.map.count, 0);
}

static void a_moved_address_is_not_told_wrongly(void **state)
{
	heard(2, 2, "10.0.0.2");
	arp_put(ARP_REQUEST, 4, "10.0.0.2", "10.0.0.2");	/* another MAC announces it */
	passes(3);
	ask("10.0.0.2");
	passes(1);						/* disputed */
	heard(3, 4, "10.0.0.2");
	now += SUPPRESS_FRESH - 1;
	heard(3, 4, "10.0.0.2");
	ask("10.0.0.2");
	passes(1);
	now++;
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 4);
	heard(4, 4, "10.0.0.2");				/* the same MAC elsewhere */
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 4);
	assert_int_equal(policy.suppress.port[3].count, 0);
	assert_int_equal(policy.suppress.port[4].count, 1);
}

static void a_claim_for_another_mac_is_doubted_not_learned(void **state)
{
	heard(2, 2, "10.0.0.2");
	put_eth(MAC_BROADCAST, mac(3), ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ ARP_REPLY, mac(5), mac(0), addr("10.0.0.2"), addr("10.0.0.9") });
	passes(3);
	ask("10.0.0.2");
	passes(1);
}

static void a_port_takes_its_addresses_along(void **state)
{
	heard(2, 2, "10.0.0.2");
	core_port_down(&core, 2);
	ask("10.0.0.2");
	expect(1, ALL_BUT(1) & ~(1u << 2));
}

/* Another VLAN's stations are not told of who is in it no more. */
static void who_leaves_a_vlan_is_forgotten_there(void **state)
{
	heard(2, 2, "10.0.0.2");
	heard(3, 3, "10.0.0.3");
	assert_int_equal(vlan_create(&core, 7), 0);
	assert_int_equal(vlan_set_untagged(&core, 2, 7), 0);
	ask("10.0.0.2");
	expect(1, ALL_BUT(1) & ~(1u << 2));
	ask("10.0.0.3");
	answered(1, "10.0.0.3", 3);
	assert_int_equal(policy.suppress.port[2].count, 0);
}

/* Else they would hear of each other. */
static void isolated_ports_are_not_told_of_each_other(void **state)
{
	heard(2, 2, "10.0.0.2");
	rules_set_isolated(&core, 1, true);
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 2);
	rules_set_isolated(&core, 2, true);
	ask("10.0.0.2");
	expect(1, ALL_BUT(1) & ~(1u << 2));
	arp_put(ARP_REQUEST, 3, "10.0.0.3", "10.0.0.2");
	answered(3, "10.0.0.2", 2);
}

static void nobody_owns_these(void **state)
{
	static const char *const addrs[] = { "0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1" };

	for (unsigned i = 0; i < ARRAY_LEN(addrs); i++)
		heard(2, 2, addrs[i]);
	assert_int_equal(policy.suppress.map.count, 0);
}

static void a_port_pushes_out_only_its_own(void **state)
{
	char ip[IP_STRLEN];

	heard(2, 2, "10.0.0.2");
	for (unsigned i = 0; i < SUPPRESS_PORT_MAX + 10; i++) {
		snprintf(ip, sizeof(ip), "10.3.%u.%u", i >> 8, i & 255);
		heard(3, 3, ip);
	}
	assert_int_equal(policy.suppress.port[3].count, SUPPRESS_PORT_MAX);
	assert_int_equal(policy.suppress.map.count, SUPPRESS_PORT_MAX + 1);
	ask("10.3.0.9");
	passes(1);
	ask("10.3.0.10");
	answered(1, "10.3.0.10", 3);
	ask("10.0.0.2");
	answered(1, "10.0.0.2", 2);
}

static void vlans_are_apart_and_tags_kept(void **state)
{
	assert_int_equal(vlan_create(&core, 7), 0);
	for (uint32_t port = 1; port < PORTS; port++)
		assert_int_equal(vlan_add_port(&core, 7, port), 0);
	heard(2, 2, "10.0.0.2");
	put_eth(MAC_BROADCAST, mac(1), 0);
	put_vlan(7, ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ ARP_REQUEST, mac(1), mac(0), addr("10.0.0.1"), addr("10.0.0.2") });
	passes(1);
	put_eth(mac(1), mac(5), 0);
	put_vlan(7, ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ ARP_REPLY, mac(5), mac(0), addr("10.0.0.2"), addr("10.0.0.1") });
	expect(5, 1u << 1);
	put_eth(MAC_BROADCAST, mac(1), 0);
	put_vlan(7, ETHERTYPE_ARP);
	arp_emit(&w, &(struct arp){ ARP_REQUEST, mac(1), mac(0), addr("10.0.0.1"), addr("10.0.0.2") });
	assert_int_equal(put_in(1), CORE_ANSWERED);
	assert_int_equal(went_to, 1u << 1);
	assert_int_equal(get_u16(got + 12), ETHERTYPE_VLAN);
	assert_int_equal(get_u16(got + 14), 7);
	assert_int_equal(got[11], 5);
}

/* --- neighbour discovery --- */

static uint8_t *nd_begin(struct mac dst, uint8_t src, const char *from, const char *to, uint16_t len)
{
	put_eth(dst, mac(src), ETHERTYPE_IP6);
	put_ip(from, to, IPPROTO_ICMPV6, 255, len);
	return w.p;
}

static void na_put(uint8_t src, const char *target, uint8_t flags, uint8_t ll)
{
	uint8_t *msg = nd_begin(mac(9), src, target, "2001:db8::9", 32);
	struct nd_na m = { flags, addr(target), { .has_dst = true, .dst_ll = mac(ll) } };

	nd_na_emit(&w, &m);
	put_sum(msg, target, "2001:db8::9");
}

/* ll: who it says asks; 0: it says nothing. */
static void ns_said(uint8_t src, const char *from, const char *target, uint8_t ll)
{
	struct mac dst = { { 0x33, 0x33, 0xff, 0, 0, 2 } };
	uint8_t *msg = nd_begin(dst, src, from, "ff02::1:ff00:2", ll ? 32 : 24);
	struct nd_ns m = { addr(target), { .has_src = ll, .src_ll = mac(ll) } };

	nd_ns_emit(&w, &m);
	put_sum(msg, from, "ff02::1:ff00:2");
}

static void ns_put(uint8_t src, const char *from, const char *target)
{
	ns_said(src, from, target, strcmp(from, "::") ? src : 0);
}

#define TARGET	"2001:db8::2"

static void ask6(void)
{
	ns_put(1, "2001:db8::1", TARGET);
}

static void heard6(uint32_t port, uint8_t src, uint8_t flags, uint8_t ll)
{
	na_put(src, TARGET, flags, ll);
	put_in(port);
}

static void answered6(uint8_t owner, uint8_t flags)
{
	struct ip_addr target = addr(TARGET), asker = addr("2001:db8::1");
	struct view_ip ip;
	struct nd_na m;
	struct view v;

	assert_int_equal(put_in(1), CORE_ANSWERED);
	assert_int_equal(went_to, 1u << 1);
	view_of(&v, &(struct frame){ .p = got, .len = got_len }, 0);
	assert_memory_equal(&v.eth.dst, frame + 6, 6);
	assert_int_equal(v.eth.src.b[5], owner);
	assert_int_equal(view_ip(v.eth.type, rd_of(v.p, v.len), &ip), VIEW_IP);
	assert_true(view_sum_ok(&ip, true));
	assert_int_equal(ip.hops, 255);
	assert_true(ip_eq(&ip.src, &target) && ip_eq(&ip.dst, &asker));
	assert_int_equal(rd_u8(&ip.body), ND_NA);
	rd_bytes(&ip.body, 3);
	assert_true(nd_na_parse(&ip.body, &m));
	assert_int_equal(m.flags, flags);
	assert_true(ip_eq(&m.target, &target) && m.o.has_dst && m.o.dst_ll.b[5] == owner);
}

#define SO	(ND_NA_SOLICITED | ND_NA_OVERRIDE)

static void advertised_is_answered_for(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		if (!i) {
			ask6();
			passes(1);
		}
		heard6(2, 2, SO, 2);
		ask6();
		answered6(2, SO);
	}
	now += SUPPRESS_FRESH;
	ask6();
	passes(1);
}

static void routers_stay_routers(void **state)
{
	uint8_t *msg;

	heard6(2, 2, SO | ND_NA_ROUTER, 2);
	ask6();
	answered6(2, SO | ND_NA_ROUTER);
	heard6(2, 2, SO, 2);
	ask6();
	answered6(2, SO);
	msg = nd_begin((struct mac){ { 0x33, 0x33, 0, 0, 0, 1 } }, 2, TARGET, "ff02::1", 16);
	nd_ra_emit(&w, &(struct nd_ra){ .hops = 64 });
	put_sum(msg, TARGET, "ff02::1");
	passes(2);
	ask6();
	answered6(2, SO | ND_NA_ROUTER);
}

static void what_must_pass_passes6(void **state)
{
	heard6(2, 2, SO, 2);
	ns_put(1, "::", TARGET);		/* duplicate detection */
	passes(1);
	ns_said(1, "::", TARGET, 1);		/* forbidden (RFC 4861 4.3) */
	passes(1);
	ns_said(1, "2001:db8::1", TARGET, 3);	/* for another */
	passes(1);
	ns_put(2, TARGET, TARGET);
	passes(2);
	ns_put(7, "2001:db8::7", TARGET);	/* behind the same port */
	passes(2);
	ns_put(1, "2001:db8::1", "2001:db8::8");
	passes(1);
	ask6();
	frame[ETH_LEN + 7] = 254;		/* not from this link */
	passes(1);
	ask6();
	frame[ETH_LEN + IP6_LEN + 2] ^= 1;	/* nor is this believed by anybody */
	passes(1);
	ask6();
	answered6(2, SO);
}

static void proxies_and_anycast_are_not_learned(void **state)
{
	heard6(2, 2, ND_NA_SOLICITED, 2);
	ask6();
	passes(1);
	heard6(2, 2, SO, 3);			/* the frame has another source */
	ask6();
	passes(1);
	heard6(2, 2, SO, 2);
	heard6(3, 3, ND_NA_SOLICITED, 3);	/* another answers, too */
	ask6();
	passes(1);
}

static void another_user_of_the_address_makes_it_disputed(void **state)
{
	heard6(2, 2, SO, 2);
	ns_put(3, TARGET, "2001:db8::8");
	passes(3);
	ask6();
	passes(1);
	now += SUPPRESS_FRESH;
	heard6(3, 3, SO, 3);
	ask6();
	answered6(3, SO);
}

static void off_forgets(void **state)
{
	heard(2, 2, "10.0.0.2");
	policy_set_suppress(&policy, false);
	ask("10.0.0.2");
	passes(1);
	policy_set_suppress(&policy, true);
	policy_set_suppress(&policy, true);
	ask("10.0.0.2");
	passes(1);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, lan_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_was_heard_is_answered_for),
		TEST(what_must_pass_passes),
		TEST(old_knowledge_asks_again),
		TEST(a_moved_address_is_not_told_wrongly),
		TEST(a_claim_for_another_mac_is_doubted_not_learned),
		TEST(a_port_takes_its_addresses_along),
		TEST(who_leaves_a_vlan_is_forgotten_there),
		TEST(isolated_ports_are_not_told_of_each_other),
		TEST(nobody_owns_these),
		TEST(a_port_pushes_out_only_its_own),
		TEST(vlans_are_apart_and_tags_kept),
		TEST(advertised_is_answered_for),
		TEST(routers_stay_routers),
		TEST(what_must_pass_passes6),
		TEST(proxies_and_anycast_are_not_learned),
		TEST(another_user_of_the_address_makes_it_disputed),
		TEST(off_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
