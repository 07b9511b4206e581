/* sock_source.c - groups of a socket by source: who in a group is heard
 *
 * RFC 3678: one source at a time (4.1.2, 5.1.2) or the whole filter (4.2, 5.2).
 * A membership listens to all but some (exclude) or only to some (include), and
 * does not change from one to the other while it names anybody; the errors are
 * Linux's (ip_mc_source, ip_mc_msfilter).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"

/* One source to hear or not to hear. */
struct want {
	struct netif	*nif;
	struct ip_addr	group, src;
	bool		exclude;	/* the filter's kind it belongs to */
	bool		add;
};

static int find_source(const struct netif_member *m, const struct ip_addr *src)
{
	for (int i = 0; i < m->n; i++) {
		if (ip_eq(&m->src[i], src))
			return i;
	}
	return -1;
}

static int source_add(struct sock *so, const struct want *w, const struct netif_member *m)
{
	struct ip_addr *list;
	int e;

	if (m && find_source(m, &w->src) >= 0)
		return -EADDRNOTAVAIL;
	if (!m)
		return sock_group_set(so, w->nif, &w->group, w->exclude, &w->src, 1);
	list = xmalloc((m->n + 1u) * sizeof(*list));
	if (m->n)
		memcpy(list, m->src, m->n * sizeof(*list));
	list[m->n] = w->src;
	e = sock_group_set(so, w->nif, &w->group, w->exclude, list, m->n + 1u);
	free(list);
	return e;
}

/* The last one included is missed by nobody: the group is left. */
static int source_remove(struct sock *so, const struct want *w, const struct netif_member *m)
{
	int at = find_source(m, &w->src), e;
	struct ip_addr *list;

	if (at < 0)
		return -EADDRNOTAVAIL;
	list = xmalloc(m->n * sizeof(*list));
	memcpy(list, m->src, m->n * sizeof(*list));
	list[at] = list[m->n - 1];
	e = sock_group_set(so, w->nif, &w->group, w->exclude, list, m->n - 1u);
	free(list);
	return e;
}

static int source_change(struct sock *so, const struct want *w)
{
	struct sock_group *sg = sock_group_find(so, w->nif, &w->group);
	bool joins = w->add && !w->exclude;

	if (!sg && !joins)
		return -EINVAL;
	if (sg && sg->m.exclude != w->exclude && (sg->m.n || !joins))
		return sg->m.n ? -EINVAL : -EADDRNOTAVAIL;
	if (w->add)
		return source_add(so, w, sg ? &sg->m : NULL);
	return source_remove(so, w, &sg->m);
}

static int change(struct sock *so, int name, struct want *w)
{
	if (!ip_is_multicast(&w->group))
		return -EINVAL;
	if (!w->nif)
		w->nif = sock_group_netif(so, &w->group);
	if (!w->nif)
		return -ENODEV;
	switch (name) {
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE:
		w->exclude = w->add = true;
		break;
	case IP_UNBLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		w->exclude = true;
		break;
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:
		w->add = true;
		break;
	}
	return source_change(so, w);
}

OPT_SET(source4)
{
	struct ip_mreq_source q;
	struct want w = { 0 };

	if (len < sizeof(q))
		return -EINVAL;
	memcpy(&q, v, sizeof(q));
	w.group = ip_from_v4((const uint8_t *)&q.imr_multiaddr);
	w.src = ip_from_v4((const uint8_t *)&q.imr_sourceaddr);
	if (q.imr_interface.s_addr != INADDR_ANY) {
		w.nif = sock_group_netif_of(so->st, &q.imr_interface);
		if (!w.nif)
			return -ENODEV;
	}
	return change(so, r->name, &w);
}

static int addr_of(const struct sockaddr_storage *ss, int level, struct ip_addr *out)
{
	struct endpoint ep;

	if (ep_from_sockaddr((const struct sockaddr *)ss, sizeof(*ss), &ep) ||
	    ip_is_v4(&ep.addr) != (level == IPPROTO_IP))
		return -EADDRNOTAVAIL;
	*out = ep.addr;
	return 0;
}

static int netif_of(struct sock *so, uint32_t index, struct netif **out)
{
	*out = index ? netif_by_index(so->st, index) : NULL;
	return index && !*out ? -ENODEV : 0;
}

OPT_SET(source_any)
{
	struct group_source_req q;
	struct want w = { 0 };
	int e;

	if (len < sizeof(q))
		return -EINVAL;
	memcpy(&q, v, sizeof(q));
	e = addr_of(&q.gsr_group, r->level, &w.group);
	if (!e)
		e = addr_of(&q.gsr_source, r->level, &w.src);
	if (!e)
		e = netif_of(so, q.gsr_interface, &w.nif);
	return e ? e : change(so, r->name, &w);
}

/* --- the whole filter --- */

/* RFC 3678 4.2.1: of a group that was joined; include nobody leaves it. */
static int filter_set(struct sock *so, struct netif *nif, const struct ip_addr *g, uint32_t mode,
		      const struct ip_addr *src, uint32_t n)
{
	if (!ip_is_multicast(g) || (mode != MCAST_INCLUDE && mode != MCAST_EXCLUDE))
		return -EINVAL;
	if (!nif)
		nif = sock_group_netif(so, g);
	if (!nif)
		return -ENODEV;
	if (!sock_group_find(so, nif, g))
		return mode == MCAST_INCLUDE && !n ? -EADDRNOTAVAIL : -EINVAL;
	return sock_group_set(so, nif, g, mode == MCAST_EXCLUDE, src, n);
}

