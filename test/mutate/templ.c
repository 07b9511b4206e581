/* templ.c - a good frame of each kind, to be spoilt
 *
 * IPv4, IPv6 and their extension headers, ICMP errors about what we have sent, echo,
 * neighbour discovery with its options, ARP, IGMP, MLD, UDP and lone fragments.
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "lan.h"

static void eth(struct wr *w, uint16_t type, bool group)
{
	struct mac all = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

	eth_emit(w, &(struct eth){ group ? all : own_mac, peer_mac, type });
}

static void ip4(struct wr *w, uint8_t proto, uint32_t len, struct ip_addr dst)
{
	eth(w, ETHERTYPE_IP4, false);
	ip4_emit(w, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + len), .id = 1,
				   .ttl = proto == IPPROTO_IGMP ? 1 : 64, .proto = proto,
				   .src = peer4, .dst = dst });
}

static const struct ip_addr peer_ll = { { 0xfe, 0x80, [15] = 2 } };
static const struct ip_addr all_nodes = { { 0xff, 2, [15] = 1 } };

static void ip6(struct wr *w, uint8_t next, uint32_t len, uint8_t hops, bool local)
{
	eth(w, ETHERTYPE_IP6, false);
	ip6_emit(w, &(struct ip6){ .plen = (uint16_t)len, .next = next, .hops = hops,
				   .src = local ? peer_ll : peer6, .dst = own6 });
}

static uint32_t done(struct wr *w, uint8_t *b)
{
	uint32_t len = (uint32_t)wr_len(w);
	uint16_t n = (uint16_t)(len - ETH_LEN);

	/* The lengths follow from what was written. */
	if (b[12] == 0x08 && b[13] == 0) {
		b[ETH_LEN + 2] = (uint8_t)(n >> 8);
		b[ETH_LEN + 3] = (uint8_t)n;
	} else if (b[12] == 0x86) {
		n -= IP6_LEN;
		b[ETH_LEN + 4] = (uint8_t)(n >> 8);
		b[ETH_LEN + 5] = (uint8_t)n;
	}
	sums_fill(b, len, true, true);
	return len;
}

#define BEGIN	struct wr w_ = wr_of(b, FRAME_MAX), *w = &w_

/* --- IPv4 --- */

static uint32_t udp4(const struct lan *l, uint8_t *b)
{
	return udp_frame(b, true, 20);
}

static uint32_t udp4_options(const struct lan *l, uint8_t *b)
{
	static const uint8_t o[] = { 7, 7, 4, 0, 0, 0, 0, 68, 8, 5, 0, 0, 0, 0, 0, 1,
				     131, 7, 4, 10, 0, 0, 9, 0 };
	BEGIN;

	eth(w, ETHERTYPE_IP4, false);
	ip4_emit(w, &(struct ip4){ .hlen = IP4_LEN + sizeof(o), .len = IP4_LEN + sizeof(o) + 12,
				   .ttl = 64, .proto = IPPROTO_UDP, .src = peer4, .dst = own4,
				   .opts = o });
	udp_emit(w, &(struct udp){ 9, 53, 12, 0 });
	wr_u32(w, 0);
	return done(w, b);
}

static uint32_t udp4_no_port(const struct lan *l, uint8_t *b)
{
	uint32_t n = udp_frame(b, true, 20);

	b[ETH_LEN + IP4_LEN + 3] = 99;
	sums_fill(b, n, true, true);
	return n;
}

static uint32_t echo4(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip4(w, IPPROTO_ICMP, 16, own4);
	icmp_emit(w, &(struct icmp){ .type = ICMP4_ECHO, .rest = 0x10001 });
	wr_u32(w, 1);
	wr_u32(w, 2);
	return done(w, b);
}

static uint32_t echo4_reply(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip4(w, IPPROTO_ICMP, 16, own4);
	icmp_emit(w, &(struct icmp){ .type = ICMP4_ECHO_REPLY, .rest = 0x1000001 });
	wr_u32(w, 1);
	wr_u32(w, 2);
	return done(w, b);
}

