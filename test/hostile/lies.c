/* lies.c - each rule of the wire, broken once
 *
 * A lie is a record, an index or a number that cannot be true: the other side has to
 * find it and end the wire. A vice is rude, but no lie.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "liar.h"

/* A record of which nothing is checked; head_len bytes of frame follow its spans. */
static void record(struct liar *l, struct wire_rec r, const struct wire_span *spans)
{
	uint8_t *p = l->own->ring + l->sent % WIRE_RING;
	uint32_t true_len = (uint32_t)(sizeof(r) + r.n_ext * sizeof(*spans) + r.head_len + 15) & ~15u;

	if (!r.len)
		r.len = (uint16_t)true_len;
	memcpy(p, &r, sizeof(r));
	if (spans)
		memcpy(p + sizeof(r), spans, r.n_ext * sizeof(*spans));
	l->sent += r.len;
	atomic_store(&l->own->sent, l->sent);
}

static void sent_too_much(struct liar *l) { atomic_store(&l->own->sent, WIRE_RING + 16); }
static void sent_backwards(struct liar *l) { atomic_store(&l->own->sent, (uint32_t)-16); }
static void sent_uneven(struct liar *l) { atomic_store(&l->own->sent, 7); }
static void took_too_much(struct liar *l)
{
	atomic_store(&l->own->taken, atomic_load(&l->peer->sent) + 64);
}
static void returned_too_much(struct liar *l) { atomic_store(&l->own->returned, WIRE_FRAMES + 1); }
static void returned_what_it_had_not(struct liar *l)
{
	l->own->back[0] = 5;
	atomic_store(&l->own->returned, 1);
}

static void record_without_length(struct liar *l)
{
	memset(l->own->ring, 0, 16);
	atomic_store(&l->own->sent, 16);
}

static void record_too_long(struct liar *l)
{
	record(l, (struct wire_rec){ .len = 65520, .head_len = 60 }, NULL);
	atomic_store(&l->own->sent, 96);
}

static void record_uneven(struct liar *l)
{
	record(l, (struct wire_rec){ .len = 77, .head_len = 60 }, NULL);
	atomic_store(&l->own->sent, 80);
}

static void record_contradicts(struct liar *l)
{
	record(l, (struct wire_rec){ .len = 160, .head_len = 60 }, NULL);
}

static void head_too_long(struct liar *l) { record(l, (struct wire_rec){ .head_len = 40000 }, NULL); }
static void frame_too_short(struct liar *l) { record(l, (struct wire_rec){ .head_len = 13 }, NULL); }
static void too_many_spans(struct liar *l)
{
	record(l, (struct wire_rec){ .len = 16 + 255 * 8 + 24, .n_ext = 255, .head_len = 20 }, NULL);
}

static void spans(struct liar *l, uint8_t n, struct wire_span s, uint16_t number)
{
	struct wire_span all[PKT_EXTS];

	for (unsigned i = 0; i < PKT_EXTS; i++)
		all[i] = s;
	record(l, (struct wire_rec){ .n_ext = n, .head_len = 14, .number = number }, all);
}

static void span_outside(struct liar *l) { spans(l, 1, (struct wire_span){ WIRE_ARENA, 100 }, 0); }
static void span_over_the_end(struct liar *l)
{
	spans(l, 1, (struct wire_span){ WIRE_ARENA - 100, 101 }, 0);
}
static void span_that_wraps(struct liar *l) { spans(l, 1, (struct wire_span){ 4, UINT32_MAX }, 0); }
static void span_of_nothing(struct liar *l) { spans(l, 1, (struct wire_span){ 4, 0 }, 0); }
static void spans_of_a_megabyte(struct liar *l) { spans(l, 20, (struct wire_span){ 0, 60000 }, 0); }
static void number_outside(struct liar *l) { spans(l, 1, (struct wire_span){ 0, 100 }, WIRE_FRAMES); }

static void sum_unknown(struct liar *l)
{
	record(l, (struct wire_rec){ .head_len = 60, .sum = 7 }, NULL);
}

static void sum_outside(struct liar *l)
{
	record(l, (struct wire_rec){ .head_len = 60, .sum = PKT_SUM_PARTIAL, .sum_start = 58,
				     .sum_off = 16 }, NULL);
}

