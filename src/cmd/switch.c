/* switch.c - ioth switch: starts a virtual Ethernet switch, or talks to one
 *
 * The options are those of vde_switch too, with the same meaning, and may be written
 * as it allows: "-sock PATH" and "--sock PATH". So a link called vde_switch that
 * runs "ioth switch" serves the scripts written for it.
 */
#include <grp.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/talk.h"
#include "switch/switch.h"

struct switch_args {
	struct switch_conf conf;
	struct switch_process proc;
	int		verbose;
};

static const char *set_path(void *conf, const char *value)
{
	((struct switch_args *)conf)->conf.path = value;
	return NULL;
}

static const char *set_daemon(void *conf, const char *value)
{
	((struct switch_args *)conf)->proc.background = true;
	return NULL;
}

static const char *mode_of(const char *value, mode_t *mode)
{
	char *end;
	unsigned long n = strtoul(value, &end, 8);

	if (!*value || *end || !n || n > 0777)
		return "not an octal mode from 1 to 777";
	*mode = (mode_t)n;
	return NULL;
}

static const char *group_of(const char *value, gid_t *gid)
{
	const struct group *gr = getgrnam(value);
	uint64_t n;

	if (!gr && !num_parse(value, 0, UINT32_MAX - 1, &n))
		return "no such group";
	*gid = gr ? gr->gr_gid : (gid_t)n;
	return NULL;
}

static const char *set_mode(void *conf, const char *value)
{
	return mode_of(value, &((struct switch_args *)conf)->conf.mode);
}

static const char *set_dirmode(void *conf, const char *value)
{
	return mode_of(value, &((struct switch_args *)conf)->conf.dir_mode);
}

static const char *set_group(void *conf, const char *value)
{
	return group_of(value, &((struct switch_args *)conf)->conf.gid);
}

static const char *set_mgmt(void *conf, const char *value)
{
	((struct switch_args *)conf)->conf.mgmt = value;
	return NULL;
}

static const char *set_mgmtmode(void *conf, const char *value)
{
	return mode_of(value, &((struct switch_args *)conf)->conf.mgmt_mode);
}

static const char *set_mgmtgroup(void *conf, const char *value)
{
	return group_of(value, &((struct switch_args *)conf)->conf.mgmt_gid);
}

static const char *set_nostdin(void *conf, const char *value)
{
	((struct switch_args *)conf)->conf.console = false;
	return NULL;
}

static const char *set_rcfile(void *conf, const char *value)
{
	((struct switch_args *)conf)->proc.rcfile = value;
	return NULL;
}

static const char *set_macaddr(void *conf, const char *value)
{
	struct switch_args *a = conf;

	if (!mac_parse_text(value, &a->conf.mac) || mac_is_group(&a->conf.mac) ||
	    mac_is_zero(&a->conf.mac))
		return "not the Ethernet address of a station (write 02:00:00:00:00:01)";
	return NULL;
}

