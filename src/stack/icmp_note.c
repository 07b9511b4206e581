/* icmp_note.c - what ICMP errors mean for those who sent the packet
 *
 * The quoted packet names the connection; the tables below are Linux's idea of
 * which errno an error is, and whether it ends a connection (hard). Transports
 * check that the note fits what they have sent (RFC 5927) before they believe it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <time.h>

#include <linux/errqueue.h>	/* needs time.h */

#include "proto/proto.h"
#include "stack/icmp.h"
#include "stack/nd.h"
#include "stack/netif.h"
#include "stack/netif.h"

struct meaning {
	int	error;
	bool	hard;
};

/* By code of destination unreachable (RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
static const struct meaning unreach4[] = {
	{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { ENOPROTOOPT, true },
	{ ECONNREFUSED, true }, { EMSGSIZE, false }, { EOPNOTSUPP, false },
	{ ENETUNREACH, true }, { EHOSTDOWN, true }, { ENONET, true },
	{ ENETUNREACH, true }, { EHOSTUNREACH, true }, { ENETUNREACH, false },
	{ EHOSTUNREACH, false }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true },
	{ EHOSTUNREACH, true },
};

/* RFC 4443 3.1 */
static const struct meaning unreach6[] = {
	{ ENETUNREACH, false }, { EACCES, true }, { EHOSTUNREACH, false },
	{ EHOSTUNREACH, false }, { ECONNREFUSED, true }, { EACCES, true },
	{ EACCES, true },
};

bool icmp_is_error(bool v4, uint8_t type)
{
	if (!v4)
		return type < 128;	/* RFC 4443 2.1 */
	return type == ICMP4_UNREACH || type == 4 || type == 5 ||
	       type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAM;
}

static bool quote4(struct rd q, struct quote *out)
{
	struct rd all = q;
	struct ip4 h;

	if (!ip4_parse(&q, &h))
		return false;
	*out = (struct quote){ h.src, h.dst, h.proto, h.len, h.frag == 0,
			       h.frag || h.flags & IP4_MF, all, q };
	return true;
}

/* Past the extension headers, as far as they are quoted. */
static bool quote6(struct rd q, struct quote *out)
{
	struct ip6_frag f;
	struct ip6_ext e;
	struct rd all = q;
	struct ip6 h;
	bool ok = ip6_parse(&q, &h);

	*out = (struct quote){ h.src, h.dst, h.next, h.plen, true, false, all, q };
	while (ok) {
		if (out->proto == IPPROTO_FRAGMENT) {
			ok = ip6_frag_parse(&q, &f);
			out->first = out->first && !f.off;
			out->piece = true;
			out->proto = f.next;
		} else if ((out->proto == IPPROTO_HOPOPTS && q.p == out->l4.p) || out->proto == IPPROTO_ROUTING ||
			   out->proto == IPPROTO_DSTOPTS) {
			ok = ip6_ext_parse(&q, &e);
			out->proto = e.next;
		} else {
			break;
		}
	}
	out->l4 = q;
	return ok;
}

bool quote_parse(struct rd q, struct quote *out)
{
	if (!rd_left(&q))
		return false;
	return q.p[0] >> 4 == 4 ? quote4(q, out) : quote6(q, out);
}

