/* config_rtnl.c - configuration of a stack of any kind: rtnetlink
 *
 * Each question is a dialog by the configuration's own socket, whose answer the stack
 * has ready when the question was sent.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "base/loop.h"
#include "node/api_netlink.h"
#include "node/config_stack_in.h"
#include "stack/stack.h"

#define METRIC	1024

struct request {
	union { struct nlmsghdr h; char b[1024]; };
};

static void *request(struct request *r, uint16_t type, uint16_t flags, size_t len)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(h, len);
}

static int ask(struct stack_config *sc, struct request *r, mnl_cb_t each, void *arg)
{
	return nl_ask(sc->netlink, &r->h, each, arg) < 0 ? -errno : 0;
}

static int tell(struct stack_config *sc, struct request *r)
{
	r->h.nlmsg_flags |= NLM_F_ACK;
	return ask(sc, r, NULL, NULL);
}

static int dump(struct stack_config *sc, uint16_t type, size_t len, mnl_cb_t each, void *arg)
{
	struct request r;

	request(&r, type, NLM_F_DUMP, len);
	return ask(sc, &r, each, arg);
}

static void put_ip(struct nlmsghdr *h, uint16_t type, const struct ip_addr *a)
{
	if (ip_is_v4(a))
		mnl_attr_put(h, type, 4, ip_v4(a));
	else
		mnl_attr_put(h, type, 16, a->b);
}

static struct ip_addr get_ip(const struct nlattr *at)
{
	const uint8_t *b = mnl_attr_get_payload(at);

	return mnl_attr_get_payload_len(at) == 4 ? ip_from_v4(b) : ip_from_v6(b);
}

/* --- links --- */

static int first_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(h);
	unsigned *first = arg;

	if (!*first && !(ifi->ifi_flags & IFF_LOOPBACK))
		*first = (unsigned)ifi->ifi_index;
	return MNL_CB_OK;
}

static unsigned op_find(void *ctx, const char *name)
{
	struct stack_config *sc = ctx;
	unsigned first = 0;
	int index;

	if (!name) {
		dump(sc, RTM_GETLINK, sizeof(struct ifinfomsg), first_link, &first);
		return first;
	}
	index = ioth_if_nametoindex(sc->s, name);
	return index > 0 ? (unsigned)index : 0;
}

/* Attributes within attributes of IFLA_AF_SPEC. */
static const struct nlattr *nested(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *at;

	if (!nest)
		return NULL;
	mnl_attr_for_each_nested(at, nest) {
		if (mnl_attr_get_type(at) == type)
			return at;
	}
	return NULL;
}

static int read_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(h);
	struct conf_link *l = arg;
	const struct nlattr *at, *flags;

	if (h->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	l->up = ifi->ifi_flags & IFF_UP;
	mnl_attr_for_each(at, h, sizeof(*ifi)) {
		if (mnl_attr_get_type(at) == IFLA_ADDRESS && mnl_attr_get_payload_len(at) == 6)
			memcpy(l->mac.b, mnl_attr_get_payload(at), 6);
		if (mnl_attr_get_type(at) != IFLA_AF_SPEC)
			continue;
		flags = nested(nested(at, AF_INET6), IFLA_INET6_FLAGS);
		if (flags)
			l->ra_flags = mnl_attr_get_u32(flags) & (RA_HEARD | RA_MANAGED | RA_OTHER);
	}
	if (l->ra_flags & RA_MANAGED)
		l->ra_flags &= (uint8_t)~RA_OTHER;
	return MNL_CB_OK;
}

/* One address in a dump of them. */
struct wanted {
	unsigned	ifindex;
	const struct ip_addr *addr;	/* NULL: a link-local one that may be used */
	struct ip_addr	found;
	enum conf_state	state;
};

