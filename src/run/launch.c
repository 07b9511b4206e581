/* launch.c - the processes of ioth run
 *
 *   front       what the shell started: waits for the status, passes signals on (front.c)
 *   keeper      its child: waits for the supervisor (keeper.c)
 *   supervisor  the keeper's child: the node; an ancestor of the program and of whatever
 *               the program leaves behind (a child subreaper), so it may read
 *               their memory under Yama
 *   program     the supervisor's child, in the front's process group, with the
 *               front's descriptors and terminal
 *
 * The program is forked first and waits; the supervisor then lets go of the
 * inherited descriptors, opens the network, and only then lets the program
 * install its filter and execute. When the program ends the front learns its
 * status; the supervisor lives on while descendants of the program do, and then
 * until TCP has delivered what they wrote.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/kernel.h"
#include "node/report.h"
#include "plug/shm.h"
#include "run/inject.h"
#include "run/launch.h"

#define FLUSH_TIME	(60 * USEC_PER_SEC)	/* for bytes under way at the end */
#define FIN_TIME	(1 * USEC_PER_SEC)	/* for peers that have yet to close */
#define LOOK_EVERY	10000			/* microseconds */
#define FDS_KEPT	64	/* descriptors for calls under way, not for sockets */

/* Program to supervisor, before it becomes the program. */
struct ready {
	int	listener;	/* its number there, or -errno */
	bool	killable;
};

struct super {
	struct runner	r;
	struct watch	child;		/* signalfd */
	struct watch	front;		/* the front's end of the status pipe */
	int		status_fd;
	pid_t		pid;		/* the program */
	bool		ended;
	struct report_node who;		/* for ioth show */
	const char	*nets[NODE_IFS];
	struct report	*report;
};

/* --- the program --- */

static void (*sigchld)(int);	/* as our caller had it: perhaps ignored, which exec keeps */

static const char *filter_cure(int error)
{
	if (error == -EBUSY)
		return "a seccomp supervisor is there already (ioth run inside ioth run, or a "
		       "container that supervises system calls); run it outside of that";
	if (error == -ENOSYS || error == -EINVAL)
		return "this kernel has no seccomp user notification (Linux 5.14 or newer is needed)";
	return "seccomp is not allowed here";
}

static int no_filter(int error)
{
	err("cannot supervise the program's system calls: %s", filter_cure(error));
	return -1;
}

