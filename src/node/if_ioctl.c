/* if_ioctl.c - the interface, route and ARP ioctls of old (netdevice(7), arp(7))
 *
 * Only ifconfig, route, arp and programs of their age still use them; each is a
 * small wish that the tables behind rtnetlink fulfil. What comes is a copy of
 * the program's struct, of a size that depends on the number and the socket's
 * family alone. Routes and ARP are in rt_ioctl.c.
 */
#include <linux/ipv6.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>

#include "node/ioctl_in.h"
#include "node/rtnl_in.h"
#include "stack/netif.h"

bool sin_read(const struct sockaddr *sa, struct ip_addr *out)
{
	struct sockaddr_in sin;

	memcpy(&sin, sa, sizeof(sin));
	*out = ip_from_v4((const uint8_t *)&sin.sin_addr);
	return sin.sin_family == AF_INET;
}

static void sin_write(struct sockaddr *sa, const struct ip_addr *addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	memcpy(&sin.sin_addr, ip_v4(addr), 4);
	memcpy(sa, &sin, sizeof(sin));
}

int mask_len(const struct ip_addr *mask)
{
	struct ip_addr ones = IP4_BROADCAST;

	for (unsigned len = 0; len <= 32; len++) {
		struct ip_addr m = ip_mask(&ones, len);

		if (ip_eq(&m, mask))
			return (int)len;
	}
	return -EINVAL;
}

/* --- interfaces --- */

/* By the alias's own name, or the interface's first. */
static struct netif_addr *labelled(struct netif *nif, const char *name)
{
	bool alias = strchr(name, ':');

	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);
		const char *label = a->label[0] ? a->label : nif->name;

		if (ip_is_v4(&a->addr) && (!alias || !strcmp(label, name)))
			return a;
	}
	return NULL;
}

static int get_addr(struct netif *nif, uint32_t cmd, struct ifreq *ifr)
{
	const struct netif_addr *a = labelled(nif, ifr->ifr_name);
	struct ip_addr ones = IP4_BROADCAST, v;

	if (!a)
		return -EADDRNOTAVAIL;
	v = a->addr;
	if (cmd == SIOCGIFNETMASK)
		v = ip_mask(&ones, a->len);
	else if (cmd == SIOCGIFBRDADDR)
		v = ip_is_v4(&a->broadcast) && !a->quiet_brd ? a->broadcast : IP4_ANY;
	else if (cmd == SIOCGIFDSTADDR && !ip_is_any(&a->peer))
		v = a->peer;
	sin_write(&ifr->ifr_addr, &v);
	return 0;
}

static struct netif_addr copy_of(const struct netif_addr *a)
{
	struct netif_addr want = {
		.addr = a->addr, .peer = a->peer, .len = a->len, .flags = a->flags,
		.broadcast = a->broadcast, .quiet_brd = a->quiet_brd, .scope = a->scope,
		.valid_until = a->valid_until, .preferred_until = a->preferred_until,
	};

	memcpy(want.label, a->label, sizeof(want.label));
	return want;
}

/* The one that was goes, with what it said of itself; but not for a bad one. */
static int put_back(struct netif *nif, struct netif_addr *old, const struct netif_addr *want)
{
	int e = netif_addr_check(nif, want, old);

	if (e)
		return e;
	if (old)
		addr_remove(old);
	return netif_addr_put(nif, want, false);
}

static unsigned class_len(const struct ip_addr *a)
{
	uint8_t b = ip_v4(a)[0];

	return b < 128 ? 8 : b < 192 ? 16 : 24;
}

/* A new address has its class's mask until it is told another. */
static int set_addr(struct netif *nif, const struct ifreq *ifr)
{
	struct netif_addr *old = labelled(nif, ifr->ifr_name);
	struct netif_addr want = { .valid_until = NEVER, .preferred_until = NEVER };

	if (!sin_read(&ifr->ifr_addr, &want.addr))
		return -EINVAL;
	if (ip_is_any(&want.addr)) {
		if (old)
			addr_remove(old);
		return 0;
	}
	if (old && ip_eq(&old->addr, &want.addr))
		return 0;
	want.len = (uint8_t)class_len(&want.addr);
	if (strchr(ifr->ifr_name, ':'))
		memcpy(want.label, ifr->ifr_name, sizeof(want.label));
	return put_back(nif, old, &want);
}

