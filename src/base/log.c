/* log.c - one line to stderr, or to who takes it
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
static bool no_copies;

static void put_stderr(void *arg, const char *line);
static log_taker *taker;
static void *taker_arg;

void log_to(log_taker *take, void *arg)
{
	taker_arg = arg;
	__atomic_store_n(&taker, take, __ATOMIC_RELEASE);
}

void log_stderr(void)
{
	log_to(put_stderr, NULL);
}

void log_set_level(enum log_level max)
{
	max_level = max;
}

bool log_shows(enum log_level lv)
{
	return lv <= max_level;
}

int log_copy(void)
{
	return no_copies ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

void log_no_copies(void)
{
	no_copies = true;
}

static void put_stderr(void *arg, const char *text)
{
	char line[LINE_MAX_LEN];
	struct text t = text_of(line, sizeof(line) - 1);

	text_add(&t, "ioth: %s", text);
	line[t.len++] = '\n';
	if (write(STDERR_FILENO, line, t.len) < 0)
		return;			/* nobody is left to be told */
}

static void put_line(log_taker *take, const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	struct text t = text_of(line, sizeof(line));
	int saved = errno;

	text_addv(&t, fmt, ap);
	if (take)
		take(taker_arg, line);
	errno = saved;
}

void log_put(enum log_level lv, const char *fmt, ...)
{
	va_list ap;

	if (lv > max_level)
		return;
	va_start(ap, fmt);
	put_line(__atomic_load_n(&taker, __ATOMIC_ACQUIRE), fmt, ap);
	va_end(ap);
}

/* What ends a process is always told. */
void die(int status, const char *fmt, ...)
{
	log_taker *take = __atomic_load_n(&taker, __ATOMIC_ACQUIRE);
	va_list ap;

	va_start(ap, fmt);
	put_line(take ? take : put_stderr, fmt, ap);
	va_end(ap);
	exit(status);
}
