/* stack_forward.c - a stack with two interfaces, between two networks */
#include "unit.h"

#include "stack_frame.h"

static struct stack *st;
static struct side left, right, peer;
static struct frame f;

/* Networks 10.0.0.0/24 and fd00::/64 are left, 10.1.0.0/24 and fd01::/64 right. */
static void side_add(struct side *s, uint8_t n)
{
	struct ip_addr v4 = IP4(10, n, 0, 1), v6 = { { 0xfd, n, [15] = 1 } };

	*s = (struct side){ .st = st, .peer = &peer, .room = 1000 };
	list_init(&s->out);
	s->nif = netif_add(st, n ? "eth1" : "eth0", (struct mac){ { 2, 0, 0, 0, n, 1 } }, 1500, 0,
			   &side_ops, s);
	assert_int_equal(netif_addr_add(s->nif, &v4, 24), 0);
	assert_int_equal(netif_addr_add(s->nif, &v6, 64), 0);
	netif_up(s->nif);
}

static void empty(void)
{
	cable_clear(&left);
	cable_clear(&right);
}

/* The host that all frames go to and come from, on both sides. */
static void know(struct side *s, struct ip_addr a)
{
	struct mac mac = { { 2, 0, 0, 0, 0, 2 } };

	assert_int_equal(neigh_set(s->nif, &a, &mac, NEIGH_PERMANENT), 0);
}

static int start(void **state)
{
	static struct netif host = { .mac = { { 2, 0, 0, 0, 0, 2 } } };

	peer.nif = &host;
	st = stack_new(5, 0);
	stack_set(st, "dad_transmits", "0");
	assert_int_equal(stack_set(st, "net.ipv4.ip_forward", "1"), 0);
	assert_int_equal(stack_set(st, "net.ipv6.conf.all.forwarding", "1"), 0);
	side_add(&left, 0);
	side_add(&right, 1);
	st->user = &left;
	st->on_drop = side_drop;
	know(&left, IP4(10, 0, 0, 2));
	know(&right, IP4(10, 1, 0, 2));
	know(&left, (struct ip_addr){ { 0xfd, [15] = 2 } });
	know(&right, (struct ip_addr){ { 0xfd, 1, [15] = 2 } });
	empty();
	return 0;
}

static int end(void **state)
{
	empty();
	stack_free(st);
	return 0;
}

static struct ip4 across4(void)
{
	struct ip4 h = ip4_head(IPPROTO_UDP);

	h.dst = IP4(10, 1, 0, 2);
	return h;
}

static struct ip6 across6(void)
{
	struct ip6 h = ip6_head(IPPROTO_UDP);

	h.dst = (struct ip_addr){ { 0xfd, 1, [15] = 2 } };
	return h;
}

static enum drop from_left4(struct ip4 h, size_t n)
{
	static uint8_t body[60000];

	put_ip4(&f, &left, h, body, n);
	return arrive(&left, &f);
}

static enum drop from_left6(struct ip6 h, size_t n)
{
	static uint8_t body[60000];

	put_ip6(&f, &left, h, body, n);
	return arrive(&left, &f);
}

/* The last packet that left on a side, whole. */
static size_t seen(const struct side *s, uint8_t *b, size_t size)
{
	const struct pkt *pkt = last_out(s);

	return pkt ? pkt_copy(pkt, ETH_LEN, b, (uint32_t)size) : 0;
}

static unsigned count(const struct side *s)
{
	unsigned n = 0;

	list_for(l, &s->out)
		n++;
	return n;
}

static void one_hop_older(void **state)
{
	uint8_t b[2000];
	struct sum s = { 0 };

	assert_int_equal(from_left4(across4(), 100), DROP_NONE);
	assert_int_equal(seen(&right, b, sizeof(b)), 120);
	assert_int_equal(b[8], 63);
	sum_add(&s, b, IP4_LEN);
	assert_int_equal(sum_end(&s), 0);
	assert_int_equal(from_left6(across6(), 100), DROP_NONE);
	assert_int_equal(seen(&right, b, sizeof(b)), 140);
	assert_int_equal(b[7], 63);
	assert_int_equal(count(&left), 0);
	assert_int_equal(st->forwarded, 2);
}

