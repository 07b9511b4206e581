/* words.c - a frame that was said, as words that are comparable
 *
 * As src/proto/frame.c prints it, but for what is each stack's own: numbers, options and
 * window of TCP segments. Said besides: to whom on the link, TTL, traffic class, "don't
 * fragment", and how much an ICMP error quotes.
 */
#include "words.h"

#include <netinet/in.h>

#include "proto/proto.h"

#define MLD2_REPORT	143

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static bool is_v4(const uint8_t *b) { return get16(b + 12) == ETHERTYPE_IP4; }
static bool is_v6(const uint8_t *b) { return get16(b + 12) == ETHERTYPE_IP6; }

static bool by_its_own_time(const uint8_t *b, uint32_t at, uint8_t proto)
{
	if (is_v4(b))
		return proto == IPPROTO_IGMP ||
		       (at && proto == IPPROTO_ICMP && b[at] == ICMP4_TIME_EXCEEDED);
	return at && proto == IPPROTO_ICMPV6 &&
	       ((b[at] >= MLD_QUERY && b[at] <= ND_RS) || b[at] == MLD2_REPORT ||
		b[at] == ICMP6_TIME_EXCEEDED);
}

static void link_words(struct text *t, const uint8_t *b)
{
	if (b[0] == 0xff)
		text_add(t, " broadcast");
	else if (b[0] & 1)
		text_add(t, " group");
	else if (memcmp(b, peer_mac.b, 6))
		text_add(t, " elsewhere");
}

static void head_words(struct text *t, const uint8_t *b)
{
	const uint8_t *ip = b + ETH_LEN;
	unsigned tos = is_v4(b) ? ip[1] : (get16(ip) >> 4) & 0xff;
	unsigned ttl = is_v4(b) ? ip[8] : ip[7];

	if (tos)
		text_add(t, " tos %u", tos);
	if (ttl != 64)
		text_add(t, " ttl %u", ttl);
	if (is_v4(b) && ip[6] & 0x40)
		text_add(t, " df");
	if (is_v4(b) && (ip[0] & 15) > 5)
		text_add(t, " options %u", (ip[0] & 15) * 4u - IP4_LEN);
}

static bool is_error(const uint8_t *b, uint32_t at, uint8_t proto)
{
	if (is_v6(b))
		return proto == IPPROTO_ICMPV6 && b[at] < 128;
	return proto == IPPROTO_ICMP && (b[at] == 3 || b[at] == 11 || b[at] == 12);
}

/* Numbers, window and options are left out. */
static void hide_tcp(uint8_t *b, uint32_t at)
{
	memset(b + at + 4, 0, 8);
	b[at + 12] = 0x50;
	memset(b + at + 14, 0, 6);
}

static void ip_words(struct text *t, const uint8_t *frame, uint32_t len)
{
	uint8_t b[FRAME_MAX], proto = 0;
	uint32_t at;

	len = MIN(len, (uint32_t)FRAME_MAX);
	memcpy(b, frame, len);
	at = upper_at(b, len, &proto);
	if (at && proto == IPPROTO_TCP && at + TCP_LEN <= len)
		hide_tcp(b, at);
	frame_print(t, b, len);
	head_words(t, b);
	if (at && is_error(b, at, proto))
		text_add(t, " quotes %u", len - at - ICMP_LEN);
}

bool frame_words(struct text *t, const uint8_t *b, uint32_t len)
{
	bool ip = (is_v4(b) && len >= ETH_LEN + IP4_LEN) || (is_v6(b) && len >= ETH_LEN + IP6_LEN);
	uint8_t proto = 0;
	uint32_t at = ip ? upper_at(b, len, &proto) : 0;

	if (ip && by_its_own_time(b, at, proto))
		return false;
	text_add(t, " > ");
	if (ip)
		ip_words(t, b, len);
	else
		frame_print(t, b, len);
	link_words(t, b);
	text_add(t, ";");
	return true;
}

bool frame_asks(const uint8_t *b, uint32_t len, struct ip_addr *whom)
{
	uint8_t proto = 0;
	uint32_t at;

	if (get16(b + 12) == ETHERTYPE_ARP && len >= 42) {
		*whom = ip_from_v4(b + 38);
		return true;
	}
	at = is_v6(b) ? upper_at(b, len, &proto) : 0;
	if (!at || proto != IPPROTO_ICMPV6 || b[at] != ND_NS || at + 24 > len)
		return false;
	*whom = ip_from_v6(b + at + 8);
	return true;
}
