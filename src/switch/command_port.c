/* command_port.c - port/...: what is at each port, and who may be there
 *
 * A port exists from the first client on, or from port/create on; what was made
 * by hand is given only to those who ask for its number, until port/allocatable.
 * Lines and errors are vde_switch's; an endpoint of ours is called by a number that
 * is not used again.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "base/text.h"
#include "switch/command.h"
#include "switch/mgmt.h"
#include "switch/rules.h"
#include "switch/vlan.h"

static const char *user_text(uid_t uid, char buf[24])
{
	const struct passwd *pw = uid == (uid_t)-1 ? NULL : getpwuid(uid);
	struct text t = text_of(buf, 24);

	if (pw && strlen(pw->pw_name) < 24)
		text_add(&t, "%s", pw->pw_name);
	else
		text_add(&t, uid == (uid_t)-1 ? "NONE" : "%u", (unsigned)uid);
	return buf;
}

static const char *group_text(gid_t gid, char buf[24])
{
	const struct group *gr = gid == (gid_t)-1 ? NULL : getgrgid(gid);
	struct text t = text_of(buf, 24);

	if (gr && strlen(gr->gr_name) < 24)
		text_add(&t, "%s", gr->gr_name);
	else
		text_add(&t, gid == (gid_t)-1 ? "NONE" : "%u", (unsigned)gid);
	return buf;
}

static int port_showinfo(struct call *c)
{
	grow_add(c->out, "Numports=%u\nHUB=%s\ncounters=true\n", c->sw->conf.n_ports - 1,
		 c->sw->core.hub ? "true" : "false");
	return 0;
}

static bool any_from(const struct sw *sw, uint32_t n)
{
	for (uint32_t i = n; i < sw->conf.n_ports; i++) {
		if (!list_empty(&sw->port[i].clients))
			return true;
	}
	return false;
}

static int port_setnumports(struct call *c)
{
	struct sw *sw = c->sw;
	uint32_t n;
	int rc = command_number(c, 0, 1, SWITCH_PORTS_MAX - 1, &n);

	if (rc)
		return rc;
	if (n >= sw->core.n_ports)
		return command_fail(c, EINVAL, "this switch has room for %u ports; start it with "
				    "ioth switch --numports %u", sw->core.n_ports - 1, n);
	if (any_from(sw, n + 1))
		return command_fail(c, EADDRINUSE, "a port above %u is in use", n);
	sw->conf.n_ports = n + 1;
	return 0;
}

static int port_sethub(struct call *c)
{
	uint32_t hub;
	int rc = command_number(c, 0, 0, UINT32_MAX, &hub);

	if (rc)
		return rc;
	c->sw->core.hub = hub != 0;
	c->sw->core.changes++;		/* wires past the switch end */
	return 0;
}

static int port_setvlan(struct call *c)
{
	struct core *core = &c->sw->core;
	uint32_t port, vid;
	int rc = command_old_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, VLAN_NONE, &vid);
	if (rc)
		return rc;
	rc = -vlan_set_untagged(core, port, (uint16_t)vid);
	return rc == ENXIO ? command_fail(c, rc, "there is no VLAN %u: vlan/create %u", vid, vid) :
			     rc;
}

/* As a port is that nobody has set anything of. */
static void reset_rules(struct sw *sw, uint32_t port)
{
	struct core *core = &sw->core;

	policy_guard_clear(&sw->policy, port);
	policy_filter_clear(&sw->policy, port, false);
	policy_filter_clear(&sw->policy, port, true);
	rules_set_mirror(core, port, NO_PORT, false, false);
	rules_set_talk(core, port, false);
	rules_set_mtu(core, port, 0);
	rules_set_isolated(core, port, false);
	rules_set_rate(core, port, false, 0, 0);
	rules_set_rate(core, port, true, 0, 0);
	for (unsigned i = 0; i < N_STORMS; i++)
		rules_set_storm(core, port, (enum storm)i, 0, 0);
	core_limit_addresses(core, port, FDB_PORT_MAX, false);
}

