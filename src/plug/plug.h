/* plug.h - how frames enter and leave (opened from a locator)
 *
 * A plug is passive: its user waits on fd (and on write_wanted) and calls
 * plug_recv, plug_flush. Frames are packets: cur at the Ethernet header. Where
 * the wire cannot carry super-frames and PARTIAL sums they are segmented and
 * summed on the way out and coalesced on the way in (classic.c, offload.c,
 * merge.c).
 *
 * A time-driven plug (fault, deadline is not always NEVER) wants plug_run with
 * the time after sending and after receiving; it may deliver and flush there.
 * wake may be called from another thread and under a lock of the plug: it sets
 * a flag or writes to a descriptor. It means: call recv and flush.
 */
#ifndef PLUG_PLUG_H
#define PLUG_PLUG_H

#include "base/addr.h"
#include "base/rand.h"
#include "stack/pkt.h"

struct plug;

struct futexes;		/* base/futex.h */

struct plug_ops {
	const char *scheme;		/* "vde", for show */
	/* Queues for sending; takes pkt. */
	void	(*send)(struct plug *p, struct pkt *pkt);
	/* Writes what is queued in as few calls as possible. 0, -EAGAIN (wait
	 * for writable), or the error that ended the plug. */
	int	(*flush)(struct plug *p);
	/* Hands over up to max frames that have arrived: p->deliver(p, pkt)
	 * takes each. Count, 0: nothing now, or the error that ended the plug
	 * (-EPIPE: the other side is gone). */
	int	(*recv)(struct plug *p, int max);
	/* Wire frames that may still be queued without loss. */
	uint32_t (*room)(struct plug *p);
	/* The same, and the memory for payload, of frames to one neighbour. NULL:
	 * all are equal. When there is room again where there was none, resume
	 * becomes true. */
	uint32_t (*room_to)(struct plug *p, const struct mac *to);
	struct arena *(*arena_to)(struct plug *p, const struct mac *to);
	/* Its user looks instead of waiting for fd: recv when there is something to
	 * take (look: no system call), doze before it waits for fd again. NULL: none
	 * of the three. */
	void	(*awake)(struct plug *p);
	bool	(*look)(struct plug *p);
	void	(*doze)(struct plug *p);	/* more: there was something yet */
	/* As doze, but frames change a futex of w instead of making fd readable, which tells of all
	 * else, until awake or doze. False: w is full; then doze. NULL: it has none. */
	bool	(*nap)(struct plug *p, struct futexes *w);
	/* Time-driven plugs (fault): run what is due; next deadline. NULL: none. */
	void	(*run)(struct plug *p, usec now);
	usec	(*deadline)(struct plug *p);
	/* What was held (hold) may come again: recv. NULL: it holds nothing. */
	void	(*let)(struct plug *p);
	void	(*close)(struct plug *p);	/* frees p */
};

struct plug {
	const struct plug_ops *ops;
	int		fd;		/* readable: recv; -1: none (pair: see wake) */
	bool		want_write;	/* flush gave -EAGAIN: wait for fd writable */
	bool		resume;		/* see room_to; its user takes note and clears it */
	bool		more;		/* recv stopped at max: call it again, fd is silent */
	bool		looking;	/* between awake and doze */
	bool		rung;		/* its user found fd readable: recv reads what is there */
	bool		hold;		/* its user, while he is given a frame: whatever else that
					 * neighbour sends stays where it is, until let */
	bool		told;		/* it ended and has said why */
	int		hup_fd;		/* becomes readable when the other side has left; -1 */
	uint32_t	mtu;		/* largest IP packet below: 1500, or more */
	bool		offload;	/* the other side takes super-frames and PARTIAL sums */
	bool		join_udp;	/* its user wants datagrams joined, too */
	bool		join_rows;	/* and takes small ones apart that were, if that costs nothing */
	struct arena	*arena;		/* for payload sent by here; NULL: any */
	struct arena	*into;		/* its user's wish: where long payload that arrives
					 * may be read to; NULL: the plug's own */
	void		(*deliver)(struct plug *p, struct pkt *pkt);
	void		(*wake)(struct plug *p); /* plugs without fd: frames wait; any thread */
	/* Its user waits for this descriptor as well (off: no longer), as for fd; false: he
	 * cannot. NULL: he waits for fd alone. */
	bool		(*bell)(struct plug *p, int fd, bool on);
	void		*user;
	uint64_t	rx_frames, tx_frames, rx_bytes, tx_bytes, tx_drops, rx_drops;
};

struct plug_conf {
	const char	*descr;		/* told to the switch: "ioth run name user=.. pid=.." */
	usec		now;
	int		depth;		/* of nested locators; 0 for users */
	bool		introduce;	/* its user runs it in time: it may have wires of its own */
	bool		(*bell)(struct plug *p, int fd, bool on);	/* the plug's, if it uses it */
	bool		*stdio_taken;	/* stdin and stdout carry frames already, or may not; NULL: ask nobody */
	bool		frames;		/* only wire frames are wanted: no shared memory */
};

/* Opens a locator: a path, "-" or a row of schemes[] in plug.c (man ioth-plug). NULL with
 * *why (malloc'd, one line naming the input and the cure; caller frees). */
struct plug *plug_open(const char *locator, const struct plug_conf *conf, char **why);

/* Two ends in one process: what one sends the other receives, by reference. */
int plug_pair(struct plug *ends[2]);

static inline void plug_send(struct plug *p, struct pkt *pkt) { p->ops->send(p, pkt); }
static inline int plug_flush(struct plug *p) { return p->ops->flush(p); }
static inline int plug_recv(struct plug *p, int max) { return p->ops->recv(p, max); }
static inline uint32_t plug_room(struct plug *p) { return p->ops->room(p); }
static inline void plug_run(struct plug *p, usec now) { if (p->ops->run) p->ops->run(p, now); }
static inline usec plug_deadline(struct plug *p)
{
	return p->ops->deadline ? p->ops->deadline(p) : NEVER;
}
void plug_close(struct plug *p);	/* NULL is fine */
/* p without what cuts and joins super-frames above it, for those who pass wire frames
 * on as they are. Before any frame; p is gone, if it was another. */
struct plug *plug_bare(struct plug *p);

/* --- for plugs: offload fix-ups (offload.c) --- */

/* Cuts a super-frame into wire frames and completes sums: emit takes each, in
 * order. Payload stays by reference. Takes pkt. */
void offload_out(struct pkt *pkt, void (*emit)(void *ctx, struct pkt *frame), void *ctx);

/* Joins TCP segments that follow each other within one burst of arrivals (GRO):
 * give every arriving frame to merge_add, call merge_flush at the burst's end.
 * A merged packet has PKT_SUM_OK (each part verified) and gso_size set; frames
 * of other kinds pass at once, order within a connection is kept. UDP is joined
 * only if asked for: the reader has to know where a datagram ends. */
struct merge *merge_new(void (*emit)(void *ctx, struct pkt *pkt), void *ctx);
void merge_add(struct merge *m, struct pkt *pkt);
void merge_flush(struct merge *m);
void merge_free(struct merge *m);
void merge_udp(struct merge *m, bool on);

#endif
