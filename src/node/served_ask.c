/* served_ask.c - connections to a stack server, and calls by them
 *
 * A connection carries one call at a time; threads that call at the same time
 * have one each, and those that are free wait in the stack's list. A child after
 * fork() makes its own.
 */
#include "node/served_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/serve.h"

struct conn {
	struct list	link;		/* served.idle */
	int		fd;
	struct serve_pack p;
	uint64_t	id;
	bool		timed;		/* SO_RCVTIMEO is set */
};

struct list served_all = LIST_INIT(served_all);
pthread_mutex_t served_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- connections --- */

static void conn_free(struct conn *cn)
{
	close(cn->fd);
	serve_pack_end(&cn->p);
	free(cn);
}

static struct conn *conn_new(struct served *s)
{
	struct ucred server;
	struct conn *cn;
	int fd = serve_connect(s->path, &server);

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	cn = xzalloc(sizeof(*cn));
	cn->fd = fd;
	cn->p.mem = xmalloc(SERVE_ROOM);
	cn->p.ahead = -1;
	pthread_mutex_lock(&served_lock);
	s->server = server;		/* another, if it was started anew */
	pthread_mutex_unlock(&served_lock);
	return cn;
}

static struct conn *conn_get(struct served *s)
{
	struct list *l;

	pthread_mutex_lock(&served_lock);
	l = list_pop(&s->idle);
	pthread_mutex_unlock(&served_lock);
	return l ? container_of(l, struct conn, link) : conn_new(s);
}

static void conn_put(struct served *s, struct conn *cn)
{
	pthread_mutex_lock(&served_lock);
	list_add_head(&s->idle, &cn->link);
	pthread_mutex_unlock(&served_lock);
}

void served_drop_idle(struct served *s)
{
	struct list *l;

	while ((l = list_pop(&s->idle)))
		conn_free(container_of(l, struct conn, link));
}

/* The parent goes on with the connections: the child has none of them. */
static void in_child(void)
{
	list_for(l, &served_all)
		served_drop_idle(container_of(l, struct served, link));
	pthread_mutex_unlock(&served_lock);
}

static void before_fork(void)
{
	pthread_mutex_lock(&served_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&served_lock);
}

void served_once(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

/* --- a call --- */

/* By the kernel, which knows a pointer to nowhere; where it is not asked so, by hand. */
static int copy(bool writing, uint64_t addr, void *buf, size_t n)
{
	struct iovec here = { buf, n }, there = { (void *)(uintptr_t)addr, n };
	ssize_t done;

	if (!n)
		return 0;
	done = writing ? process_vm_writev(getpid(), &here, 1, &there, 1, 0) :
			 process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	if (done == (ssize_t)n)
		return 0;
	if (done >= 0 || errno == EFAULT || !addr)
		return -EFAULT;
	memcpy(writing ? there.iov_base : buf, writing ? buf : there.iov_base, n);
	return 0;
}

static int mem_read(const struct serve_mem *m, uint64_t addr, void *buf, size_t n)
{
	return copy(false, addr, buf, n);
}

static int mem_write(const struct serve_mem *m, uint64_t addr, const void *buf, size_t n)
{
	return copy(true, addr, (void *)buf, n);
}

static struct serve_pack *the_call(void *ctx, uint64_t id)
{
	struct conn *cn = ctx;

	return cn->id == id ? &cn->p : NULL;
}

/* A handler of the caller's has run that is not to restart the call: the server is
 * asked to end it. What it says then may still be the result. */
static int cancel(struct conn *cn)
{
	struct serve_pack c = { .ask = { .magic = SERVE_MAGIC, .nr = SERVE_CANCEL, .id = cn->id } };

	return serve_send(cn->fd, &c, -1, 0);
}

static int await(struct conn *cn, struct serve_answer *an, int *fd)
{
	bool cancelled = false;
	int ret;

	for (;;) {
		ret = serve_recv(cn->fd, an, 0, fd, the_call, cn);
		if (ret == -EAGAIN)	/* never_restart()'s */
			continue;
		if (ret == -EINTR && !cancelled) {
			cancelled = true;
			ret = cancel(cn);
			if (ret == 0)
				continue;
		}
		if (ret != -EINTR && (ret < 0 || an->id == cn->id))
			return ret;
	}
}

/* signal(7): a call of a socket with a timeout ends with EINTR even if the handler's
 * restarts calls, and so does what waits for the answer if that has a timeout. */
static void never_restart(struct conn *cn, int fd)
{
	static const struct timeval none = { 0, 0 }, some = { 60, 0 };
	struct timeval in = none, out = none;
	socklen_t len = sizeof(in);
	bool timed;

	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &in, &len);
	len = sizeof(out);
	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &out, &len);
	timed = in.tv_sec || in.tv_usec || out.tv_sec || out.tv_usec;
	if (timed != cn->timed)
		setsockopt(cn->fd, SOL_SOCKET, SO_RCVTIMEO, timed ? &some : &none, sizeof(some));
	cn->timed = timed;
}

