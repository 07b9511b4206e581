/* native.c - kind native: ioth.h over a node in this process
 *
 * A descriptor given out is the program's end of a vsock, as for ioth run, but
 * the control calls are function calls. A call that must wait takes note of the
 * stack's change count and sleeps until it moves; the driver thread moves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/kind.h"
#include "node/native.h"
#include "node/vsock.h"

/* The stacks of this kind: a dup of a descriptor is looked up in each. */
static struct list stacks = LIST_INIT(stacks);
static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;

static int result(long ret)
{
	if (ret >= 0)
		return (int)ret;
	errno = (int)-ret;
	return -1;
}

static void changed(struct vsock *vs)
{
	struct native *s = vs->n->user;

	if (!vs->so)		/* closed: its number may be another's by now */
		fds_clear(vs->pid_fd, s->stack, vs->cookie);
	s->changes++;
	pthread_cond_broadcast(&s->moved);
}

/* The descriptor as it was given out, if it is still that socket. */
static int app_end(struct vsock *vs)
{
	int fd = fcntl(vs->pid_fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0 && vsock_of_fd(vs->n, fd) != vs) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static const struct vsock_front front = { changed, app_end };

static void *drive(void *arg)
{
	struct native *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
		node_drive(s->node);
	return NULL;
}

static int read_locators(const char *locators[], struct node_conf *conf)
{
	for (int i = 0; locators && locators[i]; i++) {
		if (i == NODE_IFS)
			return -EINVAL;
		conf->ifs[conf->n_if++].locator = locators[i];
	}
	return 0;
}

static int native_open(struct ioth *stack, const char *locators[], const char *options)
{
	struct node_conf conf = { .n_if = 0 };
	int ret = read_locators(locators, &conf);
	struct native *s;
	char *why;

	if (ret < 0)
		return ret;
	s = xzalloc(sizeof(*s));
	s->node = node_new(&conf, &why);
	if (!s->node) {
		err("%s", why);
		free(why);
		free(s);
		return -ENOENT;
	}
	s->stack = stack;
	s->node->user = s;
	stack->data = s;
	vsock_set_front(s->node, &front);
	pthread_cond_init(&s->moved, NULL);
	pthread_create(&s->driver, NULL, drive, s);
	pthread_mutex_lock(&stacks_lock);
	list_add_tail(&stacks, &s->link);
	pthread_mutex_unlock(&stacks_lock);
	return 0;
}

static bool in_use(struct node *n)
{
	for (struct map_node *m = map_next(&n->vsocks, NULL); m; m = map_next(&n->vsocks, m)) {
		if (container_of(m, struct vsock, node)->so)
			return true;
	}
	return false;
}

static int native_close(struct ioth *stack)
{
	struct native *s = stack->data;
	bool busy;

	node_lock(s->node);
	node_unlock(s->node);	/* what is due first: a close not yet seen */
	node_lock(s->node);
	loop_wait(s->node->loop, 0);
	node_unlock(s->node);
	node_lock(s->node);
	busy = in_use(s->node);
	node_unlock(s->node);
	if (busy)
		return -EBUSY;
	pthread_mutex_lock(&stacks_lock);
	list_del(&s->link);
	pthread_mutex_unlock(&stacks_lock);
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	node_kick(s->node);
	pthread_join(s->driver, NULL);
	pthread_cond_destroy(&s->moved);
	node_free(s->node);
	free(s);
	return 0;
}

static struct native *current(void)
{
	return kind_current->data;
}

/* The vsock of fd, its node locked; NULL: not one of the stack's. */
static struct vsock *enter(int fd)
{
	struct node *n = current()->node;
	struct vsock *vs;

	node_lock(n);
	vs = vsock_of_fd(n, fd);
	if (!vs)
		node_unlock(n);
	return vs;
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

		if (!has(s->node, fd))
			continue;
		found = s->stack;
		__atomic_add_fetch(&found->calls, 1, __ATOMIC_SEQ_CST);
		break;
	}
	pthread_mutex_unlock(&stacks_lock);
	return found;
}

static int leave(struct vsock *vs, long ret)
{
	node_unlock(vs->n);
	return result(ret);
}

/* Leaves the node until something has changed in it. The vsock is kept, though
 * another thread may close its descriptor: a call waits there. */
