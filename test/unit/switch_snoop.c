/* switch_snoop.c - groups go where their members are, while a querier is there */
#include <stdio.h>

#include "switch_lan.h"

#define SEC	USEC_PER_SEC
#define ROUTER	5		/* the port where queries come in */
#define GROUP	"239.1.2.3"
#define GROUP6	"ff0e::1:3"

static int setup(void **state)
{
	lan_setup(state);
	now = 1000 * SEC;
	return 0;
}

/* --- frames --- */

static uint8_t *group_begin(uint8_t src, const char *from, const char *to, uint8_t proto,
			    uint16_t len)
{
	struct ip_addr dst = addr(to);

	put_eth(mac_of_multicast(&dst), mac(src), strchr(to, ':') ? ETHERTYPE_IP6 : ETHERTYPE_IP4);
	put_ip(from, to, proto, proto == IPPROTO_UDP ? 64 : 1, len);
	return w.p;
}

static void data(const char *to)
{
	group_begin(9, strchr(to, ':') ? "2001:db8::9" : "10.0.0.9", to, IPPROTO_UDP, UDP_LEN);
	put_udp(1, 2);
}

static void put_addr(const char *text)
{
	struct ip_addr a = addr(text);

	if (ip_is_v4(&a))
		wr_bytes(&w, ip_v4(&a), 4);
	else
		wr_bytes(&w, &a, 16);
}

static void igmp(const char *from, const char *to, uint8_t type, uint8_t code, const char *group)
{
	uint8_t *msg = group_begin(9, from, to, IPPROTO_IGMP, 8);

	wr_u8(&w, type);
	wr_u8(&w, code);
	wr_u16(&w, 0);
	put_addr(group);
	put_sum(msg, NULL, NULL);
}

/* Version 3: what follows the group; more: that many more bytes of zero. */
static void query3(const char *group, uint8_t code, uint8_t flags, uint8_t qqic, uint16_t n)
{
	const char *to = strcmp(group, "0.0.0.0") ? group : "224.0.0.1";
	uint8_t *msg = group_begin(9, "10.0.0.254", to, IPPROTO_IGMP, (uint16_t)(12 + 4 * n));

	wr_u8(&w, 0x11);
	wr_u8(&w, code);
	wr_u16(&w, 0);
	put_addr(group);
	wr_u8(&w, flags);
	wr_u8(&w, qqic);
	wr_u16(&w, n);
	wr_zero(&w, 4u * n);
	put_sum(msg, NULL, NULL);
}

/* Two records: of another group, with 8 bytes of auxiliary data, and of this one. */
static void report3(uint8_t type, const char *group, uint16_t n_src)
{
	uint8_t *msg = group_begin(9, "10.0.0.1", "224.0.0.22", IPPROTO_IGMP,
				   (uint16_t)(32 + 4 * n_src));

	wr_u32(&w, 0x22u << 24);
	wr_u32(&w, 2);
	wr_u32(&w, 2u << 16);
	put_addr("239.7.7.7");
	wr_bytes(&w, "\4\0\0\0\357\6\6\6", 8);	/* looks like a record */
	wr_u8(&w, type);
	wr_u8(&w, 0);
	wr_u16(&w, n_src);
	put_addr(group);
	wr_zero(&w, 4u * n_src);
	put_sum(msg, NULL, NULL);
}

/* With the hop-by-hop option that MLD has (RFC 3810 5). */
static uint8_t *mld_begin(const char *from, const char *to, uint16_t len)
{
	group_begin(9, from, to, IPPROTO_HOPOPTS, len + 8);
	wr_bytes(&w, "\72\0\5\2\0\0\1\0", 8);
	return w.p;
}

static void mld1(const char *from, const char *to, uint8_t type, uint16_t delay, const char *group)
{
	uint8_t *msg = mld_begin(from, to, 24);

	wr_u32(&w, (uint32_t)type << 24);
	wr_u32(&w, (uint32_t)delay << 16);
	put_addr(group);
	put_sum(msg, from, to);
}

