/* calls.c - the tables of calls: libc's, and the library's
 *
 * The cases also use pipes and AF_UNIX sockets, as programs do. The library knows
 * its own descriptors only and says EBADF of others; those go to libc, as a program
 * that uses both would do itself.
 */
#define CALLS_PLAIN
#include "lib/calls.h"

#include <errno.h>
#include <stdarg.h>

#include "ioth.h"
#include "lib/kinds.h"

const struct calls *calls = &libc_calls;

/* The word is an int for the commands that the cases use. */
int call_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	int arg = 0;

	va_start(ap, cmd);
	if (cmd != F_GETFL && cmd != F_GETFD)
		arg = va_arg(ap, int);
	va_end(ap);
	return calls->fcntl(fd, cmd, arg);
}

static int plain_fcntl(int fd, int cmd, long arg)
{
	return fcntl(fd, cmd, arg);
}

static int plain_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg);
}

static int plain_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return getsockopt(fd, level, name, value, len);
}

#define DATA_OF_LIBC							\
	.close = close, .read = read, .readv = readv, .recv = recv,	\
	.write = write, .writev = writev, .send = send
#define EVENTS_OF_LIBC							\
	.sendfile = sendfile, .splice = splice,				\
	.poll = poll, .select = select,					\
	.epoll_create1 = epoll_create1, .epoll_ctl = epoll_ctl, .epoll_wait = epoll_wait

const struct calls libc_calls = {
	DATA_OF_LIBC, EVENTS_OF_LIBC,
	.ioctl = plain_ioctl, .fcntl = plain_fcntl,
	.socket = socket, .bind = bind, .connect = connect, .listen = listen,
	.accept = accept, .accept4 = accept4, .getsockname = getsockname,
	.getpeername = getpeername, .setsockopt = setsockopt, .getsockopt = plain_getsockopt,
	.shutdown = shutdown, .sendto = sendto, .sendmsg = sendmsg, .sendmmsg = sendmmsg,
	.recvfrom = recvfrom, .recvmsg = recvmsg, .recvmmsg = recvmmsg,
	.if_nametoindex = if_nametoindex,
};

/* Did the library refuse what is open and not its own? */
static bool stranger(long ret, int fd)
{
	return ret < 0 && errno == EBADF && fcntl(fd, F_GETFD) >= 0;
}

static int lib_socket(int domain, int type, int proto)
{
	if (domain == AF_UNIX)
		return socket(domain, type, proto);
	return ioth_msocket(here, domain, type, proto);
}

static unsigned lib_if_nametoindex(const char *name)
{
	return ioth_if_nametoindex(here, name);
}

#define VIA_LIBRARY(type, name, params, args)			\
	static type lib_##name params				\
	{							\
		type ret = ioth_##name args;			\
								\
		return stranger(ret, fd) ? name args : ret;	\
	}

VIA_LIBRARY(int, close, (int fd), (fd))
VIA_LIBRARY(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
VIA_LIBRARY(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
VIA_LIBRARY(int, listen, (int fd, int backlog), (fd, backlog))
VIA_LIBRARY(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
VIA_LIBRARY(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
VIA_LIBRARY(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
VIA_LIBRARY(int, getpeername, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
VIA_LIBRARY(int, setsockopt, (int fd, int level, int name, const void *v, socklen_t n),
	    (fd, level, name, v, n))
VIA_LIBRARY(int, getsockopt, (int fd, int level, int name, void *v, socklen_t *n),
	    (fd, level, name, v, n))
VIA_LIBRARY(int, shutdown, (int fd, int how), (fd, how))
VIA_LIBRARY(int, ioctl, (int fd, unsigned long cmd, void *arg), (fd, cmd, arg))
VIA_LIBRARY(int, fcntl, (int fd, int cmd, long arg), (fd, cmd, arg))
VIA_LIBRARY(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))
VIA_LIBRARY(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n))
VIA_LIBRARY(ssize_t, recv, (int fd, void *b, size_t n, int flags), (fd, b, n, flags))
VIA_LIBRARY(ssize_t, recvfrom,
	    (int fd, void *b, size_t n, int flags, struct sockaddr *a, socklen_t *l),
	    (fd, b, n, flags, a, l))
VIA_LIBRARY(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
VIA_LIBRARY(int, recvmmsg,
	    (int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout),
	    (fd, v, n, flags, timeout))
VIA_LIBRARY(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
VIA_LIBRARY(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
VIA_LIBRARY(ssize_t, send, (int fd, const void *b, size_t n, int flags), (fd, b, n, flags))
VIA_LIBRARY(ssize_t, sendto,
	    (int fd, const void *b, size_t n, int flags, const struct sockaddr *a, socklen_t l),
	    (fd, b, n, flags, a, l))
VIA_LIBRARY(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))

VIA_LIBRARY(int, sendmmsg, (int fd, struct mmsghdr *v, unsigned n, int flags), (fd, v, n, flags))
VIA_LIBRARY(ssize_t, sendfile, (int fd, int from, off_t *at, size_t n), (fd, from, at, n))
VIA_LIBRARY(ssize_t, splice,
	    (int fd, off_t *at, int to, off_t *to_at, size_t n, unsigned flags),
	    (fd, at, to, to_at, n, flags))

#define CONTROL_OF_LIBRARY						\
	.socket = lib_socket, .bind = lib_bind, .connect = lib_connect,	\
	.listen = lib_listen, .accept = lib_accept, .accept4 = lib_accept4, \
	.getsockname = lib_getsockname, .getpeername = lib_getpeername,	\
	.setsockopt = lib_setsockopt, .getsockopt = lib_getsockopt,	\
	.shutdown = lib_shutdown, .ioctl = lib_ioctl, .fcntl = lib_fcntl, \
	.sendto = lib_sendto, .sendmsg = lib_sendmsg, .sendmmsg = lib_sendmmsg, \
	.recvfrom = lib_recvfrom, .recvmsg = lib_recvmsg, .recvmmsg = lib_recvmmsg, \
	.if_nametoindex = lib_if_nametoindex

const struct calls library_calls = {
	CONTROL_OF_LIBRARY,
	.close = lib_close, .read = lib_read, .readv = lib_readv, .recv = lib_recv,
	.write = lib_write, .writev = lib_writev, .send = lib_send,
	.sendfile = lib_sendfile, .splice = lib_splice,
	.poll = ioth_poll, .select = ioth_select, .epoll_create1 = ioth_epoll_create1,
	.epoll_ctl = ioth_epoll_ctl, .epoll_wait = ioth_epoll_wait,
};

const struct calls mixed_calls = { CONTROL_OF_LIBRARY, DATA_OF_LIBC, EVENTS_OF_LIBC };
