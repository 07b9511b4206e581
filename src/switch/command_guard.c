/* command_guard.c - guard/... and filter/...: what may pass a port
 *
 * Both may be set before anybody is at the port, and stay when it is left.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "switch/command.h"
#include "switch/mgmt.h"

static_assert(COMMAND_ARGS_MAX == 2 + 2 * GUARD_MAX, "a line can fill a guard");

/* --- guard --- */

static int guard_failed(struct call *c, int rc, const char *word)
{
	switch (rc) {
	case -EINVAL:
		return command_fail(c, EINVAL, "%.60s: not a MAC, an address or ADDRESS/PREFIX of a "
				    "host", word);
	case -EEXIST:
		return command_fail(c, EEXIST, "%.60s is given to the port already", word);
	case -ENOENT:
		return command_fail(c, ENOENT, "%.60s is not given to the port (see guard/print)",
				    word);
	case -ENOSPC:
		return command_fail(c, ENOSPC, "%.60s: a port has no more than %u MACs and %u "
				    "prefixes", word, GUARD_MAX, GUARD_MAX);
	}
	return -rc;
}

static int guard_change(struct call *c, bool add)
{
	uint32_t port;
	int rc = command_port(c, 0, &port);

	if (!rc && c->argc < 2)
		rc = command_fail(c, EINVAL, "no address; write: guard/add 3 02:00:00:00:00:01 "
					     "10.0.0.1 2001:db8::/64");
	if (!rc && c->argc == COMMAND_ARGS_MAX)		/* and who knows how many behind it */
		rc = command_fail(c, E2BIG, "more than %u addresses; give them by several lines",
				  2 * GUARD_MAX);
	for (unsigned i = 1; !rc && i < c->argc; i++) {
		rc = guard_failed(c, policy_guard(&c->sw->policy, port, c->argv[i], add), c->argv[i]);
		if (!rc)
			event_tell(c->sw, EVENT_RULE, "Port %02u guard %c %s", port, add ? '+' : '-',
				   c->argv[i]);
	}
	return rc;
}

static int guard_add(struct call *c)
{
	return guard_change(c, true);
}

static int guard_remove(struct call *c)
{
	return guard_change(c, false);
}

static int guard_clear(struct call *c)
{
	uint32_t port;
	int rc = command_port(c, 0, &port);

	if (rc)
		return rc;
	policy_guard_clear(&c->sw->policy, port);
	event_tell(c->sw, EVENT_RULE, "Port %02u guard none", port);
	return 0;
}

static int set_role(struct call *c, enum guard_drop what, const char *name)
{
	uint32_t port, may = 1;
	int rc = command_port(c, 0, &port);

	if (!rc)
		rc = command_number(c, 1, 0, 1, &may);
	if (rc)
		return rc;
	policy_role(&c->sw->policy, port, what, may);
	event_tell(c->sw, EVENT_RULE, "Port %02u guard %s %u", port, name, may);
	return 0;
}

static int set_router(struct call *c)
{
	return set_role(c, GUARD_ROUTER, "router");
}

static int set_dhcp(struct call *c)
{
	return set_role(c, GUARD_DHCP, "dhcp");
}

static void print_guard(struct call *c, uint32_t port)
{
	const struct guard *g = policy_guard_of(&c->sw->policy, port);
	char text[IP_STRLEN];

	if (!g)
		return;
	grow_add(c->out, "Port %04u%s%s", port, g->no_router ? " no-router" : "",
		 g->no_dhcp ? " no-dhcp" : "");
	for (uint32_t i = 0; i < g->n_mac; i++)
		grow_add(c->out, " %s", mac_text(&g->mac[i], text));
	for (uint32_t i = 0; i < g->n_net; i++)
		grow_add(c->out, " %s/%u", ip_text(&g->net[i].addr, text), g->net[i].len);
	grow_add(c->out, "\n");
	for (enum guard_drop d = 0; d < N_GUARD_DROPS; d++)
		grow_add(c->out, "  -- %llu %s\n", (unsigned long long)g->drops[d],
			 guard_drop_text(d));
}

static int for_ports(struct call *c, void (*print)(struct call *c, uint32_t port))
{
	uint32_t port = 0, end = c->sw->conf.n_ports;
	int rc = c->argc ? command_port(c, 0, &port) : 0;

	if (!rc && c->argc)
		end = port + 1;
	for (; !rc && port < end; port++)
		print(c, port);
	return rc;
}

static int guard_print(struct call *c)
{
	return for_ports(c, print_guard);
}

