/* api_ifaddrs.c - ioth.h: getifaddrs of a stack, by rtnetlink
 *
 * As glibc's: a row for each interface (AF_PACKET, with its link address and
 * counters) in the order of their numbers, then one for each address. A row is one
 * piece of memory with all it points to.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "node/api_netlink.h"

struct row {
	struct ifaddrs	ifa;		/* first: what is given out */
	char		name[IFNAMSIZ];
	struct sockaddr_storage addr, mask, other;
	struct rtnl_link_stats stats;
	int		index;
};

struct rows {
	struct ifaddrs	*first, **last;
	bool		full;		/* out of memory */
};

static struct row *row_add(struct rows *rs)
{
	struct row *r = calloc(1, sizeof(*r));

	if (!r) {
		rs->full = true;
		return NULL;
	}
	r->ifa.ifa_name = r->name;
	*rs->last = &r->ifa;
	rs->last = &r->ifa.ifa_next;
	return r;
}

static struct row *link_of(const struct rows *rs, int index)
{
	for (struct ifaddrs *i = rs->first; i; i = i->ifa_next) {
		struct row *r = (struct row *)i;

		if (r->index == index)
			return r;
	}
	return NULL;
}

static struct sockaddr *put_ll(struct sockaddr_storage *ss, const struct ifinfomsg *ifi,
			       const struct nlattr *a)
{
	struct sockaddr_ll *ll = (struct sockaddr_ll *)ss;
	size_t len = MIN(mnl_attr_get_payload_len(a), sizeof(ll->sll_addr));

	ll->sll_family = AF_PACKET;
	ll->sll_ifindex = ifi->ifi_index;
	ll->sll_hatype = ifi->ifi_type;
	ll->sll_halen = (unsigned char)len;
	memcpy(ll->sll_addr, mnl_attr_get_payload(a), len);
	return (struct sockaddr *)ss;
}

static void link_attr(struct row *r, const struct ifinfomsg *ifi, const struct nlattr *a)
{
	size_t len = mnl_attr_get_payload_len(a);

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		memcpy(r->name, mnl_attr_get_payload(a), MIN(len, sizeof(r->name) - 1));
		break;
	case IFLA_ADDRESS:
		r->ifa.ifa_addr = put_ll(&r->addr, ifi, a);
		break;
	case IFLA_BROADCAST:
		r->ifa.ifa_broadaddr = put_ll(&r->other, ifi, a);
		break;
	case IFLA_STATS:
		memcpy(&r->stats, mnl_attr_get_payload(a), MIN(len, sizeof(r->stats)));
		r->ifa.ifa_data = &r->stats;
		break;
	}
}

static int link_row(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	struct row *r;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	r = row_add(arg);
	if (!r)
		return MNL_CB_OK;
	r->index = ifi->ifi_index;
	r->ifa.ifa_flags = ifi->ifi_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ifi))
		link_attr(r, ifi, a);
	return MNL_CB_OK;
}

static struct sockaddr *put_ip(struct sockaddr_storage *ss, const struct ifaddrmsg *ifa,
			       const void *addr, size_t len)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	ss->ss_family = ifa->ifa_family;
	if (ifa->ifa_family == AF_INET) {
		memcpy(&sin->sin_addr, addr, MIN(len, sizeof(sin->sin_addr)));
	} else {
		memcpy(&sin6->sin6_addr, addr, MIN(len, sizeof(sin6->sin6_addr)));
		if (IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr) ||
		    IN6_IS_ADDR_MC_LINKLOCAL(&sin6->sin6_addr))
			sin6->sin6_scope_id = ifa->ifa_index;
	}
	return (struct sockaddr *)ss;
}

/* IFA_LOCAL is the own one if it is there: IFA_ADDRESS is then the peer's. */
static void addr_attr(struct row *r, const struct ifaddrmsg *ifa, const struct nlattr *a,
		      bool *local)
{
	const void *p = mnl_attr_get_payload(a);
	size_t len = mnl_attr_get_payload_len(a);

	switch (mnl_attr_get_type(a)) {
	case IFA_LABEL:
		memcpy(r->name, p, MIN(len, sizeof(r->name) - 1));
		break;
	case IFA_LOCAL:
		*local = true;
		r->ifa.ifa_addr = put_ip(&r->addr, ifa, p, len);
		break;
	case IFA_ADDRESS:
		if (!*local)
			r->ifa.ifa_addr = put_ip(&r->addr, ifa, p, len);
		if (r->ifa.ifa_flags & IFF_POINTOPOINT)
			r->ifa.ifa_dstaddr = put_ip(&r->other, ifa, p, len);
		break;
	case IFA_BROADCAST:
		r->ifa.ifa_broadaddr = put_ip(&r->other, ifa, p, len);
		break;
	}
}

static void put_mask(struct row *r, const struct ifaddrmsg *ifa)
{
	uint8_t mask[16] = { 0 };

	for (int i = 0; i < MIN(ifa->ifa_prefixlen, 128); i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	r->ifa.ifa_netmask = put_ip(&r->mask, ifa, mask, sizeof(mask));
}

static int addr_row(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	struct row *r, *link = link_of(arg, (int)ifa->ifa_index);
	bool local = false;

	if (nlh->nlmsg_type != RTM_NEWADDR || !link)
		return MNL_CB_OK;
	r = row_add(arg);
	if (!r)
		return MNL_CB_OK;
	memcpy(r->name, link->name, sizeof(r->name));
	r->ifa.ifa_flags = link->ifa.ifa_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ifa))
		addr_attr(r, ifa, a, &local);
	put_mask(r, ifa);
	return MNL_CB_OK;
}

int ioth_getifaddrs(struct ioth *s, struct ifaddrs **list)
{
	struct rows rs = { .first = NULL, .last = &rs.first };
	int fd = nl_open(s), ret, error;

	if (fd < 0)
		return -1;
	ret = nl_dump(fd, RTM_GETLINK, link_row, &rs);
	if (ret >= 0)
		ret = nl_dump(fd, RTM_GETADDR, addr_row, &rs);
	error = rs.full ? ENOMEM : errno;
	ioth_close(fd);
	if (ret >= 0 && !rs.full) {
		*list = rs.first;
		return 0;
	}
	ioth_freeifaddrs(rs.first);
	errno = error;
	return -1;
}

void ioth_freeifaddrs(struct ifaddrs *list)
{
	while (list) {
		struct ifaddrs *next = list->ifa_next;

		free(list);
		list = next;
	}
}
