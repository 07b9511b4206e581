/* rtnl_link.c - RTM_*LINK: the interfaces of the stack
 *
 * They can be taken up and down, renamed, given another MTU or MAC address. They
 * cannot be made or removed: each is a plug of the node.
 */
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>

#include "node/rtnl_in.h"
#include "stack/netif.h"

static uint32_t flags_of(const struct netif *nif)
{
	uint32_t f = netif_is_up(nif) ? IFF_UP | IFF_RUNNING | IFF_LOWER_UP : 0;

	if (netif_is_lo(nif))
		return f | IFF_LOOPBACK;
	return f | IFF_BROADCAST | IFF_MULTICAST | (nif->flags & NETIF_NOARP ? IFF_NOARP : 0);
}

static void put_stats(struct nlmsghdr *nlh, const struct netif *nif)
{
	struct rtnl_link_stats64 s = {
		.rx_packets = nif->rx_frames, .tx_packets = nif->tx_frames,
		.rx_bytes = nif->rx_bytes, .tx_bytes = nif->tx_bytes,
	};
	struct rtnl_link_stats s32 = {
		.rx_packets = (uint32_t)nif->rx_frames, .tx_packets = (uint32_t)nif->tx_frames,
		.rx_bytes = (uint32_t)nif->rx_bytes, .tx_bytes = (uint32_t)nif->tx_bytes,
	};

	mnl_attr_put(nlh, IFLA_STATS64, sizeof(s), &s);
	mnl_attr_put(nlh, IFLA_STATS, sizeof(s32), &s32);
}

static void put_af_spec(struct nlmsghdr *nlh)
{
	struct nlattr *spec = nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *v6 = nest_start(nlh, AF_INET6);

	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_EUI64);
	mnl_attr_nest_end(nlh, v6);
	mnl_attr_nest_end(nlh, spec);
}

static uint8_t operstate(const struct netif *nif)
{
	if (!netif_is_up(nif))
		return IF_OPER_DOWN;
	return netif_is_lo(nif) ? IF_OPER_UNKNOWN : IF_OPER_UP;
}

void put_link(struct nlout *o, const struct netif *nif, uint16_t type, uint16_t flags)
{
	static const uint8_t ones[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, zeros[6];
	struct nlmsghdr *nlh = row(o, type, flags, sizeof(struct ifinfomsg));
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_type = netif_is_lo(nif) ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
	ifi->ifi_index = (int)nif->index;
	ifi->ifi_flags = flags_of(nif);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, nif->name);
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, 1000);
	mnl_attr_put_u8(nlh, IFLA_OPERSTATE, operstate(nif));
	mnl_attr_put_u8(nlh, IFLA_LINKMODE, IF_LINK_MODE_DEFAULT);
	mnl_attr_put_u32(nlh, IFLA_MTU, nif->mtu);
	mnl_attr_put_u32(nlh, IFLA_MIN_MTU, netif_is_lo(nif) ? 0 : 68);
	mnl_attr_put_u32(nlh, IFLA_MAX_MTU, netif_is_lo(nif) ? 0 : nif->mtu_max);
	mnl_attr_put_u32(nlh, IFLA_GROUP, 0);
	mnl_attr_put_u32(nlh, IFLA_PROMISCUITY, 0);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, 1);
	mnl_attr_put_u32(nlh, IFLA_GSO_MAX_SIZE, 65536);
	mnl_attr_put_u32(nlh, IFLA_GSO_MAX_SEGS, 65535);
	mnl_attr_put_u8(nlh, IFLA_CARRIER, netif_is_up(nif));
	mnl_attr_put_strz(nlh, IFLA_QDISC, "noqueue");
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(nif->mac), &nif->mac);
	mnl_attr_put(nlh, IFLA_BROADCAST, 6, netif_is_lo(nif) ? zeros : ones);
	put_stats(nlh, nif);
	put_af_spec(nlh);
	row_end(o, nlh);
}

int dumplink(struct nlreq *r)
{
	if (req_family(r) == AF_BRIDGE)
		return 0;
	list_for(l, &r->st->netifs)
		put_link(r->out, container_of(l, struct netif, link), RTM_NEWLINK, NLM_F_MULTI);
	return 0;
}

/* The link that a request names by index or by name; NULL: no such. */
static struct netif *named(const struct nlreq *r)
{
	const struct ifinfomsg *ifi = r->body;
	const char *name = req_str(r, IFLA_IFNAME);

	if (ifi->ifi_index > 0)
		return netif_by_index(r->st, (uint32_t)ifi->ifi_index);
	if (!name)
		name = req_str(r, IFLA_ALT_IFNAME);
	return name ? netif_by_name(r->st, name) : NULL;
}

