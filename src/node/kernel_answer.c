/* kernel_answer.c - what the inside of a kernel stack does when it is asked
 *
 * Each request brings a socket for its answer. When nobody is left who could ask, the
 * stack ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/rights.h"
#include "node/kernel_in.h"
#include "plug/shm.h"

/* It waits for nobody: the socket for the answer is empty. */
static void put_sockets(int to, struct kernel_answer *a, const int *fds, size_t n)
{
	struct iovec iov = { a, sizeof(*a) };
	RIGHTS(KERNEL_BATCH) ctl;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	rights_put(&mh, &ctl, fds, n);
	if (sendmsg(to, &mh, MSG_NOSIGNAL) < 0)
		return;			/* who asked has gone */
}

static void answer_socket(const struct kernel_ask *q, int to)
{
	struct kernel_answer a = { .error = 0 };
	int fds[KERNEL_BATCH], n = 0;

	do
		fds[n] = socket(q->domain, q->type | SOCK_CLOEXEC, q->protocol);
	while (fds[n] >= 0 && ++n < MIN(q->count, KERNEL_BATCH));
	if (n) {
		put_sockets(to, &a, fds, (size_t)n);
	} else {
		a.error = errno;
		shm_put(to, &a, sizeof(a), -1);
	}
	while (n)
		close(fds[--n]);
}

/* ENOENT: go on with the next. */
static int set_below(const char *dir, const char *name, const char *value)
{
	char path[KERNEL_TEXT + 64];

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s", dir, name);
	return kernel_write(path, value);
}

/* Names are words and slashes: nothing leads out of the directory. */
static int set_sysctl(const char *name, const char *value)
{
	static const char *const dirs[] = { "", "ipv4/", "ipv6/", "core/" };
	int rc = -ENOENT;

	if (*name == '/' || strstr(name, "..") || !*name)
		return -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < ARRAY_LEN(dirs); i++)
		rc = set_below(dirs[i], name, value);
	return rc;
}

static void answer_sysctl(struct kernel_ask *q, int to)
{
	struct kernel_answer a = { .error = EINVAL };
	size_t n = strnlen(q->text, sizeof(q->text)) + 1;

	q->text[sizeof(q->text) - 1] = 0;
	if (n < sizeof(q->text))
		a.error = -set_sysctl(q->text, q->text + n);
	shm_put(to, &a, sizeof(a), -1);
}

static void answer_process(int to)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct kernel_answer a = { .error = fd < 0 ? errno : 0 };

	shm_put(to, &a, sizeof(a), fd);
	if (fd >= 0)
		close(fd);
}

/* A line of /proc/net/tcp: after both addresses the state, and what is not confirmed, our
 * end included. */
static enum kernel_left left_of(const char *line)
{
	unsigned state, bytes;

	if (sscanf(line, " %*[^:]: %*s %*s %x %x:", &state, &bytes) != 2)
		return KERNEL_LEFT_NONE;
	if (state != TCP_FIN_WAIT1 && state != TCP_CLOSING && state != TCP_LAST_ACK)
		return KERNEL_LEFT_NONE;
	return bytes > 1 ? KERNEL_LEFT_BYTES : KERNEL_LEFT_ENDS;
}

static enum kernel_left left_in(const char *path)
{
	enum kernel_left left = KERNEL_LEFT_NONE, of;
	FILE *f = fopen(path, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		of = left_of(line);
		left = MAX(left, of);
	}
	if (f)
		fclose(f);
	return left;
}

static void answer_left(int to)
{
	enum kernel_left v4 = left_in("/proc/self/net/tcp"), v6 = left_in("/proc/self/net/tcp6");
	struct kernel_answer a = { .value = (int)MAX(v4, v6) };

	shm_put(to, &a, sizeof(a), -1);
}

/* As with set_sysctl: nothing leads out of those two. */
static void answer_file(struct kernel_ask *q, int to)
{
	struct kernel_answer a = { .error = ENOENT };
	char path[KERNEL_TEXT + 16];
	bool net, sys;
	int fd = -1;

	q->text[sizeof(q->text) - 1] = 0;
	net = strncmp(q->text, "net/", 4) == 0;
	sys = strncmp(q->text, "sys/net/", 8) == 0;
	if ((net || sys) && !strstr(q->text, "..")) {
		snprintf(path, sizeof(path), "/proc/%s%s", net ? "self/" : "", q->text);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		a.error = fd < 0 ? errno : 0;
	}
	shm_put(to, &a, sizeof(a), fd);
	if (fd >= 0)
		close(fd);
}

static void answer_add(const struct kernel_inside *in, struct kernel_ask *q, int to)
{
	struct kernel_answer a = kernel_if_add(in, q);

	shm_put(to, &a, sizeof(a), -1);
}

static void answer_one(const struct kernel_inside *in, struct kernel_ask *q, int to)
{
	switch (q->op) {
	case KERNEL_SOCKET:
		return answer_socket(q, to);
	case KERNEL_SYSCTL:
		return answer_sysctl(q, to);
	case KERNEL_PROCESS:
		return answer_process(to);
	case KERNEL_LEFT:
		return answer_left(to);
	case KERNEL_ADD_IF:
		return answer_add(in, q, to);
	case KERNEL_FILE:
		return answer_file(q, to);
	}
}

void kernel_answer_all(const struct kernel_inside *in)
{
	struct kernel_ask q;
	ssize_t n;
	int to;

	for (;;) {
		to = -1;
		n = shm_get(in->plan->ask, &q, sizeof(q), &to);
		if (n == -EINTR)
			continue;
		if (n != sizeof(q))
			return;		/* nobody is left */
		if (to < 0)
			continue;
		answer_one(in, &q, to);
		close(to);
	}
}