static void wait_change(struct vsock *vs)
{
	struct node *n = vs->n;
	struct native *s = n->user;
	uint64_t seen = s->changes;
	struct list call;

	list_add_tail(&vs->calls, &call);
	node_unlock(n);
	pthread_mutex_lock(&n->lock);
	while (seen == s->changes)
		pthread_cond_wait(&s->moved, &n->lock);
	pthread_mutex_unlock(&n->lock);
	node_lock(n);
	list_del(&call);
}

static bool nonblock(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* A pair's end becomes the caller's descriptor. */
static int give(struct vsock *vs, int fd, int flags)
{
	if (!(flags & SOCK_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
	if (flags & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	vs->pid_fd = fd;
	return fd;
}

static int native_socket(int domain, int type, int protocol)
{
	struct native *s = current();
	struct vsock *vs;
	int ret, fd;

	node_lock(s->node);
	ret = vsock_new(s->node, domain, type & 0xf, protocol, &vs, &fd);
	if (ret == 0)
		ret = give(vs, fd, type);
	node_unlock(s->node);
	return result(ret);
}

static int native_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct vsock *vs = enter(fd);
	struct endpoint ep;
	int ret;

	if (!vs)
		return result(-EBADF);
	ret = addr->sa_family == vs->family ? vname_bind(vs, addr, len, &ep) : -EAFNOSUPPORT;
	return leave(vs, ret < 0 ? ret : vsock_bind(vs, &ep));
}

static int native_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct vsock *vs = enter(fd);
	struct endpoint ep;
	int ret;

	if (!vs)
		return result(-EBADF);
	if (addr->sa_family == AF_UNSPEC)
		return leave(vs, vsock_disconnect(vs, fd));
	ret = ep_from_sockaddr(addr, len, &ep);
	if (ret == 0)
		ret = vsock_connect(vs, &ep, fd);
	while (ret == -EINPROGRESS && !nonblock(fd)) {
		ret = vsock_connect_result(vs);
		if (ret == -EINPROGRESS)
			wait_change(vs);
	}
	return leave(vs, ret);
}

static int native_listen(int fd, int backlog)
{
	struct vsock *vs = enter(fd);

	return vs ? leave(vs, vsock_listen(vs, backlog, fd)) : result(-EBADF);
}

static void put_name(const struct sockaddr_storage *ss, socklen_t n, struct sockaddr *addr,
		     socklen_t *len)
{
	if (!addr)
		return;
	memcpy(addr, ss, MIN(n, *len));
	*len = n;
}

static void put_addr(const struct endpoint *ep, int family, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage ss;

	put_name(&ss, ep_to_sockaddr(ep, family, &ss), addr, len);
}

static int native_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct vsock *vs = enter(fd), *nv;
	int ret, app;

	if (!vs)
		return result(-EBADF);
	while ((ret = vsock_accept(vs, &nv, &app)) == -EAGAIN && !nonblock(fd))
		wait_change(vs);
	if (ret == 0) {
		vsock_inherit(fd, app);
		vsock_accepted(vs, fd);
		put_addr(&nv->so->remote, vs->family, addr, len);
		ret = give(nv, app, flags);
	}
	return leave(vs, ret);
}

static int native_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return native_accept4(fd, addr, len, 0);
}

static int native_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct vsock *vs = enter(fd);
	struct sockaddr_storage ss;
	socklen_t n;
	int ret;

	if (!vs)
		return result(-EBADF);
	ret = vname_local(vs, &ss, &n);
	if (ret == 0)
		put_name(&ss, n, addr, len);
	return leave(vs, ret);
}

static int native_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct vsock *vs = enter(fd);
	struct endpoint ep;
	int ret;

	if (!vs)
		return result(-EBADF);
	ret = vsock_peer(vs, &ep);
	if (ret == 0)
		put_addr(&ep, vs->family, addr, len);
	return leave(vs, ret);
}

/* Timeouts and the like belong to the descriptor: the kernel keeps them on the
 * data path. */
static bool of_descriptor(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO ||
				       name == SO_RCVLOWAT || name == SO_OOBINLINE);
}

static int native_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct vsock *vs = enter(fd);

	if (!vs)
		return result(-EBADF);
	if (of_descriptor(level, name))
		return leave(vs, setsockopt(fd, level, name, value, len) < 0 ? -errno : 0);
	return leave(vs, vs->so ? sock_setopt(vs->so, level, name, value, len) : 0);
}