static int filter_find(struct sock *so, struct netif *nif, const struct ip_addr *g,
		       const struct netif_member **out)
{
	struct sock_group *sg;

	if (!ip_is_multicast(g))
		return -EINVAL;
	if (!nif)
		nif = sock_group_netif(so, g);
	sg = nif ? sock_group_find(so, nif, g) : NULL;
	if (!sg)
		return nif ? -EADDRNOTAVAIL : -ENODEV;
	*out = &sg->m;
	return 0;
}

static int head4(struct sock *so, const void *v, size_t len, struct ip_msfilter *h,
		 struct ip_addr *group, struct netif **nif)
{
	if (len < IP_MSFILTER_SIZE(0))
		return -EINVAL;
	memcpy(h, v, IP_MSFILTER_SIZE(0));
	*group = ip_from_v4((const uint8_t *)&h->imsf_multiaddr);
	*nif = NULL;
	if (h->imsf_interface.s_addr == INADDR_ANY)
		return 0;
	*nif = sock_group_netif_of(so->st, &h->imsf_interface);
	return *nif ? 0 : -ENODEV;
}

/* As many sources as are asked for and there is room for. */
static uint32_t fitting(uint32_t asked, const struct netif_member *m, size_t room)
{
	return (uint32_t)MIN(MIN(asked, (uint32_t)m->n), room);
}

OPT_SET(filter4)
{
	const uint8_t *from = (const uint8_t *)v + IP_MSFILTER_SIZE(0);
	struct ip_addr group, *src;
	struct ip_msfilter h;
	struct netif *nif;
	int e = head4(so, v, len, &h, &group, &nif);

	if (e)
		return e;
	if (h.imsf_numsrc > so->st->param.igmp_max_msf)
		return -ENOBUFS;
	if (len < IP_MSFILTER_SIZE(0) + h.imsf_numsrc * 4)
		return -EINVAL;
	src = xmalloc((h.imsf_numsrc + 1) * sizeof(*src));
	for (uint32_t i = 0; i < h.imsf_numsrc; i++)
		src[i] = ip_from_v4(from + i * 4);
	e = filter_set(so, nif, &group, h.imsf_fmode, src, h.imsf_numsrc);
	free(src);
	return e;
}

/* The number of sources is told in any case. */
OPT_GET(filter4)
{
	const struct netif_member *m = NULL;
	struct ip_msfilter h;
	struct ip_addr group;
	struct netif *nif;
	uint32_t n;
	int e = head4(so, v, *len, &h, &group, &nif);

	e = e ? e : filter_find(so, nif, &group, &m);
	if (e)
		return e;
	n = fitting(h.imsf_numsrc, m, (*len - IP_MSFILTER_SIZE(0)) / 4);
	h.imsf_fmode = m->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	h.imsf_numsrc = m->n;
	memcpy(v, &h, IP_MSFILTER_SIZE(0));
	for (uint32_t i = 0; i < n; i++)
		memcpy((uint8_t *)v + IP_MSFILTER_SIZE(0) + i * 4, ip_v4(&m->src[i]), 4);
	*len = (socklen_t)(IP_MSFILTER_SIZE(0) + n * 4);
	return 0;
}

#define SS_LEN	sizeof(struct sockaddr_storage)

static int head_any(struct sock *so, int level, const void *v, size_t len, struct group_filter *h,
		    struct ip_addr *group, struct netif **nif)
{
	int e;

	if (len < GROUP_FILTER_SIZE(0))
		return -EINVAL;
	memcpy(h, v, GROUP_FILTER_SIZE(0));
	e = addr_of(&h->gf_group, level, group);
	return e ? e : netif_of(so, h->gf_interface, nif);
}

OPT_SET(filter_any)
{
	uint32_t most = r->level == IPPROTO_IP ? so->st->param.igmp_max_msf :
						 so->st->param.mld_max_msf;
	struct sockaddr_storage ss;
	struct ip_addr group, *src;
	struct group_filter h;
	struct netif *nif;
	int e = head_any(so, r->level, v, len, &h, &group, &nif);

	if (e)
		return e;
	if (h.gf_numsrc > most)
		return -ENOBUFS;
	if (len < GROUP_FILTER_SIZE(0) + h.gf_numsrc * SS_LEN)
		return -EINVAL;
	src = xmalloc((h.gf_numsrc + 1) * sizeof(*src));
	for (uint32_t i = 0; !e && i < h.gf_numsrc; i++) {
		memcpy(&ss, (const uint8_t *)v + GROUP_FILTER_SIZE(0) + i * SS_LEN, SS_LEN);
		e = addr_of(&ss, r->level, &src[i]);
	}
	if (!e)
		e = filter_set(so, nif, &group, h.gf_fmode, src, h.gf_numsrc);
	free(src);
	return e;
}

OPT_GET(filter_any)
{
	const struct netif_member *m = NULL;
	struct group_filter h;
	struct ip_addr group;
	struct netif *nif;
	uint32_t n;
	int e = head_any(so, r->level, v, *len, &h, &group, &nif);

	if (!e)
		e = filter_find(so, nif, &group, &m);
	if (e)
		return e;
	n = fitting(h.gf_numsrc, m, (*len - GROUP_FILTER_SIZE(0)) / SS_LEN);
	h.gf_fmode = m->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	h.gf_numsrc = m->n;
	memcpy(v, &h, GROUP_FILTER_SIZE(0));
	for (uint32_t i = 0; i < n; i++) {
		struct endpoint ep = { m->src[i], 0, 0 };
		struct sockaddr_storage ss = { 0 };

		ep_to_sockaddr(&ep, r->level == IPPROTO_IP ? AF_INET : AF_INET6, &ss);
		memcpy((uint8_t *)v + GROUP_FILTER_SIZE(0) + i * SS_LEN, &ss, SS_LEN);
	}
	*len = (socklen_t)(GROUP_FILTER_SIZE(0) + n * SS_LEN);
	return 0;
}
