/* proto_eq.h - two parsed headers say the same (padding and stale array
 * elements do not count); for the unit tests and the fuzz targets
 */
#ifndef TEST_PROTO_EQ_H
#define TEST_PROTO_EQ_H

#include "proto/proto.h"

static inline bool eth_eq(const struct eth *a, const struct eth *b)
{
	return mac_eq(&a->dst, &b->dst) && mac_eq(&a->src, &b->src) && a->type == b->type;
}

static inline bool vlan_eq(const struct vlan *a, const struct vlan *b)
{
	return a->id == b->id && a->prio == b->prio && a->dei == b->dei &&
	       a->type == b->type;
}

static inline bool arp_eq(const struct arp *a, const struct arp *b)
{
	return a->op == b->op && mac_eq(&a->sha, &b->sha) && mac_eq(&a->tha, &b->tha) &&
	       ip_eq(&a->spa, &b->spa) && ip_eq(&a->tpa, &b->tpa);
}

/* The checksum is left out: emit computes it. */
static inline bool ip4_eq(const struct ip4 *a, const struct ip4 *b)
{
	return a->hlen == b->hlen && a->tos == b->tos && a->len == b->len &&
	       a->id == b->id && a->flags == b->flags && a->frag == b->frag &&
	       a->ttl == b->ttl && a->proto == b->proto &&
	       ip_eq(&a->src, &b->src) && ip_eq(&a->dst, &b->dst) &&
	       memcmp(a->opts, b->opts, a->hlen - IP4_LEN) == 0;
}

static inline bool ip6_eq(const struct ip6 *a, const struct ip6 *b)
{
	return a->tclass == b->tclass && a->flow == b->flow && a->plen == b->plen &&
	       a->next == b->next && a->hops == b->hops &&
	       ip_eq(&a->src, &b->src) && ip_eq(&a->dst, &b->dst);
}

static inline bool ip6_frag_eq(const struct ip6_frag *a, const struct ip6_frag *b)
{
	return a->next == b->next && a->off == b->off && a->more == b->more &&
	       a->id == b->id;
}

static inline bool icmp_eq(const struct icmp *a, const struct icmp *b)
{
	return a->type == b->type && a->code == b->code && a->sum == b->sum &&
	       a->rest == b->rest;
}

static inline bool nd_prefix_eq(const struct nd_prefix *a, const struct nd_prefix *b)
{
	return ip_eq(&a->prefix, &b->prefix) && a->len == b->len &&
	       a->on_link == b->on_link && a->autonomous == b->autonomous &&
	       a->valid == b->valid && a->preferred == b->preferred;
}

static inline bool nd_ra_opts_eq(const struct nd_opts *a, const struct nd_opts *b)
{
	if (a->n_route != b->n_route || a->n_dns != b->n_dns || a->n_search != b->n_search)
		return false;
	for (unsigned i = 0; i < a->n_route; i++)
		if (!ip_eq(&a->route[i].prefix, &b->route[i].prefix) ||
		    a->route[i].len != b->route[i].len || a->route[i].pref != b->route[i].pref ||
		    a->route[i].life != b->route[i].life)
			return false;
	for (unsigned i = 0; i < a->n_dns; i++)
		if (!ip_eq(&a->dns[i].addr, &b->dns[i].addr) || a->dns[i].life != b->dns[i].life)
			return false;
	for (unsigned i = 0; i < a->n_search; i++)
		if (strcmp(a->search[i].name, b->search[i].name) ||
		    a->search[i].life != b->search[i].life)
			return false;
	return true;
}

static inline bool nd_opts_eq(const struct nd_opts *a, const struct nd_opts *b)
{
	if (a->has_src != b->has_src || a->has_dst != b->has_dst ||
	    a->has_mtu != b->has_mtu || a->n_prefix != b->n_prefix ||
	    a->has_nonce != b->has_nonce || !nd_ra_opts_eq(a, b))
		return false;
	for (unsigned i = 0; i < a->n_prefix; i++) {
		if (!nd_prefix_eq(&a->prefix[i], &b->prefix[i]))
			return false;
	}
	return (!a->has_src || mac_eq(&a->src_ll, &b->src_ll)) &&
	       (!a->has_dst || mac_eq(&a->dst_ll, &b->dst_ll)) &&
	       (!a->has_mtu || a->mtu == b->mtu) &&
	       (!a->has_nonce || !memcmp(a->nonce, b->nonce, 6));
}

static inline bool nd_ns_eq(const struct nd_ns *a, const struct nd_ns *b)
{
	return ip_eq(&a->target, &b->target) && nd_opts_eq(&a->o, &b->o);
}

static inline bool nd_na_eq(const struct nd_na *a, const struct nd_na *b)
{
	return a->flags == b->flags && ip_eq(&a->target, &b->target) &&
	       nd_opts_eq(&a->o, &b->o);
}

static inline bool nd_ra_eq(const struct nd_ra *a, const struct nd_ra *b)
{
	return a->hops == b->hops && a->managed == b->managed && a->other == b->other &&
	       a->lifetime == b->lifetime && a->reachable == b->reachable &&
	       a->retrans == b->retrans && a->pref == b->pref && nd_opts_eq(&a->o, &b->o);
}

static inline bool udp_eq(const struct udp *a, const struct udp *b)
{
	return a->src_port == b->src_port && a->dst_port == b->dst_port &&
	       a->len == b->len && a->sum == b->sum;
}

static inline bool tcp_opts_eq(const struct tcp_opts *a, const struct tcp_opts *b)
{
	if (a->has_mss != b->has_mss || a->has_wscale != b->has_wscale ||
	    a->has_ts != b->has_ts || a->sack_ok != b->sack_ok ||
	    a->n_sack != b->n_sack || a->has_fo != b->has_fo)
		return false;
	for (unsigned i = 0; i < a->n_sack; i++) {
		if (!seq_eq(a->sack[i].from, b->sack[i].from) ||
		    !seq_eq(a->sack[i].to, b->sack[i].to))
			return false;
	}
	if (a->has_fo && (a->fo_len != b->fo_len || memcmp(a->fo, b->fo, a->fo_len)))
		return false;
	return (!a->has_mss || a->mss == b->mss) &&
	       (!a->has_wscale || a->wscale == b->wscale) &&
	       (!a->has_ts || (a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr));
}

static inline bool tcp_eq(const struct tcp *a, const struct tcp *b)
{
	return a->src_port == b->src_port && a->dst_port == b->dst_port &&
	       seq_eq(a->seq, b->seq) && seq_eq(a->ack, b->ack) &&
	       a->flags == b->flags && a->win == b->win && a->sum == b->sum &&
	       a->urg == b->urg && tcp_opts_eq(&a->o, &b->o);
}

#endif
