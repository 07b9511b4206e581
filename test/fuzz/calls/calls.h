/* calls.h - one stack in the hands of any user, any administrator and any peer
 *
 * For stack_calls.c. Each file has a table of steps; a step reads from the input what
 * it needs, and zeros behind its end.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include "../../mutate/lan.h"
#include "../fuzz.h"
#include "base/cursor.h"

#define SOCKS	18

struct world {
	struct lan	l;
	struct rd	rd;
	struct sock	*so[SOCKS];
	uint32_t	events[SOCKS];	/* after the step before */
	bool		woken[SOCKS];	/* since then */
	bool		used[SOCKS];	/* by the user himself */
	uint32_t	room;		/* frames that the interface takes */
	struct netif	*second;	/* NULL: there is none */
	bool		wild;		/* frames may leave that the stack did not make */
	bool		joined[4];	/* groups, by the administrator */
	/* The last segment that left. */
	bool		has_last;
	struct tcp	last;
	uint32_t	last_len;	/* its payload */
	struct ip_addr	last_src, last_dst;
};

typedef void step(struct world *w);

extern step *const peer_steps[], *const user_steps[], *const admin_steps[];
extern const unsigned n_peer_steps, n_user_steps, n_admin_steps;

static inline uint32_t below(struct world *w, uint32_t n) { return rd_u8(&w->rd) % n; }
static inline bool flip(struct world *w) { return rd_u8(&w->rd) & 1; }

/* Frames (peer.c). */
void peer_hears(struct world *w, const uint8_t *b, uint32_t len);
void peer_answers(struct world *w);
/* Addresses and ports that mean something here (user.c). */
struct ip_addr any_addr(struct world *w);
/* A socket joins the user's (stack_calls.c); -1: he has no room, it is closed. */
int adopt(struct world *w, struct sock *so, int i);
void let_go(struct world *w, int i);
/* The interfaces' other end (stack_calls.c). */
extern const struct netif_ops wire_ops;

#endif
