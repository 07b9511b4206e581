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
 * Then it answers until nobody can ask any more (kernel_answer.c). It reads no stranger's bytes.
 */
#include <errno.h>
#include <fcntl.h>
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

_Noreturn static void fail(const struct kernel_inside *in, int error, char *why)
{
	kernel_tell(in->plan->ask, error, why);
	_exit(1);
}

int kernel_write(const char *path, const char *text)
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
	rc = kernel_write("/proc/self/uid_map", map);
	if (rc)
		return rc;
	kernel_write("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return kernel_write("/proc/self/gid_map", map);
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
		kernel_write(first[i][0], first[i][1]);
	snprintf(range, sizeof(range), "%u %u", getegid(), getegid());
	kernel_write("/proc/sys/net/ipv4/ping_group_range", range);
	ifname_up("lo");
}

/* 0 or -errno: the stack's namespace becomes another, where nothing is yet. */
static int split(struct kernel_inside *in)
{
	in->twin_ns = here();
	if (in->twin_ns < 0 || unshare(CLONE_NEWNET) < 0)
		return -errno;
	prepare();
	in->stack_ns = here();
	return in->stack_ns < 0 ? -errno : 0;
}

/* A user of taps needs no second namespace; what comes later (kernel_if_add) is as these. */
static void make_ifs(struct kernel_inside *in)
{
	const struct kernel_plan *plan = in->plan;
	int error = plan->veth || !kernel_taps() ? -split(in) : 0;

	for (int i = 0; !error && i < plan->n_if; i++)
		error = kernel_if_make(in, plan->ifs[i].name, plan->ifs[i].mtu);
	if (error)
		fail(in, error, error == EPERM || error == ENOSPC ? refusal(error) :
		     xasprintf("kernel: cannot make an interface: %s", strerror(error)));
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
	struct kernel_inside in = { .plan = plan, .ends = ends, .stack_ns = -1, .twin_ns = -1 };
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
	kernel_answer_all(&in);
	_exit(0);
}