static void reset_vlans(struct core *core, uint32_t port)
{
	vlan_set_untagged(core, port, VLAN_DEFAULT);
	fdb_flush_vlan(&core->fdb, port, VLAN_DEFAULT);		/* addresses fixed there */
	for (uint32_t vid = 0; vid < VLAN_NONE; vid++) {
		if (vlan_is_tagged(core, (uint16_t)vid, port))
			vlan_del_port(core, (uint16_t)vid, port);
	}
}

static void make_port(struct sw *sw, uint32_t port)
{
	sw->port[port].exists = true;
	sw->port[port].by_number = true;
	event_tell(sw, EVENT_PORT_ADD, "%02u", port);
}

static int port_create(struct call *c)
{
	uint32_t port;
	int rc = command_port(c, 0, &port);

	if (rc)
		return rc;
	if (c->sw->port[port].exists)
		return EEXIST;
	make_port(c->sw, port);
	return 0;
}

static int port_createauto(struct call *c)
{
	struct sw *sw = c->sw;
	uint32_t port = 1;

	while (port < sw->conf.n_ports && sw->port[port].exists)
		port++;
	if (port == sw->conf.n_ports)
		return command_fail(c, ENOSPC, "all %u ports exist", port - 1);
	make_port(sw, port);
	grow_add(c->out, "Port %04u\n", port);
	return 0;
}

static int port_remove(struct call *c)
{
	uint32_t port;
	int rc = command_old_port(c, 0, &port);
	struct port *p;

	if (rc)
		return rc;
	p = &c->sw->port[port];
	if (!list_empty(&p->clients))
		return command_fail(c, EADDRINUSE, "somebody is at port %u (see port/epclose)", port);
	p->exists = p->by_number = false;
	p->user = (uid_t)-1;
	p->group = (gid_t)-1;
	reset_vlans(&c->sw->core, port);
	reset_rules(c->sw, port);
	rules_end_mirrors(&c->sw->core, port);
	event_tell(c->sw, EVENT_PORT_DEL, "%02u", port);
	return 0;
}

static int port_allocatable(struct call *c)
{
	uint32_t port, yes;
	int rc = command_old_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, UINT32_MAX, &yes);
	if (rc)
		return rc;
	c->sw->port[port].by_number = !yes;
	return 0;
}

/* --- who may be there --- */

static bool is_none(const char *word)
{
	return strcmp(word, "NONE") == 0 || strcmp(word, "ANY") == 0;
}

static int port_setuser(struct call *c)
{
	uint32_t port;
	int rc = command_old_port(c, 0, &port);
	const char *name = c->argc > 1 ? c->argv[1] : "";
	const struct passwd *pw = getpwnam(name);
	uint64_t n = (uid_t)-1;

	if (rc)
		return rc;
	if (!pw && !is_none(name) && !num_parse(name, 0, UINT32_MAX - 1, &n))
		return command_fail(c, EINVAL, "%.40s: no such user (a name, a number, or NONE)",
				    name);
	c->sw->port[port].user = pw ? pw->pw_uid : (uid_t)n;
	return 0;
}

static int port_setgroup(struct call *c)
{
	uint32_t port;
	int rc = command_old_port(c, 0, &port);
	const char *name = c->argc > 1 ? c->argv[1] : "";
	const struct group *gr = getgrnam(name);
	uint64_t n = (gid_t)-1;

	if (rc)
		return rc;
	if (!gr && !is_none(name) && !num_parse(name, 0, UINT32_MAX - 1, &n))
		return command_fail(c, EINVAL, "%.40s: no such group (a name, a number, or NONE)",
				    name);
	c->sw->port[port].group = gr ? gr->gr_gid : (gid_t)n;
	return 0;
}

static int port_epclose(struct call *c)
{
	uint32_t port, id;
	int rc = command_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, UINT32_MAX, &id);
	if (rc)
		return rc;
	list_for(l, &c->sw->port[port].clients) {
		struct client *client = container_of(l, struct client, link);

		if (client->id == id) {
			client_free(client);
			return 0;
		}
	}
	return command_fail(c, ENXIO, "no endpoint %u is at port %u (see port/print)", id, port);
}

