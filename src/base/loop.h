/* loop.h - epoll with callbacks and one deadline source
 *
 * One loop per thread. A watch lives in its owner's struct; the callback may
 * remove any watch, its own included. A loop has an epoll set of its own, or shares
 * one with others (pollset.h).
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <poll.h>
#include <sys/epoll.h>

#include "base/list.h"
#include "base/map.h"

#define LOOP_BATCH	64	/* events handled by one wait at most */
#define LOOP_SAID	EPOLLMSG	/* no epoll set says this: see loop_say */

struct loop;

struct watch {
	int		fd;
	uint32_t	events;		/* EPOLL*; 0: registered, silent */
	void		(*ready)(struct watch *w, uint32_t events);
	bool		added;
	bool		bell;		/* who sleeps in a loop that shares its set hears it himself */
	/* of a shared set: */
	bool		armed;		/* a bell that the set hears */
	uint32_t	came;
	struct loop	*in;
	uint64_t	number;		/* in events */
	struct map_node	by_number;
	struct list	news;		/* something came */
	struct list	beside;		/* the loop's bells */
};

struct loop *loop_new(void);		/* NULL with errno */
void loop_free(struct loop *l);
int loop_watch(struct loop *l, struct watch *w, uint32_t events); /* add or change; 0 or -errno */
void loop_unwatch(struct loop *l, struct watch *w);	/* the fd stays open */

/* Waits until a watch is ready or at passes; runs the callbacks. Returns the
 * number of events (0 on timeout or EINTR) or -errno. A loop that shares its set does not
 * wait: it looks at its bells, and at what the set has heard for it. */
int loop_wait(struct loop *l, usec at);
/* Calls ready with events and LOOP_SAID, as if they had come: now; where the set is shared,
 * once the loop's owner looks. By a callback of the loop, or of the set's common one. */
void loop_say(struct loop *l, struct watch *w, uint32_t events);

/* Takes what came for descriptors that are no bells. The number of events. */
int loop_ask(struct loop *l);

/* To sleep in a loop without its owner's lock: begin and end are called with it. */
#define NAP_BELLS	32

struct nap {
	struct pollfd	fd[1 + NAP_BELLS];
	unsigned	n, turn;
};

bool loop_nap_begin(struct loop *l, struct nap *nap);	/* false: nothing can end it early */
void loop_nap_end(struct loop *l, const struct nap *nap);
int loop_poll(struct pollfd *fd, unsigned n, usec at);	/* as ppoll */

usec now_mono(void);			/* CLOCK_MONOTONIC */

#endif
