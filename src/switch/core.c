/* core.c - the forwarding core of a switch (IEEE 802.1D 7.7, 802.1Q 8.6)
 *
 * in:   port.c or shm.c reads a batch -> core_input for each frame
 * out:  core_input -> out for each port (port.c gathers, then sends)
 *
 * A frame is classified (vlan.c), may be refused or answered by rules, and goes to the
 * port behind which its destination was learned in its VLAN, or to all others
 * of the VLAN. Each rule is one branch as long as nobody has set it, and between
 * two ports with the same untagged VLAN a frame leaves as it came. Frames of
 * spanning tree (to 01:80:c2:00:00:00) are forwarded, as vde_switch does with its
 * own off.
 */
#include "switch/core.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "switch/rules.h"
#include "switch/vlan.h"

#define AGE_MAX		(1000000 * USEC_PER_SEC)	/* IEEE 802.1D 7.9.2 */
#define ARENA_LIMIT	(64u << 20)	/* frames with another tag that queues hold */

static const char *const drop_text[] = {
	[CORE_TAKEN]		= "taken",
	[CORE_SHORT]		= "shorter than an Ethernet header and its tag",
	[CORE_LONG]		= "longer than 9234 bytes",
	[CORE_BAD_SOURCE]	= "source is a group address",
	[CORE_LOCAL]		= "destination is behind the same port",
	[CORE_ISOLATED]		= "destination is behind an isolated port, as the source is",
	[CORE_NO_PORT]		= "port is not up",
	[CORE_UNTAGGED]		= "no tag, and the port has no untagged VLAN",
	[CORE_VLAN]		= "tagged for a VLAN the port is not in",
	[CORE_GUARD]		= "an address that is not the port's own",
	[CORE_FILTER]		= "refused by the port's filter",
	[CORE_ANSWERED]		= "the switch answered",
	[CORE_MONITOR]		= "the port only listens: others are mirrored to it",
	[CORE_MACS]		= "the port has as many addresses as it may",
	[CORE_DOWN]		= "the destination's port is not up, or only listens",
	[CORE_RATE]		= "over the rate of what may come in",
	[CORE_STORM]		= "over the rate of broadcast",
	[CORE_STORM_MULTICAST]	= "over the rate of multicast",
	[CORE_STORM_UNKNOWN]	= "over the rate of frames for unknown stations",
	[CORE_TAG_OUT]		= "its tag could not be changed",
	[CORE_FILTER_OUT]	= "refused by the filter of the port it leaves by",
	[CORE_MTU_OUT]		= "longer than the MTU of the port it leaves by",
	[CORE_RATE_OUT]		= "over the rate of the port it leaves by",
};

static_assert(ARRAY_LEN(drop_text) == N_CORE_DROPS, "each reason has its text");

const char *core_drop_text(enum core_drop why)
{
	return drop_text[why];
}

void core_init(struct core *c, uint32_t n_ports, const struct hash_key *key,
	       void (*out)(void *ctx, uint32_t port, const struct frame *f), void *ctx)
{
	*c = (struct core){ .n_ports = n_ports, .changes = 1, .out = out, .ctx = ctx };
	c->words = (n_ports + 63) / 64;
	c->up = xzalloc(c->words * sizeof(c->up[0]));
	c->isolated = xzalloc(c->words * sizeof(c->isolated[0]));
	c->port = xzalloc(n_ports * sizeof(c->port[0]));
	c->arena = arena_heap_new(ARENA_LIMIT);
	fdb_init(&c->fdb, n_ports, key);
	vlan_init(c);
}

void core_fini(struct core *c)
{
	vlan_fini(c);
	fdb_fini(&c->fdb);
	arena_heap_unref(c->arena);
	for (uint32_t i = 0; i < c->n_ports; i++)
		free(c->port[i].rules);
	free(c->port);
	free(c->isolated);
	free(c->up);
}

