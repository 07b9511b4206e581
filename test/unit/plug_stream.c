/* plug_stream.c - VDE's framing in any pieces, streams that stall, break and end */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plug/child.h"
#include "plug/framing.h"
#include "plug/stream.h"
#include "plug_frames.h"

static struct arena *arena;
static struct plug *plug;
static struct bag bag;
static int peer_in = -1, peer_out = -1;	/* the far end: reads, writes */

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	bag_init(&bag);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int teardown(void **state)
{
	plug_close(plug);
	plug = NULL;
	if (peer_in >= 0)
		close(peer_in);
	if (peer_out >= 0 && peer_out != peer_in)
		close(peer_out);
	peer_in = peer_out = -1;
	bag_empty(&bag);
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

static void adopt(struct plug *p)
{
	assert_non_null(p);
	plug = p;
	plug->deliver = bag_deliver;
	plug->user = &bag;
}

static void over_socket(void)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	peer_in = peer_out = s[1];
	adopt(stream_new(s[0], s[0], 1500, NULL));
}

static void over_pipes(void)
{
	int to[2], from[2];

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	peer_in = from[0];
	peer_out = to[1];
	adopt(stream_new(to[0], from[1], 1500, NULL));
}

/* A frame whose bytes are its number, behind its length. */
static size_t framed(uint8_t *to, uint32_t len, uint8_t n)
{
	be16 head = be16_put((uint16_t)len);

	memcpy(to, &head, 2);
	memset(to + 2, n, len);
	return len + 2;
}

/* --- framing --- */

static void pieces_of_any_size_make_the_same_frames(void **state)
{
	static const uint32_t lens[] = { 14, 60, 1514, FRAMING_MAX, 14 };
	static uint8_t all[3 * FRAMING_MAX];
	size_t total = 0;

	for (unsigned i = 0; i < ARRAY_LEN(lens); i++)
		total += framed(all + total, lens[i], (uint8_t)i);
	for (size_t step = 1; step < 3000; step += 1 + step / 3) {
		struct framing *f = xzalloc(sizeof(*f));
		unsigned n = 0;

		for (size_t at = 0; at < total; at += step) {
			uint32_t room, len, part = (uint32_t)MIN(step, total - at);
			uint8_t *to = framing_room(f, &room);
			const uint8_t *p;

			assert_true(room >= part);
			memcpy(to, all + at, part);
			framing_got(f, part);
			while ((p = framing_next(f, &len))) {
				assert_int_equal(len, lens[n]);
				assert_int_equal(p[0], n);
				assert_int_equal(p[len - 1], n);
				n++;
			}
		}
		assert_int_equal(n, ARRAY_LEN(lens));
		assert_true(framing_between(f));
		free(f);
	}
}

static void no_frame_is_passed_over_and_nonsense_ends_it(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 3, 1, 2, 3, 0, 0, 'S', 'S' };
	struct framing *f = xzalloc(sizeof(*f));
	uint32_t room, len;

	memcpy(framing_room(f, &room), bytes, sizeof(bytes));
	framing_got(f, sizeof(bytes));
	assert_null(framing_next(f, &len));
	assert_int_equal(f->bad, 'S' << 8 | 'S');
	assert_int_equal(f->passed_over, 1);	/* length 0 is nothing */
	assert_null(framing_next(f, &len));
	free(f);
}

/* --- the plug --- */

static void frames_in(void)
{
	uint8_t b[200];
	size_t n = framed(b, 60, 7);

	n += framed(b + n, 64, 8);
	assert_int_equal(plug_recv(plug, 10), 0);
	assert_int_equal(write(peer_out, b, 30), 30);
	assert_int_equal(plug_recv(plug, 10), 0);
	assert_int_equal(write(peer_out, b + 30, n - 30), (ssize_t)n - 30);
	assert_int_equal(plug_recv(plug, 1), 1);
	assert_true(plug->more);		/* of which the descriptor says nothing */
	assert_int_equal(plug_recv(plug, 10), 1);
	assert_false(plug->more);
	assert_int_equal(bag.n, 2);
	assert_int_equal(plug->rx_bytes, 124);
}

