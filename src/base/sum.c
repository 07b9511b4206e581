/* sum.c - the Internet checksum (RFC 1071)
 *
 * Words are added as they lie in memory: the ones' complement sum does not mind
 * the byte order (RFC 1071 2(B)), so only the folded result is read as bytes.
 * 64 bits at a time with the carry put back, in four chains that do not wait
 * for one another; where the processor has AVX2, long pieces in eight lanes of 32
 * bits, which are half the time (bench/sum.sh). A piece that starts at an odd offset
 * has its folded sum swapped before it joins.
 */
#include "base/sum.h"

#define WIDE_MIN	128	/* below, setting up lanes costs more than they save */
#define WIDE_STEP	64

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t c;

	return __builtin_add_overflow(a, b, &c) ? c + 1 : c;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint16_t load16(uint8_t first, uint8_t second)
{
	const uint8_t b[2] = { first, second };
	uint16_t v;

	memcpy(&v, b, 2);
	return v;
}

static uint16_t fold(uint64_t v)
{
	v = (v >> 32) + (uint32_t)v;
	v = (v >> 32) + (uint32_t)v;
	v = (v >> 16) + (v & 0xffff);
	v = (v >> 16) + (v & 0xffff);
	return (uint16_t)v;
}

/* Up to 7 bytes; a last one alone has a zero beside it (RFC 1071 1). */
static uint64_t tail(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n & 4) {
		v += load32(p);
		p += 4;
	}
	if (n & 2) {
		v += load16(p[0], p[1]);
		p += 2;
	}
	if (n & 1)
		v += load16(p[0], 0);
	return v;
}

static uint64_t piece(const uint8_t *p, size_t n)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; n >= 32; n -= 32, p += 32) {
		a = add(a, load64(p));
		b = add(b, load64(p + 8));
		c = add(c, load64(p + 16));
		d = add(d, load64(p + 24));
	}
	for (; n >= 8; n -= 8, p += 8)
		a = add(a, load64(p));
	if (n)
		b = add(b, tail(p, n));
	return add(add(a, b), add(c, d));
}

#ifdef __x86_64__
typedef uint64_t lanes __attribute__((vector_size(32)));

/* No lane overflows: 2^33 words would have to come. */
static __attribute__((target("avx2"))) uint64_t wide(const uint8_t *p, size_t n)
{
	lanes low = { 0 }, high = { 0 };

	for (; n >= WIDE_STEP; n -= WIDE_STEP, p += WIDE_STEP) {
		lanes v, w;

		memcpy(&v, p, sizeof(v));
		memcpy(&w, p + sizeof(v), sizeof(w));
		low += (v & UINT32_MAX) + (w & UINT32_MAX);
		high += (v >> 32) + (w >> 32);
	}
	low += high;
	return add(add(add(low[0], low[1]), add(low[2], low[3])), piece(p, n));
}

static bool has_wide(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
static uint64_t wide(const uint8_t *p, size_t n)
{
	return piece(p, n);
}

static bool has_wide(void)
{
	return false;
}
#endif

static void join(struct sum *s, uint64_t v, size_t n)
{
	if (s->odd)
		v = __builtin_bswap16(fold(v));
	s->acc = add(s->acc, v);
	s->odd ^= n & 1;
}

void sum_add_plain(struct sum *s, const void *p, size_t n)
{
	join(s, piece(p, n), n);
}

void sum_add(struct sum *s, const void *p, size_t n)
{
	join(s, n < WIDE_MIN || !has_wide() ? piece(p, n) : wide(p, n), n);
}

/* RFC 8200 8.1's form serves IPv4 too: the same words, other zeroes between. */
void sum_pseudo(struct sum *s, const struct ip_addr *src, const struct ip_addr *dst,
		uint8_t proto, uint32_t len)
{
	be32 l = be32_put(len), p = be32_put(proto);
	uint64_t v = (uint64_t)load32(l.b) + load32(p.b);

	if (ip_is_v4(src)) {
		v += (uint64_t)load32(ip_v4(src)) + load32(ip_v4(dst));
	} else {
		v = add(v, add(load64(src->b), load64(src->b + 8)));
		v = add(v, add(load64(dst->b), load64(dst->b + 8)));
	}
	s->acc = add(s->acc, s->odd ? __builtin_bswap16(fold(v)) : v);
}

uint16_t sum_partial(const struct sum *s)
{
	uint16_t v = fold(s->acc);
	be16 wire;

	memcpy(&wire, &v, 2);
	return be16_get(wire);
}

uint16_t sum_end(const struct sum *s)
{
	return (uint16_t)~sum_partial(s);
}
