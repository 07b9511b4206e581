/* rtnl_route_get.c - RTM_GETROUTE for one destination: where would it go?
 *
 * The answer is the stack's own: the same lookup that packets take. IPv4 answers
 * as Linux does since it has no route cache, with a row that looks like one of
 * the cache's; IPv6 with the route itself.
 */
#include <linux/in_route.h>
#include <netinet/in.h>
#include <unistd.h>

#include "node/rtnl_in.h"
#include "stack/ip.h"
#include "stack/netif.h"

/* What was found, in the words of a route. */
struct way {
	struct flow	f;
	struct route	rt;		/* nif NULL: to ourselves, or a group */
	uint8_t		type;
	bool		asked_src;
};

static int read_flow(struct nlreq *r, struct flow *f)
{
	const struct rtmsg *rtm = r->body;

	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return -EAFNOSUPPORT;
	*f = (struct flow){
		.proto = req_u8(r, RTA_IP_PROTO, IPPROTO_UDP), .tos = rtm->rtm_tos,
		.ifindex = req_u32(r, RTA_OIF, 0), .mark = req_u32(r, RTA_MARK, 0),
	};
	if (req_ip(r, RTA_DST, rtm->rtm_family, &f->dst) < 0 ||
	    req_ip(r, RTA_SRC, rtm->rtm_family, &f->src) < 0)
		return -EINVAL;
	if (!r->tb[RTA_DST])
		f->dst = rtm->rtm_family == AF_INET ? IP4(127, 0, 0, 1) :
						      (struct ip_addr){ { [15] = 1 } };
	if (ip_is_any(&f->src))
		f->src = IP_NONE;
	if (f->ifindex && !netif_by_index(r->st, f->ifindex))
		return -ENODEV;
	return r->tb[RTA_IIF] ? refuse(r, -EOPNOTSUPP, "this stack forwards nothing") : 0;
}

static uint8_t type_of(const struct nlreq *r, const struct flow *f)
{
	if (netif_is_lo(f->nif) && stack_addr(r->st, &f->dst))
		return RTN_LOCAL;
	if (ip_is_multicast(&f->dst))
		return RTN_MULTICAST;
	return netif_is_broadcast(f->nif, &f->dst) ? RTN_BROADCAST : RTN_UNICAST;
}

static int find(struct nlreq *r, struct way *w)
{
	const struct route *rt;
	struct route_key k;
	int e;

	w->asked_src = !ip_is_any(&w->f.src);
	e = ip_route(r->st, &w->f);
	if (e)
		return e == -EADDRNOTAVAIL ? -ENETUNREACH : e;
	w->type = type_of(r, &w->f);
	k = (struct route_key){
		.dst = w->f.dst, .src = w->asked_src ? w->f.src : IP_NONE, .oif = w->f.ifindex,
		.mark = w->f.mark, .proto = w->f.proto, .tos = w->f.tos,
	};
	/* Linux's IPv4 has table local within main, as long as there are no rules. */
	w->rt = (struct route){
		.table = ip_is_v4(&w->f.dst) ? TABLE_MAIN : TABLE_LOCAL, .protocol = PROTO_KERNEL,
	};
	if (w->type == RTN_UNICAST && route_lookup(r->st, &k, &rt) == 0)
		w->rt = *rt;
	return 0;
}

static uint32_t flags_of(uint8_t type, bool ours)
{
	return RTM_F_CLONED | (type == RTN_LOCAL || ours ? RTCF_LOCAL : 0) |
	       (type == RTN_MULTICAST ? RTCF_MULTICAST : 0) |
	       (type == RTN_BROADCAST ? RTCF_BROADCAST | RTCF_LOCAL : 0);
}

static void put_metrics(struct nlmsghdr *nlh, const struct way *w)
{
	struct nlattr *nest;

	if (w->f.mtu >= netif_mtu(w->f.nif, ip_is_v4(&w->f.dst)))
		return;
	nest = nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_MTU, w->f.mtu);
	mnl_attr_nest_end(nlh, nest);
}

static void put_src(struct nlmsghdr *nlh, const struct way *w)
{
	bool v4 = ip_is_v4(&w->f.dst);
	struct ip_addr src = v4 || !w->asked_src ? w->f.src :
			     ip_source(w->f.nif->st, w->f.nif, &w->f.dst);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (w->asked_src || !v4) {
		rtm->rtm_src_len = v4 ? 32 : 128;
		put_ip(nlh, RTA_SRC, w->asked_src ? &w->f.src : &IP_NONE);
	}
	if (!w->asked_src || !v4)
		put_ip(nlh, RTA_PREFSRC, &src);
}

static void put_way(struct nlreq *r, const struct way *w)
{
	struct nlmsghdr *nlh = row(r->out, RTM_NEWROUTE, 0, sizeof(struct rtmsg));
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct rtmsg *req = r->body;
	struct rta_cacheinfo ci = { .rta_error = 0 };
	bool v4 = ip_is_v4(&w->f.dst);
	uint32_t table = req->rtm_flags & RTM_F_LOOKUP_TABLE || !v4 ? w->rt.table : TABLE_MAIN;

	*rtm = (struct rtmsg){
		.rtm_family = req->rtm_family, .rtm_dst_len = v4 ? 32 : 128,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_COMPAT,
		.rtm_type = w->type, .rtm_protocol = v4 ? RTPROT_UNSPEC : w->rt.protocol,
		.rtm_flags = v4 ? flags_of(w->type, netif_joined(w->f.nif, &w->f.dst)) : 0, .rtm_tos = w->f.tos,
	};
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	put_ip(nlh, RTA_DST, &w->f.dst);
	put_src(nlh, w);
	mnl_attr_put_u32(nlh, RTA_OIF, w->f.nif->index);
	if (w->type == RTN_UNICAST && !ip_eq(&w->f.hop, &w->f.dst))
		put_ip(nlh, RTA_GATEWAY, &w->f.hop);
	if (!v4)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, w->rt.metric);
	put_metrics(nlh, w);
	if (w->f.mark)
		mnl_attr_put_u32(nlh, RTA_MARK, w->f.mark);
	if (v4)
		mnl_attr_put_u32(nlh, RTA_UID, getuid());
	mnl_attr_put(nlh, RTA_CACHEINFO, sizeof(ci), &ci);
	if (!v4)
		mnl_attr_put_u8(nlh, RTA_PREF, w->rt.pref);
	row_end(r->out, nlh);
}

int getroute(struct nlreq *r)
{
	const struct rtmsg *rtm = r->body;
	struct way w;
	int e = read_flow(r, &w.f);

	if (!e)
		e = find(r, &w);
	if (e)
		return e;
	if (rtm->rtm_flags & RTM_F_FIB_MATCH && w.type == RTN_UNICAST)
		put_route(r->out, &w.rt, RTM_NEWROUTE, 0);
	else
		put_way(r, &w);
	return 0;
}
