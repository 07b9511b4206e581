/* addr.c - ioth addr: addresses computed from names */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "name/hash.h"

struct addr_args {
	struct ip_addr	base;
	const char	*passwd;
	char		from_file[256];
	uint32_t	period;
	int32_t		offset;
	int64_t		time;		/* seconds since 1970 */
};

static const char *set_base(void *conf, const char *v)
{
	struct ip_addr *base = &((struct addr_args *)conf)->base;
	unsigned len;

	if (!ip_parse_text(v, base) && !(ip_prefix_parse_text(v, base, &len) && len <= 64))
		return "not an IPv6 address or prefix, like 2001:db8:: or fd00:1::/64";
	return ip_is_v4(base) ? "an IPv4 address: these have no room for a hash" : NULL;
}

static const char *set_password(void *conf, const char *v)
{
	((struct addr_args *)conf)->passwd = v;
	return NULL;
}

static const char *set_password_file(void *conf, const char *v)
{
	struct addr_args *a = conf;
	FILE *f = strcmp(v, "-") ? fopen(v, "re") : stdin;

	if (!f)
		return strerror(errno);
	a->passwd = fgets(a->from_file, sizeof(a->from_file), f);
	if (f != stdin)
		fclose(f);
	if (!a->passwd || !a->from_file[strcspn(a->from_file, "\n")])
		return "no line of 1 to 254 characters to begin with";
	a->from_file[strcspn(a->from_file, "\n")] = 0;
	return NULL;
}

static const char *set_period(void *conf, const char *v)
{
	uint64_t n;

	if (!num_parse(v, 1, 86400 * 366, &n))
		return "not a number of seconds, 1 to 31622400";
	((struct addr_args *)conf)->period = (uint32_t)n;
	return NULL;
}

static const char *set_offset(void *conf, const char *v)
{
	bool minus = *v == '-';
	uint64_t n;

	if (!num_parse(v + minus, 0, 86400 * 366, &n))
		return "not a number of seconds, -31622400 to 31622400";
	((struct addr_args *)conf)->offset = minus ? -(int32_t)n : (int32_t)n;
	return NULL;
}

static const char *set_time(void *conf, const char *v)
{
	uint64_t n;

	if (!num_parse(v, 0, INT64_MAX / 2, &n))
		return "not a number of seconds since 1970, as of: date +%s";
	((struct addr_args *)conf)->time = (int64_t)n;
	return NULL;
}

static const struct opt options[] = {
	{ "base",	'b', "ADDR",	"the network: a prefix, or an address to mix with (default ::)", set_base },
	{ "password",	'p', "WORD",	"others cannot compute the address without it", set_password },
	{ "password-file", 0, "FILE",	"the same, from the first line of a file (-: standard input)", set_password_file },
	{ "period",	0, "SECONDS",	"otip: how long an address is in use (default 32)", set_period },
	{ "offset",	0, "SECONDS",	"otip: added to the time", set_offset },
	{ "time",	0, "SECONDS",	"otip: since 1970; default: now", set_time },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth addr hash|mac|eui64|otip [OPTIONS] NAME...",
	.what = "Prints addresses computed from names, a line each.",
	.opts = { options, common_options },
	.more =
	"  ioth addr hash -b 2001:db8:: www.example.org     the address of a name\n"
	"  ioth addr mac www.example.org                    and its MAC address\n"
	"  ioth addr otip -b fd00:: -p secret web.home      an address for the next seconds\n",
};

/* --- one line for each name --- */

static const char *say_hash(const struct addr_args *a, const char *name, char *buf)
{
	struct ip_addr ip = hash_addr(&a->base, name, a->passwd, 0);

	return ip_text(&ip, buf);
}

static const char *say_mac(const struct addr_args *a, const char *name, char *buf)
{
	struct mac m = hash_mac(name, a->passwd);

	return mac_text(&m, buf);
}

static const char *say_eui64(const struct addr_args *a, const char *name, char *buf)
{
	struct ip_addr ip;
	struct mac m;

	if (!mac_parse_text(name, &m))
		m = hash_mac(name, a->passwd);
	ip = hash_eui64(&a->base, m);
	return ip_text(&ip, buf);
}

static const char *say_otip(const struct addr_args *a, const char *name, char *buf)
{
	uint32_t when = hash_otiptime(a->time, a->period, a->offset);
	struct ip_addr ip = hash_addr(&a->base, name, a->passwd, when);

	return ip_text(&ip, buf);
}

static const struct way {
	const char	*word;
	const char	*(*say)(const struct addr_args *a, const char *name, char *buf);
} ways[] = {
	{ "hash",	say_hash },
	{ "mac",	say_mac },
	{ "eui64",	say_eui64 },
	{ "otip",	say_otip },
};

static const struct way *find(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (strcmp(ways[i].word, word) == 0)
			return &ways[i];
	}
	return NULL;
}

int cmd_addr(int argc, char **argv)
{
	struct addr_args a = { .period = OTIP_PERIOD, .time = time(NULL) };
	const struct way *way = argc > 1 ? find(argv[1]) : NULL;
	char buf[IP_STRLEN];
	int i = opt_parse(&page, argc - (way != NULL), argv + (way != NULL), &a);

	if (i < 0)
		return i == -1 ? 0 : 2;
	if (!way)
		die(2, "addr: %s is no kind of address; write: ioth addr hash NAME (or mac, "
		       "eui64, otip)", i < argc ? argv[i] : "nothing");
	if (i == argc - 1)
		die(2, "addr: no name given; write: ioth addr %s www.example.org", way->word);
	for (; i < argc - 1; i++) {
		if (!*argv[i + 1])
			die(2, "addr: a name is empty; write one like www.example.org");
		puts(way->say(&a, argv[i + 1], buf));
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