static uint32_t quote(uint8_t *b, const struct lan *l, unsigned i, uint8_t type, uint8_t code,
		      uint32_t rest)
{
	bool v4 = i < 2;
	uint32_t n = MIN(l->seen_len[i] - ETH_LEN, 80u);
	BEGIN;

	if (v4)
		ip4(w, IPPROTO_ICMP, ICMP_LEN + n, own4);
	else
		ip6(w, IPPROTO_ICMPV6, ICMP_LEN + n, 64, false);
	icmp_emit(w, &(struct icmp){ .type = type, .code = code, .rest = rest });
	wr_bytes(w, l->seen[i] + ETH_LEN, n);
	return done(w, b);
}

/* RFC 4884: the quoted packet filled up to 128 octets, then a header and two objects, of
 * RFC 4950 and RFC 5837. sum: the extensions have one. */
static uint32_t extension(uint8_t *b, const struct lan *l, unsigned i, uint8_t type, uint32_t rest,
			  bool sum)
{
	static const uint8_t objects[] = { 0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 0x21, 0xff,
					   0, 12, 2, 0, 0, 0, 0, 7, 10, 0, 0, 2 };
	uint8_t ext[sizeof(objects)];
	uint32_t n = MIN(l->seen_len[i] - ETH_LEN, 80u);
	struct sum s = { 0 };
	BEGIN;

	memcpy(ext, objects, sizeof(ext));
	sum_add(&s, ext, sizeof(ext));
	if (sum)
		put_u16(ext + 2, sum_end(&s));
	if (i < 2)
		ip4(w, IPPROTO_ICMP, ICMP_LEN + 128 + sizeof(ext), own4);
	else
		ip6(w, IPPROTO_ICMPV6, ICMP_LEN + 128 + sizeof(ext), 64, false);
	icmp_emit(w, &(struct icmp){ .type = type, .rest = rest });
	wr_bytes(w, l->seen[i] + ETH_LEN, n);
	for (; n < 128; n++)
		wr_u8(w, 0);
	wr_bytes(w, ext, sizeof(ext));
	return done(w, b);
}

static uint32_t extended4(const struct lan *l, uint8_t *b)
{
	return extension(b, l, 0, 11, 32u << 16, true);
}
static uint32_t extended4_no_sum(const struct lan *l, uint8_t *b)
{
	return extension(b, l, 0, 3, 32u << 16, false);
}
static uint32_t extended6(const struct lan *l, uint8_t *b)
{
	return extension(b, l, 2, 3, 16u << 24, true);
}
static uint32_t extended6_no_sum(const struct lan *l, uint8_t *b)
{
	return extension(b, l, 2, 1, 16u << 24, false);
}

static uint32_t unreach4_udp(const struct lan *l, uint8_t *b) { return quote(b, l, 0, 3, 3, 0); }
static uint32_t unreach4_tcp(const struct lan *l, uint8_t *b) { return quote(b, l, 1, 3, 1, 0); }
static uint32_t frag_needed(const struct lan *l, uint8_t *b) { return quote(b, l, 1, 3, 4, 1400); }
static uint32_t redirect4(const struct lan *l, uint8_t *b)
{
	return quote(b, l, 0, 5, 1, 0x0a000009);
}
static uint32_t exceeded4(const struct lan *l, uint8_t *b) { return quote(b, l, 0, 11, 0, 0); }

static uint32_t arp(uint8_t *b, uint16_t op, struct ip_addr spa, struct ip_addr tpa)
{
	BEGIN;

	eth(w, ETHERTYPE_ARP, op == ARP_REQUEST);
	arp_emit(w, &(struct arp){ op, peer_mac, own_mac, spa, tpa });
	return (uint32_t)wr_len(w);
}

static uint32_t arp_request(const struct lan *l, uint8_t *b)
{
	return arp(b, ARP_REQUEST, peer4, own4);
}
static uint32_t arp_reply(const struct lan *l, uint8_t *b) { return arp(b, ARP_REPLY, peer4, own4); }
static uint32_t arp_probe(const struct lan *l, uint8_t *b)
{
	return arp(b, ARP_REQUEST, IP4(0, 0, 0, 0), own4);
}

static uint32_t igmp(uint8_t *b, uint8_t type, bool v3)
{
	BEGIN;

	ip4(w, IPPROTO_IGMP, 8, IP4(224, 0, 0, 1));
	wr_u32(w, (uint32_t)type << 24 | 100u << 16);
	wr_u32(w, 0);
	if (v3) {
		wr_u32(w, 0x027d0001);
		wr_u32(w, 0x0a000002);
	}
	return done(w, b);
}

