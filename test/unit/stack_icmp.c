/* stack_icmp.c - errors sent and heard, their limits, extended ones; path MTUs; IPv6 extensions */
#include "unit.h"

#include <time.h>

#include <linux/errqueue.h>

#include "stack_frame.h"

static void set(struct sock *so, int level, int name, int value)
{
	assert_int_equal(sock_setopt(so, level, name, &value, sizeof(value)), 0);
}

static struct pair *p;
static struct frame f;
static uint8_t body[2048];

static int start(void **state)
{
	p = pair_ready(1500);
	udp_to(udp_open(&p->a, AF_INET, IP4_ANY, 0), "", 0, v4_of(2), 9);	/* neighbours now */
	udp_to(udp_open(&p->a, AF_INET6, IP6_ANY, 0), "", 0, v6_of(2), 9);
	pair_run(p, 20 * USEC_PER_SEC);
	p->a.cut = p->b.cut = true;
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

/* ICMP errors a says, so far. */
static unsigned said;

static void count_icmp(struct netif *nif, struct pkt *pkt)
{
	const uint8_t *h = pkt->head + pkt->l3;
	uint8_t proto = h[0] >> 4 == 4 ? h[9] : h[6];

	said += proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	pkt_free(pkt);
}

static const struct netif_ops counting = { .out = count_icmp };

static void listen_for_errors(void)
{
	said = 0;
	p->a.nif->ops = &counting;
}

static void udp_frame4(struct ip_addr src, struct ip_addr dst)
{
	struct ip4 h = ip4_head(IPPROTO_UDP);
	size_t n = udp_make(body, &src, &dst, 1, 2, "x", 1);

	h.src = src;
	h.dst = dst;
	put_ip4(&f, &p->a, h, body, n);
}

/* Six in a burst, then one a second (as Linux). */
static void rate_is_limited(void **state)
{
	listen_for_errors();
	udp_frame4(v4_of(2), v4_of(1));
	for (int i = 0; i < 100; i++)
		assert_int_equal(arrive(&p->a, &f), DROP_UDP_NO_SOCK);
	assert_int_equal(said, 6);
	pair_run(p, 3 * USEC_PER_SEC);
	for (int i = 0; i < 100; i++)
		arrive(&p->a, &f);
	assert_int_equal(said, 9);
	assert_int_equal(stack_set(p->a.st, "icmp_ratelimit", "0"), 0);
	for (int i = 0; i < 100; i++)
		arrive(&p->a, &f);
	assert_in_range(said, 10, 59);		/* the limit for all still holds */
}

/* Messages of the link are ICMP as well (RFC 4293). */
static void solicitations_are_counted(void **state)
{
	const struct mib *m = &p->a.st->mib;
	uint64_t asked = m->icmp[false][true][icmp_kind(false, ND_NS)];
	uint64_t sent = m->ip[false][IP_OutRequests];

	assert_true(asked > 0);
	p->a.cut = false;
	udp_to(udp_open(&p->a, AF_INET6, IP6_ANY, 0), "", 0, v6_of(77), 9);
	assert_int_equal(m->icmp[false][true][icmp_kind(false, ND_NS)], asked + 1);
	assert_int_equal(m->ip[false][IP_OutRequests], sent + 2);	/* and the datagram, which waits */
}

/* RFC 1122 3.2.2, RFC 4443 2.4 e */
static void no_error_about(void **state)
{
	uint8_t msg[64] = { ICMP4_UNREACH, 77 };
	struct ip4 h = ip4_head(99);
	struct ip6 h6 = ip6_head(99);

	listen_for_errors();
	udp_frame4(v4_of(2), IP4_BROADCAST);
	assert_int_equal(arrive(&p->a, &f), DROP_UDP_NO_SOCK);
	udp_frame4(v4_of(2), IP4(224, 0, 0, 1));
	assert_int_equal(arrive(&p->a, &f), DROP_UDP_NO_SOCK);
	h.dst = IP4(224, 0, 0, 1);
	put_ip4(&f, &p->a, h, body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	h6.dst = (struct ip_addr){ { 0xff, 2, [15] = 1 } };
	put_ip6(&f, &p->a, h6, body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	/* An ICMPv6 error behind a header that is itself at fault. */
	h6 = ip6_head(IPPROTO_DSTOPTS);
	memcpy(msg, "\x3a\0\xc5\4zzzz\1\0\0\0", 12);
	put_ip6(&f, &p->a, h6, msg, 40);
	assert_int_equal(arrive(&p->a, &f), DROP_IP6_EXT);
	assert_int_equal(said, 0);
	put_ip6(&f, &p->a, ip6_head(99), body, 8);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	assert_int_equal(said, 1);
}

static void error_quotes_the_packet(void **state)
{
	static uint8_t out[1500];
	struct ip4 h = ip4_head(99);
	const struct pkt *e;
	struct sum s = { 0 };
	uint32_t n;

	p->a.cut = false;
	put_ip4(&f, &p->a, h, body, 1400);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	e = last_out(&p->a);
	n = pkt_copy(e, 0, out, sizeof(out));
	assert_int_equal(n, ETH_LEN + 576);
	assert_memory_equal(out + ETH_LEN + IP4_LEN, "\3\2", 2);
	assert_memory_equal(out + ETH_LEN + 28, f.b + ETH_LEN, 548);
	sum_add(&s, out + ETH_LEN + IP4_LEN, n - ETH_LEN - IP4_LEN);
	assert_int_equal(sum_end(&s), 0);
	put_ip6(&f, &p->a, ip6_head(99), body, 1400);
	assert_int_equal(arrive(&p->a, &f), DROP_IP_PROTO);
	n = pkt_copy(last_out(&p->a), 0, out, sizeof(out));
	assert_int_equal(n, ETH_LEN + 1280);
	assert_memory_equal(out + ETH_LEN + IP6_LEN, "\4\1", 2);
	assert_memory_equal(out + ETH_LEN + IP6_LEN + 4, "\0\0\0\6", 4);
	assert_memory_equal(out + ETH_LEN + 48, f.b + ETH_LEN, 1232);
}

/* The type, code and pointer of the error that body set off. */
static void told(uint8_t type, uint8_t code, uint8_t pointer, enum drop why)
{
	uint8_t out[128];
	bool v4 = f.b[12] == 8;
	const uint8_t *m = out + ETH_LEN + (v4 ? IP4_LEN : IP6_LEN);

	p->a.cut = false;
	assert_int_equal(arrive(&p->a, &f), why);
	assert_true(pkt_copy(last_out(&p->a), 0, out, sizeof(out)) > ETH_LEN + 48);
	assert_int_equal(m[0], type);
	assert_int_equal(m[1], code);
	assert_int_equal(v4 ? m[4] : m[7], pointer);
	if (v4)		/* RFC 1812 4.3.2.5 */
		assert_int_equal(out[ETH_LEN + 1], 0xc0 | (f.b[ETH_LEN + 1] & 0x1e));
}

/* RFC 1122 3.2.2.5; RFC 8200 4: options per hop anywhere but first, and a header that
 * nobody knows behind a fragment header, whose own "next" it is. */
static void error_points_at_the_fault(void **state)
{
	static const uint8_t per_hop[16] = { IPPROTO_HOPOPTS, 0, 1, 4 };
	static const uint8_t atomic[16] = { 99 };
	static const uint8_t bad[4] = { 1, 7, 9 };
	struct ip4 h = ip4_head(99);

	h.tos = 0x10;
	put_ip4(&f, &p->a, h, body, 8);
	told(ICMP4_UNREACH, ICMP4_PROTO, 0, DROP_IP_PROTO);
	h.hlen = 24;
	h.opts = bad;
	put_ip4(&f, &p->a, h, body, 8);
	told(ICMP4_PARAM, 0, 21, DROP_IP4_SHORT);
	put_ip6(&f, &p->a, ip6_head(IPPROTO_DSTOPTS), per_hop, sizeof(per_hop));
	told(ICMP6_PARAM, 1, 40, DROP_IP_PROTO);
	put_ip6(&f, &p->a, ip6_head(IPPROTO_FRAGMENT), atomic, sizeof(atomic));
	told(ICMP6_PARAM, 1, 40, DROP_IP_PROTO);
}

/* --- errors we hear --- */

/* About a datagram of ours to b from port 1000 to port 2000. */
static enum drop error4(uint8_t type, uint8_t code, uint16_t mtu, struct ip_addr from)
{
	struct ip4 h = ip4_head(IPPROTO_ICMP), q = ip4_head(IPPROTO_UDP);
	struct icmp ih = { type, code, 0, mtu };
	struct udp u = { 1000, 2000, 1008, 0 };
	uint8_t b[128];
	struct wr w = wr_of(b, sizeof(b));

	q.src = from;
	q.dst = v4_of(2);
	q.len = 1028;
	icmp_emit(&w, &ih);
	ip4_emit(&w, &q);
	udp_emit(&w, &u);
	icmp_sum(b, wr_len(&w), NULL);
	put_ip4(&f, &p->a, h, b, wr_len(&w));
	return arrive(&p->a, &f);
}

static enum drop error6(uint8_t type, uint8_t code, uint32_t rest, bool ext)
{
	struct ip6 h = ip6_head(IPPROTO_ICMPV6), q = ip6_head(ext ? IPPROTO_DSTOPTS : IPPROTO_UDP);
	struct icmp ih = { type, code, 0, rest };
	struct udp u = { 1000, 2000, 1008, 0 };
	uint8_t b[128];
	struct wr w = wr_of(b, sizeof(b));

	q.src = v6_of(1);
	q.dst = v6_of(2);
	icmp_emit(&w, &ih);
	ip6_emit(&w, &q);
	if (ext)
		wr_bytes(&w, "\x11\0\1\4\0\0\0\0", 8);
	udp_emit(&w, &u);
	icmp_sum(b, wr_len(&w), &h);
	put_ip6(&f, &p->a, h, b, wr_len(&w));
	return arrive(&p->a, &f);
}

static struct sock *connected(int family)
{
	struct ip_addr us = family == AF_INET ? v4_of(1) : v6_of(1);
	struct endpoint to = ep_of(family == AF_INET ? v4_of(2) : v6_of(2), 2000);
	struct sock *so = udp_open(&p->a, family, us, 1000);

	assert_int_equal(sock_connect(so, &to), 0);
	return so;
}

static void hard_errors_reach_the_connected(void **state)
{
	static const struct { uint8_t type, code; int error; } t[] = {
		{ 3, 0, 0 }, { 3, 1, 0 }, { 3, 2, ENOPROTOOPT }, { 3, 3, ECONNREFUSED },
		{ 3, 13, EHOSTUNREACH }, { 3, 200, 0 }, { 11, 0, 0 }, { 12, 0, EPROTO },
		{ 4, 0, 0 }, { 5, 0, 0 },
	};
	struct sock *so = connected(AF_INET);

	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(error4(t[i].type, t[i].code, 0, v4_of(1)), DROP_NONE);
		assert_int_equal(sock_take_error(so), t[i].error);
	}
	assert_int_equal(error4(3, 3, 0, v4_of(77)), DROP_NONE);	/* we never sent that */
	assert_int_equal(sock_take_error(so), 0);
}

static void hard_errors_reach_the_connected6(void **state)
{
	static const struct { uint8_t type, code; int error; } t[] = {
		{ 1, 0, 0 }, { 1, 1, EACCES }, { 1, 3, 0 }, { 1, 4, ECONNREFUSED },
		{ 3, 0, 0 }, { 4, 1, EPROTO },
	};
	struct sock *so = connected(AF_INET6);

	for (unsigned i = 0; i < 2 * ARRAY_LEN(t); i++) {
		bool ext = i >= ARRAY_LEN(t);
		unsigned k = i % ARRAY_LEN(t);

		assert_int_equal(error6(t[k].type, t[k].code, 0, ext), DROP_NONE);
		assert_int_equal(sock_take_error(so), t[k].error);
	}
}

static uint32_t mtu_of(struct sock *so)
{
	int mtu = 0;
	socklen_t len = sizeof(mtu);
	bool four = so->family == AF_INET;

	assert_int_equal(sock_getopt(so, four ? IPPROTO_IP : IPPROTO_IPV6,
				     four ? IP_MTU : IPV6_MTU, &mtu, &len), 0);
	return (uint32_t)mtu;
}

static void path_mtu_is_learned_and_forgotten(void **state)
{
	struct sock *so = connected(AF_INET), *so6 = connected(AF_INET6);

	assert_int_equal(mtu_of(so), 1500);
	error4(3, 4, 1400, v4_of(1));
	assert_int_equal(mtu_of(so), 1400);
	assert_int_equal(sock_take_error(so), EMSGSIZE);
	error4(3, 4, 1450, v4_of(1));		/* never up */
	assert_int_equal(mtu_of(so), 1400);
	error4(3, 4, 100, v4_of(1));		/* never below sense */
	assert_int_equal(mtu_of(so), 552);
	error6(2, 0, 1000, false);
	assert_int_equal(mtu_of(so6), 1280);
	pair_run(p, 601 * USEC_PER_SEC);
	assert_int_equal(mtu_of(so), 1500);
	assert_int_equal(mtu_of(so6), 1500);
}

static void old_routers_tell_no_mtu(void **state)
{
	struct sock *so = connected(AF_INET);

	error4(3, 4, 0, v4_of(1));		/* quoted: 1028 bytes */
	assert_int_equal(mtu_of(so), 1006);
}

static void path_mtus_are_for_what_we_sent(void **state)
{
	error4(3, 4, 1400, v4_of(1));		/* nobody has port 1000 */
	assert_int_equal(mtu_of(connected(AF_INET)), 1500);
}

static void pmtudisc_do_wants_to_know(void **state)
{
	struct sock *so = connected(AF_INET);
	int how = IP_PMTUDISC_DO;
	struct iovec iov = { body, 1472 };

	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof(how)), 0);
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), 1472);
	error4(3, 4, 1400, v4_of(1));
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), -EMSGSIZE);	/* the error */
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), -EMSGSIZE);	/* the size */
	iov.iov_len = 1372;
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), 1372);
}