static int native_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct vsock *vs = enter(fd);

	if (!vs)
		return result(-EBADF);
	if (of_descriptor(level, name))
		return leave(vs, getsockopt(fd, level, name, value, len) < 0 ? -errno : 0);
	if (level == SOL_SOCKET && name == SO_ERROR) {
		int error = vsock_take_error(vs, fd);

		*len = MIN(*len, sizeof(error));
		memcpy(value, &error, *len);
		return leave(vs, 0);
	}
	return leave(vs, vs->so ? sock_getopt(vs->so, level, name, value, len) : -ENOTCONN);
}

static int native_shutdown(int fd, int how)
{
	struct vsock *vs = enter(fd);
	int ret = 0;

	if (!vs)
		return result(-EBADF);
	if (vs->type == SOCK_STREAM && !vs->connected && !vs->listening)
		ret = -ENOTCONN;
	else if (shutdown(fd, how) < 0)		/* the pump sees it */
		ret = -errno;
	return leave(vs, ret);
}

static ssize_t native_sendto(int fd, const void *buf, size_t len, int flags,
		    const struct sockaddr *addr, socklen_t addrlen)
{
	struct iovec iov = { (void *)buf, len };
	struct msg m = { .has_peer = true, .ttl = -1, .tos = -1 };
	struct vsock *vs = enter(fd);
	ssize_t ret;

	if (!vs)
		return result(-EBADF);
	if (vs->type == SOCK_STREAM || !addr) {
		leave(vs, 0);
		return send(fd, buf, len, flags);
	}
	ret = vname_dest(vs, addr, addrlen, &m);
	return leave(vs, ret < 0 ? ret : vsock_sendto(vs, &iov, 1, flags, &m));
}

static ssize_t native_recvfrom(int fd, void *buf, size_t len, int flags,
		      struct sockaddr *addr, socklen_t *addrlen)
{
	struct iovec iov = { buf, len };
	struct sockaddr_storage ss;
	struct msg m;

	for (;;) {
		struct vsock *vs = enter(fd);
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t ret;

		if (!vs)
			return result(-EBADF);
		if (vs->type == SOCK_STREAM) {
			leave(vs, 0);
			if (addr)
				*addrlen = 0;
			return recv(fd, buf, len, flags);
		}
		ret = vsock_recvfrom(vs, fd, &iov, 1, flags, &m);
		if (ret >= 0)
			put_name(&ss, vname_source(vs, &m, &ss), addr, addrlen);
		leave(vs, 0);
		if (ret != -EAGAIN || flags & MSG_DONTWAIT || nonblock(fd))
			return result(ret);
		poll(&pfd, 1, -1);
	}
}

static int native_ioctl(int fd, unsigned long cmd, void *arg)
{
	struct vsock *vs;
	int ret;

	if (!node_ioctl_size((uint32_t)cmd, AF_INET))
		return ioctl(fd, cmd, arg);
	vs = enter(fd);
	if (!vs)
		return result(-EBADF);
	ret = node_ioctl(vs->n, (uint32_t)cmd, vs->family, arg);
	return leave(vs, ret);
}

static int native_fcntl(int fd, int cmd, long arg)
{
	return fcntl(fd, cmd, arg);
}

static int native_sysctl(const char *name, const char *value)
{
	struct node *n = current()->node;
	int ret;

	node_lock(n);
	ret = stack_set(n->st, name, value);
	node_unlock(n);
	return result(ret);
}

const struct kind kind_native = {
	.name = "native", .open = native_open, .close = native_close,
	.f = {
		.socket = native_socket, .close = close, .bind = native_bind,
		.connect = native_connect, .listen = native_listen, .accept = native_accept,
		.getsockname = native_getsockname, .getpeername = native_getpeername,
		.setsockopt = native_setsockopt, .getsockopt = native_getsockopt,
		.shutdown = native_shutdown, .ioctl = native_ioctl, .fcntl = native_fcntl,
		.read = read, .readv = readv, .recv = recv, .recvfrom = native_recvfrom,
		.write = write, .writev = writev, .send = send, .sendto = native_sendto,
	},
	.more = { .accept4 = native_accept4, .sysctl = native_sysctl },
};
