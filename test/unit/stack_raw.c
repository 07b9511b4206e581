/* stack_raw.c - raw sockets and ICMP echo sockets between two stacks */
#include "unit.h"

#include "stack_pair.h"

#include "base/sum.h"

static struct sock *open_sock(struct side *s, int family, int type, int proto)
{
	struct sock *so;

	assert_int_equal(sock_new(s->st, family, type, proto, &so), 0);
	return so;
}

static ssize_t send_to(struct sock *so, const void *data, size_t len, struct ip_addr to)
{
	return udp_to(so, data, len, to, 0);
}

static void kinds(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *so;

	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_RAW, 0, &so), -EPROTONOSUPPORT);
	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6, &so), -EPROTONOSUPPORT);
	assert_int_equal(sock_new(p->a.st, AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, &so), -EPROTONOSUPPORT);
	assert_int_equal(sock_new(p->a.st, AF_INET6, SOCK_DGRAM, 0, &so), 0);
	assert_int_equal(so->proto, IPPROTO_UDP);
	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_SEQPACKET, 0, &so), -ESOCKTNOSUPPORT);
	pair_free(p);
}

/* A protocol nobody has heard of is complained about until somebody opens it. */
static void unknown_protocol_until_opened(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct pair *p = pair_ready(1500);
		int family = v6 ? AF_INET6 : AF_INET;
		struct sock *a = open_sock(&p->a, family, SOCK_RAW, 253), *b;
		struct ip_addr to = v6 ? v6_of(2) : v4_of(2);
		char buf[100];
		struct msg m;

		assert_int_equal(send_to(a, "hello", 5, to), 5);
		pair_settle(p);
		assert_int_equal(p->b.last, DROP_IP_PROTO);
		p->b.last = DROP_NONE;
		b = open_sock(&p->b, family, SOCK_RAW, 253);
		assert_int_equal(send_to(a, "hello", 5, to), 5);
		pair_settle(p);
		assert_int_equal(p->b.last, DROP_NONE);
		assert_int_equal(udp_from(b, buf, sizeof(buf), &m), v6 ? 5 : 25);
		assert_memory_equal(buf + (v6 ? 0 : 20), "hello", 5);
		assert_int_equal(m.peer.port, 0);
		pair_free(p);
	}
}

/* What the stack itself takes, it takes all the same. */
static void copies_only(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *raw = open_sock(&p->b, AF_INET, SOCK_RAW, IPPROTO_UDP);
	struct sock *other = open_sock(&p->b, AF_INET, SOCK_RAW, IPPROTO_UDP);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	struct ip_addr one = v4_of(1), two = v4_of(2);
	uint8_t big[3000] = { 0 }, buf[4000];
	struct sum s = { 0 };

	udp_to(a, big, sizeof(big), v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 3000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(udp_from(i ? raw : other, buf, sizeof(buf), NULL), 3028);
		assert_int_equal(buf[2] << 8 | buf[3], 3028);	/* reassembled */
		assert_int_equal(buf[6] | buf[7], 0);
	}
	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(raw, buf, sizeof(buf), NULL), 29);
	sum_pseudo(&s, &one, &two, IPPROTO_UDP, 9);
	sum_add(&s, buf + 20, 9);
	assert_int_equal(sum_end(&s), 0);		/* as on the wire */
	pair_free(p);
}

static void header_included(void **state)
{
	uint8_t out[24] = { 0x45, [8] = 9, [9] = 253, [16] = 10, 0, 0, 2, 'a', 'b', 'c', 'd' };
	struct pair *p = pair_ready(1500);
	struct sock *a = open_sock(&p->a, AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct sock *b = open_sock(&p->b, AF_INET, SOCK_RAW, 253);
	uint8_t buf[100], big[1600] = { 0x45 };
	struct ip_addr one = v4_of(1);
	struct sum s = { 0 };

	assert_int_equal(send_to(a, out, sizeof(out), v4_of(2)), sizeof(out));
	assert_int_equal(send_to(a, out, 19, v4_of(2)), -EINVAL);
	out[0] = 0x44;
	assert_int_equal(send_to(a, out, sizeof(out), v4_of(2)), -EINVAL);
	out[0] = 0x4f;
	assert_int_equal(send_to(a, out, sizeof(out), v4_of(2)), -EINVAL);
	assert_int_equal(send_to(a, big, sizeof(big), v4_of(2)), -EMSGSIZE);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), sizeof(out));
	sum_add(&s, buf, 20);
	assert_int_equal(sum_end(&s), 0);
	assert_int_equal(buf[8], 9);
	assert_memory_equal(buf + 12, ip_v4(&one), 4);
	assert_int_equal(udp_from(a, buf, sizeof(buf), NULL), -EAGAIN);
	pair_free(p);
}

