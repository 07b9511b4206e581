/* kernel_ns.c - the inside of a kernel stack: the namespaces, and sockets made in them
 *
 *	user namespace		ours alone, the program's user mapped to itself
 *	  network namespace	the stack: lo and an interface for each locator
 *	  another one		where taps cannot be had: the twins of its veths
 *
 * The far end of an interface is a descriptor, which goes to the outside: of a tap, or a
 * packet socket bound to the veth's twin. The interface goes with the last of it. Who
 * made a user namespace has all rights in it: the program may bind low
 * ports and change addresses by netlink, with sockets that are made here.
 *
 * Then it answers until nobody can ask any more. It reads no stranger's bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "node/kernel_in.h"
#include "plug/ifname.h"
#include "plug/packetif.h"
#include "plug/shm.h"
#include "plug/tap.h"

struct inside {
	const struct kernel_plan *plan;
	int	ends;
	int	stack_ns, twin_ns;	/* -1: no need of a second one so far */
};

_Noreturn static void fail(const struct inside *in, int error, char *why)
{
	kernel_tell(in->plan->ask, error, why);
	_exit(1);
}

/* 0 or -errno. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* --- namespaces --- */

/* Names what forbids it, and the cure. */
static char *refusal(int error)
{
	static const struct { const char *path, *name; const char *bad, *cure; } gates[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone",
		  "kernel.unprivileged_userns_clone", "0", "1" },
		{ "/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", "0", "10000" },
		{ "/proc/sys/user/max_net_namespaces", "user.max_net_namespaces", "0", "10000" },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
		  "kernel.apparmor_restrict_unprivileged_userns", "1", "0" },
	};
	char value[32];

	for (size_t i = 0; i < ARRAY_LEN(gates); i++) {
		int fd = open(gates[i].path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, value, sizeof(value) - 1);

		if (fd >= 0)
			close(fd);
		value[MAX(n, 0)] = 0;
		value[strcspn(value, "\n")] = 0;
		if (strcmp(value, gates[i].bad) == 0)
			return xasprintf("kernel: namespaces are forbidden: %s is %s (root may: sysctl "
					 "-w %s=%s; or use the kind native)", gates[i].name,
					 gates[i].bad, gates[i].name, gates[i].cure);
	}
	if (error == ENOSPC)
		return xasprintf("kernel: all user or network namespaces are in use (root may raise "
				 "sysctl user.max_user_namespaces and user.max_net_namespaces)");
	return xasprintf("kernel: namespaces are forbidden: %s (by a container's seccomp profile, a "
			 "chroot or a security module; use the kind native)", strerror(error));
}

/* This user is himself there. 0 or -errno. */
static int write_maps(uid_t uid, gid_t gid)
{
	char map[64];
	int rc;

	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	rc = write_file("/proc/self/uid_map", map);
	if (rc)
		return rc;
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", map);
}

/* A program that changed its user owns its files of /proc only while it may be dumped. */
static int map_user(uid_t uid, gid_t gid)
{
	int dumpable = prctl(PR_GET_DUMPABLE), rc;

	prctl(PR_SET_DUMPABLE, 1);
	rc = write_maps(uid, gid);
	if (dumpable == 0)
		prctl(PR_SET_DUMPABLE, 0);
	return rc;
}

/* Without a user namespace it is enough to be root. */
static int new_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int rc;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		return map_user(uid, gid);
	rc = -errno;
	return unshare(CLONE_NEWNET) == 0 ? 0 : rc;
}

