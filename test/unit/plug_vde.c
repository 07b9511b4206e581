/* plug_vde.c - the vde plug joined to a switch in another process */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plug_frames.h"
#include "switch/switch.h"

static char dir[40], path[64];
static pid_t pid;
static struct arena *arena;
static struct bag bag[3];
static struct plug *plug[3];

static int setup(void **state)
{
	struct switch_conf conf = { .path = path, .gid = (gid_t)-1, .n_ports = 8, .classic = true };

	arena = arena_heap_new(64 << 20);
	strcpy(dir, "/tmp/ioth-vde-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sw", dir);
	pid = fork();
	if (pid == 0)
		_exit(switch_main(&conf, &(struct switch_process){ .background = false }));
	return 0;
}

static void stop_switch(void)
{
	int status;

	if (!pid)
		return;
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	pid = 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 3; i++) {
		plug_close(plug[i]);
		plug[i] = NULL;
		bag_empty(&bag[i]);
	}
	stop_switch();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return rmdir(dir);
}

/* Also waits for a switch that is just starting. */
static void join(int i, const char *options)
{
	char locator[128], *why;
	int tries = 200;

	snprintf(locator, sizeof(locator), "vde://%s%s", path, options);
	do {
		why = NULL;
		plug[i] = plug_open(locator, NULL, &why);
		if (!plug[i] && !tries)
			fail_msg("%s", why);
		free(why);
		if (!plug[i])
			usleep(10000);
	} while (!plug[i] && tries--);
	bag_init(&bag[i]);
	plug[i]->deliver = bag_deliver;
	plug[i]->user = &bag[i];
}

/* Waits until plug i has got n more packets. */
static void receive(int i, unsigned n)
{
	struct pollfd p = { plug[i]->fd, POLLIN, 0 };

	while (bag[i].n < n) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_true(plug_recv(plug[i], 64) >= 0);
	}
}

static void send_all(int i)
{
	struct pollfd p = { plug[i]->fd, POLLOUT, 0 };

	while (plug_flush(plug[i]) == -EAGAIN) {
		assert_true(plug[i]->want_write);
		assert_int_equal(poll(&p, 1, 5000), 1);
	}
}

static void frames_of_every_size_arrive_whole(void **state)
{
	static const uint32_t lens[] = { 14, 20, 60, 1514, 1518, 2048, 2049, 4096, 9000, 9234 };

	join(0, "[mtu=9216]");
	join(1, "");
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		uint8_t *b = xzalloc(lens[i]), *got;
		struct pkt *pkt = pkt_new();
		uint32_t len;

		b[0] = b[6] = 2;
		b[5] = 9;
		for (uint32_t k = 14; k < lens[i]; k++)
			b[k] = seg_byte(k + (uint32_t)i);
		assert_true(pkt_append(pkt, arena, b, lens[i]));
		plug_send(plug[0], pkt);
		send_all(0);
		receive(1, 1);
		pkt = bag_pop(&bag[1]);
		got = flat(pkt, &len);
		assert_int_equal(len, lens[i]);
		assert_memory_equal(got, b, len);
		pkt_free(pkt);
		free(got);
		free(b);
	}
	assert_int_equal(plug[0]->tx_frames, ARRAY_LEN(lens));
	assert_int_equal(plug[1]->rx_frames, ARRAY_LEN(lens));
}

/* vde_switch would cut them; we never send them unless told. */
static void large_frames_need_a_large_mtu(void **state)
{
	join(0, "");
	join(1, "");
	assert_int_equal(plug[0]->mtu, 1500);
	plug_send(plug[0], plain_frame(arena, 1519, 1));
	plug_send(plug[0], plain_frame(arena, 1518, 2));
	send_all(0);
	receive(1, 1);
	assert_int_equal(plain_number(list_first(&bag[1].frames, struct pkt, link)), 2);
	assert_int_equal(plug[0]->tx_drops, 1);
}

static void super_frames_are_cut_and_merged(void **state)
{
	struct seg s = { .seq = 1, .len = 60000, .flags = TCP_ACK | TCP_PSH };
	uint32_t next = 1;

	join(0, "");
	join(1, "");
	plug_send(plug[0], seg_out(arena, &s, 1448));
	send_all(0);
	while (next < 60001) {
		struct pkt *pkt;
		uint32_t len;
		uint8_t *p;

		receive(1, 1);
		pkt = bag_pop(&bag[1]);
		assert_int_equal(pkt->sum, PKT_SUM_OK);
		p = flat(pkt, &len);
		for (uint32_t i = 66; i < len; i++)
			assert_int_equal(p[i], seg_byte(next++));
		free(p);
		pkt_free(pkt);
	}
	assert_int_equal(plug[0]->tx_frames, 42);
	assert_int_equal(plug[1]->rx_frames, 42);
}

/* More than the kernel holds: the sender waits and loses nothing, nor does the
 * switch for a reader that reads. */
static void a_burst_waits_and_is_not_lost(void **state)
{
	uint32_t sent = 0, got = 0;
	bool waited = false;

	join(0, "");
	join(1, "");
	while (got < 20000) {
		struct pollfd p[2] = { { plug[0]->fd, POLLOUT, 0 }, { plug[1]->fd, POLLIN, 0 } };

		while (sent < 20000 && sent - got < 600 && plug_room(plug[0]))
			plug_send(plug[0], plain_frame(arena, 1514, sent++));
		waited |= plug_flush(plug[0]) == -EAGAIN;
		p[0].events = plug[0]->want_write ? POLLOUT : 0;
		assert_true(poll(p, 2, 5000) > 0);
		plug_recv(plug[1], 1000);
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
	}
	assert_true(waited);
	assert_int_equal(plug[0]->tx_drops, 0);
}

static void the_end_of_the_switch_is_told(void **state)
{
	struct pollfd p;

	join(0, "");
	p = (struct pollfd){ plug[0]->hup_fd, POLLIN, 0 };
	assert_int_equal(plug_recv(plug[0], 10), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	stop_switch();
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(plug_recv(plug[0], 10), -EPIPE);
	plug_send(plug[0], plain_frame(arena, 60, 1));
	assert_int_equal(plug_flush(plug[0]), -EPIPE);
	assert_false(plug[0]->want_write);
}

static void refusals_say_what_to_check(void **state)
{
	char locator[128], *why = NULL;

	join(0, "[3]");
	join(1, "[port=3]");	/* the same user: both sit there */
	snprintf(locator, sizeof(locator), "%s[port=8]", path);
	assert_null(plug_open(locator, NULL, &why));
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "refused"));
	free(why);
}

static void a_portgroup_falls_back_to_ctl(void **state)
{
	join(0, "[portgroup=users]");
	join(1, "[portgroup=5]");
	join(2, "[mode=0]");
	plug_send(plug[0], plain_frame(arena, 60, 1));
	send_all(0);
	receive(1, 1);
	receive(2, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_of_every_size_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(large_frames_need_a_large_mtu, setup, teardown),
		cmocka_unit_test_setup_teardown(super_frames_are_cut_and_merged, setup, teardown),
		cmocka_unit_test_setup_teardown(a_burst_waits_and_is_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_of_the_switch_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_say_what_to_check, setup, teardown),
		cmocka_unit_test_setup_teardown(a_portgroup_falls_back_to_ctl, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
