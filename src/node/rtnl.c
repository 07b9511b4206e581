/* rtnl.c - rtnetlink dumps (RFC 3549), with libmnl for the format
 *
 * A dump is a row for each object, in as many datagrams as it takes, and an
 * NLMSG_DONE. Requests come from strangers.
 */
#include "node/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#define ROW_MAX	512		/* a row is surely shorter */

/* An answer being written. */
struct answer {
	struct stack	*st;
	uint8_t		buf[RTNL_BUF];
	size_t		len;
	uint32_t	seq, pid;
	void		(*emit)(void *ctx, const void *buf, size_t len);
	void		*ctx;
};

static void flush(struct answer *a)
{
	if (a->len)
		a->emit(a->ctx, a->buf, a->len);
	a->len = 0;
}

static struct nlmsghdr *row(struct answer *a, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh;

	if (a->len + ROW_MAX > sizeof(a->buf))
		flush(a);
	nlh = mnl_nlmsg_put_header(a->buf + a->len);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = a->seq;
	nlh->nlmsg_pid = a->pid;
	return nlh;
}

static void row_end(struct answer *a, const struct nlmsghdr *nlh)
{
	a->len += MNL_ALIGN(nlh->nlmsg_len);
}

static void put_ip(struct nlmsghdr *nlh, uint16_t type, const struct ip_addr *addr)
{
	if (ip_is_v4(addr))
		mnl_attr_put(nlh, type, 4, ip_v4(addr));
	else
		mnl_attr_put(nlh, type, 16, addr->b);
}

/* --- links --- */

static void put_link(struct answer *a, const struct netif *nif, uint16_t flags)
{
	bool lo = nif->flags & NETIF_LOOPBACK;
	struct nlmsghdr *nlh = row(a, RTM_NEWLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_type = lo ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
	ifi->ifi_index = (int)nif->index;
	ifi->ifi_flags = IFF_LOWER_UP | IFF_RUNNING | (nif->flags & NETIF_UP ? IFF_UP : 0) |
			 (lo ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, nif->name);
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, 1000);
	mnl_attr_put_u8(nlh, IFLA_OPERSTATE, lo ? IF_OPER_UNKNOWN : IF_OPER_UP);
	mnl_attr_put_u32(nlh, IFLA_MTU, nif->mtu);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(nif->mac), &nif->mac);
	mnl_attr_put(nlh, IFLA_BROADCAST, 6, lo ? "\0\0\0\0\0\0" : "\xff\xff\xff\xff\xff\xff");
	row_end(a, nlh);
}

static void dump_links(struct answer *a, const struct nlmsghdr *req)
{
	list_for(l, &a->st->netifs)
		put_link(a, container_of(l, struct netif, link), NLM_F_MULTI);
}

/* The one link that a request names by index or by name; NULL: no such. */
static struct netif *named_link(struct stack *st, const struct nlmsghdr *req)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(req);
	const struct nlattr *at;

	if (mnl_nlmsg_get_payload_len(req) < sizeof(*ifi))
		return NULL;
	if (ifi->ifi_index > 0)
		return netif_by_index(st, (uint32_t)ifi->ifi_index);
	mnl_attr_for_each(at, req, sizeof(*ifi)) {
		if (mnl_attr_get_type(at) == IFLA_IFNAME && mnl_attr_validate(at, MNL_TYPE_NUL_STRING) >= 0)
			return netif_by_name(st, mnl_attr_get_str(at));
	}
	return NULL;
}

/* --- addresses --- */

