/* core.h - the forwarding core of a switch: frames and time in, frames out
 *
 * No I/O: out is called for each port that shall get the frame, which stays the
 * caller's and is not changed. Ports are numbers below n_ports.
 */
#ifndef SWITCH_CORE_H
#define SWITCH_CORE_H

#include "switch/fdb.h"

#define FRAME_MIN	14
#define FRAME_MAX	9234		/* vdeplug4's: MTU 9216, header, tag */

struct pkt;

struct frame {
	const uint8_t	*p;		/* all of it, or (pkt) its link header */
	uint32_t	len;		/* on the wire; of a super-frame: of its segments */
	struct pkt	*pkt;		/* it came by shared memory; NULL: as bytes */
};

enum core_drop {
	CORE_TAKEN,
	CORE_SHORT,		/* no room for an Ethernet header */
	CORE_LONG,		/* more than FRAME_MAX */
	CORE_BAD_SOURCE,	/* a group address as source (IEEE 802.3 3.2.3) */
	CORE_LOCAL,		/* the destination is behind the same port */
	CORE_NO_PORT,		/* came from a port that is not up */
	N_CORE_DROPS
};

struct core_port {
	bool		up;
	uint64_t	rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t	drops[N_CORE_DROPS];	/* of what came in here */
	uint64_t	tx_drops;		/* counted by whoever sends */
};

struct core {
	uint32_t	n_ports;
	uint32_t	top;		/* no port is up at or above this number */
	bool		hub;		/* repeat everything to everybody */
	struct core_port *port;
	struct fdb	fdb;
	void		(*out)(void *ctx, uint32_t port, const struct frame *f);
	void		*ctx;
};

void core_init(struct core *c, uint32_t n_ports, const struct hash_key *key,
	       void (*out)(void *ctx, uint32_t port, const struct frame *f), void *ctx);
void core_fini(struct core *c);
void core_port_up(struct core *c, uint32_t port);	/* counters start at zero */
void core_port_down(struct core *c, uint32_t port);	/* forgets its addresses */
enum core_drop core_input(struct core *c, uint32_t port, const struct frame *f, usec now);
const char *core_drop_text(enum core_drop why);
static inline usec core_age(struct core *c, usec now) { return fdb_age(&c->fdb, now); }

#endif
