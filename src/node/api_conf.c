/* api_conf.c - ioth.h: interfaces, addresses and routes of a stack
 *
 * Every kind of stack is configured as Linux is: by rtnetlink, through an
 * AF_NETLINK socket of its own. So there is one code for all kinds; what a stack
 * cannot, it says itself.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/api_conf.h"

#define REQ_MAX		8192
#define ADDED		(NLM_F_CREATE | NLM_F_EXCL)
#define USABLE_WAIT	1000	/* microseconds, so often: half a second */
#define USABLE_WAITS	500

static int fail(int error)
{
	errno = error;
	return -1;
}

/* --- the dialog --- */

int conf_open(struct ioth *s)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	int fd = ioth_msocket(s, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && ioth_bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0) {
		int error = errno;

		ioth_close(fd);
		return fail(error);
	}
	return fd;
}

int conf_ask(int fd, const struct nlmsghdr *req, mnl_cb_t each, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char *buf = malloc(CONF_BUF);
	ssize_t n = ioth_sendto(fd, req, req->nlmsg_len, 0, (struct sockaddr *)&kernel,
				sizeof(kernel));
	int ret = n < 0 || !buf ? -1 : MNL_CB_OK;

	while (ret == MNL_CB_OK) {
		n = ioth_recv(fd, buf, CONF_BUF, 0);
		ret = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, req->nlmsg_seq, 0, each, arg);
	}
	free(buf);
	return ret;
}

int conf_dump(int fd, uint16_t type, mnl_cb_t each, void *arg)
{
	union { struct nlmsghdr h; char b[64]; } req;
	size_t len = type == RTM_GETLINK ? sizeof(struct ifinfomsg) :
		     type == RTM_GETADDR ? sizeof(struct ifaddrmsg) : sizeof(struct rtmsg);

	mnl_nlmsg_put_header(&req);
	req.h.nlmsg_type = type;
	req.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req.h.nlmsg_seq = type;
	mnl_nlmsg_put_extra_header(&req.h, len);	/* zero: of all families */
	return conf_ask(fd, &req.h, each, arg);
}

static int link_index(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWLINK)
		*(int *)arg = ifi->ifi_index;
	return MNL_CB_OK;
}

int ioth_nldialog(struct ioth *s, const void *msg)
{
	const struct nlmsghdr *req = msg;
	struct nlmsghdr *copy = malloc(req->nlmsg_len);
	int fd = copy ? conf_open(s) : -1, index = 0, ret, error;

	if (fd < 0) {
		free(copy);
		return -1;
	}
	memcpy(copy, req, req->nlmsg_len);
	copy->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	ret = conf_ask(fd, copy, link_index, &index);
	error = errno;
	free(copy);
	ioth_close(fd);
	return ret < 0 ? fail(error) : index;
}

struct request {
	union { struct nlmsghdr h; char b[REQ_MAX]; };
};

/* With its header of len octets, which is zero. */
static void *request(struct request *r, uint16_t type, uint16_t flags, size_t len)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(h, len);
}

/* 0 where what was done is no link. */
static int tell(struct ioth *s, const struct request *r)
{
	return ioth_nldialog(s, &r->h) < 0 ? -1 : 0;
}

/* --- links --- */

static int index_of(struct ioth *s, const char *ifname)
{
	struct request r;
	int index;

	if (strlen(ifname) >= IFNAMSIZ)
		return fail(ENODEV);
	request(&r, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(&r.h, IFLA_IFNAME, ifname);
	index = ioth_nldialog(s, &r.h);
	return index ? index : fail(ENODEV);
}

/* The other name that an interface of a stack may go by. */
static bool other_name(const char *ifname, char other[IFNAMSIZ])
{
	const char *from = "vde", *to = "eth";

	if (strncmp(ifname, from, 3) != 0) {
		from = "eth";
		to = "vde";
	}
	if (strncmp(ifname, from, 3) != 0 || strlen(ifname) >= IFNAMSIZ)
		return false;
	snprintf(other, IFNAMSIZ, "%s%s", to, ifname + 3);
	return true;
}

int ioth_if_nametoindex(struct ioth *s, const char *ifname)
{
	int index = index_of(s, ifname);
	char other[IFNAMSIZ];

	if (index < 0 && errno == ENODEV && other_name(ifname, other))
		index = index_of(s, other);
	return index;
}

static struct ifinfomsg *link_request(struct request *r, uint16_t type, unsigned ifindex)
{
	struct ifinfomsg *ifi = request(r, type, 0, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	return ifi;
}

int ioth_linksetupdown(struct ioth *s, unsigned ifindex, int up)
{
	struct request r;
	struct ifinfomsg *ifi = link_request(&r, RTM_SETLINK, ifindex);

	ifi->ifi_flags = up ? IFF_UP : 0;
	ifi->ifi_change = IFF_UP;
	return tell(s, &r);
}

int ioth_linksetaddr(struct ioth *s, unsigned ifindex, const void *mac)
{
	struct request r;

	link_request(&r, RTM_SETLINK, ifindex);
	mnl_attr_put(&r.h, IFLA_ADDRESS, 6, mac);
	return tell(s, &r);
}

int ioth_linksetmtu(struct ioth *s, unsigned ifindex, unsigned mtu)
{
	struct request r;

	link_request(&r, RTM_SETLINK, ifindex);
	mnl_attr_put_u32(&r.h, IFLA_MTU, mtu);
	return tell(s, &r);
}

struct mac_found {
	void	*mac;
	bool	found;
};

static int link_mac(const struct nlmsghdr *nlh, void *arg)
{
	struct mac_found *f = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(a) != IFLA_ADDRESS || mnl_attr_get_payload_len(a) != 6)
			continue;
		memcpy(f->mac, mnl_attr_get_payload(a), 6);
		f->found = true;
	}
	return MNL_CB_OK;
}

