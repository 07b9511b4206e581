/* stack_frame.h - frames made by hand, for what no stack of ours would send
 *
 * They come from side b's addresses to side a's, unless a test says otherwise.
 */
#ifndef TEST_STACK_FRAME_H
#define TEST_STACK_FRAME_H

#include "stack_pair.h"

#include "base/sum.h"

struct frame {
	uint8_t	b[70000];
	size_t	n;
};

static inline void put(struct frame *f, const void *p, size_t n)
{
	if (n)
		memcpy(f->b + f->n, p, n);
	f->n += n;
}

static inline void put_eth(struct frame *f, const struct side *to, uint16_t type)
{
	struct eth e = { to->nif->mac, to->peer->nif->mac, type };
	struct wr w = wr_of(f->b, ETH_LEN);

	eth_emit(&w, &e);
	f->n = ETH_LEN;
}

static inline struct ip4 ip4_head(uint8_t proto)
{
	return (struct ip4){ .hlen = IP4_LEN, .ttl = 64, .proto = proto, .id = 7,
			     .src = v4_of(2), .dst = v4_of(1) };
}

static inline struct ip6 ip6_head(uint8_t next)
{
	return (struct ip6){ .hops = 64, .next = next, .src = v6_of(2), .dst = v6_of(1) };
}

/* len is filled in when it is 0. */
static inline void put_ip4(struct frame *f, const struct side *to, struct ip4 h,
			   const void *body, size_t n)
{
	struct wr w;

	put_eth(f, to, ETHERTYPE_IP4);
	if (!h.len)
		h.len = (uint16_t)(h.hlen + n);
	w = wr_of(f->b + f->n, IP4_MAXLEN);
	ip4_emit(&w, &h);
	f->n += h.hlen;
	put(f, body, n);
}

static inline void put_ip6(struct frame *f, const struct side *to, struct ip6 h,
			   const void *body, size_t n)
{
	struct wr w;

	put_eth(f, to, ETHERTYPE_IP6);
	if (!h.plen)
		h.plen = (uint16_t)n;
	w = wr_of(f->b + f->n, IP6_LEN);
	ip6_emit(&w, &h);
	f->n += IP6_LEN;
	put(f, body, n);
}

/* A UDP datagram with its checksum, for either family; returns its length. */
static inline size_t udp_make(uint8_t *b, const struct ip_addr *src, const struct ip_addr *dst,
			      uint16_t from, uint16_t to, const void *data, size_t n)
{
	struct udp u = { from, to, (uint16_t)(UDP_LEN + n), 0 };
	struct wr w = wr_of(b, UDP_LEN);
	struct sum s = { 0 };

	udp_emit(&w, &u);
	if (n)
		memcpy(b + UDP_LEN, data, n);
	sum_pseudo(&s, src, dst, IPPROTO_UDP, (uint32_t)(UDP_LEN + n));
	sum_add(&s, b, UDP_LEN + n);
	u.sum = sum_end(&s);
	w = wr_of(b, UDP_LEN);
	udp_emit(&w, &u);
	return UDP_LEN + n;
}

/* Fills in the checksum of an ICMP message. */
static inline void icmp_sum(uint8_t *b, size_t n, const struct ip6 *h)
{
	struct sum s = { 0 };
	be16 v;

	b[2] = b[3] = 0;
	if (h)
		sum_pseudo(&s, &h->src, &h->dst, IPPROTO_ICMPV6, (uint32_t)n);
	sum_add(&s, b, n);
	v = be16_put(sum_end(&s));
	memcpy(b + 2, &v, 2);
}

static inline struct pkt *frame_pkt(struct side *to, const struct frame *f)
{
	struct pkt *pkt = pkt_new();

	assert_true(pkt_append(pkt, to->st->heap, f->b, (uint32_t)f->n));
	return pkt;
}

static inline enum drop arrive(struct side *to, const struct frame *f)
{
	return stack_input(to->st, to->nif, frame_pkt(to, f));
}

/* An ICMPv6 message of b's to a; hops 255 as ND wants it. */
static inline enum drop nd_arrive(struct side *to, struct ip6 h, uint8_t *msg, size_t n)
{
	struct frame f;

	h.hops = 255;
	h.next = IPPROTO_ICMPV6;
	icmp_sum(msg, n, &h);
	put_ip6(&f, to, h, msg, n);
	return arrive(to, &f);
}

/* The last frame a side has sent and the cable still holds, or NULL. */
static inline const struct pkt *last_out(const struct side *s)
{
	return list_last(&s->out, struct pkt, link);
}

static inline void cable_clear(struct side *s)
{
	struct list *l;

	while ((l = list_pop(&s->out)))
		pkt_free(container_of(l, struct pkt, link));
}

#endif