static enum conf_state state_of(uint32_t flags)
{
	if (flags & IFA_F_DADFAILED)
		return CONF_DUPLICATE;
	if (flags & IFA_F_OPTIMISTIC)
		return CONF_OPTIMISTIC;
	return flags & IFA_F_TENTATIVE ? CONF_TENTATIVE : CONF_OK;
}

static int match_addr(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
	struct wanted *w = arg;
	struct ip_addr a = IP_NONE;
	bool local = false;
	const struct nlattr *at;

	mnl_attr_for_each(at, h, sizeof(*ifa)) {
		uint16_t type = mnl_attr_get_type(at);

		if (type != IFA_LOCAL && (type != IFA_ADDRESS || local))
			continue;
		a = get_ip(at);
		local = type == IFA_LOCAL;
	}
	if (ifa->ifa_index != w->ifindex || (w->addr && !ip_eq(&a, w->addr)))
		return MNL_CB_OK;
	if (!w->addr && (ip_is_v4(&a) || !ip_is_linklocal(&a) ||
			 state_of(ifa->ifa_flags) < CONF_OPTIMISTIC ||
			 state_of(ifa->ifa_flags) == CONF_DUPLICATE))
		return MNL_CB_OK;
	w->found = a;
	w->state = state_of(ifa->ifa_flags);
	return MNL_CB_OK;
}

static struct wanted find_addr(struct stack_config *sc, unsigned ifindex, const struct ip_addr *a)
{
	struct wanted w = { ifindex, a, IP_NONE, CONF_ABSENT };

	dump(sc, RTM_GETADDR, sizeof(struct ifaddrmsg), match_addr, &w);
	return w;
}

