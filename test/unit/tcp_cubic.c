/* tcp_cubic.c - CUBIC's integers against the formulas of RFC 9438 in floating point */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "stack/cubic.h"

#define MSS 1448u

/* --- the cube root --- */

static void test_root_is_exact(void **state)
{
	uint64_t limit = 2642245;	/* its cube is the last below 2^64 */

	for (uint64_t r = 0; r <= limit; r += 1 + r / 1000) {
		assert_int_equal(cubic_root(r * r * r), r);
		if (r)
			assert_int_equal(cubic_root(r * r * r - 1), r - 1);
	}
	assert_int_equal(cubic_root(limit * limit * limit), limit);
	assert_int_equal(cubic_root(UINT64_MAX), limit);
}

/* --- by hand --- */

static struct cubic_ack ack_of(uint32_t cwnd, uint32_t acked, uint32_t now, uint32_t rtt)
{
	return (struct cubic_ack){ cwnd, acked, MSS, now, rtt };
}

/* 100 segments, decrease to 70: K = cbrt(30 / 0.4) = 4.2172 s; then W_cubic(0) is
 * 71, as what is missing is 29.997 segments, and W_cubic(K) 100. */
static void test_decrease_by_hand(void **state)
{
	struct cubic cu = { 0 };
	uint32_t cwnd = cubic_reduce(&cu, 100 * 1000, 1000, CUBIC_BETA);
	struct cubic_ack a = { 70000, 1000, 1000, 5000, 100 };

	assert_in_range(cwnd, 70000, 70100);
	cubic_grow(&cu, &a);
	assert_int_equal(cu.k, 4217);
	assert_int_equal(cubic_window(&cu, 1000, 0), 71000);
	assert_int_equal(cubic_window(&cu, 1000, 4217), 100000);
	assert_int_equal(cubic_window(&cu, 1000, 5217), 100000);	/* C * 1^3 */
	assert_int_equal(cubic_window(&cu, 1000, 6217), 103000);	/* C * 2^3 */
	assert_int_equal(cubic_window(&cu, 1000, 14217), 500000);	/* C * 10^3 */
}

/* RFC 9438 4.7: at 90 of 100: W_max = 90 * 1.7 / 2 = 76.5; at 80, above it: 80. */
static void test_fast_convergence(void **state)
{
	struct cubic cu = { 0 };

	cubic_reduce(&cu, 100000, 1000, CUBIC_BETA);
	assert_int_equal(cu.w_max, 100000);
	cubic_reduce(&cu, 90000, 1000, CUBIC_BETA);
	assert_in_range(cu.w_max, 76500, 76520);
	assert_int_equal(cu.prior, 90000);
	cubic_reduce(&cu, 80000, 1000, CUBIC_BETA);
	assert_int_equal(cu.w_max, 80000);
}

/* RFC 8511 3.1; at least two segments (RFC 9438 4.6). */
static void test_betas(void **state)
{
	struct cubic cu = { 0 };

	assert_in_range(cubic_reduce(&cu, 100000, 1000, CUBIC_BETA_ECN), 85000, 85100);
	assert_int_equal(cubic_reduce(&cu, 2500, 1000, CUBIC_BETA), 2000);
}

/* RFC 9438 4.8: after a timeout the end of slow start is the plateau. */
static void test_timeout_forgets(void **state)
{
	struct cubic cu = { 0 };
	struct cubic_ack a = ack_of(50 * MSS, MSS, 1000, 100);

	cubic_reduce(&cu, 100 * MSS, MSS, CUBIC_BETA);
	cubic_forget(&cu);
	cubic_grow(&cu, &a);
	assert_int_equal(cu.k, 0);
	assert_int_equal(cu.w_max, 50 * MSS);
}

/* RFC 9438 5.8: ten seconds of silence are not ten seconds of growth. */
static void test_silence_is_skipped(void **state)
{
	struct cubic one = { 0 }, two;
	struct cubic_ack a = ack_of(700 * MSS, MSS, 1000, 100);
	uint32_t w;

	cubic_reduce(&one, 1000 * MSS, MSS, CUBIC_BETA);
	cubic_grow(&one, &a);
	two = one;
	a.now += 100;
	w = cubic_grow(&one, &a);
	cubic_skip(&two, 10000);
	a.now += 10000;
	assert_int_equal(cubic_grow(&two, &a), w);
}

/* --- the curve --- */

/* Segments to the plateau (less than 0), or from it; they count whole. */
static double way(double k, double t)
{
	return 0.4 * pow(t - k, 3);
}

