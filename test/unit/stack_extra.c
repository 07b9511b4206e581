/* stack_extra.c - IP options and extension headers, sent and received */
#include "unit.h"

#include <time.h>

#include "stack/cmsg.h"
#include "stack/ip_extra.h"
#include "stack_pair.h"

enum { NOP = 1, RR = 7, TS = 68, ALERT = 148, LSRR = 131 };

static const uint8_t rr3[12] = { NOP, RR, 11, 4 };
static const uint8_t hop[8] = { 0, 0, 5, 2, 0, 0, 1, 0 };		/* router alert */
static const uint8_t dst[16] = { 0, 1, 1, 5, [9] = 1, 5 };		/* padding */

static struct sock *udp(struct side *s, bool v4, uint16_t port)
{
	return udp_open(s, v4 ? AF_INET : AF_INET6, v4 ? IP4_ANY : IP6_ANY, port);
}

static int set(struct sock *so, int level, int name, const void *v, size_t n)
{
	return sock_setopt(so, level, name, v, (socklen_t)n);
}

static void on(struct sock *so, int level, int name)
{
	int one = 1;

	assert_int_equal(set(so, level, name, &one, sizeof(one)), 0);
}

/* What the option says of itself: its n bytes. */
static void holds(struct sock *so, int level, int name, const void *want, size_t n)
{
	uint8_t v[128];
	socklen_t len = sizeof(v);

	assert_int_equal(sock_getopt(so, level, name, v, &len), 0);
	assert_int_equal(len, n);
	assert_memory_equal(v, want, n);
}

/* What comes beside the next datagram, as the socket's options ask; its length. */
static size_t control(struct sock *so, uint8_t *buf, size_t size, char *data, size_t *n)
{
	struct msghdr mh = { .msg_control = buf, .msg_controllen = size };
	struct msg m = { .ttl = -1 };
	ssize_t got = udp_from(so, data, *n, &m);

	assert_true(got >= 0);
	*n = (size_t)got;
	memset(buf, 0, size);
	cmsg_put(so, &m, 0, &mh);
	return mh.msg_controllen;
}

static const struct cmsghdr *find(const uint8_t *buf, size_t len, int level, int type)
{
	for (size_t off = 0; off + sizeof(struct cmsghdr) <= len;) {
		const struct cmsghdr *k = (const void *)(buf + off);

		if (k->cmsg_level == level && k->cmsg_type == type)
			return k;
		off += CMSG_ALIGN(k->cmsg_len);
	}
	return NULL;
}

static void told(const struct cmsghdr *k, const void *want, size_t n)
{
	assert_non_null(k);
	assert_int_equal(k->cmsg_len, CMSG_LEN(n));
	assert_memory_equal(CMSG_DATA(k), want, n);
}

/* Each host on the way notes its address: the sender's, the receiver's. */
static void record_route(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp(&p->a, true, 0), *b = udp(&p->b, true, 2000);
	_Alignas(8) uint8_t ctl[256];
	uint8_t want[12] = { NOP, RR, 11, 12, 10, 0, 0, 1, 10, 0, 0, 2 };
	char data[8];
	size_t n = sizeof(data), len;

	on(b, IPPROTO_IP, IP_RECVOPTS);
	assert_int_equal(set(a, IPPROTO_IP, IP_OPTIONS, rr3, 11), 0);
	holds(a, IPPROTO_IP, IP_OPTIONS, rr3, 12);
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), 1);
	pair_settle(p);
	len = control(b, ctl, sizeof(ctl), data, &n);
	assert_int_equal(n, 1);
	told(find(ctl, len, IPPROTO_IP, IP_RECVOPTS), want, sizeof(want));
	assert_int_equal(set(a, IPPROTO_IP, IP_OPTIONS, NULL, 0), 0);
	holds(a, IPPROTO_IP, IP_OPTIONS, rr3, 0);
	pair_free(p);
}

static void timestamps(void **state)
{
	static const struct { uint8_t set[12], want[12], mask[12]; } rows[] = {
		{ { TS, 12, 5, 0 }, { TS, 12, 13, 0, 0x80, [8] = 0x80 },
		  { 255, 255, 255, 255, 128, [8] = 128 } },
		{ { TS, 12, 5, 1 }, { TS, 12, 13, 0x11, 10, 0, 0, 1, 0x80 },
		  { 255, 255, 255, 255, 255, 255, 255, 255, 128 } },
		{ { TS, 12, 5, 3, 10, 0, 0, 2 }, { TS, 12, 13, 3, 10, 0, 0, 2, 0x80 },
		  { 255, 255, 255, 255, 255, 255, 255, 255, 128 } },
	};
	struct pair *p = pair_ready(1500);
	struct sock *a = udp(&p->a, true, 0), *b = udp(&p->b, true, 2000);

	on(b, IPPROTO_IP, IP_RECVOPTS);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_Alignas(8) uint8_t ctl[256];
		char data[8];
		size_t n = sizeof(data), len;
		const struct cmsghdr *k;

		assert_int_equal(set(a, IPPROTO_IP, IP_OPTIONS, rows[i].set, 12), 0);
		assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), 1);
		pair_settle(p);
		len = control(b, ctl, sizeof(ctl), data, &n);
		k = find(ctl, len, IPPROTO_IP, IP_RECVOPTS);
		assert_non_null(k);
		for (unsigned j = 0; j < 12; j++)
			assert_int_equal(CMSG_DATA(k)[j] & rows[i].mask[j],
					 rows[i].want[j] & rows[i].mask[j]);
	}
	pair_free(p);
}

