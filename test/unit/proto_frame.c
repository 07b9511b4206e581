/* proto_frame.c - frames as lines, and that no bytes at all upset the printer */
#include <stdio.h>

#include "base/sum.h"
#include "proto_test.h"

struct frame { uint8_t b[2048]; struct wr w; };

static void start(struct frame *f, uint16_t type)
{
	struct eth e = { .dst = { { 2, 0, 0, 0, 0, 2 } }, .src = { { 2, 0, 0, 0, 0, 1 } },
			 .type = type };

	memset(f->b, 0, sizeof(f->b));
	f->w = wr_of(f->b, sizeof(f->b));
	eth_emit(&f->w, &e);
}

static void put_ip4(struct frame *f, uint8_t proto, size_t payload, uint16_t frag, uint16_t flags)
{
	struct ip4 h = { .hlen = 20, .len = (uint16_t)(20 + payload), .id = 9, .ttl = 64,
			 .proto = proto, .frag = frag, .flags = flags,
			 .src = IP4(10, 0, 0, 1), .dst = IP4(10, 0, 0, 2) };

	ip4_emit(&f->w, &h);
}

static void put_ip6(struct frame *f, uint8_t next, size_t payload)
{
	struct ip6 h = { .plen = (uint16_t)payload, .next = next, .hops = 64,
			 .src = addr("fd00::1"), .dst = addr("fd00::2") };

	ip6_emit(&f->w, &h);
}

static const struct udp udp53 = { 1024, 53, UDP_LEN + 4, 0 };
static const struct tcp syn_ack = {
	.src_port = 80, .dst_port = 40000, .seq = { 1 }, .ack = { 2 },
	.flags = TCP_SYN | TCP_ACK, .win = 65535, .o = { .has_mss = true, .mss = 1460 },
};

static void assert_line_of(const void *b, size_t n, const char *want)
{
	char line[1024];
	struct text t = text_of(line, sizeof(line));

	frame_print(&t, b, n);
	assert_string_equal(line, want);
}

static void assert_line(const struct frame *f, const char *want)
{
	assert_line_of(f->b, wr_len(&f->w), want);
}

static void put_udp(struct frame *f, uint16_t sport, uint16_t dport, const void *p, size_t n)
{
	struct udp u = { sport, dport, (uint16_t)(UDP_LEN + n), 0 };

	start(f, ETHERTYPE_IP4);
	put_ip4(f, 17, UDP_LEN + n, 0, 0);
	udp_emit(&f->w, &u);
	wr_bytes(&f->w, p, n);
}

/* Names, answers with and without error; what points elsewhere or ends early is not told. */
static void dns_lines(void **state)
{
	static const char query[] = "\0\7\1\0\0\1\0\0\0\0\0\0\3www\7ex ampl\0\0\34\0\1";
	static const char answer[] = "\0\7\x81\x80\0\1\0\2\0\0\0\0\1a\0\0\1\0\1";
	static const char none[] = "\0\7\x81\x83\0\1\0\0\0\0\0\0\0\0\2\0\1";
	static const char points[] = "\0\7\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1";
	struct frame f;

	put_udp(&f, 1024, 53, query, sizeof(query) - 1);
	assert_line(&f, "10.0.0.1.1024 > 10.0.0.2.53: udp len 29 dns query AAAA www.ex?ampl");
	put_udp(&f, 53, 1024, answer, sizeof(answer) - 1);
	assert_line(&f, "10.0.0.1.53 > 10.0.0.2.1024: udp len 19 dns answer A a 2 records");
	put_udp(&f, 53, 1024, none, sizeof(none) - 1);
	assert_line(&f, "10.0.0.1.53 > 10.0.0.2.1024: udp len 17 dns answer NS . error 3");
	put_udp(&f, 1024, 5353, points, sizeof(points) - 1);
	assert_line(&f, "10.0.0.1.1024 > 10.0.0.2.5353: udp len 18");
	for (size_t n = 0; n < sizeof(query) - 3; n++) {
		char line[200];

		put_udp(&f, 1024, 53, query, n);
		snprintf(line, sizeof(line), "10.0.0.1.1024 > 10.0.0.2.53: udp len %zu", n);
		assert_line(&f, line);
	}
}

