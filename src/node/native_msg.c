/* native_msg.c - kind native: messages, and bytes that the kernel moves
 *
 * A stream's message is its bytes, which go the way of all others (native_io.c): were
 * some to go by the pair they would be overtaken. By the pair goes what is urgent or has
 * something beside it (TCP_INQ), and what sendfile and splice move; then the stack takes
 * it, or lays it there, before the call is over.
 */
#include <limits.h>
#include <sys/sendfile.h>

#include "node/by_number.h"
#include "node/derive.h"
#include "node/kind.h"
#include "node/native.h"
#include "stack/tcp.h"

static struct vsock *enter(int fd)
{
	int keep = errno;
	struct vsock *vs = native_enter(fd);

	errno = keep;
	return vs;
}

/* What there is is received by the pair. */
static void by_pair(int fd)
{
	struct vsock *vs = enter(fd);

	if (!vs)
		return;
	vlocal_by_pair(vs, fd);
	node_unlock(vs->n);
}

/* What was written to the pair comes before what is sent next. */
static void take_over(int fd)
{
	struct vsock *vs = enter(fd);

	if (!vs)
		return;
	if (vs->type == SOCK_STREAM)
		vsock_wake_now(vs);
	node_unlock(vs->n);
}

static bool is_stream(int fd)
{
	struct vsock *vs = enter(fd);
	bool ret = vs && vs->type == SOCK_STREAM;

	if (vs)
		node_unlock(vs->n);
	return ret;
}

/* Of a stream that has nothing but bytes to give. */
static bool is_bytes(int fd, int flags)
{
	struct vsock *vs = enter(fd);
	bool ret = vs && vs->type == SOCK_STREAM && !vs->plain &&
		   !(flags & (MSG_OOB | MSG_ERRQUEUE)) && !(vs->so && tcpc_of(vs->so)->asked->inq);

	if (vs)
		node_unlock(vs->n);
	return ret;
}

ssize_t native_recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (is_bytes(fd, flags))
		return native_take_msg(fd, msg, flags);
	if (!(flags & MSG_ERRQUEUE))
		by_pair(fd);
	return by_number_recvmsg(fd, msg, flags);
}

ssize_t native_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (!(flags & MSG_FASTOPEN) && is_stream(fd))
		return native_give(fd, msg->msg_iov, (int)MIN(msg->msg_iovlen, INT_MAX), flags,
				   NULL, 0);
	return by_number_sendmsg(fd, msg, flags);
}

int native_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	if (is_stream(fd))
		return derive_recvmmsg(fd, v, n, flags, timeout);
	by_pair(fd);
	return by_number_recvmmsg(fd, v, n, flags, timeout);
}

int native_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	if (is_stream(fd))
		return derive_sendmmsg(fd, v, n, flags);
	return by_number_sendmmsg(fd, v, n, flags);
}

ssize_t native_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	ssize_t len = native_dress(out_fd) < 0 ? -1 : sendfile(out_fd, in_fd, offset, count);

	if (len > 0)
		take_over(out_fd);
	return len;
}

ssize_t native_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
		      unsigned flags)
{
	ssize_t ret;

	by_pair(in_fd);
	if (native_dress(out_fd) < 0)
		return -1;
	ret = splice(in_fd, in_offset, out_fd, out_offset, len, flags);
	if (ret > 0)
		take_over(out_fd);
	return ret;
}
