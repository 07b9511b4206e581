/* vlocal.c - calls on a vsock by the process that has the node itself
 *
 *   vlocal_send -> sock_send: the caller's bytes are copied once, into the send buffer
 *   vlocal_recv -> sock_recv: and once out of what was received
 *
 * When such a receive finds the pair empty the socket becomes local: nothing is passed
 * on through the pair any more, whose program's end only shows what poll() wants to
 * know. A byte (the token) lies in it while there is something to read and no thread
 * waits here for it, and a second one if more came since; it is filled, as while connecting, from a send that found no room
 * until there is some. What the program wrote or did not read by plain system calls
 * before is kept in order: it is in the pair, and comes first.
 *
 * Urgent data is left to the pair, which has a mark as TCP has: a connection that
 * saw some goes on there (plain).
 */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/vset.h"
#include "node/vsock_in.h"

static ssize_t sys_recv(int fd, const struct iovec *iov, int n, int flags)
{
	struct msghdr mh = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n };
	ssize_t len = recvmsg(fd, &mh, flags | MSG_DONTWAIT);

	return len < 0 ? -errno : len;
}

/* The same of what was passed on to the pair, with the time when it came. */
static ssize_t pair_recv(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
			 struct msg *m)
{
	ssize_t len = sys_recv(fd, iov, n, flags);
	int left = 0;

	if (len > 0 && m && vs->stamps && ioctl(fd, FIONREAD, &left) == 0)
		m->when = vstamp_of(vs, (uint64_t)left - (flags & MSG_PEEK ? (uint64_t)len : 0));
	return len;
}

/* The socket has gone: why, once; then the end of the stream. */
static ssize_t gone(struct vsock *vs, int fd, ssize_t after)
{
	int error = vsock_take_error(vs, fd);

	return error ? -error : after;
}

/* --- in --- */

/* A second one for what came while there was one: who waits for edges gets one for each arrival,
 * also if he has left some unread. */
