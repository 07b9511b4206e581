/* kernel_conf.c - a kernel stack as NODE OPTIONS say */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "ioth.h"
#include "node/kernel.h"
#include "node/node.h"

static struct ioth *new_stack(const struct node_conf *c)
{
	const char *locators[NODE_IFS + 1] = { NULL };
	struct ioth *s;

	for (int i = 0; i < c->n_if; i++)
		locators[i] = xasprintf("eth%d:%s", i, c->ifs[i].locator);
	s = ioth_newstackv("kernel", locators);
	for (int i = 0; i < c->n_if; i++)
		free((char *)locators[i]);
	return s;
}

/* False: the user was told. */
static bool failed(const char *what)
{
	err("%s: %s", what, strerror(errno));
	return false;
}

static bool set_param(struct ioth *s, const char *text)
{
	const char *eq = strchr(text, '=');
	char *name = xasprintf("%.*s", (int)(eq - text), text);
	bool ok = ioth_sysctl(s, name, eq + 1) == 0;

	if (!ok && errno == ENOENT)
		err("--set %s: Linux has no parameter of that name in a namespace", text);
	else if (!ok)
		failed(text);
	free(name);
	return ok;
}

static bool set_if(struct ioth *s, unsigned ifindex, const struct if_conf *c)
{
	if (!mac_is_zero(&c->mac) && ioth_linksetaddr(s, ifindex, &c->mac) < 0)
		return failed("--mac");
	if (c->mtu && ioth_linksetmtu(s, ifindex, c->mtu) < 0)
		return failed("--mtu");
	return true;
}

static const void *octets(const struct ip_addr *a, int *family)
{
	*family = ip_is_v4(a) ? AF_INET : AF_INET6;
	return ip_is_v4(a) ? (const void *)ip_v4(a) : a;
}

static bool set_addr(struct ioth *s, int ifindex, const struct addr_conf *c)
{
	int family;
	const void *addr = octets(&c->addr, &family);

	return ioth_ipaddr_add(s, family, addr, (int)c->len, (unsigned)ifindex) == 0 ||
	       failed("--ip");
}

static bool set_gw(struct ioth *s, int ifindex, const struct ip_addr *gw)
{
	int family;
	const void *addr = octets(gw, &family);

	/* Linux finds the interface of a gateway that is not of a link only. */
	return ioth_iproute_add(s, family, NULL, 0, addr,
				ip_is_linklocal(gw) ? (unsigned)ifindex : 0) == 0 ||
	       failed("--gw");
}

static bool configure(struct ioth *s, const struct node_conf *c)
{
	int ifindex[NODE_IFS] = { 0 };
	char name[16];
	bool ok = true;

	for (int i = 0; ok && i < c->n_set; i++)
		ok = set_param(s, c->set[i]);
	for (int i = 0; ok && i < c->n_if; i++) {
		snprintf(name, sizeof(name), "eth%d", i);
		ifindex[i] = ioth_if_nametoindex(s, name);
		ok = set_if(s, (unsigned)ifindex[i], &c->ifs[i]);
	}
	for (int i = 0; ok && i < c->n_addr; i++)
		ok = set_addr(s, ifindex[c->addrs[i].ifno], &c->addrs[i]);
	for (int i = 0; ok && i < c->n_gw; i++)
		ok = set_gw(s, ifindex[0], &c->gw[i]);
	if (ok && c->config && ioth_config(s, c->config) < 0)
		ok = failed("--config");
	return ok;
}

struct ioth *kernel_node(const struct node_conf *c)
{
	struct ioth *s = new_stack(c);

	if (!s || configure(s, c))
		return s;
	ioth_delstack(s);
	return NULL;
}
