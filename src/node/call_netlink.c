/* call_netlink.c - AF_NETLINK sockets of the program: the node's own
 *
 * The program's end is one of a SEQPACKET pair, like a packet socket's; what
 * it writes is answered by node/rtnl.c. Trapped are names, options and the calls
 * with an address: a message that is sent so is answered before the call
 * returns. Answers that the pair has no room for wait here; news that has none is
 * lost, and the next call that reads says so (ENOBUFS).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stranger.h"
#include "node/rtnl.h"
#include "node/call.h"

#define REQ_MAX		65536		/* of one datagram, as the program may send */
#define OUR_SNDBUF	(1 << 20)
#define HELD_MAX	(1u << 20)	/* bytes of answers nobody reads */
#define DRAIN		64		/* requests at a time */

struct waiting {
	struct list	link;
	size_t		len;
	uint8_t		buf[];
};

struct nlsock {
	struct list	link;		/* calls->netlinks */
	struct nlpeer	peer;
	struct watch	w;		/* our end */
	struct calls	*of;
	uint64_t	cookie;		/* of the program's end */
	size_t		held;		/* bytes in waiting */
	struct list	waiting;	/* answers */
	struct list	calls;		/* that wait for something to read */
	void		*owner;		/* front end */
	bool		overrun;	/* news was lost */
	int		type;
};

static void nl_free(struct nlsock *nl)
{
	struct list *l;

	rtnl_close(&nl->peer);
	loop_unwatch(nl->of->node->loop, &nl->w);
	close(nl->w.fd);
	list_del(&nl->link);
	while ((l = list_pop(&nl->waiting)))
		free(container_of(l, struct waiting, link));
	call_again(&nl->calls);	/* none finds it any more: the kernel says how it ends */
	if (nl->owner)
		nl->of->front->lost(nl->of, nl->owner);
	free(nl);
}

