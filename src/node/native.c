/* native.c - kind native: the project's own stack, a node in this process
 *
 * A descriptor given out is the program's end of a vsock, as for ioth run, but
 * calls are function calls: those that control (native_call.c) and those that move
 * bytes (native_io.c). Whoever waits in one drives the node meanwhile (node_wait).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/by_number.h"
#include "node/kind.h"
#include "node/native.h"
#include "node/vset.h"

#define READ_ON	50		/* us */

unsigned native_forks;

/* The stacks of this kind: a dup of a descriptor is looked up in each. */
static struct list stacks = LIST_INIT(stacks);
static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;

static int native_open(struct ioth *stack, const char *locators[], const char *options)
{
	struct node_conf conf = { .stood_in = true };
	char *own = options ? xstrdup(options) : NULL, *why = NULL;
	int ret = native_options(&conf, locators, own);
	struct native *s;

	s = xzalloc(sizeof(*s));
	if (ret == 0)
		s->node = node_new(&conf, &why);
	free(own);
	if (ret < 0) {
		free(s);
		return ret;
	}
	if (!s->node) {
		err("%s", why);
		free(why);
		free(s);
		return -ENOENT;
	}
	s->stack = stack;
	stack->data = s;
	native_calls_init(s);
	driver_add(s->node);
	if (conf.bare && vbare_open(s->node) < 0)
		info("plain=0: %s; all sockets have a pair", strerror(errno));
	s->lender = lender_new(s->node);
	pthread_mutex_lock(&stacks_lock);
	list_add_tail(&stacks, &s->link);
	pthread_mutex_unlock(&stacks_lock);
	node_lock(s->node);
	node_unlock(s->node);	/* somebody looks after it from here on */
	return 0;
}

static bool in_use(struct native *s)
{
	struct node *n = s->node;

	for (struct map_node *m = map_next(&n->vsocks, NULL); m; m = map_next(&n->vsocks, m)) {
		const struct vsock *vs = container_of(m, struct vsock, node);

		if (vs->so && (!vs->bare || vbare_is_open(vs)))
			return true;
	}
	return !list_empty(&s->calls.netlinks);
}

/* What was closed just now is seen first. */
static bool busy(struct native *s)
{
	bool ret;

	node_lock(s->node);
	node_unlock(s->node);
	node_lock(s->node);
	node_poll(s->node);
	node_unlock(s->node);
	node_lock(s->node);
	ret = in_use(s);
	node_unlock(s->node);
	return ret;
}

static int native_close(struct ioth *stack)
{
	struct native *s = stack->data;

	if (s->orphan)
		return -EPERM;
	if (busy(s))
		return -EBUSY;
	pthread_mutex_lock(&stacks_lock);
	list_del(&s->link);
	pthread_mutex_unlock(&stacks_lock);
	lender_end(s->lender);
	driver_del(s->node);
	node_free(s->node);
	free(s);
	return 0;
}

static bool has(struct node *n, int fd)
{
	bool found;

	node_lock(n);
	found = vsock_of_fd(n, fd) != NULL;
	pthread_mutex_unlock(&n->lock);
	return found;
}

struct ioth *native_of_dup(int fd)
{
	struct ioth *found = NULL;

	pthread_mutex_lock(&stacks_lock);
	list_for(l, &stacks) {
		struct native *s = container_of(l, struct native, link);

		if (s->orphan || !has(s->node, fd))
			continue;
		found = s->stack;
		__atomic_add_fetch(&found->calls, 1, __ATOMIC_SEQ_CST);
		break;
	}
	pthread_mutex_unlock(&stacks_lock);
	return found;
}

/* In the child: were our ends of the pairs open here as well, nobody would be told
 * when the parent closes them. */
static void orphan(struct native *s)
{
	struct node *n = s->node;

	s->orphan = true;
	vbare_close(n);
	for (struct map_node *m = map_next(&n->vsocks, NULL); m; m = map_next(&n->vsocks, m)) {
		const struct vsock *vs = container_of(m, struct vsock, node);

		if (vs->w.fd >= 0)
			close(vs->w.fd);
		if (vs->app >= 0)
			close(vs->app);
	}
}

/* The child's sockets are the pairs. Leaves n locked. */
static void share(struct node *n)
{
	node_lock(n);
	vspare_end(n);
	vlocal_share(n);
	node_unlock(n);		/* what was not passed on is */
	node_lock(n);
}

void native_fork(enum fork_when when)
{
	if (when == FORK_BEFORE)
		pthread_mutex_lock(&stacks_lock);
	if (when != FORK_BEFORE)
		vset_unlock();
	native_forks += when == FORK_CHILD;
	list_for(l, &stacks) {
		struct native *s = container_of(l, struct native, link);

		if (s->orphan)
			continue;
		if (when == FORK_BEFORE)
			share(s->node);
		else
			pthread_mutex_unlock(&s->node->lock);
		if (when == FORK_CHILD)
			orphan(s);
	}
	vpairs_fork(when == FORK_BEFORE, when == FORK_CHILD);
	driver_fork(when == FORK_BEFORE, when == FORK_CHILD);
	if (when == FORK_BEFORE)
		vset_lock();
	if (when != FORK_BEFORE)
		pthread_mutex_unlock(&stacks_lock);
}

