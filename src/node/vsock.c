/* vsock.c - making, naming and ending sockets of other processes
 *
 * Connections are in vconn.c, the pump in pump.c, datagrams in vdgram.c; vsock.h
 * tells the idea. When
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
#include "base/stranger.h"
#include "node/vring.h"
#include "node/vset.h"
#include "node/vsock_in.h"

#define TOMBS		256
#define WATCHED		(EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

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

uint64_t vsock_cookie(int fd)
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
	uint64_t cookie = vsock_cookie(app);

	if (cookie && cookie == n->bare_cookie)
		return vbare_of_fd(n, app);
	return cookie ? vsock_by_cookie(n, cookie) : NULL;
}

void vsock_again(struct vsock *vs)
{
	if (list_empty(&vs->dirty))
		list_add_tail(&vs->n->dirty, &vs->dirty);
}

/* The stack says so has news. */
void vsock_wake(struct sock *so)
{
	struct vsock *vs = so->user;

	if (!vs)
		return;
	vs->news = true;
	vhold_begin(vs);
	vset_note(vs);
	vsock_again(vs);
}

void vsock_wake_now(struct vsock *vs)
{
	vs->readable = true;
	vsock_again(vs);
}

/* Calls that wait on it try again. */
void vsock_changed(struct vsock *vs)
{
	if (vs->n->front)
		vs->n->front->changed(vs);
}

/* The program's end is full: its reads are of interest now. */
void vsock_full(struct vsock *vs)
{
	vs->writable = false;
	if (!(vs->w.events & EPOLLOUT))
		loop_watch(vs->n->loop, &vs->w, vs->w.events | EPOLLOUT);
}

/* Each read of the program's would wake us: no more, if it was not awaited. */
static void has_room(struct vsock *vs)
{
	if (vs->writable)
		loop_watch(vs->n->loop, &vs->w, vs->w.events & ~(uint32_t)EPOLLOUT);
	vs->writable = true;
}

static void vsock_ready(struct watch *w, uint32_t events)
{
	struct vsock *vs = container_of(w, struct vsock, w);

	if (events & EPOLLIN)
		vs->readable = true;
	if (events & EPOLLOUT)
		has_room(vs);
	if (events & EPOLLPRI)
		vs->urgent = vs->readable = true;
	if (events & (EPOLLHUP | EPOLLERR))
		vs->hup = vs->readable = true;
	if (events & EPOLLRDHUP)
		vs->shut_out = vs->readable = true;
	if (events & LOOP_SAID)
		vpair_look(vs);
	vsock_again(vs);
}

