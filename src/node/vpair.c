/* vpair.c - the socket pair between a program and us
 *
 * A stream is a pair of streams; a packet or netlink socket a SEQPACKET pair, which
 * keeps boundaries and tells when the program has closed its end. A datagram
 * socket is a datagram pair, which does not tell; but a datagram pair can show
 * the program an error that came (POLLERR, and a failing read), again and again.
 * The kernel's rule is that an end whose partner joins another while something
 * from it lies unread is told ECONNRESET. So our end is parted with an unread
 * byte of a helper of ours, and joined again by the name that both have in the
 * abstract namespace. Nobody else can send to a joined end (EPERM), and what
 * comes while it is parted is thrown away with the byte.
 *
 * That the program's last descriptor is closed is told by inotify, which watches
 * the socket's inode. Where that cannot be had (max_user_watches), it is a
 * SEQPACKET pair too, and errors are told to trapped calls only. The nodes of a
 * process that the background thread drives have one inotify and one helper in common (a
 * user may have 128 inotify descriptors), and the lock here; any of its threads may find
 * that an end is closed, and then says so to the node it is of.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/vsock_in.h"

struct name {
	struct sockaddr_un	sun;
	socklen_t		len;
};

struct vpairs {
	struct watch	w;		/* inotify */
	struct loop	*loop;
	struct map	map;		/* vsock.by_wd */
	int		helper;
	struct name	name;		/* the helper's */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* of maps; a node's comes before */
static struct vpairs *common;		/* of nodes that are stood_in; NULL: none yet */

static int join(int fd, const struct name *to)
{
	return connect(fd, (const struct sockaddr *)&to->sun, to->len);
}

/* In the abstract namespace, chosen by the kernel. */
static int name_it(int fd)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };

	return bind(fd, &sa, sizeof(sa.sa_family));
}

static bool name_of(int fd, bool peer, struct name *out)
{
	int (*get)(int, struct sockaddr *, socklen_t *) = peer ? getpeername : getsockname;

	out->len = sizeof(out->sun);
	return get(fd, (struct sockaddr *)&out->sun, &out->len) == 0;
}

/* --- the program's end is closed --- */

static struct vsock *by_wd(const struct vpairs *p, int wd)
{
	struct map_node *m = map_find(&p->map, (uint32_t)wd);

	return m ? container_of(m, struct vsock, by_wd) : NULL;
}

/* A closed one's name is gone; to be joined again changes nothing. */
bool vpair_is_closed(const struct vsock *vs)
{
	struct name end;

	return name_of(vs->w.fd, true, &end) && join(vs->w.fd, &end) < 0 && errno == ECONNREFUSED;
}

/* With its node's lock. Events were lost: is it closed? */
void vpair_look(struct vsock *vs)
{
	if (vs->wd && vpair_is_closed(vs))
		vs->hup = vs->readable = true;
}

static void look_at_all(const struct vpairs *p)
{
	for (struct map_node *m = map_next(&p->map, NULL); m; m = map_next(&p->map, m)) {
		struct vsock *vs = container_of(m, struct vsock, by_wd);

		loop_say(vs->n->loop, &vs->w, 0);
	}
}

static void one_event(struct vpairs *p, const struct inotify_event *ev)
{
	struct vsock *vs = by_wd(p, ev->wd);

	if (ev->mask & IN_Q_OVERFLOW)
		look_at_all(p);
	else if (vs && ev->mask & IN_CLOSE)
		loop_say(vs->n->loop, &vs->w, EPOLLHUP);
}

static void events_ready(struct watch *w, uint32_t events)
{
	struct vpairs *p = container_of(w, struct vpairs, w);
	union { struct inotify_event align; char b[4096]; } buf;
	ssize_t len;

	pthread_mutex_lock(&lock);
	while ((len = read(w->fd, buf.b, sizeof(buf.b))) > 0) {
		for (ssize_t at = 0; at < len;) {
			struct inotify_event ev;

			memcpy(&ev, buf.b + at, sizeof(ev));
			one_event(p, &ev);
			at += (ssize_t)(sizeof(ev) + ev.len);
		}
	}
	pthread_mutex_unlock(&lock);
}

static void pairs_close(struct vpairs *p)
{
	loop_unwatch(p->loop, &p->w);
	if (p->w.fd >= 0)
		close(p->w.fd);
	if (p->helper >= 0)
		close(p->helper);
	map_fini(&p->map);
	free(p);
}

