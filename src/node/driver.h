/* driver.h - who drives nodes that have no thread of their own
 *
 * Who waits in a node drives it (node_wait). One thread of the process stands in for
 * all nodes in which nobody waits: it is told what each sleeps for, and takes what
 * arrives there.
 */
#ifndef NODE_DRIVER_H
#define NODE_DRIVER_H

#include "base/heap.h"

struct node;

/* A node's place with the thread that stands in. */
struct stand_in {
	struct timer	due;		/* under the thread's lock */
	usec		told;		/* of the node's deadline; under the node's */
	bool		on;		/* the node has it */
	bool		watching;	/* news of the node's descriptors wake it */
};

/* From here on the thread stands in for n. 0, or -errno: there is no thread. */
int driver_add(struct node *n);
/* It has let go of n when this returns. Without n's lock. */
void driver_del(struct node *n);

/* Around fork, with the nodes locked. The child has no thread, until a node is added. */
void driver_fork(bool before, bool child);

/* With n's lock held. Nobody waits in n: the thread does, until at. */
void driver_leave(struct node *n, usec at);
/* Somebody goes to sleep in n himself: no news for the thread. */
void driver_enter(struct node *n);

#endif
