/* kernel_link.c - interfaces by rtnetlink, in the namespace of who calls (libmnl) */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

#include "node/kernel_in.h"

#define BUF	4096

/* Until the acknowledgement. 0 or -errno. */
static int exchange(struct mnl_socket *nl, const struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	char buf[BUF];
	ssize_t n;
	int ret = MNL_CB_OK;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (ret == MNL_CB_OK) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		ret = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, nlh->nlmsg_seq,
					      mnl_socket_get_portid(nl), each, arg);
	}
	return ret < 0 ? -errno : 0;
}

static int talk(struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc;

	if (!nl)
		return -errno;
	nlh->nlmsg_seq = 1;
	rc = exchange(nl, nlh, each, arg);
	mnl_socket_close(nl);
	return rc;
}

static struct nlmsghdr *link_request(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return nlh;
}

static void put_end(struct nlmsghdr *nlh, unsigned flags, const char *name, uint32_t mtu)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_flags = ifi->ifi_change = flags;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
}

int kernel_link_pair(const char *name, const char *twin, int ns, uint32_t mtu)
{
	char buf[BUF];
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	put_end(nlh, IFF_UP, name, mtu);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	put_end(nlh, 0, twin, mtu);	/* it has no peer yet, and cannot be up */
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)ns);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return talk(nlh, NULL, NULL);
}

int kernel_link_silent(const char *name)
{
	char buf[BUF];
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, 0);
	struct nlattr *spec, *inet6;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
	return talk(nlh, NULL, NULL);
}

/* Without a carrier, or with this queue (until Linux has seen the carrier), what is sent is
 * thrown away. */
static int look(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	bool *ready = arg;
	const struct nlattr *a;

	*ready = ifi->ifi_flags & IFF_RUNNING;
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(a) == IFLA_CARRIER)
			*ready &= mnl_attr_get_u8(a);
		else if (mnl_attr_get_type(a) == IFLA_QDISC)
			*ready &= strcmp(mnl_attr_get_str(a), "noop") != 0;
	}
	return MNL_CB_OK;
}

bool kernel_link_ready(const char *name)
{
	char buf[BUF];
	struct nlmsghdr *nlh = link_request(buf, RTM_GETLINK, 0);
	bool ready = false;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return talk(nlh, look, &ready) == 0 && ready;
}
