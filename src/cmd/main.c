/* main.c - the command: a table of subcommands
 *
 * A subcommand is a file here and a row of the table. Options before it are for
 * all of them. Nothing said means: show what is running.
 */
#include <fcntl.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"

struct main_args {
	bool version;
};

static int cmd_help(int argc, char **argv);

static const struct cmd {
	const char	*name;
	int		(*run)(int argc, char **argv);
	const char	*help;
} cmds[] = {
	{ "run",	cmd_run,	"run a program as a node, on a TCP/IP stack of its own" },
	{ "switch",	cmd_switch,	"start a virtual Ethernet switch" },
	{ "stack",	cmd_stack,	"start a TCP/IP stack as a file, for other processes" },
	{ "plug",	cmd_plug,	"join two plugs by a cable: switches, commands, pipes" },
	{ "show",	cmd_show,	"print what nodes are doing: sockets, drops, routes, neighbours" },
	{ "addr",	cmd_addr,	"print addresses computed from names" },
	{ "trace",	cmd_trace,	"show the frames of a network, or write them to a file" },
	{ "help",	cmd_help,	"explain a command" },
};

static const char *set_verbose(void *conf, const char *value)
{
	static int times;

	log_set_level(++times > 1 ? LOG_DEBUG : LOG_INFO);
	return NULL;
}

const struct opt common_options[] = {
	{ "verbose", 'v', NULL, "say more (twice: still more)", set_verbose },
	{ NULL, 0, NULL, NULL, NULL },
};

static const char *set_version(void *conf, const char *value)
{
	((struct main_args *)conf)->version = true;
	return NULL;
}

static const struct opt main_options[] = {
	{ "version", 0, NULL, "print the version", set_version },
	{ NULL, 0, NULL, NULL, NULL },
};

/* Letters to insert, remove or replace to make b of a (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32], diag, next;
	size_t n = strlen(b);

	if (n >= ARRAY_LEN(row))
		return UINT32_MAX;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		diag = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			next = diag + (*a != b[j - 1]);
			diag = row[j];
			row[j] = MIN(next, MIN(row[j - 1], row[j]) + 1);
		}
	}
	return row[n];
}

static const struct cmd *nearest(const char *name)
{
	const struct cmd *best = cmds;

	for (size_t i = 1; i < ARRAY_LEN(cmds); i++) {
		if (distance(name, cmds[i].name) < distance(name, best->name))
			best = &cmds[i];
	}
	return best;
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(cmds); i++) {
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	}
	err("no command %s; did you mean: ioth %s (all: ioth --help)", name, nearest(name)->name);
	return NULL;
}

static int start(const struct cmd *cmd, int argc, char **argv)
{
	return cmd ? cmd->run(argc, argv) : 2;
}

static int main_parse(int argc, char **argv, struct main_args *args)
{
	char list[1024];
	struct text t = text_of(list, sizeof(list));
	const struct opt_page page = {
		.usage = "ioth [OPTIONS] COMMAND [ARGS]",
		.what = "Internet of Threads: processes as nodes of the Internet.",
		.opts = { common_options, main_options },
		.more = list,
	};

	text_add(&t, "Commands (none: show; ioth help COMMAND tells more):\n");
	for (size_t i = 0; i < ARRAY_LEN(cmds); i++)
		text_add(&t, "  %-8s%s\n", cmds[i].name, cmds[i].help);
	return opt_parse(&page, argc, argv, args);
}

static int cmd_help(int argc, char **argv)
{
	char *help[] = { argc > 1 ? argv[1] : "ioth", "--help", NULL };
	struct main_args args;

	if (argc > 2) {
		err("help: one command at a time; write: ioth help run");
		return 2;
	}
	if (argc > 1 && strcmp(argv[1], "help") != 0)
		return start(find(argv[1]), 2, help);
	main_parse(2, help, &args);
	return 0;
}

/* Where a stream was closed ("<&-") no descriptor of ours may take its place: what lets
 * go of the terminal would replace it, and a plug to stdin read it. Its use fails as
 * before, and a program that is executed finds it closed. */
static void hold_streams(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
	}
}

int main(int argc, char **argv)
{
	struct main_args args = { 0 };
	char *show[] = { "show", NULL };
	int i;

	hold_streams();
	log_stderr();
	i = main_parse(argc, argv, &args);
	if (i < 0)
		return i == -1 ? 0 : 2;
	if (args.version) {
		printf("ioth %s\n", IOTH_VERSION);
		return 0;
	}
	if (i == argc)
		return cmd_show(1, show);
	return start(find(argv[i]), argc - i, argv + i);
}
