/* mirror.c - ioth trace --mirror: a switch shows other ports' frames to ours
 *
 * By words at its console: who sits where (show clients), what is set (port/rules), and
 * port/setmirror for each port. A port that is shown to another already is left alone.
 *
 * The switch must not go on showing frames to whoever gets our port next. So a keeper,
 * a process of its own, takes the words back when our end of a pipe closes, which it
 * does even if we are killed.
 */
#include "cmd/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/talk.h"

#define PORTS_MAX	4096

struct mirror {
	char		*path;
	uint32_t	own;		/* our port */
	uint32_t	n, port[PORTS_MAX];	/* those that are shown */
	pid_t		keeper;
	int		pipe;
};

/* vde://PATH[...] or a bare path: the switch's directory; NULL: something else. */
static char *path_of(const char *locator)
{
	const char *path = strncmp(locator, "vde://", 6) == 0 ? locator + 6 : locator;

	if (strstr(path, "://") || strchr(path, '{'))
		return NULL;
	return xasprintf("%.*s", (int)strcspn(path, "["), path);
}

static bool is_there(const struct mirror *m, uint32_t port)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->port[i] == port)
			return true;
	}
	return false;
}

static void add(struct mirror *m, uint32_t port)
{
	if (!is_there(m, port) && m->n < PORTS_MAX)
		m->port[m->n++] = port;
}

/* From the table of clients: our port, and that of each other. False: we are not in it. */
static bool read_clients(struct mirror *m, char *table, const char *descr, bool all)
{
	char *line, *last;
	bool found = false;
	uint64_t port;

	while ((line = strsep(&table, "\n"))) {
		last = strrchr(line, '\t');
		line[strcspn(line, "\t")] = 0;
		if (!last || !num_parse(line, 0, UINT32_MAX, &port))
			continue;		/* the names of the columns */
		if (strcmp(last + 1, descr) == 0) {
			found = true;
			m->own = (uint32_t)port;
		} else if (all) {
			add(m, (uint32_t)port);
		}
	}
	return found;
}

/* Lines "port/setmirror N PORT WAY" of what is set: N is not ours to change. */
static void leave_out(struct mirror *m, const char *rules, bool all)
{
	unsigned port, to;

	for (const char *at = rules; (at = strstr(at, "port/setmirror ")); at++) {
		if (sscanf(at, "port/setmirror %u %u", &port, &to) != 2 || !is_there(m, port))
			continue;
		err("trace: port %u is shown to port %u already%s", port, to,
		    all ? " and left out" : "");
		for (uint32_t i = 0; i < m->n; i++) {
			if (m->port[i] == port)
				m->port[i--] = m->port[--m->n];
		}
	}
}

static bool set(const struct mirror *m, uint32_t port, const char *way)
{
	char *line = *way ? xasprintf("port/setmirror %u %u %s", port, m->own, way) :
			    xasprintf("port/setmirror %u none", port);
	char *answer = talk_ask(m->path, line);

	free(line);
	free(answer);
	return answer != NULL;
}

/* Until our end of the pipe closes. Signals are blocked since before. */
static _Noreturn void keep(const struct mirror *m, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	dup2(null, 2);			/* the switch may have gone meanwhile */
	for (uint32_t i = 0; i < m->n; i++)
		set(m, m->port[i], "");
	_exit(0);
}

static bool start_keeper(struct mirror *m)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return false;
	m->pipe = fd[1];
	m->keeper = fork();
	if (m->keeper == 0) {
		close(fd[1]);
		keep(m, fd[0]);
	}
	close(fd[0]);
	return m->keeper > 0;
}

/* Which ports, and whether that can be. */
static bool choose(struct mirror *m, const char *descr, const char *which)
{
	bool all = strcmp(which, "all") == 0;
	char *table = talk_ask(m->path, "show clients"), *rules = NULL;
	bool known = table && read_clients(m, table, descr, all);
	uint64_t port;

	if (table && !known)
		err("trace: the switch %s does not know us", m->path);
	if (known)
		rules = talk_ask(m->path, "port/rules");
	if (!all && num_parse(which, 0, UINT32_MAX, &port))
		add(m, (uint32_t)port);
	if (rules)
		leave_out(m, rules, all);
	free(table);
	free(rules);
	return rules && (m->n || all);
}

struct mirror *mirror_new(const char *locator, const char *descr, const char *which)
{
	struct mirror *m = xzalloc(sizeof(*m));
	bool ok = true, all = strcmp(which, "all") == 0;

	m->pipe = -1;
	m->path = path_of(locator);
	if (!m->path)
		err("trace: %s: only a switch of this machine can show ports; give its path",
		    locator);
	if (!m->path || !choose(m, descr, which) || !start_keeper(m)) {
		mirror_end(m);
		return NULL;
	}
	/* Of all, each frame once: where it comes in. */
	for (uint32_t i = 0; i < m->n && ok; i++)
		ok = set(m, m->port[i], all ? "in" : "both");
	if (ok)
		return m;
	mirror_end(m);
	return NULL;
}

void mirror_end(struct mirror *m)
{
	if (!m)
		return;
	if (m->pipe >= 0)
		close(m->pipe);
	if (m->keeper > 0)
		waitpid(m->keeper, NULL, 0);
	free(m->path);
	free(m);
}
