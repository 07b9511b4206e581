/* tcp_sent.c - the records of what was sent, against one note for each octet */
#include <stdlib.h>

#include "base/rand.h"
#include "stack/tcp_sent.h"
#include "unit.h"

/* The code itself, each look at a record counted. */
static unsigned long looks;

static struct sent *counted_nth(const struct sent_log *l, uint32_t i)
{
	looks++;
	return sent_nth(l, i);
}

#define sent_nth counted_nth
#include "stack/tcp_sent.c"
#include "stack/tcp_late.c"

#define OCTETS	600
#define BASE	0xffffff00u	/* the numbers wrap in the middle */

struct octet {
	int		state;
	bool		rxt;
	uint32_t	at;
};

struct twin {
	struct octet	o[OCTETS];
	int		una, nxt;
	uint32_t	newest;		/* that overtook others */
};

static struct seq at(int i)
{
	return SEQ(BASE + (uint32_t)i);
}

static void same_octet(const struct sent *s, const struct octet *o)
{
	assert_int_equal(s->state, o->state);
	if (o->state == SENT_SACKED)
		return;
	assert_int_equal(s->rxt, o->rxt);
	if (o->state == SENT_FLYING)
		assert_int_equal(s->at, o->at);
}

static void same(const struct sent_log *l, const struct twin *t)
{
	uint32_t sums[3] = { 0 };
	int i = t->una;

	assert_int_equal(l->una.v, at(t->una).v);
	for (uint32_t k = 0; k < l->n; k++) {
		for (; seq_lt(at(i), sent_nth(l, k)->end); i++) {
			same_octet(sent_nth(l, k), &t->o[i]);
			sums[t->o[i].state]++;
		}
	}
	assert_int_equal(i, t->nxt);
	assert_int_equal(l->sacked, sums[SENT_SACKED]);
	assert_int_equal(l->lost, sums[SENT_LOST]);
}

static void same_lost(const struct sent_log *l, const struct twin *t)
{
	struct tcp_sack r;
	int from = t->una, to;

	while (from < t->nxt && t->o[from].state != SENT_LOST)
		from++;
	for (to = from; to < t->nxt && t->o[to].state == SENT_LOST;)
		to++;
	assert_int_equal(sent_first_lost(l, &r), from < t->nxt);
	if (from < t->nxt) {
		assert_int_equal(r.from.v, at(from).v);
		assert_int_equal(r.to.v, at(to).v);
	}
}

/* Octets from .. to of the twin arrive; what the records say of it. */
static void arrive(struct twin *t, int from, int to, int state, const struct heard *h)
{
	uint32_t new = 0;
	bool rxt = false, once = false;

	for (int i = from; i < to; i++) {
		if (t->o[i].state == SENT_SACKED)
			continue;
		new++;
		rxt |= t->o[i].rxt;
		once |= !t->o[i].rxt;
		t->o[i].state = state;
	}
	assert_int_equal(h->delivered, new);
	assert_int_equal(h->rxt, rxt);
	assert_int_equal(h->sampled, once);
}

static void do_new(struct sent_log *l, struct twin *t, uint32_t now)
{
	int n = MIN((int)(now % 37) + 1, OCTETS - t->nxt);

	if (!n)
		return;
	for (int i = 0; i < n; i++)
		t->o[t->nxt++] = (struct octet){ .at = now };
	sent_new(l, at(t->nxt), now, 0);
}

static void do_again(struct sent_log *l, struct twin *t, uint32_t now)
{
	struct tcp_sack r;

	if (!sent_first_lost(l, &r))
		return;
	if (seq_diff(r.to, r.from) > 20)
		r.to = seq_add(r.from, 20);
	sent_again(l, r.from, r.to, now);
	for (int i = seq_diff(r.from, at(0)); seq_lt(at(i), r.to); i++)
		t->o[i] = (struct octet){ .rxt = true, .at = now };
}

static void do_ack(struct sent_log *l, struct twin *t, int to)
{
	struct heard h = { 0 };

	sent_ack(l, at(to), &h);
	arrive(t, t->una, to, SENT_SACKED, &h);
	t->una = to;
}

static void do_sack(struct sent_log *l, struct twin *t, int from, int to)
{
	struct heard h = { 0 };
	uint32_t new = sent_sack(l, at(from), at(to), &h);

	assert_int_equal(new, h.delivered);
	arrive(t, MAX(from, t->una), to, SENT_SACKED, &h);
}