void vlocal_token(struct vsock *vs)
{
	if (!vs->bare && !vs->readers && vs->token < (vs->news ? 2 : 1))
		vs->token += send(vs->w.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	vs->news = false;
}

void vlocal_show(struct vsock *vs)
{
	if (!vs->near)
		vlocal_token(vs);
}

static void take_tokens(struct vsock *vs, int fd, unsigned keep)
{
	char token;

	for (; vs->token > keep; vs->token--)
		recv(fd, &token, 1, MSG_DONTWAIT);
}

/* What was put into the pair has been read: from now on it is local. */
static void drained(struct vsock *vs, int fd)
{
	char b;

	if (!vs->drains || vs->held || vs->error ||
	    recv(fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		return;
	vs->drains = false;
	vs->is_local = true;
	vsock_again(vs);
}

void vlocal_begin(struct vsock *vs, int fd)
{
	if (!vs->so || vs->is_local || vs->plain || vs->ring ||
	    (vs->type == SOCK_STREAM && !vs->connected))
		return;
	vs->drains = true;
	drained(vs, fd);
}

/* The pair carries everything again; -errno: it has none, and all stays as it is. */
int vlocal_end(struct vsock *vs, int fd)
{
	int app, ret = vbare_dress(vs);

	if (ret < 0)
		return ret;
	vset_expose(vs);
	app = vs->token && fd < 0 ? vs->n->front->app_end(vs) : fd;
	vs->drains = false;
	if (app >= 0)
		take_tokens(vs, app, 0);
	if (app >= 0 && app != fd)
		close(app);
	vs->is_local = false;
	return 0;
}

void vlocal_by_pair(struct vsock *vs, int fd)
{
	if ((vs->is_local || vs->drains) && vs->so && vlocal_end(vs, fd) == 0)
		vsock_pump(vs);
}

/* Only the pair shows that something urgent came, to poll() and by SIGURG. */
void vlocal_urgent(struct vsock *vs)
{
	if (!(vs->is_local || vs->drains) || !(sock_events(vs->so) & EV_PRI))
		return;
	vs->plain = vlocal_end(vs, -1) == 0;
}

/* The socket has gone: what it passed on before, why it has, the end of the stream. */
static ssize_t last_recv(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags)
{
	ssize_t len = 0;
	int error, left;

	take_tokens(vs, fd, 0);
	if (vs->error == EPIPE && (vs->bare || (ioctl(fd, FIONREAD, &left) == 0 && !left)))
		return 0;		/* reset behind its end, which is all that is read */
	if (vs->type == SOCK_STREAM && !vs->bare)
		len = sys_recv(fd, iov, n, flags);
	if (len > 0)
		return len;
	error = vs->error;
	vs->error = 0;
	if (!error && len == -ECONNRESET)
		error = ECONNRESET;
	return -error;
}

/* After a receive poll() must say what is true: that there is more, or nothing, and then
 * an end may be next. */
void vlocal_show_rest(struct vsock *vs, int fd)
{
	uint32_t ev;

	if (vhold_end(vs))
		node_take_let(vs->n);
	ev = sock_events(vs->so);
	if (ev & (EV_RDHUP | EV_HUP))
		vsock_again(vs);
	vs->news = false;
	if (ev & EV_IN)
		vlocal_show(vs);
	take_tokens(vs, fd, ev & EV_IN ? 1 : 0);
}

/* 1; 0: it is not; -errno: it would have to be. */
static int is_plain(struct vsock *vs, int fd, int flags)
{
	int ret;

	if (vs->plain || !(flags & MSG_OOB || sock_events(vs->so) & EV_PRI))
		return vs->plain;
	ret = vlocal_end(vs, fd);
	if (ret < 0)
		return ret;
	vs->plain = true;
	vsock_pump(vs);
	return 1;
}

static ssize_t stream_recv(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
			   struct msg *m)
{
	ssize_t len;

	if (flags & MSG_ERRQUEUE)
		return sock_recv(vs->so, iov, n, flags, m);
	if (!vs->connected && !vs->connecting && !(flags & MSG_OOB))
		return -ENOTCONN;	/* also if it was refused one */
	len = is_plain(vs, fd, flags);
	if (len)
		return len < 0 ? len : pair_recv(vs, fd, iov, n, flags, m);
	if (!vs->is_local && vs->passed) {
		vs->drains = true;	/* else a fast sender's bytes would go by the pair for good */
		len = pair_recv(vs, fd, iov, n, flags, m);
		drained(vs, fd);
		if (len != -EAGAIN)
			return len;
	}
	vs->is_local = true;
	len = sock_recv(vs->so, iov, n, flags | MSG_DONTWAIT, m);
	return len == -EAGAIN && vs->no_in ? 0 : len;
}

/* What was passed on to the pair is first; nothing more is, else who polls before each receive
 * would have all of it by the pair. What had no room there has some now. */
static ssize_t pair_dgram(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
			  struct msg *m)
{
	ssize_t len;

	vs->drains = true;
	len = dgram_recv(vs, fd, iov, n, flags, m);
	if (len == -EAGAIN && vs->held) {
		vs->writable = true;
		dgram_pump(vs);
		len = dgram_recv(vs, fd, iov, n, flags, m);
	}
	drained(vs, fd);
	return len;
}

static ssize_t dgram_local_recv(struct vsock *vs, int fd, const struct iovec *iov, int n,
				int flags, struct msg *m)
{
	ssize_t len;

	if (vs->ring || vs->plain || flags & MSG_ERRQUEUE || vs->error)
		return dgram_recv(vs, fd, iov, n, flags, m);
	if (!vs->is_local) {
		len = pair_dgram(vs, fd, iov, n, flags, m);
		if (len != -EAGAIN || vs->held)
			return len;
		vs->is_local = true;
	}
	return sock_recv(vs->so, iov, n, flags | MSG_DONTWAIT, m);
}

ssize_t vlocal_recv(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
		    struct msg *m)
{
	ssize_t len;

	if (!vs->so)
		return last_recv(vs, fd, iov, n, flags);
	if (vs->type == SOCK_STREAM)
		len = stream_recv(vs, fd, iov, n, flags, m);
	else
		len = dgram_local_recv(vs, fd, iov, n, flags, m);
	if (vs->so && vs->is_local)
		vlocal_show_rest(vs, fd);
	if (!list_empty(&vs->watches))
		vset_try(vs);
	vset_quiet(vs);
	if (len >= 0 && vs->type != SOCK_STREAM)
		vsock_undirect(vs, &m->peer);
	return len;
}

/* --- out --- */

int vlocal_may_send(struct vsock *vs, int fd)
{
	if (!vs->so) {
		int why = (int)gone(vs, fd, -EPIPE);

		return why ? why : -EPIPE;
	}
	if (vs->type == SOCK_STREAM && vs->readable && !vs->full) {
		vsock_pump(vs);		/* what was written plainly comes first */
		if (vs->so && vs->connected && vs->readable && !vs->eof_out)
			return -EAGAIN;
	}
	if (!vs->so || vs->eof_out || (vs->shut_out && vs->type == SOCK_STREAM))
		return -EPIPE;
	if (vs->error && vs->type != SOCK_STREAM)
		return -vsock_take_error(vs, fd);
	return 0;
}

/* Unless what was written plainly lies in the pair, which is the pump's to take first. */
void vlocal_no_room(struct vsock *vs, int fd)
{
	int there = 0;

	if (!vs->connected || vs->full || vs->near || vs->bare || vs->type != SOCK_STREAM)
		return;
	if (ioctl(vs->w.fd, FIONREAD, &there) == 0 && there > (int)vs->fill) {
		vsock_wake_now(vs);
		return;
	}
	vs->full = true;
	vsock_fill(vs, fd);
}

ssize_t vlocal_send(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
		    struct msg *m)
{
	ssize_t len = vlocal_may_send(vs, fd);

	if (len < 0)
		return len;
	vs->sends = true;
	vs->n->in_row = 0;
	if (!list_empty(&vs->watches))
		vset_try(vs);
	len = vsock_sendto(vs, iov, n, flags | MSG_DONTWAIT, m);
	if (len == -EAGAIN)
		vlocal_no_room(vs, fd);
	return len;
}

/* Called by the pump: room again? */
void vlocal_room(struct vsock *vs)
{
	if (!(sock_events(vs->so) & EV_OUT))
		return;
	vs->full = false;
	vsock_drain(vs);
}

void vlocal_shut(struct vsock *vs, int how)
{
	if (!vs->so || vs->listening || vs->type != SOCK_STREAM)
		return;
	vset_expose(vs);
	if (how != SHUT_RD)
		vs->shut_out = vs->readable = true;
	if (how != SHUT_WR)
		vs->no_in = true;
	if (vs->bare && vs->shut_out) {		/* of a pair its end is seen, or that both are */
		vs->eof_out = true;
		sock_shutdown(vs->so, vs->no_in ? SHUT_RDWR : SHUT_WR);
	}
	vsock_pump(vs);
	vlocal_changed(vs);
}

static bool is_closed(const struct vsock *vs)
{
	struct pollfd pfd = { .fd = vs->w.fd };

	if (vs->wd)
		return vpair_is_closed(vs);
	return poll(&pfd, 1, 0) > 0 && pfd.revents & POLLHUP;
}

/* Our end is not watched meanwhile: its hang-up would wake the background thread. */
int vlocal_close(struct vsock *vs, int fd)
{
	uint32_t events = vs->w.events;
	int ret;

	if (vs->bare)
		return vbare_end(vs, fd);
	if (vs->so)
		loop_unwatch(vs->n->loop, &vs->w);
	ret = close(fd);
	if (!vs->so)
		return ret;
	if (is_closed(vs)) {
		vs->hup = vs->readable = true;
		vsock_pump(vs);
	} else {
		loop_watch(vs->n->loop, &vs->w, events);
	}
	return ret;
}

/* --- waiting --- */

int vlocal_wait(struct vsock *vs, bool to_read, usec until)
{
	struct caller c;
	int ret;

	list_add_tail(&vs->callers, &c.on);
	vs->readers += to_read;
	ret = node_wait(vs->n, &c, until);
	vs->readers -= to_read;
	list_del(&c.on);
	if (ret < 0 && to_read && vs->so && vs->is_local && sock_events(vs->so) & EV_IN)
		vlocal_show(vs);	/* it came as he gave up */
	return ret;
}

/* A child of fork has the pairs: from now on they carry everything. What could have none is
 * the parent's alone. */
void vlocal_share(struct node *n)
{
	vbare_dress_all(n);
	for (struct map_node *m = map_next(&n->vsocks, NULL); m; m = map_next(&n->vsocks, m)) {
		struct vsock *vs = container_of(m, struct vsock, node);

		if (vs->bare)
			continue;
		vset_expose(vs);
		vs->plain = true;
		if (!vs->is_local && !vs->drains)
			continue;
		vlocal_end(vs, -1);
		vsock_again(vs);
	}
}

void vlocal_changed(struct vsock *vs)
{
	vset_tell(vs);
	list_for(l, &vs->callers)
		node_tell(vs->n, container_of(l, struct caller, on));
}