/* Calls that give a descriptor want a number to be free before they do anything. */
static int has_room(const struct conn *cn, int nr)
{
	int fd;

	if (nr != SYS_socket && nr != SYS_accept && nr != SYS_accept4)
		return 0;
	fd = fcntl(cn->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#define UNSENT	(-100003)	/* the connection had ended */

/* The answer, or -errno: it was not to be had. *new: the descriptor that came. */
static long converse(struct served *s, struct conn *cn, int fd, int *new)
{
	struct serve_mem mem = { mem_read, mem_write, getpid() };
	struct serve_answer an;
	int ret;

	cn->p.ask.id = ++cn->id;
	if (fd >= 0)
		never_restart(cn, fd);
	ret = serve_send(cn->fd, &cn->p, fd, 0);
	if (ret < 0) {
		conn_free(cn);
		return ret == -EPIPE || ret == -ECONNRESET ? UNSENT : ret;
	}
	ret = await(cn, &an, new);
	if (ret < 0) {
		conn_free(cn);
		return ret == -EPROTO ? -EPROTO : -ECONNRESET;
	}
	if (an.ret == -ERESTARTSYS)
		an.ret = -EINTR;
	ret = serve_unpack(&cn->p, &mem, an.ret);
	if (*new >= 0 && ret < 0) {
		close(*new);
		*new = -1;
	} else if (*new >= 0 && !an.cloexec) {
		fcntl(*new, F_SETFD, 0);
	}
	conn_put(s, cn);
	return ret < 0 ? ret : an.ret;
}

static void drop_all(struct served *s)
{
	pthread_mutex_lock(&served_lock);
	served_drop_idle(s);
	pthread_mutex_unlock(&served_lock);
}

/* Where a connection that was kept is of a server that has ended, there may be a new one. */
long served_ask(struct served *s, int nr, const uint64_t args[6], int fd, int *new)
{
	struct serve_mem mem = { mem_read, mem_write, getpid() };
	struct conn *cn = conn_get(s);
	long ret;

	if (!cn)
		return -errno;
	ret = has_room(cn, nr);
	if (ret == 0)
		ret = serve_pack(&cn->p, &mem, nr, args);
	if (ret) {
		conn_put(s, cn);
		return ret;
	}
	ret = converse(s, cn, fd, new);
	if (ret != UNSENT)
		return ret;
	drop_all(s);
	cn = conn_new(s);
	if (!cn)
		return -errno;
	ret = serve_pack(&cn->p, &mem, nr, args);
	ret = ret ? ret : converse(s, cn, fd, new);
	return ret == UNSENT ? -ECONNRESET : ret;
}

long served_call(int nr, uint64_t args[6])
{
	struct serve_mem mem = { mem_read, mem_write, 0 };
	struct served *s = kind_current->data;
	int fd = (int)args[0], new = -1;
	long ret = CALL_CONTINUE;
	struct ucred server;

	pthread_mutex_lock(&served_lock);
	server = s->server;		/* another thread may find a new one there */
	pthread_mutex_unlock(&served_lock);
	if (call_trapped(nr, args) && serve_gave(&server, fd) &&
	    !serve_is_data(&mem, fd, nr, args))
		ret = served_ask(s, nr, args, fd, &new);
	if (ret == CALL_CONTINUE)
		return syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (new >= 0)
		return new;
	return libc_result(ret);
}

int served_begin(struct served *s)
{
	struct conn *cn = conn_new(s);

	if (!cn)
		return -1;
	conn_put(s, cn);
	return 0;
}