static void checksum_by_the_stack(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = open_sock(&p->a, AF_INET6, SOCK_RAW, 253);
	struct sock *b = open_sock(&p->b, AF_INET6, SOCK_RAW, 253);
	struct ip_addr one = v6_of(1), two = v6_of(2);
	int off = 2, odd = 3;
	uint8_t buf[100], data[7] = { 1, 2, 0xff, 0xff, 5, 6, 7 };
	struct sum s = { 0 };

	assert_int_equal(sock_setopt(a, IPPROTO_IPV6, IPV6_CHECKSUM, &odd, sizeof(odd)), -EINVAL);
	assert_int_equal(sock_setopt(a, IPPROTO_IPV6, IPV6_CHECKSUM, &off, sizeof(off)), 0);
	assert_int_equal(send_to(a, data, sizeof(data), v6_of(2)), sizeof(data));
	assert_int_equal(send_to(a, data, 3, v6_of(2)), -EINVAL);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), sizeof(data));
	sum_pseudo(&s, &one, &two, 253, sizeof(data));
	sum_add(&s, buf, sizeof(data));
	assert_int_equal(sum_end(&s), 0);
	pair_free(p);
}

/* traceroute: an error about what was sent comes to the raw socket too. */
static void raw_hears_errors(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = open_sock(&p->a, AF_INET, SOCK_RAW, 253);
	struct endpoint to = ep_of(v4_of(2), 0);
	int on = 1;
	char buf[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msg m;

	assert_int_equal(sock_setopt(a, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	assert_int_equal(sock_connect(a, &to), 0);
	assert_int_equal(sock_peer(a, &to), 0);
	iov.iov_len = 12;
	memset(buf, 'x', 12);
	assert_int_equal(sock_send(a, &iov, 1, 0, NULL), 12);
	pair_settle(p);
	assert_int_equal(sock_events(a) & EV_ERR, EV_ERR);
	iov.iov_len = sizeof(buf);
	assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), 12);
	assert_int_equal(m.err.error, ENOPROTOOPT);
	assert_int_equal(m.err.type, 3);
	assert_int_equal(m.err.code, 2);
	assert_int_equal(sock_disconnect(a), 0);
	assert_int_equal(sock_peer(a, &to), -ENOTCONN);
	pair_free(p);
}

static void ping(void **state)
{
	struct pair *p = pair_ready(1500);

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t out[2000] = { v6 ? 128 : 8, [4] = 9, 9, 0, 42, [1999] = 7 }, in[2000];
		struct sock *a = open_sock(&p->a, v6 ? AF_INET6 : AF_INET, SOCK_DGRAM,
					   v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		struct ip_addr to = v6 ? v6_of(2) : v4_of(2);
		struct endpoint me;
		struct msg m;

		assert_int_equal(send_to(a, out, 7, to), -EINVAL);
		assert_int_equal(send_to(a, out, sizeof(out), v6 ? v4_of(2) : v6_of(2)),
				 v6 ? -EINVAL : -EAFNOSUPPORT);
		assert_int_equal(send_to(a, out, sizeof(out), to), sizeof(out));
		pair_settle(p);
		assert_int_equal(udp_from(a, in, sizeof(in), &m), sizeof(in));
		sock_local(a, &me);
		assert_int_equal(in[0], v6 ? 129 : 0);
		assert_int_equal(in[4] << 8 | in[5], me.port);
		assert_int_equal(in[7], 42);
		assert_int_equal(in[1999], 7);
		assert_true(ip_eq(&m.peer.addr, &to));
		sock_close(a);
		pair_settle(p);
	}
	pair_free(p);
}

/* Nobody there: the neighbour machine says so, and the queue has our request. */
static void ping_nobody(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = open_sock(&p->a, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	uint8_t out[8] = { 8 }, in[64];
	struct iovec iov = { in, sizeof(in) };
	struct ip_addr self = v4_of(1);
	struct msg m;
	int on = 1;

	sock_setopt(a, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	assert_int_equal(send_to(a, out, sizeof(out), v4_of(77)), sizeof(out));
	pair_run(p, 5 * USEC_PER_SEC);
	assert_int_equal(udp_from(a, in, sizeof(in), &m), -EHOSTUNREACH);
	assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), sizeof(out));
	assert_int_equal(m.err.type, 3);
	assert_int_equal(m.err.code, 1);
	assert_true(ip_eq(&m.err.from, &self));
	assert_int_equal(m.peer.addr.b[15], 77);
	assert_int_equal(in[0], 8);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(unknown_protocol_until_opened),
		cmocka_unit_test(copies_only),
		cmocka_unit_test(header_included),
		cmocka_unit_test(checksum_by_the_stack),
		cmocka_unit_test(raw_hears_errors),
		cmocka_unit_test(ping),
		cmocka_unit_test(ping_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
