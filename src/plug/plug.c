/* plug.c - from a locator to a plug
 *
 * The scheme names a row of the table, which says how the rest is read and who
 * opens it. Without a scheme the text is the path of a switch; "-" is stdin and
 * stdout; if there is a regular file its first line is the locator; and if it is
 * empty the user's default is taken, or what VDE takes then (vdejoin.c). Schemes that
 * decorate another plug open what is in their braces by plug_open_wire or
 * plug_open_below.
 *
 * What the table lacks is left to libvdeplug, if it is there.
 *
 * Plugs use struct pkt and arenas of src/stack: they are the currency between
 * a stack and its wires, and know nothing of the engine.
 */
#include "plug/plug.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "plug/capture.h"
#include "plug/classic.h"
#include "plug/fault.h"
#include "plug/null.h"
#include "plug/packetif.h"
#include "plug/scheme.h"
#include "plug/stream.h"
#include "plug/tap.h"
#include "plug/trace.h"
#include "plug/vde.h"
#include "plug/vdeplug.h"

struct scheme {
	const char		*name;
	enum locator_style	style;
	bool			has_inner;
	struct plug		*(*open)(const struct locator *loc,
					 const struct plug_conf *conf, char **why);
};

static const struct scheme schemes[] = {
	{ "vde",	LOCATOR_PATH,	false,	vde_open },	/* a bare path is this one */
	{ "fault",	LOCATOR_OPTS,	true,	fault_open },
	{ "capture",	LOCATOR_PATH,	true,	capture_open },
	{ "trace",	LOCATOR_PATH,	true,	trace_open },
	{ "cmd",	LOCATOR_PATH,	false,	cmd_open },
	{ "stdio",	LOCATOR_PATH,	false,	stdio_open },	/* "-" is this one */
	{ "tap",	LOCATOR_PATH,	false,	tap_open },
	{ "packet",	LOCATOR_PATH,	false,	packetif_open },
	{ "null",	LOCATOR_PATH,	false,	null_open },
};

static const struct scheme *find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (strlen(schemes[i].name) == n && memcmp(schemes[i].name, name, n) == 0)
			return &schemes[i];
	}
	return NULL;
}

static void no_such_scheme(const char *locator, const char *lack, char **why)
{
	char *list = xstrdup(""), *longer;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		longer = xasprintf("%s %s://", list, schemes[i].name);
		free(list);
		list = longer;
	}
	*why = xasprintf("%s: no such kind of plug (there are:%s; %s)", locator, list, lack);
	free(list);
}

/* A scheme that is not of ours. */
static struct plug *open_other(const char *locator, const struct plug_conf *conf, char **why)
{
	const char *lack;
	struct plug *p = vdeplug_open(locator, conf, why, &lack);

	if (!p && !*why)
		no_such_scheme(locator, lack, why);
	return p;
}

/* Opens what follows "scheme://". */
static struct plug *open_scheme(const struct scheme *s, const char *locator, const char *rest,
				const struct plug_conf *conf, char **why)
{
	struct locator loc;
	const char *bad = locator_parse(&loc, rest, s->style);
	struct plug *p = NULL;

	if (!bad && s->has_inner != (loc.inner != NULL)) {
		bad = s->has_inner ? "needs a locator in braces: {vde:///tmp/sw}" :
				     "takes no locator in braces";
		locator_fini(&loc);
	}
	if (bad) {
		*why = xasprintf("%s: %s", locator, bad);
		return NULL;
	}
	p = s->open(&loc, conf, why);
	locator_fini(&loc);
	return p;
}

/* The first line of a regular file at path, or NULL: there is none. */
static char *locator_in_file(const char *path)
{
	struct stat st;
	char *line = NULL;
	size_t size = 0;
	ssize_t n = -1;
	FILE *f;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	f = fopen(path, "re");
	if (f) {
		n = getline(&line, &size, f);
		fclose(f);
	}
	if (n < 0) {
		free(line);
		return xstrdup("");
	}
	line[strcspn(line, "\r\n")] = 0;
	return line;
}

/* Length of the scheme's name if the text begins with "name://", else 0. */
static size_t scheme_len(const char *locator)
{
	size_t n = strspn(locator, "abcdefghijklmnopqrstuvwxyz0123456789");

	return strncmp(locator + n, "://", 3) == 0 ? n : 0;
}

static struct plug *open_text(const char *locator, const struct plug_conf *conf, char **why)
{
	size_t n = scheme_len(locator);
	const struct scheme *s = n ? find(locator, n) : &schemes[0];

	if (strcmp(locator, "-") == 0)
		return open_scheme(find("stdio", 5), locator, "", conf, why);
	if (s)
		return open_scheme(s, locator, n ? locator + n + 3 : locator, conf, why);
	return open_other(locator, conf, why);
}

/* What the user has set for "no locator", as with vdeplug; or NULL. */
static char *users_default(void)
{
	static const char *const files[] = { "/.vdeplug/default", "/.vde2/default.switch" };
	const char *home = getenv("HOME");
	char *line = NULL;

	for (size_t i = 0; home && !line && i < ARRAY_LEN(files); i++) {
		char *path = xasprintf("%s%s", home, files[i]);

		line = locator_in_file(path);
		free(path);
	}
	return line;
}

struct plug *plug_open_below(const char *locator, const struct plug_conf *conf, char **why)
{
	struct plug_conf inner = *conf;
	char *in_file = *locator ? locator_in_file(locator) : users_default();
	struct plug *p = NULL;

	*why = NULL;
	if (++inner.depth > LOCATOR_MAX_DEPTH)
		*why = xasprintf("%s: nested too deeply", locator);
	else
		p = open_text(in_file ? in_file : locator, &inner, why);
	free(in_file);
	return p;
}

struct plug *plug_open_wire(const char *locator, const struct plug_conf *conf, char **why)
{
	struct plug_conf frames = *conf;

	frames.frames = true;
	return plug_open_below(locator, &frames, why);
}

struct plug *plug_open(const char *locator, const struct plug_conf *conf, char **why)
{
	static const struct plug_conf none;
	struct plug *p = plug_open_below(locator, conf ? conf : &none, why);

	return p && !p->offload ? classic_new(p) : p;
}

void plug_close(struct plug *p)
{
	if (p)
		p->ops->close(p);
}
