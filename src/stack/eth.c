/* eth.c - Ethernet, the first station in and the last out */
#include "proto/proto.h"
#include "stack/delay.h"
#include "stack/ip.h"
#include "stack/netif.h"
#include "stack/packet.h"

/* Ours, or a group's: IP decides which groups. */
static bool for_us(const struct netif *nif, const struct mac *dst)
{
	return netif_is_lo(nif) || mac_is_group(dst) || mac_eq(dst, &nif->mac);
}

/* A priority tag (VLAN 0) is only a priority (802.1Q 6.9). */
static enum drop untag(struct pkt *pkt, uint16_t *type)
{
	const uint8_t *p = pkt_pull(pkt, VLAN_LEN);
	struct rd r = rd_of(p, p ? VLAN_LEN : 0);
	struct vlan v;

	if (!vlan_parse(&r, &v))
		return DROP_ETH_SHORT;
	pkt_skip(pkt, VLAN_LEN);
	*type = v.type;
	return v.id ? DROP_VLAN : DROP_NONE;
}

enum drop eth_in(struct netif *nif, struct pkt *pkt)
{
	struct stack *st = nif->st;
	const uint8_t *p = pkt_pull(pkt, ETH_LEN);
	struct rd r = rd_of(p, p ? ETH_LEN : 0);
	enum drop why = DROP_NONE;
	struct eth e;

	nif->rx_frames++;
	nif->rx_bytes += pkt_len(pkt);
	if (!netif_is_up(nif))
		return drop(st, pkt, DROP_NETIF_DOWN);
	packet_tap(nif, pkt, false, NULL);
	if (!eth_parse(&r, &e))
		return drop(st, pkt, DROP_ETH_SHORT);
	if (!for_us(nif, &e.dst))
		return drop(st, pkt, DROP_ETH_NOT_OURS);
	pkt_skip(pkt, ETH_LEN);
	if (e.type == ETHERTYPE_VLAN)
		why = untag(pkt, &e.type);
	if (why)
		return drop(st, pkt, why);

	if (e.type == ETHERTYPE_IP4)
		return ip4_in(nif, pkt);
	if (e.type == ETHERTYPE_IP6)
		return ip6_in(nif, pkt);
	if (e.type == ETHERTYPE_ARP)
		return arp_in(nif, pkt, &e.src);
	return drop(st, pkt, DROP_ETH_TYPE);
}

enum drop eth_out(struct netif *nif, struct pkt *pkt, const struct mac *dst, uint16_t type)
{
	struct eth e = { *dst, nif->mac, type };
	struct wr w;
	uint8_t *p;

	if (!netif_is_up(nif))
		return drop(nif->st, pkt, DROP_NETIF_DOWN);
	p = pkt_push(pkt, ETH_LEN);
	if (!p)
		return drop(nif->st, pkt, DROP_NO_MEMORY);
	w = wr_of(p, ETH_LEN);
	eth_emit(&w, &e);
	eth_send(nif, pkt, NULL);
	return DROP_NONE;
}

void eth_send(struct netif *nif, struct pkt *pkt, const struct sock *from)
{
	if (pkt->delay && delay_add(nif, pkt))
		return;
	packet_tap(nif, pkt, true, from);
	pkt->nif = nif;
	nif->tx_frames++;
	nif->tx_bytes += pkt_len(pkt);
	nif->ops->out(nif, pkt);
}