static int set_part(struct netif *nif, uint32_t cmd, const struct ifreq *ifr)
{
	struct netif_addr *old = labelled(nif, ifr->ifr_name);
	struct netif_addr want;
	struct ip_addr v;
	int len;

	if (!old)
		return -EADDRNOTAVAIL;
	if (!sin_read(&ifr->ifr_addr, &v))
		return -EINVAL;
	want = copy_of(old);
	if (cmd == SIOCSIFNETMASK) {
		len = mask_len(&v);
		if (len < 0)
			return len;
		want.len = (uint8_t)len;
		want.broadcast = IP_NONE;
	} else if (cmd == SIOCSIFBRDADDR) {
		want.broadcast = v;
		want.quiet_brd = false;
	} else {
		want.peer = v;
	}
	return put_back(nif, old, &want);
}

static int set_flags(struct netif *nif, const struct ifreq *ifr)
{
	bool up = ifr->ifr_flags & IFF_UP;
	struct netif_addr *alias = strchr(ifr->ifr_name, ':') ? labelled(nif, ifr->ifr_name) : NULL;

	if (strchr(ifr->ifr_name, ':') && !alias)
		return -EADDRNOTAVAIL;
	if (alias && !up)
		addr_remove(alias);
	else if (up)
		netif_up(nif);
	else
		netif_down(nif);
	return 0;
}

static short flags_of(const struct netif *nif)
{
	return (short)((netif_is_up(nif) ? IFF_UP | IFF_RUNNING : 0) |
		       (netif_is_lo(nif) ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST) |
		       (!netif_is_lo(nif) && nif->flags & NETIF_NOARP ? IFF_NOARP : 0));
}

static int set_hwaddr(struct netif *nif, const struct ifreq *ifr)
{
	struct mac mac;

	if (ifr->ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -EINVAL;
	memcpy(&mac, ifr->ifr_hwaddr.sa_data, sizeof(mac));
	return netif_set_mac(nif, mac);
}

static int set_name(struct netif *nif, const struct ifreq *ifr)
{
	char name[IFNAMSIZ];

	memcpy(name, ifr->ifr_newname, sizeof(name));
	name[sizeof(name) - 1] = 0;
	return netif_rename(nif, name);
}

static int if_get(struct netif *nif, uint32_t cmd, struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCGIFNAME:
		memcpy(ifr->ifr_name, nif->name, sizeof(ifr->ifr_name));
		return 0;
	case SIOCGIFINDEX:
		ifr->ifr_ifindex = (int)nif->index;
		return 0;
	case SIOCGIFFLAGS:
		ifr->ifr_flags = flags_of(nif);
		return 0;
	case SIOCGIFMTU:
		ifr->ifr_mtu = (int)nif->mtu;
		return 0;
	case SIOCGIFMETRIC:
		ifr->ifr_metric = 0;
		return 0;
	case SIOCGIFTXQLEN:
		ifr->ifr_qlen = 1000;
		return 0;
	case SIOCGIFMAP:
		memset(&ifr->ifr_map, 0, sizeof(ifr->ifr_map));
		return 0;
	case SIOCGIFHWADDR:
		ifr->ifr_hwaddr.sa_family = netif_is_lo(nif) ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
		memcpy(ifr->ifr_hwaddr.sa_data, nif->mac.b, sizeof(nif->mac.b));
		return 0;
	}
	return get_addr(nif, cmd, ifr);
}

static int if_set(struct netif *nif, uint32_t cmd, const struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
		return set_flags(nif, ifr);
	case SIOCSIFMTU:
		return netif_set_mtu(nif, (uint32_t)MAX(ifr->ifr_mtu, 0));
	case SIOCSIFHWADDR:
		return set_hwaddr(nif, ifr);
	case SIOCSIFNAME:
		return set_name(nif, ifr);
	case SIOCSIFADDR:
		return set_addr(nif, ifr);
	}
	return set_part(nif, cmd, ifr);
}

/* "eth0:1" is eth0 by another name. */
struct netif *if_named(struct stack *st, const char *name)
{
	char plain[IFNAMSIZ];

	memcpy(plain, name, sizeof(plain));
	plain[strcspn(plain, ":")] = 0;
	return netif_by_name(st, plain);
}

