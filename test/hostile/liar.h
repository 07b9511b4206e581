/* liar.h - the other end of a wire, held by somebody who knows the rules to break them
 *
 * The liar's file is mapped and written by hand; nothing of src/plug/wire*.c runs here.
 */
#ifndef HOSTILE_LIAR_H
#define HOSTILE_LIAR_H

#include "plug/shm.h"

#define PATIENCE	20000		/* ms */

extern const uint8_t ME[6], FRIEND[6], ALL[6];

struct liar {
	int			sock, file;
	struct wire_file	*own;
	struct wire_file	*peer;		/* mapped for reading */
	uint32_t		sent;
};

/* --- wire.c --- */

_Noreturn void fail(const char *fmt, ...) PRINTF(1, 2);
int must(int n, const char *what);	/* n, which is no error */
int file_of(size_t size, unsigned seals);

/* A sealed file as it should be, mapped. */
void liar_init(struct liar *l, int sock);
/* Takes the other's file from an answer or a hello. False: it cannot be mapped. */
bool liar_meet(struct liar *l, int file);
void liar_free(struct liar *l);

/* A message with any number of descriptors. */
void say(int sock, const void *msg, size_t size, const int *files, int n);
void bell(const struct liar *l);
/* Has the other side hung up? Waits for that, ten seconds at most. */
bool hung_up(int sock);

/* A true frame: all in its record, or a payload of len bytes at off in the arena. */
void send_small(struct liar *l, const uint8_t dst[6], const uint8_t src[6]);
void send_large(struct liar *l, const uint8_t dst[6], const uint8_t src[6], uint16_t number,
		uint32_t off, uint32_t len);

/* Any frame of n bytes: in its record whole, or (n > WIRE_INLINE) as payload number. */
void send_bytes(struct liar *l, const uint8_t *frame, size_t n, uint16_t number);
/* The next frame, as far as it lies in its record (256 bytes at most): how long; 0: none. */
size_t take_bytes(struct liar *l, uint8_t *frame);
/* Room for what is sent next; false: the other side has gone. */
bool room(const struct liar *l, uint32_t bytes);

/* --- liar.c: a client of the switch at dir --- */

extern const struct shm_hello hello;	/* a true one */

int dial(const char *dir);
/* What the switch answers; false: it hung up instead. */
bool answer(int sock, struct shm_answer *a, int *file);
void join(struct liar *l, const char *dir);
void join_as(struct liar *l, const char *dir, uint32_t flags);
/* Somebody else sends to all, so that the switch looks at the liar's file. */
void be_sent_to(const char *dir);

/* --- tables; each ends with NULL --- */

/* A row of lies.c: breaks one rule for a wire that stands. */
struct lie {
	const char	*name;
	void		(*tell)(struct liar *l);
};

extern const struct lie lies[];		/* each ends the wire */
extern const struct lie vices[];	/* these need not */

/* A row of files.c: opens what is no file of a wire. */
struct bad_file {
	const char	*name;
	int		(*open)(void);
};

extern const struct bad_file bad_files[];
int open_bad(const char *name);
void file_behind(const char *dir);	/* one that lingers; an act */
void offer_file(const struct bad_file *f, const char *dir);	/* it must be refused */

/* A row of acts.c: what a client does that breaks no rule of a wire alone. */
struct act {
	const char	*name;
	void		(*act)(const char *dir);
};

extern const struct act acts[];

/* A row of switch.c: how a switch answers who joins. */
struct answer {
	const char	*name;
	void		(*give)(int sock);
};

extern const struct answer answers[];
int accept_hello(const char *dir, int *file);	/* a node's, and its file */
/* The node joined in order; the lie comes as soon as it has sent something. */
void serve_lie(const struct lie *lie, const char *dir, bool must_end);

/* neighbour.c: joins the switch at dir, is introduced to the node of that address, and
 * does it on the wire they have then. False: it is no lie, vice or manner. */
bool neighbour(const char *name, const char *dir, const char *address);
void list_manners(void);

#endif
