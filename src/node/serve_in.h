/* serve_in.h - between serve_call.c and serve_client.c */
#ifndef NODE_SERVE_IN_H
#define NODE_SERVE_IN_H

#include <unistd.h>

#include "base/stranger.h"
#include "node/serve.h"

struct asked {
	struct call	c;
	struct list	of_client;	/* serve_client.asked */
	struct serve_client *cl;
	uint64_t	id;
	int		fd;		/* that came along; -1 */
	uint32_t	len, room;	/* of mem */
	uint32_t	lo, hi;		/* what was written of it */
	uint8_t		*mem;
};

/* A connection that a supervisor was given: did the program get it? */
struct given {
	struct list	link;		/* serve_client.given */
	uint64_t	id;		/* of the call */
	uint64_t	cookie, listener;
};

static inline struct asked *asked_of(const struct call *c)
{
	return container_of(c, struct asked, c);
}

/* Not the user who runs the server, nor root: they could end it anyway. */
static inline bool is_other_user(const struct serve_client *cl)
{
	return cl->cred.uid && cl->cred.uid != geteuid();
}

/* The program's end of a socket, which was lent to us for a call. */
static inline void give_back(const struct serve_client *cl, int *fd)
{
	if (*fd >= 0 && is_other_user(cl))
		stranger_give_back(*fd, cl->cred.uid);
	else if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* serve_client.c. What was written of the memory goes along. 0 or -errno; fd stays the caller's. */
int serve_reply(struct asked *a, long ret, int fd, bool cloexec);
/* There is no use in talking to it any more: it goes as soon as nothing is being done for it. */
void serve_client_lost(struct serve_client *cl);
/* What is no answer. 0 or -errno. */
int serve_event(struct serve_client *cl, const void *event, size_t len);

/* serve_call.c */
void serve_answer(struct call *c, long value);
/* A socket of that user's is no more. */
void serve_owner_lost(struct calls *cs, void *owner);

#endif
