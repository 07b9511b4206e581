/* ip6.c - IPv6 in and out (RFC 8200)
 *
 * in:  eth_in -> ip6_in -> ip6_headers_in (-> frag_in -> ip6_headers_in)
 *	-> ip_deliver
 * out: ip_out -> ip6_out -> neigh_out
 *
 * Extension headers are walked in the order they come. A host may limit what it
 * takes (RFC 8504 5.3): here, so many headers, options and padding, and all of
 * them within the packet's head.
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "proto/proto.h"
#include "stack/forward.h"
#include "stack/frag.h"
#include "stack/icmp.h"
#include "stack/ip_extra.h"
#include "stack/netif.h"

#define MAX_HEADERS	8
#define MAX_PAD		7	/* bytes of one PadN: alignment needs no more */

enum { OPT_PADN = 1 };

/* RFC 4443 3.4: the code and where the fault lies, from the IPv6 header on. */
enum { PARAM_HEADER = 0, PARAM_NEXT = 1, PARAM_OPTION = 2 };

/* An address under test is not ours yet: its owner answers from it. */
static bool is_own(struct netif *nif, const struct ip_addr *src)
{
	struct netif_addr *a = ip_is_linklocal(src) ? netif_addr_find(nif, src) :
						      stack_addr(nif->st, src);

	return a && a->state == ADDR_OK;
}

/* What most packets are; the rest is looked at more closely. */
static bool is_ordinary(struct stack *st, const struct ip6 *h)
{
	return stack_addr_kind(st, &h->src) == ADDR_OTHERS &&
	       stack_addr_kind(st, &h->dst) == ADDR_OURS;
}

static bool addresses_ok(struct netif *nif, const struct ip6 *h, const struct pkt *pkt)
{
	bool lo = netif_is_lo(nif) || pkt->note == PKT_LOOPED;

	if (ip_is_multicast(&h->src) || ip_is_any(&h->dst))
		return false;
	if (!lo && (ip_is_loopback(&h->src) || ip_is_loopback(&h->dst)))
		return false;			/* RFC 4291 2.5.3 */
	if (!lo && is_own(nif, &h->src))
		return false;
	/* RFC 4291 2.7: scope 0 is reserved, scope 1 stays in the node. */
	return !ip_is_multicast(&h->dst) ||
	       ((h->dst.b[1] & 15) && (lo || (h->dst.b[1] & 15) > 1));
}

/* Link-local addresses are ours only on their link; one under test hears what
 * ND has to say about it. */
static bool for_us(struct netif *nif, const struct ip6 *h)
{
	struct netif_addr *a;

	if (ip_is_multicast(&h->dst))
		return netif_joined(nif, &h->dst);
	a = netif_addr_find(nif, &h->dst);
	if (a)
		return addr_usable(a);
	return (netif_is_lo(nif) || !ip_is_linklocal(&h->dst)) &&
	       stack_addr(nif->st, &h->dst);
}

/* What comes to a link-local address of ours by loopback is of that link (RFC 4007 5). */
static struct netif *link_of(struct netif *nif, const struct ip6 *h)
{
	struct netif_addr *a = netif_is_lo(nif) && ip_is_linklocal(&h->dst) ?
			       stack_addr(nif->st, &h->dst) : NULL;

	return a ? a->nif : nif;
}

enum drop ip6_in(struct netif *nif, struct pkt *pkt)
{
	struct stack *st = nif->st;
	const uint8_t *p = pkt_pull(pkt, IP6_LEN);
	struct rd r = rd_of(p, p ? IP6_LEN : 0);
	struct ip6 h;
	struct ip ip;
	bool ours;