static void mld2_report(uint8_t type, const char *group)
{
	uint8_t *msg = mld_begin("fe80::1", "ff02::16", 28);

	wr_u32(&w, 143u << 24);
	wr_u32(&w, 1);
	wr_u32(&w, (uint32_t)type << 24);
	put_addr(group);
	put_sum(msg, "fe80::1", "ff02::16");
}

/* --- what is expected --- */

#define ALL(from)	expect(from, ALL_BUT(from))
#define P(port)		(1ull << (port))

static void querier(void)
{
	query3("0.0.0.0", 100, 2, 125, 0);
	ALL(ROUTER);
	mld1("fe80::fe", "ff02::1", MLD_QUERY, 10000, "::");
	ALL(ROUTER);
	now += 11 * SEC;
}

static void all_without_a_querier(void **state)
{
	report3(4, GROUP, 0);
	ALL(2);
	data(GROUP);
	ALL(1);
	data("239.9.9.9");
	ALL(1);
	data(GROUP6);
	ALL(1);
	assert_int_equal(policy.snoop.narrowed, 0);
}

static void members_and_routers_with_one(void **state)
{
	for (int i = 0; i < 2; i++, as_pkt = true) {
		querier();
		data(GROUP);
		expect(1, P(ROUTER));
		report3(4, GROUP, 0);
		expect(2, P(ROUTER));
		data(GROUP);
		expect(1, P(2) | P(ROUTER));
		igmp("10.0.0.3", GROUP, 0x16, 0, GROUP);
		expect(3, P(ROUTER));
		igmp("10.0.0.4", GROUP, 0x12, 0, GROUP);
		expect(4, P(ROUTER));
		data(GROUP);
		expect(1, P(2) | P(3) | P(4) | P(ROUTER));
		expect(2, P(3) | P(4) | P(ROUTER));
		data("239.1.2.4");
		expect(1, P(ROUTER));
		data("224.0.1.1");
		expect(1, P(ROUTER));
		mld2_report(4, GROUP6);
		expect(2, P(ROUTER));
		mld1("fe80::3", GROUP6, MLD1_REPORT, 0, GROUP6);
		expect(3, P(ROUTER));
		data(GROUP6);
		expect(1, P(2) | P(3) | P(ROUTER));
		now += 300 * SEC;
	}
}

static void these_go_to_all_always(void **state)
{
	static const char *const groups[] = {
		"224.0.0.1", "224.0.0.251", "ff02::1", "ff02::2", "ff02::fb", "ff01::1",
		"ff02::1:ff00:1",
	};

	querier();
	for (unsigned i = 0; i < ARRAY_LEN(groups); i++) {
		data(groups[i]);
		ALL(1);
	}
	mld2_report(4, "ff02::1:ff00:1");
	expect(2, P(ROUTER));
	data("ff02::1:ff00:1");		/* others may have joined unheard */
	ALL(1);
	put_eth((struct mac){ { 1, 0x80, 0xc2, 0, 0, 0x0e } }, mac(1), 0x88cc);
	ALL(1);
	put_eth(MAC_BROADCAST, mac(1), ETHERTYPE_IP4);
	put_ip("10.0.0.9", GROUP, IPPROTO_UDP, 64, 8);
	wr_zero(&w, 8);
	ALL(1);
}

static void nobody_is_cut_off_before_all_could_report(void **state)
{
	query3("0.0.0.0", 100, 2, 125, 0);
	ALL(ROUTER);
	data(GROUP);
	ALL(1);
	now += 11 * SEC - 1;
	data(GROUP);
	ALL(1);
	now++;
	data(GROUP);
	expect(1, P(ROUTER));
	data(GROUP6);			/* its querier is another matter */
	ALL(1);
}

