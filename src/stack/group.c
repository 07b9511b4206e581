/* group.c - multicast groups an interface receives
 *
 * Joins are counted. The first join and the last leave are told to the link by
 * a report of one record (MLDv2, RFC 3810 5.2; IGMPv3, RFC 3376 4.2) so that
 * switches which snoop let the group through; the groups of all nodes are never
 * reported (RFC 3810 6, RFC 3376 5). A query, general or for a group we are in,
 * is answered by a report of all groups after a random part of the time it gives.
 *
 * in:  icmp6_in -> mld_in, ip_deliver -> igmp_in
 * out: netif_join | netif_leave | a query's time -> report -> ip6_send_on
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/ip.h"
#include "stack/netif.h"

#define MAX_GROUPS	256	/* of one interface */

#define QUERY_MAX	(10 * USEC_PER_SEC)	/* longer answers are asked by nobody */

enum { IS_EXCLUDE = 2, TO_INCLUDE = 3, TO_EXCLUDE = 4 };	/* RFC 3810 5.2.12 */
enum { MLD2_REPORT = 143, IGMP_QUERY = 0x11, IGMP3_REPORT = 0x22 };

static const struct ip_addr all_nodes = { { 0xff, 0x02, [15] = 1 } };
static const struct ip_addr mld2_routers = { { 0xff, 0x02, [15] = 0x16 } };

/* The groups everybody is in (RFC 4291 2.8, RFC 1112 7.2). */
static bool is_all_nodes(const struct ip_addr *g)
{
	static const struct ip_addr own_nodes = { { 0xff, 0x01, [15] = 1 } };

	return ip_eq(g, &all_nodes) || ip_eq(g, &own_nodes) ||
	       ip_eq(g, &IP4(224, 0, 0, 1));
}

static struct netif_group *group_find(const struct netif *nif, const struct ip_addr *g)
{
	list_for(l, &nif->groups) {
		struct netif_group *ng = container_of(l, struct netif_group, link);

		if (ip_eq(&ng->addr, g))
			return ng;
	}
	return NULL;
}

bool netif_joined(const struct netif *nif, const struct ip_addr *g)
{
	return is_all_nodes(g) || group_find(nif, g);
}

static void report_put(struct wr *w, uint8_t type, uint8_t record, const struct ip_addr *g)
{
	size_t skip = ip_is_v4(g) ? 12 : 0;

	wr_u8(w, type);
	wr_zero(w, 5);			/* code, checksum, reserved */
	wr_u16(w, 1);
	wr_u8(w, record);
	wr_zero(w, 3);			/* no auxiliary data, no sources */
	wr_bytes(w, g->b + skip, 16 - skip);
}

static void sum_put(uint8_t *p, const struct sum *s)
{
	be16 v = be16_put(sum_end(s));

	memcpy(p + 2, &v, 2);
}

/* Source is the link-local address, or none while it is being tested
 * (RFC 3810 5.2.13). */
static void mld_report(struct netif *nif, uint8_t record, const struct ip_addr *g)
{
	static const uint8_t alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct netif_addr *a = netif_linklocal(nif);
	struct ip_addr src = a ? a->addr : IP6_ANY;
	struct pkt *pkt = pkt_new();
	uint8_t *p = pkt_push(pkt, 28);
	struct wr w = wr_of(p, 28);
	struct sum s = { 0 };

	report_put(&w, MLD2_REPORT, record, g);
	sum_pseudo(&s, &src, &mld2_routers, IPPROTO_ICMPV6, 28);
	sum_add(&s, p, 28);
	sum_put(p, &s);
	memcpy(pkt_push(pkt, sizeof(alert)), alert, sizeof(alert));
	ip6_send_on(nif, pkt, &src, &mld2_routers, IPPROTO_HOPOPTS, 1);
}

static void igmp_report(struct netif *nif, uint8_t record, const struct ip_addr *g)
{
	struct pkt *pkt = pkt_new();
	uint8_t *p = pkt_push(pkt, 16);
	struct wr w = wr_of(p, 16);
	struct sum s = { 0 };

	report_put(&w, IGMP3_REPORT, record, g);
	sum_add(&s, p, 16);
	sum_put(p, &s);
	ip4_send_igmp(nif, pkt);
}

static void report(struct netif *nif, uint8_t record, const struct ip_addr *g)
{
	if (!netif_is_up(nif) || nif->flags & NETIF_NOARP || is_all_nodes(g))
		return;
	if (ip_is_v4(g))
		igmp_report(nif, record, g);
	else if ((g->b[1] & 15) > 1)	/* RFC 3810 6: not interface-local */
		mld_report(nif, record, g);
}

/* The entry, made and announced if it was not there; NULL: no room. */
static struct netif_group *group_need(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);
	unsigned n = 0;

	if (ng)
		return ng;
	list_for(l, &nif->groups)
		n++;
	if (n >= MAX_GROUPS)
		return NULL;
	ng = xzalloc(sizeof(*ng));
	ng->addr = *g;
	list_init(&ng->members);
	list_add_tail(&nif->groups, &ng->link);
	report(nif, TO_EXCLUDE, g);
	return ng;
}

static void group_unused(struct netif *nif, struct netif_group *ng)
{
	if (ng->users || !list_empty(&ng->members))
		return;
	report(nif, TO_INCLUDE, &ng->addr);
	list_del(&ng->link);
	free(ng);
}

