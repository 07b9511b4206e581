/* differ.c - the same frames and socket calls to our stack and to Linux's: the program
 *
 *	differ [-v] [-n N] [-s SEED] [-k KNOWN] [-w WORDS] [GROUP]
 *
 * A case is run on both hosts (ours.c, linux.c), each of which gives a line of words: what it
 * said on the wire and showed its user, step by step, divided by "|". The first step in
 * which they differ is either in the list KNOWN (known.txt) with a reason, or a failure. A case
 * that differs is tried again, so that a timer of Linux's that went off on a busy machine is not
 * taken for an answer. Each value of each field is tried alone, then N combinations by
 * chance, of segments and of frames: 3000, with FULL=1 in the environment 200000.
 * GROUP: only cases that begin so. WORDS: failures that are printed, 30.
 */
#include "differ.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../mutate/pair.h"
#include "known.h"

#define TRIES		30

/* The first step of a line that the other has not; cuts both there. */
static void first_difference(char **a, char **b)
{
	char *x = *a, *y = *b;

	for (;;) {
		size_t i = strcspn(x, "|"), k = strcspn(y, "|");

		if (i != k || memcmp(x, y, i) || !x[i] || !y[k]) {
			x[i] = y[k] = 0;
			*a = x + strspn(x, " ");
			*b = y + strspn(y, " ");
			return;
		}
		x += i + 1;
		y += k + 1;
	}
}

static void tell(struct form *f, const char *what, const char *all[2], const char *a, const char *b)
{
	if (++f->sums.failed > f->words)
		return;
	printf("FAIL %s\n  ours:  %s\n  linux: %s\n", what, a, b);
	if (f->verbose)
		printf("  in full: %s\n  in full: %s\n", all[0], all[1]);
}

void compare(struct form *f, const char *what, case_fn *run, void *test)
{
	char log[2][LOG_SIZE], cut[2][LOG_SIZE], *a, *b;

	for (unsigned i = 0; i < TRIES; i++) {
		for (unsigned k = 0; k < 2; k++) {
			struct text t = text_of(log[k], LOG_SIZE);

			run(test, f->host[k], &t);
		}
		if (!strcmp(log[OURS], log[LINUX])) {
			f->sums.same++;
			return;
		}
		memcpy(cut, log, sizeof(cut));
		a = cut[OURS];
		b = cut[LINUX];
		first_difference(&a, &b);
		if (is_known(what, a, b)) {
			f->sums.known++;
			return;
		}
	}
	tell(f, what, (const char *[]){ log[OURS], log[LINUX] }, a, b);
}

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: differ [-v] [-n N] [-s SEED] [-k KNOWN] [-w WORDS] [GROUP]\n");
	exit(2);
}

static void options(struct form *f, int argc, char **argv)
{
	uint64_t v;

	for (int c; (c = getopt(argc, argv, "vn:s:k:w:")) != -1;) {
		if (c == 'v')
			f->verbose = true;
		else if (c == 'k')
			known_load(optarg);
		else if (c == '?' || !num_parse(optarg, 0, UINT32_MAX, &v))
			usage();
		else if (c == 'n')
			f->n = (unsigned)v;
		else if (c == 'w')
			f->words = (unsigned)v;
		else
			f->seed = v;
	}
	if (optind + 1 < argc)
		usage();
	f->only = optind < argc ? argv[optind] : "";
}

/* Another Linux than that of the list differs in other things: told, but no failure. */
static int conclude(struct sums *s)
{
	char why[256];
	unsigned skipped = 0;

	if (s->failed && !known_here(why, sizeof(why))) {
		printf("skip differ: %u cases differ in other ways than known: %s\n", s->failed, why);
		skipped = s->failed;
		s->failed = 0;
	}
	printf("%u cases the same, %u differ as known, %u otherwise\n", s->same, s->known,
	       s->failed + skipped);
	printf("%u passed, %u failed, %u skipped\n", s->same + s->known, s->failed, skipped);
	return s->failed != 0;
}

int main(int argc, char **argv)
{
	static char what[512];
	const char *full = getenv("FULL");
	struct form f = { .full = full && *full, .seed = 1, .words = 30 };
	int error;

	f.n = f.full ? 200000 : 3000;
	options(&f, argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	trying = what;
	f.host[LINUX] = linux_open(&error);
	if (!f.host[LINUX]) {
		printf("skip differ: no network namespace of our own with AF_PACKET: %s\n",
		       strerror(-error));
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	f.host[OURS] = ours_open();
	tcp_cases(&f);
	frame_cases(&f);
	part_cases(&f);
	if (!*f.only && known_here(what, sizeof(what)))
		f.sums.failed += known_report(f.full, f.verbose);
	return conclude(&f.sums);
}