/* --- errors that say more (RFC 4884) --- */

/* What, of a quoted datagram of 100 octets that is filled up to 128, then ext, the error
 * queue tells of the extensions: where they are and whether they are invalid. */
static struct sock_ee_data_rfc4884 told_of(struct sock *so, bool v4, uint32_t words,
					   const char *ext, size_t n)
{
	struct ip4 h = ip4_head(IPPROTO_ICMP), q = ip4_head(IPPROTO_UDP);
	struct ip6 h6 = ip6_head(IPPROTO_ICMPV6), q6 = ip6_head(IPPROTO_UDP);
	struct icmp ih = { v4 ? ICMP4_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED, 0, 0,
			   words << (v4 ? 16 : 24) };
	struct udp u = { 1000, 2000, 108, 0 };
	struct iovec iov = { body, sizeof(body) };
	struct sock_ee_data_rfc4884 e;
	uint8_t b[256] = { 0 };
	struct wr w = wr_of(b, sizeof(b));
	struct msg m = { 0 };

	q.len = 128;
	q.src = v4_of(1);
	q.dst = v4_of(2);
	q6.src = v6_of(1);
	q6.dst = v6_of(2);
	icmp_emit(&w, &ih);
	if (v4)
		ip4_emit(&w, &q);
	else
		ip6_emit(&w, &q6);
	udp_emit(&w, &u);
	w.p = b + ICMP_LEN + 128;
	wr_bytes(&w, ext, n);
	icmp_sum(b, wr_len(&w), v4 ? NULL : &h6);
	if (v4)
		put_ip4(&f, &p->a, h, b, wr_len(&w));
	else
		put_ip6(&f, &p->a, h6, b, wr_len(&w));
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	assert_int_equal(sock_recv(so, &iov, 1, MSG_ERRQUEUE, &m), 128 - (v4 ? 28 : 48) + n);
	memcpy(&e, &m.err.data, sizeof(e));
	return e;
}