void core_reset_counters(struct core *c, uint32_t port)
{
	struct core_port *p = &c->port[port];

	*p = (struct core_port){ .up = p->up, .untagged = p->untagged, .mtu = p->mtu,
				 .rules = p->rules };
}

void core_port_takes_part(struct core *c, uint32_t port)
{
	const struct core_port *p = &c->port[port];

	bit_set(c->up, port, p->up && !(p->rules && p->rules->mirrored && !p->rules->talk));
	c->changes++;
}

void core_port_up(struct core *c, uint32_t port)
{
	core_reset_counters(c, port);
	c->port[port].up = true;
	core_port_takes_part(c, port);
}

void core_port_down(struct core *c, uint32_t port)
{
	c->port[port].up = false;
	core_port_takes_part(c, port);
	fdb_flush_port(&c->fdb, port);
	if (c->gone)
		c->gone(c->gone_ctx, port, VLAN_NONE);
}

/* --- the table of addresses, for an administrator --- */

int core_set_age(struct core *c, usec age, usec min_stay)
{
	if (age < USEC_PER_SEC || age > AGE_MAX || min_stay < 0 || min_stay > AGE_MAX)
		return -EINVAL;
	c->fdb.age = age;
	c->fdb.min_stay = min_stay;
	return 0;
}

int core_limit_addresses(struct core *c, uint32_t port, uint32_t max, bool refuse)
{
	if (port >= c->n_ports || !max)
		return -EINVAL;
	fdb_limit(&c->fdb, port, max, refuse);
	c->changes++;
	return 0;
}

int core_fix_address(struct core *c, uint16_t vlan, const struct mac *mac, uint32_t port)
{
	if (port >= c->n_ports || mac_is_group(mac))
		return -EINVAL;
	if (!vlan_has(c, vlan, port))
		return -ENXIO;
	fdb_fix(&c->fdb, vlan, mac, port);
	c->changes++;
	return 0;
}

int core_forget_address(struct core *c, uint16_t vlan, const struct mac *mac)
{
	if (!fdb_forget(&c->fdb, vlan, mac))
		return -ENOENT;
	c->changes++;
	return 0;
}

/* --- rules --- */

struct rules *core_rules(struct core *c, uint32_t port)
{
	struct core_port *p = &c->port[port];

	if (!p->rules)
		p->rules = xzalloc(sizeof(*p->rules));
	return p->rules;
}

void core_rules_changed(struct core *c, uint32_t port)
{
	struct core_port *p = &c->port[port];

	c->changes++;
	if (!p->rules || !rules_are_empty(p->rules))
		return;
	free(p->rules);
	p->rules = NULL;
}

bool core_apart(const struct core *c, uint32_t a, uint32_t b)
{
	return bit_get(c->isolated, a) && bit_get(c->isolated, b);
}

bool core_plain(const struct core *c, uint32_t a, uint32_t b)
{
	const struct core_port *pa = &c->port[a], *pb = &c->port[b];

	return !c->hub && pa->up && pb->up && !core_apart(c, a, b) &&
	       pa->untagged == pb->untagged && pa->untagged != VLAN_NONE &&
	       !pa->mtu && !pb->mtu &&
	       rules_are_plain(pa->rules) && rules_are_plain(pb->rules);
}

/* --- out --- */

static bool is_broadcast(const uint8_t *p)
{
	return memcmp(p, &MAC_BROADCAST, 6) == 0;
}

void core_out(struct core *c, uint32_t port, const struct frame *f)
{
	struct core_port *p = &c->port[port];

	p->tx_frames++;
	p->tx_bytes += frame_size(f);
	if (f->p[0] & 1)
		(*(is_broadcast(f->p) ? &p->tx_broadcast : &p->tx_multicast))++;
	c->out(c->ctx, port, f);
}

