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
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "run/run.h"

#define ERESTARTSYS	512	/* the kernel's, not for programs */
#define SIGNAL_PERIOD	(10 * USEC_PER_MSEC)
#define QUIET_PERIOD	(40 * USEC_PER_MSEC)
#define QUIET_AFTER	(1 * USEC_PER_SEC)	/* without a new call that waits */
#define LOOKS		32			/* at a time */

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

bool call_valid(const struct call *c)
{
	uint64_t id = c->n.id;

	return ioctl(c->r->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int call_give(struct call *c, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = c->n.id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int ret = ioctl(c->r->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	return ret < 0 ? -errno : ret;
}

int call_replace(struct call *c, int at, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = c->n.id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd,
		.newfd = (uint32_t)at, .newfd_flags = cloexec ? O_CLOEXEC : 0,
	};

	return ioctl(c->r->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

long call_give_fd(struct call *c, struct vsock *vs, int fd, bool cloexec)
{
	int ret = call_give(c, fd, cloexec);

	if (ret < 0)
		return ret;
	vs->pid = (pid_t)c->n.pid;
	vs->pid_fd = ret;
	return CALL_ANSWERED;
}

/* Our duplicate of the descriptor goes first: a close() that follows is then the
 * last one. */
static void answer(struct call *c, long value)
{
	struct seccomp_notif_resp resp = { .id = c->n.id };

	if (c->app >= 0)
		close(c->app);
	c->app = -1;
	if (value == CALL_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		resp.error = (int)value;
	else
		resp.val = value;
	if (ioctl(c->r->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 && errno != ENOENT)
		err("answering %s of thread %u: %s", c->trap->name, c->n.pid, strerror(errno));
}

static void call_free(struct call *c)
{
	list_del(&c->link);
	list_del(&c->wait);
	if (c->app >= 0)
		close(c->app);
	free(c);
}

static void call_try(struct call *c)
{
	long ret = c->trap->handle(c);
	struct nlsock *nl = ret == CALL_CONTINUE ? netlink_of(c) : NULL;

	if (nl)
		ret = netlink_call(c, nl);

	if (ret == CALL_PARK) {
		struct node *n = c->r->node;

		if (list_empty(&c->link)) {
			list_add_tail(&c->r->parked, &c->link);
			c->r->parked_at = n->st->now;
			list_add_tail(c->waits ? c->waits : &c->vs->calls, &c->wait);
		}
		n->alarm_at = MIN(n->alarm_at, n->st->now + SIGNAL_PERIOD);
		return;
	}
	debug("%u %s = %ld", c->n.pid, c->trap->name, ret);
	if (ret != CALL_ANSWERED)
		answer(c, ret);
	call_free(c);
}

void call_again(struct list *calls)
{
	struct list again;

	list_init(&again);
	list_splice_tail(&again, calls);
	while (!list_empty(&again)) {
		struct call *c = list_first(&again, struct call, wait);

		list_del(&c->wait);
		list_add_tail(calls, &c->wait);
		call_try(c);
	}
}

/* vs has news: the calls that wait on it try again. */
static void changed(struct vsock *vs)
{
	call_again(&vs->calls);
}

static const struct vsock_front front = { changed, target_find_end };

/* True if the call was ended by a signal (or its task has gone). */
static bool interrupted(struct call *c)
{
	enum sig_wait sig = target_signal(c);
	bool now = sig == SIG_OWN || (sig == SIG_SHARED && c->shared_signal);

	/* A shared signal may be another thread's to take: one that is still
	 * there at the second look is this thread's. */
	c->shared_signal = sig == SIG_SHARED;
	if (!now)
		return !call_valid(c);
	/* signal(7): a call with a timeout is never restarted. */
	answer(c, c->give_up == NEVER ? -ERESTARTSYS : -EINTR);
	return true;
}

/* Those at the front, which go to the end. */
static void look_for_signals(struct runner *r)
{
	struct list *last = r->parked.prev, *l = NULL;

	for (int i = 0; i < LOOKS && l != last; i++) {
		struct call *c;

		l = list_pop(&r->parked);
		if (!l)
			return;
		list_add_tail(&r->parked, l);
		c = container_of(l, struct call, link);
		if (interrupted(c))
			call_free(c);
	}
}

static void parked_look(struct node *n)
{
	struct runner *r = n->user;
	bool quiet = n->st->now - r->parked_at > QUIET_AFTER;

	look_for_signals(r);
	list_for_safe(l, &r->parked) {
		struct call *c = container_of(l, struct call, link);

		if (c->give_up <= n->st->now)
			call_try(c);
		else
			n->alarm_at = MIN(n->alarm_at, c->give_up);
	}
	if (!list_empty(&r->parked))
		n->alarm_at = MIN(n->alarm_at, n->st->now + (quiet ? QUIET_PERIOD : SIGNAL_PERIOD));
}

static const struct trap *trap_of(int nr)
{
	const struct trap *t = traps;

	while (t->nr >= 0 && t->nr != nr)
		t++;
	return t;
}

static void handle(struct runner *r, const struct seccomp_notif *n)
{
	struct call *c = xzalloc(sizeof(*c));

	*c = (struct call){ .r = r, .n = *n, .trap = trap_of(n->data.nr), .app = -1,
			    .give_up = NEVER };
	list_init(&c->link);
	list_init(&c->wait);
	node_lock(r->node);
	call_try(c);
	node_unlock(r->node);
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
	node_lock(r->node);
	r->orphaned = true;
	node_unlock(r->node);
	node_kick(r->node);
	return NULL;
}

int notify_start(struct runner *r)
{
	list_init(&r->parked);
	list_init(&r->netlinks);
	list_init(&r->rings);
	r->node->user = r;
	r->node->alarm = parked_look;
	vsock_set_front(r->node, &front);
	ioctl(r->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return -pthread_create(&r->notifier, NULL, notifier, r);
}

void notify_stop(struct runner *r)
{
	pthread_join(r->notifier, NULL);
	while (!list_empty(&r->parked))
		call_free(list_first(&r->parked, struct call, link));
	target_forget(r);
	close(r->listener);
}
