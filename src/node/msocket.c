/* msocket.c - kind served: the sockets of a stack in another process
 *
 * What a call of ioth.h does here is what the kernel would: data goes by the
 * descriptor itself, and calls that name a socket's control are sent to the
 * server (serve.h). Which calls those are says the table that traps them under
 * ioth run (call_trapped). A descriptor that is not one of the server's pairs is
 * a real socket, of a server whose stack is the kernel's, and all its calls are.
 *
 * A connection carries one call at a time; threads that call at the same time
 * have one each, and those that are free wait in the stack's list. A child after
 * fork() makes its own.
 *
 * msocket() is that of View-OS: a stack is named by its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
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

struct served {
	struct list	link;		/* all */
	char		*path;
	struct ucred	server;
	struct list	idle;		/* connections nobody uses */
	struct ioth	*stack;
	bool		shared;		/* msocket's: it is not deleted */
};

static struct list all = LIST_INIT(all);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int result(long ret)
{
	if (ret >= 0)
		return (int)ret;
	errno = (int)-ret;
	return -1;
}

/* --- connections --- */

static void conn_free(struct conn *cn)
{
	close(cn->fd);
	free(cn->p.mem);
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
	pthread_mutex_lock(&lock);
	s->server = server;		/* another, if it was started anew */
	pthread_mutex_unlock(&lock);
	return cn;
}

static struct conn *conn_get(struct served *s)
{
	struct list *l;

	pthread_mutex_lock(&lock);
	l = list_pop(&s->idle);
	pthread_mutex_unlock(&lock);
	return l ? container_of(l, struct conn, link) : conn_new(s);
}

static void conn_put(struct served *s, struct conn *cn)
{
	pthread_mutex_lock(&lock);
	list_add_head(&s->idle, &cn->link);
	pthread_mutex_unlock(&lock);
}

static void drop_idle(struct served *s)
{
	struct list *l;

	while ((l = list_pop(&s->idle)))
		conn_free(container_of(l, struct conn, link));
}

/* The parent goes on with the connections: the child has none of them. */
static void in_child(void)
{
	list_for(l, &all)
		drop_idle(container_of(l, struct served, link));
	pthread_mutex_unlock(&lock);
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void once(void)
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

static struct served *current(void)
{
	return kind_current->data;
}

static void drop_all(struct served *s)
{
	pthread_mutex_lock(&lock);
	drop_idle(s);
	pthread_mutex_unlock(&lock);
}

/* The call, by the server; CALL_CONTINUE: it is the kernel's. Where a connection that
 * was kept is of a server that has ended, there may be a new one. */
static long ask(struct served *s, int nr, const uint64_t args[6], int fd, int *new)
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

/* As syscall(2), with errno. */
static long call(int nr, uint64_t args[6])
{
	struct serve_mem mem = { mem_read, mem_write, 0 };
	struct served *s = current();
	int fd = (int)args[0], new = -1;
	long ret = CALL_CONTINUE;

	if (call_trapped(nr, args) && serve_gave(&s->server, fd) &&
	    !serve_is_data(&mem, fd, nr, args))
		ret = ask(s, nr, args, fd, &new);
	if (ret == CALL_CONTINUE)
		return syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (new >= 0)
		return new;
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

#define P(pointer)	((uint64_t)(uintptr_t)(pointer))
#define CALL(name, ...)	call(SYS_##name, (uint64_t[6]){ __VA_ARGS__ })

/* --- the kind --- */

static int served_socket(int domain, int type, int protocol)
{
	const uint64_t args[6] = { (unsigned)domain, (unsigned)type, (unsigned)protocol };
	int new = -1;
	long ret = ask(current(), SYS_socket, args, -1, &new);

	if (ret == CALL_CONTINUE)	/* no family of that stack's */
		ret = domain == AF_NETLINK ? -EPROTONOSUPPORT : -EAFNOSUPPORT;
	return new >= 0 ? new : result(ret < 0 ? ret : -EPROTO);
}

static int served_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(bind, (unsigned)fd, P(addr), len);
}

static int served_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(connect, (unsigned)fd, P(addr), len);
}

static int served_listen(int fd, int backlog)
{
	return (int)CALL(listen, (unsigned)fd, (unsigned)backlog);
}

