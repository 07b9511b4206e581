/* stack_dgram.c - options, ancillary data and the error queue of datagram sockets */
#include "unit.h"

#include <netinet/udp.h>
#include <time.h>

#include <linux/errqueue.h>

#include "stack/cmsg.h"
#include "stack_pair.h"

static void set(struct sock *so, int level, int name, int value)
{
	assert_int_equal(sock_setopt(so, level, name, &value, sizeof(value)), 0);
}

/* The IPv4 header of the last frame that a sent. */
static const uint8_t *last_ip4(struct pair *p, uint8_t *buf, size_t size)
{
	struct pkt *pkt = container_of(p->a.out.prev, struct pkt, link);

	assert_false(list_empty(&p->a.out));
	pkt_copy(pkt, ETH_LEN, buf, (uint32_t)size);
	return buf;
}

/* IP_MTU_DISCOVER: who sets DF, who refuses, who cuts. */
static void discover_modes(void **state)
{
	static const struct { int mode; bool df; int large; } rows[] = {
		{ IP_PMTUDISC_DONT, false, 2000 },
		{ IP_PMTUDISC_WANT, true, 2000 },
		{ IP_PMTUDISC_DO, true, -EMSGSIZE },
		{ IP_PMTUDISC_PROBE, true, -EMSGSIZE },
		{ IP_PMTUDISC_INTERFACE, false, -EMSGSIZE },
		{ IP_PMTUDISC_OMIT, false, 2000 },
	};
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	uint8_t h[IP4_LEN], big[2000] = { 0 };

	udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		set(a, IPPROTO_IP, IP_MTU_DISCOVER, rows[i].mode);
		assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), 1);
		assert_int_equal(!!(last_ip4(p, h, sizeof(h))[6] & 0x40), rows[i].df);
		assert_int_equal(udp_to(a, big, 2000, v4_of(2), 2000), rows[i].large);
		pair_settle(p);
	}
	pair_free(p);
}

/* PROBE and INTERFACE send what the link takes, whatever the path took. */
static void probe_ignores_the_path(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct ip_addr to = v4_of(2);
	uint8_t big[1400] = { 0 };

	ip_pmtu_update(p->a.st, &to, 1000);
	set(a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	assert_int_equal(udp_to(a, big, 1400, to, 2000), -EMSGSIZE);
	set(a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	assert_int_equal(udp_to(a, big, 1400, to, 2000), 1400);
	pair_free(p);
}

/* A link that claims less than IP asks of one is cut for as if it did not. */
static void tiny_mtu_ends(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	uint8_t data[300] = { 0 };

	set(a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	p->a.nif->mtu = 24;
	assert_int_equal(udp_to(a, data, sizeof(data), v4_of(2), 2000), sizeof(data));
	pair_free(p);
}

static void too_large_is_queued(void **state)
{
	struct pair *p = pair_ready(1500);
	uint8_t big[2000] = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		struct ip_addr to = v6 ? v6_of(2) : v4_of(2);
		int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
		struct sock *a = udp_open(&p->a, v6 ? AF_INET6 : AF_INET, v6 ? IP6_ANY : IP4_ANY, 0);
		struct iovec iov = { big, sizeof(big) };
		struct msg m;

		set(a, level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, IP_PMTUDISC_DO);
		set(a, level, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
		assert_int_equal(udp_to(a, big, 2000, to, 2000), -EMSGSIZE);
		assert_int_equal(sock_events(a), EV_OUT | EV_ERR);
		assert_int_equal(a->error, 0);
		assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), 0);
		assert_int_equal(m.err.error, EMSGSIZE);
		assert_int_equal(m.err.origin, SO_EE_ORIGIN_LOCAL);
		assert_int_equal(m.err.info, 1500);
		assert_int_equal(m.peer.port, 2000);
		assert_true(ip_eq(&m.peer.addr, &to));
		assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), -EAGAIN);
		assert_int_equal(sock_events(a), EV_OUT);
	}
	pair_free(p);
}

