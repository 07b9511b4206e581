/* shm.h - the plug over a wire, and how two sides come to have one
 *
 * On the stream socket "shm" in a switch's directory the client sends a hello
 * with its file, and gets an answer: with the switch's file, or why not. From
 * then on the stream carries doorbells (wire.h), and its end is the plug's.
 */
#ifndef PLUG_SHM_H
#define PLUG_SHM_H

#include "plug/plug.h"
#include "plug/wire.h"

#define SHM_MAGIC	0x31534f49u	/* "IOS1" */
#define SHM_DESCR_MAX	127
#define SHM_WHY_MAX	127

#define SHM_PORT0	1u		/* port 0 is meant */
#define SHM_MEETS	2u		/* takes introductions (direct.h) */

struct shm_hello {
	uint32_t	magic;
	uint32_t	port;		/* 0: any */
	uint32_t	flags;		/* SHM_* */
	uint32_t	mtu;		/* the client's; larger frames are not sent to it */
	char		descr[SHM_DESCR_MAX + 1];
};

struct shm_answer {
	uint32_t	magic;
	uint32_t	error;		/* an errno; 0: joined */
	uint32_t	port;
	uint32_t	mtu;		/* the switch's largest */
	char		why[SHM_WHY_MAX + 1];
};

#define SHM_MTU_MIN	576
#define SHM_MTU_MAX	9216
#define SHM_RESERVE	128	/* frames that a full queue still takes, of who does not wait */

/* A plug over a wire that was joined; takes both, the wire and its socket. A node's
 * end joins what arrives in pieces and queues what its stack, which asks for room,
 * gives it; a switch's end drops beyond a mebibyte. */
struct plug *shm_new(struct wire *w, uint32_t mtu, bool node);

/* A switch passes frames on: those that lie whole in a record go to small instead of
 * deliver, and shm_put_small puts one behind what is queued, at once. False: no room,
 * or others wait; as a packet it is queued or lost like them. */
void shm_pass(struct plug *p, void (*small)(struct plug *p, const struct wire_small *s));
bool shm_put_small(struct plug *p, const struct wire_small *s);
/* While frames are delivered: this was the last one of this plug_recv. */
void shm_enough(struct plug *p);
/* Reads bells and sends what is queued, but takes nothing. False: the other has gone. */
bool shm_idle(struct plug *p);
bool shm_is_full(const struct plug *p);	/* a small frame had no room; or its queue is nearly so */
/* It takes introductions from now on; without bell its fd becomes another. False: it cannot. */
bool shm_meet(struct plug *p, bool (*bell)(struct plug *p, int fd, bool on));
struct wire *shm_wire(struct plug *p);

/* Joins the switch of the directory; bell as for shm_meet. NULL with *why: it refused;
 * NULL without: it has no shared memory to offer. */
struct plug *shm_join(const char *dir, const struct shm_hello *hello,
		      bool (*bell)(struct plug *p, int fd, bool on), char **why);

/* Sends or reads a message of size bytes with at most one descriptor (-1: none),
 * without waiting or, where the socket says so, until its time limit. 0 or -errno;
 * shm_get: bytes read, 0 at the end; what does not come at once comes later. */
int shm_put(int sock, const void *msg, size_t size, int file);
ssize_t shm_get(int sock, void *msg, size_t size, int *file);

#endif
