/* serve_call.c - a client's messages are calls, and answers go back
 *
 * The other front end of call.h. A call's memory is what came with the message;
 * what a handler writes there makes it longer, up to the room that was asked
 * for, and goes back with the answer. Nothing of a message is believed: the
 * number must be in the table of calls, addresses are looked at one by one, and
 * a descriptor is only ever compared with those that were given out (vsock_of_fd).
 *
 * A client that does not read its answers keeps them here, and is not read from
 * meanwhile: so there are never more than it may have calls under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/kernel.h"
#include "node/serve.h"

#define WAITING_MAX	4096	/* calls of one user */

struct asked {
	struct call	c;
	struct list	of_client;	/* serve_client.asked */
	struct serve_client *cl;
	uint64_t	id;
	int		fd;		/* that came along; -1 */
	uint32_t	len, room;	/* of mem */
	uint32_t	lo, hi;		/* what was written of it */
	uint8_t		*mem;
};

/* A connection that a supervisor was given: did the program get it? */
struct given {
	struct list	link;		/* serve_client.given */
	uint64_t	id;		/* of the call */
	uint64_t	cookie, listener;
};

struct reply {
	struct list	link;		/* serve_client.answers */
	struct serve_answer an;
	int		fd;		/* ours to close; -1 */
	size_t		len;
	uint8_t		mem[];
};

