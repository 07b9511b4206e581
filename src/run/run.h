/* run.h - unmodified programs on a stack of their own
 *
 *   launch.c   the processes: front, keeper, supervisor, program
 *   keeper.c   the keeper: nothing of a killed node is left
 *   filter.c   which system calls are trapped, from the table in calls.c
 *   notify.c   receives them, answers them, keeps those that wait
 *   target.c   the program's memory and descriptors
 *   find.c     where an end of a pair lives, when it has moved
 *   calls.c, call_sock.c, call_msg.c, call_opt.c   what each trapped call does
 *   ring.c     a packet socket's shared memory in the place of its descriptor
 *   call_open.c  the files of /proc/net, with --proc-net
 *   netlink.c  AF_NETLINK sockets, answered by node/rtnl.c
 *   resolv.c   where the program's libc would ask for names
 *
 * Two threads share a node: the notifier takes a call from the kernel at once
 * (until then a signal could interrupt calls that never fail with EINTR) and
 * performs it under the node's lock; the driver carries packets and bytes.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <linux/seccomp.h>
#include <sys/socket.h>

#include "node/vsock.h"

struct run_conf {
	struct node_conf node;		/* first: node_options work on it */
	bool	proc_net;
};

/* Runs argv as a node and returns the status for exit(2), or ends by the
 * signal that ended the program. */
int run_program(const struct run_conf *conf, char **argv);

/* keeper.c: for the supervisor's parent, before and after it is forked */
void keeper_prepare(void);
void keeper_wait(pid_t supervisor);	/* and for what it leaves, if it was killed */

struct runner {
	struct node	*node;
	int		listener;	/* seccomp notification descriptor */
	bool		killable;	/* received calls are immune to handlers */
	bool		orphaned;	/* no filtered task is left */
	pthread_t	notifier;
	struct list	parked;		/* struct call.link */
	usec		parked_at;	/* when the last came */
	struct list	netlinks;	/* netlink.c */
	struct list	rings;		/* ring.c: struct vring.link */
	struct pidfd {
		pid_t	tid;		/* 0: none */
		int	fd;
	}		pidfds[64];	/* target.c: of threads that called lately */
};

/* One system call of the program that the kernel gave to us. */
struct call {
	struct list	link;		/* runner->parked */
	struct list	wait;		/* *waits */
	struct list	*waits;		/* where it is parked; NULL: vsock->calls */
	struct runner	*r;
	struct seccomp_notif n;
	const struct trap *trap;
	struct vsock	*vs;		/* the socket it names, and */
	int		app;		/* the program's end of it; -1 */
	usec		give_up;	/* SO_RCVTIMEO, SO_SNDTIMEO */
	int		late;		/* connect: the error when that time comes; sendto: see there */
	bool		started;	/* it has been tried before */
	bool		shared_signal;	/* seen pending once already */
};

/* What a handler returns besides a result (>= 0) or -errno. */
enum {
	CALL_CONTINUE	= -100000,	/* not ours: the kernel goes on with it */
	CALL_PARK	= -100001,	/* again when its vsock changes */
	CALL_ANSWERED	= -100002,	/* with a descriptor, already */
};

struct scmp_arg_cmp;

/* A row of the table of intercepted calls; several rows of one number are
 * alternatives, each with up to two conditions on register values. */
struct trap {
	int		nr;
	const char	*name;
	long		(*handle)(struct call *c);
	struct trap_if {
		uint8_t		arg;	/* 0-5 */
		enum trap_op { TRAP_ALWAYS, TRAP_EQ, TRAP_BITS, TRAP_NOT_NULL, TRAP_BYTE1,
			       TRAP_READS /* with --proc-net only */ } op;
		uint32_t	value;
	}		when[2];
};

extern const struct trap traps[];	/* nr < 0 ends */

/* filter.c: installs the filter on the calling process. The listener's
 * descriptor, or -errno. *killable tells whether received calls are immune. */
int filter_install(bool opens, bool *killable);

/* notify.c */
int notify_start(struct runner *r);
void notify_stop(struct runner *r);	/* after the last task has gone */
/* Gives fd to the program as the call's result. CALL_ANSWERED, or -errno. */
long call_give_fd(struct call *c, struct vsock *vs, int fd, bool cloexec);
/* The same without a vsock: its number there, or -errno. */
int call_give(struct call *c, int fd, bool cloexec);
/* Its descriptor at becomes fd. 0 or -errno. */
int call_replace(struct call *c, int at, int fd, bool cloexec);
/* Those that are parked in the list try again, in their order. */
void call_again(struct list *calls);
bool call_valid(const struct call *c);	/* the task still waits for the answer */

/* target.c: 0 or -errno, all bytes or -EFAULT. */
void target_forget(struct runner *r);	/* closes what it keeps */
int target_fd(const struct call *c, int fd);	/* a duplicate of its descriptor */
int target_read(const struct call *c, uint64_t addr, void *buf, size_t n);
int target_write(const struct call *c, uint64_t addr, const void *buf, size_t n);
/* Scatter and gather between buf and the program's iovec; bytes or -EFAULT. */
ssize_t target_gather(const struct call *c, const struct iovec *iov, int n, void *buf, size_t size);
int target_scatter(const struct call *c, const struct iovec *iov, int n, const void *buf, size_t len);
/* A msghdr and its iovec. 0 or -errno. */
struct tmsg {
	struct msghdr	h;
	struct iovec	iov[64];
	int		n;
	size_t		room;		/* of all */
};
int target_msg(const struct call *c, uint64_t addr, struct tmsg *t);
/* A sockaddr with its value-result length. */
int target_put_name(const struct call *c, uint64_t addr, uint64_t lenp, const void *sa, size_t size);
int target_put_addr(const struct call *c, uint64_t addr, uint64_t lenp,
		    const struct endpoint *ep, int family);
/* An unblocked signal that is caught or stops waits for the thread: its own, or
 * one shared with others. */
enum sig_wait { SIG_NONE, SIG_SHARED, SIG_OWN };
enum sig_wait target_signal(const struct call *c);
int target_thread_fd(struct runner *r, pid_t tid, int fd);

/* find.c: a descriptor of the program's end of vs, wherever it lives now; or -1. */
int target_find_end(struct vsock *vs);

/* netlink.c */
struct nlsock;
long netlink_socket(struct call *c);
struct nlsock *netlink_of(const struct call *c);	/* NULL: it is not one */
long netlink_call(struct call *c, struct nlsock *nl);

/* ring.c */
long ring_setopt(struct call *c, const void *v, socklen_t len);
/* The descriptor may be the memory of a ring: it is the socket's again. */
struct vsock *ring_end(struct call *c);

/* resolv.c */
void resolv_load(struct node *n);	/* the machine's name servers */
bool resolv_refused(const char *path, size_t len); /* an AF_UNIX resolver */

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
