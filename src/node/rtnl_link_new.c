/* rtnl_link_new.c - RTM_NEWLINK and RTM_DELLINK that make and end interfaces
 *
 * Of VirtualSquare's type "vde": IFLA_INFO_DATA's attribute 1 is a locator. To open
 * one may start a program and takes the rights of whoever runs the node, so only
 * who runs in its process may ask (nlpeer.opens).
 */
#include <net/if.h>

#include "node/rtnl_in.h"
#include "plug/ifname.h"
#include "stack/netif.h"

#define INFO_VNL	1		/* IFLA_VDE_VNL of ioth.h */

/* A string's attribute of that type in the nest. NULL: none, or it does not end. */
static const char *nested_str(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *at;
	size_t pos = 0;

	while (nest && (at = attr_take(mnl_attr_get_payload(nest),
				       mnl_attr_get_payload_len(nest), &pos))) {
		const char *s = mnl_attr_get_payload(at);

		if (mnl_attr_get_type(at) == type && memchr(s, 0, mnl_attr_get_payload_len(at)))
			return s;
	}
	return NULL;
}

static const struct nlattr *nested(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *at;
	size_t pos = 0;

	while (nest && (at = attr_take(mnl_attr_get_payload(nest),
				       mnl_attr_get_payload_len(nest), &pos))) {
		if (mnl_attr_get_type(at) == type)
			return at;
	}
	return NULL;
}

/* The first of eth0, eth1 ... that is free. */
static void choose_name(struct stack *st, char name[IFNAMSIZ])
{
	int i = 0;

	do
		snprintf(name, IFNAMSIZ, "eth%d", i++);
	while (netif_by_name(st, name));
}

static int read_conf(struct nlreq *r, struct if_conf *c)
{
	const struct nlattr *mac = r->tb[IFLA_ADDRESS];
	const char *name = req_str(r, IFLA_IFNAME);

	if (name && (strlen(name) >= sizeof(c->name) || ifname_check(name)))
		return refuse(r, -EINVAL, "not a name of an interface");
	if (name)
		memcpy(c->name, name, strlen(name) + 1);
	else
		choose_name(r->st, c->name);
	if (mac && mnl_attr_get_payload_len(mac) != sizeof(c->mac))
		return -EINVAL;
	if (mac)
		memcpy(&c->mac, mnl_attr_get_payload(mac), sizeof(c->mac));
	return 0;
}

static int set_up(struct nlreq *r, struct netif *nif)
{
	const struct ifinfomsg *ifi = r->body;

	if (netif_set_mtu(nif, req_u32(r, IFLA_MTU, nif->mtu)) < 0) {
		node_if_del(r->n, nif);
		return refuse(r, -EINVAL, "not an MTU of this network");
	}
	if (ifi->ifi_flags & IFF_UP)
		netif_up(nif);
	return 0;
}

int link_make(struct nlreq *r)
{
	const struct nlattr *info = r->tb[IFLA_LINKINFO];
	const char *kind = nested_str(info, IFLA_INFO_KIND);
	const struct ifinfomsg *ifi = r->body;
	struct if_conf c = { .locator = nested_str(nested(info, IFLA_INFO_DATA), INFO_VNL) };
	struct netif *nif;
	int ret;

	if (!kind || strcmp(kind, "vde") != 0)
		return refuse(r, -EOPNOTSUPP, "Unknown device type");
	if (!r->peer->opens)
		return refuse(r, -EPERM, "locators are opened for the node's own process only");
	if (!c.locator)
		return refuse(r, -EINVAL, "no locator");
	if (ifi->ifi_index > 0)
		return refuse(r, -EOPNOTSUPP, "indexes are chosen by the stack");
	ret = read_conf(r, &c);
	if (ret == 0)
		ret = node_if_add(r->n, &c, &nif);
	return ret < 0 ? ret : set_up(r, nif);
}

int link_end(struct nlreq *r, struct netif *nif)
{
	if (netif_is_lo(nif))
		return -EOPNOTSUPP;
	return r->peer->opens ? node_if_del(r->n, nif) :
				refuse(r, -EOPNOTSUPP, "the node has the interfaces it was given");
}
