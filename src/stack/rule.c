/* rule.c - which table of routes a packet is looked up in (policy routing)
 *
 * Rules are asked in order of priority, those of the packet's family; the first
 * that matches and whose table has an answer decides. Addresses of our own are
 * found before any rule, so Linux's rule 0 (table local) is there to be seen.
 * A rule names interfaces, as Linux's does: it waits for one that is not there.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/netif.h"
#include "stack/route.h"

#define MAX_RULES	4096
#define PRIO_MAIN	32766
#define PRIO_DEFAULT	32767

struct rule_table {
	struct list	rules;		/* IPv4's first, each family by priority */
	unsigned	n;
	unsigned	n_ports;	/* that ask about ports or the protocol */
};

static struct rule *of(struct list *l)
{
	return container_of(l, struct rule, link);
}

static bool before(const struct rule *a, const struct rule *b)
{
	return a->v4 != b->v4 ? a->v4 : a->priority < b->priority;
}

static bool asks_ports(const struct rule *r)
{
	return r->ipproto || r->sport[1] || r->dport[1];
}

static struct rule *insert(struct rule_table *t, const struct rule *r)
{
	struct list *at = t->rules.next;
	struct rule *n = xmalloc(sizeof(*n));

	*n = *r;
	while (at != &t->rules && !before(n, of(at)))
		at = at->next;
	list_add_tail(at, &n->link);
	t->n++;
	t->n_ports += asks_ports(n);
	return n;
}

struct rule_table *rule_table_new(void)
{
	static const struct { uint32_t priority, table; bool v6; } first[] = {
		{ 0, TABLE_LOCAL, true }, { PRIO_MAIN, TABLE_MAIN, true },
		{ PRIO_DEFAULT, TABLE_DEFAULT, false },
	};
	struct rule_table *t = xzalloc(sizeof(*t));
	struct rule r = { .action = RULE_TABLE, .protocol = PROTO_KERNEL };

	list_init(&t->rules);
	for (unsigned i = 0; i < ARRAY_LEN(first); i++) {
		r.priority = first[i].priority;
		r.table = first[i].table;
		r.v4 = true;
		insert(t, &r);
		r.v4 = false;
		if (first[i].v6)
			insert(t, &r);
	}
	return t;
}

void rule_table_free(struct rule_table *t)
{
	struct list *l;

	while ((l = list_pop(&t->rules)))
		free(of(l));
	free(t);
}

static bool same_selector(const struct rule *a, const struct rule *b)
{
	return a->invert == b->invert && a->src_len == b->src_len && a->dst_len == b->dst_len &&
	       ip_eq(&a->src, &b->src) && ip_eq(&a->dst, &b->dst) && a->tos == b->tos &&
	       a->ipproto == b->ipproto && a->mark == b->mark && a->mark_mask == b->mark_mask &&
	       !strcmp(a->iif, b->iif) && !strcmp(a->oif, b->oif) &&
	       !memcmp(a->sport, b->sport, sizeof(a->sport)) &&
	       !memcmp(a->dport, b->dport, sizeof(a->dport)) && a->has_uid == b->has_uid &&
	       !memcmp(a->uid, b->uid, sizeof(a->uid));
}

static bool same(const struct rule *a, const struct rule *b)
{
	return a->v4 == b->v4 && a->priority == b->priority && a->action == b->action &&
	       a->table == b->table && a->target == b->target && a->suppress == b->suppress &&
	       a->suppress_len == b->suppress_len && same_selector(a, b);
}

static struct rule *find_same(struct stack *st, const struct rule *r)
{
	list_for(l, &st->rules->rules) {
		if (same(of(l), r))
			return of(l);
	}
	return NULL;
}

static bool prefix_valid(const struct rule *r, const struct ip_addr *a, unsigned len)
{
	return !len || (len <= (r->v4 ? 32 : 128) && ip_is_v4(a) == r->v4);
}

static bool rule_valid(const struct rule *r)
{
	bool known = (r->action >= RULE_TABLE && r->action <= RULE_NOP) ||
		     (r->action >= RULE_BLACKHOLE && r->action <= RULE_PROHIBIT);

	return known && prefix_valid(r, &r->src, r->src_len) &&
	       prefix_valid(r, &r->dst, r->dst_len) &&
	       (r->action != RULE_TABLE || r->table) &&
	       (r->action != RULE_GOTO || r->target > r->priority);
}

