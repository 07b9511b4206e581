/* route.c - where addresses lie: tables of routes
 *
 * Routes of both families lie in numbered tables; rules (rule.c) say which is
 * asked. A table is one list, kept sorted: longest prefix first, then lowest
 * metric, next hops that answer, the router's preference (RFC 4191), oldest. The
 * first that matches is the answer, unless its next hop is silent and another
 * route leads there too (RFC 4191 3.2). A host has a handful of routes, and flows
 * keep what they found until the generation moves on, so the lists are not on the
 * packet's way.
 */
#include "stack/route.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/netif.h"

#define EMPTY_MAX	256	/* tables remembered for what they had */

struct table {
	struct list	link;		/* lowest number first */
	struct list	empty;		/* among those that are, the first to be so first */
	uint32_t	id;
	bool		held[2];	/* a route of IPv6, of IPv4, once */
	struct list	routes;
};

struct route_table {
	struct list	tables;
	struct list	empty;
	unsigned	n, n_empty;	/* routes of all; empty tables */
	uint32_t	last_group;
};

struct entry {
	struct route	r;
	struct table	*t;
	unsigned	by;		/* enum route_by, any of them */
	usec		expires;	/* the router's */
};

struct route_table *route_table_new(void)
{
	struct route_table *t = xzalloc(sizeof(*t));

	list_init(&t->tables);
	list_init(&t->empty);
	return t;
}

static struct route *of(struct list *l)
{
	return container_of(l, struct route, link);
}

static struct entry *entry_of(const struct route *r)
{
	return container_of(r, struct entry, r);
}

static struct table *table_of(struct list *l)
{
	return container_of(l, struct table, link);
}

void route_table_free(struct route_table *t)
{
	struct list *l, *k;

	while ((l = list_pop(&t->tables))) {
		while ((k = list_pop(&table_of(l)->routes)))
			free(entry_of(of(k)));
		free(table_of(l));
	}
	free(t);
}

static struct table *table_find(struct stack *st, uint32_t id)
{
	list_for(l, &st->routes->tables) {
		if (table_of(l)->id == id)
			return table_of(l);
	}
	return NULL;
}

/* As in Linux a table stays when its last route has gone; but not any number. */
static void table_emptied(struct route_table *all, struct table *t)
{
	struct table *first;

	list_add_tail(&all->empty, &t->empty);
	if (++all->n_empty <= EMPTY_MAX)
		return;
	first = list_first(&all->empty, struct table, empty);
	list_del(&first->empty);
	list_del(&first->link);
	free(first);
	all->n_empty--;
}

static struct table *table_need(struct stack *st, uint32_t id)
{
	struct list *at = st->routes->tables.next;
	struct table *t = table_find(st, id);

	if (t)
		return t;
	while (at != &st->routes->tables && table_of(at)->id < id)
		at = at->next;
	t = xzalloc(sizeof(*t));
	t->id = id;
	list_init(&t->routes);
	list_add_tail(at, &t->link);
	table_emptied(st->routes, t);
	return t;
}

static unsigned bits(const struct route *r)
{
	return ip_is_v4(&r->dst) ? r->len + 96u : r->len;
}

/* High is 1, medium 0, low 3: RFC 4191 2.1; smaller is better here. */
static int pref_rank(const struct route *r)
{
	return r->pref == PREF_HIGH ? 0 : r->pref == PREF_LOW ? 2 : 1;
}

static bool before(const struct route *a, const struct route *b)
{
	if (bits(a) != bits(b))
		return bits(a) > bits(b);
	if (a->metric != b->metric)
		return a->metric < b->metric;
	if (a->avoid != b->avoid)
		return !a->avoid;
	return pref_rank(a) < pref_rank(b);
}

static uint32_t table_id(const struct route *r)
{
	return r->table ? r->table : TABLE_MAIN;
}

static uint8_t type_of(const struct route *r)
{
	return r->type ? r->type : ROUTE_UNICAST;
}

/* Same place in the table: Linux's idea of "exists". */
static bool same(const struct route *a, const struct route *b)
{
	return a->len == b->len && a->metric == b->metric && a->nif == b->nif &&
	       type_of(a) == type_of(b) && ip_eq(&a->dst, &b->dst) && ip_eq(&a->gw, &b->gw);
}

static struct route *find_same(struct stack *st, const struct route *r)
{
	struct table *t = table_find(st, table_id(r));

	if (!t)
		return NULL;
	list_for(l, &t->routes) {
		if (same(of(l), r))
			return of(l);
	}
	return NULL;
}

static bool has_gw(const struct route *r)
{
	return !ip_eq(&r->gw, &IP_NONE);
}

