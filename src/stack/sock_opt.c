/* sock_opt.c - socket options in Linux's names and layouts
 *
 * One table for the three levels that belong to no protocol. A row is a field of
 * the socket with its range, or a pair of functions; a level IP and a level IPv6
 * option that mean the same share a field per family (sock_ip). What is in no
 * row is the protocol's, and what is not the protocol's is -ENOPROTOOPT.
 */
#include "proto/proto.h"
#include "stack/sock_opt.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>

#include "stack/netif.h"

/* Of linux/in6.h, which cannot be had together with netinet/in.h. */
enum {
	OPT6_FLOWINFO = 11, OPT6_MULTICAST_ALL = 29, OPT6_FLOWINFO_SEND = 33, OPT6_AUTOFLOWLABEL = 70,
	OPT6_RECVORIGDSTADDR = 74, OPT6_UNICAST_IF = 76, OPT6_FREEBIND = 78,
};

#define LEAST_RCVBUF	2304	/* SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF */
#define LEAST_SNDBUF	4608

int opt_put(void *v, socklen_t *len, const void *from, size_t size)
{
	*len = MIN(*len, (socklen_t)size);
	memcpy(v, from, *len);
	return 0;
}

int opt_put_int(void *v, socklen_t *len, int n)
{
	return opt_put(v, len, &n, sizeof(n));
}

/* IP-level options may be given as one byte, or none for 0 (ip(7) does not say, Linux
 * does). */
int opt_take_int(int level, const void *v, socklen_t len, int *out)
{
	if (len >= sizeof(int)) {
		memcpy(out, v, sizeof(int));
		return 0;
	}
	if (level != IPPROTO_IP)
		return -EINVAL;
	*out = len ? *(const uint8_t *)v : 0;
	return 0;
}

struct sock_ip *opt_family(struct sock *so, const struct opt_row *r)
{
	return &sock_asked_own(so)->ip[r->level == IPPROTO_IPV6];
}

static void *field(struct sock *so, const struct opt_row *r)
{
	return (char *)so + r->off;
}

/* --- SOL_SOCKET --- */

static uint32_t buf_size(int want, uint32_t max, uint32_t least)
{
	uint32_t n = MIN((uint32_t)want, MIN(max, (uint32_t)INT32_MAX / 2));

	return MAX(n * 2, least);
}

/* SO_RCVBUFFORCE and its like are only set. */
static int get_none(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return -ENOPROTOOPT;
}

static int get_accepts(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, so->listening && so->type == SOCK_STREAM);
}

/* Twice what was asked is what getsockopt tells (socket(7)). */
static int set_buf(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	bool rcv = r->name == SO_RCVBUF || r->name == SO_RCVBUFFORCE;
	bool force = r->name == SO_RCVBUFFORCE || r->name == SO_SNDBUFFORCE;
	uint32_t max = rcv ? so->st->param.rmem_max : so->st->param.wmem_max;
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	if (force)
		max = INT32_MAX;
	if (rcv) {
		so->rcvbuf = buf_size(n, max, LEAST_RCVBUF);
		so->rcvbuf_locked = true;
	} else {
		so->sndbuf = buf_size(n, max, LEAST_SNDBUF);
		so->sndbuf_locked = true;
	}
	return 0;
}

static int set_linger(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, v, sizeof(l));
	so->linger_on = l.l_onoff != 0;
	if (so->linger_on)
		sock_asked_own(so)->linger = l.l_linger;
	return 0;
}

static int get_linger(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	struct linger l = { so->linger_on, so->asked->linger };

	return opt_put(v, len, &l, sizeof(l));
}

static int get_error(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, sock_take_error(so));
}

static int get_kind(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	int n = r->name == SO_TYPE ? so->type : r->name == SO_DOMAIN ? so->family : so->proto;

	return opt_put_int(v, len, n);
}

/* Only while it is not routed yet; an empty name unbinds. */
static int device_set(struct sock *so, uint32_t index)
{
	so->flow.ifindex = index;
	so->flow.gen = 0;
	return 0;
}

static int set_device(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	char name[16] = "";
	struct netif *nif;

	memcpy(name, v, MIN(len, sizeof(name) - 1));
	if (!name[0])
		return device_set(so, 0);
	nif = netif_by_name(so->st, name);
	return nif ? device_set(so, nif->index) : -ENODEV;
}

