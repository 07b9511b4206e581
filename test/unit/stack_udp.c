/* stack_udp.c - datagrams and pings between two stacks on a cable */
#include "unit.h"

#include "stack_pair.h"

#include "base/sum.h"

struct path { int family; struct ip_addr (*addr)(uint8_t n); };

static const struct path paths[] = { { AF_INET, v4_of }, { AF_INET6, v6_of } };

static void datagram_arrives(void **state)
{
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		struct pair *p = pair_new(1500);
		struct sock *a = udp_open(&p->a, paths[i].family, paths[i].addr(1), 1000);
		struct sock *b = udp_open(&p->b, paths[i].family, paths[i].addr(2), 2000);
		struct ip_addr from = paths[i].addr(1);
		char buf[16];
		struct msg m;

		assert_int_equal(udp_from(b, buf, sizeof(buf), &m), -EAGAIN);
		assert_int_equal(sock_events(b), EV_OUT);
		assert_int_equal(udp_to(a, "hello", 5, paths[i].addr(2), 2000), 5);
		pair_run(p, 1000);
		assert_int_equal(sock_events(b), EV_OUT | EV_IN);
		assert_int_equal(udp_from(b, buf, sizeof(buf), &m), 5);
		assert_memory_equal(buf, "hello", 5);
		assert_int_equal(m.peer.port, 1000);
		assert_true(ip_eq(&m.peer.addr, &from));
		assert_int_equal(m.ttl, 64);
		assert_int_equal(m.len, 5);
		assert_int_equal(m.flags, 0);
		pair_free(p);
	}
}

static void own_address_goes_through_lo(void **state)
{
	static const struct ip_addr loop6 = { { [15] = 1 } };
	struct pair *p = pair_ready(1500);
	struct ip_addr to[] = { v4_of(1), v6_of(1), IP4(127, 0, 0, 1), IP4(127, 3, 2, 1), loop6 };

	for (unsigned i = 0; i < ARRAY_LEN(to); i++) {
		int family = ip_is_v4(&to[i]) ? AF_INET : AF_INET6;
		struct sock *a = udp_open(&p->a, family, family == AF_INET ? IP4_ANY : IP6_ANY, 0);
		struct sock *b = udp_open(&p->a, family, to[i], 2000);
		unsigned sent = p->a.sent;
		char buf[16];
		struct msg m;

		assert_int_equal(udp_to(a, "x", 1, to[i], 2000), 1);
		assert_int_equal(stack_deadline(p->a.st), p->now);
		pair_settle(p);
		assert_int_equal(udp_from(b, buf, sizeof(buf), &m), 1);
		assert_int_equal(p->a.sent, sent);
		assert_int_equal(m.ifindex, p->a.st->lo->index);
		sock_close(a);
		sock_close(b);
	}
	pair_free(p);
}

static void no_socket_gives_refused(void **state)
{
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		struct pair *p = pair_ready(1500);
		struct sock *a = udp_open(&p->a, paths[i].family, paths[i].addr(1), 0);
		struct endpoint to = ep_of(paths[i].addr(2), 9);
		struct iovec iov = { (void *)"x", 1 };

		assert_int_equal(sock_connect(a, &to), 0);
		assert_int_equal(sock_send(a, &iov, 1, 0, NULL), 1);
		pair_settle(p);
		assert_int_equal(p->b.last, DROP_UDP_NO_SOCK);
		assert_int_equal(sock_events(a) & EV_ERR, EV_ERR);
		assert_int_equal(sock_send(a, &iov, 1, 0, NULL), -ECONNREFUSED);
		assert_int_equal(sock_send(a, &iov, 1, 0, NULL), 1);
		pair_free(p);
	}
}

