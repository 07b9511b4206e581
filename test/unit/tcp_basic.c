/* tcp_basic.c - open, move bytes both ways on good and bad wires, close, and
 * leave nothing behind */
#include "tcp_net.h"

static ssize_t recv_end(struct sock *so)
{
	char c;
	struct iovec iov = { &c, 1 };

	return sock_recv(so, &iov, 1, 0, NULL);
}

static void close_both(struct net *n, struct sock *s[2])
{
	assert_int_equal(sock_shutdown(s[0], SHUT_WR), 0);
	net_run(n, 10 * USEC_PER_SEC);
	assert_int_equal(recv_end(s[1]), 0);
	sock_close(s[1]);
	net_run(n, 10 * USEC_PER_SEC);
	assert_int_equal(recv_end(s[0]), 0);
	assert_int_equal(tcpc_of(s[0])->state, TCP_CLOSE);
	sock_close(s[0]);
	net_run(n, 400 * USEC_PER_SEC);
}

static void transfer(struct net *n, bool v6, uint64_t total, bool by_ref, usec most)
{
	struct sock *s[2];
	struct flood fl[2];

	net_pair(n, v6, s);
	for (int i = 0; i < 2; i++)
		fl[i] = (struct flood){ .from = s[i], .to = s[!i], .total = total,
					.by_ref = by_ref, .unit = 100000 };
	net_flood(n, fl, 2, most);
	close_both(n, s);
	net_free(n);
}

static void opens_and_closes(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	net_pair(n, false, s);
	assert_int_equal(sock_events(s[0]), EV_OUT);
	assert_int_equal(sock_events(s[1]), EV_OUT);
	close_both(n, s);
	net_free(n);
}

static void moves_100_mb(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct net *n = net_new(2 + (uint64_t)i);

		n->cut = i & 1;
		transfer(n, i & 2, 100000000, i & 2, 3000 * USEC_PER_SEC);
	}
}

static void survives_a_bad_wire(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct net *n = net_new(seed);

		n->loss = seed % 3 * 20;
		n->dup = seed % 4 * 15;
		n->reorder = seed % 5 * 20;
		n->delay = (usec[]){ 20, 500, 10000 }[seed % 3];
		n->cut = seed % 2;
		n->st[0]->param.tcp_sack = seed % 7 != 0;
		n->st[1]->param.tcp_timestamps = seed % 6 != 0;
		n->st[0]->param.tcp_window_scaling = seed % 8 != 0;
		transfer(n, seed & 8, 1000000, seed & 4, 3000 * USEC_PER_SEC);
	}
}

static void waits_for_room(void **state)
{
	struct net *n = net_new(7);

	n->room = 3;
	transfer(n, false, 3000000, false, 1000 * USEC_PER_SEC);
}

/* Send buffers come from the netif's arena; when that is empty, from the heap. */
static void sends_from_the_arena(void **state)
{
	struct net *n = net_new(9);
	struct arena *a = arena_heap_new(200000);
	struct sock *s[2];
	struct flood fl;

	n->nif[0]->arena = a;
	n->loss = 10;
	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 5000000, .unit = 50000 };
	fl.buf = malloc(fl.unit);
	flood_send(&fl);
	free(fl.buf);
	assert_in_range(arena_heap_used(a), 1, 200000);
	assert_true(arena_heap_used(n->st[0]->heap) == 0);
	net_flood(n, &fl, 1, 1000 * USEC_PER_SEC);
	close_both(n, s);
	assert_int_equal(arena_heap_used(a), 0);
	net_free(n);
	arena_heap_unref(a);
}

static void small_reads_and_writes(void **state)
{
	struct net *n = net_new(8);
	struct sock *s[2];
	struct flood fl;

	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 200000, .unit = 7 };
	net_flood(n, &fl, 1, 1000 * USEC_PER_SEC);
	close_both(n, s);
	net_free(n);
}

/* Half the sequence space further the urgent mark of nobody is not ahead. */
static void no_mark_after_2_gib(void **state)
{
	struct net *n = net_new(10);
	uint64_t left = 5ull << 29, there = left;
	struct iovec iov[8];
	struct sock *s[2];
	int k;

	net_pair(n, false, s);
	while (there) {
		size_t len;

		k = ARRAY_LEN(iov);
		len = MIN(sock_reserve(s[0], iov, &k), left);
		sock_commit(s[0], len);
		left -= len;
		net_run(n, USEC_PER_MSEC);
		k = ARRAY_LEN(iov);
		while ((len = sock_peek(s[1], iov, &k)) > 0) {
			sock_consume(s[1], len);
			there -= len;
			k = ARRAY_LEN(iov);
		}
		assert_false(seq_gt(tcpc_of(s[0])->snd_up, tcpc_of(s[0])->snd_una));
	}
	close_both(n, s);
	net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_closes),
		cmocka_unit_test(small_reads_and_writes),
		cmocka_unit_test(waits_for_room),
		cmocka_unit_test(sends_from_the_arena),
		cmocka_unit_test(survives_a_bad_wire),
		cmocka_unit_test(moves_100_mb),
		cmocka_unit_test(no_mark_after_2_gib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