int ioth_linkgetaddr(struct ioth *s, unsigned ifindex, void *mac)
{
	struct mac_found f = { mac, false };
	struct request r;
	int fd = conf_open(s), ret, error;

	if (fd < 0)
		return -1;
	link_request(&r, RTM_GETLINK, ifindex);
	ret = conf_ask(fd, &r.h, link_mac, &f);
	error = ret < 0 ? errno : ENOENT;
	ioth_close(fd);
	return ret < 0 || !f.found ? fail(error) : 0;
}

/* A cable, which is no matter of netlink: the kind has a way of its own. */
static int add_vde(struct ioth *s, const char *ifname, unsigned ifindex,
		   const struct nl_iplink_data *data, int n)
{
	char *locator;
	int index;

	if (n != 1 || data->tag != IFLA_VDE_VNL || (int)ifindex > 0)
		return fail(EINVAL);
	locator = strndup(data->data, (size_t)data->len);
	index = locator ? s->more->add_if(s, ifname ? ifname : "", locator) : -1;
	free(locator);
	return index > 0 && ifindex != (unsigned)-1 ? 0 : index;
}

int ioth_iplink_add(struct ioth *s, const char *ifname, unsigned ifindex, const char *type,
		    const struct nl_iplink_data *data, int n)
{
	struct nlattr *info, *of_type;
	size_t sum = 0;
	struct request r;
	int index;

	s = s ? s : ioth_get_defstack();
	if (strcmp(type, "vde") == 0 && s->more->add_if)
		return add_vde(s, ifname, ifindex, data, n);
	for (int i = 0; i < n; i++)
		sum += (size_t)data[i].len + MNL_ATTR_HDRLEN + 4;
	if (sum > REQ_MAX / 2 || (ifname && strlen(ifname) >= IFNAMSIZ) || strlen(type) > 64)
		return fail(EINVAL);
	link_request(&r, RTM_NEWLINK, ifindex == (unsigned)-1 ? 0 : ifindex);
	r.h.nlmsg_flags |= ADDED;
	if (ifindex == (unsigned)-1)
		r.h.nlmsg_flags |= NLM_F_ECHO;
	if (ifname)
		mnl_attr_put_strz(&r.h, IFLA_IFNAME, ifname);
	info = mnl_attr_nest_start(&r.h, IFLA_LINKINFO);
	mnl_attr_put_strz(&r.h, IFLA_INFO_KIND, type);
	of_type = mnl_attr_nest_start(&r.h, IFLA_INFO_DATA);
	for (int i = 0; i < n; i++)
		mnl_attr_put(&r.h, (uint16_t)data[i].tag, (size_t)data[i].len, data[i].data);
	mnl_attr_nest_end(&r.h, of_type);
	mnl_attr_nest_end(&r.h, info);
	index = ioth_nldialog(s, &r.h);
	if (index < 0)
		return -1;
	return ifindex == (unsigned)-1 ? index : 0;
}

int ioth_iplink_del(struct ioth *s, const char *ifname, unsigned ifindex)
{
	struct request r;

	if (ifname && strlen(ifname) >= IFNAMSIZ)
		return fail(ENODEV);
	link_request(&r, RTM_DELLINK, ifindex);
	if (ifname)
		mnl_attr_put_strz(&r.h, IFLA_IFNAME, ifname);
	return tell(s, &r);
}

/* --- addresses and routes --- */

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
	struct request r;

	if (!size)
		return fail(EINVAL);
	ifa = request(&r, type, flags, sizeof(*ifa));
	*ifa = (struct ifaddrmsg){
		.ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)bits(prefix),
		.ifa_flags = middle(prefix), .ifa_scope = scope(prefix), .ifa_index = ifindex,
	};
	mnl_attr_put(&r.h, IFA_LOCAL, size, addr);
	mnl_attr_put(&r.h, IFA_ADDRESS, size, addr);
	return tell(s, &r);
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
	struct request r;
	struct rtmsg *rtm = request(&r, RTM_GETROUTE, 0, sizeof(*rtm));
	int type = RTN_UNSPEC;

	*rtm = (struct rtmsg){ .rtm_family = AF_INET6, .rtm_dst_len = 128 };
	mnl_attr_put(&r.h, RTA_DST, sizeof(struct in6_addr), addr);
	return conf_ask(fd, &r.h, route_type, &type) < 0 || type == RTN_LOCAL;
}

/* Linux makes an IPv6 address usable in the background, a moment after it was added even
 * where no duplicates are looked for. On an interface that is down: never. */
static void wait_usable(struct ioth *s, const void *addr)
{
	int fd = conf_open(s);

	for (int i = 0; fd >= 0 && i < USABLE_WAITS && !is_local(fd, addr); i++)
		usleep(USABLE_WAIT);
	if (fd >= 0)
		ioth_close(fd);
}

int ioth_ipaddr_add(struct ioth *s, int family, const void *addr, int prefix, unsigned ifindex)
{
	int ret = addr_change(s, RTM_NEWADDR, ADDED, family, addr, prefix, ifindex);

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
	struct request r;

	if (!size || (of_type == RTN_UNICAST && !gw && !ifindex))
		return fail(EINVAL);
	rtm = request(&r, type, flags, sizeof(*rtm));
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
	return tell(s, &r);
}

int ioth_iproute_add(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, RTM_NEWROUTE, ADDED, family, dst, prefix, gw, ifindex);
}

int ioth_iproute_del(struct ioth *s, int family, const void *dst, int prefix, const void *gw,
		     unsigned ifindex)
{
	return route_change(s, RTM_DELROUTE, 0, family, dst, prefix, gw, ifindex);
}
