/* tcp_queue.c - send and receive queues against a flat stream of bytes */
#include "tcp_net.h"

static struct tcpc *conn_new(struct stack *st)
{
	struct sock *so;
	struct tcpc *tc;

	assert_int_equal(sock_new(st, AF_INET, SOCK_STREAM, 0, &so), 0);
	tc = tcpc_of(so);
	tc->state = TCP_ESTABLISHED;
	tc->mss = tc->mss_base = tc->rcv_mss = 1000;
	return tc;
}

static void conn_free(struct tcpc *tc)
{
	struct stack *st = tc->so.st;

	tcp_free(tc);
	assert_int_equal(arena_heap_used(st->heap), 0);
	stack_free(st);
}

/* --- sending --- */

static void queue_some(struct tcpc *tc, struct rng *r, uint64_t *written)
{
	struct iovec iov[5];
	int n = 1 + (int)rng_below(r, 5);
	size_t got = tcp_snd_reserve(tc, iov, &n, 1 + rng_below(r, 30000)), len, done = 0;

	len = rng_below(r, 4) ? got : rng_below(r, (uint32_t)got + 1);
	for (int i = 0; i < n && done < len; i++) {
		size_t k = MIN(iov[i].iov_len, len - done);

		net_fill(iov[i].iov_base, k, *written + done);
		done += k;
	}
	tcp_snd_commit(tc, len);
	*written += len;
}

static void map_some(struct tcpc *tc, struct rng *r, struct seq start, uint64_t una, uint64_t end)
{
	static uint8_t buf[100000];
	struct pkt *pkt = pkt_new();
	uint64_t from = una + rng_below(r, (uint32_t)(end - una));
	uint32_t len = 1 + rng_below(r, (uint32_t)MIN(end - from, sizeof(buf)));
	uint32_t got = tcp_snd_map(tc, pkt, seq_add(start, (uint32_t)from), len);

	assert_true(got == len || pkt->n_ext == PKT_EXTS);
	assert_int_equal(pkt_copy(pkt, 0, buf, sizeof(buf)), got);
	net_check(buf, got, from);
	pkt_free(pkt);
}

static void send_queue_is_a_stream(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct tcpc *tc = conn_new(st);
	struct seq start = SEQ(0xfffff000u);
	uint64_t una = 0, end = 0;
	struct rng r;

	rng_seed(&r, 3);
	tc->snd_end = start;
	for (int i = 0; i < 30000; i++) {
		queue_some(tc, &r, &end);
		assert_int_equal(tc->snd.bytes, end - una);
		assert_true(tc->snd.bytes <= tc->so.sndbuf);
		if (end > una)
			map_some(tc, &r, start, una, end);
		if (rng_below(&r, 3) == 0) {
			una += rng_below(&r, (uint32_t)(end - una) + 1);
			tcp_snd_acked(tc, seq_add(start, (uint32_t)una));
		}
	}
	conn_free(tc);
}

/* What the user is writing into stays, whatever is acknowledged meanwhile. */
static void reserved_memory_stays(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct tcpc *tc = conn_new(st);
	struct iovec iov[4];
	int n = 4;

	tcp_snd_reserve(tc, iov, &n, 100);
	tcp_snd_commit(tc, 100);
	n = 4;
	tcp_snd_reserve(tc, iov, &n, 10000);
	assert_true(n >= 2);
	tcp_snd_acked(tc, tc->snd_end);
	for (int i = 0; i < n; i++)
		net_fill(iov[i].iov_base, iov[i].iov_len, 0);
	tcp_snd_commit(tc, 10000);
	assert_int_equal(tc->snd.bytes, 10000);
	tcp_snd_acked(tc, tc->snd_end);
	assert_int_equal(tc->snd.n, 0);
	conn_free(tc);
}

/* --- receiving --- */

static struct pkt *data(struct stack *st, uint64_t from, uint32_t len)
{
	static uint8_t buf[70000];
	struct pkt *pkt = pkt_new();

	net_fill(buf, len, from);
	assert_true(pkt_append(pkt, st->heap, buf, len));
	return pkt;
}

