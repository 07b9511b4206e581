/* sum.c - what a checksum costs beside a copy of the same octets, for bench/sum.sh
 *
 * Each line: case, unit, subject, value, for bench/report.awk; one sample of each a
 * round. The octets are in the first cache, but for the last cases, where a new
 * place of 32 MiB is taken each time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/sum.h"

#define SPAN		((size_t)32 << 20)
#define WORK		2000000u	/* octets a sample */

static uint8_t *from, *to;

static uint64_t do_copy(size_t at, size_t n)
{
	memcpy(to + at, from + at, n);
	__asm__ volatile("" ::: "memory");
	return 0;
}

static uint64_t do_sum(size_t at, size_t n)
{
	struct sum s = { 0 };

	sum_add(&s, from + at, n);
	return s.acc;
}

static uint64_t do_plain(size_t at, size_t n)
{
	struct sum s = { 0 };

	sum_add_plain(&s, from + at, n);
	return s.acc;
}

static uint64_t do_both(size_t at, size_t n)
{
	return do_copy(at, n) + do_sum(at, n);
}

static const struct subject {
	const char	*name;
	uint64_t	(*run)(size_t at, size_t n);
} subjects[] = {
	{ "memcpy", do_copy }, { "sum", do_sum }, { "sum in plain C", do_plain },
	{ "memcpy, sum", do_both },
};

static double clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void sample(const struct subject *s, size_t n, bool cold)
{
	size_t step = (n + 63) & ~(size_t)63, at = 0;
	unsigned times = (unsigned)(WORK / n);
	volatile uint64_t sink = 0;
	double began = clock_ns();

	for (unsigned i = 0; i < times; i++) {
		sink += s->run(at, n);
		at = cold && at + 2 * step <= SPAN ? at + step : 0;
	}
	printf("%zu octets%s\tns\t%s\t%.1f\n", n, cold ? ", uncached" : "", s->name,
	       (clock_ns() - began) / times);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 64, 256, 576, 1448, 4096, 65536 };
	int rounds = argc > 1 ? atoi(argv[1]) : 9;

	from = xmalloc(SPAN);
	to = xmalloc(SPAN);
	memset(from, 1, SPAN);
	memset(to, 2, SPAN);
	for (int r = 0; r < rounds; r++) {
		for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
			for (size_t k = 0; k < ARRAY_LEN(subjects); k++)
				sample(&subjects[k], sizes[i / 2], i % 2);
		}
	}
	free(from);
	free(to);
	return 0;
}
