/* driver.h - who drives nodes that have no thread of their own
 *
 * Who waits in a node drives it (node_wait). The background thread, one of the
 * process, stands in for all nodes in which nobody waits: it is told what each sleeps for,
 * and takes what arrives there.
 */
#ifndef NODE_DRIVER_H
#define NODE_DRIVER_H

#include "base/heap.h"

struct loop;
struct node;

/* What the background thread knows of a node. */
struct stand_in {
	struct timer	due;		/* under the thread's lock */
	usec		told;		/* of the node's deadline; under the node's */
	bool		on;		/* the node has it */
};

/* A loop for n, without a descriptor of its own (base/pollset.h). NULL with errno: there
 * is no thread. */
struct loop *driver_loop(struct node *n);
/* The loop whose callbacks belong to no node. After driver_loop. */
struct loop *driver_common(void);

/* From here on the background thread stands in for n. */
void driver_add(struct node *n);
/* It has let go of n when this returns. Without n's lock. */
void driver_del(struct node *n);

/* Around fork, with the nodes locked. The child has no thread, until a node is added. */
void driver_fork(bool before, bool child);

/* With n's lock held. Nobody waits in n: the thread does, until at. */
void driver_leave(struct node *n, usec at);

#endif
