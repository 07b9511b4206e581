/* run.c - ioth run: a program as a node of its own */
#include <stdlib.h>

#include "base/log.h"
#include "base/opt.h"
#include "cmd/cmd.h"
#include "run/run.h"

static const char *set_proc_net(void *conf, const char *v)
{
	((struct run_conf *)conf)->proc_net = true;
	return NULL;
}

static const char *set_netns(void *conf, const char *v)
{
	((struct run_conf *)conf)->netns = true;
	return NULL;
}

static const struct opt run_options[] = {
	{ "netns", 0, NULL, "the whole program in namespaces of its own, on Linux's stack", set_netns },
	{ "proc-net", 0, NULL, "let /proc/net show the node, too (each open of a file costs more)",
	  set_proc_net },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth run [NODE OPTIONS] [--] PROGRAM [ARGS]",
	.what = "Runs an unmodified program on a TCP/IP stack of its own.",
	.opts = { node_options, run_options, common_options },
	.more =
	"The exit status is the program's; 127 if it is not found, 126 if it cannot\n"
	"be executed, 1 if the node cannot be made, 2 for wrong usage.\n"
	"\n"
	"  ioth switch -d /tmp/sw\n"
	"  ioth run --net /tmp/sw --ip 10.0.0.1/24 -- python3 -m http.server 80\n"
	"  ioth run --net /tmp/sw --ip 10.0.0.2/24 -- curl http://10.0.0.1/\n",
};

int cmd_run(int argc, char **argv)
{
	static struct run_conf conf;
	int i = opt_parse(&page, argc, argv, &conf);

	if (i < 0)
		return i == -1 ? 0 : 2;
	if (i == argc)
		die(2, "run: no program given; write: ioth run [NODE OPTIONS] -- PROGRAM [ARGS]");
	if (conf.node.served && (conf.node.n_if || conf.node.n_addr || conf.node.n_gw ||
				 conf.node.n_set || conf.node.n_dns))
		die(2, "run: the network of --stack %s is the server's; leave out --net, --ip, "
		       "--gw, --dns and --set", conf.node.served);
	if (conf.node.served && conf.netns)
		die(2, "run: --netns is on Linux's stack, not on that of --stack %s; leave out one",
		    conf.node.served);
	if (!conf.node.n_if && !conf.node.served)
		die(2, "run: no network given; start a switch (ioth switch -d /tmp/sw) and say "
		       "--net /tmp/sw");
	return run_program(&conf, argv + i);
}
