/* core.h - the forwarding core of a switch: frames and time in, frames out
 *
 * No I/O: out is called for each port that shall get the frame, which stays the
 * caller's. Ports are numbers below n_ports. What is set of a port (VLANs, MTU,
 * rules) stays while nobody is there; only counters begin anew.
 */
#ifndef SWITCH_CORE_H
#define SWITCH_CORE_H

#include "stack/pkt.h"
#include "switch/bucket.h"
#include "switch/fdb.h"

#define FRAME_MIN	14
#define FRAME_MAX	9234		/* vdeplug4's: MTU 9216, header, tag */
#define NO_PORT		FDB_NO_PORT

#define VLAN_DEFAULT	0		/* every port's untagged one at first */
#define VLAN_NONE	4095		/* as the untagged one: frames without a tag are dropped */

struct rules;
struct wire_small;

struct frame {
	const uint8_t	*p;		/* all of it, or (pkt) its link header */
	uint32_t	len;		/* on the wire; of a super-frame: of its segments */
	struct pkt	*pkt;		/* it came by shared memory; NULL: as bytes */
	const struct wire_small *small;	/* these bytes with their notes, if so; or NULL */
};

/* All bytes of a super-frame. */
static inline uint32_t frame_size(const struct frame *f)
{
	return f->pkt ? pkt_len(f->pkt) : f->len;
}

/* What storm control counts, frames a second of each kind. */
enum storm { STORM_BROADCAST, STORM_MULTICAST, STORM_UNKNOWN, N_STORMS };

/* Why a frame ended here. Those from CORE_FIRST_OUT on are counted at the port it
 * would have left by, the others where it came in. */
enum core_drop {
	CORE_TAKEN,
	CORE_SHORT,		/* no room for an Ethernet header, or the tag it tells of */
	CORE_LONG,		/* more than FRAME_MAX */
	CORE_BAD_SOURCE,	/* a group address as source (IEEE 802.3 3.2.3) */
	CORE_LOCAL,		/* the destination is behind the same port */
	CORE_ISOLATED,		/* it is behind an isolated port, as its source is */
	CORE_NO_PORT,		/* came from a port that is not up */
	CORE_UNTAGGED,		/* has no tag; the port has no VLAN for such */
	CORE_VLAN,		/* tagged for a VLAN that is not the port's */
	CORE_GUARD,		/* an address that is not the port's own */
	CORE_FILTER,		/* refused by the port's filter */
	CORE_ANSWERED,		/* the switch answered for the one asked (suppression) */
	CORE_MONITOR,		/* the port only listens: others are mirrored to it */
	CORE_MACS,		/* the port has as many addresses as it may */
	CORE_DOWN,		/* the destination's port is not up, or only listens */
	CORE_RATE,		/* over the rate of what may come in */
	CORE_STORM,		/* over the rate of broadcast ... */
	CORE_STORM_MULTICAST = CORE_STORM + STORM_MULTICAST,
	CORE_STORM_UNKNOWN = CORE_STORM + STORM_UNKNOWN,
	CORE_FIRST_OUT,
	CORE_TAG_OUT = CORE_FIRST_OUT,	/* no room to change its tag, or no memory */
	CORE_FILTER_OUT,
	CORE_MTU_OUT,		/* longer than the port's MTU allows */
	CORE_RATE_OUT,
	N_CORE_DROPS
};

/* Where a frame that came in went, if nobody had to see it on the way. */
struct core_last {
	uint8_t		addr[12];	/* destination, source */
	uint32_t	to;
	uint32_t	changes;	/* of the core, then */
	usec		at;
};

#define CORE_LASTS	4

struct core_port {
	bool		up;
	uint16_t	untagged;	/* VLAN of frames without a tag; VLAN_NONE */
	uint32_t	mtu;		/* of what leaves; 0: no limit */
	struct rules	*rules;		/* NULL: none, the fast way */
	uint64_t	rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t	rx_multicast, rx_broadcast, tx_multicast, tx_broadcast;
	uint64_t	drops[N_CORE_DROPS];
	uint64_t	tx_drops;		/* counted by whoever sends */
	struct core_last last[CORE_LASTS];	/* by the destination's last octet */
};

/* A frame on its way through the core. */
struct pass {
	struct core	*core;
	uint32_t	from;		/* NO_PORT: the switch itself */
	uint16_t	vlan;
	bool		tagged;		/* so it came */
	struct frame	f;		/* as it came; p has 14 bytes, tagged: 18 */
	usec		now;
	struct pkt	*changed[2];	/* tag.c: without a tag, with one; NULL: not made */
	struct frame	as[2];
};

/* What a module may be asked about a frame. It may read more of f (pkt_copy, or
 * all of p without a pkt), not change it. */
struct hook {
	enum core_drop	(*check)(void *ctx, const struct pass *s, uint32_t port);
	void		*ctx;
};