static bool nameless(const struct nlreq *r)
{
	const struct ifinfomsg *ifi = r->body;

	return ifi->ifi_index <= 0 && !r->tb[IFLA_IFNAME] && !r->tb[IFLA_ALT_IFNAME];
}

int getlink(struct nlreq *r)
{
	struct netif *nif = named(r);

	if (!nif)
		return nameless(r) ? -EINVAL : -ENODEV;
	put_link(r->out, nif, RTM_NEWLINK, 0);
	return 0;
}

/* --- changes, in the kernel's order --- */

static int set_mac(struct nlreq *r, struct netif *nif)
{
	const struct nlattr *at = r->tb[IFLA_ADDRESS];
	struct mac mac;

	if (!at)
		return 0;
	if (mnl_attr_get_payload_len(at) < sizeof(mac))
		return -EINVAL;
	memcpy(&mac, mnl_attr_get_payload(at), sizeof(mac));
	return netif_set_mac(nif, mac);
}

static int set_mtu(struct nlreq *r, struct netif *nif)
{
	uint32_t mtu = req_u32(r, IFLA_MTU, nif->mtu);

	if (netif_set_mtu(nif, mtu) == 0)
		return 0;
	return refuse(r, -EINVAL, mtu > nif->mtu ? "mtu greater than device maximum" :
						   "mtu less than device minimum");
}

static int set_name(struct nlreq *r, struct netif *nif)
{
	const char *name = req_str(r, IFLA_IFNAME);
	const struct ifinfomsg *ifi = r->body;

	return name && *name && ifi->ifi_index > 0 ? netif_rename(nif, name) : 0;
}

/* Linux keeps other flags too, of which this stack has none. */
static int set_flags(struct nlreq *r, struct netif *nif)
{
	const struct ifinfomsg *ifi = r->body;
	uint32_t change = ifi->ifi_change ? ifi->ifi_change : ifi->ifi_flags ? UINT32_MAX : 0;
	uint32_t want = (flags_of(nif) & ~change) | (ifi->ifi_flags & change);
	uint32_t differs = (want ^ flags_of(nif)) & change;

	if (differs & (IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST | IFF_DYNAMIC) &&
	    ifi->ifi_change && ifi->ifi_change != UINT32_MAX)
		return refuse(r, -EOPNOTSUPP, "only up, down and arp can be set here");
	if (differs & IFF_NOARP && !netif_is_lo(nif)) {
		nif->flags ^= NETIF_NOARP;
		netif_changed(nif);
	}
	if (differs & IFF_UP && want & IFF_UP)
		netif_up(nif);
	else if (differs & IFF_UP)
		netif_down(nif);
	return 0;
}

/* What a stack has not got is refused before anything is changed. */
static int check_set(struct nlreq *r)
{
	static const uint8_t absent[] = {
		IFLA_NET_NS_PID, IFLA_NET_NS_FD, IFLA_TARGET_NETNSID, IFLA_MASTER, IFLA_MAP,
		IFLA_WIRELESS, IFLA_VF_PORTS, IFLA_PORT_SELF, IFLA_XDP, IFLA_PROTINFO,
		IFLA_BROADCAST, IFLA_IFALIAS, IFLA_TXQLEN, IFLA_GROUP, IFLA_CARRIER,
	};

	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		if (r->tb[absent[i]])
			return -EOPNOTSUPP;
	}
	return 0;
}

static int apply(struct nlreq *r, struct netif *nif)
{
	static int (*const steps[])(struct nlreq *r, struct netif *nif) = {
		set_mac, set_mtu, set_name, set_flags,
	};
	int e = check_set(r);

	for (size_t i = 0; !e && i < ARRAY_LEN(steps); i++)
		e = steps[i](r, nif);
	return e;
}

int setlink(struct nlreq *r)
{
	struct netif *nif = named(r);

	if (!nif)
		return nameless(r) ? -EINVAL : -ENODEV;
	return apply(r, nif);
}

int newlink(struct nlreq *r)
{
	struct netif *nif = named(r);

	if (!nif && !(req_flags(r) & NLM_F_CREATE))
		return -ENODEV;
	if (!nif)
		return link_make(r);
	if (req_flags(r) & NLM_F_EXCL)
		return -EEXIST;
	if (req_flags(r) & NLM_F_REPLACE || r->tb[IFLA_LINKINFO])
		return -EOPNOTSUPP;
	return apply(r, nif);
}

int dellink(struct nlreq *r)
{
	struct netif *nif = named(r);

	if (nif)
		return link_end(r, nif);
	return nameless(r) ? -EINVAL : -ENODEV;
}