/* --- the functions --- */

static struct native *current(void)
{
	return kind_current->data;
}

static int native_socket(int domain, int type, int protocol)
{
	bool netlink = domain == AF_NETLINK;

	if (domain == AF_INET || domain == AF_INET6 || domain == AF_PACKET ||
	    (netlink && (protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG)))
		return by_number_socket(domain, type, protocol);
	errno = netlink ? EPROTONOSUPPORT : EAFNOSUPPORT;
	return -1;
}

struct vsock *native_known(const struct node *n, int fd)
{
	const struct fd_entry *e = fds_at(fd);
	struct vsock *vs = NULL;

	if (fds_stack(e) == kind_current)
		vs = __atomic_load_n(&e->sock, __ATOMIC_RELAXED);
	return vs && vs->so && vs->n == n ? vs : NULL;
}

static struct vsock *look_up(struct node *n, int fd)
{
	struct fd_entry *e = fds_at(fd);
	struct vsock *vs = vbare_of_fd(n, fd);

	if (!vs)
		vs = vsock_of_fd(n, fd);
	if (vs && vs->so && fd == vs->pid_fd && fds_stack(e) == kind_current &&
	    __atomic_load_n(&e->id, __ATOMIC_RELAXED) == vs->cookie)
		__atomic_store_n(&e->sock, vs, __ATOMIC_RELAXED);
	return vs;
}

/* Datagrams that are there are read first: what is not taken yet waits in its sender's ring and
 * holds him back, where a full queue would lose it. */
static bool reads_on(const struct node *n, const struct vsock *vs)
{
	return vs && vs->type != SOCK_STREAM && n->st->now - n->used_at < READ_ON &&
	       sock_events(vs->so) & EV_IN;
}

bool native_is_ours(int fd)
{
	return fds_stack(fds_at(fd)) == kind_current;
}

struct vsock *native_find(struct node *n, int fd)
{
	struct vsock *vs = native_known(n, fd);

	return vs ? vs : look_up(n, fd);
}

struct vsock *native_enter(int fd)
{
	struct node *n = current()->node;
	struct vsock *vs;

	if (current()->orphan)
		return NULL;
	node_lock(n);
	if (!reads_on(n, native_known(n, fd)))
		node_look(n);
	vs = native_find(n, fd);
	if (!vs)
		node_unlock(n);
	return vs;
}

ssize_t native_leave(struct vsock *vs, ssize_t ret)
{
	node_unlock(vs->n);
	return libc_result(ret);
}

/* A netlink socket; or the stack is the parent's. */
static int end_other(struct native *s, int fd)
{
	int ret, error;

	if (s->orphan)
		return close(fd);
	node_lock(s->node);
	native_cancel_at(s, fd);
	ret = netlink_close(&s->calls, fd);
	error = errno;
	node_unlock(s->node);
	errno = error;
	return ret;
}

/* The pair tells whether that was the last descriptor of it. */
static int native_end(int fd)
{
	int error = errno, ret;		/* what succeeds leaves errno alone */
	struct vsock *vs = native_enter(fd);

	if (vs) {
		native_cancel_at(current(), fd);
		ret = vlocal_close(vs, fd);
	} else {
		ret = end_other(current(), fd);
	}
	if (ret < 0)
		error = errno;
	if (vs)
		node_unlock(vs->n);
	errno = error;
	return ret;
}

static bool is_inherited(int level, int name)
{
	return level == SOL_SOCKET &&
	       (name == SO_OOBINLINE || name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW ||
		name == SO_SNDTIMEO_OLD || name == SO_SNDTIMEO_NEW);
}

int native_dress(int fd)
{
	struct native *s = current();
	struct vsock *vs;
	int ret;

	if (s->orphan || s->node->bare < 0)
		return 0;
	node_lock(s->node);
	vs = native_find(s->node, fd);
	ret = vs ? vbare_dress(vs) : 0;
	node_unlock(s->node);
	return (int)libc_result(ret);
}

/* What is not yet the kernel's to keep. */
static struct vsock *enter_bare(int fd)
{
	struct vsock *vs = current()->node->bare < 0 ? NULL : native_enter(fd);

	if (!vs || vs->bare)
		return vs;
	node_unlock(vs->n);
	return NULL;
}

static int flags_of(struct vsock *vs, int cmd, long arg)
{
	if (cmd == F_SETFL)
		vs->nonblock = arg & O_NONBLOCK;
	return cmd == F_SETFL ? 0 : O_RDWR | (vs->nonblock ? O_NONBLOCK : 0);
}