static void dhcp_lines(void **state)
{
	uint8_t b[300] = { [0] = 2, [16] = 10, [17] = 0, [18] = 2, [19] = 15 };
	struct frame f;

	memcpy(b + 236, "\x63\x82\x53\x63\0\x36\4\x0a\0\2\2\x35\1\2\xff", 15);
	put_udp(&f, 67, 68, b, sizeof(b));
	assert_line(&f, "10.0.0.1.67 > 10.0.0.2.68: udp len 300 dhcp offer 10.0.2.15");
	memset(b + 16, 0, 4);
	b[249] = 1;
	put_udp(&f, 68, 67, b, sizeof(b));
	assert_line(&f, "10.0.0.1.68 > 10.0.0.2.67: udp len 300 dhcp discover");
	b[249] = 9;
	put_udp(&f, 68, 67, b, sizeof(b));
	assert_line(&f, "10.0.0.1.68 > 10.0.0.2.67: udp len 300");
	put_udp(&f, 68, 67, b, 240);
	assert_line(&f, "10.0.0.1.68 > 10.0.0.2.67: udp len 240");
	put_udp(&f, 546, 547, "\1\0\0\7", 4);
	assert_line(&f, "10.0.0.1.546 > 10.0.0.2.547: udp len 4 dhcp6 solicit");
}

static void group_lines(void **state)
{
	struct frame f;

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 2, 8, 0, 0);
	wr_bytes(&f.w, "\x22\0\0\0\0\0\0\0", 8);
	assert_line(&f, "10.0.0.1 > 10.0.0.2: igmp 3 report");
	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 58, 8);
	wr_bytes(&f.w, "\x8f\0\0\0\0\0\0\0", 8);
	assert_line(&f, "fd00::1 > fd00::2: icmp6 mld2 report");
}

static void tcp_lines(void **state)
{
	struct frame f;
	struct tcp h = syn_ack;

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 6, 24, 0, 0);
	tcp_emit(&f.w, &h);
	assert_line(&f, "10.0.0.1.80 > 10.0.0.2.40000: tcp S. 1:1(0) ack 2 win 65535 <mss 1460>");

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 6, 20 + 5);
	h.flags = TCP_ACK | TCP_PSH;
	h.o.has_mss = false;
	tcp_emit(&f.w, &h);
	wr_bytes(&f.w, "hello", 5);
	assert_line(&f, "fd00::1.80 > fd00::2.40000: tcp P. 1:6(5) ack 2 win 65535");
}

static void padding_is_not_payload(void **state)
{
	struct frame f;
	struct tcp h = { .flags = TCP_RST };

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 6, 20, 0, 0);
	tcp_emit(&f.w, &h);
	wr_zero(&f.w, ETH_MIN - wr_len(&f.w));
	assert_line(&f, "10.0.0.1.0 > 10.0.0.2.0: tcp R 0:0(0) win 0");
}

static void udp_lines(void **state)
{
	struct frame f;

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 17, 12, 0, 0);
	udp_emit(&f.w, &udp53);
	wr_zero(&f.w, 4);
	assert_line(&f, "10.0.0.1.1024 > 10.0.0.2.53: udp len 4");
}

static void tags(void **state)
{
	struct vlan outer = { .id = 5, .type = ETHERTYPE_VLAN };
	struct vlan inner = { .id = 6, .prio = 1, .type = ETHERTYPE_ARP };
	struct arp a = { .op = ARP_REQUEST, .spa = IP4(10, 0, 0, 1), .tpa = IP4(10, 0, 0, 2) };
	struct frame f;

	start(&f, ETHERTYPE_VLAN);
	vlan_emit(&f.w, &outer);
	vlan_emit(&f.w, &inner);
	arp_emit(&f.w, &a);
	assert_line(&f, "vlan 5 vlan 6 prio 1 arp who-has 10.0.0.2 tell 10.0.0.1");
}

