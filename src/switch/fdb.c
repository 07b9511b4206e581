/* fdb.c - the forwarding database (IEEE 802.1D 7.9)
 *
 * Strangers choose the addresses, so the hash is keyed and each port has a
 * limit of its own: who floods us with invented sources pushes out only what
 * was learned behind the same port. An address that was seen less than 3 s ago
 * stays where it is, as with VDE: a station cannot be robbed of its traffic
 * by one frame with its address, and a loop does not make addresses dance.
 */
#include "switch/fdb.h"

#include <stdlib.h>

#include "base/mem.h"

static uint32_t hash(const struct fdb *f, uint16_t vlan, const struct mac *mac)
{
	uint64_t v = vlan;

	memcpy((uint8_t *)&v + 2, mac->b, sizeof(mac->b));
	return hash_quick_u64(&f->key, v);
}

void fdb_init(struct fdb *f, uint32_t n_ports, const struct hash_key *key)
{
	*f = (struct fdb){ .key = *key, .n_ports = n_ports };
	f->port = xzalloc(n_ports * sizeof(f->port[0]));
	for (uint32_t i = 0; i < n_ports; i++)
		list_init(&f->port[i].entries);
	map_init(&f->map);
}

static void forget(struct fdb *f, struct fdb_entry *e)
{
	map_remove(&f->map, &e->node);
	list_del(&e->link);
	f->port[e->port].count--;
	free(e);
}

void fdb_flush_port(struct fdb *f, uint32_t port)
{
	struct fdb_entry *e;

	while ((e = list_first(&f->port[port].entries, struct fdb_entry, link)))
		forget(f, e);
}

void fdb_flush_vlan(struct fdb *f, uint32_t port, uint16_t vlan)
{
	list_for_safe(l, &f->port[port].entries) {
		struct fdb_entry *e = container_of(l, struct fdb_entry, link);

		if (e->vlan == vlan)
			forget(f, e);
	}
}

void fdb_fini(struct fdb *f)
{
	for (uint32_t i = 0; i < f->n_ports; i++)
		fdb_flush_port(f, i);
	map_fini(&f->map);
	free(f->port);
}

static struct fdb_entry *find(const struct fdb *f, uint16_t vlan, const struct mac *mac,
			      uint32_t h)
{
	struct map_node *n;

	for (n = map_find(&f->map, h); n; n = map_find_next(n)) {
		struct fdb_entry *e = container_of(n, struct fdb_entry, node);

		if (e->vlan == vlan && mac_eq(&e->mac, mac))
			return e;
	}
	return NULL;
}

static struct fdb_entry *add(struct fdb *f, uint16_t vlan, const struct mac *mac,
			     uint32_t h, uint32_t port)
{
	struct fdb_port *p = &f->port[port];
	struct fdb_entry *e;

	if (p->count >= FDB_PORT_MAX)
		forget(f, list_first(&p->entries, struct fdb_entry, link));
	e = xzalloc(sizeof(*e));
	e->mac = *mac;
	e->vlan = vlan;
	e->port = port;
	list_init(&e->link);
	map_insert(&f->map, &e->node, h);
	p->count++;
	return e;
}

enum fdb_news fdb_learn(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port,
			usec now)
{
	uint32_t h = hash(f, vlan, mac);
	struct fdb_entry *e = find(f, vlan, mac, h);
	enum fdb_news news = e ? FDB_KNOWN : FDB_NEW;

	if (e && e->port != port) {
		if (now - e->seen < FDB_MIN_STAY)
			return FDB_KNOWN;
		forget(f, e);
		e = NULL;
		news = FDB_MOVED;
	}
	if (!e)
		e = add(f, vlan, mac, h, port);
	e->seen = now;
	list_del(&e->link);
	list_add_tail(&f->port[port].entries, &e->link);
	return news;
}

uint32_t fdb_find(const struct fdb *f, uint16_t vlan, const struct mac *mac, usec now)
{
	struct fdb_entry *e = find(f, vlan, mac, hash(f, vlan, mac));

	return e && now - e->seen < FDB_AGE ? e->port : FDB_NO_PORT;
}

static usec age_port(struct fdb *f, uint32_t port, usec now)
{
	struct fdb_entry *e;

	while ((e = list_first(&f->port[port].entries, struct fdb_entry, link))) {
		if (now - e->seen < FDB_AGE)
			return e->seen + FDB_AGE;
		forget(f, e);
	}
	return NEVER;
}

usec fdb_age(struct fdb *f, usec now)
{
	usec next = NEVER, at;

	for (uint32_t i = 0; i < f->n_ports; i++) {
		at = age_port(f, i, now);
		next = MIN(next, at);
	}
	return next;
}
