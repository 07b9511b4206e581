/* frame.c - a whole frame as one line, in tcpdump's spirit
 *
 *	10.0.0.1.80 > 10.0.0.2.40000: tcp S. 1:1(0) ack 2 win 65535 <mss 1460>
 *	fe80::1 > ff02::1: icmp6 router advertisement lifetime 1800 hops 64
 *	vlan 5 arp who-has 10.0.0.1 tell 10.0.0.2
 *
 * The reader goes down one layer at a time with one cursor. What cannot be
 * parsed is named in brackets and ends the line: a trace shows bad frames too.
 * An ICMP error quotes the head of another packet: it is printed after the
 * error in the same form, once (a quote inside a quote is not followed), so a
 * hostile frame cannot make this recurse.
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "proto/print.h"
#include "proto/proto.h"

#define MAX_TAGS	4
#define MAX_EXTS	8

/* What the transport printers need to know of the network layer. */
struct net {
	struct ip_addr	src, dst;
	uint8_t		proto;
	size_t		len;		/* bytes of payload by the IP header */
	bool		quoted;		/* inside an ICMP error */
	bool		v6;
};

static void bad(struct text *t, const char *what)
{
	text_add(t, "[bad %s]", what);
}

static void hosts_print(struct text *t, const struct net *n)
{
	char src[IP_STRLEN], dst[IP_STRLEN];

	text_add(t, "%s > %s: ", ip_text(&n->src, src), ip_text(&n->dst, dst));
}

static void ports_print(struct text *t, const struct net *n, uint16_t sport, uint16_t dport)
{
	char src[IP_STRLEN], dst[IP_STRLEN];

	text_add(t, "%s.%u > %s.%u: ", ip_text(&n->src, src), sport,
		 ip_text(&n->dst, dst), dport);
}

/* Leaves in the cursor no more than the IP header says; a frame may be padded. */
static void clip(struct rd *r, size_t len)
{
	if (rd_left(r) > len)
		r->end = r->p + len;
}

/* At least the ports of a transport header that was quoted only in part. */
static void quoted_ports(struct text *t, const struct net *n, struct rd r, const char *name)
{
	uint16_t sport = rd_u16(&r), dport = rd_u16(&r);

	if (r.fail)
		hosts_print(t, n);
	else
		ports_print(t, n, sport, dport);
	text_add(t, "%s", name);
}

static void tcp_line(struct text *t, const struct net *n, struct rd *r)
{
	struct rd at = *r;
	struct tcp h;

	if (tcp_parse(r, &h)) {
		ports_print(t, n, h.src_port, h.dst_port);
		text_add(t, "tcp ");
		tcp_print_segment(t, &h, n->len > h.hlen ? n->len - h.hlen : 0);
	} else {
		quoted_ports(t, n, at, n->quoted ? "tcp" : "[bad tcp]");
	}
}

static void udp_line(struct text *t, const struct net *n, struct rd *r)
{
	struct rd at = *r;
	struct udp u;

	if (udp_parse(r, &u)) {
		ports_print(t, n, u.src_port, u.dst_port);
		text_add(t, "udp len %u", u.len - UDP_LEN);
		at = *r;
		clip(&at, u.len - UDP_LEN);
		if (!n->quoted)
			app_print(t, u.src_port, u.dst_port, at);
	} else {
		quoted_ports(t, n, at, "[bad udp]");
	}
}

static bool nd_line(struct text *t, struct rd *r, uint8_t type)
{
	struct nd_ns ns;
	struct nd_na na;
	struct nd_ra ra;

	if (type == ND_NS && nd_ns_parse(r, &ns))
		nd_ns_print(t, &ns);
	else if (type == ND_NA && nd_na_parse(r, &na))
		nd_na_print(t, &na);
	else if (type == ND_RA && nd_ra_parse(r, &ra))
		nd_ra_print(t, &ra);
	else
		return false;
	return true;
}

static void rs_line(struct text *t, struct rd *r)
{
	struct nd_opts o;
	char ll[MAC_STRLEN];

	if (!nd_rs_parse(r, &o)) {
		bad(t, "router solicitation");
		return;
	}
	text_add(t, "icmp6 router solicitation");
	if (o.has_src)
		text_add(t, " src-ll %s", mac_text(&o.src_ll, ll));
}

/* True if the ICMP message carries the head of another packet. */
static bool is_error(const struct net *n, uint8_t type)
{
	if (n->v6)
		return type < 128;	/* RFC 4443 2.1 */
	return type == ICMP4_UNREACH || type == ICMP4_TIME_EXCEEDED ||
	       type == ICMP4_PARAM;
}

/* Returns true if the packet quoted in an error is to be printed next. */
static bool icmp_line(struct text *t, const struct net *n, struct rd *r)
{
	struct rd body = *r;
	struct icmp h;

	hosts_print(t, n);
	if (!icmp_parse(r, &h)) {
		bad(t, n->v6 ? "icmp6" : "icmp");
		return false;
	}
	rd_u32(&body);
	if (n->v6 && h.type == ND_RS) {
		rs_line(t, &body);
		return false;
	}
	if (n->v6 && nd_line(t, &body, h.type))
		return false;
	(n->v6 ? icmp6_print : icmp4_print)(t, &h);
	if (n->v6 && h.type >= ND_RS && h.type <= ND_NA)
		text_add(t, " [bad]");
	return is_error(n, h.type) && !n->quoted && rd_left(r);
}

