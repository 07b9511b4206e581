/* plug_fault.c - each fault in virtual time, and that runs repeat */
#include "plug/fault.h"
#include "plug/classic.h"
#include "plug_ends.h"

static usec now;

static void make(struct fault_conf conf)
{
	struct plug *end[2];

	now = 1000000;
	if (!conf.queue)
		conf.queue = 100;
	assert_int_equal(plug_pair(end), 0);
	ends_take(fault_new(end[0], &conf, now), end[1]);
}

/* Lets time pass; everything due by then has arrived. */
static void run_until(usec end)
{
	do {
		plug_run(a, now);
		plug_recv(b, 100000);
		plug_recv(a, 100000);
		now = MIN(MAX(plug_deadline(a), now), end);
		plug_run(a, now);
		plug_recv(b, 100000);
	} while (now < end);
}

static void send_a(uint32_t n)
{
	plug_send(a, plain_frame(arena, 1000, n));
	plug_run(a, now);
}

static void send_b(uint32_t n)
{
	plug_send(b, plain_frame(arena, 1000, n));
	plug_flush(b);
	plug_recv(a, 10);
	plug_run(a, now);
}

static void without_faults_frames_pass_at_once(void **state)
{
	make((struct fault_conf){ 0 });
	for (uint32_t i = 0; i < 100; i++) {
		send_a(i);
		send_b(i);
	}
	plug_recv(b, 1000);
	assert_int_equal(at_a.n, 100);
	assert_int_equal(at_b.n, 100);
	assert_int_equal(plug_deadline(a), NEVER);
	unmake();
}

static void delay_is_exact_in_both_directions(void **state)
{
	make((struct fault_conf){ .delay = 10000 });
	send_a(1);
	send_b(2);
	assert_int_equal(plug_deadline(a), now + 10000);
	run_until(now + 9999);
	assert_int_equal(at_a.n + at_b.n, 0);
	run_until(now + 1);
	assert_int_equal(at_a.n, 1);
	assert_int_equal(at_b.n, 1);
	unmake();
}

static void jitter_varies_and_keeps_the_order(void **state)
{
	usec first = NEVER, last = 0;

	make((struct fault_conf){ .delay = 10000, .jitter = 4000 });
	for (uint32_t i = 0; i < 200; i++) {
		usec start = now, took;

		send_a(i);
		while (!at_b.n)
			run_until(now + 10);
		took = now - start;
		assert_in_range(took, 6000, 14010);
		first = MIN(first, took);
		last = MAX(last, took);
		bag_empty(&at_b);
	}
	assert_true(last - first > 6000);
	for (uint32_t i = 0; i < 1000; i++) {
		send_a(i);
		run_until(now + 10);
	}
	run_until(now + 20000);
	for (uint32_t i = 0; i < 1000; i++) {
		struct pkt *pkt = bag_pop(&at_b);

		assert_int_equal(plain_number(pkt), i);
		pkt_free(pkt);
	}
	unmake();
}

/* How many of 10,000 frames arrive. */
static unsigned survivors(struct fault_conf conf)
{
	unsigned n;

	make(conf);
	for (uint32_t i = 0; i < 10000; i++) {
		send_a(i);
		plug_recv(b, 100);
	}
	run_until(now + 100000);
	n = at_b.n;
	assert_int_equal(a->tx_drops + (conf.dup > 0 ? 10000 : n), 10000);
	unmake();
	return n;
}

static void loss_and_dup_are_as_asked(void **state)
{
	assert_in_range(survivors((struct fault_conf){ .loss = .1, .seed = 3 }), 8900, 9100);
	assert_in_range(survivors((struct fault_conf){ .dup = .1, .seed = 3 }), 10900, 11100);
	assert_int_equal(survivors((struct fault_conf){ .loss = 1 }), 0);
}

static void one_bit_is_damaged(void **state)
{
	make((struct fault_conf){ .corrupt = 1 });
	for (uint32_t i = 0; i < 100; i++) {
		struct pkt *want = plain_frame(arena, 200, i), *got;
		unsigned bits = 0;
		uint32_t len;
		uint8_t *x = flat(want, &len), *y;

		plug_send(a, want);
		plug_run(a, now);
		plug_recv(b, 10);
		got = bag_pop(&at_b);
		y = flat(got, &len);
		assert_int_equal(len, 200);
		for (uint32_t k = 0; k < len; k++)
			bits += (unsigned)__builtin_popcount(x[k] ^ y[k]);
		assert_int_equal(bits, 1);
		pkt_free(got);
		free(x);
		free(y);
	}
	unmake();
}

/* The sender may send the same memory again: it must not be damaged. */
static void damage_is_done_to_a_copy(void **state)
{
	struct pkt *pkt, *again;

	make((struct fault_conf){ .corrupt = 1 });
	pkt = plain_frame(arena, 200, 7);
	again = pkt_clone(pkt);
	plug_send(a, pkt);
	plug_run(a, now);
	assert_int_equal(plain_number(again), 7);
	for (uint32_t i = 18; i < 200; i++)
		assert_int_equal(again->ext[0].p[i], 0);
	pkt_free(again);
	unmake();
}

