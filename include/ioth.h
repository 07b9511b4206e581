/* ioth.h - the Internet of Threads: TCP/IP stacks as a library
 *
 * A stack is a network node inside your process: its own interfaces, addresses,
 * routes and ports, with no privilege. A socket of a stack is a real file
 * descriptor: read, write, send, recv, poll, select, epoll, dup and fork work on
 * it as they are; what names it (bind, connect, accept, addresses, options)
 * goes through the functions here, which have the prototypes, results and errno
 * values of POSIX and Linux's manual pages.
 *
 *	const char *net[] = { "/tmp/sw", NULL };
 *	struct ioth *s = ioth_newstackv("native", net);
 *	ioth_ipaddr_add(s, AF_INET, &addr, 24, ioth_if_nametoindex(s, "eth0"));
 *	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
 *	ioth_connect(fd, (struct sockaddr *)&to, sizeof(to));
 *	write(fd, "hello", 5);
 *
 * The names are those of VirtualSquare's libioth; doc/design-notes.md tells
 * which of them are not here yet. All functions may be called from any thread.
 */
#ifndef IOTH_H
#define IOTH_H

#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ioth;

/* A stack with one interface per locator (a switch's path, vde://PATH,
 * fault://...{...}; design section 13), named eth0, eth1 and so on, up, with
 * an IPv6 link-local address. kind: "native". NULL with errno: ENOTSUP (kind),
 * ENOENT (a locator cannot be opened; one line says why on stderr), EINVAL. The
 * caller ends it with ioth_delstack. Each stack has one background thread. */
struct ioth *ioth_newstackv(const char *kind, const char *locators[]);
struct ioth *ioth_newstack(const char *kind, const char *locator);

/* 0; -1 with EBUSY while it has open sockets. Connections that are being closed
 * are ended where they are. */
int ioth_delstack(struct ioth *stack);

/* A socket: AF_INET or AF_INET6, SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK
 * and SOCK_CLOEXEC in type. The descriptor is the caller's to close. -1 with
 * EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EMFILE. */
int ioth_msocket(struct ioth *stack, int domain, int type, int protocol);

/* As their namesakes of POSIX, for descriptors of ioth_msocket and ioth_accept;
 * on others -1 with EBADF. ioth_connect and ioth_accept block unless the
 * descriptor is O_NONBLOCK, are cancelled by nothing and do not see EINTR. */
int ioth_bind(int fd, const struct sockaddr *addr, socklen_t len);
int ioth_connect(int fd, const struct sockaddr *addr, socklen_t len);
int ioth_listen(int fd, int backlog);
int ioth_accept(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int ioth_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int ioth_shutdown(int fd, int how);
ssize_t ioth_sendto(int fd, const void *buf, size_t len, int flags,
		    const struct sockaddr *addr, socklen_t addrlen);
ssize_t ioth_recvfrom(int fd, void *buf, size_t len, int flags,
		      struct sockaddr *addr, socklen_t *addrlen);

/* Configuration. addr, dst and gw point to a struct in_addr or in6_addr as
 * family says; dst NULL is the default route. prefix: 0-32 or 0-128. 0, or -1
 * with EINVAL, ENODEV, EEXIST, ENOENT. */
unsigned ioth_if_nametoindex(struct ioth *stack, const char *ifname); /* 0: ENODEV */
int ioth_ipaddr_add(struct ioth *stack, int family, const void *addr, int prefix,
		    unsigned ifindex);
int ioth_ipaddr_del(struct ioth *stack, int family, const void *addr, int prefix,
		    unsigned ifindex);
int ioth_iproute_add(struct ioth *stack, int family, const void *dst, int prefix,
		     const void *gw, unsigned ifindex);
int ioth_iproute_del(struct ioth *stack, int family, const void *dst, int prefix,
		     const void *gw, unsigned ifindex);

/* A parameter of this stack, by its Linux sysctl name ("tcp_rmem", value as in
 * /proc/sys). 0, or -1 with ENOENT or EINVAL. */
int ioth_sysctl(struct ioth *stack, const char *name, const char *value);

#ifdef __cplusplus
}
#endif

#endif