static void five_tags_are_too_many(void **state)
{
	struct vlan v = { .id = 1, .type = ETHERTYPE_VLAN };
	struct frame f;

	start(&f, ETHERTYPE_VLAN);
	for (int i = 0; i < 5; i++)
		vlan_emit(&f.w, &v);
	assert_line(&f, "vlan 1 vlan 1 vlan 1 vlan 1 "
		    "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan len 4");
}

static void nothing_is_read_past_the_ip_length(void **state)
{
	struct nd_ns ns = { .target = addr("fd00::2") };
	struct frame f;

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 6, 8, 0, 0);
	tcp_emit(&f.w, &syn_ack);
	assert_line(&f, "10.0.0.1.80 > 10.0.0.2.40000: [bad tcp]");

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 58, 20);
	nd_ns_emit(&f.w, &ns);
	assert_line(&f, "fd00::1 > fd00::2: icmp6 type 135 code 0 [bad]");
}

static void fragments(void **state)
{
	struct ip6_frag fh = { .next = 17, .off = 0, .more = true, .id = 3 };
	struct frame f;

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 17, 16, 0, IP4_MF);
	udp_emit(&f.w, &udp53);
	wr_zero(&f.w, 8);
	assert_line(&f, "10.0.0.1.1024 > 10.0.0.2.53: udp len 4 (frag 9:16@0+)");

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 17, 16, 16, 0);
	wr_zero(&f.w, 16);
	assert_line(&f, "10.0.0.1 > 10.0.0.2: ip4 proto 17 (frag 9:16@16)");

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 44, 24);
	ip6_frag_emit(&f.w, &fh);
	udp_emit(&f.w, &udp53);
	wr_zero(&f.w, 8);
	assert_line(&f, "fd00::1.1024 > fd00::2.53: udp len 4 (frag 3:16@0+)");
}

static void icmp_error_quotes_once(void **state)
{
	struct icmp unreach = { ICMP4_UNREACH, ICMP4_PORT, 0, 0 };
	struct frame f;

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 1, 8 + 20 + 8, 0, 0);
	icmp_emit(&f.w, &unreach);
	put_ip4(&f, 17, 12, 0, 0);
	udp_emit(&f.w, &udp53);
	assert_line(&f, "10.0.0.1 > 10.0.0.2: icmp unreachable port about "
		    "10.0.0.1.1024 > 10.0.0.2.53: udp len 4");

	start(&f, ETHERTYPE_IP4);
	put_ip4(&f, 1, 8 + 20 + 8 + 20 + 8, 0, 0);
	icmp_emit(&f.w, &unreach);
	put_ip4(&f, 1, 8 + 20 + 8, 0, 0);
	icmp_emit(&f.w, &unreach);
	put_ip4(&f, 17, 12, 0, 0);
	udp_emit(&f.w, &udp53);
	assert_line(&f, "10.0.0.1 > 10.0.0.2: icmp unreachable port about "
		    "10.0.0.1 > 10.0.0.2: icmp unreachable port");
}

static void eight_quoted_bytes_of_tcp(void **state)
{
	struct icmp too_big = { ICMP6_TOO_BIG, 0, 0, 1280 };
	struct frame f;

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 58, 8 + 40 + 8);
	icmp_emit(&f.w, &too_big);
	put_ip6(&f, 6, 1000);
	wr_bytes(&f.w, "\0\x50\x9c\x40\0\0\0\1", 8);
	assert_line(&f, "fd00::1 > fd00::2: icmp6 too big mtu 1280 about "
		    "fd00::1.80 > fd00::2.40000: tcp");
}

static void neighbour_lines(void **state)
{
	struct nd_ns ns = { .target = addr("fd00::2") };
	struct nd_opts rs = { .has_src = true, .src_ll = { { 2, 0, 0, 0, 0, 1 } } };
	struct frame f;

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 58, 24);
	nd_ns_emit(&f.w, &ns);
	assert_line(&f, "fd00::1 > fd00::2: icmp6 neighbour solicitation who-has fd00::2");

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 58, 16);
	nd_rs_emit(&f.w, &rs);
	assert_line(&f, "fd00::1 > fd00::2: icmp6 router solicitation "
		    "src-ll 02:00:00:00:00:01");
}