static void memberships_and_queriers_end(void **state)
{
	querier();
	report3(4, GROUP, 0);
	put_in(2);
	now += 200 * SEC;
	querier();			/* another round, unanswered */
	now += 48 * SEC;
	data(GROUP);
	expect(1, P(2) | P(ROUTER));
	now += 1 * SEC;
	data(GROUP);
	expect(1, P(ROUTER));
	now += 300 * SEC;		/* the querier is silent */
	data(GROUP);
	ALL(1);
	assert_int_equal(policy_age(&policy, now), NEVER);
}

static void timers_of_the_query_count(void **state)
{
	query3("0.0.0.0", 10, 3, 10, 0);	/* 1 s, robustness 3, each 10 s */
	ALL(ROUTER);
	now += 2 * SEC;
	report3(4, GROUP, 0);
	put_in(2);
	query3("0.0.0.0", 10, 3, 10, 0);
	ALL(ROUTER);
	now += 30 * SEC;
	data(GROUP);
	expect(1, P(2) | P(ROUTER));
	query3("0.0.0.0", 10, 3, 10, 0);
	ALL(ROUTER);
	now += 1 * SEC;
	data(GROUP);
	expect(1, P(ROUTER));
}

static void a_leave_waits_for_the_last_member(void **state)
{
	querier();
	report3(4, GROUP, 0);
	put_in(2);
	report3(4, GROUP, 0);
	put_in(3);
	igmp("10.0.0.2", "224.0.0.2", 0x17, 0, GROUP);
	expect(2, P(ROUTER));
	report3(3, GROUP, 0);			/* TO_INCLUDE nothing */
	expect(2, P(ROUTER));
	data(GROUP);
	expect(1, P(2) | P(3) | P(ROUTER));
	query3(GROUP, 10, 2, 125, 0);		/* is anybody left? */
	ALL(ROUTER);
	now += 1 * SEC;				/* he asks as often as he is robust */
	data(GROUP);
	expect(1, P(2) | P(3) | P(ROUTER));
	report3(2, GROUP, 0);
	put_in(3);
	now += 1 * SEC;
	data(GROUP);
	expect(1, P(3) | P(ROUTER));
	query3(GROUP, 10, 2 | 8, 125, 0);	/* S: timers stay */
	ALL(ROUTER);
	query3(GROUP, 10, 2, 125, 1);		/* about a source only */
	ALL(ROUTER);
	now += 3 * SEC;
	data(GROUP);
	expect(1, P(3) | P(ROUTER));
}

/* 260 s after the report, whatever is asked in the last. */
static void a_question_prolongs_nothing(void **state)
{
	querier();
	report3(4, GROUP, 0);
	put_in(2);
	now += 200 * SEC;
	querier();
	now += 48 * SEC;
	query3(GROUP, 100, 2, 125, 0);
	ALL(ROUTER);
	now += 1 * SEC;
	data(GROUP);
	expect(1, P(ROUTER));
}

/* RFC 3376 4.1.1: code 0x90 is 25.6 s. */
static void long_times_have_an_exponent(void **state)
{
	query3("0.0.0.0", 0x90, 2, 125, 0);
	ALL(ROUTER);
	now += 266 * SEC / 10 - 1;
	data(GROUP);
	ALL(1);
	now++;
	data(GROUP);
	expect(1, P(ROUTER));
}

static void leaves_of_mld(void **state)
{
	querier();
	mld2_report(4, GROUP6);
	put_in(2);
	mld1("fe80::2", "ff02::2", 132, 0, GROUP6);
	expect(2, P(ROUTER));
	mld1("fe80::fe", GROUP6, MLD_QUERY, 1000, GROUP6);
	ALL(ROUTER);
	now += 2 * SEC;
	data(GROUP6);
	expect(1, P(ROUTER));
}

