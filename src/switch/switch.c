/* switch.c - the assembly: directory, ctl, ports and forwarding core
 *
 * Everything happens in callbacks of one loop and in switch_run; a switch is
 * one thread and has no lock. The process around it is in daemon.c.
 */
#include "switch/switch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "switch/client.h"

#define MODE_DEFAULT	0600
#define AGE_EVERY	(2 * USEC_PER_SEC)

struct sw *switch_new(const struct switch_conf *conf, struct loop *loop, char **why)
{
	struct sw *sw = xzalloc(sizeof(*sw));
	struct hash_key key;

	sw->loop = loop;
	sw->conf = *conf;
	sw->conf.mode = conf->mode ? conf->mode : MODE_DEFAULT;
	sw->conf.n_ports = conf->n_ports ? conf->n_ports : SWITCH_PORTS_DEFAULT;
	sw->resume = NEVER;
	sw->ctl.fd = sw->shm.fd = -1;
	list_init(&sw->half);
	list_init(&sw->more);
	list_init(&sw->dirty);
	hash_key_system(&key);
	core_init(&sw->core, sw->conf.n_ports, &key, port_out, sw);
	sw->core.hub = conf->hub;
	policy_init(&sw->policy, &sw->core, &key);
	port_init(sw);
	sw->next_age = now_mono() + FDB_AGE;
	if (dir_take(&sw->dir, conf->path, sw->conf.mode, conf->gid, why) && ctl_open(sw, why))
		return sw;
	switch_free(sw);
	return NULL;
}

void switch_free(struct sw *sw)
{
	if (!sw)
		return;
	ctl_close(sw);
	port_fini(sw);
	policy_fini(&sw->policy);
	core_fini(&sw->core);
	dir_leave(&sw->dir);
	free(sw);
}

void switch_run(struct sw *sw, usec now)
{
	usec next, policy;

	ctl_run(sw, now);
	shm_run(sw);
	if (now < sw->next_age)
		return;
	policy = policy_age(&sw->policy, now);
	next = MIN(core_age(&sw->core, now), policy);
	sw->next_age = CLAMP(next, now + AGE_EVERY, now + FDB_AGE);
}

usec switch_deadline(const struct sw *sw)
{
	usec at = list_empty(&sw->more) ? ctl_deadline(sw) : 0;

	return MIN(at, sw->next_age);
}
