/* pkt.h - a packet: headers inline, payload by reference
 *
 * Memory: payload lies in chunks; a chunk belongs to an arena, counts its
 * references and goes back to the arena with the last one. An extent is a span
 * of a chunk. The count is atomic because a chunk may be released by another
 * node than the one that made it (pair plug); everything else in a packet
 * belongs to one thread at a time.
 *
 * One owner: whoever is given a packet owns it, on every return path. Stations
 * (_in, _out, drop) consume their packet; functions that only look take const.
 *
 *   head[]  |<- free ->|<- headers pulled or pushed ->|<- free ->|
 *                      start         cur              end
 *   then the extents, in order.
 *
 * On the way in a plug delivers a frame whose bytes are all in extents; each
 * layer pulls its header (copies it out of the extent into head, so a peer
 * that still writes to shared memory cannot change what was checked), parses
 * it and moves cur. On the way out the payload is in extents and each layer
 * pushes its header in front: cur == start.
 */
#ifndef STACK_PKT_H
#define STACK_PKT_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "base/base.h"
#include "base/list.h"

struct arena;
struct netif;
struct stack;

struct chunk {
	atomic_uint	refs;
	uint32_t	size;
	uint8_t		*data;		/* 64-byte aligned */
	struct arena	*arena;
};

struct arena {
	/* A chunk with one reference and size >= 1, up to want (never more than
	 * CHUNK_MAX); NULL when the arena's limit is reached. */
	struct chunk	*(*alloc)(struct arena *a, uint32_t want);
	void		(*release)(struct arena *a, struct chunk *c);	/* any thread */
};

#define CHUNK_MAX	65536

/* An arena on the heap with free lists; limit in bytes. Freed when its owner
 * has let go and the last chunk has come back. */
struct arena *arena_heap_new(size_t limit);
void arena_heap_unref(struct arena *a);
size_t arena_heap_used(const struct arena *a);	/* bytes in chunks handed out */

static inline struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

static inline void chunk_unref(struct chunk *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		c->arena->release(c->arena, c);
}

struct ext {
	struct chunk	*chunk;
	uint8_t		*p;
	uint32_t	len;
};

#define PKT_HEAD	256	/* Ethernet+tag 18, IPv6 40, extensions, TCP 60 */
#define PKT_HEADROOM	160	/* where start stands in a packet made to be sent */
#define PKT_EXTS	20	/* a 64 KiB super-frame over chunks of 4 KiB */

enum pkt_sum {
	PKT_SUM_NONE,		/* in: not looked at. out: complete */
	PKT_SUM_PARTIAL,	/* field holds the pseudo-header sum; the rest is wanted */
	PKT_SUM_OK,		/* in: verified by whoever delivered it */
};

struct pkt {
	struct list	link;		/* whoever owns it may queue it */
	struct netif	*nif;		/* came in here / leaves here */
	uint16_t	start, cur, end;
	uint16_t	l3, l4;		/* offsets in head of those headers, once known */
	uint8_t		n_ext;
	uint8_t		sum;		/* enum pkt_sum */
	uint16_t	sum_start;	/* PARTIAL: offset from start at which summing begins */
	uint16_t	sum_off;	/* PARTIAL: the field, from sum_start */
	uint16_t	gso_size;	/* TCP payload bytes per segment; 0: one frame */
	uint16_t	gso_hlen;	/* link..TCP header bytes repeated before each segment */
	uint32_t	paylen;		/* bytes in extents */
	uint32_t	truesize;	/* memory held: chunks counted whole, plus this struct */
	uint32_t	delay;		/* out: us that the frame is held back (delay.c) */
	uint64_t	note;		/* free for the layer that queues it (TCP: sequence) */
	uint8_t		cb[48];		/* the same, larger */
	struct ext	ext[PKT_EXTS];
	uint8_t		head[PKT_HEAD];
};

struct pkt *pkt_new(void);		/* empty, start = cur = end = PKT_HEADROOM */
void pkt_free(struct pkt *pkt);		/* NULL is fine */
struct pkt *pkt_clone(const struct pkt *pkt); /* own headers, shared payload */
/* A packet to be sent whose contents are len bytes from offset off after cur. */
struct pkt *pkt_slice(const struct pkt *pkt, uint32_t off, uint32_t len);

/* Header bytes from cur plus payload. */
static inline uint32_t pkt_len(const struct pkt *pkt)
{
	return (uint32_t)(pkt->end - pkt->cur) + pkt->paylen;
}

/* What a frame is on the wire: of a super-frame, one of its segments. */
static inline uint32_t pkt_wire_len(const struct pkt *pkt)
{
	return pkt->gso_size ? (uint32_t)pkt->gso_hlen + pkt->gso_size : pkt_len(pkt);
}

/* In: n contiguous header bytes at cur, copied out of the extents as needed;
 * NULL if the packet is shorter or head is full. Does not move cur. */
