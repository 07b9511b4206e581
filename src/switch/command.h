/* command.h - the words of a switch's console: one row a command
 *
 * A line is a command and its arguments: "port/setvlan 3 7". Blanks do for the
 * slash. To add commands: a table, its declaration here and its name in tables[] of command.c.
 */
#ifndef SWITCH_COMMAND_H
#define SWITCH_COMMAND_H

#include "base/grow.h"

#define COMMAND_LINE_MAX	4096
#define COMMAND_ARGS_MAX	(2 + 2 * 64)	/* a guard has so many: GUARD_MAX */

struct session;
struct sw;

struct call {
	struct sw	*sw;
	struct session	*by;		/* who asked; NULL: a file of commands */
	struct grow	*out;		/* where data lines go */
	unsigned	argc;		/* what stands behind the command */
	char		*argv[COMMAND_ARGS_MAX];
	const char	*rest[COMMAND_ARGS_MAX];	/* from that argument to the end of the line */
	char		why[200];	/* of an error, in our words: what is wrong, the cure */
};

struct command {
	const char	*name;		/* NULL ends a table */
	const char	*args;		/* as help shows them; NULL: the head of a menu */
	const char	*help;
	bool		data;		/* answers with lines of data, even if none */
	int		(*run)(struct call *c);	/* 0, or why not as an errno */
};

extern const struct command main_commands[], port_commands[], vlan_commands[], hash_commands[],
	event_commands[], show_commands[], rules_commands[], guard_commands[],
	filter_commands[], suppress_commands[], snoop_commands[];

/* One line, without its newline; the answer goes to out, without a prompt. */
void command_run(struct sw *sw, struct session *by, const char *line, struct grow *out);
/* Of c, sw, by and out are given; data goes to out. 0, an errno (see c->why), or -1:
 * there is nothing to answer. */
int command_do(struct call *c, const char *line);
/* The row that such a line means, or NULL; *args is what stands behind it. */
const struct command *command_find(const char *line, const char **args);
int command_help(struct call *c);

/* For the rows: an argument as a number from min to max, and as a port. */
int command_fail(struct call *c, int error, const char *fmt, ...) PRINTF(3, 4);
int command_number(struct call *c, unsigned arg, uint32_t min, uint32_t max, uint32_t *n);
int command_port(struct call *c, unsigned arg, uint32_t *port);		/* in range */
int command_old_port(struct call *c, unsigned arg, uint32_t *port);	/* and existing */

#endif