/* A header sum at the edge of its arithmetic, whatever the id makes of it. */
static void sums_stay_right(void **state)
{
	struct ip4 h = across4();
	uint8_t b[100];

	for (unsigned id = 0; id < 65536; id += 13) {
		struct sum s = { 0 };

		h.id = (uint16_t)id;
		assert_int_equal(from_left4(h, 10), DROP_NONE);
		seen(&right, b, sizeof(b));
		sum_add(&s, b, IP4_LEN);
		assert_int_equal(sum_end(&s), 0);
		empty();
	}
}

static void hop_limit_ends(void **state)
{
	struct ip4 h4 = across4();
	struct ip6 h6 = across6();
	uint8_t b[2000];

	h4.ttl = h6.hops = 1;
	assert_int_equal(from_left4(h4, 100), DROP_IP_TTL);
	assert_int_not_equal(seen(&left, b, sizeof(b)), 0);
	assert_int_equal(b[9], IPPROTO_ICMP);
	assert_int_equal(b[20], ICMP4_TIME_EXCEEDED);
	assert_int_equal(from_left6(h6, 100), DROP_IP_TTL);
	assert_int_not_equal(seen(&left, b, sizeof(b)), 0);
	assert_int_equal(b[40], ICMP6_TIME_EXCEEDED);
	assert_int_equal(count(&right), 0);
}

static void too_big_is_told_or_cut(void **state)
{
	struct ip4 h = across4();
	uint8_t b[3000];

	right.nif->mtu = 1300;
	h.flags = IP4_DF;
	assert_int_equal(from_left4(h, 1400), DROP_IP_TOO_BIG);
	seen(&left, b, sizeof(b));
	assert_int_equal(b[20], ICMP4_UNREACH);
	assert_int_equal(b[21], ICMP4_FRAG);
	assert_int_equal(b[26] << 8 | b[27], 1300);
	assert_int_equal(from_left6(across6(), 1400), DROP_IP_TOO_BIG);
	seen(&left, b, sizeof(b));
	assert_int_equal(b[40], ICMP6_TOO_BIG);
	assert_int_equal(b[46] << 8 | b[47], 1300);
	assert_int_equal(count(&right), 0);

	h.flags = 0;
	assert_int_equal(from_left4(h, 1400), DROP_NONE);
	assert_int_equal(count(&right), 2);
	assert_int_equal(seen(&right, b, sizeof(b)), IP4_LEN + 120);
	assert_int_equal((b[6] << 8 | b[7]) & 0x3fff, 1280 / 8);
	assert_int_equal(b[4] << 8 | b[5], h.id);
}

/* A packet joined of segments of 1400 bytes comes; the way out takes 1300. What
 * leaves is put together again by another stack's rules: sums are right. */
static void joined_is_cut(uint8_t proto, unsigned hlen, unsigned pieces, unsigned last)
{
	struct ip4 h = across4();
	struct ip_addr src = h.src, dst = h.dst;
	uint8_t body[20 + 2800] = { 0 }, b[3000], l4[4000];
	struct sum s = { 0 };
	struct pkt *pkt;
	size_t n = 0, len;

	right.nif->mtu = 1300;
	if (proto == IPPROTO_UDP)
		udp_make(body, &src, &dst, 1000, 2000, body + UDP_LEN, 2800);
	body[12] = 0x50;
	h.proto = proto;
	put_ip4(&f, &left, h, body, hlen + 2800);
	pkt = frame_pkt(&left, &f);
	pkt_pull(pkt, ETH_LEN + IP4_LEN + hlen);
	pkt->sum = PKT_SUM_OK;
	pkt->gso_size = 1400;
	pkt->gso_hlen = (uint16_t)(ETH_LEN + IP4_LEN + hlen);
	assert_int_equal(stack_input(st, left.nif, pkt), DROP_NONE);
	assert_int_equal(count(&right), pieces);
	for (unsigned i = 0; i < pieces; i++) {
		struct list *l = list_pop(&right.out);

		pkt = container_of(l, struct pkt, link);
		pkt_sum_finish(pkt);
		len = pkt_copy(pkt, 0, b, sizeof(b)) - ETH_LEN - IP4_LEN;
		pkt_free(pkt);
		if (proto == IPPROTO_UDP && i % 2 == 0)
			n = 0;				/* the next datagram */
		assert_int_equal((b[20] << 8 | b[21]) & 0x1fff, n / 8);
		assert_int_equal(b[20] >> 5 & 1, proto == IPPROTO_UDP ? i % 2 == 0 : i + 1 < pieces);
		memcpy(l4 + n, b + ETH_LEN + IP4_LEN, len);
		n += len;
	}
	assert_int_equal(n, last);
	sum_pseudo(&s, &src, &dst, proto, (uint32_t)n);
	sum_add(&s, l4, n);
	assert_int_equal(sum_end(&s), 0);
}

