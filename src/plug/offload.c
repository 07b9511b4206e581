/* offload.c - what a network card would do: cut super-frames, complete sums
 *
 * A stack sends TCP payload in super-frames of up to 64 KiB with the checksum
 * wanted but not computed (PARTIAL: the field holds the pseudo-header's sum).
 * Here such a packet becomes frames for a wire, as Linux's TSO does:
 *
 *	IPv4	total length, id + i, header checksum
 *	IPv6	payload length
 *	UDP	length, checksum (a packet of several datagrams, UDP_SEGMENT)
 *	TCP	sequence; FIN and PSH only on the last segment, CWR only on the
 *		first (RFC 3168 6.1.2); checksum
 *
 * A packet merged on the way in (merge.c) is cut again in the same way. The
 * payload stays where it is: a segment refers to the spans it covers.
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "plug/plug.h"
#include "proto/proto.h"

/* Where the fields to be changed lie, from the start of the frame. */
struct shape {
	unsigned	l3, l4, hlen;
	bool		v6, udp;
	uint8_t		flags;		/* of TCP */
};

#define TCP_SEQ_AT	4
#define TCP_FLAGS_AT	13
#define TCP_SUM_AT	16
#define UDP_LEN_AT	4
#define UDP_SUM_AT	6
#define IP4_LEN_AT	2
#define IP4_ID_AT	4
#define IP4_SUM_AT	10
#define IP6_PLEN_AT	4
#define IP6_NEXT_AT	6

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	be16 b = be16_put(v);

	memcpy(p, &b, 2);
}

/* After the Ethernet header and up to two tags. */
static unsigned find_l3(const uint8_t *h, unsigned hlen, uint16_t *type)
{
	unsigned at = 12;

	while (at + 6 <= hlen && at < 12 + 2 * VLAN_LEN && get16(h + at) == ETHERTYPE_VLAN)
		at += VLAN_LEN;
	*type = get16(h + at);
	return at + 2;
}

/* False if these are not the headers of TCP or UDP over IP, or if they and what else
 * lies in head would not fit into a segment's. */
static bool shape_of(const struct pkt *pkt, const uint8_t *h, struct shape *s)
{
	unsigned in_head = (unsigned)(pkt->end - pkt->cur);
	uint16_t type;

	*s = (struct shape){ .hlen = pkt->gso_hlen };
	if (s->hlen < ETH_LEN + IP4_LEN + UDP_LEN || s->hlen > PKT_HEADROOM ||
	    in_head - s->hlen > PKT_HEAD - PKT_HEADROOM)
		return false;
	s->l3 = find_l3(h, s->hlen, &type);
	s->v6 = type == ETHERTYPE_IP6;
	if (type == ETHERTYPE_IP4)
		s->l4 = s->l3 + (h[s->l3] & 15u) * 4;
	else if (pkt->sum == PKT_SUM_PARTIAL)
		s->l4 = pkt->sum_start + (unsigned)(pkt->cur - pkt->start);
	else
		s->l4 = s->l3 + IP6_LEN;
	if (!s->v6 && type != ETHERTYPE_IP4)
		return false;
	s->udp = s->l4 + UDP_LEN == s->hlen;	/* no TCP header is that short */
	if (!s->udp && s->l4 + TCP_LEN > s->hlen)
		return false;
	if (s->udp)
		return true;
	s->flags = h[s->l4 + TCP_FLAGS_AT];
	return true;
}

static void fix_ip(uint8_t *h, const struct shape *s, unsigned index, uint32_t payload)
{
	uint8_t *ip = h + s->l3;
	struct sum sum = { 0 };

	if (s->v6) {
		put16(ip + IP6_PLEN_AT, (uint16_t)(s->hlen - s->l3 - IP6_LEN + payload));
		return;
	}
	put16(ip + IP4_LEN_AT, (uint16_t)(s->hlen - s->l3 + payload));
	put16(ip + IP4_ID_AT, (uint16_t)(get16(ip + IP4_ID_AT) + index));
	put16(ip + IP4_SUM_AT, 0);
	sum_add(&sum, ip, s->l4 - s->l3);
	put16(ip + IP4_SUM_AT, sum_end(&sum));
}

static void addresses(const uint8_t *ip, bool v6, struct ip_addr *src, struct ip_addr *dst)
{
	*src = v6 ? ip_from_v6(ip + 8) : ip_from_v4(ip + 12);
	*dst = v6 ? ip_from_v6(ip + 24) : ip_from_v4(ip + 16);
}

