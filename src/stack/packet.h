/* packet.h - packet sockets, for those who send and receive frames (eth.c) */
#ifndef STACK_PACKET_H
#define STACK_PACKET_H

#include "stack/sock_table.h"

/* A frame passes, Ethernet header at cur: those who listen get copies of it.
 * from: the packet socket that sends it, which has none, or NULL. */
void packet_taps(struct netif *nif, const struct pkt *pkt, bool out, const struct sock *from);
static inline void packet_tap(struct netif *nif, const struct pkt *pkt, bool out,
			      const struct sock *from)
{
	if (!list_empty(&nif->st->socks->taps))
		packet_taps(nif, pkt, out, from);
}

/* The interface went down, or away: those bound to it fail with ENETDOWN. */
void packet_netif_down(struct netif *nif);

/* What the socket is bound to, as struct sockaddr_ll has it. */
void packet_name(const struct sock *so, struct frame_note *out);

#endif
