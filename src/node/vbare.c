/* vbare.c - stream sockets without a pair, for programs that use them by calls alone
 *
 * The pair is what read(2), poll(2), fork and other processes need of a descriptor, and half of
 * what a short connection costs. A stack that is told that its program does without (plain=0)
 * gives out numbers that are copies of one and the same descriptor, an AF_UNIX socket that is
 * not connected: plain calls on it fail at once, and its cookie says that a number is still
 * ours. Bytes go by calls, readiness by vset.h. What only the kernel can do (a copy, a timeout,
 * sendfile, poll() together with others) makes the pair first, in place of the number, and the
 * socket is like any other from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "node/vset.h"
#include "node/vsock_in.h"

/* Cookies of ours: Linux counts from 1 upwards, and down from the largest. */
#define OURS	((uint64_t)1 << 62)
#define UNGIVEN	(OURS | (uint64_t)1 << 61)	/* or closed; of any number of sockets */

static uint64_t key(int fd)
{
	return OURS | (unsigned)fd;
}

int vbare_open(struct node *n)
{
	n->bare = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (n->bare < 0)
		return -errno;
	n->bare_cookie = vsock_cookie(n->bare);
	return 0;
}

void vbare_close(struct node *n)
{
	if (n->bare < 0)
		return;
	close(n->bare);
	n->bare = -1;
}

struct vsock *vbare_of_fd(struct node *n, int fd)
{
	return n->bare < 0 ? NULL : vsock_by_cookie(n, key(fd));
}

struct vsock *vbare_new(struct node *n)
{
	struct vsock *vs = vsock_alloc(n, -1, -1);

	vs->cookie = UNGIVEN;
	vs->bare = vs->is_local = true;
	return vs;
}

/* Closed: nobody will ask for its names. */
static void closed(struct vsock *vs)
{
	vs->hup = vs->eof_out = true;
	if (vs->so)
		vsock_pump(vs);
	else
		vsock_entomb(vs);
}

/* Who had the number before was closed by close(2). */
void vbare_given(struct vsock *vs)
{
	struct vsock *old = vsock_by_cookie(vs->n, key(vs->pid_fd));

	if (old) {
		vsock_rekey(old, UNGIVEN);
		closed(old);
	}
	vsock_rekey(vs, key(vs->pid_fd));
}

int vbare_end(struct vsock *vs, int fd)
{
	int ret;

	vsock_rekey(vs, UNGIVEN);
	ret = close(fd);
	closed(vs);
	return ret;
}

bool vbare_is_open(const struct vsock *vs)
{
	return vsock_cookie(vs->pid_fd) == vs->n->bare_cookie;
}

/* --- what is the descriptor's to keep, while there is none --- */

bool vbare_is_timeo(int level, int name)
{
	return level == SOL_SOCKET &&
	       (name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW || name == SO_SNDTIMEO_OLD ||
		name == SO_SNDTIMEO_NEW);
}

static bool is_out(int name)
{
	return name == SO_SNDTIMEO_OLD || name == SO_SNDTIMEO_NEW;
}

int vbare_set_timeo(struct vsock *vs, int name, const void *value, socklen_t len)
{
	struct timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, value, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= USEC_PER_SEC)
		return -EDOM;
	if (tv.tv_sec > INT32_MAX)
		tv.tv_sec = tv.tv_usec = 0;
	vs->timeo[is_out(name)] = tv.tv_sec * USEC_PER_SEC + tv.tv_usec;
	return 0;
}

int vbare_get_timeo(const struct vsock *vs, int name, void *value, socklen_t *len)
{
	usec t = vs->timeo[is_out(name)];
	struct timeval tv = { t / USEC_PER_SEC, t % USEC_PER_SEC };

	*len = MIN(*len, sizeof(tv));
	memcpy(value, &tv, *len);
	return 0;
}

static void keep_timeo(const struct vsock *vs, int name, int app)
{
	struct timeval tv;
	socklen_t len = sizeof(tv);

	vbare_get_timeo(vs, name, &tv, &len);
	if (tv.tv_sec || tv.tv_usec)
		setsockopt(app, SOL_SOCKET, name, &tv, sizeof(tv));
}

/* --- a pair --- */

/* In place of the number. */
static int take_place(struct vsock *vs, int app)
{
	int flags = fcntl(vs->pid_fd, F_GETFD);

	if (!vbare_is_open(vs))
		return -EBADF;
	if (vs->nonblock)
		fcntl(app, F_SETFL, O_NONBLOCK);
	keep_timeo(vs, SO_RCVTIMEO, app);
	keep_timeo(vs, SO_SNDTIMEO, app);
	return dup3(app, vs->pid_fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0 ? -errno : 0;
}

/* The pair of a connection that has ended: it says why, as vsock_end does. The front end is
 * told, as of any that ends: the tomb may be gone before the descriptor is. */
static void show_end(struct vsock *vs)
{
	if (vs->error)
		send(vs->pid_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(vs->w.fd);
	vs->w.fd = -1;
	vsock_changed(vs);
	vsock_entomb(vs);
}

static void show(struct vsock *vs)
{
	uint32_t ev = sock_events(vs->so);

	vs->news = true;
	if (vs->lowat)
		vs->is_local = false;	/* vlowat.c */
	if (vs->connecting || vs->failed || vs->listening)
		vsock_fill(vs, vs->pid_fd);
	if (vs->no_in)
		shutdown(vs->pid_fd, SHUT_RD);
	if (vs->eof_out)
		shutdown(vs->pid_fd, SHUT_WR);
	if (vs->eof_in)
		shutdown(vs->w.fd, SHUT_WR);
	if (vs->connected && vs->is_local && !vs->near && ev & EV_IN)
		vlocal_show(vs);
	if (vs->connected && !vs->near && !(ev & EV_OUT))
		vlocal_no_room(vs, vs->pid_fd);
	vsock_again(vs);
}

int vbare_dress(struct vsock *vs)
{
	uint32_t events = vs->w.events;
	int app;
	int ret = vs->bare ? vsock_pair(vs, &app) : 0;

	if (ret < 0 || !vs->bare)
		return ret;
	ret = vs->so ? loop_watch(vs->n->loop, &vs->w, events) : 0;
	if (ret == 0)
		ret = take_place(vs, app);
	close(app);
	if (ret < 0) {
		loop_unwatch(vs->n->loop, &vs->w);
		close(vs->w.fd);
		vs->w.fd = -1;
		vs->w.events = events;
		return ret == -ENOSPC ? -EMFILE : ret;
	}
	vs->bare = false;
	vsock_name(vs, vs->pid_fd);
	vs->n->front->dressed(vs);
	if (vs->so)
		show(vs);
	else
		show_end(vs);
	return 0;
}

/* Each is found by another key then: the table is gone through before. */
void vbare_dress_all(struct node *n)
{
	struct list all, *l;

	list_init(&all);
	for (struct map_node *m = map_next(&n->vsocks, NULL); m; m = map_next(&n->vsocks, m)) {
		struct vsock *vs = container_of(m, struct vsock, node);

		if (vs->bare && !vs->hup)
			list_add_tail(&all, &vs->unwatched);
	}
	while ((l = list_pop(&all)))
		vbare_dress(container_of(l, struct vsock, unwatched));
}
