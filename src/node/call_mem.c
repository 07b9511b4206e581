/* call_mem.c - what lies in the caller's memory: names, messages, their parts */
#include <errno.h>
#include <limits.h>
#include <sys/uio.h>

#include "node/call.h"

int call_fd(const struct call *c, int fd)
{
	return c->of->front->fd(c, fd);
}

int call_read(const struct call *c, uint64_t addr, void *buf, size_t n)
{
	return c->of->front->read(c, addr, buf, n);
}

int call_write(const struct call *c, uint64_t addr, const void *buf, size_t n)
{
	return c->of->front->write(c, addr, buf, n);
}

ssize_t call_gather(const struct call *c, const struct iovec *iov, int n, void *buf, size_t size)
{
	size_t done = 0;

	for (int i = 0; i < n; i++) {
		size_t len = iov[i].iov_len;

		if (len > size - done)
			return -EMSGSIZE;
		if (call_read(c, (uintptr_t)iov[i].iov_base, (char *)buf + done, len) < 0)
			return -EFAULT;
		done += len;
	}
	return (ssize_t)done;
}

int call_scatter(const struct call *c, const struct iovec *iov, int n, const void *buf, size_t len)
{
	size_t done = 0;

	for (int i = 0; i < n && done < len; i++) {
		size_t part = MIN(iov[i].iov_len, len - done);

		if (call_write(c, (uintptr_t)iov[i].iov_base, (const char *)buf + done, part) < 0)
			return -EFAULT;
		done += part;
	}
	return 0;
}

int call_msghdr(const struct call *c, uint64_t addr, struct call_msg *t)
{
	if (call_read(c, addr, &t->h, sizeof(t->h)) < 0)
		return -EFAULT;
	if (t->h.msg_iovlen > ARRAY_LEN(t->iov))
		return -EMSGSIZE;
	t->n = (int)t->h.msg_iovlen;
	if (call_read(c, (uintptr_t)t->h.msg_iov, t->iov, t->h.msg_iovlen * sizeof(t->iov[0])) < 0)
		return -EFAULT;
	t->room = 0;
	for (int i = 0; i < t->n; i++) {
		if (t->iov[i].iov_len > SSIZE_MAX - t->room)
			return -EINVAL;
		t->room += t->iov[i].iov_len;
	}
	return 0;
}

int call_put_name(const struct call *c, uint64_t addr, uint64_t lenp, const void *sa, size_t size)
{
	int32_t room, len = (int32_t)size;

	if (!addr)
		return 0;
	if (call_read(c, lenp, &room, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (call_write(c, addr, sa, (size_t)MIN(room, len)) < 0)
		return -EFAULT;
	return call_write(c, lenp, &len, sizeof(len));
}

int call_put_addr(const struct call *c, uint64_t addr, uint64_t lenp,
		    const struct endpoint *ep, int family)
{
	struct sockaddr_storage ss;

	return call_put_name(c, addr, lenp, &ss, ep_to_sockaddr(ep, family, &ss));
}
