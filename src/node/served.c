/* served.c - kind served: the sockets of a stack in another process
 *
 * What a call of ioth.h does here is what the kernel would: data goes by the
 * descriptor itself, and calls that name a socket's control are sent to the
 * server (serve.h). Which calls those are says the table that traps them under
 * ioth run (call_trapped). A descriptor that is not one of the server's pairs is
 * a real socket, of a server whose stack is the kernel's, and all its calls are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/serve.h"
#include "node/served_in.h"

#define P(pointer)	((uint64_t)(uintptr_t)(pointer))
#define CALL(name, ...)	served_call(SYS_##name, (uint64_t[6]){ __VA_ARGS__ })

static int served_socket(int domain, int type, int protocol)
{
	const uint64_t args[6] = { (unsigned)domain, (unsigned)type, (unsigned)protocol };
	int new = -1;
	long ret = served_ask(kind_current->data, SYS_socket, args, -1, &new);

	if (ret == CALL_CONTINUE)	/* no family of that stack's */
		ret = domain == AF_NETLINK ? -EPROTONOSUPPORT : -EAFNOSUPPORT;
	if (new >= 0)
		return new;
	errno = ret < 0 ? (int)-ret : EPROTO;
	return -1;
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

	if (!locators || !locators[0] || locators[1])
		return -EINVAL;
	pthread_once(&registered, served_once);
	s = xzalloc(sizeof(*s));
	s->path = xstrdup(locators[0]);
	s->stack = stack;
	list_init(&s->idle);
	if (served_begin(s) < 0) {
		int error = errno;

		free(s->path);
		free(s);
		return -error;
	}
	stack->data = s;
	pthread_mutex_lock(&served_lock);
	list_add_tail(&served_all, &s->link);
	pthread_mutex_unlock(&served_lock);
	return 0;
}

static int served_close(struct ioth *stack)
{
	struct served *s = stack->data;

	if (s->shared || fds_open(stack))
		return -EBUSY;
	pthread_mutex_lock(&served_lock);
	list_del(&s->link);
	served_drop_idle(s);
	pthread_mutex_unlock(&served_lock);
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

	pthread_mutex_lock(&served_lock);
	list_for(l, &served_all) {
		struct served *s = container_of(l, struct served, link);

		if (!serve_gave(&s->server, fd))
			continue;
		found = s->stack;
		__atomic_add_fetch(&found->calls, 1, __ATOMIC_SEQ_CST);
		break;
	}
	pthread_mutex_unlock(&served_lock);
	return found;
}
