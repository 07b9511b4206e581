/* player.h - what the operations of a walk share */
#ifndef WALK_PLAYER_H
#define WALK_PLAYER_H

#include "conform.h"
#include "walk/walk.h"

struct player {
	struct play	*p;
	int		at;			/* the step */
	int		fd[SLOTS], set[SETS];	/* -1: none */
	bool		dgram[SLOTS], dialled[SLOTS], accepted[SLOTS];
	int64_t		end;			/* of patience with this step */
	uint16_t	port[64];		/* ephemeral ones, as they were seen */
	int		n_ports;
};

/* What was seen after the step before, by the oracle if there is one: so what depends on
 * it happens alike on both. */
const struct seen *walk_last(const struct player *w, int slot);
/* NULL, unless there is an oracle's result and it may still come */
const struct outcome *walk_hope(struct player *w);

int walk_done(struct outcome *o, int64_t ret);	/* and errno */
void walk_call(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void walk_say(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void walk_call_name(struct player *w, struct outcome *o, const struct addr *a);
void walk_say_name(struct player *w, struct outcome *o, const struct addr *a);
/* A stream that has had its connection, or was refused one: bind, listen, connect and
 * shutdown find the end of a pair that cannot be opened again. */
bool walk_spent(const struct player *w, int slot);
bool walk_blocks(const struct player *w, int slot);

/* what steps do; 0: nothing, since there is no such socket */
int walk_send(struct player *w, const struct step *st, struct outcome *o);
int walk_sendto(struct player *w, const struct step *st, struct outcome *o);
int walk_recv(struct player *w, const struct step *st, struct outcome *o);
int walk_socket(struct player *w, const struct step *st, struct outcome *o);
int walk_bind(struct player *w, const struct step *st, struct outcome *o);
int walk_listen(struct player *w, const struct step *st, struct outcome *o);
int walk_connect(struct player *w, const struct step *st, struct outcome *o);
int walk_dial(struct player *w, const struct step *st, struct outcome *o);
int walk_accept(struct player *w, const struct step *st, struct outcome *o);
struct addr walk_address(const struct player *w, int slot, const struct step *st, int port);
struct addr walk_name_of(const struct player *w, const struct step *st);
int walk_family(int fd);

#endif