static void sum_that_wraps(struct liar *l)
{
	record(l, (struct wire_rec){ .head_len = 60, .sum = PKT_SUM_PARTIAL, .sum_start = 65535,
				     .sum_off = 65535 }, NULL);
}

static void segments_without_headers(struct liar *l)
{
	record(l, (struct wire_rec){ .head_len = 60, .gso_size = 100, .gso_hlen = 200 }, NULL);
}

static void thousands_of_segments(struct liar *l)
{
	record(l, (struct wire_rec){ .n_ext = 1, .head_len = 60, .gso_size = 1, .gso_hlen = 54 },
	       &(struct wire_span){ 0, 65000 });
}

/* --- vices --- */

static void asleep_and_awake(struct liar *l)
{
	for (uint32_t i = 0; i < 100000; i++)
		atomic_store(&l->own->asleep, i * 2654435761u);
}

static void new_magic(struct liar *l) { l->own->magic = 0; }

static void nothing_but_bells(struct liar *l)
{
	for (int i = 0; i < 20000; i++)
		bell(l);
}

/* On the socket of bells, with descriptors, as long as it takes them. */
static void junk_for_bells(struct liar *l)
{
	static uint8_t junk[4096];
	int files[] = { l->file, l->sock, 2 };

	for (int i = 0; i < 300; i++) {
		struct pollfd p = { l->sock, POLLOUT, 0 };

		if (poll(&p, 1, 2000) != 1)
			return;
		say(l->sock, junk, 1 + (size_t)i * 13 % sizeof(junk), files, i % 4 ? 0 : 3);
	}
}

/* Sealed: neither its size nor that of the other can change, nor the other's bytes. */
static void shrink_the_files(struct liar *l)
{
	if (ftruncate(l->file, 0) == 0)
		fail("its own sealed file could be made smaller");
}

static void punch_its_file(struct liar *l)
{
	madvise(l->own, sizeof(*l->own), MADV_REMOVE);
	bell(l);
}

/* The other side's bells are never read; a sleep of another number each time. */
static void deaf(struct liar *l)
{
	for (uint32_t i = 0; i < 3000; i++) {
		atomic_store(&l->own->asleep, i * WIRE_SLEEP | WIRE_WANTS_FRAMES | WIRE_WANTS_ROOM);
		send_small(l, ALL, ME);
		bell(l);
		if (i % 100 == 0)
			poll(NULL, 0, 10);
		if (i % 50 == 49) {
			while (l->sent - atomic_load(&l->peer->taken) > WIRE_RING / 2)
				poll(NULL, 0, 1);
		}
	}
}

static void half_closed(struct liar *l)
{
	shutdown(l->sock, SHUT_WR);
}

const struct lie lies[] = {
	{ "sent_too_much", sent_too_much },
	{ "sent_backwards", sent_backwards },
	{ "sent_uneven", sent_uneven },
	{ "record_without_length", record_without_length },
	{ "record_too_long", record_too_long },
	{ "record_uneven", record_uneven },
	{ "record_contradicts", record_contradicts },
	{ "head_too_long", head_too_long },
	{ "frame_too_short", frame_too_short },
	{ "too_many_spans", too_many_spans },
	{ "span_outside", span_outside },
	{ "span_over_the_end", span_over_the_end },
	{ "span_that_wraps", span_that_wraps },
	{ "span_of_nothing", span_of_nothing },
	{ "spans_of_a_megabyte", spans_of_a_megabyte },
	{ "number_outside", number_outside },
	{ "sum_unknown", sum_unknown },
	{ "sum_outside", sum_outside },
	{ "sum_that_wraps", sum_that_wraps },
	{ "segments_without_headers", segments_without_headers },
	{ "thousands_of_segments", thousands_of_segments },
	/* found when the other side has something to send */
	{ "returned_too_much", returned_too_much },
	{ "returned_what_it_had_not", returned_what_it_had_not },
	{ NULL, NULL },
};

const struct lie vices[] = {
	{ "took_too_much", took_too_much },	/* looked at only when its ring is full */
	{ "asleep_and_awake", asleep_and_awake },
	{ "new_magic", new_magic },
	{ "nothing_but_bells", nothing_but_bells },
	{ "junk_for_bells", junk_for_bells },
	{ "shrink_the_files", shrink_the_files },
	{ "punch_its_file", punch_its_file },
	{ "deaf", deaf },
	{ "half_closed", half_closed },
	{ NULL, NULL },
};
