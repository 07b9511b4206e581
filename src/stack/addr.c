/* addr.c - the addresses of interfaces and their tests (RFC 4862, RFC 4429)
 *
 * An IPv6 address is TENTATIVE until nobody has answered dad_transmits
 * solicitations for it, or OPTIMISTIC when it may already be used with care:
 * no link-layer option in what we send from it, no override in what we
 * advertise (RFC 4429 3.2, 3.3). An IPv4 address is used at once and announced
 * (RFC 5227 2.3), or TENTATIVE while arp_probes ask for it; it is defended by
 * arp.c. Each address brings the route to its prefix.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"
#include "stack/route.h"
#include "stack/slaac.h"

static struct route connected_route(const struct netif_addr *a)
{
	const struct ip_addr *to = ip_is_any(&a->peer) ? &a->addr : &a->peer;

	return (struct route){
		.dst = ip_mask(to, a->len), .len = a->len,
		.nif = a->nif,
		.metric = ip_is_v4(&a->addr) ? 0 : 256,	/* as Linux's */
		.protocol = PROTO_KERNEL, .scope = SCOPE_ON_LINK,
	};
}

static void addr_told(struct netif_addr *a)
{
	route_changed(a->nif->st);
	stack_tell(a->nif->st, CHANGE_ADDR, false, a);
}

/* A host of IPv4 is on no link by its address alone, as with Linux. */
static bool brings_route(const struct netif_addr *a)
{
	return !a->slaac && !(a->flags & ADDR_NOPREFIXROUTE) &&
	       !(ip_is_v4(&a->addr) && a->len == 32 && ip_is_any(&a->peer));
}

static void prefix_join(const struct netif_addr *a)
{
	struct route r = connected_route(a);

	if (brings_route(a))
		route_join(a->nif->st, &r, BY_ADDR);
}

static void addr_goto(struct netif_addr *a, int state)
{
	a->state = state;
	addr_told(a);
}

static void addr_settled(struct netif_addr *a)
{
	addr_goto(a, ADDR_OK);
	nd_announce(a);
}

static usec spread(struct stack *st, usec span)
{
	return rng_below(&st->rng, (uint32_t)span);
}

/* RFC 5227 2.1.1, 2.3: probes one to two seconds apart, then two announcements. */
static void acd_fire(struct netif_addr *a)
{
	struct stack *st = a->nif->st;
	usec wait = 2 * USEC_PER_SEC;

	if (a->state == ADDR_OK) {
		arp_announce(a);
		return;
	}
	if (!a->dad_left) {
		addr_settled(a);
		arp_announce(a);
	} else {
		arp_probe(a);
		if (--a->dad_left)
			wait = USEC_PER_SEC + spread(st, USEC_PER_SEC);
	}
	stimer_set(st, &a->dad, st->now + wait);
}

/* RFC 4862 5.4: one solicitation, then wait for the answer of an owner. */
static void dad_fire(struct stack *st, struct stimer *tm)
{
	struct netif_addr *a = container_of(tm, struct netif_addr, dad);

	if (ip_is_v4(&a->addr)) {
		acd_fire(a);
		return;
	}
	if (!a->dad_left) {
		addr_settled(a);
		return;
	}
	a->dad_left--;
	stimer_set(st, &a->dad, st->now + netif_retrans(a->nif));
	nd_dad_probe(a);
}

/* The next of: a successor is due, out of use, gone. */
static void life_arm(struct netif_addr *a)
{
	struct stack *st = a->nif->st;
	usec at = a->valid_until;

	if (a->preferred_until > st->now)
		at = MIN(at, a->preferred_until);
	if (a->regen_at > st->now)
		at = MIN(at, a->regen_at);
	stimer_set(st, &a->life, at);
}

static void life_fire(struct stack *st, struct stimer *tm)
{
	struct netif_addr *a = container_of(tm, struct netif_addr, life);

	if (a->valid_until <= st->now) {
		addr_remove(a);
		return;
	}
	if (a->regen_at && a->regen_at <= st->now) {
		a->regen_at = 0;
		slaac_regenerate(a);
	}
	life_arm(a);
	addr_told(a);
}

void addr_life_set(struct netif_addr *a, usec valid, usec preferred)
{
	a->valid_until = valid;
	a->preferred_until = MIN(preferred, valid);
	a->updated = a->nif->st->now;
	life_arm(a);
	addr_told(a);
}

/* Not to be guessed, another at each test. */
static void nonce_new(struct netif_addr *a)
{
	struct { struct ip_addr addr; usec now; } k = { a->addr, a->nif->st->now };
	uint64_t h = hash64(&a->nif->st->secret, &k, sizeof(k));

	memcpy(a->nonce, &h, sizeof(a->nonce));
}

static void acd_begin(struct netif_addr *a)
{
	struct stack *st = a->nif->st;

	a->dad_left = (uint8_t)st->param.arp_probes;
	addr_goto(a, ADDR_TENTATIVE);
	stimer_set(st, &a->dad, st->now + spread(st, USEC_PER_SEC));	/* PROBE_WAIT */
}

