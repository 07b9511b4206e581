/* tcp_prune.c - who may hold what, ahead of a hole and in order, when memory is short
 *
 * The receiving ends of real connections are given pieces of exact sizes; what the
 * other ends know of them does not matter. K is a KiB, so a page is 4 K.
 */
#include "stack/budget.h"
#include "tcp_net.h"

#define K	1024u
#define MOST	10		/* connections */
#define FAR	1000000u	/* octets behind the hole */

struct many {
	struct net	*net;
	struct stack	*st;		/* that holds */
	struct tcpc	*tc[MOST];
	struct sock	*so[MOST][2];
	unsigned	n;
};

static void limit(struct stack *st, const char *name, unsigned mid, unsigned hi)
{
	char text[64];

	snprintf(text, sizeof(text), "0 %u %u", mid / 4, hi / 4);
	assert_int_equal(stack_set(st, name, text), 0);
}

static struct many many(unsigned n)
{
	struct many m = { .net = net_new(1), .n = n };

	m.st = m.net->st[1];
	for (unsigned i = 0; i < n; i++) {
		net_pair(m.net, false, m.so[i]);
		m.tc[i] = tcpc_of(m.so[i][1]);
		m.tc[i]->so.rcvbuf = 1 << 24;
	}
	return m;
}

static void many_end(struct many *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		sock_abort(m->so[i][0]);
		sock_close(m->so[i][0]);
		sock_abort(m->so[i][1]);
		sock_close(m->so[i][1]);
	}
	assert_int_equal(m->st->budget[BUDGET_TCP].used, 0);
	assert_int_equal(m->st->tcp->n_ooo, 0);
	net_run(m->net, USEC_PER_SEC);
	net_free(m->net);
}

static struct pkt *piece(struct stack *st, uint32_t size)
{
	static uint8_t b[64 * K];
	struct pkt *pkt = pkt_new();

	assert_true(pkt_append(pkt, st->heap, b, size));
	pkt->truesize = size;
	return pkt;
}

static uint32_t held(const struct many *m, unsigned i)
{
	return m->tc[i]->ooo ? m->tc[i]->ooo->truesize : 0;
}

/* Connection i gets a piece behind those it has; is it kept? */
static bool keeps(struct many *m, unsigned i, uint32_t size)
{
	struct tcpc *tc = m->tc[i];
	uint32_t far = FAR + held(m, i);

	tcp_rcv_data(tc, piece(m->st, size), seq_add(tc->rcv_nxt, far), false);
	return held(m, i) == far - FAR + size;
}

static void hold(struct many *m, unsigned i, uint32_t size, unsigned times)
{
	while (times--)
		assert_true(keeps(m, i, size));
}

/* While memory is short: half of all there may be, by those who hold something. */
static void each_has_a_share(void **state)
{
	struct many m = many(3);

	limit(m.st, "tcp_mem", 0, 1024);
	hold(&m, 0, 64 * K, 8);
	assert_false(keeps(&m, 0, 4 * K));
	assert_int_equal(held(&m, 0), 512 * K);
	hold(&m, 1, 64 * K, 4);
	assert_false(keeps(&m, 1, 4 * K));
	hold(&m, 2, 16 * K, 10);	/* of 170.7 */
	assert_false(keeps(&m, 2, 16 * K));
	hold(&m, 2, 4 * K, 2);
	assert_false(keeps(&m, 2, 4 * K));
	assert_int_equal(held(&m, 0), 512 * K);		/* there is room: none is taken back */
	assert_int_equal(m.st->drops[DROP_TCP_OFO_PRUNED], 0);
	many_end(&m);
}

/* However many there are. */
static void each_has_the_least(void **state)
{
	struct many m = many(4);

	limit(m.st, "tcp_mem", 0, 400);
	for (unsigned i = 0; i < 4; i++)
		hold(&m, i, 16 * K, 4);
	assert_false(keeps(&m, 3, 4 * K));	/* a share is 50 */
	many_end(&m);
}

static void the_stack_s_limit_counts_too(void **state)
{
	struct many m = many(1);

	limit(m.st, "tcp_mem", 0, 4096);
	limit(m.st, "stack_mem", 512, 512);
	hold(&m, 0, 64 * K, 4);
	assert_false(keeps(&m, 0, 4 * K));
	many_end(&m);
}

/* At the limit who holds more than his share loses all of it, until there is room. */
static void who_holds_too_much_gives_way(void **state)
{
	struct many m = many(3);

	limit(m.st, "tcp_mem", 256, 256);
	hold(&m, 0, 64 * K, 2);
	hold(&m, 1, 16 * K, 5);
	assert_true(keeps(&m, 2, 64 * K));
	assert_int_equal(held(&m, 0), 0);
	assert_int_equal(held(&m, 1), 80 * K);
	assert_int_equal(m.st->drops[DROP_TCP_OFO_PRUNED], 2);
	assert_int_equal(m.st->tcp->n_ooo, 2);
	many_end(&m);
}

static void a_share_may_be_used_up(void **state)
{
	struct many m = many(2);

	limit(m.st, "tcp_mem", 256, 256);
	hold(&m, 0, 64 * K, 1);
	hold(&m, 1, 64 * K, 3);
	assert_true(keeps(&m, 0, 16 * K));
	assert_int_equal(held(&m, 1), 0);
	hold(&m, 1, 16 * K, 1);
	hold(&m, 0, 32 * K, 5);			/* 240 */
	assert_false(keeps(&m, 0, 32 * K));	/* it has the place of what he had */
	assert_int_equal(held(&m, 0), 32 * K);
	assert_int_equal(held(&m, 1), 16 * K);
	many_end(&m);
}