static bool type_valid(const struct route *r)
{
	switch (type_of(r)) {
	case ROUTE_UNICAST:
		return r->nif;
	case ROUTE_BLACKHOLE:
	case ROUTE_UNREACHABLE:
	case ROUTE_PROHIBIT:
	case ROUTE_THROW:
		return !has_gw(r);
	}
	return false;
}

static bool route_valid(const struct route *r)
{
	bool v4 = ip_is_v4(&r->dst);
	struct ip_addr net;

	if (!type_valid(r) || r->len > (v4 ? 32 : 128) ||
	    (r->mtu && r->mtu < (v4 ? 68u : 1280u)))	/* RFC 791 3.2, RFC 8200 5 */
		return false;
	net = ip_mask(&r->dst, r->len);
	return ip_eq(&net, &r->dst) && (!has_gw(r) || ip_is_v4(&r->gw) == v4);
}

static void place(struct route_table *all, struct entry *n)
{
	struct list *head = &n->t->routes, *at = head->next;

	if (list_empty(head)) {
		list_del(&n->t->empty);
		all->n_empty--;
	}
	while (at != head && !before(&n->r, of(at)))
		at = at->next;
	list_add_tail(at, &n->r.link);
}

static void unplace(struct route_table *all, struct entry *n)
{
	list_del(&n->r.link);
	if (list_empty(&n->t->routes))
		table_emptied(all, n->t);
}

/* What one of several says of its end is not to be seen. */
static void owners_set(struct entry *e, unsigned by)
{
	e->by = by;
	e->r.expires = by == BY_ROUTER ? e->expires : 0;
}

static int entry_add(struct stack *st, const struct route *r, enum route_by by, bool quiet)
{
	struct entry *n;

	if (!route_valid(r))
		return -EINVAL;
	if (r->nif && !ip_is_v4(&r->dst) && !netif_has_ip6(r->nif))
		return -ENODEV;
	if (st->routes->n >= st->param.route_max_size)
		return -ENOSPC;
	n = xmalloc(sizeof(*n));
	n->r = *r;
	n->r.table = table_id(r);
	n->r.type = type_of(r);
	n->r.protocol = r->protocol ? r->protocol : PROTO_BOOT;
	n->expires = r->expires;
	owners_set(n, by);
	n->t = table_need(st, n->r.table);
	n->t->held[ip_is_v4(&r->dst)] = true;
	place(st->routes, n);
	st->routes->n++;
	route_changed(st);
	if (!quiet)
		stack_tell(st, CHANGE_ROUTE, false, &n->r);
	return 0;
}

int route_put(struct stack *st, const struct route *r, bool quiet)
{
	return find_same(st, r) ? -EEXIST : entry_add(st, r, BY_HAND, quiet);
}

int route_add(struct stack *st, const struct route *r)
{
	return route_put(st, r, false);
}

int route_join(struct stack *st, const struct route *r, enum route_by by)
{
	struct route *old = find_same(st, r);

	if (!old)
		return entry_add(st, r, by, false);
	owners_set(entry_of(old), entry_of(old)->by | by);
	return 0;
}

int route_replace(struct stack *st, const struct route *old, const struct route *r)
{
	struct route *o = find_same(st, old), *twin = find_same(st, r);
	struct list link;

	if (!o || !route_valid(r) || table_id(r) != o->table || r->metric != o->metric ||
	    r->len != o->len || !ip_eq(&r->dst, &o->dst))
		return -EINVAL;
	if (twin && twin != o)
		return -EEXIST;
	link = o->link;
	*o = *r;
	o->link = link;
	o->table = table_id(r);
	o->type = type_of(r);
	o->protocol = r->protocol ? r->protocol : PROTO_BOOT;
	owners_set(entry_of(o), BY_HAND);
	route_changed(st);
	stack_tell(st, CHANGE_ROUTE, false, o);
	return 0;
}

bool route_table_known(struct stack *st, uint32_t id, bool v4)
{
	const struct table *t = table_find(st, id);

	return t && t->held[v4];
}

static void remove_one(struct stack *st, struct route *r, bool quiet)
{
	r->group = 0;		/* it is told alone */
	if (!quiet)
		stack_tell(st, CHANGE_ROUTE, true, r);
	unplace(st->routes, entry_of(r));
	st->routes->n--;
	route_changed(st);
	free(entry_of(r));
}

static void route_free(struct stack *st, struct route *r)
{
	remove_one(st, r, false);
}

void route_take(struct stack *st, const struct route *r, bool quiet)
{
	struct route *old = find_same(st, r);

	if (old)
		remove_one(st, old, quiet);
}

uint32_t route_new_group(struct stack *st)
{
	return ++st->routes->last_group;
}