/* To be inherited by another program it has to be a descriptor like any other. */
static int fcntl_of(struct vsock *vs, int fd, int cmd, long arg)
{
	bool may_stay = cmd == F_GETFD || (cmd == F_SETFD && arg & FD_CLOEXEC);
	int ret = may_stay ? 0 : vbare_dress(vs);

	if (ret < 0)
		return ret;
	ret = fcntl(fd, cmd, arg);
	return ret < 0 ? -errno : ret;
}

/* With the lock, as who closes a number has it, too: what has the number next may be an end of
 * ours, which would stop us were it to block. */
static int native_fcntl(int fd, int cmd, ...)
{
	struct vsock *vs = native_enter(fd);
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	if (!vs)
		return native_is_ours(fd) ? fcntl(fd, cmd, arg) : (int)libc_result(-EBADF);
	if (vs->bare && (cmd == F_GETFL || (cmd == F_SETFL && !(arg & O_ASYNC))))
		return (int)native_leave(vs, flags_of(vs, cmd, arg));
	return (int)native_leave(vs, fcntl_of(vs, fd, cmd, arg));
}

static int block(struct vsock *vs, int fd, int *off)
{
	if (vs->bare)
		vs->nonblock = *off;
	return vs->bare || ioctl(fd, FIONBIO, off) == 0 ? 0 : -errno;
}

static int native_ioctl(int fd, unsigned long cmd, ...)
{
	struct vsock *vs = cmd == FIONBIO ? native_enter(fd) : NULL;
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (vs)
		return (int)native_leave(vs, block(vs, fd, arg));
	return cmd != FIONBIO || native_is_ours(fd) ? by_number_ioctl(fd, cmd, arg) :
					       (int)libc_result(-EBADF);
}

static void keeps(int fd)
{
	struct vsock *vs = native_enter(fd);

	if (!vs)
		return;
	vs->keeps = true;
	node_unlock(vs->n);
}

/* Linux does not wait with a negative one; but the kernel tells of it as of none at all. */
static const void *as_long_as(const void *value, socklen_t len)
{
	static const struct timeval no_time = { 0, 1 };
	struct timeval tv = { 0, 0 };

	if (len >= sizeof(tv) && value)
		memcpy(&tv, value, sizeof(tv));
	return tv.tv_sec < 0 && tv.tv_usec >= 0 && tv.tv_usec < USEC_PER_SEC ? &no_time : value;
}

static int native_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct vsock *vs = vbare_is_timeo(level, name) ? enter_bare(fd) : NULL;
	int ret;

	if (vbare_is_timeo(level, name))
		value = as_long_as(value, len);
	if (vs)
		return (int)native_leave(vs, vbare_set_timeo(vs, name, value, len));
	ret = by_number_setsockopt(fd, level, name, value, len);
	if (ret == 0 && is_inherited(level, name))
		keeps(fd);
	return ret;
}

static int native_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct vsock *vs = vbare_is_timeo(level, name) ? enter_bare(fd) : NULL;

	if (vs)
		return (int)native_leave(vs, vbare_get_timeo(vs, name, value, len));
	return by_number_getsockopt(fd, level, name, value, len);
}

static int native_sysctl(const char *name, const char *value)
{
	struct native *s = current();
	int ret = -EOPNOTSUPP;

	if (!s->orphan) {
		node_lock(s->node);
		ret = stack_set(s->node->st, name, value);
		node_unlock(s->node);
	}
	return libc_result(ret);
}

const struct kind kind_native = {
	.name = "native", .open = native_open, .close = native_close,
	.call = native_call,
	.f = {
		.socket = native_socket, .close = native_end, .bind = by_number_bind,
		.connect = by_number_connect, .listen = by_number_listen, .accept = by_number_accept,
		.getsockname = by_number_getsockname, .getpeername = by_number_getpeername,
		.setsockopt = native_setsockopt, .getsockopt = native_getsockopt,
		.shutdown = by_number_shutdown, .ioctl = native_ioctl, .fcntl = native_fcntl,
		.read = native_read, .readv = native_readv, .recv = native_recv,
		.recvfrom = native_recvfrom, .recvmsg = native_recvmsg, .write = native_write,
		.writev = native_writev, .send = native_send, .sendto = native_sendto, .sendmsg = native_sendmsg,
	},
	.more = {
		.accept4 = by_number_accept4, .recvmmsg = native_recvmmsg,
		.sendmmsg = native_sendmmsg, .sendfile = native_sendfile,
		.splice = native_splice,
		.sysctl = native_sysctl, .statistics = native_statistics,
		.resolvconf = native_resolvconf, .config = native_config,
		.newconf = native_newconf, .recv_lend = native_recv_lend,
		.send_lend = native_send_lend, .send_lent = native_send_lent,
	},
};