/* A tag is no part of what the MTU counts (IEEE 802.3 3.2.7). */
bool core_fits(const struct core_port *p, const struct frame *f)
{
	return !p->mtu || f->len <= p->mtu + FRAME_MIN + (vlan_has_tag(f->p) ? VLAN_LEN : 0);
}

static enum core_drop try_send(struct pass *s, struct core_port *p, uint32_t port, bool tagged)
{
	const struct frame *f = tagged || s->tagged ? tag_frame(s, tagged) : &s->f;
	enum core_drop why = CORE_TAKEN;

	if (!f)
		return CORE_TAG_OUT;
	if (!core_fits(p, f))
		return CORE_MTU_OUT;
	if (p->rules)
		why = rules_out(s, p->rules, port, f);
	if (!why)
		core_out(s->core, port, f);
	return why;
}

static void send_to(struct pass *s, uint32_t port, bool tagged)
{
	struct core_port *p = &s->core->port[port];
	enum core_drop why = try_send(s, p, port, tagged);

	if (why)
		p->drops[why]++;
}

static void flood_word(struct pass *s, uint32_t i, uint64_t ports, uint64_t tagged)
{
	for (; ports; ports &= ports - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(ports), port = i * 64 + bit;

		if (port != s->from)
			send_to(s, port, tagged >> bit & 1);
	}
}

/* Of these 64 ports those that may have what comes in where the frame did. */
static uint64_t reachable(const struct pass *s, uint32_t i)
{
	const struct core *c = s->core;

	return bit_get(c->isolated, s->from) ? c->up[i] & ~c->isolated[i] : c->up[i];
}

/* To all ports of the VLAN, or those of them that want a group's frames. */
static void flood(struct pass *s, const uint64_t *only)
{
	const struct core *c = s->core;
	const struct vlan_ports *v = c->vlan[s->vlan];

	for (uint32_t i = 0; i < c->words; i++)
		flood_word(s, i, reachable(s, i) & v->member[i] & (only ? only[i] : UINT64_MAX),
			    v->tagged[i]);
}

/* As it came, whatever its tag. */
static void repeat(struct pass *s)
{
	for (uint32_t i = 0; i < s->core->words; i++)
		flood_word(s, i, reachable(s, i), 0);
}

static void to_group(struct pass *s)
{
	struct core *c = s->core;

	flood(s, c->snoop && !is_broadcast(s->f.p) ? c->snoop(c->snoop_ctx, s) : NULL);
}

/* The next frame with these addresses goes the same way, unless something changes. */
static void remember(const struct pass *s, uint32_t to)
{
	const struct core *c = s->core;
	struct core_port *p = &c->port[s->from];
	struct core_last *l;

	if (s->tagged || p->rules || c->port[to].rules || !core_plain(c, s->from, to))
		return;
	l = &p->last[s->f.p[5] % CORE_LASTS];
	*l = (struct core_last){ .to = to, .changes = c->changes, .at = s->now };
	memcpy(l->addr, s->f.p, sizeof(l->addr));
}

static enum core_drop unknown(struct pass *s)
{
	struct rules *r = s->core->port[s->from].rules;
	enum core_drop why = r ? rules_unknown(s, r) : CORE_TAKEN;

	if (!why)
		flood(s, NULL);
	return why;
}

static enum core_drop to_station(struct pass *s, const struct mac *dst)
{
	struct core *c = s->core;
	uint32_t to = fdb_find(&c->fdb, s->vlan, dst, s->now);

	if (to == s->from)
		return CORE_LOCAL;
	if (to == FDB_NO_PORT)
		return unknown(s);
	if (core_apart(c, s->from, to))
		return CORE_ISOLATED;
	if (!bit_get(c->up, to))
		return CORE_DOWN;
	c->whom = CORE_ONE;
	send_to(s, to, c->port[to].untagged != s->vlan);
	c->whom = CORE_MANY;
	remember(s, to);
	return CORE_TAKEN;
}

