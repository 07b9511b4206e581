/* loop_in.h - between loop.c and pollset.c */
#ifndef BASE_LOOP_IN_H
#define BASE_LOOP_IN_H

#include <stdatomic.h>

#include "base/loop.h"

#define LOOP_ALWAYS	(EPOLLERR | EPOLLHUP | LOOP_SAID)

struct pollset;

struct loop {
	int		fd;	/* its epoll set; -1: it shares one */
	int		n, at;	/* the batch and the event being run */
	struct pollset	*set;	/* what follows is of loops that share one */
	void		*owner;
	unsigned	watched;	/* the set outlives them: none is left at the end */
	bool		deaf;	/* nobody looks after it: the set does not name it */
	atomic_bool	given;	/* all bells are armed */
	int		waker;	/* wakes who sleeps in it; -1: nobody does */
	bool		by_futex;	/* somebody sleeps in it on futexes: */
	atomic_uint	kicks;		/* this is one of them */
	unsigned	turn;	/* grows when a bell comes or goes */
	struct list	bells;
	struct list	news;	/* watches for which something came */
	struct list	heard;	/* in the set's list, of loops with news */
	struct epoll_event ev[];	/* of its own set */
};

int set_watch(struct loop *l, struct watch *w, uint32_t events);
void set_unwatch(struct loop *l, struct watch *w);
int set_look(struct loop *l);
int set_ask(struct loop *l);
void set_say(struct loop *l, struct watch *w, uint32_t events);
void set_free(struct loop *l);
bool set_nap_begin(struct loop *l, struct nap *nap);
void set_nap_end(struct loop *l, const struct nap *nap);

#endif