static void connected_hears_only_its_peer(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	struct sock *other = udp_open(&p->a, AF_INET, IP4_ANY, 1001);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	struct endpoint to = ep_of(v4_of(1), 1000), name;
	struct iovec iov = { (void *)"x", 1 };
	struct ip_addr own = v4_of(2);
	char buf[16];

	assert_int_equal(sock_connect(b, &to), 0);
	assert_int_equal(sock_local(b, &name), 0);
	assert_true(ip_eq(&name.addr, &own));
	assert_int_equal(udp_to(other, "no", 2, v4_of(2), 2000), 2);
	assert_int_equal(udp_to(a, "yes", 3, v4_of(2), 2000), 3);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 3);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), -EAGAIN);
	assert_int_equal(sock_send(b, &iov, 1, 0, NULL), 1);
	pair_settle(p);
	assert_int_equal(udp_from(a, buf, sizeof(buf), NULL), 1);
	assert_int_equal(sock_disconnect(b), 0);
	assert_int_equal(sock_peer(b, &name), -ENOTCONN);
	assert_int_equal(udp_to(other, "no", 2, v4_of(2), 2000), 2);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 2);
	pair_free(p);
}

static void peek_and_trunc(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET6, IP6_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET6, IP6_ANY, 2000);
	char buf[4], two[3];
	struct iovec iov[2] = { { buf, 1 }, { two, 3 } };
	struct msg m;

	assert_int_equal(udp_to(a, "abcdefgh", 8, v4_of(2), 2000), 8);
	pair_settle(p);
	assert_int_equal(sock_recv(b, iov, 2, MSG_PEEK, &m), 4);
	assert_int_equal(buf[0], 'a');
	assert_memory_equal(two, "bcd", 3);
	assert_int_equal(m.flags, MSG_TRUNC);
	assert_int_equal(m.len, 8);
	assert_int_equal(sock_recv(b, iov, 2, MSG_PEEK | MSG_TRUNC, &m), 8);
	assert_int_equal(sock_recv(b, iov, 2, 0, &m), 4);
	assert_int_equal(sock_recv(b, iov, 2, 0, &m), -EAGAIN);
	pair_free(p);
}

static void rcvbuf_bounds_the_queue(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	int small = 1, n = 0;
	char buf[1000] = { 0 };

	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(udp_to(a, buf, sizeof(buf), v4_of(2), 2000), 1000);
	pair_settle(p);
	assert_int_equal(p->b.last, DROP_SOCK_FULL);
	while (udp_from(b, buf, sizeof(buf), NULL) == 1000)
		n++;
	assert_in_range(n, 1, 3);
	pair_free(p);
}

static void broadcast_needs_permission(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	struct ip_addr to[] = { IP4_BROADCAST, v4_of(255) };
	int on = 1;
	char buf[4];

	for (int i = 0; i < 2; i++)
		assert_int_equal(udp_to(a, "x", 1, to[i], 2000), -EACCES);
	assert_int_equal(sock_setopt(a, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(udp_to(a, "x", 1, to[i], 2000), 1);
		pair_settle(p);
		assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 1);
	}
	pair_free(p);
}

