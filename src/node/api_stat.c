/* api_stat.c - ioth.h: what a stack has counted
 *
 * Of its interfaces by rtnetlink, so for every kind; then what the kind itself
 * counts.
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "node/api_netlink.h"

struct told {
	ioth_statistic_fn *each;
	void	*arg;
};

static void tell_link(const struct told *t, const char *ifname,
		      const struct rtnl_link_stats64 *s)
{
	const struct { const char *name; uint64_t value; } v[] = {
		{ "rx_packets", s->rx_packets }, { "rx_bytes", s->rx_bytes },
		{ "rx_errors", s->rx_errors }, { "rx_dropped", s->rx_dropped },
		{ "tx_packets", s->tx_packets }, { "tx_bytes", s->tx_bytes },
		{ "tx_errors", s->tx_errors }, { "tx_dropped", s->tx_dropped },
	};
	char name[IFNAMSIZ + 16];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		snprintf(name, sizeof(name), "%s.%s", ifname, v[i].name);
		t->each(t->arg, name, v[i].value);
	}
}

static int link_stats(const struct nlmsghdr *nlh, void *arg)
{
	struct rtnl_link_stats64 stats;
	const char *ifname = NULL;
	const struct nlattr *a;
	bool found = false;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(a) == IFLA_IFNAME)
			ifname = mnl_attr_get_str(a);
		if (mnl_attr_get_type(a) != IFLA_STATS64)
			continue;
		memset(&stats, 0, sizeof(stats));
		memcpy(&stats, mnl_attr_get_payload(a),
		       MIN(sizeof(stats), mnl_attr_get_payload_len(a)));
		found = true;
	}
	if (ifname && found)
		tell_link(arg, ifname, &stats);
	return MNL_CB_OK;
}

int ioth_statistics(struct ioth *s, ioth_statistic_fn *each, void *arg)
{
	struct told t = { each, arg };
	int fd = nl_open(s), ret, error;

	if (fd < 0)
		return -1;
	ret = nl_dump(fd, RTM_GETLINK, link_stats, &t);
	error = errno;
	ioth_close(fd);
	if (ret < 0) {
		errno = error;
		return -1;
	}
	s = s ? s : ioth_get_defstack();
	if (s->more->statistics)
		s->more->statistics(s, each, arg);
	return 0;
}