/* A number to watch the program's end by; 0: the pair itself tells. */
static int pair_make(struct node *n, enum pair_kind kind, int fd[2])
{
	int wd = kind == PAIR_DGRAM ? vpair_dgram(n, fd) : -ENOSYS;

	if (wd < 0 && wd != -EMFILE)
		wd = vpair(n, kind == PAIR_STREAM ? SOCK_STREAM : SOCK_SEQPACKET, fd);
	if (wd < 0)
		return wd;
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	if (n->front && n->front->whose)
		stranger_no_files(fd[0]);
	/* no urgent byte is passed over, even if its event comes late */
	setsockopt(fd[0], SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
	return wd;
}

struct vsock *vsock_alloc(struct node *n, int fd, int app)
{
	struct vsock *vs = xzalloc(sizeof(*vs));

	*vs = (struct vsock){
		.n = n, .app = app, .writable = true,
		.w = { .fd = fd, .events = WATCHED, .ready = vsock_ready },
	};
	list_init(&vs->dirty);
	list_init(&vs->tomb);
	list_init(&vs->unwatched);
	list_init(&vs->calls);
	list_init(&vs->callers);
	list_init(&vs->loans);
	list_init(&vs->watches);
	list_init(&vs->held_up);
	return vs;
}

int vsock_blank(struct node *n, enum pair_kind kind, struct vsock **out)
{
	struct vsock *vs;
	int fd[2];
	int wd = pair_make(n, kind, fd);

	if (wd == -EMFILE && vspare_end(n))
		wd = pair_make(n, kind, fd);
	if (wd < 0)
		return wd;
	vs = vsock_alloc(n, fd[0], fd[1]);
	vs->cookie = vsock_cookie(fd[1]);
	vs->inode = fd_inode(fd[1]);
	vpair_began(vs, wd);
	*out = vs;
	return 0;
}

int vsock_pair(struct vsock *vs, int *app)
{
	int fd[2];
	int ret = pair_make(vs->n, PAIR_STREAM, fd);

	if (ret < 0)
		return ret;
	vs->w.fd = fd[0];
	*app = fd[1];
	return 0;
}

void vsock_rekey(struct vsock *vs, uint64_t cookie)
{
	map_remove(&vs->n->vsocks, &vs->node);
	vs->cookie = cookie;
	map_insert(&vs->n->vsocks, &vs->node, cookie_hash(cookie));
}

void vsock_name(struct vsock *vs, int app)
{
	vsock_rekey(vs, vsock_cookie(app));
	vs->inode = fd_inode(app);
}

void vsock_unblank(struct vsock *vs)
{
	vpair_ended(vs);
	close(vs->w.fd);
	close(vs->app);
	free(vs);
}

static enum pair_kind kind_of(const struct sock *so)
{
	if (so->type == SOCK_STREAM)
		return PAIR_STREAM;
	return so->family == AF_PACKET ? PAIR_PACKET : PAIR_DGRAM;
}

static int with_pair(struct node *n, const struct sock *so, struct vsock **out)
{
	struct vsock *vs = so->type == SOCK_STREAM ? vspare_take(n) : NULL;
	int ret = vs ? 0 : vsock_blank(n, kind_of(so), &vs);

	if (ret < 0)
		return ret;
	*out = vs;
	ret = vspare_watch(n, vs);
	if (ret == 0)
		return 0;
	vsock_unblank(vs);	/* max_user_watches */
	return ret == -ENOSPC ? -EMFILE : ret;
}

int vsock_make(struct node *n, struct sock *so, bool pair, struct vsock **out, int *app)
{
	struct vsock *vs;
	int ret = 0;

	if (n->bare >= 0 && so->type == SOCK_STREAM && !pair)
		vs = vbare_new(n);
	else
		ret = with_pair(n, so, &vs);
	if (ret < 0)
		return ret;
	vs->so = so;
	vs->family = so->family;
	vs->type = so->type;
	vs->proto = so->proto;
	so->user = vs;
	so->wake = vsock_wake;
	n->n_dgrams += vs->type != SOCK_STREAM;
	map_insert(&n->vsocks, &vs->node, cookie_hash(vs->cookie));
	*out = vs;
	*app = vs->app;
	vs->app = -1;
	return 0;
}

int vsock_new(struct node *n, int domain, int type, int proto, struct vsock **out, int *app)
{
	struct sock *so;
	int ret = sock_new(n->st, domain, type, proto, &so);

	if (ret < 0)
		return ret;
	ret = vsock_make(n, so, false, out, app);
	if (ret < 0)
		sock_close(so);
	return ret;
}

void vsock_free(struct vsock *vs)
{
	map_remove(&vs->n->vsocks, &vs->node);
	list_del(&vs->unwatched);
	list_del(&vs->tomb);
	list_del(&vs->dirty);
	free(vs);
}

/* Our end and the stack's socket are let go. */
static void let_go(struct vsock *vs)
{
	vset_leave(vs);
	if (vs->wd && !vs->hup)
		vpair_error(vs);	/* nothing else would wake who reads there */
	vpair_ended(vs);
	if (vs->w.fd >= 0) {
		loop_unwatch(vs->n->loop, &vs->w);
		list_del(&vs->unwatched);
		if (vs->hup)
			vspare_close(vs->n, vs->w.fd);
		else
			close(vs->w.fd);
		vs->w.fd = -1;
	}
	if (vs->app >= 0)
		close(vs->app);
	vs->app = -1;
	if (vs->returned)
		sock_close(vs->returned);
	vs->returned = NULL;
	vring_free(vs);
	vlend_end(vs);
	vhold_free(vs);
	vs->so->user = NULL;
	vs->so->wake = NULL;
	sock_close(vs->so);
	vs->so = NULL;
	if (vs->type != SOCK_STREAM && --vs->n->n_dgrams == 0)
		dgram_notes_free(vs->n);
	free(vs->held);
	free(vs->unsent);
	vs->held = vs->unsent = NULL;
	vstamps_free(vs);
	vlowat_free(vs);
	list_del(&vs->dirty);
}

/* A caller's own descriptor: without the tomb calls would find nothing, and close() would
 * not end it. */
static bool is_open(const struct vsock *vs)
{
	return vs->n->front && vs->n->front->near && vsock_of_fd(vs->n, vs->pid_fd) == vs;
}

/* The oldest goes for good, unless a call still waits there. */
static void bound_tombs(struct node *n)
{
	list_for_safe(l, &n->tombs) {
		struct vsock *old = container_of(l, struct vsock, tomb);

		if (n->n_tombs <= TOMBS)
			return;
		if (list_empty(&old->calls) && list_empty(&old->callers) && !is_open(old)) {
			vsock_free(old);
			n->n_tombs--;
		}
	}
}

void vsock_entomb(struct vsock *vs)
{
	vs->n->n_tombs++;
	bound_tombs(vs->n);
	list_add_tail(&vs->n->tombs, &vs->tomb);	/* last: the caller may go on using it */
}

/* A number that is all its program has of it is asked for names until it is closed. What is
 * waited for has the kernel tell its end; until there is a pair for that the stack does. */
void vsock_bury(struct vsock *vs)
{
	if (!vs->so || (!vs->hup && !list_empty(&vs->watches) && vbare_dress(vs) < 0))
		return;
	sock_local(vs->so, &vs->local);
	vs->sock_gone = sock_peer(vs->so, &vs->remote) == 0;
	let_go(vs);
	vsock_changed(vs);
	if (!vs->bare || vs->hup)
		vsock_entomb(vs);
}

void vsock_drop(struct vsock *vs)
{
	vs->hup |= vs->bare;
	vsock_bury(vs);
}

void vsock_free_all(struct node *n)
{
	struct map_node *m;

	while ((m = map_next(&n->vsocks, NULL))) {
		struct vsock *vs = container_of(m, struct vsock, node);

		if (vs->so)
			let_go(vs);
		vsock_free(vs);
	}
	n->n_tombs = 0;
	vspare_end(n);
	vbare_close(n);
	dgram_notes_free(n);
	vpairs_free(n);
}

int vsock_bind(struct vsock *vs, const struct endpoint *ep)
{
	return vs->so ? sock_bind(vs->so, ep) : -EINVAL;
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
		vsock_undirect(vs, ep);
	return ret;
}

int vsock_take_error(struct vsock *vs, int app)
{
	int error = vs->error, native = 0;
	socklen_t len = sizeof(native);

	/* The pair's own error (a reset we made) is the same event. */
	getsockopt(app, SOL_SOCKET, SO_ERROR, &native, &len);
	if (vs->wd && !native)
		error = 0;	/* the program has read it from there */
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
		m->peer = vsock_redirect(vs, &m->peer);
		vsock_fit_family(vs, &m->peer);
	}
	return sock_send(vs->so, iov, n, flags, m);
}

ssize_t vsock_recvfrom(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
		       struct msg *m)
{
	ssize_t ret;

	if (vs->is_local)
		return vlocal_recv(vs, app, iov, n, flags, m);
	ret = dgram_recv(vs, app, iov, n, flags, m);
	if (ret >= 0)
		vsock_undirect(vs, &m->peer);
	return ret;
}