static uint32_t igmp2_query(const struct lan *l, uint8_t *b) { return igmp(b, 0x11, false); }
static uint32_t igmp3_query(const struct lan *l, uint8_t *b) { return igmp(b, 0x11, true); }
static uint32_t igmp2_report(const struct lan *l, uint8_t *b) { return igmp(b, 0x16, false); }

/* --- IPv6 --- */

static uint32_t udp6(const struct lan *l, uint8_t *b)
{
	return udp_frame(b, false, 20);
}

static uint32_t echo6(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_ICMPV6, 16, 64, false);
	icmp_emit(w, &(struct icmp){ .type = ICMP6_ECHO, .rest = 0x10001 });
	wr_u32(w, 1);
	wr_u32(w, 2);
	return done(w, b);
}

static uint32_t unreach6_udp(const struct lan *l, uint8_t *b) { return quote(b, l, 2, 1, 4, 0); }
static uint32_t unreach6_tcp(const struct lan *l, uint8_t *b) { return quote(b, l, 3, 1, 0, 0); }
static uint32_t toobig(const struct lan *l, uint8_t *b) { return quote(b, l, 3, 2, 0, 1400); }
static uint32_t param6(const struct lan *l, uint8_t *b) { return quote(b, l, 2, 4, 1, 6); }

static uint32_t ns(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_ICMPV6, 0, 255, false);
	nd_ns_emit(w, &(struct nd_ns){ .target = own6, .o = { .has_src = true, .src_ll = peer_mac } });
	return done(w, b);
}

static uint32_t na(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_ICMPV6, 0, 255, false);
	nd_na_emit(w, &(struct nd_na){ .flags = ND_NA_SOLICITED | ND_NA_OVERRIDE, .target = peer6,
				       .o = { .has_dst = true, .dst_ll = peer_mac } });
	return done(w, b);
}

static uint32_t rs(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_ICMPV6, 0, 255, true);
	nd_rs_emit(w, &(struct nd_opts){ .has_src = true, .src_ll = peer_mac });
	return done(w, b);
}

static uint32_t ra(const struct lan *l, uint8_t *b)
{
	struct nd_ra m = { .hops = 64, .lifetime = 1800, .reachable = 30000, .retrans = 1000 };
	BEGIN;

	m.o = (struct nd_opts){
		.has_src = true, .src_ll = peer_mac, .has_mtu = true, .mtu = 1400,
		.n_prefix = 1, .n_route = 1, .n_dns = 1,
		.prefix = { { { { 0xfd, 7 } }, 64, true, true, 3600, 1800 } },
		.route = { { { { 0xfd, 8 } }, 48, 1, 600 } },
		.dns = { { { { 0xfd, 7, [15] = 3 } }, 600 } },
	};
	ip6(w, IPPROTO_ICMPV6, 0, 255, true);
	nd_ra_emit(w, &m);
	return done(w, b);
}

static uint32_t redirect6(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_ICMPV6, 0, 255, true);
	nd_redirect_emit(w, &(struct nd_redirect){
		.target = peer6, .dst = { { 0x20, 1, [15] = 5 } },
		.o = { .has_dst = true, .dst_ll = peer_mac } });
	return done(w, b);
}

static uint32_t mld(uint8_t *b, uint8_t type, bool v2)
{
	BEGIN;

	eth(w, ETHERTYPE_IP6, false);
	ip6_emit(w, &(struct ip6){ .next = 0, .hops = 1, .src = peer_ll, .dst = all_nodes });
	wr_u32(w, (uint32_t)IPPROTO_ICMPV6 << 24 | 0x0502);	/* router alert */
	wr_u32(w, 0x00000100);
	wr_u32(w, (uint32_t)type << 24);
	wr_u32(w, 1000u << 16);
	wr_bytes(w, IP6_ANY.b, 16);
	if (v2)
		wr_u32(w, 0x027d0000);
	return done(w, b);
}

static uint32_t mld1_query(const struct lan *l, uint8_t *b) { return mld(b, MLD_QUERY, false); }
static uint32_t mld2_query(const struct lan *l, uint8_t *b) { return mld(b, MLD_QUERY, true); }
static uint32_t mld1_report(const struct lan *l, uint8_t *b) { return mld(b, MLD1_REPORT, false); }