int rule_add(struct stack *st, const struct rule *r)
{
	struct rule *n;

	if (!rule_valid(r))
		return -EINVAL;
	if (find_same(st, r))
		return -EEXIST;
	if (st->rules->n >= MAX_RULES)
		return -ENOSPC;
	n = insert(st->rules, r);
	route_changed(st);
	stack_tell(st, CHANGE_RULE, false, n);
	return 0;
}

int rule_del(struct stack *st, const struct rule *r)
{
	struct rule *old = find_same(st, r);

	if (!old)
		return -ENOENT;
	stack_tell(st, CHANGE_RULE, true, old);
	list_del(&old->link);
	st->rules->n--;
	st->rules->n_ports -= asks_ports(old);
	route_changed(st);
	free(old);
	return 0;
}

bool rules_ask_ports(const struct stack *st)
{
	return st->rules->n_ports;
}

const struct rule *rule_at(struct stack *st, unsigned i)
{
	list_for(l, &st->rules->rules) {
		if (!i--)
			return of(l);
	}
	return NULL;
}

/* One before the second rule of the family. */
uint32_t rule_free_priority(struct stack *st, bool v4)
{
	unsigned seen = 0;

	list_for(l, &st->rules->rules) {
		if (of(l)->v4 == v4 && seen++)
			return of(l)->priority ? of(l)->priority - 1 : 0;
	}
	return 0;
}

static bool in_range(const uint16_t range[2], uint16_t port)
{
	return !range[1] || (port >= range[0] && port <= range[1]);
}

/* What comes from nowhere is our own, which Linux calls iif lo. */
static bool named(struct stack *st, const char *name, uint32_t index)
{
	struct netif *nif = index ? netif_by_index(st, index) : NULL;

	return !name[0] || (nif && !strcmp(nif->name, name));
}

static bool selects(struct stack *st, const struct rule *r, const struct route_key *k)
{
	return (!r->src_len || ip_in_prefix(&k->src, &r->src, r->src_len)) &&
	       (!r->dst_len || ip_in_prefix(&k->dst, &r->dst, r->dst_len)) &&
	       (!r->tos || r->tos == k->tos) && (!r->ipproto || r->ipproto == k->proto) &&
	       (k->mark & r->mark_mask) == (r->mark & r->mark_mask) &&
	       in_range(r->sport, k->sport) && in_range(r->dport, k->dport) &&
	       (!r->has_uid || (k->uid >= r->uid[0] && k->uid <= r->uid[1])) &&
	       named(st, r->oif, k->oif) && named(st, r->iif, k->iif ? k->iif : st->lo->index);
}

static int verdict(uint8_t type)
{
	switch (type) {
	case ROUTE_BLACKHOLE:
		return -EINVAL;
	case ROUTE_UNREACHABLE:
		return -EHOSTUNREACH;
	case ROUTE_PROHIBIT:
		return -EACCES;
	}
	return 0;
}

static bool suppressed(const struct rule *rule, const struct route *r)
{
	return rule->suppress && r->type == ROUTE_UNICAST && r->len <= rule->suppress_len;
}

/* 0 or an errno decides; 1: ask the next rule. */
static int ask(struct stack *st, const struct rule *rule, const struct route_key *k,
	       const struct route **out)
{
	const struct route *r;

	if (rule->action != RULE_TABLE)
		return rule->action == RULE_NOP ? 1 : verdict(rule->action);
	r = route_in_table(st, rule->table, k);
	if (!r || r->type == ROUTE_THROW || suppressed(rule, r))
		return 1;
	*out = r;
	return verdict(r->type);
}

int route_lookup(struct stack *st, const struct route_key *k, const struct route **out)
{
	bool v4 = ip_is_v4(&k->dst);
	uint32_t from = 0;
	int e;

	list_for(l, &st->rules->rules) {
		const struct rule *rule = of(l);

		if (rule->v4 != v4 || rule->priority < from || selects(st, rule, k) == rule->invert)
			continue;
		if (rule->action == RULE_GOTO) {
			from = rule->target;
			continue;
		}
		e = ask(st, rule, k, out);
		if (e <= 0)
			return e;
	}
	return -ENETUNREACH;
}
