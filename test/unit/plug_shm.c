/* plug_shm.c - two plugs over one wire: by reference, bounded, and against a liar */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plug/shm.h"
#include "plug_frames.h"

static struct arena *arena;
static struct wire *wire[2];
static struct plug *plug[2];
static struct bag bag[2];

/* The files cross, as in the handshake. */
static void join(void)
{
	int sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
	for (int i = 0; i < 2; i++) {
		wire[i] = wire_new();
		assert_non_null(wire[i]);
	}
	for (int i = 0; i < 2; i++) {
		assert_null(wire_join(wire[i], wire[!i]->fd, sock[i]));
		plug[i] = shm_new(wire[i], 1500, false);
		plug[i]->deliver = bag_deliver;
		plug[i]->user = &bag[i];
	}
}

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	for (int i = 0; i < 2; i++)
		bag_init(&bag[i]);
	join();
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		bag_empty(&bag[i]);
		plug_close(plug[i]);
		plug[i] = NULL;
	}
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

static bool rings(int i)
{
	struct pollfd p = { plug[i]->fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

static void pass(struct pkt *pkt)
{
	plug_send(plug[0], pkt);
	assert_int_equal(plug_flush(plug[0]), 0);
	assert_true(rings(1));
	assert_int_equal(plug_recv(plug[1], 10), 1);
	assert_false(rings(1));
}

static void frames_of_every_size_arrive_whole(void **state)
{
	for (uint32_t len = 14; len <= 1518; len++) {
		struct pkt *pkt;

		pass(plain_frame(arena, len, len));
		pkt = bag_pop(&bag[1]);
		assert_int_equal(pkt_len(pkt), len);
		if (len >= 18)
			assert_int_equal(plain_number(pkt), len);
		pkt_free(pkt);
	}
	assert_int_equal(plug[0]->tx_frames, 1505);
	assert_int_equal(plug[1]->rx_frames, 1505);
}

static void a_frame_over_the_mtu_is_dropped(void **state)
{
	plug_send(plug[0], plain_frame(arena, 1519, 1));
	assert_int_equal(plug[0]->tx_drops, 1);
	assert_int_equal(plug_flush(plug[0]), 0);
	assert_int_equal(plug_recv(plug[1], 10), 0);
}

static void a_super_frame_keeps_its_notes(void **state)
{
	struct seg s = { .seq = 1, .len = 60000 };
	struct pkt *pkt;

	pass(seg_out(arena, &s, 1448));
	pkt = bag_pop(&bag[1]);
	assert_int_equal(pkt->sum, PKT_SUM_PARTIAL);
	assert_int_equal(pkt->gso_size, 1448);
	assert_int_equal(pkt->paylen, 60000);
	pkt_sum_finish(pkt);
	assert_seg(pkt, &s);
	pkt_free(pkt);
}

/* In as many as a wire takes, with a tag or without: what a switch was given it can pass on. */
static void the_most_segments(void **state)
{
	struct seg s = { .seq = 1, .len = 2048 * 8 + 7 };
	struct pkt *pkt = seg_out(arena, &s, 8);

	assert_non_null(pkt_push(pkt, 4));
	memmove(pkt->head + pkt->start, pkt->head + pkt->start + 4, 12);
	memcpy(pkt->head + pkt->start + 12, "\x81\0\0\7", 4);
	pass(pkt);
	pkt = bag_pop(&bag[1]);
	assert_int_equal(pkt->paylen, s.len);
	pkt_free(pkt);
}

/* What lies in our arena is not copied, and freed when the reader has let go. */
static void payload_stays_where_it_is(void **state)
{
	struct seg s = { .seq = 1, .len = 30000 };
	struct pkt *pkt = seg_out(plug[0]->arena, &s, 1448);
	struct chunk *c = chunk_ref(pkt->ext[0].chunk);
	size_t at = (size_t)(c->data - wire[0]->own->arena);

	pass(pkt);
	pkt = bag_pop(&bag[1]);
	assert_ptr_equal(pkt->ext[0].p, wire[1]->peer->arena + at);
	c->data[29999] ^= 1;
	assert_int_equal(pkt->ext[0].p[29999], c->data[29999]);
	assert_int_equal(c->refs, 2);
	pkt_free(pkt);
	plug_send(plug[0], plain_frame(arena, 60, 1));
	plug_flush(plug[0]);
	assert_int_equal(c->refs, 1);
	chunk_unref(c);
}

static void frames_outlive_the_plugs(void **state)
{
	struct seg s = { .seq = 1, .len = 30000 };
	struct pkt *mine = seg_out(plug[0]->arena, &s, 1448), *pkt;

	pass(pkt_clone(mine));
	pkt = bag_pop(&bag[1]);
	for (int i = 0; i < 2; i++)
		plug_close(plug[i]);
	pkt_sum_finish(pkt);
	assert_seg(pkt, &s);
	pkt_free(pkt);
	pkt_free(mine);
	join();
}

/* The ring fills, the sender waits and is told of room; nothing is lost. */
static void a_full_ring_waits(void **state)
{
	uint32_t sent = 0, got = 0;
	bool waited = false;

	while (got < 20000) {
		bool full = false;

		while (sent < 20000 && !full) {
			for (; sent < 20000 && plug_room(plug[0]); sent++)
				plug_send(plug[0], plain_frame(arena, sent % 7 ? 60 : 1514, sent));
			full = plug_flush(plug[0]) == -EAGAIN;
		}
		if (full) {
			waited = true;
			assert_int_equal(plug_recv(plug[0], 10), 0);
			assert_false(rings(0));
		}
		while (plug_recv(plug[1], 50) > 0 || plug[1]->more)
			;
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
		assert_true(!full || rings(0));
		plug_flush(plug[0]);
	}
	assert_true(waited);
	assert_int_equal(plug[0]->tx_drops, 0);
}

/* A reader that keeps everything does not stop the others of its wire: from some
 * point on what it gets is a copy. */
static void who_holds_much_gets_copies(void **state)
{
	struct seg s = { .seq = 1, .len = 60000 };

	for (int i = 0; i < 2000; i++) {
		plug_send(plug[0], seg_out(arena, &s, 1448));
		assert_int_equal(plug_flush(plug[0]), 0);
		assert_int_equal(plug_recv(plug[1], 10), 1);
	}
	assert_true(wire[1]->held <= WIRE_ARENA / 4 + s.len);
	for (int i = 0; i < 2000; i++) {
		struct pkt *pkt = bag_pop(&bag[1]);

		pkt_sum_finish(pkt);
		if (i % 100 == 0)
			assert_seg(pkt, &s);
		pkt_free(pkt);
	}
}

/* Small ones, too: the numbers of frames are fewer than the bytes of the arena. */
static void who_holds_many_gets_copies(void **state)
{
	for (uint32_t i = 0; i < 3 * WIRE_FRAMES; i++) {
		plug_send(plug[0], plain_frame(arena, 200, i));
		assert_int_equal(plug_flush(plug[0]), 0);
		assert_int_equal(plug_recv(plug[1], 10), 1);
	}
	assert_true(wire[1]->held_frames < WIRE_FRAMES);
	for (uint32_t i = 0; i < 3 * WIRE_FRAMES; i++) {
		struct pkt *pkt = bag_pop(&bag[1]);

		assert_int_equal(plain_number(pkt), i);
		pkt_free(pkt);
	}
}

/* Send buffers leave memory for what must be copied to be sent. */
static void a_full_arena_still_sends(void **state)
{
	struct list held = LIST_INIT(held), *l;
	struct seg s = { .seq = 1, .len = 60000 };
	struct pkt *pkt;

	for (;;) {
		pkt = pkt_new();
		list_add_tail(&held, &pkt->link);
		if (!pkt_append(pkt, plug[0]->arena, wire, sizeof(wire)))
			break;
	}
	pass(seg_out(arena, &s, 1448));
	pkt = bag_pop(&bag[1]);
	pkt_sum_finish(pkt);
	assert_seg(pkt, &s);
	pkt_free(pkt);
	while ((l = list_pop(&held)))
		pkt_free(container_of(l, struct pkt, link));
}

/* Both at once: what is just longer than half a chunk takes twice its memory, and those that
 * keep it wait for what has to go the same way. */
static void a_full_arena_sends_to_who_holds_much(void **state)
{
	struct seg s = { .seq = 1, .len = 33000 };
	struct chunk *first = NULL;

	for (struct chunk *c; (c = plug[0]->arena->alloc(plug[0]->arena, CHUNK_MAX)); first = c)
		memcpy(c->data, &first, sizeof(first));
	for (int i = 0; i < 1000; i++) {
		plug_send(plug[0], seg_out(arena, &s, 1448));
		assert_int_equal(plug_flush(plug[0]), 0);
		assert_int_equal(plug_recv(plug[1], 10), 1);
	}
	for (struct chunk *next; first; first = next) {
		memcpy(&next, first->data, sizeof(next));
		chunk_unref(first);
	}
}

static void the_end_of_the_other_is_told(void **state)
{
	struct pkt *pkt;

	plug_send(plug[0], plain_frame(arena, 60, 7));
	plug_flush(plug[0]);
	plug_close(plug[0]);
	plug[0] = NULL;
	assert_true(rings(1));
	assert_int_equal(plug_recv(plug[1], 10), 1);
	pkt = bag_pop(&bag[1]);
	assert_int_equal(plain_number(pkt), 7);
	pkt_free(pkt);
	assert_true(rings(1));
	assert_int_equal(plug_recv(plug[1], 10), -EPIPE);
}

static void one_sleep_is_rung_once(void **state)
{
	char bells[8];

	for (int i = 0; i < 5; i++) {
		plug_send(plug[0], plain_frame(arena, 60, 7));
		plug_flush(plug[0]);
	}
	assert_int_equal(recv(plug[1]->fd, bells, sizeof(bells), MSG_DONTWAIT), 1);
	assert_int_equal(plug_recv(plug[1], 3), 3);
	assert_true(plug[1]->more);
	assert_int_equal(plug_recv(plug[1], 3), 2);
	assert_false(plug[1]->more);
}

/* --- small frames on their way through a switch --- */

static struct wire_small passed;
static unsigned n_passed;

static void pass_on(struct plug *p, const struct wire_small *s)
{
	assert_ptr_equal(p, plug[1]);
	passed = *s;
	n_passed++;
	assert_true(shm_put_small(p, s));
}

/* There and back with its notes, whatever its length; longer ones are packets. */
static void small_frames_pass_without_a_packet(void **state)
{
	uint32_t got = 0;

	shm_pass(plug[1], pass_on);
	n_passed = 0;
	for (uint32_t len = 14; len <= 200; len++) {
		struct pkt *pkt = plain_frame(arena, len, len);

		if (len > 60) {
			assert_non_null(pkt_pull(pkt, 60));
			pkt->sum = PKT_SUM_PARTIAL;
			pkt->sum_start = (uint16_t)(pkt->cur - pkt->start + 34);
			pkt->sum_off = 16;
		}
		plug_send(plug[0], pkt);
		assert_int_equal(plug_flush(plug[0]), 0);
		assert_int_equal(plug_recv(plug[1], 10), 1);
		assert_int_equal(plug_flush(plug[1]), 0);
		if (len > WIRE_INLINE) {
			pkt_free(bag_pop(&bag[1]));
			continue;
		}
		assert_int_equal(n_passed, ++got);
		assert_int_equal(plug_recv(plug[0], 10), 1);
		pkt = bag_pop(&bag[0]);
		assert_int_equal(pkt_len(pkt), len);
		assert_int_equal(pkt->sum, len > 60 ? PKT_SUM_PARTIAL : PKT_SUM_NONE);
		assert_int_equal(pkt->sum_start, len > 60 ? 34 : 0);
		if (len >= 18)
			assert_int_equal(plain_number(pkt), len);
		pkt_free(pkt);
	}
	assert_int_equal(got, WIRE_INLINE - 13);
	assert_int_equal(plug[1]->rx_frames, 187);
	assert_int_equal(plug[1]->tx_frames, got);
}

/* What is said to one who sleeps, a word at a time, lies in the ring's first pages. */
static void little_to_say_takes_little_memory(void **state)
{
	const struct wire_file *f = shm_wire(plug[0])->own;

	for (uint32_t i = 0; i < 5000; i++) {
		struct pkt *pkt;

		plug_send(plug[0], plain_frame(arena, 60, i));
		plug_flush(plug[0]);
		assert_int_equal(plug_recv(plug[1], 10), 1);
		pkt = bag_pop(&bag[1]);
		assert_int_equal(plain_number(pkt), i);
		pkt_free(pkt);
	}
	for (uint32_t i = WIRE_RING / 4; i < WIRE_RING; i++)
		assert_int_equal(f->ring[i], 0);
}

static void a_small_frame_waits_behind_others(void **state)
{
	struct wire_small s;
	uint8_t b[60] = { 2 };

	wire_small_set(&s, b, sizeof(b));
	while (shm_put_small(plug[0], &s))
		;
	plug_send(plug[0], wire_small_pkt(&s));
	assert_int_equal(plug_flush(plug[0]), -EAGAIN);
	assert_int_equal(plug_recv(plug[1], 100), 100);
	assert_false(shm_put_small(plug[0], &s));
	assert_int_equal(plug_flush(plug[0]), 0);
	assert_true(shm_put_small(plug[0], &s));
}

static void once(struct plug *p, const struct wire_small *s)
{
	n_passed++;
	shm_enough(p);
}

/* The rest is not told of by a bell: whoever stopped comes back. */
static void who_has_enough_is_given_no_more(void **state)
{
	shm_pass(plug[1], once);
	for (int i = 0; i < 3; i++)
		plug_send(plug[0], plain_frame(arena, 60, 1));
	plug_flush(plug[0]);
	n_passed = 0;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(plug_recv(plug[1], 10), 1);
		assert_int_equal(n_passed, i);
		assert_true(plug[1]->more);
	}
	assert_int_equal(plug_recv(plug[1], 10), 0);
	assert_false(plug[1]->more);
}

/* Who gets a frame sees no octet of another's that lay there before. */
static void padding_tells_nothing(void **state)
{
	struct wire_small s;
	uint8_t b[61] = { 2 };

	memset(&s, 0xaa, sizeof(s));
	wire_small_set(&s, b, sizeof(b));
	for (uint32_t i = 0; i < s.rec.len - sizeof(s.rec); i++)
		assert_int_equal(s.b[i], i ? 0 : 2);
	assert_int_equal(s.rec.len, 80);
}

/* --- a liar: each record or index alone ends the wire, and nothing else --- */

struct lie {
	struct wire_rec	rec;
	struct wire_span span[2];
};

static void told(const struct lie *lie)
{
	memcpy(wire[0]->own->ring, lie, sizeof(*lie));
	atomic_store(&wire[0]->own->sent, lie->rec.len / 16 * 16 + 16);
}

static void ends(const char *why)
{
	assert_int_equal(plug_recv(plug[1], 10), -EPIPE);
	assert_string_equal(wire[1]->why, why);
	assert_int_equal(bag[1].n, 0);
	plug_send(plug[1], plain_frame(arena, 60, 1));
	assert_int_equal(plug_flush(plug[1]), -EPIPE);
}

static void lies_in_records(void **state)
{
	static const char length[] = "a record has a wrong length";
	static const char contradicts[] = "a record contradicts itself";
	static const char payload[] = "a frame's payload is not in its arena, or still with us";
	static const char tiny[] = "a frame is shorter than an Ethernet header";
	static const struct { struct lie lie; const char *why; } lies[] = {
		{ { .rec = { .len = 0 } }, length },
		{ { .rec = { .len = 24 } }, length },
		{ { .rec = { .len = 8 } }, length },
		{ { .rec = { .len = 16 } }, "a record without a frame does not end the ring" },
		{ { .rec = { .len = 32, .head_len = 200 } }, contradicts },
		{ { .rec = { .len = 288, .head_len = 257 } }, contradicts },
		{ { .rec = { .len = 32, .head_len = 14, .sum = 3 } }, contradicts },
		{ { .rec = { .len = 32, .head_len = 14, .sum = PKT_SUM_PARTIAL, .sum_start = 14 } },
		  contradicts },
		{ { .rec = { .len = 32, .head_len = 14, .sum = PKT_SUM_PARTIAL, .sum_start = 0xffff,
			     .sum_off = 0xffff } }, contradicts },
		{ { .rec = { .len = 32, .head_len = 14, .gso_size = 1, .gso_hlen = 15 } },
		  contradicts },
		{ { .rec = { .len = 16 + 21 * 8 + 8, .n_ext = 21 } }, contradicts },
		{ { .rec = { .len = 32, .head_len = 13 } }, tiny },
		{ { .rec = { .len = 32, .n_ext = 2 }, .span = { { 0, 10 }, { WIRE_ARENA, 1 } } },
		  payload },
		{ { .rec = { .len = 32, .n_ext = 2 }, .span = { { 0, 10 }, { WIRE_ARENA - 9, 10 } } },
		  payload },
		{ { .rec = { .len = 32, .n_ext = 2 }, .span = { { 0, 10 }, { 0, UINT32_MAX } } },
		  payload },
		{ { .rec = { .len = 32, .n_ext = 2 }, .span = { { 0, 40000 }, { 0, 40000 } } },
		  payload },
		{ { .rec = { .len = 32, .n_ext = 2 }, .span = { { 0, 0 }, { 0, 60 } } }, payload },
		{ { .rec = { .len = 32, .n_ext = 2, .number = WIRE_FRAMES },
		    .span = { { 0, 30 }, { 0, 30 } } }, payload },
		{ { .rec = { .len = 96, .n_ext = 2, .head_len = 54, .gso_size = 1, .gso_hlen = 54 },
		    .span = { { 0, 30000 }, { 0, 30000 } } }, "a frame would be cut into too many" },
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(lies); i++) {
		if (i % 2)
			shm_pass(plug[1], pass_on);
		told(&lies[i / 2].lie);
		ends(lies[i / 2].why);
		teardown(state);
		setup(state);
	}
}

static void a_number_still_with_us(void **state)
{
	static const struct lie twice = {
		.rec = { .len = 32, .n_ext = 2, .number = 5 }, .span = { { 0, 30 }, { 0, 30 } },
	};

	shm_pass(plug[1], pass_on);
	told(&twice);
	assert_int_equal(plug_recv(plug[1], 10), 1);
	memcpy(wire[0]->own->ring + 32, &twice, sizeof(twice));
	atomic_store(&wire[0]->own->sent, 64);
	assert_int_equal(plug_recv(plug[1], 10), -EPIPE);
	pkt_free(bag_pop(&bag[1]));
	assert_non_null(wire[1]->why);
}

static void lies_in_indices(void **state)
{
	struct { atomic_uint *at; uint32_t v; bool out; const char *why; } lies[] = {
		{ &wire[0]->own->sent, WIRE_RING + 16, false, "it sent more than its ring holds" },
		{ &wire[0]->own->sent, 8, false, "it sent more than its ring holds" },
		{ &wire[0]->own->returned, WIRE_FRAMES + 1, true,
		  "it gave back more frames than there are" },
		{ &wire[0]->own->returned, 1, true, "it gave back a frame it had not" },
	};

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		atomic_store(lies[i].at, lies[i].v);
		if (lies[i].out) {
			plug_send(plug[1], plain_frame(arena, 60, 1));
			assert_int_equal(plug_flush(plug[1]), -EPIPE);
		} else {
			assert_int_equal(plug_recv(plug[1], 10), -EPIPE);
		}
		assert_string_equal(wire[1]->why, lies[i].why);
		teardown(state);
		setup(state);
		/* setup made new files */
		lies[0].at = lies[1].at = &wire[0]->own->sent;
		lies[2].at = lies[3].at = &wire[0]->own->returned;
	}
}