/* Three errors, each with its own datagram; the last read clears SO_ERROR. */
static void errors_come_one_by_one(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, v4_of(1), 0);
	struct ip_addr from = v4_of(2);
	char buf[16];
	struct iovec iov = { buf, sizeof(buf) };
	struct msg m;

	set(a, IPPROTO_IP, IP_RECVERR, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(udp_to(a, &"abc"[i], 1, v4_of(2), (uint16_t)(9 + i)), 1);
	pair_settle(p);
	assert_int_equal(udp_from(a, buf, sizeof(buf), &m), -ECONNREFUSED);
	assert_int_equal(udp_from(a, buf, sizeof(buf), &m), -EAGAIN);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sock_events(a) & EV_ERR, EV_ERR);
		assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), 1);
		assert_int_equal(buf[0], "abc"[i]);
		assert_int_equal(m.flags, MSG_ERRQUEUE);
		assert_int_equal(m.peer.port, 9 + i);
		assert_int_equal(m.err.type, 3);
		assert_int_equal(m.err.code, 3);
		assert_true(ip_eq(&m.err.from, &from));
		assert_int_equal(a->error, i < 2 ? ECONNREFUSED : 0);
	}
	assert_int_equal(sock_events(a) & EV_ERR, 0);
	pair_free(p);
}

/* The queue is bounded by the receive buffer, like the data. */
static void errors_are_bounded(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, v4_of(1), 0);
	uint8_t big[2000] = { 0 };
	struct iovec iov = { big, sizeof(big) };
	int n = 0;

	set(a, SOL_SOCKET, SO_RCVBUF, 1);
	set(a, IPPROTO_IP, IP_RECVERR, 1);
	set(a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	for (int i = 0; i < 100; i++)
		assert_int_equal(udp_to(a, big, 2000, v4_of(2), 9), -EMSGSIZE);
	while (sock_recv(a, &iov, 1, MSG_ERRQUEUE, NULL) == 0)
		n++;
	assert_in_range(n, 1, 20);
	pair_free(p);
}

static void lost_datagrams_are_told(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	char buf[1000] = { 0 };
	struct msg m;

	set(b, SOL_SOCKET, SO_RXQ_OVFL, 1);
	set(b, SOL_SOCKET, SO_RCVBUF, 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(udp_to(a, buf, sizeof(buf), v4_of(2), 2000), 1000);
	pair_settle(p);
	while (udp_from(b, buf, sizeof(buf), &m) > 0)
		assert_int_equal(m.lost, 0);
	udp_to(a, buf, 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), &m), 1);
	assert_in_range(m.lost, 7, 9);
	pair_free(p);
}

/* The control message of that kind, or NULL. */
static const void *cmsg_of(struct msghdr *mh, int level, int type)
{
	for (struct cmsghdr *k = CMSG_FIRSTHDR(mh); k; k = CMSG_NXTHDR(mh, k)) {
		if (k->cmsg_level == level && k->cmsg_type == type)
			return CMSG_DATA(k);
	}
	return NULL;
}

/* An IPv6 socket that hears IPv4 is told at both levels. */
static void mapped_is_told_at_both_levels(void **state)
{
	union { uint8_t b[256]; struct cmsghdr align; } ctl = { { 0 } };
	struct msghdr mh = { .msg_control = ctl.b, .msg_controllen = sizeof(ctl) };
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET6, IP6_ANY, 2000);
	struct ip_addr own = v4_of(2);
	const struct in6_pktinfo *p6;
	const struct in_pktinfo *p4;
	const struct timeval *tv;
	const int *ttl;
	struct msg m;
	char c;

	set(b, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	set(b, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	set(b, IPPROTO_IP, IP_PKTINFO, 1);
	set(b, IPPROTO_IP, IP_RECVTTL, 1);
	set(b, SOL_SOCKET, SO_TIMESTAMP_OLD, 1);
	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, &c, 1, &m), 1);
	cmsg_put(b, &m, 5 * USEC_PER_SEC, &mh);
	assert_non_null(p6 = cmsg_of(&mh, IPPROTO_IPV6, IPV6_PKTINFO));
	assert_memory_equal(&p6->ipi6_addr, own.b, 16);
	assert_null(cmsg_of(&mh, IPPROTO_IPV6, IPV6_HOPLIMIT));
	assert_non_null(p4 = cmsg_of(&mh, IPPROTO_IP, IP_PKTINFO));
	assert_memory_equal(&p4->ipi_spec_dst, ip_v4(&own), 4);
	assert_int_equal(p4->ipi_ifindex, p->b.nif->index);
	assert_non_null(ttl = cmsg_of(&mh, IPPROTO_IP, IP_TTL));
	assert_int_equal(*ttl, 64);
	assert_non_null(tv = cmsg_of(&mh, SOL_SOCKET, SO_TIMESTAMP_OLD));
	assert_int_equal(tv->tv_sec, p->now / USEC_PER_SEC + 5);
	pair_free(p);
}

