/* tcp_fo.c - Fast Open between two stacks: cookies, data with the SYN, and every way
 * in which it does not work and must not matter */
#include "tcp_net.h"

static void set(struct sock *so, int name, int v)
{
	assert_int_equal(sock_setopt(so, IPPROTO_TCP, name, &v, sizeof(v)), 0);
}

static struct sock *fo_listen(struct net *n, int qlen)
{
	struct sock *l = net_listen(n, 1, 80, false);

	n->st[1]->param.tcp_fastopen = 3;
	set(l, TCP_FASTOPEN, qlen);
	return l;
}

static ssize_t say_to(struct net *n, struct sock *so, const char *s)
{
	struct iovec iov = { (void *)(uintptr_t)s, strlen(s) };
	struct msg m = { .peer = net_ep(1, 80, false), .has_peer = true };

	return sock_send(so, &iov, 1, MSG_FASTOPEN, &m);
}

static struct sock *fresh(struct net *n)
{
	struct sock *so;

	assert_int_equal(sock_new(n->st[0], AF_INET, SOCK_STREAM, 0, &so), 0);
	return so;
}

static void expect(struct sock *so, const char *s)
{
	char buf[64] = "";
	struct iovec iov = { buf, sizeof(buf) - 1 };

	assert_int_equal(sock_recv(so, &iov, 1, 0, NULL), strlen(s));
	assert_string_equal(buf, s);
}

static void part(struct net *n, struct sock *a, struct sock *b)
{
	sock_close(a);
	sock_close(b);
	net_run(n, 100 * USEC_PER_SEC);
}

/* The first time a cookie is asked for; it is an ordinary connection. */
static void meet(struct net *n, struct sock *l)
{
	struct sock *a = fresh(n), *b;

	assert_int_equal(say_to(n, a, "hello"), -EINPROGRESS);
	net_run(n, 10 * n->delay);
	assert_int_equal(tcpc_of(a)->state, TCP_ESTABLISHED);
	assert_int_equal(sock_accept(l, &b), 0);
	part(n, a, b);
}

static void end(struct net *n, struct sock *l)
{
	sock_close(l);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

/* packetdrill's wrappers (Linux) know these two for their addresses and keys. */
static void cookies_are_linux_s(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct ip_addr client = IP4(192, 0, 2, 1), server = IP4(192, 168, 0, 1);
	static const uint8_t want[2][8] = {
		{ 0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb },
		{ 0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5 },
	};
	static const char *const key[2] = { "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
					    "00000000-00000000-00000000-00000000" };
	struct fo_cookie c;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(stack_set(st, "tcp_fastopen_key", key[i]), 0);
		tcp_fo_cookie(st, &client, &server, &c);
		assert_int_equal(c.len, 8);
		assert_memory_equal(c.b, want[i], 8);
	}
	assert_int_equal(stack_set(st, "tcp_fastopen_key", "a1a1a1a1-b2b2b2b2"), -EINVAL);
	stack_free(st);
}

static void data_comes_before_the_handshake_ends(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = fo_listen(n, 5), *a, *b;

	n->delay = 10000;
	meet(n, l);
	a = fresh(n);
	assert_int_equal(say_to(n, a, "GET /"), 5);
	net_run(n, n->delay);
	assert_int_equal(sock_accept(l, &b), 0);
	assert_int_equal(tcpc_of(b)->state, TCP_SYN_RECV);
	assert_int_equal(sock_events(b), EV_IN | EV_OUT);
	expect(b, "GET /");
	assert_int_equal(sock_send(b, &(struct iovec){ (char *)(uintptr_t)"200", 3 }, 1, 0, NULL), 3);
	net_run(n, n->delay);		/* one round trip after the question */
	assert_int_equal(tcpc_of(b)->state, TCP_SYN_RECV);
	expect(a, "200");
	net_run(n, 10 * n->delay);
	assert_int_equal(tcpc_of(b)->state, TCP_ESTABLISHED);
	assert_int_equal(tcpc_of(a)->total_retrans, 0);
	part(n, a, b);
	end(n, l);
}

static void connect_waits_for_the_first_write(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = fo_listen(n, 5), *a, *b;
	struct endpoint ep = net_ep(1, 80, false);
	uint64_t frames;

	meet(n, l);
	a = fresh(n);
	set(a, TCP_FASTOPEN_CONNECT, 1);
	frames = n->frames;
	assert_int_equal(sock_connect(a, &ep), 0);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(n->frames, frames);
	assert_int_equal(sock_events(a), EV_OUT);
	assert_int_equal(sock_send(a, &(struct iovec){ (char *)(uintptr_t)"hi", 2 }, 1, 0, NULL), 2);
	net_run(n, n->delay);
	assert_int_equal(sock_accept(l, &b), 0);
	expect(b, "hi");
	part(n, a, b);
	end(n, l);
}