	count_ip(st, false, IP_InReceives, 1);
	count_ip(st, false, IP_InOctets, pkt_len(pkt));
	pkt->l3 = pkt->cur;
	if (!ip6_parse(&r, &h) || IP6_LEN + (uint32_t)h.plen > pkt_len(pkt))
		return drop(st, pkt, DROP_IP6_SHORT);
	if (!netif_has_ip6(nif))
		return drop(st, pkt, DROP_IP6_OFF);
	ours = is_ordinary(st, &h);
	if (!ours && !addresses_ok(nif, &h, pkt))
		return drop(st, pkt, DROP_IP_MARTIAN);
	ours = ours || for_us(nif, &h);
	if (!ours && st->param.forwarding && !ip_is_multicast(&h.dst))
		return forward6(nif, pkt, &h);
	if (!ours)
		return drop(st, pkt, DROP_IP_NOT_OURS);

	ip = (struct ip){
		.src = h.src, .dst = h.dst, .proto = h.next, .ttl = h.hops,
		.tos = h.tclass, .group = ip_is_multicast(&h.dst),
		.flow = h.flow, .nif = link_of(nif, &h),
	};
	if (ip.group)
		count_ip(st, false, IP_InMcastPkts, 1);
	pkt_trim_to(pkt, IP6_LEN + h.plen);
	pkt_skip(pkt, IP6_LEN);
	return ip6_headers_in(st, pkt, &ip, h.next);
}

static enum drop param_problem(struct stack *st, const struct pkt *pkt, unsigned code,
			       const uint8_t *at)
{
	uint32_t pointer = (uint32_t)(at - (pkt->head + pkt->l3));

	icmp_error(st, pkt, ICMP_ERR_PARAM, ICMP_PARAM_ARG(code, pointer));
	return DROP_IP6_EXT;
}

/* An option nobody knows says itself what to do (RFC 8200 4.2). */
static enum drop option_unknown(struct stack *st, const struct pkt *pkt, const struct ip *ip,
				const struct ip6_opt *o)
{
	switch (o->type >> 6) {
	case 0:
		return DROP_NONE;
	case 2:
		return param_problem(st, pkt, PARAM_OPTION, o->data - 2);
	case 3:
		if (!ip->group)
			return param_problem(st, pkt, PARAM_OPTION, o->data - 2);
	}
	return DROP_IP6_EXT;
}

/* most: options that one header may have (RFC 8504 5.3). */
static enum drop options_in(struct stack *st, const struct pkt *pkt, const struct ip *ip,
			    uint32_t most, struct rd *r)
{
	enum drop why = DROP_NONE;
	struct ip6_opt o;
	uint32_t n = 0;

	while (!why && ip6_opt_next(r, &o)) {
		if (o.type == OPT_PADN ? o.len > MAX_PAD - 2 : ++n > most)
			return DROP_IP6_EXT;
		if (o.type != OPT_PADN)
			why = option_unknown(st, pkt, ip, &o);
	}
	return r->fail ? DROP_IP6_EXT : why;
}

/* Nothing is routed through us: RFC 8200 4.4, RFC 5095. */
static enum drop routing_in(struct stack *st, const struct pkt *pkt, struct rd *r)
{
	const uint8_t *type = r->p;
	uint8_t left;

	rd_u8(r);
	left = rd_u8(r);
	return left ? param_problem(st, pkt, PARAM_HEADER, type) : DROP_NONE;
}

/* One header of the common shape; cur moves behind it. */
static enum drop ext_in(struct stack *st, struct pkt *pkt, const struct ip *ip, uint8_t *next)
{
	const uint8_t *p = pkt_pull(pkt, 8);
	unsigned len = p ? (p[1] + 1u) * 8 : 0;
	struct ip6_ext e;
	enum drop why;
	struct rd r;

	p = pkt_pull(pkt, MAX(len, 8));
	r = rd_of(p, p ? len : 0);
	if (!ip6_ext_parse(&r, &e))
		return DROP_IP6_EXT;
	if (*next == IPPROTO_ROUTING)
		why = routing_in(st, pkt, &e.body);
	else
		why = options_in(st, pkt, ip, *next == IPPROTO_HOPOPTS ? st->param.max_hbh_opts_number :
				 st->param.max_dst_opts_number, &e.body);
	pkt_skip(pkt, len);
	*next = e.next;
	return why;
}

