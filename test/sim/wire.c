/* wire.c - what a real wire does to packets
 *
 * A stack gives super-frames and partial checksums (stack/pkt.h); a wire
 * carries frames of at most the MTU with complete ones. This is a second,
 * plain implementation of that step, independent of the plugs, so that an
 * error there and an error in the engine do not hide each other. For the same
 * reason the partial sum that came with a super-frame is checked before it is
 * thrown away.
 */
#include "wire.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint16_t sum_of(const uint8_t *p, size_t n)
{
	struct sum s = { 0 };

	sum_add(&s, p, n);
	return sum_end(&s);
}

static void addresses(const uint8_t *ip, struct ip_addr *src, struct ip_addr *dst)
{
	if (ip[0] >> 4 == 4) {
		*src = ip_from_v4(ip + 12);
		*dst = ip_from_v4(ip + 16);
	} else {
		*src = ip_from_v6(ip + 8);
		*dst = ip_from_v6(ip + 24);
	}
}

static uint16_t transport_sum(const uint8_t *ip, const uint8_t *l4, size_t n, uint8_t proto)
{
	struct ip_addr src, dst;
	struct sum s = { 0 };

	addresses(ip, &src, &dst);
	sum_pseudo(&s, &src, &dst, proto, (uint32_t)n);
	sum_add(&s, l4, n);
	return sum_end(&s);
}

static _Noreturn void broken(const char *what)
{
	fprintf(stderr, "wire: the stack sent a frame with %s\n", what);
	abort();
}

/* Of the transport, which may have one header of destination options before it. */
static uint8_t proto_of(const uint8_t *ip)
{
	if (ip[0] >> 4 == 4)
		return ip[9];
	return ip[6] == IPPROTO_DSTOPTS ? ip[IP6_LEN] : ip[6];
}

/* The field of a PARTIAL sum holds the pseudo-header's, over the whole length. */
static void partial_check(const uint8_t *f, size_t len, const struct pkt *pkt)
{
	const uint8_t *ip = f + ETH_LEN;
	uint8_t proto = proto_of(ip);
	struct ip_addr src, dst;
	struct sum s = { 0 };

	if (pkt->sum_start + pkt->sum_off + 2u > len)
		broken("a checksum field past its end");
	addresses(ip, &src, &dst);
	sum_pseudo(&s, &src, &dst, proto, (uint32_t)(len - pkt->sum_start));
	if (get16(f + pkt->sum_start + pkt->sum_off) != sum_partial(&s))
		broken("a wrong pseudo-header sum");
}

static void sum_complete(uint8_t *f, size_t len, const struct pkt *pkt)
{
	uint8_t *field = f + pkt->sum_start + pkt->sum_off;
	uint16_t v = sum_of(f + pkt->sum_start, len - pkt->sum_start);
	const uint8_t *ip = f + ETH_LEN;
	bool udp = proto_of(ip) == IPPROTO_UDP;

	put16(field, v || !udp ? v : 0xffff);	/* RFC 768 */
}

static void ip_fix(uint8_t *ip, size_t len, unsigned i)
{
	if (ip[0] >> 4 == 6) {
		put16(ip + 4, (uint32_t)(len - IP6_LEN));
		return;
	}
	put16(ip + 2, (uint32_t)len);
	put16(ip + 4, get16(ip + 4) + i);
	put16(ip + 10, 0);
	put16(ip + 10, sum_of(ip, (ip[0] & 15) * 4u));
}

static void tcp_fix(uint8_t *tcp, size_t off, bool first, bool last)
{
	put32(tcp + 4, get32(tcp + 4) + (uint32_t)off);
	if (!last)
		tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (!first)
		tcp[13] &= (uint8_t)~TCP_CWR;
}

static void segment_sum(uint8_t *seg, size_t len, const struct pkt *pkt, uint8_t proto)
{
	uint8_t *l4 = seg + pkt->sum_start, *field = l4 + pkt->sum_off;
	uint16_t v;

	put16(field, 0);
	v = transport_sum(seg + ETH_LEN, l4, len - pkt->sum_start, proto);
	put16(field, v || proto != IPPROTO_UDP ? v : 0xffff);
}

