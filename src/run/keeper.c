/* keeper.c - the process that ends what a killed node leaves behind
 *
 * Without its supervisor every process of the program gets ENOSYS from each call that
 * is trapped, for ever, and some try again without a pause. The kernel ends the
 * program itself with the supervisor (PR_SET_PDEATHSIG), not the program's children. So
 * the supervisor has a parent that does nothing but wait for it: a child subreaper,
 * so that whatever the supervisor leaves becomes its child, and the children of each of
 * those when that ends. It kills them until there are none. A supervisor that ended
 * in order has left nobody.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/run.h"

/* The parent of a process, from the fourth field of its stat (proc(5)); 0: gone. */
static pid_t parent_of(pid_t pid)
{
	char path[32], line[512], *end = NULL;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f))
		end = strrchr(line, ')');	/* its name may have any in it */
	if (!end || sscanf(end, ") %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

/* How many there were that we may. */
static unsigned kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *de;
	unsigned n = 0;

	while (proc && (de = readdir(proc))) {
		pid_t pid = isdigit((unsigned char)de->d_name[0]) ? atoi(de->d_name) : 0;

		if (pid && parent_of(pid) == getpid())
			n += kill(pid, SIGKILL) == 0;
	}
	if (proc)
		closedir(proc);
	return n;
}

static void end_children(void)
{
	while (kill_children() && waitpid(-1, NULL, 0) > 0) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

void keeper_prepare(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void keeper_wait(pid_t supervisor)
{
	sigset_t all;
	int status = 0;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);	/* who ends a whole session means the node */
	do {
		pid = waitpid(-1, &status, 0);
	} while (pid != supervisor && (pid > 0 || errno == EINTR));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		end_children();
}