static bool transport_line(struct text *t, const struct net *n, struct rd *r)
{
	if (n->proto == IPPROTO_TCP) {
		tcp_line(t, n, r);
	} else if (n->proto == IPPROTO_UDP) {
		udp_line(t, n, r);
	} else if (n->proto == (n->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		return icmp_line(t, n, r);
	} else if (n->proto == IPPROTO_IGMP && !n->v6 && rd_left(r)) {
		hosts_print(t, n);
		igmp_print(t, r->p[0]);
	} else {
		hosts_print(t, n);
		text_add(t, "ip%c proto %u len %zu", n->v6 ? '6' : '4', n->proto, n->len);
	}
	return false;
}

/* A piece that is not the first has no transport header. */
static void piece_line(struct text *t, const struct net *n)
{
	hosts_print(t, n);
	text_add(t, "ip%c proto %u", n->v6 ? '6' : '4', n->proto);
}

static void frag_mark(struct text *t, uint32_t id, size_t len, unsigned off, bool more)
{
	text_add(t, " (frag %u:%zu@%u%s)", id, len, off, more ? "+" : "");
}

static bool ip4_sum_ok(const uint8_t *p, size_t n)
{
	struct sum s = { 0 };

	sum_add(&s, p, n);
	return sum_end(&s) == 0;
}

static bool ip4_line(struct text *t, struct rd *r, bool quoted)
{
	const uint8_t *start = r->p;
	struct net n = { .quoted = quoted };
	bool more = false, cut;
	struct ip4 h;

	if (!ip4_parse(r, &h)) {
		bad(t, "ip4");
		return false;
	}
	n.src = h.src;
	n.dst = h.dst;
	n.proto = h.proto;
	n.len = h.len - h.hlen;
	cut = !quoted && rd_left(r) < n.len;
	clip(r, n.len);
	if (h.frag)
		piece_line(t, &n);
	else
		more = transport_line(t, &n, r);
	if (h.frag || h.flags & IP4_MF)
		frag_mark(t, h.id, n.len, h.frag, h.flags & IP4_MF);
	if (!ip4_sum_ok(start, h.hlen))
		text_add(t, " [bad ip4 sum]");
	if (cut)
		text_add(t, " [cut]");
	return more;
}

static bool is_ext(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_DSTOPTS;
}

/* Steps over extension headers up to a transport or fragment header. */
static bool skip_exts(struct rd *r, struct net *n)
{
	struct ip6_ext e;

	for (int i = 0; i < MAX_EXTS && is_ext(n->proto); i++) {
		if (!ip6_ext_parse(r, &e))
			return false;
		n->proto = e.next;
		n->len = n->len > e.len ? n->len - e.len : 0;
	}
	return true;
}

static bool ip6_frag_line(struct text *t, struct net *n, struct rd *r)
{
	struct ip6_frag f;
	bool more = false;

	if (!ip6_frag_parse(r, &f)) {
		hosts_print(t, n);
		bad(t, "ip6 fragment");
		return false;
	}
	n->proto = f.next;
	n->len = n->len > IP6_FRAG_LEN ? n->len - IP6_FRAG_LEN : 0;
	if (f.off || !skip_exts(r, n))
		piece_line(t, n);
	else
		more = transport_line(t, n, r);
	frag_mark(t, f.id, n->len, f.off, f.more);
	return more;
}

static bool ip6_line(struct text *t, struct rd *r, bool quoted)
{
	struct net n = { .quoted = quoted, .v6 = true };
	bool more = false, cut;
	struct ip6 h;

	if (!ip6_parse(r, &h)) {
		bad(t, "ip6");
		return false;
	}
	n.src = h.src;
	n.dst = h.dst;
	n.proto = h.next;
	n.len = h.plen;
	cut = !quoted && rd_left(r) < h.plen;
	clip(r, n.len);
	if (!skip_exts(r, &n)) {
		hosts_print(t, &n);
		bad(t, "ip6 extension");
	} else if (n.proto == IPPROTO_FRAGMENT) {
		more = ip6_frag_line(t, &n, r);
	} else {
		more = transport_line(t, &n, r);
	}
	if (cut)
		text_add(t, " [cut]");
	return more;
}

static void arp_line(struct text *t, struct rd *r)
{
	struct arp a;

	if (arp_parse(r, &a))
		arp_print(t, &a);
	else
		bad(t, "arp");
}

static void packet_line(struct text *t, const struct eth *e, uint16_t type, struct rd *r)
{
	bool (*ip)(struct text *, struct rd *, bool) =
		type == ETHERTYPE_IP4 ? ip4_line :
		type == ETHERTYPE_IP6 ? ip6_line : NULL;
	struct eth inner = *e;

	if (ip) {
		if (ip(t, r, false)) {
			text_add(t, " about ");
			ip(t, r, true);
		}
	} else if (type == ETHERTYPE_ARP) {
		arp_line(t, r);
	} else {
		inner.type = type;
		eth_print(t, &inner);
		text_add(t, " len %zu", rd_left(r));
	}
}

void frame_print(struct text *t, const void *frame, size_t len)
{
	struct rd r = rd_of(frame, len);
	struct vlan v = { 0 };
	uint16_t type;
	struct eth e;

	if (!eth_parse(&r, &e)) {
		text_add(t, "[bad eth] len %zu", len);
		return;
	}
	type = e.type;
	for (int i = 0; i < MAX_TAGS && type == ETHERTYPE_VLAN; i++) {
		if (!vlan_parse(&r, &v)) {
			bad(t, "vlan");
			return;
		}
		vlan_print(t, &v);
		text_add(t, " ");
		type = v.type;
	}
	packet_line(t, &e, type, &r);
}
