/* proto_test.h - what the tests of formats share
 *
 * check_short: every proper prefix of a message is refused, and reading it
 * does not leave the memory (each prefix is a heap block of its own, so the
 * address sanitizer and valgrind see a read past it).
 */
#ifndef PROTO_TEST_H
#define PROTO_TEST_H

#include <stdlib.h>

#include "../proto_eq.h"
#include "base/mem.h"
#include "base/rand.h"
#include "unit.h"

static inline void random_bytes(struct rng *r, void *p, size_t n)
{
	uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)rng_u64(r);
}

static inline struct ip_addr random_v4(struct rng *r)
{
	uint8_t b[4];

	random_bytes(r, b, 4);
	return ip_from_v4(b);
}

static inline struct ip_addr random_v6(struct rng *r)
{
	struct ip_addr a;

	random_bytes(r, a.b, 16);
	a.b[0] |= 1;		/* not IPv4-mapped */
	return a;
}

static inline struct ip_addr addr(const char *s)
{
	struct ip_addr a;

	assert_true(ip_parse_text(s, &a));
	return a;
}

#define check_short(parse, type, bytes, n)				\
	for (size_t n_ = 0; n_ < (n); n_++) {				\
		uint8_t *copy_ = xmalloc(n_);				\
		struct rd r_ = rd_of(copy_, n_);			\
		type h_;						\
									\
		memcpy(copy_, bytes, n_);				\
		assert_false(parse(&r_, &h_));				\
		free(copy_);						\
	}

/* The text that print(t, h) writes. */
#define check_print(print, h, want)					\
	do {								\
		char line_[512];					\
		struct text t_ = text_of(line_, sizeof(line_));		\
									\
		print(&t_, h);						\
		assert_string_equal(line_, want);			\
	} while (0)

#endif
