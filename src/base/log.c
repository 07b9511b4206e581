/* log.c - one line to stderr
 *
 * A line is built first and written by one write(2), so the lines of threads
 * and of processes that share a terminal do not mix. What does not fit is cut.
 * errno survives, so a caller may log before it looks.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_MAX_LEN	1024

static enum log_level max_level = LOG_ERROR;
static const char *prefix = "ioth";
static bool no_copies;

void log_set_level(enum log_level max)
{
	max_level = max;
}

bool log_shows(enum log_level lv)
{
	return lv <= max_level;
}

/* The string is kept, not copied. */
void log_set_name(const char *name)
{
	prefix = name;
}

int log_copy(void)
{
	return no_copies ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

void log_no_copies(void)
{
	no_copies = true;
}

static void put_line(const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	struct text t = text_of(line, sizeof(line) - 1);
	int saved = errno;

	text_add(&t, "%s: ", prefix);
	text_addv(&t, fmt, ap);
	line[t.len++] = '\n';
	if (write(STDERR_FILENO, line, t.len) < 0)
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