static const struct {
	const char	*ext;
	size_t		n;
	uint32_t	words;		/* of IPv4's length, which counts 4; IPv6's: 8 */
	bool		told, invalid;
} extensions_told[] = {
	{ "\x20\0\0\0" "\0\x08\1\1\0\1\x21\xff", 12, 32, true, false },
	{ "\x20\0\xbc\xf6" "\0\x08\1\1\0\1\x21\xff", 12, 32, true, false },
	{ "\x20\0\xbc\xf7" "\0\x08\1\1\0\1\x21\xff", 12, 32, true, true },	/* sum */
	{ "\x20\0\0\0" "\0\x09\1\1\0\1\x21\xff", 12, 32, true, true },	/* too long */
	{ "\x20\0\0\0" "\0\x03\1", 7, 32, true, true },	/* too short */
	{ "\x20\0\0\0" "\0\x04\1\1\0\4\1\1\0", 13, 32, true, true },	/* not whole */
	{ "\x20\0\0\0", 4, 32, true, false },
	{ "\x10\0\1\2" "\0\x03\1\1", 8, 32, true, false },	/* another version */
	{ "\x20\0\0", 3, 32, false, false },
	{ "\x20\0\0\0", 4, 0, false, false },			/* does not say */
	{ "\x20\0\0\0", 4, 30, false, false },			/* less than 128 */
	{ "\x20\0\0\0", 4, 34, false, false },			/* past the end */
};

