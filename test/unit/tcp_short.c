/* tcp_short.c - memory is short: what goes on, what does not, what is told */
#include <errno.h>

#include "stack/frag.h"
#include "stack/sock_table.h"
#include "tcp_net.h"

static void limit(struct stack *st, const char *name, unsigned lo, unsigned mid, unsigned hi)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u %u", lo, mid, hi);
	assert_int_equal(stack_set(st, name, text), 0);
}

static void fill(struct sock *so, size_t len)
{
	static uint8_t b[1 << 16];
	struct iovec iov = { b, MIN(len, sizeof(b)) };

	while (len) {
		ssize_t r = sock_send(so, &iov, 1, MSG_NOSIGNAL, NULL);

		if (r <= 0)
			return;
		len -= MIN(len, (size_t)r);
	}
}

static void numbers_are_pages_and_have_hysteresis(void **state)
{
	struct stack *st = stack_new(1, 0);

	limit(st, "tcp_mem", 1, 2, 3);
	assert_int_equal(budget_limit(st, BUDGET_TCP), 3 * 4096);
	budget_take(st, BUDGET_TCP, 2 * 4096);
	assert_false(budget_pressed(st, BUDGET_TCP));
	budget_take(st, BUDGET_TCP, 1);
	assert_true(budget_pressed(st, BUDGET_TCP));
	assert_false(budget_pressed(st, BUDGET_UDP));
	assert_true(budget_room(st, BUDGET_TCP, 4095));
	assert_false(budget_room(st, BUDGET_TCP, 4096));
	budget_give(st, BUDGET_TCP, 4096);
	assert_true(budget_pressed(st, BUDGET_TCP));
	budget_give(st, BUDGET_TCP, 1);
	assert_false(budget_pressed(st, BUDGET_TCP));
	assert_int_equal(st->budget[BUDGET_TCP].pressures, 1);
	assert_int_equal(st->budget[BUDGET_ALL].most, 2 * 4096 + 1);
	budget_give(st, BUDGET_TCP, 4096);
	stack_free(st);
}

/* The reader sleeps: the window closes long before the buffer is full, and opens
 * when he reads. */
static void window_shrinks_and_recovers(void **state)
{
	struct net *n = net_new(1);
	struct flood fl = { .total = 200000, .unit = 20000 };
	struct sock *s[2];
	uint64_t held;

	net_pair(n, false, s);
	limit(n->st[1], "tcp_mem", 1, 4, 1024);
	fill(s[0], 200000);
	net_run(n, 5 * USEC_PER_SEC);
	held = n->st[1]->budget[BUDGET_TCP].used;
	assert_true(held > 16384 && held < 200000);
	assert_true(tcp_rcv_window(tcpc_of(s[1])) < tcp_rcv_space(tcpc_of(s[1])));
	fl.from = s[0];
	fl.to = s[1];
	limit(n->st[1], "tcp_mem", 256, 512, 1024);
	while (sock_queues(s[1]).in)
		sock_consume(s[1], sock_queues(s[1]).in);
	net_run(n, 5 * USEC_PER_SEC);
	while (sock_queues(s[1]).in) {
		sock_consume(s[1], sock_queues(s[1]).in);
		net_run(n, 5 * USEC_PER_SEC);
	}
	net_flood(n, &fl, 1, 60 * USEC_PER_SEC);
	assert_false(budget_pressed(n->st[1], BUDGET_TCP));
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	assert_int_equal(n->st[1]->budget[BUDGET_TCP].used, 0);
	net_free(n);
}

/* Somebody has filled the stack and does not read; who reads gets on, in both
 * directions. */
