/* opt.c - option tables
 *
 * One row per option serves the parser, --help and the man page. Parsing stops
 * at the first operand, because what follows may be another program's command
 * line with options of its own. Letters may be joined (-vv) and the last of
 * them may carry its value (-n5). --help and -h are always there.
 */
#include "base/opt.h"

#include <stdio.h>

#include "base/log.h"
#include "base/text.h"

enum { OPT_OK = 0, OPT_HELP = -1, OPT_USAGE = -2 };

#define HELP_COLUMN	30

struct args {
	const struct opt_page	*page;
	int			argc, i;	/* i: the next to read */
	char			**argv;
	void			*conf;
};

/* The row with that long name of len characters, or that letter. */
static const struct opt *find(const struct opt_page *page, const char *name,
			      size_t len, char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(page->opts) && page->opts[i]; i++) {
		for (const struct opt *o = page->opts[i]; o->name; o++) {
			if (letter ? o->letter == letter :
			    strlen(o->name) == len && memcmp(o->name, name, len) == 0)
				return o;
		}
	}
	return NULL;
}

static int use(struct args *a, const struct opt *o, const char *value)
{
	const char *why;

	if (o->arg && !value && a->i < a->argc)
		value = a->argv[a->i++];
	if (o->arg && !value) {
		err("--%s: needs a value (%s)", o->name, o->arg);
		return OPT_USAGE;
	}
	why = o->set(a->conf, value);
	if (!why)
		return OPT_OK;
	if (value)
		err("--%s: %s: %s", o->name, value, why);
	else
		err("--%s: %s", o->name, why);
	return OPT_USAGE;
}

static int long_option(struct args *a, const char *s)
{
	size_t len = strcspn(s, "=");
	const char *value = s[len] ? s + len + 1 : NULL;
	const struct opt *o = find(a->page, s, len, 0);

	if (!o && strcmp(s, "help") == 0)
		return OPT_HELP;
	if (!o) {
		err("--%.*s: no such option (try --help)", (int)len, s);
		return OPT_USAGE;
	}
	if (value && !o->arg) {
		err("--%s: takes no value", o->name);
		return OPT_USAGE;
	}
	return use(a, o, value);
}

static int short_options(struct args *a, const char *s)
{
	int rc = OPT_OK;

	for (; *s && rc == OPT_OK; s++) {
		const struct opt *o = find(a->page, NULL, 0, *s);

		if (o && o->arg)	/* the rest, or the next argument */
			return use(a, o, s[1] ? s + 1 : NULL);
		if (o)
			rc = use(a, o, NULL);
		else if (*s == 'h')
			rc = OPT_HELP;
		else
			rc = OPT_USAGE;
		if (!o && rc == OPT_USAGE)
			err("-%c: no such option (try --help)", *s);
	}
	return rc;
}

static void help_row(const char *name, char letter, const char *arg, const char *help)
{
	char buf[128];
	struct text t = text_of(buf, sizeof(buf));

	if (letter)
		text_add(&t, "  -%c, --%s", letter, name);
	else
		text_add(&t, "      --%s", name);
	if (arg)
		text_add(&t, " %s", arg);
	if (t.len >= HELP_COLUMN)
		printf("%s\n%*s%s\n", buf, HELP_COLUMN, "", help);
	else
		printf("%-*s%s\n", HELP_COLUMN, buf, help);
}

static void print_help(const struct opt_page *page)
{
	printf("usage: %s\n\n%s\n\n", page->usage, page->what);
	for (size_t i = 0; i < ARRAY_LEN(page->opts) && page->opts[i]; i++) {
		for (const struct opt *o = page->opts[i]; o->name; o++)
			help_row(o->name, o->letter, o->arg, o->help);
	}
	if (!find(page, "help", 4, 0))
		help_row("help", find(page, NULL, 0, 'h') ? 0 : 'h', NULL, "show this");
	if (page->more)
		printf("\n%s%s", page->more,
		       page->more[0] && page->more[strlen(page->more) - 1] == '\n' ? "" : "\n");
}

int opt_parse(const struct opt_page *page, int argc, char **argv, void *conf)
{
	struct args a = { page, argc, 1, argv, conf };
	int rc = OPT_OK;

	while (a.i < argc && rc == OPT_OK) {
		const char *s = argv[a.i];

		if (s[0] != '-' || !s[1])
			break;
		a.i++;
		if (strcmp(s, "--") == 0)
			break;
		rc = s[1] == '-' ? long_option(&a, s + 2) : short_options(&a, s + 1);
	}
	if (rc == OPT_HELP)
		print_help(page);
	return rc == OPT_OK ? a.i : rc;
}
