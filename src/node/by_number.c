/* by_number.c - socket calls that are the current stack's system calls, by their number
 *
 * Kinds native and served do a call as the runner does that of its program: it has a number
 * and six arguments, and the table of the calls that are trapped (calls.c) says whether the
 * stack does it or the kernel, on the descriptor itself. These functions make the number and
 * the arguments of what a user of ioth.h has called; a kind's call() does the rest.
 */
#include "node/by_number.h"

#include <stdarg.h>
#include <sys/syscall.h>

#include "node/derive.h"

#define P(pointer)	((uint64_t)(uintptr_t)(pointer))
#define CALL(name, ...)	kind_current->kind->call(SYS_##name, (uint64_t[6]){ __VA_ARGS__ })

int by_number_socket(int domain, int type, int protocol)
{
	return (int)CALL(socket, (unsigned)domain, (unsigned)type, (unsigned)protocol);
}

int by_number_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(bind, (unsigned)fd, P(addr), len);
}

int by_number_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(connect, (unsigned)fd, P(addr), len);
}

int by_number_listen(int fd, int backlog)
{
	return (int)CALL(listen, (unsigned)fd, (unsigned)backlog);
}

int by_number_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return by_number_accept4(fd, addr, len, 0);
}

int by_number_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return (int)CALL(accept4, (unsigned)fd, P(addr), P(len), (unsigned)flags);
}

int by_number_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getsockname, (unsigned)fd, P(addr), P(len));
}

int by_number_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getpeername, (unsigned)fd, P(addr), P(len));
}

int by_number_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)CALL(setsockopt, (unsigned)fd, (unsigned)level, (unsigned)name, P(value), len);
}

int by_number_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)CALL(getsockopt, (unsigned)fd, (unsigned)level, (unsigned)name, P(value),
			 P(len));
}

int by_number_shutdown(int fd, int how)
{
	return (int)CALL(shutdown, (unsigned)fd, (unsigned)how);
}

int by_number_ioctl(int fd, unsigned long cmd, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)CALL(ioctl, (unsigned)fd, cmd, P(arg));
}

ssize_t by_number_sendto(int fd, const void *buf, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen)
{
	return CALL(sendto, (unsigned)fd, P(buf), len, (unsigned)flags, P(addr), addrlen);
}

ssize_t by_number_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return CALL(sendmsg, (unsigned)fd, P(msg), (unsigned)flags);
}

int by_number_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	return (int)CALL(sendmmsg, (unsigned)fd, P(v), n, (unsigned)flags);
}

ssize_t by_number_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			   socklen_t *addrlen)
{
	return CALL(recvfrom, (unsigned)fd, P(buf), len, (unsigned)flags, P(addr), P(addrlen));
}

ssize_t by_number_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return CALL(recvmsg, (unsigned)fd, P(msg), (unsigned)flags);
}

static int some(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	return (int)CALL(recvmmsg, (unsigned)fd, P(v), n, (unsigned)flags, P(timeout));
}

/* A stack gives what there is, the kernel waits for all: either may be behind fd. */
int by_number_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags,
		       struct timespec *timeout)
{
	return derive_recvmmsg_by(some, fd, v, n, flags, timeout);
}
