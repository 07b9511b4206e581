/* fdb.c - the forwarding database (IEEE 802.1D 7.9)
 *
 * Strangers choose the addresses, so the hash is keyed and each port has a
 * limit of its own: who floods us with invented sources pushes out only what
 * was learned behind the same port. An address that was seen less than 3 s ago
 * stays where it is, as with VDE: a station cannot be robbed of its traffic
 * by one frame with its address, and a loop does not make addresses dance.
 *
 * Entries are in the order in which they were last seen, in one list of their
 * port and one of the table, so ageing looks at what is old and no more. The
 * frames of one batch share a time: of those only the first moves its entry. Addresses in
 * use are found by a glance at a cache of a few hundred, before any hashing.
 */
#include "switch/fdb.h"

#include <stdlib.h>

#include "base/mem.h"

static uint64_t key_of(uint16_t vlan, const struct mac *mac)
{
	uint64_t key = vlan;

	memcpy((uint8_t *)&key + 2, mac->b, sizeof(mac->b));
	return key;
}

static struct fdb_entry **quick(const struct fdb *f, uint64_t key)
{
	struct fdb *w = (struct fdb *)(uintptr_t)f;	/* a cache: looking up fills it */

	return &w->quick[(key ^ key >> 48 ^ key >> 56) % FDB_QUICK];
}

void fdb_init(struct fdb *f, uint32_t n_ports, const struct hash_key *key)
{
	*f = (struct fdb){
		.key = *key, .n_ports = n_ports, .age = FDB_AGE, .min_stay = FDB_MIN_STAY,
	};
	f->port = xzalloc(n_ports * sizeof(f->port[0]));
	for (uint32_t i = 0; i < n_ports; i++) {
		list_init(&f->port[i].entries);
		f->port[i].max = FDB_PORT_MAX;
	}
	list_init(&f->all);
	list_init(&f->fixed);
	map_init(&f->map);
}

static void tell(const struct fdb *f, const struct fdb_entry *e, uint32_t from, bool gone)
{
	if (f->told)
		f->told(f->ctx, e, from, gone);
}

static void take_out(struct fdb *f, struct fdb_entry *e)
{
	struct fdb_entry **q = quick(f, e->key);

	if (*q == e)
		*q = NULL;
	map_remove(&f->map, &e->node);
	list_del(&e->link);
	list_del(&e->all);
	if (!e->fixed)
		f->port[e->port].count--;
	free(e);
}

static void forget(struct fdb *f, struct fdb_entry *e)
{
	tell(f, e, e->port, true);
	take_out(f, e);
}

void fdb_flush_port(struct fdb *f, uint32_t port)
{
	struct fdb_entry *e;

	while ((e = list_first(&f->port[port].entries, struct fdb_entry, link)))
		forget(f, e);
}

static void flush_vlan(struct fdb *f, struct list *entries, uint32_t port, uint16_t vlan)
{
	list_for_safe(l, entries) {
		struct fdb_entry *e = container_of(l, struct fdb_entry, link);

		if (e->vlan == vlan && e->port == port)
			forget(f, e);
	}
}

void fdb_flush_vlan(struct fdb *f, uint32_t port, uint16_t vlan)
{
	flush_vlan(f, &f->port[port].entries, port, vlan);
	flush_vlan(f, &f->fixed, port, vlan);
}

void fdb_fini(struct fdb *f)
{
	const struct fdb_entry *e;

	while ((e = fdb_next(f, NULL)))
		fdb_forget(f, e->vlan, &e->mac);
	map_fini(&f->map);
	free(f->port);
}

static struct fdb_entry *find_slow(const struct fdb *f, uint64_t key)
{
	struct map_node *n;

	for (n = map_find(&f->map, hash_quick_u64(&f->key, key)); n; n = map_find_next(n)) {
		struct fdb_entry *e = container_of(n, struct fdb_entry, node);

		if (e->key == key)
			return *quick(f, key) = e;
	}
	return NULL;
}

static struct fdb_entry *find(const struct fdb *f, uint16_t vlan, const struct mac *mac)
{
	uint64_t key = key_of(vlan, mac);
	struct fdb_entry *e = *quick(f, key);

