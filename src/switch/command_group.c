/* command_group.c - suppress/... and snoop/...: what spares ports frames that are not for them */
#include <errno.h>

#include "switch/command.h"
#include "switch/mgmt.h"

static int on_or_off(struct call *c, void (*set)(struct policy *p, bool on))
{
	uint32_t on;
	int rc = command_number(c, 0, 0, 1, &on);

	if (!rc)
		set(&c->sw->policy, on);
	return rc;
}

/* --- suppress --- */

static int suppress_set(struct call *c)
{
	return on_or_off(c, policy_set_suppress);
}

static int suppress_setfresh(struct call *c)
{
	uint32_t s;
	int rc = command_number(c, 0, 1, 3600, &s);

	if (!rc)
		c->sw->policy.fresh = s * USEC_PER_SEC;
	if (!rc && c->sw->policy.suppressing)
		c->sw->policy.suppress.fresh = s * USEC_PER_SEC;
	return rc;
}

static int suppress_showinfo(struct call *c)
{
	const struct policy *p = &c->sw->policy;

	grow_add(c->out, "Suppression=%s\nfresh %u secs\n", p->suppressing ? "true" : "false",
		 (unsigned)(p->fresh / USEC_PER_SEC));
	if (p->suppressing)
		grow_add(c->out, "addresses %u\nanswers %llu\n", p->suppress.map.count,
			 (unsigned long long)p->suppress.answers);
	return 0;
}

static int suppress_print(struct call *c)
{
	const struct policy *p = &c->sw->policy;
	char ip[IP_STRLEN], mac[MAC_STRLEN];
	usec now = now_mono();

	if (!p->suppressing)
		return 0;
	list_for(l, &p->suppress.all) {
		const struct suppress_entry *e = container_of(l, struct suppress_entry, all);

		if (now - e->heard < p->suppress.fresh)
			grow_add(c->out, "%s Addr: %s VLAN %04u to port: %03u  age %u secs%s\n",
				 ip_text(&e->ip, ip), mac_text(&e->mac, mac), e->vlan, e->port,
				 (unsigned)((now - e->heard) / USEC_PER_SEC),
				 now < e->disputed ? " disputed" : "");
	}
	return 0;
}

const struct command suppress_commands[] = {
	{ "suppress", NULL, "ARP AND ND SUPPRESSION MENU", false, NULL },
	{ "suppress/showinfo", "", "show suppression info", true, suppress_showinfo },
	{ "suppress/set", "0/1", "1=answer ARP and neighbour solicitations for who is known", false,
	  suppress_set },
	{ "suppress/setfresh", "N", "seconds that an address is known after its owner was heard",
	  false, suppress_setfresh },
	{ "suppress/print", "", "print the addresses known", true, suppress_print },
	{ NULL, NULL, NULL, false, NULL },
};

/* --- snoop --- */

static int snoop_set(struct call *c)
{
	return on_or_off(c, policy_set_snoop);
}

static int snoop_showinfo(struct call *c)
{
	const struct policy *p = &c->sw->policy;
	const struct snoop *s = &p->snoop;

	grow_add(c->out, "Snooping=%s\n", p->snooping ? "true" : "false");
	if (p->snooping)
		grow_add(c->out, "queries %llu\nreports %llu\nnot to all %llu\n",
			 (unsigned long long)s->queries, (unsigned long long)s->reports,
			 (unsigned long long)s->narrowed);
	return 0;
}

static const char *querier(const struct snoop_group *g, usec now)
{
	if (g->known <= now)
		return "no querier";
	return g->ready <= now ? "querier" : "querier, waiting for reports";
}

static void print_group(struct call *c, const struct snoop_group *g, usec now)
{
	char ip[IP_STRLEN];

	if (g->routers)
		grow_add(c->out, "IPv%c routers VLAN %04u (%s) ports", ip_is_v4(&g->ip) ? '4' : '6',
			 g->vlan, querier(g, now));
	else
		grow_add(c->out, "%s VLAN %04u ports", ip_text(&g->ip, ip), g->vlan);
	list_for(l, &g->members) {
		const struct snoop_member *m = container_of(l, struct snoop_member, in_group);

		grow_add(c->out, " %u", m->port);
	}
	grow_add(c->out, "\n");
}

static int snoop_print(struct call *c)
{
	struct policy *p = &c->sw->policy;
	usec now = now_mono();

	if (!p->snooping)
		return 0;
	snoop_age(&p->snoop, now);
	for (const struct snoop_group *g = NULL; (g = snoop_next(&p->snoop, g));)
		print_group(c, g, now);
	return 0;
}

const struct command snoop_commands[] = {
	{ "snoop", NULL, "IGMP AND MLD SNOOPING MENU", false, NULL },
	{ "snoop/showinfo", "", "show snooping info", true, snoop_showinfo },
	{ "snoop/set", "0/1", "1=groups to their members, while a querier is there; 0=to all", false,
	  snoop_set },
	{ "snoop/print", "", "print groups, routers and their ports", true, snoop_print },
	{ NULL, NULL, NULL, false, NULL },
};
