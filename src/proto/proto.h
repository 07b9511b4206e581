/* proto.h - the wire formats: parse, emit, print
 *
 * Every format is a plain struct in host byte order and three functions:
 *	bool x_parse(struct rd *, struct x *)	false: short or malformed; reads
 *						exactly the header from the cursor
 *	void x_emit(struct wr *, const struct x *)
 *	void x_print(struct text *, const struct x *)	a line for people
 * Nothing here keeps state, allocates or knows a stack. Checksum fields are
 * carried as values (host order); who can see the payload computes them.
 */
#ifndef PROTO_PROTO_H
#define PROTO_PROTO_H

#include "base/addr.h"
#include "base/base.h"
#include "base/cursor.h"
#include "base/text.h"

/* --- Ethernet II and 802.1Q --- */

#define ETH_LEN		14
#define VLAN_LEN	4
#define ETH_MIN		60		/* without FCS */

enum {
	ETHERTYPE_IP4	= 0x0800,
	ETHERTYPE_ARP	= 0x0806,
	ETHERTYPE_VLAN	= 0x8100,
	ETHERTYPE_IP6	= 0x86dd,
	ETHERTYPE_MIN	= 0x0600,	/* below: an 802.3 length */
};

struct eth {
	struct mac	dst, src;
	uint16_t	type;		/* or 802.3 length when < ETHERTYPE_MIN */
};

struct vlan {				/* after an eth of type VLAN */
	uint16_t	id;		/* 0-4095 */
	uint8_t		prio;		/* 0-7 */
	bool		dei;
	uint16_t	type;		/* of what follows */
};

bool eth_parse(struct rd *r, struct eth *e);
void eth_emit(struct wr *w, const struct eth *e);
void eth_print(struct text *t, const struct eth *e);
bool vlan_parse(struct rd *r, struct vlan *v);
void vlan_emit(struct wr *w, const struct vlan *v);
void vlan_print(struct text *t, const struct vlan *v);

/* --- ARP for Ethernet and IPv4 (RFC 826) --- */

#define ARP_LEN		28
enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint16_t	op;
	struct mac	sha, tha;
	struct ip_addr	spa, tpa;	/* IPv4 */
};

bool arp_parse(struct rd *r, struct arp *a);	/* false unless Ethernet/IPv4 */
void arp_emit(struct wr *w, const struct arp *a);
void arp_print(struct text *t, const struct arp *a);

/* Congestion notification: the two low bits of IPv4's type of service and of IPv6's
 * traffic class (RFC 3168 5). */
enum { ECN_NONE = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3, ECN_MASK = 3 };

/* --- IPv4 (RFC 791) --- */

#define IP4_LEN		20
#define IP4_MIN_MTU	68	/* RFC 791 3.2 */
#define IP4_MAXLEN	60

enum { IP4_DF = 0x4000, IP4_MF = 0x2000 };

struct ip4 {
	uint8_t		hlen;		/* bytes, 20-60 */
	uint8_t		tos;
	uint16_t	len;		/* total; may be larger than the cursor holds */
	uint16_t	id;
	uint16_t	flags;		/* IP4_DF | IP4_MF */
	uint16_t	frag;		/* offset in bytes */
	uint8_t		ttl, proto;
	uint16_t	sum;
	struct ip_addr	src, dst;
	const uint8_t	*opts;		/* hlen - 20 bytes inside the cursor's memory */
};

/* false: short, version not 4, hlen < 20, len < hlen. The header checksum is
 * verified by the caller over the raw bytes. emit writes options from opts and
 * computes the header checksum itself. */
bool ip4_parse(struct rd *r, struct ip4 *h);
void ip4_emit(struct wr *w, const struct ip4 *h);
void ip4_print(struct text *t, const struct ip4 *h);

/* --- IPv6 (RFC 8200) --- */

#define IP6_LEN		40
#define IP6_MIN_MTU	1280
#define IP6_FRAG_LEN	8
#define IP6_LABEL_MASK	0xfffffu
#define FLOWINFO_MASK	0xfffffffu	/* sin6_flowinfo: traffic class and label (RFC 3493 3.3) */

struct ip6 {
	uint8_t		tclass;
	uint32_t	flow;		/* 20 bits */
	uint16_t	plen;
	uint8_t		next, hops;
	struct ip_addr	src, dst;
};

bool ip6_parse(struct rd *r, struct ip6 *h);
void ip6_emit(struct wr *w, const struct ip6 *h);
void ip6_print(struct text *t, const struct ip6 *h);

