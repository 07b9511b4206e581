/* wire.h - frames between two processes by shared memory (doc/ethernet.md)
 *
 * A wire is two files in memory, one for each direction: a side writes only
 * its own and maps the other's read-only, so neither can change what the other
 * has written or counts. In a side's file lie the frames it sends (ring), the
 * payload these refer to (arena), the numbers of the other side's frames it has
 * finished with, in any order (back), and whether it sleeps.
 *
 *   put    a frame as a record in the ring; payload by reference, if it is long
 *   ring   publish what was put; a byte by the socket to the other, if it sleeps
 *   take   the other's next frame; its payload is given back with the last chunk_unref
 *
 * Whatever the other side may write, at any time, is read once, checked, then
 * used. The first lie ends the wire: take and put fail, why says what it was.
 * One thread at a time uses a side, but chunks come back from any.
 *
 * Who sleeps in a call asks for a futex on the other's sent instead of a bell (WIRE_BY_FUTEX):
 * nothing wakes sooner, but no descriptor tells of it.
 *
 * The socket carries doorbells only. It is a stream and not an eventfd because
 * its end says that the peer has gone, a send never blocks us (a peer could make
 * a shared eventfd block), and one descriptor a side is enough.
 */
#ifndef PLUG_WIRE_H
#define PLUG_WIRE_H

#include <pthread.h>

#include "base/futex.h"
#include "stack/pkt.h"

#define WIRE_MAGIC	0x33574f49u	/* "IOW3": this layout */
#define WIRE_RING	(64u << 10)	/* bytes of records */
#define WIRE_FRAMES	4096u		/* whose payload is under way by reference */
#define WIRE_ARENA	(64u << 20)
#define WIRE_BLOCK	CHUNK_MAX
#define WIRE_CLASSES	9		/* of chunks: 256 bytes to a block */
#define WIRE_BLOCKS	(WIRE_ARENA / WIRE_BLOCK)
#define WIRE_ALIGN	16u		/* of records */
#define WIRE_INTROS	16u		/* introduced wires of one plug */
#define WIRE_ROW	64		/* datagrams as one packet */
#define WIRE_INLINE	160		/* a frame no longer than this lies in its record */

/* A side's file. Each line has one writer and, as a rule, one reader. */
struct wire_file {
	_Alignas(64) uint32_t	magic;
	_Alignas(64) atomic_uint sent;		/* bytes put into ring, ever */
	_Alignas(64) atomic_uint taken;		/* bytes taken from the other's ring */
	_Alignas(64) atomic_uint returned;	/* numbers written to back, ever */
	_Alignas(64) atomic_uint asleep;	/* WIRE_WANTS_*, and how often we were */
	_Alignas(64) _Atomic uint16_t back[WIRE_FRAMES];
	/* Between a plug and its switch only: see direct.h. */
	_Alignas(64) atomic_uint intro[WIRE_INTROS];
	_Alignas(64) atomic_ullong direct;
	_Alignas(4096) uint8_t	ring[WIRE_RING];
	_Alignas(4096) uint8_t	arena[WIRE_ARENA];
};

#define WIRE_WANTS_FRAMES	1u
#define WIRE_WANTS_ROOM		2u
#define WIRE_BY_FUTEX		4u	/* frames: by a futex on the other's sent, not a bell */
#define WIRE_SLEEP		8u	/* asleep grows by this: the same sleep is rung once */

/* A record: this, then n_ext spans, then head_len bytes; its length is a multiple
 * of 16. With no bytes at all it fills the ring up to its end, which who sends may
 * have it do whenever he likes. */
struct wire_rec {
	uint16_t	len;
	uint16_t	head_len;
	uint8_t		n_ext;
	uint8_t		sum;			/* enum pkt_sum */
	uint16_t	sum_start, sum_off;
	uint16_t	gso_size, gso_hlen;
	uint16_t	number;			/* given back, if there are spans */
};

struct wire_span {
	uint32_t	off, len;		/* in the arena */
};

/* A frame that lies whole in its record: copied out, checked. */
struct wire_small {
	struct wire_rec	rec;
	uint8_t		b[PKT_HEAD];		/* rec.head_len of them */
};

struct wire_block;
struct wire_in;

struct wire {
	struct wire_file *own;
	const struct wire_file *peer;
	int		fd;			/* of our file, until it was passed on; or -1 */
	int		bell;			/* the socket; its owner's */
	const char	*why;			/* what the other side did wrong; NULL: nothing */

	uint32_t	sent;			/* out: put, perhaps not published */
	uint32_t	room_at;		/* how far the other has taken, when last seen */
	uint32_t	reaped;			/* of its returns */
	atomic_uint	rung;			/* the sleep it was last rung for */
	uint32_t	n_numbers, n_free;	/* numbers ever used; free ones of them */