static void control_that_lies_is_refused(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	union { uint8_t b[64]; struct cmsghdr h; } ctl = { { 0 } };
	static const size_t lens[] = { 0, 1, 15, 65, SIZE_MAX, SIZE_MAX - 7 };

	for (unsigned i = 0; i < ARRAY_LEN(lens); i++) {
		struct msghdr mh = { .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
		struct msg m = { .ttl = -1, .tos = -1 };

		ctl.h = (struct cmsghdr){ lens[i], IPPROTO_IP, IP_TTL };
		assert_int_equal(cmsg_take(a, &mh, &m), -EINVAL);
	}
	pair_free(p);
}

/* IP_UNICAST_IF chooses the way out and does not close the way in. */
static void unicast_if(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	be32 lo = be32_put(p->a.st->lo->index), none = be32_put(99);
	char c;

	assert_int_equal(sock_setopt(a, IPPROTO_IP, IP_UNICAST_IF, &none, 4), -EADDRNOTAVAIL);
	assert_int_equal(sock_setopt(a, IPPROTO_IP, IP_UNICAST_IF, &lo, 4), 0);
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), -ENETUNREACH);
	udp_to(b, "y", 1, v4_of(1), 1000);
	pair_settle(p);
	assert_int_equal(udp_from(a, &c, 1, NULL), 1);
	pair_free(p);
}

static void on_room(struct sock *so)
{
	(*(unsigned *)so->user)++;
}

/* UDP_SEGMENT: a call waits for room like any other. */
static void segments_wait_for_room(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	uint8_t big[2500] = { 0 }, buf[1500];
	unsigned sent, woken = 0;

	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 1);
	a->user = &woken;
	a->wake = on_room;
	set(a, IPPROTO_UDP, UDP_SEGMENT, 1000);
	sent = p->a.sent;
	p->a.room = 0;
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), -EAGAIN);
	assert_int_equal(p->a.sent, sent);
	assert_int_equal(sock_events(a) & EV_OUT, 0);
	p->a.room = 3;
	netif_ready(p->a.nif);
	assert_int_equal(woken, 1);
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), sizeof(big));
	assert_int_equal(p->a.sent, sent + 1);		/* a super-frame */
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 1000);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 1000);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 500);
	set(a, IPPROTO_UDP, UDP_SEGMENT, 1473);		/* more than the path takes */
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), -EMSGSIZE);
	set(a, IPPROTO_UDP, UDP_SEGMENT, 1472);
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), sizeof(big));
	pair_free(p);
}

/* A datagram in pieces that grows too large is lost, and the next is a new one. */
static void cork_has_limits(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	static uint8_t big[40000], buf[65536];

	set(a, IPPROTO_UDP, UDP_CORK, 1);
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), sizeof(big));
	assert_int_equal(udp_to(a, big, sizeof(big), v4_of(2), 2000), -EMSGSIZE);
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), 1);
	set(a, IPPROTO_UDP, UDP_CORK, 0);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 1);
	set(a, IPPROTO_UDP, UDP_CORK, 1);
	assert_int_equal(udp_to(a, "held at the end", 15, v4_of(2), 2000), 15);
	pair_free(p);
}

