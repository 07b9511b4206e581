/* talk.c - ioth switch PATH WORDS: one command to a console of a running switch
 *
 * The dialogue is vde_switch's, so PATH may also be the management socket of one, or of
 * wirefilter. Lines of data are printed; the status becomes ours, and what stands behind it tells
 * the cure. Lines that are told by themselves come whenever they like; after events
 * they are what we are there for, until we are ended.
 */
#include "cmd/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/grid.h"

#define ANSWER_SECONDS	10

struct talk {
	const char	*path;
	FILE		*f;		/* reads */
	int		fd;
	bool		events, table, tabs;
	struct grow	command, data;
	char		*status;	/* "1000 Success"; NULL: not there yet */
	char		*cure;
};

/* DIR/mgmt, or the socket itself. */
static int address(const char *path, struct sockaddr_un *sun)
{
	struct stat st;
	int n;

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (stat(path, &st) < 0)
		return -errno;
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s%s", path,
		     S_ISDIR(st.st_mode) ? "/mgmt" : "");
	return n < (int)sizeof(sun->sun_path) ? 0 : -ENAMETOOLONG;
}

/* In a directory that others may write to, anybody could have put that socket. */
static bool is_trusted(int fd, const char *path)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct stat st;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && stat(path, &st) == 0 &&
	       (cred.uid == st.st_uid || cred.uid == geteuid() || cred.uid == 0);
}

static int connect_to(const char *path)
{
	struct timeval tv = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_un sun;
	int rc = address(path, &sun), fd;

	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && is_trusted(fd, path))
		return fd;
	rc = errno ? -errno : -EPERM;
	close(fd);
	return rc;
}

static bool is_a_switchs(const char *path)
{
	char *ctl = xasprintf("%s/ctl", path);
	bool there = access(ctl, F_OK) == 0;

	free(ctl);
	return there;
}

static int no_console(const char *path, int rc)
{
	if (rc == -ENOENT && is_a_switchs(path))
		err("switch: %s: a switch without a console of ours (vde_switch? give the path of "
		    "its -M)", path);
	else if (rc == -ENOENT || rc == -ECONNREFUSED)
		err("switch: %s: no switch is running there; start one: ioth switch -d %s", path,
		    path);
	else
		err("switch: %s: %s", path, strerror(-rc));
	return 1;
}

/* The next line without its end, or NULL. */
static char *next_line(struct talk *t)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = getline(&line, &size, t->f);

	if (n <= 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = 0;
	return line;
}

/* The prompt has no newline: it ends with "$ " at the begin of a line. */
static bool skip_prompt(struct talk *t)
{
	int c, last = 0, column = 0;

	while ((c = fgetc(t->f)) != EOF) {
		if (c == ' ' && last == '$' && column < 32)
			return true;
		column = c == '\n' ? 0 : column + 1;
		last = c;
	}
	return false;
}

static bool is_event(const char *line)
{
	return line[0] == '3' && strspn(line, "0123456789") == 4 && line[4] == ' ';
}

/* Lines up to the status; false: it did not come. */
static bool read_status(struct talk *t)
{
	bool in_data = false;
	char *line;

	while (!t->status && (line = next_line(t))) {
		if (in_data && strcmp(line, ".") == 0)
			in_data = false;
		else if (in_data && !is_event(line))
			grow_add(&t->data, "%s\n", line);
		else if (strncmp(line, "0000 ", 5) == 0)
			in_data = true;
		else if ((line[0] == '1' || line[0] == '9') && strspn(line, "0123456789") == 4)
			t->status = xstrdup(line);
		free(line);
	}
	return t->status != NULL;
}

/* A line behind the status is the cure; the prompt begins with an empty one. */
static void read_cure(struct talk *t)
{
	char *line = t->status[0] == '1' ? next_line(t) : NULL;

	if (line && strncmp(line, "# ", 2) == 0)
		t->cure = xstrdup(line + 2);
	free(line);
}