static int served_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return (int)CALL(accept4, (unsigned)fd, P(addr), P(len), (unsigned)flags);
}

static int served_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return served_accept4(fd, addr, len, 0);
}

static int served_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getsockname, (unsigned)fd, P(addr), P(len));
}

static int served_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getpeername, (unsigned)fd, P(addr), P(len));
}

static int served_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)CALL(setsockopt, (unsigned)fd, (unsigned)level, (unsigned)name, P(value), len);
}

static int served_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)CALL(getsockopt, (unsigned)fd, (unsigned)level, (unsigned)name, P(value),
			 P(len));
}

static int served_shutdown(int fd, int how)
{
	return (int)CALL(shutdown, (unsigned)fd, (unsigned)how);
}

static int served_ioctl(int fd, unsigned long cmd, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)CALL(ioctl, (unsigned)fd, cmd, P(arg));
}

static int served_fcntl(int fd, int cmd, ...)
{
	long arg;
	va_list ap;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return fcntl(fd, cmd, arg);
}

static ssize_t served_sendto(int fd, const void *buf, size_t len, int flags,
			     const struct sockaddr *addr, socklen_t addrlen)
{
	return CALL(sendto, (unsigned)fd, P(buf), len, (unsigned)flags, P(addr), addrlen);
}

static ssize_t served_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return CALL(sendmsg, (unsigned)fd, P(msg), (unsigned)flags);
}

static int served_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	return (int)CALL(sendmmsg, (unsigned)fd, P(v), n, (unsigned)flags);
}

static int served_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags,
			   struct timespec *timeout)
{
	return (int)CALL(recvmmsg, (unsigned)fd, P(v), n, (unsigned)flags, P(timeout));
}

/* The end of a stream may have been a reset, if the server could not reach our end to
 * show it. */
static ssize_t ended(int fd, ssize_t n, size_t len)
{
	int type = 0, error = 0;
	socklen_t size = sizeof(int);

	if (n != 0 || !len || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_STREAM)
		return n;
	size = sizeof(error);
	if (served_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || !error)
		return n;
	errno = error;
	return -1;
}

static ssize_t served_recvfrom(int fd, void *buf, size_t len, int flags,
			       struct sockaddr *addr, socklen_t *addrlen)
{
	return ended(fd, CALL(recvfrom, (unsigned)fd, P(buf), len, (unsigned)flags, P(addr),
			       P(addrlen)), len);
}

static ssize_t served_recv(int fd, void *buf, size_t len, int flags)
{
	return served_recvfrom(fd, buf, len, flags, NULL, NULL);
}

static ssize_t served_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t n = CALL(recvmsg, (unsigned)fd, P(msg), (unsigned)flags);

	return n ? n : ended(fd, n, msg->msg_iovlen);
}

static ssize_t served_read(int fd, void *buf, size_t len)
{
	return ended(fd, read(fd, buf, len), len);
}

static ssize_t served_readv(int fd, const struct iovec *iov, int n)
{
	return ended(fd, readv(fd, iov, n), (size_t)n);
}

