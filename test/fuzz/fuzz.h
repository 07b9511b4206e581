/* fuzz.h - what fuzz targets share: properties that end the process
 *
 * A target is LLVMFuzzerTestOneInput alone; libFuzzer or main.c drives it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "../check.h"		/* every driver reports the input when it aborts */
#include "base/base.h"
#include "base/cursor.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line for people: not empty, complete, one line, printable. */
static inline void check_line(const struct text *t)
{
	CHECK(t->len > 0 && !t->cut && t->s[t->len] == 0);
	for (size_t i = 0; i < t->len; i++)
		CHECK(t->s[i] >= ' ' && t->s[i] <= '~');
}

/* The next piece of the input, behind two octets of its length: a heap block of its
 * exact size, to be freed. */
static inline uint8_t *next_piece(struct rd *in, size_t *n)
{
	uint8_t *copy;

	*n = rd_u16(in);
	*n = MIN(*n, rd_left(in));
	copy = malloc(*n + !*n);
	rd_copy(in, copy, *n);
	return copy;
}

/* print(t, h) gives a proper line. */
#define CHECK_PRINT(print, h) \
	do { \
		char line_[1024]; \
		struct text t_ = text_of(line_, sizeof(line_)); \
		\
		print(&t_, h); \
		check_line(&t_); \
	} while (0)

#endif
