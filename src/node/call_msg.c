/* call_msg.c - calls that carry a datagram with its address
 *
 * Only datagram sockets of ours are served here; on every other descriptor the
 * kernel goes on with the call. The program's buffers are copied once; addresses
 * and ancillary data are written in the socket's family.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "node/call.h"
#include "node/vsock_in.h"
#include "stack/cmsg.h"
#include "stack/stamp.h"
#include "stack/tcp.h"

#define DGRAM_MAX	65536
#define SEND_MAX	131072	/* the stack says that it is too much, and to whom it matters */
#define CTL_MAX		512

static int read_dest(const struct call *c, uint64_t addr, uint32_t len, struct msg *m)
{
	struct sockaddr_storage ss;

	if (!addr || !len)
		return 0;
	if (len > sizeof(ss))
		return -EINVAL;
	memset(&ss, 0, sizeof(ss));
	if (call_read(c, addr, &ss, len) < 0)
		return -EFAULT;
	if (ss.ss_family == AF_UNSPEC)		/* as Linux: IPv4 takes it as such */
		ss.ss_family = (sa_family_t)c->vs->family;
	if (ss.ss_family == AF_INET6 && c->vs->family == AF_INET)
		return -EAFNOSUPPORT;
	return vname_dest(c->vs, (struct sockaddr *)&ss, len, m);
}

/* Ancillary data that goes out. */
static int read_control(const struct call *c, const struct msghdr *h, struct msg *m)
{
	union { uint8_t b[CTL_MAX]; struct cmsghdr align; } ctl;
	struct msghdr mh = { .msg_control = ctl.b, .msg_controllen = h->msg_controllen };

	if (!h->msg_control || !h->msg_controllen || !c->vs->so)
		return 0;
	if (h->msg_controllen > sizeof(ctl.b))
		return -ENOBUFS;
	if (call_read(c, (uintptr_t)h->msg_control, ctl.b, h->msg_controllen) < 0)
		return -EFAULT;
	return cmsg_take(c->vs->so, &mh, m);
}

/* One datagram out. */
static long send_one(struct call *c, const struct call_msg *t, int flags, struct msg *m)
{
	uint8_t *buf = xmalloc(SEND_MAX);
	ssize_t len = call_gather(c, t->iov, t->n, buf, SEND_MAX);
	struct iovec iov = { buf, (size_t)len };

	if (len >= 0)
		len = vsock_sendto(c->vs, &iov, 1, flags, m);
	free(buf);
	return len;
}

/* What a blocking send on a full socket waits for is room in the stack. */
static long sent(struct call *c, long ret, int flags)
{
	if (ret == -EAGAIN && !(flags & MSG_DONTWAIT) && !call_nonblock(c))
		return call_wait(c, SO_SNDTIMEO, EAGAIN);
	return ret;
}