static void segment(const uint8_t *f, size_t len, const struct pkt *pkt,
		    wire_emit *emit, void *ctx)
{
	size_t h = pkt->gso_hlen, pay = len - h, n;
	uint8_t *seg = xmalloc(h + pkt->gso_size), *l4 = seg + pkt->sum_start;
	uint8_t proto = proto_of(f + ETH_LEN);
	unsigned i = 0;

	for (size_t off = 0; off < pay; off += n, i++) {
		n = MIN(pay - off, pkt->gso_size);
		memcpy(seg, f, h);
		memcpy(seg + h, f + h + off, n);
		ip_fix(seg + ETH_LEN, h + n - ETH_LEN, i);
		if (proto == IPPROTO_UDP)
			put16(l4 + 4, (uint32_t)(h + n - pkt->sum_start));
		else
			tcp_fix(l4, off, off == 0, off + n == pay);
		segment_sum(seg, h + n, pkt, proto);
		emit(ctx, seg, h + n);
	}
	free(seg);
}

void wire_split(struct pkt *pkt, wire_emit *emit, void *ctx)
{
	size_t len = pkt_len(pkt);
	uint8_t *f = xmalloc(len);

	pkt_copy(pkt, 0, f, (uint32_t)len);
	if (pkt->sum == PKT_SUM_PARTIAL)
		partial_check(f, len, pkt);
	if (pkt->gso_size && len > (size_t)pkt->gso_hlen + pkt->gso_size) {
		if (pkt->sum != PKT_SUM_PARTIAL)
			broken("segments to cut and no partial sum");
		segment(f, len, pkt, emit, ctx);
	} else {
		if (pkt->sum == PKT_SUM_PARTIAL)
			sum_complete(f, len, pkt);
		emit(ctx, f, len);
	}
	free(f);
	pkt_free(pkt);
}

static const char *transport_check(const uint8_t *ip, const uint8_t *l4, size_t n,
				   uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		if (n < TCP_LEN || (l4[12] >> 4) * 4u < TCP_LEN || (l4[12] >> 4) * 4u > n)
			return "a bad TCP header length";
		return transport_sum(ip, l4, n, proto) ? "a wrong TCP checksum" : NULL;
	case IPPROTO_UDP:
		if (n < UDP_LEN || get16(l4 + 4) != n)
			return "a bad UDP length";
		if (!get16(l4 + 6))
			return ip[0] >> 4 == 6 ? "no UDP checksum" : NULL;
		return transport_sum(ip, l4, n, proto) ? "a wrong UDP checksum" : NULL;
	case IPPROTO_ICMP:
		return sum_of(l4, n) ? "a wrong ICMP checksum" : NULL;
	case IPPROTO_ICMPV6:
		return transport_sum(ip, l4, n, proto) ? "a wrong ICMPv6 checksum" : NULL;
	}
	return NULL;
}

static const char *ip4_check(const uint8_t *ip, size_t n)
{
	unsigned hlen = n ? (ip[0] & 15) * 4u : 0;

	if (n < IP4_LEN || hlen < IP4_LEN || hlen > n)
		return "a bad IPv4 header length";
	if (get16(ip + 2) > n)
		return "an IPv4 length past its end";
	if (sum_of(ip, hlen))
		return "a wrong IPv4 checksum";
	if (get16(ip + 6) & 0x3fff)	/* a fragment: the sum spans others */
		return NULL;
	return transport_check(ip, ip + hlen, get16(ip + 2) - hlen, ip[9]);
}

static const char *ip6_check(const uint8_t *ip, size_t n)
{
	unsigned skip = 0;

	if (n < IP6_LEN || (size_t)get16(ip + 4) + IP6_LEN > n)
		return "an IPv6 length past its end";
	if (ip[6] == IPPROTO_DSTOPTS)
		skip = get16(ip + 4) < 8 ? 0 : (ip[IP6_LEN + 1] + 1u) * 8;
	if (skip > get16(ip + 4))
		return "options past the packet's end";
	return transport_check(ip, ip + IP6_LEN + skip, get16(ip + 4) - skip, proto_of(ip));
}

const char *wire_check(const uint8_t *f, size_t len)
{
	if (len < ETH_LEN)
		return "no Ethernet header";
	if (get16(f + 12) == ETHERTYPE_IP4)
		return ip4_check(f + ETH_LEN, len - ETH_LEN);
	if (get16(f + 12) == ETHERTYPE_IP6)
		return ip6_check(f + ETH_LEN, len - ETH_LEN);
	return NULL;
}

struct pkt *wire_pkt(struct arena *a, const void *frame, size_t len)
{
	struct pkt *pkt = pkt_new();

	if (pkt && !pkt_append(pkt, a, frame, (uint32_t)len)) {
		pkt_free(pkt);
		return NULL;
	}
	return pkt;
}