void launch_exec(char **argv)
{
	int error;

	signal(SIGCHLD, sigchld);
	execvp(argv[0], argv);
	error = errno;
	err("%s: %s", argv[0], error == ENOENT ? "program not found" : strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* In the child: waits for leave, installs the filter, becomes the program. */
static _Noreturn void program(char **argv, const struct run_conf *conf, int go, int ready,
			       const struct rlimit *nofile)
{
	const struct trap *rows = conf->node.kernel ? inject_traps : traps;
	char resolv[RESOLV_MAX] = "", byte;
	struct ready rd = { 0 };
	int process = -1;

	if (shm_get(go, resolv, sizeof(resolv) - 1, &process) < 1)
		_exit(1);		/* the supervisor has said why */
	if (process >= 0 && (!enter_stack(process, 0, resolv) || close(process) < 0))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* nobody would answer its calls */
	setrlimit(RLIMIT_NOFILE, nofile);
	rd.listener = filter_install(rows, conf->proc_net, &rd.killable);
	if (write(ready, &rd, sizeof(rd)) != sizeof(rd) || rd.listener < 0)
		_exit(1);
	if (read(go, &byte, 1) != 1)	/* it has its own copy now */
		_exit(1);
	close(rd.listener);
	close(go);
	close(ready);
	launch_exec(argv);
}

/* --- the supervisor --- */

void launch_tell(int status_fd, struct word w)
{
	if (write(status_fd, &w, sizeof(w)) != sizeof(w))
		return;		/* the front was killed: front_gone acts */
}

static void reap(struct watch *w, uint32_t events)
{
	struct super *s = container_of(w, struct super, child);
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	if (read(w->fd, &si, sizeof(si)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct pollfd pfd = { .fd = s->r.listener };

		if (pid != s->pid)
			continue;
		s->ended = true;
		poll(&pfd, 1, 0);
		launch_tell(s->status_fd,
			    (struct word){ WORD_ENDED, status, pfd.revents & POLLHUP });
	}
}

/* The front was killed: so is what it stood for. */
static void front_gone(struct watch *w, uint32_t events)
{
	struct super *s = container_of(w, struct super, front);

	loop_unwatch(s->r.calls.node->loop, w);
	if (!s->ended)
		kill(s->pid, SIGKILL);
}

void launch_forget_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	close(null);
}

/* Nobody is left since then: may the node go? Bytes are waited for; a peer that
 * has not closed its side yet gets a moment, so that it finds somebody to. */
static bool finished(struct node *n, usec since)
{
	struct node_work w = node_work(n);

	if (n->st->now >= since + FLUSH_TIME)
		return true;
	n->alarm_at = since + (w.flushing ? FLUSH_TIME : FIN_TIME);
	return !w.flushing && (!w.half_closed || n->st->now >= since + FIN_TIME);
}

void launch_wait_delivery(struct kstack *k)
{
	usec since = now_mono();

	for (;;) {
		enum kernel_left left = kernel_left(k);
		usec limit = left == KERNEL_LEFT_BYTES ? FLUSH_TIME : FIN_TIME;

		if (left == KERNEL_LEFT_NONE || now_mono() - since >= limit)
			return;
		usleep(LOOK_EVERY);
	}
}

static void supervise(struct super *s)
{
	struct node *n = s->r.calls.node;
	usec since = NEVER;
	bool done = false;

	while (!done) {
		node_drive(n);
		node_lock(n);
		if (s->r.orphaned && s->ended) {
			since = MIN(since, n->st->now);
			done = finished(n, since);
		}
		node_unlock(n);
	}
}

/* Whom it asks for names, and where, and that it may. */
static int let_go(const struct super *s, const struct node_conf *conf, int go)
{
	char resolv[RESOLV_MAX] = "";
	int process = s->r.inject ? inject_resolv(s->r.inject, conf, resolv) : -1;
	int ret = shm_put(go, resolv, strlen(resolv) + 1, process);

	if (process >= 0)
		close(process);
	return ret;
}

static int cannot_take(int error)
{
	const char *cure = error == EPERM ? " (is ptrace of children forbidden here?)" :
			   error == EMFILE ? "; raise ulimit -n" : "";

	err("cannot take a descriptor from the program: %s%s", strerror(error), cure);
	return -1;
}

/* Takes the listener over from the program. 0, or told the user why not. */
static int take_listener(struct super *s, const struct node_conf *conf, int go, int ready)
{
	struct ready rd;
	int pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0), error = errno;

	if (let_go(s, conf, go) < 0 || read(ready, &rd, sizeof(rd)) != sizeof(rd))
		return -1;
	if (rd.listener < 0)
		return no_filter(rd.listener);
	s->r.killable = rd.killable;
	if (pidfd < 0)
		return cannot_take(error);
	s->r.listener = (int)syscall(SYS_pidfd_getfd, pidfd, rd.listener, 0);
	if (s->r.listener < 0)
		return cannot_take(errno);
	close(pidfd);
	return 0;
}

void launch_be_server(void)
{
	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	limit_raise(RLIMIT_FSIZE);	/* memory that is shared is a file */
}

/* Descriptors above 2 that are not ours belong to the program. */
void launch_close_inherited(const int *keep, size_t n)
{
	unsigned from = 3;

	for (;;) {
		unsigned next = ~0u;

		for (size_t i = 0; i < n; i++) {
			if ((unsigned)keep[i] >= from)
				next = MIN(next, (unsigned)keep[i]);
		}
		if (next > from)
			syscall(SYS_close_range, from, next == ~0u ? ~0u : next - 1, 0);
		if (next == ~0u)
			return;
		from = next + 1;
	}
}

static void watch_processes(struct super *s)
{
	struct node *n = s->r.calls.node;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	s->child = (struct watch){ .fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK), .ready = reap };
	loop_watch(n->loop, &s->child, EPOLLIN);
	s->front = (struct watch){ .fd = s->status_fd, .ready = front_gone };
	loop_watch(n->loop, &s->front, EPOLLERR | EPOLLRDHUP);
}

static void report(struct super *s, const struct node_conf *c, const char *program, pid_t front)
{
	for (int i = 0; i < c->n_if; i++)
		s->nets[i] = c->ifs[i].locator;
	s->who = (struct report_node){ .name = c->name, .pid = s->pid, .launcher = front,
		.program = program, .nets = s->nets, .n_nets = c->n_if };
	s->report = report_start(s->r.calls.node->loop, s->r.calls.node->st, &s->who);
	if (!s->report)
		info("ioth show will not see this node: %s", strerror(errno));
}

