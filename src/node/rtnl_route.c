/* rtnl_route.c - RTM_*ROUTE: dumps of the tables
 *
 * The stack finds its own addresses before it asks any table, so what Linux keeps
 * in table local is made up here from the addresses. Rows come in the kernel's
 * order: IPv4's as its trie has them (by destination), IPv6's as its tree is
 * walked (what lies within a prefix before the prefix). Changes and lookups are
 * in rtnl_route_set.c and rtnl_route_get.c.
 */
#include <linux/ipv6_route.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/rtnl_in.h"
#include "stack/netif.h"
#include "stack/route.h"

/* IPv4 shows the address a connected route speaks from: its subnet's first. */
static struct ip_addr shown_src(const struct route *r)
{
	if (!ip_is_any(&r->src) || !ip_is_v4(&r->dst) || r->protocol != PROTO_KERNEL || !r->nif)
		return r->src;
	list_for(l, &r->nif->addrs) {
		const struct netif_addr *a = container_of(l, struct netif_addr, link);
		const struct ip_addr *end = ip_is_any(&a->peer) ? &a->addr : &a->peer;

		if (ip_is_v4(&a->addr) && a->len == r->len && ip_in_prefix(end, &r->dst, r->len))
			return a->addr;
	}
	return IP_NONE;
}

static void put_metrics(struct nlmsghdr *nlh, const struct route *r)
{
	struct nlattr *nest;

	if (!r->mtu)
		return;
	nest = nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_MTU, r->mtu);
	mnl_attr_nest_end(nlh, nest);
}

static void put6(struct nlmsghdr *nlh, const struct route *r, usec now)
{
	struct rta_cacheinfo ci = { .rta_error = 0 };

	if (r->expires && r->expires != NEVER)
		ci.rta_expires = (int32_t)((MAX(r->expires, now) - now) / 10000);	/* USER_HZ */
	mnl_attr_put(nlh, RTA_CACHEINFO, sizeof(ci), &ci);
	mnl_attr_put_u8(nlh, RTA_PREF, r->pref);
}

void put_route(struct nlout *o, const struct route *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = row(o, type, flags, sizeof(struct rtmsg));
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct ip_addr src = shown_src(r);
	bool v4 = ip_is_v4(&r->dst), several = r->group && route_next_hop(o->n->st, r);

	*rtm = (struct rtmsg){
		.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = r->len,
		.rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_COMPAT,
		.rtm_type = r->type, .rtm_protocol = r->protocol,
		.rtm_scope = v4 ? r->scope : RT_SCOPE_UNIVERSE,
		.rtm_flags = r->onlink && !several ? RTNH_F_ONLINK : 0,
	};
	mnl_attr_put_u32(nlh, RTA_TABLE, r->table);
	if (r->len)
		put_ip(nlh, RTA_DST, &r->dst);
	if (!several && !ip_is_any(&r->gw))
		put_ip(nlh, RTA_GATEWAY, &r->gw);
	if (!ip_is_any(&src))
		put_ip(nlh, RTA_PREFSRC, &src);
	if (!several && (r->nif || !v4))
		mnl_attr_put_u32(nlh, RTA_OIF, r->nif ? r->nif->index : o->n->st->lo->index);
	if (r->metric || !v4)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, r->metric);
	put_metrics(nlh, r);
	if (several)
		put_hops(nlh, o->n->st, r);
	if (!v4)
		put6(nlh, r, o->n->st->now);
	row_end(o, nlh);
}

/* --- all routes, with the local table's --- */

struct entry {
	struct route	r;
	unsigned	order;		/* as found: keeps equals in their order */
};

struct entries {
	struct entry	*e;
	unsigned	n, room;
};

static void entries_add(struct entries *all, const struct route *r)
{
	if (all->n == all->room) {
		all->room = all->room ? all->room * 2 : 32;
		all->e = xrealloc(all->e, all->room * sizeof(*all->e));
	}
	all->e[all->n] = (struct entry){ *r, all->n };
	all->n++;
}

static struct route local_route(const struct netif_addr *a)
{
	return (struct route){
		.dst = a->addr, .len = ip_is_v4(&a->addr) ? 32 : 128, .nif = a->nif,
		.src = ip_is_v4(&a->addr) ? a->addr : IP_NONE, .table = TABLE_LOCAL,
		.type = RTN_LOCAL, .protocol = PROTO_KERNEL, .scope = RT_SCOPE_HOST,
	};
}

/* The first address of its subnet answers for the whole of it. */
static struct ip_addr primary_of(const struct netif_addr *a)
{
	list_for(l, &a->nif->addrs) {
		const struct netif_addr *b = container_of(l, struct netif_addr, link);

		if (ip_is_v4(&b->addr) && b->len == a->len &&
		    ip_in_prefix(&b->addr, &a->addr, a->len))
			return b->addr;
	}
	return a->addr;
}

static void add_local4(struct entries *all, const struct netif_addr *a)
{
	struct route r = local_route(a);

	r.src = primary_of(a);
	entries_add(all, &r);
	if (netif_is_lo(a->nif) && ip_is_loopback(&a->addr)) {
		r.dst = ip_mask(&a->addr, a->len);
		r.len = a->len;
		entries_add(all, &r);
	}
	if (!ip_is_v4(&a->broadcast) || !ip_eq(&r.src, &a->addr) || !netif_is_up(a->nif))
		return;
	r.dst = a->broadcast;
	r.len = 32;
	r.type = RTN_BROADCAST;
	r.scope = RT_SCOPE_LINK;
	entries_add(all, &r);
}