static inline const uint8_t *pkt_pull(struct pkt *pkt, unsigned n);
/* In: before the first header is pulled: there is room for all that may follow. */
static inline void pkt_begin(struct pkt *pkt);
static inline void pkt_skip(struct pkt *pkt, unsigned n) { pkt->cur += n; }

/* Out: n bytes in front of everything; sets cur = start. NULL: no room.
 * sum_start (of a PARTIAL sum) and gso_hlen (of a super-frame) grow by n, so
 * whoever sets them counts from its own header. */
static inline uint8_t *pkt_push(struct pkt *pkt, unsigned n);
/* Out: what is pushed already moves to the end of head, for long headers in front. */
void pkt_reserve(struct pkt *pkt);
/* What is left from cur on becomes the contents of a packet to be sent: room
 * in front again, no offload notes (echo replies, packets sent back). */
void pkt_turn(struct pkt *pkt);
/* The same for a packet sent on as it is: offload notes stay. */
void pkt_strip(struct pkt *pkt);

/* Appends a span; takes over one reference of chunk. False when the table is
 * full (the reference is then dropped). */
bool pkt_add_ext(struct pkt *pkt, struct chunk *chunk, uint8_t *p, uint32_t len);
/* Appends bytes, copied into chunks of the arena. False: no memory or table full. */
bool pkt_append(struct pkt *pkt, struct arena *a, const void *p, uint32_t len);
bool pkt_append_iov(struct pkt *pkt, struct arena *a, const struct iovec *iov, int n,
		    uint32_t total);
/* Out: the same, into the head of a packet without extents, which has room. */
void pkt_put(struct pkt *pkt, const struct iovec *iov, int n);

void pkt_trim_front(struct pkt *pkt, uint32_t n);	/* from cur on: header rest, then payload */
void pkt_cut(struct pkt *pkt, uint32_t len);	/* pkt_len, which is more, becomes len */
static inline void pkt_trim_to(struct pkt *pkt, uint32_t len)
{
	if (pkt_len(pkt) > len)
		pkt_cut(pkt, len);
}
/* Copies len bytes from offset off after cur; returns how many there were. */
uint32_t pkt_copy(const struct pkt *pkt, uint32_t off, void *to, uint32_t len);
/* The whole frame from cur as an iovec; returns entries (at most PKT_EXTS + 1). */
int pkt_iov(const struct pkt *pkt, struct iovec iov[PKT_EXTS + 1]);
/* Internet checksum of len bytes from offset off after cur, added to s. */
struct sum;
void pkt_sum(const struct pkt *pkt, uint32_t off, uint32_t len, struct sum *s);
/* A PARTIAL sum becomes a complete one (segmentation not wanted). */
void pkt_sum_finish(struct pkt *pkt);

/* --- the short ways of pkt_pull and pkt_push: each packet takes them several times --- */

const uint8_t *pkt_pull_slow(struct pkt *pkt, unsigned n);

/* As a rule the next header lies whole in the first extent and payload follows. */
static inline const uint8_t *pkt_pull(struct pkt *pkt, unsigned n)
{
	struct ext *e = &pkt->ext[0];

	if (pkt->end - pkt->cur >= (int)n)
		return pkt->head + pkt->cur;
	if (pkt->cur != pkt->end || pkt->end + n > PKT_HEAD || !pkt->n_ext || e->len <= n)
		return pkt_pull_slow(pkt, n);
	memcpy(pkt->head + pkt->end, e->p, n);
	e->p += n;
	e->len -= n;
	pkt->paylen -= n;
	pkt->end += (uint16_t)n;
	return pkt->head + pkt->cur;
}

#define PKT_PULL_START	2	/* after Ethernet the IP header is then aligned */

static inline void pkt_begin(struct pkt *pkt)
{
	if (pkt->start == pkt->end)
		pkt->start = pkt->cur = pkt->end = PKT_PULL_START;
}

/* The n-th byte from cur on where it lies, which may change yet: a hint. 0: it is not
 * in the first piece. */
static inline uint8_t pkt_peek(const struct pkt *pkt, unsigned n)
{
	unsigned in_head = pkt->end - pkt->cur;

	if (n < in_head)
		return pkt->head[pkt->cur + n];
	n -= in_head;
	return pkt->n_ext && n < pkt->ext[0].len ? pkt->ext[0].p[n] : 0;
}

static inline uint8_t *pkt_push(struct pkt *pkt, unsigned n)
{
	if (pkt->start < n)
		return NULL;
	pkt->start -= (uint16_t)n;
	pkt->cur = pkt->start;
	if (pkt->sum == PKT_SUM_PARTIAL)
		pkt->sum_start += (uint16_t)n;
	if (pkt->gso_size)
		pkt->gso_hlen += (uint16_t)n;
	return pkt->head + pkt->start;
}

#endif
