/* command.c - from a line to a command, and the grammar of the answer
 *
 * The grammar is vde_switch's, which tools parse: "0000 DATA END WITH '.'", lines,
 * "."; then "1000 Success", or 1NNN and the text of errno NNN. What we have
 * to say besides stands behind that, on a line that begins with '#', where
 * vdecmd and libvdemgmt have stopped reading.
 *
 * vde_switch looks for the first row that the line begins with: "port/print3" is
 * "port/print 3" and "showinfox" is "showinfo". So it is here, but that the longest
 * such row counts, since we have more of them.
 */
#include "switch/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "switch/client.h"

static const struct command *const tables[] = {
	main_commands, port_commands, rules_commands, vlan_commands, hash_commands,
	event_commands, show_commands, guard_commands, filter_commands, suppress_commands,
	snoop_commands,
};

/* How much of the line the name takes, 0 if it is not there; a blank is as good as '/'. */
static size_t match(const char *name, const char *line)
{
	size_t n = 0;

	for (; name[n]; n++) {
		if (line[n] != name[n] && !(name[n] == '/' && line[n] == ' '))
			return 0;
	}
	return n;
}

const struct command *command_find(const char *line, const char **args)
{
	const struct command *best = NULL;
	size_t best_len = 0, n;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (const struct command *c = tables[i]; c->name; c++) {
			n = match(c->name, line);
			if (n <= best_len || !c->run)
				continue;
			best = c;
			best_len = n;
		}
	}
	*args = line + best_len;
	return best;
}

/* --- arguments --- */

int command_fail(struct call *c, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return error;
}

int command_number(struct call *c, unsigned arg, uint32_t min, uint32_t max, uint32_t *n)
{
	uint64_t v;

	if (arg >= c->argc)
		return command_fail(c, EINVAL, "a number is missing (%u to %u)", min, max);
	if (!num_parse(c->argv[arg], min, max, &v))
		return command_fail(c, EINVAL, "%.40s: not a number from %u to %u", c->argv[arg],
				    min, max);
	*n = (uint32_t)v;
	return 0;
}

int command_port(struct call *c, unsigned arg, uint32_t *port)
{
	return command_number(c, arg, 0, c->sw->conf.n_ports - 1, port);
}

int command_old_port(struct call *c, unsigned arg, uint32_t *port)
{
	int rc = command_port(c, arg, port);

	if (!rc && !c->sw->port[*port].exists)
		rc = command_fail(c, ENXIO, "there is no port %u yet: port/create %u", *port, *port);
	return rc;
}

/* words: room for a copy of args, which is cut there. */
static void split(struct call *c, const char *args, char *words)
{
	char *w = words, *at;

	strcpy(words, args);
	while (c->argc < COMMAND_ARGS_MAX && (at = strsep(&w, " \t"))) {
		if (!*at)
			continue;
		c->argv[c->argc] = at;
		c->rest[c->argc++] = args + (at - words);
	}
}

/* --- running --- */

static int run(struct call *c, const struct command *cmd)
{
	int rc;

	if (cmd->data)
		grow_add(c->out, "0000 DATA END WITH '.'\n");
	rc = cmd->run(c);
	if (cmd->data)
		grow_add(c->out, ".\n");
	return rc;
}

/* A copy of the line without blanks around it. */
static void trim(const char *line, char *text)
{
	size_t n;

	line += strspn(line, " \t");
	n = strnlen(line, COMMAND_LINE_MAX);
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	memcpy(text, line, n);
	text[n] = 0;
}

int command_do(struct call *c, const char *line)
{
	char text[COMMAND_LINE_MAX + 1], words[COMMAND_LINE_MAX + 1];
	const struct command *cmd;
	const char *args;

	trim(line, text);
	if (!*text || *text == '#')
		return -1;
	cmd = command_find(text, &args);
	if (!cmd)
		return command_fail(c, ENOSYS, "there is no such command; help tells which there "
					       "are");
	split(c, args, words);
	return run(c, cmd);
}

void command_run(struct sw *sw, struct session *by, const char *line, struct grow *out)
{
	struct call c = { .sw = sw, .by = by, .out = out };
	int rc = command_do(&c, line);

	if (rc > 0)
		grow_add(out, "1%03d %s\n", rc, strerror(rc));
	if (rc > 0 && *c.why)
		grow_add(out, "# %s\n", c.why);
	if (!rc)
		grow_add(out, "1000 Success\n");
}

/* --- help --- */

static void help_row(struct grow *out, const struct command *cmd)
{
	grow_add(out, "%-18s %-15s %s\n", cmd->name, cmd->args ? cmd->args : "============",
		 cmd->help);
}

int command_help(struct call *c)
{
	const char *word = c->argc ? c->argv[0] : "";

	grow_add(c->out, "%-18s %-15s %s\n", "COMMAND PATH", "SYNTAX", "HELP");
	grow_add(c->out, "%-18s %-15s %s\n", "------------", "--------------", "------------");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (const struct command *cmd = tables[i]; cmd->name; cmd++) {
			if (strncmp(cmd->name, word, strlen(word)) == 0)
				help_row(c->out, cmd);
		}
	}
	return 0;
}