static void some_frames_are_overtaken(void **state)
{
	unsigned late = 0;
	uint32_t top = 0;
	uint64_t seen = 0;

	make((struct fault_conf){ .reorder = .05, .delay = 1000, .seed = 9 });
	for (uint32_t i = 0; i < 2000; i++) {
		send_a(i);
		run_until(now + 100);
	}
	run_until(now + 10000);
	assert_int_equal(at_b.n, 2000);
	while (at_b.n) {
		struct pkt *pkt = bag_pop(&at_b);
		uint32_t n = plain_number(pkt);

		late += n < top;
		top = MAX(top, n);
		seen += n;
		pkt_free(pkt);
	}
	assert_in_range(late, 60, 140);
	assert_int_equal(seen, 2000ull * 1999 / 2);
	unmake();
}

/* 1000-byte frames over 8 Mb/s: one a millisecond. */
static void the_bottleneck_has_its_rate_and_queue(void **state)
{
	make((struct fault_conf){ .rate = 8000000, .queue = 50 });
	for (uint32_t i = 0; i < 100; i++)
		send_a(i);
	/* 50 full-size frames are 75,700 bytes. */
	assert_int_equal(a->tx_drops, 100 - 76);
	for (unsigned i = 1; i <= 76; i++) {
		run_until(now + 1000);
		assert_int_equal(at_b.n, i);
	}
	run_until(now + 100000);
	assert_int_equal(at_b.n, 76);
	unmake();
}

static uint64_t fingerprint(uint64_t seed)
{
	uint64_t h = 0;

	make((struct fault_conf){ .loss = .05, .dup = .05, .reorder = .05, .corrupt = .05,
				  .delay = 5000, .jitter = 1000, .seed = seed });
	for (uint32_t i = 0; i < 1000; i++) {
		send_a(i);
		if (i % 3 == 0)
			send_b(i);
		run_until(now + 50);
	}
	run_until(now + 100000);
	for (int dir = 0; dir < 2; dir++) {
		struct bag *bag = dir ? &at_a : &at_b;

		while (bag->n) {
			struct pkt *pkt = bag_pop(bag);

			h = h * 1000003 + plain_number(pkt);
			pkt_free(pkt);
		}
	}
	unmake();
	return h;
}

static void runs_repeat(void **state)
{
	uint64_t h = fingerprint(1);

	assert_true(fingerprint(1) == h);
	assert_true(fingerprint(2) != h);
}

/* Between stacks: super-frames are cut above, faults hit wire frames, and what
 * arrives is merged again. */
static void faults_see_wire_frames(void **state)
{
	struct seg s = { .seq = 1, .len = 14480 };
	struct plug *top;

	make((struct fault_conf){ .delay = 1000 });
	top = classic_new(a);
	top->deliver = bag_deliver;
	top->user = &at_a;
	plug_send(top, seg_out(arena, &s, 1448));
	plug_run(top, now);
	plug_send(b, seg_out(arena, &s, 1448));
	plug_flush(b);
	plug_recv(top, 10);
	plug_run(top, now);
	assert_int_equal(plug_deadline(top), now + 1000);
	plug_run(top, now + 1000);
	plug_recv(b, 100);
	assert_int_equal(at_b.n, 10);
	assert_int_equal(at_a.n, 1);
	assert_int_equal(pkt_len(list_first(&at_a.frames, struct pkt, link)), 14480 + 66);
	a = top;
	unmake();
}

static void options_are_read(void **state)
{
	static const struct { const char *locator, *says; } bad[] = {
		{ "fault://loss=2{/nowhere}", "option loss=2: not a share" },
		{ "fault://delay=x{/nowhere}", "option delay=x: not a time" },
		{ "fault://rate=0{/nowhere}", "option rate=0: not a rate" },
		{ "fault://rate=1MM{/nowhere}", "option rate=1MM: not a rate" },
		{ "fault://rate={/nowhere}", "option rate=: not a rate" },
		{ "fault://speed=3{/nowhere}", "no such option: speed (there are: loss, " },
		{ "fault://loss{/nowhere}", "option loss needs a value" },
		{ "fault://loss=1%", "needs a locator in braces" },
		{ "fault://loss=1%{/nowhere", "'}' is missing" },
		{ "fault://loss=1%/delay=10ms/jitter=2ms/reorder=5%/dup=1%/corrupt=0.1%/rate=100M/"
		  "queue=50/seed=7{vde:///nowhere}", "no such switch: /nowhere" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i].locator, bad[i].says);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_faults_frames_pass_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(delay_is_exact_in_both_directions, setup, teardown),
		cmocka_unit_test_setup_teardown(jitter_varies_and_keeps_the_order, setup, teardown),
		cmocka_unit_test_setup_teardown(loss_and_dup_are_as_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(one_bit_is_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_done_to_a_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(some_frames_are_overtaken, setup, teardown),
		cmocka_unit_test_setup_teardown(the_bottleneck_has_its_rate_and_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_repeat, setup, teardown),
		cmocka_unit_test_setup_teardown(faults_see_wire_frames, setup, teardown),
		cmocka_unit_test(options_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
