/* pollset.h - one epoll set for the loops of many owners
 *
 * Thousands of owners, each with a lock and a descriptor or two, and one thread that
 * looks after all in whom nobody is: it sleeps in pollset_sleep, and pollset_next names whose
 * loop has heard something. With that owner's lock it calls loop_run. Whoever is with an owner
 * himself and goes to sleep there (loop_nap_begin) keeps the loop's bells from the
 * set and hears them himself; what else comes for the loop the thread is told. Who
 * sleeps on futexes (loop_doze_begin) hears no bells.
 *
 * Locks: an owner's before the set's, which is a leaf. Between fork's two sides the
 * set is locked; a child's is empty, and its loops are as good as gone.
 */
#ifndef BASE_POLLSET_H
#define BASE_POLLSET_H

#include <pthread.h>

#include "base/loop.h"
#include "base/futex.h"

struct pollset {
	pthread_mutex_t	lock;
	int		fd, kick;
	struct map	watches;	/* by number */
	uint64_t	last;		/* number given */
	struct list	heard;		/* loops that the thread is told of */
	struct loop	*common;	/* its watches are called by whoever reads the set, */
	pthread_mutex_t	common_lock;	/* one at a time; before lock */
	int		*wakers;	/* eventfds that are nobody's just now */
	unsigned	n_wakers;
};

int pollset_init(struct pollset *s);	/* 0 or -errno */
void pollset_fini(struct pollset *s);	/* in a child: its descriptors, nothing else */
struct loop *loop_new_in(struct pollset *s, void *owner);	/* deaf, until loop_hears */

/* --- the thread --- */

void pollset_sleep(struct pollset *s, usec at);
void *pollset_next(struct pollset *s);	/* an owner whose loop has heard something; NULL */
void pollset_kick(struct pollset *s);	/* it wakes; from any thread */

/* --- an owner; run and give with his lock --- */

int loop_run(struct loop *l);		/* calls those for whom something came; how many */
void loop_give(struct loop *l);		/* nobody is in it: the set hears its bells */
void loop_hears(struct loop *l, bool on);	/* off: the thread is not told any more */
/* Whoever sleeps in it wakes; nobody: the thread is told. From any thread. */
void loop_kick(struct loop *l);

/* Sleeping in it on futexes, of which one is added: begin and end with the lock. False:
 * there is no room for it. */
bool loop_doze_begin(struct loop *l, struct futexes *w);
void loop_doze_end(struct loop *l);

#endif
