/* log.c - one line to stderr
 *
 * A line is built first and written by one write(2), so the lines of threads
 * and of processes that share a terminal do not mix. What does not fit is cut.
 * errno survives, so a caller may log before it looks.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_LEN	1024

static enum log_level max_level = LOG_ERROR;
static const char *prefix = "ioth";

void log_set_level(enum log_level max)
{
	max_level = max;
}

/* The string is kept, not copied. */
void log_set_name(const char *name)
{
	prefix = name;
}

static void put_line(const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	int saved = errno;
	size_t n, room = sizeof(line) - 1;

	n = MIN((size_t)snprintf(line, room, "%s: ", prefix), room - 1);
	n += MIN((size_t)vsnprintf(line + n, room - n, fmt, ap), room - n - 1);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		errno = saved;		/* nobody is left to be told */
	errno = saved;
}

void log_put(enum log_level lv, const char *fmt, ...)
{
	va_list ap;

	if (lv > max_level)
		return;
	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
}

void die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
	exit(status);
}
