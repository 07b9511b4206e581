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
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/by_number.h"
#include "node/kind.h"
#include "node/serve.h"
#include "node/served_in.h"

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
	if (by_number_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || !error)
		return n;
	errno = error;
	return -1;
}

static ssize_t served_recvfrom(int fd, void *buf, size_t len, int flags,
			       struct sockaddr *addr, socklen_t *addrlen)
{
	return ended(fd, by_number_recvfrom(fd, buf, len, flags, addr, addrlen), len);
}

static ssize_t served_recv(int fd, void *buf, size_t len, int flags)
{
	return served_recvfrom(fd, buf, len, flags, NULL, NULL);
}

static ssize_t served_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t n = by_number_recvmsg(fd, msg, flags);

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
	.addr_later = true, .call = served_call,
	.f = {
		.socket = served_socket, .close = close, .bind = by_number_bind,
		.connect = by_number_connect, .listen = by_number_listen, .accept = by_number_accept,
		.getsockname = by_number_getsockname, .getpeername = by_number_getpeername,
		.setsockopt = by_number_setsockopt, .getsockopt = by_number_getsockopt,
		.shutdown = by_number_shutdown, .ioctl = by_number_ioctl, .fcntl = fcntl,
		.read = served_read, .readv = served_readv, .recv = served_recv,
		.recvfrom = served_recvfrom, .recvmsg = served_recvmsg,
		.write = write, .writev = writev, .send = send,
		.sendto = by_number_sendto, .sendmsg = by_number_sendmsg,
	},
	.more = {
		.accept4 = by_number_accept4, .resolvconf = resolve_machine_conf,
		.recvmmsg = by_number_recvmmsg,
		.sendmmsg = by_number_sendmmsg, .sendfile = sendfile, .splice = splice,
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
