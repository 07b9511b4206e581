/* known.c - the list of differences that have a reason
 *
 * Entries of known.txt are paragraphs:
 *
 *	# why it differs, in as many lines as it takes
 *	case: PATTERN
 *	ours: PATTERN
 *	linux: PATTERN
 *
 * with patterns of the shell for the case as it is printed and for the first thing in which
 * the two differ. "rare:" in place of "case:": met in a full run only. An entry
 * that is not met any more must go. "kernel: PATTERN" says of which release of Linux
 * all this is true.
 */
#include "known.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/mem.h"

#define MOST	200

static struct known {
	char		*what, *ours, *its;
	unsigned	line, met;
	bool		rare;
} known[MOST];
static unsigned n_known;
static char *kernel;
static const char *file;

static _Noreturn void bad(unsigned line, const char *why)
{
	fprintf(stderr, "differ: %s: line %u: %s\n", file, line, why);
	exit(2);
}

static void take(unsigned line, char *key, char *value)
{
	struct known *k = &known[n_known - !!n_known];

	value += strspn(value, " ");
	if (!strcmp(key, "kernel")) {
		kernel = xstrdup(value);
	} else if (!strcmp(key, "case") || !strcmp(key, "rare")) {
		if (n_known == MOST || (n_known && !k->its))
			bad(line, "the entry before it is not complete, or too many");
		known[n_known++] = (struct known){ .what = xstrdup(value), .line = line,
						   .rare = *key == 'r' };
	} else if (!strcmp(key, "ours") && n_known && !k->ours) {
		k->ours = xstrdup(value);
	} else if (!strcmp(key, "linux") && n_known && k->ours && !k->its) {
		k->its = xstrdup(value);
	} else {
		bad(line, "kernel:, case:, rare:, ours: or linux: in this order");
	}
}

void known_load(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024], *colon;
	unsigned n = 0;

	file = path;
	if (!f)
		bad(0, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		n++;
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#' || !line[0])
			continue;
		colon = strchr(line, ':');
		if (!colon)
			bad(n, "no colon");
		*colon = 0;
		take(n, line, colon + 1);
	}
	fclose(f);
}

bool known_here(char *why, size_t size)
{
	struct utsname u;

	if (!kernel || uname(&u) < 0 || !fnmatch(kernel, u.release, 0))
		return true;
	snprintf(why, size, "the list is of Linux %s, here is %s", kernel, u.release);
	return false;
}

bool is_known(const char *what, const char *ours, const char *its)
{
	for (struct known *k = known; k < known + n_known; k++) {
		if (fnmatch(k->what, what, 0) || fnmatch(k->ours, ours, 0) ||
		    fnmatch(k->its, its, 0))
			continue;
		k->met++;
		return true;
	}
	return false;
}

unsigned known_report(bool full, bool verbose)
{
	unsigned failed = 0;

	for (const struct known *k = known; k < known + n_known; k++) {
		if (verbose)
			printf("%7u %s:%u: %s\n", k->met, file, k->line, k->what);
		if (k->met || (k->rare && !full))
			continue;
		printf("FAIL %s:%u: no case differs like this any more: %s\n", file, k->line,
		       k->what);
		failed++;
	}
	return failed;
}
