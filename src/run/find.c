/* find.c - where the program's end of a pair lives now
 *
 * Only a reset asks (the end needs a byte unread), and mostly the end is where it
 * was given. If fork, dup or passing moved it, the node's processes are searched:
 * all descend from the supervisor, which is their subreaper. What was passed to a
 * process of another's is looked for last, in all there are.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/run.h"

struct pids {
	pid_t	*v;
	size_t	n, room;
};

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		p->v = xrealloc(p->v, p->room * sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

static bool is_number(const char *s)
{
	return isdigit((unsigned char)*s);
}

/* The children of each thread of pid. */
static void add_children(struct pids *p, pid_t pid)
{
	char path[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		int child;
		FILE *f;

		if (!is_number(e->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, atoi(e->d_name));
		f = fopen(path, "re");
		while (f && fscanf(f, "%d", &child) == 1)
			pids_add(p, child);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

static void add_everybody(struct pids *p)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	while (d && (e = readdir(d))) {
		if (is_number(e->d_name) && atoi(e->d_name) != getpid())
			pids_add(p, atoi(e->d_name));
	}
	if (d)
		closedir(d);
}

/* fd of process pid, if it is that end. */
static int end_at(struct runner *r, const struct end *e, pid_t pid, int fd)
{
	int app = target_fd(r, pid, fd);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (app < 0)
		return -1;
	if (getsockopt(app, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 && cookie == e->cookie)
		return app;
	close(app);
	return -1;
}

static int scan_fds(struct runner *r, const struct end *e, pid_t pid)
{
	char path[64], inode[32];
	struct dirent *de;
	int app = -1;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	snprintf(inode, sizeof(inode), "socket:[%u]", e->inode);
	d = opendir(path);
	while (d && app < 0 && (de = readdir(d))) {
		char to[64] = "";

		if (readlinkat(dirfd(d), de->d_name, to, sizeof(to) - 1) > 0 && !strcmp(to, inode))
			app = end_at(r, e, pid, atoi(de->d_name));
	}
	if (d)
		closedir(d);
	return app;
}

int target_find(struct runner *r, const struct end *e)
{
	struct pids p = { NULL, 0, 0 };
	int app = e->pid ? end_at(r, e, e->pid, e->fd) : -1;
	size_t i = 0;

	if (app < 0)
		add_children(&p, getpid());
	for (; app < 0 && i < p.n; i++) {
		app = scan_fds(r, e, p.v[i]);
		if (app < 0)
			add_children(&p, p.v[i]);
	}
	if (app < 0)
		add_everybody(&p);
	for (; app < 0 && i < p.n; i++)
		app = scan_fds(r, e, p.v[i]);
	free(p.v);
	return app;
}

int target_find_end(struct vsock *vs)
{
	const struct end e = { vs->cookie, vs->inode, vs->pid, vs->pid_fd };

	return target_find(container_of(vs->n->user, struct runner, calls), &e);
}
