/* loan.c - memory that is lent, and given back by whoever has it
 *
 * A loan is over when it is given back, or sent whole; till then sending it failed, or
 * took a part, and it shows the rest. What its memory is, its end() knows.
 *
 * Of a kind that cannot lend, the memory is ours and is copied from and to. So is what a
 * native stack cannot lend now (vlend.c). A loan of one socket may be sent by any other:
 * it is copied then.
 */
#include "node/loan.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/kind.h"

#define COPY_IN		65536		/* the largest datagram */
#define COPY_OUT	(1u << 20)

int loan_part(const struct ioth_loan *l, struct iovec iov[], size_t len)
{
	int n = 0;

	for (; n < l->n && (len || !n); n++) {
		iov[n] = l->iov[n];
		iov[n].iov_len = MIN(iov[n].iov_len, len);
		len -= iov[n].iov_len;
	}
	return n;
}

void loan_sent(struct ioth_loan *l, size_t len)
{
	l->len -= len;
	for (; len && len >= l->iov->iov_len; l->iov++, l->n--)
		len -= l->iov->iov_len;
	if (len) {
		l->iov->iov_base = (char *)l->iov->iov_base + len;
		l->iov->iov_len -= len;
	}
}

void ioth_give_back(struct ioth_loan *l)
{
	if (l)
		loan_of(l)->end(loan_of(l));
}

/* --- copies --- */

struct copy {
	struct loan	l;
	struct iovec	iov;
	char		data[];
};

static void copy_end(struct loan *l)
{
	free(container_of(l, struct copy, l));
}

static struct copy *copy_new(size_t len)
{
	struct copy *c = xmalloc(sizeof(*c) + len);

	c->iov = (struct iovec){ c->data, len };
	c->l = (struct loan){ .pub = { &c->iov, 1, len }, .end = copy_end };
	return c;
}

int derive_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen,
		     struct ioth_loan **loan)
{
	struct copy *c;
	ssize_t ret;

	if (!kind_current->f->recvfrom)
		return kind_fail(kind_current, ENOSYS);
	c = copy_new(MIN(len, COPY_IN));
	ret = kind_current->f->recvfrom(fd, c->data, c->iov.iov_len, flags, addr, addrlen);
	if (ret < 0) {
		free(c);
		return -1;
	}
	c->iov.iov_len = c->l.pub.len = (size_t)ret;
	*loan = &c->l.pub;
	return 0;
}

int derive_send_lend(int fd, size_t len, int flags, struct ioth_loan **loan)
{
	if (!kind_current->f->sendmsg)
		return kind_fail(kind_current, ENOSYS);
	*loan = &copy_new(MIN(len, COPY_OUT))->l.pub;
	return 0;
}

ssize_t derive_send_lent(int fd, struct ioth_loan *l, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen)
{
	struct iovec *iov = xmalloc((size_t)MAX(l->n, 1) * sizeof(*iov));
	struct msghdr m = {
		.msg_name = (void *)(uintptr_t)addr, .msg_namelen = addr ? addrlen : 0,
		.msg_iov = iov, .msg_iovlen = (size_t)loan_part(l, iov, len),
	};
	ssize_t ret = kind_current->f->sendmsg ? kind_current->f->sendmsg(fd, &m, flags) :
						 kind_fail(kind_current, ENOSYS);

	free(iov);
	if (ret >= 0 && (size_t)ret >= len)
		ioth_give_back(l);
	else if (ret > 0)
		loan_sent(l, (size_t)ret);
	return ret;
}
