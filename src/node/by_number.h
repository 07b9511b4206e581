/* by_number.h - socket calls that are the current stack's system calls, by their number */
#ifndef NODE_BY_NUMBER_H
#define NODE_BY_NUMBER_H

#include "ioth.h"

/* As their namesakes in libc. */
int by_number_socket(int domain, int type, int protocol);
int by_number_bind(int fd, const struct sockaddr *addr, socklen_t len);
int by_number_connect(int fd, const struct sockaddr *addr, socklen_t len);
int by_number_listen(int fd, int backlog);
int by_number_accept(int fd, struct sockaddr *addr, socklen_t *len);
int by_number_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int by_number_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int by_number_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int by_number_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int by_number_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int by_number_shutdown(int fd, int how);
int by_number_ioctl(int fd, unsigned long cmd, ...);
ssize_t by_number_sendto(int fd, const void *buf, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen);
ssize_t by_number_sendmsg(int fd, const struct msghdr *msg, int flags);
int by_number_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags);
ssize_t by_number_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			   socklen_t *addrlen);
ssize_t by_number_recvmsg(int fd, struct msghdr *msg, int flags);
int by_number_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags,
		       struct timespec *timeout);

#endif