/* Of IPv4's fragments only the first is complained of (RFC 1122 3.2.2); IPv6 knows no such
 * rule, and who sends must hear of the path's MTU from any (RFC 4443 2.4 e). */
static void later_pieces(void **state)
{
	struct ip4 h = across4();
	struct ip6 h6 = across6();
	uint8_t b[3000], piece[1400] = { IPPROTO_UDP, 0, 0, 8 | 1 };

	h.frag = 8;
	h.ttl = 1;
	assert_int_equal(from_left4(h, 100), DROP_IP_TTL);
	assert_int_equal(count(&left), 0);
	right.nif->mtu = 1300;
	h6.next = IPPROTO_FRAGMENT;
	put_ip6(&f, &left, h6, piece, sizeof(piece));
	assert_int_equal(arrive(&left, &f), DROP_IP_TOO_BIG);
	assert_int_not_equal(seen(&left, b, sizeof(b)), 0);
	assert_int_equal(b[40], ICMP6_TOO_BIG);
	empty();
}

static void joined_segments_are_cut(void **state)
{
	joined_is_cut(IPPROTO_TCP, 20, 3, 20 + 2800);
	joined_is_cut(IPPROTO_UDP, 8, 4, 8 + 1400);
}

/* RFC 1812 5.3.7, RFC 4291 2.5.6, RFC 1812 5.3.4 */
static void what_stays_on_its_link(void **state)
{
	static const struct ip_addr to[] = {
		{ { [10] = 0xff, 0xff, 169, 254, 0, 9 } }, { { [10] = 0xff, 0xff, 240, 0, 0, 9 } },
		{ { [10] = 0xff, 0xff, 10, 1, 0, 255 } },
	};
	struct ip4 h = across4();
	struct ip6 h6 = across6();

	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		h.dst = to[i];
		assert_int_not_equal(from_left4(h, 10), DROP_NONE);
	}
	h.dst = IP4(224, 1, 2, 3);
	assert_int_equal(from_left4(h, 10), DROP_IP_NOT_OURS);
	h6.src = (struct ip_addr){ { 0xfe, 0x80, [15] = 9 } };
	assert_int_equal(from_left6(h6, 10), DROP_IP_NOT_OURS);
	put_ip4(&f, &left, across4(), "x", 1);
	memset(f.b, 0xff, 6);			/* a broadcast of the link */
	assert_int_equal(arrive(&left, &f), DROP_IP_NOT_OURS);
	assert_int_equal(count(&right) + count(&left), 0);
	assert_int_equal(st->forwarded, 0);
}