static void nonsense_is_refused(void **state)
{
	static const struct { uint8_t o[8]; size_t n; } bad[] = {
		{ { RR, 2 }, 2 }, { { RR, 7, 3 }, 7 }, { { RR, 7, 6 }, 7 }, { { RR, 9 }, 8 },
		{ { TS, 4, 4, 0 }, 4 }, { { TS, 8, 5, 1 }, 8 }, { { TS, 8, 9, 0xf0 }, 8 },
		{ { ALERT, 2 }, 2 }, { { 99 }, 1 }, { { 99, 1 }, 2 },
		{ { RR, 3, 4, RR, 3, 4 }, 6 }, { { LSRR, 7, 4, 10, 0, 0, 3 }, 7 },
	};
	struct pair *p = pair_ready(1500);
	struct sock *a = udp(&p->a, true, 0);
	uint8_t long6[72] = { 0, 8 }, many[44] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(set(a, IPPROTO_IP, IP_OPTIONS, bad[i].o, bad[i].n), -EINVAL);
	assert_int_equal(set(a, IPPROTO_IP, IP_OPTIONS, many, sizeof(many)), -EINVAL);
	a = udp(&p->a, false, 0);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_HOPOPTS, hop, 4), -EINVAL);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_DSTOPTS, dst, 8), -EINVAL);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_DSTOPTS, long6, sizeof(long6)), -EINVAL);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_RTHDR, hop, 8), -EINVAL);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_RTHDR, NULL, 0), 0);
	pair_free(p);
}

/* Both headers, whole or in fragments: hop-by-hop options in each piece. */
static void extension_headers(void **state)
{
	static const uint8_t hop_seen[8] = { IPPROTO_DSTOPTS, 0, 5, 2, 0, 0, 1, 0 };
	static const uint8_t hop_cut[8] = { IPPROTO_FRAGMENT, 0, 5, 2, 0, 0, 1, 0 };
	struct pair *p = pair_ready(1500);
	struct sock *a = udp(&p->a, false, 0), *b = udp(&p->b, false, 2000);
	static char big[3000], buf[3000];

	on(b, IPPROTO_IPV6, IPV6_RECVHOPOPTS);
	on(b, IPPROTO_IPV6, IPV6_RECVDSTOPTS);
	on(b, IPPROTO_IPV6, 11);			/* IPV6_FLOWINFO */
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_HOPOPTS, hop, sizeof(hop)), 0);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_DSTOPTS, dst, sizeof(dst)), 0);
	holds(a, IPPROTO_IPV6, IPV6_DSTOPTS, dst, sizeof(dst));
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_DSTOPTS, NULL, 0), 0);
	holds(a, IPPROTO_IPV6, IPV6_DSTOPTS, dst, 0);
	assert_int_equal(set(a, IPPROTO_IPV6, IPV6_DSTOPTS, dst, sizeof(dst)), 0);
	for (size_t i = 0; i < 2; i++) {
		_Alignas(8) uint8_t ctl[256];
		size_t n = sizeof(buf), len;
		uint8_t dst_seen[16];

		assert_int_equal(udp_to(a, big, i ? sizeof(big) : 1424, v6_of(2), 2000),
				 i ? sizeof(big) : 1424);
		pair_settle(p);
		len = control(b, ctl, sizeof(ctl), buf, &n);
		assert_int_equal(n, i ? sizeof(big) : 1424);
		told(find(ctl, len, IPPROTO_IPV6, IPV6_HOPOPTS), i ? hop_cut : hop_seen, 8);
		memcpy(dst_seen, dst, sizeof(dst));
		dst_seen[0] = IPPROTO_UDP;
		told(find(ctl, len, IPPROTO_IPV6, IPV6_DSTOPTS), dst_seen, sizeof(dst_seen));
		assert_non_null(find(ctl, len, IPPROTO_IPV6, 11));
		assert_null(find(ctl, len, IPPROTO_IPV6, IPV6_RTHDR));
	}
	pair_free(p);
}