static void established_go_on_at_the_limit(void **state)
{
	struct net *n = net_new(1);
	struct sock *stuck[2], *s[2];
	struct flood fl[2] = { { .total = 300000, .unit = 20000 },
			       { .total = 300000, .unit = 20000 } };
	uint64_t most;

	net_pair(n, false, stuck);
	net_pair(n, false, s);
	fill(stuck[0], 60000);
	net_run(n, 5 * USEC_PER_SEC);
	limit(n->st[1], "tcp_mem", 0, 0, 4);
	assert_false(budget_room(n->st[1], BUDGET_TCP, 0));
	most = n->st[1]->budget[BUDGET_TCP].most;
	fl[0].from = fl[1].to = s[0];
	fl[0].to = fl[1].from = s[1];
	net_flood(n, fl, 2, 600 * USEC_PER_SEC);
	assert_true(n->st[1]->budget[BUDGET_TCP].most <= most + 3 * 4096);
	sock_close(s[0]);
	sock_close(s[1]);
	sock_close(stuck[0]);
	sock_close(stuck[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

static void new_ones_are_refused(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *c, *so, *none;
	struct endpoint to = net_ep(0, 80, false);
	uint32_t count = n->st[1]->socks->count;

	limit(n->st[1], "stack_mem", 0, 0, 0);
	c = net_connect(n, 0, 80, false);
	net_run(n, 2 * USEC_PER_SEC);
	assert_int_equal(tcpc_of(c)->state, TCP_SYN_SENT);
	assert_true(n->st[1]->drops[DROP_TCP_NO_MEMORY] >= 2);
	assert_int_equal(n->st[1]->socks->count, count);
	assert_int_equal(sock_new(n->st[1], AF_INET, SOCK_STREAM, 0, &none), -ENOBUFS);
	limit(n->st[1], "stack_mem", 4, 8, 16);
	net_run(n, 10 * USEC_PER_SEC);
	assert_int_equal(tcpc_of(c)->state, TCP_ESTABLISHED);
	assert_int_equal(sock_accept(l, &so), 0);

	assert_int_equal(sock_new(n->st[1], AF_INET, SOCK_STREAM, 0, &none), 0);
	budget_take(n->st[1], BUDGET_TCP, 1 << 20);
	assert_int_equal(sock_connect(none, &to), -ENOBUFS);
	budget_give(n->st[1], BUDGET_TCP, 1 << 20);
	sock_close(none);
	sock_close(so);
	sock_close(c);
	sock_close(l);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

static struct sock *udp(struct net *n, int i, uint16_t port)
{
	struct endpoint ep = { IP4_ANY, port, 0 };

	return net_bound(n, i, SOCK_DGRAM, &ep, false);
}

/* Each datagram socket has udp_rmem_min; the rest is dropped and counted. */
static void datagrams(void **state)
{
	struct net *n = net_new(1);
	struct sock *a = udp(n, 0, 1000), *b = udp(n, 1, 2000);
	struct msg m = { .peer = net_ep(1, 2000, false), .has_peer = true, .ttl = -1, .tos = -1 };
	struct iovec iov = { "0123456789", 10 };

	limit(n->st[1], "udp_mem", 0, 0, 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sock_send(a, &iov, 1, 0, &m), 10);
		net_run(n, USEC_PER_MSEC);
	}
	assert_true(sock_queues(b).in <= n->st[1]->param.udp_rmem_min);
	assert_true(sock_events(b) & EV_IN);
	assert_true(n->st[1]->drops[DROP_NO_MEMORY] > 90);
	assert_int_equal(n->st[1]->budget[BUDGET_UDP].used, sock_queues(b).in);
	sock_close(a);
	sock_close(b);
	net_free(n);
}

/* A first fragment a datagram; all of the stack's memory is their limit too. */
static void fragments(void **state)
{
	struct net *n = net_new(1);
	uint64_t sockets = n->st[1]->budget[BUDGET_ALL].used;

	limit(n->st[1], "stack_mem", 64, 64, 64);
	for (uint32_t i = 0; i < 1000; i++) {
		struct pkt *pkt = pkt_new();
		static const uint8_t b[1024];
		struct ip ip = { .src = IP4(10, 0, 0, 1), .dst = IP4(10, 0, 0, 2), .proto = 17,
				 .v4 = true, .nif = n->nif[1] };
		struct frag f = { .id = i, .proto = 17, .more = true };

		assert_true(pkt_append(pkt, n->st[1]->heap, b, sizeof(b)));
		pkt->l3 = pkt->cur;
		frag_in(n->st[1], pkt, &ip, &f);
	}
	assert_true(n->st[1]->budget[BUDGET_ALL].most <= 64 * 4096);
	assert_int_equal(n->st[1]->budget[BUDGET_ALL].used, sockets + frag_held(n->st[1]));
	assert_true(n->st[1]->drops[DROP_FRAG_FULL] > 500);
	net_run(n, 40 * USEC_PER_SEC);
	assert_int_equal(n->st[1]->budget[BUDGET_ALL].used, sockets);
	net_free(n);
}

/* The window after 60000 octets were read, while others of the stack hold so much. */
static uint32_t window_beside(uint64_t held, usec delay)
{
	struct net *n = net_new(1);
	struct flood fl = { .total = 200000, .unit = 20000 };
	struct sock *s[2];
	struct tcpc *tc;
	uint32_t window;

	n->delay = delay;
	net_pair(n, false, s);
	tc = tcpc_of(s[1]);
	tc->so.rcvbuf = 1 << 20;
	for (uint64_t left = held; left; left -= 1 << 20)
		budget_take(n->st[1], BUDGET_TCP, 1 << 20);
	fill(s[0], 60000);
	for (size_t got = 0; got < 60000;) {
		net_run(n, USEC_PER_SEC);
		got += sock_queues(s[1]).in;
		sock_consume(s[1], sock_queues(s[1]).in);
	}
	tcp_send_ack(tc);
	window = tcp_rcv_window(tc);
	fl.from = s[0];
	fl.to = s[1];
	net_flood(n, &fl, 1, 600 * USEC_PER_SEC);
	for (uint64_t left = held; left; left -= 1 << 20)
		budget_give(n->st[1], BUDGET_TCP, 1 << 20);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
	return window;
}

/* On short paths; a long one could not be filled. */
static void many_on_short_paths_share(void **state)
{
	assert_true(window_beside(8 << 20, 100) > 400000);
	assert_true(window_beside(40 << 20, 100) <= 16384);
	assert_true(window_beside(40 << 20, 100) >= 8192);
	assert_true(window_beside(40 << 20, 20 * USEC_PER_MSEC) > 400000);
}

static int wakes;

static void woken(struct sock *so)
{
	wakes++;
}

static bool can_send(struct sock *so)
{
	return sock_events(so) & EV_OUT;
}

/* So do their senders; whom the others' memory kept from sending hears of room. */
static void many_senders_share(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	n->delay = 100;
	net_pair(n, false, s);
	s[0]->wake = woken;
	fill(s[0], 20000);
	assert_true(can_send(s[0]));
	budget_take(n->st[0], BUDGET_TCP, 40 << 20);
	assert_false(can_send(s[0]));
	wakes = 0;
	net_run(n, USEC_PER_SEC);
	assert_true(wakes && can_send(s[0]));
	fill(s[0], 60000);
	assert_in_range(sock_queues(s[0]).out, 8192, 16384);
	s[0]->sndbuf_locked = true;
	fill(s[0], 1 << 20);
	assert_true(sock_queues(s[0]).out > 40000);
	budget_give(n->st[0], BUDGET_TCP, 40 << 20);
	sock_consume(s[1], sock_queues(s[1]).in);
	sock_abort(s[0]);
	sock_close(s[0]);
	net_run(n, USEC_PER_SEC);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_pages_and_have_hysteresis),
		cmocka_unit_test(window_shrinks_and_recovers),
		cmocka_unit_test(established_go_on_at_the_limit),
		cmocka_unit_test(new_ones_are_refused),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(fragments),
		cmocka_unit_test(many_on_short_paths_share),
		cmocka_unit_test(many_senders_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
