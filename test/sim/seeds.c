/* seeds.c - runs a simulation for many seeds, each in a process of its own
 *
 * A crash, a hang (by real time) or a leak seen by a sanitizer then costs one
 * seed, and its number is known: "sim transfer -n 1 -s SEED -v" repeats it.
 */
#include "../child.h"
#include "sim.h"

#define REAL_SECONDS 120

static int child(uint64_t seed, unsigned verbose, int (*one)(uint64_t, unsigned))
{
	pid_t pid = child_start(REAL_SECONDS);
	int status;

	if (pid == 0)
		exit(one(seed, verbose));
	status = child_status(pid);
	if (WIFSIGNALED(status))
		fprintf(stderr, "seed %lu: %s\n", (unsigned long)seed,
			strsignal(WTERMSIG(status)));
	return status;
}

void seeds_run(const struct seeds *s, const char *name,
	       int (*one)(uint64_t seed, unsigned verbose), struct tally *t)
{
	for (uint32_t i = 0; i < s->count; i++) {
		if (child(s->first + i, s->verbose, one) == 0) {
			t->passed++;
			continue;
		}
		t->failed++;
		printf("FAIL sim %s -n 1 -s %lu -v\n", name, (unsigned long)(s->first + i));
	}
	printf("%s: seeds %lu to %lu\n", name, (unsigned long)s->first,
	       (unsigned long)(s->first + s->count - 1));
}
