/* plug_capture.c - what capture and trace write, and that frames pass all the same */
#include "plug/capture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plug/shm.h"
#include "plug/spool.h"
#include "plug/trace.h"
#include "plug_ends.h"

static int out;			/* the end of a pipe from which the file is read */

static void make(struct observer *o)
{
	struct plug *end[2];

	assert_int_equal(plug_pair(end), 0);
	ends_take(observe_new(end[0], o), end[1]);
}

static int pipe_new(void)
{
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true(fcntl(fd[1], F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
	out = fd[0];
	return fd[1];
}

/* All that was written; the other end is closed by now. */
static struct rd whole_file(uint8_t *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(out, buf + len, size - len)) > 0)
		len += (size_t)n;
	close(out);
	return rd_of(buf, len);
}

/* The next block's type and body; its two lengths are equal. */
static uint32_t block(struct rd *r, struct rd *body)
{
	uint32_t type = rd_u32(r), len = rd_u32(r);

	assert_int_equal(len % 4, 0);
	*body = rd_sub(r, len - 12);
	assert_int_equal(rd_u32(r), len);
	assert_false(r->fail);
	return type;
}

static struct rd option(struct rd body, uint16_t want)
{
	while (rd_left(&body)) {
		uint16_t code = rd_u16(&body), len = rd_u16(&body);
		struct rd value = rd_sub(&body, (len + 3u) & ~3u);

		assert_false(value.fail);
		value.end -= -len & 3;
		if (code == want)
			return value;
	}
	return (struct rd){ .fail = true };
}

static void head(struct rd *r)
{
	struct rd body, o;

	assert_int_equal(block(r, &body), 0x0a0d0d0a);
	assert_int_equal(rd_u32(&body), 0x1a2b3c4d);
	rd_bytes(&body, 12);
	o = option(body, 1);
	assert_int_equal(rd_left(&o), strlen("the node web"));
	assert_memory_equal(o.p, "the node web", rd_left(&o));
	assert_int_equal(block(r, &body), 1);
	assert_int_equal(rd_u16(&body), 1);
	rd_bytes(&body, 6);
	o = option(body, 9);
	assert_int_equal(rd_u8(&o), 9);
}

/* The next packet's block: as long as told, and these bytes. */
static struct rd packet(struct rd *r, uint32_t len, uint32_t kept, uint32_t flags)
{
	struct rd body, o, bytes;

	assert_int_equal(block(r, &body), 6);
	rd_bytes(&body, 12);
	assert_int_equal(rd_u32(&body), kept);
	assert_int_equal(rd_u32(&body), len);
	bytes = rd_sub(&body, kept);
	rd_bytes(&body, -kept & 3);
	o = option(body, 2);
	assert_int_equal(rd_u32(&o), flags);
	return bytes;
}

static void statistics(struct rd *r, uint32_t frames, uint32_t dropped)
{
	struct rd body, o;

	assert_int_equal(block(r, &body), 5);
	rd_bytes(&body, 12);
	o = option(body, 4);
	rd_u32(&o);
	assert_int_equal(rd_u32(&o), frames);
	o = option(body, 5);
	rd_u32(&o);
	assert_int_equal(rd_u32(&o), dropped);
	assert_int_equal(rd_left(r), 0);
}

static struct capture *capture;

static void saw(struct observer *o, const struct pkt *pkt, bool is_out)
{
	capture_frame(capture, pkt, is_out);
}

static void end(struct observer *o)
{
	capture_end(capture);
}

static void capturing(struct observer *o, bool cut, uint32_t snap)
{
	struct pcapng_file f = { .comment = "the node web", .appl = "test", .if_name = "pair",
				 .snap = snap };

	capture = capture_new(pipe_new(), "test", &f);
	*o = (struct observer){ saw, end, cut };
	make(o);
}

/* A super-frame out, a plain frame in. */
static void both_ways(const struct seg *s)
{
	plug_send(a, seg_out(arena, s, 1448));
	plug_flush(a);
	plug_recv(b, 10);
	plug_send(b, plain_frame(arena, 61, 7));
	plug_flush(b);
	plug_recv(a, 10);
	assert_int_equal(at_b.n, 1);
	assert_int_equal(at_a.n, 1);
	assert_int_equal(list_first(&at_b.frames, struct pkt, link)->sum, PKT_SUM_PARTIAL);
}

static void a_super_frame_is_one_block_with_its_sum(void **state)
{
	static uint8_t buf[1 << 17];
	struct seg s = { .seq = 5, .len = 14480 };
	struct observer o;
	struct rd r, bytes;
	uint32_t len;
	uint8_t *want = seg_bytes(&s, &len);

	capturing(&o, false, 0);
	both_ways(&s);
	unmake();
	r = whole_file(buf, sizeof(buf));
	head(&r);
	bytes = packet(&r, len, len, 2);
	assert_memory_equal(bytes.p, want, len);
	packet(&r, 61, 61, 1);
	statistics(&r, 2, 0);
	free(want);
}

static void cut_writes_the_frames_of_a_wire(void **state)
{
	static uint8_t buf[1 << 17];
	struct seg s = { .seq = 5, .len = 14480 }, part = { .seq = 5, .len = 1448 };
	struct observer o;
	struct rd r;

	capturing(&o, true, 0);
	both_ways(&s);
	unmake();
	r = whole_file(buf, sizeof(buf));
	head(&r);
	for (uint16_t i = 0; i < 10; i++, part.seq += 1448, part.id = i) {
		uint32_t len;
		uint8_t *want = seg_bytes(&part, &len);
		struct rd bytes = packet(&r, 1514, 1514, 2);

		assert_memory_equal(bytes.p, want, len);
		free(want);
	}
	packet(&r, 61, 61, 1);
	statistics(&r, 11, 0);
}

