/* command_rules.c - port/set...: mirrors, rates, storm control, limits of a port
 *
 * port/rules prints what is set as the commands that set it, so its lines are what
 * a file of commands needs.
 */
#include "switch/rules.h"

#include <errno.h>

#include "base/text.h"
#include "switch/command.h"
#include "switch/mgmt.h"

static const char *const storm_word[N_STORMS] = {
	[STORM_BROADCAST] = "broadcast", [STORM_MULTICAST] = "multicast",
	[STORM_UNKNOWN] = "unknown",
};

static const char *word(const struct call *c, unsigned arg)
{
	return arg < c->argc ? c->argv[arg] : "";
}

/* 0 if nothing stands there and that may be. */
static int arg_size(struct call *c, unsigned arg, bool may_lack, uint64_t *n)
{
	*n = 0;
	if (arg >= c->argc && may_lack)
		return 0;
	if (arg < c->argc && size_parse(c->argv[arg], BUCKET_MAX, n))
		return 0;
	return command_fail(c, EINVAL, "%.40s: not a number (1000, 64k, 10M; 0: no limit)",
			    word(c, arg));
}

static int told(struct call *c, uint32_t port, const char *what, int rc)
{
	if (!rc)
		event_tell(c->sw, EVENT_RULE, "Port %02u %s", port, what);
	return rc;
}

static int set_mtu(struct call *c)
{
	uint32_t port, mtu;
	int rc = command_old_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, FRAME_MAX, &mtu);
	if (rc)
		return rc;
	rc = told(c, port, "mtu", -rules_set_mtu(&c->sw->core, port, mtu));
	return rc ? command_fail(c, rc, "%u: no MTU; give 68 or more, or 0: none", mtu) : 0;
}

static int set_rate(struct call *c)
{
	bool out = strcmp(word(c, 1), "out") == 0;
	uint64_t rate, burst;
	uint32_t port;
	int rc = command_old_port(c, 0, &port);

	if (!rc && !out && strcmp(word(c, 1), "in") != 0)
		rc = command_fail(c, EINVAL, "which way? write: port/setrate %u in|out BYTES", port);
	if (!rc)
		rc = arg_size(c, 2, false, &rate);
	if (!rc)
		rc = arg_size(c, 3, true, &burst);
	return rc ? rc : told(c, port, "rate",
			      -rules_set_rate(&c->sw->core, port, out, rate, burst));
}

static int set_storm(struct call *c)
{
	uint64_t rate, burst;
	uint32_t port;
	int rc = command_old_port(c, 0, &port);
	unsigned what = 0;

	while (what < N_STORMS && strcmp(word(c, 1), storm_word[what]) != 0)
		what++;
	if (!rc && what == N_STORMS)
		rc = command_fail(c, EINVAL, "of what? write: port/setstorm %u "
				  "broadcast|multicast|unknown FRAMES", port);
	if (!rc)
		rc = arg_size(c, 2, false, &rate);
	if (!rc)
		rc = arg_size(c, 3, true, &burst);
	return rc ? rc : told(c, port, "storm", -rules_set_storm(&c->sw->core, port,
							       (enum storm)what, rate, burst));
}

static int set_mirror(struct call *c)
{
	const char *way = word(c, 2);
	uint32_t port, to = NO_PORT;
	int rc = command_old_port(c, 0, &port);
	bool both = !*way || strcmp(way, "both") == 0;
	bool in = both || strcmp(way, "in") == 0, out = both || strcmp(way, "out") == 0;

	if (!rc && strcmp(word(c, 1), "none") != 0)
		rc = command_old_port(c, 1, &to);
	if (!rc && !in && !out)
		rc = command_fail(c, EINVAL, "%.40s: not in, out or both", way);
	if (!rc && to == port)
		rc = command_fail(c, EINVAL, "port %u cannot be its own mirror", port);
	return rc ? rc : told(c, port, "mirror", -rules_set_mirror(&c->sw->core, port, to, in, out));
}

