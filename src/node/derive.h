/* derive.h - calls made from others (derive.c) */
#ifndef NODE_DERIVE_H
#define NODE_DERIVE_H

#include "node/kind.h"

/* What is NULL and can be made from recvmsg or sendmsg. */
void derive(struct ioth_functions *f);

int derive_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int derive_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags);
int derive_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout);
/* The same, by a call that gives one at least, and what else is there. */
typedef int recv_some(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout);
int derive_recvmmsg_by(recv_some *some, int fd, struct mmsghdr *v, unsigned n, int flags,
		       struct timespec *timeout);
ssize_t derive_sendfile(int out_fd, int in_fd, off_t *offset, size_t count);

#endif
