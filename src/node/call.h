/* call.h - system calls on sockets, done by the node
 *
 * A front end brings them: the runner, to which the kernel hands trapped calls
 * of an unmodified program; the stack server, which gets messages; the library,
 * whose caller is a thread of this process (native_call.c). They look the same here: a
 * number and six arguments, memory and descriptors that may be another process's.
 * How to reach those is the front end's to say.
 *
 *   calls.c        the table of calls, and finding the socket a call names
 *   call.c         trying, parking, trying again
 *   call_mem.c     what lies in the caller's memory
 *   call_sock.c, call_msg.c, call_opt.c   what each call does
 *   call_ring.c    a packet socket's shared memory in the place of its descriptor
 *   call_open.c    the files of /proc/net
 *   call_netlink.c AF_NETLINK sockets, answered by rtnl.c
 *
 * All with the node's lock held.
 */
#ifndef NODE_CALL_H
#define NODE_CALL_H

#include "node/vsock.h"

#define ARG(c, i)	((c)->args[i])

/* The calls of one front end on one node. */
struct calls {
	struct node	*node;
	const struct call_front *front;
	struct list	parked;		/* struct call.link */
	usec		parked_at;	/* when the last came */
	struct list	netlinks;	/* call_netlink.c */
	struct list	rings;		/* call_ring.c: struct vring.link */
};

struct call {
	struct list	link;		/* calls->parked */
	struct list	wait;		/* *waits */
	struct list	*waits;		/* where it is parked; NULL: vsock->calls */
	struct calls	*of;
	const struct trap *trap;
	int		nr;
	uint64_t	args[6];
	pid_t		pid;		/* who calls */
	void		*owner;		/* front end: who answers for a descriptor that it gets */
	bool		plain;		/* may not configure the node, nor see others' frames */
	struct vsock	*vs;		/* the socket it names, and */
	int		app;		/* the program's end of it; -1 */
	bool		lent;		/* it is the caller's own, not a duplicate */
	usec		give_up;	/* SO_RCVTIMEO, SO_SNDTIMEO */
	int		late;		/* connect: the error when that time comes; sendto: see there */
	bool		started;	/* it has been tried before */
};

#define ERESTARTSYS	512	/* the kernel's, not for programs */

struct call_front {
	/* Instead of the table's; NULL: that. */
	long	(*handle)(struct call *c);
	/* Memory of the caller: all of it, 0; or -EFAULT. */
	int	(*read)(const struct call *c, uint64_t addr, void *buf, size_t n);
	int	(*write)(const struct call *c, uint64_t addr, const void *buf, size_t n);
	/* A duplicate of its descriptor, or -errno. */
	int	(*fd)(const struct call *c, int fd);
	/* The socket that its descriptor is known to be, which needs no duplicate then;
	 * NULL: it must be looked at. May be NULL. */
	struct vsock *(*known)(const struct call *c, int fd);
	/* fd becomes the call's result, which is thereby answered: its number there, or
	 * -errno. */
	int	(*give)(struct call *c, int fd, bool cloexec);
	/* Its descriptor at becomes fd. 0 or -errno. NULL: cannot be done. */
	int	(*replace)(struct call *c, int at, int fd, bool cloexec);
	void	(*given)(struct call *c, struct vsock *vs);	/* it has; may be NULL */
	bool	(*valid)(const struct call *c);	/* it still waits for the answer */
	/* What is to be done with a call that no socket of ours is named by; may be NULL. */
	long	(*foreign)(struct call *c);
	void	(*answer)(struct call *c, long value);
	void	(*free)(struct call *c);
	bool	own;		/* its callers are the node's own process */
	void	(*lost)(struct calls *cs, void *owner);	/* a socket of that owner's ended */
	bool	inside;		/* a thread of our own waits: who blocks does not poll */
	usec	period;		/* a parked call is looked at so often; NEVER: no need */
};

/* What a handler returns besides a result (>= 0) or -errno. */
enum {
	CALL_CONTINUE	= -100000,	/* not ours: the kernel goes on with it */
	CALL_PARK	= -100001,	/* again when its vsock changes */
	CALL_ANSWERED	= -100002,	/* with a descriptor, already */
};

/* A row of the table of intercepted calls; several rows of one number are
 * alternatives, each with up to two conditions on register values. */
struct trap {
	int		nr;
	const char	*name;
	long		(*handle)(struct call *c);
	struct trap_if {
		uint8_t		arg;	/* 0-5 */
		enum trap_op { TRAP_ALWAYS, TRAP_EQ, TRAP_BITS, TRAP_NOT_NULL, TRAP_BYTE1,
			       TRAP_READS /* with --proc-net only */,
			       TRAP_NOT, TRAP_ABOVE } op;
		uint32_t	value;
	}		when[2];
};

