/* front.c - what the shell started: waits for the program's status, passes signals on */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "run/launch.h"

/* The signals that are for the program, as a descriptor to read them from: what
 * is sent before there is a program waits in it. */
static int signals_open(void)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
				    SIGALRM, SIGCONT, SIGWINCH };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* One from the terminal has reached the program already, which is in our process
 * group; one sent to us alone is passed on. */
static void pass_on(int fd, pid_t program)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) == sizeof(si) && si.ssi_code != SI_KERNEL)
		kill(program, (int)si.ssi_signo);
}

/* Ends as the program did. Other signals stay blocked: who sent them wanted the
 * program, not us. */
static int end_as(int status)
{
	if (WIFSIGNALED(status)) {
		struct rlimit none = { 0, 0 };
		sigset_t one;

		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
		sigemptyset(&one);
		sigaddset(&one, WTERMSIG(status));
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

/* What the supervisor says next; signals are passed on meanwhile, once there is
 * a program. False: the supervisor has gone. */
static bool next_word(int status_fd, int sig_fd, pid_t program, struct word *w)
{
	struct pollfd pfd[] = { { .fd = status_fd, .events = POLLIN },
				{ .fd = program ? sig_fd : -1, .events = POLLIN } };

	for (;;) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return false;
		if (pfd[0].revents)
			return read(status_fd, w, sizeof(*w)) == sizeof(*w);
		if (pfd[1].revents)
			pass_on(sig_fd, program);
	}
}

int launch_front(int status_fd)
{
	int sig_fd = signals_open();
	struct word w = { .kind = WORD_FAILED };
	pid_t program = 0;

	while (next_word(status_fd, sig_fd, program, &w) && w.kind == WORD_STARTED)
		program = w.value;
	if (w.kind == WORD_STARTED)
		err("the node was killed, and the program with it");
	if (w.kind != WORD_ENDED)
		return 1;
	if (w.alone) {		/* bytes under way: a short time */
		struct pollfd pfd = { .fd = status_fd, .events = POLLIN };

		poll(&pfd, 1, 2000);
	}
	return end_as(w.value);
}
