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
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/text.h"
#include "ioth.h"
#include "node/kernel.h"
#include "plug/shm.h"
#include "run/launch.h"

#define RESOLV_CONF	"/etc/resolv.conf"
#define RESOLV_MAX	4096
#define FLUSH_TIME	(60 * USEC_PER_SEC)	/* for bytes under way at the end */
#define FIN_TIME	(1 * USEC_PER_SEC)	/* for peers that have yet to close */
#define LOOK_EVERY	10000			/* microseconds */

/* False: the user was told. */
static bool failed(const char *what)
{
	err("--netns: %s: %s", what, strerror(errno));
	return false;
}

/* --- the program --- */

/* Whom it asks instead of the machine's servers; empty: these. */
static void resolv_conf(struct ioth *s, const struct node_conf *c, char text[RESOLV_MAX])
{
	char *told = c->config && !c->n_dns ? ioth_resolvconf(s, NULL) : NULL;
	struct text t = text_of(text, RESOLV_MAX);
	char buf[IP_STRLEN];

	for (int i = 0; i < c->n_dns; i++)
		text_add(&t, "nameserver %s\n", ip_text(&c->dns[i], buf));
	if (told)
		text_add(&t, "%s", told);
	free(told);
}

/* The same in a file that only the program sees. */
static bool set_dns(const char *text)
{
	char path[] = "/tmp/ioth-resolv-XXXXXX";
	int fd = *text ? mkostemp(path, O_CLOEXEC) : -1;
	bool ok;

	if (!*text)
		return true;
	if (fd < 0)
		return failed(path);
	dprintf(fd, "%s", text);
	ok = fchmod(fd, 0644) == 0 && unshare(CLONE_NEWNS) == 0 &&
	     mount(path, RESOLV_CONF, NULL, MS_BIND, NULL) == 0;
	if (!ok)
		failed("--dns: " RESOLV_CONF);
	unlink(path);
	close(fd);
	return ok;
}

/* Rights over the network outlive execve; root has them anyhow. */
static void keep_rights(void)
{
	static const int rights[] = { CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE };
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		data[0].inheritable |= 1u << rights[i];
	if (syscall(SYS_capset, &head, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, rights[i], 0, 0);
}

/* Where is told by go, or the supervisor has said why there is nowhere to go. */
static _Noreturn void become(int go, char **argv)
{
	char resolv[RESOLV_MAX] = "";
	int process = -1;

	if (shm_get(go, resolv, sizeof(resolv) - 1, &process) < 1)
		_exit(1);
	if (kernel_enter(process) < 0) {
		failed("cannot enter the namespaces");
		_exit(1);
	}
	close(process);
	close(go);
	if (!set_dns(resolv))
		_exit(1);
	keep_rights();
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* its network goes with the supervisor */
	execvp(argv[0], argv);
	_exit(launch_exec_error(argv[0], errno));
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

static void wait_delivery(struct kstack *k)
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
	resolv_conf(s, c, resolv);
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
	wait_delivery(k);
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
	setsid();
	signal(SIGPIPE, SIG_IGN);
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
