/* tcp_hystart.c - the rounds of HyStart++ (RFC 9406 4.2), counted by hand */
#include "unit.h"

#include "stack/hystart.h"

#define MSS 1000u

struct run {
	struct hystart	h;
	uint32_t	una, nxt;
};

static void start(struct run *r)
{
	*r = (struct run){ .una = 0, .nxt = 20 * MSS };
	hystart_begin(&r->h, SEQ(0));
}

/* One ACK of bytes; as much again is sent. True: slow start is over. */
static bool ack(struct run *r, uint32_t bytes, uint32_t rtt)
{
	struct hystart_ack a = { SEQ(r->una += bytes), SEQ(r->nxt += bytes), bytes, MSS, rtt };

	return hystart_in(&r->h, &a);
}

/* A window of 20 segments, ACKed by twos. */
static bool whole_round(struct run *r, uint32_t rtt)
{
	bool over = false;

	for (int i = 0; i < 10; i++)
		over |= ack(r, 2 * MSS, rtt);
	return over;
}

/* 100 ms: an eighth is 12.5 ms. */
static void test_threshold(void **state)
{
	struct run r;

	start(&r);
	whole_round(&r, 100000);
	whole_round(&r, 112400);
	assert_int_equal(r.h.css, 0);
	whole_round(&r, 124800);	/* against 112.4: 14.05 ms */
	assert_int_equal(r.h.css, 0);
	whole_round(&r, 138850 + 1600);
	assert_int_not_equal(r.h.css, 0);
}

/* Local jitter of less than 4 ms is none; 20 ms are more than 16 whatever the path. */
static void test_bounds(void **state)
{
	struct run r;

	start(&r);
	whole_round(&r, 50);
	whole_round(&r, 3900);
	assert_int_equal(r.h.css, 0);
	whole_round(&r, 7900);
	assert_int_not_equal(r.h.css, 0);

	start(&r);
	whole_round(&r, 500000);
	whole_round(&r, 515900);
	assert_int_equal(r.h.css, 0);
	whole_round(&r, 531900);
	assert_int_not_equal(r.h.css, 0);
}

/* Eight samples: seven slow ones prove nothing, and one fast one among eight is enough. */
static void test_eight_samples(void **state)
{
	struct run r;

	start(&r);
	whole_round(&r, 20000);
	for (int i = 0; i < 7; i++)
		ack(&r, 2 * MSS, 30000);
	assert_int_equal(r.h.css, 0);
	ack(&r, 2 * MSS, 20100);
	assert_int_equal(r.h.css, 0);
	ack(&r, 2 * MSS, 30000);
	assert_int_equal(r.h.css, 0);
}

/* Super-frames: two ACKs are a round's evidence, one is not. */
static void test_super_frames(void **state)
{
	struct run r;

	start(&r);
	r.nxt = 200 * MSS;
	ack(&r, 60 * MSS, 20000);
	ack(&r, 60 * MSS, 20000);
	ack(&r, 150 * MSS, 30000);	/* the next round begins */
	assert_int_equal(r.h.css, 0);
	ack(&r, 60 * MSS, 30000);
	assert_int_equal(r.h.css, 5);
}

/* Five rounds of a quarter of the growth, the one it began in being the first. */
static void test_css_ends(void **state)
{
	struct run r;
	int rounds = 0;

	start(&r);
	whole_round(&r, 20000);
	assert_int_equal(hystart_growth(&r.h, 4000), 4000);
	whole_round(&r, 30000);
	assert_int_equal(r.h.css, 5);
	assert_int_equal(hystart_growth(&r.h, 4000), 1000);
	while (!whole_round(&r, 30000))
		assert_true(++rounds < 10);
	assert_int_equal(rounds, 4);
}

static void test_false_alarm(void **state)
{
	struct run r;

	start(&r);
	whole_round(&r, 20000);
	whole_round(&r, 30000);
	assert_int_not_equal(r.h.css, 0);
	assert_false(whole_round(&r, 29000));
	assert_int_equal(r.h.css, 0);
	assert_int_equal(hystart_growth(&r.h, 4000), 4000);
}

static void test_no_samples(void **state)
{
	struct run r;

	start(&r);
	for (int i = 0; i < 20; i++)
		assert_false(whole_round(&r, 0));
	assert_int_equal(r.h.css, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_eight_samples),
		cmocka_unit_test(test_super_frames),
		cmocka_unit_test(test_css_ends),
		cmocka_unit_test(test_false_alarm),
		cmocka_unit_test(test_no_samples),
	};

	return cmocka_run_group_tests_name("tcp_hystart", tests, NULL, NULL);
}
