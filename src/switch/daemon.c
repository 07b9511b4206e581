/* daemon.c - a process that is a switch
 *
 * What SIGKILL leaves the next switch removes (dir.c).
 */
#include "base/daemon.h"

#include "switch/switch.h"

struct server {
	const struct switch_conf *conf;
	struct sw	*sw;
};

static bool start(void *ctx, struct loop *loop, char **why)
{
	struct server *s = ctx;

	s->sw = switch_new(s->conf, loop, why);
	return s->sw != NULL;
}

static usec deadline(void *ctx)
{
	return switch_deadline(((struct server *)ctx)->sw);
}

static bool run(void *ctx, usec now)
{
	switch_run(((struct server *)ctx)->sw, now);
	return true;
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

int switch_main(const struct switch_conf *conf, bool background, const char *pidfile)
{
	struct server s = { .conf = conf };

	return daemon_main(&switch_ops, &s, background, pidfile);
}
