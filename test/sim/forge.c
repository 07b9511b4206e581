/* forge.c - frames nobody sent: segments and ICMP errors with good checksums
 *
 * They go into a stack at once, not over the link: an attacker, or a router on the
 * way, is somewhere else.
 */
#include "forge.h"

#include <netinet/in.h>

#include "base/sum.h"
#include "proto/proto.h"

#define QUOTE	48	/* of what follows the Ethernet header */

static void input(struct host *to, const uint8_t *b, size_t len)
{
	struct pkt *pkt = wire_pkt(to->arena, b, len);

	if (!pkt)
		return;
	stack_now(to->st, to->sim->now);
	stack_input(to->st, to->nif, pkt);
	host_touch(to);
}

static size_t head(uint8_t *b, struct host *to, const struct ip_addr *src,
		   const struct ip_addr *dst, uint8_t proto, size_t len)
{
	struct wr w = wr_of(b, ETH_LEN + IP6_LEN);
	bool v4 = ip_is_v4(dst);

	eth_emit(&w, &(struct eth){ to->mac, { { 2, 9 } }, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6 });
	if (v4)
		ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + len),
					    .ttl = 60, .proto = proto, .src = *src, .dst = *dst });
	else
		ip6_emit(&w, &(struct ip6){ .plen = (uint16_t)len, .next = proto, .hops = 60,
					    .src = *src, .dst = *dst });
	return wr_len(&w);
}

static uint16_t sum_of(const uint8_t *b, size_t len, const struct ip_addr *src,
		       const struct ip_addr *dst, uint8_t proto)
{
	struct sum s = { 0 };

	if (proto != IPPROTO_ICMP)
		sum_pseudo(&s, src, dst, proto, (uint32_t)len);
	sum_add(&s, b, len);
	return sum_end(&s);
}

void forge_segment(struct host *to, const struct sock *so, struct tcp *h)
{
	uint8_t b[ETH_LEN + IP6_LEN + TCP_MAXLEN];
	const struct ip_addr *src = &so->remote.addr, *dst = &so->local.addr;
	unsigned len = tcp_hlen(&h->o);
	size_t at = head(b, to, src, dst, IPPROTO_TCP, len);
	struct wr w = wr_of(b + at, len);

	h->src_port = so->remote.port;
	h->dst_port = so->local.port;
	h->sum = 0;
	tcp_emit(&w, h);
	h->sum = sum_of(b + at, len, src, dst, IPPROTO_TCP);
	w = wr_of(b + at, len);
	tcp_emit(&w, h);
	input(to, b, at + len);
}

void forge_icmp(struct host *to, const uint8_t *frame, size_t len, uint8_t type, uint8_t code,
		uint32_t rest)
{
	uint8_t b[ETH_LEN + IP6_LEN + ICMP_LEN + QUOTE];
	const uint8_t *ip = frame + ETH_LEN;
	bool v4 = ip[0] >> 4 == 4;
	uint8_t proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct ip_addr src = v4 ? ip_from_v4(ip + 16) : ip_from_v6(ip + 24);
	struct ip_addr dst = v4 ? ip_from_v4(ip + 12) : ip_from_v6(ip + 8);
	size_t quote = MIN(len - ETH_LEN, (size_t)QUOTE), n = ICMP_LEN + quote, at;
	struct icmp h = { .type = type, .code = code, .rest = rest };
	struct wr w;

	at = head(b, to, &src, &dst, proto, n);
	w = wr_of(b + at, n);
	icmp_emit(&w, &h);
	wr_bytes(&w, ip, quote);
	h.sum = sum_of(b + at, n, &src, &dst, proto);
	w = wr_of(b + at, ICMP_LEN);
	icmp_emit(&w, &h);
	input(to, b, at + n);
}