/* Under another supervisor that gives out sockets its namespaces cannot be set up, which
 * would be what the user hears. */
static int open_kernel(struct super *s, const struct node_conf *conf)
{
	int error = filter_possible();

	if (error < 0)
		return no_filter(error);
	s->r.inject = inject_open(conf);
	return s->r.inject ? 0 : -1;
}

/* The node; or one of which only the loop is used, and the way to a server's, or a stack of
 * the kernel's. 0, or told the user why not. */
static int open_network(struct super *s, const struct node_conf *conf)
{
	static const struct node_conf nothing;
	struct node *n;
	char *why;

	if (conf->kernel && open_kernel(s, conf) < 0)
		return -1;
	n = s->r.calls.node = node_new(conf->kernel ? &nothing : conf, &why);
	if (n)
		vdns_load(n);
	if (n && conf->served)
		s->r.remote = remote_open(&s->r, conf->served, &why);
	if (n && (s->r.remote || !conf->served))
		return 0;
	err("%s", why);
	return -1;
}

static int supervisor(const struct run_conf *conf, char **argv, int status_fd, pid_t front)
{
	struct super s = { .status_fd = status_fd };
	struct rlimit nofile;
	int go[2], ready[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, go) < 0 ||
	    pipe2(ready, O_CLOEXEC) < 0) {
		err("pipe: %s", strerror(errno));
		return 1;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	getrlimit(RLIMIT_NOFILE, &nofile);
	limit_raise(RLIMIT_NOFILE);
	s.pid = fork();
	if (s.pid < 0) {
		err("fork: %s", strerror(errno));
		return 1;
	}
	if (s.pid == 0) {
		close(go[1]);
		close(ready[0]);
		close(status_fd);
		program(argv, conf, go[0], ready[1], &nofile);
	}
	close(go[0]);
	close(ready[1]);
	launch_close_inherited((int[]){ go[1], ready[0], status_fd }, 3);
	launch_be_server();

	if (open_network(&s, &conf->node) < 0)
		return 1;
	if (nofile.rlim_max > 2 * FDS_KEPT)
		s.r.calls.node->fd_max = (int)MIN(nofile.rlim_max - FDS_KEPT, INT_MAX);
	if (take_listener(&s, &conf->node, go[1], ready[0]) < 0)
		return 1;
	watch_processes(&s);
	if (!s.r.remote)	/* else the server tells */
		report(&s, &conf->node, argv[0], front);
	if (notify_start(&s.r) < 0) {
		err("cannot start a thread");
		return 1;
	}
	launch_tell(status_fd, (struct word){ WORD_STARTED, s.pid, false });
	if (write(go[1], "", 1) != 1)
		return 1;
	close(go[1]);
	close(ready[0]);
	if (!log_shows(LOG_INFO))
		launch_forget_stdio();
	supervise(&s);
	if (s.r.inject)
		launch_wait_delivery(inject_stack(s.r.inject));
	notify_stop(&s.r);
	report_stop(s.report);
	inject_close(s.r.inject);
	remote_close(s.r.remote);
	node_free(s.r.calls.node);
	return 0;
}

/* Has nothing of the program's or the front's: who waits for the end of a pipe reads it. */
static int keeper(const struct run_conf *conf, char **argv, int status_fd)
{
	pid_t front = getppid(), pid;

	sigchld = signal(SIGCHLD, SIG_DFL);	/* ignored, there is nobody to wait for (wait(2)) */
	keeper_prepare();
	pid = fork();
	if (pid == 0)
		return conf->netns ? netns_supervisor(conf, argv, status_fd) :
				     supervisor(conf, argv, status_fd, front);
	if (pid < 0) {
		err("fork: %s", strerror(errno));
		return 1;
	}
	setsid();
	launch_forget_stdio();
	launch_close_inherited(NULL, 0);
	keeper_wait(pid);
	return 0;
}

int run_program(const struct run_conf *conf, char **argv)
{
	int status[2];
	pid_t pid;

	if (pipe2(status, O_CLOEXEC) < 0) {
		err("pipe: %s", strerror(errno));
		return 1;
	}
	pid = fork();
	if (pid < 0) {
		err("fork: %s", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		close(status[0]);
		_exit(keeper(conf, argv, status[1]));
	}
	close(status[1]);
	return launch_front(status[0]);
}
