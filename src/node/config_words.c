/* config_words.c - configuration strings (VirtualSquare's iothconf)
 *
 * Words with commas between: "eth,dhcp,fqdn=web.home,ip=10.0.0.1/24". A word is a row
 * of a table; what begins with - takes back. Those after iface= or ifindex= are that
 * interface's; those before the first are of the stack's first interface.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "node/config.h"
#include "proto/label.h"

/* A setter returns NULL, or what is wrong with the value. */
struct word {
	const char	*name;
	unsigned	bits;		/* without a value: of want, or undo */
	const char	*(*set)(struct words *w, struct words_if *i, char *value, bool undo);
	enum { BOTH, ONLY, UNDO } use;	/* with and without -, only without, only with */
};

static const char *set_stack(struct words *w, struct words_if *i, char *value, bool undo)
{
	w->stack = value;
	return NULL;
}

static const char *set_vnl(struct words *w, struct words_if *i, char *value, bool undo)
{
	if (w->n_vnl == CONFIG_IFS)
		return "more than 16 networks";
	w->vnl[w->n_vnl++] = value;
	w->vnl[w->n_vnl] = NULL;
	return NULL;
}

/* The words that follow are of another interface. */
static struct words_if *another(struct words *w)
{
	struct words_if *i = &w->ifs[w->n_if - 1];

	if (i->said && w->n_if == CONFIG_IFS)
		return NULL;
	if (i->said)
		i = &w->ifs[w->n_if++];
	i->said = true;
	return i;
}

static const char *set_iface(struct words *w, struct words_if *i, char *value, bool undo)
{
	struct words_if *next = another(w);

	if (!next)
		return "more than 16 interfaces";
	next->iface = value;
	return NULL;
}

static const char *set_ifindex(struct words *w, struct words_if *i, char *value, bool undo)
{
	struct words_if *next = another(w);
	uint64_t n;

	if (!num_parse(value, 1, INT32_MAX, &n))
		return "not the number of an interface";
	if (!next)
		return "more than 16 interfaces";
	next->ifindex = (unsigned)n;
	return NULL;
}

static const char *set_fqdn(struct words *w, struct words_if *i, char *value, bool undo)
{
	if (!label_text_ok(value))
		return "not a name like www.example.org";
	i->fqdn = value;
	i->said = true;
	return NULL;
}

static const char *set_mac(struct words *w, struct words_if *i, char *value, bool undo)
{
	if (!mac_parse_text(value, &i->mac))
		return "not a MAC address, like 02:00:00:00:00:01";
	i->said = true;
	if (mac_is_group(&i->mac) || mac_is_zero(&i->mac))
		return "not the address of one station (its first byte must be even, not all zero)";
	return NULL;
}

static const char *set_timeout(struct words *w, struct words_if *i, char *value, bool undo)
{
	uint64_t n;

	if (!num_parse(value, 0, 3600, &n))
		return "not a number of seconds, 0 to 3600";
	w->timeout = (usec)n * USEC_PER_SEC;
	return NULL;
}

static const char *add(struct words_if *i, struct words_set s)
{
	if (i->n_set == CONFIG_SETS)
		return "more than 64 addresses and names for an interface";
	i->set[i->n_set++] = s;
	i->said = true;
	if (!s.undo)
		i->want |= CONFIG_STATIC;
	return NULL;
}

static const char *set_ip(struct words *w, struct words_if *i, char *value, bool undo)
{
	struct words_set s = { .kind = WORDS_IP, .undo = undo };

	if (ip_parse_text(value, &s.addr))
		s.len = ip_is_v4(&s.addr) ? 24 : 64;
	else if (!ip_prefix_parse_text(value, &s.addr, &s.len))
		return "not an IPv4 or IPv6 address, like 10.0.0.1/24 or fd00::1/64";
	if (ip_is_multicast(&s.addr) || ip_is_any(&s.addr))
		return "not an address a host can have";
	return add(i, s);
}

static const char *set_server(struct words_if *i, const char *value, struct words_set s)
{
	if (!ip_parse_text(value, &s.addr))
		return "not an IPv4 or IPv6 address";
	return add(i, s);
}

static const char *set_gw(struct words *w, struct words_if *i, char *value, bool undo)
{
	return set_server(i, value, (struct words_set){ .kind = WORDS_GW, .undo = undo });
}

static const char *set_dns(struct words *w, struct words_if *i, char *value, bool undo)
{
	return set_server(i, value, (struct words_set){ .kind = WORDS_DNS, .undo = undo });
}