void core_send(struct core *c, uint32_t port, uint16_t vlan, const struct frame *f, usec now)
{
	struct pass s = { .core = c, .from = NO_PORT, .vlan = vlan, .now = now };
	struct pkt *pkt = tag_copy(c->arena, f);

	if (pkt && c->port[port].up && vlan_has(c, vlan, port)) {
		s.f = (struct frame){ .p = pkt->head + pkt->cur, .len = f->len, .pkt = pkt };
		send_to(&s, port, vlan_is_tagged(c, vlan, port));
	}
	tag_done(&s);
	pkt_free(pkt);
}

/* --- in --- */

static enum core_drop forward(struct pass *s, const struct core_port *p)
{
	struct core *c = s->core;
	enum core_drop why = CORE_TAKEN;
	enum fdb_news news;
	struct mac dst, src;

	if (p->rules)
		why = rules_first(c, p->rules, &s->f);
	if (!why && !c->hub)
		why = vlan_classify(s, p);
	if (!why && p->rules)
		why = rules_in(s, p->rules);
	if (why)
		return why;
	if (c->hub) {
		repeat(s);
		return CORE_TAKEN;
	}
	memcpy(&dst, s->f.p, sizeof(dst));
	memcpy(&src, s->f.p + 6, sizeof(src));
	news = fdb_learn(&c->fdb, s->vlan, &src, s->from, s->now);
	if (news == FDB_FULL)
		return CORE_MACS;
	if (news == FDB_MOVED || news == FDB_NEW)	/* new: forgotten elsewhere, or never here */
		c->changes++;
	if (c->suppress && c->suppress(c->suppress_ctx, s))
		return CORE_ANSWERED;
	if (!mac_is_group(&dst))
		return to_station(s, &dst);
	to_group(s);
	return CORE_TAKEN;
}

static enum core_drop check(struct core_port *p, const struct frame *f)
{
	if (!p->up)
		return CORE_NO_PORT;
	if (f->len < FRAME_MIN)
		return CORE_SHORT;
	if (f->len > FRAME_MAX)
		return CORE_LONG;
	if (f->p[6] & 1)
		return CORE_BAD_SOURCE;
	if (f->p[0] & 1)
		(*(is_broadcast(f->p) ? &p->rx_broadcast : &p->rx_multicast))++;
	return CORE_TAKEN;
}

/* The way of a frame with these addresses, of the same batch, whose source is learned
 * already; NULL: find it. */
static const struct core_last *find_last(const struct core *c, const struct core_port *p,
					 const struct frame *f, usec now)
{
	const struct core_last *l;

	if (f->len < FRAME_MIN || f->len > FRAME_MAX)
		return NULL;
	l = &p->last[f->p[5] % CORE_LASTS];
	if (l->at != now || l->changes != c->changes || c->hub || c->suppress ||
	    memcmp(f->p, l->addr, sizeof(l->addr)) != 0 || vlan_has_tag(f->p))
		return NULL;
	return l;
}

enum core_drop core_input(struct core *c, uint32_t port, const struct frame *f, usec now)
{
	struct core_port *p = &c->port[port];
	const struct core_last *last;
	enum core_drop why;
	struct pass s;

	p->rx_frames++;
	p->rx_bytes += frame_size(f);
	last = find_last(c, p, f, now);
	if (last) {
		p->drops[CORE_TAKEN]++;
		c->whom = CORE_ONE;
		core_out(c, last->to, f);
		c->whom = CORE_MANY;
		return CORE_TAKEN;
	}
	why = check(p, f);
	s.core = c;
	s.from = port;
	s.vlan = VLAN_DEFAULT;
	s.tagged = false;
	s.f = *f;
	s.now = now;
	s.changed[0] = s.changed[1] = NULL;
	if (!why)
		why = forward(&s, p);
	if (s.changed[0] || s.changed[1])
		tag_done(&s);
	p->drops[why]++;
	return why;
}
