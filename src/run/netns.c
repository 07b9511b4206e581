/* netns.c - ioth run --netns: the whole program in the namespaces of a kernel stack
 *
 *   program      waits, enters the namespaces and becomes the program
 *   supervisor   has the stack; waits until nobody of the program is left (a child
 *                subreaper), and then until TCP has delivered what they wrote
 *
 * Nothing is trapped: io_uring, raw sockets, 32-bit programs and everything else that Linux can
 * do works, at Linux's speed. It needs user namespaces. The program is who it was, but may
 * configure its network and open raw sockets (ambient capabilities).
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "ioth.h"
#include "node/kernel.h"
#include "plug/shm.h"
#include "run/enter.h"
#include "run/launch.h"

/* False: the user was told. */
static bool failed(const char *what)
{
	err("--netns: %s: %s", what, strerror(errno));
	return false;
}

/* --- the program --- */

/* Where is told by go, or the supervisor has said why there is nowhere to go. */
static _Noreturn void become(int go, char **argv)
{
	char resolv[RESOLV_MAX] = "";
	int process = -1;

	if (shm_get(go, resolv, sizeof(resolv) - 1, &process) < 1)
		_exit(1);
	if (!enter_stack(process, CLONE_NEWNET, resolv))
		_exit(1);
	close(process);
	close(go);
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* its network goes with the supervisor */
	launch_exec(argv);
}

/* --- the supervisor --- */

/* False: nobody is left. */
static bool reap(pid_t program, int status_fd, bool *ended)
{
	int status, of_program = 0;
	bool ends = false;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != program)
			continue;
		ends = true;
		of_program = status;
	}
	if (ends)
		launch_tell(status_fd, (struct word){ WORD_ENDED, of_program, pid < 0 });
	*ended |= ends;
	return pid == 0;
}

/* Until nobody is left. If the front is killed so is what it stood for. */
static void wait_all(pid_t program, int status_fd, int children)
{
	struct pollfd pfd[] = { { .fd = children, .events = POLLIN }, { .fd = status_fd, .events = POLLRDHUP } };
	struct signalfd_siginfo si;
	bool ended = false;

	while (reap(program, status_fd, &ended)) {
		if (poll(pfd, ARRAY_LEN(pfd), -1) < 0)
			continue;
		if (pfd[0].revents && read(children, &si, sizeof(si)) < 0)
			return;
		if (!pfd[1].revents)
			continue;
		pfd[1].fd = -1;
		if (!ended)
			kill(program, SIGKILL);
	}
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The stack's own processes are the keeper's to wait for: they are there before we are
 * a subreaper. */
static int serve(struct ioth *s, const struct node_conf *c, pid_t program, int go, int status_fd)
{
	struct kstack *k = kernel_of(s);
	int children, process = kernel_process(k);
	char resolv[RESOLV_MAX];

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	children = watch_children();
	enter_resolv(s, c, resolv);
	launch_tell(status_fd, (struct word){ WORD_STARTED, program, false });
	if (process < 0 || children < 0 || shm_put(go, resolv, strlen(resolv) + 1, process) < 0) {
		failed("the stack has gone");
		return 1;
	}
	close(process);
	close(go);
	if (!log_shows(LOG_INFO))
		launch_forget_stdio();
	wait_all(program, status_fd, children);
	launch_wait_delivery(k);
	return 0;
}

/* The program is there first, and waits: it has what was inherited, and we let go of it
 * before there is anything of ours. */
static pid_t fork_program(const struct run_conf *conf, char **argv, int status_fd, int *go)
{
	int pair[2];
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0)
		pid = fork();
	if (pid < 0) {
		err("cannot start a process: %s", strerror(errno));
		return -1;
	}
	if (pid == 0) {
		close(pair[0]);
		close(status_fd);
		become(pair[1], argv);
	}
	launch_close_inherited((int[]){ status_fd, pair[0] }, 2);
	launch_be_server();
	*go = pair[0];
	return pid;
}

int netns_supervisor(const struct run_conf *conf, char **argv, int status_fd)
{
	int status, go;
	pid_t program = fork_program(conf, argv, status_fd, &go);
	struct ioth *s = program > 0 ? kernel_node(&conf->node) : NULL;

	if (!s)
		return 1;
	status = serve(s, &conf->node, program, go, status_fd);
	ioth_delstack(s);
	return status;
}
