/* vconn.c - sockets of other processes: connecting, listening, accepting
 *
 * A pair is joined from the start, and the program's end has to look as if it
 * were not. While a connection is being made that end is filled (fill), so that
 * it is not writable; when it is there, our end lets go of the filling (drain),
 * which raises EPOLLOUT. A listener's end stays filled, and each connection that
 * arrives puts a byte (a token) into it, which accept takes out again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/vset.h"
#include "node/vsock_in.h"

#define TOKENS		64	/* in a listener's end at most */
#define SNDBUF_MIN	4608		/* the kernel's least */
#define SNDBUF_STD	212992

/* --- connect --- */

static bool is_near(const struct vsock *vs)
{
	return vs->n->front && vs->n->front->near;
}

/* The program's end takes no more bytes until we drain it. */
void vsock_fill(struct vsock *vs, int app)
{
	static const char nothing[4096];
	int size = SNDBUF_MIN;
	ssize_t n;

	if (app < 0 || vs->bare)
		return;
	if (!is_near(vs))
		vs->app = fcntl(app, F_DUPFD_CLOEXEC, 0);
	if (!is_near(vs) && vs->app < 0)
		return;		/* polls writable too early; the bytes still wait */
	setsockopt(app, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while ((n = send(app, nothing, sizeof(nothing), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		vs->fill += (size_t)n;
}

/* Who asked for the connection may have ended: with no copy of the end here it is seen
 * whether anybody else has it. */
void vsock_unhide(struct vsock *vs)
{
	if (vs->connecting && vs->app >= 0) {
		close(vs->app);
		vs->app = -1;
	}
}

/* Writable again, in one edge: a larger buffer makes one, and so would the last
 * of the filling as it leaves. Its last byte stays until the program has written. */
void vsock_drain(struct vsock *vs)
{
	int app = vs->fill && is_near(vs) ? vs->n->front->app_end(vs) : vs->app;
	size_t stays = app < 0 ? 0 : 1;
	char junk[4096];
	int size = SNDBUF_STD;

	if (app < 0 && !vs->fill)
		return;
	while (vs->fill > stays) {
		ssize_t n = read(vs->w.fd, junk, MIN(vs->fill - stays, sizeof(junk)));

		if (n <= 0)
			break;
		vs->fill -= (size_t)n;
	}
	if (app >= 0) {
		setsockopt(app, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		close(app);
	}
	vs->app = -1;
	vs->readable = vs->urgent = true;	/* what the program wrote meanwhile made no new edge */
}

int vsock_connect(struct vsock *vs, const struct endpoint *ep, int app)
{
	struct endpoint to = vsock_redirect(vs, ep);
	int ret;

	if (!vs->so)		/* an earlier attempt failed, and nobody waited */
		return vsock_connect_result(vs);
	if (vs->connecting)
		return -EALREADY;
	if (vs->connected && !vs->told) {	/* as Linux: once 0, then EISCONN */
		vs->told = true;
		return 0;
	}
	if (vs->type == SOCK_STREAM)	/* one of a datagram is still to be told */
		vs->error = 0;
	vsock_fit_family(vs, &to);
	ret = sock_connect(vs->so, &to);
	if (ret == -EINPROGRESS) {
		vs->connecting = true;
		vsock_fill(vs, app);
	}
	if (ret == 0 && vs->type == SOCK_STREAM)
		vs->connected = vs->told = true;
	return ret;
}

ssize_t vsock_fastopen(struct vsock *vs, const struct iovec *iov, struct msg *m, int app)
{
	ssize_t ret;

	if (!vs->so)
		return vsock_connect_result(vs);
	if (vs->connecting || vs->connected)
		return vs->connected ? -EISCONN : -EALREADY;
	vs->error = 0;
	m->peer = vsock_redirect(vs, &m->peer);
	vsock_fit_family(vs, &m->peer);
	sock_flowinfo(vs->so, m->flow);
	ret = sock_send(vs->so, iov, 1, MSG_FASTOPEN, m);
	if (ret >= 0 || ret == -EINPROGRESS) {
		vs->connecting = true;
		vsock_fill(vs, app);
	}
	return ret;
}

/* No more than there is now: the program may go on writing, and the node waits. */
static void discard(int fd)
{
	char junk[4096];
	int left = 0;

	ioctl(fd, FIONREAD, &left);
	while (left > 0) {
		ssize_t n = recv(fd, junk, MIN((size_t)left, sizeof(junk)), MSG_DONTWAIT);

		if (n <= 0)
			return;
		left -= (int)n;
	}
}

/* What is under way between the ends belongs to the connection that was. */
static void empty_pair(struct vsock *vs, int app)
{
	discard(vs->w.fd);
	discard(app);
	vs->fill = 0;
}

/* A pair of which a side was shut cannot be opened again. */
int vsock_disconnect(struct vsock *vs, int app)
{
	int ret;

	if (!vs->so)
		return -EINVAL;
	vset_expose(vs);
	if (vs->listening)
		return vsock_unlisten(vs, app);
	vs->asked.port = 0;
	if (vs->type == SOCK_STREAM) {
		if (vs->eof_in || vs->eof_out || vs->no_in || vs->shut_out || vs->hup)
			return -EOPNOTSUPP;
		if (vs->connecting)
			vsock_drain(vs);
		if (!vs->bare)
			empty_pair(vs, app);
		vs->connecting = vs->connected = vs->told = false;
		vs->error = 0;
	}
	ret = sock_disconnect(vs->so);
	vsock_changed(vs);	/* a thread that waits for the connection is told */
	return ret;
}

int vsock_connect_result(struct vsock *vs)
{
	int error = vs->error;

	if (!vs->so) {
		vs->error = 0;
		return -(error ? error : ECONNABORTED);
	}
	if (vs->connecting)
		return -EINPROGRESS;
	if (!vs->connected && !error)	/* another thread disconnected it */
		return -ECONNABORTED;
	if (vs->failed)
		vsock_drain(vs);
	vs->told = !error;
	vs->failed = false;
	vs->error = 0;
	return -error;
}

/* While connecting: has the stack decided? Asking again tells, once. */
void vsock_connect_pump(struct vsock *vs)
{
	struct endpoint to = vs->so->remote;
	int error = -sock_connect(vs->so, &to);

	if (error == EALREADY || error == EINPROGRESS)
		return;
	vs->connecting = false;
	vs->error = error;
	vs->failed = error != 0;
	vs->connected = !error;
	if (!error) {
		vsock_drain(vs);
		vsock_again(vs);	/* an answer may have come with the SYN-ACK */
	}
	vsock_changed(vs);
	if (vs->failed) {	/* nobody waited: the descriptor has to tell */
		int keep = vs->error;

		vsock_bury(vs);		/* unread filling: ECONNRESET, HUP, ERR */
		vs->error = keep;
	}
}

/* --- listen and accept --- */

int vsock_listen(struct vsock *vs, int backlog, int app)
{
	int ret = vs->so ? sock_listen(vs->so, backlog) : -EINVAL;

	if (ret == 0 && !vs->listening) {
		vs->listening = true;
		vsock_fill(vs, app);		/* a listener is never writable */
		if (vs->app >= 0)
			close(vs->app);	/* and is gone when the program closes it */
		vs->app = -1;
	}
	return ret;
}

bool vsock_waiting(const struct vsock *vs)
{
	return vs->returned || (vs->so && sock_events(vs->so) & EV_IN);
}

/* Calls that wait have it first. Each arrival they leave makes the program's end
 * readable anew: an edge for epoll. */
void vsock_listen_pump(struct vsock *vs)
{
	if (!vsock_waiting(vs))
		return;
	vsock_changed(vs);
	if (!vs->near && !vs->bare && vsock_waiting(vs) && ((vs->news && vs->tokens < TOKENS) || !vs->tokens))
		vs->tokens += send(vs->w.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	vs->news = false;
}

int vsock_accept(struct vsock *vs, struct vsock **out, int *new_app)
{
	struct sock *so = vs->returned;
	int ret = 0;

	if (!vs->so || !vs->listening)
		return -EINVAL;
	if (!so)
		ret = sock_accept(vs->so, &so);
	vs->returned = NULL;
	if (ret < 0)
		return ret;
	ret = vsock_make(vs->n, so, vs->keeps && !vs->bare, out, new_app);
	if (ret < 0) {
		vs->returned = so;
		return ret;
	}
	(*out)->connected = (*out)->told = true;
	memcpy((*out)->timeo, vs->timeo, sizeof(vs->timeo));
	vsock_wake((*out)->so);		/* there may be data already */
	return 0;
}

void vsock_accepted(struct vsock *vs, int app)
{
	unsigned keep = vsock_waiting(vs) ? 1 : 0;
	char token;

	do {
		if (vs->tokens <= keep || recv(app, &token, 1, MSG_DONTWAIT) != 1)
			break;
		vs->tokens--;
	} while (!keep);
}

void vsock_unaccept(struct vsock *vs, struct vsock *nv)
{
	vs->returned = nv->so;
	loop_unwatch(nv->n->loop, &nv->w);
	if (!nv->bare)
		close(nv->w.fd);
	vs->returned->user = NULL;
	vs->returned->wake = NULL;
	vsock_free(nv);
	vsock_wake(vs->so);
}

/* shutdown() of a listener: a socket again that could listen anew. */
int vsock_unlisten(struct vsock *vs, int app)
{
	int ret;

	vset_expose(vs);
	if (vs->returned)
		sock_close(vs->returned);
	vs->returned = NULL;
	ret = sock_disconnect(vs->so);
	vs->listening = false;
	vsock_accepted(vs, app);
	vsock_changed(vs);
	return ret;
}

void vsock_inherit(int from, int to)
{
	struct timeval tv;
	socklen_t len = sizeof(int);
	int on;

	if (getsockopt(from, SOL_SOCKET, SO_OOBINLINE, &on, &len) == 0 && on)
		setsockopt(to, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	len = sizeof(tv);
	if (getsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &tv, &len) == 0)
		setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	len = sizeof(tv);
	if (getsockopt(from, SOL_SOCKET, SO_SNDTIMEO, &tv, &len) == 0)
		setsockopt(to, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}
