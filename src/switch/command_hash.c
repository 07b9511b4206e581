/* command_hash.c - hash/...: behind which port is which address; fstp/... */
#include <errno.h>

#include <stdio.h>

#include "switch/command.h"
#include "switch/mgmt.h"

#define VLAN_MAX	4094

#define SECONDS_MAX	1000000

static unsigned seconds(usec t)
{
	return (unsigned)(t / USEC_PER_SEC);
}

static int hash_showinfo(struct call *c)
{
	const struct fdb *f = &c->sw->core.fdb;

	grow_add(c->out, "Hash size %u\nGC interval %u secs\nGC expire %u secs\n"
			 "Min persistence %u secs\n", f->map.mask + 1, seconds(c->sw->age_every),
		 seconds(f->age), seconds(f->min_stay));
	return 0;
}

/* It grows by itself; scripts that know better are not stopped. */
static int hash_setsize(struct call *c)
{
	uint32_t n;

	return command_number(c, 0, 1, UINT32_MAX, &n);
}

static int arg_time(struct call *c, uint32_t min, usec *t)
{
	uint32_t n = 0;
	int rc = command_number(c, 0, min, SECONDS_MAX, &n);

	*t = n * USEC_PER_SEC;
	c->sw->next_age = now_mono();
	return rc;
}

static int hash_setgcint(struct call *c)
{
	usec t;
	int rc = arg_time(c, 1, &t);

	if (!rc)
		c->sw->age_every = t;
	return rc;
}

static int hash_setexpire(struct call *c)
{
	struct core *core = &c->sw->core;
	usec t;
	int rc = arg_time(c, 1, &t);

	return rc ? rc : -core_set_age(core, t, core->fdb.min_stay);
}

static int hash_setminper(struct call *c)
{
	struct core *core = &c->sw->core;
	usec t;
	int rc = arg_time(c, 0, &t);

	return rc ? rc : -core_set_age(core, core->fdb.age, t);
}

static void print_entry(struct call *c, const struct fdb_entry *e, usec now)
{
	char mac[MAC_STRLEN];

	grow_add(c->out, "Hash: %04u Addr: %s VLAN %04u to port: %03u  age %lld secs\n",
		 e->node.hash & c->sw->core.fdb.map.mask, mac_text(&e->mac, mac), e->vlan, e->port,
		 (long long)(e->fixed ? 0 : (now - e->seen) / USEC_PER_SEC));
}

static int hash_print(struct call *c)
{
	const struct fdb *f = &c->sw->core.fdb;
	usec now = now_mono();

	for (const struct fdb_entry *e = NULL; (e = fdb_next(f, e)); )
		print_entry(c, e, now);
	return 0;
}

/* The first byte may have one digit, as any other: "2:0:0:0:0:1". */
static bool mac_arg(const char *s, struct mac *mac)
{
	unsigned b[6];
	int end = 0;

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", b, b + 1, b + 2, b + 3, b + 4, b + 5, &end) != 6 ||
	    s[end])
		return false;
	for (unsigned i = 0; i < 6; i++)
		mac->b[i] = (uint8_t)b[i];
	return true;
}

static int hash_find(struct call *c)
{
	const struct fdb *f = &c->sw->core.fdb;
	uint32_t vlan = 0, found = 0;
	usec now = now_mono();
	struct mac mac;
	int rc = c->argc > 1 ? command_number(c, 1, 0, VLAN_MAX, &vlan) : 0;

	if (rc)
		return rc;
	if (!c->argc || !mac_arg(c->argv[0], &mac))
		return command_fail(c, EINVAL, "no Ethernet address; write: hash/find "
					       "02:00:00:00:00:01");
	for (const struct fdb_entry *e = NULL; (e = fdb_next(f, e)); ) {
		if (!mac_eq(&e->mac, &mac) || (c->argc > 1 && e->vlan != vlan))
			continue;
		print_entry(c, e, now);
		found++;
	}
	return found ? 0 : ENODEV;
}

/* --- addresses that are fixed --- */

/* MAC and VLAN, the last of so many arguments. */
static int arg_address(struct call *c, unsigned arg_vlan, struct mac *mac, uint32_t *vlan)
{
	*vlan = 0;
	if (!c->argc || !mac_arg(c->argv[0], mac) || mac_is_group(mac))
		return command_fail(c, EINVAL, "%.40s: not the Ethernet address of a station",
				    c->argc ? c->argv[0] : "");
	return c->argc > arg_vlan ? command_number(c, arg_vlan, 0, VLAN_MAX, vlan) : 0;
}

static int hash_fix(struct call *c)
{
	uint32_t vlan, port;
	struct mac mac;
	int rc = arg_address(c, 2, &mac, &vlan);

	if (!rc)
		rc = command_old_port(c, 1, &port);
	if (rc)
		return rc;
	rc = -core_fix_address(&c->sw->core, (uint16_t)vlan, &mac, port);
	return rc == ENXIO ? command_fail(c, rc, "port %u is not in VLAN %u", port, vlan) : rc;
}

static int hash_forget(struct call *c)
{
	uint32_t vlan;
	struct mac mac;
	int rc = arg_address(c, 1, &mac, &vlan);

	return rc ? rc : -core_forget_address(&c->sw->core, (uint16_t)vlan, &mac);
}

/* --- the spanning tree that is not there --- */

static int fstp_showinfo(struct call *c)
{
	char mac[MAC_STRLEN];

	grow_add(c->out, "MAC %s Priority 32768 (0x8000)\nFSTP=false\n",
		 mac_text(&c->sw->mac, mac));
	return 0;
}

static int fstp_setfstp(struct call *c)
{
	uint32_t on;
	int rc = command_number(c, 0, 0, 1, &on);

	if (rc || !on)
		return rc;
	return command_fail(c, ENOSYS, "this switch has no spanning tree yet; it forwards the "
				       "frames of others'");
}

const struct command hash_commands[] = {
	{ "hash", NULL, "HASH TABLE MENU", false, NULL },
	{ "hash/showinfo", "", "show hash info", true, hash_showinfo },
	{ "hash/setsize", "N", "change hash size (it grows by itself)", false, hash_setsize },
	{ "hash/setgcint", "N", "change garbage collector interval", false, hash_setgcint },
	{ "hash/setexpire", "N", "change hash entries expire time", false, hash_setexpire },
	{ "hash/setminper", "N", "minimum persistence time", false, hash_setminper },
	{ "hash/print", "", "print the hash table", true, hash_print },
	{ "hash/find", "MAC [VLAN]", "MAC lookup", true, hash_find },
	{ "hash/fix", "MAC PORT [VLAN]", "an address is there and nowhere else", false, hash_fix },
	{ "hash/forget", "MAC [VLAN]", "forget an address", false, hash_forget },
	{ "fstp", NULL, "FAST SPANNING TREE MENU", false, NULL },
	{ "fstp/showinfo", "", "show fstp info", true, fstp_showinfo },
	{ "fstp/setfstp", "0/1", "only 0=OFF", true, fstp_setfstp },
	{ NULL, NULL, NULL, false, NULL },
};