static int get_device(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	struct netif *nif = netif_by_index(so->st, so->flow.ifindex);

	if (!nif) {
		*len = 0;
		return 0;
	}
	if (*len < strlen(nif->name) + 1)
		return -EINVAL;
	return opt_put(v, len, nif->name, strlen(nif->name) + 1);
}

static int set_ifindex(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	if (n < 0)
		return -EINVAL;
	if (n && !netif_by_index(so->st, (uint32_t)n))
		return -ENODEV;
	return device_set(so, (uint32_t)n);
}

static int get_ifindex(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, (int)so->flow.ifindex);
}

static int set_lowat(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (!e)
		sock_asked_own(so)->rcvlowat = n < 0 ? INT32_MAX : n ? (uint32_t)n : 1;
	return e;
}

static int get_lowat(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, (int)so->asked->rcvlowat);
}

static int set_priority(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e = opt_take_int(r->level, v, len, &n);

	if (!e)
		sock_asked_own(so)->priority = (uint32_t)n;
	return e;
}

static int get_priority(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, (int)so->asked->priority);
}

/* An int or eight bytes, as Linux; all ones: no limit. */
static int set_pacing(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	uint64_t rate = 0;
	uint32_t n;

	if (len >= sizeof(rate)) {
		memcpy(&rate, v, sizeof(rate));
	} else if (len >= sizeof(n)) {
		memcpy(&n, v, sizeof(n));
		rate = n == UINT32_MAX ? UINT64_MAX : n;
	} else {
		return -EINVAL;
	}
	sock_asked_own(so)->max_pacing = rate == UINT64_MAX ? 0 : MAX(rate, 1);
	return 0;
}

static int get_pacing(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	uint64_t rate = so->asked->max_pacing ? so->asked->max_pacing : UINT64_MAX;
	uint32_t n = (uint32_t)MIN(rate, UINT32_MAX);

	if (*len >= sizeof(rate))
		return opt_put(v, len, &rate, sizeof(rate));
	return opt_put(v, len, &n, sizeof(n));
}

/* One of the four at a time. */
static int set_stamp(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	bool ns = r->name == SO_TIMESTAMPNS_OLD || r->name == SO_TIMESTAMPNS_NEW;
	int n, e = opt_take_int(r->level, v, len, &n);

	if (e)
		return e;
	so->stamp = !n ? STAMP_NONE : ns ? STAMP_NS : STAMP_US;
	so->stamp_new = r->name == SO_TIMESTAMP_NEW || r->name == SO_TIMESTAMPNS_NEW;
	return 0;
}

static int get_stamp(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	bool ns = r->name == SO_TIMESTAMPNS_OLD || r->name == SO_TIMESTAMPNS_NEW;
	bool newer = r->name == SO_TIMESTAMP_NEW || r->name == SO_TIMESTAMPNS_NEW;

	return opt_put_int(v, len, so->stamp == (ns ? STAMP_NS : STAMP_US) &&
				   so->stamp_new == newer);
}

static int get_one(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, 1);
}

/* How far what bpf.c knows beside the packet goes. */
static int get_bpf(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	return opt_put_int(v, len, SKF_AD_MAX);
}

/* --- the table --- */

#define BOOL(lv, nm, f)		{ lv, nm, K_BOOL, offsetof(struct sock, f), NULL, NULL }
#define RDBOOL(lv, nm, f)	{ lv, nm, K_RDONLY_BOOL, offsetof(struct sock, f), NULL, NULL }
#define WANT(lv, nm, bit)	{ lv, nm, K_WANT, bit, NULL, NULL }
#define FN(lv, nm, set, get)	{ lv, nm, K_FN, 0, set, get }
#define FN_U32(lv, nm, set, f)	{ lv, nm, K_U32, offsetof(struct sock, f), set, NULL }
#define FN_BOOL(lv, nm, set, f)	{ lv, nm, K_BOOL, offsetof(struct sock, f), set, NULL }

