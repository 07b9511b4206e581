/* conf.c - NODE OPTIONS: the words that describe a node
 *
 * --net may be given several times, one interface each; --ip, --mac and --mtu
 * that follow it are that interface's, those before the first are the first's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/opt.h"
#include "base/text.h"
#include "node/config.h"
#include "node/node.h"

static int last_if(const struct node_conf *c)
{
	return c->n_if ? c->n_if - 1 : 0;
}

static const char *set_net(void *conf, const char *v)
{
	struct node_conf *c = conf;

	if (!*v)
		return "empty; give the path of a switch or a locator";
	if (c->n_if == NODE_IFS)
		return "more than 16 interfaces";
	c->ifs[c->n_if++].locator = v;
	return NULL;
}

static const char *set_ip(void *conf, const char *v)
{
	struct node_conf *c = conf;
	struct addr_conf *a = &c->addrs[c->n_addr];

	if (c->n_addr == NODE_ADDRS)
		return "more than 64 addresses";
	if (!ip_prefix_parse_text(v, &a->addr, &a->len))
		return ip_parse_text(v, &a->addr) ?
		       "no prefix length; write ADDRESS/LENGTH, like 10.0.0.1/24 or fd00::1/64" :
		       "not an IPv4 or IPv6 address with a prefix, like 10.0.0.1/24";
	if (ip_is_multicast(&a->addr) || ip_is_any(&a->addr))
		return "not an address a host can have";
	a->ifno = last_if(c);
	c->n_addr++;
	return NULL;
}

static const char *set_gw(void *conf, const char *v)
{
	struct node_conf *c = conf;

	if (c->n_gw == NODE_ADDRS)
		return "more than 64 gateways";
	if (!ip_parse_text(v, &c->gw[c->n_gw]))
		return "not an IPv4 or IPv6 address";
	c->n_gw++;
	return NULL;
}

static const char *set_dns(void *conf, const char *v)
{
	struct node_conf *c = conf;

	if (c->n_dns == NODE_DNS)
		return "more than 3 name servers";
	if (!ip_parse_text(v, &c->dns[c->n_dns]))
		return "not an IPv4 or IPv6 address";
	c->n_dns++;
	return NULL;
}

static const char *set_mac(void *conf, const char *v)
{
	struct node_conf *c = conf;
	struct mac m;

	if (!mac_parse_text(v, &m))
		return "not a MAC address, like 02:00:00:00:00:01";
	if (mac_is_group(&m) || mac_is_zero(&m))
		return "not the address of one station (its first byte must be even, not all zero)";
	c->ifs[last_if(c)].mac = m;
	return NULL;
}

static const char *set_mtu(void *conf, const char *v)
{
	struct node_conf *c = conf;
	uint64_t n;

	if (!num_parse(v, 576, 65535, &n))
		return "not a number from 576 to 65535";
	c->ifs[last_if(c)].mtu = (uint32_t)n;
	return NULL;
}

static const char *set_name(void *conf, const char *v)
{
	if (!*v || strlen(v) > 63 || strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					       "0123456789-.") != strlen(v))
		return "not a name: 1 to 63 letters, digits, '-' and '.'";
	((struct node_conf *)conf)->name = v;
	return NULL;
}

static const char *set_param(void *conf, const char *v)
{
	struct node_conf *c = conf;

	if (!strchr(v, '='))
		return "no '='; write NAME=VALUE, like tcp_delack_ms=20";
	if (c->n_set == ARRAY_LEN(c->set))
		return "more than 32 parameters";
	c->set[c->n_set++] = v;
	return NULL;
}

/* What is wrong with the words, in c->why; NULL: nothing. */
static const char *check_words(struct node_conf *c, const char *v)
{
	struct words w;
	char *why = words_parse(v, &w);
	bool elsewhere;

	if (why) {
		snprintf(c->why, sizeof(c->why), "%s", why);
		free(why);
		return c->why;
	}
	elsewhere = w.stack || w.n_vnl;
	words_free(&w);
	return elsewhere ? "stack= and vnl= are --stack and --net here" : NULL;
}

static const char *set_config(void *conf, const char *v)
{
	struct node_conf *c = conf;

	if (c->config)
		return "given before; join the words by commas";
	c->config = v;
	return check_words(c, v);
}

static const char *set_stack(void *conf, const char *v)
{
	struct node_conf *c = conf;

	c->kernel = strcmp(v, "kernel") == 0;
	c->served = strchr(v, '/') ? v : NULL;
	return c->kernel || c->served || strcmp(v, "native") == 0 ? NULL :
	       "neither native, kernel nor the path of a stack server (with a slash)";
}

const struct opt node_options[] = {
	{ "net", 'n', "LOCATOR", "where to plug in: the path of a switch, or a locator (repeatable)", set_net },
	{ "ip", 0, "ADDR/LEN", "static address, IPv4 or IPv6 (repeatable)", set_ip },
	{ "gw", 0, "ADDR", "default gateway (repeatable, one per family)", set_gw },
	{ "dns", 0, "ADDR", "name server to ask instead of the machine's (repeatable)", set_dns },
	{ "config", 0, "WORDS", "all in one, with commas between, as dhcp,fqdn=NAME: ioth-config(7)", set_config },
	{ "mac", 0, "MAC", "Ethernet address; default: chosen at random", set_mac },
	{ "mtu", 0, "BYTES", "largest IP packet; default: the network's", set_mtu },
	{ "name", 0, "NAME", "the node's name, for ioth show", set_name },
	{ "set", 0, "NAME=VALUE", "a stack parameter, by its Linux sysctl name", set_param },
	{ "stack", 0, "KIND|PATH", "which TCP/IP stack: native, kernel, or the PATH of an ioth stack", set_stack },
	{ NULL, 0, NULL, NULL, NULL },
};