static void extension_headers_are_stepped_over(void **state)
{
	struct icmp echo = { ICMP6_ECHO, 0, 0, 7 << 16 | 1 };
	struct frame f;

	start(&f, ETHERTYPE_IP6);
	put_ip6(&f, 0, 8 + 8 + 8);
	wr_bytes(&f.w, "\x3c\0\1\4\0\0\0\0", 8);
	wr_bytes(&f.w, "\x3a\0\1\4\0\0\0\0", 8);
	icmp_emit(&f.w, &echo);
	assert_line(&f, "fd00::1 > fd00::2: icmp6 echo request id 7 seq 1");
}

static void broken_frames_are_named(void **state)
{
	struct frame f;

	start(&f, ETHERTYPE_IP4);
	assert_line_of(f.b, 10, "[bad eth] len 10");
	assert_line(&f, "[bad ip4]");
	put_ip4(&f, 6, 20, 0, 0);
	assert_line(&f, "10.0.0.1 > 10.0.0.2: [bad tcp] [cut]");
	f.b[ETH_LEN + 8]--;
	assert_line(&f, "10.0.0.1 > 10.0.0.2: [bad tcp] [bad ip4 sum] [cut]");

	start(&f, ETHERTYPE_IP6);
	assert_line(&f, "[bad ip6]");
	put_ip6(&f, 60, 8);
	assert_line(&f, "fd00::1 > fd00::2: [bad ip6 extension] [cut]");

	start(&f, ETHERTYPE_ARP);
	assert_line(&f, "[bad arp]");
	start(&f, ETHERTYPE_VLAN);
	assert_line(&f, "[bad vlan]");
	start(&f, 0x88cc);
	assert_line(&f, "02:00:00:00:00:01 > 02:00:00:00:00:02 type 0x88cc len 0");
}

/* Right frames with a few bytes changed reach deeper than random bytes do. */
static void damaged_frames_print_one_line(void **state)
{
	struct icmp unreach = { ICMP6_UNREACH, 0, 0, 0 };
	struct frame f;
	struct rng rng;
	char line[2048];

	rng_seed(&rng, 1);
	for (int i = 0; i < 20000; i++) {
		struct text t = text_of(line, sizeof(line));
		size_t n;
		uint8_t *copy;

		start(&f, ETHERTYPE_IP6);
		put_ip6(&f, 58, 200);
		icmp_emit(&f.w, &unreach);
		put_ip6(&f, 6, 100);
		tcp_emit(&f.w, &syn_ack);
		n = rng_below(&rng, (uint32_t)wr_len(&f.w) + 1);
		for (unsigned k = rng_below(&rng, 8); k; k--)
			f.b[rng_below(&rng, 200)] = (uint8_t)rng_u64(&rng);
		copy = xmalloc(n);
		memcpy(copy, f.b, n);
		frame_print(&t, copy, n);
		free(copy);
		assert_true(t.len > 0 && !t.cut);
		assert_null(strchr(line, '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_lines),
		cmocka_unit_test(dns_lines),
		cmocka_unit_test(dhcp_lines),
		cmocka_unit_test(group_lines),
		cmocka_unit_test(padding_is_not_payload),
		cmocka_unit_test(udp_lines),
		cmocka_unit_test(tags),
		cmocka_unit_test(five_tags_are_too_many),
		cmocka_unit_test(nothing_is_read_past_the_ip_length),
		cmocka_unit_test(fragments),
		cmocka_unit_test(icmp_error_quotes_once),
		cmocka_unit_test(eight_quoted_bytes_of_tcp),
		cmocka_unit_test(neighbour_lines),
		cmocka_unit_test(extension_headers_are_stepped_over),
		cmocka_unit_test(broken_frames_are_named),
		cmocka_unit_test(damaged_frames_print_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
