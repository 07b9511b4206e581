/* pieces.c - fragments of one datagram that may not fit together
 *
 * Its octets are always the datagram's of that place, so that whatever is put
 * together from a complete set is the datagram.
 */
#include "pieces.h"

#include <netinet/in.h>

#include "../sim/wire.h"

const struct piece pieces[N_PIECES] = {
	{ 0, 24, true }, { 0, 48, true }, { 24, 24, true }, { 24, 48, false }, { 48, 24, false },
	{ 0, 72, false }, { 0, 72, true }, { 0, 0, true }, { 0, 8, true }, { 8, 16, true },
	{ 8, 64, false }, { 16, 56, false }, { 24, 25, true }, { 0, 23, true }, { 40, 32, false },
	{ 48, 24, true }, { 48, 16, false }, { 72, 8, false }, { 72, 0, false }, { 24, 0, true },
	{ 65528, 8, true }, { 65528, 24, false }, { 65520, 15, false }, { 0, 1, false },
	{ 64, 8, false }, { 0, 64, true }, { 1024, 64, false }, { 8, 8, true },
};

uint32_t piece_frame(uint8_t *b, bool v4, const struct piece *p, uint16_t id)
{
	static uint8_t datagram[2][FRAME_MAX];
	const uint8_t *from = datagram[v4] + ETH_LEN + (v4 ? IP4_LEN : IP6_LEN);
	struct wr w = wr_of(b, FRAME_MAX);

	udp_frame(datagram[v4], v4, PIECES_TOTAL - UDP_LEN);
	eth_emit(&w, &(struct eth){ own_mac, peer_mac, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6 });
	if (v4) {
		ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + p->len),
					    .id = id, .ttl = 64, .proto = IPPROTO_UDP,
					    .flags = p->more ? IP4_MF : 0, .frag = (uint16_t)p->off,
					    .src = peer4, .dst = own4 });
	} else {
		ip6_emit(&w, &(struct ip6){ .plen = (uint16_t)(IP6_FRAG_LEN + p->len), .hops = 64,
					    .next = IPPROTO_FRAGMENT, .src = peer6, .dst = own6 });
		ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_UDP, (uint16_t)p->off, p->more, id });
	}
	for (uint32_t i = 0; i < p->len; i++)
		wr_u8(&w, p->off + i < PIECES_TOTAL ? from[p->off + i] : 0);
	return (uint32_t)wr_len(&w);
}
