/* loan.h - memory that ioth.h lends
 *
 *   loan.c         what all loans are, and those of kinds that copy
 *   native_loan.c  of native stacks: payload where it lies (vlend.c)
 */
#ifndef NODE_LOAN_H
#define NODE_LOAN_H

#include "base/base.h"
#include "ioth.h"

struct loan {
	struct ioth_loan pub;
	void	(*end)(struct loan *l);		/* gives the memory back, and frees l */
};

static inline struct loan *loan_of(struct ioth_loan *l)
{
	return container_of(l, struct loan, pub);
}

/* The first len octets of what it shows: spans into iov, their number. */
int loan_part(const struct ioth_loan *l, struct iovec iov[], size_t len);
void loan_sent(struct ioth_loan *l, size_t len);	/* it shows what is behind those */

/* For the stack of the call in progress, by recvfrom and sendto: as libc's. */
int derive_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen,
		     struct ioth_loan **loan);
int derive_send_lend(int fd, size_t len, int flags, struct ioth_loan **loan);
ssize_t derive_send_lent(int fd, struct ioth_loan *loan, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen);

#endif
