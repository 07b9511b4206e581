/* tcp_tw.c - TIME-WAIT as a small state: its size, its port, who may have it */
#include <malloc.h>

#include "tcp_net.h"

#define MANY	2000

/* Opens from a port to b's 80, closes at a's end first: a waits. */
static void wait_on(struct net *n, struct sock *l, uint16_t port, bool reuse)
{
	struct endpoint me = net_ep(0, port, false), ep = net_ep(1, 80, false);
	struct sock *a = net_bound(n, 0, SOCK_STREAM, &me, reuse), *b;

	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
	net_run(n, 2000);
	assert_int_equal(sock_accept(l, &b), 0);
	sock_close(a);
	net_run(n, 2000);
	sock_close(b);
	net_run(n, 2000);
}

static uint32_t waiting(struct net *n)
{
	return n->st[0]->tcp->tw.map.count;
}

static void end(struct net *n, struct sock *l)
{
	sock_close(l);
	net_run(n, 100 * USEC_PER_SEC);
	assert_int_equal(waiting(n), 0);
	net_free(n);
}

static void keeps_its_port(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a;
	struct endpoint same = net_ep(0, 5000, false), any = { IP4_ANY, 5000, 0 };

	wait_on(n, l, 5000, true);
	assert_int_equal(waiting(n), 1);
	assert_int_equal(sock_new(n->st[0], AF_INET, SOCK_STREAM, 0, &a), 0);
	assert_int_equal(sock_bind(a, &same), -EADDRINUSE);
	assert_int_equal(sock_bind(a, &any), -EADDRINUSE);
	a->reuseaddr = true;
	assert_int_equal(sock_bind(a, &any), 0);
	assert_int_equal(sock_listen(a, 1), 0);
	sock_close(a);
	end(n, l);
}

/* A wildcard of IPv6 takes IPv4's addresses in, unless it says that it does not. */
static void in_the_way_of_its_family(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a;
	struct endpoint any = { IP6_ANY, 5000, 0 };

	wait_on(n, l, 5000, false);
	assert_int_equal(sock_new(n->st[0], AF_INET6, SOCK_STREAM, 0, &a), 0);
	assert_int_equal(sock_bind(a, &any), -EADDRINUSE);
	a->v6only = true;
	assert_int_equal(sock_bind(a, &any), 0);
	sock_close(a);
	end(n, l);
}

/* RFC 4022: an open is active or passive, one that crosses another only active. */
static void opens_are_counted(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	net_pair(n, false, s);
	assert_int_equal(n->st[0]->mib.tcp[TCP_ActiveOpens], 1);
	assert_int_equal(n->st[0]->mib.tcp[TCP_PassiveOpens], 0);
	assert_int_equal(n->st[1]->mib.tcp[TCP_ActiveOpens], 0);
	assert_int_equal(n->st[1]->mib.tcp[TCP_PassiveOpens], 1);
	for (int i = 0; i < 2; i++)
		sock_close(s[i]);
	for (int i = 0; i < 2; i++) {
		struct endpoint me = net_ep(i, 7000, false), peer = net_ep(!i, 7000, false);

		s[i] = net_bound(n, i, SOCK_STREAM, &me, false);
		assert_int_equal(sock_connect(s[i], &peer), -EINPROGRESS);
	}
	net_run(n, 2 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tcpc_of(s[i])->state, TCP_ESTABLISHED);
		assert_int_equal(n->st[i]->mib.tcp[TCP_ActiveOpens], 2 - i);
		assert_int_equal(n->st[i]->mib.tcp[TCP_PassiveOpens], i);
		sock_close(s[i]);
	}
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

static void reuse_only_if_both_said_so(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a;
	struct endpoint same = net_ep(0, 5000, false);

	wait_on(n, l, 5000, false);
	assert_int_equal(sock_new(n->st[0], AF_INET, SOCK_STREAM, 0, &a), 0);
	a->reuseaddr = true;
	assert_int_equal(sock_bind(a, &same), -EADDRINUSE);
	net_run(n, 61 * USEC_PER_SEC);
	assert_int_equal(sock_bind(a, &same), 0);
	sock_close(a);
	end(n, l);
}

