/* api.c - ioth.h over nodes in this process
 *
 * A descriptor given out is the program's end of a vsock, as for ioth run, but
 * the control calls are function calls. A call that must wait takes note of the
 * stack's change count and sleeps until it moves; the driver thread moves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "ioth.h"
#include "node/vsock.h"

struct ioth {
	struct list	link;
	struct node	*node;
	pthread_t	driver;
	pthread_cond_t	moved;
	uint64_t	changes;
	bool		stop;
};

/* The stacks of the process: a descriptor is looked up in each. */
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
	struct ioth *s = vs->n->user;

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
	struct ioth *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
		node_drive(s->node);
	return NULL;
}

struct ioth *ioth_newstackv(const char *kind, const char *locators[])
{
	struct node_conf conf = { .n_if = 0 };
	struct ioth *s;
	char *why;

	if (!kind || strcmp(kind, "native") != 0) {
		errno = ENOTSUP;
		return NULL;
	}
	for (int i = 0; locators && locators[i]; i++) {
		if (i == NODE_IFS) {
			errno = EINVAL;
			return NULL;
		}
		conf.ifs[conf.n_if++].locator = locators[i];
	}
	s = xzalloc(sizeof(*s));
	s->node = node_new(&conf, &why);
	if (!s->node) {
		err("%s", why);
		free(why);
		free(s);
		errno = ENOENT;
		return NULL;
	}
	s->node->user = s;
	vsock_set_front(s->node, &front);
	pthread_cond_init(&s->moved, NULL);
	pthread_create(&s->driver, NULL, drive, s);
	pthread_mutex_lock(&stacks_lock);
	list_add_tail(&stacks, &s->link);
	pthread_mutex_unlock(&stacks_lock);
	return s;
}

struct ioth *ioth_newstack(const char *kind, const char *locator)
{
	return ioth_newstackv(kind, (const char *[]){ locator, NULL });
}

static bool in_use(struct node *n)
{
	for (struct map_node *m = map_next(&n->vsocks, NULL); m; m = map_next(&n->vsocks, m)) {
		if (container_of(m, struct vsock, node)->so)
			return true;
	}
	return false;
}

int ioth_delstack(struct ioth *s)
{
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
		return result(-EBUSY);
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

/* The vsock of fd, its node locked; NULL: not ours. */
static struct vsock *enter(int fd)
{
	struct vsock *vs = NULL;

	pthread_mutex_lock(&stacks_lock);
	list_for(l, &stacks) {
		struct node *n = container_of(l, struct ioth, link)->node;

		node_lock(n);
		vs = vsock_of_fd(n, fd);
		if (vs)
			break;
		pthread_mutex_unlock(&n->lock);
	}
	pthread_mutex_unlock(&stacks_lock);
	return vs;
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
	struct ioth *s = n->user;
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

int ioth_msocket(struct ioth *s, int domain, int type, int protocol)
{
	struct vsock *vs;
	int ret, fd;

	node_lock(s->node);
	ret = vsock_new(s->node, domain, type & 0xf, protocol, &vs, &fd);
	if (ret == 0)
		ret = give(vs, fd, type);
	node_unlock(s->node);
	return result(ret);
}

int ioth_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct vsock *vs = enter(fd);
	struct endpoint ep;
	int ret;

	if (!vs)
		return result(-EBADF);
	ret = addr->sa_family == vs->family ? vname_bind(vs, addr, len, &ep) : -EAFNOSUPPORT;
	return leave(vs, ret < 0 ? ret : vsock_bind(vs, &ep));
}

int ioth_connect(int fd, const struct sockaddr *addr, socklen_t len)
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

int ioth_listen(int fd, int backlog)
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

int ioth_accept(int fd, struct sockaddr *addr, socklen_t *len)
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
		ret = give(nv, app, 0);
	}
	return leave(vs, ret);
}

int ioth_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
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

int ioth_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
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

int ioth_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct vsock *vs = enter(fd);

	if (!vs)
		return result(-EBADF);
	if (of_descriptor(level, name))
		return leave(vs, setsockopt(fd, level, name, value, len) < 0 ? -errno : 0);
	return leave(vs, vs->so ? sock_setopt(vs->so, level, name, value, len) : 0);
}

int ioth_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
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

int ioth_shutdown(int fd, int how)
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

ssize_t ioth_sendto(int fd, const void *buf, size_t len, int flags,
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

ssize_t ioth_recvfrom(int fd, void *buf, size_t len, int flags,
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

/* --- configuration --- */

static struct ip_addr addr_of(int family, const void *p)
{
	return family == AF_INET ? ip_from_v4(p) : ip_from_v6(p);
}

unsigned ioth_if_nametoindex(struct ioth *s, const char *ifname)
{
	struct netif *nif;
	unsigned index = 0;

	node_lock(s->node);
	nif = netif_by_name(s->node->st, ifname);
	if (nif)
		index = nif->index;
	else
		errno = ENODEV;
	node_unlock(s->node);
	return index;
}

static int addr_change(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex,
		       int (*change)(struct netif *, const struct ip_addr *, unsigned))
{
	struct netif *nif;
	struct ip_addr a;
	int ret = -ENODEV;

	if ((family != AF_INET && family != AF_INET6) || prefix < 0 ||
	    prefix > (family == AF_INET ? 32 : 128))
		return result(-EINVAL);
	a = addr_of(family, addr);
	node_lock(s->node);
	nif = netif_by_index(s->node->st, ifindex);
	if (nif)
		ret = change(nif, &a, (unsigned)prefix);
	node_unlock(s->node);
	return result(ret);
}

int ioth_ipaddr_add(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	return addr_change(s, family, addr, prefix, ifindex, netif_addr_add);
}

int ioth_ipaddr_del(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	return addr_change(s, family, addr, prefix, ifindex, netif_addr_del);
}

static int route_change(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
			unsigned ifindex, int (*change)(struct stack *, const struct route *))
{
	struct route r = { .metric = 1024 };
	int ret = -ENODEV;

	if ((family != AF_INET && family != AF_INET6) || prefix < 0 ||
	    prefix > (family == AF_INET ? 32 : 128))
		return result(-EINVAL);
	if (dst) {
		r.dst = addr_of(family, dst);
		r.len = (uint8_t)prefix;
	} else {
		r.dst = family == AF_INET ? IP4_ANY : IP6_ANY;
	}
	if (gw)
		r.gw = addr_of(family, gw);
	node_lock(s->node);
	r.nif = netif_by_index(s->node->st, ifindex);
	if (r.nif)
		ret = change(s->node->st, &r);
	node_unlock(s->node);
	return result(ret);
}

int ioth_iproute_add(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, family, dst, prefix, gw, ifindex, route_add);
}

int ioth_iproute_del(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, family, dst, prefix, gw, ifindex, route_del);
}

int ioth_sysctl(struct ioth *s, const char *name, const char *value)
{
	int ret;

	node_lock(s->node);
	ret = stack_set(s->node->st, name, value);
	node_unlock(s->node);
	return result(ret);
}
