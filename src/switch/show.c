/* show.c - the state of a switch as tables and as JSON
 *
 * A table is an array of flat objects: the same rows are printed with tabs between,
 * the names first, or as JSON, in which the switch itself comes first and the tables behind it.
 * To add a table: a function, and a row of tables[].
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "switch/command.h"
#include "switch/mgmt.h"
#include "switch/show_policy.h"
#include "switch/vlan.h"

static void add_port(json_t *rows, const struct sw *sw, uint32_t i)
{
	const struct core_port *n = &sw->core.port[i];
	const struct port *p = &sw->port[i];
	uint64_t drops = 0, by_intros = 0;
	unsigned clients = 0, intros = 0;

	for (unsigned why = 1; why < N_CORE_DROPS; why++)
		drops += n->drops[why];
	list_for(l, &p->clients) {
		const struct client *c = container_of(l, struct client, link);

		clients++;
		intros += intro_count(c);
		by_intros += intro_frames(c);
	}
	json_array_append_new(rows, json_pack("{si si sb sb si sI sI sI sI sI sI si sI}",
		"port", (int)i, "vlan", (int)n->untagged, "active", clients > 0, "allocatable", !p->by_number,
		"clients", (int)clients,
		"rx_frames", (json_int_t)n->rx_frames, "rx_bytes", (json_int_t)n->rx_bytes,
		"tx_frames", (json_int_t)n->tx_frames, "tx_bytes", (json_int_t)n->tx_bytes,
		"rx_drops", (json_int_t)drops, "tx_drops", (json_int_t)n->tx_drops,
		"introduced", (int)intros, "introduced_frames", (json_int_t)by_intros));
}

static void ports(json_t *rows, const struct sw *sw)
{
	for (uint32_t i = 0; i < sw->conf.n_ports; i++) {
		if (sw->port[i].exists)
			add_port(rows, sw, i);
	}
}

/* Each port in each VLAN, a row. */
static void vlans(json_t *rows, const struct sw *sw)
{
	for (uint32_t vid = 0; vid < VLAN_NONE; vid++) {
		for (uint32_t i = 0; i < sw->conf.n_ports && vlan_exists(&sw->core, (uint16_t)vid);
		     i++) {
			if (sw->port[i].exists && vlan_has(&sw->core, (uint16_t)vid, i))
				json_array_append_new(rows, json_pack("{si si sb}",
					"vlan", (int)vid, "port", (int)i, "tagged",
					vlan_is_tagged(&sw->core, (uint16_t)vid, i)));
		}
	}
}

static void clients_of(json_t *rows, const struct sw *sw, uint32_t port)
{
	list_for(l, &sw->port[port].clients) {
		const struct client *c = container_of(l, struct client, link);

		json_array_append_new(rows, json_pack("{si si ss sI ss}",
			"port", (int)port, "id", (int)c->id, "kind", c->held ? "plug" : c->plug ? "shm" : "vde",
			"uid", (json_int_t)c->uid, "description", c->descr));
	}
}

static void clients(json_t *rows, const struct sw *sw)
{
	for (uint32_t i = 0; i < sw->conf.n_ports; i++)
		clients_of(rows, sw, i);
}

static void addresses(json_t *rows, const struct sw *sw)
{
	const struct fdb *f = &sw->core.fdb;
	usec now = now_mono();
	char mac[MAC_STRLEN];

	for (const struct fdb_entry *e = NULL; (e = fdb_next(f, e)); )
		json_array_append_new(rows, json_pack("{ss si si sb sI}",
			"address", mac_text(&e->mac, mac), "vlan", (int)e->vlan,
			"port", (int)e->port, "fixed", (int)e->fixed,
			"age", (json_int_t)(e->fixed ? 0 : (now - e->seen) / USEC_PER_SEC)));
}

static void add_drop(json_t *rows, uint32_t port, const char *reason, uint64_t count)
{
	if (count)
		json_array_append_new(rows, json_pack("{si ss sI}", "port", (int)port, "reason",
						      reason, "count", (json_int_t)count));
}

static void drops(json_t *rows, const struct sw *sw)
{
	for (uint32_t i = 0; i < sw->conf.n_ports; i++) {
		const struct core_port *p = &sw->core.port[i];

		for (unsigned why = 1; why < N_CORE_DROPS; why++)
			add_drop(rows, i, core_drop_text((enum core_drop)why), p->drops[why]);
		add_drop(rows, i, "its clients did not take it", p->tx_drops);
	}
}