int netif_join(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng;

	if (is_all_nodes(g))
		return 0;
	ng = group_need(nif, g);
	if (!ng)
		return -ENOBUFS;
	ng->users++;
	return 0;
}

void netif_leave(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);

	if (!ng || !ng->users)
		return;
	ng->users--;
	group_unused(nif, ng);
}

/* --- members with a filter --- */

static void member_clear(struct netif_member *m)
{
	struct netif_group *ng = m->nif ? group_find(m->nif, &m->group) : NULL;
	struct netif *nif = m->nif;

	if (nif)
		list_del(&m->link);
	free(m->src);
	*m = (struct netif_member){ .n = 0 };
	if (ng)
		group_unused(nif, ng);
}

static void member_fill(struct netif_member *m, bool exclude, const struct ip_addr *src, unsigned n)
{
	struct ip_addr *copy = n ? xmalloc(n * sizeof(*copy)) : NULL;

	if (n)
		memcpy(copy, src, n * sizeof(*copy));
	free(m->src);
	m->src = copy;
	m->n = (uint16_t)n;
	m->exclude = exclude;
}

int netif_filter(struct netif *nif, const struct ip_addr *g, struct netif_member *m,
		 bool exclude, const struct ip_addr *src, unsigned n)
{
	const struct param *p = &nif->st->param;
	struct netif_group *ng;

	if (!ip_is_multicast(g) || (m->nif && (m->nif != nif || !ip_eq(&m->group, g))))
		return -EINVAL;
	if (n > (ip_is_v4(g) ? p->igmp_max_msf : p->mld_max_msf))
		return -ENOBUFS;
	if (!exclude && !n) {
		member_clear(m);
		return 0;
	}
	ng = m->nif ? group_find(nif, g) : group_need(nif, g);
	if (!ng)
		return -ENOBUFS;
	member_fill(m, exclude, src, n);
	if (!m->nif)
		list_add_tail(&ng->members, &m->link);
	m->nif = nif;
	m->group = *g;
	return 0;
}

bool member_wants(const struct netif_member *m, const struct ip_addr *src)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (ip_eq(&m->src[i], src))
			return !m->exclude;
	}
	return m->exclude;
}

bool netif_group_wants(const struct netif *nif, const struct ip_addr *g, const struct ip_addr *src)
{
	struct netif_group *ng = group_find(nif, g);

	if (!ng)
		return is_all_nodes(g);
	if (ng->users)
		return true;
	list_for(l, &ng->members) {
		if (member_wants(container_of(l, struct netif_member, link), src))
			return true;
	}
	return false;
}

static void report_all(struct netif *nif, uint8_t record)
{
	list_for(l, &nif->groups)
		report(nif, record, &container_of(l, struct netif_group, link)->addr);
}

static void report_fire(struct stack *st, struct stimer *tm)
{
	report_all(container_of(tm, struct netif, report), IS_EXCLUDE);
}

/* An earlier answer to an earlier query will do (RFC 3810 6.2). */
static void query_in(struct netif *nif, const struct ip_addr *g, usec within)
{
	struct stack *st = nif->st;
	usec at = st->now + rng_below(&st->rng, (uint32_t)MIN(within, QUERY_MAX) + 1);

	if (!ip_is_any(g) && !group_find(nif, g))
		return;
	if (!stimer_armed(&nif->report) || at < nif->report.t.at)
		stimer_set(st, &nif->report, at);
}

/* RFC 3810 5.1.14: from the link, one hop; checksum is checked already. */
enum drop mld_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t b[24];
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct ip_addr g;
	uint16_t code;

	rd_u32(&r);
	code = rd_u16(&r);
	rd_u16(&r);
	rd_copy(&r, &g, sizeof(g));
	if (r.fail || ip->ttl != 1 || !ip_is_linklocal(&ip->src))
		return drop(st, pkt, DROP_ICMP_TYPE);
	query_in(ip->nif, &g, code * USEC_PER_MSEC);
	pkt_free(pkt);
	return DROP_NONE;
}

enum drop igmp_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t b[8], g[4], type, code;
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct sum s = { 0 };
	struct ip_addr group;

	type = rd_u8(&r);
	code = rd_u8(&r);
	rd_u16(&r);
	rd_copy(&r, g, sizeof(g));
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	if (r.fail || type != IGMP_QUERY || ip->ttl != 1 ||
	    (pkt->sum == PKT_SUM_NONE && sum_end(&s)))
		return drop(st, pkt, DROP_IP_PROTO);
	group = ip_from_v4(g);
	query_in(ip->nif, &group, code * 100 * USEC_PER_MSEC);
	pkt_free(pkt);
	return DROP_NONE;
}

void groups_init(struct netif *nif)
{
	list_init(&nif->groups);
	stimer_init(&nif->report, report_fire);
}

void groups_up(struct netif *nif)
{
	report_all(nif, TO_EXCLUDE);
}

void groups_free(struct netif *nif)
{
	struct list *l, *k;

	stimer_set(nif->st, &nif->report, NEVER);
	while ((l = list_pop(&nif->groups))) {
		struct netif_group *ng = container_of(l, struct netif_group, link);

		while ((k = list_pop(&ng->members)))
			container_of(k, struct netif_member, link)->nif = NULL;
		free(ng);
	}
}