static void add_local6(struct entries *all, const struct netif *nif)
{
	struct route r = {
		.dst = { { 0xff } }, .len = 8, .nif = (struct netif *)nif, .metric = 256,
		.table = TABLE_LOCAL, .type = RTN_MULTICAST, .protocol = PROTO_KERNEL,
	};

	list_for(l, &nif->addrs) {
		const struct netif_addr *a = container_of(l, struct netif_addr, link);
		struct route one = local_route(a);

		if (!ip_is_v4(&a->addr) && addr_usable(a))
			entries_add(all, &one);
	}
	if (!netif_is_lo(nif) && netif_is_up(nif))
		entries_add(all, &r);
}

static void collect(struct stack *st, struct entries *all)
{
	const struct route *r;

	for (r = route_next(st, NULL); r; r = route_next(st, r)) {
		if (route_first_hop(st, r) == r &&
		    (r->nif != st->lo || r->protocol != PROTO_KERNEL))	/* Linux has none */
			entries_add(all, r);
	}
	list_for(l, &st->netifs) {
		const struct netif *nif = container_of(l, struct netif, link);

		list_for(k, &nif->addrs) {
			const struct netif_addr *a = container_of(k, struct netif_addr, link);

			if (ip_is_v4(&a->addr))
				add_local4(all, a);
		}
		add_local6(all, nif);
	}
}

/* --- the kernel's order --- */

static int sign(int64_t v)
{
	return v < 0 ? -1 : v > 0;
}

/* IPv4: a leaf for each destination, in it the longest prefix first. IPv6: the
 * tree's branches before the node they hang on. */
static int by_prefix(const struct route *a, const struct route *b)
{
	bool v4 = ip_is_v4(&a->dst);
	int key = memcmp(&a->dst, &b->dst, sizeof(a->dst));

	if (!v4 && a->len < b->len && ip_in_prefix(&b->dst, &a->dst, a->len))
		return 1;
	if (!v4 && b->len < a->len && ip_in_prefix(&a->dst, &b->dst, b->len))
		return -1;
	return key ? key : sign((int64_t)b->len - a->len);
}

static int compare(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	bool a4 = ip_is_v4(&a->r.dst), b4 = ip_is_v4(&b->r.dst);
	int d;

	if (a4 != b4)
		return a4 ? -1 : 1;
	if (a->r.table != b->r.table)
		return sign((int64_t)(a->r.table & 255) - (b->r.table & 255)) ?:
		       sign((int64_t)a->r.table - b->r.table);
	d = by_prefix(&a->r, &b->r);
	if (!d)
		d = sign((int64_t)a->r.metric - b->r.metric);
	return d ? d : sign((int64_t)a->order - b->order);
}

/* --- what was asked for --- */

struct filter {
	uint8_t		family, protocol, type;
	uint32_t	table, oif;
};

static bool passes(const struct filter *f, const struct route *r)
{
	return wanted(f->family, &r->dst) && (!f->table || f->table == r->table) &&
	       (!f->protocol || f->protocol == r->protocol) && (!f->type || f->type == r->type) &&
	       (!f->oif || (r->nif && r->nif->index == f->oif));
}

bool route_table_exists(struct stack *st, uint32_t table, bool v4)
{
	if (table >= TABLE_DEFAULT && table <= TABLE_LOCAL)
		return v4 || table != TABLE_DEFAULT;
	return route_table_known(st, table, v4);
}

/* Only strict peers filter by more than the family (netlink(7)). */
static int read_filter(struct nlreq *r, struct filter *f)
{
	const struct rtmsg *rtm = r->body;

	*f = (struct filter){ .family = req_family(r) };
	if (!r->peer->strict)
		return 0;
	f->table = req_u32(r, RTA_TABLE, rtm->rtm_table);
	f->oif = req_u32(r, RTA_OIF, 0);
	f->protocol = rtm->rtm_protocol;
	f->type = rtm->rtm_type;
	if (f->oif && !netif_by_index(r->st, f->oif))
		return -ENODEV;
	if (f->table && f->family && !route_table_exists(r->st, f->table, f->family == AF_INET))
		return refuse(r, -ENOENT, f->family == AF_INET ? "ipv4: FIB table does not exist" :
								 "ipv6: FIB table does not exist");
	return 0;
}

int dumproute(struct nlreq *r)
{
	const struct rtmsg *rtm = r->body;
	struct entries all = { NULL, 0, 0 };
	struct filter f;
	int e;

	if (req_family(r) > AF_INET6 || (r->peer->strict && rtm->rtm_flags & RTM_F_CLONED))
		return 0;		/* multicast routing (RTNL_FAMILY_IPMR); the cache */
	e = read_filter(r, &f);
	if (e)
		return e;
	collect(r->st, &all);
	qsort(all.e, all.n, sizeof(*all.e), compare);
	for (unsigned i = 0; i < all.n; i++) {
		if (passes(&f, &all.e[i].r))
			put_route(r->out, &all.e[i].r, RTM_NEWROUTE, NLM_F_MULTI);
	}
	free(all.e);
	return 0;
}
