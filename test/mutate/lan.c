/* lan.c - one stack, its neighbour played by hand
 *
 * The stack has an address of each family and sockets of all kinds, has asked for
 * its neighbour and been answered, and has sent a datagram and a SYN to each of the
 * neighbour's addresses: packets that ICMP errors can quote.
 */
#include "lan.h"

#include <errno.h>
#include <netinet/in.h>

#include "../sim/wire.h"
#include "base/sum.h"
#include "pair.h"

const struct mac own_mac = { { 2, 0, 0, 0, 0, 1 } }, peer_mac = { { 2, 0, 0, 0, 0, 2 } };
const struct ip_addr own4 = IP4(10, 0, 0, 1), peer4 = IP4(10, 0, 0, 2);
const struct ip_addr own6 = { { 0xfd, [15] = 1 } }, peer6 = { { 0xfd, [15] = 2 } };

/* --- bytes --- */

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint32_t upper_at(const uint8_t *b, uint32_t len, uint8_t *proto)
{
	uint32_t at = ETH_LEN;

	if (get16(b + 12) == ETHERTYPE_IP4 && len >= ETH_LEN + IP4_LEN) {
		*proto = b[at + 9];
		return get16(b + at + 6) & 0x1fff ? 0 : at + (b[at] & 15) * 4u;
	}
	if (get16(b + 12) != ETHERTYPE_IP6 || len < ETH_LEN + IP6_LEN)
		return 0;
	*proto = b[at + 6];
	for (at += IP6_LEN; at + 8 <= len; ) {
		if (*proto == IPPROTO_FRAGMENT) {
			if (get16(b + at + 2) & 0xfff8)
				return 0;
			*proto = b[at];
			at += 8;
		} else if (*proto == IPPROTO_HOPOPTS || *proto == IPPROTO_DSTOPTS ||
			   *proto == IPPROTO_ROUTING) {
			*proto = b[at];
			at += b[at + 1] * 8u + 8;
		} else {
			return at;
		}
	}
	return at < len ? at : 0;
}

uint32_t sum_place(uint8_t proto, bool v4)
{
	switch (proto) {
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_ICMP:
	case IPPROTO_IGMP:
		return v4 ? 2 : 0;
	case IPPROTO_ICMPV6:
		return v4 ? 0 : 2;
	}
	return 0;
}

static void upper_sum(uint8_t *b, uint32_t len)
{
	uint8_t proto = 0, *ip = b + ETH_LEN;
	uint32_t at = upper_at(b, len, &proto), place, end;
	bool v4 = ip[0] >> 4 == 4;
	struct sum s = { 0 };
	struct ip_addr src, dst;

	place = sum_place(proto, v4);
	end = ETH_LEN + (v4 ? get16(ip + 2) : IP6_LEN + (uint32_t)get16(ip + 4));
	if (!at || !place || end > len || at + place + 2 > end)
		return;
	src = v4 ? ip_from_v4(ip + 12) : ip_from_v6(ip + 8);
	dst = v4 ? ip_from_v4(ip + 16) : ip_from_v6(ip + 24);
	put16(b + at + place, 0);
	if (proto != IPPROTO_ICMP && proto != IPPROTO_IGMP)
		sum_pseudo(&s, &src, &dst, proto, end - at);
	sum_add(&s, b + at, end - at);
	put16(b + at + place, sum_end(&s));
}

void sums_fill(uint8_t *b, uint32_t len, bool ip, bool upper)
{
	uint32_t hlen = (b[ETH_LEN] & 15) * 4u;
	struct sum s = { 0 };

	if (upper)
		upper_sum(b, len);
	if (!ip || get16(b + 12) != ETHERTYPE_IP4 || hlen < IP4_LEN || ETH_LEN + hlen > len)
		return;
	put16(b + ETH_LEN + 10, 0);
	sum_add(&s, b + ETH_LEN, hlen);
	put16(b + ETH_LEN + 10, sum_end(&s));
}

uint32_t udp_frame(uint8_t *b, bool v4, uint32_t n)
{
	uint32_t l4 = UDP_LEN + n;
	struct wr w = wr_of(b, FRAME_MAX);

	eth_emit(&w, &(struct eth){ own_mac, peer_mac, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6 });
	if (v4)
		ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + l4),
					    .id = 77, .ttl = 64, .proto = IPPROTO_UDP,
					    .src = peer4, .dst = own4 });
	else
		ip6_emit(&w, &(struct ip6){ .plen = (uint16_t)l4, .next = IPPROTO_UDP,
					    .hops = 64, .src = peer6, .dst = own6 });
	udp_emit(&w, &(struct udp){ 9, 53, (uint16_t)l4, 0 });
	for (uint32_t i = 0; i < n; i++)
		wr_u8(&w, pattern(i));
	sums_fill(b, (uint32_t)wr_len(&w), true, true);
	return (uint32_t)wr_len(&w);
}

/* --- what leaves --- */

static bool housekeeping(const uint8_t *b, uint32_t len)
{
	uint8_t proto = 0;
	uint32_t at = upper_at(b, len, &proto);

	if (get16(b + 12) == ETHERTYPE_ARP || proto == IPPROTO_IGMP)
		return true;
	return at && proto == IPPROTO_ICMPV6 && b[at] >= MLD_QUERY;
}

static bool is_error(const uint8_t *b, uint32_t len)
{
	uint8_t proto = 0;
	uint32_t at = upper_at(b, len, &proto);

	if (!at || (proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6))
		return false;
	if (proto == IPPROTO_ICMPV6)
		return b[at] < 128;
	return b[at] == 3 || b[at] == 4 || b[at] == 5 || b[at] == 11 || b[at] == 12;
}

