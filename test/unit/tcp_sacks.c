/* tcp_sacks.c - the blocks a receiver tells against the rules of RFC 2018, 2883 */
#include "stack/tcp.h"
#include "unit.h"

static struct tcp_stack tcp = { .ooo = LIST_INIT(tcp.ooo) };
static struct stack stack = { .tcp = &tcp, .param.tcp_dsack = 1 };

static void newest_block_first(void **state)
{
	struct tcpc tc = { .so.st = &stack, .sack_ok = true };
	struct tcp_opts o = { 0 };

	tcp_sack_note(&tc, SEQ(100), SEQ(200));
	tcp_sack_note(&tc, SEQ(300), SEQ(400));
	tcp_sack_note(&tc, SEQ(500), SEQ(600));
	tcp_sack_note(&tc, SEQ(200), SEQ(250));	/* the oldest grows */
	tcp_sack_fill(&tc, &o);
	assert_int_equal(o.n_sack, 3);
	assert_int_equal(o.sack[0].from.v, 100);
	assert_int_equal(o.sack[0].to.v, 250);
	assert_int_equal(o.sack[1].from.v, 500);
	assert_int_equal(o.sack[2].from.v, 300);

	tcp_sack_note(&tc, SEQ(250), SEQ(300));	/* two become one */
	assert_int_equal(tc.ooo->n_sacks, 2);
	assert_int_equal(tc.ooo->sacks[0].to.v, 400);
	tc.rcv_nxt = SEQ(400);
	tcp_sack_advance(&tc);
	assert_int_equal(tc.ooo->n_sacks, 1);
	tcp_rcv_end(&tc);
}

static void at_most_four_blocks(void **state)
{
	struct tcpc tc = { .so.st = &stack, .sack_ok = true };
	struct tcp_opts o = { 0 };

	for (uint32_t i = 1; i < 10; i++)
		tcp_sack_note(&tc, SEQ(i * 100), SEQ(i * 100 + 50));
	tcp_dsack_note(&tc, SEQ(10), SEQ(20));
	tcp_sack_fill(&tc, &o);
	assert_int_equal(o.n_sack, TCP_MAX_SACK);
	assert_int_equal(o.sack[0].from.v, 10);		/* RFC 2883 4 */
	assert_int_equal(o.sack[1].from.v, 900);
	tcp_rcv_end(&tc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_block_first),
		cmocka_unit_test(at_most_four_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
