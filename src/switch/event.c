/* event.c - what a switch tells its consoles by itself; debug/... and events
 *
 * Names, numbers and texts of hash, port and port/ep are vde_switch's; vde_autolink
 * and libvdemgmt read them. The rest is ours. A line costs nothing if nobody
 * wants it. Lost frames are looked for once a second, and only as long as somebody
 * wants to know: a reason is told when frames begin to be lost by it.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "switch/command.h"
#include "switch/mgmt.h"

#define LOOK_EVERY	USEC_PER_SEC

static const struct kind {
	const char	*name;
	unsigned	tag;		/* shown in octal */
	const char	*help;
} kinds[] = {
	[EVENT_HASH_ADD]	= { "hash/+", 011, "hash: new element" },
	[EVENT_HASH_DEL]	= { "hash/-", 012, "hash: discarded element" },
	[EVENT_HASH_MOVE]	= { "hash/move", 013, "hash: an address is behind another port" },
	[EVENT_PORT_ADD]	= { "port/+", 021, "new port" },
	[EVENT_PORT_DEL]	= { "port/-", 022, "closed port" },
	[EVENT_DESCR]		= { "port/descr", 023, "set port description" },
	[EVENT_END_ADD]		= { "port/ep/+", 031, "new endpoint" },
	[EVENT_END_DEL]		= { "port/ep/-", 032, "closed endpoint" },
	[EVENT_REFUSED]		= { "port/refused", 033, "who may not join, and why" },
	[EVENT_DROP]		= { "drop/+", 0101, "frames begin to be lost, and why" },
	[EVENT_RULE]		= { "rule", 0102, "a rule was set or removed" },
};

static_assert(ARRAY_LEN(kinds) == N_EVENTS, "each event has its name");

bool event_wanted(const struct sw *sw, enum event e)
{
	list_for(l, &sw->mgmt.sessions) {
		if (*session_events(session_of(l)) & 1u << e)
			return true;
	}
	return false;
}

void event_tell(struct sw *sw, enum event e, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	if (!event_wanted(sw, e))
		return;
	n = snprintf(line, sizeof(line), "3%03o %s ", kinds[e].tag, kinds[e].name);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	session_tell(sw, 1u << e, line);
}

/* --- addresses --- */

static void told_of_address(void *ctx, const struct fdb_entry *e, uint32_t from, bool gone)
{
	struct sw *sw = ctx;
	char mac[MAC_STRLEN];

	mac_text(&e->mac, mac);
	if (gone)
		event_tell(sw, EVENT_HASH_DEL, "%s VLAN %02x:%02x Port %u", mac, e->vlan >> 8,
			   e->vlan & 255, e->port);
	else if (from != FDB_NO_PORT)
		event_tell(sw, EVENT_HASH_MOVE, "%s VLAN %02x:%02x Port %u -> %u", mac,
			   e->vlan >> 8, e->vlan & 255, from, e->port);
	else
		event_tell(sw, EVENT_HASH_ADD, "%s VLAN %02x:%02x Port %u", mac, e->vlan >> 8,
			   e->vlan & 255, e->port);
}

void event_watch(struct sw *sw)
{
	sw->core.fdb.told = told_of_address;
	sw->core.fdb.ctx = sw;
}

/* --- lost frames --- */

/* One reason at one port; before: what was counted the last time, and if it grew then. */
static void look_at(struct sw *sw, uint32_t port, const char *why, uint64_t now, uint64_t *before,
		    bool *growing)
{
	bool grows = now > *before;

	if (grows && !*growing)
		event_tell(sw, EVENT_DROP, "Port %02u %s", port, why);
	*growing = grows;
	*before = now;
}

static void look(struct sw *sw, bool first)
{
	for (uint32_t i = 0; i < sw->core.n_ports; i++) {
		const struct core_port *p = &sw->core.port[i];
		struct losses *l = &sw->mgmt.losses[i];

		for (unsigned why = 1; why < N_CORE_DROPS; why++) {
			if (first)
				l->count[why] = p->drops[why];
			look_at(sw, i, core_drop_text(why), p->drops[why], &l->count[why],
				&l->growing[why]);
		}
		if (first)
			l->count[0] = p->tx_drops;
		look_at(sw, i, "what its clients do not take", p->tx_drops, &l->count[0],
			&l->growing[0]);
	}
}

usec event_run(struct sw *sw, usec now)
{
	bool first = !sw->mgmt.losses;

	if (!event_wanted(sw, EVENT_DROP)) {
		free(sw->mgmt.losses);
		sw->mgmt.losses = NULL;
		return NEVER;
	}
	if (first)
		sw->mgmt.losses = xzalloc(sw->core.n_ports * sizeof(sw->mgmt.losses[0]));
	look(sw, first);
	return now + LOOK_EVERY;
}

/* --- the words --- */

static int debug_list(struct call *c)
{
	uint32_t on = c->by ? *session_events(c->by) : 0;

	grow_add(c->out, "%-22s %-3s %-6s %s\n", "CATEGORY", "TAG", "STATUS", "HELP");
	grow_add(c->out, "%-22s %-3s %-6s %s\n", "------------", "---", "------", "----");
	for (unsigned i = 0; i < N_EVENTS; i++)
		grow_add(c->out, "%-22s %03o %-6s %s\n", kinds[i].name, kinds[i].tag,
			 on & 1u << i ? "ON" : "OFF", kinds[i].help);
	return 0;
}

/* Those whose names begin so: all, if nothing is given. */
static int choose(struct call *c, bool on)
{
	const char *begin = c->argc ? c->argv[0] : "";
	uint32_t bits = 0;

	if (!c->by)
		return command_fail(c, EINVAL, "a file of commands has no console to tell it to");
	for (unsigned i = 0; i < N_EVENTS; i++) {
		if (strncmp(kinds[i].name, begin, strlen(begin)) == 0)
			bits |= 1u << i;
	}
	if (!bits)
		return command_fail(c, EINVAL, "%.40s: nothing is called so (see debug/list)", begin);
	if (on)
		*session_events(c->by) |= bits;
	else
		*session_events(c->by) &= ~bits;
	c->sw->mgmt.events_at = 0;
	return 0;
}

static int debug_add(struct call *c)
{
	return choose(c, true);
}

static int debug_del(struct call *c)
{
	return choose(c, false);
}

const struct command event_commands[] = {
	{ "debug", NULL, "DEBUG MENU", false, NULL },
	{ "debug/list", "", "list debug categories", true, debug_list },
	{ "debug/add", "dbgpath", "enable debug info for a given category", false, debug_add },
	{ "debug/del", "dbgpath", "disable debug info for a given category", false, debug_del },
	{ "events", "[dbgpath]", "tell what happens, a line each (debug/add)", false, debug_add },
	{ NULL, NULL, NULL, false, NULL },
};