static void no_route_is_told(void **state)
{
	struct route r = { .dst = IP4(10, 3, 0, 0), .len = 16, .type = ROUTE_PROHIBIT };
	struct ip4 h = across4();
	uint8_t b[200];

	h.dst = IP4(10, 2, 0, 2);
	assert_int_equal(from_left4(h, 10), DROP_IP_NO_ROUTE);
	seen(&left, b, sizeof(b));
	assert_int_equal(b[20] << 8 | b[21], ICMP4_UNREACH << 8 | ICMP4_NET);
	assert_int_equal(route_add(st, &r), 0);
	h.dst = IP4(10, 3, 0, 2);
	assert_int_equal(from_left4(h, 10), DROP_IP_NO_ROUTE);
	seen(&left, b, sizeof(b));
	assert_int_equal(b[20] << 8 | b[21], ICMP4_UNREACH << 8 | ICMP4_ADMIN);
	empty();
	r.type = ROUTE_BLACKHOLE;
	r.dst = IP4(10, 4, 0, 0);
	assert_int_equal(route_add(st, &r), 0);
	h.dst = IP4(10, 4, 0, 2);
	assert_int_equal(from_left4(h, 10), DROP_IP_NO_ROUTE);
	assert_int_equal(count(&left), 0);
}

/* The same from beyond another router on that link. */
static struct ip4 sent_on(struct ip4 h)
{
	struct route back = { .dst = IP4(10, 8, 0, 0), .len = 16, .gw = IP4(10, 0, 0, 7),
			      .nif = left.nif };

	assert_int_equal(route_add(st, &back), 0);
	h.src = IP4(10, 8, 0, 1);
	return h;
}

/* A shorter way on the same link: told, and forwarded all the same. */
static void shortcut_is_told(void **state)
{
	struct route r = { .dst = IP4(10, 9, 0, 0), .len = 16, .gw = IP4(10, 0, 0, 2),
			   .nif = left.nif };
	struct ip4 h = across4();
	uint8_t b[200];

	assert_int_equal(route_add(st, &r), 0);
	h.dst = IP4(10, 9, 0, 1);
	h.src = IP4(10, 0, 0, 7);
	know(&left, h.src);
	assert_int_equal(from_left4(h, 10), DROP_NONE);
	assert_int_equal(count(&left), 2);
	pkt_free(container_of(list_pop(&left.out), struct pkt, link));
	assert_int_equal(seen(&left, b, sizeof(b)), 30);
	empty();
	assert_int_equal(from_left4(sent_on(h), 10), DROP_NONE);
	assert_int_equal(count(&left), 1);	/* who sent it has a router between */
	empty();
	stack_set(st, "send_redirects", "0");
	assert_int_equal(from_left4(h, 10), DROP_NONE);
	assert_int_equal(count(&left), 1);
}

/* The same of IPv6 names the way and the destination (RFC 4861 4.5). */
static void shortcut6_is_told(void **state)
{
	struct route r = { .dst = text("fd09::"), .len = 64, .gw = text("fe80::7"),
			   .nif = left.nif };
	struct ip6 h = across6();
	struct nd_redirect m;
	uint8_t b[200];
	struct rd rd;

	know(&left, r.gw);
	assert_int_equal(route_add(st, &r), 0);
	h.dst = text("fd09::5");
	assert_int_equal(from_left6(h, 10), DROP_NONE);
	assert_int_equal(count(&left), 2);
	pkt_copy(list_first(&left.out, struct pkt, link), ETH_LEN, b, sizeof(b));
	assert_int_equal(b[IP6_LEN], ND_REDIRECT);
	rd = rd_of(b + IP6_LEN + 4, 36);
	assert_true(nd_redirect_parse(&rd, &m));
	assert_true(ip_eq(&m.target, &r.gw));
	assert_true(ip_eq(&m.dst, &h.dst));
}

static void reverse_path(void **state)
{
	struct ip4 h = across4();

	h.src = IP4(10, 1, 0, 77);		/* from the wrong side */
	assert_int_equal(from_left4(h, 10), DROP_NONE);
	stack_set(st, "rp_filter", "1");
	assert_int_equal(from_left4(h, 10), DROP_IP_RPF);
	stack_set(st, "rp_filter", "2");
	assert_int_equal(from_left4(h, 10), DROP_NONE);
	h.src = IP4(99, 1, 0, 77);
	assert_int_equal(from_left4(h, 10), DROP_IP_RPF);
}

static size_t udp_body(uint8_t *b, const struct ip_addr *src, const struct ip_addr *dst, uint16_t port)
{
	return udp_make(b, src, dst, 1000, port, "0123456789abcdef", 16);
}