/* A segment has eight of them looked at, the next one those that follow. */
static void a_segment_asks_a_few(void **state)
{
	struct many m = many(10);

	limit(m.st, "tcp_mem", 256, 256);
	for (unsigned i = 0; i < 7; i++)
		hold(&m, i, 4 * K, 1);
	hold(&m, 7, 64 * K, 3);
	assert_true(keeps(&m, 9, 64 * K));
	assert_int_equal(held(&m, 7), 0);
	tcp_rcv_end(m.tc[9]);

	hold(&m, 7, 4 * K, 1);
	hold(&m, 8, 64 * K, 3);
	assert_false(keeps(&m, 9, 64 * K));
	assert_int_equal(m.st->drops[DROP_TCP_OOO_FULL], 1);
	assert_int_equal(held(&m, 8), 192 * K);
	assert_int_equal(m.st->tcp->n_ooo, 9);	/* who holds nothing has no share */
	assert_true(keeps(&m, 9, 64 * K));
	assert_int_equal(held(&m, 8), 0);

	hold(&m, 0, 64 * K, 2);			/* those who were asked are asked again */
	assert_true(keeps(&m, 9, 64 * K));
	assert_int_equal(held(&m, 0), 0);
	many_end(&m);
}

/* Nor has who only had to tell of what came twice, once that is told. */
static void nor_is_a_duplicate_held(void **state)
{
	struct many m = many(1);
	struct tcpc *tc = m.tc[0];

	hold(&m, 0, 4 * K, 1);
	tcp_dsack_note(tc, seq_add(tc->rcv_nxt, -10), tc->rcv_nxt);
	tcp_send_ack(tc);
	assert_int_equal(held(&m, 0), 4 * K);
	tcp_rcv_end(tc);
	tcp_dsack_note(tc, seq_add(tc->rcv_nxt, -10), tc->rcv_nxt);
	assert_int_equal(m.st->tcp->n_ooo, 1);
	tcp_send_ack(tc);
	assert_int_equal(m.st->tcp->n_ooo, 0);
	many_end(&m);
}

/* What is in order has room made for it as well, and tcp_rmem[0] without. */
static void in_order_goes_on(void **state)
{
	struct many m = many(2);
	struct tcpc *tc = m.tc[0];

	limit(m.st, "tcp_mem", 64, 64);
	budget_take(m.st, BUDGET_TCP, 16 * K);
	hold(&m, 1, 16 * K, 3);
	assert_int_equal(tcp_rcv_room(tc, 16 * K), UINT32_MAX);
	assert_int_equal(held(&m, 1), 0);
	budget_take(m.st, BUDGET_TCP, 48 * K);

	assert_int_equal(m.st->param.tcp_rmem[0], 4 * K);
	assert_int_equal(tcp_rcv_room(tc, 4 * K), UINT32_MAX);
	assert_int_equal(tcp_rcv_room(tc, 4 * K + 1), 4 * K);
	tcp_rcv_data(tc, piece(m.st, 2 * K), tc->rcv_nxt, false);
	assert_int_equal(tc->rcv_true, 2 * K);
	assert_int_equal(tcp_rcv_room(tc, 2 * K), UINT32_MAX);
	assert_int_equal(tcp_rcv_room(tc, 2 * K + 1), 0);
	budget_give(m.st, BUDGET_TCP, 64 * K);
	assert_int_equal(tcp_rcv_room(tc, 62 * K), UINT32_MAX);
	assert_int_equal(tcp_rcv_room(tc, 62 * K + 1), 0);
	many_end(&m);
}

/* To send: as much as is asked for, one small chunk when memory is short. */
static void who_sends_goes_on(void **state)
{
	struct many m = many(1);
	struct tcpc *tc = m.tc[0];
	struct iovec iov = { "x", 1 };

	limit(m.st, "tcp_mem", 32, 64);
	budget_take(m.st, BUDGET_TCP, 32 * K);
	assert_int_equal(tcp_snd_room(tc, 32 * K, 2 * K), 32 * K);
	assert_int_equal(tcp_snd_room(tc, 32 * K + 1, 2 * K), 2 * K);
	budget_take(m.st, BUDGET_TCP, 1);
	assert_int_equal(tcp_snd_room(tc, 16 * K, 2 * K), 2 * K);
	budget_take(m.st, BUDGET_TCP, 32 * K - 1);
	assert_int_equal(tcp_snd_room(tc, 16 * K, 2 * K), 2 * K);
	assert_int_equal(sock_send(m.so[0][1], &iov, 1, 0, NULL), 1);
	assert_int_equal(tcp_snd_room(tc, 16 * K, 2 * K), 0);
	budget_give(m.st, BUDGET_TCP, 64 * K);
	many_end(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_share),
		cmocka_unit_test(each_has_the_least),
		cmocka_unit_test(the_stack_s_limit_counts_too),
		cmocka_unit_test(who_holds_too_much_gives_way),
		cmocka_unit_test(a_share_may_be_used_up),
		cmocka_unit_test(a_segment_asks_a_few),
		cmocka_unit_test(nor_is_a_duplicate_held),
		cmocka_unit_test(in_order_goes_on),
		cmocka_unit_test(who_sends_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
