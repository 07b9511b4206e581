/* ioth_plugin.h - how a TCP/IP stack becomes a kind of ioth_newstack()
 *
 * A plugin is a shared object named ioth_NAME-r.so (one copy serves any number of
 * stacks) or ioth_NAME.so (loaded anew, in a namespace of its own, for each). It
 * exports
 *
 *	void *ioth_NAME_newstack(const char *vnlv[], const char *options,
 *				 struct ioth_functions *f);
 *	int ioth_NAME_delstack(void *data);
 *
 * and what else of struct ioth_functions it has, as ioth_NAME_socket and so on, or
 * puts it into *f. The binary interface is that of VirtualSquare's libioth.
 */
#ifndef IOTH_PLUGIN_H
#define IOTH_PLUGIN_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ioth_functions;

/* Types, for typeof: no such functions exist. */
void *newstack_prototype(const char *vnlv[], const char *options, struct ioth_functions *f);
int delstack_prototype(void *data);
void *getstackdata_prototype(void);

/* Every function fails with -1 (newstack: NULL) and errno. What is NULL gives
 * ENOSYS, but read, readv, recv and recvfrom are made from recvmsg, and their
 * counterparts from sendmsg. The order is part of the interface. */
struct ioth_functions {
	/* Of libioth, for the plugin: the data of the stack that the call in
	 * progress is for. */
	void	*(*getstackdata)(void);

	/* vnlv: locators, ended by NULL, or NULL; options: what followed a comma
	 * in the name of the kind, or NULL. Both are the caller's. */
	void	*(*newstack)(const char *vnlv[], const char *options, struct ioth_functions *f);
	int	(*delstack)(void *data);

	int	(*socket)(int domain, int type, int protocol);
	int	(*close)(int fd);
	int	(*bind)(int fd, const struct sockaddr *addr, socklen_t len);
	int	(*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	int	(*listen)(int fd, int backlog);
	int	(*accept)(int fd, struct sockaddr *addr, socklen_t *len);
	int	(*getsockname)(int fd, struct sockaddr *addr, socklen_t *len);
	int	(*getpeername)(int fd, struct sockaddr *addr, socklen_t *len);
	int	(*setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
	int	(*getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
	int	(*shutdown)(int fd, int how);
	int	(*ioctl)(int fd, unsigned long cmd, ... /* void *arg */);
	int	(*fcntl)(int fd, int cmd, ... /* long arg */);

	ssize_t	(*read)(int fd, void *buf, size_t len);
	ssize_t	(*readv)(int fd, const struct iovec *iov, int n);
	ssize_t	(*recv)(int fd, void *buf, size_t len, int flags);
	ssize_t	(*recvfrom)(int fd, void *buf, size_t len, int flags,
			    struct sockaddr *addr, socklen_t *addrlen);
	ssize_t	(*recvmsg)(int fd, struct msghdr *msg, int flags);
	ssize_t	(*write)(int fd, const void *buf, size_t len);
	ssize_t	(*writev)(int fd, const struct iovec *iov, int n);
	ssize_t	(*send)(int fd, const void *buf, size_t len, int flags);
	ssize_t	(*sendto)(int fd, const void *buf, size_t len, int flags,
			  const struct sockaddr *addr, socklen_t addrlen);
	ssize_t	(*sendmsg)(int fd, const struct msghdr *msg, int flags);
};

#ifdef __cplusplus
}
#endif

#endif