static int port_resetcounter(struct call *c)
{
	uint32_t port = 0, end = c->sw->conf.n_ports;
	int rc = c->argc ? command_port(c, 0, &port) : 0;

	if (rc)
		return rc;
	if (c->argc)
		end = port + 1;
	for (; port < end; port++)
		core_reset_counters(&c->sw->core, port);
	return 0;
}

/* --- what is there --- */

static void print_client(struct grow *out, const struct client *client)
{
	const char *module = client->held ? "plug" : client->plug ? "shared mem" : "unix prog";

	grow_add(out, "  -- endpoint ID %04u module %-12s: %s\n", client->id, module,
		 client->descr);
}

static void print_port(struct call *c, uint32_t port)
{
	const struct port *p = &c->sw->port[port];
	const struct core_port *n = &c->sw->core.port[port];
	bool active = !list_empty(&p->clients);
	char now[24], user[24], group[24];

	grow_add(c->out, "Port %04u untagged_vlan=%04u %s - %sUnnamed Allocatable\n", port,
		 n->untagged, active ? "ACTIVE" : "INACTIVE", p->by_number ? "NOT " : "");
	grow_add(c->out, " Current User: %s Access Control: (User: %s - Group: %s)\n",
		 user_text(active ? p->uid : (uid_t)-1, now), user_text(p->user, user),
		 group_text(p->group, group));
	grow_add(c->out, " IN:  pkts %10llu          bytes %20llu\n",
		 (unsigned long long)n->rx_frames, (unsigned long long)n->rx_bytes);
	grow_add(c->out, " OUT: pkts %10llu          bytes %20llu\n",
		 (unsigned long long)n->tx_frames, (unsigned long long)n->tx_bytes);
	list_for(l, &p->clients)
		print_client(c->out, container_of(l, struct client, link));
}

static int print_ports(struct call *c, bool all)
{
	const struct sw *sw = c->sw;
	uint32_t port;
	int rc;

	if (c->argc) {
		rc = command_old_port(c, 0, &port);
		if (!rc && (all || !list_empty(&sw->port[port].clients)))
			print_port(c, port);
		return rc;
	}
	for (port = 0; port < sw->conf.n_ports; port++) {
		if (sw->port[port].exists && (all || !list_empty(&sw->port[port].clients)))
			print_port(c, port);
	}
	return 0;
}

static int port_print(struct call *c)
{
	return print_ports(c, false);
}

static int port_allprint(struct call *c)
{
	return print_ports(c, true);
}

const struct command port_commands[] = {
	{ "port", NULL, "PORT STATUS MENU", false, NULL },
	{ "port/showinfo", "", "show port info", true, port_showinfo },
	{ "port/setnumports", "N", "set the number of ports", false, port_setnumports },
	{ "port/sethub", "0/1", "1=HUB 0=switch", false, port_sethub },
	{ "port/setvlan", "N VLAN", "set port VLAN (untagged)", false, port_setvlan },
	{ "port/createauto", "", "create a port with an automatically allocated id "
	  "(inactive|notallocatable)", true, port_createauto },
	{ "port/create", "N", "create the port N (inactive|notallocatable)", false, port_create },
	{ "port/remove", "N", "remove the port N", false, port_remove },
	{ "port/allocatable", "N 0/1", "Is the port allocatable as unnamed? 1=Y 0=N", false,
	  port_allocatable },
	{ "port/setuser", "N user", "access control: set user", false, port_setuser },
	{ "port/setgroup", "N user", "access control: set group", false, port_setgroup },
	{ "port/epclose", "N ID", "remove the endpoint port N/id ID", false, port_epclose },
	{ "port/resetcounter", "[N]", "reset the port (N) counters", false, port_resetcounter },
	{ "port/print", "[N]", "print the port/endpoint table", true, port_print },
	{ "port/allprint", "[N]", "print the port/endpoint table (including inactive port)", true,
	  port_allprint },
	{ NULL, NULL, NULL, false, NULL },
};