extern const struct trap traps[];	/* nr < 0 ends */
bool call_trapped(int nr, const uint64_t args[6]);	/* does a row of the table say so? */

/* call.c */
void calls_init(struct calls *cs, struct node *n, const struct call_front *front);
void calls_end(struct calls *cs);	/* frees those that are parked */
void call_init(struct call *c, struct calls *of, int nr, const uint64_t args[6]);
void call_try(struct call *c);		/* does it; then it is freed, or parked */
void call_free(struct call *c);
/* Those that are parked in the list try again, in their order. */
void call_again(struct list *calls);
/* Tries those whose time is over; the node's alarm is set for the next. */
void calls_late(struct calls *cs);
/* As the front end's. */
int call_give(struct call *c, int fd, bool cloexec);
int call_replace(struct call *c, int at, int fd, bool cloexec);
bool call_valid(const struct call *c);
/* call_give of vs's end: CALL_ANSWERED, or -errno. */
long call_give_fd(struct call *c, struct vsock *vs, int fd, bool cloexec);

/* call_mem.c: 0 or -errno, all bytes or -EFAULT. */
int call_fd(const struct call *c, int fd);	/* a duplicate of its descriptor */
int call_read(const struct call *c, uint64_t addr, void *buf, size_t n);
int call_write(const struct call *c, uint64_t addr, const void *buf, size_t n);
/* Scatter and gather between buf and the program's iovec; bytes or -EFAULT. */
ssize_t call_gather(const struct call *c, const struct iovec *iov, int n, void *buf, size_t size);
int call_scatter(const struct call *c, const struct iovec *iov, int n, const void *buf, size_t len);
/* A msghdr and its iovec. 0 or -errno. */
struct call_msg {
	struct msghdr	h;
	struct iovec	iov[64];
	int		n;
	size_t		room;		/* of all */
};
int call_msghdr(const struct call *c, uint64_t addr, struct call_msg *t);
/* A sockaddr with its value-result length. */
int call_put_name(const struct call *c, uint64_t addr, uint64_t lenp, const void *sa, size_t size);
int call_put_addr(const struct call *c, uint64_t addr, uint64_t lenp,
		  const struct endpoint *ep, int family);

/* call_netlink.c */
struct nlsock;
long netlink_socket(struct call *c);
struct nlsock *netlink_of(const struct call *c);	/* NULL: it is not one */
struct nlsock *netlink_of_fd(const struct calls *cs, int fd);
long netlink_call(struct call *c, struct nlsock *nl);
void netlink_end(struct calls *cs);		/* all of them */
int netlink_close(struct calls *cs, int fd);	/* as close(2); perhaps the last of one */

/* call_ring.c */
long ring_setopt(struct call *c, const void *v, socklen_t len);
/* The descriptor may be the memory of a ring: it is the socket's again. */
struct vsock *ring_end(struct call *c);

/* call_open.c */
#define CALL_NAME	64
/* As much as there is of a file's name in the caller's memory. */
bool call_read_name(const struct call *c, uint64_t at, char name[CALL_NAME]);
/* The file's own name in /proc/net; NULL: it is elsewhere, or the machine's all the same. */
const char *call_proc_net(const char *name);

/* call_*.c */
long call_socket(struct call *c);
long call_bind(struct call *c);
long call_connect(struct call *c);
long call_listen(struct call *c);
long call_accept(struct call *c);
long call_shutdown(struct call *c);
long call_getsockname(struct call *c);
long call_getpeername(struct call *c);
long call_setsockopt(struct call *c);
long call_getsockopt(struct call *c);
long call_ioctl(struct call *c);
long call_sendto(struct call *c);
long call_recvfrom(struct call *c);
long call_sendmsg(struct call *c);
long call_recvmsg(struct call *c);
long call_sendmmsg(struct call *c);
long call_recvmmsg(struct call *c);
long call_open(struct call *c);
long call_openat(struct call *c);

/* Finds the socket of argument 0. 0, or what the handler must return. */
long call_vsock(struct call *c);
/* What the program closed before this call is closed. */
long call_catch_up(struct call *c);
long call_vsock_now(struct call *c);	/* both */
bool call_nonblock(const struct call *c);
/* Parks until the descriptor's timeout option has passed: CALL_PARK, or the
 * error to give when it has. */
long call_wait(struct call *c, int option, int error);

#endif
