/* intro.c - introduces ports that talk to each other (plug/direct.h)
 *
 * shm_out -> intro_saw counts frames between two clients with a wire. When enough went
 * both ways in a short time and nobody has to see each of them (core_plain, one
 * client a port, both addresses where they were learned) each gets the end of a
 * socket pair, and from then on they need us only for what is not for each other.
 *
 * What we have said holds while our file shows its number at its place, so taking
 * it back is one store, which no client can refuse, and a bell (forget). That
 * happens when a client leaves, and when core.changes tells that an address, a port
 * or a rule is another. The clients end it, too: then they show the number.
 *
 * The pairs are counted in a table that forgets: who collides begins anew.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "plug/direct.h"
#include "proto/proto.h"
#include "switch/client.h"

#define PAIRS		1024u
#define WINDOW		(100 * USEC_PER_MSEC)
#define ENOUGH_FRAMES	32
#define ENOUGH_BYTES	(64u << 10)
#define AGAIN_FIRST	USEC_PER_SEC		/* not sooner after the last time; then twice */
#define AGAIN_MOST	(32 * USEC_PER_SEC)

struct pair {
	const struct client *c[2];	/* that of the lower address first */
	struct mac	mac[2];
	uint32_t	frames[2];
	uint64_t	bytes;
	usec		since;
	usec		again, wait;
};

struct intro_end {
	uint32_t	id;		/* 0: free */
	struct client	*peer;
	struct mac	mine, theirs;
};

void intro_init(struct sw *sw)
{
	list_init(&sw->met);
	if (!sw->conf.alone)
		sw->pairs = xzalloc(PAIRS * sizeof(sw->pairs[0]));
}

void intro_fini(struct sw *sw)
{
	free(sw->pairs);
}

/* --- what holds --- */

/* Has the client closed it by itself? */
static bool is_over(const struct client *c, unsigned i)
{
	return atomic_load_explicit(&shm_wire(c->plug)->peer->intro[i], memory_order_relaxed) ==
	       c->intro[i].id;
}

static void forget(struct client *c, unsigned i)
{
	struct wire *w = shm_wire(c->plug);

	c->intro[i].id = 0;
	atomic_store_explicit(&w->own->intro[i], 0, memory_order_release);
	wire_wake(w, WIRE_WANTS_FRAMES);
}

/* Both ends of one. */
static void take_back(struct client *c, unsigned i)
{
	struct client *peer = c->intro[i].peer;
	uint32_t id = c->intro[i].id;

	forget(c, i);
	for (i = 0; i < WIRE_INTROS; i++) {
		if (peer->intro[i].id == id)
			forget(peer, i);
	}
	info("ports %u and %u: introduction %u revoked", c->port, peer->port, id);
}

void intro_leave(struct client *c)
{
	if (!c->intro)
		return;
	for (unsigned i = 0; i < WIRE_INTROS; i++) {
		if (c->intro[i].id)
			take_back(c, i);
	}
	list_del(&c->met);
	free(c->intro);
	c->intro = NULL;
}

static uint32_t port_of(const struct sw *sw, const struct client *c, const struct mac *mac)
{
	return fdb_find(&sw->core.fdb, sw->core.port[c->port].untagged, mac, sw->now);
}

/* Or forgotten: whom nobody talks to is quiet. */
static bool is_at(const struct sw *sw, const struct client *c, const struct mac *mac)
{
	uint32_t at = port_of(sw, c, mac);

	return at == c->port || at == FDB_NO_PORT;
}

static bool alone_at_port(const struct client *c)
{
	const struct list *l = &c->sw->port[c->port].clients;

	return l->next->next == l;
}

static bool may_meet(const struct client *a, const struct client *b, const struct mac *mac_a,
		     const struct mac *mac_b)
{
	const struct sw *sw = a->sw;

	return core_plain(&sw->core, a->port, b->port) && alone_at_port(a) && alone_at_port(b) &&
	       is_at(sw, a, mac_a) && is_at(sw, b, mac_b);
}

static void check(struct client *c)
{
	for (unsigned i = 0; i < WIRE_INTROS; i++) {
		const struct intro_end *e = &c->intro[i];

		if (e->id && !may_meet(c, e->peer, &e->mine, &e->theirs))
			take_back(c, i);
	}
}

void intro_check(struct sw *sw)
{
	if (!sw->pairs || sw->intro_changes == sw->core.changes)
		return;
	sw->intro_changes = sw->core.changes;
	list_for(l, &sw->met)
		check(container_of(l, struct client, met));
}

/* --- introducing --- */

/* A place in the client's table, or -1: none is free, or they have met. */
static int place(struct client *c, const struct mac *mine, const struct mac *theirs)
{
	int at = -1;

	if (!c->intro) {
		c->intro = xzalloc(WIRE_INTROS * sizeof(c->intro[0]));
		list_add_tail(&c->sw->met, &c->met);
	}
	for (unsigned i = 0; i < WIRE_INTROS; i++) {
		struct intro_end *e = &c->intro[i];

		if (e->id && is_over(c, i))
			take_back(c, i);
		if (e->id && mac_eq(&e->mine, mine) && mac_eq(&e->theirs, theirs))
			return -1;
		if (!e->id && at < 0)
			at = (int)i;
	}
	return at;
}

