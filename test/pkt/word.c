/* word.c - words, numbers, times and names of errors, and how a script fails
 *
 * A script that cannot be read and a stack that does the wrong thing fail the
 * same way: the line, what was expected, what was seen, status 1.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

void fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d (%s) at +%.6f: %s\n", w->path, w->line, w->v6 ? "ip6" : "ip4",
		(double)(w->now - START) / 1e6, w->text ? w->text : "");
	va_start(ap, fmt);
	fputs("\t", stderr);
	vfprintf(stderr, fmt, ap);
	fputs("\n", stderr);
	va_end(ap);
	exit(1);
}

static char *option_end(struct world *w, char *p)
{
	char *end = strchr(p, '>');

	if (!end)
		fail(w, "script: < without >");
	*end = 0;
	return end + 1;
}

/* A word that starts with < and goes on is TCP options; alone it is a direction. */
static bool opens_options(const char *p)
{
	return p[0] == '<' && p[1] && p[1] != ' ' && p[1] != '\t' &&
	       (p[1] < '0' || p[1] > '9');
}

void words_cut(struct world *w, struct words *ws, char *p)
{
	*ws = (struct words){ .n = 0 };
	for (;;) {
		p += strspn(p, " \t\n");
		if (!*p)
			return;
		if (ws->n == MAX_WORDS)
			fail(w, "script: too many words");
		if (opens_options(p)) {
			ws->opts[ws->n] = true;
			ws->w[ws->n++] = p + 1;
			p = option_end(w, p);
			continue;
		}
		ws->w[ws->n++] = p;
		p += strcspn(p, " \t\n");
		if (*p)
			*p++ = 0;
	}
}

const char *word_peek(const struct words *ws)
{
	return ws->at < ws->n ? ws->w[ws->at] : NULL;
}

const char *word_next(struct words *ws)
{
	return ws->at < ws->n ? ws->w[ws->at++] : NULL;
}

bool word_is(struct words *ws, const char *s)
{
	const char *p = word_peek(ws);

	if (!p || strcmp(p, s) != 0)
		return false;
	ws->at++;
	return true;
}

const char *word_need(struct world *w, struct words *ws, const char *what)
{
	const char *p = word_next(ws);

	if (!p)
		fail(w, "script: %s is missing", what);
	return p;
}

void words_end(struct world *w, struct words *ws)
{
	if (word_peek(ws))
		fail(w, "script: cannot read '%s'", word_peek(ws));
}

uint32_t number(struct world *w, const char *s)
{
	char *end;
	unsigned long v = strtoul(s, &end, 0);

	if (end == s || *end || v > UINT32_MAX)
		fail(w, "script: '%s' is not a number", s);
	return (uint32_t)v;
}

uint32_t number_need(struct world *w, struct words *ws, const char *what)
{
	return number(w, word_need(w, ws, what));
}

usec seconds(struct world *w, const char *s)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || v < 0)
		fail(w, "script: '%s' is not a time in seconds", s);
	return (usec)(v * 1e6 + 0.5);
}

int errno_named(struct world *w, const char *name)
{
	for (int e = 1; e < 200; e++) {
		const char *n = strerrorname_np(e);

		if (n && strcmp(n, name) == 0)
			return e;
	}
	fail(w, "script: '%s' is not the name of an error", name);
}

const char *errno_text(long v)
{
	static char buf[32];
	const char *n = v < 0 && v > -200 ? strerrorname_np((int)-v) : NULL;

	if (n)
		snprintf(buf, sizeof(buf), "-%s", n);
	else
		snprintf(buf, sizeof(buf), "%ld", v);
	return buf;
}
