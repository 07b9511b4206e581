/* sock_opt_ip.c - socket options of the levels IP and IPv6 that are more than a field
 *
 * Their rows are in sock_opt.c's table. An option that both levels have is one function:
 * what is asked of IPv4 and of IPv6 is two structs sock_ip of the same shape.
 */
#include "proto/proto.h"
#include "stack/sock_opt.h"

#include <errno.h>
#include <netinet/in.h>

#include "stack/netif.h"

static int take_within(const struct opt_row *r, const void *v, socklen_t len, int lo, int hi,
		       int *out)
{
	int e = opt_take_int(r->level, v, len, out);

	return e ? e : *out < lo || *out > hi ? -EINVAL : 0;
}

/* What the next packet of a connection carries. */
static void flow_refresh(struct sock *so)
{
	const struct sock_ip *ip = sock_ip(so, &so->remote.addr);

	if (!so->connected)
		return;
	so->flow.ttl = ip->ttl;
	so->flow.tos = ip->tos;
	so->flow.df = ip->mtu_discover != IP_PMTUDISC_DONT;
}

/* Rules may look at it. */
OPT_SET(mark)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	so->flow.mark = (uint32_t)n;
	so->flow.gen = 0;
	return 0;
}

/* An address that is not there yet; none of ours need be. */
OPT_SET(freebind)
{
	int n, e = len ? opt_take_int(r->level, v, len, &n) : -EINVAL;

	if (!e)
		so->freebind = n != 0;
	return e;
}

/* -1 means the default; IP_TTL 0 is refused, IPV6_UNICAST_HOPS 0 cannot be
 * told from the default here and is refused too. */
OPT_SET(ttl)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	if (!len || (n != -1 && (n < 1 || n > 255)))
		return -EINVAL;
	opt_family(so, r)->ttl = n == -1 ? 0 : (uint8_t)n;
	flow_refresh(so);
	return 0;
}

OPT_GET(ttl)
{
	uint8_t ttl = opt_family(so, r)->ttl;

	return opt_put_int(v, len, ttl ? ttl : (int)so->st->param.ip_default_ttl);
}

/* The ECN bits of a stream are TCP's own. */
OPT_SET(tos)
{
	struct sock_ip *ip = opt_family(so, r);
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	if (r->level == IPPROTO_IPV6 && n == -1)
		n = 0;
	if (r->level == IPPROTO_IPV6 && (n < 0 || n > 255))
		return -EINVAL;
	if (so->type == SOCK_STREAM)
		n = (n & ~3) | (ip->tos & 3);
	ip->tos = (uint8_t)n;
	flow_refresh(so);
	return 0;
}

OPT_GET(tos)
{
	return opt_put_int(v, len, opt_family(so, r)->tos);
}

OPT_SET(discover)
{
	int n, e = take_within(r, v, len, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT, &n);

	if (e)
		return e;
	opt_family(so, r)->mtu_discover = (uint8_t)n;
	flow_refresh(so);
	return 0;
}

OPT_GET(discover)
{
	return opt_put_int(v, len, opt_family(so, r)->mtu_discover);
}

/* Linux: datagrams leave in fragments of at most this size, whatever the path
 * takes; name servers say the least MTU. 0: no such limit. */
OPT_SET(mtu6)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	if (n && n < IP6_MIN_MTU)
		return -EINVAL;
	opt_family(so, r)->frag_size = (uint32_t)MIN(n, 65535);
	return 0;
}

OPT_GET(mtu)
{
	if (!so->connected)
		return -ENOTCONN;
	if (so->flow.gen != so->st->route_gen && ip_route(so->st, &so->flow) < 0)
		return -ENOTCONN;
	/* What IPv4's length field can say. */
	return opt_put_int(v, len, (int)(ip_is_v4(&so->remote.addr) ? MIN(so->flow.mtu, 65535u) :
								     so->flow.mtu));
}

/* RFC 3542 11.4: to the connected peer. */
OPT_GET(pathmtu)
{
	struct ip6_mtuinfo info = { .ip6m_addr.sin6_family = AF_INET6 };

	if (*len < sizeof(info))
		return -EINVAL;
	if (!so->connected || (so->flow.gen != so->st->route_gen && ip_route(so->st, &so->flow) < 0))
		return -ENOTCONN;
	memcpy(&info.ip6m_addr.sin6_addr, so->remote.addr.b, 16);
	info.ip6m_mtu = so->flow.mtu;
	return opt_put(v, len, &info, sizeof(info));
}

/* Where datagrams leave that no more particular word is said of. In network order
 * at both levels (ip(7)). */
OPT_SET(unicast_if)
{
	be32 index;

	if (len != sizeof(index))
		return -EINVAL;
	memcpy(&index, v, sizeof(index));
	if (be32_get(index) && !netif_by_index(so->st, be32_get(index)))
		return -EADDRNOTAVAIL;
	if (so->flow.ifindex && be32_get(index) && be32_get(index) != so->flow.ifindex)
		return -EINVAL;
	opt_family(so, r)->unicast_if = be32_get(index);
	return 0;
}

OPT_GET(unicast_if)
{
	be32 index = be32_put(opt_family(so, r)->unicast_if);

	return opt_put(v, len, &index, sizeof(index));
}

OPT_SET(v6only)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	if (so->bound || so->addr_locked)
		return -EINVAL;
	so->v6only = n != 0;
	return 0;
}

/* A socket with an IPv6 address of its own hears nothing else. */
OPT_GET(v6only)
{
	const struct ip_addr *a = &so->local.addr;

	return opt_put_int(v, len, so->v6only || (so->addr_locked && !ip_is_any(a) && !ip_is_v4(a)));
}

/* RFC 5082 3: packets that came from farther away are not for the connection. */
OPT_SET(min_ttl)
{
	int n, e = len ? take_within(r, v, len, 0, 255, &n) : -EINVAL;

	if (e)
		return e;
	opt_family(so, r)->min_ttl = (uint8_t)n;
	return 0;
}

OPT_GET(min_ttl)
{
	return opt_put_int(v, len, opt_family(so, r)->min_ttl);
}

/* Unlike the other words of its kind: 0 or 1, as Linux. */
OPT_SET(err_ext)
{
	int n, e = take_within(r, v, len, 0, 1, &n);

	if (!e)
		opt_want(opt_family(so, r), WANT_EXT, n);
	return e;
}

OPT_GET(err_ext)
{
	return opt_put_int(v, len, (opt_family(so, r)->want & WANT_EXT) != 0);
}

/* Linux takes anything for it, nothing for 0. */
OPT_SET(auto_label)
{
	int n = 0;

	if (len >= sizeof(n))
		memcpy(&n, v, sizeof(n));
	opt_want(opt_family(so, r), WANT_NO_LABEL, !n);
	so->flow.no_label = !n;
	so->flow.label = so->asked->flowinfo & IP6_LABEL_MASK;
	so->flow.gen = 0;
	return 0;
}

OPT_GET(auto_label)
{
	bool off = opt_family(so, r)->want & WANT_NO_LABEL;

	return opt_put_int(v, len, !off && so->st->param.auto_flowlabels);
}
