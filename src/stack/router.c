/* router.c - what routers tell a host (RFC 4861 6.3, 8.3; RFC 4862 5.5)
 *
 * Default routers, on-link prefixes and redirects are routes with a lifetime,
 * kept in a list of the interface; a router's prefix may also give an address,
 * whose lower half is a keyed hash (RFC 7217). All of it is bounded: who shouts
 * more than MAX_LEARNED things is not heard.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/ip.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"

#define MAX_LEARNED	64			/* routes of one interface */
#define MAX_SLAAC	16			/* addresses, as Linux's max_addresses */
#define RS_TRIES	3			/* RFC 4861 10 */
#define RS_INTERVAL	(4 * USEC_PER_SEC)
#define METRIC		1024			/* of a default router, as Linux's */
#define METRIC_SILENT	2048
#define REDIRECT_LIFE	600			/* s */
#define TWO_HOURS	(7200 * USEC_PER_SEC)	/* RFC 4862 5.5.3 e */
#define FOREVER		UINT32_MAX

struct learned {
	struct list	link;
	struct route	r;
	struct stimer	expiry;
};

static usec until(const struct stack *st, uint32_t seconds)
{
	return seconds == FOREVER ? NEVER : st->now + seconds * USEC_PER_SEC;
}

static void forget(struct learned *l)
{
	struct stack *st = l->r.nif->st;

	route_del(st, &l->r);
	stimer_set(st, &l->expiry, NEVER);
	list_del(&l->link);
	free(l);
}

static void learned_fire(struct stack *st, struct stimer *tm)
{
	forget(container_of(tm, struct learned, expiry));
}

static struct learned *learned_find(const struct route *r, unsigned *n)
{
	*n = 0;
	list_for(i, &r->nif->learned) {
		struct learned *l = container_of(i, struct learned, link);

		if (l->r.len == r->len && ip_eq(&l->r.dst, &r->dst) && ip_eq(&l->r.gw, &r->gw))
			return l;
		++*n;
	}
	return NULL;
}

/* Lifetime 0 takes it back. */
static void learn(const struct route *r, uint32_t seconds)
{
	struct stack *st = r->nif->st;
	unsigned n;
	struct learned *l = learned_find(r, &n);

	if (l && !seconds) {
		forget(l);
		return;
	}
	if (!seconds || (!l && n >= MAX_LEARNED))
		return;
	if (!l) {
		if (route_add(st, r) < 0)	/* configured by hand: stays */
			return;
		l = xzalloc(sizeof(*l));
		l->r = *r;
		stimer_init(&l->expiry, learned_fire);
		list_add_tail(&r->nif->learned, &l->link);
	}
	stimer_set(st, &l->expiry, until(st, seconds));
}

static struct route default_by(struct netif *nif, const struct ip_addr *gw)
{
	return (struct route){ .dst = IP6_ANY, .gw = *gw, .nif = nif, .metric = METRIC };
}

static void rate(struct learned *l, uint32_t metric)
{
	struct stack *st = l->r.nif->st;

	if (l->r.metric == metric)
		return;
	route_del(st, &l->r);
	l->r.metric = metric;
	route_add(st, &l->r);
}

static void learn_router(struct netif *nif, const struct ip_addr *gw, uint32_t seconds)
{
	struct route r = default_by(nif, gw);
	struct neigh *n = neigh_find(nif, gw);
	struct learned *l;
	unsigned others;

	learn(&r, seconds);
	l = learned_find(&r, &others);
	if (l)
		rate(l, METRIC);
	if (n)
		n->router = seconds > 0;
}

/* Others come first while it is silent (RFC 4861 6.3.6); alone it stays. */
void router_silent(struct netif *nif, const struct ip_addr *addr)
{
	struct route r = default_by(nif, addr);
	unsigned others;
	struct learned *l = learned_find(&r, &others);

	if (l)
		rate(l, METRIC_SILENT);
}

/* The prefix's bits and 64 of a hash over all that makes the address ours:
 * RFC 7217 5. */
static struct ip_addr slaac_addr(const struct netif *nif, const struct ip_addr *prefix)
{
	struct { struct ip_addr prefix; struct mac mac; uint8_t pad[2]; uint32_t index; } k = {
		*prefix, nif->mac, { 0 }, nif->index
	};
	uint64_t iid = hash64(&nif->st->secret, &k, sizeof(k));
	struct ip_addr a = *prefix;

	memcpy(a.b + 8, &iid, 8);
	return a;
}

static unsigned slaac_count(const struct netif *nif)
{
	unsigned n = 0;

	list_for(l, &nif->addrs)
		n += container_of(l, struct netif_addr, link)->slaac;
	return n;
}

/* RFC 4862 5.5.3 e: an unauthenticated lifetime shortens ours to two hours at
 * least. */
