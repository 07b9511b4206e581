/* walk.h - a random program of socket calls, and what came of each step */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLOTS = 8, SETS = 2, MAX_STEPS = 256, MORE = 112, PORTS = 4, FIRST_PORT = 4001 };

enum op {
	OP_SOCKET, OP_BIND, OP_LISTEN, OP_CONNECT, OP_DIAL, OP_ACCEPT, OP_SEND, OP_SENDTO, OP_RECV,
	OP_SHUTDOWN, OP_CLOSE, OP_DUP, OP_SETOPT, OP_GETOPT, OP_NAMES, OP_ERROR, OP_IOCTL, OP_LINGER,
	OP_BLOCKING, OP_EPCTL, OP_EPWAIT, OP_SELECT, OPS
};

/* What a, b, c and d mean is told at each operation in play.c and data.c. */
struct step {
	uint8_t		op;
	uint8_t		s, t;		/* slots */
	bool		off;		/* left out, to shrink the program */
	uint32_t	a, b, c, d;
};

/* What anybody sees of a slot's socket once all is quiet */
struct seen {
	int16_t		revents;	/* -1: there is no socket */
	int16_t		state;		/* TCP_INFO's, -1: none */
	int32_t		queued;		/* SIOCINQ, or -errno */
	bool		dialled;	/* connect() or accept() has been here */
};

struct outcome {
	int64_t		ret;
	int32_t		err;		/* if ret is -1 */
	uint32_t	sum;		/* of the bytes that came */
	char		more[MORE];
	char		call[MORE];	/* what was called, to be read */
	struct seen	at[SLOTS];
};

/* Lies in memory that the player shares with who made it. */
struct play {
	uint64_t	seed;
	uint32_t	n;
	bool		follow;		/* want[] is the oracle's */
	bool		plain;		/* the oracle's stack is asked for nothing but poll */
	int32_t		patience;	/* ms, for what the oracle saw to come */
	int32_t		done;		/* steps played */
	struct step	step[MAX_STEPS];
	struct outcome	want[MAX_STEPS], got[MAX_STEPS];
};

/* make.c */
void walk_make(struct play *p, uint64_t seed, uint32_t n, bool risky);

/* play.c: until the end, or the first step that differs from the oracle's */
void walk_play(struct play *p);
bool walk_same(const struct outcome *got, const struct outcome *want);

/* opts.c */
struct walk_opt {
	const char	*text;
	int		level, name;
	uint8_t		type;		/* 1: of stream sockets, 2: of datagrams, 3: of both */
	bool		get_only;
};
extern const struct walk_opt walk_opts[];
extern const size_t walk_n_opts;
extern const int walk_values[];
extern const size_t walk_n_values;

/* own.c */
const char *walk_own_namespace(void);

#endif
