/* vsock.c - making, naming, connecting and ending sockets of other processes
 *
 * The pump is in pump.c, datagrams in vdgram.c; vsock.h tells the idea. When
 * the program's end is gone the vsock becomes a tomb for a while: a process may
 * have shut its socket both ways, which looks the same from here, and still ask
 * for names.
 */
#include "node/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/vsock_in.h"

#define TOMBS		256
#define TOKENS		64	/* in a listener's end at most */
#define SNDBUF_MIN	4608		/* the kernel's least */
#define SNDBUF_STD	212992

static uint32_t cookie_hash(uint64_t cookie)
{
	return (uint32_t)(cookie * 0x9e3779b97f4a7c15u >> 32);
}

void vsock_set_front(struct node *n, const struct vsock_front *front)
{
	n->front = front;
}

struct vsock *vsock_by_cookie(struct node *n, uint64_t cookie)
{
	struct map_node *m = map_find(&n->vsocks, cookie_hash(cookie));

	for (; m; m = map_find_next(m)) {
		struct vsock *vs = container_of(m, struct vsock, node);

		if (vs->cookie == cookie)
			return vs;
	}
	return NULL;
}

static uint64_t fd_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

static uint32_t fd_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

struct vsock *vsock_of_fd(struct node *n, int app)
{
	uint64_t cookie = fd_cookie(app);

	return cookie ? vsock_by_cookie(n, cookie) : NULL;
}

/* The stack says so has news. */
void vsock_wake(struct sock *so)
{
	struct vsock *vs = so->user;

	if (vs)
		vs->news = true;
	if (vs && list_empty(&vs->dirty))
		list_add_tail(&vs->n->dirty, &vs->dirty);
}

static void vsock_ready(struct watch *w, uint32_t events)
{
	struct vsock *vs = container_of(w, struct vsock, w);

	if (events & EPOLLIN)
		vs->readable = true;
	if (events & EPOLLOUT)
		vs->writable = true;
	if (events & EPOLLPRI)
		vs->urgent = vs->readable = true;
	if (events & (EPOLLHUP | EPOLLERR))
		vs->hup = vs->readable = true;
	if (events & EPOLLRDHUP)
		vs->shut_out = vs->readable = true;
	if (list_empty(&vs->dirty))
		list_add_tail(&vs->n->dirty, &vs->dirty);
}

