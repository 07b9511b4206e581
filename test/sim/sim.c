/* sim.c - simulated networks in virtual time: the program
 *
 *	sim				all of them; SEEDS=N in the environment (200)
 *	sim transfer [-n N] [-s SEED] [-v]	two hosts, random everything
 *	sim chaos [-n N] [-s SEED] [-v]		the same, and all kinds of mischief
 *	sim many [-n N] [-s SEED] [-v]		hundreds of connections, many hosts
 *	sim golden [-w]				throughput by loss, delay, buffer
 *	sim hole			paths that drop large packets in silence
 *	sim flood			a transfer while others flood the same stack
 *	sim memory [-n CONNECTIONS]		bytes of a stack, a connection (10000)
 *
 * -v says how each stream went, -vv prints every frame that leaves a host.
 * The last line is the count; the status is 1 if anything failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "sim.h"

#define SEEDS		200
#define MANY_PART	20	/* one large network for so many small ones */
#define CONNECTIONS	10000
#define GOLDEN		"test/sim/golden.txt"

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: sim [transfer|chaos|many [-n COUNT] [-s SEED] [-v]] | "
		"[golden [-w]] | [hole] | [flood] | [memory [-n COUNT]]\n");
	exit(2);
}

static uint64_t need(const char *s)
{
	uint64_t v;

	if (!s || !num_parse(s, 0, UINT32_MAX, &v))
		usage();
	return v;
}

static uint32_t default_count(void)
{
	const char *s = getenv("SEEDS");

	return s && *s ? (uint32_t)need(s) : SEEDS;
}

static void options(struct seeds *s, bool *write, int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "n:s:vw")) != -1;) {
		if (c == 'n')
			s->count = (uint32_t)need(optarg);
		else if (c == 's')
			s->first = need(optarg);
		else if (c == 'v')
			s->verbose++;
		else if (c == 'w')
			*write = true;
		else
			usage();
	}
	if (optind < argc)
		usage();
}

static void run_all(struct tally *t)
{
	struct seeds s = { .first = 1, .count = default_count() };

	seeds_run(&s, "transfer", transfer_one, t);
	seeds_run(&s, "chaos", chaos_one, t);
	s.count = (s.count + MANY_PART - 1) / MANY_PART;
	seeds_run(&s, "many", many_one, t);
	golden_run(GOLDEN, false, t);
	hole_run(t);
	flood_run(t);
	memory_run(CONNECTIONS, t);
}

static void run_one(const char *name, int argc, char **argv, struct tally *t)
{
	bool memory = !strcmp(name, "memory");
	struct seeds s = { .first = 1, .count = memory ? CONNECTIONS : default_count() };
	bool write = false;

	options(&s, &write, argc, argv);
	if (!strcmp(name, "transfer"))
		seeds_run(&s, name, transfer_one, t);
	else if (!strcmp(name, "chaos"))
		seeds_run(&s, name, chaos_one, t);
	else if (!strcmp(name, "many"))
		seeds_run(&s, name, many_one, t);
	else if (!strcmp(name, "golden"))
		golden_run(GOLDEN, write, t);
	else if (!strcmp(name, "hole"))
		hole_run(t);
	else if (!strcmp(name, "flood"))
		flood_run(t);
	else if (!strcmp(name, "memory"))
		memory_run(s.count, t);
	else
		usage();
}

int main(int argc, char **argv)
{
	struct tally t = { 0, 0 };

	if (argc == 1)
		run_all(&t);
	else
		run_one(argv[1], argc - 1, argv + 1, &t);
	printf("%u passed, %u failed\n", t.passed, t.failed);
	return t.failed != 0;
}
