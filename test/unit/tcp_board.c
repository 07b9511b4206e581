/* tcp_board.c - the scoreboard against a map of single octets, and the blocks a
 * receiver tells against the rules of RFC 2018 */
#include <stdlib.h>

#include "base/rand.h"
#include "stack/tcp.h"
#include "unit.h"

#define OCTETS	600
#define BASE	0xffffff00u	/* the numbers wrap in the middle */
#define MSS	10

struct twin {
	bool	has[OCTETS];
	int	una;
};

static struct seq at(int i)
{
	return SEQ(BASE + (uint32_t)i);
}

static uint32_t twin_add(struct twin *t, int from, int to)
{
	uint32_t new = 0;

	for (int i = from; i < to; i++) {
		new += !t->has[i];
		t->has[i] = true;
	}
	return new;
}

static uint32_t twin_bytes(const struct twin *t, int from, int to)
{
	uint32_t n = 0;

	for (int i = from; i < to; i++)
		n += t->has[i];
	return n;
}

/* RFC 6675 4: IsLost as it is written, for one octet that is not there. */
static bool twin_is_lost(const struct twin *t, int seq)
{
	uint32_t octets = 0, ranges = 0;

	for (int i = seq + 1; i < OCTETS; i++) {
		octets += t->has[i];
		ranges += t->has[i] && !t->has[i - 1];
	}
	return ranges >= 3 || octets > 2 * MSS;
}

static void same(const struct tcp_sb *sb, const struct twin *t)
{
	struct seq lost = tcp_sb_lost(sb, at(t->una), MSS);
	struct tcp_sack hole;
	int i = t->una;

	while (i < OCTETS) {
		int from = i, to;

		while (from < OCTETS && t->has[from])
			from++;
		for (to = from; to < OCTETS && !t->has[to]; to++)
			assert_int_equal(seq_lt(at(to), lost), twin_is_lost(t, to));
		assert_int_equal(tcp_sb_hole(sb, at(i), at(OCTETS), &hole), from < OCTETS);
		if (from < OCTETS) {
			assert_int_equal(hole.from.v, at(from).v);
			assert_int_equal(hole.to.v, at(to).v);
		}
		i = MAX(to, from + 1);
	}
}

static void board_is_a_set_of_octets(void **state)
{
	struct rng r;

	rng_seed(&r, 1);
	for (int round = 0; round < 200; round++) {
		struct tcp_sb *sb = NULL;
		struct twin t = { 0 };

		for (int step = 0; step < 40; step++) {
			int from = t.una + (int)rng_below(&r, (uint32_t)(OCTETS - t.una));
			int to = from + 1 + (int)rng_below(&r, 20);

			to = MIN(OCTETS, to);
			if (rng_below(&r, 8)) {
				assert_int_equal(tcp_sb_add(&sb, at(from), at(to)),
						 twin_add(&t, from, to));
			} else {
				t.una += (int)rng_below(&r, 30);
				t.una = MIN(t.una, OCTETS - 1);
				memset(t.has, 0, (size_t)t.una);
				tcp_sb_ack(sb, at(t.una));
			}
			assert_int_equal(tcp_sb_bytes(sb, at(from), at(to)),
					 twin_bytes(&t, MAX(from, t.una), to));
			same(sb, &t);
		}
		free(sb);
	}
}

static void board_has_a_bound(void **state)
{
	struct tcp_sb *sb = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < 5000; i++)
		n += tcp_sb_add(&sb, SEQ(i * 10), SEQ(i * 10 + 5));
	assert_int_equal(sb->n, 1024);
	assert_int_equal(n, 1024 * 5);
	free(sb);
}

static void newest_block_first(void **state)
{
	struct tcpc tc = { .sack_ok = true };
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
	assert_int_equal(tc.n_sacks, 2);
	assert_int_equal(tc.sacks[0].to.v, 400);
	tc.rcv_nxt = SEQ(400);
	tcp_sack_advance(&tc);
	assert_int_equal(tc.n_sacks, 1);
}

static void at_most_four_blocks(void **state)
{
	struct tcpc tc = { .sack_ok = true };
	struct tcp_opts o = { 0 };

	for (uint32_t i = 1; i < 10; i++)
		tcp_sack_note(&tc, SEQ(i * 100), SEQ(i * 100 + 50));
	tcp_dsack_note(&tc, SEQ(10), SEQ(20));
	tcp_sack_fill(&tc, &o);
	assert_int_equal(o.n_sack, TCP_MAX_SACK);
	assert_int_equal(o.sack[0].from.v, 10);		/* RFC 2883 4 */
	assert_int_equal(o.sack[1].from.v, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(board_is_a_set_of_octets),
		cmocka_unit_test(board_has_a_bound),
		cmocka_unit_test(newest_block_first),
		cmocka_unit_test(at_most_four_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