static const char *set_domain(struct words *w, struct words_if *i, char *value, bool undo)
{
	if (!label_text_ok(value))
		return "not a domain, like example.org";
	return add(i, (struct words_set){ .kind = WORDS_DOMAIN, .undo = undo, .domain = value });
}

#define AUTO4	(CONFIG_ETH | CONFIG_DHCP4)
#define AUTO6	(CONFIG_ETH | CONFIG_DHCP6 | CONFIG_RD)

static const struct word words[] = {
	{ "eth",	CONFIG_ETH, NULL, BOTH },
	{ "dhcp",	CONFIG_DHCP4, NULL, BOTH },
	{ "dhcp4",	CONFIG_DHCP4, NULL, BOTH },
	{ "dhcpv4",	CONFIG_DHCP4, NULL, BOTH },
	{ "dhcp6",	CONFIG_DHCP6, NULL, BOTH },
	{ "dhcpv6",	CONFIG_DHCP6, NULL, BOTH },
	{ "rd",		CONFIG_RD, NULL, BOTH },
	{ "rd6",	CONFIG_RD, NULL, BOTH },
	{ "slaac",	CONFIG_SLAAC, NULL, BOTH },
	{ "auto",	AUTO4 | AUTO6, NULL, BOTH },
	{ "auto4",	AUTO4, NULL, BOTH },
	{ "autov4",	AUTO4, NULL, BOTH },
	{ "auto6",	AUTO6, NULL, BOTH },
	{ "autov6",	AUTO6, NULL, BOTH },
	{ "debug",	CONFIG_DEBUG, NULL, ONLY },
	{ "static",	CONFIG_STATIC, NULL, UNDO },
	{ "all",	AUTO4 | AUTO6 | CONFIG_STATIC | CONFIG_SLAAC, NULL, UNDO },
	{ "ip",		0, set_ip, BOTH },
	{ "gw",		0, set_gw, BOTH },
	{ "dns",	0, set_dns, BOTH },
	{ "domain",	0, set_domain, BOTH },
	{ "fqdn",	0, set_fqdn, ONLY },
	{ "mac",	0, set_mac, ONLY },
	{ "macaddr",	0, set_mac, ONLY },
	{ "iface",	0, set_iface, ONLY },
	{ "ifindex",	0, set_ifindex, ONLY },
	{ "stack",	0, set_stack, ONLY },
	{ "vnl",	0, set_vnl, ONLY },
	{ "timeout",	0, set_timeout, ONLY },
};

static const struct word *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].name) == len && memcmp(words[i].name, name, len) == 0)
			return &words[i];
	}
	return NULL;
}

/* NULL, or what is wrong with the word. */
static const char *take(struct words *w, char *text)
{
	bool undo = *text == '-';
	char *name = text + undo, *eq = strchr(name, '=');
	const struct word *word = find(name, eq ? (size_t)(eq - name) : strlen(name));
	struct words_if *i = &w->ifs[w->n_if - 1];

	if (!word || (undo && word->use == ONLY))
		return undo ? "there is nothing of that name to take back" : "no such word";
	if (!undo && word->use == UNDO)
		return "this word can only take back, with a - before it";
	if (!word->set && eq)
		return "this word has no value";
	if (word->set && (!eq || !eq[1]))
		return "this word needs a value, after =";
	if (word->set)
		return word->set(w, i, eq + 1, undo);
	i->said = true;
	if (undo)
		i->undo |= word->bits;
	else
		i->want |= word->bits;
	return NULL;
}

/* Each interface at most once makes sense as a whole. */
static const char *check(const struct words *w)
{
	for (unsigned k = 0; k < w->n_if; k++) {
		if (w->ifs[k].want & CONFIG_SLAAC && !(w->ifs[k].want & CONFIG_RD))
			return "slaac: addresses from routers need rd (or auto6), too";
	}
	return NULL;
}

char *words_parse(const char *string, struct words *w)
{
	char *rest, *text;
	const char *why;

	*w = (struct words){ .text = xstrdup(string), .timeout = -1, .n_if = 1 };
	rest = w->text;
	while ((text = strsep(&rest, ","))) {
		why = *text ? take(w, text) : NULL;
		if (why) {
			char *line = xasprintf("%s: %s", text, why);

			words_free(w);
			return line;
		}
	}
	why = check(w);
	if (!why)
		return NULL;
	words_free(w);
	return xstrdup(why);
}

bool words_unanswered(const struct words *w, unsigned got)
{
	unsigned want = 0;

	for (unsigned i = 0; i < w->n_if; i++)
		want |= w->ifs[i].want & CONFIG_LEARNT;
	return want && !(got & CONFIG_LEARNT);
}

void words_free(struct words *w)
{
	free(w->text);
	w->text = NULL;
}
