/* sock_fixed.c - options that exist and have one answer
 *
 * Linux knows more options than a stack without administrators and packet
 * filters has use for. Programs ask for some of them and act upon
 * the error, so the error is Linux's, as it is for a user without rights. A row says what
 * setting answers, what setting to zero answers (what is off may be switched off) and
 * what getting answers: a number, or an error. It is looked up when neither
 * sock_opt.c nor the protocol has the option.
 */
#include "stack/sock_opt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

enum {
	OPT_IP_NODEFRAG = 22, OPT_IP_IPSEC_POLICY = 16, OPT_IP_XFRM_POLICY = 17,
	OPT6_IPSEC_POLICY = 34, OPT6_XFRM_POLICY = 35,
	OPT6_TRANSPARENT = 75, OPT_PEERPIDFD = 77, OPT_PEERGROUPS = 59,
	OPT_AO_REPAIR = 42, OPT_IS_MPTCP = 43, OPT_UDPLITE_SEND = 10, OPT_UDPLITE_RECV = 11,
};

struct fixed {
	int	level, name;
	int	set, zero, get;		/* -errno; get: or the value */
	bool	needs_int;		/* shorter: -EINVAL */
};

static const struct fixed all[] = {
	{ SOL_SOCKET, SO_DEBUG, -EACCES, 0, 0, true },
	{ SOL_SOCKET, OPT_PEERGROUPS, -ENOPROTOOPT, -ENOPROTOOPT, -ENODATA, true },
	{ SOL_SOCKET, OPT_PEERPIDFD, -ENOPROTOOPT, -ENOPROTOOPT, -ENODATA, true },
	{ IPPROTO_IP, IP_HDRINCL, -ENOPROTOOPT, -ENOPROTOOPT, 0, false },
	{ IPPROTO_IP, IP_ROUTER_ALERT, -EINVAL, -EINVAL, 0, false },
	{ IPPROTO_IP, OPT_IP_IPSEC_POLICY, -EPERM, -EPERM, -ENOPROTOOPT, false },
	{ IPPROTO_IP, OPT_IP_XFRM_POLICY, -EPERM, -EPERM, -ENOPROTOOPT, false },
	{ IPPROTO_IP, IP_TRANSPARENT, -EPERM, 0, 0, false },
	{ IPPROTO_IP, OPT_IP_NODEFRAG, -ENOPROTOOPT, -ENOPROTOOPT, 0, false },
	{ IPPROTO_IPV6, IPV6_ROUTER_ALERT, -ENOPROTOOPT, -ENOPROTOOPT, 0, true },
	{ IPPROTO_IPV6, OPT6_IPSEC_POLICY, -EPERM, -EPERM, -ENOPROTOOPT, false },
	{ IPPROTO_IPV6, OPT6_XFRM_POLICY, -EPERM, -EPERM, -ENOPROTOOPT, false },
	{ IPPROTO_IPV6, OPT6_TRANSPARENT, -EPERM, 0, 0, true },
	{ IPPROTO_UDP, OPT_UDPLITE_SEND, -ENOPROTOOPT, -ENOPROTOOPT, 0, true },
	{ IPPROTO_UDP, OPT_UDPLITE_RECV, -ENOPROTOOPT, -ENOPROTOOPT, 0, true },
	{ IPPROTO_TCP, TCP_REPAIR, -EPERM, -EPERM, 0, true },
	{ IPPROTO_TCP, TCP_REPAIR_QUEUE, -EPERM, -EPERM, -EINVAL, true },
	{ IPPROTO_TCP, TCP_QUEUE_SEQ, -EPERM, -EPERM, -EINVAL, true },
	{ IPPROTO_TCP, TCP_REPAIR_OPTIONS, -EINVAL, -EINVAL, -ENOPROTOOPT, true },
	{ IPPROTO_TCP, TCP_REPAIR_WINDOW, -EPERM, -EPERM, -EINVAL, true },
	{ IPPROTO_TCP, TCP_TIMESTAMP, -EPERM, -EPERM, -ENOPROTOOPT, true },
	{ IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, -ENOPROTOOPT, -ENOPROTOOPT, -EINVAL, true },
	{ IPPROTO_TCP, OPT_AO_REPAIR, -EPERM, -EPERM, -EPERM, true },
	{ IPPROTO_TCP, OPT_IS_MPTCP, -ENOPROTOOPT, -ENOPROTOOPT, 0, true },
};

static const struct fixed *find(const struct sock *so, int level, int name)
{
	if ((level == IPPROTO_IPV6 && so->family != AF_INET6) ||
	    ((level == IPPROTO_TCP || level == IPPROTO_UDP) && so->proto != level))
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i].level == level && all[i].name == name)
			return &all[i];
	}
	return NULL;
}

int opt_fixed_set(const struct sock *so, int level, int name, const void *v, socklen_t len)
{
	const struct fixed *f = find(so, level, name);
	int n = 0;

	if (!f)
		return -ENOPROTOOPT;
	if (len < sizeof(n) && f->needs_int)
		return -EINVAL;
	if (opt_take_int(IPPROTO_IP, v, len, &n) < 0 || (!len && f->zero != f->set))
		return -EINVAL;
	return n ? f->set : f->zero;
}

int opt_fixed_get(const struct sock *so, int level, int name, void *v, socklen_t *len)
{
	const struct fixed *f = find(so, level, name);

	if (!f)
		return -ENOPROTOOPT;
	return f->get < 0 ? f->get : opt_put_int(v, len, f->get);
}
