/* native_io.c - kind native: bytes and datagrams between callers and the stack
 *
 * A call tries, and where it may wait, waits and tries again (vlocal.h tells what a
 * try is). Whether it may and for how long is the descriptor's: O_NONBLOCK, SO_RCVTIMEO
 * and SO_SNDTIMEO are the kernel's to keep, and are asked for only when there is
 * nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "base/mem.h"
#include "node/by_number.h"
#include "node/kind.h"
#include "node/loan.h"
#include "node/native.h"
#include "stack/cmsg.h"
#include "stack/dgram.h"

#define AWAY_MOST	65536	/* thrown away by one call */

/* May a call on fd wait? Then until when; else -EAGAIN. */
static int may_wait(const struct vsock *vs, int fd, bool in, int flags, usec *until)
{
	struct timeval tv = { 0, 0 };
	socklen_t len = sizeof(tv);
	usec t;

	if (*until)
		return 0;
	if (flags & MSG_DONTWAIT || (vs->bare ? vs->nonblock : fcntl(fd, F_GETFL) & O_NONBLOCK))
		return -EAGAIN;
	if (vs->bare)
		vbare_get_timeo(vs, in ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, &len);
	else
		getsockopt(fd, SOL_SOCKET, in ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, &len);
	t = tv.tv_sec * USEC_PER_SEC + tv.tv_usec;
	*until = t ? now_mono() + t : NEVER;
	return 0;
}

/* Another thread may have closed it meanwhile, and its number may be another's. The table
 * knows no copies, nor what has gone. */
static bool is_still(int fd, const struct vsock *vs)
{
	if (fd == vs->pid_fd && vs->so)
		return fds_stack(fds_at(fd)) == kind_current;
	return vsock_of_fd(vs->n, fd) == vs;
}

int native_wait(struct vsock *vs, int fd, bool in, int flags, usec *until)
{
	int ret = may_wait(vs, fd, in, flags, until);

	if (ret == 0)
		ret = vlocal_wait(vs, in, *until);
	return ret == 0 && !is_still(fd, vs) ? -EBADF : ret;
}

/* What is left of iov when len bytes are done: at most n spans, their number. */
static int rest_of(struct iovec *rest, const struct iovec *iov, int n, size_t len)
{
	int k = 0;

	for (int i = 0; i < n; i++) {
		size_t skip = MIN(len, iov[i].iov_len);

		len -= skip;
		if (skip < iov[i].iov_len)
			rest[k++] = (struct iovec){ (char *)iov[i].iov_base + skip,
						    iov[i].iov_len - skip };
	}
	return k;
}

/* --- in --- */

static ssize_t recv_waiting(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
			    struct msg *m)
{
	usec until = 0;
	ssize_t len;

	while ((len = vlocal_recv(vs, fd, iov, n, flags, m)) == -EAGAIN &&
	       !(flags & MSG_ERRQUEUE)) {
		int ret = native_wait(vs, fd, true, flags, &until);

		if (ret < 0)
			return ret;
	}
	return len;
}

/* MSG_WAITALL: until everything is there, or no more can come. */
static ssize_t recv_all(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
			struct msg *m)
{
	struct iovec rest[IOV_MAX];
	size_t want = iov_total(iov, n), got = 0;
	ssize_t len = 0;

	while (got < want) {
		len = recv_waiting(vs, fd, rest, rest_of(rest, iov, n, got), flags, m);
		if (len < 0 && got && len != -EAGAIN && len != -EINTR && len != -EBADF)
			vs->error = (int)-len;	/* the next call's to tell */
		if (len <= 0)
			break;
		got += (size_t)len;
	}
	return got ? (ssize_t)got : len;
}

void native_source(struct vsock *vs, const struct msg *m, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage ss;
	socklen_t n;

	if (!addr)
		return;
	n = vs->type == SOCK_STREAM ? 0 : vname_source(vs, m, &ss);
	memcpy(addr, &ss, MIN(n, *len));
	*len = n;
}

/* Spans that readv(2) and writev(2) refuse; for messages it is another error. */
static bool too_many(int n)
{
	return n < 0 || n > IOV_MAX;
}

