/* show.c - ioth show: what the nodes of this user are doing
 *
 * Asks the socket of each running node (node/report.h) for one table and joins
 * what they say. A socket where nobody listens belonged to a node that was
 * killed; it is removed. A node that does not answer is named and left out.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/grid.h"
#include "cmd/switches.h"
#include "node/report.h"

#define ANSWER_SECONDS	3
#define ANSWER_MAX	(16 << 20)

struct show_args {
	bool		tabs, json;
	const char	*table;
	const char	*node;		/* name or pid; NULL: all */
};

struct show {
	struct show_args a;
	struct grid	grid;
	unsigned	nodes;		/* that were asked */
	bool		failed;
};

static const char *set_tabs(void *conf, const char *value)
{
	((struct show_args *)conf)->tabs = true;
	return NULL;
}

static const char *set_json(void *conf, const char *value)
{
	((struct show_args *)conf)->json = true;
	return NULL;
}

static const struct opt options[] = {
	{ "tabs",	't', NULL,	"columns separated by tabs, for programs", set_tabs },
	{ "json",	'j', NULL,	"the same as JSON, an object a row", set_json },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth show [OPTIONS] [nodes|sockets|drops|routes|neigh|interfaces|resolvers|"
		 "clients|switches] [NAME|PID]",
	.what = "Prints what your nodes are doing: all of them, or the one named.",
	.opts = { options, common_options },
	.more =
	"  ioth show                    which nodes are running\n"
	"  ioth show sockets web        the sockets of the node called web\n"
	"  ioth show -t drops           why packets were dropped, for a script\n",
};

/* The descriptor of a socket that has been asked, or -errno. */
static int ask(const char *path, const char *table)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = ANSWER_SECONDS };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[64];
	int n = snprintf(line, sizeof(line), "%s\n", table);

	if (fd < 0)
		return -errno;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    send(fd, line, (size_t)n, MSG_NOSIGNAL) != n) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

/* The whole answer as a string to free; NULL: it did not come. */
static char *answer(const char *path, const char *table)
{
	size_t size = 4096, len = 0;
	char *text;
	ssize_t n;
	int fd = ask(path, table);

	if (fd < 0)
		return NULL;
	text = xmalloc(size);
	while ((n = recv(fd, text + len, size - len - 1, 0)) > 0 && size < ANSWER_MAX) {
		len += (size_t)n;
		if (len + 1 == size)
			text = xrealloc(text, size *= 2);
	}
	close(fd);
	text[len] = 0;
	if (n == 0 && len)
		return text;
	free(text);
	return NULL;
}

/* A node by its name or a number: what it says of itself, cut out of text. */
struct identity { const char *pid, *name, *launcher; };

static bool identify(char *text, struct identity *id)
{
	char *line = text;

	strsep(&line, "\n");
	id->pid = strsep(&line, "\t");
	id->name = strsep(&line, "\t");
	strsep(&line, "\t");		/* the program */
	id->launcher = strsep(&line, "\t");
	return id->launcher != NULL;
}

static bool is_called(const struct identity *id, const char *word)
{
	return strcmp(word, id->name) == 0 || strcmp(word, id->pid) == 0 ||
	       strcmp(word, id->launcher) == 0;
}

/*
 * Nobody listens there. Asked after an answer that did not come whole: a node that ends then
 * may refuse, reset or say nothing.
 */
static bool has_gone(const char *path)
{
	int fd = ask(path, "nodes");

	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED || fd == -ENOENT;
}

static void add_table(struct show *s, const char *path, const char *label)
{
	bool list = strcmp(s->a.table, "nodes") == 0;
	char *text = answer(path, s->a.table);

	if (!text && has_gone(path))
		return;			/* since it said who it is */
	s->nodes++;
	if (!text || !grid_add(&s->grid, text, list ? NULL : "node", list ? NULL : label)) {
		err("show: node %s does not answer%s", label,
		    text ? ": it is of another version" : "");
		s->failed = true;
	}
	free(text);
}

static void show_node(struct show *s, const char *path)
{
	char *text = answer(path, "nodes");
	struct identity id;

	if (!text && has_gone(path)) {
		unlink(path);		/* its node was killed */
		return;
	}
	if (!text || !identify(text, &id)) {
		err("show: %s: the node does not answer", path);
		s->failed = true;
	} else if (!s->a.node || is_called(&id, s->a.node)) {
		add_table(s, path, strcmp(id.name, "-") == 0 ? id.pid : id.name);
	}
	free(text);
}

static int is_socket(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && strcmp(dot, ".sock") == 0;
}

static void show_dir(struct show *s, const char *dir)
{
	struct dirent **d;
	int n = scandir(dir, &d, is_socket, versionsort);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, d[i]->d_name);

		if (strlen(path) < REPORT_DIR_LEN)
			show_node(s, path);
		free(path);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
}

static void print_grid(const struct show *s)
{
	if (s->a.json)
		grid_print_json(&s->grid, stdout);
	else if (s->a.tabs)
		grid_print_tabs(&s->grid, stdout);
	else
		grid_print(&s->grid, stdout);
}

static int print(struct show *s)
{
	if (s->a.node && !s->nodes) {
		err("show: no node %s is running (ioth show lists yours)", s->a.node);
		return 1;
	}
	print_grid(s);
	if (!s->nodes && !s->failed && !s->a.json && !s->a.tabs)
		err("show: no node of yours is running; start one: ioth run --help");
	return s->failed;
}

static int show_switches(struct show *s)
{
	bool ok = switches_add(&s->grid);

	if (s->a.node)
		die(2, "show: all switches at once; of one: ioth switch %s show", s->a.node);
	print_grid(s);
	if (!grid_rows(&s->grid) && !s->a.json && !s->a.tabs)
		err("show: no switch of yours is running; start one: ioth switch -d /tmp/sw");
	grid_free(&s->grid);
	return ok ? 0 : 1;
}

static bool is_table(const char *name)
{
	for (unsigned i = 0; report_table_name(i); i++) {
		if (strcmp(report_table_name(i), name) == 0)
			return true;
	}
	return false;
}

/* Options and up to two words in any order. 0, or what opt_parse says. */
static int parse(int argc, char **argv, struct show_args *a)
{
	const char **word[] = { &a->table, &a->node };
	unsigned words = 0;
	int i = opt_parse(&page, argc, argv, a), more;

	for (; i >= 0 && i < argc; i = more < 0 ? more : i + more) {
		if (words == ARRAY_LEN(word))
			die(2, "show: what is %s? write: ioth show sockets NAME", argv[i]);
		*word[words++] = argv[i];
		more = opt_parse(&page, argc - i, argv + i, a);
	}
	return MIN(i, 0);
}

int cmd_show(int argc, char **argv)
{
	struct show s = { .a = { .table = "nodes" } };
	char dir[REPORT_DIR_LEN];
	int ret = parse(argc, argv, &s.a);

	if (ret < 0)
		return ret == -1 ? 0 : 2;
	if (strcmp(s.a.table, "switches") == 0)
		return show_switches(&s);
	if (!is_table(s.a.table))
		die(2, "show: no table %s; there are nodes, sockets, drops, routes, neigh, "
		       "interfaces, resolvers, clients, switches", s.a.table);
	for (unsigned place = 0; (ret = report_dir(place, false, dir)) != -EINVAL; place++) {
		if (ret == 0)
			show_dir(&s, dir);
	}
	ret = print(&s);
	grid_free(&s.grid);
	return ret;
}
