/* switches.c - ioth show switches: those of this user that are running
 *
 * Nothing lists switches: they are found by their consoles, which the kernel names among the
 * sockets of this network namespace, and asked one by one.
 */
#include "cmd/switches.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/talk.h"

#define CONSOLE		"/mgmt"
#define LISTENS		"00010000"	/* a flag in the fourth column */

/* The path of a console that listens, cut out of the line; NULL. */
static char *console_of(char *line)
{
	char *path = strchr(line, '/');
	size_t n = path ? strcspn(path, "\n") : 0;

	if (n <= strlen(CONSOLE) || !strstr(line, " " LISTENS " "))
		return NULL;
	path[n] = 0;
	n -= strlen(CONSOLE);
	return strcmp(path + n, CONSOLE) == 0 ? path : NULL;
}

static bool is_ours(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       (st.st_uid == geteuid() || geteuid() == 0);
}

static unsigned active(const json_t *ports)
{
	unsigned n = 0;
	size_t i;
	json_t *p;

	json_array_foreach(ports, i, p)
		n += json_is_true(json_object_get(p, "active"));
	return n;
}

/* One row; false: it is no state of a switch. */
static bool add_row(struct text *t, const char *state)
{
	json_t *o = json_loads(state, 0, NULL);
	const char *path = json_string_value(json_object_get(o, "path"));

	if (path)
		text_add(t, "%s\t%lld\t%lld\t%u\t%zu\t%zu\n", path,
			 (long long)json_integer_value(json_object_get(o, "pid")),
			 (long long)json_integer_value(json_object_get(o, "uptime")),
			 active(json_object_get(o, "ports")),
			 json_array_size(json_object_get(o, "clients")),
			 json_array_size(json_object_get(o, "addresses")));
	json_decref(o);
	return path != NULL;
}

static bool add(struct grid *g, const char *console)
{
	char *state = talk_ask(console, "show json");
	char row[512];
	struct text t = text_of(row, sizeof(row));
	bool ok;

	text_add(&t, "path\tpid\tuptime\tports\tclients\taddresses\n");
	ok = state && add_row(&t, state);
	free(state);
	return grid_add(g, row, NULL, NULL) && ok;
}

bool switches_add(struct grid *g)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char *line = NULL, *console;
	size_t size = 0;
	bool ok = f != NULL;

	while (f && getline(&line, &size, f) > 0) {
		console = console_of(line);
		if (console && is_ours(console))
			ok &= add(g, console);
	}
	free(line);
	if (f)
		fclose(f);
	return ok;
}
