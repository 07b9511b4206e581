/* switch_filter.c - rules in the language of pcap-filter(7), at ports */
#include <pcap/pcap.h>
#include <stdio.h>

#include "base/rand.h"
#include "switch/filter_name.h"
#include "switch_lan.h"

static void rule(uint32_t port, bool out, bool deny, const char *expr)
{
	assert_null(policy_filter_add(&policy, port, out, FILTER_MAX, deny, expr));
}

static const struct filter_rule *rule_of(uint32_t port, bool out, uint32_t at)
{
	return &policy_filter_of(&policy, port, out)->rule[at];
}

static void udp(const char *src, const char *dst, uint16_t to)
{
	put_eth(mac(9), mac(1), strchr(src, ':') ? ETHERTYPE_IP6 : ETHERTYPE_IP4);
	put_ip(src, dst, IPPROTO_UDP, 64, UDP_LEN);
	put_udp(1000, to);
}

static void first_match_decides(void **state)
{
	rule(1, false, false, "udp port 53");
	rule(1, false, true, "udp");
	for (int i = 0; i < 2; i++, as_pkt = true) {
		udp("10.0.0.1", "10.0.0.2", 53);
		expect(1, ALL_BUT(1));
		udp("10.0.0.1", "10.0.0.2", 54);
		refused(1, CORE_FILTER);
		udp("2001:db8::1", "2001:db8::2", 54);
		refused(1, CORE_FILTER);
		put_eth(mac(9), mac(1), ETHERTYPE_ARP);
		expect(1, ALL_BUT(1));		/* no rule: permitted */
		udp("10.0.0.1", "10.0.0.2", 54);
		expect(2, ALL_BUT(2));		/* another port */
	}
	assert_int_equal(rule_of(1, false, 0)->frames, 2);
	assert_int_equal(rule_of(1, false, 1)->frames, 4);
	assert_int_equal(rule_of(1, false, 1)->bytes, 2 * (60 + 62));
	assert_int_equal(core.port[1].drops[CORE_FILTER], 4);
}

static void what_leaves_is_judged_at_each_port(void **state)
{
	rule(3, true, true, "ip host 10.0.0.1");
	udp("10.0.0.1", "10.0.0.2", 1);
	expect(1, ALL_BUT(1) & ~(1u << 3));
	assert_int_equal(core.port[3].drops[CORE_FILTER_OUT], 1);
	udp("10.0.0.3", "10.0.0.2", 1);
	expect(1, ALL_BUT(1));
}

static void rules_have_an_order_and_can_go(void **state)
{
	rule(1, false, true, "udp");
	udp("10.0.0.1", "10.0.0.2", 1);
	refused(1, CORE_FILTER);
	assert_null(policy_filter_add(&policy, 1, false, 0, false, "dst port 1"));
	assert_string_equal(rule_of(1, false, 1)->expr, "udp");
	expect(1, ALL_BUT(1));
	assert_true(policy_filter_del(&policy, 1, false, 0));
	refused(1, CORE_FILTER);
	assert_false(policy_filter_del(&policy, 1, false, 1));
	assert_false(policy_filter_del(&policy, 1, true, 0));
	assert_true(policy_filter_del(&policy, 1, false, 0));
	assert_null(core.port[1].rules);
	rule(1, false, true, "");
	refused(1, CORE_FILTER);
	policy_filter_clear(&policy, 1, false);
	expect(1, ALL_BUT(1));
	assert_true(core_plain(&core, 1, 2));
	rule(2, true, true, "tcp");
	assert_false(core_plain(&core, 1, 2));
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const wrong[] = {
		"no such", "udp port", "host web.example", "host cafe", "dst f00d", "len-20 > 3", "(",
		"port http or https", "host 1.2.3.4.5", "ether host 2:0:0:0:0:web", "ip[0", "port 70000",
		"inbound", "ip6 protochain 6",		/* no frame tells; has a loop */
	};
	char longer[FILTER_EXPR_MAX + 2];

	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
		char *why = policy_filter_add(&policy, 1, false, 0, true, wrong[i]);

		assert_non_null(why);
		assert_null(strchr(why, '\n'));
		free(why);
	}
	memset(longer, ' ', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	free(policy_filter_add(&policy, 1, false, 0, true, longer));
	assert_null(core.port[1].rules);
	for (unsigned i = 0; i < FILTER_MAX; i++)
		rule(1, false, false, "udp");
	longer[0] = 0;
	free(policy_filter_add(&policy, 1, false, 0, true, longer));
	assert_int_equal(policy_filter_of(&policy, 1, false)->n, FILTER_MAX);
}