static void group_reaches_all_members(void **state)
{
	struct ip_addr g4 = IP4(239, 1, 2, 3);
	struct ip_mreqn m4 = { .imr_multiaddr = { htonl(0xef010203) } };
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0), *own, *b[2];
	int on = 1;
	char buf[4];
	struct msg m;

	own = udp_open(&p->a, AF_INET, IP4_ANY, 5000);
	for (int i = 0; i < 2; i++) {
		struct endpoint ep = ep_of(IP4_ANY, 5000);

		assert_int_equal(sock_new(p->b.st, AF_INET, SOCK_DGRAM, 0, &b[i]), 0);
		assert_int_equal(sock_setopt(b[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
		assert_int_equal(sock_bind(b[i], &ep), 0);
	}
	assert_int_equal(udp_to(a, "x", 1, g4, 5000), 1);
	pair_settle(p);
	assert_int_equal(p->b.last, DROP_IP_NOT_OURS);
	assert_int_equal(sock_setopt(b[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4, sizeof(m4)), 0);
	assert_int_equal(sock_setopt(b[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4, sizeof(m4)), -EADDRINUSE);
	assert_int_equal(sock_setopt(own, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4, sizeof(m4)), 0);
	assert_int_equal(udp_to(a, "x", 1, g4, 5000), 1);
	pair_settle(p);
	for (int i = 0; i < 2; i++)
		assert_int_equal(udp_from(b[i], buf, sizeof(buf), &m), 1);
	assert_true(ip_eq(&m.local, &g4));
	assert_int_equal(m.ttl, 1);
	assert_int_equal(udp_from(own, buf, sizeof(buf), &m), 1);	/* IP_MULTICAST_LOOP */
	assert_int_equal(m.ifindex, p->a.nif->index);
	assert_int_equal(sock_setopt(b[0], IPPROTO_IP, IP_DROP_MEMBERSHIP, &m4, sizeof(m4)), 0);
	assert_int_equal(udp_to(a, "x", 1, g4, 5000), 1);
	pair_settle(p);
	assert_int_equal(udp_from(b[0], buf, sizeof(buf), &m), -EAGAIN);
	pair_free(p);
}

static void group6_with_linklocal(void **state)
{
	struct ip_addr g6 = { { 0xff, 0x02, [15] = 0x77 } };
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET6, IP6_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET6, IP6_ANY, 5000);
	struct ipv6_mreq m6 = { .ipv6mr_interface = p->b.nif->index };
	char buf[4];
	struct msg m;

	memcpy(&m6.ipv6mr_multiaddr, &g6, 16);
	assert_int_equal(sock_setopt(b, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)), 0);
	assert_int_equal(udp_to(a, "x", 1, g6, 5000), 1);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), &m), 1);
	assert_true(ip_is_linklocal(&m.peer.addr));
	assert_int_equal(m.peer.ifindex, p->b.nif->index);
	m.peer.ifindex = 0;
	assert_int_equal(sock_connect(b, &m.peer), -EINVAL);	/* which link? */
	m.peer.ifindex = p->b.nif->index;
	assert_int_equal(sock_connect(b, &m.peer), 0);
	pair_free(p);
}

/* A ping of ours, made by hand, from a to b. */
static void ping(struct pair *p, struct ip_addr src, struct ip_addr dst, uint16_t size)
{
	bool v4 = ip_is_v4(&dst);
	struct icmp h = { v4 ? ICMP4_ECHO : ICMP6_ECHO, 0, 0, 0x12340001 };
	struct flow f = { .src = src, .dst = dst, .proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6 };
	struct pkt *pkt = pkt_new();
	uint8_t data[4000];
	struct sum s = { 0 };
	struct wr w;

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	assert_true(pkt_append(pkt, p->a.st->heap, data, size));
	w = wr_of(pkt_push(pkt, ICMP_LEN), ICMP_LEN);
	icmp_emit(&w, &h);
	if (!v4)
		sum_pseudo(&s, &src, &dst, IPPROTO_ICMPV6, pkt_len(pkt));
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	h.sum = sum_end(&s);
	w = wr_of(w.start, ICMP_LEN);
	icmp_emit(&w, &h);
	assert_int_equal(ip_out(p->a.st, pkt, &f), DROP_NONE);
}

static struct pkt *pong_of;

static void keep_pong(struct stack *st, const struct pkt *pkt, enum drop why)
{
	side_drop(st, pkt, why);
	pkt_free(pong_of);
	pong_of = pkt_clone(pkt);
}

static void ping_is_answered(void **state)
{
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		for (unsigned size = 0; size <= 3000; size += 1500) {
			struct pair *p = pair_ready(1500);
			uint8_t data[4000];
			uint32_t n;

			p->a.finish = p->b.finish = true;
			p->a.st->on_drop = keep_pong;
			ping(p, paths[i].addr(1), paths[i].addr(2), (uint16_t)size);
			pair_settle(p);
			/* Nobody here waits for pongs: that is how we see one. */
			assert_int_equal(p->a.last, DROP_ICMP_TYPE);
			n = pkt_copy(pong_of, 0, data, sizeof(data));
			assert_int_equal(n, size + ICMP_LEN);
			assert_int_equal(data[0], i ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY);
			assert_memory_equal(data + 4, "\x12\x34\0\1", 4);
			for (unsigned k = 0; k < size; k++)
				assert_int_equal(data[ICMP_LEN + k], (uint8_t)(k * 7));
			p->a.st->on_drop = NULL;
			pkt_free(pong_of);
			pong_of = NULL;
			pair_free(p);
		}
	}
}

