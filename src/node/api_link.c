/* api_link.c - ioth.h: interfaces of a stack, by rtnetlink */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>

#include "node/api_netlink.h"

static int index_of(struct ioth *s, const char *ifname)
{
	struct nl_request r;
	int index;

	if (strlen(ifname) >= IFNAMSIZ)
		return libc_result(-ENODEV);
	nl_request(&r, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(&r.h, IFLA_IFNAME, ifname);
	index = ioth_nldialog(s, &r.h);
	return index ? index : libc_result(-ENODEV);
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

static struct ifinfomsg *link_request(struct nl_request *r, uint16_t type, unsigned ifindex)
{
	struct ifinfomsg *ifi = nl_request(r, type, 0, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	return ifi;
}

int ioth_linksetupdown(struct ioth *s, unsigned ifindex, int up)
{
	struct nl_request r;
	struct ifinfomsg *ifi = link_request(&r, RTM_SETLINK, ifindex);

	ifi->ifi_flags = up ? IFF_UP : 0;
	ifi->ifi_change = IFF_UP;
	return nl_tell(s, &r);
}

int ioth_linksetaddr(struct ioth *s, unsigned ifindex, const void *mac)
{
	struct nl_request r;

	link_request(&r, RTM_SETLINK, ifindex);
	mnl_attr_put(&r.h, IFLA_ADDRESS, 6, mac);
	return nl_tell(s, &r);
}

int ioth_linksetmtu(struct ioth *s, unsigned ifindex, unsigned mtu)
{
	struct nl_request r;

	link_request(&r, RTM_SETLINK, ifindex);
	mnl_attr_put_u32(&r.h, IFLA_MTU, mtu);
	return nl_tell(s, &r);
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
	struct nl_request r;
	int fd = nl_open(s), ret, error;

	if (fd < 0)
		return -1;
	link_request(&r, RTM_GETLINK, ifindex);
	ret = nl_ask(fd, &r.h, link_mac, &f);
	error = ret < 0 ? errno : ENOENT;
	ioth_close(fd);
	return ret < 0 || !f.found ? libc_result(-error) : 0;
}

/* A cable, which is no matter of netlink: the kind has a way of its own. */
static int add_vde(struct ioth *s, const char *ifname, unsigned ifindex,
		   const struct nl_iplink_data *data, int n)
{
	char *locator;
	int index;

	if (n != 1 || data->tag != IFLA_VDE_VNL || (int)ifindex > 0)
		return libc_result(-EINVAL);
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
	struct nl_request r;
	int index;

	s = s ? s : ioth_get_defstack();
	if (strcmp(type, "vde") == 0 && s->more->add_if)
		return add_vde(s, ifname, ifindex, data, n);
	for (int i = 0; i < n; i++)
		sum += (size_t)data[i].len + MNL_ATTR_HDRLEN + 4;
	if (sum > NL_REQ_MAX / 2 || (ifname && strlen(ifname) >= IFNAMSIZ) || strlen(type) > 64)
		return libc_result(-EINVAL);
	link_request(&r, RTM_NEWLINK, ifindex == (unsigned)-1 ? 0 : ifindex);
	r.h.nlmsg_flags |= NL_ADDED;
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
	struct nl_request r;

	if (ifname && strlen(ifname) >= IFNAMSIZ)
		return libc_result(-ENODEV);
	link_request(&r, RTM_DELLINK, ifindex);
	if (ifname)
		mnl_attr_put_strz(&r.h, IFLA_IFNAME, ifname);
	return nl_tell(s, &r);
}