/* Who sends no frames at all does not keep the reader reading. */
static void nothing_is_not_read_for_ever(void **state)
{
	static const uint8_t nothing[1 << 20];
	int size = 4 << 20, left;
	ssize_t n;

	over_socket();
	setsockopt(peer_out, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	n = send(peer_out, nothing, sizeof(nothing), MSG_DONTWAIT);
	assert_true(n > 2 * FRAMING_BUF);
	assert_int_equal(plug_recv(plug, 10), 0);
	assert_true(plug->more);
	assert_int_equal(ioctl(plug->fd, FIONREAD, &left), 0);
	assert_int_equal(left, n - 2 * FRAMING_BUF);
	while (plug->more)
		assert_int_equal(plug_recv(plug, 10), 0);
	assert_int_equal(ioctl(plug->fd, FIONREAD, &left), 0);
	assert_int_equal(left, 0);
}

/* stdin and stdout may be one socket, whose flags others have, too. */
static void one_socket_twice_blocks_again(void **state)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	peer_in = peer_out = s[0];
	adopt(stream_new(dup(s[0]), dup(s[0]), 1500, NULL));
	assert_true(fcntl(s[0], F_GETFL) & O_NONBLOCK);
	plug_close(plug);
	plug = NULL;
	assert_false(fcntl(s[0], F_GETFL) & O_NONBLOCK);
	close(s[1]);
}

static void frames_come_in(void **state)
{
	over_socket();
	frames_in();
}

static void frames_come_in_by_a_pipe(void **state)
{
	over_pipes();
	frames_in();
}

/* Reads count numbered frames as they were sent. */
static void expect_frames(uint32_t from, uint32_t count, uint32_t len)
{
	uint8_t b[2 + 2000];

	for (uint32_t i = from; i < from + count; i++) {
		size_t got = 0;
		uint32_t n;

		while (got < len + 2) {
			ssize_t part = read(peer_in, b + got, len + 2 - got);

			if (part < 0 && errno == EAGAIN) {
				plug_recv(plug, 10);
				plug_flush(plug);
				continue;
			}
			assert_true(part > 0);
			got += (size_t)part;
		}
		memcpy(&n, b + 2 + 14, sizeof(n));
		assert_int_equal(b[0] << 8 | b[1], len);
		assert_int_equal(n, i);
	}
}

/* More than the kernel takes: frames are cut anywhere and none is lost. */
static void stalled(void)
{
	uint32_t n = 0;

	fcntl(peer_in, F_SETFL, O_NONBLOCK);
	while (plug_room(plug)) {
		plug_send(plug, plain_frame(arena, 1001, n++));
		plug_flush(plug);
	}
	assert_true(plug->want_write);
	assert_int_equal(plug_flush(plug), -EAGAIN);
	plug_send(plug, plain_frame(arena, 1001, 9));
	assert_int_equal(plug->tx_drops, 1);
	expect_frames(0, n, 1001);
	assert_int_equal(plug_flush(plug), 0);
	assert_int_equal(plug->tx_frames, n);
	assert_false(plug->want_write);
}

static void a_stalled_stream_loses_nothing(void **state)
{
	over_socket();
	stalled();
}

static void a_stalled_pipe_loses_nothing(void **state)
{
	over_pipes();
	stalled();
}

/* Whatever a pipe holds at a time is whole frames. */
static void a_pipe_holds_whole_frames(void **state)
{
	static uint8_t b[1 << 20];
	int held;

	over_pipes();
	for (unsigned turn = 0; turn < 200; turn++) {
		ssize_t n;

		while (plug_room(plug))
			plug_send(plug, plain_frame(arena, 60 + turn % 1400, 0));
		plug_flush(plug);
		while (ioctl(peer_in, FIONREAD, &held) == 0 && held) {
			assert_int_equal(read(peer_in, b, 2), 2);
			n = b[0] << 8 | b[1];
			assert_int_equal(read(peer_in, b, (size_t)n), n);
			if (turn % 3 == 0)
				break;
		}
	}
}

/* The one descriptor of two pipes tells of both. */
static void room_in_a_pipe_is_heard_by_reading(void **state)
{
	static uint8_t b[1 << 20];
	struct pollfd pfd;

	over_pipes();
	pfd = (struct pollfd){ .fd = plug->fd, .events = POLLIN };
	while (plug_room(plug)) {
		plug_send(plug, plain_frame(arena, 1001, 0));
		plug_flush(plug);
	}
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_true(read(peer_in, b, sizeof(b)) > 0);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(plug_recv(plug, 0), 0);
	assert_true(plug_room(plug) > 0);
}