/* A vsock for so, with a fresh pair. */
static int vsock_make(struct node *n, struct sock *so, struct vsock **out, int *app)
{
	struct vsock *vs;
	int fd[2];

	if (socketpair(AF_UNIX, (so->type == SOCK_STREAM ? SOCK_STREAM : SOCK_SEQPACKET) |
		       SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	/* no urgent byte is passed over, even if its event comes late */
	setsockopt(fd[0], SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
	vs = xzalloc(sizeof(*vs));
	*vs = (struct vsock){
		.n = n, .so = so, .family = so->family, .type = so->type, .proto = so->proto,
		.cookie = fd_cookie(fd[1]), .inode = fd_inode(fd[1]), .app = -1, .writable = true,
		.w = { .fd = fd[0], .ready = vsock_ready },
	};
	list_init(&vs->dirty);
	list_init(&vs->tomb);
	list_init(&vs->calls);
	so->user = vs;
	so->wake = vsock_wake;
	map_insert(&n->vsocks, &vs->node, cookie_hash(vs->cookie));
	loop_watch(n->loop, &vs->w, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	*out = vs;
	*app = fd[1];
	return 0;
}

int vsock_new(struct node *n, int domain, int type, int proto, struct vsock **out, int *app)
{
	struct sock *so;
	int ret = sock_new(n->st, domain, type, proto, &so);

	if (ret < 0)
		return ret;
	ret = vsock_make(n, so, out, app);
	if (ret < 0)
		sock_close(so);
	return ret;
}

static void vsock_free(struct vsock *vs)
{
	map_remove(&vs->n->vsocks, &vs->node);
	list_del(&vs->tomb);
	list_del(&vs->dirty);
	free(vs);
}

/* Our end and the stack's socket are let go; names stay for a while. */
void vsock_bury(struct vsock *vs)
{
	struct node *n = vs->n;

	if (!vs->so)
		return;
	sock_local(vs->so, &vs->local);
	vs->sock_gone = sock_peer(vs->so, &vs->remote) == 0;
	if (vs->w.fd >= 0) {
		loop_unwatch(n->loop, &vs->w);
		close(vs->w.fd);
		vs->w.fd = -1;
	}
	if (vs->app >= 0)
		close(vs->app);
	vs->app = -1;
	if (vs->returned)
		sock_close(vs->returned);
	vs->returned = NULL;
	vs->so->user = NULL;
	vs->so->wake = NULL;
	sock_close(vs->so);
	vs->so = NULL;
	free(vs->held);
	vs->held = NULL;
	list_del(&vs->dirty);
	list_add_tail(&n->tombs, &vs->tomb);
	if (n->front && !list_empty(&vs->calls))
		n->front->changed(vs);
	if (++n->n_tombs > TOMBS) {
		struct vsock *old = list_first(&n->tombs, struct vsock, tomb);

		if (list_empty(&old->calls)) {
			vsock_free(old);
			n->n_tombs--;
		}
	}
}

void vsock_drop(struct vsock *vs)
{
	vsock_bury(vs);
}

void vsock_free_all(struct node *n)
{
	struct map_node *m;

	while ((m = map_next(&n->vsocks, NULL))) {
		struct vsock *vs = container_of(m, struct vsock, node);

		vsock_bury(vs);
		if (vsock_by_cookie(n, vs->cookie) == vs)
			vsock_free(vs);
	}
	dgram_notes_free(n);
}

int vsock_bind(struct vsock *vs, const struct endpoint *ep)
{
	return vs->so ? sock_bind(vs->so, ep) : -EINVAL;
}

/* --- connect --- */

/* The program's end takes no more bytes until we drain it. */
static void fill(struct vsock *vs, int app)
{
	static const char nothing[4096];
	int size = SNDBUF_MIN;
	ssize_t n;

	vs->app = fcntl(app, F_DUPFD_CLOEXEC, 0);
	if (vs->app < 0)
		return;		/* polls writable too early; the bytes still wait */
	setsockopt(app, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while ((n = send(app, nothing, sizeof(nothing), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		vs->fill += (size_t)n;
}

/* Writable again, in one edge: a larger buffer makes one, and so would the last
 * of the filling as it leaves. Its last byte stays until the program has written. */
static void drain(struct vsock *vs)
{
	char junk[4096];
	int size = SNDBUF_STD;

	while (vs->fill > 1) {
		ssize_t n = read(vs->w.fd, junk, MIN(vs->fill - 1, sizeof(junk)));

		if (n <= 0)
			break;
		vs->fill -= (size_t)n;
	}
	if (vs->app >= 0) {
		setsockopt(vs->app, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		close(vs->app);
	}
	vs->app = -1;
	vs->readable = true;	/* what the program wrote meanwhile made no new edge */
}

/* --dns: the machine's name servers are asked elsewhere. */
static struct endpoint redirect(struct vsock *vs, const struct endpoint *ep)
{
	struct endpoint to = *ep;
	const struct node *n = vs->n;

	if (ep->port != 53 || !n->n_dns)
		return to;
	for (int i = 0; i < n->n_resolvers; i++) {
		if (ip_eq(&n->resolvers[i], &ep->addr)) {
			to.addr = n->dns[i % n->n_dns];
			vs->asked = *ep;
			break;
		}
	}
	return to;
}

/* The other way: an answer seems to come from the server that was asked. */
static void undirect(const struct vsock *vs, struct endpoint *ep)
{
	if (!vs->asked.port || ep->port != 53)
		return;
	for (int i = 0; i < vs->n->n_dns; i++) {
		if (ip_eq(&vs->n->dns[i], &ep->addr)) {
			*ep = vs->asked;
			return;
		}
	}
}

/* --dns may name an IPv6 server where the program asks an IPv4 one: the stack's
 * socket is then of the family that can, and the program's stays what it is. */
static void fit_family(struct vsock *vs, const struct endpoint *to)
{
	struct sock *so;

	if (vs->so->family != AF_INET || ip_is_v4(&to->addr) || vs->so->bound ||
	    sock_new(vs->n->st, AF_INET6, vs->type, vs->proto, &so) < 0)
		return;
	vs->so->user = NULL;
	vs->so->wake = NULL;
	sock_close(vs->so);
	so->user = vs;
	so->wake = vsock_wake;
	vs->so = so;
}

int vsock_connect(struct vsock *vs, const struct endpoint *ep, int app)
{
	struct endpoint to = redirect(vs, ep);
	int ret;

	if (!vs->so)		/* an earlier attempt failed, and nobody waited */
		return vsock_connect_result(vs);
	if (vs->connecting)
		return -EALREADY;
	if (vs->connected && !vs->told) {	/* as Linux: once 0, then EISCONN */
		vs->told = true;
		return 0;
	}
	vs->error = 0;
	fit_family(vs, &to);
	ret = sock_connect(vs->so, &to);
	if (ret == -EINPROGRESS) {
		vs->connecting = true;
		fill(vs, app);
	}
	if (ret == 0 && vs->type == SOCK_STREAM)
		vs->connected = vs->told = true;
	return ret;
}

/* What is under way between the ends belongs to the connection that was. */
static void empty_pair(struct vsock *vs, int app)
{
	char junk[4096];

	while (read(vs->w.fd, junk, sizeof(junk)) > 0)
		;
	while (recv(app, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	vs->fill = 0;
}

/* A pair of which a side was shut cannot be opened again. */
int vsock_disconnect(struct vsock *vs, int app)
{
	if (!vs->so)
		return -EINVAL;
	if (vs->listening)
		return vsock_unlisten(vs, app);
	vs->asked.port = 0;
	if (vs->type == SOCK_STREAM) {
		if (vs->eof_in || vs->eof_out || vs->no_in)
			return -EOPNOTSUPP;
		if (vs->connecting)
			drain(vs);
		empty_pair(vs, app);
		vs->connecting = vs->connected = vs->told = false;
		vs->error = 0;
	}
	return sock_disconnect(vs->so);
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
	if (vs->failed)
		drain(vs);
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
	if (!error)
		drain(vs);
	if (vs->n->front)
		vs->n->front->changed(vs);
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
		fill(vs, app);		/* a listener is never writable */
		close(vs->app);		/* and is gone when the program closes it */
		vs->app = -1;
	}
	return ret;
}

static bool waiting(const struct vsock *vs)
{
	return vs->returned || (vs->so && sock_events(vs->so) & EV_IN);
}

/* Each arrival makes the program's end readable anew: an edge for epoll. */
void vsock_listen_pump(struct vsock *vs)
{
	if (!waiting(vs))
		return;
	if ((vs->news && vs->tokens < TOKENS) || !vs->tokens)
		vs->tokens += send(vs->w.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	vs->news = false;
	if (vs->n->front && !list_empty(&vs->calls))
		vs->n->front->changed(vs);
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
	ret = vsock_make(vs->n, so, out, new_app);
	if (ret < 0) {
		vs->returned = so;
		return ret;
	}
	(*out)->connected = (*out)->told = true;
	vsock_wake((*out)->so);		/* there may be data already */
	return 0;
}

void vsock_accepted(struct vsock *vs, int app)
{
	unsigned keep = waiting(vs) ? 1 : 0;
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
	close(nv->w.fd);
	vs->returned->user = NULL;
	vs->returned->wake = NULL;
	vsock_free(nv);
	vsock_wake(vs->so);
}

/* shutdown() of a listener: a socket again that could listen anew. */
int vsock_unlisten(struct vsock *vs, int app)
{
	struct sock *old = vs->so, *so;
	int ret = sock_new(vs->n->st, vs->family, vs->type, vs->proto, &so);

	if (ret < 0)
		return ret;
	so->reuseaddr = old->reuseaddr;
	so->reuseport = old->reuseport;
	so->v6only = old->v6only;
	old->user = NULL;
	old->wake = NULL;
	vs->local = old->local;
	sock_close(old);
	so->user = vs;
	so->wake = vsock_wake;
	vs->so = so;
	vs->listening = false;
	vsock_accepted(vs, app);
	if (vs->n->front)
		vs->n->front->changed(vs);
	return sock_bind(so, &vs->local);
}

/* --- names and errors --- */

int vsock_local(struct vsock *vs, struct endpoint *ep)
{
	int ret = 0;

	if (vs->so)
		ret = sock_local(vs->so, ep);
	else
		*ep = vs->local;
	if (vs->family == AF_INET && !ip_is_v4(&ep->addr))
		ep->addr = IP4_ANY;
	return ret;
}

int vsock_peer(struct vsock *vs, struct endpoint *ep)
{
	int ret = 0;

	if (vs->connecting)
		ret = -ENOTCONN;
	else if (vs->so)
		ret = sock_peer(vs->so, ep);
	else if (vs->sock_gone)
		*ep = vs->remote;
	else
		ret = -ENOTCONN;
	if (ret == 0)
		undirect(vs, ep);
	return ret;
}

int vsock_take_error(struct vsock *vs, int app)
{
	int error = vs->error, native = 0;
	socklen_t len = sizeof(native);

	/* The pair's own error (a reset we made) is the same event. */
	getsockopt(app, SOL_SOCKET, SO_ERROR, &native, &len);
	vs->error = 0;
	if (!error && vs->so)
		error = sock_take_error(vs->so);
	return error ? error : native;
}

ssize_t vsock_sendto(struct vsock *vs, const struct iovec *iov, int n, int flags, struct msg *m)
{
	if (!vs->so)
		return -EPIPE;
	if (m && m->has_peer) {
		m->peer = redirect(vs, &m->peer);
		fit_family(vs, &m->peer);
	}
	return sock_send(vs->so, iov, n, flags, m);
}

ssize_t vsock_recvfrom(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
		       struct msg *m)
{
	ssize_t ret = dgram_recv(vs, app, iov, n, flags, m);

	if (ret >= 0)
		undirect(vs, &m->peer);
	return ret;
}
