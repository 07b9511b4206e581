/* base.h - the words every file of ioth may use
 *
 * Types that make the mistake not compile: network byte order is a struct of
 * bytes, a sequence number is a struct without <, time is microseconds in an
 * int64_t called usec and nothing else.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IOTH_VERSION	"0.1"

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#define CLAMP(v, lo, hi) ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

/* Printf-like functions are checked by the compiler. */
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Network byte order: alignment 1, never mixed with a host integer. */
typedef struct be16 { uint8_t b[2]; } be16;
typedef struct be32 { uint8_t b[4]; } be32;

static inline uint16_t be16_get(be16 v)
{
	return (uint16_t)(v.b[0] << 8 | v.b[1]);
}

static inline be16 be16_put(uint16_t v)
{
	return (be16){ { (uint8_t)(v >> 8), (uint8_t)v } };
}

static inline uint32_t be32_get(be32 v)
{
	return (uint32_t)v.b[0] << 24 | (uint32_t)v.b[1] << 16 |
	       (uint32_t)v.b[2] << 8 | v.b[3];
}

static inline be32 be32_put(uint32_t v)
{
	return (be32){ { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
			 (uint8_t)(v >> 8), (uint8_t)v } };
}

/* Time: microseconds since an epoch the caller chose (monotonic). */
typedef int64_t usec;
#define NEVER		INT64_MAX
#define USEC_PER_MSEC	((usec)1000)
#define USEC_PER_SEC	((usec)1000000)

/* a + b without passing NEVER. */
static inline usec usec_add(usec a, usec b)
{
	return a > NEVER - b ? NEVER : a + b;
}

/* A sequence number (RFC 9293 3.4): compare only by these. */
struct seq { uint32_t v; };
#define SEQ(n)		((struct seq){ (uint32_t)(n) })

static inline struct seq seq_add(struct seq a, uint32_t n)
{
	return SEQ(a.v + n);
}

/* a - b, signed: negative when a is before b. */
static inline int32_t seq_diff(struct seq a, struct seq b)
{
	return (int32_t)(a.v - b.v);
}

static inline bool seq_eq(struct seq a, struct seq b) { return a.v == b.v; }
static inline bool seq_lt(struct seq a, struct seq b) { return seq_diff(a, b) < 0; }
static inline bool seq_le(struct seq a, struct seq b) { return seq_diff(a, b) <= 0; }
static inline bool seq_gt(struct seq a, struct seq b) { return seq_diff(a, b) > 0; }
static inline bool seq_ge(struct seq a, struct seq b) { return seq_diff(a, b) >= 0; }
static inline struct seq seq_max(struct seq a, struct seq b) { return seq_gt(a, b) ? a : b; }
static inline struct seq seq_min(struct seq a, struct seq b) { return seq_lt(a, b) ? a : b; }

#endif
