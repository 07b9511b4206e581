/* daemon.c - a process that serves, in front or in the background
 *
 * In the background, the parent waits for one byte through a pipe: it comes
 * when the service answers, so that "ioth switch -d PATH && ..." needs no sleep.
 * If the pipe ends without it the child has said why on stderr. The child
 * leaves the terminal, its session and its working directory; its standard
 * streams go to /dev/null then, so that whoever reads our output sees its end.
 *
 * Signals come through a descriptor: the end is an event like the others and
 * finish always runs.
 */
#include "base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/log.h"

struct server {
	const struct daemon_ops *ops;
	void		*ctx;
	struct loop	*loop;
	struct watch	signals;
	bool		stop;
};

static void signalled(struct watch *w, uint32_t events)
{
	struct server *s = container_of(w, struct server, signals);
	struct signalfd_siginfo si;

	if (read(w->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		s->stop = true;
}

static bool watch_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	s->signals = (struct watch){ .ready = signalled };
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals.fd >= 0 && loop_watch(s->loop, &s->signals, EPOLLIN) == 0;
}

/* The absolute path of the file written, or NULL. */
static char *write_pidfile(const char *path)
{
	FILE *f = fopen(path, "we");

	if (f && fprintf(f, "%d\n", (int)getpid()) > 0 && fclose(f) == 0)
		return realpath(path, NULL);
	err("%s: %s", path, strerror(errno));
	return NULL;
}

/* Tells the waiting parent and lets go of its terminal. */
static void detach(int ready)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (write(ready, "", 1) != 1)
		debug("the parent did not wait");
	close(ready);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close(null);
	if (chdir("/") < 0)
		debug("chdir: %s", strerror(errno));
}

static void run(struct server *s)
{
	const struct daemon_ops *ops = s->ops;

	while (!s->stop && loop_wait(s->loop, ops->deadline(s->ctx)) >= 0)
		s->stop |= !ops->run(s->ctx, now_mono());
}

static bool start(struct server *s)
{
	char *why = NULL;
	bool ok = false;

	limit_raise(RLIMIT_NOFILE);	/* a switch has two descriptors a client */
	limit_raise(RLIMIT_FSIZE);	/* and shares memory with it, which is a file */
	s->loop = loop_new();
	if (s->loop && watch_signals(s))
		ok = s->ops->start(s->ctx, s->loop, &why);
	if (!ok)
		err("%s", why ? why : strerror(errno));
	free(why);
	return ok;
}

/* ready: where the parent waits, or -1. */
static int serve(struct server *s, const char *pidfile, int ready)
{
	char *pid_path = NULL;
	bool ok = start(s);
	int status;

	if (ok && pidfile) {
		pid_path = write_pidfile(pidfile);
		ok = pid_path != NULL;
	}
	if (ok && ready >= 0)
		detach(ready);
	if (ok)
		run(s);
	if (pid_path)
		unlink(pid_path);
	free(pid_path);
	status = s->ops->finish(s->ctx);
	loop_free(s->loop);
	return ok ? status : 1;
}

static int in_background(struct server *s, const char *pidfile)
{
	int fd[2];
	pid_t pid;
	char c;

	if (pipe2(fd, O_CLOEXEC) < 0)
		die(1, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die(1, "fork: %s", strerror(errno));
	if (pid == 0) {
		close(fd[0]);
		log_no_copies();
		setsid();
		exit(serve(s, pidfile, fd[1]));
	}
	close(fd[1]);
	return read(fd[0], &c, 1) == 1 ? 0 : 1;
}

int daemon_main(const struct daemon_ops *ops, void *ctx, bool background, const char *pidfile)
{
	struct server s = { .ops = ops, .ctx = ctx };

	return background ? in_background(&s, pidfile) : serve(&s, pidfile, -1);
}
