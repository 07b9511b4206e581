/* mgmt_line.c - lines at a switch's console: any bytes
 *
 * Every answer obeys the grammar that old tools parse; what port/rules prints can be
 * said again and changes nothing. What lines have set stays for the next 63 inputs.
 * Words that read the machine's files are not said (load, users and groups by name).
 */
#include <ctype.h>
#include <stdio.h>

#include "switch/command.h"
#include "switch/mgmt.h"
#include "switch_here.h"

/* A line of an answer, without its end; NULL: there is none. */
static const char *next(char **at)
{
	return *at && **at ? strsep(at, "\n") : NULL;
}

static bool is_status(const char *line)
{
	return line[0] == '1' && strspn(line, "0123456789") == 4 && line[4] == ' ' && line[5];
}

/* "0000 ...", data, "."; then a status; then nothing, or words of ours. */
static void check_answer(struct grow *out)
{
	const char *line;
	char *at;

	grow_put(out, "", 1);
	CHECK(strlen(out->s) == out->len - 1);
	if (out->len == 1)
		return;
	CHECK(out->len > 1 && (strncmp(out->s, "9999", 4) == 0 || out->s[out->len - 2] == '\n'));
	at = out->s;
	line = next(&at);
	if (strcmp(line, "9999 END OF SESSION") == 0 && !at)
		return;
	if (strncmp(line, "0000 ", 5) == 0) {
		while ((line = next(&at)) && strcmp(line, ".") != 0)
			;
		CHECK(line);
		line = next(&at);
	}
	CHECK(line && is_status(line));
	line = next(&at);
	CHECK(!line || (strncmp(line, "# ", 2) == 0 && !next(&at)));
}

static void say(const char *line, struct grow *out)
{
	grow_free(out);
	command_run(sw, NULL, line, out);
	check_answer(out);
}

static bool may_be_said(const char *line)
{
	const char *args;
	const struct command *c;

	line += strspn(line, " \t");
	c = command_find(line, &args);
	return !c || !(strcmp(c->name, "load") == 0 || strncmp(c->name, "port/setuser", 12) == 0 ||
		       strncmp(c->name, "port/setgroup", 13) == 0);
}

static void check_rules(void)
{
	struct grow first = { 0 }, again = { 0 }, out = { 0 };
	char *copy, *at;
	const char *line;

	say("port/rules", &first);
	copy = strdup(first.s);
	at = copy;
	while ((line = next(&at))) {
		if (strncmp(line, "port/", 5) == 0)
			say(line, &out);
		CHECK(strncmp(line, "port/", 5) != 0 || strcmp(out.s, "1000 Success\n") == 0);
	}
	say("port/rules", &again);
	CHECK(strcmp(first.s, again.s) == 0);
	free(copy);
	grow_free(&first);
	grow_free(&again);
	grow_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned inputs;
	struct grow out = { 0 };
	char *text = malloc(size + 1), *at = text;

	if (inputs++ % INPUTS == 0)
		here_start();
	memcpy(text, data, size);
	text[size] = 0;
	for (const char *line; (line = next(&at)); ) {
		if (may_be_said(line))
			say(line, &out);
	}
	check_rules();
	grow_free(&out);
	free(text);
	return 0;
}
