/* sock_group.c - multicast of a socket: groups joined, how it sends to groups
 *
 * A membership belongs to the socket and an interface; the interface counts them
 * (group.c) and receives the group while anybody is in it. Options come in the
 * layouts of three generations: ip_mreq, ip_mreqn and ipv6_mreq, group_req
 * (RFC 3678 5.1). Filters by source are in sock_source.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"

static void group_end(struct sock *so, struct sock_group *sg)
{
	struct sock_group **p = &so->groups;

	if (sg->m.nif)
		netif_filter(sg->m.nif, &sg->m.group, &sg->m, false, NULL, 0);
	while (*p != sg)
		p = &(*p)->next;
	*p = sg->next;
	free(sg);
}

/* All on nif, or all (NULL). */
void sock_groups_leave(struct sock *so, const struct netif *nif)
{
	for (struct sock_group *sg = so->groups, *next; sg; sg = next) {
		next = sg->next;
		if (!nif || sg->m.nif == nif)
			group_end(so, sg);
	}
}

struct sock_group *sock_group_find(const struct sock *so, const struct netif *nif,
				   const struct ip_addr *g)
{
	struct sock_group *sg = so->groups;

	while (sg && (sg->m.nif != nif || !ip_eq(&sg->m.group, g)))
		sg = sg->next;
	return sg;
}

/* Linux bounds IPv4's; IPv6's only by memory. */
static bool group_room(const struct sock *so, const struct ip_addr *g)
{
	uint32_t n = 0;

	for (const struct sock_group *sg = so->groups; sg; sg = sg->next)
		n += ip_is_v4(&sg->m.group);
	return !ip_is_v4(g) || n < so->st->param.igmp_max_memberships;
}

int sock_group_set(struct sock *so, struct netif *nif, const struct ip_addr *g, bool exclude,
		   const struct ip_addr *src, unsigned n)
{
	struct sock_group *sg = sock_group_find(so, nif, g), **p = &so->groups;
	int e;

	if (!sg && !group_room(so, g))
		return -ENOBUFS;
	if (!sg) {
		sg = xzalloc(sizeof(*sg));
		while (*p)
			p = &(*p)->next;
		*p = sg;
	}
	e = netif_filter(nif, g, &sg->m, exclude, src, n);
	if (!sg->m.nif)
		group_end(so, sg);
	return e;
}

bool sock_hears(const struct sock *so, const struct ip *ip)
{
	struct sock_group *sg;

	if (!ip_is_multicast(&ip->dst))
		return true;
	sg = sock_group_find(so, ip->nif, &ip->dst);
	return sg ? member_wants(&sg->m, &ip->src) : sock_ip(so, &ip->dst)->group_all;
}

static int group_join(struct sock *so, struct netif *nif, const struct ip_addr *g)
{
	return sock_group_find(so, nif, g) ? -EADDRINUSE : sock_group_set(so, nif, g, true, NULL, 0);
}

static int group_leave(struct sock *so, struct netif *nif, const struct ip_addr *g)
{
	if (!sock_group_find(so, nif, g))
		return -EADDRNOTAVAIL;
	return sock_group_set(so, nif, g, false, NULL, 0);
}

int opt_set_group_ttl(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (so->type == SOCK_STREAM)
		return r->level == IPPROTO_IPV6 ? -ENOPROTOOPT : -EINVAL;
	if (e || !len)
		return -EINVAL;
	if (n < -1 || n > 255)
		return -EINVAL;
	opt_family(so, r)->group_ttl = n == -1 ? 1 : (uint8_t)n;
	return 0;
}

int opt_get_group_ttl(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, opt_family(so, r)->group_ttl);
}

int opt_set_group_loop(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e || !len)
		return -EINVAL;
	if (r->level == IPPROTO_IPV6 && n != 0 && n != 1)
		return -EINVAL;
	opt_family(so, r)->group_loop = n != 0;
	return 0;
}

int opt_get_group_loop(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, opt_family(so, r)->group_loop);
}

struct netif *sock_group_netif_of(struct stack *st, const struct in_addr *in)
{
	struct ip_addr a = ip_from_v4((const uint8_t *)in);
	struct netif_addr *na = stack_addr(st, &a);

	return na ? na->nif : NULL;
}

/* The interface a multicast route would choose. */
struct netif *sock_group_netif(struct sock *so, const struct ip_addr *g)
{
	struct flow f = { .dst = *g, .ifindex = so->flow.ifindex };

	return ip_route(so->st, &f) < 0 ? NULL : f.nif;
}

/* Three layouts share a beginning: in_addr, ip_mreq, ip_mreqn. */
static int take_mreqn(const void *v, socklen_t len, struct ip_mreqn *m)
{
	*m = (struct ip_mreqn){ 0 };
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(m, v, MIN(len, sizeof(*m)));
	return 0;
}

