/* plug_frames.h - frames for the tests of plugs and switch */
#ifndef PLUG_FRAMES_H
#define PLUG_FRAMES_H

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "plug/plug.h"
#include "proto/proto.h"
#include "unit.h"

struct seg {				/* a TCP segment to be made */
	bool		v6;
	uint16_t	src_port;	/* 0: 1000 */
	uint32_t	seq, ack;
	uint8_t		flags;		/* 0: ACK */
	uint32_t	len;		/* payload: byte i is (seq + i) % 251 */
	uint32_t	ts_val;
	uint16_t	id;
	uint8_t		tos;
};

static inline uint8_t seg_byte(uint32_t seq)
{
	return (uint8_t)(seq % 251);
}

static inline void seg_ip(struct wr *w, const struct seg *s, uint32_t tcp_len)
{
	struct ip4 h4 = {
		.hlen = IP4_LEN, .tos = s->tos, .len = (uint16_t)(IP4_LEN + tcp_len), .id = s->id,
		.flags = IP4_DF, .ttl = 64, .proto = IPPROTO_TCP,
		.src = IP4(10, 0, 0, 1), .dst = IP4(10, 0, 0, 2),
	};
	struct ip6 h6 = {
		.tclass = s->tos, .plen = (uint16_t)tcp_len, .next = IPPROTO_TCP, .hops = 64,
		.src = { { 0xfd, [15] = 1 } }, .dst = { { 0xfd, [15] = 2 } },
	};

	if (s->v6)
		ip6_emit(w, &h6);
	else
		ip4_emit(w, &h4);
}

static inline unsigned seg_l4(const struct seg *s)
{
	return ETH_LEN + (s->v6 ? IP6_LEN : IP4_LEN);
}

static inline void seg_addrs(const struct seg *s, struct ip_addr *src, struct ip_addr *dst)
{
	*src = s->v6 ? (struct ip_addr){ { 0xfd, [15] = 1 } } : IP4(10, 0, 0, 1);
	*dst = s->v6 ? (struct ip_addr){ { 0xfd, [15] = 2 } } : IP4(10, 0, 0, 2);
}

/* The whole frame with right sums; the caller frees. */
static inline uint8_t *seg_bytes(const struct seg *s, uint32_t *len)
{
	struct eth e = { .dst = { { 2, 0, 0, 0, 0, 2 } }, .src = { { 2, 0, 0, 0, 0, 1 } } };
	struct tcp t = {
		.src_port = s->src_port ? s->src_port : 1000, .dst_port = 80,
		.seq = SEQ(s->seq), .ack = SEQ(s->ack), .win = 1000,
		.flags = s->flags ? s->flags : TCP_ACK,
		.o = { .has_ts = true, .ts_val = s->ts_val, .ts_ecr = 7 },
	};
	uint32_t tcp_len = tcp_hlen(&t.o) + s->len, l4 = seg_l4(s);
	uint8_t *p = xmalloc(l4 + tcp_len);
	struct wr w = wr_of(p, l4 + tcp_len);
	struct ip_addr src, dst;
	struct sum sum = { 0 };
	be16 v;

	e.type = s->v6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4;
	eth_emit(&w, &e);
	seg_ip(&w, s, tcp_len);
	tcp_emit(&w, &t);
	for (uint32_t i = 0; i < s->len; i++)
		wr_u8(&w, seg_byte(s->seq + i));
	assert_false(w.fail);
	assert_int_equal(wr_left(&w), 0);
	seg_addrs(s, &src, &dst);
	sum_pseudo(&sum, &src, &dst, IPPROTO_TCP, tcp_len);
	sum_add(&sum, p + l4, tcp_len);
	v = be16_put(sum_end(&sum));
	memcpy(p + l4 + 16, &v, 2);
	*len = l4 + tcp_len;
	return p;
}

/* As it arrives: all bytes in extents. */
static inline struct pkt *seg_in(struct arena *a, const struct seg *s)
{
	uint32_t len;
	uint8_t *p = seg_bytes(s, &len);
	struct pkt *pkt = pkt_new();

	assert_true(pkt_append(pkt, a, p, len));
	free(p);
	return pkt;
}

/* As a stack sends it: headers in head, payload in extents, the sum PARTIAL
 * with the pseudo-header's in the field. */
static inline struct pkt *seg_out(struct arena *a, const struct seg *s, uint16_t gso_size)
{
	uint32_t len, l4 = seg_l4(s), hlen;
	uint8_t *p = seg_bytes(s, &len);
	struct pkt *pkt = pkt_new();
	struct ip_addr src, dst;
	struct sum sum = { 0 };
	be16 v;

	hlen = len - s->len;
	seg_addrs(s, &src, &dst);
	sum_pseudo(&sum, &src, &dst, IPPROTO_TCP, len - l4);
	v = be16_put(sum_partial(&sum));
	memcpy(p + l4 + 16, &v, 2);
	memcpy(pkt_push(pkt, hlen), p, hlen);
	assert_true(pkt_append(pkt, a, p + hlen, s->len));
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_start = (uint16_t)l4;
	pkt->sum_off = 16;
	pkt->gso_size = gso_size;
	pkt->gso_hlen = (uint16_t)hlen;
	free(p);
	return pkt;
}

/* Any frame of len bytes whose payload says n. */
static inline struct pkt *plain_frame(struct arena *a, uint32_t len, uint32_t n)
{
	uint8_t *p = xzalloc(len);
	struct pkt *pkt = pkt_new();

	p[0] = p[6] = 2;
	p[5] = 9;
	p[11] = 1;
	p[12] = 0x88;
	p[13] = 0xb5;			/* local experimental ethertype */
	memcpy(p + 14, &n, MIN(sizeof(n), len - 14));
	assert_true(pkt_append(pkt, a, p, len));
	free(p);
	return pkt;
}

static inline uint32_t plain_number(const struct pkt *pkt)
{
	uint32_t n = 0;

	assert_int_equal(pkt_copy(pkt, 14, &n, sizeof(n)), sizeof(n));
	return n;
}

/* What an emit or deliver callback collected. */
struct bag { struct list frames; unsigned n; };

static inline void bag_init(struct bag *b)
{
	list_init(&b->frames);
	b->n = 0;
}

static inline void bag_emit(void *ctx, struct pkt *pkt)
{
	struct bag *b = ctx;

	list_add_tail(&b->frames, &pkt->link);
	b->n++;
}

static inline void bag_deliver(struct plug *p, struct pkt *pkt)
{
	bag_emit(p->user, pkt);
}

static inline struct pkt *bag_pop(struct bag *b)
{
	struct list *l = list_pop(&b->frames);

	assert_non_null(l);
	b->n--;
	return container_of(l, struct pkt, link);
}

static inline void bag_empty(struct bag *b)
{
	while (b->n)
		pkt_free(bag_pop(b));
}

/* The whole of a packet; the caller frees. */
static inline uint8_t *flat(const struct pkt *pkt, uint32_t *len)
{
	uint8_t *p = xmalloc(pkt_len(pkt) + 1);

	*len = pkt_copy(pkt, 0, p, pkt_len(pkt));
	assert_int_equal(*len, pkt_len(pkt));
	return p;
}

/* Equal to the segment, byte for byte. */
static inline void assert_seg(const struct pkt *pkt, const struct seg *s)
{
	uint32_t want_len, len;
	uint8_t *want = seg_bytes(s, &want_len), *got = flat(pkt, &len);

	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
	free(want);
	free(got);
}

#endif