	uint32_t	taken;			/* in */
	uint32_t	sent_at;		/* how far the other has sent, when last seen */
	uint32_t	sleeps;
	bool		by_futex;
	struct arena	*heap;			/* for payload that does not stay where it is */

	pthread_mutex_t	lock;			/* of what is below: chunks come and go */
	bool		owned;
	uint32_t	chunks;			/* of either arena that are out */
	uint32_t	held, held_frames;	/* bytes of the other's arena, and numbers */
	uint32_t	returned;
	struct arena	in_arena;		/* releases only */
	struct wire_in	*in;			/* frames of the other, by number */
	struct arena	arena;			/* ours: see wire_arena.c */
	struct wire_block *block;
	uint32_t	n_blocks, n_empty;	/* ever used; of them at rest */
	uint32_t	first_empty;		/* of empty[], the one that came back first */
	struct wire_block *current[WIRE_CLASSES]; /* by class of chunk */
	struct list	partial[WIRE_CLASSES];	/* other blocks with room */

	/* Tables last: what is not used of them is not there, and the rest is a page. */
	struct pkt	*out[WIRE_FRAMES];	/* under way, by number */
	uint16_t	free[WIRE_FRAMES];
	uint16_t	empty[WIRE_BLOCKS];
};

/* Our side with its file; NULL with errno. */
struct wire *wire_new(void);
/* Maps the other's file (the descriptor stays the caller's) and takes note of
 * the socket. NULL, or why it cannot be used. */
const char *wire_join(struct wire *w, int file, int bell);
void wire_close(struct wire *w);	/* frames of the other stay readable until unref */

/* Queues a frame for wire_ring. True: it has taken pkt. False: no room now. */
bool wire_put(struct wire *w, struct pkt *pkt);
void wire_ring(struct wire *w);
/* The other's next frame, NULL: none. */
struct pkt *wire_take(struct wire *w);
/* Tells the other how far we have taken. */
void wire_took(struct wire *w);
/* We are going to sleep until frames come or, with room, can be put: look after
 * this once more whether they have, or can. */
void wire_sleep(struct wire *w, bool room);
/* We look ourselves from here on: no bells until the next wire_sleep. */
void wire_awake(struct wire *w);
/* From the next wire_sleep on frames are told by a futex, which is in s now (false: it
 * is full), or by bells. */
bool wire_by_futex(struct wire *w, struct futexes *s);
void wire_by_bell(struct wire *w);
bool wire_waiting(const struct wire *w);	/* frames of the other */
uint32_t wire_progress(const struct wire *w);	/* changes as it takes and gives back ours */

/* --- small frames without a packet (wire_pass.c): from wire to wire --- */

/* True: the next frame lay whole in its record and was taken. False: wire_take. */
bool wire_take_small(struct wire *w, struct wire_small *s);
bool wire_put_small(struct wire *w, const struct wire_small *s);	/* false: no room now */
/* Of len bytes, no more than WIRE_INLINE. */
void wire_small_set(struct wire_small *s, const void *frame, uint32_t len);
struct pkt *wire_small_pkt(const struct wire_small *s);

/* The next frames, if they are small datagrams of one flow and size: from two to max (no more than
 * WIRE_ROW) as one packet, to be taken apart at gso_size. NULL: wire_take (wire_row.c). */
struct pkt *wire_take_row(struct wire *w, unsigned max);

/* --- inside of the wire --- */

bool wire_arena_init(struct wire *w);
void wire_arena_fini(struct wire *w);
/* As w->arena.alloc, but also from the part kept for frames that are sent. */
struct chunk *wire_arena_take(struct wire *w, uint32_t want);
void wire_unref(struct wire *w, bool owner);	/* under the lock; gives it up */
void wire_wake(struct wire *w, uint32_t wants);	/* by a bell, if it sleeps for one of these */
bool wire_reap(struct wire *w);		/* what the other has finished with is freed */
/* len bytes in one piece, or NULL; what is left up to the ring's end is skipped. */
uint8_t *wire_record(struct wire *w, uint32_t len);
uint32_t wire_rec_len(uint32_t n_ext, uint32_t head_len);
uint32_t wire_unread(struct wire *w);	/* bytes of records there are */
/* The record at p, where left bytes have been sent: copied out and checked. */
bool wire_read_rec(struct wire *w, const uint8_t *p, uint32_t left, struct wire_rec *r);
/* The next record, checked, if it holds a frame: what only fills the ring is passed over. */
const uint8_t *wire_next(struct wire *w, struct wire_rec *r);
struct pkt *wire_pkt(const struct wire_rec *r, const uint8_t *head);	/* without its spans */
void wire_give_back(struct arena *a, struct chunk *c);

#endif
