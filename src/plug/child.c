/* child.c - the command behind cmd://
 *
 * It stays in our process group: ssh must be able to ask for a password, and
 * ^C is for both. When we are killed it sees the end of its input. To end it may
 * take two seconds, in which a switch would stand: that is a thread's business.
 */
#include "plug/child.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
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
	bool	ended, telling;
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

static void tell(struct child *c)
{
	if (!has_ended(c, PATIENCE_MS))
		err("cmd://%s: has closed its output", c->command);
	else if (WIFSIGNALED(c->status))
		err("cmd://%s: ended by signal %d", c->command, WTERMSIG(c->status));
	else
		err("cmd://%s: ended with status %d", c->command, WEXITSTATUS(c->status));
}

static void end(struct child *c)
{
	if (c->telling)
		tell(c);
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

/* --- without keeping anybody waiting --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fewer = PTHREAD_COND_INITIALIZER;
static unsigned n_ending;
static pid_t owner;		/* of the threads: a fork has none of them */

static void *end_in_thread(void *arg)
{
	end(arg);
	pthread_mutex_lock(&lock);
	n_ending--;
	pthread_cond_signal(&fewer);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void at_exit(void)
{
	if (owner != getpid())
		return;
	pthread_mutex_lock(&lock);
	while (n_ending)
		pthread_cond_wait(&fewer, &lock);
	pthread_mutex_unlock(&lock);
}

static bool start_thread(struct child *c)
{
	sigset_t all, was;
	pthread_t t;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	ok = pthread_create(&t, NULL, end_in_thread, c) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (ok)
		pthread_detach(t);
	return ok;
}

void child_end(struct child *c)
{
	if (!c)
		return;
	if (has_ended(c, 0)) {
		end(c);
		return;
	}
	pthread_mutex_lock(&lock);
	if (owner != getpid()) {
		owner = getpid();
		n_ending = 0;
		atexit(at_exit);
	}
	n_ending++;
	pthread_mutex_unlock(&lock);
	if (start_thread(c))
		return;
	pthread_mutex_lock(&lock);
	n_ending--;
	pthread_mutex_unlock(&lock);
	end(c);
}

void child_tell(struct child *c)
{
	c->telling = true;
	child_end(c);
}
