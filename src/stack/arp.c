/* arp.c - ARP at its place before the neighbour machine (RFC 826, RFC 5227)
 *
 * in:  eth_in -> arp_in -> neigh_heard | neigh_advert
 * out: neigh_out -> arp_request -> eth_out
 *
 * We speak for the addresses of the interface asked on, and never learn that
 * somebody else has one of them: we defend it.
 */
#include "proto/proto.h"
#include "stack/ip.h"
#include "stack/neigh.h"
#include "stack/netif.h"

#define DEFEND_INTERVAL	(10 * USEC_PER_SEC)	/* RFC 5227 1.1 */

static void arp_send(struct netif *nif, const struct arp *a, const struct mac *to)
{
	struct pkt *pkt = pkt_new();
	struct wr w = wr_of(pkt_push(pkt, ARP_LEN), ARP_LEN);

	arp_emit(&w, a);
	eth_out(nif, pkt, to, ETHERTYPE_ARP);
}

void arp_request(struct netif *nif, const struct ip_addr *target, const struct ip_addr *src,
		 const struct mac *to)
{
	struct arp a = {
		.op = ARP_REQUEST, .sha = nif->mac, .spa = *src, .tpa = *target,
	};

	arp_send(nif, &a, to ? to : &MAC_BROADCAST);
}

/* RFC 5227 3: a request in which both addresses are ours. */
void arp_announce(const struct netif_addr *a)
{
	if (!(a->nif->flags & NETIF_NOARP))
		arp_request(a->nif, &a->addr, &a->addr, NULL);
}

/* RFC 5227 2.1.1: a request from nobody. */
void arp_probe(const struct netif_addr *a)
{
	arp_request(a->nif, &a->addr, &IP4_ANY, NULL);
}

static void arp_answer(struct netif *nif, const struct arp *q)
{
	struct arp a = {
		.op = ARP_REPLY,
		.sha = nif->mac, .spa = q->tpa, .tha = q->sha, .tpa = q->spa,
	};

	arp_send(nif, &a, &q->sha);
}

/* A sender is a host's own address, or zero in a probe (RFC 5227 1.1). */
static bool arp_valid(struct netif *nif, const struct arp *a)
{
	return !mac_is_group(&a->sha) && !ip_is_multicast(&a->spa) &&
	       !ip_is_loopback(&a->spa) && !netif_is_broadcast(nif, &a->spa);
}

static void arp_learn(struct netif *nif, const struct arp *a, bool to_us)
{
	if (ip_is_any(&a->spa) || netif_addr_find(nif, &a->spa))
		return;
	if (to_us && a->op == ARP_REQUEST)
		neigh_heard(nif, &a->spa, &a->sha);
	else if (to_us && a->op == ARP_REPLY)
		neigh_advert(nif, &a->spa, &a->sha, ADV_SOLICITED | ADV_OVERRIDE);
	else if (ip_eq(&a->spa, &a->tpa))	/* an announcement */
		neigh_advert(nif, &a->spa, &a->sha, ADV_OVERRIDE);
}

/* Somebody else speaks from an address of ours: told to go, or as long as we only
 * probe, left alone (RFC 5227 2.1.1, 2.4 (b); who comes back soon is not answered
 * each time, or two of a kind would never stop). */
static bool arp_conflicts(struct netif *nif, const struct arp *a)
{
	struct netif_addr *own = netif_addr_find(nif, ip_is_any(&a->spa) ? &a->tpa : &a->spa);
	struct stack *st = nif->st;

	if (!own || mac_eq(&a->sha, &nif->mac))
		return false;
	if (own->state == ADDR_TENTATIVE) {
		addr_conflict(own);
		return true;
	}
	if (ip_is_any(&a->spa) || own->state == ADDR_DUPLICATE)
		return false;
	if (!own->defended || st->now - own->defended >= DEFEND_INTERVAL) {
		own->defended = st->now;
		arp_announce(own);
	}
	return true;
}

enum drop arp_in(struct netif *nif, struct pkt *pkt, const struct mac *from)
{
	const uint8_t *p = pkt_pull(pkt, ARP_LEN);
	struct rd r = rd_of(p, p ? ARP_LEN : 0);
	struct netif_addr *own;
	struct arp a;

	if (!arp_parse(&r, &a) || !arp_valid(nif, &a))
		return drop(nif->st, pkt, DROP_ARP_BAD);
	if (arp_conflicts(nif, &a))
		return drop(nif->st, pkt, DROP_ARP_CONFLICT);
	own = netif_addr_find(nif, &a.tpa);
	if (own && !addr_usable(own))
		own = NULL;
	arp_learn(nif, &a, own != NULL);
	if (own && a.op == ARP_REQUEST && !ip_eq(&a.spa, &a.tpa))
		arp_answer(nif, &a);
	pkt_free(pkt);
	return DROP_NONE;
}
