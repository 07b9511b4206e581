/* daemon.c - a process that is a switch
 *
 * What SIGKILL leaves the next switch removes (dir.c).
 */
#include "base/daemon.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "switch/switch.h"

#define OTHER_FILES	64	/* than those of ports */

struct server {
	const struct switch_conf *conf;
	const char	*rcfile;
	struct sw	*sw;
};

/* What failed is told and the switch goes on, as vde_switch does. */
static void load(const struct server *s)
{
	char *why = NULL;

	if (!switch_load(s->sw, s->rcfile, &why))
		err("%s", why);
	free(why);
}

/* Of the ports that were asked for; the limit has been raised as far as it goes. */
static void check_files(uint32_t ports)
{
	struct rlimit rl;

	if (ports && getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < ports + OTHER_FILES)
		err("%u ports need %u file descriptors and the limit is %llu: not all can be joined (ulimit -Hn)",
		    ports - 1, ports + OTHER_FILES, (unsigned long long)rl.rlim_cur);
}

static bool start(void *ctx, struct loop *loop, char **why)
{
	struct server *s = ctx;

	check_files(s->conf->n_ports);
	s->sw = switch_new(s->conf, loop, why);
	if (s->sw)
		load(s);
	return s->sw != NULL;
}

static usec deadline(void *ctx)
{
	return switch_deadline(((struct server *)ctx)->sw);
}

static bool run(void *ctx, usec now)
{
	struct sw *sw = ((struct server *)ctx)->sw;

	switch_run(sw, now);
	return !switch_stopped(sw);
}

static int finish(void *ctx)
{
	switch_free(((struct server *)ctx)->sw);
	return 0;
}

static const struct daemon_ops switch_ops = {
	.start		= start,
	.deadline	= deadline,
	.run		= run,
	.finish		= finish,
};

int switch_main(const struct switch_conf *conf, const struct switch_process *proc)
{
	struct server s = { .conf = conf, .rcfile = proc->rcfile };

	return daemon_main(&switch_ops, &s, proc->background, proc->pidfile);
}