static void fix_tcp(uint8_t *h, const struct shape *s, uint32_t off, bool first, bool last)
{
	uint8_t *tcp = h + s->l4;
	struct seq seq;
	be32 raw;

	memcpy(&raw, tcp + TCP_SEQ_AT, 4);
	seq = seq_add(SEQ(be32_get(raw)), off);
	raw = be32_put(seq.v);
	memcpy(tcp + TCP_SEQ_AT, &raw, 4);
	if (!first)
		tcp[TCP_FLAGS_AT] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS_AT] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	put16(tcp + TCP_SUM_AT, 0);
}

static void fix_udp(uint8_t *h, const struct shape *s, uint32_t payload)
{
	put16(h + s->l4 + UDP_LEN_AT, (uint16_t)(UDP_LEN + payload));
	put16(h + s->l4 + UDP_SUM_AT, 0);
}

/* 0 would mean none to UDP, and -0 is as good (RFC 768). */
static void sum_l4(struct pkt *seg, uint8_t *h, const struct shape *s)
{
	uint32_t len = pkt_len(seg) - s->l4;
	uint16_t v;
	struct ip_addr src, dst;
	struct sum sum = { 0 };

	addresses(h + s->l3, s->v6, &src, &dst);
	sum_pseudo(&sum, &src, &dst, s->udp ? IPPROTO_UDP : IPPROTO_TCP, len);
	pkt_sum(seg, s->l4, len, &sum);
	v = sum_end(&sum);
	put16(h + s->l4 + (s->udp ? UDP_SUM_AT : TCP_SUM_AT), v || !s->udp ? v : 0xffff);
}

/* Walks the payload of a packet: first what lies in head behind the headers. */
struct walk {
	const struct pkt *pkt;
	unsigned	ext;		/* the current extent */
	uint32_t	at;		/* position in it */
	const uint8_t	*in_head;
	uint32_t	left_in_head;
};

/* Moves len bytes to the segment, which has place for them (shape_of): its
 * extents are some of the packet's. */
static void take_payload(struct walk *w, struct pkt *seg, uint32_t len)
{
	uint32_t n = MIN(len, w->left_in_head);

	memcpy(seg->head + seg->end, w->in_head, n);
	seg->end += (uint16_t)n;
	w->in_head += n;
	w->left_in_head -= n;
	for (len -= n; len; len -= n) {
		const struct ext *e = &w->pkt->ext[w->ext];

		n = MIN(len, e->len - w->at);
		if (n)
			pkt_add_ext(seg, chunk_ref(e->chunk), e->p + w->at, n);
		w->at += n;
		if (w->at == e->len) {
			w->ext++;
			w->at = 0;
		}
	}
}

static struct pkt *segment(struct walk *w, const uint8_t *h, const struct shape *s,
			   uint32_t off, uint32_t len, bool last)
{
	struct pkt *seg = pkt_new();
	uint8_t *to = pkt_push(seg, s->hlen);

	memcpy(to, h, s->hlen);
	take_payload(w, seg, len);
	seg->nif = w->pkt->nif;
	fix_ip(to, s, off / w->pkt->gso_size, len);
	if (s->udp)
		fix_udp(to, s, len);
	else
		fix_tcp(to, s, off, off == 0, last);
	sum_l4(seg, to, s);
	return seg;
}

static void cut(struct pkt *pkt, const uint8_t *h, const struct shape *s,
		void (*emit)(void *, struct pkt *), void *ctx)
{
	uint32_t total = pkt_len(pkt) - s->hlen, len;
	struct walk w = { .pkt = pkt, .in_head = h + s->hlen };

	w.left_in_head = (uint32_t)(pkt->end - pkt->cur) - s->hlen;
	for (uint32_t off = 0; off < total; off += len) {
		len = MIN(pkt->gso_size, total - off);
		emit(ctx, segment(&w, h, s, off, len, off + len == total));
	}
}

void offload_out(struct pkt *pkt, void (*emit)(void *ctx, struct pkt *frame), void *ctx)
{
	const uint8_t *h = NULL;
	struct shape s;

	if (pkt->gso_size && pkt_len(pkt) > (uint32_t)pkt->gso_hlen + pkt->gso_size)
		h = pkt_pull(pkt, pkt->gso_hlen);
	if (h && shape_of(pkt, h, &s)) {
		cut(pkt, h, &s, emit, ctx);
		pkt_free(pkt);
		return;
	}
	if (pkt->sum == PKT_SUM_PARTIAL)
		pkt_sum_finish(pkt);
	pkt->gso_size = 0;
	emit(ctx, pkt);
}
