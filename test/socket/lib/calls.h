/* calls.h - the socket calls of the cases, taken from a table
 *
 * The cases are written as a program is: socket(), connect(), poll(). Compiled with
 * "-include lib/calls.h" the same names take the function from the table of the kind
 * that is being tried: libc's, or the library's (calls.c).
 */
#ifndef CALLS_H
#define CALLS_H

#include <fcntl.h>
#include <netdb.h>
#include <net/if.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct calls {
	int	(*socket)(int, int, int);
	int	(*close)(int);
	int	(*bind)(int, const struct sockaddr *, socklen_t);
	int	(*connect)(int, const struct sockaddr *, socklen_t);
	int	(*listen)(int, int);
	int	(*accept)(int, struct sockaddr *, socklen_t *);
	int	(*accept4)(int, struct sockaddr *, socklen_t *, int);
	int	(*getsockname)(int, struct sockaddr *, socklen_t *);
	int	(*getpeername)(int, struct sockaddr *, socklen_t *);
	int	(*setsockopt)(int, int, int, const void *, socklen_t);
	int	(*getsockopt)(int, int, int, void *, socklen_t *);
	int	(*shutdown)(int, int);
	int	(*ioctl)(int, unsigned long, void *);
	int	(*fcntl)(int, int, long);
	ssize_t	(*read)(int, void *, size_t);
	ssize_t	(*readv)(int, const struct iovec *, int);
	ssize_t	(*recv)(int, void *, size_t, int);
	ssize_t	(*recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
	ssize_t	(*recvmsg)(int, struct msghdr *, int);
	int	(*recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);
	ssize_t	(*write)(int, const void *, size_t);
	ssize_t	(*writev)(int, const struct iovec *, int);
	ssize_t	(*send)(int, const void *, size_t, int);
	ssize_t	(*sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	ssize_t	(*sendmsg)(int, const struct msghdr *, int);
	int	(*sendmmsg)(int, struct mmsghdr *, unsigned, int);
	ssize_t	(*sendfile)(int, int, off_t *, size_t);
	ssize_t	(*splice)(int, off64_t *, int, off64_t *, size_t, unsigned);
	int	(*poll)(struct pollfd *, nfds_t, int);
	int	(*select)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
	int	(*epoll_create1)(int);
	int	(*epoll_ctl)(int, int, int, struct epoll_event *);
	int	(*epoll_wait)(int, struct epoll_event *, int, int);
	unsigned (*if_nametoindex)(const char *);
};

extern const struct calls *calls;
/* libc's; the library's; the library's, but read, write, send, recv and close of libc */
extern const struct calls libc_calls, library_calls, mixed_calls;
/* the library's, but what send and recv do by memory that is lent (loans.c) */
const struct calls *loans(void);

int call_fcntl(int fd, int cmd, ...);

#ifndef CALLS_PLAIN
#define socket(...)		calls->socket(__VA_ARGS__)
#define close(...)		calls->close(__VA_ARGS__)
#define bind(...)		calls->bind(__VA_ARGS__)
#define connect(...)		calls->connect(__VA_ARGS__)
#define listen(...)		calls->listen(__VA_ARGS__)
#define accept(...)		calls->accept(__VA_ARGS__)
#define accept4(...)		calls->accept4(__VA_ARGS__)
#define getsockname(...)	calls->getsockname(__VA_ARGS__)
#define getpeername(...)	calls->getpeername(__VA_ARGS__)
#define setsockopt(...)		calls->setsockopt(__VA_ARGS__)
#define getsockopt(...)		calls->getsockopt(__VA_ARGS__)
#define shutdown(...)		calls->shutdown(__VA_ARGS__)
#define ioctl(...)		calls->ioctl(__VA_ARGS__)
#define fcntl(...)		call_fcntl(__VA_ARGS__)
#define read(...)		calls->read(__VA_ARGS__)
#define readv(...)		calls->readv(__VA_ARGS__)
#define recv(...)		calls->recv(__VA_ARGS__)
#define recvfrom(...)		calls->recvfrom(__VA_ARGS__)
#define recvmsg(...)		calls->recvmsg(__VA_ARGS__)
#define recvmmsg(...)		calls->recvmmsg(__VA_ARGS__)
#define write(...)		calls->write(__VA_ARGS__)
#define writev(...)		calls->writev(__VA_ARGS__)
#define send(...)		calls->send(__VA_ARGS__)
#define sendto(...)		calls->sendto(__VA_ARGS__)
#define sendmsg(...)		calls->sendmsg(__VA_ARGS__)
#define sendmmsg(...)		calls->sendmmsg(__VA_ARGS__)
#define sendfile(...)		calls->sendfile(__VA_ARGS__)
#define splice(...)		calls->splice(__VA_ARGS__)
#define poll(...)		calls->poll(__VA_ARGS__)
#define select(...)		calls->select(__VA_ARGS__)
#define epoll_create1(...)	calls->epoll_create1(__VA_ARGS__)
#define epoll_ctl(...)		calls->epoll_ctl(__VA_ARGS__)
#define epoll_wait(...)		calls->epoll_wait(__VA_ARGS__)
#define if_nametoindex(...)	calls->if_nametoindex(__VA_ARGS__)
#endif

#endif
