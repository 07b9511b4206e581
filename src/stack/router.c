/* router.c - what routers tell a host (RFC 4861 6.3, 8.3; RFC 4191)
 *
 * Default routers, on-link prefixes, more specific routes and redirects are
 * routes with a lifetime, kept in a list of the interface; what a prefix gives
 * besides is slaac.c's. All of it is bounded: who shouts more than MAX_LEARNED
 * things is not heard. A router that does not answer stands back behind those
 * that do (route_avoid), until it is heard again.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/ip.h"
#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"
#include "stack/rdnss.h"
#include "stack/route.h"
#include "stack/slaac.h"

#define MAX_LEARNED	64			/* routes of one interface */
#define METRIC		1024			/* of a router's route, as Linux's */
#define REDIRECT_LIFE	600			/* s */

struct learned {
	struct list	link;
	struct route	r;
	struct stimer	expiry;
};

static struct learned *of(struct list *l)
{
	return container_of(l, struct learned, link);
}

static void forget(struct learned *l)
{
	struct stack *st = l->r.nif->st;

	route_leave(st, &l->r, BY_ROUTER);
	stimer_set(st, &l->expiry, NEVER);
	list_del(&l->link);
	free(l);
}

static void learned_fire(struct stack *st, struct stimer *tm)
{
	forget(container_of(tm, struct learned, expiry));
}

static struct learned *learned_find(const struct route *r)
{
	list_for(i, &r->nif->learned) {
		struct learned *l = of(i);

		if (l->r.len == r->len && ip_eq(&l->r.dst, &r->dst) && ip_eq(&l->r.gw, &r->gw))
			return l;
	}
	return NULL;
}

/* The oldest redirect makes room: the least one can lose. */
static bool make_room(struct netif *nif)
{
	struct learned *oldest = NULL;
	unsigned n = 0;

	list_for(i, &nif->learned) {
		if (!oldest && of(i)->r.protocol == PROTO_REDIRECT)
			oldest = of(i);
		n++;
	}
	if (n < MAX_LEARNED)
		return true;
	if (oldest)
		forget(oldest);
	return oldest;
}

static struct learned *learned_new(const struct route *r)
{
	struct learned *l;

	if (!make_room(r->nif))
		return NULL;
	l = xzalloc(sizeof(*l));
	l->r = *r;
	stimer_init(&l->expiry, learned_fire);
	list_add_tail(&r->nif->learned, &l->link);
	return l;
}

/* Lifetime 0 takes it back. */
static void learn(struct route r, uint32_t seconds)
{
	struct stack *st = r.nif->st;
	struct learned *l = learned_find(&r);

	if (l && (!seconds || l->r.pref != r.pref)) {
		forget(l);
		l = NULL;
	}
	if (!seconds)
		return;
	r.expires = life_until(st, seconds);
	if (!l)
		l = learned_new(&r);
	if (!l)
		return;
	if (route_join(st, &r, BY_ROUTER) < 0) {	/* taken away by hand: comes again */
		forget(l);
		return;
	}
	stimer_set(st, &l->expiry, r.expires);
	route_expires(st, &r, r.expires == NEVER ? 0 : r.expires);
	route_avoid(st, &r, false);		/* who speaks is there */
}

static struct route default_by(struct netif *nif, const struct ip_addr *gw)
{
	return (struct route){ .dst = IP6_ANY, .gw = *gw, .nif = nif, .metric = METRIC,
			       .protocol = PROTO_RA };
}

static void learn_router(struct netif *nif, const struct ip_addr *gw, uint32_t seconds,
			 uint8_t pref)
{
	struct route r = default_by(nif, gw);
	struct neigh *n = neigh_find(nif, gw);

	r.pref = nif->st->param.accept_ra_rtr_pref ? pref : PREF_MEDIUM;
	learn(r, seconds);
	if (n)
		n->router = seconds > 0;
}

/* Others come first while it is silent (RFC 4861 6.3.6); alone it stays. A
 * redirect to it is forgotten: whoever gave it will know better (7.3.3). */
void router_silent(struct netif *nif, const struct ip_addr *addr)
{
	list_for_safe(i, &nif->learned) {
		struct learned *l = of(i);
		bool to_it = ip_eq(&l->r.gw, addr) || (ip_is_any(&l->r.gw) && ip_eq(&l->r.dst, addr));

		if (!to_it)
			continue;
		if (l->r.protocol == PROTO_REDIRECT)
			forget(l);
		else
			route_avoid(nif->st, &l->r, true);
	}
}

void router_speaks(struct netif *nif, const struct ip_addr *addr)
{
	list_for(i, &nif->learned) {
		if (ip_eq(&of(i)->r.gw, addr))
			route_avoid(nif->st, &of(i)->r, false);
	}
}

