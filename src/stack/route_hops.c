/* route_hops.c - routes with several next hops (RFC 2991, RFC 2992)
 *
 * Each hop is a route of its own in the table, so that all that is done with one holds
 * for them; those of one group are one route to users, by which of them a flow goes a
 * hash of its ends decides: it does not change while the hops do not, and each hop gets
 * its weight of all flows. A hop that does not answer, or whose interface is down, gets
 * none while there are others. The hash is Linux's by what it looks at
 * (fib_multipath_hash_policy), not by its values, which nobody shall guess.
 */
#include <errno.h>

#include "stack/netif.h"
#include "stack/route.h"

/* What flows are told apart by: 1, also by protocol and ports. */
static uint64_t flow_hash(struct stack *st, const struct route_key *k)
{
	struct { struct ip_addr src, dst; uint32_t proto; uint16_t sport, dport; } h = {
		.src = k->src, .dst = k->dst,
	};

	if (st->param.fib_multipath_hash_policy == 1) {
		h.proto = k->proto;
		h.sport = k->sport;
		h.dport = k->dport;
	}
	return hash64(&st->secret, &h, sizeof(h));
}

static bool same_place(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->len == b->len && a->metric == b->metric &&
	       ip_eq(&a->dst, &b->dst);
}

/* The next of the run in which r and all its group are; group 0: any. */
static const struct route *next_of(const struct stack *st, const struct route *r)
{
	const struct route *n = route_next(st, r);

	while (n && same_place(n, r) && n->group != r->group)
		n = route_next(st, n);
	return n && same_place(n, r) ? n : NULL;
}

const struct route *route_first_hop(const struct stack *st, const struct route *r)
{
	for (const struct route *o = r->group ? route_next(st, NULL) : NULL; o; o = route_next(st, o)) {
		if (same_place(o, r) && o->group == r->group)
			return o;
	}
	return r;
}

const struct route *route_next_hop(const struct stack *st, const struct route *r)
{
	return r->group ? next_of(st, r) : NULL;
}

static unsigned weight(const struct route *r, const struct route_key *k, bool silent)
{
	if (!netif_is_up(r->nif) || (k->oif && k->oif != r->nif->index) || r->avoid != silent)
		return 0;
	return r->weight + 1u;
}

/* r is the first that serves. RFC 2992 3: regions of the hash, one a hop. */
const struct route *route_hop(struct stack *st, const struct route *r, const struct route_key *k)
{
	const struct route *first = route_first_hop(st, r), *o;
	uint64_t all = 0, at;

	for (o = first; o; o = next_of(st, o))
		all += weight(o, k, r->avoid);
	at = (flow_hash(st, k) >> 32) * all >> 32;
	for (o = first; o; o = next_of(st, o)) {
		unsigned w = weight(o, k, r->avoid);

		if (at < w)
			return o;
		at -= w;
	}
	return r;
}

int route_add_hops(struct stack *st, struct route *hops, unsigned n)
{
	uint32_t group = n > 1 ? route_new_group(st) : 0;
	unsigned i;
	int e = 0;

	for (i = 0; i < n && !e; i++) {
		hops[i].group = group;
		e = route_put(st, &hops[i], i + 1 < n);
	}
	if (!e)
		return 0;
	for (i--; i--;)
		route_take(st, &hops[i], true);
	return e;
}

int route_join_hops(struct stack *st, const struct route *old, struct route *r)
{
	uint32_t group = old->group ? old->group : route_new_group(st);
	int e;

	r->group = group;
	e = route_put(st, r, true);
	if (e)
		return e;
	route_set_group(st, old, group);
	stack_tell(st, CHANGE_ROUTE, false, route_first_hop(st, old));
	return 0;
}

void route_del_hops(struct stack *st, const struct route *r)
{
	const struct route *o = route_first_hop(st, r), *next;

	stack_tell(st, CHANGE_ROUTE, true, o);
	for (; o; o = next) {
		next = route_next_hop(st, o);
		route_take(st, o, true);
	}
}