static void records_of_every_kind(void **state)
{
	static const bool joins[] = { [1] = false, [2] = true, [3] = false, [4] = true,
				      [5] = false, [6] = false, [7] = false };

	querier();
	for (uint8_t type = 1; type < ARRAY_LEN(joins); type++) {
		report3(type, GROUP, 0);
		put_in(2);
		data(GROUP);
		expect(1, P(ROUTER) | (joins[type] ? P(2) : 0));
		snoop_flush_port(&policy.snoop, 2);
		report3(type, GROUP, 1);
		put_in(2);
		data(GROUP);
		expect(1, P(ROUTER) | (type < 6 ? P(2) : 0));
		snoop_flush_port(&policy.snoop, 2);
	}
}

static void a_long_report_is_read_to_its_end(void **state)
{
	uint8_t *msg;
	char group[IP_STRLEN];

	querier();
	as_pkt = true;
	msg = group_begin(9, "10.0.0.1", "224.0.0.22", IPPROTO_IGMP, 8 + 8 * 100);
	wr_u32(&w, 0x22u << 24);
	wr_u32(&w, 100);
	for (unsigned i = 0; i < 100; i++) {
		wr_u32(&w, 4u << 24);
		snprintf(group, sizeof(group), "239.1.1.%u", i);
		put_addr(group);
	}
	put_sum(msg, NULL, NULL);
	expect(2, P(ROUTER));
	data("239.1.1.99");
	expect(1, P(2) | P(ROUTER));
}

static void what_nobody_believes_is_data(void **state)
{
	querier();
	report3(4, GROUP, 0);
	frame[ETH_LEN + IP4_LEN + 3] ^= 1;		/* the checksum */
	ALL(2);
	report3(4, GROUP, 0);
	put_u16(frame + ETH_LEN + 2, 1000);		/* longer than it is */
	ALL(2);
	report3(4, GROUP, 0);
	put_u16(frame + ETH_LEN + 6, IP4_MF);		/* the begin of something */
	ALL(2);
	mld1("2001:db8::fe", "ff02::1", MLD_QUERY, 1000, "::");
	ALL(2);						/* not link-local */
	mld1("fe80::2", GROUP6, MLD1_REPORT, 0, GROUP6);
	frame[ETH_LEN + 7] = 2;				/* came from afar */
	expect(2, P(ROUTER));
	data(GROUP);
	expect(1, P(ROUTER));
	data(GROUP6);
	expect(1, P(ROUTER));
}

static void switches_that_ask_are_no_routers(void **state)
{
	igmp("0.0.0.0", "224.0.0.1", 0x11, 100, "0.0.0.0");
	ALL(ROUTER);
	now += 11 * SEC;
	report3(4, GROUP, 0);
	ALL(2);				/* who asks must hear it */
	data(GROUP);
	expect(1, P(2));
	group_begin(9, "0.0.0.0", "224.0.0.13", IPPROTO_PIM, 8);
	wr_zero(&w, 8);
	ALL(3);
	data(GROUP);
	expect(1, P(2));
	group_begin(9, "10.0.0.253", "224.0.0.13", IPPROTO_PIM, 8);
	wr_zero(&w, 8);
	ALL(4);
	data(GROUP);
	expect(1, P(2) | P(4));
}

/* The code of version 2 is tenths of seconds up to its end: 0x90 is 14.4 s. */
static void queries_of_version_2(void **state)
{
	igmp("10.0.0.254", "224.0.0.1", 0x11, 0x90, "0.0.0.0");
	ALL(ROUTER);
	now += 154 * SEC / 10;
	data(GROUP);
	expect(1, P(ROUTER));
}

/* RFC 3810 5.1.3: code 0x9000 is 65.536 s. */
static void long_times_of_mld(void **state)
{
	uint8_t *msg = mld_begin("fe80::fe", "ff02::1", 28);

	wr_u32(&w, (uint32_t)MLD_QUERY << 24);
	wr_u32(&w, 0x90000000);
	put_addr("::");
	wr_u32(&w, 2u << 24 | 125u << 16);
	put_sum(msg, "fe80::fe", "ff02::1");
	ALL(ROUTER);
	now += 66 * SEC;
	data(GROUP6);
	ALL(1);
	now += SEC;
	data(GROUP6);
	expect(1, P(ROUTER));
}

