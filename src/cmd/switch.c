/* switch.c - ioth switch: starts a virtual Ethernet switch */
#include <grp.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/opt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "switch/switch.h"

struct switch_args {
	struct switch_conf conf;
	bool		background;
	const char	*pidfile;
	int		verbose;
};

static const char *set_daemon(void *conf, const char *value)
{
	((struct switch_args *)conf)->background = true;
	return NULL;
}

static const char *set_mode(void *conf, const char *value)
{
	struct switch_args *a = conf;
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (!*value || *end || !mode || mode > 0777)
		return "not an octal mode from 1 to 777";
	a->conf.mode = (mode_t)mode;
	return NULL;
}

static const char *set_group(void *conf, const char *value)
{
	struct switch_args *a = conf;
	struct group *gr = getgrnam(value);
	uint64_t n;

	if (!gr && !num_parse(value, 0, UINT32_MAX - 1, &n))
		return "no such group";
	a->conf.gid = gr ? gr->gr_gid : (gid_t)n;
	return NULL;
}

static const char *set_ports(void *conf, const char *value)
{
	struct switch_args *a = conf;
	uint64_t n;

	if (!num_parse(value, 1, SWITCH_PORTS_MAX - 1, &n))
		return "not a number from 1 to 65535";
	a->conf.n_ports = (uint32_t)n + 1;	/* and port 0 */
	return NULL;
}

static const char *set_hub(void *conf, const char *value)
{
	((struct switch_args *)conf)->conf.hub = true;
	return NULL;
}

static const char *set_classic(void *conf, const char *value)
{
	((struct switch_args *)conf)->conf.classic = true;
	return NULL;
}

static const char *set_pidfile(void *conf, const char *value)
{
	((struct switch_args *)conf)->pidfile = value;
	return NULL;
}

static const char *set_verbose(void *conf, const char *value)
{
	struct switch_args *a = conf;

	a->verbose++;
	log_set_level(a->verbose > 1 ? LOG_DEBUG : LOG_INFO);
	return NULL;
}

static const struct opt options[] = {
	{ "daemon",	'd', NULL,	"go to the background once clients can join", set_daemon },
	{ "mode",	'm', "MODE",	"who may join, as the mode of a file (0600)", set_mode },
	{ "group",	'g', "GROUP",	"give the switch to a group (see --mode 0660)", set_group },
	{ "numports",	'n', "PORTS",	"how many ports there are (255)", set_ports },
	{ "hub",	'x', NULL,	"repeat every frame to every port", set_hub },
	{ "classic",	'c', NULL,	"share memory with nobody: every frame by a socket", set_classic },
	{ "pidfile",	'p', "FILE",	"write the process's number there", set_pidfile },
	{ "verbose",	'v', NULL,	"say who joins and leaves", set_verbose },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth switch [OPTIONS] PATH [OPTIONS]",
	.what = "Starts a virtual Ethernet switch that VDE clients can join; PATH is its name.",
	.opts = { options },
	.more =
	"  ioth switch -d /tmp/sw                     for the nodes of one user\n"
	"  ioth switch -d /tmp/sw -m 0660 -g net      for the members of a group\n"
	"  ioth run --net /tmp/sw --ip 10.0.0.1/24 -- PROGRAM\n"
	"  qemu-system-x86_64 -nic vde,sock=/tmp/sw ...\n"
	"\n"
	"The switch ends with SIGTERM, SIGINT or SIGHUP and leaves no files.\n",
};

int cmd_switch(int argc, char **argv)
{
	struct switch_args a = { .conf = { .gid = (gid_t)-1 } };
	int path = opt_parse(&page, argc, argv, &a);
	int rest;

	if (path < 0)
		return path == -1 ? 0 : 2;
	if (path == argc)
		die(2, "switch: no path given; write: ioth switch -d /tmp/sw");
	a.conf.path = argv[path];
	rest = opt_parse(&page, argc - path, argv + path, &a);
	if (rest < 0)
		return rest == -1 ? 0 : 2;
	if (path + rest < argc)
		die(2, "switch: one path only: what is %s?", argv[path + rest]);
	return switch_main(&a.conf, a.background, a.pidfile);
}
