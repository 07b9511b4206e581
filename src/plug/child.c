/* child.c - the command behind cmd://
 *
 * It stays in our process group: ssh must be able to ask for a password, and
 * ^C is for both. When we are killed it sees the end of its input.
 */
#include "plug/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define PATIENCE_MS	1000

struct child {
	pid_t	pid;
	bool	ended;
	int	status;
	char	*command;
};

extern char **environ;

/* The program begins as a shell would start it, whatever we do with signals. */
static void plain_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* 0 or an errno. */
static int spawn(struct child *c, int fd)
{
	char *argv[] = { "sh", "-c", c->command, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	plain_signals(&attr);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	rc = posix_spawn(&c->pid, "/bin/sh", &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

struct child *child_start(const char *command, int *fd, char **why)
{
	struct child *c;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		*why = xasprintf("cmd://%s: socketpair: %s", command, strerror(errno));
		return NULL;
	}
	c = xzalloc(sizeof(*c));
	c->command = xstrdup(command);
	rc = spawn(c, pair[1]);
	close(pair[1]);
	*fd = pair[0];
	if (!rc)
		return c;
	*why = xasprintf("cmd://%s: /bin/sh does not start: %s", command, strerror(rc));
	close(pair[0]);
	free(c->command);
	free(c);
	return NULL;
}

/* Waits for its end, up to ms milliseconds. */
static bool has_ended(struct child *c, int ms)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, c->pid, 0), .events = POLLIN };

	if (!c->ended && end.fd >= 0)
		poll(&end, 1, ms);
	if (end.fd >= 0)
		close(end.fd);
	if (!c->ended)		/* ECHILD: somebody else has asked for it */
		c->ended = waitpid(c->pid, &c->status, WNOHANG) != 0;
	return c->ended;
}

void child_tell(struct child *c)
{
	if (!has_ended(c, PATIENCE_MS))
		err("cmd://%s: has closed its output", c->command);
	else if (WIFSIGNALED(c->status))
		err("cmd://%s: ended by signal %d", c->command, WTERMSIG(c->status));
	else
		err("cmd://%s: ended with status %d", c->command, WEXITSTATUS(c->status));
}

void child_end(struct child *c)
{
	if (!c)
		return;
	if (!has_ended(c, 0)) {
		kill(c->pid, SIGTERM);
		if (!has_ended(c, PATIENCE_MS)) {
			kill(c->pid, SIGKILL);
			waitpid(c->pid, &c->status, 0);
		}
	}
	free(c->command);
	free(c);
}
