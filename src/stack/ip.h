/* ip.h - between the network layer and its users (inside the stack)
 *
 * In: each transport gets the packet with cur at its header and what IP knows.
 * Out: a flow says where to; ip_route fills in what was left open, ip_out
 * prepends the IP header, fragments if it must, and hands on to neigh_out.
 */
#ifndef STACK_IP_H
#define STACK_IP_H

#include "base/cursor.h"
#include "stack/stack.h"

struct ip_extra;
struct sock;

/* What IP knows of a packet that came in. */
struct ip {
	struct ip_addr	src, dst;
	uint8_t		proto, ttl, tos;	/* tos: traffic class */
	bool		v4;
	bool		group;		/* dst is multicast or broadcast */
	bool		reassembled;	/* came as fragments */
	uint32_t	flow;
	struct netif	*nif;
};

enum drop eth_in(struct netif *nif, struct pkt *pkt);
enum drop arp_in(struct netif *nif, struct pkt *pkt, const struct mac *from);
enum drop ip4_in(struct netif *nif, struct pkt *pkt);
enum drop ip6_in(struct netif *nif, struct pkt *pkt);
/* Reassembled or whole, cur at the transport header, trimmed to its length. */
enum drop ip_deliver(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop icmp4_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop icmp6_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop igmp_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop mld_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop nd_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop udp_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop tcp_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
enum drop ping_in(struct stack *st, struct pkt *pkt, const struct ip *ip);
/* Copies for the raw sockets that want it; true if there is one. Looks only. */
bool raw_in(struct stack *st, const struct pkt *pkt, const struct ip *ip);
bool raw_wanted(struct stack *st, uint8_t proto, bool v4);

/* TCP's part of a stack: made after the socket table, ended after every socket
 * has been destroyed. */
void tcp_stack_init(struct stack *st);
void tcp_stack_fini(struct stack *st);

/* True if the transport checksum at cur (over pkt_len bytes) is right or was
 * verified by the deliverer. */
bool ip_sum_ok(const struct pkt *pkt, const struct ip *ip);

/* Where packets go. A socket keeps one; the route is looked up again when the
 * stack's route generation has moved on. */
struct flow {
	struct ip_addr	src, dst;	/* src IP_NONE: ip_route chooses (RFC 6724) */
	uint8_t		proto;
	uint8_t		ttl;		/* 0: default */
	uint8_t		tos;
	bool		df;		/* never fragment (TCP, PMTU discovery) */
	bool		any_src;	/* IP_FREEBIND: src need not be ours */
	bool		loop;		/* a copy to ourselves when dst is a group */
	bool		no_label;	/* IPV6_AUTOFLOWLABEL is off */
	uint32_t	label;		/* IPv6 flow label; 0: ip_route makes one */
	uint16_t	sport, dport;	/* 0: none, or not known */
	uint32_t	mark;		/* SO_MARK */
	uint32_t	ifindex;	/* 0: any; set: only that interface */
	struct netif	*nif;		/* filled by ip_route */
	struct ip_addr	hop;		/* next hop */
	uint32_t	mtu;		/* path MTU, at most nif->mtu */
	uint32_t	gen;		/* of the routes it was made from */
};

/* 0, -EADDRNOTAVAIL (src not ours), -EINVAL (family mix), or what route_lookup
 * says. */
int ip_route(struct stack *st, struct flow *f);
/* Transport header at cur; routes if needed. Takes pkt. PARTIAL sums and
 * gso_size pass through to the netif. */
enum drop ip_out(struct stack *st, struct pkt *pkt, struct flow *f);
/* The same with what a user puts beside the header; x may be NULL. */
enum drop ip_out_with(struct stack *st, struct pkt *pkt, struct flow *f,
		      const struct ip_extra *x);
/* The destination's path MTU became smaller (ICMP too big; RFC 1191, 8201). */
void ip_pmtu_update(struct stack *st, const struct ip_addr *dst, uint32_t mtu);

/* The address of ours to speak from to dst by nif (RFC 6724 5); IP_NONE (IPv6) or
 * IP4_ANY when there is none. */
struct ip_addr ip_source(struct stack *st, struct netif *nif, const struct ip_addr *dst);
/* The same when the next hop is known, whose prefixes come first (RFC 8028). */
struct ip_addr ip_source_by(struct stack *st, struct netif *nif, const struct ip_addr *dst,
			    const struct ip_addr *hop);
/* The source in the IP header of a packet on its way out (l3 is set). */
struct ip_addr ip_src_of(const struct pkt *pkt);
/* For messages of the link itself, which know everything: no route is asked. */
enum drop ip6_send_on(struct netif *nif, struct pkt *pkt, const struct ip_addr *src,
		      const struct ip_addr *dst, uint8_t next, uint8_t hops);
enum drop ip4_send_igmp(struct netif *nif, struct pkt *pkt, const struct ip_addr *dst);
/* Of what is no TCP. */
void ip_count_odd(struct stack *st, const struct pkt *pkt, const struct flow *f);
void icmp_count(struct stack *st, bool v4, bool out, uint8_t type);
/* Family's part of ip_out: prepends the header, fragments if it must. */
enum drop ip4_out(struct stack *st, struct pkt *pkt, const struct flow *f,
		  const struct ip_extra *x);
enum drop ip6_out(struct stack *st, struct pkt *pkt, const struct flow *f,
		  const struct ip_extra *x);
/* The same packet, whole, comes back to ourselves on f->nif. Takes pkt. */
void ip4_loop(struct pkt *pkt, const struct flow *f, const struct ip_extra *x);
void ip6_loop(struct pkt *pkt, const struct flow *f, const struct ip_extra *x);
/* The extension headers from cur on, *next first; then ip_deliver (ip6.c). */
enum drop ip6_headers_in(struct stack *st, struct pkt *pkt, struct ip *ip, uint8_t next);

/* Resolves the hop and sends, or queues while resolving. Takes pkt. */
enum drop neigh_out(struct netif *nif, struct pkt *pkt, const struct ip_addr *hop);
/* Upper layer saw progress through this hop (RFC 4861 7.3.1). */
void neigh_confirm(struct stack *st, const struct flow *f);
/* Does what is sent now wait for the link address of the hop? */
bool neigh_waits(const struct flow *f);
/* When what was sent at that time left, which may have waited. */
usec neigh_left(const struct flow *f, usec at);
/* A whole frame. from: the packet socket that sends it, or NULL. */
void eth_send(struct netif *nif, struct pkt *pkt, const struct sock *from);
enum drop eth_out(struct netif *nif, struct pkt *pkt, const struct mac *dst, uint16_t type);

/* ICMP errors we send, about pkt whose l3 is set; never about an error, a
 * group address, a non-first fragment (RFC 1122 3.2.2, RFC 4443 2.4e). Looks
 * only; the caller still drops pkt. */
enum icmp_err {
	ICMP_ERR_PORT, ICMP_ERR_PROTO, ICMP_ERR_NET, ICMP_ERR_ADMIN, ICMP_ERR_HOST,
	ICMP_ERR_REDIRECT,		/* IPv4 only; arg: the gateway */
	ICMP_ERR_TOO_BIG,
	ICMP_ERR_TTL, ICMP_ERR_FRAG_TIME, ICMP_ERR_PARAM,
};
void icmp_error(struct stack *st, const struct pkt *pkt, enum icmp_err e, uint32_t arg);

/* ICMP errors that came in about something we sent. */
struct icmp_note {
	struct ip_addr	src, dst;	/* of the packet we sent: src is ours */
	uint16_t	src_port, dst_port;
	struct seq	seq;		/* TCP: sequence quoted */
	struct rd	all, l4;	/* what is quoted; from its transport header on */
	uint8_t		proto;
	uint8_t		origin, type, code;	/* SO_EE_ORIGIN_*, and the ICMP message's */
	struct ip_addr	from;		/* who complains */
	uint32_t	ifindex;	/* where that came in */
	int		error;		/* errno Linux gives for it */
	bool		hard;		/* RFC 1122 4.2.3.9: abort, or note */
	uint32_t	mtu;		/* too big: the next hop's; else 0 */
	uint32_t	quoted;		/* of all, before the extensions; 0: none (RFC 4884) */
};
void udp_icmp(struct stack *st, const struct icmp_note *n);
void tcp_icmp(struct stack *st, const struct icmp_note *n);
void ping_icmp(struct stack *st, const struct icmp_note *n);
void raw_icmp(struct stack *st, const struct icmp_note *n);

#endif