int opt_set_group_if4(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	struct ip_mreqn m = { 0 };
	struct netif *nif = NULL;
	bool none;

	if (so->type == SOCK_STREAM || len < sizeof(struct in_addr))
		return -EINVAL;
	if (len < sizeof(struct ip_mreq))
		memcpy(&m.imr_address, v, sizeof(m.imr_address));
	else
		take_mreqn(v, len, &m);
	none = !m.imr_ifindex && m.imr_address.s_addr == INADDR_ANY;
	if (m.imr_ifindex)
		nif = netif_by_index(so->st, (uint32_t)m.imr_ifindex);
	else if (!none)
		nif = sock_group_netif_of(so->st, &m.imr_address);
	if (!nif && !none)
		return -EADDRNOTAVAIL;
	sock_asked_own(so)->ip[0].group_if = nif ? nif->index : 0;
	return 0;
}

static struct in_addr first_address(const struct netif *nif)
{
	struct in_addr in = { INADDR_ANY };

	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (ip_is_v4(&a->addr)) {
			memcpy(&in, ip_v4(&a->addr), sizeof(in));
			break;
		}
	}
	return in;
}

/* Linux tells the address that was set; we tell the interface's. */
int opt_get_group_if4(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	struct netif *nif = netif_by_index(so->st, so->asked->ip[0].group_if);
	struct in_addr in = { INADDR_ANY };

	if (nif)
		in = first_address(nif);
	return opt_put(v, len, &in, sizeof(in));
}

int opt_set_group_if6(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (so->type == SOCK_STREAM)
		return -ENOPROTOOPT;
	if (e)
		return e;
	if (n && !netif_by_index(so->st, (uint32_t)n))
		return -ENODEV;
	sock_asked_own(so)->ip[1].group_if = (uint32_t)n;
	return 0;
}

int opt_get_group_if6(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, (int)so->asked->ip[1].group_if);
}

static int membership(struct sock *so, bool join, struct netif *nif, const struct ip_addr *g)
{
	if (!ip_is_multicast(g))
		return -EINVAL;
	if (!nif)
		nif = sock_group_netif(so, g);
	if (!nif)
		return -ENODEV;
	return join ? group_join(so, nif, g) : group_leave(so, nif, g);
}

int opt_set_member4(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	struct netif *nif = NULL;
	struct ip_addr g;
	struct ip_mreqn m;
	int e = take_mreqn(v, len, &m);

	if (so->type == SOCK_STREAM)
		return -EPROTO;
	if (e)
		return e;
	g = ip_from_v4((const uint8_t *)&m.imr_multiaddr);
	if (m.imr_ifindex)
		nif = netif_by_index(so->st, (uint32_t)m.imr_ifindex);
	else if (m.imr_address.s_addr != INADDR_ANY)
		nif = sock_group_netif_of(so->st, &m.imr_address);
	if (!nif && (m.imr_ifindex || m.imr_address.s_addr != INADDR_ANY))
		return -ENODEV;
	return membership(so, r->name == IP_ADD_MEMBERSHIP, nif, &g);
}

int opt_set_member6(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	struct netif *nif = NULL;
	struct ipv6_mreq m;
	struct ip_addr g;

	if (len < sizeof(m))
		return -EINVAL;
	if (so->type == SOCK_STREAM)
		return -EPROTO;
	memcpy(&m, v, sizeof(m));
	g = ip_from_v6(m.ipv6mr_multiaddr.s6_addr);
	if (ip_is_v4(&g))
		return -EINVAL;
	if (m.ipv6mr_interface) {
		nif = netif_by_index(so->st, m.ipv6mr_interface);
		if (!nif)
			return -ENODEV;
	}
	return membership(so, r->name == IPV6_JOIN_GROUP, nif, &g);
}

/* RFC 3678 5.1, either family at its level. */
int opt_set_member_any(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	struct netif *nif = NULL;
	struct group_req q;
	struct endpoint ep;
	int e;

	if (len < sizeof(q))
		return -EINVAL;
	memcpy(&q, v, sizeof(q));
	e = ep_from_sockaddr((struct sockaddr *)&q.gr_group, sizeof(q.gr_group), &ep);
	if (e || ip_is_v4(&ep.addr) != (r->level == IPPROTO_IP))
		return -EINVAL;
	if (q.gr_interface) {
		nif = netif_by_index(so->st, q.gr_interface);
		if (!nif)
			return -ENODEV;
	}
	return membership(so, r->name == MCAST_JOIN_GROUP, nif, &ep.addr);
}

int opt_set_group_all(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e || !len)
		return -EINVAL;
	if (r->level == IPPROTO_IP && n != 0 && n != 1)
		return -EINVAL;
	opt_family(so, r)->group_all = n != 0;
	return 0;
}

int opt_get_group_all(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, opt_family(so, r)->group_all);
}
