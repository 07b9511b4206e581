/* wire_row.c - small datagrams that lie behind each other in a ring, as one packet
 *
 * Who sends small datagrams is soon ahead of who takes them, and each would cost a pass
 * through the stack. Those whose records are the same up to the payload, octet for octet,
 * are of one flow and of one size: a row. It is taken as what merge.c makes of the frames of
 * a network, a packet with a gso_size, for a copy of each payload.
 *
 * IPv4 datagrams with DF have no identification (RFC 6864 4.1), so nothing tells two of a
 * flow apart. The followers' headers are compared where they lie: whoever changes them
 * afterwards has only changed what he sent.
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "plug/wire.h"
#include "proto/proto.h"

#define IP4_LEN_AT	2
#define IP4_SUM_AT	10
#define IP6_PLEN_AT	4
#define UDP_LEN_AT	4
#define UDP_SUM_AT	6
#define HEAD_MAX	(ETH_LEN + IP6_LEN + UDP_LEN)

struct row {
	struct wire_rec	rec;		/* of each */
	uint8_t		h[HEAD_MAX];
	unsigned	l4, hlen;
	uint32_t	size;		/* of a payload */
	bool		v6;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	be16 b = be16_put(v);

	memcpy(p, &b, 2);
}

/* What an IP header says follows it, if that is UDP and the datagram is whole; or 0. */
static uint32_t ip4_payload(const uint8_t *h)
{
	struct rd r = rd_of(h, IP4_LEN);
	struct sum sum = { 0 };
	struct ip4 ip;

	sum_add(&sum, h, IP4_LEN);
	if (!ip4_parse(&r, &ip) || ip.proto != IPPROTO_UDP || ip.frag ||
	    ip.flags != IP4_DF || sum_end(&sum) != 0)
		return 0;
	return ip.len - (uint32_t)IP4_LEN;
}

static uint32_t ip6_payload(const uint8_t *h)
{
	struct rd r = rd_of(h, IP6_LEN);
	struct ip6 ip;

	return ip6_parse(&r, &ip) && ip.next == IPPROTO_UDP ? ip.plen : 0;
}

/* The record at p, checked already, is of a datagram that others may follow. Whose sum's place is
 * right has whole headers: that was checked, too. */
static bool begins(struct row *r, const uint8_t *p)
{
	uint32_t len;
	uint16_t type;

	if (r->rec.n_ext || r->rec.gso_size || r->rec.sum != PKT_SUM_PARTIAL)
		return false;
	memcpy(r->h, p + sizeof(r->rec), MIN(r->rec.head_len, HEAD_MAX));
	type = get16(r->h + 12);
	r->v6 = type == ETHERTYPE_IP6;
	r->l4 = ETH_LEN + (r->v6 ? IP6_LEN : IP4_LEN);
	r->hlen = r->l4 + UDP_LEN;
	if ((!r->v6 && type != ETHERTYPE_IP4) || r->rec.sum_start != r->l4 ||
	    r->rec.sum_off != UDP_SUM_AT)
		return false;
	r->size = r->rec.head_len - r->hlen;
	len = r->v6 ? ip6_payload(r->h + ETH_LEN) : ip4_payload(r->h + ETH_LEN);
	return r->size && len == UDP_LEN + r->size && get16(r->h + r->l4 + UDP_LEN_AT) == len;
}

static bool follows(const struct row *r, const uint8_t *p)
{
	return memcmp(p, &r->rec, sizeof(r->rec)) == 0 &&
	       memcmp(p + sizeof(r->rec), r->h, r->hlen) == 0;
}

/* The headers of one become those of n: lengths, and sums over them (RFC 1624). */
static void lengthen(struct row *r, unsigned n)
{
	uint32_t len = UDP_LEN + n * r->size, sum;
	uint8_t *ip = r->h + ETH_LEN, *udp = r->h + r->l4;
	struct sum s = { 0 };

	sum = get16(udp + UDP_SUM_AT) + len - (UDP_LEN + r->size);
	put16(udp + UDP_SUM_AT, (uint16_t)(sum + (sum >> 16)));
	put16(udp + UDP_LEN_AT, (uint16_t)len);
	if (r->v6) {
		put16(ip + IP6_PLEN_AT, (uint16_t)len);
		return;
	}
	put16(ip + IP4_LEN_AT, (uint16_t)(IP4_LEN + len));
	put16(ip + IP4_SUM_AT, 0);
	sum_add(&s, ip, IP4_LEN);
	put16(ip + IP4_SUM_AT, sum_end(&s));
}

static struct pkt *row_of(struct wire *w, struct row *r, const uint8_t *p, unsigned n)
{
	struct chunk *c = w->heap->alloc(w->heap, n * r->size);
	struct wire_rec rec = r->rec;
	struct pkt *pkt;

	if (!c)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		memcpy(c->data + i * r->size, p + i * rec.len + sizeof(rec) + r->hlen, r->size);
	w->taken += n * rec.len;
	lengthen(r, n);
	rec.head_len = rec.gso_hlen = (uint16_t)r->hlen;
	rec.gso_size = (uint16_t)r->size;
	pkt = wire_pkt(&rec, r->h);
	pkt_add_ext(pkt, c, c->data, n * r->size);
	return pkt;
}

struct pkt *wire_take_row(struct wire *w, unsigned max)
{
	struct row r = { .size = 0 };
	const uint8_t *p = wire_next(w, &r.rec);
	uint32_t left = p ? MIN(wire_unread(w), WIRE_RING - w->taken % WIRE_RING) : 0;
	unsigned n = 1;

	if (left < 2u * r.rec.len || !begins(&r, p))
		return NULL;
	max = MIN(MIN(max, WIRE_ROW), left / r.rec.len);
	while (n < max && follows(&r, p + n * r.rec.len))
		n++;
	return n > 1 ? row_of(w, &r, p, n) : NULL;
}