static int set_talk(struct call *c)
{
	uint32_t port, talk;
	int rc = command_old_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, 1, &talk);
	return rc ? rc : told(c, port, "talk", -rules_set_talk(&c->sw->core, port, talk));
}

static int set_isolated(struct call *c)
{
	uint32_t port, yes;
	int rc = command_old_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, 1, &yes);
	return rc ? rc : told(c, port, "isolated", -rules_set_isolated(&c->sw->core, port, yes));
}

static int set_addresses(struct call *c)
{
	bool refuse = strcmp(word(c, 2), "refuse") == 0;
	uint32_t port, max;
	int rc = command_old_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 1, 1u << 20, &max);
	if (!rc && *word(c, 2) && !refuse)
		rc = command_fail(c, EINVAL, "%.40s: only refuse may stand there", word(c, 2));
	return rc ? rc : told(c, port, "addresses",
			      -core_limit_addresses(&c->sw->core, port, max, refuse));
}

/* --- what is set --- */

static void print_bucket(struct grow *out, const char *cmd, uint32_t port, const char *what,
			 const struct bucket *b)
{
	if (b->rate)
		grow_add(out, "%s %u %s %llu %llu\n", cmd, port, what, (unsigned long long)b->rate,
			 (unsigned long long)b->burst);
}

static void print_rules(struct grow *out, uint32_t port, const struct rules *r)
{
	if (r->mirror_in || r->mirror_out)
		grow_add(out, "port/setmirror %u %u %s\n", port, r->mirror,
			 !r->mirror_in ? "out" : r->mirror_out ? "both" : "in");
	if (r->talk)
		grow_add(out, "port/settalk %u 1\n", port);
	print_bucket(out, "port/setrate", port, "in", &r->rate_in);
	print_bucket(out, "port/setrate", port, "out", &r->rate_out);
	for (unsigned i = 0; i < N_STORMS; i++)
		print_bucket(out, "port/setstorm", port, storm_word[i], &r->storm[i]);
}

static void print_port(struct call *c, uint32_t port)
{
	const struct core_port *p = &c->sw->core.port[port];
	const struct fdb_port *f = &c->sw->core.fdb.port[port];

	if (p->mtu)
		grow_add(c->out, "port/setmtu %u %u\n", port, p->mtu);
	if (bit_get(c->sw->core.isolated, port))
		grow_add(c->out, "port/setisolated %u 1\n", port);
	if (f->max != FDB_PORT_MAX || f->refuse)
		grow_add(c->out, "port/setaddresses %u %u%s\n", port, f->max,
			 f->refuse ? " refuse" : "");
	if (p->rules)
		print_rules(c->out, port, p->rules);
}

static int print(struct call *c)
{
	uint32_t port;
	int rc = c->argc ? command_old_port(c, 0, &port) : 0;

	if (rc)
		return rc;
	if (c->argc) {
		print_port(c, port);
		return 0;
	}
	for (port = 0; port < c->sw->conf.n_ports; port++)
		print_port(c, port);
	return 0;
}

const struct command rules_commands[] = {
	{ "port/setmtu", "N MTU", "drop longer frames to the port (0: none)", false, set_mtu },
	{ "port/setrate", "N in|out BYTES [BURST]", "bytes a second (0: no limit)", false,
	  set_rate },
	{ "port/setstorm", "N broadcast|multicast|unknown FRAMES [BURST]",
	  "frames a second of that kind (0: no limit)", false, set_storm },
	{ "port/setmirror", "N PORT|none [in|out|both]", "show the frames of N to a port", false,
	  set_mirror },
	{ "port/settalk", "N 0/1", "a port that is shown frames may talk, too", false, set_talk },
	{ "port/setisolated", "N 0/1", "isolated ports give each other nothing", false,
	  set_isolated },
	{ "port/setaddresses", "N MAX [refuse]",
	  "addresses behind the port; the oldest goes, or a new one is refused", false,
	  set_addresses },
	{ "port/rules", "[N]", "what is set, as the commands that set it", true, print },
	{ NULL, NULL, NULL, false, NULL },
};