/* tcp_tw_reuse: connect may have the same four after a second, by the timestamp. */
static void connect_may_reuse(void **state)
{
	static const struct { unsigned mode, ts, wait_ms; int want; } t[] = {
		{ 0, 1, 5000, -EADDRINUSE }, { 2, 1, 5000, -EADDRINUSE },
		{ 1, 0, 5000, -EADDRINUSE }, { 1, 1, 500, -EADDRINUSE },
		{ 1, 1, 2000, -EINPROGRESS },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct net *n = net_new(1);
		struct endpoint me = net_ep(0, 5000, false), ep = net_ep(1, 80, false);
		struct sock *l = net_listen(n, 1, 80, false), *a, *b;

		n->st[0]->param.tcp_tw_reuse = t[i].mode;
		n->st[0]->param.tcp_timestamps = t[i].ts;
		wait_on(n, l, 5000, true);
		net_run(n, t[i].wait_ms * USEC_PER_MSEC);
		a = net_bound(n, 0, SOCK_STREAM, &me, true);
		assert_int_equal(sock_connect(a, &ep), t[i].want);
		net_run(n, 2000);
		assert_int_equal(sock_accept(l, &b), t[i].want == -EINPROGRESS ? 0 : -EAGAIN);
		sock_close(a);
		if (t[i].want == -EINPROGRESS)
			sock_close(b);
		end(n, l);
	}
}

/* The user's socket is a closed one, and what was received can still be read. */
static void the_user_may_stay(void **state)
{
	struct net *n = net_new(1);
	struct iovec iov = { "bye", 3 };
	char buf[8];
	struct sock *s[2];
	struct endpoint ep;

	net_pair(n, false, s);
	sock_shutdown(s[0], SHUT_WR);
	net_run(n, 2000);
	assert_int_equal(sock_send(s[1], &iov, 1, 0, NULL), 3);
	sock_close(s[1]);
	net_run(n, 2000);
	assert_int_equal(waiting(n), 1);
	assert_int_equal(tcpc_of(s[0])->state, TCP_CLOSE);
	assert_int_equal(sock_peer(s[0], &ep), -ENOTCONN);
	iov = (struct iovec){ buf, sizeof(buf) };
	assert_int_equal(sock_recv(s[0], &iov, 1, 0, NULL), 3);
	assert_int_equal(sock_recv(s[0], &iov, 1, 0, NULL), 0);
	sock_close(s[0]);
	assert_int_equal(waiting(n), 1);
	net_run(n, 100 * USEC_PER_SEC);
	assert_int_equal(waiting(n), 0);
	net_free(n);
}

/* A shorter time for the new ones does not wait for the old ones to end. */
static void time_may_be_changed(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false);

	wait_on(n, l, 5000, true);
	n->st[0]->param.tcp_timewait_len = 1;
	wait_on(n, l, 5001, true);
	net_run(n, 2 * USEC_PER_SEC);
	assert_int_equal(waiting(n), 1);
	n->st[0]->param.tcp_timewait_len = 0;
	wait_on(n, l, 5002, true);
	assert_int_equal(waiting(n), 1);
	end(n, l);
}

/* A server that closes first; malloc's own word and the table's bucket counted. */
static void costs_128_bytes(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a, *b;
	size_t before = 0, each;	/* some ports come twice */

	for (int i = -1; i < MANY; i++) {
		a = net_connect(n, 0, 80, false);
		net_run(n, 1000);
		assert_int_equal(sock_accept(l, &b), 0);
		sock_close(b);
		net_run(n, 1000);
		sock_close(a);
		net_run(n, 1000);
		if (i < 0)		/* what grows once has grown */
			before = mallinfo2().uordblks;
	}
	each = (mallinfo2().uordblks - before) / (n->st[1]->tcp->tw.map.count - 1);
	print_message("TIME-WAIT: %zu bytes each\n", each);
	assert_in_range(each, 0, 128);
	end(n, l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_port), cmocka_unit_test(in_the_way_of_its_family),
		cmocka_unit_test(opens_are_counted), cmocka_unit_test(reuse_only_if_both_said_so),
		cmocka_unit_test(connect_may_reuse), cmocka_unit_test(the_user_may_stay),
		cmocka_unit_test(time_may_be_changed), cmocka_unit_test(costs_128_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