static void large_datagrams_are_fragmented(void **state)
{
	static uint8_t out[65507], in[65535];

	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 >> 3);
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		struct pair *p = pair_ready(1500);
		struct sock *a = udp_open(&p->a, paths[i].family, paths[i].addr(1), 0);
		struct sock *b = udp_open(&p->b, paths[i].family, paths[i].addr(2), 2000);

		for (unsigned n = 1470; n < sizeof(out); n = n < 1500 ? n + 1 : n * 2 + 1) {
			assert_int_equal(udp_to(a, out, n, paths[i].addr(2), 2000), n);
			pair_settle(p);
			assert_int_equal(udp_from(b, in, sizeof(in), NULL), n);
			assert_memory_equal(in, out, n);
		}
		assert_int_equal(udp_to(a, out, 65507, paths[i].addr(2), 2000), 65507);
		assert_int_equal(udp_to(a, in, 65528, paths[i].addr(2), 2000), -EMSGSIZE);
		pair_settle(p);
		assert_int_equal(udp_from(b, in, sizeof(in), NULL), 65507);
		assert_int_equal(frag_held(p->b.st), 0);
		pair_free(p);
	}
}

static void no_room_stalls_until_ready(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);

	p->a.room = 0;
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), -EAGAIN);
	assert_int_equal(sock_events(a), 0);
	p->a.room = 1;
	netif_ready(p->a.nif);
	assert_int_equal(sock_events(a), EV_OUT);
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), 1);
	pair_free(p);
}

static void send_errors(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct iovec iov = { (void *)"x", 1 };
	struct sock *b;

	assert_int_equal(sock_send(a, &iov, 1, 0, NULL), -EDESTADDRREQ);
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 0), -EINVAL);
	assert_int_equal(udp_to(a, "x", 1, v6_of(2), 1), -EAFNOSUPPORT);
	assert_int_equal(udp_to(a, "x", 1, IP4(192, 0, 2, 1), 1), -ENETUNREACH);
	assert_int_equal(sock_shutdown(a, SHUT_RD), -ENOTCONN);
	assert_int_equal(sock_listen(a, 1), -EOPNOTSUPP);
	assert_int_equal(sock_accept(a, &b), -EOPNOTSUPP);
	assert_int_equal(sock_new(p->a.st, AF_UNIX, SOCK_DGRAM, 0, &b), -EAFNOSUPPORT);
	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_RAW, 0, &b), -EPROTONOSUPPORT);
	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_DGRAM, IPPROTO_TCP, &b), -EPROTONOSUPPORT);
	pair_free(p);
}

static void shutdown_ends_both_ways(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct endpoint to = ep_of(v4_of(2), 2000);
	struct iovec iov = { (void *)"x", 1 };
	char buf[1];

	assert_int_equal(sock_connect(a, &to), 0);
	assert_int_equal(sock_shutdown(a, 7), -EINVAL);
	assert_int_equal(sock_shutdown(a, SHUT_RDWR), 0);
	assert_int_equal(udp_from(a, buf, 1, NULL), 0);
	assert_int_equal(sock_send(a, &iov, 1, 0, NULL), -EPIPE);
	assert_int_equal(sock_events(a), EV_IN | EV_OUT | EV_RDHUP | EV_HUP);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagram_arrives),
		cmocka_unit_test(own_address_goes_through_lo),
		cmocka_unit_test(no_socket_gives_refused),
		cmocka_unit_test(connected_hears_only_its_peer),
		cmocka_unit_test(peek_and_trunc),
		cmocka_unit_test(rcvbuf_bounds_the_queue),
		cmocka_unit_test(broadcast_needs_permission),
		cmocka_unit_test(group_reaches_all_members),
		cmocka_unit_test(group6_with_linklocal),
		cmocka_unit_test(ping_is_answered),
		cmocka_unit_test(large_datagrams_are_fragmented),
		cmocka_unit_test(no_room_stalls_until_ready),
		cmocka_unit_test(send_errors),
		cmocka_unit_test(shutdown_ends_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
