/* ip_extra.c - IP options and extension headers that users give, and get
 *
 * For all packets of a socket by setsockopt, for one datagram by sendmsg, which then
 * replaces all that the socket says (as Linux). A socket that never asked has none of
 * this: it is in an allocation of its own. Routes by source are neither sent nor heard
 * (RFC 5095, RFC 7126 4.3).
 */
#include "stack/ip_extra.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/tcp.h"

struct ip_extra *ip_extra_copy(const struct ip_extra *x)
{
	struct ip_extra *to = x ? xmalloc(sizeof(*to)) : NULL;

	if (to)
		*to = *x;
	return to;
}

static struct ip_extra *own(struct ip_extra **x)
{
	if (!*x)
		*x = xzalloc(sizeof(**x));
	return *x;
}

static struct ip_extra *of(struct sock *so)
{
	return own(&sock_asked_own(so)->extra);
}

/* Segments become smaller by it. */
static void changed(struct sock *so)
{
	if (so->ops == &tcp_ops && so->connected)
		tcp_mss_update(tcpc_of(so));
}

bool ext6_push(struct pkt *pkt, const struct ip_extra *x, enum ext6 which, uint8_t *next)
{
	static const uint8_t number[] = {
		[EXT6_HOP] = IPPROTO_HOPOPTS, [EXT6_DST] = IPPROTO_DSTOPTS,
	};
	unsigned n = x ? x->n6[which] : 0;
	uint8_t *p;

	if (!n)
		return true;
	pkt_reserve(pkt);
	p = pkt_push(pkt, n);
	if (!p)
		return false;
	memcpy(p, x->v6[which], n);
	p[0] = *next;
	*next = number[which];
	return true;
}

bool ext6_next(uint8_t *number, const uint8_t *p, unsigned left, unsigned *len)
{
	if (*number != IPPROTO_HOPOPTS && *number != IPPROTO_DSTOPTS &&
	    *number != IPPROTO_ROUTING && *number != IPPROTO_FRAGMENT)
		return false;
	if (left < 8)
		return false;
	*len = *number == IPPROTO_FRAGMENT ? 8 : (p[1] + 1u) * 8;
	*number = p[0];
	return *len <= left;
}

/* --- IPv4 --- */

int ip_extra_take4(struct ip_extra **x, const void *v, size_t n)
{
	uint8_t o[IP4_OPTS_MAX] = { 0 };
	unsigned len = ((unsigned)n + 3) & ~3u;

	if (n > sizeof(o))
		return -EINVAL;
	if (n)
		memcpy(o, v, n);
	if (ip4_opt_fault(o, len) >= 0 || ip4_opt_source_route(o, len))
		return -EINVAL;
	own(x)->n4 = (uint8_t)len;
	memcpy(own(x)->v4, o, sizeof(o));
	return 0;
}

OPT_SET(options4)
{
	struct ip_extra *x = of(so);
	int e = ip_extra_take4(&x, v, len);

	if (!e)
		changed(so);
	return e;
}

OPT_GET(options4)
{
	const struct ip_extra *x = so->asked->extra;

	return x ? opt_put(v, len, x->v4, x->n4) : opt_put(v, len, v, 0);
}

/* --- IPv6 --- */

static enum ext6 which_of(int name)
{
	switch (name) {
	case IPV6_HOPOPTS:
		return EXT6_HOP;
	case IPV6_RTHDRDSTOPTS:
		return EXT6_DST0;
	case IPV6_DSTOPTS:
		return EXT6_DST;
	}
	return N_EXT6;		/* IPV6_RTHDR */
}

/* A header as it will be sent: its length is in its second byte. */
static int header_size(const uint8_t *p, size_t n)
{
	unsigned size = n >= 2 ? (p[1] + 1u) * 8 : 0;

	return !size || size > n || size > EXT6_MAX ? -EINVAL : (int)size;
}

static void put6(struct ip_extra *x, enum ext6 which, const void *v, int size)
{
	x->n6[which] = (uint8_t)size;
	if (size)
		memcpy(x->v6[which], v, (size_t)size);
}

int ip_extra_take6(struct ip_extra **x, int name, const void *v, size_t n)
{
	enum ext6 which = which_of(name);
	int size = header_size(v, n);

	if (size < 0 || which == N_EXT6 || own(x)->n6[which])
		return -EINVAL;
	put6(*x, which, v, size);
	return 0;
}

/* RFC 3542 8: of no length: none any more. */
OPT_SET(ext6)
{
	enum ext6 which = which_of(r->name);
	int size = len ? header_size(v, len) : 0;

	if (size < 0 || len % 8 || (len && which == N_EXT6))
		return -EINVAL;
	if (which == N_EXT6)
		return 0;
	put6(of(so), which, v, size);
	changed(so);
	return 0;
}

OPT_GET(ext6)
{
	enum ext6 which = which_of(r->name);
	const struct ip_extra *x = so->asked->extra;

	if (!x || which == N_EXT6)
		return opt_put(v, len, v, 0);
	return opt_put(v, len, x->v6[which], x->n6[which]);
}