/* One extension header: hop-by-hop, routing, destination options: the common
 * "next, length in 8-byte units" shape. body is the header after its first two
 * bytes. */
struct ip6_ext {
	uint8_t		next;
	uint16_t	len;		/* whole header, bytes */
	struct rd	body;
};

struct ip6_frag {
	uint8_t		next;
	uint16_t	off;		/* bytes */
	bool		more;
	uint32_t	id;
};

bool ip6_ext_parse(struct rd *r, struct ip6_ext *e);
bool ip6_frag_parse(struct rd *r, struct ip6_frag *f);
void ip6_frag_emit(struct wr *w, const struct ip6_frag *f);
void ip6_frag_print(struct text *t, const struct ip6_frag *f);

/* An option of a hop-by-hop or destination options header (RFC 8200 4.2).
 * Pad1 is skipped and PadN is returned. false: end or malformed (r->fail). */
struct ip6_opt { uint8_t type, len; const uint8_t *data; };
bool ip6_opt_next(struct rd *r, struct ip6_opt *o);

/* --- ICMPv4 (RFC 792) and ICMPv6 (RFC 4443): the fixed 8 bytes --- */

#define ICMP_LEN	8
#define ICMP_EXT_LEN	4	/* RFC 4884 7: the header of what extends an error */
#define ICMP_EXT_VERSION 2
enum {
	ICMP4_ECHO_REPLY = 0, ICMP4_UNREACH = 3, ICMP4_REDIRECT = 5, ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11, ICMP4_PARAM = 12,
	ICMP6_UNREACH = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM = 4, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129,
};
enum {	/* ICMP4_UNREACH codes (RFC 792, 1122, 1812) */
	ICMP4_NET = 0, ICMP4_HOST = 1, ICMP4_PROTO = 2, ICMP4_PORT = 3,
	ICMP4_FRAG = 4, ICMP4_ADMIN = 13,
};
enum {	/* ICMP6_UNREACH codes (RFC 4443 3.1) */
	ICMP6_NOROUTE = 0, ICMP6_ADMIN = 1, ICMP6_SCOPE = 2, ICMP6_ADDR = 3,
	ICMP6_PORT = 4,
};

struct icmp {
	uint8_t		type, code;
	uint16_t	sum;
	uint32_t	rest;		/* echo: id << 16 | seq; MTU; pointer */
};

bool icmp_parse(struct rd *r, struct icmp *h);
void icmp_emit(struct wr *w, const struct icmp *h);
/* RFC 4884 4: how many octets of the quoted packet come before what extends the error;
 * 0: it does not say. */
uint32_t icmp_quoted(bool v4, const struct icmp *h);
/* r: the extensions, up to the end of the message. */
bool icmp_ext_ok(struct rd r);
void icmp4_print(struct text *t, const struct icmp *h);
void icmp6_print(struct text *t, const struct icmp *h);

/* --- Neighbour discovery (RFC 4861): bodies after the 4-byte ICMP head --- */

enum {
	MLD_QUERY = 130, MLD1_REPORT = 131, MLD1_DONE = 132,	/* RFC 2710 3 */
	MLD2_REPORT = 143,					/* RFC 3810 5.2 */
	ND_RS = 133, ND_RA = 134, ND_NS = 135, ND_NA = 136, ND_REDIRECT = 137,
};
enum {					/* RFC 3376 4, RFC 2236 2.1 */
	IGMP_QUERY = 0x11, IGMP1_REPORT = 0x12, IGMP2_REPORT = 0x16, IGMP2_LEAVE = 0x17,
	IGMP3_REPORT = 0x22,
};
enum { ND_NA_ROUTER = 0x80, ND_NA_SOLICITED = 0x40, ND_NA_OVERRIDE = 0x20 };
enum { ND_OPT_SRC_LL = 1, ND_OPT_DST_LL = 2, ND_OPT_PREFIX = 3, ND_OPT_MTU = 5,
       ND_OPT_NONCE = 14, ND_OPT_ROUTE = 24, ND_OPT_RDNSS = 25, ND_OPT_DNSSL = 31 };

/* The options of any ND message; the first of each kind is kept. */
struct nd_opts {
	bool		has_src, has_dst, has_mtu, has_nonce;
	struct mac	src_ll, dst_ll;
	uint8_t		nonce[6];	/* RFC 7527 4.1; others than of 6 bytes are not kept */
	uint32_t	mtu;
	uint8_t		n_prefix;	/* at most 8 kept */
	struct nd_prefix {
		struct ip_addr	prefix;
		uint8_t		len;
		bool		on_link, autonomous;
		uint32_t	valid, preferred;	/* seconds */
	} prefix[8];
	uint8_t		n_route, n_dns, n_search;	/* in router advertisements */
	struct nd_route {
		struct ip_addr	prefix;
		uint8_t		len, pref;	/* RFC 4191 2.1: 0 medium, 1 high, 3 low */
		uint32_t	life;
	} route[8];
	struct nd_dns {
		struct ip_addr	addr;
		uint32_t	life;
	} dns[8];
	struct nd_search {
		char		name[128];
		uint32_t	life;
	} search[4];
};