static void a_taker_of_what_was_not_sent(void **state)
{
	atomic_store(&wire[0]->own->taken, 0x80000000);
	for (int i = 0; i < 500; i++)
		plug_send(plug[1], plain_frame(arena, 150, 1));
	while (plug_flush(plug[1]) == 0)
		plug_send(plug[1], plain_frame(arena, 150, 1));
	assert_non_null(wire[1]->why);
	assert_string_equal(wire[1]->why, "it took what was not sent");
}

static const char *refused(int file)
{
	struct wire *w = wire_new();
	const char *why = wire_join(w, file, -1);

	wire_close(w);
	close(file);
	return why;
}

/* Whoever is given the descriptor may read. */
static void nobody_else_can_write(void **state)
{
	struct wire *w = wire_new();
	size_t size = sizeof(struct wire_file);

	assert_non_null(w);
	assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0),
			 MAP_FAILED);
	assert_int_equal(pwrite(w->fd, "", 1, 0), -1);
	assert_int_equal(ftruncate(w->fd, 1), -1);
	assert_int_equal(fallocate(w->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(w->own->magic, WIRE_MAGIC);
	wire_close(w);
}

static void unfit_files_are_refused(void **state)
{
	int plain = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int tiny = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int other = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int p[2];

	assert_int_equal(ftruncate(plain, sizeof(struct wire_file)), 0);
	assert_int_equal(fcntl(tiny, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(ftruncate(other, sizeof(struct wire_file)), 0);
	assert_int_equal(fcntl(other, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(pipe(p), 0);
	assert_string_equal(refused(plain), "its file is not sealed against shrinking");
	assert_string_equal(refused(tiny), "its file is too small");
	assert_string_equal(refused(other), "its file has another layout");
	assert_string_equal(refused(p[0]), "its file is not sealed against shrinking");
	close(p[1]);
}

/* --- two threads: every frame arrives, nobody sleeps for ever --- */

#define FRAMES 200000

static void *sender(void *arg)
{
	struct pollfd p = { plug[0]->fd, POLLIN, 0 };
	uint32_t n = 0;

	while (n < FRAMES || plug_flush(plug[0])) {
		for (int k = 0; n < FRAMES && k < 1 + (int)(n % 5) && plug_room(plug[0]) > 500; k++, n++)
			plug_send(plug[0], plain_frame(arena, n % 11 ? 60 : 700, n));
		if (plug_flush(plug[0]) == -EAGAIN) {
			if (poll(&p, 1, 20000) != 1)
				return "the sender was not woken";
			plug_recv(plug[0], 1);
		}
	}
	return NULL;
}

static void no_wake_up_is_lost(void **state)
{
	struct pollfd p = { plug[1]->fd, POLLIN, 0 };
	uint32_t got = 0;
	pthread_t t;
	void *why;

	assert_int_equal(pthread_create(&t, NULL, sender, NULL), 0);
	while (got < FRAMES) {
		if (!plug[1]->more && poll(&p, 1, 20000) != 1)
			fail_msg("the receiver was not woken after %u", got);
		plug_recv(plug[1], 1 + (int)(got % 90));
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
	}
	pthread_join(t, &why);
	if (why)
		fail_msg("%s", (char *)why);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(frames_of_every_size_arrive_whole),
		T(a_frame_over_the_mtu_is_dropped),
		T(a_super_frame_keeps_its_notes),
		T(the_most_segments),
		T(payload_stays_where_it_is),
		T(frames_outlive_the_plugs),
		T(a_full_ring_waits),
		T(who_holds_much_gets_copies),
		T(who_holds_many_gets_copies),
		T(a_full_arena_still_sends),
		T(a_full_arena_sends_to_who_holds_much),
		T(the_end_of_the_other_is_told),
		T(one_sleep_is_rung_once),
		T(small_frames_pass_without_a_packet),
		T(little_to_say_takes_little_memory),
		T(a_small_frame_waits_behind_others),
		T(who_has_enough_is_given_no_more),
		T(padding_tells_nothing),
		T(lies_in_records),
		T(a_number_still_with_us),
		T(lies_in_indices),
		T(a_taker_of_what_was_not_sent),
		T(nobody_else_can_write),
		T(unfit_files_are_refused),
		T(no_wake_up_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
