/* child.h - a part of a test in a process of its own
 *
 * A crash, a hang or what a sanitizer says then costs that part alone.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* As fork; the child ends after so many seconds. */
static inline pid_t child_start(unsigned seconds)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0)
		alarm(seconds);
	return pid;
}

static inline int child_status(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

#endif
