/* arp.c - address resolution for IPv4 over Ethernet (RFC 826) */
#include "proto/proto.h"

#define HTYPE_ETHER	1

static void addr_parse(struct rd *r, struct mac *hw, struct ip_addr *ip)
{
	uint8_t b[4];

	rd_copy(r, hw, 6);
	rd_copy(r, b, 4);
	*ip = ip_from_v4(b);
}

bool arp_parse(struct rd *r, struct arp *a)
{
	uint16_t htype = rd_u16(r), ptype = rd_u16(r);
	uint8_t hlen = rd_u8(r), plen = rd_u8(r);

	a->op = rd_u16(r);
	addr_parse(r, &a->sha, &a->spa);
	addr_parse(r, &a->tha, &a->tpa);
	return !r->fail && htype == HTYPE_ETHER && ptype == ETHERTYPE_IP4 &&
	       hlen == 6 && plen == 4;
}

void arp_emit(struct wr *w, const struct arp *a)
{
	wr_u16(w, HTYPE_ETHER);
	wr_u16(w, ETHERTYPE_IP4);
	wr_u8(w, 6);
	wr_u8(w, 4);
	wr_u16(w, a->op);
	wr_bytes(w, &a->sha, 6);
	wr_bytes(w, ip_v4(&a->spa), 4);
	wr_bytes(w, &a->tha, 6);
	wr_bytes(w, ip_v4(&a->tpa), 4);
}

void arp_print(struct text *t, const struct arp *a)
{
	char spa[IP_STRLEN], tpa[IP_STRLEN], sha[MAC_STRLEN];

	ip_text(&a->spa, spa);
	ip_text(&a->tpa, tpa);
	if (a->op == ARP_REQUEST)
		text_add(t, "arp who-has %s tell %s", tpa, spa);
	else if (a->op == ARP_REPLY)
		text_add(t, "arp reply %s is-at %s", spa, mac_text(&a->sha, sha));
	else
		text_add(t, "arp op %u from %s for %s", a->op, spa, tpa);
}