static int print_table(struct talk *t)
{
	struct grid grid = { 0 };
	bool ok;

	grow_put(&t->data, "", 1);
	ok = grid_add(&grid, t->data.s, NULL, NULL);
	if (ok)
		grid_print(&grid, stdout);
	else
		err("switch: %s: the answer is no table", t->path);
	grid_free(&grid);
	return ok ? 0 : 1;
}

static int print_data(struct talk *t)
{
	if (t->table && !t->tabs && t->data.len)
		return print_table(t);
	if (t->data.len)
		fwrite(t->data.s, 1, t->data.len, stdout);
	return 0;
}

/* Until the switch ends. */
static int print_events(struct talk *t)
{
	struct timeval none = { 0 };
	char *line;

	setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	setvbuf(stdout, NULL, _IOLBF, 0);
	skip_prompt(t);
	while ((line = next_line(t))) {
		if (is_event(line))
			printf("%s\n", line + 5);
		free(line);
	}
	return 0;
}

static int report(struct talk *t)
{
	const char *status = t->status;

	if (print_data(t) != 0 || fflush(stdout) != 0)
		return 1;
	if (strncmp(status, "1000", 4) == 0 || status[0] == '9')
		return t->events && status[0] == '1' ? print_events(t) : 0;
	grow_put(&t->command, "", 1);
	err("switch: %s: %s (%s)", t->command.s, t->cure ? t->cure : status + 5, status);
	return 1;
}

/* Sends the command; its answer is then in data, status and cure. */
static bool ask(struct talk *t)
{
	ssize_t n = -1;

	if (skip_prompt(t)) {
		grow_put(&t->command, "\n", 1);
		n = send(t->fd, t->command.s, t->command.len, MSG_NOSIGNAL);
		t->command.len--;
	}
	if (n < 0 || !read_status(t)) {
		err("switch: %s: the switch does not answer, or has as many sessions as it may",
		    t->path);
		return false;
	}
	read_cure(t);
	return true;
}

/* -t and --json, which are the printer's, and the words. */
static void set_words(struct talk *t, int n_words, char **words)
{
	bool show = strcmp(words[0], "show") == 0;

	t->events = strcmp(words[0], "events") == 0;
	t->table = show;
	for (int i = 0; i < n_words; i++) {
		if (show && strcmp(words[i], "-t") == 0) {
			t->tabs = true;
			continue;
		}
		if (show && strstr(words[i], "json"))
			t->table = false;
		grow_add(&t->command, "%s%s", i ? " " : "", words[i]);
	}
}

/* The switch answers neither nothing nor a comment, and takes a second line for a command. */
static bool is_command(const struct grow *g)
{
	size_t blank = 0;

	while (blank < g->len && strchr(" \t", g->s[blank]))
		blank++;
	if (blank < g->len && g->s[blank] != '#' && !memchr(g->s, '\n', g->len))
		return true;
	err("switch: %s (help tells which there are)",
	    blank < g->len && g->s[blank] != '#' ? "a command is one line" : "no command is given");
	return false;
}

/* False: told why. */
static bool start(struct talk *t)
{
	errno = 0;
	t->fd = connect_to(t->path);
	if (t->fd < 0)
		return !no_console(t->path, t->fd);
	t->f = fdopen(t->fd, "r");
	return t->f;
}

static void finish(struct talk *t)
{
	if (t->f)
		fclose(t->f);
	grow_free(&t->command);
	grow_free(&t->data);
	free(t->status);
	free(t->cure);
}

int talk(const char *path, int n_words, char **words)
{
	struct talk t = { .path = path };
	int rc = 1;

	set_words(&t, n_words, words);
	if (is_command(&t.command) && start(&t))
		rc = ask(&t) ? report(&t) : 1;
	finish(&t);
	return rc;
}

char *talk_ask(const char *path, const char *command)
{
	struct talk t = { .path = path };
	char *data = NULL;

	if (start(&t)) {
		grow_add(&t.command, "%s", command);
		if (ask(&t) && strncmp(t.status, "1000", 4) == 0)
			data = xasprintf("%.*s", (int)t.data.len, t.data.len ? t.data.s : "");
		else if (t.status)
			err("switch: %s: %s", command, t.cure ? t.cure : t.status + 5);
	}
	finish(&t);
	return data;
}
