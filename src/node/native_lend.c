/* native_lend.c - kind native: receiving and sending without a copy
 *
 * What is lent to be read is payload where it lies; what is lent to be sent is memory of
 * the send buffer (vlend.c), a draft. Where that cannot be, and of what is no socket of the node,
 * there are the copies of loan.c.
 */
#include <errno.h>

#include "node/loan.h"
#include "node/native.h"
#include "stack/dgram.h"

static ssize_t lend_received(struct vsock *vs, int fd, size_t len, int flags, struct vloan *l,
			     struct msg *m)
{
	usec until = 0;
	ssize_t got;

	while ((got = vlend_recv(vs, fd, len, l, m)) == -EAGAIN) {
		int ret = native_wait(vs, fd, true, flags, &until);

		if (ret < 0)
			return ret;
	}
	return got;
}

int native_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen,
		     struct ioth_loan **loan)
{
	struct msg m = { .ttl = -1 };
	struct vsock *vs = native_enter(fd);
	struct vloan l = { .vs = NULL };
	ssize_t ret;

	if (!vs)
		return derive_recv_lend(fd, len, flags, addr, addrlen, loan);
	lent_init(&l.in);
	ret = lend_received(vs, fd, len, flags, &l, &m);
	if (ret >= 0) {
		*loan = native_loan(kind_current->data, vs, &l);
		native_source(vs, &m, addr, addrlen);
		ret = 0;
	}
	native_leave(vs, ret);
	if (ret == -EOPNOTSUPP)
		return derive_recv_lend(fd, len, flags, addr, addrlen, loan);
	return ret < 0 ? -1 : 0;
}

static int lend_draft(struct vsock *vs, int fd, size_t len, int flags, struct vloan *l)
{
	usec until = 0;
	int ret;

	while ((ret = vlend_send(vs, fd, len, l)) == -EAGAIN) {
		ret = native_wait(vs, fd, false, flags, &until);
		if (ret < 0)
			break;
	}
	return ret;
}

int native_send_lend(int fd, size_t len, int flags, struct ioth_loan **loan)
{
	struct vsock *vs = native_enter(fd);
	struct vloan l = { .vs = NULL };
	int ret;

	if (!vs)
		return derive_send_lend(fd, len, flags, loan);
	lent_init(&l.in);
	ret = lend_draft(vs, fd, len, flags, &l);
	if (ret == 0)
		*loan = native_loan(kind_current->data, vs, &l);
	native_leave_sender(vs, ret, flags);
	if (ret == -EOPNOTSUPP)
		return derive_send_lend(fd, len, flags, loan);
	return ret < 0 ? -1 : 0;
}

ssize_t native_send_lent(int fd, struct ioth_loan *loan, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen)
{
	struct iovec iov[DRAFT_CHUNKS];
	ssize_t ret;

	if (loan->n > DRAFT_CHUNKS)	/* what was received, sent on */
		return derive_send_lent(fd, loan, len, flags, addr, addrlen);
	ret = native_give_loan(fd, iov, loan_part(loan, iov, len), flags, addr, addrlen, loan);
	if (ret >= 0 && (size_t)ret == len)
		ioth_give_back(loan);
	else if (ret > 0)
		loan_sent(loan, (size_t)ret);
	return ret;
}
