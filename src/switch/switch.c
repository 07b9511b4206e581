/* switch.c - the assembly: directory, ctl, ports and forwarding core
 *
 * Everything happens in callbacks of one loop and in switch_run; a switch is
 * one thread and has no lock. The process around it is in daemon.c.
 */
#include "switch/switch.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "switch/mgmt.h"

#define MODE_DEFAULT	0600
#define PATIENCE	(20 * USEC_PER_MSEC)	/* of hold.c */
#define AGE_EVERY	(2 * USEC_PER_SEC)
#define RC_SYSTEM	"/etc/vde2/vde_switch.rc"

/* As vde_switch chooses one: a local address of its own. */
static struct mac mac_of_switch(const struct switch_conf *conf)
{
	struct mac mac = { { 0x00, 0xff } };
	struct rng rng;
	uint64_t r;

	if (!mac_is_zero(&conf->mac))
		return conf->mac;
	rng_seed_system(&rng);
	r = rng_u64(&rng);
	memcpy(mac.b + 2, &r, 4);
	return mac;
}

static bool open_plugs(struct sw *sw, char **why)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < sw->conf.n_plugs; i++)
		ok = held_open(sw, sw->conf.plug[i], why);
	return ok;
}

struct sw *switch_new(const struct switch_conf *conf, struct loop *loop, char **why)
{
	struct sw *sw = xzalloc(sizeof(*sw));
	struct hash_key key;

	sw->loop = loop;
	sw->conf = *conf;
	sw->conf.mode = conf->mode ? conf->mode : MODE_DEFAULT;
	sw->conf.dir_mode = conf->dir_mode ? conf->dir_mode : dir_mode(sw->conf.mode);
	sw->conf.n_ports = conf->n_ports ? conf->n_ports : SWITCH_PORTS_DEFAULT;
	sw->resume = NEVER;
	sw->ctl.fd = sw->shm.fd = sw->mgmt.own.fd = sw->mgmt.given.fd = -1;
	sw->mgmt.spare = -1;
	sw->mac = mac_of_switch(conf);
	sw->born = now_mono();
	sw->mgmt.events_at = sw->mgmt.whole_at = NEVER;
	list_init(&sw->mgmt.sessions);
	list_init(&sw->half);
	list_init(&sw->more);
	list_init(&sw->waiting);
	list_init(&sw->held);
	list_init(&sw->dirty);
	hash_key_system(&key);
	core_init(&sw->core, MAX(sw->conf.n_ports, SWITCH_PORTS_DEFAULT), &key, port_out, sw);
	sw->core.hub = conf->hub;
	policy_init(&sw->policy, &sw->core, &key);
	port_init(sw);
	sw->age_every = AGE_EVERY;
	sw->conf.patience = conf->patience ? conf->patience : PATIENCE;
	intro_init(sw);
	sw->next_age = now_mono() + FDB_AGE;
	event_watch(sw);
	if (dir_take(&sw->dir, conf->path, sw->conf.dir_mode, conf->gid, why) &&
	    mgmt_open(sw, why) && ctl_open(sw, why) && open_plugs(sw, why))
		return sw;
	switch_free(sw);
	return NULL;
}

void switch_free(struct sw *sw)
{
	if (!sw)
		return;
	mgmt_close(sw);
	ctl_close(sw);
	port_fini(sw);
	policy_fini(&sw->policy);
	intro_fini(sw);
	core_fini(&sw->core);
	dir_leave(&sw->dir);
	free(sw);
}

void switch_run(struct sw *sw, usec now)
{
	usec next, policy;

	ctl_run(sw, now);
	hold_run(sw, now);
	port_run(sw);
	held_run(sw, now);
	mgmt_run(sw, now);
	intro_check(sw);
	if (now < sw->next_age)
		return;
	policy = policy_age(&sw->policy, now);
	next = MIN(core_age(&sw->core, now), policy);
	sw->next_age = CLAMP(next, now + sw->age_every, now + FDB_AGE);
}

usec switch_deadline(const struct sw *sw)
{
	usec at = list_empty(&sw->more) ? ctl_deadline(sw) : 0;
	usec held = held_deadline(sw);

	at = MIN(at, held);
	at = MIN(at, hold_deadline(sw));
	at = MIN(at, mgmt_deadline(sw));
	return sw->stop ? 0 : MIN(at, sw->next_age);
}

bool switch_stopped(const struct sw *sw)
{
	return sw->stop;
}

/* vde_switch's file of commands, the user's or the machine's, to free; NULL. */
static char *rc_file(void)
{
	const char *home = getenv("HOME");
	char *path = home ? xasprintf("%s/.vde2/vde_switch.rc", home) : NULL;

	if (path && access(path, R_OK) == 0)
		return path;
	free(path);
	return access(RC_SYSTEM, R_OK) == 0 ? xstrdup(RC_SYSTEM) : NULL;
}

bool switch_load(struct sw *sw, const char *path, char **why)
{
	char *file = path ? xstrdup(path) : rc_file();
	struct grow out = { 0 };
	int rc = file ? mgmt_load(sw, file, &out) : 0;

	if (rc)
		*why = xasprintf("%s: %.*s", file, out.len ? (int)out.len - 1 : (int)strlen(strerror(rc)),
				 out.len ? out.s : strerror(rc));
	grow_free(&out);
	free(file);
	return rc == 0;
}