static enum drop fragment_in(struct stack *st, struct pkt *pkt, struct ip *ip)
{
	const uint8_t *p = pkt_pull(pkt, IP6_FRAG_LEN);
	struct rd r = rd_of(p, p ? IP6_FRAG_LEN : 0);
	struct ip6_frag f;

	if (!ip6_frag_parse(&r, &f))
		return drop(st, pkt, DROP_IP6_EXT);
	/* RFC 8200 4.5: these two faults are told to the sender. */
	if (f.more && (pkt_len(pkt) - IP6_FRAG_LEN) % 8) {
		param_problem(st, pkt, PARAM_HEADER, pkt->head + pkt->l3 + 4);
		return drop(st, pkt, DROP_FRAG_BAD);
	}
	if (f.off + pkt_len(pkt) - IP6_FRAG_LEN > 65535) {
		param_problem(st, pkt, PARAM_HEADER, p + 2);
		return drop(st, pkt, DROP_FRAG_BAD);
	}
	pkt_skip(pkt, IP6_FRAG_LEN);
	if (!f.off && !f.more) {	/* RFC 6946 4: alone, whatever else there is */
		ip->reassembled = true;
		return ip6_headers_in(st, pkt, ip, f.next);
	}
	return frag_in(st, pkt, ip, &(struct frag){ f.id, f.next, f.off, f.more });
}

static bool is_upper(uint8_t next)
{
	return next == IPPROTO_TCP || next == IPPROTO_UDP || next == IPPROTO_ICMPV6;
}

/* said: where, from the IPv6 header on, that number stood. */
static enum drop next_unknown(struct stack *st, struct pkt *pkt, unsigned said)
{
	param_problem(st, pkt, PARAM_NEXT, pkt->head + pkt->l3 + said);
	return drop(st, pkt, DROP_IP_PROTO);
}

enum drop ip6_headers_in(struct stack *st, struct pkt *pkt, struct ip *ip, uint8_t next)
{
	/* Behind a fragment header: there. */
	unsigned said = ip->reassembled ? pkt->cur - pkt->l3 - IP6_FRAG_LEN : 6;
	enum drop why;

	for (int n = 0; n < MAX_HEADERS; n++) {
		unsigned here = pkt->cur - pkt->l3;

		ip->proto = next;
		if (is_upper(next) || raw_wanted(st, next, false))
			return ip_deliver(st, pkt, ip);
		if (next == IPPROTO_NONE)
			return drop(st, pkt, DROP_IP_PROTO);
		if (next == IPPROTO_FRAGMENT && !ip->reassembled)
			return fragment_in(st, pkt, ip);
		if ((next != IPPROTO_HOPOPTS || here != IP6_LEN) &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_ROUTING)
			return next_unknown(st, pkt, said);
		why = ext_in(st, pkt, ip, &next);
		if (why)
			return drop(st, pkt, why);
		said = here;
	}
	return drop(st, pkt, DROP_IP6_EXT);
}

static bool header_push(struct pkt *pkt, const struct ip6 *h)
{
	uint8_t *p = pkt_push(pkt, IP6_LEN);
	struct wr w;

	if (!p)
		return false;
	w = wr_of(p, IP6_LEN);
	ip6_emit(&w, h);
	pkt->l3 = pkt->cur;
	return true;
}

static uint8_t hops_of(struct stack *st, const struct flow *f)
{
	if (f->ttl)
		return f->ttl;
	return f->nif->hops ? f->nif->hops : (uint8_t)st->param.ip_default_ttl;
}

static struct ip6 header_of(struct stack *st, const struct pkt *pkt, const struct flow *f)
{
	return (struct ip6){
		.tclass = f->tos, .flow = f->label, .plen = (uint16_t)pkt_len(pkt),
		.next = f->proto, .hops = hops_of(st, f), .src = f->src, .dst = f->dst,
	};
}

