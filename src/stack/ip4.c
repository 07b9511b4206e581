/* ip4.c - IPv4 in and out (RFC 791, RFC 1122 3.2.1)
 *
 * in:  eth_in -> ip4_in (-> frag_in) -> ip_deliver
 * out: ip_out -> ip4_out -> neigh_out
 *
 * A datagram that may be fragmented gets an identification from a counter that
 * its two ends share with few others (RFC 6864 4.3); one that may not has none.
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "proto/proto.h"
#include "stack/forward.h"
#include "stack/frag.h"
#include "stack/icmp.h"
#include "stack/ip_extra.h"
#include "stack/netif.h"

/* The header in host order; pkt is cut to the datagram's length. */
static enum drop header_in(struct pkt *pkt, struct ip4 *h)
{
	const uint8_t *p = pkt_pull(pkt, IP4_LEN);
	unsigned hlen = p ? (p[0] & 15u) * 4 : 0;
	struct sum s = { 0 };
	struct rd r;

	p = pkt_pull(pkt, MAX(hlen, IP4_LEN));
	r = rd_of(p, p ? MAX(hlen, IP4_LEN) : 0);
	if (!ip4_parse(&r, h) || h->len > pkt_len(pkt))
		return DROP_IP4_SHORT;
	sum_add(&s, p, h->hlen);
	if (pkt->sum == PKT_SUM_NONE && sum_end(&s))
		return DROP_IP4_SUM;
	pkt_trim_to(pkt, h->len);	/* Ethernet's padding */
	return DROP_NONE;
}

/* Where options go wrong is told (RFC 1122 3.2.2.5); routes by source are refused. */
static enum drop options_in(struct stack *st, const struct pkt *pkt, const struct ip4 *h)
{
	unsigned n = h->hlen - IP4_LEN;
	int bad = ip4_opt_fault(h->opts, n);

	if (ip4_opt_source_route(h->opts, n))
		return DROP_IP4_OPTIONS;
	if (bad < 0)
		return DROP_NONE;
	icmp_error(st, pkt, ICMP_ERR_PARAM, IP4_LEN + (uint32_t)bad);
	return DROP_IP4_SHORT;
}

/* RFC 1122 3.2.1.3; 0.0.0.0 speaks only to everybody (DHCP). */
static bool source_ok(struct netif *nif, const struct ip4 *h, const struct pkt *pkt)
{
	if (ip_is_any(&h->src))
		return ip_eq(&h->dst, &IP4_BROADCAST) || ip_is_multicast(&h->dst);
	if (ip_is_multicast(&h->src) || netif_is_broadcast(nif, &h->src) ||
	    ip_v4(&h->src)[0] == 0 || ip_v4(&h->src)[0] >= 240)
		return false;
	if (netif_is_lo(nif) || pkt->note == PKT_LOOPED)
		return true;
	return !ip_is_loopback(&h->src) && !stack_addr(nif->st, &h->src);
}

static enum drop special_in(struct netif *nif, const struct ip4 *h, const struct pkt *pkt,
			    bool *group)
{
	*group = ip_is_multicast(&h->dst) || netif_is_broadcast(nif, &h->dst);
	if (!source_ok(nif, h, pkt) || ip_is_any(&h->dst) ||
	    (ip_is_loopback(&h->dst) && !netif_is_lo(nif)))
		return DROP_IP_MARTIAN;
	if (pkt->note != PKT_LOOPED && !forward_source_ok(nif, pkt, h))
		return DROP_IP_RPF;
	if (ip_is_multicast(&h->dst))
		return netif_joined(nif, &h->dst) ? DROP_NONE : DROP_IP_NOT_OURS;
	return *group || stack_addr(nif->st, &h->dst) ? DROP_NONE : DROP_IP_NOT_OURS;
}

static enum drop addresses_in(struct netif *nif, const struct ip4 *h, const struct pkt *pkt,
			      bool *group)
{
	*group = false;
	if (stack_addr_kind(nif->st, &h->src) == ADDR_OTHERS &&
	    stack_addr_kind(nif->st, &h->dst) == ADDR_OURS && !nif->st->param.rp_filter)
		return DROP_NONE;
	return special_in(nif, h, pkt, group);
}

/* RFC 1122 3.2.1.8 (c, d): at its destination, too. cur at the header. */
static void note_here(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t *h = pkt->head + pkt->cur;
	struct ip_addr self = ip->group ? ip_source(st, ip->nif, &ip->src) : ip->dst;

	ip4_opt_note(st, h + IP4_LEN, (h[0] & 15u) * 4 - IP4_LEN, &self);
}

enum drop ip4_in(struct netif *nif, struct pkt *pkt)
{
	struct stack *st = nif->st;
	struct frag f;
	struct ip4 h;
	struct ip ip;
	bool group, others;
	enum drop why;

	count_ip(st, true, IP_InReceives, 1);
	count_ip(st, true, IP_InOctets, pkt_len(pkt));
	why = header_in(pkt, &h);
	pkt->l3 = pkt->cur;
	if (why)
		return drop(st, pkt, why);
	why = addresses_in(nif, &h, pkt, &group);
	others = why == DROP_IP_NOT_OURS && st->param.ip_forward && !group;
	if (h.hlen > IP4_LEN && (!why || others))
		why = options_in(st, pkt, &h);
	else if (others)
		why = DROP_NONE;
	if (why)
		return drop(st, pkt, why);
	if (others)
		return forward4(nif, pkt, &h);