static const struct table {
	const char	*name;
	const char	*columns;
	void		(*fill)(json_t *rows, const struct sw *sw);
} tables[] = {
	{ "ports", "port\tvlan\tactive\tallocatable\tclients\trx_frames\trx_bytes\ttx_frames\ttx_bytes\t"
	  "rx_drops\ttx_drops\tintroduced\tintroduced_frames", ports },
	{ "clients", "port\tid\tkind\tuid\tdescription", clients },
	{ "addresses", "address\tvlan\tport\tfixed\tage", addresses },
	{ "vlans", "vlan\tport\ttagged", vlans },
	{ "drops", "port\treason\tcount", drops },
	{ "guards", SHOW_GUARDS, show_guards },
	{ "rules", SHOW_RULES, show_rules },
	{ "neighbours", SHOW_NEIGHBOURS, show_neighbours },
	{ "groups", SHOW_GROUPS, show_groups },
};

static json_t *rows_of(const struct sw *sw, const struct table *t)
{
	json_t *rows = json_array();

	t->fill(rows, sw);
	return rows;
}

/* --- with tabs --- */

/* What is text may have tabs in it: an expression of a filter. */
static void put_text(struct grow *out, const char *s)
{
	for (; *s; s++)
		grow_put(out, *s == '\t' ? " " : s, 1);
}

static void put_value(struct grow *out, const json_t *v)
{
	if (json_is_string(v))
		put_text(out, json_string_value(v));
	else if (json_is_boolean(v))
		grow_add(out, "%s", json_is_true(v) ? "yes" : "no");
	else
		grow_add(out, "%lld", (long long)json_integer_value(v));
}

static void put_row(struct grow *out, json_t *row)
{
	const char *key, *between = "";
	json_t *v;

	json_object_foreach(row, key, v) {
		grow_add(out, "%s", between);
		put_value(out, v);
		between = "\t";
	}
	grow_add(out, "\n");
}

static void put_table(struct grow *out, const struct sw *sw, const struct table *t)
{
	json_t *rows = rows_of(sw, t), *row;
	size_t i;

	grow_add(out, "%s\n", t->columns);
	json_array_foreach(rows, i, row)
		put_row(out, row);
	json_decref(rows);
}

/* --- as JSON --- */

/* The path of a file may be bytes that are no UTF-8, which JSON cannot say. */
static json_t *path_of(const struct sw *sw)
{
	json_t *o = json_string(sw->dir.path);
	char plain[sizeof(sw->dir.path)];

	if (o)
		return o;
	memcpy(plain, sw->dir.path, sizeof(plain));
	text_plain(plain);
	return json_string(plain);
}

static json_t *all(const struct sw *sw)
{
	char mac[MAC_STRLEN];
	json_t *o = json_pack("{so ss si ss sI si sb}",
		"path", path_of(sw), "version", IOTH_VERSION, "pid", (int)getpid(),
		"mac", mac_text(&sw->mac, mac),
		"uptime", (json_int_t)((now_mono() - sw->born) / USEC_PER_SEC),
		"numports", (int)sw->conf.n_ports - 1, "hub", (int)sw->core.hub);

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		json_object_set_new(o, tables[i].name, rows_of(sw, &tables[i]));
	return o;
}

static void put_json(struct grow *out, const struct sw *sw)
{
	json_t *o = all(sw);
	char *text = json_dumps(o, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);

	grow_add(out, "%s\n", text ? text : "");
	free(text);
	json_decref(o);
}

static int cmd_show(struct call *c)
{
	const char *word = c->argc ? c->argv[0] : tables[0].name;

	if (strcmp(word, "--json") == 0 || strcmp(word, "json") == 0) {
		put_json(c->out, c->sw);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (strcmp(tables[i].name, word) != 0)
			continue;
		put_table(c->out, c->sw, &tables[i]);
		return 0;
	}
	return command_fail(c, EINVAL, "%.40s: no such table; there are ports, clients, addresses, "
			    "vlans, drops, guards, rules, neighbours, groups, and json for all",
			    word);
}

const struct command show_commands[] = {
	{ "show", "[table|json]", "a table (ports, clients, addresses, vlans, drops, guards, rules, "
	  "neighbours, groups); all as JSON", true, cmd_show },
	{ NULL, NULL, NULL, false, NULL },
};