static uint8_t scope_of(const struct ip_addr *addr)
{
	if (ip_is_loopback(addr))
		return RT_SCOPE_HOST;
	return ip_is_linklocal(addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

/* Seconds for rtnetlink: all ones is for ever. */
static uint32_t seconds_left(usec until, usec now)
{
	return until == NEVER ? UINT32_MAX : (uint32_t)((MAX(until, now) - now) / USEC_PER_SEC);
}

static void put_addr(struct answer *a, const struct netif_addr *na)
{
	struct nlmsghdr *nlh = row(a, RTM_NEWADDR, NLM_F_MULTI);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	bool v4 = ip_is_v4(&na->addr);
	struct ifa_cacheinfo ci = {
		.ifa_prefered = seconds_left(na->preferred_until, a->st->now),
		.ifa_valid = seconds_left(na->valid_until, a->st->now),
	};
	uint32_t flags = (na->state == ADDR_TENTATIVE ? IFA_F_TENTATIVE : 0) |
			 (na->state == ADDR_OPTIMISTIC ? IFA_F_OPTIMISTIC : 0) |
			 (na->state == ADDR_DUPLICATE ? IFA_F_DADFAILED : 0) |
			 (na->valid_until == NEVER ? IFA_F_PERMANENT : 0);

	ifa->ifa_family = v4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = na->len;
	ifa->ifa_flags = (uint8_t)flags;
	ifa->ifa_scope = scope_of(&na->addr);
	ifa->ifa_index = na->nif->index;
	put_ip(nlh, IFA_ADDRESS, &na->addr);
	if (v4)
		put_ip(nlh, IFA_LOCAL, &na->addr);
	if (v4 && ip_is_v4(&na->broadcast))
		put_ip(nlh, IFA_BROADCAST, &na->broadcast);
	if (v4)
		mnl_attr_put_strz(nlh, IFA_LABEL, na->nif->name);
	mnl_attr_put_u32(nlh, IFA_FLAGS, flags);
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(ci), &ci);
	row_end(a, nlh);
}

/* The family asked for, the first byte of every request's body. */
static uint8_t family_of(const struct nlmsghdr *req)
{
	const struct rtgenmsg *g = mnl_nlmsg_get_payload(req);

	return mnl_nlmsg_get_payload_len(req) >= sizeof(*g) ? g->rtgen_family : AF_UNSPEC;
}

static bool wanted(uint8_t family, const struct ip_addr *addr)
{
	return family == AF_UNSPEC || family == (ip_is_v4(addr) ? AF_INET : AF_INET6);
}

static void dump_addrs(struct answer *a, const struct nlmsghdr *req)
{
	list_for(l, &a->st->netifs) {
		list_for(k, &container_of(l, struct netif, link)->addrs) {
			const struct netif_addr *na = container_of(k, struct netif_addr, link);

			if (wanted(family_of(req), &na->addr))
				put_addr(a, na);
		}
	}
}

/* --- routes --- */

static void put_route(struct answer *a, const struct route *r)
{
	struct nlmsghdr *nlh = row(a, RTM_NEWROUTE, NLM_F_MULTI);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	bool via = !ip_is_any(&r->gw);

	*rtm = (struct rtmsg){
		.rtm_family = ip_is_v4(&r->dst) ? AF_INET : AF_INET6,
		.rtm_dst_len = r->len, .rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_COMPAT,
		.rtm_type = r->type, .rtm_protocol = r->protocol,
		.rtm_scope = via || !r->nif ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
	};
	mnl_attr_put_u32(nlh, RTA_TABLE, r->table);
	if (r->len)
		put_ip(nlh, RTA_DST, &r->dst);
	if (via)
		put_ip(nlh, RTA_GATEWAY, &r->gw);
	if (!ip_is_any(&r->src))
		put_ip(nlh, RTA_PREFSRC, &r->src);
	if (r->nif)
		mnl_attr_put_u32(nlh, RTA_OIF, r->nif->index);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, r->metric);
	row_end(a, nlh);
}

static void dump_routes(struct answer *a, const struct nlmsghdr *req)
{
	const struct route *r;

	for (unsigned i = 0; (r = route_at(a->st, i)); i++) {
		if (wanted(family_of(req), &r->dst))
			put_route(a, r);
	}
}

/* --- requests --- */

static void put_error(struct answer *a, const struct nlmsghdr *req, int error)
{
	struct nlmsghdr *nlh = row(a, NLMSG_ERROR, 0);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = error;
	e->msg = *req;
	row_end(a, nlh);
}

static void put_done(struct answer *a)
{
	struct nlmsghdr *nlh = row(a, NLMSG_DONE, NLM_F_MULTI);

	*(int32_t *)mnl_nlmsg_put_extra_header(nlh, sizeof(int32_t)) = 0;
	row_end(a, nlh);
}

static const struct dump {
	uint16_t	type;
	void		(*all)(struct answer *a, const struct nlmsghdr *req);
} dumps[] = {
	{ RTM_GETLINK, dump_links },
	{ RTM_GETADDR, dump_addrs },
	{ RTM_GETROUTE, dump_routes },
};

static void request(struct answer *a, const struct nlmsghdr *req)
{
	struct netif *nif;

	a->seq = req->nlmsg_seq;
	for (size_t i = 0; i < ARRAY_LEN(dumps); i++) {
		if (dumps[i].type == req->nlmsg_type &&
		    (req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
			dumps[i].all(a, req);
			flush(a);
			put_done(a);
			flush(a);
			return;
		}
	}
	nif = req->nlmsg_type == RTM_GETLINK ? named_link(a->st, req) : NULL;
	if (nif)
		put_link(a, nif, 0);
	else
		put_error(a, req, req->nlmsg_type == RTM_GETLINK ? -ENODEV : -EOPNOTSUPP);
	flush(a);
}

void rtnl_answer(struct stack *st, const void *req, size_t len, uint32_t pid,
		 void (*emit)(void *ctx, const void *buf, size_t len), void *ctx)
{
	struct answer a = { .st = st, .pid = pid, .emit = emit, .ctx = ctx };
	const struct nlmsghdr *nlh = req;
	int left = (int)len;

	/* mnl takes a length of 2 GiB and more for a negative number, and passes it. */
	while (mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left) {
		if (nlh->nlmsg_flags & NLM_F_REQUEST && nlh->nlmsg_type >= NLMSG_MIN_TYPE)
			request(&a, nlh);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
}
