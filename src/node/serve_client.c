/* serve_client.c - the messages of a stack server's clients: calls come, answers go
 *
 * Nothing of a message is believed: the number must be in the table of calls, and a
 * descriptor is one of those that were given out (vsock_of_fd), or is closed.
 *
 * A client that does not read its answers keeps them here, and is not read from
 * meanwhile: so there are never more than it may have calls under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rights.h"
#include "base/stranger.h"
#include "node/serve_in.h"

#define MEMORY_MAX	(32u << 20)	/* of one user's calls */

struct reply {
	struct list	link;		/* serve_client.answers */
	struct serve_answer an;
	int		fd;		/* ours to close; -1 */
	size_t		len;
	uint8_t		mem[];
};

/* --- answers --- */

/* 0, -EAGAIN: no room, or -errno: the client is lost, but for -ETOOMANYREFS, when all of
 * our user's processes have too many descriptors under way (unix(7)). */
static int put(struct serve_client *cl, const struct serve_answer *an, const uint8_t *mem,
	       size_t len, int fd)
{
	RIGHTS(1) ctl;
	struct iovec iov[] = { { (void *)an, sizeof(*an) }, { (void *)mem, len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	if (fd >= 0)
		rights_put(&mh, &ctl, &fd, 1);
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

void serve_client_lost(struct serve_client *cl)
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
			serve_client_lost(cl);
			return;
		}
		reply_free(r);
	}
	loop_watch(cl->s->node->loop, &cl->w, EPOLLIN);
}

int serve_reply(struct asked *a, long ret, int fd, bool cloexec)
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
	if (e < 0 && e != -ETOOMANYREFS)
		serve_client_lost(cl);
	return e;
}

int serve_event(struct serve_client *cl, const void *event, size_t len)
{
	struct serve_answer an = { .id = SERVE_EVENT };
	int ret = list_empty(&cl->answers) ? put(cl, &an, event, len, -1) : -EAGAIN;

	if (ret == -EAGAIN)
		keep(cl, &an, event, len, -1);
	return ret == -EAGAIN ? 0 : ret;
}

/* --- messages --- */

static bool is_good(const struct serve_ask *m, size_t len)
{
	return len >= sizeof(*m) && m->magic == SERVE_MAGIC && m->room <= SERVE_ROOM &&
	       len - sizeof(*m) <= m->room;
}

/* Of the sockets that are given out each is such a one. */
static bool is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

/* Only what was given out is kept: of all else we could be the last who has it, and to
 * close that may take as long as a stranger likes. Also a socket of AF_UNIX: others may
 * lie in its queue. */
static bool is_ours(const struct serve_client *cl, int fd)
{
	return vsock_of_fd(cl->s->node, fd) || netlink_of_fd(&cl->s->calls, fd);
}

static struct asked *asked_new(struct serve_client *cl, const struct serve_ask *m,
			       const uint8_t *mem, size_t len, int fd)
{
	struct asked *a = xzalloc(sizeof(*a));

	call_init(&a->c, &cl->s->calls, m->nr, m->args);
	a->c.pid = m->pid > 0 ? m->pid : cl->cred.pid;
	a->c.plain = is_other_user(cl);
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
	cl->user->memory += len;
	cl->user->waiting++;
	list_add_tail(&cl->asked, &a->of_client);
	return a;
}