/* Of one port. Who sets a hook calls core_rules_changed. */
struct rules {
	struct hook	guard;		/* of what comes in: CORE_TAKEN, or why not */
	struct hook	filter_in, filter_out;
	bool		guards_ip;	/* guard looks behind the link header */
	/* what follows is set by rules.h */
	bool		mirror_in, mirror_out;
	uint32_t	mirror;		/* to this port */
	uint32_t	mirrored;	/* so many ports are mirrored to this one */
	bool		talk;		/* ... which is a port like others nevertheless */
	struct bucket	storm[N_STORMS];
	struct bucket	rate_in, rate_out;
};

/* For all of several ports; for a station, known to be there; for who listens to others. */
enum core_whom { CORE_MANY, CORE_ONE, CORE_LISTENER };

struct core {
	uint32_t	n_ports;
	uint32_t	words;		/* 64 ports each, of a bitmap */
	uint32_t	changes;	/* raised by what may make a wire between two ports wrong */
	bool		hub;		/* repeat everything to everybody, whatever its VLAN */
	enum core_whom	whom;		/* what goes out now is for */
	uint64_t	*up;		/* bitmap: ports that take part */
	uint64_t	*isolated;	/* bitmap: ports that give each other nothing */
	struct core_port *port;
	struct vlan_ports *vlan[VLAN_NONE];	/* NULL: not created; vlan.h */
	struct fdb	fdb;
	struct arena	*arena;		/* of frames whose tag was changed */
	/* Bytes that are no packet's stay until who called core_input has flushed. */
	void		(*out)(void *ctx, uint32_t port, const struct frame *f);
	void		*ctx;
	/* Asked about every frame that is let in; true: it was answered, by core_send. */
	bool		(*suppress)(void *ctx, const struct pass *s);
	void		*suppress_ctx;
	/* Asked about frames to groups, not broadcast: a bitmap of the ports that want
	 * it, valid until the next call; NULL: all do. */
	const uint64_t	*(*snoop)(void *ctx, const struct pass *s);
	void		*snoop_ctx;
	/* Told when a port leaves a VLAN, or goes down: leaves all (VLAN_NONE). */
	void		(*gone)(void *ctx, uint32_t port, uint16_t vlan);
	void		*gone_ctx;
};

void core_init(struct core *c, uint32_t n_ports, const struct hash_key *key,
	       void (*out)(void *ctx, uint32_t port, const struct frame *f), void *ctx);
void core_fini(struct core *c);
void core_port_up(struct core *c, uint32_t port);	/* counters start at zero */
void core_port_down(struct core *c, uint32_t port);	/* forgets its addresses */
void core_reset_counters(struct core *c, uint32_t port);
enum core_drop core_input(struct core *c, uint32_t port, const struct frame *f, usec now);
/* A frame of the switch's own, as bytes without a tag, copied, to one port: tagged there
 * if the port's frames in that VLAN are. */
void core_send(struct core *c, uint32_t port, uint16_t vlan, const struct frame *f, usec now);
const char *core_drop_text(enum core_drop why);
static inline usec core_age(struct core *c, usec now) { return fdb_age(&c->fdb, now); }

/* How long addresses are kept and stay (hash/setexpire, setminper); how many a port may
 * have, and whether frames from more are refused (CORE_MACS); addresses that are fixed. 0,
 * -EINVAL, -ENXIO (the port is not in the VLAN), -ENOENT. */
int core_set_age(struct core *c, usec age, usec min_stay);
int core_limit_addresses(struct core *c, uint32_t port, uint32_t max, bool refuse);
int core_fix_address(struct core *c, uint16_t vlan, const struct mac *mac, uint32_t port);
int core_forget_address(struct core *c, uint16_t vlan, const struct mac *mac);

/* The port's rules to set something in; made if there are none. */
struct rules *core_rules(struct core *c, uint32_t port);
/* Rules were set or taken away: those that are empty now are freed. */
void core_rules_changed(struct core *c, uint32_t port);
/* The port takes part if it is up and does not just listen. */
void core_port_takes_part(struct core *c, uint32_t port);
/* By the port's MTU; a super-frame's segments count. */
bool core_fits(const struct core_port *p, const struct frame *f);
/* Out by a port as it is, and counted; no rule is asked. */
void core_out(struct core *c, uint32_t port, const struct frame *f);
/* Neither gives the other anything. */
bool core_apart(const struct core *c, uint32_t a, uint32_t b);
/* Untagged unicast between the two needs nobody to see each frame. */
bool core_plain(const struct core *c, uint32_t a, uint32_t b);

static inline bool bit_get(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> i % 64 & 1;
}

static inline void bit_set(uint64_t *map, uint32_t i, bool on)
{
	uint64_t bit = 1ull << i % 64;

	map[i / 64] = on ? map[i / 64] | bit : map[i / 64] & ~bit;
}

#endif
