/* vnet.c - virtio_net_hdr and our notes of offload (virtio 1.2, 5.1.6)
 *
 * The kernel cuts TCP; datagrams of one packet (UDP_SEGMENT) and packets that were
 * merged on the way in, whose sum is complete, are cut before they leave. In: the
 * kernel's hdr_len says how much lies in one piece, not how long the headers
 * are, so that is found from the TCP header itself.
 */
#include "plug/vnet.h"

#include "proto/proto.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5	/* since Linux 6.2 */
#endif

#define SEGMENTS_MAX	2048	/* a wire carries no more (wire_ring.c) */
#define TCP_DOFF_AT	12
#define TCP_FLAGS_AT	13
#define TCP_SUM_AT	16
#define UDP_SUM_AT	6

/* The length of all headers, which are pulled then; 0: not those of the type. */
static unsigned headers(struct pkt *pkt, const struct virtio_net_hdr *h)
{
	unsigned l4 = h->csum_start, len = 0;
	const uint8_t *p;

	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		p = h->csum_offset == TCP_SUM_AT ? pkt_pull(pkt, l4 + TCP_LEN) : NULL;
		len = p ? l4 + (p[l4 + TCP_DOFF_AT] >> 4) * 4u : 0;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		len = h->csum_offset == UDP_SUM_AT ? l4 + UDP_LEN : 0;
		break;
	default:
		break;
	}
	return len >= l4 + UDP_LEN && pkt_pull(pkt, len) ? len : 0;
}

bool vnet_in(struct pkt *pkt, const struct virtio_net_hdr *h)
{
	bool gso = h->gso_type != VIRTIO_NET_HDR_GSO_NONE;
	unsigned hlen;

	pkt_begin(pkt);
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		pkt->sum = h->flags & VIRTIO_NET_HDR_F_DATA_VALID ? PKT_SUM_OK : PKT_SUM_NONE;
		return !gso;
	}
	if (h->csum_start < ETH_LEN || h->csum_start + h->csum_offset + 2u > PKT_HEAD ||
	    !pkt_pull(pkt, h->csum_start + h->csum_offset + 2u))
		return false;
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_start = h->csum_start;
	pkt->sum_off = h->csum_offset;
	if (!gso)
		return true;
	hlen = headers(pkt, h);
	if (!hlen || !h->gso_size || pkt_len(pkt) / h->gso_size > SEGMENTS_MAX)
		return false;
	pkt->gso_size = h->gso_size;
	pkt->gso_hlen = (uint16_t)hlen;
	return true;
}

static uint16_t ethertype(const struct pkt *pkt)
{
	be16 type = { { 0, 0 } };
	uint32_t at = ETH_LEN - 2;

	do {
		pkt_copy(pkt, at, &type, sizeof(type));
		at += VLAN_LEN;
	} while (be16_get(type) == ETHERTYPE_VLAN && at < ETH_LEN + 2 * VLAN_LEN);
	return be16_get(type);
}

static bool set_gso(const struct pkt *pkt, struct virtio_net_hdr *h)
{
	uint8_t flags = 0;

	if (h->csum_offset != TCP_SUM_AT)
		return false;
	switch (ethertype(pkt)) {
	case ETHERTYPE_IP4:
		h->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		break;
	case ETHERTYPE_IP6:
		h->gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
		break;
	default:
		return false;
	}
	pkt_copy(pkt, h->csum_start + TCP_FLAGS_AT, &flags, 1);
	if (flags & TCP_CWR)		/* only the first segment has it */
		h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	h->gso_size = pkt->gso_size;
	h->hdr_len = pkt->gso_hlen;
	return true;
}

bool vnet_out(const struct pkt *pkt, struct virtio_net_hdr *h)
{
	bool gso = pkt->gso_size && pkt_len(pkt) > (uint32_t)pkt->gso_hlen + pkt->gso_size;

	*h = (struct virtio_net_hdr){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	if (pkt->sum != PKT_SUM_PARTIAL)
		return !gso;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = pkt->sum_start - (pkt->cur - pkt->start);
	h->csum_offset = pkt->sum_off;
	return !gso || set_gso(pkt, h);
}