/* Within a byte and a millionth; where a segment is all but whole it may count or not. */
static void test_curve(void **state)
{
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 100000; i++) {
		uint32_t mss = 88 + rng_below(&rng, 9000), t = rng_below(&rng, 60000);
		struct cubic cu = { .w_max = mss + rng_below(&rng, 1u << 28),
				    .k = rng_below(&rng, 30000) };
		double segments = way(cu.k / 1e3, t / 1e3);
		double want = cu.w_max + mss * trunc(segments), got = cubic_window(&cu, mss, t);

		if (fabs(segments - round(segments)) < 0.001)
			continue;

		want = fmin(fmax(want, 0), 1u << 30);
		assert_true(fabs(got - want) < 2 + want * 1e-6);
	}
}

/* --- growth over seconds --- */

/* The RFC's own words in segments, whole ones as Linux's, and seconds, an ACK for each segment. */
struct ref {
	double cwnd, w_max, w_est, prior, k, epoch;
	bool running;
};

static void ref_ack(struct ref *r, double acked, double now, double rtt)
{
	double t, target, w;

	if (!r->running) {
		r->running = true;
		r->epoch = now;
		r->w_est = r->cwnd;
		r->k = cbrt(fmax(r->w_max - r->cwnd, 0) / 0.4);
	}
	t = now - r->epoch;
	r->w_est += (r->w_est < r->prior ? 9.0 / 17 : 1) * acked / r->cwnd;
	w = r->w_max + trunc(way(r->k, t));
	target = fmin(fmax(r->w_max + trunc(way(r->k, t + rtt)), r->cwnd), 1.5 * r->cwnd);
	if (w < r->w_est)
		r->cwnd = fmax(r->cwnd, r->w_est);
	else
		r->cwnd += (target - r->cwnd) * acked / r->cwnd;
}

struct path { double w_max, rtt; uint32_t per_ack; double seconds; };

/* Sends a window each round trip, acknowledged evenly over it. */
static double worst_error(const struct path *p)
{
	struct cubic cu = { 0 };
	uint32_t w = (uint32_t)(p->w_max * MSS), cwnd = cubic_reduce(&cu, w, MSS, CUBIC_BETA);
	struct ref r = { .cwnd = (double)cwnd / MSS, .w_max = p->w_max, .prior = p->w_max };
	double now = 1, worst = 0, ref_now = 1;

	while (now < 1 + p->seconds) {
		uint32_t bytes = MIN(p->per_ack * MSS, cwnd);
		struct cubic_ack a = ack_of(cwnd, bytes, (uint32_t)(now * 1000),
					    (uint32_t)(p->rtt * 1000));

		cwnd = cubic_grow(&cu, &a);
		now += p->rtt * bytes / cwnd;
		for (; ref_now < now; ref_now += p->rtt / r.cwnd)
			ref_ack(&r, 1, ref_now, p->rtt);
		worst = fmax(worst, fabs((double)cwnd / MSS - r.cwnd) / r.cwnd);
	}
	return worst;
}

/* Within 2 % whatever an ACK stands for: a segment, two, a super-frame. */
static void test_growth(void **state)
{
	static const struct path paths[] = {
		{ 20, 0.001, 1, 2 }, { 20, 0.010, 2, 10 }, { 100, 0.010, 2, 10 },
		{ 100, 0.100, 1, 20 }, { 100, 0.100, 44, 20 }, { 1000, 0.020, 2, 15 },
		{ 1000, 0.020, 44, 15 }, { 1000, 0.100, 2, 20 }, { 10000, 0.100, 44, 20 },
		{ 10000, 0.200, 2, 30 }, { 5000, 0.0005, 44, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		double e = worst_error(&paths[i]);

		if (e > 0.02)
			fprintf(stderr, "path %zu: error %.3f\n", i, e);
		assert_true(e <= 0.02);
	}
}

/* RFC 9438 4.4: never less than before, at most half as much again a round trip. */
static void test_bounds(void **state)
{
	struct rng rng;

	rng_seed(&rng, 2);
	for (int i = 0; i < 2000; i++) {
		struct cubic cu = { 0 };
		uint32_t mss = 88 + rng_below(&rng, 65000);
		uint32_t cwnd = 2 * mss + rng_below(&rng, 1u << 26), now = rng_below(&rng, UINT32_MAX);

		if (rng_below(&rng, 2))
			cwnd = cubic_reduce(&cu, cwnd, mss, CUBIC_BETA);
		for (int k = 0; k < 50; k++) {
			struct cubic_ack a = { cwnd, 1 + rng_below(&rng, 2 * cwnd), mss,
					       now += rng_below(&rng, 5000), rng_below(&rng, 1000) };
			uint32_t new = cubic_grow(&cu, &a);

			assert_in_range(new, cwnd, cwnd + MAX(cwnd / 2, mss) + 1);
			cwnd = new;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_is_exact),
		cmocka_unit_test(test_decrease_by_hand),
		cmocka_unit_test(test_fast_convergence),
		cmocka_unit_test(test_betas),
		cmocka_unit_test(test_timeout_forgets),
		cmocka_unit_test(test_silence_is_skipped),
		cmocka_unit_test(test_curve),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("tcp_cubic", tests, NULL, NULL);
}
