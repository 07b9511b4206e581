/* measure.h - clocks, and what /proc tells of a process */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static inline double clock_of(clockid_t id)	/* seconds */
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline double now(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static inline void measured(const char *what, const char *unit, double value)
{
	printf("%s\t%s\t%.2f\n", what, unit, value);
}

/* The sum of the lines "WORD: N" of a file in the process's directory. */
static inline double number_of(int pid, const char *file, const char *word)
{
	char path[64], line[256], name[64];
	double sum = 0, v;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63[^:]: %lf", name, &v) == 2 && strcmp(name, word) == 0)
			sum += v;
	}
	fclose(f);
	return sum;
}

#endif