static int segment_take(struct sock *so, size_t size)
{
	union { uint8_t b[64]; struct cmsghdr h; } ctl = { { 0 } };
	struct msghdr mh = { .msg_control = &ctl, .msg_controllen = CMSG_SPACE(size) };
	struct msg m = { .ttl = -1, .tos = -1 };

	ctl.h = (struct cmsghdr){ CMSG_LEN(size), SOL_UDP, UDP_SEGMENT };
	*CMSG_DATA(&ctl.h) = 7;
	return cmsg_take(so, &mh, &m) ? -EINVAL : m.segment;
}

/* UDP_SEGMENT with a datagram: a size of 16 bits, for UDP alone; 128 segments at most. */
static void segments_are_bounded(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0), *raw;
	char buf[129] = "";

	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_RAW, 200, &raw), 0);
	assert_int_equal(segment_take(raw, 2), -EINVAL);
	assert_int_equal(segment_take(a, 4), -EINVAL);
	assert_int_equal(segment_take(a, 2), 7);
	set(a, IPPROTO_UDP, UDP_SEGMENT, 1);
	assert_int_equal(udp_to(a, buf, 128, v4_of(2), 2000), 128);
	assert_int_equal(udp_to(a, buf, 129, v4_of(2), 2000), -EINVAL);
	pair_free(p);
}

/* What bind() chose stays; what a route chose is chosen anew. */
static void bound_address_stays(void **state)
{
	struct pair *p = pair_ready(1500);
	struct ip_addr second = v4_of(9);
	struct endpoint to = ep_of(v4_of(2), 7);
	struct sock *free_one = udp_open(&p->a, AF_INET, IP4_ANY, 5), *bound;

	assert_int_equal(netif_addr_add(p->a.nif, &second, 24), 0);
	bound = udp_open(&p->a, AF_INET, second, 6);
	assert_int_equal(sock_connect(bound, &to), 0);
	assert_int_equal(sock_connect(free_one, &to), 0);
	assert_true(ip_eq(&bound->local.addr, &second));
	assert_true(ip_eq(&free_one->local.addr, &IP4(10, 0, 0, 1)));
	pair_free(p);
}

/* Two sockets that differ in the local address alone; what came last is looked at first. */
static void addresses_tell_sockets_apart(void **state)
{
	struct pair *p = pair_ready(1500);
	struct ip_addr at[2] = { v4_of(1), v4_of(9) };
	struct endpoint to = ep_of(v4_of(2), 7);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 7), *a[2];
	char got;

	assert_int_equal(netif_addr_add(p->a.nif, &at[1], 24), 0);
	for (int i = 0; i < 2; i++) {
		a[i] = udp_open(&p->a, AF_INET, at[i], 5);
		assert_int_equal(sock_connect(a[i], &to), 0);
	}
	for (int i = 0; i < 6; i++) {
		assert_int_equal(udp_to(b, "01" + i % 2, 1, at[i % 2], 5), 1);
		pair_settle(p);
		assert_int_equal(udp_from(a[!(i % 2)], &got, 1, NULL), -EAGAIN);
		assert_int_equal(udp_from(a[i % 2], &got, 1, NULL), 1);
		assert_int_equal(got, '0' + i % 2);
	}
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discover_modes),
		cmocka_unit_test(probe_ignores_the_path),
		cmocka_unit_test(tiny_mtu_ends),
		cmocka_unit_test(too_large_is_queued),
		cmocka_unit_test(errors_come_one_by_one),
		cmocka_unit_test(errors_are_bounded),
		cmocka_unit_test(lost_datagrams_are_told),
		cmocka_unit_test(mapped_is_told_at_both_levels),
		cmocka_unit_test(control_that_lies_is_refused),
		cmocka_unit_test(unicast_if),
		cmocka_unit_test(segments_wait_for_room),
		cmocka_unit_test(segments_are_bounded),
		cmocka_unit_test(bound_address_stays),
		cmocka_unit_test(addresses_tell_sockets_apart),
		cmocka_unit_test(cork_has_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