static struct vpairs *pairs_open(struct loop *l)
{
	struct vpairs *p = xzalloc(sizeof(*p));

	p->loop = l;
	p->w = (struct watch){ .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .ready = events_ready };
	p->helper = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	map_init(&p->map);
	if (p->w.fd >= 0 && p->helper >= 0 && name_it(p->helper) == 0 &&
	    name_of(p->helper, false, &p->name) && loop_watch(l, &p->w, EPOLLIN) == 0)
		return p;
	pairs_close(p);
	return NULL;
}

static struct vpairs *pairs(struct node *n)
{
	if (!n->pairs && !n->stood_in)
		n->pairs = pairs_open(n->loop);
	if (n->pairs || !n->stood_in)
		return n->pairs;
	pthread_mutex_lock(&lock);
	if (!common)
		common = pairs_open(driver_common());
	n->pairs = common;
	pthread_mutex_unlock(&lock);
	return n->pairs;
}

void vpairs_free(struct node *n)
{
	if (n->pairs && !n->stood_in)
		pairs_close(n->pairs);
	n->pairs = NULL;
}

/* The child's nodes are new ones; the set that heard inotify is not there any more. */
void vpairs_fork(bool before, bool child)
{
	if (before) {
		pthread_mutex_lock(&lock);
		return;
	}
	if (child && common) {
		close(common->w.fd);
		close(common->helper);
		common = NULL;
	}
	pthread_mutex_unlock(&lock);
}

/* --- making one --- */

static int watch_end(const struct vpairs *p, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(p->w.fd, path, IN_CLOSE);
}

static int pair_of(const struct node *n, int type, int fd[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	if (n->fd_max && MAX(fd[0], fd[1]) >= n->fd_max) {
		close(fd[0]);
		close(fd[1]);
		return -EMFILE;
	}
	return 0;
}

int vpair(const struct node *n, int type, int fd[2])
{
	return pair_of(n, type == SOCK_STREAM ? SOCK_STREAM : SOCK_SEQPACKET, fd);
}

/* Both ends have names: to be joined by, and to be sent the byte. */
int vpair_dgram(struct node *n, int fd[2])
{
	struct vpairs *p = pairs(n);
	int wd = p ? pair_of(n, SOCK_DGRAM, fd) : -ENOSYS;

	if (wd < 0)
		return wd;
	wd = name_it(fd[0]) < 0 || name_it(fd[1]) < 0 ? -1 : watch_end(p, fd[1]);
	if (wd > 0)
		return wd;
	close(fd[0]);
	close(fd[1]);
	return -ENOSPC;
}

void vpair_began(struct vsock *vs, int wd)
{
	vs->wd = wd;
	if (!wd)
		return;
	pthread_mutex_lock(&lock);
	map_insert(&vs->n->pairs->map, &vs->by_wd, (uint32_t)wd);
	pthread_mutex_unlock(&lock);
}

void vpair_ended(struct vsock *vs)
{
	if (!vs->wd)
		return;
	pthread_mutex_lock(&lock);
	map_remove(&vs->n->pairs->map, &vs->by_wd);
	pthread_mutex_unlock(&lock);
	inotify_rm_watch(vs->n->pairs->w.fd, vs->wd);	/* it keeps the inode */
	vs->wd = 0;
}

/* --- errors --- */

/* Between the joins the program's own may be in the queue, and is lost: as a
 * datagram may be, and it was emptied just now. */
void vpair_error(struct vsock *vs)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct vpairs *p = vs->n->pairs;
	struct name end, own;

	if (!name_of(vs->w.fd, true, &end) || !name_of(vs->w.fd, false, &own))
		return;
	connect(vs->w.fd, &none, sizeof(none));
	sendto(p->helper, "", 1, MSG_DONTWAIT, (struct sockaddr *)&own.sun, own.len);
	join(vs->w.fd, &end);
	join(vs->w.fd, &p->name);	/* here the program's end hears of it */
	join(vs->w.fd, &end);
}

bool vpair_take_error(int app)
{
	socklen_t len = sizeof(int);
	int native = 0;

	getsockopt(app, SOL_SOCKET, SO_ERROR, &native, &len);
	return native;
}
