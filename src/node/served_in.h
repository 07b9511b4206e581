/* served_in.h - between served.c, served_ask.c and msocket.c */
#ifndef NODE_SERVED_IN_H
#define NODE_SERVED_IN_H

#include <pthread.h>
#include <sys/socket.h>

#include "base/list.h"

/* A stack of another process, by its file. */
struct served {
	struct list	link;		/* served_all */
	char		*path;
	struct ucred	server;
	struct list	idle;		/* connections nobody uses */
	struct ioth	*stack;
	bool		shared;		/* msocket's: it is not deleted */
};

extern struct list served_all;
extern pthread_mutex_t served_lock;	/* of that, and of what is in it */

/* A connection is there, and kept for the first call; served_once was called before. 0, or
 * -1 with errno. */
int served_begin(struct served *s);
void served_drop_idle(struct served *s);	/* with the lock held */
void served_once(void);
/* The call, by the server: its result or -errno, or CALL_CONTINUE: it is the kernel's. *new: the
 * descriptor that came. */
long served_ask(struct served *s, int nr, const uint64_t args[6], int fd, int *new);
/* As syscall(2), with errno, of the stack whose call is in progress. */
long served_call(int nr, uint64_t args[6]);

#endif