static enum drop to_port4(uint16_t port, uint16_t flags, uint16_t frag)
{
	struct ip4 h = across4();
	uint8_t b[100];
	size_t n = udp_body(b, &h.src, &h.dst, port);

	h.flags = flags;
	h.frag = frag;
	put_ip4(&f, &left, h, b, n);
	return arrive(&left, &f);
}

/* Behind an empty header of options. */
static enum drop to_port6(uint16_t port)
{
	struct ip6 h = across6();
	uint8_t b[100] = { IPPROTO_UDP, 0, 1, 4 };
	size_t n = udp_body(b + 8, &h.src, &h.dst, port);

	h.next = IPPROTO_DSTOPTS;
	put_ip6(&f, &left, h, b, 8 + n);
	return arrive(&left, &f);
}

/* A rule may ask what is carried, and to which port; a fragment, and be it the
 * first, has none (as Linux's flow dissector says). */
static void rules_see_ports(void **state)
{
	struct rule r = { .priority = 100, .v4 = true, .action = RULE_PROHIBIT,
			  .ipproto = IPPROTO_UDP, .dport = { 53, 60 } };

	assert_int_equal(rule_add(st, &r), 0);
	r.v4 = false;
	assert_int_equal(rule_add(st, &r), 0);
	assert_int_equal(to_port4(52, 0, 0), DROP_NONE);
	assert_int_equal(to_port4(53, 0, 0), DROP_IP_NO_ROUTE);
	assert_int_equal(to_port4(53, IP4_MF, 0), DROP_NONE);
	assert_int_equal(to_port4(53, 0, 8), DROP_NONE);
	assert_int_equal(to_port6(61), DROP_NONE);
	assert_int_equal(to_port6(60), DROP_IP_NO_ROUTE);
	assert_int_equal(rule_del(st, &r), 0);
	assert_int_equal(to_port6(60), DROP_NONE);
}

static void protocol_alone(void **state)
{
	struct rule r = { .priority = 100, .v4 = true, .action = RULE_PROHIBIT,
			  .ipproto = IPPROTO_UDP };
	struct ip4 h = across4();

	assert_int_equal(rule_add(st, &r), 0);
	assert_int_equal(to_port4(9, 0, 8), DROP_IP_NO_ROUTE);
	h.proto = IPPROTO_TCP;
	assert_int_equal(from_left4(h, 20), DROP_NONE);
}

/* What would be answered to: from the port it went to. */
static void reverse_path_has_ports(void **state)
{
	struct rule r = { .priority = 100, .v4 = true, .action = RULE_UNREACHABLE,
			  .sport = { 53, 53 }, .src = IP4(10, 1, 0, 0), .src_len = 16 };

	stack_set(st, "rp_filter", "2");
	assert_int_equal(rule_add(st, &r), 0);
	assert_int_equal(to_port4(52, 0, 0), DROP_NONE);
	assert_int_equal(to_port4(53, 0, 0), DROP_IP_RPF);
}

/* RFC 4291 2.8: a router is in its groups; turned off, nothing passes. */
static void on_and_off(void **state)
{
	struct ip_addr routers = { { 0xff, 2, [15] = 2 } };

	assert_true(netif_joined(left.nif, &routers));
	stack_set(st, "forwarding", "0");
	stack_set(st, "ip_forward", "0");
	assert_false(netif_joined(left.nif, &routers));
	assert_int_equal(from_left4(across4(), 10), DROP_IP_NOT_OURS);
	assert_int_equal(from_left6(across6(), 10), DROP_IP_NOT_OURS);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_hop_older),
		TEST(sums_stay_right),
		TEST(hop_limit_ends),
		TEST(too_big_is_told_or_cut),
		TEST(later_pieces),
		TEST(joined_segments_are_cut),
		TEST(what_stays_on_its_link),
		TEST(no_route_is_told),
		TEST(shortcut_is_told),
		TEST(shortcut6_is_told),
		TEST(reverse_path),
		TEST(rules_see_ports),
		TEST(protocol_alone),
		TEST(reverse_path_has_ports),
		TEST(on_and_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
