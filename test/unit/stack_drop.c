/* stack_drop.c - every reason to drop a packet below TCP, by its name */
#include "unit.h"

#include "stack_frame.h"

static struct pair *p;
static struct frame f;
static uint8_t body[2048];

static int start(void **state)
{
	p = pair_ready(1500);
	p->b.cut = true;		/* whatever is answered goes nowhere */
	p->a.cut = true;
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

static void names(void **state)
{
	assert_string_equal(drop_name(DROP_TCP_SUM), "TCP_SUM");
	assert_string_equal(drop_text(DROP_TCP_SUM), "TCP checksum wrong");
	for (int i = 0; i < N_DROPS; i++)
		assert_true(strlen(drop_text(i)) > 0 && strlen(drop_name(i)) > 0);
}

static void counted_and_told(void **state)
{
	f.n = 3;
	assert_int_equal(arrive(&p->a, &f), DROP_ETH_SHORT);
	assert_int_equal(p->a.st->drops[DROP_ETH_SHORT], 1);
	assert_int_equal(p->a.last, DROP_ETH_SHORT);
}

static void ethernet(void **state)
{
	put_eth(&f, &p->a, 0x1234);
	assert_int_equal(arrive(&p->a, &f), DROP_ETH_TYPE);
	f.b[5] ^= 1;
	assert_int_equal(arrive(&p->a, &f), DROP_ETH_NOT_OURS);
	put_eth(&f, &p->a, ETHERTYPE_VLAN);
	put(&f, "\0\5\x08\0", 4);
	assert_int_equal(arrive(&p->a, &f), DROP_VLAN);
	f.n -= 2;
	assert_int_equal(arrive(&p->a, &f), DROP_ETH_SHORT);
	put_eth(&f, &p->a, ETHERTYPE_VLAN);
	put(&f, "\xe0\0\x12\x34", 4);			/* priority only */
	assert_int_equal(arrive(&p->a, &f), DROP_ETH_TYPE);
	p->a.nif->flags &= ~(uint32_t)NETIF_UP;
	assert_int_equal(arrive(&p->a, &f), DROP_NETIF_DOWN);
}

static void loopback_queue_is_bounded(void **state)
{
	struct sock *so = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	int n = 0;

	while (udp_to(so, "x", 1, v4_of(1), 9) == 1)
		n++;
	assert_int_equal(n, 1000);		/* then the socket stalls */
	assert_int_equal(sock_events(so) & EV_OUT, 0);
	assert_int_equal(udp_to(so, "x", 1, v4_of(1), 9), -EAGAIN);
	pair_settle(p);
	assert_int_equal(sock_events(so) & EV_OUT, EV_OUT);
	for (int i = 0; i <= 1000; i++) {
		struct flow fl = { .dst = v4_of(1), .proto = 99 };

		ip_out(p->a.st, pkt_new(), &fl);
	}
	assert_int_equal(p->a.last, DROP_NETIF_FULL);
}

static void arp(void **state)
{
	struct arp a = { .op = ARP_REQUEST, .sha = p->b.nif->mac, .spa = v4_of(255), .tpa = v4_of(1) };
	struct wr w = wr_of(body, sizeof(body));

	put_eth(&f, &p->a, ETHERTYPE_ARP);
	put(&f, body, 10);
	assert_int_equal(arrive(&p->a, &f), DROP_ARP_BAD);
	arp_emit(&w, &a);				/* a broadcast has no owner */
	put_eth(&f, &p->a, ETHERTYPE_ARP);
	put(&f, body, ARP_LEN);
	assert_int_equal(arrive(&p->a, &f), DROP_ARP_BAD);
}

static void neighbours(void **state)
{
	struct sock *so = udp_open(&p->a, AF_INET, IP4_ANY, 0);

	for (int i = 0; i < 33; i++)
		assert_int_equal(udp_to(so, "x", 1, v4_of(77), 9), 1);
	assert_int_equal(p->a.last, DROP_NEIGH_FULL);
	assert_int_equal(p->a.st->drops[DROP_NEIGH_FULL], 1);
	pair_run(p, 5 * USEC_PER_SEC);
	assert_int_equal(p->a.st->drops[DROP_NEIGH_FAILED], 32);
}

static void ip4_headers(void **state)
{
	struct ip4 h = ip4_head(IPPROTO_UDP);
	static const uint8_t lsrr[8] = { 131, 7, 4, 10, 0, 0, 9 }, bad[4] = { 7, 9, 4, 0 };

	put_ip4(&f, &p->a, h, body, 8);
	f.n = ETH_LEN + 19;
	assert_int_equal(arrive(&p->a, &f), DROP_IP4_SHORT);
	h.len = 100;
	put_ip4(&f, &p->a, h, body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP4_SHORT);
	h.len = 0;
	put_ip4(&f, &p->a, h, body, 8);
	f.b[ETH_LEN] = 0x65;
	assert_int_equal(arrive(&p->a, &f), DROP_IP4_SHORT);
	put_ip4(&f, &p->a, h, body, 8);
	f.b[ETH_LEN + 8]--;
	assert_int_equal(arrive(&p->a, &f), DROP_IP4_SUM);
	h.hlen = 28;
	h.opts = lsrr;
	put_ip4(&f, &p->a, h, body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP4_OPTIONS);
	h.hlen = 24;
	h.opts = bad;
	put_ip4(&f, &p->a, h, body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP4_SHORT);
}

static enum drop ip4_between(struct ip_addr src, struct ip_addr dst)
{
	struct ip4 h = ip4_head(IPPROTO_UDP);

	h.src = src;
	h.dst = dst;
	put_ip4(&f, &p->a, h, body, 0);
	return arrive(&p->a, &f);
}

static void ip4_addresses(void **state)
{
	const struct ip_addr us = v4_of(1), them = v4_of(2);
	const struct ip_addr bad_src[] = {
		IP4_ANY, IP4(0, 1, 2, 3), IP4(127, 0, 0, 1), IP4(224, 0, 0, 1),
		IP4(240, 0, 0, 1), IP4_BROADCAST, v4_of(255), v4_of(1),
	};

	for (unsigned i = 0; i < ARRAY_LEN(bad_src); i++)
		assert_int_equal(ip4_between(bad_src[i], us), DROP_IP_MARTIAN);
	assert_int_equal(ip4_between(them, IP4(127, 0, 0, 1)), DROP_IP_MARTIAN);
	assert_int_equal(ip4_between(them, IP4_ANY), DROP_IP_MARTIAN);
	assert_int_equal(ip4_between(them, v4_of(3)), DROP_IP_NOT_OURS);
	assert_int_equal(ip4_between(them, IP4(224, 0, 0, 5)), DROP_IP_NOT_OURS);
	assert_int_equal(ip4_between(them, us), DROP_UDP_SHORT);
	assert_int_equal(ip4_between(IP4_ANY, IP4_BROADCAST), DROP_UDP_SHORT);
}

static enum drop ip6_between(struct ip_addr src, struct ip_addr dst)
{
	struct ip6 h = ip6_head(IPPROTO_UDP);

	h.src = src;
	h.dst = dst;
	put_ip6(&f, &p->a, h, body, 0);
	return arrive(&p->a, &f);
}

static void ip6_addresses(void **state)
{
	static const struct ip_addr one = { { [15] = 1 } }, group = { { 0xff, 2, [15] = 1 } };
	static const struct ip_addr scope0 = { { 0xff, 0, [15] = 1 } }, scope1 = { { 0xff, 1, [15] = 1 } };
	static const struct ip_addr nobody = { { 0xff, 2, [15] = 0x99 } };
	struct ip_addr ll_b = ip6_linklocal_eui64(p->b.nif->mac);

	assert_int_equal(ip6_between(one, v6_of(1)), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(group, v6_of(1)), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(v6_of(1), v6_of(1)), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(IP6_ANY, v6_of(1)), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(v6_of(2), one), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(v6_of(2), IP6_ANY), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(v6_of(2), scope0), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(v6_of(2), scope1), DROP_IP_MARTIAN);
	assert_int_equal(ip6_between(v6_of(2), nobody), DROP_IP_NOT_OURS);
	assert_int_equal(ip6_between(v6_of(2), v6_of(3)), DROP_IP_NOT_OURS);
	assert_int_equal(ip6_between(v6_of(2), ll_b), DROP_IP_NOT_OURS);
	assert_int_equal(ip6_between(v6_of(2), group), DROP_UDP_SHORT);
}

static void ip6_headers(void **state)
{
	struct ip6 h = ip6_head(IPPROTO_UDP);

	put_ip6(&f, &p->a, h, body, 8);
	f.n--;
	assert_int_equal(arrive(&p->a, &f), DROP_IP6_SHORT);
	f.n = ETH_LEN + 20;
	assert_int_equal(arrive(&p->a, &f), DROP_IP6_SHORT);
	put_ip6(&f, &p->a, h, body, 8);
	f.b[ETH_LEN] = 0x45;
	assert_int_equal(arrive(&p->a, &f), DROP_IP6_SHORT);
	h.next = 0;
	put_ip6(&f, &p->a, h, "\x11\x09" "123456", 8);	/* longer than there is */
	assert_int_equal(arrive(&p->a, &f), DROP_IP6_EXT);
}

static void no_route(void **state)
{
	struct flow fl = { .dst = IP4(192, 0, 2, 1), .proto = IPPROTO_UDP };

	assert_int_equal(ip_out(p->a.st, pkt_new(), &fl), DROP_IP_NO_ROUTE);
}

static void too_big(void **state)
{
	struct flow fl = { .dst = v4_of(2), .proto = 99, .df = true };
	struct pkt *pkt = pkt_new();

	assert_true(pkt_append(pkt, p->a.st->heap, body, 1481));
	assert_int_equal(ip_out(p->a.st, pkt, &fl), DROP_IP_TOO_BIG);
	fl.dst = v6_of(2);
	pkt = pkt_new();
	assert_true(pkt_append(pkt, p->a.st->heap, body, 1461));
	assert_int_equal(ip_out(p->a.st, pkt, &fl), DROP_IP_TOO_BIG);
}

static void protocols(void **state)
{
	put_ip4(&f, &p->a, ip4_head(99), body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	put_ip4(&f, &p->a, ip4_head(IPPROTO_ICMPV6), body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	put_ip6(&f, &p->a, ip6_head(99), body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	put_ip6(&f, &p->a, ip6_head(IPPROTO_NONE), body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
}

static void icmp(void **state)
{
	uint8_t msg[64] = { ICMP4_ECHO };
	struct ip6 h6 = ip6_head(IPPROTO_ICMPV6);

	put_ip4(&f, &p->a, ip4_head(IPPROTO_ICMP), msg, 7);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_SHORT);
	put_ip4(&f, &p->a, ip4_head(IPPROTO_ICMP), msg, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_SUM);
	msg[0] = 13;				/* timestamp: nobody needs it */
	icmp_sum(msg, 8, NULL);
	put_ip4(&f, &p->a, ip4_head(IPPROTO_ICMP), msg, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_TYPE);
	msg[0] = ICMP4_UNREACH;			/* quotes nothing */
	icmp_sum(msg, 8, NULL);
	put_ip4(&f, &p->a, ip4_head(IPPROTO_ICMP), msg, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_SHORT);

	msg[0] = ICMP6_ECHO;
	put_ip6(&f, &p->a, h6, msg, 3);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_SHORT);
	put_ip6(&f, &p->a, h6, msg, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_SUM);
	msg[0] = 200;
	icmp_sum(msg, 8, &h6);
	put_ip6(&f, &p->a, h6, msg, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_ICMP_TYPE);
}

static void udp(void **state)
{
	const struct ip_addr src = v4_of(2), dst = v4_of(1), src6 = v6_of(2), dst6 = v6_of(1);
	size_t n = udp_make(body, &src, &dst, 1, 2, "data", 4);
	struct sock *so = udp_open(&p->a, AF_INET6, IP6_ANY, 2);

	put_ip4(&f, &p->a, ip4_head(IPPROTO_UDP), body, n - 1);
	assert_int_equal(arrive(&p->a, &f), DROP_UDP_SHORT);
	put_ip4(&f, &p->a, ip4_head(IPPROTO_UDP), body, n + 9);	/* more is no harm */
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	body[8] ^= 1;
	put_ip4(&f, &p->a, ip4_head(IPPROTO_UDP), body, n);
	assert_int_equal(arrive(&p->a, &f), DROP_UDP_SUM);
	body[6] = body[7] = 0;				/* none at all: RFC 768 */
	put_ip4(&f, &p->a, ip4_head(IPPROTO_UDP), body, n);
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);

	n = udp_make(body, &src6, &dst6, 1, 2, "data", 4);
	put_ip6(&f, &p->a, ip6_head(IPPROTO_UDP), body, n);
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	body[6] = body[7] = 0;				/* not in IPv6: RFC 8200 8.1 */
	put_ip6(&f, &p->a, ip6_head(IPPROTO_UDP), body, n);
	assert_int_equal(arrive(&p->a, &f), DROP_UDP_SUM);
	sock_close(so);
	n = udp_make(body, &src, &dst, 1, 2, "data", 4);
	put_ip4(&f, &p->a, ip4_head(IPPROTO_UDP), body, n);
	assert_int_equal(arrive(&p->a, &f), DROP_UDP_NO_SOCK);
}

static void memory_is_bounded(void **state)
{
	struct arena *heap = p->a.st->heap;
	struct sock *so = udp_open(&p->a, AF_INET, IP4_ANY, 0);

	p->a.st->heap = arena_heap_new(100);
	assert_int_equal(udp_to(so, body, 1000, v4_of(2), 9), -ENOBUFS);
	assert_int_equal(p->a.last, DROP_NO_MEMORY);
	arena_heap_unref(p->a.st->heap);
	p->a.st->heap = heap;
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		TEST(counted_and_told),
		TEST(ethernet),
		TEST(loopback_queue_is_bounded),
		TEST(arp),
		TEST(neighbours),
		TEST(ip4_headers),
		TEST(ip4_addresses),
		TEST(ip6_addresses),
		TEST(ip6_headers),
		TEST(no_route),
		TEST(too_big),
		TEST(protocols),
		TEST(icmp),
		TEST(udp),
		TEST(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