const struct command guard_commands[] = {
	{ "guard", NULL, "ADDRESSES OF A PORT MENU", false, NULL },
	{ "guard/add", "N MAC|IP[/LEN]...", "the port N may use these addresses, and no others of "
	  "their kind", false, guard_add },
	{ "guard/remove", "N MAC|IP[/LEN]...", "take addresses away from the port N", false,
	  guard_remove },
	{ "guard/clear", "N", "the port N may use any address and be anything", false, guard_clear },
	{ "guard/setrouter", "N 0/1", "may a router be behind the port N? 1=Y 0=N, it may not "
	  "advertise", false, set_router },
	{ "guard/setdhcp", "N 0/1", "may a DHCP server be behind the port N? 1=Y 0=N, it may not "
	  "answer", false, set_dhcp },
	{ "guard/print", "[N]", "what ports may use, and what was dropped", true, guard_print },
	{ NULL, NULL, NULL, false, NULL },
};

/* --- filter --- */

static int one_of(struct call *c, unsigned arg, const char *no, const char *yes, bool *is)
{
	const char *word = arg < c->argc ? c->argv[arg] : "";

	*is = strcmp(word, yes) == 0;
	if (*is || strcmp(word, no) == 0)
		return 0;
	return command_fail(c, EINVAL, "%.40s: neither %s nor %s", *word ? word : "nothing", no, yes);
}

static int which_filter(struct call *c, uint32_t *port, bool *out)
{
	int rc = command_port(c, 0, port);

	return rc ? rc : one_of(c, 1, "in", "out", out);
}

/* arg: where permit or deny stands, and behind it the expression. */
static int add_rule(struct call *c, uint32_t port, bool out, uint32_t at, unsigned arg)
{
	const char *expr = arg + 1 < c->argc ? c->rest[arg + 1] : "";
	bool deny;
	int rc = one_of(c, arg, "permit", "deny", &deny);
	char *why;

	if (rc)
		return rc;
	why = policy_filter_add(&c->sw->policy, port, out, at, deny, expr);
	if (why)
		rc = command_fail(c, EINVAL, "%s", why);
	else
		event_tell(c->sw, EVENT_RULE, "Port %02u filter %s + %s %s", port, out ? "out" : "in",
			   c->argv[arg], expr);
	free(why);
	return rc;
}

static int filter_append(struct call *c)
{
	uint32_t port;
	bool out;
	int rc = which_filter(c, &port, &out);

	return rc ? rc : add_rule(c, port, out, FILTER_MAX, 2);
}

static int filter_insert(struct call *c)
{
	uint32_t port, at;
	bool out;
	int rc = which_filter(c, &port, &out);

	if (!rc)
		rc = command_number(c, 2, 0, FILTER_MAX - 1, &at);
	return rc ? rc : add_rule(c, port, out, at, 3);
}

static int filter_remove(struct call *c)
{
	uint32_t port, at;
	bool out;
	int rc = which_filter(c, &port, &out);

	if (!rc)
		rc = command_number(c, 2, 0, FILTER_MAX - 1, &at);
	if (rc)
		return rc;
	if (!policy_filter_del(&c->sw->policy, port, out, at))
		return command_fail(c, ENOENT, "there is no rule %u (see filter/print %u)", at, port);
	event_tell(c->sw, EVENT_RULE, "Port %02u filter %s - %u", port, out ? "out" : "in", at);
	return 0;
}

static int filter_clear_port(struct call *c)
{
	uint32_t port;
	int rc = command_port(c, 0, &port);

	if (rc)
		return rc;
	policy_filter_clear(&c->sw->policy, port, false);
	policy_filter_clear(&c->sw->policy, port, true);
	event_tell(c->sw, EVENT_RULE, "Port %02u filter none", port);
	return 0;
}

static void print_rules(struct call *c, uint32_t port, bool out)
{
	const struct filter *f = policy_filter_of(&c->sw->policy, port, out);

	for (uint32_t i = 0; f && i < f->n; i++) {
		const struct filter_rule *r = &f->rule[i];

		grow_add(c->out, "Port %04u %s %02u frames %llu bytes %llu: %s %s\n", port,
			 out ? "out" : "in", i, (unsigned long long)r->frames,
			 (unsigned long long)r->bytes, r->deny ? "deny" : "permit", r->expr);
	}
}

static void print_filters(struct call *c, uint32_t port)
{
	print_rules(c, port, false);
	print_rules(c, port, true);
}

static int filter_print(struct call *c)
{
	return for_ports(c, print_filters);
}

const struct command filter_commands[] = {
	{ "filter", NULL, "FILTER MENU", false, NULL },
	{ "filter/add", "N in|out permit|deny [EXPRESSION]", "a rule behind the others: "
	  "pcap-filter(7), the first that matches decides", false, filter_append },
	{ "filter/insert", "N in|out I permit|deny [EXPRESSION]", "a rule before the rule I", false,
	  filter_insert },
	{ "filter/remove", "N in|out I", "remove the rule I", false, filter_remove },
	{ "filter/clear", "N", "remove all rules of the port N", false, filter_clear_port },
	{ "filter/print", "[N]", "rules, and what they decided about", true, filter_print },
	{ NULL, NULL, NULL, false, NULL },
};