static const struct opt_row rows[] = {
	FN(SOL_SOCKET, SO_TYPE, NULL, get_kind),
	FN(SOL_SOCKET, SO_DOMAIN, NULL, get_kind),
	FN(SOL_SOCKET, SO_PROTOCOL, NULL, get_kind),
	FN(SOL_SOCKET, SO_ACCEPTCONN, NULL, get_accepts),
	FN(SOL_SOCKET, SO_ERROR, NULL, get_error),
	BOOL(SOL_SOCKET, SO_REUSEADDR, reuseaddr),
	BOOL(SOL_SOCKET, SO_REUSEPORT, reuseport),
	BOOL(SOL_SOCKET, SO_BROADCAST, broadcast),
	BOOL(SOL_SOCKET, SO_KEEPALIVE, keepalive),
	BOOL(SOL_SOCKET, SO_OOBINLINE, oobinline),
	BOOL(SOL_SOCKET, SO_DONTROUTE, dontroute),
	BOOL(SOL_SOCKET, SO_RXQ_OVFL, rxq_ovfl),
	FN(SOL_SOCKET, SO_TIMESTAMP_OLD, set_stamp, get_stamp),
	FN(SOL_SOCKET, SO_TIMESTAMPNS_OLD, set_stamp, get_stamp),
	FN(SOL_SOCKET, SO_TIMESTAMP_NEW, set_stamp, get_stamp),
	FN(SOL_SOCKET, SO_TIMESTAMPNS_NEW, set_stamp, get_stamp),
	FN(SOL_SOCKET, SO_TIMESTAMPING_OLD, opt_set_stamping, opt_get_stamping),
	FN(SOL_SOCKET, SO_TIMESTAMPING_NEW, opt_set_stamping, opt_get_stamping),
	FN(SOL_SOCKET, SO_LINGER, set_linger, get_linger),
	FN_U32(SOL_SOCKET, SO_RCVBUF, set_buf, rcvbuf),
	FN_U32(SOL_SOCKET, SO_SNDBUF, set_buf, sndbuf),
	FN(SOL_SOCKET, SO_RCVBUFFORCE, set_buf, get_none),
	FN(SOL_SOCKET, SO_SNDBUFFORCE, set_buf, get_none),
	FN(SOL_SOCKET, SO_RCVLOWAT, set_lowat, get_lowat),
	FN(SOL_SOCKET, SO_SNDLOWAT, NULL, get_one),
	FN(SOL_SOCKET, SO_BPF_EXTENSIONS, NULL, get_bpf),
	FN(SOL_SOCKET, SO_PRIORITY, set_priority, get_priority),
	FN(SOL_SOCKET, SO_MAX_PACING_RATE, set_pacing, get_pacing),
	FN_U32(SOL_SOCKET, SO_MARK, opt_set_mark, flow.mark),
	FN(SOL_SOCKET, SO_BINDTODEVICE, set_device, get_device),
	FN(SOL_SOCKET, SO_BINDTOIFINDEX, set_ifindex, get_ifindex),

	FN(IPPROTO_IP, IP_TTL, opt_set_ttl, opt_get_ttl),
	FN(IPPROTO_IP, IP_TOS, opt_set_tos, opt_get_tos),
	FN(IPPROTO_IP, IP_MINTTL, opt_set_min_ttl, opt_get_min_ttl),
	FN(IPPROTO_IP, IP_MTU, NULL, opt_get_mtu),
	FN(IPPROTO_IP, IP_MTU_DISCOVER, opt_set_discover, opt_get_discover),
	WANT(IPPROTO_IP, IP_PKTINFO, WANT_PKTINFO),
	WANT(IPPROTO_IP, IP_RECVTTL, WANT_TTL),
	WANT(IPPROTO_IP, IP_RECVTOS, WANT_TOS),
	WANT(IPPROTO_IP, IP_RECVERR, WANT_ERRORS),
	FN(IPPROTO_IP, IP_RECVERR_RFC4884, opt_set_err_ext, opt_get_err_ext),
	WANT(IPPROTO_IP, IP_RECVORIGDSTADDR, WANT_ORIGDST),
	WANT(IPPROTO_IP, IP_RECVOPTS, WANT_RECVOPTS),
	WANT(IPPROTO_IP, IP_RETOPTS, WANT_RETOPTS),
	FN(IPPROTO_IP, IP_OPTIONS, opt_set_options4, opt_get_options4),
	FN(IPPROTO_IP, IP_UNICAST_IF, opt_set_unicast_if, opt_get_unicast_if),
	FN_BOOL(IPPROTO_IP, IP_FREEBIND, opt_set_freebind, freebind),
	BOOL(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, late_port),
	FN(IPPROTO_IP, IP_MULTICAST_TTL, opt_set_group_ttl, opt_get_group_ttl),
	FN(IPPROTO_IP, IP_MULTICAST_LOOP, opt_set_group_loop, opt_get_group_loop),
	FN(IPPROTO_IP, IP_MULTICAST_IF, opt_set_group_if4, opt_get_group_if4),
	FN(IPPROTO_IP, IP_MULTICAST_ALL, opt_set_group_all, opt_get_group_all),
	FN(IPPROTO_IP, IP_ADD_MEMBERSHIP, opt_set_member4, NULL),
	FN(IPPROTO_IP, IP_DROP_MEMBERSHIP, opt_set_member4, NULL),
	FN(IPPROTO_IP, MCAST_JOIN_GROUP, opt_set_member_any, NULL),
	FN(IPPROTO_IP, MCAST_LEAVE_GROUP, opt_set_member_any, NULL),
	FN(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, opt_set_source4, NULL),
	FN(IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, opt_set_source4, NULL),
	FN(IPPROTO_IP, IP_BLOCK_SOURCE, opt_set_source4, NULL),
	FN(IPPROTO_IP, IP_UNBLOCK_SOURCE, opt_set_source4, NULL),
	FN(IPPROTO_IP, IP_MSFILTER, opt_set_filter4, opt_get_filter4),
	FN(IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, opt_set_source_any, NULL),
	FN(IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP, opt_set_source_any, NULL),
	FN(IPPROTO_IP, MCAST_BLOCK_SOURCE, opt_set_source_any, NULL),
	FN(IPPROTO_IP, MCAST_UNBLOCK_SOURCE, opt_set_source_any, NULL),
	FN(IPPROTO_IP, MCAST_MSFILTER, opt_set_filter_any, opt_get_filter_any),

	FN(IPPROTO_IPV6, IPV6_V6ONLY, opt_set_v6only, opt_get_v6only),
	FN(IPPROTO_IPV6, IPV6_UNICAST_HOPS, opt_set_ttl, opt_get_ttl),
	FN(IPPROTO_IPV6, IPV6_TCLASS, opt_set_tos, opt_get_tos),
	FN(IPPROTO_IPV6, IPV6_MINHOPCOUNT, opt_set_min_ttl, opt_get_min_ttl),
	FN(IPPROTO_IPV6, IPV6_MTU, opt_set_mtu6, opt_get_mtu),
	FN(IPPROTO_IPV6, IPV6_MTU_DISCOVER, opt_set_discover, opt_get_discover),
	WANT(IPPROTO_IPV6, IPV6_RECVPKTINFO, WANT_PKTINFO),
	WANT(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, WANT_TTL),
	WANT(IPPROTO_IPV6, IPV6_RECVTCLASS, WANT_TOS),
	WANT(IPPROTO_IPV6, IPV6_2292PKTINFO, WANT_PKTINFO_OLD),
	WANT(IPPROTO_IPV6, IPV6_2292HOPLIMIT, WANT_TTL_OLD),
	WANT(IPPROTO_IPV6, IPV6_RECVHOPOPTS, WANT_HOPOPTS),
	WANT(IPPROTO_IPV6, IPV6_RECVDSTOPTS, WANT_DSTOPTS),
	WANT(IPPROTO_IPV6, IPV6_RECVRTHDR, WANT_RTHDR),
	WANT(IPPROTO_IPV6, OPT6_FLOWINFO, WANT_FLOW),
	WANT(IPPROTO_IPV6, OPT6_FLOWINFO_SEND, WANT_FLOW_SEND),
	FN(IPPROTO_IPV6, OPT6_AUTOFLOWLABEL, opt_set_auto_label, opt_get_auto_label),
	FN(IPPROTO_IPV6, IPV6_HOPOPTS, opt_set_ext6, opt_get_ext6),
	FN(IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, opt_set_ext6, opt_get_ext6),
	FN(IPPROTO_IPV6, IPV6_RTHDR, opt_set_ext6, opt_get_ext6),
	FN(IPPROTO_IPV6, IPV6_DSTOPTS, opt_set_ext6, opt_get_ext6),
	WANT(IPPROTO_IPV6, IPV6_RECVERR, WANT_ERRORS),
	FN(IPPROTO_IPV6, IPV6_RECVERR_RFC4884, opt_set_err_ext, opt_get_err_ext),
	WANT(IPPROTO_IPV6, OPT6_RECVORIGDSTADDR, WANT_ORIGDST),
	WANT(IPPROTO_IPV6, IPV6_DONTFRAG, WANT_DONTFRAG),
	WANT(IPPROTO_IPV6, IPV6_RECVPATHMTU, WANT_PATHMTU),
	FN(IPPROTO_IPV6, IPV6_PATHMTU, NULL, opt_get_pathmtu),
	FN(IPPROTO_IPV6, OPT6_UNICAST_IF, opt_set_unicast_if, opt_get_unicast_if),
	BOOL(IPPROTO_IPV6, OPT6_FREEBIND, freebind),
	FN(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, opt_set_group_ttl, opt_get_group_ttl),
	FN(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, opt_set_group_loop, opt_get_group_loop),
	FN(IPPROTO_IPV6, IPV6_MULTICAST_IF, opt_set_group_if6, opt_get_group_if6),
	FN(IPPROTO_IPV6, OPT6_MULTICAST_ALL, opt_set_group_all, opt_get_group_all),
	FN(IPPROTO_IPV6, IPV6_JOIN_GROUP, opt_set_member6, NULL),
	FN(IPPROTO_IPV6, IPV6_LEAVE_GROUP, opt_set_member6, NULL),
	FN(IPPROTO_IPV6, MCAST_JOIN_GROUP, opt_set_member_any, NULL),
	FN(IPPROTO_IPV6, MCAST_LEAVE_GROUP, opt_set_member_any, NULL),
	FN(IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, opt_set_source_any, NULL),
	FN(IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP, opt_set_source_any, NULL),
	FN(IPPROTO_IPV6, MCAST_BLOCK_SOURCE, opt_set_source_any, NULL),
	FN(IPPROTO_IPV6, MCAST_UNBLOCK_SOURCE, opt_set_source_any, NULL),
	FN(IPPROTO_IPV6, MCAST_MSFILTER, opt_set_filter_any, opt_get_filter_any),
};