static void the_end_of_the_stream_is_the_plugs(void **state)
{
	uint8_t b[100];

	over_pipes();
	assert_int_equal(write(peer_out, b, framed(b, 60, 1)), 62);
	close(peer_out);
	peer_out = -1;
	assert_int_equal(plug_recv(plug, 10), 1);
	assert_true(plug->more);
	assert_int_equal(plug_recv(plug, 10), -EPIPE);
	assert_false(plug->told);
	plug_send(plug, plain_frame(arena, 60, 1));
	assert_int_equal(plug_flush(plug), -EPIPE);
	assert_int_equal(plug->tx_drops, 1);
}

static void a_reader_that_left_ends_it(void **state)
{
	struct pollfd pfd;

	over_pipes();
	close(peer_in);
	peer_in = -1;
	pfd = (struct pollfd){ .fd = plug->fd, .events = POLLIN };
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(plug_recv(plug, 10), -EPIPE);
}

static void a_broken_stream_says_so(void **state)
{
	over_socket();
	assert_int_equal(write(peer_out, "Welcome to this machine", 23), 23);
	assert_int_equal(plug_recv(plug, 10), -EPROTO);
	assert_true(plug->told);
}

static void frames_over_the_mtu_are_counted(void **state)
{
	over_socket();
	plug_send(plug, plain_frame(arena, 1518, 0));
	plug_send(plug, plain_frame(arena, 1519, 0));
	assert_int_equal(plug->tx_drops, 1);
}

/* --- commands --- */

static void wait_readable(void)
{
	struct pollfd pfd = { .fd = plug->fd, .events = POLLIN };

	assert_int_equal(poll(&pfd, 1, 30000), 1);
}

static void run_command(const char *command)
{
	char *why = NULL;
	int fd;
	struct child *c = child_start(command, &fd, &why);

	assert_non_null(c);
	adopt(stream_new(fd, fd, 1500, c));
}

static void a_command_is_the_other_end(void **state)
{
	run_command("cat");
	plug_send(plug, plain_frame(arena, 700, 42));
	assert_int_equal(plug_flush(plug), 0);
	while (!bag.n) {
		wait_readable();
		assert_true(plug_recv(plug, 10) >= 0);
	}
	assert_int_equal(plain_number(list_first(&bag.frames, struct pkt, link)), 42);
}

static void a_command_that_ends_ends_the_plug(void **state)
{
	run_command("exit 3");
	wait_readable();
	assert_int_equal(plug_recv(plug, 10), -EPIPE);
	assert_true(plug->told);
}

static void a_command_ends_with_the_plug(void **state)
{
	int fd[2];
	char c;

	assert_int_equal(pipe(fd), 0);
	run_command("exec sleep 1000");		/* which has the writing end, too */
	close(fd[1]);
	plug_close(plug);
	plug = NULL;
	assert_int_equal(read(fd[0], &c, 1), 0);
	close(fd[0]);
}

/* Nor is it waited for: what it wrote meanwhile is read after the plug was closed. */
static void a_command_that_will_not_end_is_ended(void **state)
{
	char command[64], c;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	snprintf(command, sizeof(command), "trap '' TERM; echo >/dev/fd/%d; exec sleep 1000", fd[1]);
	run_command(command);
	close(fd[1]);
	assert_int_equal(read(fd[0], &c, 1), 1);
	plug_close(plug);
	plug = NULL;
	assert_int_equal(read(fd[0], &c, 1), 0);
	close(fd[0]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pieces_of_any_size_make_the_same_frames),
		TEST(no_frame_is_passed_over_and_nonsense_ends_it),
		TEST(frames_come_in),
		TEST(frames_come_in_by_a_pipe),
		TEST(nothing_is_not_read_for_ever),
		TEST(one_socket_twice_blocks_again),
		TEST(a_stalled_stream_loses_nothing),
		TEST(a_stalled_pipe_loses_nothing),
		TEST(a_pipe_holds_whole_frames),
		TEST(room_in_a_pipe_is_heard_by_reading),
		TEST(the_end_of_the_stream_is_the_plugs),
		TEST(a_reader_that_left_ends_it),
		TEST(a_broken_stream_says_so),
		TEST(frames_over_the_mtu_are_counted),
		TEST(a_command_is_the_other_end),
		TEST(a_command_that_ends_ends_the_plug),
		TEST(a_command_ends_with_the_plug),
		TEST(a_command_that_will_not_end_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
