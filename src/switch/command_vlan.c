/* command_vlan.c - vlan/...: which VLANs there are, and whose frames are tagged */
#include <errno.h>

#include "switch/command.h"
#include "switch/mgmt.h"
#include "switch/vlan.h"

#define VLAN_LAST	(VLAN_NONE - 1)

static int arg_vlan(struct call *c, uint32_t *vid)
{
	return command_number(c, 0, 0, VLAN_LAST, vid);
}

static int no_vlan(struct call *c, uint32_t vid)
{
	return command_fail(c, ENXIO, "there is no VLAN %u: vlan/create %u", vid, vid);
}

/* VLAN and port, both there. */
static int arg_both(struct call *c, uint32_t *vid, uint32_t *port)
{
	int rc = arg_vlan(c, vid);

	if (!rc && !vlan_exists(&c->sw->core, (uint16_t)*vid))
		rc = no_vlan(c, *vid);
	return rc ? rc : command_old_port(c, 1, port);
}

static int create(struct call *c)
{
	uint32_t vid;
	int rc = command_number(c, 0, 1, VLAN_LAST, &vid);

	return rc ? rc : -vlan_create(&c->sw->core, (uint16_t)vid);
}

static int vlan_end(struct call *c)
{
	uint32_t vid;
	int rc = arg_vlan(c, &vid);

	if (rc)
		return rc;
	rc = -vlan_remove(&c->sw->core, (uint16_t)vid);
	if (rc == ENXIO)
		return no_vlan(c, vid);
	return rc == EADDRINUSE ? command_fail(c, rc, "ports are in VLAN %u (see vlan/allprint %u)",
					       vid, vid) : rc;
}

/* A port whose untagged VLAN it is stays as it is, as with vde_switch. */
static int addport(struct call *c)
{
	struct core *core = &c->sw->core;
	uint32_t vid, port;
	int rc = arg_both(c, &vid, &port);

	if (rc || core->port[port].untagged == vid)
		return rc;
	return -vlan_add_port(core, (uint16_t)vid, port);
}

static int delport(struct call *c)
{
	struct core *core = &c->sw->core;
	uint32_t vid, port;
	int rc = arg_both(c, &vid, &port);

	if (rc)
		return rc;
	if (core->port[port].untagged == vid)
		return command_fail(c, EADDRINUSE, "VLAN %u is the untagged one of port %u (see "
				    "port/setvlan)", vid, port);
	return -vlan_del_port(core, (uint16_t)vid, port);
}

static void print_vlan(struct call *c, uint16_t vid, bool all)
{
	const struct sw *sw = c->sw;

	grow_add(c->out, "VLAN %04u\n", vid);
	for (uint32_t i = 0; i < sw->conf.n_ports; i++) {
		bool active = !list_empty(&sw->port[i].clients);

		if (sw->port[i].exists && (active || all) && vlan_has(&sw->core, vid, i))
			grow_add(c->out, " -- Port %04u tagged=%d active=%d status=%s\n", i,
				 vlan_is_tagged(&sw->core, vid, i), active,
				 active ? "Forwarding" : "Learning");
	}
}

static int print_vlans(struct call *c, bool all)
{
	uint32_t vid = 0, end = VLAN_NONE;
	int rc = c->argc ? arg_vlan(c, &vid) : 0;

	if (rc)
		return rc;
	if (c->argc && !vlan_exists(&c->sw->core, (uint16_t)vid))
		return no_vlan(c, vid);
	if (c->argc)
		end = vid + 1;
	for (; vid < end; vid++) {
		if (vlan_exists(&c->sw->core, (uint16_t)vid))
			print_vlan(c, (uint16_t)vid, all);
	}
	return 0;
}

static int print(struct call *c)
{
	return print_vlans(c, false);
}

static int allprint(struct call *c)
{
	return print_vlans(c, true);
}

const struct command vlan_commands[] = {
	{ "vlan", NULL, "VLAN MANAGEMENT MENU", false, NULL },
	{ "vlan/create", "N", "create the VLAN with tag N", false, create },
	{ "vlan/remove", "N", "remove the VLAN with tag N", false, vlan_end },
	{ "vlan/addport", "N PORT", "add port to the vlan N (tagged)", false, addport },
	{ "vlan/delport", "N PORT", "take port out of the vlan N (tagged)", false, delport },
	{ "vlan/print", "[N]", "print the list of defined vlan", true, print },
	{ "vlan/allprint", "[N]", "print the list of defined vlan (including inactive port)", true,
	  allprint },
	{ NULL, NULL, NULL, false, NULL },
};