static int op_link(void *ctx, unsigned ifindex, struct conf_link *out)
{
	struct ifinfomsg *ifi;
	struct request r;
	int e;

	*out = (struct conf_link){ .up = false };
	ifi = request(&r, RTM_GETLINK, NLM_F_ACK, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	e = ask(ctx, &r, read_link, out);
	if (e == 0)
		out->linklocal = find_addr(ctx, ifindex, NULL).found;
	return e;
}

static int op_set_mtu(void *ctx, unsigned ifindex, uint32_t mtu)
{
	struct stack_config *sc = ctx;

	return ioth_linksetmtu(sc->s, ifindex, mtu) < 0 ? -errno : 0;
}

static int op_set_up(void *ctx, unsigned ifindex, bool up)
{
	struct stack_config *sc = ctx;

	return ioth_linksetupdown(sc->s, ifindex, up) < 0 ? -errno : 0;
}

/* Down and up again: Linux does not tell its neighbours of another address, nor do its
 * link-local address and its solicitations follow. */
static int op_set_mac(void *ctx, unsigned ifindex, struct mac mac)
{
	struct stack_config *sc = ctx;
	struct conf_link was;
	int e = op_link(ctx, ifindex, &was);

	if (e == 0 && was.up)
		e = op_set_up(ctx, ifindex, false);
	if (e == 0 && ioth_linksetaddr(sc->s, ifindex, mac.b) < 0)
		e = -errno;
	if (was.up)
		op_set_up(ctx, ifindex, true);
	return e;
}

static void op_set_token(void *ctx, unsigned ifindex, const struct ip_addr *token)
{
	struct nlattr *spec, *v6;
	struct ifinfomsg *ifi;
	struct request r;

	ifi = request(&r, RTM_SETLINK, 0, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	spec = mnl_attr_nest_start(&r.h, IFLA_AF_SPEC);
	v6 = mnl_attr_nest_start(&r.h, AF_INET6);
	mnl_attr_put(&r.h, IFLA_INET6_TOKEN, 16, token->b);
	mnl_attr_nest_end(&r.h, v6);
	mnl_attr_nest_end(&r.h, spec);
	tell(ctx, &r);
}

/* --- addresses and routes --- */

static int addr_tell(void *ctx, uint16_t type, uint16_t flags, unsigned ifindex,
		     const struct ip_addr *a, unsigned len, const struct ifa_cacheinfo *life)
{
	struct ifaddrmsg *ifa;
	struct request r;

	ifa = request(&r, type, flags, sizeof(*ifa));
	ifa->ifa_family = ip_is_v4(a) ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = (uint8_t)len;
	ifa->ifa_index = ifindex;
	put_ip(&r.h, IFA_LOCAL, a);
	put_ip(&r.h, IFA_ADDRESS, a);
	if (ip_is_v4(a) && len < 31) {
		struct ip_addr brd = ip4_subnet_broadcast(a, len);

		put_ip(&r.h, IFA_BROADCAST, &brd);
	}
	if (life)
		mnl_attr_put(&r.h, IFA_CACHEINFO, sizeof(*life), life);
	return tell(ctx, &r);
}

static int op_addr_put(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len,
		       uint32_t valid, uint32_t preferred)
{
	struct ifa_cacheinfo life = { .ifa_valid = valid, .ifa_prefered = preferred };

	return addr_tell(ctx, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, a, len, &life);
}

static int op_addr_del(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len)
{
	return addr_tell(ctx, RTM_DELADDR, 0, ifindex, a, len, NULL);
}

static enum conf_state op_addr_state(void *ctx, unsigned ifindex, const struct ip_addr *a)
{
	return find_addr(ctx, ifindex, a).state;
}

static int op_route(void *ctx, unsigned ifindex, bool add, const struct dhcp4_route *to,
		    uint8_t protocol)
{
	bool direct = ip_is_any(&to->gw);
	struct request r;
	struct rtmsg *rtm;
	int e;

	rtm = request(&r, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
		      sizeof(*rtm));
	rtm->rtm_family = ip_is_v4(&to->dst) ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = to->len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = protocol ? protocol : RTPROT_BOOT;
	rtm->rtm_scope = direct && ip_is_v4(&to->dst) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_flags = direct ? 0 : RTNH_F_ONLINK;
	if (to->len)
		put_ip(&r.h, RTA_DST, &to->dst);
	if (!direct)
		put_ip(&r.h, RTA_GATEWAY, &to->gw);
	mnl_attr_put_u32(&r.h, RTA_OIF, ifindex);
	mnl_attr_put_u32(&r.h, RTA_PRIORITY, METRIC);
	e = tell(ctx, &r);
	return e == -EEXIST || e == -ESRCH ? 0 : e;
}

/* RFC 8106 5.1: a lifetime of 0 takes it back, one of all ones has no end. */
static bool is_over(usec at, uint32_t life)
{
	return life != UINT32_MAX && now_mono() >= at + life * USEC_PER_SEC;
}

static unsigned op_told(void *ctx, unsigned ifindex, struct endpoint *servers, unsigned max,
			struct text *domains)
{
	const struct stack_config *sc = ctx;
	const struct nd_opts *o = &sc->told;
	unsigned n = 0;

	if (sc->told_if != ifindex)
		return 0;
	for (unsigned i = 0; i < o->n_dns && n < max; i++) {
		const struct ip_addr *a = &o->dns[i].addr;

		if (is_over(sc->dns_at, o->dns[i].life))
			continue;
		servers[n++] = (struct endpoint){ *a, 53, ip_is_linklocal(a) ? ifindex : 0 };
	}
	for (unsigned i = 0; i < o->n_search; i++) {
		if (!is_over(sc->search_at, o->search[i].life))
			text_add(domains, " %s", o->search[i].name);
	}
	return n;
}

const struct config_ops conf_rtnl_ops = {
	.find = op_find, .link = op_link, .set_mac = op_set_mac, .set_mtu = op_set_mtu,
	.set_up = op_set_up, .set_token = op_set_token, .addr_put = op_addr_put,
	.addr_del = op_addr_del, .addr_state = op_addr_state, .route = op_route,
	.told = op_told,
};
