/* vset.h - sets of sockets that are waited for without system calls (ioth_epoll_wait)
 *
 *   api_epoll.c  descriptor -> set; the calls
 *   vset_near.c  which sockets are members, and of which the stack is asked
 *   vset.c       which of them are ready, and who is told
 *   vset_wait.c  waiting
 *
 * A set is an epoll set of the kernel, where all descriptors are put at first. A socket
 * whose bytes go by calls (vlocal.c) becomes near: it leaves the kernel's set, its pair
 * shows nothing any more, and the stack's own word that it has news puts it into the ready
 * list of its sets. All else is far: other descriptors, other sockets, and those of another
 * stack than that of the first socket of the set.
 *
 * With the node's lock, but for what says otherwise.
 */
#ifndef NODE_VSET_H
#define NODE_VSET_H

#include <sys/epoll.h>

#include "node/vsock.h"

struct ioth;

struct vset {
	int		epfd, bell;	/* an eventfd in the kernel's set: some near one is ready */
	uint64_t	mark;		/* what the kernel says of the bell */
	unsigned	refs;		/* api_epoll.c has a lock for these two */
	struct ioth	*stack;		/* whose sockets are members; NULL: nobody's */
	unsigned	far;		/* atomic; in the kernel's set, perhaps closed meanwhile */
	struct list	watches, ready, callers;
	unsigned	near;		/* members */
	unsigned	sleepers;	/* threads that wait in the kernel's set */
	bool		rung;
	bool		attended;	/* somebody waited since the alarm was set */
	unsigned	turn;
	struct node	*node;		/* where its alarm is; NULL: it has no members */
	struct node_alarm alarm;
};

/* A member. */
struct vwatch {
	struct list	of_vs;		/* vs->watches */
	struct list	in_set;		/* set->watches */
	struct list	ready;		/* set->ready: it may be */
	struct vset	*set;
	struct vsock	*vs;
	int		fd;
	struct epoll_event ev;
	bool		silent;		/* EPOLLONESHOT, and it was told */
};

/* As epoll_ctl: 0 or -errno. vs: NULL, or the socket of fd. */
int vset_ctl(struct vset *set, struct vsock *vs, int op, int fd, struct epoll_event *ev);
/* The ready ones; how many. */
int vset_collect(struct vset *set, struct epoll_event *v, int most);
void vset_end(struct vset *set);	/* no members any more */
void vset_more(struct vset *set);	/* who waits for near ones alone sees that there are others */

/* What the kernel says but for the bell; as epoll_wait, with -errno. Without the lock. */
int vset_kernel(struct vset *set, struct epoll_event *v, int most, int timeout);
int vset_wait(struct vset *set, struct node *n, struct epoll_event *v, int most, int timeout);

/* --- for poll (native_poll.c): a set of the node's own, without a descriptor --- */

struct vset *vset_of_node(struct node *n);
/* Which of these there are now, if the stack may say so; else false, and the kernel has to. */
bool vset_asked(struct vset *set, struct vsock *vs, int fd, uint32_t events, uint32_t *now);
void vset_unring(struct vset *set);	/* its bell says nothing any more */
int vset_wait_near(struct vset *set, struct node *n, usec until);	/* 0 or -EINTR */
/* Until when near ones are waited for alone, before the kernel waits for others too; 0: not at all */
usec vset_look_until(const struct node *n, usec until);

/* api_epoll.c: a set has s's sockets for members from now on, or none; false: another's. */
bool vset_claim(struct vset *set, struct ioth *s);
void vset_lock(void);			/* for fork */
void vset_unlock(void);

/* --- for vsocks --- */

void vset_note(struct vsock *vs);	/* the stack has news of it */
void vset_quiet(struct vsock *vs);	/* something was read: who was rung for it alone is not */
void vset_tell(struct vsock *vs);	/* those who wait are told */
void vset_try(struct vsock *vs);	/* it may become near */
void vset_expose(struct vsock *vs);	/* it is far again: the pair tells */
void vset_no_more(struct vsock *vs);	/* and stays so */
int vset_show(struct vsock *vs);	/* until all who have shown it hide it; 0 or -errno */
void vset_hide(struct vsock *vs);
void vset_leave(struct vsock *vs);	/* it ends; closed or not */

#endif
