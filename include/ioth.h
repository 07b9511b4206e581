/* ioth.h - the Internet of Threads: TCP/IP stacks as a library
 *
 * A stack is a network node inside your process: its own interfaces, addresses,
 * routes and ports, with no privilege. A process may have any number, of any
 * kinds. A socket of a stack is a real file descriptor: poll, select, epoll and
 * passing it to others work on it as they are. All else goes through the functions
 * here, which have the prototypes, results and errno values of POSIX and of
 * Linux's manual pages.
 *
 *	struct ioth *s = ioth_newstack("native", "/tmp/sw");
 *	ioth_ipaddr_add(s, AF_INET, &addr, 24, ioth_if_nametoindex(s, "eth0"));
 *	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
 *	ioth_connect(fd, (struct sockaddr *)&to, sizeof(to));
 *	ioth_write(fd, "hello", 5);
 *	ioth_close(fd);
 *	ioth_delstack(s);
 *
 * The names are those of VirtualSquare's libioth, whose programs compile and run
 * unchanged. All functions may be called from any thread. Where a stack is asked
 * for, NULL is the default stack (ioth_set_defstack).
 */
#ifndef IOTH_H
#define IOTH_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ioth;

/* --- stacks --- */

/* A stack with one interface per locator: a switch's path, vde://PATH,
 * fault://...{...} and so on, as for ioth run --net; none if there are none. The
 * interfaces are eth0, eth1 ..., up, with an IPv6 link-local address. locators
 * ends with NULL, or is NULL; it is the caller's.
 *
 * kind: "native", the project's own stack;
 *       "host", NULL or "": the machine's own, which takes no locators.
 * Options may follow, after a comma.
 *
 * The caller ends it with ioth_delstack. NULL with errno: ENOTSUP (no such kind),
 * ENOENT (a locator cannot be opened; one line says why on stderr), EINVAL (a
 * locator for the host; more than 16). Each native stack has a background thread. */
struct ioth *ioth_newstackv(const char *kind, const char *locators[]);
struct ioth *ioth_newstack(const char *kind, const char *locator);
struct ioth *ioth_newstackl(const char *kind, const char *locator, ... /* NULL */);

/* 0; -1 with EBUSY while it has open sockets or a call is under way in one.
 * Connections that are being closed are ended where they are. The default stack
 * is the host's again if it was this one. */
int ioth_delstack(struct ioth *stack);

/* Of the process. At first it is the host's; NULL sets that again. Never NULL. */
void ioth_set_defstack(struct ioth *stack);
struct ioth *ioth_get_defstack(void);

/* --- sockets --- */

/* A socket: AF_INET or AF_INET6, SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK
 * and SOCK_CLOEXEC in type. The descriptor is the caller's, to be closed with
 * ioth_close. -1 with EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EMFILE. */
int ioth_msocket(struct ioth *stack, int domain, int type, int protocol);
int ioth_socket(int domain, int type, int protocol);	/* of the default stack */

/* As their namesakes, for descriptors of ioth_msocket and ioth_accept and
 * duplicates of them; on others -1 with EBADF. ENOSYS: the kind of stack cannot.
 * Of a native stack ioth_connect and ioth_accept block unless the descriptor is
 * O_NONBLOCK, are cancelled by nothing and do not see EINTR; close, read, write,
 * send and recv of libc may be used as well. */
int ioth_close(int fd);
int ioth_bind(int fd, const struct sockaddr *addr, socklen_t len);
int ioth_connect(int fd, const struct sockaddr *addr, socklen_t len);
int ioth_listen(int fd, int backlog);
int ioth_accept(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int ioth_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int ioth_shutdown(int fd, int how);
int ioth_ioctl(int fd, unsigned long cmd, void *arg);
int ioth_fcntl(int fd, int cmd, long arg);

ssize_t ioth_read(int fd, void *buf, size_t len);
ssize_t ioth_readv(int fd, const struct iovec *iov, int n);
ssize_t ioth_recv(int fd, void *buf, size_t len, int flags);
ssize_t ioth_recvfrom(int fd, void *buf, size_t len, int flags,
		      struct sockaddr *addr, socklen_t *addrlen);
ssize_t ioth_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t ioth_write(int fd, const void *buf, size_t len);
ssize_t ioth_writev(int fd, const struct iovec *iov, int n);
ssize_t ioth_send(int fd, const void *buf, size_t len, int flags);
ssize_t ioth_sendto(int fd, const void *buf, size_t len, int flags,
		    const struct sockaddr *addr, socklen_t addrlen);
ssize_t ioth_sendmsg(int fd, const struct msghdr *msg, int flags);

/* --- configuration --- */

/* addr, dst and gw point to a struct in_addr or in6_addr as
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
