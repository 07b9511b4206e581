/* switch_core.c - where a frame goes, without any I/O */
#include "switch/core.h"
#include "unit.h"

#define PORTS 5

static struct core core;
static uint64_t went_to;		/* a bit for each port */
static uint32_t went_len;

static void out(void *ctx, uint32_t port, const struct frame *f)
{
	assert_ptr_equal(ctx, &went_to);
	assert_false(went_to >> port & 1);
	went_to |= 1ull << port;
	went_len = f->len;
}

static int setup(void **state)
{
	static const struct hash_key key = { { 1 } };

	core_init(&core, PORTS, &key, out, &went_to);
	for (uint32_t i = 1; i < PORTS; i++)
		core_port_up(&core, i);
	return 0;
}

static int teardown(void **state)
{
	core_fini(&core);
	return 0;
}

static enum core_drop input_len(uint32_t port, uint8_t dst, uint8_t src, uint32_t len, usec now)
{
	static uint8_t b[FRAME_MAX + 1];
	struct frame f = { .p = b, .len = len };

	memset(b, 0, 14);
	b[0] = dst == 0xff ? 0xff : 2;
	b[5] = dst;
	b[6] = src == 0xff ? 1 : 2;
	b[11] = src;
	went_to = 0;
	return core_input(&core, port, &f, now);
}

static uint64_t input(uint32_t port, uint8_t dst, uint8_t src, usec now)
{
	assert_int_equal(input_len(port, dst, src, 60, now), CORE_TAKEN);
	assert_int_equal(went_len, 60);
	return went_to;
}

#define ALL_BUT_1 (1u << 2 | 1u << 3 | 1u << 4)

static void unknown_goes_everywhere_known_to_its_port(void **state)
{
	assert_int_equal(input(1, 20, 10, 0), ALL_BUT_1);
	assert_int_equal(input(2, 10, 20, 0), 1u << 1);
	assert_int_equal(input(1, 20, 10, 0), 1u << 2);
	assert_int_equal(input(1, 0xff, 10, 0), ALL_BUT_1);
	assert_int_equal(input(1, 30, 10, 0), ALL_BUT_1);
}

/* Many frames with the same addresses in one batch: what changes meanwhile counts. */
static void frames_like_the_last_heed_what_changed(void **state)
{
	input(2, 10, 20, 5);
	for (int i = 0; i < 3; i++)
		assert_int_equal(input(1, 20, 10, 5), 1u << 2);
	assert_int_equal(core.port[1].rx_frames, 3);
	assert_int_equal(core.port[1].drops[CORE_TAKEN], 3);
	assert_int_equal(core.port[2].tx_frames, 3);
	input(3, 10, 21, 5);
	input(4, 10, 24, 5);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(input(1, 20, 10, 5), 1u << 2);
		assert_int_equal(input(1, 21, 10, 5), 1u << 3);
		assert_int_equal(input(1, 24, 10, 5), 1u << 4);
	}
	assert_int_equal(input_len(1, 20, 10, 13, 5), CORE_SHORT);
	assert_int_equal(input_len(1, 20, 10, FRAME_MAX + 1, 5), CORE_LONG);
	assert_int_equal(input(1, 20, 11, 5), 1u << 2);
	assert_int_equal(input(2, 11, 20, 5), 1u << 1);
	core.hub = true;
	assert_int_equal(input(1, 20, 11, 5), ALL_BUT_1);
	core.hub = false;
	core_port_down(&core, 2);
	assert_int_equal(input(1, 20, 11, 5), 1u << 3 | 1u << 4);
	core_port_up(&core, 2);
	core_port_down(&core, 1);
	assert_int_equal(input_len(1, 20, 11, 60, 5), CORE_NO_PORT);
}

static void ages(void **state)
{
	input(2, 10, 20, 0);
	assert_int_equal(input(1, 20, 10, FDB_AGE - 1), 1u << 2);
	assert_int_equal(input(1, 20, 10, FDB_AGE), ALL_BUT_1);
}

static void a_port_that_left_gets_nothing(void **state)
{
	input(2, 10, 20, 0);
	core_port_down(&core, 2);
	assert_int_equal(input(1, 20, 10, 0), 1u << 3 | 1u << 4);
	core_port_down(&core, 4);
	assert_int_equal(input_len(2, 10, 20, 60, 0), CORE_NO_PORT);
	core_port_up(&core, 2);
	assert_int_equal(core.port[2].rx_frames, 0);
	assert_int_equal(input(1, 20, 10, 0), 1u << 2 | 1u << 3);
}

static void a_hub_repeats_all(void **state)
{
	core.hub = true;
	input(2, 10, 20, 0);
	assert_int_equal(input(1, 20, 10, 0), ALL_BUT_1);
	assert_int_equal(core.fdb.map.count, 0);
}

static void bad_frames_are_dropped_and_counted(void **state)
{
	struct core_port *p = &core.port[1];

	assert_int_equal(input_len(1, 20, 10, 0, 0), CORE_SHORT);
	assert_int_equal(input_len(1, 20, 10, 13, 0), CORE_SHORT);
	assert_int_equal(input_len(1, 20, 10, 14, 0), CORE_TAKEN);
	assert_int_equal(input_len(1, 20, 10, FRAME_MAX, 0), CORE_TAKEN);
	assert_int_equal(input_len(1, 20, 10, FRAME_MAX + 1, 0), CORE_LONG);
	assert_int_equal(went_to, 0);
	assert_int_equal(input_len(1, 20, 0xff, 60, 0), CORE_BAD_SOURCE);
	assert_int_equal(went_to, 0);
	input(1, 20, 10, 0);
	assert_int_equal(input_len(1, 10, 11, 60, 0), CORE_LOCAL);
	assert_int_equal(went_to, 0);
	assert_int_equal(p->drops[CORE_SHORT], 2);
	assert_int_equal(p->drops[CORE_LONG], 1);
	assert_int_equal(p->drops[CORE_BAD_SOURCE], 1);
	assert_int_equal(p->drops[CORE_LOCAL], 1);
	assert_int_equal(p->rx_frames, 8);
	assert_int_equal(p->rx_bytes, 13 + 14 + FRAME_MAX + FRAME_MAX + 1 + 180);
	assert_int_equal(core.port[2].tx_frames, 3);
	for (unsigned i = 0; i < N_CORE_DROPS; i++)
		assert_non_null(core_drop_text(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unknown_goes_everywhere_known_to_its_port, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_like_the_last_heed_what_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(ages, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_that_left_gets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hub_repeats_all, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_frames_are_dropped_and_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
