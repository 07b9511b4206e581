/* show_policy.c - tables of show.c about guards, filters, suppression and snooping */
#include "switch/show_policy.h"

#include <stdio.h>

#include "base/loop.h"
#include "switch/client.h"

/* --- guards: each address a port may use --- */

static void add_guard(json_t *rows, uint32_t port, const char *address)
{
	json_array_append_new(rows, json_pack("{si ss}", "port", (int)port, "address", address));
}

static void guard_rows(json_t *rows, uint32_t port, const struct guard *g)
{
	char ip[IP_STRLEN], text[IP_STRLEN + 5];

	if (g->no_router)
		add_guard(rows, port, "no-router");
	if (g->no_dhcp)
		add_guard(rows, port, "no-dhcp");
	for (uint32_t i = 0; i < g->n_mac; i++)
		add_guard(rows, port, mac_text(&g->mac[i], text));
	for (uint32_t i = 0; i < g->n_net; i++) {
		snprintf(text, sizeof(text), "%s/%u", ip_text(&g->net[i].addr, ip), g->net[i].len);
		add_guard(rows, port, text);
	}
}

void show_guards(json_t *rows, const struct sw *sw)
{
	for (uint32_t i = 0; i < sw->conf.n_ports; i++) {
		const struct guard *g = policy_guard_of(&sw->policy, i);

		if (g)
			guard_rows(rows, i, g);
	}
}

/* --- rules of filters --- */

static void filter_rows(json_t *rows, const struct sw *sw, uint32_t port, bool out)
{
	const struct filter *f = policy_filter_of(&sw->policy, port, out);

	for (uint32_t i = 0; f && i < f->n; i++) {
		const struct filter_rule *r = &f->rule[i];

		json_array_append_new(rows, json_pack("{si sb si sb sI sI ss}",
			"port", (int)port, "out", (int)out, "rule", (int)i, "deny", (int)r->deny,
			"frames", (json_int_t)r->frames, "bytes", (json_int_t)r->bytes,
			"expression", r->expr));
	}
}

void show_rules(json_t *rows, const struct sw *sw)
{
	for (uint32_t i = 0; i < sw->conf.n_ports; i++) {
		filter_rows(rows, sw, i, false);
		filter_rows(rows, sw, i, true);
	}
}

/* --- neighbours: whom the switch answers for --- */

void show_neighbours(json_t *rows, const struct sw *sw)
{
	const struct suppress *s = &sw->policy.suppress;
	char ip[IP_STRLEN], mac[MAC_STRLEN];
	usec now = now_mono();

	if (!sw->policy.suppressing)
		return;
	list_for(l, &s->all) {
		const struct suppress_entry *e = container_of(l, struct suppress_entry, all);

		if (now - e->heard < s->fresh)
			json_array_append_new(rows, json_pack("{ss si ss si sI sb}",
				"ip", ip_text(&e->ip, ip), "vlan", (int)e->vlan,
				"address", mac_text(&e->mac, mac), "port", (int)e->port,
				"age", (json_int_t)((now - e->heard) / USEC_PER_SEC),
				"disputed", (int)(now < e->disputed)));
	}
}

/* --- groups: each member; of 0.0.0.0 and :: each router --- */

static void group_rows(json_t *rows, const struct snoop_group *g, usec now)
{
	char ip[IP_STRLEN];

	list_for(l, &g->members) {
		const struct snoop_member *m = container_of(l, struct snoop_member, in_group);

		if (m->end.at > now)
			json_array_append_new(rows, json_pack("{ss si si sI}",
				"group", ip_text(&g->ip, ip), "vlan", (int)g->vlan,
				"port", (int)m->port,
				"seconds", (json_int_t)((m->end.at - now) / USEC_PER_SEC)));
	}
}

void show_groups(json_t *rows, const struct sw *sw)
{
	usec now = now_mono();

	if (!sw->policy.snooping)
		return;
	for (const struct snoop_group *g = NULL; (g = snoop_next(&sw->policy.snoop, g)); )
		group_rows(rows, g, now);
}
