/* run.h - unmodified programs on a stack of their own
 *
 *   launch.c   the processes: front, keeper, supervisor, program
 *   front.c    the one that the shell knows
 *   netns.c    another supervisor: the program in the namespaces of a kernel stack
 *   keeper.c   the keeper: nothing of a killed node is left
 *   enter.c    what the program does before, if it is to be in such namespaces
 *   filter.c   which system calls are trapped, from the table in node/calls.c
 *   notify.c   receives them, answers them, keeps those that wait
 *   target.c   the program's memory and descriptors
 *   find.c     where an end of a pair lives, when it has moved
 *   remote.c   --stack PATH: a stack server does what the calls ask
 *   inject.c   --stack kernel: sockets of a kernel stack are given out, and no more is trapped
 *   resolv.c   where the program's libc would ask for names
 *
 * What each trapped call does is in src/node (call.h).
 *
 * Two threads share a node: the notifier takes a call from the kernel at once
 * (until then a signal could interrupt calls that never fail with EINTR) and
 * performs it under the node's lock; the driver carries packets and bytes.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <pthread.h>

#include "node/call.h"

struct run_conf {
	struct node_conf node;		/* first: node_options work on it */
	bool	proc_net;
	bool	netns;
};

/* Runs argv as a node and returns the status for exit(2), or ends by the
 * signal that ended the program. */
int run_program(const struct run_conf *conf, char **argv);

/* keeper.c: for the supervisor's parent, before and after it is forked */
void keeper_prepare(void);
void keeper_wait(pid_t supervisor);	/* and for what it leaves, if it was killed */

struct runner {
	struct calls	calls;
	int		listener;	/* seccomp notification descriptor */
	bool		killable;	/* received calls are immune to handlers */
	bool		orphaned;	/* no filtered task is left */
	pthread_t	notifier;
	struct remote	*remote;	/* NULL: the stack is ours, or */
	struct inject	*inject;	/* the kernel's */
	struct pidfd {
		pid_t	tid;		/* 0: none */
		int	fd;
	}		pidfds[64];	/* target.c: of threads that called lately */
};

struct scmp_arg_cmp;

/* filter.c: installs the filter on the calling process; opens: those of files, too. The
 * listener's descriptor, or -errno. *killable tells whether received calls are immune. */
int filter_possible(void);	/* would it be installed? A child tries: 0, or -errno */
int filter_install(const struct trap *rows, bool opens, bool *killable);

/* notify.c */
int notify_start(struct runner *r);
void notify_stop(struct runner *r);	/* after the last task has gone */
/* fd, which is closed here, becomes the call's result: what a handler returns. When the
 * program goes on nobody else has it, so that its close() is the last. */
long notify_hand_over(struct call *c, int fd, bool cloexec);

/* target.c: 0 or -errno, all bytes or -EFAULT. */
void target_forget(struct runner *r);	/* closes what it keeps */
int target_fd(struct runner *r, pid_t tid, int fd);	/* a duplicate of its descriptor */
int target_read(pid_t tid, uint64_t addr, void *buf, size_t n);
int target_write(pid_t tid, uint64_t addr, const void *buf, size_t n);
/* An unblocked signal that is caught or stops waits for the thread: its own, or
 * one shared with others. */
enum sig_wait { SIG_NONE, SIG_SHARED, SIG_OWN };
enum sig_wait target_signal(pid_t tid);

/* find.c: a descriptor of the program's end of vs, wherever it lives now; or -1. */
int target_find_end(struct vsock *vs);
struct end {
	uint64_t	cookie;
	uint32_t	inode;
	pid_t		pid;		/* where it was last seen; 0: nowhere */
	int		fd;
};
int target_find(struct runner *r, const struct end *e);

/* remote.c: path is a stack server's; the node only has the loop. NULL with *why. */
struct remote *remote_open(struct runner *r, const char *path, char **why);
void remote_close(struct remote *rm);	/* NULL is fine */
long remote_call(struct call *c);
void remote_cancel(struct call *c);
void remote_forget(struct call *c);	/* what is known of it here */

/* resolv.c */
/* Of a call that is no socket's of ours: refused if it is to an AF_UNIX resolver. */
long resolv_connect(struct call *c);

#endif
