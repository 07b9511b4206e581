/* known.c - the list of differences from Linux, each with its reason
 *
 * A line names the kinds, the case and the reason, with tabs between; "~" before the
 * case's name says that the case may pass as well. Lines that begin with "#" are
 * for readers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { MAX_KNOWN = 1000 };

static struct known known[MAX_KNOWN];
static size_t n_known;

static bool take_line(char *line)
{
	struct known *k = &known[n_known];

	k->kinds = strtok(line, "\t");
	k->name = strtok(NULL, "\t");
	k->reason = strtok(NULL, "\t\n");
	if (!k->reason || n_known == MAX_KNOWN - 1)
		return false;
	k->loose = *k->name == '~';
	k->name += k->loose;
	n_known++;
	return true;
}

bool known_load(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (!f) {
		perror(path);
		return false;
	}
	while (getline(&line, &room, f) > 0) {
		if (*line == '#' || *line == '\n')
			continue;
		if (!take_line(strdup(line))) {
			fprintf(stderr, "%s: not KIND, CASE and REASON: %s", path, line);
			return false;
		}
	}
	free(line);
	fclose(f);
	return true;
}

static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

const struct known *known_find(const char *kind, const char *name)
{
	for (size_t i = 0; i < n_known; i++)
		if (strcmp(known[i].name, name) == 0 && in_list(known[i].kinds, kind))
			return &known[i];
	return NULL;
}