static bool changes(uint32_t cmd)
{
	switch (cmd) {
	case SIOCSIFFLAGS: case SIOCSIFMTU: case SIOCSIFHWADDR: case SIOCSIFNAME:
	case SIOCSIFADDR: case SIOCSIFNETMASK: case SIOCSIFBRDADDR: case SIOCSIFDSTADDR:
	case SIOCDIFADDR: case SIOCADDRT: case SIOCDELRT: case SIOCDARP: case SIOCSARP:
		return true;
	}
	return false;
}

static int if_ioctl(struct stack *st, uint32_t cmd, void *arg)
{
	struct ifreq *ifr = arg;
	struct netif *nif;

	ifr->ifr_name[IFNAMSIZ - 1] = 0;
	nif = cmd == SIOCGIFNAME ? netif_by_index(st, (uint32_t)ifr->ifr_ifindex) :
				   if_named(st, ifr->ifr_name);
	if (!nif)
		return -ENODEV;
	return changes(cmd) ? if_set(nif, cmd, ifr) : if_get(nif, cmd, ifr);
}

/* An IPv6 socket's SIOCSIFADDR and SIOCDIFADDR. */
static int addr6_ioctl(struct stack *st, uint32_t cmd, void *arg)
{
	const struct in6_ifreq *req = arg;
	struct netif *nif = netif_by_index(st, (uint32_t)req->ifr6_ifindex);
	struct ip_addr a = ip_from_v6(req->ifr6_addr.s6_addr);

	if (!nif)
		return -ENODEV;
	if (req->ifr6_prefixlen > 128 || ip_is_v4(&a))
		return -EINVAL;
	return cmd == SIOCSIFADDR ? netif_addr_add(nif, &a, req->ifr6_prefixlen) :
				    netif_addr_del(nif, &a, req->ifr6_prefixlen);
}

/* --- the table --- */

static int route_any(struct stack *st, uint32_t cmd, int family, void *arg)
{
	bool add = cmd == SIOCADDRT;

	return family == AF_INET6 ? route6_ioctl(st, add, arg) : route4_ioctl(st, add, arg);
}

static int if_any(struct stack *st, uint32_t cmd, int family, void *arg)
{
	if (family == AF_INET6 && (cmd == SIOCSIFADDR || cmd == SIOCDIFADDR))
		return addr6_ioctl(st, cmd, arg);
	return cmd == SIOCDIFADDR ? -EINVAL : if_ioctl(st, cmd, arg);
}

static int arp_any(struct stack *st, uint32_t cmd, int family, void *arg)
{
	return arp_ioctl(st, cmd, arg);
}

static const struct ioctl_row {
	uint32_t	from, to;
	size_t		size, size6;
	int		(*act)(struct stack *st, uint32_t cmd, int family, void *arg);
} rows[] = {
	{ SIOCADDRT, SIOCDELRT, sizeof(struct rtentry) + IFNAMSIZ, IN6_RTMSG_SIZE, route_any },
	{ SIOCGIFNAME, SIOCGIFNAME, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCGIFFLAGS, SIOCGIFADDR, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCSIFADDR, SIOCSIFADDR, sizeof(struct ifreq), sizeof(struct in6_ifreq), if_any },
	{ SIOCGIFDSTADDR, SIOCGIFMETRIC, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCGIFMTU, SIOCSIFHWADDR, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCGIFHWADDR, SIOCGIFHWADDR, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCGIFINDEX, SIOCGIFINDEX, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCDIFADDR, SIOCDIFADDR, sizeof(struct ifreq), sizeof(struct in6_ifreq), if_any },
	{ SIOCGIFTXQLEN, SIOCGIFTXQLEN, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
	{ SIOCDARP, SIOCSARP, sizeof(struct arpreq), sizeof(struct arpreq), arp_any },
	{ SIOCGIFMAP, SIOCGIFMAP, sizeof(struct ifreq), sizeof(struct ifreq), if_any },
};

static const struct ioctl_row *row_of(uint32_t cmd)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (cmd >= rows[i].from && cmd <= rows[i].to)
			return &rows[i];
	}
	return NULL;
}

size_t node_ioctl_size(uint32_t cmd, int family)
{
	const struct ioctl_row *r = row_of(cmd);

	return !r ? 0 : family == AF_INET6 ? r->size6 : r->size;
}

bool node_ioctl_answers(uint32_t cmd)
{
	return !changes(cmd);
}

int node_ioctl(struct node *n, uint32_t cmd, int family, void *arg)
{
	const struct ioctl_row *r = row_of(cmd);

	return r ? r->act(n->st, cmd, family, arg) : -ENOTTY;
}
