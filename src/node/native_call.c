/* native_call.c - calls of this process, as those of others are done
 *
 * The third front end of call.h: memory and descriptors are our own, and who
 * waits is a thread, until its call is answered. Which calls are the stack's and
 * which the kernel does on the program's end is what the runner's filter says
 * too (traps[]), so a socket is the same in all front ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/kind.h"
#include "node/native.h"

/* On the stack of the thread. */
struct thread_call {
	struct call	c;
	struct caller	caller;
	bool		answered;
	long		value;
};

static struct thread_call *thread_call(const struct call *c)
{
	return container_of(c, struct thread_call, c);
}

static int mem_read(const struct call *c, uint64_t addr, void *buf, size_t n)
{
	if (!addr && n)
		return -EFAULT;
	if (n)
		memcpy(buf, (const void *)(uintptr_t)addr, n);
	return 0;
}

static int mem_write(const struct call *c, uint64_t addr, const void *buf, size_t n)
{
	if (!addr && n)
		return -EFAULT;
	if (n)
		memcpy((void *)(uintptr_t)addr, buf, n);
	return 0;
}

static int dup_fd(const struct call *c, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : copy;
}

/* A packet socket's descriptor may be the memory of its ring. */
static struct vsock *known(const struct call *c, int fd)
{
	struct vsock *vs = native_known(c->of->node, fd);

	if (!vs && c->of->node->bare >= 0)
		vs = native_find(c->of->node, fd);	/* a copy of its number says nothing */

	return vs && vs->family != AF_PACKET ? vs : NULL;
}

static void answer(struct call *c, long value)
{
	struct thread_call *t = thread_call(c);

	t->value = value;
	t->answered = true;
	node_tell(c->of->node, &t->caller);
}

static int give(struct call *c, int fd, bool cloexec)
{
	int ret = fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);

	if (ret < 0)
		return -errno;
	answer(c, ret);
	return ret;
}

static void given(struct call *c, struct vsock *vs)
{
	struct native *s = c->of->node->user;

	fds_give(vs->pid_fd, s->stack, vs->bare ? vs->n->bare_cookie : vs->cookie, vs);
}

static void dressed(struct vsock *vs)
{
	const struct native *s = vs->n->user;

	fds_rename(vs->pid_fd, s->stack, vs->cookie);
}

static int replace(struct call *c, int at, int fd, bool cloexec)
{
	return dup3(fd, at, cloexec ? O_CLOEXEC : 0) < 0 ? -errno : 0;
}

static bool valid(const struct call *c)
{
	return true;
}

/* No socket of the stack: the table of descriptors was wrong, as close(2) ended
 * what it knew of. */
static long foreign(struct call *c)
{
	return c->vs ? CALL_CONTINUE : -EBADF;
}

static void done(struct call *c)
{
}

static const struct call_front front = {
	.read = mem_read, .write = mem_write, .fd = dup_fd, .known = known, .give = give,
	.replace = replace, .given = given,
	.valid = valid, .foreign = foreign, .answer = answer, .free = done, .own = true,
	.inside = true,
	.period = NEVER,
};

static void changed(struct vsock *vs)
{
	struct native *s = vs->n->user;

	if (!vs->so)		/* closed: its number may be another's by now */
		fds_clear(vs->pid_fd, s->stack, vs->cookie);
	call_again(&vs->calls);
	vlocal_changed(vs);
}

/* A copy of the descriptor as it was given out; or of another, if that was closed. */
static int app_end(struct vsock *vs)
{
	const struct native *s = vs->n->user;
	int at = vs->pid_fd;

	if (vs->bare)
		return -1;
	if (vsock_of_fd(vs->n, at) != vs)
		at = fds_find(s->stack, vs->cookie);
	return at < 0 ? -1 : fcntl(at, F_DUPFD_CLOEXEC, 0);
}

static const struct vsock_front ends = { changed, dressed, app_end, .near = true };

static void late(struct node *n)
{
	struct native *s = n->user;

	calls_late(&s->calls);
}

void native_calls_init(struct native *s)
{
	calls_init(&s->calls, s->node, &front);
	vsock_set_front(s->node, &ends);
	s->node->user = s;
	s->node->alarm = late;
	s->pid = getpid();
}

/* --- one call --- */

/* Whoever has the lock when the call can go on answers it, perhaps we ourselves. */
static long ask(struct native *s, int nr, const uint64_t args[6])
{
	struct thread_call t = { .answered = false };

	call_init(&t.c, &s->calls, nr, args);
	t.c.pid = s->pid;
	node_lock(s->node);
	node_look(s->node);
	call_try(&t.c);
	while (!t.answered) {
		if (node_wait(s->node, &t.caller, NEVER) == -EINTR && !t.answered) {
			answer(&t.c, -EINTR);
			call_free(&t.c);
		}
	}
	node_unlock(s->node);
	return t.value;
}

static bool is_among(int nr, const int *all, size_t n)
{
	while (n && all[n - 1] != nr)
		n--;
	return n > 0;
}

/* Of sockets that were inherited by fork, what the pair does by itself. */
static long orphan_call(int nr)
{
	static const int pairs[] = {
		SYS_shutdown, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg,
	};

	return is_among(nr, pairs, ARRAY_LEN(pairs)) ? CALL_CONTINUE : -EOPNOTSUPP;
}

/* Streams come here only with what goes by the pair (native_msg.c). */
static bool moves_bytes(int nr)
{
	static const int moves[] = {
		SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg,
	};

	return is_among(nr, moves, ARRAY_LEN(moves));
}

/* The kernel does it, and at once: with the lock, as who closes a number has it, too. What has
 * the number next may be an end of ours. */
static long on_pair(struct native *s, int nr, const uint64_t a[6])
{
	struct vsock *vs;
	long ret;

	node_lock(s->node);
	vs = native_find(s->node, (int)a[0]);
	ret = vs ? vbare_dress(vs) : native_is_ours((int)a[0]) ? 0 : -EBADF;
	if (ret == 0) {
		ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		ret = ret < 0 ? -errno : ret;
	}
	if (ret == 0 && vs && nr == SYS_shutdown)
		vlocal_shut(vs, (int)a[1]);	/* calls that follow, or wait, see it */
	node_unlock(s->node);
	return ret;
}

long native_call(int nr, uint64_t a[6])
{
	struct native *s = kind_current->data;
	long ret = CALL_CONTINUE;

	if (moves_bytes(nr) && native_dress((int)a[0]) < 0)
		return -1;
	if (call_trapped(nr, a))
		ret = s->orphan ? orphan_call(nr) : ask(s, nr, a);
	if (ret == CALL_CONTINUE && !moves_bytes(nr) && !s->orphan)
		ret = on_pair(s, nr, a);
	if (ret == CALL_CONTINUE)
		return syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return libc_result(ret);
}

void native_cancel_at(struct native *s, int fd)
{
	list_for_safe(l, &s->calls.parked) {
		struct call *c = container_of(l, struct call, link);

		if ((int)ARG(c, 0) != fd)
			continue;
		answer(c, -EBADF);
		call_free(c);
	}
}