static void slaac_life(struct netif_addr *a, const struct nd_prefix *p)
{
	struct stack *st = a->nif->st;
	usec valid = until(st, p->valid), floor = st->now + TWO_HOURS;

	if (valid < floor && valid < a->valid_until)
		valid = MIN(a->valid_until, floor);
	a->valid_until = valid;
	a->preferred_until = until(st, p->preferred);
	stimer_set(st, &a->life, valid);
	route_changed(st);
}

static void slaac(struct netif *nif, const struct nd_prefix *p)
{
	struct ip_addr prefix = ip_mask(&p->prefix, p->len), addr;
	struct netif_addr *a;

	if (p->len != 64 || p->preferred > p->valid || !nif->st->param.autoconf)
		return;
	addr = slaac_addr(nif, &prefix);
	a = netif_addr_find(nif, &addr);
	if (!a && (!p->valid || slaac_count(nif) >= MAX_SLAAC))
		return;
	if (!a) {
		addr_add(nif, &(struct netif_addr){
			.addr = addr, .len = 64, .slaac = true, .protocol = ADDRPROTO_RA,
			.valid_until = until(nif->st, p->valid), .preferred_until = until(nif->st, p->preferred),
		});
		return;
	}
	if (a && a->slaac)
		slaac_life(a, p);
}

static void prefix_heard(struct netif *nif, const struct nd_prefix *p)
{
	struct route r = {
		.dst = ip_mask(&p->prefix, p->len), .len = p->len,
		.nif = nif, .metric = 256,
	};

	if (ip_is_linklocal(&p->prefix) || ip_is_multicast(&p->prefix) || !p->len)
		return;
	if (p->on_link)
		learn(&r, p->valid);
	if (p->autonomous)
		slaac(nif, p);
}

void router_heard(struct netif *nif, const struct ip_addr *src, const struct nd_ra *ra)
{
	nif->rs_left = 0;
	stimer_set(nif->st, &nif->rs, NEVER);
	if (ra->hops)
		nif->hops = ra->hops;
	if (ra->o.has_mtu && ra->o.mtu >= IP6_MIN_MTU && ra->o.mtu <= nif->mtu) {
		nif->mtu6 = ra->o.mtu;
		route_changed(nif->st);
	}
	learn_router(nif, src, ra->lifetime);
	for (unsigned i = 0; i < ra->o.n_prefix; i++)
		prefix_heard(nif, &ra->o.prefix[i]);
}

void router_gone(struct netif *nif, const struct ip_addr *addr)
{
	learn_router(nif, addr, 0);
}

/* Only from whom we would send it to (RFC 4861 8.1). */
void router_redirect(struct netif *nif, const struct ip_addr *from,
		     const struct ip_addr *dst, const struct ip_addr *target)
{
	const struct route *now = route_find(nif->st, dst, nif->index);
	struct route r = { .dst = *dst, .len = 128, .nif = nif };

	if (!now || !ip_eq(&now->gw, from) || stack_addr(nif->st, dst))
		return;
	if (!ip_eq(dst, target))
		r.gw = *target;
	learn(&r, REDIRECT_LIFE);
}

static void rs_send(struct netif *nif)
{
	static const struct ip_addr all_routers = { { 0xff, 0x02, [15] = 2 } };
	struct ip_addr ll = ip6_linklocal_eui64(nif->mac), src = IP6_ANY;
	struct netif_addr *a = netif_addr_find(nif, &ll);
	struct nd_opts o = { 0 };
	uint8_t buf[16];
	struct wr w = wr_of(buf, sizeof(buf));

	if (a && addr_usable(a))
		src = ll;
	o.has_src = a && a->state == ADDR_OK;	/* RFC 4429 3.2 */
	o.src_ll = nif->mac;
	nd_rs_emit(&w, &o);
	nd_send(nif, &w, &src, &all_routers, NULL);
}

static void rs_fire(struct stack *st, struct stimer *tm)
{
	struct netif *nif = container_of(tm, struct netif, rs);

	if (!nif->rs_left)
		return;
	nif->rs_left--;
	stimer_set(st, &nif->rs, st->now + RS_INTERVAL);
	rs_send(nif);
}

void nd_solicit_routers(struct netif *nif)
{
	if (nif->flags & NETIF_NOARP || nif->mtu < IP6_MIN_MTU || !nif->st->param.accept_ra)
		return;
	nif->rs_left = RS_TRIES;
	rs_fire(nif->st, &nif->rs);
}

void nd_netif_init(struct netif *nif)
{
	stimer_init(&nif->rs, rs_fire);
}

void nd_netif_down(struct netif *nif)
{
	stimer_set(nif->st, &nif->rs, NEVER);
	list_for_safe(l, &nif->learned)
		forget(container_of(l, struct learned, link));
}

void nd_netif_fini(struct netif *nif)
{
	nd_netif_down(nif);
}