static void note_seen(struct lan *l, const uint8_t *b, uint32_t len)
{
	uint8_t proto = 0;
	unsigned i;

	if (!upper_at(b, len, &proto) || (proto != IPPROTO_UDP && proto != IPPROTO_TCP))
		return;
	i = (proto == IPPROTO_TCP) + 2u * (get16(b + 12) == ETHERTYPE_IP6);
	if (l->seen_len[i])
		return;
	memcpy(l->seen[i], b, len);
	l->seen_len[i] = len;
}

static void one_out(void *ctx, const uint8_t *b, size_t len)
{
	struct lan *l = ctx;
	const char *bad = wire_check(b, len);

	if (bad)
		broken("a frame with %s", bad);
	l->sent++;
	l->spoke += !housekeeping(b, (uint32_t)len);
	l->errors += is_error(b, (uint32_t)len);
	if (len <= FRAME_MAX)
		note_seen(l, b, (uint32_t)len);
}

static void out(struct netif *nif, struct pkt *pkt)
{
	wire_split(pkt, one_out, nif->ctx);
}

/* --- what comes --- */

void lan_input(struct lan *l, const uint8_t *b, uint32_t len)
{
	stack_now(l->st, l->now);
	stack_input(l->st, l->nif, wire_pkt(l->st->heap, b, len));
	stack_run(l->st);
}

void lan_pass(struct lan *l, usec d)
{
	usec end = l->now + d;

	while (stack_deadline(l->st) <= end) {
		l->now = MAX(l->now, stack_deadline(l->st));
		stack_now(l->st, l->now);
		stack_run(l->st);
	}
	l->now = end;
	stack_now(l->st, l->now);
}

static void neighbour_answers(struct lan *l)
{
	uint8_t b[128];
	struct wr w = wr_of(b, sizeof(b));

	eth_emit(&w, &(struct eth){ own_mac, peer_mac, ETHERTYPE_ARP });
	arp_emit(&w, &(struct arp){ ARP_REPLY, peer_mac, own_mac, peer4, own4 });
	lan_input(l, b, (uint32_t)wr_len(&w));
	w = wr_of(b, sizeof(b));
	eth_emit(&w, &(struct eth){ own_mac, peer_mac, ETHERTYPE_IP6 });
	ip6_emit(&w, &(struct ip6){ .plen = 32, .next = IPPROTO_ICMPV6, .hops = 255,
				    .src = peer6, .dst = own6 });
	nd_na_emit(&w, &(struct nd_na){ .flags = ND_NA_SOLICITED | ND_NA_OVERRIDE, .target = peer6,
					.o = { .has_dst = true, .dst_ll = peer_mac } });
	sums_fill(b, (uint32_t)wr_len(&w), true, true);
	lan_input(l, b, (uint32_t)wr_len(&w));
}

/* --- sockets --- */

static struct sock *make(struct lan *l, bool v4, int type, int proto, uint16_t port)
{
	struct endpoint ep = { v4 ? IP4_ANY : IP6_ANY, port, 0 };
	static const int on = 1;
	struct sock *so;

	if (sock_new(l->st, v4 ? AF_INET : AF_INET6, type, proto, &so) < 0)
		broken("no socket of type %d", type);
	sock_setopt(so, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IP, IP_RECVERR_RFC4884, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IPV6, IPV6_RECVERR_RFC4884, &on, sizeof(on));
	if (port)
		sock_bind(so, &ep);
	return so;
}

static void furnish(struct lan *l, bool v4)
{
	struct endpoint to = { v4 ? peer4 : peer6, 9, 0 };
	struct iovec iov = { "hello", 5 };
	struct msg m = { .ttl = -1, .tos = -1 };

	l->udp[v4] = make(l, v4, SOCK_DGRAM, 0, 53);
	l->raw[v4] = make(l, v4, SOCK_RAW, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0);
	l->ping[v4] = make(l, v4, SOCK_DGRAM, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0x100);
	l->asker[v4] = make(l, v4, SOCK_DGRAM, 0, 4000);
	sock_connect(l->asker[v4], &to);
	sock_send(l->asker[v4], &iov, 1, 0, &m);
	l->client[v4] = make(l, v4, SOCK_STREAM, 0, 4001);
	sock_connect(l->client[v4], &to);
}

void lan_init(struct lan *l)
{
	static const struct netif_ops ops = { .out = out };

	*l = (struct lan){ .now = 1000 * USEC_PER_SEC };
	l->st = stack_new(1, l->now);
	l->nif = netif_add(l->st, "eth0", own_mac, 1500, 0, &ops, l);
	netif_up(l->nif);
	netif_addr_add(l->nif, &own4, 24);
	netif_addr_add(l->nif, &own6, 64);
	lan_pass(l, 2 * USEC_PER_SEC);
	l->listener = make(l, false, SOCK_STREAM, 0, 80);
	sock_listen(l->listener, 4);
	furnish(l, true);
	furnish(l, false);
	stack_run(l->st);
	neighbour_answers(l);
	for (unsigned i = 0; i < 4; i++)
		if (!l->seen_len[i])
			broken("nothing to quote: %u", i);
	l->sent = l->spoke = l->errors = 0;
}

void lan_fini(struct lan *l)
{
	struct arena *heap = l->st->heap;

	l->st->heap = arena_heap_new(1);
	stack_free(l->st);
	if (arena_heap_used(heap))
		broken("packets are left");
	arena_heap_unref(heap);
}
