/* serve_call.c - what a client of a stack server asks for, as a call
 *
 * The other front end of call.h. A call's memory is what came with the message;
 * what a handler writes there makes it longer, up to the room that was asked
 * for, and goes back with the answer. Addresses are looked at one by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stranger.h"
#include "node/kernel.h"
#include "node/serve_in.h"

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
		a->cl->user->memory += at + n - a->len;
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

/* Ours goes first: a close() that follows is then the last one. */
void serve_answer(struct call *c, long value)
{
	give_back(asked_of(c)->cl, &c->app);
	give_back(asked_of(c)->cl, &asked_of(c)->fd);
	serve_reply(asked_of(c), value, -1, false);
}

/* What was sent before has been received, all of it. */
static void has_read(struct serve_client *cl)
{
	int bytes = 0;

	if (!cl->unread || ioctl(cl->w.fd, SIOCOUTQ, &bytes) < 0 || bytes || !list_empty(&cl->answers))
		return;
	cl->user->unread -= cl->unread;
	cl->unread = 0;
}

/* Those under way count to what our user may have under way (unix(7), ETOOMANYREFS), and
 * real sockets to nothing else: who does not read his gets no more. */
static bool may_send(struct serve_client *cl)
{
	struct serve *s = cl->s;

	has_read(cl);
	if (cl->user->unread < s->max_unread)
		return true;
	list_for(l, &s->clients) {
		struct serve_client *other = container_of(l, struct serve_client, link);

		if (other->user == cl->user)
			has_read(other);
	}
	return cl->user->unread < s->max_unread;
}

static int give(struct call *c, int fd, bool cloexec)
{
	struct asked *a = asked_of(c);
	struct serve_user *u = a->cl->user;
	int ret;

	if (u->uid != geteuid() && (u->sockets >= a->cl->s->max_sockets || !may_send(a->cl)))
		return -EMFILE;
	give_back(a->cl, &c->app);
	ret = serve_reply(a, a->cl->s->kernel ? SERVE_AHEAD : 0, fd, cloexec);
	u->unread += ret == 0;
	a->cl->unread += ret == 0;
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
	if (++a->cl->n_given > a->cl->s->max_waiting)	/* it never tells: a liar */
		serve_client_lost(a->cl);
}

void serve_owner_lost(struct calls *cs, void *owner)
{
	struct serve_user *u = owner;

	u->sockets--;
	serve_user_put(container_of(cs, struct serve, calls), u);
}

static void asked_free(struct call *c)
{
	struct asked *a = asked_of(c);

	give_back(a->cl, &a->fd);
	list_del(&a->of_client);
	a->cl->user->waiting--;
	a->cl->user->memory -= a->len;
	free(a->mem);
	free(a);
}

/* No frames, nor others' packets: AF_INET's SOCK_PACKET is AF_PACKET to Linux. */
static bool is_plain(int domain, int type)
{
	return domain == AF_NETLINK ||
	       (domain != AF_PACKET && (type == SOCK_STREAM || type == SOCK_DGRAM));
}

/* A real socket, which needs nothing from us from then on. */
static long kernel_call(struct call *c)
{
	struct serve *s = container_of(c->of, struct serve, calls);
	int domain = (int)ARG(c, 0), type = (int)ARG(c, 1);
	int fd, ret;

	if (c->nr != SYS_socket)
		return CALL_CONTINUE;
	if (c->plain && !is_plain(domain, type & 0xf))
		return -EPERM;
	fd = kernel_socket(kernel_of(s->kernel), domain, type | SOCK_CLOEXEC, (int)ARG(c, 2));
	if (fd < 0)
		return -errno;
	ret = call_give(c, fd, type & SOCK_CLOEXEC);
	close(fd);
	return ret;			/* and this is the answer */
}

static const struct call_front kernel_front = {
	.handle = kernel_call,
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .valid = valid,
	.answer = serve_answer, .free = asked_free, .period = NEVER,
};

static const struct call_front front = {
	.read = mem_read, .write = mem_write, .fd = fd_of, .give = give, .given = given,
	.valid = valid, .answer = serve_answer, .free = asked_free, .lost = serve_owner_lost, .period = NEVER,
};

/* --- the program's ends --- */

static void changed(struct vsock *vs)
{
	struct calls *cs = vs->n->user;

	call_again(&vs->calls);
	if (!vs->so && vs->owner) {
		serve_owner_lost(cs, vs->owner);
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

	return serve_event(cl, &e, sizeof(e)) == 0 ? -EINPROGRESS : -1;
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
	if (fd < 0 || vsock_of_fd(vs->n, fd) == vs)
		return fd;
	stranger_close(fd, u->uid);	/* it took the number for another meanwhile */
	return -1;
}

/* Who has it from another user is not known. */
static uid_t whose(const struct vsock *vs)
{
	const struct serve_user *u = vs->owner;

	return u ? u->uid : (uid_t)-1;
}

static const struct vsock_front ends = {
	.changed = changed, .app_end = app_end, .whose = whose,
};

void serve_calls_init(struct serve *s)
{
	calls_init(&s->calls, s->node, s->kernel ? &kernel_front : &front);
	s->node->user = &s->calls;
	vsock_set_front(s->node, &ends);
}