/* RFC 3810 5.1.14 */
static void a_query_from_nobody_is_data(void **state)
{
	mld1("::", "ff02::1", MLD_QUERY, 1000, "::");
	ALL(ROUTER);
	now += 11 * SEC;
	data(GROUP6);
	ALL(1);
	assert_int_equal(policy.snoop.queries, 0);
}

static void elder_queries(void **state)
{
	igmp("10.0.0.254", "224.0.0.1", 0x11, 0, "0.0.0.0");	/* version 1: 10 s */
	ALL(ROUTER);
	now += 11 * SEC - 1;
	data(GROUP);
	ALL(1);
	now++;
	data(GROUP);
	expect(1, P(ROUTER));
}

static void a_port_that_left_is_no_member(void **state)
{
	querier();
	report3(4, GROUP, 0);
	put_in(2);
	report3(4, GROUP, 0);
	put_in(3);
	core_port_down(&core, 2);
	core_port_up(&core, 2);
	data(GROUP);
	expect(1, P(3) | P(ROUTER));
	core_port_down(&core, ROUTER);
	core_port_up(&core, ROUTER);
	data(GROUP);
	expect(1, P(3));
}

static void a_port_pushes_out_only_its_own(void **state)
{
	char group[IP_STRLEN];

	querier();
	report3(4, GROUP, 0);
	put_in(2);
	for (unsigned i = 0; i < SNOOP_PORT_MAX + 10; i++) {
		snprintf(group, sizeof(group), "239.8.%u.%u", i >> 8, i & 255);
		report3(4, group, 0);
		put_in(3);
	}
	assert_int_equal(policy.snoop.port[3].count, SNOOP_PORT_MAX);
	data("239.8.0.9");
	expect(1, P(ROUTER));
	data("239.8.0.10");
	expect(1, P(3) | P(ROUTER));
	data(GROUP);
	expect(1, P(2) | P(ROUTER));
}

static void vlans_are_apart(void **state)
{
	assert_int_equal(vlan_create(&core, 7), 0);
	for (uint32_t port = 1; port < PORTS; port++)
		assert_int_equal(vlan_add_port(&core, 7, port), 0);
	querier();
	data(GROUP);
	expect(1, P(ROUTER));
	memmove(frame + 18, frame + 14, 40);
	put_u16(frame + 14, 7);
	put_u16(frame + 16, ETHERTYPE_IP4);
	put_u16(frame + 12, ETHERTYPE_VLAN);
	w.p += 4;
	ALL(1);				/* nobody asks there */
}

static void off_sends_to_all(void **state)
{
	querier();
	policy_set_snoop(&policy, false);
	data(GROUP);
	ALL(1);
	policy_set_snoop(&policy, true);
	data(GROUP);
	ALL(1);
	querier();
	data(GROUP);
	expect(1, P(ROUTER));
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, lan_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_without_a_querier),
		TEST(members_and_routers_with_one),
		TEST(these_go_to_all_always),
		TEST(nobody_is_cut_off_before_all_could_report),
		TEST(memberships_and_queriers_end),
		TEST(timers_of_the_query_count),
		TEST(a_leave_waits_for_the_last_member),
		TEST(a_question_prolongs_nothing),
		TEST(long_times_have_an_exponent),
		TEST(leaves_of_mld),
		TEST(records_of_every_kind),
		TEST(a_long_report_is_read_to_its_end),
		TEST(what_nobody_believes_is_data),
		TEST(switches_that_ask_are_no_routers),
		TEST(queries_of_version_2),
		TEST(long_times_of_mld),
		TEST(a_query_from_nobody_is_data),
		TEST(elder_queries),
		TEST(a_port_that_left_is_no_member),
		TEST(a_port_pushes_out_only_its_own),
		TEST(vlans_are_apart),
		TEST(off_sends_to_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
