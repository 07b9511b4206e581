/* plug_pair.c - two ends, by reference, bounded, from two threads */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "plug_frames.h"

static struct arena *arena;
static struct plug *end[2];
static struct bag bag[2];
static atomic_int woken[2];

static void count_wake(struct plug *p)
{
	atomic_fetch_add(&woken[p == end[1]], 1);
}

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	assert_int_equal(plug_pair(end), 0);
	for (int i = 0; i < 2; i++) {
		bag_init(&bag[i]);
		end[i]->deliver = bag_deliver;
		end[i]->user = &bag[i];
		end[i]->wake = count_wake;
		woken[i] = 0;
	}
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		plug_close(end[i]);
		bag_empty(&bag[i]);
	}
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

static void packets_arrive_as_they_were_sent(void **state)
{
	struct seg s = { .seq = 1, .len = 60000 };
	struct pkt *pkt = seg_out(arena, &s, 1448);

	plug_send(end[0], pkt);
	assert_int_equal(plug_recv(end[1], 10), 0);	/* not flushed */
	assert_int_equal(plug_flush(end[0]), 0);
	assert_int_equal(woken[1], 1);
	assert_int_equal(plug_recv(end[1], 10), 1);
	assert_ptr_equal(list_first(&bag[1].frames, struct pkt, link), pkt);
	assert_int_equal(pkt->sum, PKT_SUM_PARTIAL);
	assert_int_equal(pkt->gso_size, 1448);
	assert_int_equal(end[0]->tx_frames, 1);
	assert_int_equal(end[1]->rx_bytes, pkt_len(pkt));
}

/* The queue of the sender and the inbox fill; then room tells, nothing is lost,
 * and the sender is woken when there is room again. */
static void a_full_wire_holds_the_sender(void **state)
{
	uint32_t sent = 0, got = 0;

	while (plug_room(end[0])) {
		plug_send(end[0], plain_frame(arena, 60, sent++));
		if (!plug_room(end[0]) && plug_flush(end[0]) == 0)
			continue;
	}
	assert_true(end[0]->want_write);
	assert_int_equal(plug_flush(end[0]), -EAGAIN);
	woken[0] = 0;
	while (got < sent) {
		assert_true(plug_recv(end[1], 64) > 0);
		assert_true(plug_flush(end[0]) <= 0);
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
	}
	assert_true(woken[0] > 0);
	assert_false(end[0]->want_write);
	assert_int_equal(end[0]->tx_drops, 0);
}

static void more_than_room_is_dropped_and_counted(void **state)
{
	uint32_t room = plug_room(end[0]);

	for (uint32_t i = 0; i < room + 5; i++)
		plug_send(end[0], plain_frame(arena, 60, i));
	assert_int_equal(end[0]->tx_drops, 5);
}

static void the_end_is_told_after_the_last_frame(void **state)
{
	plug_send(end[0], plain_frame(arena, 60, 1));
	plug_close(end[0]);
	end[0] = NULL;
	assert_int_equal(woken[1], 2);
	assert_int_equal(plug_recv(end[1], 10), 1);
	assert_int_equal(plug_recv(end[1], 10), -EPIPE);
	plug_send(end[1], plain_frame(arena, 60, 1));
	assert_int_equal(plug_flush(end[1]), -EPIPE);
}

#define MANY 200000u

static void *sender(void *arg)
{
	struct plug *p = arg;

	for (uint32_t i = 0; i < MANY; i++) {
		while (!plug_room(p)) {
			plug_flush(p);
			sched_yield();
		}
		plug_send(p, plain_frame(arena, 60, i));
		if (i % 7 == 0)
			plug_flush(p);
	}
	while (plug_flush(p) == -EAGAIN)
		sched_yield();
	return NULL;
}

static void two_threads(void **state)
{
	pthread_t t;
	uint32_t got = 0;

	pthread_create(&t, NULL, sender, end[0]);
	while (got < MANY) {
		assert_true(plug_recv(end[1], 64) >= 0);
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
	}
	pthread_join(t, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_arrive_as_they_were_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_wire_holds_the_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_room_is_dropped_and_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_is_told_after_the_last_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(two_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