/* An extension header of 16 bytes before a datagram. */
static uint32_t extended(uint8_t *b, uint8_t kind, uint32_t first, uint32_t second)
{
	BEGIN;

	ip6(w, kind, 0, 64, false);
	wr_u32(w, (uint32_t)IPPROTO_UDP << 24 | 1u << 16 | first);
	wr_u32(w, second);
	wr_u32(w, 0x01060000);		/* PadN */
	wr_u32(w, 0);
	udp_emit(w, &(struct udp){ 9, 53, 12, 0 });
	wr_u32(w, 0);
	return done(w, b);
}

static uint32_t hop_by_hop(const struct lan *l, uint8_t *b)
{
	return extended(b, IPPROTO_HOPOPTS, 0x0502, 0x00000100);
}
static uint32_t dest_options(const struct lan *l, uint8_t *b)
{
	return extended(b, IPPROTO_DSTOPTS, 0x3e02, 0x00000100);
}
static uint32_t routing(const struct lan *l, uint8_t *b)
{
	return extended(b, IPPROTO_ROUTING, 0x0400, 0);
}

static uint32_t chain(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_HOPOPTS, 0, 64, false);
	wr_u32(w, (uint32_t)IPPROTO_DSTOPTS << 24 | 0x0104);
	wr_u32(w, 0);
	wr_u32(w, (uint32_t)IPPROTO_FRAGMENT << 24 | 0x0104);
	wr_u32(w, 0);
	wr_u32(w, (uint32_t)IPPROTO_UDP << 24);		/* atomic */
	wr_u32(w, 7);
	udp_emit(w, &(struct udp){ 9, 53, 12, 0 });
	wr_u32(w, 0);
	return done(w, b);
}

static uint32_t fragment6(const struct lan *l, uint8_t *b)
{
	BEGIN;

	ip6(w, IPPROTO_FRAGMENT, 0, 64, false);
	wr_u32(w, (uint32_t)IPPROTO_UDP << 24 | 1);
	wr_u32(w, 9);
	udp_emit(w, &(struct udp){ 9, 53, 100, 0 });
	return done(w, b);
}

static uint32_t fragment4(const struct lan *l, uint8_t *b)
{
	uint32_t n = udp_frame(b, true, 24);

	b[ETH_LEN + 6] = 0x20;
	sums_fill(b, n, true, false);
	return n;
}

const struct templ templs[] = {
	{ "UDP/IPv4", udp4 }, { "UDP/IPv4, options", udp4_options },
	{ "UDP/IPv4, no port", udp4_no_port }, { "IPv4 fragment", fragment4 },
	{ "ICMP echo", echo4 }, { "ICMP echo reply", echo4_reply },
	{ "ICMP port unreachable", unreach4_udp }, { "ICMP host unreachable", unreach4_tcp },
	{ "ICMP fragmentation needed", frag_needed }, { "ICMP redirect", redirect4 },
	{ "ICMP time exceeded", exceeded4 }, { "ARP request", arp_request },
	{ "ARP reply", arp_reply }, { "ARP probe", arp_probe }, { "IGMPv2 query", igmp2_query },
	{ "IGMPv3 query", igmp3_query }, { "IGMPv2 report", igmp2_report },
	{ "UDP/IPv6", udp6 }, { "ICMPv6 echo", echo6 }, { "ICMPv6 port unreachable", unreach6_udp },
	{ "ICMPv6 no route", unreach6_tcp }, { "ICMPv6 too big", toobig },
	{ "ICMPv6 parameter problem", param6 }, { "ND solicitation", ns },
	{ "ND advertisement", na }, { "router solicitation", rs }, { "router advertisement", ra },
	{ "ND redirect", redirect6 }, { "MLDv1 query", mld1_query }, { "MLDv2 query", mld2_query },
	{ "MLDv1 report", mld1_report }, { "hop-by-hop options", hop_by_hop },
	{ "destination options", dest_options }, { "routing header", routing },
	{ "extension headers", chain }, { "IPv6 fragment", fragment6 },
	{ "ICMP time exceeded, extended", extended4 },
	{ "ICMP no net, extended", extended4_no_sum },
	{ "ICMPv6 time exceeded, extended", extended6 },
	{ "ICMPv6 no route, extended", extended6_no_sum },
};
const unsigned n_templs = ARRAY_LEN(templs);