/* locators[0]: the path. What cannot be reached is none. */
static int served_open(struct ioth *stack, const char *locators[], const char *options)
{
	static pthread_once_t registered = PTHREAD_ONCE_INIT;
	struct served *s;
	struct conn *cn;

	if (!locators || !locators[0] || locators[1])
		return -EINVAL;
	pthread_once(&registered, once);
	s = xzalloc(sizeof(*s));
	s->path = xstrdup(locators[0]);
	s->stack = stack;
	list_init(&s->idle);
	cn = conn_new(s);
	if (!cn) {
		int error = errno;

		free(s->path);
		free(s);
		return -error;
	}
	stack->data = s;
	conn_put(s, cn);
	pthread_mutex_lock(&lock);
	list_add_tail(&all, &s->link);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int served_close(struct ioth *stack)
{
	struct served *s = stack->data;

	if (s->shared || fds_open(stack))
		return -EBUSY;
	pthread_mutex_lock(&lock);
	list_del(&s->link);
	drop_idle(s);
	pthread_mutex_unlock(&lock);
	free(s->path);
	free(s);
	return 0;
}

const struct kind kind_served = {
	.name = "served", .open = served_open, .close = served_close,
	.addr_later = true,
	.f = {
		.socket = served_socket, .close = close, .bind = served_bind,
		.connect = served_connect, .listen = served_listen, .accept = served_accept,
		.getsockname = served_getsockname, .getpeername = served_getpeername,
		.setsockopt = served_setsockopt, .getsockopt = served_getsockopt,
		.shutdown = served_shutdown, .ioctl = served_ioctl, .fcntl = served_fcntl,
		.read = served_read, .readv = served_readv, .recv = served_recv,
		.recvfrom = served_recvfrom, .recvmsg = served_recvmsg,
		.write = write, .writev = writev, .send = send,
		.sendto = served_sendto, .sendmsg = served_sendmsg,
	},
	.more = {
		.accept4 = served_accept4, .resolvconf = resolve_machine_conf,
		.recvmmsg = served_recvmmsg,
		.sendmmsg = served_sendmmsg, .sendfile = sendfile, .splice = splice,
	},
};

struct ioth *served_of_dup(int fd)
{
	struct ioth *found = NULL;

	pthread_mutex_lock(&lock);
	list_for(l, &all) {
		struct served *s = container_of(l, struct served, link);

		if (!serve_gave(&s->server, fd))
			continue;
		found = s->stack;
		__atomic_add_fetch(&found->calls, 1, __ATOMIC_SEQ_CST);
		break;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* --- msocket --- */

static struct ioth *shared_at(const char *path)
{
	list_for(l, &all) {
		struct served *s = container_of(l, struct served, link);

		if (s->shared && strcmp(s->path, path) == 0)
			return s->stack;
	}
	return NULL;
}

/* The stack at path, which stays from then on; NULL with errno. */
static struct ioth *stack_at(const char *path)
{
	struct ioth *s;

	pthread_mutex_lock(&lock);
	s = shared_at(path);
	pthread_mutex_unlock(&lock);
	if (s)
		return s;
	s = ioth_newstack("served", path);
	if (s)
		((struct served *)s->data)->shared = true;
	return s;
}

static struct ioth *host_stack(void)
{
	static struct ioth *host;

	pthread_mutex_lock(&lock);
	if (!host)
		host = ioth_newstack(NULL, NULL);
	pthread_mutex_unlock(&lock);
	return host;
}

/* Of each family, in the environment: programs that are executed begin with it. */
static const struct family {
	int		domain;
	const char	*env;
} families[] = {
	{ AF_UNSPEC,	"IOTH_STACK" },		/* those that have none of their own */
	{ AF_INET,	"IOTH_STACK_INET" },
	{ AF_INET6,	"IOTH_STACK_INET6" },
	{ AF_NETLINK,	"IOTH_STACK_NETLINK" },
	{ AF_PACKET,	"IOTH_STACK_PACKET" },
};

static const char *default_path(int domain)
{
	const char *path = NULL;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const char *v = families[i].domain == AF_UNSPEC || families[i].domain == domain ?
				getenv(families[i].env) : NULL;

		if (v)
			path = v;
	}
	return path && *path ? path : NULL;
}

bool msocket_default(int domain, struct ioth **s)
{
	const char *path = default_path(domain);

	if (path)
		*s = stack_at(path);
	return path != NULL;
}

void msocket_forget(void)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		unsetenv(families[i].env);
}

/* path NULL: the machine's own again, which "" says where there is another for all. */
static int set_default(const char *path, int domain)
{
	const struct family *f = families;
	struct ucred server;

	while (f < families + ARRAY_LEN(families) && f->domain != domain)
		f++;
	if (f == families + ARRAY_LEN(families))
		return result(-EAFNOSUPPORT);
	if (path && *path) {
		int conn = serve_connect(path, &server);

		if (conn < 0)
			return result(conn);
		close(conn);
	}
	if (domain == AF_UNSPEC)
		msocket_forget();
	return setenv(f->env, path ? path : "", 1);
}

int msocket(const char *path, int domain, int type, int protocol)
{
	struct ioth *s = NULL;

	if ((type & 0xf) == SOCK_DEFAULT)
		return type == SOCK_DEFAULT ? set_default(path, domain) : result(-EINVAL);
	if (path && *path && !(s = stack_at(path)))
		return -1;
	return ioth_msocket(path && !*path ? host_stack() : s, domain, type, protocol);
}