void addr_up(struct netif_addr *a)
{
	struct stack *st = a->nif->st;
	bool v4 = ip_is_v4(&a->addr);
	bool test = !(a->nif->flags & NETIF_NOARP) && !(a->flags & ADDR_NODAD);

	if (a->state == ADDR_DUPLICATE)
		return;
	prefix_join(a);		/* lost when the interface went down */
	if (v4 && test && st->param.arp_probes) {
		acd_begin(a);
		return;
	}
	if (v4 && st->param.arp_notify)
		arp_announce(a);
	if (v4 || !test || !st->param.dad_transmits) {
		addr_settled(a);
		return;
	}
	addr_goto(a, st->param.optimistic_dad ? ADDR_OPTIMISTIC : ADDR_TENTATIVE);
	a->dad_left = (uint8_t)st->param.dad_transmits;
	nonce_new(a);
	dad_fire(st, &a->dad);
}

void addr_conflict(struct netif_addr *a)
{
	struct stack *st = a->nif->st;

	stimer_set(st, &a->dad, NEVER);
	addr_goto(a, ADDR_DUPLICATE);
	slaac_conflict(a);
}

static bool addr_valid(const struct netif *nif, const struct ip_addr *a, unsigned len)
{
	bool v4 = ip_is_v4(a);

	if (ip_is_any(a) || ip_is_multicast(a) || len > (v4 ? 32 : 128) ||
	    (!v4 && !netif_has_ip6(nif)))
		return false;
	if (v4 && (ip_v4(a)[0] == 0 || ip_v4(a)[0] >= 240))
		return false;
	return !ip_is_loopback(a) || netif_is_lo(nif);
}

/* The route to the prefix goes with the last address in it. */
static void prefix_leave(const struct netif_addr *gone)
{
	struct route r = connected_route(gone);

	if (!brings_route(gone))
		return;
	list_for(l, &gone->nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (a != gone && brings_route(a) && a->len == gone->len &&
		    ip_in_prefix(&a->addr, &r.dst, r.len))
			return;
	}
	route_leave(gone->nif->st, &r, BY_ADDR);
}

/* A /31 or /32 has none (RFC 3021 2.1), nor has IPv6. */
static struct ip_addr broadcast_of(const struct ip_addr *addr, unsigned len)
{
	return ip_is_v4(addr) && len < 31 ? ip4_subnet_broadcast(addr, len) : IP_NONE;
}

static struct netif_addr *addr_new(struct netif *nif, const struct netif_addr *want)
{
	struct netif_addr *a = xzalloc(sizeof(*a));

	a->nif = nif;
	a->addr = want->addr;
	a->peer = want->peer;
	a->len = want->len;
	a->flags = want->flags;
	a->protocol = want->protocol;
	a->scope = want->scope;
	a->quiet_brd = want->quiet_brd;
	memcpy(a->label, want->label, sizeof(a->label));
	a->created = a->updated = nif->st->now;
	a->slaac = want->slaac;
	a->broadcast = want->broadcast;
	if (ip_is_any(&a->broadcast))
		a->broadcast = broadcast_of(&a->addr, a->len);
	a->state = ADDR_TENTATIVE;
	stimer_init(&a->dad, dad_fire);
	stimer_init(&a->life, life_fire);
	a->counter = want->counter;
	a->router = want->router;
	a->valid_until = want->valid_until;
	a->preferred_until = MIN(want->preferred_until, want->valid_until);
	a->valid_most = want->valid_most;
	a->preferred_most = want->preferred_most;
	a->regen_at = want->flags & ADDR_TEMPORARY ? want->regen_at : 0;
	life_arm(a);
	return a;
}

int netif_addr_check(const struct netif *nif, const struct netif_addr *want,
		     const struct netif_addr *gone)
{
	const struct netif_addr *twin = netif_addr_find(nif, &want->addr);

	if (!addr_valid(nif, &want->addr, want->len))
		return -EINVAL;
	return twin && twin != gone ? -EEXIST : 0;
}

int addr_add(struct netif *nif, const struct netif_addr *want)
{
	int e = netif_addr_check(nif, want, NULL);
	struct netif_addr *a;
	struct ip_addr group;

	if (e)
		return e;
	a = addr_new(nif, want);
	list_add_tail(&nif->addrs, &a->link);
	prefix_join(a);
	if (!ip_is_v4(&a->addr)) {
		group = ip6_solicited_node(&a->addr);	/* RFC 4861 7.2.1 */
		netif_join(nif, &group);
	}
	if (netif_is_up(nif))
		addr_up(a);
	route_changed(nif->st);
	return 0;
}

int netif_addr_add(struct netif *nif, const struct ip_addr *addr, unsigned len)
{
	struct netif_addr want = {
		.addr = *addr, .len = (uint8_t)MIN(len, 255u), .valid_until = NEVER,
		.preferred_until = NEVER,
	};

	return addr_add(nif, &want);
}