	ip = (struct ip){
		.src = h.src, .dst = h.dst, .proto = h.proto, .ttl = h.ttl,
		.tos = h.tos, .v4 = true, .group = group, .nif = nif,
	};
	if (group)
		count_ip(st, true, ip_is_multicast(&h.dst) ? IP_InMcastPkts : IP_InBcastPkts, 1);
	if (h.hlen > IP4_LEN)
		note_here(st, pkt, &ip);
	pkt_skip(pkt, h.hlen);
	if (!h.frag && !(h.flags & IP4_MF))
		return ip_deliver(st, pkt, &ip);
	f = (struct frag){ h.id, h.proto, h.frag, h.flags & IP4_MF };
	return frag_in(st, pkt, &ip, &f);
}

/* Two ends that hash alike share a counter. */
static uint16_t next_id(struct stack *st, const struct flow *f)
{
	struct { struct ip_addr src, dst; } k = { f->src, f->dst };

	return st->ip_ids[hash64(&st->secret, &k, sizeof(k)) % ARRAY_LEN(st->ip_ids)]++;
}

/* With the user's options, in which we note our part of the way. */
struct head4 {
	struct ip4	h;
	uint8_t		opts[IP4_OPTS_MAX];
};

static void options_of(struct stack *st, struct head4 *o, const struct ip_extra *x)
{
	memcpy(o->opts, x->v4, x->n4);
	ip4_opt_note(st, o->opts, x->n4, &o->h.src);
	o->h.opts = o->opts;
	o->h.hlen = (uint8_t)(o->h.hlen + x->n4);
	o->h.len = (uint16_t)(o->h.len + x->n4);
}

static struct ip4 header_of(struct stack *st, const struct pkt *pkt, const struct flow *f)
{
	return (struct ip4){
		.hlen = IP4_LEN, .tos = f->tos, .len = (uint16_t)(IP4_LEN + pkt_len(pkt)),
		.id = f->df ? 0 : next_id(st, f), .flags = f->df ? IP4_DF : 0,
		.ttl = f->ttl ? f->ttl : (uint8_t)st->param.ip_default_ttl,
		.proto = f->proto, .src = f->src, .dst = f->dst,
	};
}

static bool header_push(struct pkt *pkt, const struct ip4 *h)
{
	uint8_t *p = pkt_push(pkt, h->hlen);
	struct wr w;

	if (!p)
		return false;
	w = wr_of(p, h->hlen);
	ip4_emit(&w, h);
	pkt->l3 = pkt->cur;
	return true;
}

/* RFC 791 3.2: all but the last carry a multiple of eight bytes. */
static enum drop fragment_out(struct stack *st, struct pkt *pkt, const struct flow *f,
			      struct head4 *o)
{
	uint32_t total = pkt_len(pkt), room = (MAX(f->mtu, IP4_MIN_MTU) - o->h.hlen) & ~7u;
	struct ip4 h = o->h;

	pkt_sum_finish(pkt);
	for (uint32_t off = 0; off < total; off += room) {
		uint32_t len = MIN(room, total - off);
		struct pkt *part = pkt_slice(pkt, off, len);

		h.len = (uint16_t)(h.hlen + len);
		h.frag = (uint16_t)off;
		h.flags = off + len < total ? IP4_MF : 0;
		header_push(part, &h);
		neigh_out(f->nif, part, &f->hop);
		ip4_opt_later(o->opts, h.hlen - IP4_LEN);
		count_ip(st, true, IP_FragCreates, 1);
	}
	count_ip(st, true, IP_FragOKs, 1);
	pkt_free(pkt);
	return DROP_NONE;
}

enum drop ip4_out(struct stack *st, struct pkt *pkt, const struct flow *f,
		  const struct ip_extra *x)
{
	uint32_t total = IP4_LEN + ip_extra_len(x, true) + pkt_len(pkt);
	struct head4 o;

	count_ip(st, true, IP_OutRequests, 1);
	count_ip(st, true, IP_OutOctets, total);
	if (f->proto != IPPROTO_TCP)
		ip_count_odd(st, pkt, f);
	if (total > 65535 || (total > f->mtu && f->df && !pkt->gso_size))
		return drop(st, pkt, DROP_IP_TOO_BIG);
	o.h = header_of(st, pkt, f);
	if (x && x->n4)
		options_of(st, &o, x);
	if (total > f->mtu && !pkt->gso_size)
		return fragment_out(st, pkt, f, &o);
	if (!header_push(pkt, &o.h))
		return drop(st, pkt, DROP_NO_MEMORY);
	return neigh_out(f->nif, pkt, &f->hop);
}

void ip4_loop(struct pkt *pkt, const struct flow *f, const struct ip_extra *x)
{
	struct stack *st = f->nif->st;
	struct head4 o = { .h = header_of(st, pkt, f) };

	if (x && x->n4)
		options_of(st, &o, x);
	if (o.h.hlen + pkt_len(pkt) > 65535 || !header_push(pkt, &o.h))
		drop(st, pkt, DROP_IP_TOO_BIG);
	else
		netif_loop(f->nif, pkt, ETHERTYPE_IP4);
}

/* RFC 3376 4: with the router alert option, one hop. */
enum drop ip4_send_igmp(struct netif *nif, struct pkt *pkt, const struct ip_addr *dst)
{
	static const uint8_t alert[4] = { 0x94, 4, 0, 0 };
	struct ip4 h = {
		.hlen = IP4_LEN + sizeof(alert), .tos = 0xc0,
		.len = (uint16_t)(IP4_LEN + sizeof(alert) + pkt_len(pkt)),
		.flags = IP4_DF, .ttl = 1, .proto = IPPROTO_IGMP,
		.dst = *dst, .opts = alert,
	};

	h.src = ip_source(nif->st, nif, &h.dst);
	count_ip(nif->st, true, IP_OutRequests, 1);
	header_push(pkt, &h);
	return neigh_out(nif, pkt, &h.dst);
}