static void read_some(struct tcpc *tc, struct rng *r, uint64_t *taken)
{
	static uint8_t buf[50000];
	struct iovec iov = { buf, 1 + rng_below(r, sizeof(buf)) };
	size_t n = tcp_rcv_copy(tc, &iov, 1, rng_below(r, 5) == 0);

	net_check(buf, n, *taken);
	*taken = (uint32_t)seq_diff(tc->copied, tc->irs);
}

/* Random pieces ahead, as the network may deliver them; the naive twin is the
 * map of which octets have come. */
static void receive_queue_is_a_stream(void **state)
{
	enum { TOTAL = 3000000 };
	struct stack *st = stack_new(1, 0);
	struct tcpc *tc = conn_new(st);
	bool *came = calloc(TOTAL, 1);
	uint64_t nxt = 0, taken = 0;
	struct rng r;

	rng_seed(&r, 4);
	tc->irs = tc->rcv_nxt = tc->copied = SEQ(0xffff8000u);
	tc->so.rcvbuf = 400000;
	tcp_rcv_init(tc);
	while (nxt < TOTAL) {
		uint64_t from = nxt + (rng_below(&r, 3) ? rng_below(&r, 60000) : 0);
		uint32_t len = 1 + rng_below(&r, rng_below(&r, 2) ? 1500 : 30000);

		if (from + len > MIN(TOTAL, taken + 200000)) {
			read_some(tc, &r, &taken);
			from = nxt;
			len = 1;
		}
		tcp_rcv_data(tc, data(st, from, len), seq_add(tc->irs, (uint32_t)from), false);
		memset(came + from, 1, len);
		for (; nxt < (uint32_t)seq_diff(tc->rcv_nxt, tc->irs); nxt++)
			assert_true(came[nxt]);
		assert_true(!tc->ooo || tc->ooo->truesize <= tc->so.rcvbuf);
		if (rng_below(&r, 4) == 0)
			read_some(tc, &r, &taken);
	}
	while (taken < TOTAL)
		read_some(tc, &r, &taken);
	assert_int_equal(tc->rcv_bytes, 0);
	assert_int_equal(tc->rcv_true, 0);
	free(came);
	conn_free(tc);
}

/* Single bytes, each in a packet with a large chunk, unread: memory is bounded
 * by the window, not by what the peer spends. */
static void single_bytes_cost_bytes(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct tcpc *tc = conn_new(st);

	tc->rcv_nxt = tc->copied = tc->irs = SEQ(0);
	tcp_rcv_init(tc);
	for (uint32_t i = 0; i < 60000; i++) {
		struct chunk *c = st->heap->alloc(st->heap, CHUNK_MAX);
		struct pkt *pkt = pkt_new();

		assert_non_null(c);
		c->data[0] = net_byte(i);
		pkt_add_ext(pkt, c, c->data, 1);
		tcp_rcv_data(tc, pkt, SEQ(i), false);
	}
	assert_int_equal(tc->rcv_bytes, 60000);
	assert_true(arena_heap_used(st->heap) < 2 * tc->so.rcvbuf);
	assert_true(tc->rcv_true < 2 * tc->so.rcvbuf);
	conn_free(tc);
}

static void fin_ends_the_stream(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct tcpc *tc = conn_new(st);

	tc->rcv_nxt = tc->copied = tc->irs = SEQ(0);
	tcp_rcv_init(tc);
	tcp_rcv_data(tc, data(st, 10, 5), SEQ(10), true);
	tcp_rcv_data(tc, data(st, 20, 5), SEQ(20), false);	/* after the FIN: a lie */
	tcp_rcv_data(tc, data(st, 10, 5), SEQ(10), true);	/* again */
	assert_false(tc->done);
	tcp_rcv_data(tc, data(st, 0, 12), SEQ(0), false);
	assert_true(tc->done);
	assert_int_equal(tc->rcv_nxt.v, 16);
	assert_int_equal(tc->rcv_bytes, 15);
	assert_null(tc->ooo);
	conn_free(tc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_queue_is_a_stream),
		cmocka_unit_test(reserved_memory_stays),
		cmocka_unit_test(receive_queue_is_a_stream),
		cmocka_unit_test(single_bytes_cost_bytes),
		cmocka_unit_test(fin_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
