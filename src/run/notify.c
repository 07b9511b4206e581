/* notify.c - receives trapped calls, answers them, keeps those that wait
 *
 * The thread here does nothing else, because a call that is not yet received is
 * interrupted by any signal of the program. A call that must wait (accept,
 * connect, a datagram) is parked: nobody polls, it is tried again when its
 * vsock changes. Parked calls are deaf to handlers (WAIT_KILLABLE_RECV), so
 * while there are any, their threads' pending signals are looked at every 10 ms
 * and a call with one is answered ERESTARTSYS: the kernel then runs the handler
 * and restarts the call or makes it EINTR, as SA_RESTART says. A look is a file
 * read: of many calls a few have their turn, and where all have waited long the
 * looks are fewer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "run/inject.h"

#define SIGNAL_PERIOD	(10 * USEC_PER_MSEC)
#define QUIET_PERIOD	(40 * USEC_PER_MSEC)
#define QUIET_AFTER	(1 * USEC_PER_SEC)	/* without a new call that waits */
#define LOOKS		32			/* at a time */

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

struct trapped {
	struct call	c;
	uint64_t	id;
	bool		shared_signal;	/* seen pending once already */
};

static struct trapped *trapped_of(const struct call *c)
{
	return container_of(c, struct trapped, c);
}

static struct runner *runner_of(const struct call *c)
{
	return container_of(c->of, struct runner, calls);
}

static int mem_read(const struct call *c, uint64_t addr, void *buf, size_t n)
{
	return target_read(c->pid, addr, buf, n);
}

static int mem_write(const struct call *c, uint64_t addr, const void *buf, size_t n)
{
	return target_write(c->pid, addr, buf, n);
}

static int fd_of(const struct call *c, int fd)
{
	return target_fd(runner_of(c), c->pid, fd);
}

static bool valid(const struct call *c)
{
	uint64_t id = trapped_of(c)->id;

	return ioctl(runner_of(c)->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int give(struct call *c, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = trapped_of(c)->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int ret = ioctl(runner_of(c)->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	return ret < 0 ? -errno : ret;
}

long notify_hand_over(struct call *c, int fd, bool cloexec)
{
	bool apart = runner_of(c)->killable;	/* no signal comes between the two */
	struct seccomp_notif_addfd add = {
		.id = trapped_of(c)->id, .flags = apart ? 0 : SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd, .newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int ret = ioctl(runner_of(c)->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret < 0 || apart ? ret : CALL_ANSWERED;
}

static int replace(struct call *c, int at, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = trapped_of(c)->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd,
		.newfd = (uint32_t)at, .newfd_flags = cloexec ? O_CLOEXEC : 0,
	};

	return ioctl(runner_of(c)->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

/* Our duplicate of the descriptor goes first: a close() that follows is then the
 * last one. */
static void answer(struct call *c, long value)
{
	struct seccomp_notif_resp resp = { .id = trapped_of(c)->id };

	if (c->app >= 0)
		close(c->app);
	c->app = -1;
	if (value == CALL_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		resp.error = (int)value;
	else
		resp.val = value;
	if (ioctl(runner_of(c)->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 && errno != ENOENT)
		err("answering %s of thread %d: %s", c->trap->name, c->pid, strerror(errno));
}

static void trapped_free(struct call *c)
{
	remote_forget(c);
	free(trapped_of(c));
}

static const struct call_front front = {
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .replace = replace,
	.valid = valid, .foreign = resolv_connect, .answer = answer, .free = trapped_free,
	.period = SIGNAL_PERIOD,
};

/* A stack server does the work. */
static const struct call_front remote_front = {
	.handle = remote_call,
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .replace = replace,
	.valid = valid, .foreign = resolv_connect, .answer = answer, .free = trapped_free,
	.period = SIGNAL_PERIOD,
};

/* Sockets of a kernel stack are given out. */
static const struct call_front inject_front = {
	.handle = inject_call,
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .replace = replace,
	.valid = valid, .foreign = resolv_connect, .answer = answer, .free = trapped_free,
	.period = SIGNAL_PERIOD,
};

/* vs has news: the calls that wait on it try again. */
static void changed(struct vsock *vs)
{
	call_again(&vs->calls);
}

static const struct vsock_front ends = { .changed = changed, .app_end = target_find_end };

/* True if the call was ended by a signal (or its task has gone). */
static bool interrupted(struct call *c)
{
	struct trapped *t = trapped_of(c);
	enum sig_wait sig = target_signal(c->pid);
	bool now = sig == SIG_OWN || (sig == SIG_SHARED && t->shared_signal);

	/* A shared signal may be another thread's to take: one that is still
	 * there at the second look is this thread's. */
	t->shared_signal = sig == SIG_SHARED;
	if (!now && valid(c))
		return false;
	if (runner_of(c)->remote) {	/* its answer says what became of it */
		remote_cancel(c);
		return false;
	}
	if (!now)
		return true;
	/* signal(7): a call with a timeout is never restarted. */
	answer(c, c->give_up == NEVER ? -ERESTARTSYS : -EINTR);
	return true;
}

/* Those at the front, which go to the end. */
static void look_for_signals(struct calls *cs)
{
	struct list *last = cs->parked.prev, *l = NULL;

	for (int i = 0; i < LOOKS && l != last; i++) {
		struct call *c;

		l = list_pop(&cs->parked);
		if (!l)
			return;
		list_add_tail(&cs->parked, l);
		c = container_of(l, struct call, link);
		if (interrupted(c))
			call_free(c);
	}
}

static void parked_look(struct node *n)
{
	struct calls *cs = n->user;
	bool quiet = n->st->now - cs->parked_at > QUIET_AFTER;

	look_for_signals(cs);
	calls_late(cs);
	if (!list_empty(&cs->parked))
		n->alarm_at = MIN(n->alarm_at, n->st->now + (quiet ? QUIET_PERIOD : SIGNAL_PERIOD));
}

static void handle(struct runner *r, const struct seccomp_notif *n)
{
	struct trapped *t = xzalloc(sizeof(*t));

	t->id = n->id;
	call_init(&t->c, &r->calls, n->data.nr, (const uint64_t *)n->data.args);
	t->c.pid = (pid_t)n->pid;
	node_lock(r->calls.node);
	call_try(&t->c);
	node_unlock(r->calls.node);
}

static void *notifier(void *arg)
{
	struct runner *r = arg;
	struct pollfd pfd = { .fd = r->listener, .events = POLLIN };

	while (poll(&pfd, 1, -1) >= 0 || errno == EINTR) {
		struct seccomp_notif n;

		if (pfd.revents & POLLHUP)
			break;
		memset(&n, 0, sizeof(n));
		if (ioctl(r->listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0)
			handle(r, &n);
		else if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
			break;
	}
	node_lock(r->calls.node);
	r->orphaned = true;
	node_unlock(r->calls.node);
	node_kick(r->calls.node);
	return NULL;
}

int notify_start(struct runner *r)
{
	struct node *n = r->calls.node;

	calls_init(&r->calls, n, r->remote ? &remote_front : r->inject ? &inject_front : &front);
	n->user = &r->calls;
	n->alarm = parked_look;
	vsock_set_front(n, &ends);
	ioctl(r->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return -pthread_create(&r->notifier, NULL, notifier, r);
}

void notify_stop(struct runner *r)
{
	pthread_join(r->notifier, NULL);
	calls_end(&r->calls);
	target_forget(r);
	close(r->listener);
}
