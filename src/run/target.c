/* target.c - the memory and descriptors of the program's threads
 *
 * A notification names a thread. Its descriptor table is reached by a pidfd for
 * that thread (Linux 6.9) or for its process; sockets are then told apart by
 * SO_COOKIE, which is the same through dup, fork and passing. Memory is copied
 * once and acted upon only if the thread still waits for its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
int target_thread_fd(struct runner *r, pid_t tid, int fd)
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

int target_fd(const struct call *c, int fd)
{
	return target_thread_fd(c->r, (pid_t)c->n.pid, fd);
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

int target_read(const struct call *c, uint64_t addr, void *buf, size_t n)
{
	struct iovec local = { buf, n }, remote = { (void *)(uintptr_t)addr, n };
	ssize_t ret;

	if (!n)
		return 0;
	ret = process_vm_readv((pid_t)c->n.pid, &local, 1, &remote, 1, 0);
	if (ret < 0 && (errno == EPERM || errno == ENOSYS))
		ret = by_proc((pid_t)c->n.pid, addr, buf, n, false);
	return ret == (ssize_t)n ? 0 : -EFAULT;
}

int target_write(const struct call *c, uint64_t addr, const void *buf, size_t n)
{
	struct iovec local = { (void *)buf, n }, remote = { (void *)(uintptr_t)addr, n };
	ssize_t ret;

	if (!n)
		return 0;
	ret = process_vm_writev((pid_t)c->n.pid, &local, 1, &remote, 1, 0);
	if (ret < 0 && (errno == EPERM || errno == ENOSYS))
		ret = by_proc((pid_t)c->n.pid, addr, (void *)buf, n, true);
	return ret == (ssize_t)n ? 0 : -EFAULT;
}

ssize_t target_gather(const struct call *c, const struct iovec *iov, int n, void *buf, size_t size)
{
	size_t done = 0;

	for (int i = 0; i < n; i++) {
		size_t len = iov[i].iov_len;

		if (len > size - done)
			return -EMSGSIZE;
		if (target_read(c, (uintptr_t)iov[i].iov_base, (char *)buf + done, len) < 0)
			return -EFAULT;
		done += len;
	}
	return (ssize_t)done;
}

int target_scatter(const struct call *c, const struct iovec *iov, int n, const void *buf, size_t len)
{
	size_t done = 0;

	for (int i = 0; i < n && done < len; i++) {
		size_t part = MIN(iov[i].iov_len, len - done);

		if (target_write(c, (uintptr_t)iov[i].iov_base, (const char *)buf + done, part) < 0)
			return -EFAULT;
		done += part;
	}
	return 0;
}

int target_msg(const struct call *c, uint64_t addr, struct tmsg *t)
{
	if (target_read(c, addr, &t->h, sizeof(t->h)) < 0)
		return -EFAULT;
	if (t->h.msg_iovlen > ARRAY_LEN(t->iov))
		return -EMSGSIZE;
	t->n = (int)t->h.msg_iovlen;
	if (target_read(c, (uintptr_t)t->h.msg_iov, t->iov, t->h.msg_iovlen * sizeof(t->iov[0])) < 0)
		return -EFAULT;
	t->room = 0;
	for (int i = 0; i < t->n; i++) {
		if (t->iov[i].iov_len > SSIZE_MAX - t->room)
			return -EINVAL;
		t->room += t->iov[i].iov_len;
	}
	return 0;
}

int target_put_name(const struct call *c, uint64_t addr, uint64_t lenp, const void *sa, size_t size)
{
	int32_t room, len = (int32_t)size;

	if (!addr)
		return 0;
	if (target_read(c, lenp, &room, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (target_write(c, addr, sa, (size_t)MIN(room, len)) < 0)
		return -EFAULT;
	return target_write(c, lenp, &len, sizeof(len));
}

int target_put_addr(const struct call *c, uint64_t addr, uint64_t lenp,
		    const struct endpoint *ep, int family)
{
	struct sockaddr_storage ss;

	return target_put_name(c, addr, lenp, &ss, ep_to_sockaddr(ep, family, &ss));
}

#define SIGBIT(n)	(1ull << ((n) - 1))
#define STOPS		(SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

enum sig_wait target_signal(const struct call *c)
{
	char path[64], line[256];
	unsigned long long own = 0, shared = 0, blocked = 0, caught = 0, ignored = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/status", c->n.pid);
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
