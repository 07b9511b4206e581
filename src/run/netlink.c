/* netlink.c - AF_NETLINK sockets of the program: the node's links and addresses
 *
 * The program's end is one of a SEQPACKET pair, like a datagram socket's; what
 * it writes is answered by rtnl.c. Only names and addressed calls are trapped:
 * bind, connect, getsockname, sendto, sendmsg, recvfrom, recvmsg.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/rtnl.h"
#include "run/run.h"

#define ARG(c, i) ((c)->n.data.args[i])

struct nlsock {
	struct list	link;		/* runner->netlinks */
	struct watch	w;		/* our end */
	struct runner	*r;
	uint64_t	cookie;		/* of the program's end */
	uint32_t	pid;		/* its netlink address */
};

static void nl_free(struct nlsock *nl)
{
	loop_unwatch(nl->r->node->loop, &nl->w);
	close(nl->w.fd);
	list_del(&nl->link);
	free(nl);
}

static void emit(void *ctx, const void *buf, size_t len)
{
	struct nlsock *nl = ctx;

	if (send(nl->w.fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;		/* a program that does not read loses its answers */
}

static void nl_ready(struct watch *w, uint32_t events)
{
	struct nlsock *nl = container_of(w, struct nlsock, w);
	union { struct nlmsghdr align; uint8_t b[RTNL_BUF]; } req;
	ssize_t len = recv(w->fd, &req, sizeof(req), MSG_DONTWAIT);

	if (len > 0)
		rtnl_answer(nl->r->node->st, &req, (size_t)len, nl->pid, emit, nl);
	else if (events & (EPOLLHUP | EPOLLERR) || (len == 0 && events & EPOLLRDHUP))
		nl_free(nl);
}

long netlink_socket(struct call *c)
{
	int type = (int)ARG(c, 1), fd[2];
	socklen_t len = sizeof(uint64_t);
	struct nlsock *nl;
	long ret;

	if ((type & 0xf) != SOCK_RAW && (type & 0xf) != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	if (type & SOCK_NONBLOCK)
		fcntl(fd[1], F_SETFL, O_NONBLOCK);
	nl = xzalloc(sizeof(*nl));
	*nl = (struct nlsock){ .r = c->r, .pid = c->n.pid, .w = { .fd = fd[0], .ready = nl_ready } };
	getsockopt(fd[1], SOL_SOCKET, SO_COOKIE, &nl->cookie, &len);
	list_add_tail(&c->r->netlinks, &nl->link);
	loop_watch(c->r->node->loop, &nl->w, EPOLLIN | EPOLLRDHUP);
	ret = call_give(c, fd[1], type & SOCK_CLOEXEC);
	close(fd[1]);
	if (ret < 0)
		nl_free(nl);
	return ret < 0 ? ret : CALL_ANSWERED;
}

struct nlsock *netlink_of(const struct call *c)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (c->app < 0 || list_empty(&c->r->netlinks) ||
	    getsockopt(c->app, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return NULL;
	list_for(l, &c->r->netlinks) {
		struct nlsock *nl = container_of(l, struct nlsock, link);

		if (nl->cookie == cookie)
			return nl;
	}
	return NULL;
}

/* bind, connect: an address chosen by the program is kept. */
static long nl_bind(struct call *c, struct nlsock *nl)
{
	struct sockaddr_nl sa;

	if ((uint32_t)ARG(c, 2) < sizeof(sa))
		return -EINVAL;
	if (target_read(c, ARG(c, 1), &sa, sizeof(sa)) < 0)
		return -EFAULT;
	if (sa.nl_family != AF_NETLINK)
		return -EINVAL;
	if (sa.nl_pid && c->n.data.nr == SYS_bind)
		nl->pid = sa.nl_pid;
	return 0;
}

static long put_name(const struct call *c, uint64_t addr, uint64_t lenp, uint32_t pid)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_pid = pid };
	int32_t room, len = sizeof(sa);

	if (!addr)
		return 0;
	if (target_read(c, lenp, &room, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (target_write(c, addr, &sa, (size_t)MIN(room, len)) < 0)
		return -EFAULT;
	return target_write(c, lenp, &len, sizeof(len));
}

/* The request goes to our end as if it had been written; answered here and now. */
static long nl_send(struct call *c, struct nlsock *nl, const struct iovec *iov, int n)
{
	union { struct nlmsghdr align; uint8_t b[RTNL_BUF]; } req;
	ssize_t len = target_gather(c, iov, n, &req, sizeof(req));

	if (len > 0)
		rtnl_answer(nl->r->node->st, &req, (size_t)len, nl->pid, emit, nl);
	return len;
}

static long nl_sendmsg(struct call *c, struct nlsock *nl)
{
	struct iovec iov[8];
	struct msghdr mh;

	if (target_read(c, ARG(c, 1), &mh, sizeof(mh)) < 0)
		return -EFAULT;
	if (mh.msg_iovlen > ARRAY_LEN(iov))
		return -EMSGSIZE;
	if (target_read(c, (uintptr_t)mh.msg_iov, iov, mh.msg_iovlen * sizeof(iov[0])) < 0)
		return -EFAULT;
	return nl_send(c, nl, iov, (int)mh.msg_iovlen);
}

/* One datagram of the answer into the program's buffers; *whole is its length. */
static long nl_recv(struct call *c, const struct iovec *iov, int n, int flags, size_t *whole)
{
	uint8_t buf[RTNL_BUF];
	size_t room = 0;
	ssize_t len = recv(c->app, buf, sizeof(buf), MSG_DONTWAIT | (flags & MSG_PEEK));

	if (len < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		room += iov[i].iov_len;
	*whole = (size_t)len;
	if (target_scatter(c, iov, n, buf, MIN((size_t)len, room)) < 0)
		return -EFAULT;
	return flags & MSG_TRUNC ? len : (long)MIN((size_t)len, room);
}

static long nl_recvmsg(struct call *c)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	struct iovec iov[8];
	struct msghdr mh;
	size_t whole = 0, room = 0;
	long len;

	if (target_read(c, ARG(c, 1), &mh, sizeof(mh)) < 0)
		return -EFAULT;
	if (mh.msg_iovlen > ARRAY_LEN(iov))
		return -EMSGSIZE;
	if (target_read(c, (uintptr_t)mh.msg_iov, iov, mh.msg_iovlen * sizeof(iov[0])) < 0)
		return -EFAULT;
	for (size_t i = 0; i < mh.msg_iovlen; i++)
		room += iov[i].iov_len;
	len = nl_recv(c, iov, (int)mh.msg_iovlen, (int)ARG(c, 2), &whole);
	if (len < 0)
		return len;
	if (mh.msg_name && target_write(c, (uintptr_t)mh.msg_name, &from,
					MIN(sizeof(from), mh.msg_namelen)) < 0)
		return -EFAULT;
	mh.msg_namelen = sizeof(from);
	mh.msg_controllen = 0;
	mh.msg_flags = whole > room ? MSG_TRUNC : 0;
	return target_write(c, ARG(c, 1), &mh, sizeof(mh)) < 0 ? -EFAULT : len;
}

static long nl_recvfrom(struct call *c)
{
	struct iovec one = { (void *)(uintptr_t)ARG(c, 1), ARG(c, 2) };
	size_t whole;
	long ret = nl_recv(c, &one, 1, (int)ARG(c, 3), &whole);

	if (ret >= 0 && put_name(c, ARG(c, 4), ARG(c, 5), 0) < 0)
		return -EFAULT;
	return ret;
}

/* Everything is answered at once: who still waits, waits for a notification,
 * which there is none of, in the kernel. */
static long or_sleep(struct call *c, long ret)
{
	return ret == -EAGAIN && !call_nonblock(c) ? CALL_CONTINUE : ret;
}

long netlink_call(struct call *c, struct nlsock *nl)
{
	struct iovec one = { (void *)(uintptr_t)ARG(c, 1), ARG(c, 2) };

	switch (c->n.data.nr) {
	case SYS_bind:
	case SYS_connect:
		return nl_bind(c, nl);
	case SYS_getsockname:
		return put_name(c, ARG(c, 1), ARG(c, 2), nl->pid);
	case SYS_getpeername:
		return put_name(c, ARG(c, 1), ARG(c, 2), 0);
	case SYS_sendto:
		return nl_send(c, nl, &one, 1);
	case SYS_sendmsg:
		return nl_sendmsg(c, nl);
	case SYS_recvmsg:
		return or_sleep(c, nl_recvmsg(c));
	case SYS_recvfrom:
		return or_sleep(c, nl_recvfrom(c));
	}
	return CALL_CONTINUE;
}
