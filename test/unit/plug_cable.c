/* plug_cable.c - two plugs joined: both ways, held back, ended */
#include <fcntl.h>
#include <sys/socket.h>

#include "epoll_room.h"
#include "plug/cable.h"
#include "plug/shm.h"
#include "plug/stream.h"
#include "plug_frames.h"

static struct arena *arena;
static struct loop *loop;
static struct cable *cable;
static struct plug *far[2];		/* the test's ends */
static struct bag bag[2];

/* Two ends of a stream, or of a wire. */
static void ends(bool shm, struct plug *p[2])
{
	struct wire *w[2];
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	if (!shm) {
		p[0] = stream_new(s[0], s[0], 1500, NULL);
		p[1] = stream_new(s[1], s[1], 1500, NULL);
		return;
	}
	w[0] = wire_new();
	w[1] = wire_new();
	for (int i = 0; i < 2; i++) {
		assert_null(wire_join(w[i], w[!i]->fd, s[i]));
		p[i] = shm_new(w[i], 1500, i == 0);
	}
}

static void join(bool shm0, bool shm1)
{
	bool shm[2] = { shm0, shm1 };
	struct plug *near[2];

	for (int i = 0; i < 2; i++) {
		struct plug *p[2];

		ends(shm[i], p);
		near[i] = p[0];
		far[i] = p[1];
		far[i]->user = &bag[i];
		far[i]->deliver = bag_deliver;
	}
	cable = cable_new(loop, near[0], near[1]);
}

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	loop = loop_new();
	bag_init(&bag[0]);
	bag_init(&bag[1]);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		bag_empty(&bag[i]);
		plug_close(far[i]);
		far[i] = NULL;
	}
	cable_free(cable);
	cable = NULL;
	loop_free(loop);
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

/* The cable works until it has nothing to do; false: an end is gone. */
static bool settle(void)
{
	bool there;

	do {
		loop_wait(loop, 0);
		there = cable_run(cable, 0);
	} while (there && cable_deadline(cable) == 0);
	return there;
}

static void both_ways(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		plug_send(far[i], plain_frame(arena, 700, 10 + i));
		assert_int_equal(plug_flush(far[i]), 0);
	}
	assert_true(settle());
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(plug_recv(far[i], 10), 1);
		assert_int_equal(plain_number(list_first(&bag[i].frames, struct pkt, link)),
				 11 - i);
		assert_int_equal(cable_plug(cable, (int)i)->rx_frames, 1);
		assert_int_equal(cable_plug(cable, (int)i)->tx_frames, 1);
	}
}

static void streams_both_ways(void **state)
{
	join(false, false);
	both_ways();
}

static void wires_both_ways(void **state)
{
	join(true, true);
	both_ways();
}

static void a_stream_and_a_wire(void **state)
{
	join(false, true);
	both_ways();
}

/* Sends as far as everything holds; returns how many. */
static uint32_t fill(int end)
{
	uint32_t n = 0, idle = 0;

	while (idle < 3) {
		for (; plug_room(far[end]); idle = 0)
			plug_send(far[end], plain_frame(arena, 700, n++));
		plug_flush(far[end]);
		plug_recv(far[end], 0);
		assert_true(settle());
		idle++;
	}
	return n;
}

static void drain(int end, uint32_t count)
{
	for (uint32_t got = 0; got < count;) {
		assert_true(plug_recv(far[end], 64) >= 0);
		for (; bag[end].n; got++) {
			struct pkt *pkt = bag_pop(&bag[end]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
		plug_recv(far[!end], 0);
		plug_flush(far[!end]);
		assert_true(settle());
	}
	assert_int_equal(cable_plug(cable, 0)->tx_drops + cable_plug(cable, 1)->tx_drops, 0);
}

/* Whoever does not read holds the sender: both ends full, nothing lost, and it
 * goes on in both directions. */
static void full_both_ways(bool shm0, bool shm1)
{
	uint32_t n[2];

	join(shm0, shm1);
	n[0] = fill(0);
	n[1] = fill(1);
	assert_true(n[0] > 512 && n[1] > 512);
	drain(1, n[0]);
	drain(0, n[1]);
}

static void a_full_stream_holds_the_sender(void **state)
{
	full_both_ways(false, false);
}

static void a_full_wire_holds_the_sender(void **state)
{
	full_both_ways(true, true);
}

static void a_full_wire_holds_a_stream(void **state)
{
	full_both_ways(false, true);
}

static void an_end_that_goes_ends_it(void **state)
{
	join(false, true);
	plug_close(far[1]);
	far[1] = NULL;
	assert_false(settle());
	assert_int_equal(cable_error(cable, 0), 0);
	assert_int_equal(cable_error(cable, 1), -EPIPE);
}

/* Each turn looks into both then, until it can be told. */
static void whatever_epoll_has_memory_for(void **state)
{
	epoll_room = 0;
	join(false, false);
	for (uint32_t i = 0; i < 3; i++) {
		cable_run(cable, 0);
		assert_true(cable_deadline(cable) == 0);
	}
	epoll_room = UINT_MAX;
	both_ways();
	assert_true(cable_deadline(cable) == NEVER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streams_both_ways),
		TEST(wires_both_ways),
		TEST(a_stream_and_a_wire),
		TEST(a_full_stream_holds_the_sender),
		TEST(a_full_wire_holds_the_sender),
		TEST(a_full_wire_holds_a_stream),
		TEST(an_end_that_goes_ends_it),
		TEST(whatever_epoll_has_memory_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
