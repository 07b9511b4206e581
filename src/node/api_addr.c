/* api_addr.c - ioth.h: addresses and routes of a stack, by rtnetlink */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <unistd.h>

#include "node/api_netlink.h"

#define USABLE_WAIT	1000	/* microseconds, so often: half a second */
#define USABLE_WAITS	500

/* What nl_addrdata2prefix and nl_routedata2prefix put together. */
static unsigned bits(int prefix)
{
	return prefix & 0xff;
}

static uint8_t middle(int prefix)
{
	return (uint8_t)(prefix >> 8);
}

static uint8_t scope(int prefix)
{
	return (uint8_t)(prefix >> 16);
}

/* Octets of an address; 0: no such family, or such a prefix. */
static size_t addr_size(int family, int prefix)
{
	size_t size = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;

	return prefix < 0 || bits(prefix) > size * 8 ? 0 : size;
}

static int addr_change(struct ioth *s, uint16_t type, uint16_t flags, int family,
		       const void *addr, int prefix, unsigned ifindex)
{
	size_t size = addr_size(family, prefix);
	struct ifaddrmsg *ifa;
	struct nl_request r;

	if (!size)
		return libc_result(-EINVAL);
	ifa = nl_request(&r, type, flags, sizeof(*ifa));
	*ifa = (struct ifaddrmsg){
		.ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)bits(prefix),
		.ifa_flags = middle(prefix), .ifa_scope = scope(prefix), .ifa_index = ifindex,
	};
	mnl_attr_put(&r.h, IFA_LOCAL, size, addr);
	mnl_attr_put(&r.h, IFA_ADDRESS, size, addr);
	return nl_tell(s, &r);
}

static int route_type(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE)
		*(int *)arg = ((const struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_type;
	return MNL_CB_OK;
}

/* What is sent to the address comes back. */
static bool is_local(int fd, const void *addr)
{
	struct nl_request r;
	struct rtmsg *rtm = nl_request(&r, RTM_GETROUTE, 0, sizeof(*rtm));
	int type = RTN_UNSPEC;

	*rtm = (struct rtmsg){ .rtm_family = AF_INET6, .rtm_dst_len = 128 };
	mnl_attr_put(&r.h, RTA_DST, sizeof(struct in6_addr), addr);
	return nl_ask(fd, &r.h, route_type, &type) < 0 || type == RTN_LOCAL;
}

/* Linux makes an IPv6 address usable in the background, a moment after it was added even
 * where no duplicates are looked for. On an interface that is down: never. */
static void wait_usable(struct ioth *s, const void *addr)
{
	int fd = nl_open(s);

	for (int i = 0; fd >= 0 && i < USABLE_WAITS && !is_local(fd, addr); i++)
		usleep(USABLE_WAIT);
	if (fd >= 0)
		ioth_close(fd);
}

int ioth_ipaddr_add(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	int ret = addr_change(s, RTM_NEWADDR, NL_ADDED, family, addr, prefix, ifindex);

	if (ret == 0 && family == AF_INET6 && (s ? s : ioth_get_defstack())->kind->addr_later)
		wait_usable(s, addr);
	return ret;
}

int ioth_ipaddr_del(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	return addr_change(s, RTM_DELADDR, 0, family, addr, prefix, ifindex);
}

/* Where its hosts are, if nobody says. */
static uint8_t route_scope(int family, const void *gw, int prefix)
{
	if (scope(prefix))
		return scope(prefix);
	return gw || family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
}

static int route_change(struct ioth *s, uint16_t type, uint16_t flags, int family,
			const void *dst, int prefix, const void *gw, unsigned ifindex)
{
	size_t size = addr_size(family, prefix);
	uint8_t of_type = middle(prefix) ? middle(prefix) : RTN_UNICAST;
	struct rtmsg *rtm;
	struct nl_request r;

	if (!size || (of_type == RTN_UNICAST && !gw && !ifindex))
		return libc_result(-EINVAL);
	rtm = nl_request(&r, type, flags, sizeof(*rtm));
	*rtm = (struct rtmsg){
		.rtm_family = (uint8_t)family, .rtm_dst_len = dst ? (uint8_t)bits(prefix) : 0,
		.rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
		.rtm_scope = route_scope(family, gw, prefix), .rtm_type = of_type,
	};
	if (rtm->rtm_dst_len)
		mnl_attr_put(&r.h, RTA_DST, size, dst);
	if (gw)
		mnl_attr_put(&r.h, RTA_GATEWAY, size, gw);
	if (ifindex)
		mnl_attr_put_u32(&r.h, RTA_OIF, ifindex);
	return nl_tell(s, &r);
}

int ioth_iproute_add(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, RTM_NEWROUTE, NL_ADDED, family, dst, prefix, gw, ifindex);
}

int ioth_iproute_del(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, RTM_DELROUTE, 0, family, dst, prefix, gw, ifindex);
}