static void prefix_heard(struct netif *nif, const struct ip_addr *router,
			 const struct nd_prefix *p)
{
	struct route r = {
		.dst = ip_mask(&p->prefix, p->len), .len = p->len, .nif = nif, .metric = 256,
		.protocol = PROTO_KERNEL, .scope = SCOPE_ON_LINK,
	};

	if (ip_is_linklocal(&p->prefix) || ip_is_multicast(&p->prefix) || !p->len)
		return;
	if (p->on_link)
		learn(r, p->valid);
	if (p->autonomous)
		slaac_prefix(nif, router, p);
}

/* RFC 4191 3.1, a host of type C; a route of length 0 is the default route. */
static void route_heard(struct netif *nif, const struct ip_addr *gw, const struct nd_route *n)
{
	struct route r = default_by(nif, gw);

	if (n->len > nif->st->param.accept_ra_rt_info_max_plen ||
	    ip_is_linklocal(&n->prefix) || ip_is_multicast(&n->prefix))
		return;
	r.dst = n->prefix;
	r.len = n->len;
	r.pref = n->pref;
	learn(r, n->life);
}

/* RFC 4861 6.3.4: what is not said stays as it was. */
static void link_heard(struct netif *nif, const struct nd_ra *ra)
{
	const struct param *p = &nif->st->param;

	if (ra->hops >= p->accept_ra_min_hop_limit && ra->hops)
		nif->hops = ra->hops;
	if (ra->reachable && ra->reachable <= 3600000)
		nif->reachable_ms = ra->reachable;
	if (ra->retrans && ra->retrans <= 3600000)
		nif->retrans_ms = MAX(ra->retrans, 10u);
	if (p->accept_ra_mtu && ra->o.has_mtu && ra->o.mtu >= IP6_MIN_MTU &&
	    ra->o.mtu <= nif->mtu && ra->o.mtu != nif->mtu6) {
		nif->mtu6 = ra->o.mtu;
		netif_changed(nif);
	}
}

/* RFC 4861 4.2: M makes O needless. */
static void dhcp_heard(struct netif *nif, const struct nd_ra *ra)
{
	uint8_t flags = RA_HEARD | (ra->managed ? RA_MANAGED : ra->other ? RA_OTHER : 0);

	if (flags == nif->ra_flags)
		return;
	nif->ra_flags = flags;
	netif_changed(nif);
}

void router_heard(struct netif *nif, const struct ip_addr *src, const struct nd_ra *ra)
{
	const struct param *p = &nif->st->param;

	if (ra->lifetime)
		solicit_end(nif);
	dhcp_heard(nif, ra);
	link_heard(nif, ra);
	if (p->accept_ra_defrtr)
		learn_router(nif, src, ra->lifetime, ra->pref);
	for (unsigned i = 0; i < ra->o.n_prefix && p->accept_ra_pinfo; i++)
		prefix_heard(nif, src, &ra->o.prefix[i]);
	for (unsigned i = 0; i < ra->o.n_route; i++)
		route_heard(nif, src, &ra->o.route[i]);
	rdnss_heard(nif, &ra->o);
}

/* No router any more: none of its routes (RFC 4861 7.2.5). */
void router_gone(struct netif *nif, const struct ip_addr *addr)
{
	list_for_safe(i, &nif->learned) {
		if (ip_eq(&of(i)->r.gw, addr))
			forget(of(i));
	}
}

/* Only from whom we would send it to (RFC 4861 8.1, RFC 1122 3.2.2.2). */
bool router_redirect(struct netif *nif, const struct ip_addr *from, const struct ip_addr *dst,
		     const struct ip_addr *target)
{
	const struct route *now = route_find(nif->st, dst, nif->index);
	struct route r = { .dst = *dst, .len = ip_is_v4(dst) ? 32 : 128, .nif = nif,
			   .protocol = PROTO_REDIRECT };
	struct learned *l;

	if (!now || !ip_eq(&now->gw, from) || stack_addr(nif->st, dst) ||
	    stack_addr(nif->st, target))
		return false;
	if (now->protocol == PROTO_REDIRECT) {	/* one a destination */
		r.gw = now->gw;
		l = learned_find(&r);
		if (l)
			forget(l);
	}
	r.gw = ip_eq(dst, target) ? IP_NONE : *target;
	learn(r, REDIRECT_LIFE);
	return true;
}

void nd_netif_down(struct netif *nif)
{
	solicit_end(nif);
	list_for_safe(l, &nif->learned)
		forget(of(l));
	rdnss_flush(nif);
	nif->mtu6 = nif->reachable_ms = nif->retrans_ms = 0;
	nif->hops = nif->ra_flags = 0;
}