/* The table of addresses grows by itself, and there is no spanning tree. */
static const char *set_unused(void *conf, const char *value)
{
	uint64_t n;

	return num_parse(value, 0, UINT32_MAX, &n) ? NULL : "not a number";
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

static const char *set_alone(void *conf, const char *value)
{
	((struct switch_args *)conf)->conf.alone = true;
	return NULL;
}

static const char *set_pidfile(void *conf, const char *value)
{
	((struct switch_args *)conf)->proc.pidfile = value;
	return NULL;
}

static const char *set_plug(void *conf, const char *value)
{
	struct switch_args *a = conf;

	if (strcmp(value, "-") == 0)
		return "stdin and stdout are no port of a switch; use: ioth plug PATH";
	if (a->conf.n_plugs == SWITCH_PLUGS_MAX)
		return "too many plugs (64 at most)";
	a->conf.plug[a->conf.n_plugs++] = value;
	return NULL;
}

static const char *set_tap(void *conf, const char *value)
{
	return set_plug(conf, xasprintf("tap://%s", value));
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
	{ "mgmt",	'M', "SOCKET",	"a console there too, besides PATH/mgmt", set_mgmt },
	{ "mgmtmode",	0, "MODE",	"who may use that console (0600)", set_mgmtmode },
	{ "mgmtgroup",	0, "GROUP",	"give that console to a group", set_mgmtgroup },
	{ "nostdin",	0, NULL,	"no console on standard input", set_nostdin },
	{ "rcfile",	'f', "FILE",	"commands to begin with", set_rcfile },
	{ "plug",	0, "LOCATOR",	"a port's other end, as with ioth plug (repeatable)", set_plug },
	{ "tap",	't', "IF",	"the same with tap://IF", set_tap },
	{ "no-introductions", 0, NULL,	"pass on every frame: no two ports get a wire of their own",
	  set_alone },
	{ "pidfile",	'p', "FILE",	"write the process's number there", set_pidfile },
	{ "verbose",	'v', NULL,	"say who joins and leaves", set_verbose },
	{ NULL, 0, NULL, NULL, NULL },
};

/* Words of vde_switch that are not needed here. */
static const struct opt compatible[] = {
	{ "sock",	's', "PATH",	"as the operand PATH", set_path },
	{ "vdesock",	0, "PATH",	"the same", set_path },
	{ "unix",	0, "PATH",	"the same", set_path },
	{ "dirmode",	0, "MODE",	"mode of the directory (as --mode, and x for r or w)", set_dirmode },
	{ "macaddr",	0, "MAC",	"the switch's own address (any)", set_macaddr },
	{ "hashsize",	0, "N",		"understood; the table of addresses grows by itself", set_unused },
	{ "priority",	0, "N",		"understood; there is no spanning tree", set_unused },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth switch [OPTIONS] PATH [OPTIONS] | ioth switch PATH COMMAND",
	.what = "Starts a virtual Ethernet switch that VDE clients can join, PATH is its name; or "
		"gives a command to a running one.",
	.opts = { options, compatible },
	.more =
	"  ioth switch -d /tmp/sw                     for the nodes of one user\n"
	"  ioth switch -d /tmp/sw -m 0660 -g net      for the members of a group\n"
	"  ioth run --net /tmp/sw --ip 10.0.0.1/24 -- PROGRAM\n"
	"  qemu-system-x86_64 -nic vde,sock=/tmp/sw ...\n"
	"  ioth switch /tmp/sw help                   what a running switch can be told\n"
	"  ioth switch /tmp/sw show clients           who is there (-t, --json)\n"
	"  ioth switch /tmp/sw shutdown\n"
	"\n"
	"The switch ends with SIGTERM, SIGINT, SIGHUP or shutdown and leaves no files.\n",
};

static bool begins(const char *name, const char *s, size_t n)
{
	return strncmp(name, s, n) == 0;
}

/* The option that s, up to its end or '=', is the name or the only beginning of. */
static const struct opt *long_name(const char *s)
{
	const struct opt *const tables[] = { options, compatible }, *found = NULL;
	size_t n = strcspn(s, "=");

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (const struct opt *o = tables[i]; o->name; o++) {
			if (!begins(o->name, s, n))
				continue;
			if (!o->name[n])
				return o;
			if (found && n > 1)
				return NULL;
			found = o;
		}
	}
	return n > 1 ? found : NULL;
}

/* "-sock" and "--mod" as vde_switch takes them: as "--sock" and "--mode". Letters that
 * are joined ("-dx") remain. */
static char *spell_out(char *arg)
{
	const char *word = arg + strspn(arg, "-");
	size_t dashes = (size_t)(word - arg);
	const struct opt *o;

	if (dashes < 1 || dashes > 2 || strlen(word) < 2)
		return arg;
	o = long_name(word);
	return o ? xasprintf("--%s%s", o->name, word + strcspn(word, "=")) : arg;
}

/* A leading path and the options before and behind it; returns where words begin. */
static int parse(int argc, char **argv, struct switch_args *a)
{
	int i = opt_parse(&page, argc, argv, a), more;

	if (i < 0)
		return i;
	if (i == argc || a->conf.path)
		return i;
	a->conf.path = argv[i];
	more = opt_parse(&page, argc - i, argv + i, a);
	return more < 0 ? more : i + more;
}

int cmd_switch(int argc, char **argv)
{
	struct switch_args a = { .conf = { .gid = (gid_t)-1, .mgmt_gid = (gid_t)-1,
					   .console = true } };
	int words;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		argv[i] = spell_out(argv[i]);
	words = parse(argc, argv, &a);
	if (words < 0)
		return words == -1 ? 0 : 2;
	if (!a.conf.path)
		die(2, "switch: no path given; write: ioth switch -d /tmp/sw");
	if (words < argc)
		return talk(a.conf.path, argc - words, argv + words);
	a.conf.console &= !a.proc.background;
	return switch_main(&a.conf, &a.proc);
}
