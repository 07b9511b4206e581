/* api.c - ioth.h: calls on sockets
 *
 * Each finds the stack of its descriptor (api_begin) and goes to the function of the stack's
 * kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "node/derive.h"
#include "node/loan.h"

/* The stack of fd does it, if it can. */
#define CALL(fn, fd, ...) ({						\
	struct api_call call_ = api_begin(fd);					\
	ssize_t ret_ = -1;						\
									\
	if (call_.s) {							\
		if (call_.s->f->fn)					\
			ret_ = call_.s->f->fn(fd, ##__VA_ARGS__);	\
		else							\
			kind_fail(call_.s, ENOSYS);					\
		api_end(&call_, ret_);					\
	}								\
	ret_; })

/* The same, of what libioth had not got. */
#define CALL_MORE(fn, of, ...) ({					\
	struct api_call call_ = api_begin(of);					\
	ssize_t ret_ = -1;						\
									\
	if (call_.s) {							\
		ret_ = (call_.s->more->fn ? call_.s->more->fn :		\
					    derive_##fn)(__VA_ARGS__);	\
		api_end(&call_, ret_);					\
	}								\
	ret_; })

/* A descriptor that s made: it is of s from now on. */
static int adopt(struct ioth *s, int fd)
{
	int ret = fd < 0 ? fd : fds_set(fd, s);

	if (ret == 0 || fd < 0)
		return fd;
	if (s->f->close)
		s->f->close(fd);
	return kind_fail(s, -ret);
}

int ioth_msocket(struct ioth *s, int domain, int type, int protocol)
{
	struct api_call c;
	int fd;

	if (!s)
		s = stack_default(domain);
	if (!s)
		return -1;
	c = api_begin_at(s);
	fd = s->f->socket ? adopt(s, s->f->socket(domain, type, protocol)) : kind_fail(s, ENOSYS);
	api_end(&c, fd);
	return fd;
}

int ioth_socket(int domain, int type, int protocol)
{
	return ioth_msocket(NULL, domain, type, protocol);
}

int ioth_close(int fd)
{
	struct api_call c;
	int ret;

	if (epoll_forget(fd))
		return close(fd);
	c = api_begin(fd);
	if (!c.s)
		return -1;
	fds_clear(fd, c.s, 0);
	ret = c.s->f->close ? c.s->f->close(fd) : close(fd);
	api_end(&c, ret);
	return ret;
}

int ioth_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(bind, fd, addr, len);
}

int ioth_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(connect, fd, addr, len);
}

int ioth_listen(int fd, int backlog)
{
	return (int)CALL(listen, fd, backlog);
}

int ioth_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct api_call c = api_begin(fd);
	int new;

	if (!c.s)
		return -1;
	new = c.s->f->accept ? adopt(c.s, c.s->f->accept(fd, addr, len)) : kind_fail(c.s, ENOSYS);
	api_end(&c, new);
	return new;
}

int ioth_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getsockname, fd, addr, len);
}

int ioth_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getpeername, fd, addr, len);
}

int ioth_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)CALL(setsockopt, fd, level, name, value, len);
}

int ioth_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)CALL(getsockopt, fd, level, name, value, len);
}

int ioth_shutdown(int fd, int how)
{
	return (int)CALL(shutdown, fd, how);
}

int ioth_ioctl(int fd, unsigned long cmd, void *arg)
{
	return (int)CALL(ioctl, fd, cmd, arg);
}

int ioth_fcntl(int fd, int cmd, long arg)
{
	struct api_call c = api_begin(fd);
	int ret;

	if (!c.s)
		return -1;
	ret = c.s->f->fcntl ? c.s->f->fcntl(fd, cmd, arg) : kind_fail(c.s, ENOSYS);
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		ret = adopt(c.s, ret);
	api_end(&c, ret);
	return ret;
}

/* --- bytes and messages --- */

ssize_t ioth_read(int fd, void *buf, size_t len)
{
	return CALL(read, fd, buf, len);
}

ssize_t ioth_readv(int fd, const struct iovec *iov, int n)
{
	return CALL(readv, fd, iov, n);
}

ssize_t ioth_recv(int fd, void *buf, size_t len, int flags)
{
	return CALL(recv, fd, buf, len, flags);
}

ssize_t ioth_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
		      socklen_t *addrlen)
{
	return CALL(recvfrom, fd, buf, len, flags, addr, addrlen);
}

ssize_t ioth_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return CALL(recvmsg, fd, msg, flags);
}

ssize_t ioth_write(int fd, const void *buf, size_t len)
{
	return CALL(write, fd, buf, len);
}

ssize_t ioth_writev(int fd, const struct iovec *iov, int n)
{
	return CALL(writev, fd, iov, n);
}

ssize_t ioth_send(int fd, const void *buf, size_t len, int flags)
{
	return CALL(send, fd, buf, len, flags);
}

ssize_t ioth_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
		    socklen_t addrlen)
{
	return CALL(sendto, fd, buf, len, flags, addr, addrlen);
}

ssize_t ioth_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return CALL(sendmsg, fd, msg, flags);
}

/* --- what libioth had not got --- */

int ioth_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct api_call c = api_begin(fd);
	int new;

	if (!c.s)
		return -1;
	new = adopt(c.s, c.s->more->accept4 ? c.s->more->accept4(fd, addr, len, flags) :
					     derive_accept4(fd, addr, len, flags));
	api_end(&c, new);
	return new;
}

int ioth_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	return (int)CALL_MORE(recvmmsg, fd, fd, v, n, flags, timeout);
}

int ioth_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	return (int)CALL_MORE(sendmmsg, fd, fd, v, n, flags);
}

ssize_t ioth_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	return CALL_MORE(sendfile, out_fd, out_fd, in_fd, offset, count);
}

ssize_t ioth_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
		    unsigned flags)
{
	struct api_call c = api_begin(out_fd);
	ssize_t ret;

	if (!c.s)
		c = api_begin(in_fd);
	if (!c.s)
		return -1;
	ret = c.s->more->splice ? c.s->more->splice(in_fd, in_offset, out_fd, out_offset, len,
						    flags) : kind_fail(c.s, EINVAL);
	api_end(&c, ret);
	return ret;
}

/* --- without a copy --- */

static bool lends(int flags, int allowed)
{
	if (!(flags & ~allowed))
		return true;
	errno = EINVAL;
	return false;
}

struct ioth_loan *ioth_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr,
				 socklen_t *addrlen)
{
	struct ioth_loan *l = NULL;

	if (lends(len ? flags : -1, MSG_DONTWAIT))
		CALL_MORE(recv_lend, fd, fd, len, flags, addr, addrlen, &l);
	return l;
}

struct ioth_loan *ioth_send_lend(int fd, size_t len, int flags)
{
	struct ioth_loan *l = NULL;

	if (lends(flags, MSG_DONTWAIT | MSG_NOSIGNAL))
		CALL_MORE(send_lend, fd, fd, len, flags, &l);
	return l;
}

ssize_t ioth_send_lent(int fd, struct ioth_loan *l, size_t len, int flags,
		       const struct sockaddr *addr, socklen_t addrlen)
{
	if (l && len <= l->len)
		return CALL_MORE(send_lent, fd, fd, l, len, flags, addr, addrlen);
	errno = EINVAL;
	return -1;
}
