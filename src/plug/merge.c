/* merge.c - joins TCP segments, or datagrams, that follow each other (GRO)
 *
 * Frames arrive one by one but in bursts, and most of a burst is the next
 * segments of a few connections. Joined before they enter the stack they cost
 * one pass through it. The rules are Linux's: same Ethernet and IP header
 * fields, same acknowledgement, window and options, the sequence number that
 * follows, full segments except the last, FIN or PSH ends the packet. Every
 * checksum is verified before a segment is joined, so that nothing is merged
 * which the stack would have refused; a frame with a wrong one passes as it
 * is and the stack drops and counts it.
 *
 * Datagrams of one flow are joined likewise if somebody reads them so (UDP_GRO):
 * all of one size, a shorter one ends the packet, and none without a checksum.
 *
 * Packets are held only within a burst (merge_flush at its end) and a frame
 * of a connection that cannot be joined first sends out what is held of it:
 * order within a connection is kept.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "plug/plug.h"
#include "proto/proto.h"

#define HELD_MAX	8		/* connections of one burst */
#define DGRAMS_MAX	64		/* UDP_GRO_CNT_MAX */
#define UDP_LEN_AT	4
#define MERGED_MAX	65535		/* an IPv4 length must hold it */
#define IP4_LEN_AT	2
#define IP4_SUM_AT	10
#define IP6_PLEN_AT	4

/* A TCP segment or datagram without IP options or extensions, its headers in head. */
struct segment {
	struct pkt	*pkt;
	uint8_t		*h;		/* the frame's headers in head */
	unsigned	l4, hlen;	/* TCP or UDP header; first payload byte */
	uint32_t	payload;
	struct tcp	tcp;
	bool		v6, udp;
};

struct merge {
	void		(*emit)(void *ctx, struct pkt *pkt);
	void		*ctx;
	bool		udp;		/* wanted */
	unsigned	n;
	struct segment	held[HELD_MAX];
	uint32_t	next_seq[HELD_MAX];
};

struct merge *merge_new(void (*emit)(void *ctx, struct pkt *pkt), void *ctx)
{
	struct merge *m = xzalloc(sizeof(*m));

	m->emit = emit;
	m->ctx = ctx;
	return m;
}

void merge_udp(struct merge *m, bool on)
{
	m->udp = on;
}

static void put16(uint8_t *p, uint16_t v)
{
	be16 b = be16_put(v);

	memcpy(p, &b, 2);
}

/* What was joined needs its lengths put right. */
static void finish(struct segment *s)
{
	struct pkt *pkt = s->pkt;
	uint8_t *ip = s->h + ETH_LEN;
	uint32_t len = pkt_len(pkt) - ETH_LEN;
	struct sum sum = { 0 };

	if (!pkt->gso_size)
		return;
	if (s->udp)
		put16(s->h + s->l4 + UDP_LEN_AT, (uint16_t)(pkt_len(pkt) - s->l4));
	if (s->v6) {
		put16(ip + IP6_PLEN_AT, (uint16_t)(len - IP6_LEN));
		return;
	}
	put16(ip + IP4_LEN_AT, (uint16_t)len);
	put16(ip + IP4_SUM_AT, 0);
	sum_add(&sum, ip, IP4_LEN);
	put16(ip + IP4_SUM_AT, sum_end(&sum));
}

static void release(struct merge *m, unsigned i)
{
	struct segment s = m->held[i];

	/* The order of the others is kept: connections do not overtake. */
	m->n--;
	memmove(&m->held[i], &m->held[i + 1], (m->n - i) * sizeof(m->held[0]));
	memmove(&m->next_seq[i], &m->next_seq[i + 1], (m->n - i) * sizeof(m->next_seq[0]));
	finish(&s);
	m->emit(m->ctx, s.pkt);
}

void merge_flush(struct merge *m)
{
	while (m->n)
		release(m, 0);
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n; i++)
		pkt_free(m->held[i].pkt);
	free(m);
}

static bool for_us(struct segment *s, uint8_t proto, bool udp)
{
	s->udp = proto == IPPROTO_UDP;
	return proto == IPPROTO_TCP || (s->udp && udp);
}

