/* derive.c - calls made from others, for kinds that have not got them
 *
 * Bytes may be moved by recvmsg and sendmsg alone; what libioth did not have is
 * made from what it had. All for the stack of the call in progress.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "node/derive.h"

#define PIECE	65536		/* of sendfile */

/* --- VirtualSquare's functions --- */

static ssize_t d_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			  socklen_t *addrlen)
{
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t ret;

	if (addr && addrlen) {
		m.msg_name = addr;
		m.msg_namelen = *addrlen;
	}
	ret = kind_current->f->recvmsg(fd, &m, flags);
	if (ret >= 0 && addr && addrlen)
		*addrlen = m.msg_namelen;
	return ret;
}

static ssize_t d_recv(int fd, void *buf, size_t len, int flags)
{
	return d_recvfrom(fd, buf, len, flags, NULL, NULL);
}

static ssize_t d_read(int fd, void *buf, size_t len)
{
	return d_recv(fd, buf, len, 0);
}

static ssize_t d_readv(int fd, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };

	return kind_current->f->recvmsg(fd, &m, 0);
}

static ssize_t d_sendto(int fd, const void *buf, size_t len, int flags,
			const struct sockaddr *addr, socklen_t addrlen)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr m = {
		.msg_name = (void *)addr, .msg_namelen = addr ? addrlen : 0,
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	return kind_current->f->sendmsg(fd, &m, flags);
}

static ssize_t d_send(int fd, const void *buf, size_t len, int flags)
{
	return d_sendto(fd, buf, len, flags, NULL, 0);
}

static ssize_t d_write(int fd, const void *buf, size_t len)
{
	return d_send(fd, buf, len, 0);
}

static ssize_t d_writev(int fd, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };

	return kind_current->f->sendmsg(fd, &m, 0);
}

void derive(struct ioth_functions *f)
{
	if (f->recvmsg) {
		f->recvfrom = f->recvfrom ? f->recvfrom : d_recvfrom;
		f->recv = f->recv ? f->recv : d_recv;
		f->read = f->read ? f->read : d_read;
		f->readv = f->readv ? f->readv : d_readv;
	}
	if (f->sendmsg) {
		f->sendto = f->sendto ? f->sendto : d_sendto;
		f->send = f->send ? f->send : d_send;
		f->write = f->write ? f->write : d_write;
		f->writev = f->writev ? f->writev : d_writev;
	}
}

/* --- ours --- */

int derive_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int new;

	if (!kind_current->f->accept)
		return kind_fail(kind_current, ENOSYS);
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return kind_fail(kind_current, EINVAL);
	new = kind_current->f->accept(fd, addr, len);
	if (new >= 0 && flags & SOCK_NONBLOCK)
		fcntl(new, F_SETFL, fcntl(new, F_GETFL) | O_NONBLOCK);
	if (new >= 0 && flags & SOCK_CLOEXEC)
		fcntl(new, F_SETFD, FD_CLOEXEC);
	return new;
}

/* As many as go; an error after the first is the next call's. */
int derive_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	unsigned i;

	if (!kind_current->f->sendmsg)
		return kind_fail(kind_current, ENOSYS);
	for (i = 0; i < n; i++) {
		ssize_t ret = kind_current->f->sendmsg(fd, &v[i].msg_hdr, flags);

		if (ret < 0)
			return i ? (int)i : -1;
		v[i].msg_len = (unsigned)ret;
	}
	return (int)i;
}

static bool is_time(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

static struct timespec left_until(usec until)
{
	usec left = MAX(until - now_mono(), 0);

	return (struct timespec){ left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
}

/* The timeout ends nothing that waits, as with Linux (recvmmsg(2)): it is looked at when
 * something has come. */
int derive_recvmmsg_by(recv_some *some, int fd, struct mmsghdr *v, unsigned n, int flags,
		       struct timespec *timeout)
{
	struct timespec left = { 0 };
	usec until = NEVER;
	unsigned i = 0;
	int ret;

	if (timeout && !is_time(timeout))
		return kind_fail(kind_current, EINVAL);
	if (timeout && timeout->tv_sec <= INT32_MAX)
		until = now_mono() + timeout->tv_sec * USEC_PER_SEC + timeout->tv_nsec / 1000;
	do {
		left = left_until(until);
		ret = some(fd, v + i, n - i, flags, timeout ? &left : NULL);
		i += ret > 0 ? (unsigned)ret : 0;
	} while (ret > 0 && i < n && !(flags & (MSG_DONTWAIT | MSG_WAITFORONE)) &&
		 now_mono() < until);
	if (i && timeout)
		*timeout = left_until(until);
	return i ? (int)i : ret;
}

/* The first is waited for, the others if there is no other way. */
static int some_by_one(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	bool all = flags & (MSG_DONTWAIT | MSG_WAITFORONE);
	unsigned i;

	for (i = 0; i < (all ? n : MIN(n, 1)); i++) {
		ssize_t ret = kind_current->f->recvmsg(fd, &v[i].msg_hdr, flags & ~MSG_WAITFORONE);

		if (ret < 0)
			return i ? (int)i : -1;
		v[i].msg_len = (unsigned)ret;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	return (int)i;
}

int derive_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	if (!kind_current->f->recvmsg)
		return kind_fail(kind_current, ENOSYS);
	return derive_recvmmsg_by(some_by_one, fd, v, n, flags, timeout);
}

static bool write_all(int fd, const char *buf, size_t len, size_t *done)
{
	for (*done = 0; *done < len;) {
		ssize_t n = kind_current->f->write(fd, buf + *done, len - *done);

		if (n < 0)
			return false;
		*done += (size_t)n;
	}
	return true;
}

/* What was read and not sent is in the file still: its offset says so. */
ssize_t derive_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	char buf[PIECE];
	off_t at = offset ? *offset : lseek(in_fd, 0, SEEK_CUR);
	size_t sum = 0, sent = 0;
	bool all = at >= 0 || kind_fail(kind_current, errno) == 0;

	if (!kind_current->f->write)
		return kind_fail(kind_current, ENOSYS);
	while (all && sum < count) {
		ssize_t n = pread(in_fd, buf, MIN(sizeof(buf), count - sum), at);

		if (n <= 0) {
			all = n == 0 || kind_fail(kind_current, errno) == 0;
			break;
		}
		all = write_all(out_fd, buf, (size_t)n, &sent);
		sum += sent;
		at += (off_t)sent;
	}
	if (!all && !sum)
		return -1;
	if (offset)
		*offset = at;
	else
		lseek(in_fd, at, SEEK_SET);
	return (ssize_t)sum;
}