/* IPv6's options are for IPv6's sockets; IPv4's also for the mapped half. */
static const struct opt_row *row_find(const struct sock *so, int level, int name)
{
	if (level == IPPROTO_IPV6 && so->family != AF_INET6)
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].level == level && rows[i].name == name)
			return &rows[i];
	}
	return NULL;
}

void opt_want(struct sock_ip *ip, uint32_t bit, bool on)
{
	ip->want = on ? ip->want | bit : ip->want & ~bit;
}

static int row_set(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
{
	int n, e;

	if (r->set)
		return r->set(so, r, v, len);
	if (r->kind != K_BOOL && r->kind != K_WANT)
		return -ENOPROTOOPT;
	e = opt_take_int(r->level, v, len, &n);
	if (e)
		return e;
	if (r->kind == K_WANT)
		opt_want(opt_family(so, r), (uint32_t)r->off, n != 0);
	else
		*(bool *)field(so, r) = n != 0;
	return 0;
}

int sock_setopt(struct sock *so, int level, int name, const void *v, socklen_t len)
{
	const struct opt_row *r = row_find(so, level, name);
	int e = -ENOPROTOOPT;

	if (level == SOL_SOCKET && name != SO_BINDTODEVICE && len < sizeof(int))
		return -EINVAL;
	if (!r && so->ops->setopt)
		e = so->ops->setopt(so, level, name, v, len);
	if (!r)
		return e == -ENOPROTOOPT ? opt_fixed_set(so, level, name, v, len) : e;
	e = row_set(so, r, v, len);
	if (!e && level == SOL_SOCKET && so->ops->setopt)
		so->ops->setopt(so, level, name, v, len);
	return e;
}

static int row_get(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)
{
	if (r->get)
		return r->get(so, r, v, len);
	switch (r->kind) {
	case K_WANT:
		return opt_put_int(v, len, (opt_family(so, r)->want & r->off) != 0);
	case K_BOOL:
	case K_RDONLY_BOOL:
		return opt_put_int(v, len, *(bool *)field(so, r));
	case K_U32:
		return opt_put_int(v, len, (int)*(uint32_t *)field(so, r));
	default:
		return -ENOPROTOOPT;
	}
}

/* As Linux's two families say of a level that is not the socket's. */
static int no_such(const struct sock *so, int level)
{
	bool own = level == IPPROTO_IP || level == SOL_SOCKET || level == SOL_RAW ||
		   level == so->proto;

	return so->family == AF_INET && !own ? -EOPNOTSUPP : -ENOPROTOOPT;
}

int sock_getopt(struct sock *so, int level, int name, void *v, socklen_t *len)
{
	const struct opt_row *r = row_find(so, level, name);
	int e = -ENOPROTOOPT;

	if (r)
		return row_get(so, r, v, len);
	if (so->ops->getopt)
		e = so->ops->getopt(so, level, name, v, len);
	if (e == -ENOPROTOOPT)
		e = opt_fixed_get(so, level, name, v, len);
	return e == -ENOPROTOOPT ? no_such(so, level) : e;
}