/* Length of the IP packet and the addresses, or 0: not for us. */
static uint32_t parse_ip4(struct segment *s, bool udp, struct ip_addr *src, struct ip_addr *dst)
{
	const uint8_t *h = pkt_pull(s->pkt, ETH_LEN + IP4_LEN);
	struct sum sum = { 0 };
	struct ip4 ip;
	struct rd r;

	if (!h)
		return 0;
	r = rd_of(h + ETH_LEN, IP4_LEN);
	if (!ip4_parse(&r, &ip) || ip.hlen != IP4_LEN || !for_us(s, ip.proto, udp))
		return 0;
	sum_add(&sum, h + ETH_LEN, IP4_LEN);
	if (sum_end(&sum) != 0 || ip.frag || ip.flags & IP4_MF)
		return 0;
	*src = ip.src;
	*dst = ip.dst;
	s->l4 = ETH_LEN + IP4_LEN;
	return ip.len;
}

static uint32_t parse_ip6(struct segment *s, bool udp, struct ip_addr *src, struct ip_addr *dst)
{
	const uint8_t *h = pkt_pull(s->pkt, ETH_LEN + IP6_LEN);
	struct ip6 ip;
	struct rd r;

	if (!h)
		return 0;
	r = rd_of(h + ETH_LEN, IP6_LEN);
	if (!ip6_parse(&r, &ip) || !for_us(s, ip.next, udp))
		return 0;
	*src = ip.src;
	*dst = ip.dst;
	s->l4 = ETH_LEN + IP6_LEN;
	s->v6 = true;
	return IP6_LEN + ip.plen;
}

static bool sum_ok(struct segment *s, const struct ip_addr *src, const struct ip_addr *dst)
{
	uint32_t len = pkt_len(s->pkt) - s->l4;
	struct sum sum = { 0 };

	if (s->pkt->sum == PKT_SUM_OK)
		return true;
	sum_pseudo(&sum, src, dst, s->udp ? IPPROTO_UDP : IPPROTO_TCP, len);
	pkt_sum(s->pkt, s->l4, len, &sum);
	if (sum_end(&sum) != 0)
		return false;
	s->pkt->sum = PKT_SUM_OK;
	return true;
}

static bool parse_tcp(struct segment *s)
{
	const uint8_t *h = pkt_pull(s->pkt, s->l4 + TCP_LEN);
	struct rd r;

	s->hlen = h ? s->l4 + (h[s->l4 + 12] >> 4) * 4u : 0;
	if (s->hlen < s->l4 + TCP_LEN || !pkt_pull(s->pkt, s->hlen))
		return false;
	s->h = s->pkt->head + s->pkt->cur;
	r = rd_of(s->h + s->l4, s->hlen - s->l4);
	if (!tcp_parse(&r, &s->tcp))
		return false;
	s->payload = pkt_len(s->pkt) - s->hlen;
	return true;
}

static bool parse_udp(struct segment *s)
{
	const uint8_t *h = pkt_pull(s->pkt, s->l4 + UDP_LEN);
	struct rd r = rd_of(h ? h + s->l4 : NULL, h ? UDP_LEN : 0);
	struct udp u;

	if (!udp_parse(&r, &u) || !u.sum || u.len != pkt_len(s->pkt) - s->l4)
		return false;
	s->h = s->pkt->head + s->pkt->cur;
	s->hlen = s->l4 + UDP_LEN;
	s->payload = u.len - UDP_LEN;
	return true;
}

/* Padding is cut off and the sum is verified. False: not a segment of the
 * plain form, or a wrong one. */
static bool parse(struct segment *s, struct pkt *pkt, bool udp)
{
	const uint8_t *h = pkt_pull(pkt, ETH_LEN);
	struct ip_addr src, dst;
	uint32_t len = 0;
	uint16_t type;

	*s = (struct segment){ .pkt = pkt };
	if (!h || pkt->gso_size || pkt->sum == PKT_SUM_PARTIAL)
		return false;
	type = (uint16_t)(h[12] << 8 | h[13]);
	if (type == ETHERTYPE_IP4)
		len = parse_ip4(s, udp, &src, &dst);
	else if (type == ETHERTYPE_IP6)
		len = parse_ip6(s, udp, &src, &dst);
	if (!len || pkt_len(pkt) < ETH_LEN + len)
		return false;
	pkt_trim_to(pkt, ETH_LEN + len);
	return (s->udp ? parse_udp(s) : parse_tcp(s)) && sum_ok(s, &src, &dst);
}

/* Same Ethernet addresses, IP addresses and ports. */
static bool same_flow(const struct segment *a, const struct segment *b)
{
	unsigned ip = ETH_LEN + (a->v6 ? 8 : 12);

	return a->v6 == b->v6 && a->udp == b->udp && memcmp(a->h, b->h, ETH_LEN) == 0 &&
	       memcmp(a->h + ip, b->h + ip, a->l4 - ip + 4) == 0;
}