/* They would be asked for by libpcap. */
static void what_looks_like_a_number_may_be_a_name(void **state)
{
	static const char *const names[] = {
		"host cafe", "dst f00d", "host 1-2", "net 10-20", "host 1.", "host 1..2", "host 10.0.0.0.1",
		"host 0x", "host 1.0x2",
		"ether host 02-00-00-00-00", "ether host 02-00-00-00-00-01-02", "ether host 2-0-0-0-0-123",
	};
	static const char *const fine[] = {
		"host 10.0.0.1", "net 10", "net 10.0", "len = 0x1f", "portrange 1-2",
		"ether host 2-00-0-00-0A-ff", "ether host fe-00-00-00-00-01",
	};
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_non_null(filter_name_find(names[i], &len));
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_null(filter_name_find(fine[i], &len));
}

static void guards_come_first(void **state)
{
	rule(1, false, false, "");
	assert_int_equal(policy_guard(&policy, 1, "10.0.0.1", true), 0);
	udp("10.0.0.2", "10.0.0.1", 1);
	refused(1, CORE_GUARD);
	assert_int_equal(rule_of(1, false, 0)->frames, 0);
	policy_guard_clear(&policy, 1);
	expect(1, ALL_BUT(1));
}

/* --- libpcap's own interpreter is the naive twin --- */

static const char *const exprs[] = {
	"", "arp", "ip", "ip6", "tcp", "udp", "icmp", "icmp6", "ether host 02:00:00:00:00:01",
	"ether src 02:00:00:00:00:01 and not broadcast", "ether multicast", "vlan", "vlan 7",
	"vlan 7 and ip host 10.0.0.1", "net 10.0.0.0/8", "ip6 net 2001:db8::/32", "port 53",
	"tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", "ip[8] > 32 and ip[8] < 100",
	"greater 100", "less 80", "tcp port http", "ip proto ospf", "host 10.0.0.1 or host 2001:db8::face",
	"ether dst ff:ff:ff:ff:ff:ff", "ip[6:2] & 0x1FFF = 0", "icmp[icmptype] = icmp-echo", "net 10.0",
	"ip6 proto \\udp or !(arp && src net 10.0.0.0 mask 255.0.0.0)", "tcp dst portrange 1-80",
	"ether host 02-00-00-00-00-01", "ether host fe-0-0-0-0-1", "ip multicast or ether broadcast", "ip proto 47 or ip6 proto 47",
	"portrange 1-100", "ether[12:2] > 0x5ff", "ip[2:2] - 20 > 30", "ip[6:2] & 0x1fff != 0",
	"udp[4:2] % 8 == 0", "ether[0] & 1 != 0 and (ip or ip6) and not port 53",
	"(ip[0] & 0xf) * 4 > 20", "len / 7 == 9", "ip[1] << 2 == 16",
};

static uint32_t random_frame(struct rng *r)
{
	static const uint8_t types[] = { 0x08, 0x00, 0x08, 0x06, 0x86, 0xdd, 0x81, 0x00 };
	static const uint8_t protos[] = { 1, 6, 17, 47, 58, 0, 60 };
	uint32_t len = FRAME_MIN + rng_below(r, 120), at = 12, type = rng_below(r, 4) * 2u;

	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)rng_below(r, rng_below(r, 2) ? 4 : 256);
	frame[0] = rng_below(r, 2) ? 2 : 0xff;
	memcpy(frame + at, types + type, 2);
	if (type == 6 && len > 30) {
		frame[14] = 0;
		frame[15] = 7;
		at = 16;
		memcpy(frame + at, types + rng_below(r, 3) * 2u, 2);
	}
	if (len > at + 32) {
		bool v6 = frame[at] == 0x86;

		frame[at + 2] = v6 ? 0x60 : (uint8_t)(0x45 + rng_below(r, 2));
		frame[at + (v6 ? 8 : 11)] = protos[rng_below(r, ARRAY_LEN(protos))];
	}
	return len;
}

static void same_as_libpcap(void **state)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 262144);
	struct rng r;

	rng_seed(&r, 4);
	for (unsigned i = 0; i < ARRAY_LEN(exprs); i++) {
		struct filter f = { 0 };
		struct bpf_program prog;
		unsigned hits = 0;

		assert_null(filter_add(&f, 0, false, exprs[i]));
		assert_null(filter_add(&f, 1, true, ""));
		assert_int_equal(pcap_compile(p, &prog, exprs[i], 1, PCAP_NETMASK_UNKNOWN), 0);
		for (unsigned k = 0; k < 4000; k++) {
			uint32_t len = random_frame(&r);
			struct pcap_pkthdr h = { .caplen = len, .len = len };
			bool yes = pcap_offline_filter(&prog, &h, frame) != 0;

			assert_int_equal(filter_pass(&f, &(struct frame){ .p = frame, .len = len }), yes);
			hits += yes;
		}
		assert_int_equal(f.rule[0].frames, hits);
		pcap_freecode(&prog);
		filter_clear(&f);
	}
	pcap_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST(first_match_decides),
		LAN_TEST(what_leaves_is_judged_at_each_port),
		LAN_TEST(rules_have_an_order_and_can_go),
		LAN_TEST(what_is_wrong_is_said),
		LAN_TEST(what_looks_like_a_number_may_be_a_name),
		LAN_TEST(guards_come_first),
		LAN_TEST(same_as_libpcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