struct nd_ns { struct ip_addr target; struct nd_opts o; };
struct nd_na { uint8_t flags; struct ip_addr target; struct nd_opts o; };
struct nd_ra {
	uint8_t		hops;
	bool		managed, other;
	uint8_t		pref;		/* as nd_route's; 2 is read as medium */
	uint16_t	lifetime;	/* seconds */
	uint32_t	reachable, retrans; /* ms; 0: unspecified */
	struct nd_opts	o;
};

struct nd_redirect { struct ip_addr target, dst; struct nd_opts o; };

/* The cursor stands after icmp type, code and checksum. false: short, an
 * option of length 0 or past the end (RFC 4861 7.1). */
bool nd_ns_parse(struct rd *r, struct nd_ns *m);
bool nd_na_parse(struct rd *r, struct nd_na *m);
bool nd_ra_parse(struct rd *r, struct nd_ra *m);
bool nd_rs_parse(struct rd *r, struct nd_opts *o);
bool nd_redirect_parse(struct rd *r, struct nd_redirect *m);
/* These write the whole ICMPv6 message with a zero checksum. */
void nd_ns_emit(struct wr *w, const struct nd_ns *m);
void nd_na_emit(struct wr *w, const struct nd_na *m);
void nd_ra_emit(struct wr *w, const struct nd_ra *m);
void nd_rs_emit(struct wr *w, const struct nd_opts *o);
void nd_redirect_emit(struct wr *w, const struct nd_redirect *m);
void nd_ns_print(struct text *t, const struct nd_ns *m);
void nd_na_print(struct text *t, const struct nd_na *m);
void nd_ra_print(struct text *t, const struct nd_ra *m);

/* --- UDP (RFC 768) --- */

#define UDP_LEN		8

struct udp { uint16_t src_port, dst_port, len, sum; };

bool udp_parse(struct rd *r, struct udp *u);
void udp_emit(struct wr *w, const struct udp *u);
void udp_print(struct text *t, const struct udp *u);

/* --- TCP (RFC 9293) --- */

#define TCP_LEN		20
#define TCP_MAXLEN	60

enum {
	TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08,
	TCP_ACK = 0x10, TCP_URG = 0x20, TCP_ECE = 0x40, TCP_CWR = 0x80,
};

#define TCP_MAX_SACK	4

struct tcp_sack { struct seq from, to; };	/* to: first byte not covered */

struct tcp_opts {
	bool		has_mss, has_wscale, has_ts, sack_ok;
	uint16_t	mss;
	uint8_t		wscale;		/* as received; the user clamps to 14 */
	uint32_t	ts_val, ts_ecr;
	uint8_t		n_sack;
	struct tcp_sack	sack[TCP_MAX_SACK];
	bool		has_fo;		/* Fast Open; fo_len 0 asks for a cookie */
	uint8_t		fo_len;
	uint8_t		fo[16];
};

struct tcp {
	uint16_t	src_port, dst_port;
	struct seq	seq, ack;
	uint8_t		hlen;		/* bytes, 20-60; emit computes it */
	uint8_t		flags;
	uint16_t	win, sum, urg;
	struct tcp_opts	o;
};

/* parse: header and options. An unknown option is skipped; a malformed option
 * list ends the options and keeps the segment (as Linux does). emit orders the
 * options as Linux: MSS, SACK-permitted+timestamps, NOP+timestamps, NOP+wscale,
 * NOP NOP SACK; and pads with NOP; it returns nothing: hlen via tcp_hlen. */
bool tcp_parse(struct rd *r, struct tcp *h);
void tcp_emit(struct wr *w, const struct tcp *h);
unsigned tcp_hlen(const struct tcp_opts *o);	/* 20 + options as emitted */
void tcp_print(struct text *t, const struct tcp *h);

/* --- A whole frame, for traces and packet scripts --- */

/* "10.0.0.1.80 > 10.0.0.2.40000: tcp S. 1:1(0) ack 2 win 65535 <mss 1460>" */
void frame_print(struct text *t, const void *frame, size_t len);

#endif