/* Type of service, DF, TTL; traffic class, flow label, hop limit. */
static bool same_ip(const struct segment *a, const struct segment *b)
{
	const uint8_t *p = a->h + ETH_LEN, *q = b->h + ETH_LEN;

	if (a->v6)
		return memcmp(p, q, 4) == 0 && p[7] == q[7];
	return p[1] == q[1] && p[6] == q[6] && p[8] == q[8];
}

static bool same_tcp(const struct segment *a, const struct segment *b)
{
	const uint8_t may_differ = TCP_PSH | TCP_FIN | TCP_CWR;
	unsigned opts = a->l4 + TCP_LEN;

	return a->hlen == b->hlen && seq_eq(a->tcp.ack, b->tcp.ack) &&
	       a->tcp.win == b->tcp.win && !(b->tcp.flags & TCP_CWR) &&
	       !((a->tcp.flags ^ b->tcp.flags) & ~may_differ) &&
	       memcmp(a->h + opts, b->h + opts, a->hlen - opts) == 0;
}

static bool follows(const struct merge *m, unsigned i, const struct segment *b, uint32_t size)
{
	const struct segment *a = &m->held[i];

	if (a->udp)
		return pkt_len(a->pkt) - a->hlen < size * (DGRAMS_MAX - 1);
	return b->tcp.seq.v == m->next_seq[i] && same_tcp(a, b);
}

static bool joins(const struct merge *m, unsigned i, const struct segment *b)
{
	const struct segment *a = &m->held[i];
	uint32_t size = a->pkt->gso_size ? a->pkt->gso_size : a->payload;

	return b->payload && b->payload <= size && same_ip(a, b) && follows(m, i, b, size) &&
	       pkt_len(a->pkt) + b->payload <= MERGED_MAX &&
	       a->pkt->n_ext + b->pkt->n_ext <= PKT_EXTS;
}

/* A segment with nothing but data, which others may follow. */
static bool may_be_first(const struct segment *s)
{
	return s->payload && s->payload <= UINT16_MAX && s->pkt->n_ext &&
	       (s->udp || (s->tcp.flags & ~(TCP_ECE | TCP_CWR)) == TCP_ACK);
}

/* The payload of b goes to a; b is no more. Payload bytes of b that were
 * pulled into head are never there: parse pulls exactly the headers. */
static void join(struct segment *a, struct segment *b)
{
	struct pkt *pkt = b->pkt;

	if (!a->pkt->gso_size) {
		a->pkt->gso_size = (uint16_t)a->payload;
		a->pkt->gso_hlen = (uint16_t)a->hlen;
	}
	for (unsigned i = 0; i < pkt->n_ext; i++) {
		struct ext *e = &pkt->ext[i];

		if (e->len)
			pkt_add_ext(a->pkt, chunk_ref(e->chunk), e->p, e->len);
	}
	if (!a->udp)
		a->h[a->l4 + 13] |= b->tcp.flags & (TCP_PSH | TCP_FIN);
	pkt_free(pkt);
}

static bool head_is_headers(const struct segment *s)
{
	return (unsigned)(s->pkt->end - s->pkt->cur) == s->hlen;
}

void merge_add(struct merge *m, struct pkt *pkt)
{
	struct segment s;
	unsigned i;

	if (!parse(&s, pkt, m->udp)) {
		/* It may belong to a connection of which something is held. */
		merge_flush(m);
		m->emit(m->ctx, pkt);
		return;
	}
	for (i = 0; i < m->n && !same_flow(&m->held[i], &s); i++)
		;
	if (i < m->n && head_is_headers(&s) && joins(m, i, &s)) {
		bool last = s.payload < m->held[i].payload || s.tcp.flags & (TCP_PSH | TCP_FIN);

		m->next_seq[i] += s.payload;
		join(&m->held[i], &s);
		if (last)
			release(m, i);
		return;
	}
	if (i < m->n)
		release(m, i);
	if (!may_be_first(&s) || !head_is_headers(&s)) {
		m->emit(m->ctx, pkt);
		return;
	}
	if (m->n == HELD_MAX)
		release(m, 0);
	m->next_seq[m->n] = s.tcp.seq.v + s.payload;
	m->held[m->n++] = s;
}