/* What sendmsg says replaces what the socket says, for one datagram. */
static void one_datagram(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp(&p->a, false, 0), *b = udp(&p->b, false, 2000);
	_Alignas(8) uint8_t ctl[256] = { 0 };
	struct cmsghdr *k = (void *)ctl;
	struct msghdr mh = { .msg_control = ctl, .msg_controllen = CMSG_SPACE(sizeof(dst)) };
	struct msg m = { .peer = ep_of(v6_of(2), 2000), .has_peer = true, .ttl = -1, .tos = -1 };
	struct iovec iov = { "x", 1 };
	char buf[8];

	on(b, IPPROTO_IPV6, IPV6_RECVHOPOPTS);
	on(b, IPPROTO_IPV6, IPV6_RECVDSTOPTS);
	set(a, IPPROTO_IPV6, IPV6_HOPOPTS, hop, sizeof(hop));
	*k = (struct cmsghdr){ CMSG_LEN(sizeof(dst)), IPPROTO_IPV6, IPV6_DSTOPTS };
	memcpy(CMSG_DATA(k), dst, sizeof(dst));
	assert_int_equal(cmsg_take(a, &mh, &m), 0);
	assert_int_equal(sock_send(a, &iov, 1, MSG_MORE, &m), 1);
	free(m.extra);
	m.extra = NULL;
	assert_int_equal(sock_send(a, &iov, 1, 0, &m), 1);
	for (int i = 0; i < 2; i++) {
		size_t n = sizeof(buf), len;

		pair_settle(p);
		len = control(b, ctl, sizeof(ctl), buf, &n);
		assert_int_equal(n, i ? 1 : 2);
		assert_true(!find(ctl, len, IPPROTO_IPV6, IPV6_HOPOPTS) == !i);
		assert_true(!find(ctl, len, IPPROTO_IPV6, IPV6_DSTOPTS) == !!i);
		if (!i)
			udp_to(a, "y", 1, v6_of(2), 2000);
	}
	pair_free(p);
}

/* IPv4: an option without the copied bit is in the first fragment only. */
static void fragments_of_v4(void **state)
{
	static const uint8_t both[8] = { RR, 3, 4, NOP, ALERT, 4, 0, 0 };
	static const uint8_t later[8] = { NOP, NOP, NOP, NOP, ALERT, 4, 0, 0 };
	struct pair *p = pair_ready(1500);
	struct sock *a = udp(&p->a, true, 0), *b = udp(&p->b, true, 2000);
	static char big[3000];
	uint8_t h[28];

	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, big, sizeof(big), NULL), 1);
	assert_int_equal(set(a, IPPROTO_IP, IP_OPTIONS, both, sizeof(both)), 0);
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), sizeof(big));
	pkt_copy(list_first(&p->a.out, struct pkt, link), ETH_LEN, h, sizeof(h));
	assert_memory_equal(h + IP4_LEN, both, 8);
	pkt_copy(list_last(&p->a.out, struct pkt, link), ETH_LEN, h, sizeof(h));
	assert_memory_equal(h + IP4_LEN, later, 8);
	pair_settle(p);
	assert_int_equal(udp_from(b, big, sizeof(big), NULL), sizeof(big));
	pair_free(p);
}

/* A stream's segments are smaller by what goes beside the header, and arrive. */
static void streams(void **state)
{
	for (int v4 = 0; v4 < 2; v4++) {
		struct pair *p = pair_ready(1500);
		struct endpoint ep = ep_of(v4 ? v4_of(2) : v6_of(2), 80), any = ep_of(v4 ? IP4_ANY : IP6_ANY, 80);
		struct sock *c, *lis, *s = NULL;
		static uint8_t data[20000], got[20000];
		struct iovec iov = { data, sizeof(data) }, to;
		size_t n = 0;

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(i * 7);
		assert_int_equal(sock_new(p->b.st, v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, &lis), 0);
		assert_int_equal(sock_bind(lis, &any), 0);
		assert_int_equal(sock_listen(lis, 1), 0);
		assert_int_equal(sock_new(p->a.st, v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, &c), 0);
		if (v4)
			assert_int_equal(set(c, IPPROTO_IP, IP_OPTIONS, rr3, 12), 0);
		else
			assert_int_equal(set(c, IPPROTO_IPV6, IPV6_DSTOPTS, dst, sizeof(dst)), 0);
		assert_int_equal(sock_connect(c, &ep), -EINPROGRESS);
		pair_settle(p);
		assert_int_equal(sock_accept(lis, &s), 0);
		assert_int_equal(sock_send(c, &iov, 1, 0, NULL), sizeof(data));
		while (n < sizeof(got)) {
			ssize_t r;

			for (struct list *l = p->a.out.next; l != &p->a.out; l = l->next)
				assert_true(pkt_wire_len(container_of(l, struct pkt, link)) <=
					    1500 + ETH_LEN);
			pair_run(p, USEC_PER_MSEC);
			to = (struct iovec){ got + n, sizeof(got) - n };
			r = sock_recv(s, &to, 1, 0, NULL);
			assert_true(r > 0);
			n += (size_t)r;
		}
		assert_memory_equal(got, data, sizeof(got));
		pair_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_route),
		cmocka_unit_test(timestamps),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(one_datagram),
		cmocka_unit_test(fragments_of_v4),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
