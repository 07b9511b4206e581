/* daemon.c - a process that is a switch
 *
 * In the background, the parent waits for one byte through a pipe: it comes
 * when the switch answers, so that "ioth switch -d PATH && ..." needs no sleep.
 * If the pipe ends without it the child has said why on stderr. The child
 * leaves the terminal, its session and its working directory; its standard
 * streams go to /dev/null then, so that whoever reads our output sees its end.
 *
 * Signals come through a descriptor: the end is an event like the others and
 * switch_free always runs. What SIGKILL leaves the next switch removes (dir.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "switch/switch.h"

struct server {
	struct loop	*loop;
	struct watch	signals;
	struct sw	*sw;
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
	s->signals = (struct watch){ .ready = signalled };
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals.fd >= 0 && loop_watch(s->loop, &s->signals, EPOLLIN) == 0;
}

/* Two descriptors a client: what the limits allow. */
static void raise_fd_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
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

static void loop(struct server *s)
{
	while (!s->stop && loop_wait(s->loop, switch_deadline(s->sw)) >= 0)
		switch_run(s->sw, now_mono());
}

static bool start(struct server *s, const struct switch_conf *conf)
{
	char *why = NULL;

	raise_fd_limit();
	s->loop = loop_new();
	if (s->loop && watch_signals(s))
		s->sw = switch_new(conf, s->loop, &why);
	if (!s->sw)
		err("%s", why ? why : strerror(errno));
	free(why);
	return s->sw != NULL;
}

/* ready: where the parent waits, or -1. */
static int serve(const struct switch_conf *conf, const char *pidfile, int ready)
{
	struct server s = { .stop = false };
	char *pid_path = NULL;
	bool ok;

	ok = start(&s, conf);
	if (ok && pidfile) {
		pid_path = write_pidfile(pidfile);
		ok = pid_path != NULL;
	}
	if (ok && ready >= 0)
		detach(ready);
	if (ok)
		loop(&s);
	if (pid_path)
		unlink(pid_path);
	free(pid_path);
	switch_free(s.sw);
	loop_free(s.loop);
	return ok ? 0 : 1;
}

static int in_background(const struct switch_conf *conf, const char *pidfile)
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
		setsid();
		exit(serve(conf, pidfile, fd[1]));
	}
	close(fd[1]);
	return read(fd[0], &c, 1) == 1 ? 0 : 1;
}

int switch_main(const struct switch_conf *conf, bool background, const char *pidfile)
{
	return background ? in_background(conf, pidfile) : serve(conf, pidfile, -1);
}