/* NULL: it is not the node's, or the kernel shall say what is wrong. */
static struct vsock *enter(int fd, int n)
{
	return too_many(n) ? NULL : native_enter(fd);
}

/* Netlink sockets, and what is wrong. */
static ssize_t take_other(int fd, const struct iovec *iov, int n, int flags,
			  struct sockaddr *addr, socklen_t *addrlen)
{
	struct msghdr mh = {
		.msg_name = addr, .msg_namelen = addr ? *addrlen : 0,
		.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n,
	};
	ssize_t len = by_number_recvmsg(fd, &mh, flags);

	if (len >= 0 && addr)
		*addrlen = mh.msg_namelen;
	return len;
}

/* tcp(7): MSG_TRUNC throws bytes away. */
static ssize_t take_away(int fd, const struct iovec *iov, int n, int flags)
{
	struct iovec away = { .iov_len = MIN(iov_total(iov, n), AWAY_MOST) };
	ssize_t len;

	away.iov_base = xmalloc(away.iov_len + 1);
	len = native_take(fd, &away, 1, flags & ~MSG_TRUNC, NULL, NULL);
	free(away.iov_base);
	return len;
}

static ssize_t give_other(int fd, const struct iovec *iov, int n, int flags,
			  const struct sockaddr *addr, socklen_t addrlen)
{
	struct msghdr mh = {
		.msg_name = (void *)(uintptr_t)addr, .msg_namelen = addr ? addrlen : 0,
		.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n,
	};

	return by_number_sendmsg(fd, &mh, flags);
}

/* Bytes, and when they came. */
static void tell(const struct vsock *vs, const struct msg *m, struct msghdr *msg)
{
	msg->msg_namelen = 0;
	msg->msg_flags = 0;
	if (vs && vs->so && msg->msg_control)
		cmsg_put(vs->so, m, vname_epoch(), msg);
	else
		msg->msg_controllen = 0;
}

ssize_t native_take_msg(int fd, struct msghdr *msg, int flags)
{
	int n = (int)MIN(msg->msg_iovlen, (size_t)INT_MAX);
	struct msg m = { .ttl = -1 };
	struct vsock *vs;
	ssize_t len;

	vs = flags & MSG_TRUNC ? NULL : enter(fd, n);
	if (!vs) {
		len = native_take(fd, msg->msg_iov, n, flags, NULL, NULL);
		if (len >= 0)
			tell(NULL, &m, msg);
		return len;
	}
	if (flags & MSG_WAITALL && !(flags & (MSG_PEEK | MSG_OOB)))
		len = recv_all(vs, fd, msg->msg_iov, n, flags & ~MSG_WAITALL, &m);
	else
		len = recv_waiting(vs, fd, msg->msg_iov, n, flags, &m);
	if (len >= 0)
		tell(vs, &m, msg);
	return native_leave(vs, len);
}

ssize_t native_take(int fd, const struct iovec *iov, int n, int flags, struct sockaddr *addr,
		    socklen_t *addrlen)
{
	struct vsock *vs = enter(fd, n);
	struct msg m = { .ttl = -1 };
	ssize_t len;

	if (vs && flags & MSG_TRUNC && vs->type == SOCK_STREAM) {
		node_unlock(vs->n);
		return take_away(fd, iov, n, flags);
	}
	if (!vs)
		return take_other(fd, iov, n, flags, addr, addrlen);
	if (flags & MSG_WAITALL && vs->type == SOCK_STREAM && !(flags & (MSG_PEEK | MSG_OOB)))
		len = recv_all(vs, fd, iov, n, flags & ~MSG_WAITALL, &m);
	else
		len = recv_waiting(vs, fd, iov, n, flags, &m);
	if (len >= 0)
		native_source(vs, &m, addr, addrlen);
	return native_leave(vs, len);
}

ssize_t native_read(int fd, void *buf, size_t len)
{
	return native_take(fd, &(struct iovec){ buf, len }, 1, 0, NULL, NULL);
}

ssize_t native_readv(int fd, const struct iovec *iov, int n)
{
	return too_many(n) ? libc_result(-EINVAL) : native_take(fd, iov, n, 0, NULL, NULL);
}