static struct asked *asked_of(const struct call *c)
{
	return container_of(c, struct asked, c);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- memory and descriptors --- */

static bool inside(const struct asked *a, uint64_t addr, size_t n)
{
	return addr >= SERVE_MEM && addr - SERVE_MEM <= a->room && n <= a->room - (addr - SERVE_MEM);
}

/* What did not come with the message is zero. */
static int mem_read(const struct call *c, uint64_t addr, void *buf, size_t n)
{
	const struct asked *a = asked_of(c);
	size_t at = addr - SERVE_MEM, there;

	if (!n)
		return 0;
	if (!inside(a, addr, n))
		return -EFAULT;
	there = at < a->len ? MIN(n, a->len - at) : 0;
	memset(buf, 0, n);
	if (there)
		memcpy(buf, a->mem + at, there);
	return 0;
}

static int mem_write(const struct call *c, uint64_t addr, const void *buf, size_t n)
{
	struct asked *a = asked_of(c);
	size_t at = addr - SERVE_MEM;

	if (!n)
		return 0;
	if (!inside(a, addr, n))
		return -EFAULT;
	if (at + n > a->len) {
		a->mem = xrealloc(a->mem, at + n);
		memset(a->mem + a->len, 0, at + n - a->len);
		a->len = (uint32_t)(at + n);
	}
	memcpy(a->mem + at, buf, n);
	a->lo = MIN(a->lo, (uint32_t)at);
	a->hi = MAX(a->hi, (uint32_t)(at + n));
	return 0;
}

/* The one that came along; whoever has it may say where it is to be found. */
static int fd_of(const struct call *c, int number)
{
	struct asked *a = asked_of(c);
	struct vsock *vs = a->fd >= 0 ? vsock_of_fd(c->of->node, a->fd) : NULL;
	int fd = a->fd;

	if (fd < 0)
		return -EBADF;
	if (vs) {
		vs->pid = c->pid;
		vs->pid_fd = number;
		vs->serial = a->cl->serial;
	}
	a->fd = -1;
	return fd;
}

static bool valid(const struct call *c)
{
	return !asked_of(c)->cl->gone;
}

/* --- answers --- */

/* 0, -EAGAIN: no room, or -errno: the client is lost. */
static int put(struct serve_client *cl, const struct serve_answer *an, const uint8_t *mem,
	       size_t len, int fd)
{
	union { char b[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ctl = { { 0 } };
	struct iovec iov[] = { { (void *)an, sizeof(*an) }, { (void *)mem, len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	if (fd >= 0) {
		struct cmsghdr *c;

		mh.msg_control = ctl.b;
		mh.msg_controllen = sizeof(ctl.b);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(cl->w.fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -errno;
}

static void keep(struct serve_client *cl, const struct serve_answer *an, const uint8_t *mem,
		 size_t len, int fd)
{
	struct reply *r = xmalloc(sizeof(*r) + len);

	*r = (struct reply){ .an = *an, .len = len, .fd = fd };
	if (len)
		memcpy(r->mem, mem, len);
	list_add_tail(&cl->answers, &r->link);
	loop_watch(cl->s->node->loop, &cl->w, EPOLLOUT);
}

static void reply_free(struct reply *r)
{
	list_del(&r->link);
	close_fd(&r->fd);
	free(r);
}

static void lost(struct serve_client *cl)
{
	cl->gone = true;
	serve_todo(cl);
}

static void flush(struct serve_client *cl)
{
	struct reply *r;
	int ret;

	while ((r = list_first(&cl->answers, struct reply, link))) {
		ret = put(cl, &r->an, r->mem, r->len, r->fd);
		if (ret == -EAGAIN)
			return;
		if (ret < 0) {
			lost(cl);
			return;
		}
		reply_free(r);
	}
	loop_watch(cl->s->node->loop, &cl->w, EPOLLIN);
}

/* 0 or -errno. fd stays the caller's. */
static int reply(struct asked *a, long ret, int fd, bool cloexec)
{
	struct serve_client *cl = a->cl;
	struct serve_answer an = { a->id, ret, a->lo, cloexec };
	size_t len = a->hi > a->lo ? a->hi - a->lo : 0;
	const uint8_t *mem = len ? a->mem + a->lo : NULL;
	int e;

	if (cl->gone)
		return -EPIPE;
	e = list_empty(&cl->answers) ? put(cl, &an, mem, len, fd) : -EAGAIN;
	if (e == -EAGAIN) {
		int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

		if (fd >= 0 && copy < 0)
			return -errno;
		keep(cl, &an, mem, len, copy);
		return 0;
	}
	if (e < 0)
		lost(cl);
	return e;
}

/* Ours goes first: a close() that follows is then the last one. */
static void answer(struct call *c, long value)
{
	close_fd(&c->app);
	close_fd(&asked_of(c)->fd);
	reply(asked_of(c), value, -1, false);
}

static int give(struct call *c, int fd, bool cloexec)
{
	struct asked *a = asked_of(c);
	struct serve_user *u = a->cl->user;
	int ret;

	if (u->uid != geteuid() && u->sockets >= a->cl->s->max_sockets)
		return -EMFILE;
	close_fd(&c->app);
	ret = reply(a, 0, fd, cloexec);
	if (ret == 0 && !a->cl->s->kernel) {	/* when one of the kernel's ends, nobody tells */
		c->owner = u;
		u->sockets++;
	}
	return ret;
}

static void given(struct call *c, struct vsock *vs)
{
	struct asked *a = asked_of(c);
	struct given *g;

	vs->serial = a->cl->serial;
	if (!a->cl->supervisor || !c->vs)
		return;
	g = xzalloc(sizeof(*g));
	*g = (struct given){ .id = a->id, .cookie = vs->cookie, .listener = c->vs->cookie };
	list_add_tail(&a->cl->given, &g->link);
	vs->unsure = true;
}

/* A socket of that user's is no more. */
static void owner_lost(struct calls *cs, void *owner)
{
	struct serve_user *u = owner;

	u->sockets--;
	serve_user_put(container_of(cs, struct serve, calls), u);
}

static void asked_free(struct call *c)
{
	struct asked *a = asked_of(c);

	close_fd(&a->fd);
	list_del(&a->of_client);
	a->cl->user->waiting--;
	free(a->mem);
	free(a);
}

/* A real socket, which needs nothing from us from then on. */
static long kernel_call(struct call *c)
{
	struct serve *s = container_of(c->of, struct serve, calls);
	int domain = (int)ARG(c, 0), type = (int)ARG(c, 1);
	int fd, ret;

	if (c->nr != SYS_socket)
		return CALL_CONTINUE;
	if (c->plain && (domain == AF_PACKET || (type & 0xf) == SOCK_RAW) && domain != AF_NETLINK)
		return -EPERM;
	fd = kernel_socket(kernel_of(s->kernel), domain, type | SOCK_CLOEXEC, (int)ARG(c, 2));
	if (fd < 0)
		return -errno;
	ret = call_give(c, fd, type & SOCK_CLOEXEC);
	close(fd);
	return ret < 0 ? ret : CALL_ANSWERED;
}

static const struct call_front kernel_front = {
	.handle = kernel_call,
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .valid = valid,
	.answer = answer, .free = asked_free, .period = NEVER,
};

static const struct call_front front = {
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .given = given,
	.valid = valid, .answer = answer, .free = asked_free, .lost = owner_lost, .period = NEVER,
};

/* --- the program's ends --- */

static void changed(struct vsock *vs)
{
	struct calls *cs = vs->n->user;

	call_again(&vs->calls);
	if (!vs->so && vs->owner) {
		owner_lost(cs, vs->owner);
		vs->owner = NULL;
	}
}

static bool is_of(pid_t pid, uid_t uid)
{
	struct stat sb;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return stat(path, &sb) == 0 && sb.st_uid == uid;
}

static struct serve_client *client_of(const struct serve *s, uint64_t serial)
{
	list_for(l, &s->clients) {
		struct serve_client *cl = container_of(l, struct serve_client, link);

		if (cl->serial == serial)
			return cl;
	}
	return NULL;
}

static int ask_supervisor(struct serve_client *cl, const struct vsock *vs)
{
	struct serve_end e = { vs->cookie, vs->inode, vs->pid, vs->pid_fd };
	struct serve_answer an = { .id = SERVE_EVENT };
	int ret = list_empty(&cl->answers) ? put(cl, &an, (uint8_t *)&e, sizeof(e), -1) : -EAGAIN;

	if (ret == -EAGAIN)
		keep(cl, &an, (uint8_t *)&e, sizeof(e), -1);
	return ret == 0 || ret == -EAGAIN ? -EINPROGRESS : -1;
}

/* Of a process that we may look into: one of our user's, mostly. Others see the end
 * of the stream where a reset should be, and are told it when they ask. A supervisor
 * can always tell. */
static int app_end(struct vsock *vs)
{
	struct serve_client *cl = client_of(container_of(vs->n->user, struct serve, calls), vs->serial);
	const struct serve_user *u = vs->owner;
	int pidfd, fd = -1;

	if (cl && cl->supervisor && !cl->gone)
		return ask_supervisor(cl, vs);
	if (!u || vs->pid <= 0 || !is_of(vs->pid, u->uid))
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, vs->pid, 0);
	if (pidfd >= 0)
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, vs->pid_fd, 0);
	if (pidfd >= 0)
		close(pidfd);
	if (fd >= 0 && vsock_of_fd(vs->n, fd) != vs)
		close_fd(&fd);
	return fd;
}

static const struct vsock_front ends = { .changed = changed, .app_end = app_end };

void serve_calls_init(struct serve *s)
{
	calls_init(&s->calls, s->node, s->kernel ? &kernel_front : &front);
	s->node->user = &s->calls;
	vsock_set_front(s->node, &ends);
}

/* --- messages --- */

static bool is_good(const struct serve_ask *m, size_t len)
{
	return len >= sizeof(*m) && m->magic == SERVE_MAGIC && m->room <= SERVE_ROOM &&
	       len - sizeof(*m) <= m->room;
}

/* Of the sockets that are given out each is such a one; to close others may block. */
static bool is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

static void take_fd(struct msghdr *mh, int *fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(mh);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
}

static struct asked *asked_new(struct serve_client *cl, const struct serve_ask *m,
			       const uint8_t *mem, size_t len, int fd)
{
	struct asked *a = xzalloc(sizeof(*a));

	call_init(&a->c, &cl->s->calls, m->nr, m->args);
	a->c.pid = m->pid > 0 ? m->pid : cl->cred.pid;
	a->c.plain = cl->cred.uid && cl->cred.uid != geteuid();
	a->cl = cl;
	a->id = m->id;
	a->fd = fd;
	a->len = (uint32_t)len;
	a->room = m->room;
	a->lo = UINT32_MAX;
	if (len) {
		a->mem = xmalloc(len);
		memcpy(a->mem, mem, len);
	}
	cl->user->waiting++;
	list_add_tail(&cl->asked, &a->of_client);
	return a;
}

/* One message. False: there is no use in talking to that client any more. */
static bool receive(struct serve_client *cl)
{
	union { char b[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ctl;
	struct serve_ask m;
	struct iovec iov[] = { { &m, sizeof(m) }, { cl->s->buf, SERVE_ROOM } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2,
			     .msg_control = ctl.b, .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n = recvmsg(cl->w.fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd = -1;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	take_fd(&mh, &fd);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || !is_good(&m, (size_t)n) ||
	    (fd >= 0 && !is_unix(fd))) {
		if (n)
			info("stack: client %d (user %u) sent what is no call", cl->cred.pid,
			     cl->cred.uid);
		if (fd >= 0)
			close_foreign(fd);
		return false;
	}
	cl->supervisor |= m.flags & SERVE_SUPERVISOR;
	cl->next = asked_new(cl, &m, cl->s->buf, (size_t)n - sizeof(m), fd);
	serve_todo(cl);
	return true;
}

void serve_client_ready(struct watch *w, uint32_t events)
{
	struct serve_client *cl = container_of(w, struct serve_client, w);

	if (cl->gone)
		return;
	if (events & EPOLLOUT)
		flush(cl);
	else if (!list_empty(&cl->answers))
		lost(cl);		/* hung up, with answers unread */
	else if (!cl->next && !receive(cl))
		lost(cl);
}

static void cancel(struct serve_client *cl, uint64_t id)
{
	list_for(l, &cl->asked) {
		struct asked *a = container_of(l, struct asked, of_client);

		if (a->id == id && !list_empty(&a->c.link)) {
			/* signal(7): a call with a timeout is never restarted */
			answer(&a->c, a->c.give_up == NEVER ? -ERESTARTSYS : -EINTR);
			call_free(&a->c);
			return;
		}
	}
}

static void told(struct serve_client *cl, struct given *g, bool taken)
{
	struct node *n = cl->s->node;
	struct vsock *vs = vsock_by_cookie(n, g->cookie), *l = vsock_by_cookie(n, g->listener);

	list_del(&g->link);
	free(g);
	if (!vs)
		return;
	vs->unsure = false;
	if (taken) {
		vsock_wake_now(vs);
		return;
	}
	owner_lost(&cl->s->calls, vs->owner);
	vs->owner = NULL;
	if (l && l->so && l->listening && !l->returned)
		vsock_unaccept(l, vs);
	else
		vsock_drop(vs);
}

static void told_of(struct serve_client *cl, uint64_t id, bool taken)
{
	list_for(l, &cl->given) {
		struct given *g = container_of(l, struct given, link);

		if (g->id == id) {
			told(cl, g, taken);
			return;
		}
	}
}

static void end_came(struct serve_client *cl, uint64_t cookie, int fd)
{
	struct vsock *vs = vsock_by_cookie(cl->s->node, cookie);

	if (vs && vs->resetting && vs->so && vs->serial == cl->serial)
		vsock_end(vs, fd >= 0 && vsock_of_fd(vs->n, fd) == vs ? fd : -1);
}

/* Those that wait for what this client would have told. */
static void tell_for(struct serve_client *cl)
{
	struct map *m = &cl->s->node->vsocks;
	struct map_node *next;

	while (!list_empty(&cl->given))
		told(cl, list_first(&cl->given, struct given, link), false);
	for (struct map_node *i = cl->supervisor ? map_next(m, NULL) : NULL; i; i = next) {
		struct vsock *vs = container_of(i, struct vsock, node);

		next = map_next(m, i);
		if (vs->resetting && vs->so && vs->serial == cl->serial)
			vsock_end(vs, -1);
	}
}

/* True if it is no call. */
static bool other(struct serve_client *cl, struct asked *a)
{
	switch (a->c.nr) {
	case SERVE_CANCEL:
		cancel(cl, a->id);
		return true;
	case SERVE_TAKEN:
	case SERVE_REFUSED:
		told_of(cl, a->id, a->c.nr == SERVE_TAKEN);
		return true;
	case SERVE_END:
		end_came(cl, a->id, a->fd);
		return true;
	}
	return false;
}

void serve_client_do(struct serve_client *cl)
{
	struct asked *a = cl->next;
	struct call *c;

	cl->next = NULL;
	if (!a)
		return;
	c = &a->c;
	if (other(cl, a)) {
		call_free(c);
	} else if (!call_trapped(c->nr, c->args)) {
		answer(c, CALL_CONTINUE);
		call_free(c);
	} else if (cl->user->waiting > WAITING_MAX) {
		answer(c, -ENOBUFS);
		call_free(c);
	} else {
		call_try(c);
	}
}

void serve_forget_calls(struct serve_client *cl)
{
	struct asked *a;
	struct reply *r;

	tell_for(cl);
	while ((a = list_first(&cl->asked, struct asked, of_client)))
		call_free(&a->c);
	while ((r = list_first(&cl->answers, struct reply, link)))
		reply_free(r);
	cl->next = NULL;
}