static void do_lose(struct sent_log *l, struct twin *t, uint32_t k)
{
	if (k >= l->n)
		return;
	for (int i = seq_diff(sent_start(l, k), at(0)); seq_lt(at(i), sent_nth(l, k)->end); i++) {
		if (t->o[i].state == SENT_FLYING)
			t->o[i].state = SENT_LOST;
	}
	sent_lose(l, k);
}

static void do_unlose(struct sent_log *l, struct twin *t)
{
	/* Records that were joined have the time of the last. */
	for (uint32_t k = 0; k < l->n; k++) {
		for (int i = seq_diff(sent_start(l, k), at(0)); seq_lt(at(i), sent_nth(l, k)->end);
		     i++) {
			if (t->o[i].state != SENT_LOST)
				continue;
			t->o[i].state = SENT_FLYING;
			t->o[i].at = sent_nth(l, k)->at;
		}
	}
	sent_unlose(l);
}

/* What overtakes never grows older. Time alone decides: its end is before all. */
static void do_overtaken(struct sent_log *l, struct twin *t, uint32_t when, uint32_t since)
{
	uint32_t wait = 0;

	t->newest = when = MAX(t->newest, when);
	for (int i = t->una; i < t->nxt; i++) {
		struct octet *o = &t->o[i];

		if (o->state != SENT_FLYING || o->at >= when)
			continue;
		if (o->at <= since)
			o->state = SENT_LOST;
		else
			wait = MAX(wait, o->at - since);
	}
	assert_int_equal(sent_lose_overtaken(l, when, at(-1), since), wait);
}

static void do_renege(struct sent_log *l, struct twin *t)
{
	if (!l->n)
		return;
	for (uint32_t k = 0; k < l->n; k++) {
		int i = seq_diff(sent_start(l, k), at(0));

		for (; seq_lt(at(i), sent_nth(l, k)->end); i++) {
			if (t->o[i].state == SENT_SACKED)
				t->o[i] = (struct octet){ .at = sent_nth(l, k)->at,
							  .rxt = sent_nth(l, k)->rxt };
		}
	}
	sent_renege(l);
}

static void step(struct sent_log *l, struct twin *t, struct rng *r, uint32_t now)
{
	int span = t->nxt - t->una;
	int from = t->una + (span ? (int)rng_below(r, (uint32_t)span) : 0);
	int to = from + (from < t->nxt ? 1 + (int)rng_below(r, (uint32_t)(t->nxt - from)) : 0);

	switch (rng_below(r, 10)) {
	case 0: case 1:
		do_new(l, t, now);
		break;
	case 2: case 3:
		do_again(l, t, now);
		break;
	case 4:
		do_lose(l, t, rng_below(r, 5));
		break;
	case 5:
		do_sack(l, t, from, MIN(to, from + 30));
		break;
	case 6:
		do_ack(l, t, MIN(from, t->una + 30));
		break;
	case 7: case 8:
		do_overtaken(l, t, now - rng_below(r, 20), now - rng_below(r, 40));
		break;
	default:
		if (rng_below(r, 8) == 0)
			do_unlose(l, t);
		else if (rng_below(r, 8) == 0)
			do_renege(l, t);
	}
}

static void records_are_notes_on_octets(void **state)
{
	struct rng r;

	rng_seed(&r, 1);
	for (int run = 0; run < 100; run++) {
		struct twin t = { 0 };
		struct sent_log l = { 0 };

		sent_init(&l, at(0));
		for (uint32_t now = 101; now < 400; now++) {
			step(&l, &t, &r, now);
			same(&l, &t);
			same_lost(&l, &t);
		}
		do_ack(&l, &t, t.nxt);
		same(&l, &t);
		assert_int_equal(l.n, 0);
		sent_free(&l);
	}
}

/* A receiver that invents blocks gets no more records than the bound. */
static void blocks_have_a_bound(void **state)
{
	struct sent_log l = { 0 };
	struct heard h = { 0 };

	sent_init(&l, SEQ(0));
	sent_new(&l, SEQ(1000000), 1, 0);
	for (uint32_t i = 0; i < 50000; i++)
		sent_sack(&l, SEQ(i * 10 + 5), SEQ(i * 10 + 10), &h);
	assert_true(l.n >= 4096 && l.n <= 4098);
	sent_free(&l);
}

/* What is sent within a quantum shares a record with the time of its first. */
static void a_quantum_is_one_record(void **state)
{
	struct sent_log l = { 0 };

	sent_init(&l, SEQ(0));
	for (uint32_t now = 0; now < 1000; now++)
		sent_new(&l, SEQ((now + 1) * 10), now, 99);
	assert_int_equal(l.n, 10);
	assert_int_equal(sent_nth(&l, 3)->at, 300);
	assert_int_equal(sent_nth(&l, 3)->end.v, 4000);
	sent_free(&l);
}

