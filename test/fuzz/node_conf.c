/* node_conf.c - command lines of any words: NODE OPTIONS and their parameters
 *
 * A word a line. Bad use gives exactly one line of error and nothing else; what is
 * accepted is within its bounds, and a parameter that was set reads back as itself.
 */
#include <stdarg.h>

/* Lines of error are counted, not shown: opt.c with a log of our own. */
#define log_put count_line
#include "../../src/base/opt.c"
#include "fuzz.h"
#include "node/node.h"
#include "stack/param.h"

#define WORDS	64

static unsigned errors;

void count_line(enum log_level lv, const char *fmt, ...)
{
	char line[8192];
	va_list ap;

	va_start(ap, fmt);
	CHECK(vsnprintf(line, sizeof(line), fmt, ap) > 0);
	va_end(ap);
	errors++;
}

static const char *set_flag(void *conf, const char *value)
{
	return value ? "has a value" : NULL;
}

static const struct opt others[] = {
	{ "verbose", 'v', NULL, "a flag", set_flag },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page command = {
	.usage = "fuzz", .what = "Any words.", .opts = { node_options, others },
};

static void check_conf(const struct node_conf *c)
{
	CHECK(c->n_if <= NODE_IFS && c->n_addr <= NODE_ADDRS && c->n_gw <= NODE_ADDRS);
	CHECK(c->n_dns <= NODE_DNS && c->n_set <= (int)ARRAY_LEN(c->set));
	CHECK(!c->name || (*c->name && strlen(c->name) < 64));
	for (int i = 0; i < c->n_if; i++) {
		CHECK(*c->ifs[i].locator && !mac_is_group(&c->ifs[i].mac));
		CHECK(!c->ifs[i].mtu || (c->ifs[i].mtu >= 576 && c->ifs[i].mtu <= 65535));
	}
	for (int i = 0; i < c->n_addr; i++) {
		const struct addr_conf *a = &c->addrs[i];

		CHECK(a->len <= (ip_is_v4(&a->addr) ? 32u : 128u));
		CHECK(a->ifno >= 0 && a->ifno < MAX(c->n_if, 1));
		CHECK(!ip_is_any(&a->addr) && !ip_is_multicast(&a->addr));
	}
}

static void check_param(const char *word)
{
	const char *value = strchr(word, '=');
	char name[64], was[64], is[64];
	struct param p;

	param_defaults(&p);
	snprintf(name, sizeof(name), "%.*s", (int)(value - word), word);
	if (param_set(&p, name, value + 1) < 0)
		return;
	CHECK(param_get(&p, name, was, sizeof(was)) == 0);
	CHECK(param_set(&p, name, was) == 0);
	CHECK(param_get(&p, name, is, sizeof(is)) == 0 && strcmp(was, is) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_conf conf = { 0 };
	char *text = malloc(size + 1), *rest = text, *argv[WORDS + 1] = { "fuzz" };
	int argc = 1, first;

	memcpy(text, data, size);
	text[size] = 0;
	while (rest && argc < WORDS)
		argv[argc++] = strsep(&rest, "\n");
	errors = 0;
	first = opt_parse(&command, argc, argv, &conf);
	CHECK(first == -1 || first == -2 || (first >= 1 && first <= argc));
	CHECK(errors == (first == -2));
	check_conf(&conf);
	for (int i = 0; i < conf.n_set; i++)
		check_param(conf.set[i]);
	free(text);
	return 0;
}