int netif_addr_put(struct netif *nif, const struct netif_addr *want, bool replace)
{
	struct netif_addr *a = netif_addr_find(nif, &want->addr);

	if (!a || !replace || a->len != want->len)
		return addr_add(nif, want);
	prefix_leave(a);
	a->flags = want->flags;
	a->protocol = want->protocol;
	prefix_join(a);
	addr_life_set(a, want->valid_until, want->preferred_until);
	return 0;
}

void addr_remove(struct netif_addr *a)
{
	struct stack *st = a->nif->st;
	struct ip_addr group;

	prefix_leave(a);
	stack_tell(st, CHANGE_ADDR, true, a);
	stimer_set(st, &a->dad, NEVER);
	stimer_set(st, &a->life, NEVER);
	list_del(&a->link);
	if (!ip_is_v4(&a->addr)) {
		group = ip6_solicited_node(&a->addr);
		netif_leave(a->nif, &group);
	}
	route_changed(st);
	free(a);
}

void addr_down(struct netif_addr *a)
{
	stimer_set(a->nif->st, &a->dad, NEVER);
	if (ip_is_v4(&a->addr))
		a->state = ADDR_TENTATIVE;
	else
		addr_remove(a);
}

int netif_addr_del(struct netif *nif, const struct ip_addr *addr, unsigned len)
{
	struct netif_addr *a = netif_addr_find(nif, addr);

	if (!a || a->len != len)
		return -EADDRNOTAVAIL;
	addr_remove(a);
	return 0;
}

struct netif_addr *netif_addr_find(const struct netif *nif, const struct ip_addr *addr)
{
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (ip_eq(&a->addr, addr))
			return a;
	}
	return NULL;
}

struct netif_addr *netif_linklocal(const struct netif *nif)
{
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (addr_usable(a) && !ip_is_v4(&a->addr) && ip_is_linklocal(&a->addr))
			return a;
	}
	return NULL;
}

struct netif_addr *netif_subnet(const struct netif *nif, const struct ip_addr *addr)
{
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (addr_usable(a) && ip_in_prefix(addr, &a->addr, a->len))
			return a;
	}
	return NULL;
}

static bool is_broadcast_of(const struct netif *nif, const struct ip_addr *addr)
{
	if (ip_eq(addr, &IP4_BROADCAST))
		return true;
	list_for(l, &nif->addrs) {
		if (ip_eq(addr, &container_of(l, struct netif_addr, link)->broadcast))
			return true;
	}
	return false;
}

/* All of 127/8 is ours (RFC 1122 3.2.1.3 (g)). */
static struct netif_addr *find_ours(struct stack *st, const struct ip_addr *addr)
{
	if (ip_is_v4(addr) && ip_is_loopback(addr))
		return netif_subnet(st->lo, addr);
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);
		struct netif_addr *a = netif_addr_find(nif, addr);

		if (a && addr_usable(a))
			return a;
	}
	return NULL;
}

static bool is_broadcast(struct stack *st, const struct ip_addr *addr)
{
	if (!ip_is_v4(addr))
		return false;
	list_for(l, &st->netifs) {
		if (is_broadcast_of(container_of(l, struct netif, link), addr))
			return true;
	}
	return false;
}

static bool is_special(const struct ip_addr *a)
{
	if (ip_is_any(a) || ip_is_multicast(a) || ip_is_loopback(a))
		return true;
	return ip_is_v4(a) ? !ip_v4(a)[0] || ip_v4(a)[0] >= 240 : ip_is_linklocal(a);
}

/* Each packet asks of its two ends, and few ends talk at a time. Whoever changes what
 * is found says route_changed before anything is freed. */
static __attribute__((noinline)) void memo_fill(struct stack *st, struct addr_memo *m,
						const struct ip_addr *addr)
{
	*m = (struct addr_memo){
		.addr = *addr, .found = find_ours(st, addr),
		.broadcast = is_broadcast(st, addr), .gen = st->route_gen,
	};
	if (m->broadcast || is_special(addr))
		m->kind = ADDR_SPECIAL;
	else
		m->kind = m->found ? ADDR_OURS : ADDR_OTHERS;
}

static const struct addr_memo *memo_of(struct stack *st, const struct ip_addr *addr)
{
	struct addr_memo *m = &st->addr_memo[addr->b[15] % ARRAY_LEN(st->addr_memo)];

	if (m->gen != st->route_gen || !ip_eq(&m->addr, addr))
		memo_fill(st, m, addr);
	return m;
}

struct netif_addr *stack_addr(struct stack *st, const struct ip_addr *addr)
{
	return memo_of(st, addr)->found;
}

enum addr_kind stack_addr_kind(struct stack *st, const struct ip_addr *addr)
{
	return memo_of(st, addr)->kind;
}

bool netif_is_broadcast(const struct netif *nif, const struct ip_addr *addr)
{
	return memo_of(nif->st, addr)->broadcast && is_broadcast_of(nif, addr);
}