static void extensions_are_told(void **state)
{
	for (int v4 = 0; v4 < 2; v4++) {
		struct sock *so = connected(v4 ? AF_INET : AF_INET6);
		int level = v4 ? IPPROTO_IP : IPPROTO_IPV6, head = v4 ? 28 : 48;

		set(so, level, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
		assert_int_equal(told_of(so, v4, v4 ? 32 : 16, "\x20\0\0\0", 4).len, 0);
		set(so, level, v4 ? IP_RECVERR_RFC4884 : IPV6_RECVERR_RFC4884, 1);
		for (size_t i = 0; i < ARRAY_LEN(extensions_told); i++) {
			uint32_t words = extensions_told[i].words / (v4 ? 1 : 2);
			struct sock_ee_data_rfc4884 e =
				told_of(so, v4, words, extensions_told[i].ext, extensions_told[i].n);

			assert_int_equal(e.len, extensions_told[i].told ? 128 - head : 0);
			assert_int_equal(e.flags, extensions_told[i].invalid ?
					 SO_EE_RFC4884_FLAG_INVALID : 0);
		}
	}
}

/* --- extension headers --- */

static enum drop ext(uint8_t next, const char *b, size_t n)
{
	uint8_t msg[256];
	struct ip6 h = ip6_head(next);
	struct ip_addr src = h.src, dst = h.dst;

	memcpy(msg, b, n);
	n += udp_make(msg + n, &src, &dst, 1, 2, "x", 1);
	put_ip6(&f, &p->a, h, msg, n);
	return arrive(&p->a, &f);
}

/* The datagram got as far as UDP. */
#define PASSED DROP_UDP_NO_SOCK

static void extensions(void **state)
{
	listen_for_errors();
	/* Router alert in hop-by-hop, then destination options. */
	assert_int_equal(ext(0, "\x3c\0\5\2\0\0\1\0" "\x11\0\1\4\0\0\0\0", 16), PASSED);
	assert_int_equal(ext(60, "\x11\0\x1e\4zzzz", 8), PASSED);	/* skip what is unknown */
	assert_int_equal(said, 2);
	assert_int_equal(ext(60, "\x11\0\x5e\4zzzz", 8), DROP_IP6_EXT);	/* discard it */
	assert_int_equal(said, 2);
	assert_int_equal(ext(60, "\x11\0\x9e\4zzzz", 8), DROP_IP6_EXT);	/* and say so */
	assert_int_equal(said, 3);
	assert_int_equal(ext(60, "\x11\0\x1e\5zzzz", 8), DROP_IP6_EXT);	/* past the end */
	assert_int_equal(ext(60, "\0\0\1\4\0\0\0\0" "\x11\0\1\4\0\0\0\0", 16), DROP_IP_PROTO);
	assert_int_equal(said, 4);		/* hop-by-hop comes first or never */
}

static void limits_of_extensions(void **state)
{
	char many[8 * 9], pad[24] = { 17, 2, 1, 12 }, opts[32] = { 17, 3 };

	for (int i = 0; i < 9; i++)
		memcpy(many + i * 8, i < 8 ? "\x3c\0\1\4\0\0\0\0" : "\x11\0\1\4\0\0\0\0", 8);
	assert_int_equal(ext(60, many, sizeof(many)), DROP_IP6_EXT);
	assert_int_equal(ext(60, pad, sizeof(pad)), DROP_IP6_EXT);
	for (int i = 0; i < 10; i++)
		memcpy(opts + 2 + i * 3, "\x1e\1", 3);
	assert_int_equal(ext(60, opts, sizeof(opts)), DROP_IP6_EXT);
}

static void routing_headers(void **state)
{
	listen_for_errors();
	assert_int_equal(ext(43, "\x11\0\0\0\0\0\0\0", 8), PASSED);	/* nothing left to do */
	assert_int_equal(said, 1);
	assert_int_equal(ext(43, "\x11\2\0\1\0\0\0\0" "0123456789abcdef", 24), DROP_IP6_EXT);
	assert_int_equal(said, 2);		/* RFC 5095: as if unknown */
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rate_is_limited),
		TEST(solicitations_are_counted),
		TEST(no_error_about),
		TEST(error_quotes_the_packet),
		TEST(error_points_at_the_fault),
		TEST(hard_errors_reach_the_connected),
		TEST(hard_errors_reach_the_connected6),
		TEST(path_mtu_is_learned_and_forgotten),
		TEST(old_routers_tell_no_mtu),
		TEST(path_mtus_are_for_what_we_sent),
		TEST(pmtudisc_do_wants_to_know),
		TEST(extensions_are_told),
		TEST(extensions),
		TEST(limits_of_extensions),
		TEST(routing_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
