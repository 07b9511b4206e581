/* route.c - where addresses lie
 *
 * One list for both families, kept sorted: longest prefix first, then lowest
 * metric, then oldest; the first that matches is the answer. A host has a
 * handful of routes, and flows keep what they found until the generation moves
 * on, so the list is not on the packet's way.
 */
#include "stack/route.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/netif.h"

#define MAX_ROUTES	4096

struct route_table {
	struct list	routes;
	unsigned	n;
};

struct route_table *route_table_new(void)
{
	struct route_table *t = xzalloc(sizeof(*t));

	list_init(&t->routes);
	return t;
}

void route_table_free(struct route_table *t)
{
	struct list *l;

	while ((l = list_pop(&t->routes)))
		free(container_of(l, struct route, link));
	free(t);
}

static struct route *of(struct list *l)
{
	return container_of(l, struct route, link);
}

static unsigned bits(const struct route *r)
{
	return ip_is_v4(&r->dst) ? r->len + 96u : r->len;
}

static bool before(const struct route *a, const struct route *b)
{
	return bits(a) != bits(b) ? bits(a) > bits(b) : a->metric < b->metric;
}

/* Same place in the table: Linux's idea of "exists". */
static bool same(const struct route *a, const struct route *b)
{
	return a->len == b->len && a->metric == b->metric && a->nif == b->nif &&
	       ip_eq(&a->dst, &b->dst) && ip_eq(&a->gw, &b->gw);
}

static struct route *find_same(struct stack *st, const struct route *r)
{
	list_for(l, &st->routes->routes) {
		if (same(of(l), r))
			return of(l);
	}
	return NULL;
}

static bool has_gw(const struct route *r)
{
	return !ip_eq(&r->gw, &IP_NONE);
}

static bool route_valid(const struct route *r)
{
	bool v4 = ip_is_v4(&r->dst);
	struct ip_addr net;

	if (!r->nif || r->len > (v4 ? 32 : 128))
		return false;
	net = ip_mask(&r->dst, r->len);
	return ip_eq(&net, &r->dst) && (!has_gw(r) || ip_is_v4(&r->gw) == v4);
}

int route_add(struct stack *st, const struct route *r)
{
	struct list *at = &st->routes->routes;
	struct route *n;

	if (!route_valid(r))
		return -EINVAL;
	if (find_same(st, r))
		return -EEXIST;
	if (st->routes->n >= MAX_ROUTES)
		return -ENOSPC;
	n = xmalloc(sizeof(*n));
	*n = *r;
	for (at = at->next; at != &st->routes->routes && !before(n, of(at));)
		at = at->next;
	list_add_tail(at, &n->link);
	st->routes->n++;
	route_changed(st);
	return 0;
}

static void route_free(struct stack *st, struct route *r)
{
	list_del(&r->link);
	st->routes->n--;
	route_changed(st);
	free(r);
}

int route_del(struct stack *st, const struct route *r)
{
	struct route *old = find_same(st, r);

	if (!old)
		return -ESRCH;
	route_free(st, old);
	return 0;
}

void route_flush(struct netif *nif)
{
	list_for_safe(l, &nif->st->routes->routes) {
		if (of(l)->nif == nif)
			route_free(nif->st, of(l));
	}
}

const struct route *route_find(struct stack *st, const struct ip_addr *dst, uint32_t ifindex)
{
	list_for(l, &st->routes->routes) {
		const struct route *r = of(l);

		if (netif_is_up(r->nif) && (!ifindex || r->nif->index == ifindex) &&
		    ip_in_prefix(dst, &r->dst, r->len))
			return r;
	}
	return NULL;
}

const struct route *route_at(struct stack *st, unsigned i)
{
	list_for(l, &st->routes->routes) {
		if (!i--)
			return of(l);
	}
	return NULL;
}