	return e && e->key == key ? e : find_slow(f, key);
}

static struct fdb_entry *add(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port)
{
	struct fdb_entry *e = xzalloc(sizeof(*e));

	e->key = key_of(vlan, mac);
	e->mac = *mac;
	e->vlan = vlan;
	e->port = port;
	list_init(&e->link);
	list_init(&e->all);
	map_insert(&f->map, &e->node, hash_quick_u64(&f->key, e->key));
	return e;
}

static void seen(struct fdb *f, struct fdb_entry *e, usec now)
{
	e->seen = now;
	list_del(&e->link);
	list_add_tail(&f->port[e->port].entries, &e->link);
	list_del(&e->all);
	list_add_tail(&f->all, &e->all);
}

/* A place for one more, if need be the place of the one longest unseen. */
static bool make_room(struct fdb *f, struct fdb_port *p)
{
	if (p->count < p->max)
		return true;
	if (p->refuse || !p->count)
		return false;
	forget(f, list_first(&p->entries, struct fdb_entry, link));
	return true;
}

enum fdb_news fdb_learn(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port,
			usec now)
{
	struct fdb_entry *e = find(f, vlan, mac);
	bool moves = e && e->port != port;
	uint32_t from = moves ? e->port : FDB_NO_PORT;

	if (e && !moves) {
		if (e->seen != now && !e->fixed)
			seen(f, e, now);
		return FDB_KNOWN;
	}
	if (moves && (e->fixed || now - e->seen < f->min_stay))
		return FDB_STAYS;
	if (!make_room(f, &f->port[port]))
		return FDB_FULL;
	if (moves)
		take_out(f, e);
	f->port[port].count++;
	e = add(f, vlan, mac, port);
	seen(f, e, now);
	tell(f, e, from, false);
	return moves ? FDB_MOVED : FDB_NEW;
}

const struct fdb_entry *fdb_get(const struct fdb *f, uint16_t vlan, const struct mac *mac,
				usec now)
{
	const struct fdb_entry *e = find(f, vlan, mac);

	return e && (e->fixed || now - e->seen < f->age) ? e : NULL;
}

uint32_t fdb_find(const struct fdb *f, uint16_t vlan, const struct mac *mac, usec now)
{
	const struct fdb_entry *e = fdb_get(f, vlan, mac, now);

	return e ? e->port : FDB_NO_PORT;
}

usec fdb_age(struct fdb *f, usec now)
{
	struct fdb_entry *e;

	while ((e = list_first(&f->all, struct fdb_entry, all))) {
		if (now - e->seen < f->age)
			return e->seen + f->age;
		forget(f, e);
	}
	return NEVER;
}

/* --- for an administrator --- */

void fdb_fix(struct fdb *f, uint16_t vlan, const struct mac *mac, uint32_t port)
{
	struct fdb_entry *e;

	fdb_forget(f, vlan, mac);
	e = add(f, vlan, mac, port);
	e->fixed = true;
	list_add_tail(&f->fixed, &e->link);
}

bool fdb_forget(struct fdb *f, uint16_t vlan, const struct mac *mac)
{
	struct fdb_entry *e = find(f, vlan, mac);

	if (e)
		forget(f, e);
	return e != NULL;
}

void fdb_limit(struct fdb *f, uint32_t port, uint32_t max, bool refuse)
{
	struct fdb_port *p = &f->port[port];

	p->max = max;
	p->refuse = refuse;
	while (p->count > max)
		forget(f, list_first(&p->entries, struct fdb_entry, link));
}

const struct fdb_entry *fdb_next(const struct fdb *f, const struct fdb_entry *e)
{
	const struct list *l = e && !e->fixed ? e->all.next : e ? e->link.next : f->fixed.next;

	if (l != &f->fixed && (!e || e->fixed))
		return container_of(l, struct fdb_entry, link);
	if (l == &f->fixed)
		l = f->all.next;
	return l == &f->all ? NULL : container_of(l, struct fdb_entry, all);
}
