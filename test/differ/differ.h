/* differ.h - comparing: between the kinds of cases and the program */
#ifndef DIFFER_DIFFER_H
#define DIFFER_DIFFER_H

#include "base/text.h"
#include "host.h"

enum { OURS, LINUX };

#define LOG_SIZE	4096

struct sums { unsigned same, known, failed; };

struct form {
	bool		full, verbose;
	uint64_t	seed;
	unsigned	n;		/* cases by chance */
	unsigned	words;		/* failures that are printed */
	const char	*only;		/* groups whose name begins so */
	struct host	*host[2];
	struct sums	sums;
};

/* One try of a case on one host: what it said and showed into the log. */
typedef void case_fn(void *test, struct host *h, struct text *log);
/* Tries it on both, tells and counts; what: how the case is printed. */
void compare(struct form *f, const char *what, case_fn *run, void *test);

void tcp_cases(struct form *f);
void frame_cases(struct form *f);
void part_cases(struct form *f);

#endif
