/* fdb.h - the forwarding database: behind which port is which address
 *
 * Keys are (VLAN, MAC).
 */
#ifndef SWITCH_FDB_H
#define SWITCH_FDB_H

#include "base/addr.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"

#define FDB_AGE		(100 * USEC_PER_SEC)	/* VDE's defaults */
#define FDB_MIN_STAY	(3 * USEC_PER_SEC)
#define FDB_PORT_MAX	1024			/* addresses behind one port */
#define FDB_NO_PORT	UINT32_MAX

struct fdb_entry {
	struct map_node	node;
	struct list	link;		/* in its port's list, longest unseen first */
	struct list	all;		/* the same of the table's */
	uint64_t	key;		/* of VLAN and address */
	struct mac	mac;
	uint16_t	vlan;
	uint32_t	port;
	bool		fixed;		/* by an administrator: stays, in no port's list */
	usec		seen;
};

#define FDB_QUICK	256

struct fdb {
	struct hash_key	key;
	struct map	map;
	struct fdb_entry *quick[FDB_QUICK];	/* by octets of the key, for those in use */
	struct list	all, fixed;
	usec		age;		/* unseen for so long is forgotten */
	usec		min_stay;	/* seen since does not move to another port */
	uint32_t	n_ports;
	struct fdb_port {
		struct list	entries;
		uint32_t	count, max;
		bool		refuse;	/* at max: a new one; else the longest unseen goes */
	} *port;
	/* If set: an address is new (from: FDB_NO_PORT), has moved, or goes. */
	void		(*told)(void *ctx, const struct fdb_entry *e, uint32_t from, bool gone);
	void		*ctx;
};

void fdb_init(struct fdb *f, uint32_t n_ports, const struct hash_key *key);
void fdb_fini(struct fdb *f);
enum fdb_news {
	FDB_KNOWN,
	FDB_NEW,
	FDB_MOVED,		/* it was behind another port */
	FDB_STAYS,		/* it is behind another port and in use there */
	FDB_FULL,		/* not learned: the port has as many as it may */
};

/* The address was seen as a source behind port. */
enum fdb_news fdb_learn(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port, usec now);
/* The port, or FDB_NO_PORT. */
uint32_t fdb_find(const struct fdb *f, uint16_t vlan, const struct mac *mac, usec now);
void fdb_flush_port(struct fdb *f, uint32_t port);
void fdb_flush_vlan(struct fdb *f, uint32_t port, uint16_t vlan);	/* fixed ones, too */
/* Forgets what is too old; returns when to be called again, NEVER if empty. */
usec fdb_age(struct fdb *f, usec now);

/* An address that is behind port and nowhere else; fdb_forget takes any away. */
void fdb_fix(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port);
bool fdb_forget(struct fdb *f, uint16_t vlan, const struct mac *mac);
/* How many may be learned behind a port; beyond, refuse: new ones are not. */
void fdb_limit(struct fdb *f, uint32_t port, uint32_t max, bool refuse);
/* NULL: not there, or too old. */
const struct fdb_entry *fdb_get(const struct fdb *f, uint16_t vlan, const struct mac *mac,
				usec now);
/* Walks the table, fixed ones first: fdb_next(f, NULL) is the first. */
const struct fdb_entry *fdb_next(const struct fdb *f, const struct fdb_entry *e);

#endif
