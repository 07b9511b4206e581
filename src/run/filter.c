/* filter.c - the seccomp program, from a table of traps
 *
 * libseccomp makes the BPF; it is installed by the raw system call because the
 * library cannot ask for WAIT_KILLABLE_RECV (Linux 5.19), which keeps a received
 * call from being interrupted by the program's signal handlers. Calls of other
 * ABIs (i386, x32) and io_uring, which would go round the filter, are answered
 * ENOSYS: programs fall back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/run.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define FILTER_MAX	(BPF_MAXINSNS * sizeof(struct sock_filter))	/* fits into a pipe */
#define LARGEFILE	0100000u	/* O_LARGEFILE, which glibc calls 0 and musl passes */

static struct scmp_arg_cmp condition(const struct trap_if *t)
{
	switch (t->op) {
	case TRAP_NOT_NULL:
		return SCMP_CMP64(t->arg, SCMP_CMP_NE, 0, 0);
	case TRAP_NOT:		/* the upper half of an int is anything */
		return SCMP_CMP64(t->arg, SCMP_CMP_NE, t->value, 0);
	case TRAP_ABOVE:
		return SCMP_CMP64(t->arg, SCMP_CMP_GT, t->value, 0);
	case TRAP_BITS:
		return SCMP_CMP64(t->arg, SCMP_CMP_MASKED_EQ, t->value, t->value);
	case TRAP_BYTE1:	/* an ioctl's group: the second byte of its number */
		return SCMP_CMP64(t->arg, SCMP_CMP_MASKED_EQ, 0xff00, t->value << 8);
	case TRAP_READS:	/* open's flags: to read what is there, and no more */
		return SCMP_CMP64(t->arg, SCMP_CMP_MASKED_EQ,
				  0xffffffff & ~(O_CLOEXEC | O_NOCTTY | LARGEFILE), O_RDONLY);
	default:
		return SCMP_CMP64(t->arg, SCMP_CMP_MASKED_EQ, 0xffffffff, t->value);
	}
}

static int add_traps(scmp_filter_ctx ctx, const struct trap *rows, bool opens)
{
	for (const struct trap *t = rows; t->nr >= 0; t++) {
		struct scmp_arg_cmp cmp[2];
		unsigned n = 0;
		int ret;

		if (t->when[0].op == TRAP_READS && !opens)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(t->when); i++) {
			if (t->when[i].op != TRAP_ALWAYS)
				cmp[n++] = condition(&t->when[i]);
		}
		ret = seccomp_rule_add_array(ctx, SCMP_ACT_NOTIFY, t->nr, n, cmp);
		if (ret < 0)
			return ret;
	}
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0);
}

/* The BPF program in memory of its own; *len in bytes. */
static void *compile(const struct trap *rows, bool opens, size_t *len, int *error)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int p[2] = { -1, -1 };
	void *code = NULL;
	ssize_t n;

	*error = -ENOMEM;
	if (!ctx || pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		goto out;
	seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	*error = add_traps(ctx, rows, opens);
	if (*error == 0)
		*error = seccomp_export_bpf(ctx, p[1]);
	if (*error < 0)
		goto out;
	code = xmalloc(FILTER_MAX);
	n = read(p[0], code, FILTER_MAX);
	*len = (size_t)MAX(n, 0);
out:
	if (p[0] >= 0) {
		close(p[0]);
		close(p[1]);
	}
	if (ctx)
		seccomp_release(ctx);
	return code;
}

static int install_nothing(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &prog) < 0 ? errno : 0;
}

int filter_possible(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(install_nothing());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 0;		/* filter_install will tell */
	return -WEXITSTATUS(status);
}

int filter_install(const struct trap *rows, bool opens, bool *killable)
{
	struct sock_fprog prog;
	size_t len;
	int error, fd;
	void *code = compile(rows, opens, &len, &error);

	if (!code || !len)
		return error;
	prog = (struct sock_fprog){ (unsigned short)(len / sizeof(struct sock_filter)), code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER |
			  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	*killable = fd >= 0;
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	error = errno;
	free(code);
	return fd < 0 ? -error : fd;
}
