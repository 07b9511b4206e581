/* policy.c - guards and filters of ports, suppression and snooping of the switch
 *
 * core_input -> guard_hook, filter_hook, suppress_hook, snoop_hook -> the module
 *
 * The modules know frames and time, the core knows hooks; here they meet, and here
 * each one's memory is owned. A hook is set only while there is something to
 * ask, so a switch without rules pays for none.
 *
 * Snooping is on unless somebody turns it off: it changes nothing before a querier
 * is there, and who has a querier expects it. Suppression is off: the owner of
 * an address does not hear all questions any more, which people may be waiting for
 * (arping, captures), and VDE's switch lets them pass.
 */
#include "switch/policy.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "switch/vlan.h"

#define IP6_NEXT	6	/* where the next header's number is */

/* --- hooks --- */

static enum core_drop guard_hook(void *ctx, const struct pass *s, uint32_t port)
{
	struct guard *g = ctx;
	enum guard_drop why;
	struct view v;

	view_of(&v, &s->f, s->vlan);
	why = guard_check(g, &v);
	g->drops[why]++;
	return why ? CORE_GUARD : CORE_TAKEN;
}

static enum core_drop filter_in_hook(void *ctx, const struct pass *s, uint32_t port)
{
	return filter_pass(ctx, &s->f) ? CORE_TAKEN : CORE_FILTER;
}

static enum core_drop filter_out_hook(void *ctx, const struct pass *s, uint32_t port)
{
	return filter_pass(ctx, &s->f) ? CORE_TAKEN : CORE_FILTER_OUT;
}

/* ARP, and ICMPv6 without extension headers before it: nobody sends neighbour
 * discovery with them (RFC 4861 4). */
static bool may_resolve(const struct pass *s)
{
	uint32_t at = s->tagged ? ETH_LEN + VLAN_LEN : ETH_LEN;
	uint16_t type = get_u16(s->f.p + at - 2);

	if (type != ETHERTYPE_IP6)
		return type == ETHERTYPE_ARP;
	at += IP6_NEXT;
	if (s->f.pkt)
		return pkt_peek(s->f.pkt, at) == IPPROTO_ICMPV6;
	return at < s->f.len && s->f.p[at] == IPPROTO_ICMPV6;
}

static bool suppress_hook(void *ctx, const struct pass *s)
{
	struct policy *p = ctx;
	uint8_t answer[SUPPRESS_ANSWER];
	struct frame f = { .p = answer };
	struct view v;

	if (!may_resolve(s))
		return false;
	view_of(&v, &s->f, s->vlan);
	f.len = suppress_in(&p->suppress, s->from, &v, s->now, answer);
	if (!f.len)
		return false;
	p->suppress.answers++;
	core_send(s->core, s->from, s->vlan, &f, s->now);
	return true;
}

static const uint64_t *snoop_hook(void *ctx, const struct pass *s)
{
	struct policy *p = ctx;
	struct view v;

	view_of(&v, &s->f, s->vlan);
	return snoop_in(&p->snoop, s->from, &v, s->now);
}

static void gone(void *ctx, uint32_t port, uint16_t vlan)
{
	struct policy *p = ctx;

	if (p->suppressing)
		suppress_flush(&p->suppress, port, vlan);
	if (p->snooping && vlan == VLAN_NONE)
		snoop_flush_port(&p->snoop, port);
}

/* --- guards --- */

static struct guard *guard_at(const struct policy *p, uint32_t port)
{
	const struct rules *r = p->core->port[port].rules;

	return r ? r->guard.ctx : NULL;
}

const struct guard *policy_guard_of(const struct policy *p, uint32_t port)
{
	return guard_at(p, port);
}

/* A port's guard is there while it has a rule. A wire past the switch would not be
 * guarded, so that there is none: even if only MACs are given, ARP tells of them. */
static void guard_put(struct policy *p, uint32_t port, struct guard *g)
{
	struct rules *r = core_rules(p->core, port);

	r->guard = g ? (struct hook){ guard_hook, g } : (struct hook){ NULL, NULL };
	r->guards_ip = g;
	core_rules_changed(p->core, port);
}

void policy_guard_clear(struct policy *p, uint32_t port)
{
	free(guard_at(p, port));
	guard_put(p, port, NULL);
}

