/* native.h - a stack of kind native: a node in this process
 *
 *   native.c       the stack, and its table of functions
 *   native_options.c  what it is made with
 *   native_call.c  a call of the program: done at once, or its thread waits
 *   native_config.c  what words make of it, and whom it asks for names
 *   native_stat.c  what it has counted
 *   native_io.c    those that move bytes and datagrams, which do not go by the pair
 *   native_msg.c   those that take messages, and those that the kernel does on the pair
 *   native_lend.c  those that lend memory
 *   native_poll.c  waiting for several of its sockets
 *   native_loan.c  what these have lent, which may outlive the node
 */
#ifndef NODE_NATIVE_H
#define NODE_NATIVE_H

#include "ioth.h"
#include "node/call.h"
#include "node/kind.h"

struct native {
	struct list	link;		/* of all of them */
	struct ioth	*stack;
	struct node	*node;
	struct calls	calls;
	pid_t		pid;
	bool		orphan;		/* after fork, in the child: the node is the parent's */
	struct lender	*lender;	/* native_loan.c */
};

extern unsigned native_forks;		/* that this process is away from the first */

/* Takes options apart in place; conf points into it. 0, -EINVAL, -EEXIST. */
int native_options(struct node_conf *conf, const char *locators[], char *options);

void native_calls_init(struct native *s);

/* Does a system call by its number: what the stack does of it, and the rest by the
 * kernel on the descriptor itself. -1 with errno. */
long native_call(int nr, uint64_t args[6]);
/* With the node's lock. fd is being closed: calls that wait there by that name end with
 * EBADF. */
void native_cancel_at(struct native *s, int fd);

/* The kernel is to do something with fd: vbare.c. As libc, 0 also if it is none of ours. */
int native_dress(int fd);

/* What the table says, with the node's lock: it is right while the socket lives, whose
 * end clears it. NULL: nothing. */
struct vsock *native_known(const struct node *n, int fd);
struct vsock *native_find(struct node *n, int fd);	/* also where it says nothing; NULL: none */
/* Where that found none: a netlink socket; or it was closed meanwhile, and the number may be
 * anybody's: false. */
bool native_is_ours(int fd);
/* The vsock of fd, its node locked; NULL: it is no such socket of the current stack's, or
 * the stack is the parent's. */
struct vsock *native_enter(int fd);
ssize_t native_leave(struct vsock *vs, ssize_t ret);	/* as libc: -1 with errno */

/* native_io.c: as their namesakes in libc */
ssize_t native_read(int fd, void *buf, size_t len);
ssize_t native_readv(int fd, const struct iovec *iov, int n);
ssize_t native_recv(int fd, void *buf, size_t len, int flags);
ssize_t native_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			socklen_t *addrlen);
ssize_t native_write(int fd, const void *buf, size_t len);
ssize_t native_writev(int fd, const struct iovec *iov, int n);
ssize_t native_send(int fd, const void *buf, size_t len, int flags);
ssize_t native_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
		      socklen_t addrlen);

ssize_t native_take(int fd, const struct iovec *iov, int n, int flags, struct sockaddr *addr,
		    socklen_t *addrlen);
/* What is beside a stream's bytes comes with them. */
ssize_t native_take_msg(int fd, struct msghdr *msg, int flags);
ssize_t native_give(int fd, const struct iovec *iov, int n, int flags,
		    const struct sockaddr *addr, socklen_t addrlen);
/* iov is of loan, NULL: of nobody; what was sent of it is the stack's. */
ssize_t native_give_loan(int fd, const struct iovec *iov, int n, int flags,
			 const struct sockaddr *addr, socklen_t addrlen, struct ioth_loan *loan);
/* A call at fd that found nothing, or no room, waits: 0, then it tries again; or -errno:
 * it may not, or not any more. *until is 0 at the first time. */
int native_wait(struct vsock *vs, int fd, bool in, int flags, usec *until);
/* Whom m is from, if addr is not NULL: as recvfrom tells. */
void native_source(struct vsock *vs, const struct msg *m, struct sockaddr *addr, socklen_t *len);
ssize_t native_leave_sender(struct vsock *vs, ssize_t ret, int flags);	/* and SIGPIPE */

/* native_msg.c: the same */
ssize_t native_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t native_sendmsg(int fd, const struct msghdr *msg, int flags);
int native_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout);
int native_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags);
ssize_t native_sendfile(int out_fd, int in_fd, off_t *offset, size_t count);
ssize_t native_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
		      unsigned flags);

/* native_poll.c: some are of the current stack, none of another native one. As poll, with -errno;
 * masked: signals of another mask shall end it. left: NEVER or what is left of the timeout.
 * -EOPNOTSUPP: the kernel has to wait. */
int native_poll(struct pollfd *v, nfds_t n, usec *left, bool masked);
/* The kernel waits, and sees what is true of those of the current stack until they are hidden. */
struct shown {
	const struct pollfd *v;
	nfds_t		n;
	uint64_t	*cookies;	/* of each; 0: it is none of those */
	usec		since;
};
int native_show(const struct shown *sh);	/* 0 or -errno */
int native_hide(const struct shown *sh);	/* 0 */

/* native_lend.c: as of struct kind_more */
int native_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen,
		     struct ioth_loan **loan);
int native_send_lend(int fd, size_t len, int flags, struct ioth_loan **loan);
ssize_t native_send_lent(int fd, struct ioth_loan *loan, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen);

/* native_loan.c */
struct lender *lender_new(struct node *n);
void lender_end(struct lender *le);	/* the node goes */
/* With the node's lock: what vs has lent, moved out of v, as the caller sees it. */
struct ioth_loan *native_loan(struct native *s, struct vsock *vs, struct vloan *v);
/* What vs has lent to be sent; NULL: it was not vs, or not that. */
const struct draft *native_draft(struct ioth_loan *loan, const struct vsock *vs);
void native_lent(struct ioth_loan *loan);	/* was sent: it counts no more */

/* native_config.c: as of struct kind_more */
char *native_resolvconf(struct ioth *s);
int native_config(struct ioth *s, const struct words *w);
char *native_newconf(struct ioth *s, const struct words_if *i, int *error);

void native_statistics(struct ioth *stack, ioth_statistic_fn *each, void *arg);

#endif