static void snap_keeps_the_beginning(void **state)
{
	static uint8_t buf[1 << 17];
	struct seg s = { .seq = 5, .len = 14480 };
	struct observer o;
	struct rd r;

	capturing(&o, false, 99);
	both_ways(&s);
	unmake();
	r = whole_file(buf, sizeof(buf));
	head(&r);
	packet(&r, 14480 + 66, 99, 2);
	packet(&r, 61, 61, 1);
	statistics(&r, 2, 0);
}

/* More than pipe and spool hold, and nobody reads: who captures is not held up, and
 * the file is whole as far as it goes. */
static void what_nobody_reads_is_counted(void **state)
{
	struct pcapng_file f = { .comment = "the node web" };
	uint64_t n = 0;
	struct pkt *pkt;
	struct capture *c = capture_new(pipe_new(), "test", &f);

	pkt = plain_frame(arena, 60000, 1);
	while (!capture_dropped(c) && ++n < 10000)
		capture_frame(c, pkt, true);
	assert_in_range(n, 100, 1000);
	assert_false(capture_failed(c));
	pkt_free(pkt);
	close(out);			/* as a reader that goes */
	capture_end(c);
}

static void after_an_error_frames_pass_uncaptured(void **state)
{
	struct pcapng_file f = { .comment = "the node web" };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct observer o = { saw, end, false };

	assert_true(full >= 0);
	capture = capture_new(full, "capture /dev/full", &f);
	while (!capture_failed(capture))
		poll(NULL, 0, 1);
	make(&o);
	both_ways(&(struct seg){ .seq = 1, .len = 3000 });
	unmake();
}

static void a_trace_is_a_line_a_frame(void **state)
{
	static uint8_t buf[1 << 12];
	struct seg s = { .seq = 5, .len = 14480 };
	struct tracer *t = tracer_new(pipe_new(), "trace");
	struct pkt *pkt = seg_out(arena, &s, 1448);
	struct rd r;

	tracer_frame(t, pkt, "out ");
	tracer_frame(t, pkt, "in  ");
	pkt_free(pkt);
	tracer_end(t);
	r = whole_file(buf, sizeof(buf) - 1);
	assert_non_null(strstr((char *)buf, " out 10.0.0.1.1000 > 10.0.0.2.80: tcp . 5:14485(14480)"));
	assert_non_null(strstr((char *)buf, " (10 segments of 1448)\n"));
	assert_non_null(strstr((char *)buf, " in  10.0.0.1"));
	assert_int_equal(r.end[-1], '\n');
}

static void ignore(struct observer *o, const struct pkt *pkt, bool sent) { }
static void nothing(struct observer *o) { }

/* What a stack asks about one neighbour the plug below answers. */
static void room_and_memory_for_a_neighbour_pass(void **state)
{
	struct observer o = { ignore, nothing, false };
	struct wire *w[2] = { wire_new(), wire_new() };
	struct mac to = { { 2, 0, 0, 0, 0, 2 } };
	uint32_t room, n = 0;
	int sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
	for (int i = 0; i < 2; i++)
		assert_null(wire_join(w[i], w[!i]->fd, sock[i]));
	a = observe_new(shm_new(w[0], 1500, false), &o);
	b = shm_new(w[1], 1500, false);
	bag_init(&at_b);
	b->deliver = bag_deliver;
	b->user = &at_b;
	assert_ptr_equal(a->ops->arena_to(a, &to), &w[0]->arena);
	for (room = a->ops->room_to(a, &to); a->ops->room_to(a, &to) > room / 2; n++) {
		plug_send(a, plain_frame(arena, 1514, n));
		plug_flush(a);
	}
	assert_false(a->resume);
	assert_true(plug_recv(b, 100) > 0);
	bag_empty(&at_b);
	plug_flush(a);
	assert_true(a->resume);
	plug_close(a);
	plug_close(b);
	bag_empty(&at_b);
	make(&o);
	assert_null(a->ops->room_to);
	assert_null(a->ops->arena_to);
	unmake();
}

static void options_are_read(void **state)
{
	static const struct { const char *locator, *says; } bad[] = {
		{ "capture://{/nowhere}", "no file given" },
		{ "capture:///tmp/x", "needs a locator in braces" },
		{ "capture:///tmp/x[snap=3]{/nowhere}", "option snap=3: not a number of bytes" },
		{ "capture:///tmp/x[cut=2]{/nowhere}", "option cut=2: not 1" },
		{ "capture:///tmp/x[fast=1]{/nowhere}", "there are: cut, snap" },
		{ "capture:///nowhere/x{trace://{/nowhere}}", "no such switch: /nowhere" },
		{ "trace:///tmp/x[cut=0]{/nowhere}", "option cut=0: not 1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i].locator, bad[i].says);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_super_frame_is_one_block_with_its_sum, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_writes_the_frames_of_a_wire, setup, teardown),
		cmocka_unit_test_setup_teardown(snap_keeps_the_beginning, setup, teardown),
		cmocka_unit_test_setup_teardown(what_nobody_reads_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(after_an_error_frames_pass_uncaptured, setup, teardown),
		cmocka_unit_test_setup_teardown(a_trace_is_a_line_a_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(room_and_memory_for_a_neighbour_pass, setup, teardown),
		cmocka_unit_test(options_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