/* To whoever sent it; the address may have been removed since. */
static void note_deliver(struct stack *st, const struct quote *q, struct icmp_note *n)
{
	struct rd r = q->l4;

	n->src = q->src;
	n->dst = q->dst;
	n->l4 = q->l4;
	n->all = q->all;
	n->proto = q->proto;
	n->src_port = rd_u16(&r);
	n->dst_port = rd_u16(&r);
	n->seq = SEQ(rd_u32(&r));
	if (r.fail || !q->first)
		return;
	raw_icmp(st, n);
	if (q->proto == (ip_is_v4(&n->src) ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		ping_icmp(st, n);
	else if (q->proto == IPPROTO_UDP)
		udp_icmp(st, n);
	else if (q->proto == IPPROTO_TCP)
		tcp_icmp(st, n);
}

static struct icmp_note note_of(const struct ip *ip, const struct icmp *h, int error)
{
	return (struct icmp_note){
		.origin = ip->v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
		.type = h->type, .code = h->code, .from = ip->src,
		.ifindex = ip->nif->index, .error = error, .quoted = icmp_quoted(ip->v4, h),
	};
}

/* A router that does not tell the next MTU: guess the next lower plateau
 * (RFC 1191 7). */
static uint32_t plateau(uint32_t len)
{
	static const uint16_t t[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296 };

	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		if (t[i] < len)
			return t[i];
	}
	return 68;
}

/* RFC 1122 3.2.2.2: a gateway on the link, about something we sent. */
static void redirect_note(struct stack *st, const struct ip *ip, uint32_t gateway,
			  const struct quote *q)
{
	be32 b = be32_put(gateway);
	struct ip_addr to = ip_from_v4(b.b);

	if (st->param.accept_redirects && !st->param.ip_forward && stack_addr(st, &q->src) &&
	    netif_subnet(ip->nif, &to) && !ip_is_multicast(&q->dst) &&
	    !netif_is_broadcast(ip->nif, &q->dst))
		router_redirect(ip->nif, &ip->src, &q->dst, &to);
}

bool icmp4_error_in(struct stack *st, const struct ip *ip, const struct icmp *h, struct rd quoted)
{
	struct icmp_note n = note_of(ip, h, EHOSTUNREACH);
	uint8_t type = h->type, code = h->code;
	struct quote q;

	if (!quote_parse(quoted, &q) || !ip_is_v4(&q.src))
		return false;
	if (type == ICMP4_UNREACH && code < ARRAY_LEN(unreach4)) {
		n.error = unreach4[code].error;
		n.hard = unreach4[code].hard;
		if (code == ICMP4_FRAG)
			n.mtu = h->rest & 0xffff ? h->rest & 0xffff : plateau(q.len);
	} else if (type == ICMP4_PARAM) {
		n.error = EPROTO;
		n.hard = true;
	} else if (type != ICMP4_TIME_EXCEEDED) {
		if (h->type == ICMP4_REDIRECT)
			redirect_note(st, ip, h->rest, &q);
		return true;		/* quench: ignored (RFC 6633) */
	}
	if (stack_addr(st, &q.src))
		note_deliver(st, &q, &n);
	return true;
}

bool icmp6_error_in(struct stack *st, const struct ip *ip, const struct icmp *h, struct rd quoted)
{
	struct icmp_note n = note_of(ip, h, EPROTO);
	uint8_t type = h->type, code = h->code;
	struct quote q;

	if (!quote_parse(quoted, &q) || ip_is_v4(&q.src))
		return false;
	if (type == ICMP6_UNREACH && code < ARRAY_LEN(unreach6)) {
		n.error = unreach6[code].error;
		n.hard = unreach6[code].hard;
	} else if (type == ICMP6_TOO_BIG) {
		n.error = EMSGSIZE;
		n.mtu = MAX(h->rest, (uint32_t)IP6_MIN_MTU);	/* RFC 8201 4 */
	} else if (type == ICMP6_TIME_EXCEEDED) {
		n.error = EHOSTUNREACH;
	} else if (type == ICMP6_PARAM) {
		n.hard = true;
	}
	if (stack_addr(st, &q.src))
		note_deliver(st, &q, &n);
	return true;
}

/* As Linux: an ICMP message from ourselves. */
void icmp_local_error(struct stack *st, const struct pkt *pkt, int error)
{
	struct icmp_note n = { .error = error, .ifindex = pkt->nif ? pkt->nif->index : 0 };
	uint8_t buf[128];
	uint32_t len = MIN((uint32_t)(pkt->end - pkt->l3), (uint32_t)sizeof(buf));
	struct quote q;

	memcpy(buf, pkt->head + pkt->l3, len);
	len += pkt_copy(pkt, (uint32_t)(pkt->end - pkt->cur), buf + len, (uint32_t)sizeof(buf) - len);
	if (!quote_parse(rd_of(buf, len), &q))
		return;
	n.origin = ip_is_v4(&q.src) ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6;
	n.type = ip_is_v4(&q.src) ? ICMP4_UNREACH : ICMP6_UNREACH;
	n.code = ip_is_v4(&q.src) ? ICMP4_HOST : ICMP6_ADDR;
	n.from = q.src;
	note_deliver(st, &q, &n);
}