/* What goes again divides what is sent within a quantum: its arrival tells of what was sent
 * before it only, also if all went in one turn. */
static void what_goes_again_has_its_place(void **state)
{
	struct sent_log l = { 0 };
	struct heard h = { .not_after = 9 };

	sent_init(&l, SEQ(0));
	sent_new(&l, SEQ(10), 1, 99);
	sent_lose(&l, 0);
	sent_new(&l, SEQ(20), 2, 99);
	sent_new(&l, SEQ(30), 3, 0);
	sent_again(&l, SEQ(0), SEQ(10), 3);
	sent_new(&l, SEQ(40), 3, 99);
	assert_int_equal(l.n, 4);
	sent_sack(&l, SEQ(20), SEQ(30), &h);
	sent_lose_overtaken(&l, h.at, h.end, h.at);
	assert_int_equal(l.lost, 10);
	sent_ack(&l, SEQ(10), &h);
	assert_true(h.any && seq_eq(h.end, SEQ(10)));
	sent_lose_overtaken(&l, h.at, h.end, h.at);
	assert_int_equal(l.lost, 10);
	sent_free(&l);
}

/* RFC 8985 6.2: what arrives after something sent behind it was overtaken. */
static void overtaking_is_seen(void **state)
{
	struct sent_log l = { 0 };
	struct heard h = { 0 }, h2 = { 0 };

	sent_init(&l, SEQ(0));
	sent_new(&l, SEQ(10), 1, 0);
	sent_new(&l, SEQ(20), 2, 0);
	sent_sack(&l, SEQ(10), SEQ(20), &h);
	assert_false(h.reordered);
	sent_ack(&l, SEQ(20), &h2);
	assert_true(h2.reordered);
	assert_int_equal(h2.delivered, 10);
	assert_int_equal(h2.at, 1);
	sent_free(&l);
}

/* Sent again a moment ago, it cannot be that copy which arrived. */
static void an_early_copy_tells_no_time(void **state)
{
	struct sent_log l = { 0 };
	struct heard h = { .not_after = 90 };

	sent_init(&l, SEQ(0));
	sent_new(&l, SEQ(10), 1, 0);
	sent_again(&l, SEQ(0), SEQ(10), 95);
	sent_ack(&l, SEQ(10), &h);
	assert_true(h.rxt && !h.any && !h.sampled);
	assert_int_equal(h.delivered, 10);
	sent_free(&l);
}

/* Every second of n frames arrives, each told by an ACK of its own; what is lost goes
 * again at once, and all of that arrives; lost is what was overtaken by wnd or more.
 * Returned are the looks for each frame. */
static unsigned long looks_for(uint32_t n, uint32_t wnd)
{
	struct sent_log l = { 0 };
	struct tcp_sack r;

	sent_init(&l, SEQ(0));
	for (uint32_t i = 0; i < n; i++)
		sent_new(&l, SEQ((i + 1) * 10), i, 0);
	looks = 0;
	for (uint32_t i = 1; i < n; i += 2) {
		struct heard h = { 0 };

		sent_sack(&l, SEQ(i * 10), SEQ((i + 1) * 10), &h);
		sent_lose_overtaken(&l, h.at, h.end, h.at - wnd);
		if (sent_first_lost(&l, &r))
			sent_again(&l, r.from, r.to, n + i);
	}
	assert_int_equal(sent_sacked_runs(&l), n / 2);
	for (uint32_t i = 0; i < n; i += 2) {
		struct heard h = { .not_after = 2 * n };

		sent_ack(&l, SEQ(i * 10), &h);
		sent_sack(&l, SEQ(i * 10), SEQ((i + 1) * 10), &h);
		sent_lose_overtaken(&l, h.at, h.end, h.at - wnd);
	}
	sent_free(&l);
	return looks / n;
}

/* What an ACK costs does not grow with the window, but as a search does. */
static void a_step_is_no_walk(void **state)
{
	assert_true(looks_for(2048, 0) <= 2 * looks_for(64, 0));
	assert_true(looks_for(2048, 512) <= 2 * looks_for(64, 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_notes_on_octets),
		cmocka_unit_test(blocks_have_a_bound),
		cmocka_unit_test(a_quantum_is_one_record),
		cmocka_unit_test(what_goes_again_has_its_place),
		cmocka_unit_test(overtaking_is_seen),
		cmocka_unit_test(an_early_copy_tells_no_time),
		cmocka_unit_test(a_step_is_no_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
