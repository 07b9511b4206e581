/* target.c - the memory and descriptors of the program's threads
 *
 * A notification names a thread. Its descriptor table is reached by a pidfd for
 * that thread (Linux 6.9) or for its process; sockets are then told apart by
 * SO_COOKIE, which is the same through dup, fork and passing. Memory is copied
 * once and acted upon only if the thread still waits for its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run/run.h"

#define PIDFD_FOR_THREAD O_EXCL

static pid_t process_of(pid_t tid)
{
	char path[64], line[128];
	pid_t tgid = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	}
	if (f)
		fclose(f);
	return tgid;
}

/* *exact: it means this thread, not only its process. */
static int pidfd_open_thread(pid_t tid, bool *exact)
{
	pid_t tgid = tid;
	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_FOR_THREAD);

	if (fd < 0 && errno == EINVAL) {
		tgid = process_of(tid);
		fd = (int)syscall(SYS_pidfd_open, tgid, 0);
	}
	*exact = tgid == tid;
	return fd < 0 ? -errno : fd;
}

static int getfd(int pidfd, int fd)
{
	int ret = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return ret < 0 ? -errno : ret;
}

void target_forget(struct runner *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->pidfds); i++) {
		if (r->pidfds[i].tid)
			close(r->pidfds[i].fd);
		r->pidfds[i].tid = 0;
	}
}

/* A thread's pidfd is kept: opening one costs more than using it. If its number
 * belongs to another thread by now, the pidfd still means the old one, of which
 * there are no descriptors to be had (ESRCH), and a new one is opened. */
int target_fd(struct runner *r, pid_t tid, int fd)
{
	struct pidfd *p = &r->pidfds[(unsigned)tid % ARRAY_LEN(r->pidfds)];
	int ret = p->tid == tid ? getfd(p->fd, fd) : -ESRCH;
	bool exact;
	int pidfd;

	if (ret != -ESRCH)
		return ret;
	pidfd = pidfd_open_thread(tid, &exact);
	if (pidfd < 0)
		return pidfd;
	ret = getfd(pidfd, fd);
	if (!exact) {
		close(pidfd);
		return ret;
	}
	if (p->tid)
		close(p->fd);
	*p = (struct pidfd){ tid, pidfd };
	return ret;
}

/* Where process_vm_* is forbidden (some containers), /proc/PID/mem may not be. */
static ssize_t by_proc(pid_t pid, uint64_t addr, void *buf, size_t n, bool writing)
{
	char path[64];
	ssize_t ret;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, (writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = writing ? pwrite(fd, buf, n, (off_t)addr) : pread(fd, buf, n, (off_t)addr);
	close(fd);
	return ret;
}

int target_read(pid_t tid, uint64_t addr, void *buf, size_t n)
{
	struct iovec local = { buf, n }, remote = { (void *)(uintptr_t)addr, n };
	ssize_t ret;

	if (!n)
		return 0;
	ret = process_vm_readv(tid, &local, 1, &remote, 1, 0);
	if (ret < 0 && (errno == EPERM || errno == ENOSYS))
		ret = by_proc(tid, addr, buf, n, false);
	return ret == (ssize_t)n ? 0 : -EFAULT;
}

int target_write(pid_t tid, uint64_t addr, const void *buf, size_t n)
{
	struct iovec local = { (void *)buf, n }, remote = { (void *)(uintptr_t)addr, n };
	ssize_t ret;

	if (!n)
		return 0;
	ret = process_vm_writev(tid, &local, 1, &remote, 1, 0);
	if (ret < 0 && (errno == EPERM || errno == ENOSYS))
		ret = by_proc(tid, addr, (void *)buf, n, true);
	return ret == (ssize_t)n ? 0 : -EFAULT;
}

#define SIGBIT(n)	(1ull << ((n) - 1))
#define STOPS		(SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

enum sig_wait target_signal(pid_t tid)
{
	char path[64], line[256];
	unsigned long long own = 0, shared = 0, blocked = 0, caught = 0, ignored = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return SIG_NONE;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "SigPnd: %llx", &own);
		sscanf(line, "ShdPnd: %llx", &shared);
		sscanf(line, "SigBlk: %llx", &blocked);
		sscanf(line, "SigCgt: %llx", &caught);
		sscanf(line, "SigIgn: %llx", &ignored);
	}
	fclose(f);
	caught |= STOPS & ~ignored;	/* the call is restarted when it goes on */
	if (own & ~blocked & caught)
		return SIG_OWN;
	return shared & ~blocked & caught ? SIG_SHARED : SIG_NONE;
}
