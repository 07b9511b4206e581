/* switch_stream.c - clients by VDE's sockets that send much: read without being asked for */
#include <sched.h>

#include "epoll_room.h"
#include "switch_here.h"
#include "switch/client.h"

#define N	2
#define MUCH	64
#define FEW	31

static struct arena *arena;
static struct plug *plug[N];
static struct bag bag[N];

static void send_frames(uint32_t n)
{
	static const struct mac src = { { 2, 0, 0, 0, 1, 0 } };

	while (n--) {
		struct pkt *pkt = plain_frame(arena, 60, n);

		memcpy(pkt->ext[0].p, &MAC_BROADCAST, 6);
		memcpy(pkt->ext[0].p + 6, &src, 6);
		plug_send(plug[0], pkt);
	}
	assert_int_equal(plug_flush(plug[0]), 0);
}

static void got(uint32_t n)
{
	plug_recv(plug[1], 2 * MUCH);
	assert_int_equal(bag[1].n, n);
	bag_empty(&bag[1]);
}

static void start(struct switch_conf conf)
{
	arena = arena_heap_new(16 << 20);
	here_dir();
	here_start(conf);
	here_join(plug, bag, N, &(struct plug_conf){ .frames = true });
}

static int setup(void **state)
{
	start((struct switch_conf){ 0 });
	return 0;
}

static int teardown(void **state)
{
	return here_leave(plug, bag, N, arena);
}

/* The switch hears of them by its set alone. */
static void begin(uint32_t n)
{
	send_frames(n);
	loop_wait(loop, 0);
	got(n);
}

static bool is_awake(void)
{
	return switch_deadline(sw) == 0;
}

static void a_stream_is_read_on(void **state)
{
	begin(MUCH);
	assert_true(is_awake());
	send_frames(1);
	assert_int_equal(loop_wait(loop, 0), 0);	/* its sender wakes nobody */
	switch_run(sw, now_mono());
	got(1);
}

static void few_frames_are_none(void **state)
{
	begin(FEW);
	assert_false(is_awake());
	begin(FEW);
	assert_false(is_awake());
}

static void what_comes_behind_it_is_heard(void **state)
{
	begin(MUCH);
	while (is_awake())
		switch_run(sw, now_mono());
	begin(1);
	assert_false(is_awake());
}

static void beside_others_there_are_none(void **state)
{
	sw->crowded_until = now_mono() + 600 * USEC_PER_SEC;
	begin(MUCH);
	assert_false(is_awake());
}

/* As if it had begun just now, for ten minutes. */
static void last(void)
{
	struct client *c = list_first(&sw->more, struct client, more);

	c->stream_until = now_mono() + 600 * USEC_PER_SEC;
}

static void while_it_lasts_nobody_need_tell(void **state)
{
	begin(MUCH);
	last();
	for (int i = 0; i < 3; i++) {
		switch_run(sw, now_mono());
		assert_true(is_awake());
	}
	send_frames(1);
	switch_run(sw, now_mono());
	got(1);
}

static void *count(void *end)
{
	while (!atomic_load((atomic_bool *)end))
		;
	return NULL;
}

static void who_wants_our_processor_is_seen(void **state)
{
	atomic_bool end = false;
	cpu_set_t all, one;
	pthread_t t;

	begin(MUCH);
	last();
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	assert_int_equal(pthread_create(&t, NULL, count, &end), 0);
	for (int i = 0; i < 10000 && !sw->crowded_until; i++)
		switch_run(sw, now_mono());
	atomic_store(&end, true);
	pthread_join(t, NULL);
	sched_setaffinity(0, sizeof(all), &all);
	assert_true(sw->crowded_until);
}

static void whoever_leaves_in_a_stream(void **state)
{
	begin(MUCH);
	plug_close(plug[0]);
	plug[0] = NULL;
	while (loop_wait(loop, 0) > 0)
		;
	assert_false(is_awake());
	switch_run(sw, now_mono());
}

/* Its set is left for a stream, and has no memory when that is over. */
static void without_memory_it_is_read_on(void **state)
{
	begin(MUCH);
	epoll_room = 0;
	list_first(&sw->more, struct client, more)->stream_until = 0;
	switch_run(sw, now_mono());
	for (int i = 0; i < 3; i++) {
		send_frames(1);
		here_turn();
		got(1);
		assert_true(is_awake());
	}
	epoll_room = UINT_MAX;
	here_turn();
	assert_false(is_awake());
	begin(1);
}

static void so_is_a_plug_of_its_own(void **state)
{
	epoll_room = 3;		/* its three sockets that listen */
	here_dir();
	here_start((struct switch_conf){ .plug = { "cmd://cat" }, .n_plugs = 1 });
	assert_true(held_deadline(sw) == 0);
	epoll_room = UINT_MAX;
	here_turn();
	assert_true(held_deadline(sw) != 0);
	here_end();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_stream_is_read_on),
		T(few_frames_are_none),
		T(what_comes_behind_it_is_heard),
		T(beside_others_there_are_none),
		T(while_it_lasts_nobody_need_tell),
		T(who_wants_our_processor_is_seen),
		T(whoever_leaves_in_a_stream),
		T(without_memory_it_is_read_on),
		cmocka_unit_test(so_is_a_plug_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
