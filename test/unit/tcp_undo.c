/* tcp_undo.c - which reductions of the window may still be put back, and are
 *
 * The sender's end of a real connection is told of reductions and duplicates that never
 * happened; the scripts in test/pkt/recovery have those that do.
 */
#include "tcp_net.h"

#define BIG	(1u << 30)

struct conn {
	struct net	*n;
	struct sock	*s[2];
	struct tcpc	*tc;
	struct seq	una;
};

static struct conn begin(void)
{
	struct conn c = { .n = net_new(1) };

	net_pair(c.n, false, c.s);
	c.tc = tcpc_of(c.s[0]);
	c.una = c.tc->snd_una;
	return c;
}

static void end(struct conn *c)
{
	c->tc->snd_una = c->una;
	tcp_undo_forget(c->tc);
	for (int i = 0; i < 2; i++) {
		sock_abort(c->s[i]);
		sock_close(c->s[i]);
	}
	net_run(c->n, USEC_PER_SEC);
	net_free(c->n);
}

struct cut { uint32_t from, to, rxt, cwnd, ssthresh; bool wrong; };

/* A reduction for what lies between two octets, some of which went again. */
static void reduce(struct conn *c, struct cut k)
{
	struct undo u = { .cwnd = k.cwnd, .ssthresh = k.cwnd, .from = seq_add(c->una, k.from),
			  .rxt = k.rxt, .again = true, .valid = k.wrong };
	struct prr prr = { 0 };

	tcp_undo_begin(c->tc, &u, &prr);
	c->tc->ssthresh = c->tc->cwnd = k.ssthresh;
	c->tc->recover = seq_add(c->una, k.to);
}

static void twice(struct conn *c, uint32_t from, uint32_t to)
{
	struct ack_news n = { .dsack = true };
	struct seg sg = { 0 };

	n.twice = (struct tcp_sack){ seq_add(c->una, from), seq_add(c->una, to) };
	tcp_undo_ack(c->tc, &sg, &n);
}

static uint32_t kept_of(struct cut k)
{
	struct conn c = begin();
	uint32_t n;

	reduce(&c, k);
	reduce(&c, (struct cut){ 50000, 60000, 1000, 5000, 2500, true });
	n = c.tc->cut->n_old;
	end(&c);
	return n;
}

/* Only one that took something, sent something again and may have been wrong. */
static void not_every_one_is_kept(void **state)
{
	assert_int_equal(kept_of((struct cut){ 0, 10000, 1000, 10000, 5000, true }), 1);
	assert_int_equal(kept_of((struct cut){ 0, 10000, 1000, 10000, 5000, false }), 0);
	assert_int_equal(kept_of((struct cut){ 0, 10000, 0, 10000, 5000, true }), 0);
	assert_int_equal(kept_of((struct cut){ 0, 10000, 1000, 10000, 10000, true }), 0);
	assert_int_equal(kept_of((struct cut){ 10000, 10000, 1000, 10000, 5000, true }), 0);
}

static void the_oldest_is_forgotten(void **state)
{
	struct conn c = begin();

	for (uint32_t i = 0; i <= OLD_CUTS + 2; i++)
		reduce(&c, (struct cut){ i * 1000, i * 1000 + 1000, 1, 9000, 9000 - 100 * (i + 1), true });
	assert_int_equal(c.tc->cut->n_old, OLD_CUTS);
	for (uint32_t i = 0; i < OLD_CUTS; i++)
		assert_int_equal(c.tc->cut->old[i].took, 100 * (i + 3));
	end(&c);
}

/* Each is heard of by its own octets, and gives back what it took, once. */
static void each_gives_back_its_part(void **state)
{
	struct conn c = begin();

	for (uint32_t i = 0; i < 4; i++)
		reduce(&c, (struct cut){ i * 1000, i * 1000 + 1000, 500, 9000, 9000 - 1000 * (i + 1), true });
	c.tc->snd_una = seq_add(c.una, 3000);
	assert_int_equal(c.tc->ssthresh, 5000);
	twice(&c, 1000, 1499);
	assert_int_equal(c.tc->cut->n_old, 3);
	assert_int_equal(c.tc->ssthresh, 5000);
	twice(&c, 1499, 1500);
	assert_int_equal(c.tc->ssthresh, 7000);
	assert_int_equal(c.tc->cwnd, 7000);
	assert_int_equal(c.tc->cut->n_old, 2);
	assert_int_equal(c.tc->cut->old[0].took, 1000);
	assert_int_equal(c.tc->cut->old[1].took, 3000);
	twice(&c, 1000, 2000);
	assert_int_equal(c.tc->ssthresh, 7000);
	end(&c);
}

/* What is not acknowledged yet, or so long ago that it may be of another round, is not. */
static void octets_of_another_time_are_not_theirs(void **state)
{
	static const struct { uint32_t una; bool back; } rows[] = {
		{ 999, false }, { 1000, true }, { 1000 + BIG - 1, true }, { 1000 + BIG, false },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct conn c = begin();

		reduce(&c, (struct cut){ 0, 1000, 500, 9000, 8000, true });
		reduce(&c, (struct cut){ 2000, 3000, 500, 9000, 5000, true });
		c.tc->snd_una = seq_add(c.una, rows[i].una);
		twice(&c, 0, 499);
		assert_int_equal(c.tc->cut->n_old, rows[i].back);
		twice(&c, 0, 500);
		assert_int_equal(c.tc->ssthresh, rows[i].back ? 6000 : 5000);
		assert_int_equal(c.tc->cut->n_old, 0);
		end(&c);
	}
}

/* A recovery that may go on leaves nothing to put back; one that was right, the others. */
static void disowned_or_right(void **state)
{
	struct conn c = begin();

	tcp_undo_disown(c.tc);
	tcp_undo_never(c.tc);
	assert_null(c.tc->cut);
	reduce(&c, (struct cut){ 0, 1000, 500, 9000, 8000, true });
	reduce(&c, (struct cut){ 1000, 2000, 500, 9000, 5000, true });
	tcp_undo_recovered(c.tc);
	assert_true(tcp_may_undo(c.tc));
	tcp_undo_never(c.tc);
	assert_false(tcp_may_undo(c.tc));
	assert_int_equal(c.tc->cut->n_old, 1);
	reduce(&c, (struct cut){ 2000, 3000, 500, 9000, 5000, true });
	tcp_undo_disown(c.tc);
	assert_false(tcp_may_undo(c.tc));
	assert_int_equal(c.tc->cut->n_old, 0);
	tcp_undo_recovered(c.tc);
	assert_null(c.tc->cut);
	end(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_every_one_is_kept),
		cmocka_unit_test(the_oldest_is_forgotten),
		cmocka_unit_test(each_gives_back_its_part),
		cmocka_unit_test(octets_of_another_time_are_not_theirs),
		cmocka_unit_test(disowned_or_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
