/* native_options.c - what a native stack is made with: locators and options
 *
 * Options follow the kind's name, as words separated by commas: name=NODE, what the
 * network sees of it; plain=0, its descriptors are for calls alone (vbare.c); else NAME=VALUE, a parameter of the stack by the name of its
 * sysctl, which holds from the first packet on.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/native.h"
#include "plug/ifname.h"
#include "stack/stack.h"

/* "IF:LOCATOR" or a locator, whose interface is eth0, eth1 ... */
static int read_locator(const char *text, struct node_conf *conf)
{
	struct if_conf *ifc = &conf->ifs[conf->n_if];

	ifc->locator = ifname_split(text, ifc->name);
	if (!ifc->name[0])
		snprintf(ifc->name, sizeof(ifc->name), "eth%d", conf->n_if);
	if (ifname_check(ifc->name))
		return -EINVAL;
	if (strcmp(ifc->name, "lo") == 0)
		return -EEXIST;
	for (int i = 0; i < conf->n_if; i++) {
		if (strcmp(conf->ifs[i].name, ifc->name) == 0)
			return -EEXIST;
	}
	conf->n_if++;
	return 0;
}

static int read_locators(const char *locators[], struct node_conf *conf)
{
	int ret = 0;

	for (int i = 0; locators && locators[i] && ret == 0; i++)
		ret = i == NODE_IFS ? -EINVAL : read_locator(locators[i], conf);
	return ret;
}

/* Would a stack take it? */
static bool is_parameter(const char *option)
{
	const char *eq = strchr(option, '=');
	char *name = eq ? strndup(option, (size_t)(eq - option)) : NULL;
	struct stack *st;
	bool ok;

	if (!name)
		return false;
	st = stack_new(0, now_mono());
	ok = stack_set(st, name, eq + 1) == 0;
	stack_free(st);
	free(name);
	return ok;
}

static int read_option(const char *option, struct node_conf *conf)
{
	if (strncmp(option, "name=", 5) == 0 && option[5]) {
		conf->name = option + 5;
		return 0;
	}
	if (strcmp(option, "plain=0") == 0 || strcmp(option, "plain=1") == 0) {
		conf->bare = option[6] == '0';
		return 0;
	}
	if (conf->n_set == ARRAY_LEN(conf->set) || !is_parameter(option)) {
		err("%s: not an option of a native stack, which are name=NODE, plain=0 and NAME=VALUE of "
		    "its parameters (ioth-parameters(7))", option);
		return -EINVAL;
	}
	conf->set[conf->n_set++] = option;
	return 0;
}

int native_options(struct node_conf *conf, const char *locators[], char *options)
{
	int ret = read_locators(locators, conf);
	char *at = options, *option;

	while (ret == 0 && at && (option = strsep(&at, ",")))
		ret = read_option(option, conf);
	return ret;
}
