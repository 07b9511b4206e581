/* drop.h - every drop has a name
 *
 * return drop(st, pkt, DROP_X) is the only way to end a packet's life before
 * delivery: free, count, trace. _in and _out functions return enum drop; 0
 * means the packet was taken.
 */
#ifndef STACK_DROP_H
#define STACK_DROP_H

#include "stack/pkt.h"

/* One row a reason: enumerator, text for people. Add rows where they belong. */
#define DROP_REASONS(X) \
	X(ETH_SHORT,		"frame shorter than its header") \
	X(ETH_NOT_OURS,		"frame for another station") \
	X(ETH_TYPE,		"unknown ethertype") \
	X(VLAN,			"tagged frame for a VLAN we are not on") \
	X(NETIF_DOWN,		"interface is down") \
	X(NETIF_FULL,		"interface queue is full") \
	X(ARP_BAD,		"malformed ARP") \
	X(ARP_CONFLICT,		"another station has our address") \
	X(NEIGH_FULL,		"neighbour table or queue is full") \
	X(NEIGH_FAILED,		"next hop did not answer") \
	X(IP4_SHORT,		"IPv4 header malformed or cut off") \
	X(IP4_SUM,		"IPv4 header checksum wrong") \
	X(IP4_OPTIONS,		"IPv4 source route") \
	X(IP6_SHORT,		"IPv6 header malformed or cut off") \
	X(IP6_OFF,		"IPv6 on a link of less than its least MTU") \
	X(IP6_EXT,		"IPv6 extension headers refused") \
	X(IP_MARTIAN,		"source or destination address not allowed here") \
	X(IP_NOT_OURS,		"packet for another host") \
	X(IP_RPF,		"source would not be reached by this interface") \
	X(IP_TTL,		"hop limit reached") \
	X(IP_NO_ROUTE,		"no route") \
	X(IP_TOO_BIG,		"larger than the path MTU") \
	X(IP_PROTO,		"unknown protocol") \
	X(FRAG_BAD,		"malformed fragment") \
	X(FRAG_OVERLAP,		"overlapping fragments") \
	X(FRAG_FULL,		"fragment memory is full") \
	X(FRAG_TIMEOUT,		"fragments missing after the time limit") \
	X(ICMP_SHORT,		"ICMP malformed") \
	X(ICMP_SUM,		"ICMP checksum wrong") \
	X(ICMP_TYPE,		"ICMP type not handled") \
	X(ND_BAD,		"neighbour discovery message invalid") \
	X(GROUP_BAD,		"IGMP or MLD message invalid") \
	X(UDP_SHORT,		"UDP malformed") \
	X(UDP_SUM,		"UDP checksum wrong") \
	X(UDP_NO_SOCK,		"no UDP socket on that port") \
	X(SOCK_FULL,		"socket buffer is full") \
	X(FILTER,		"refused by the socket's filter") \
	X(TCP_SHORT,		"TCP malformed") \
	X(TCP_SUM,		"TCP checksum wrong") \
	X(TCP_NO_SOCK,		"no TCP socket on that port") \
	X(TCP_BACKLOG,		"listen backlog is full") \
	X(TCP_SYN_FULL,		"SYN queue is full") \
	X(TCP_TTL,		"TCP segment from farther away than allowed") \
	X(TCP_PAWS,		"TCP timestamp too old") \
	X(TCP_WINDOW,		"TCP segment outside the window") \
	X(TCP_STATE,		"TCP segment not acceptable in this state") \
	X(TCP_OOO_FULL,		"out-of-order memory is full") \
	X(TCP_OFO_PRUNED,	"out-of-order data given up for want of memory (OfoPruned)") \
	X(TCP_RCVQ_DROP,	"no memory for data in order (TCPRcvQDrop)") \
	X(TCP_NO_MEMORY,	"no memory for a new connection") \
	X(TCP_DUP,		"TCP data already received") \
	X(NO_MEMORY,		"memory limit of the stack")

enum drop {
	DROP_NONE,
#define X(name, text) DROP_##name,
	DROP_REASONS(X)
#undef X
	N_DROPS
};

const char *drop_name(enum drop d);	/* "TCP_SUM" */
const char *drop_text(enum drop d);	/* "TCP checksum wrong" */
enum drop drop(struct stack *st, struct pkt *pkt, enum drop why);

#endif