ssize_t native_recv(int fd, void *buf, size_t len, int flags)
{
	return native_take(fd, &(struct iovec){ buf, len }, 1, flags, NULL, NULL);
}

ssize_t native_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			socklen_t *addrlen)
{
	return native_take(fd, &(struct iovec){ buf, len }, 1, flags, addr, addrlen);
}

/* --- out --- */

/* A stream that may wait takes everything; what went before an error counts. */
static ssize_t send_waiting(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
			    struct msg *m)
{
	struct iovec rest[IOV_MAX];
	size_t want = iov_total(iov, n), put = 0;
	usec until = 0;
	ssize_t len;
	int ret;

	for (;;) {
		len = vlocal_send(vs, fd, iov, n, flags, m);
		if (len < 0 && len != -EAGAIN)
			break;
		put += len > 0 ? (size_t)len : 0;
		if (len >= 0 && (put >= want || vs->type != SOCK_STREAM))
			break;
		ret = len < 0 ? native_wait(vs, fd, false, flags, &until) :
				may_wait(vs, fd, false, flags, &until);
		if (ret < 0) {
			len = ret;
			break;
		}
		n = rest_of(rest, iov, n, len > 0 ? (size_t)len : 0);
		iov = rest;
	}
	return put ? (ssize_t)put : len;
}

/* The handler of SIGPIPE may call us, or jump: the node is left first. */
ssize_t native_leave_sender(struct vsock *vs, ssize_t ret, int flags)
{
	bool broken = ret == -EPIPE && vs->type == SOCK_STREAM && !(flags & MSG_NOSIGNAL);

	ret = native_leave(vs, ret);
	if (broken) {		/* to this thread */
		raise(SIGPIPE);
		errno = EPIPE;
	}
	return ret;
}

ssize_t native_give_loan(int fd, const struct iovec *iov, int n, int flags,
			 const struct sockaddr *addr, socklen_t addrlen, struct ioth_loan *loan)
{
	struct msg m = { .has_peer = true, .ttl = -1, .tos = -1 };
	struct vsock *vs = enter(fd, n);
	ssize_t ret = 0;

	if (vs && flags & MSG_FASTOPEN && vs->type == SOCK_STREAM) {
		node_unlock(vs->n);
		vs = NULL;
	}
	if (!vs)
		return give_other(fd, iov, n, flags, addr, addrlen);
	if (addr && vs->type != SOCK_STREAM && addr->sa_family == AF_INET6 && vs->family == AF_INET)
		ret = -EAFNOSUPPORT;
	else if (addr && vs->type != SOCK_STREAM)
		ret = vname_dest(vs, addr, addrlen, &m);
	else
		m.has_peer = false;
	m.draft = loan ? native_draft(loan, vs) : NULL;
	if (ret == 0)
		ret = send_waiting(vs, fd, iov, n, flags, m.has_peer || m.draft ? &m : NULL);
	if (loan && ret >= 0 && (size_t)ret == iov_total(iov, n))
		native_lent(loan);
	return native_leave_sender(vs, ret, flags);
}

ssize_t native_give(int fd, const struct iovec *iov, int n, int flags,
		    const struct sockaddr *addr, socklen_t addrlen)
{
	return native_give_loan(fd, iov, n, flags, addr, addrlen, NULL);
}

ssize_t native_write(int fd, const void *buf, size_t len)
{
	return native_give(fd, &(struct iovec){ (void *)(uintptr_t)buf, len }, 1, 0, NULL, 0);
}

ssize_t native_writev(int fd, const struct iovec *iov, int n)
{
	return too_many(n) ? libc_result(-EINVAL) : native_give(fd, iov, n, 0, NULL, 0);
}

ssize_t native_send(int fd, const void *buf, size_t len, int flags)
{
	return native_give(fd, &(struct iovec){ (void *)(uintptr_t)buf, len }, 1, flags, NULL, 0);
}

ssize_t native_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
		      socklen_t addrlen)
{
	return native_give(fd, &(struct iovec){ (void *)(uintptr_t)buf, len }, 1, flags, addr, addrlen);
}