void route_set_group(struct stack *st, const struct route *r, uint32_t group)
{
	struct route *old = find_same(st, r);

	if (old)
		old->group = group;
}

int route_del(struct stack *st, const struct route *r)
{
	struct route *old = find_same(st, r);

	if (!old)
		return -ESRCH;
	route_free(st, old);
	return 0;
}

void route_leave(struct stack *st, const struct route *r, enum route_by by)
{
	struct route *old = find_same(st, r);

	if (!old || !(entry_of(old)->by & by))
		return;
	if (entry_of(old)->by == by)
		route_free(st, old);
	else
		owners_set(entry_of(old), entry_of(old)->by & ~(unsigned)by);
}

/* Behind its equals, so that silent routers take turns (RFC 4861 6.3.6). */
void route_avoid(struct stack *st, const struct route *r, bool avoid)
{
	struct route *old = find_same(st, r);

	if (!old || (old->avoid == avoid && !avoid))
		return;
	old->avoid = avoid;
	unplace(st->routes, entry_of(old));
	place(st->routes, entry_of(old));
	route_changed(st);
}

void route_expires(struct stack *st, const struct route *r, usec at)
{
	struct route *old = find_same(st, r);

	if (!old)
		return;
	entry_of(old)->expires = at;
	owners_set(entry_of(old), entry_of(old)->by);
}

void route_flush(struct netif *nif, bool only6)
{
	const struct route *next;

	for (const struct route *r = route_next(nif->st, NULL); r; r = next) {
		next = route_next(nif->st, r);
		if (r->nif == nif && !(only6 && ip_is_v4(&r->dst)))
			route_free(nif->st, &entry_of(r)->r);
	}
}

static bool matches(const struct route *r, const struct route_key *k)
{
	if (!ip_in_prefix(&k->dst, &r->dst, r->len))
		return false;
	return r->type != ROUTE_UNICAST ||
	       (netif_is_up(r->nif) && (!k->oif || r->nif->index == k->oif));
}

/* Who told the prefix of the source knows the way for it: RFC 8028 3.2. */
static bool suits_source(struct stack *st, const struct route *r, const struct route_key *k)
{
	struct netif_addr *a;

	if (r->protocol != PROTO_RA || ip_is_any(&k->src))
		return true;
	a = stack_addr(st, &k->src);
	return !a || ip_is_any(&a->router) || ip_eq(&a->router, &r->gw);
}

/* Among the routers of one prefix. */
static const struct route *by_source(struct stack *st, struct table *t, const struct route *r,
				     const struct route_key *k)
{
	if (suits_source(st, r, k))
		return r;
	for (struct list *l = r->link.next; l != &t->routes; l = l->next) {
		if (of(l)->len != r->len || !ip_eq(&of(l)->dst, &r->dst))
			break;
		if (matches(of(l), k) && !of(l)->avoid && suits_source(st, of(l), k))
			return of(l);
	}
	return r;
}

const struct route *route_in_table(struct stack *st, uint32_t id, const struct route_key *k)
{
	const struct route *silent = NULL;
	struct table *t = table_find(st, id);

	if (!t)
		return NULL;
	list_for(l, &t->routes) {
		if (!matches(of(l), k))
			continue;
		if (!of(l)->avoid)
			return of(l)->group ? route_hop(st, of(l), k) : by_source(st, t, of(l), k);
		if (!silent)
			silent = of(l);
	}
	return silent && silent->group ? route_hop(st, silent, k) : silent;
}

const struct route *route_find(struct stack *st, const struct ip_addr *dst, uint32_t ifindex)
{
	struct route_key k = { .dst = *dst, .oif = ifindex };
	const struct route *r;

	return route_lookup(st, &k, &r) < 0 ? NULL : r;
}

const char *route_type_name(uint8_t type)
{
	static const char *const names[] = {
		[ROUTE_UNICAST] = "unicast", [ROUTE_BLACKHOLE] = "blackhole",
		[ROUTE_UNREACHABLE] = "unreachable", [ROUTE_PROHIBIT] = "prohibit",
		[ROUTE_THROW] = "throw",
	};

	return type < ARRAY_LEN(names) && names[type] ? names[type] : "?";
}

static struct route *first_from(const struct route_table *all, struct list *t)
{
	while (t != &all->tables && list_empty(&table_of(t)->routes))
		t = t->next;
	return t == &all->tables ? NULL : of(table_of(t)->routes.next);
}

const struct route *route_next(const struct stack *st, const struct route *r)
{
	const struct table *t;

	if (!r)
		return first_from(st->routes, st->routes->tables.next);
	t = entry_of(r)->t;
	if (r->link.next != &t->routes)
		return of(r->link.next);
	return first_from(st->routes, t->link.next);
}