int policy_guard(struct policy *p, uint32_t port, const char *word, bool add)
{
	struct guard *g = guard_at(p, port), *fresh = NULL;
	int rc;

	if (!g)
		g = fresh = xzalloc(sizeof(*g));
	rc = guard_word(g, word, add);
	if (guard_empty(g) && !fresh)
		policy_guard_clear(p, port);
	else if (rc && fresh)
		free(fresh);
	else if (!rc)
		guard_put(p, port, g);
	return rc;
}

void policy_role(struct policy *p, uint32_t port, enum guard_drop what, bool may)
{
	struct guard *g = guard_at(p, port);

	if (!g)
		g = xzalloc(sizeof(*g));
	*(what == GUARD_ROUTER ? &g->no_router : &g->no_dhcp) = !may;
	guard_put(p, port, guard_empty(g) ? NULL : g);
	if (guard_empty(g))
		free(g);
}

/* --- filters --- */

static struct filter *filter_at(const struct policy *p, uint32_t port, bool out)
{
	const struct rules *r = p->core->port[port].rules;

	return !r ? NULL : out ? r->filter_out.ctx : r->filter_in.ctx;
}

const struct filter *policy_filter_of(const struct policy *p, uint32_t port, bool out)
{
	return filter_at(p, port, out);
}

static void filter_put(struct policy *p, uint32_t port, bool out, struct filter *f)
{
	struct rules *r = core_rules(p->core, port);
	struct hook *h = out ? &r->filter_out : &r->filter_in;

	h->check = !f ? NULL : out ? filter_out_hook : filter_in_hook;
	h->ctx = f;
	core_rules_changed(p->core, port);
}

char *policy_filter_add(struct policy *p, uint32_t port, bool out, uint32_t at, bool deny,
			const char *expr)
{
	struct filter *f = filter_at(p, port, out);
	bool fresh = !f;
	char *why;

	if (fresh)
		f = xzalloc(sizeof(*f));
	why = filter_add(f, at, deny, expr);
	if (!why)
		filter_put(p, port, out, f);
	else if (fresh)
		free(f);
	return why;
}

void policy_filter_clear(struct policy *p, uint32_t port, bool out)
{
	struct filter *f = filter_at(p, port, out);

	if (f)
		filter_clear(f);
	free(f);
	filter_put(p, port, out, NULL);
}

bool policy_filter_del(struct policy *p, uint32_t port, bool out, uint32_t at)
{
	struct filter *f = filter_at(p, port, out);

	if (!f || !filter_del(f, at))
		return false;
	if (!f->n)
		policy_filter_clear(p, port, out);
	return true;
}

/* --- of the switch as a whole --- */

void policy_set_suppress(struct policy *p, bool on)
{
	if (on && !p->suppressing) {
		suppress_init(&p->suppress, p->core->n_ports, &p->key, p->fresh);
		p->suppress.isolated = p->core->isolated;
	} else if (!on && p->suppressing) {
		suppress_fini(&p->suppress);
	}
	p->suppressing = on;
	p->core->suppress = on ? suppress_hook : NULL;
	p->core->suppress_ctx = p;
}

void policy_set_snoop(struct policy *p, bool on)
{
	if (on && !p->snooping)
		snoop_init(&p->snoop, p->core->n_ports, &p->key);
	else if (!on && p->snooping)
		snoop_fini(&p->snoop);
	p->snooping = on;
	p->core->snoop = on ? snoop_hook : NULL;
	p->core->snoop_ctx = p;
}

void policy_init(struct policy *p, struct core *c, const struct hash_key *key)
{
	*p = (struct policy){ .core = c, .key = *key, .fresh = SUPPRESS_FRESH };
	c->gone = gone;
	c->gone_ctx = p;
	policy_set_snoop(p, true);
}

void policy_fini(struct policy *p)
{
	policy_set_snoop(p, false);
	policy_set_suppress(p, false);
	for (uint32_t i = 0; i < p->core->n_ports; i++) {
		if (!p->core->port[i].rules)
			continue;
		policy_guard_clear(p, i);
		policy_filter_clear(p, i, false);
		policy_filter_clear(p, i, true);
	}
}

usec policy_age(struct policy *p, usec now)
{
	usec a = p->suppressing ? suppress_age(&p->suppress, now) : NEVER;
	usec b = p->snooping ? snoop_age(&p->snoop, now) : NEVER;

	return MIN(a, b);
}
