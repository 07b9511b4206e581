/* locator.c - reads the part of a locator behind "scheme://"
 *
 * The text is copied once and taken apart in place: a piece never grows when
 * its quotes are removed, so the writing end stays behind the reading end.
 * Names of options match by the typed prefix, as VDE's do, but a whole name
 * wins over a longer one that begins with it.
 */
#include "plug/locator.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"

struct scan {
	char	*r, *w;
	char	stop;		/* what ended the last piece; 0: the text's end */
	bool	open_quote;
};

static int hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The character at s->r with its escape undone. */
static char escaped(struct scan *s)
{
	if (s->r[0] == '\\' && s->r[1])
		return *++s->r;
	if (s->r[0] == '%' && hex(s->r[1]) >= 0 && hex(s->r[2]) >= 0) {
		s->r += 2;
		return (char)(hex(s->r[-1]) << 4 | hex(s->r[0]));
	}
	return s->r[0];
}

/* Up to one of the stops (or the end), terminated. */
static char *piece(struct scan *s, const char *stops)
{
	char *start = s->w, quote = 0;

	for (; *s->r; s->r++) {
		if (quote && *s->r == quote)
			quote = 0;
		else if (quote)
			*s->w++ = *s->r;
		else if (*s->r == '\'' || *s->r == '"')
			quote = *s->r;
		else if (strchr(stops, *s->r))
			break;
		else
			*s->w++ = escaped(s);
	}
	s->open_quote |= quote != 0;
	s->stop = *s->r;
	if (*s->r)
		s->r++;
	*s->w++ = 0;
	return start;
}

static const char *add_option(struct locator *l, struct scan *s, const char *stops)
{
	char all[8] = "=";
	char *name, *value = NULL;

	name = piece(s, strcat(all, stops));
	if (s->stop == '=')
		value = piece(s, stops);
	if (!*name && !value)
		return NULL;		/* "[]", "//": nothing said */
	if (l->n_opt == LOCATOR_MAX_OPTS)
		return "too many options";
	l->opt[l->n_opt].name = name;
	l->opt[l->n_opt++].value = value;
	return NULL;
}

/* Options separated by '/' until one of the other stops. */
static const char *options(struct locator *l, struct scan *s, const char *stops)
{
	const char *why;

	do {
		why = add_option(l, s, stops);
	} while (!why && s->stop == '/');
	return why;
}

static const char *path_style(struct locator *l, struct scan *s)
{
	const char *why;

	l->addr = piece(s, "[{");
	if (s->stop != '[')
		return NULL;
	why = options(l, s, "/]");
	if (why)
		return why;
	if (s->stop != ']')
		return "']' is missing";
	s->stop = *s->r;
	if (*s->r)
		s->r++;
	return s->stop && s->stop != '{' ? "text after ']'" : NULL;
}

static const char *net_style(struct locator *l, struct scan *s, bool has_addr)
{
	l->addr = "";
	if (has_addr) {
		l->addr = piece(s, "/{");
		if (s->stop != '/')
			return NULL;
	}
	return options(l, s, "/{");
}

static const char *inner(struct locator *l, struct scan *s)
{
	size_t n = strlen(s->r);

	if (s->stop != '{')
		return NULL;
	if (!n || s->r[n - 1] != '}')
		return "'}' is missing at the end";
	s->r[n - 1] = 0;
	l->inner = s->r;
	return NULL;
}

const char *locator_parse(struct locator *l, const char *rest, enum locator_style style)
{
	struct scan s = { 0 };
	const char *why;

	*l = (struct locator){ .text = xstrdup(rest) };
	s.r = s.w = l->text;
	why = style == LOCATOR_PATH ? path_style(l, &s) :
	      net_style(l, &s, style == LOCATOR_NET);
	if (!why && s.open_quote)
		why = "a quote is not closed";
	if (!why)
		why = inner(l, &s);
	if (why)
		locator_fini(l);
	return why;
}

void locator_fini(struct locator *l)
{
	free(l->text);
	*l = (struct locator){ 0 };
}

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == 0;
}

static const struct locator_opt *find(const struct locator_opt *table, const char *name)
{
	const struct locator_opt *prefix = NULL;
	size_t n = strlen(name);

	for (; table->name; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
		if (n && !prefix && strncmp(table->name, name, n) == 0)
			prefix = table;
	}
	return prefix;
}

static char *known(const struct locator_opt *table)
{
	char *list = xstrdup(""), *longer;

	for (; table->name; table++) {
		if (table->name[0] == '#')
			continue;
		longer = xasprintf("%s%s%s", list, *list ? ", " : "", table->name);
		free(list);
		list = longer;
	}
	return list;
}

static char *no_such_option(const struct locator_opt *table, const char *name)
{
	char *list = known(table);
	char *why = xasprintf("no such option: %s (there are: %s)", name, list);

	free(list);
	return why;
}

static char *apply_one(const struct locator_opt *table, void *conf, const char *name,
		       const char *value)
{
	const struct locator_opt *o;
	const char *why;

	if (!value && is_number(name)) {
		value = name;
		name = "#";
	}
	o = find(table, name);
	if (!o)
		return no_such_option(table, name);
	if (!value)
		return xasprintf("option %s needs a value: %s=...", o->name, o->name);
	why = o->set(conf, value);
	return why ? xasprintf("option %s=%s: %s", o->name, value, why) : NULL;
}

char *locator_apply(const struct locator *l, const struct locator_opt *table, void *conf)
{
	char *why = NULL;

	for (int i = 0; i < l->n_opt && !why; i++)
		why = apply_one(table, conf, l->opt[i].name, l->opt[i].value);
	return why;
}
