/* native.h - a stack of kind native: a node and those who wait for it */
#ifndef NODE_NATIVE_H
#define NODE_NATIVE_H

#include "node/node.h"

struct native {
	struct list	link;		/* of all of them */
	struct ioth	*stack;
	struct node	*node;
	pthread_t	driver;
	pthread_cond_t	moved;
	uint64_t	changes;
	bool		stop;
};

#endif
