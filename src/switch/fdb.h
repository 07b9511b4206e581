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
	struct mac	mac;
	uint16_t	vlan;
	uint32_t	port;
	usec		seen;
};

struct fdb {
	struct hash_key	key;
	struct map	map;
	uint32_t	n_ports;
	struct fdb_port {
		struct list	entries;
		uint32_t	count;
	} *port;
};

void fdb_init(struct fdb *f, uint32_t n_ports, const struct hash_key *key);
void fdb_fini(struct fdb *f);
enum fdb_news {
	FDB_KNOWN,		/* it was there; or it is in use elsewhere and stays there */
	FDB_NEW,
	FDB_MOVED,		/* it was behind another port */
};

/* The address was seen as a source behind port. */
enum fdb_news fdb_learn(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port, usec now);
/* The port, or FDB_NO_PORT. */
uint32_t fdb_find(const struct fdb *f, uint16_t vlan, const struct mac *mac, usec now);
void fdb_flush_port(struct fdb *f, uint32_t port);
void fdb_flush_vlan(struct fdb *f, uint32_t port, uint16_t vlan);
/* Forgets what is too old; returns when to be called again, NEVER if empty. */
usec fdb_age(struct fdb *f, usec now);

#endif