/* RFC 8200 4.5: at the source only; the id is not to be guessed (RFC 7739). */
static enum drop fragment_out(struct stack *st, struct pkt *pkt, const struct flow *f,
			      const struct ip_extra *x, uint8_t next)
{
	uint32_t total = pkt_len(pkt), mtu = MAX(f->mtu, (uint32_t)IP6_MIN_MTU);
	uint32_t room = (mtu - IP6_LEN - IP6_FRAG_LEN - (x ? x->n6[EXT6_HOP] : 0u)) & ~7u;
	uint32_t id = (uint32_t)rng_u64(&st->rng);
	struct ip6 h = header_of(st, pkt, f);

	pkt_sum_finish(pkt);
	for (uint32_t off = 0; off < total; off += room) {
		uint32_t len = MIN(room, total - off);
		struct pkt *part = pkt_slice(pkt, off, len);
		struct ip6_frag fr = { next, (uint16_t)off, off + len < total, id };
		struct wr w = wr_of(pkt_push(part, IP6_FRAG_LEN), IP6_FRAG_LEN);

		ip6_frag_emit(&w, &fr);
		h.next = IPPROTO_FRAGMENT;
		ext6_push(part, x, EXT6_HOP, &h.next);
		h.plen = (uint16_t)pkt_len(part);
		header_push(part, &h);
		neigh_out(f->nif, part, &f->hop);
		count_ip(st, false, IP_FragCreates, 1);
	}
	count_ip(st, false, IP_FragOKs, 1);
	pkt_free(pkt);
	return DROP_NONE;
}

enum drop ip6_out(struct stack *st, struct pkt *pkt, const struct flow *f,
		  const struct ip_extra *x)
{
	uint32_t total = IP6_LEN + ip_extra_len(x, false) + pkt_len(pkt);
	uint8_t next = f->proto;
	struct ip6 h;

	count_ip(st, false, IP_OutRequests, 1);
	count_ip(st, false, IP_OutOctets, total);
	if (f->proto != IPPROTO_TCP)
		ip_count_odd(st, pkt, f);
	if (total - IP6_LEN > 65535 || (total > f->mtu && f->df && !pkt->gso_size))
		return drop(st, pkt, DROP_IP_TOO_BIG);
	if (x && !ext6_push(pkt, x, EXT6_DST, &next))
		return drop(st, pkt, DROP_NO_MEMORY);
	if (total > f->mtu && !pkt->gso_size)
		return fragment_out(st, pkt, f, x, next);
	if (x && !ext6_push(pkt, x, EXT6_HOP, &next))
		return drop(st, pkt, DROP_NO_MEMORY);
	h = header_of(st, pkt, f);
	h.next = next;
	if (!header_push(pkt, &h))
		return drop(st, pkt, DROP_NO_MEMORY);
	return neigh_out(f->nif, pkt, &f->hop);
}

void ip6_loop(struct pkt *pkt, const struct flow *f, const struct ip_extra *x)
{
	struct stack *st = f->nif->st;
	uint8_t next = f->proto;
	bool fits = ext6_push(pkt, x, EXT6_DST, &next) && ext6_push(pkt, x, EXT6_HOP, &next);
	struct ip6 h = header_of(st, pkt, f);

	h.next = next;
	if (!fits || pkt_len(pkt) > 65535 || !header_push(pkt, &h))
		drop(st, pkt, DROP_IP_TOO_BIG);
	else
		netif_loop(f->nif, pkt, ETHERTYPE_IP6);
}

enum drop ip6_send_on(struct netif *nif, struct pkt *pkt, const struct ip_addr *src,
		      const struct ip_addr *dst, uint8_t next, uint8_t hops)
{
	struct ip6 h = {
		.plen = (uint16_t)pkt_len(pkt), .next = next, .hops = hops,
		.src = *src, .dst = *dst,
	};

	count_ip(nif->st, false, IP_OutRequests, 1);
	if (next == IPPROTO_ICMPV6)
		icmp_count(nif->st, false, true, pkt_peek(pkt, 0));
	header_push(pkt, &h);
	return neigh_out(nif, pkt, dst);
}
