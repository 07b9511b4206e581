/* eth.c - Ethernet II and the 802.1Q tag
 *
 * A tag is what follows an eth of type VLAN: its own type field says what comes
 * next, so tags may follow tags and a reader takes them one at a time.
 */
#include "proto/proto.h"

bool eth_parse(struct rd *r, struct eth *e)
{
	const uint8_t *p = rd_bytes(r, ETH_LEN);

	if (!p)
		return false;
	memcpy(&e->dst, p, 6);
	memcpy(&e->src, p + 6, 6);
	e->type = get_u16(p + 12);
	return true;
}

void eth_emit(struct wr *w, const struct eth *e)
{
	uint8_t *p = wr_room(w, ETH_LEN);

	if (!p)
		return;
	memcpy(p, &e->dst, 6);
	memcpy(p + 6, &e->src, 6);
	put_u16(p + 12, e->type);
}

static void type_print(struct text *t, uint16_t type)
{
	if (type < ETHERTYPE_MIN)
		text_add(t, "802.3 length %u", type);
	else if (type == ETHERTYPE_IP4)
		text_add(t, "ip4");
	else if (type == ETHERTYPE_IP6)
		text_add(t, "ip6");
	else if (type == ETHERTYPE_ARP)
		text_add(t, "arp");
	else if (type == ETHERTYPE_VLAN)
		text_add(t, "vlan");
	else
		text_add(t, "type 0x%04x", type);
}

void eth_print(struct text *t, const struct eth *e)
{
	char src[MAC_STRLEN], dst[MAC_STRLEN];

	text_add(t, "%s > %s ", mac_text(&e->src, src), mac_text(&e->dst, dst));
	type_print(t, e->type);
}

bool vlan_parse(struct rd *r, struct vlan *v)
{
	uint16_t tci = rd_u16(r);

	v->prio = (uint8_t)(tci >> 13);
	v->dei = tci >> 12 & 1;
	v->id = tci & 0xfff;
	v->type = rd_u16(r);
	return !r->fail;
}

void vlan_emit(struct wr *w, const struct vlan *v)
{
	wr_u16(w, (uint16_t)((v->prio & 7) << 13 | v->dei << 12 | (v->id & 0xfff)));
	wr_u16(w, v->type);
}

void vlan_print(struct text *t, const struct vlan *v)
{
	text_add(t, "vlan %u", v->id);
	if (v->prio)
		text_add(t, " prio %u", v->prio);
	if (v->dei)
		text_add(t, " dei");
}