static bool tell(struct client *c, unsigned at, const struct intro_end *e, uint32_t mtu, int sock)
{
	struct intro msg = {
		.kind = INTRO_KIND, .place = (uint8_t)at, .mtu = (uint16_t)mtu, .id = e->id,
		.mine = e->mine, .theirs = e->theirs,
	};
	struct wire *w = shm_wire(c->plug);

	c->intro[at] = *e;
	atomic_store_explicit(&w->own->intro[at], e->id, memory_order_release);
	return shm_put(w->bell, &msg, sizeof(msg), sock) == 0;
}

static void introduce(struct client *a, struct client *b, const struct mac *mac_a,
		      const struct mac *mac_b)
{
	int at = place(a, mac_a, mac_b), bt = place(b, mac_b, mac_a);
	struct sw *sw = a->sw;
	int sock[2];
	bool told_a, told_b;

	if (at < 0 || bt < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sock) < 0)
		return;
	if (!++sw->intro_last)
		sw->intro_last++;
	told_a = tell(a, (unsigned)at,
		      &(struct intro_end){ sw->intro_last, b, *mac_a, *mac_b },
		      b->plug->mtu, sock[0]);
	told_b = tell(b, (unsigned)bt,
		      &(struct intro_end){ sw->intro_last, a, *mac_b, *mac_a },
		      a->plug->mtu, sock[1]);
	close(sock[0]);
	close(sock[1]);
	if (told_a && told_b)
		info("ports %u and %u: introduction %u", a->port, b->port, sw->intro_last);
	else
		take_back(a, (unsigned)at);
}

/* --- counting --- */

static uint32_t hash(const struct mac *a, const struct mac *b)
{
	uint32_t x, y;

	memcpy(&x, a->b + 2, 4);
	memcpy(&y, b->b + 2, 4);
	return ((x ^ y) * 0x9e3779b1u) >> 22;
}

static_assert(PAIRS == 1u << (32 - 22), "hash gives a place in the table");

static bool is_pair(const struct pair *p, const struct client *const c[2], const struct mac mac[2])
{
	return p->c[0] == c[0] && p->c[1] == c[1] && mac_eq(&p->mac[0], &mac[0]) &&
	       mac_eq(&p->mac[1], &mac[1]);
}

static struct pair *pair_of(struct sw *sw, const struct client *const c[2], const struct mac mac[2])
{
	struct pair *p = &sw->pairs[hash(&mac[0], &mac[1])];

	if (!is_pair(p, c, mac))
		*p = (struct pair){ .c = { c[0], c[1] }, .mac = { mac[0], mac[1] },
				    .wait = AGAIN_FIRST };
	if (sw->now - p->since > WINDOW) {
		p->frames[0] = p->frames[1] = 0;
		p->bytes = 0;
		p->since = sw->now;
	}
	return p;
}

/* Waits longer each time, unless the last time is long ago. */
static void not_again(struct pair *p, usec now)
{
	p->wait = now - p->again > AGAIN_MOST ? AGAIN_FIRST : MIN(p->wait * 2, AGAIN_MOST);
	p->again = now + p->wait;
}

void intro_saw(struct client *to, const struct frame *f)
{
	struct sw *sw = to->sw;
	struct client *from = sw->from;
	struct rd r = rd_of(f->p, ETH_LEN);
	struct pair *p;
	struct eth e;
	bool up;

	if (!from || from == to || !from->meets || !eth_parse(&r, &e) ||
	    mac_is_group(&e.dst) || e.type == ETHERTYPE_VLAN)
		return;
	up = memcmp(&e.src, &e.dst, sizeof(e.src)) > 0;
	p = up ? pair_of(sw, (const struct client *[]){ to, from }, (struct mac[]){ e.dst, e.src }) :
		 pair_of(sw, (const struct client *[]){ from, to }, (struct mac[]){ e.src, e.dst });
	p->frames[up]++;
	p->bytes += frame_size(f);
	if (!p->frames[0] || !p->frames[1] || sw->now < p->again ||
	    (p->frames[0] + p->frames[1] < ENOUGH_FRAMES && p->bytes < ENOUGH_BYTES) ||
	    port_of(sw, to, &e.dst) != to->port || !may_meet(from, to, &e.src, &e.dst))
		return;
	not_again(p, sw->now);
	introduce(from, to, &e.src, &e.dst);
}

/* --- for show --- */

unsigned intro_count(const struct client *c)
{
	unsigned n = 0;

	for (unsigned i = 0; c->intro && i < WIRE_INTROS; i++)
		n += c->intro[i].id && !is_over(c, i);
	return n;
}

uint64_t intro_frames(const struct client *c)
{
	return c->meets ? atomic_load_explicit(&shm_wire(c->plug)->peer->direct,
					      memory_order_relaxed) : 0;
}