/* One message. False: there is no use in talking to that client any more. */
static bool receive(struct serve_client *cl)
{
	RIGHTS(RIGHTS_MAX) ctl;
	int fds[RIGHTS_MAX];
	struct serve_ask m;
	struct iovec iov[] = { { &m, sizeof(m) }, { cl->s->buf, SERVE_ROOM } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2,
			     .msg_control = ctl.b, .msg_controllen = sizeof(ctl.b) };
	ssize_t n = recvmsg(cl->w.fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t n_fds;
	bool ours;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	n_fds = rights_all(&mh, fds, RIGHTS_MAX);
	ours = n_fds == 1 && is_ours(cl, fds[0]);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || !is_good(&m, (size_t)n) || n_fds > 1 ||
	    (n_fds && !ours && !is_unix(fds[0]))) {
		if (n)
			info("stack: client %d (user %u) sent what is no call", cl->cred.pid,
			     cl->cred.uid);
		stranger_close_all(fds, n_fds, cl->cred.uid);
		return false;
	}
	if (n_fds && !ours) {		/* as interfaces may be asked for on any socket */
		stranger_close_all(fds, n_fds, cl->cred.uid);
		fds[0] = fcntl(cl->s->any, F_DUPFD_CLOEXEC, 0);
	}
	cl->supervisor |= m.flags & SERVE_SUPERVISOR;
	cl->next = asked_new(cl, &m, cl->s->buf, (size_t)n - sizeof(m), n_fds ? fds[0] : -1);
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
		serve_client_lost(cl);		/* hung up, with answers unread */
	else if (!cl->next && !receive(cl))
		serve_client_lost(cl);
}

static void cancel(struct serve_client *cl, uint64_t id)
{
	list_for(l, &cl->asked) {
		struct asked *a = container_of(l, struct asked, of_client);

		if (a->id == id && !list_empty(&a->c.link)) {
			/* signal(7): a call with a timeout is never restarted */
			serve_answer(&a->c, a->c.give_up == NEVER ? -ERESTARTSYS : -EINTR);
			call_free(&a->c);
			return;
		}
	}
}

/* Who says that nobody got it may have used it. */
static bool is_untouched(const struct vsock *vs)
{
	return vs->so && vs->connected && list_empty(&vs->calls);
}

static void told(struct serve_client *cl, struct given *g, bool taken)
{
	struct node *n = cl->s->node;
	struct vsock *vs = vsock_by_cookie(n, g->cookie), *l = vsock_by_cookie(n, g->listener);

	list_del(&g->link);
	cl->n_given--;
	free(g);
	if (!vs)
		return;
	vs->unsure = false;
	if (taken) {
		vsock_wake_now(vs);
		return;
	}
	if (vs->owner)
		serve_owner_lost(&cl->s->calls, vs->owner);
	vs->owner = NULL;
	if (l && l->so && l->listening && !l->returned && is_untouched(vs))
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

/* Those that wait for what this client would have told; and those that it was connecting
 * are not to be kept open by us. */
static void tell_for(struct serve_client *cl)
{
	struct map *m = &cl->s->node->vsocks;
	struct map_node *next;

	while (!list_empty(&cl->given))
		told(cl, list_first(&cl->given, struct given, link), false);
	for (struct map_node *i = map_next(m, NULL); i; i = next) {
		struct vsock *vs = container_of(i, struct vsock, node);

		next = map_next(m, i);
		if (!vs->so || vs->serial != cl->serial)
			continue;
		vsock_unhide(vs);
		if (vs->resetting)
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

/* Who has his share may have closed some of it just before. */
static void look_at_share(const struct serve_client *cl)
{
	if (cl->next && cl->user->sockets >= cl->s->max_sockets)
		node_poll(cl->s->node);
}

void serve_client_do(struct serve_client *cl)
{
	struct asked *a;
	struct call *c;

	look_at_share(cl);
	a = cl->next;
	cl->next = NULL;
	if (!a)
		return;
	c = &a->c;
	if (other(cl, a)) {
		call_free(c);
	} else if (!call_trapped(c->nr, c->args)) {
		serve_answer(c, CALL_CONTINUE);
		call_free(c);
	} else if (cl->user->waiting > cl->s->max_waiting || cl->user->memory > MEMORY_MAX) {
		serve_answer(c, -ENOBUFS);
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
	while ((a = list_first(&cl->asked, struct asked, of_client))) {
		give_back(cl, &a->c.app);
		call_free(&a->c);
	}
	while ((r = list_first(&cl->answers, struct reply, link)))
		reply_free(r);
	cl->next = NULL;
}