static bool put(struct nlsock *nl, const void *buf, size_t len)
{
	return send(nl->w.fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EPIPE;
}

static void keep(struct nlsock *nl, const void *buf, size_t len)
{
	struct waiting *wa = xmalloc(sizeof(*wa) + len);

	wa->len = len;
	nl->held += len;
	memcpy(wa->buf, buf, len);
	list_add_tail(&nl->waiting, &wa->link);
	loop_watch(nl->of->node->loop, &nl->w, EPOLLRDHUP | EPOLLOUT);
}

static void emit(struct nlpeer *p, const void *buf, size_t len, bool news)
{
	struct nlsock *nl = container_of(p, struct nlsock, peer);

	if (!list_empty(&nl->waiting) || !put(nl, buf, len)) {
		if (!news)
			keep(nl, buf, len);
		nl->overrun |= news;
		return;
	}
	call_again(&nl->calls);
}

static void flush(struct nlsock *nl)
{
	struct waiting *wa;

	while ((wa = list_first(&nl->waiting, struct waiting, link)) && put(nl, wa->buf, wa->len)) {
		list_del(&wa->link);
		nl->held -= wa->len;
		free(wa);
	}
	if (list_empty(&nl->waiting))
		loop_watch(nl->of->node->loop, &nl->w, EPOLLIN | EPOLLRDHUP);
	call_again(&nl->calls);
}

/* What was written without an address, while the answers are being read. */
static void drain(struct nlsock *nl)
{
	uint8_t *req = xmalloc(REQ_MAX);
	ssize_t len = 0;

	for (int i = 0; i < DRAIN && len >= 0 && list_empty(&nl->waiting); i++) {
		len = recv(nl->w.fd, req, REQ_MAX, MSG_DONTWAIT);
		if (len > 0)
			rtnl_request(&nl->peer, req, (size_t)len);
	}
	free(req);
}

static void nl_ready(struct watch *w, uint32_t events)
{
	struct nlsock *nl = container_of(w, struct nlsock, w);

	drain(nl);
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		nl_free(nl);
	else if (events & EPOLLOUT)
		flush(nl);
}

static struct nlsock *nl_new(struct call *c, int fd, int app)
{
	struct nlsock *nl = xzalloc(sizeof(*nl));
	int room = OUR_SNDBUF;
	socklen_t len = sizeof(nl->cookie);

	*nl = (struct nlsock){
		.of = c->of, .w = { .fd = fd, .ready = nl_ready }, .type = (int)ARG(c, 1) & 0xf,
		.peer = { .n = c->of->node, .proto = (int)ARG(c, 2), .emit = emit,
			  .opens = c->of->front->own },
	};
	list_init(&nl->waiting);
	list_init(&nl->calls);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (c->of->node->front && c->of->node->front->whose)
		stranger_no_files(fd);
	getsockopt(app, SOL_SOCKET, SO_COOKIE, &nl->cookie, &len);
	nl->peer.reads = c->plain;
	rtnl_open(&nl->peer, (uint32_t)c->pid);
	list_add_tail(&c->of->netlinks, &nl->link);
	loop_watch(c->of->node->loop, &nl->w, EPOLLIN | EPOLLRDHUP);
	return nl;
}

/* The node first does what was written before, by whoever. */
long netlink_socket(struct call *c)
{
	int type = (int)ARG(c, 1), fd[2];
	struct nlsock *nl;
	long ret;

	if ((type & 0xf) != SOCK_RAW && (type & 0xf) != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	node_poll(c->of->node);
	ret = vpair(c->of->node, type & 0xf, fd);
	if (ret < 0)
		return ret;
	if (type & SOCK_NONBLOCK)
		fcntl(fd[1], F_SETFL, O_NONBLOCK);
	nl = nl_new(c, fd[0], fd[1]);
	ret = call_give(c, fd[1], type & SOCK_CLOEXEC);
	close(fd[1]);
	if (ret < 0)
		nl_free(nl);
	else
		nl->owner = c->owner;
	return ret < 0 ? ret : CALL_ANSWERED;
}

void netlink_end(struct calls *cs)
{
	while (!list_empty(&cs->netlinks))
		nl_free(list_first(&cs->netlinks, struct nlsock, link));
}

struct nlsock *netlink_of_fd(const struct calls *cs, int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || list_empty(&cs->netlinks) ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return NULL;
	list_for(l, &cs->netlinks) {
		struct nlsock *nl = container_of(l, struct nlsock, link);

		if (nl->cookie == cookie)
			return nl;
	}
	return NULL;
}

struct nlsock *netlink_of(const struct call *c)
{
	return netlink_of_fd(c->of, c->app);
}

/* Our end is not watched meanwhile: its hang-up would wake who looks after the node. */
int netlink_close(struct calls *cs, int fd)
{
	struct nlsock *nl = netlink_of_fd(cs, fd);
	uint32_t events = nl ? nl->w.events : 0;
	struct pollfd end = { .fd = nl ? nl->w.fd : -1 };
	int ret;

	if (nl)
		loop_unwatch(cs->node->loop, &nl->w);
	ret = close(fd);
	if (nl && poll(&end, 1, 0) > 0)
		nl_ready(&nl->w, EPOLLHUP);
	else if (nl)
		loop_watch(cs->node->loop, &nl->w, events);
	return ret;
}

/* --- names --- */

/* bind, connect: an address chosen by the program is kept. */
static long nl_bind(struct call *c, struct nlsock *nl)
{
	struct sockaddr_nl sa;

	if ((uint32_t)ARG(c, 2) < sizeof(sa))
		return -EINVAL;
	if (call_read(c, ARG(c, 1), &sa, sizeof(sa)) < 0)
		return -EFAULT;
	if (sa.nl_family != AF_NETLINK)
		return -EINVAL;
	return c->nr == SYS_bind ? rtnl_bind(&nl->peer, sa.nl_pid, sa.nl_groups) : 0;
}

static long nl_name(const struct call *c, const struct nlsock *nl, bool own)
{
	struct sockaddr_nl sa = {
		.nl_family = AF_NETLINK, .nl_pid = own ? nl->peer.pid : 0,
		.nl_groups = own ? (uint32_t)nl->peer.groups : 0,
	};

	return call_put_name(c, ARG(c, 1), ARG(c, 2), &sa, sizeof(sa));
}

/* --- options --- */

static long nl_setopt(struct call *c, struct nlsock *nl)
{
	int32_t len = (int32_t)ARG(c, 4);
	uint32_t value = 0;

	if ((int)ARG(c, 1) != SOL_NETLINK)
		return CALL_CONTINUE;	/* the pair's own */
	if (len < 0)
		return -EINVAL;
	len = MIN(len, (int32_t)sizeof(value));
	if (call_read(c, ARG(c, 3), &value, (size_t)len) < 0)
		return -EFAULT;
	return rtnl_setopt(&nl->peer, (int)ARG(c, 2), &value, (socklen_t)len);
}

/* What the pair would tell of itself. */
static int nl_nature(const struct nlsock *nl, int name)
{
	switch (name) {
	case SO_DOMAIN:
		return AF_NETLINK;
	case SO_PROTOCOL:
		return nl->peer.proto;
	case SO_TYPE:
		return nl->type;
	}
	return -1;
}

static long nl_getopt(struct call *c, struct nlsock *nl)
{
	int level = (int)ARG(c, 1), nature = nl_nature(nl, (int)ARG(c, 2));
	uint8_t value[8];
	int32_t room;
	socklen_t len = sizeof(nature);
	int e = 0;

	if (level != SOL_NETLINK && (level != SOL_SOCKET || nature < 0))
		return CALL_CONTINUE;
	if (call_read(c, ARG(c, 4), &room, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (level == SOL_SOCKET)
		memcpy(value, &nature, len);
	else {
		len = (socklen_t)MIN(room, (int32_t)sizeof(value));
		e = rtnl_getopt(&nl->peer, (int)ARG(c, 2), value, &len);
	}
	if (e < 0)
		return e;
	if (call_write(c, ARG(c, 3), value, MIN((size_t)room, MIN(len, sizeof(value)))) < 0)
		return -EFAULT;
	return call_write(c, ARG(c, 4), &len, sizeof(len));
}

/* --- messages --- */

/* Answered here and now, after what was written before it. */
static long nl_send(struct call *c, struct nlsock *nl, const struct iovec *iov, int n)
{
	uint8_t *req;
	ssize_t len;

	if (nl->held > HELD_MAX)
		return -ENOBUFS;
	req = xmalloc(REQ_MAX);
	len = call_gather(c, iov, n, req, REQ_MAX);
	if (len > 0) {
		drain(nl);
		rtnl_request(&nl->peer, req, (size_t)len);
	}
	free(req);
	return len;
}

static long nl_sendmsg(struct call *c, struct nlsock *nl)
{
	struct call_msg t;
	int e = call_msghdr(c, ARG(c, 1), &t);

	return e < 0 ? e : nl_send(c, nl, t.iov, t.n);
}

/* One datagram into the program's buffers; *whole is its length. */
static long nl_recv(struct call *c, struct nlsock *nl, const struct iovec *iov, int n, int flags,
		    size_t *whole)
{
	uint8_t buf[RTNL_BUF];
	size_t room = 0;
	ssize_t len;

	if (nl->overrun) {
		nl->overrun = false;
		return -ENOBUFS;
	}
	len = recv(c->app, buf, sizeof(buf), MSG_DONTWAIT | (flags & MSG_PEEK));
	if (len < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		room += iov[i].iov_len;
	*whole = (size_t)len;
	if (call_scatter(c, iov, n, buf, MIN((size_t)len, room)) < 0)
		return -EFAULT;
	return flags & MSG_TRUNC ? len : (long)MIN((size_t)len, room);
}

static long nl_recvmsg(struct call *c, struct nlsock *nl)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	struct call_msg t;
	size_t whole = 0;
	long len = call_msghdr(c, ARG(c, 1), &t);

	if (len == 0)
		len = nl_recv(c, nl, t.iov, t.n, (int)ARG(c, 2), &whole);
	if (len < 0)
		return len;
	if (t.h.msg_name && call_write(c, (uintptr_t)t.h.msg_name, &from,
					 MIN(sizeof(from), t.h.msg_namelen)) < 0)
		return -EFAULT;
	t.h.msg_namelen = t.h.msg_name ? sizeof(from) : 0;
	t.h.msg_controllen = 0;
	t.h.msg_flags = whole > t.room ? MSG_TRUNC : 0;
	return call_write(c, ARG(c, 1), &t.h, sizeof(t.h)) < 0 ? -EFAULT : len;
}

static long nl_recvfrom(struct call *c, struct nlsock *nl)
{
	struct iovec one = { (void *)(uintptr_t)ARG(c, 1), ARG(c, 2) };
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	size_t whole;
	long ret = nl_recv(c, nl, &one, 1, (int)ARG(c, 3), &whole);

	if (ret >= 0 && call_put_name(c, ARG(c, 4), ARG(c, 5), &from, sizeof(from)) < 0)
		return -EFAULT;
	return ret;
}

/* Nothing to read: whoever may wait does, until there is news. */
static long or_wait(struct call *c, struct nlsock *nl, long ret, int flags)
{
	if (ret != -EAGAIN || flags & MSG_DONTWAIT || call_nonblock(c))
		return ret;
	c->waits = &nl->calls;
	return call_wait(c, SO_RCVTIMEO, EAGAIN);
}

long netlink_call(struct call *c, struct nlsock *nl)
{
	struct iovec one = { (void *)(uintptr_t)ARG(c, 1), ARG(c, 2) };

	switch (c->nr) {
	case SYS_bind:
	case SYS_connect:
		return nl_bind(c, nl);
	case SYS_getsockname:
		return nl_name(c, nl, true);
	case SYS_getpeername:
		return nl_name(c, nl, false);
	case SYS_setsockopt:
		return nl_setopt(c, nl);
	case SYS_getsockopt:
		return nl_getopt(c, nl);
	case SYS_sendto:
		return nl_send(c, nl, &one, 1);
	case SYS_sendmsg:
		return nl_sendmsg(c, nl);
	case SYS_recvmsg:
		return or_wait(c, nl, nl_recvmsg(c, nl), (int)ARG(c, 2));
	case SYS_recvfrom:
		return or_wait(c, nl, nl_recvfrom(c, nl), (int)ARG(c, 3));
	}
	return CALL_CONTINUE;
}
