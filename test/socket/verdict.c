/* verdict.c - how a case says what it found, and the address it is about
 *
 * The reason of a failure goes to the descriptor report, from whichever thread or
 * descendant; then that process ends.
 */
#include <stdarg.h>

#include "conform.h"
#include "verdict.h"

struct addr target;
int family;
const char *self = "/proc/self/exe";
int report = -1;

static void tell(const char *fmt, va_list ap)
{
	char why[400];
	int n = vsnprintf(why, sizeof(why), fmt, ap);

	if (n >= (int)sizeof(why))
		n = sizeof(why) - 1;
	if (write(report, why, n) != n)
		_exit(2);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(fmt, ap);
	va_end(ap);
	_exit(1);
}

static void tellf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(fmt, ap);
	va_end(ap);
}

void skip(const char *why)
{
	tellf("%s", why);
	_exit(SKIP_STATUS);
}

void equal(long long got, long long want, const char *expr, const char *text,
	   const char *file, int line)
{
	if (got != want)
		fail("%s:%d: %s is %lld, not %s (%lld) [errno %s]", file, line, expr, got,
		     text, want, strerrorname_np(errno));
}

void fails_with(long long got, int err, const char *expr, const char *file, int line)
{
	if (got != -1)
		fail("%s:%d: %s is %lld, not an error %s", file, line, expr, got,
		     strerrorname_np(err));
	if (errno != err)
		fail("%s:%d: %s gives %s, not %s", file, line, expr,
		     strerrorname_np(errno), strerrorname_np(err));
}

long long succeeds(long long got, const char *expr, const char *file, int line)
{
	if (got < 0)
		fail("%s:%d: %s: %s", file, line, expr, strerrorname_np(errno));
	return got;
}

/* What the lines call it: v4, v6, lo4 or lo6. */
const char *set_target(const char *text)
{
	bool lo = strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0;

	memset(&target, 0, sizeof(target));
	if (inet_pton(AF_INET, text, &target.in4.sin_addr) == 1) {
		family = AF_INET;
		target.len = sizeof(target.in4);
	} else if (inet_pton(AF_INET6, text, &target.in6.sin6_addr) == 1) {
		family = AF_INET6;
		target.len = sizeof(target.in6);
	} else {
		return NULL;
	}
	target.ss.ss_family = family;
	if (family == AF_INET)
		return lo ? "lo4" : "v4";
	return lo ? "lo6" : "v6";
}