/* The server has another key now, or none: the data goes again after the handshake. */
static void refused_data_goes_again(void **state)
{
	for (int off = 0; off < 2; off++) {
		struct net *n = net_new(1);
		struct sock *l = fo_listen(n, 5), *a, *b;

		meet(n, l);
		if (off)
			n->st[1]->param.tcp_fastopen = 0;
		else
			stack_set(n->st[1], "tcp_fastopen_key", "1-2-3-4");
		a = fresh(n);
		assert_int_equal(say_to(n, a, "data"), 4);
		net_run(n, n->delay);
		assert_int_equal(sock_accept(l, &b), -EAGAIN);
		net_run(n, 10 * n->delay);
		assert_int_equal(sock_accept(l, &b), 0);
		expect(b, "data");
		part(n, a, b);
		if (!off) {		/* and the new cookie is known */
			a = fresh(n);
			assert_int_equal(say_to(n, a, "more"), 4);
			net_run(n, n->delay);
			assert_int_equal(sock_accept(l, &b), 0);
			expect(b, "more");
			part(n, a, b);
		}
		end(n, l);
	}
}

static bool eat_syn_data(struct net *n, int from, struct pkt *pkt)
{
	return !from && pkt->paylen && (pkt->head[pkt->cur + 14 + 20 + 13] & TCP_SYN);
}

/* A middle box drops SYNs with data: the SYN alone passes, and for a while no other
 * with data is tried. */
static void black_hole_is_remembered(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = fo_listen(n, 5), *a, *b;

	meet(n, l);
	n->tap = eat_syn_data;
	a = fresh(n);
	assert_int_equal(say_to(n, a, "data"), 4);
	net_run(n, 3 * USEC_PER_SEC);
	assert_int_equal(sock_accept(l, &b), 0);
	expect(b, "data");
	sock_close(a);
	sock_close(b);
	a = fresh(n);
	assert_int_equal(say_to(n, a, "data"), -EINPROGRESS);
	sock_close(a);
	net_run(n, 200 * USEC_PER_SEC);
	while (sock_accept(l, &b) == 0)
		sock_close(b);
	n->tap = NULL;
	a = fresh(n);
	assert_int_equal(say_to(n, a, "data"), 4);	/* tried again */
	net_run(n, 10 * n->delay);
	assert_int_equal(sock_accept(l, &b), 0);
	part(n, a, b);
	end(n, l);
}

/* So many may be open and not complete; the next is served the slow way. */
static void pending_is_bounded(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = fo_listen(n, 1), *a[2], *b;

	meet(n, l);
	for (int i = 0; i < 2; i++) {
		a[i] = fresh(n);
		assert_int_equal(say_to(n, a[i], "x"), 1);
	}
	net_run(n, n->delay);
	assert_int_equal(tcpc_of(l)->state, TCP_LISTEN);
	assert_int_equal(n->st[1]->tcp->reqs.count, 1);
	net_run(n, 10 * n->delay);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sock_accept(l, &b), 0);
		expect(b, "x");
		sock_close(b);
		sock_close(a[i]);
	}
	net_run(n, 100 * USEC_PER_SEC);
	end(n, l);
}

static void synack_lost(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = fo_listen(n, 5), *a, *b;

	meet(n, l);
	a = fresh(n);
	assert_int_equal(say_to(n, a, "x"), 1);
	net_run(n, n->delay - 1);
	n->loss = 1000;
	net_run(n, 10 * n->delay);
	n->loss = 0;
	net_run(n, 10 * USEC_PER_SEC);
	assert_int_equal(tcpc_of(a)->state, TCP_ESTABLISHED);
	assert_int_equal(sock_accept(l, &b), 0);
	assert_int_equal(tcpc_of(b)->state, TCP_ESTABLISHED);
	expect(b, "x");
	part(n, a, b);
	end(n, l);
}

static void who_may(void **state)
{
	struct net *n = net_new(1);
	struct sock *a = fresh(n);
	int one = 1, two = 2;

	n->st[0]->param.tcp_fastopen = 0;
	assert_int_equal(say_to(n, a, "x"), -EOPNOTSUPP);
	assert_int_equal(sock_setopt(a, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, 4), -EOPNOTSUPP);
	assert_int_equal(sock_setopt(a, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &two, 4), -EINVAL);
	sock_close(a);
	net_free(n);
}

/* Without cookies, if both ends are told to (4.1.3 does not forbid it). */
static void no_cookie(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = fo_listen(n, 5), *a = fresh(n), *b;

	set(l, TCP_FASTOPEN_NO_COOKIE, 1);
	set(a, TCP_FASTOPEN_NO_COOKIE, 1);
	assert_int_equal(say_to(n, a, "first"), 5);
	net_run(n, 10 * n->delay);
	assert_int_equal(sock_accept(l, &b), 0);
	expect(b, "first");
	part(n, a, b);
	end(n, l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_linux_s),
		cmocka_unit_test(data_comes_before_the_handshake_ends),
		cmocka_unit_test(connect_waits_for_the_first_write),
		cmocka_unit_test(refused_data_goes_again),
		cmocka_unit_test(black_hole_is_remembered), cmocka_unit_test(pending_is_bounded),
		cmocka_unit_test(synack_lost), cmocka_unit_test(who_may),
		cmocka_unit_test(no_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