static int here(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Everybody whom the program gives its sockets may use low ports and ping. An address may be
 * used at once: nobody else has these interfaces, their MAC addresses are random, and
 * RFC 4862 5.1 lets a node do without detection. Where /proc/sys is read-only, Linux's
 * defaults stay. */
static void prepare(void)
{
	static const char *const first[][2] = {
		{ "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0" },
		{ "/proc/sys/net/ipv6/conf/default/accept_dad", "0" },
	};
	char range[64];

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		write_file(first[i][0], first[i][1]);
	snprintf(range, sizeof(range), "%u %u", getegid(), getegid());
	write_file("/proc/sys/net/ipv4/ping_group_range", range);
	ifname_up("lo");
}

/* --- interfaces: the descriptor of the far end, or -1 --- */

static int make_tap(const struct kernel_if *ifc, struct kernel_end *end)
{
	char *why = NULL;
	int fd = tap_device(ifc->name, end->name, &why);

	free(why);
	if (fd >= 0)
		ifname_set_mtu(ifc->name, ifc->mtu);
	end->tap = true;
	return fd;
}

/* 0 or -errno: the stack's namespace becomes another, where nothing is yet. */
static int split(struct inside *in)
{
	if (in->twin_ns >= 0)
		return 0;
	in->twin_ns = here();
	if (in->twin_ns < 0 || unshare(CLONE_NEWNET) < 0)
		return -errno;
	prepare();
	in->stack_ns = here();
	return in->stack_ns < 0 ? -errno : 0;
}

/* In the twin's namespace, which is entered and left. */
static int open_twin(struct inside *in, const char *name)
{
	int fd = -1, error = 0;

	if (setns(in->twin_ns, CLONE_NEWNET) < 0)
		return -1;
	error = -kernel_link_silent(name);
	if (!error)
		error = -ifname_up(name);
	if (!error) {
		fd = packetif_socket((int)if_nametoindex(name));
		error = errno;
	}
	if (setns(in->stack_ns, CLONE_NEWNET) < 0)
		abort();
	errno = error;
	return fd;
}

static int make_veth(struct inside *in, const struct kernel_if *ifc, struct kernel_end *end)
{
	int rc = split(in);

	*end = (struct kernel_end){ .tap = false };
	memcpy(end->name, ifc->name, sizeof(end->name));
	if (!rc)
		rc = kernel_link_pair(ifc->name, ifc->name, in->twin_ns, ifc->mtu);
	if (!rc)
		return open_twin(in, ifc->name);
	errno = -rc;
	return -1;
}

static bool taps(const struct kernel_plan *plan)
{
	int fd = plan->veth ? -1 : open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void make_if(struct inside *in, const struct kernel_if *ifc, bool tap)
{
	struct kernel_end end = { .tap = false };
	int fd = tap ? make_tap(ifc, &end) : make_veth(in, ifc, &end);
	int error = errno;

	if (fd < 0)
		fail(in, error, error == EPERM ? refusal(error) :
		     xasprintf("kernel: no interface %s: %s", ifc->name, strerror(error)));
	if (shm_put(in->ends, &end, sizeof(end), fd) < 0)
		_exit(1);
	close(fd);
}

static void make_ifs(struct inside *in)
{
	bool tap = taps(in->plan);

	for (int i = 0; i < in->plan->n_if; i++)
		make_if(in, &in->plan->ifs[i], tap);
	if (in->twin_ns >= 0)
		close(in->twin_ns);
	if (in->stack_ns >= 0)
		close(in->stack_ns);
}

/* --- answering --- */

static void answer_socket(const struct kernel_ask *q, int to)
{
	int fd = socket(q->domain, q->type | SOCK_CLOEXEC, q->protocol);
	struct kernel_answer a = { .error = fd < 0 ? errno : 0 };

	shm_put(to, &a, sizeof(a), fd);
	if (fd >= 0)
		close(fd);
}

/* ENOENT: go on with the next. */
static int set_below(const char *dir, const char *name, const char *value)
{
	char path[KERNEL_TEXT + 64];

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s", dir, name);
	return write_file(path, value);
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

static void answer_one(struct kernel_ask *q, int to)
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
	}
}

static void answer(int ask)
{
	struct kernel_ask q;
	ssize_t n;
	int to;

	for (;;) {
		to = -1;
		n = shm_get(ask, &q, sizeof(q), &to);
		if (n == -EINTR)
			continue;
		if (n != sizeof(q))
			return;		/* nobody is left */
		if (to < 0)
			continue;
		answer_one(&q, to);
		close(to);
	}
}

/* All that the outside has open is its own. */
static void keep_only(int a, int b)
{
	int low = MIN(a, b), high = MAX(a, b);

	syscall(SYS_close_range, 3, low - 1, 0);
	syscall(SYS_close_range, low + 1, high - 1, 0);
	syscall(SYS_close_range, high + 1, ~0u, 0);
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

void kernel_inside(const struct kernel_plan *plan, int ends)
{
	struct inside in = { .plan = plan, .ends = ends, .stack_ns = -1, .twin_ns = -1 };
	char go;
	int rc;

	keep_only(plan->ask, ends);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rc = new_namespaces();
	if (rc)
		fail(&in, -rc, refusal(-rc));
	prepare();
	make_ifs(&in);
	if (recv(ends, &go, 1, 0) != 1)
		fail(&in, EIO, xasprintf("kernel: the stack's cables did not come to be"));
	leave_terminal();
	kernel_tell(plan->ask, 0, NULL);
	answer(plan->ask);
	_exit(0);
}
