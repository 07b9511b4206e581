/* stack.c - ioth stack: a TCP/IP stack as a file, for other processes */
#include <grp.h>
#include <stdlib.h>

#include "base/daemon.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "node/serve.h"

struct stack_args {
	struct serve_conf conf;		/* first: node_options work on it */
	bool		background;
	const char	*pidfile;
	struct serve	*s;
};

static const char *set_daemon(void *conf, const char *value)
{
	((struct stack_args *)conf)->background = true;
	return NULL;
}

static const char *set_mode(void *conf, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 8);

	if (!*value || *end || !n || n > 0777)
		return "not an octal mode from 1 to 777";
	((struct stack_args *)conf)->conf.mode = (mode_t)n;
	return NULL;
}

static const char *set_group(void *conf, const char *value)
{
	const struct group *gr = getgrnam(value);
	uint64_t n;

	if (!gr && !num_parse(value, 0, UINT32_MAX - 1, &n))
		return "no such group";
	((struct stack_args *)conf)->conf.gid = gr ? gr->gr_gid : (gid_t)n;
	return NULL;
}

static const char *set_max_sockets(void *conf, const char *value)
{
	uint64_t n;

	if (!num_parse(value, 1, 1 << 20, &n))
		return "not a number from 1 to 1048576";
	((struct stack_args *)conf)->conf.max_sockets = (unsigned)n;
	return NULL;
}

static const char *set_pidfile(void *conf, const char *value)
{
	((struct stack_args *)conf)->pidfile = value;
	return NULL;
}

static const struct opt options[] = {
	{ "daemon",	'd', NULL,	"go to the background once sockets can be had", set_daemon },
	{ "mode",	'm', "MODE",	"who may have sockets, as the mode of the file (the umask's)",
	  set_mode },
	{ "group",	'g', "GROUP",	"give the file to a group (see --mode 0660)", set_group },
	{ "max-sockets", 0, "N",	"of another user (half of what descriptors allow)",
	  set_max_sockets },
	{ "pidfile",	'p', "FILE",	"write the process's number there", set_pidfile },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth stack [OPTIONS] PATH [NODE OPTIONS]",
	.what = "Runs a TCP/IP stack that is a file: who may open PATH may have sockets of it.",
	.opts = { options, node_options, common_options },
	.more =
	"  ioth stack -d /tmp/web --net /tmp/sw --ip 10.0.0.1/24\n"
	"  ioth run --stack /tmp/web -- python3 -m http.server 80\n"
	"  ioth run --stack /tmp/web -- ip addr              the same node\n"
	"  ioth stack -d -m 0660 -g net /tmp/lan --net /tmp/sw --ip 10.0.0.2/24\n"
	"\n"
	"In C: msocket(\"/tmp/web\", AF_INET, SOCK_STREAM, 0). ioth show clients tells who is\n"
	"there. The stack ends with SIGTERM, SIGINT or SIGHUP and removes PATH.\n",
};

static bool start(void *ctx, struct loop *loop, char **why)
{
	struct stack_args *a = ctx;

	a->s = serve_start(&a->conf, why);
	return a->s != NULL;
}

static usec deadline(void *ctx)
{
	return NEVER;
}

static bool run(void *ctx, usec now)
{
	return true;
}

static int finish(void *ctx)
{
	struct stack_args *a = ctx;

	if (a->s)
		serve_stop(a->s);
	return 0;
}

/* Options may stand before and behind the path. */
static int parse(int argc, char **argv, struct stack_args *a)
{
	int i = opt_parse(&page, argc, argv, a), more;

	if (i < 0 || i == argc)
		return i;
	a->conf.path = argv[i];
	more = opt_parse(&page, argc - i, argv + i, a);
	return more < 0 ? more : i + more;
}

int cmd_stack(int argc, char **argv)
{
	static const struct daemon_ops ops = { start, deadline, run, finish };
	static struct stack_args a = { .conf = { .gid = (gid_t)-1 } };
	int i = parse(argc, argv, &a);

	if (i < 0)
		return i == -1 ? 0 : 2;
	if (!a.conf.path)
		die(2, "stack: no path given; write: ioth stack -d /tmp/stack --net /tmp/sw "
		       "--ip 10.0.0.1/24");
	if (a.conf.node.served)
		die(2, "stack: --stack %s is a server itself; use its file", a.conf.node.served);
	if (i < argc)
		die(2, "stack: what is %s? write: ioth stack PATH [NODE OPTIONS]", argv[i]);
	return daemon_main(&ops, &a, a.background, a.pidfile);
}