/* Bytes that go by the program's own end. */
static long send_app(const struct call *c, const struct iovec *iov, int flags)
{
	ssize_t n = send(c->app, iov->iov_base, iov->iov_len,
			 (flags & ~MSG_FASTOPEN) | MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

/* MSG_FASTOPEN connects. Once that is begun c->late is one more than the SYN took. */
static long send_first(struct call *c, const struct iovec *iov, int flags, struct msg *m)
{
	struct iovec rest = *iov;
	long ret, gone;

	if (!c->late) {
		ret = vsock_fastopen(c->vs, iov, m, c->app);
		if ((ret < 0 && ret != -EINPROGRESS) || call_nonblock(c) || flags & MSG_DONTWAIT)
			return ret;
		c->late = 1 + (int)MAX(ret, 0);
	}
	ret = vsock_connect_result(c->vs);
	if (ret == -EINPROGRESS)
		return call_wait(c, SO_SNDTIMEO, EINPROGRESS);
	gone = c->late - 1;
	rest.iov_base = (uint8_t *)rest.iov_base + gone;
	rest.iov_len -= (size_t)gone;
	if (ret == 0 && rest.iov_len)
		ret = sent(c, send_app(c, &rest, flags), flags);
	if (ret == CALL_PARK && gone)
		return gone;
	return ret < 0 && !gone ? ret : gone + MAX(ret, 0);
}

/* As much as is taken at once. */
static void cut_to(struct call_msg *t, size_t most)
{
	for (int i = 0; i < t->n; i++) {
		t->iov[i].iov_len = MIN(t->iov[i].iov_len, most);
		most -= t->iov[i].iov_len;
	}
}

/* Streams: the address says nothing to a connected socket. */
static long send_stream(struct call *c, struct call_msg *t, int flags, struct msg *m)
{
	bool first = flags & MSG_FASTOPEN && m->has_peer && (c->late || !c->vs->connected);
	uint8_t *buf = xmalloc(DGRAM_MAX);
	struct iovec iov = { buf, 0 };
	long ret;

	cut_to(t, DGRAM_MAX);
	ret = call_gather(c, t->iov, t->n, buf, DGRAM_MAX);
	iov.iov_len = (size_t)MAX(ret, 0);
	if (ret >= 0 && first)
		ret = send_first(c, &iov, flags, m);
	else if (ret >= 0)
		ret = c->vs->connected ? sent(c, send_app(c, &iov, flags), flags) : -EPIPE;
	free(buf);
	return ret;
}

long call_sendto(struct call *c)
{
	struct call_msg t = { .n = 1 };
	struct msg m = { .ttl = -1, .tos = -1 };
	long ret = call_vsock(c);

	if (!ret)
		ret = call_catch_up(c);
	if (ret)
		return ret;
	t.iov[0] = (struct iovec){ (void *)(uintptr_t)ARG(c, 1), ARG(c, 2) };
	if (c->vs->type != SOCK_STREAM || (int)ARG(c, 3) & MSG_FASTOPEN)
		ret = read_dest(c, ARG(c, 4), (uint32_t)ARG(c, 5), &m);
	if (ret == 0 && c->vs->type == SOCK_STREAM)
		return send_stream(c, &t, (int)ARG(c, 3), &m);
	if (ret == 0)
		ret = send_one(c, &t, (int)ARG(c, 3), &m);
	return sent(c, ret, (int)ARG(c, 3));
}

static long sendmsg_at(struct call *c, uint64_t addr, int flags)
{
	struct msg m = { .ttl = -1, .tos = -1 };
	struct call_msg t;
	long ret = call_msghdr(c, addr, &t);

	if (ret == 0)
		ret = read_dest(c, (uintptr_t)t.h.msg_name, t.h.msg_namelen, &m);
	if (ret == 0)
		ret = read_control(c, &t.h, &m);
	if (ret == 0)
		ret = send_one(c, &t, flags, &m);
	free(m.extra);
	return ret;
}

/* The socket, if it is a datagram socket of ours; else what to answer. */
static long dgram_socket(struct call *c)
{
	long ret = call_vsock(c);

	if (ret == 0 && c->vs->type == SOCK_STREAM)
		ret = CALL_CONTINUE;
	return ret;
}

static long sendmsg_first(struct call *c, int flags)
{
	struct msg m = { .ttl = -1, .tos = -1 };
	struct call_msg t;
	long ret = call_msghdr(c, ARG(c, 1), &t);

	if (ret == 0)
		ret = read_dest(c, (uintptr_t)t.h.msg_name, t.h.msg_namelen, &m);
	return ret < 0 ? ret : send_stream(c, &t, flags, &m);
}

long call_sendmsg(struct call *c)
{
	int flags = (int)ARG(c, 2);
	long ret = dgram_socket(c);
	bool first = c->vs && c->vs->type == SOCK_STREAM && flags & MSG_FASTOPEN;

	if (!ret || first)
		ret = call_catch_up(c);
	if (!ret && first)
		return sendmsg_first(c, flags);
	if (ret)
		return ret;
	return sent(c, sendmsg_at(c, ARG(c, 1), flags), flags);
}

/* sendmmsg, recvmmsg: as many as go, each with its length beside it. */
static long each(struct call *c, long (*one)(struct call *c, uint64_t addr, int flags))
{
	uint32_t i, vlen = MIN((uint32_t)ARG(c, 2), 1024);
	long ret = 0;

	for (i = 0; i < vlen; i++) {
		uint64_t at = ARG(c, 1) + i * sizeof(struct mmsghdr);
		unsigned len;

		ret = one(c, at, (int)ARG(c, 3));
		if (ret < 0)
			break;
		len = (unsigned)ret;
		ret = call_write(c, at + offsetof(struct mmsghdr, msg_len), &len, sizeof(len));
		if (ret < 0)
			break;
	}
	return i ? (long)i : ret;
}

long call_sendmmsg(struct call *c)
{
	long ret = dgram_socket(c);

	if (!ret)
		ret = call_catch_up(c);
	if (ret)
		return ret;
	return sent(c, each(c, sendmsg_at), (int)ARG(c, 3));
}

/* --- receive --- */

/* Ancillary data that came in, as the socket's options ask. */
static void make_control(const struct vsock *vs, const struct msg *m, struct msghdr *mh)
{
	if (vs->so)
		cmsg_put(vs->so, m, vname_epoch(), mh);
	else
		mh->msg_controllen = 0;
}

/* Of a stream what is in its error queue. */
static long recvmsg_at(struct call *c, uint64_t addr, int flags)
{
	union { uint8_t b[CTL_MAX]; struct cmsghdr align; } ctl;
	struct sockaddr_storage ss;
	struct msghdr mh = { .msg_control = ctl.b };
	struct iovec iov;
	struct call_msg t;
	struct msg m;
	ssize_t len = call_msghdr(c, addr, &t);

	if (len < 0)
		return len;
	iov.iov_len = MIN(t.room, DGRAM_MAX);
	iov.iov_base = xmalloc(iov.iov_len + 1);
	if (c->vs->type == SOCK_STREAM)
		len = c->vs->so ? sock_recv(c->vs->so, &iov, 1, flags, &m) : -EAGAIN;
	else
		len = vsock_recvfrom(c->vs, c->app, &iov, 1, flags, &m);
	if (len >= 0 && call_scatter(c, t.iov, t.n, iov.iov_base, MIN((size_t)len, iov.iov_len)) < 0)
		len = -EFAULT;
	free(iov.iov_base);
	if (len < 0)
		return len;

	memset(&ctl, 0, sizeof(ctl));
	mh.msg_controllen = t.h.msg_control ? MIN(t.h.msg_controllen, sizeof(ctl.b)) : 0;
	mh.msg_flags = m.flags;
	make_control(c->vs, &m, &mh);
	t.h.msg_controllen = mh.msg_controllen;
	if (t.h.msg_controllen &&
	    call_write(c, (uintptr_t)t.h.msg_control, ctl.b, t.h.msg_controllen) < 0)
		return -EFAULT;
	if (t.h.msg_name) {
		socklen_t n = vname_source(c->vs, &m, &ss);

		if (call_write(c, (uintptr_t)t.h.msg_name, &ss, MIN(n, t.h.msg_namelen)) < 0)
			return -EFAULT;
		t.h.msg_namelen = n;
	}
	t.h.msg_flags = mh.msg_flags;
	return call_write(c, addr, &t.h, sizeof(t.h)) < 0 ? -EFAULT : len;
}

static long received(struct call *c, long ret, int flags)
{
	if (ret == -EAGAIN && !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) && !call_nonblock(c))
		return call_wait(c, SO_RCVTIMEO, EAGAIN);
	return ret;
}

/* When what was read came; TCP_INQ: what is in the program's end, and what the stack
 * holds behind it. */
static void beside(const struct call *c, uint32_t peeked, struct msg *m)
{
	const struct tcpc *tc = tcpc_of(c->vs->so);
	int n = 0;

	ioctl(c->app, FIONREAD, &n);
	m->when = vstamp_of(c->vs, MAX((uint32_t)n, peeked) - peeked);
	n += (int)tc->rcv_bytes;
	m->inq = n ? n : tc->done;
}

/* A stream's bytes, with something beside them. */
static long recv_stream(struct call *c, int flags)
{
	union { uint8_t b[CTL_MAX]; struct cmsghdr align; } ctl = { .b = { 0 } };
	struct msghdr mh = { .msg_control = ctl.b };
	struct msg m = { .ttl = -1 };
	struct call_msg t;
	uint8_t *buf;
	long len = call_msghdr(c, ARG(c, 1), &t);

	if (len < 0)
		return len;
	cut_to(&t, DGRAM_MAX);
	buf = xmalloc(DGRAM_MAX);
	len = recv(c->app, buf, MIN(t.room, DGRAM_MAX), (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
	if (len < 0)
		len = -errno;
	else if (call_scatter(c, t.iov, t.n, buf, (size_t)len) < 0)
		len = -EFAULT;
	free(buf);
	if (len < 0)
		return received(c, len, flags);
	beside(c, flags & MSG_PEEK ? (uint32_t)len : 0, &m);
	m.when = len ? m.when : 0;
	mh.msg_controllen = t.h.msg_control ? MIN(t.h.msg_controllen, sizeof(ctl.b)) : 0;
	make_control(c->vs, &m, &mh);
	t.h.msg_controllen = mh.msg_controllen;
	t.h.msg_namelen = 0;
	t.h.msg_flags = mh.msg_flags;
	if (call_write(c, (uintptr_t)t.h.msg_control, ctl.b, t.h.msg_controllen) < 0)
		return -EFAULT;
	return call_write(c, ARG(c, 1), &t.h, sizeof(t.h)) < 0 ? -EFAULT : len;
}

static bool wants_more(const struct vsock *vs)
{
	return vs->so && vs->connected && (tcpc_of(vs->so)->asked->inq || stamp_wants_in(vs->so));
}

long call_recvmsg(struct call *c)
{
	int flags = (int)ARG(c, 2);
	long ret = call_vsock(c);

	if (ret)
		return ret;
	if (c->vs->type == SOCK_STREAM && !(flags & MSG_ERRQUEUE))
		return wants_more(c->vs) ? recv_stream(c, flags) : CALL_CONTINUE;
	return received(c, recvmsg_at(c, ARG(c, 1), flags), flags);
}

long call_recvmmsg(struct call *c)
{
	long ret = dgram_socket(c);

	return ret ? ret : received(c, each(c, recvmsg_at), (int)ARG(c, 3));
}

/* MSG_TRUNC on a stream: bytes are taken and forgotten (tcp(7)). */
static long skip_bytes(struct call *c, size_t len, int flags)
{
	uint8_t *buf;
	ssize_t n;

	if (!(flags & MSG_TRUNC) || flags & (MSG_OOB | MSG_ERRQUEUE))
		return CALL_CONTINUE;
	len = MIN(len, DGRAM_MAX);
	buf = xmalloc(len + 1);
	n = recv(c->app, buf, len, MSG_DONTWAIT | (flags & MSG_PEEK));
	if (n < 0)
		n = -errno;
	free(buf);
	return received(c, n, flags);
}

long call_recvfrom(struct call *c)
{
	int flags = (int)ARG(c, 3);
	struct sockaddr_storage ss;
	struct iovec iov, to;
	struct msg m;
	long ret = call_vsock(c);

	if (ret)
		return ret;
	if (c->vs->type == SOCK_STREAM)
		return skip_bytes(c, ARG(c, 2), flags);
	to = (struct iovec){ (void *)(uintptr_t)ARG(c, 1), ARG(c, 2) };
	iov.iov_len = MIN(to.iov_len, DGRAM_MAX);
	iov.iov_base = xmalloc(iov.iov_len + 1);
	ret = vsock_recvfrom(c->vs, c->app, &iov, 1, flags, &m);
	if (ret >= 0 && call_scatter(c, &to, 1, iov.iov_base, MIN((size_t)ret, iov.iov_len)) < 0)
		ret = -EFAULT;
	free(iov.iov_base);
	if (ret >= 0) {
		int bad = call_put_name(c, ARG(c, 4), ARG(c, 5), &ss,
					  vname_source(c->vs, &m, &ss));

		ret = bad < 0 ? bad : ret;
	}
	return received(c, ret, flags);
}
