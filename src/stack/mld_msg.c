/* mld_msg.c - messages of MLD (RFC 3810, 2710) and IGMP (RFC 3376, 2236, 1112)
 *
 * in:  icmp6_in -> mld_in, ip_deliver -> igmp_in: a query of any version becomes a
 *      struct query for talk_query
 * out: report_begin, report_put for each record, report_send; elder_send
 */
#include <netinet/in.h>

#include "base/sum.h"
#include "stack/ip.h"
#include "stack/netif.h"
#include "stack/talk.h"

/* --- out --- */

static void sum_put(uint8_t *p, const struct sum *s)
{
	be16 v = be16_put(sum_end(s));

	memcpy(p + 2, &v, 2);
}

/* A short one is all head. */
static bool message_put(struct stack *st, struct pkt *pkt, const struct wr *w)
{
	unsigned len = (unsigned)wr_len(w);

	if (len > 64)
		return pkt_append(pkt, st->heap, w->start, len);
	memcpy(pkt_push(pkt, len), w->start, len);
	return true;
}

static void igmp_send(struct netif *nif, const struct wr *w, const struct ip_addr *dst)
{
	struct pkt *pkt = pkt_new();
	struct sum s = { 0 };

	sum_add(&s, w->start, wr_len(w));
	sum_put(w->start, &s);
	if (message_put(nif->st, pkt, w))
		ip4_send_igmp(nif, pkt, dst);
	else
		drop(nif->st, pkt, DROP_NO_MEMORY);
}

/* With the router alert option, one hop, from the link: RFC 3810 5. */
static void mld_send(struct netif *nif, const struct wr *w, const struct ip_addr *dst)
{
	static const uint8_t alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct netif_addr *a = netif_linklocal(nif);
	struct ip_addr src = a ? a->addr : IP6_ANY;
	struct pkt *pkt = pkt_new();
	struct sum s = { 0 };

	sum_pseudo(&s, &src, dst, IPPROTO_ICMPV6, (uint32_t)wr_len(w));
	sum_add(&s, w->start, wr_len(w));
	sum_put(w->start, &s);
	if (!message_put(nif->st, pkt, w)) {
		drop(nif->st, pkt, DROP_NO_MEMORY);
		return;
	}
	memcpy(pkt_push(pkt, sizeof(alert)), alert, sizeof(alert));
	ip6_send_on(nif, pkt, &src, dst, IPPROTO_HOPOPTS, 1);
}

void report_begin(struct report *r, struct group_talk *t)
{
	r->t = t;
	r->n = 0;
	/* room for a record at least, however small the MTU */
	r->w = wr_of(r->buf, MIN(sizeof(r->buf), MAX((size_t)t->nif->mtu, 60 + 8 + 20) - 60));
	wr_u8(&r->w, t->v4 ? IGMP3_REPORT : MLD2_REPORT);
	wr_zero(&r->w, 7);
}

void report_send(struct report *r)
{
	static const struct ip_addr mld2_routers = { { 0xff, 0x02, [15] = 0x16 } };
	be16 n = be16_put(r->n);

	if (!r->n)
		return;
	memcpy(r->buf + 6, &n, 2);
	if (r->t->v4)
		igmp_send(r->t->nif, &r->w, &IP4(224, 0, 0, 22));
	else
		mld_send(r->t->nif, &r->w, &mld2_routers);
	report_begin(r, r->t);
}

static void address_put(struct wr *w, const struct ip_addr *a, bool v4)
{
	wr_bytes(w, v4 ? ip_v4(a) : a->b, v4 ? 4 : 16);
}

/* A list too long for a packet is cut. */
void report_put(struct report *r, const struct ip_addr *g, uint8_t type,
		const struct ip_addr *const *src, unsigned n)
{
	bool v4 = r->t->v4;
	size_t one = v4 ? 4 : 16;

	if (wr_left(&r->w) < 4 + one * (n + 1))
		report_send(r);
	if (wr_left(&r->w) < 4 + one * (n + 1))
		n = (unsigned)(wr_left(&r->w) - 4) / (unsigned)one - 1;	/* RFC 3810 5.2.15 */
	wr_u8(&r->w, type);
	wr_u8(&r->w, 0);
	wr_u16(&r->w, (uint16_t)n);
	address_put(&r->w, g, v4);
	for (unsigned i = 0; i < n; i++)
		address_put(&r->w, src[i], v4);
	r->n++;
}

/* A report or a leave in an elder's words (RFC 2710 3, RFC 2236 2, RFC 1112 app. I). */
void elder_send(const struct netif_group *ng, unsigned v, bool leave)
{
	static const struct ip_addr routers6 = { { 0xff, 2, [15] = 2 } };
	bool v4 = ip_is_v4(&ng->addr);
	struct ip_addr to = ng->addr;
	uint8_t b[24];
	struct wr w = wr_of(b, sizeof(b));

	if (leave)
		to = v4 ? IP4(224, 0, 0, 2) : routers6;
	if (v4)
		wr_u8(&w, leave ? IGMP2_LEAVE : v == 1 ? IGMP1_REPORT : IGMP2_REPORT);
	else
		wr_u8(&w, leave ? MLD1_DONE : MLD1_REPORT);
	wr_zero(&w, v4 ? 3 : 7);
	address_put(&w, &ng->addr, v4);
	if (v4)
		igmp_send(ng->nif, &w, &to);
	else
		mld_send(ng->nif, &w, &to);
}

/* --- in --- */

/* RFC 3376 4.1.1, 4.1.7: from 128 on a mantissa and an exponent. */
static uint32_t code8(uint8_t c)
{
	return c < 128 ? c : (uint32_t)((c & 15) | 16) << ((c >> 4 & 7) + 3);
}

static uint32_t code16(uint16_t c)	/* RFC 3810 5.1.3 */
{
	return c < 32768 ? c : (uint32_t)((c & 0xfff) | 0x1000) << ((c >> 12 & 7) + 3);
}

/* The part of a query that only the newest version has; r: all that follows. */
static bool newest_parse(struct rd *r, struct query *q, size_t one)
{
	uint16_t n;

	q->robust = rd_u8(r) & 7;
	q->interval = code8(rd_u8(r)) * USEC_PER_SEC;
	n = rd_u16(r);
	q->sources = rd_sub(r, n * one);
	return !r->fail;
}

/* RFC 3810 5.1.14: from the link, one hop; checksum is checked already. */
enum drop mld_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t b[1500], type;
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct query q = { .version = pkt_len(pkt) == 24 ? 1 : 2 };
	uint16_t code;

	type = rd_u8(&r);
	rd_bytes(&r, 3);
	code = rd_u16(&r);
	rd_u16(&r);
	rd_copy(&r, &q.group, sizeof(q.group));
	q.within = (q.version == 1 ? code : code16(code)) * USEC_PER_MSEC;
	if (type == MLD_QUERY && q.version == 2)
		newest_parse(&r, &q, 16);
	if (r.fail || ip->ttl != 1 || !ip_is_linklocal(&ip->src) ||
	    (!ip_is_any(&q.group) && !ip_is_multicast(&q.group)))
		return drop(st, pkt, DROP_GROUP_BAD);
	if (type == MLD_QUERY)
		talk_query(ip->nif, false, &q);
	else if (type == MLD1_REPORT)
		talk_heard(ip->nif, &q.group);
	pkt_free(pkt);
	return DROP_NONE;
}

static bool igmp_query_parse(struct rd *r, struct query *q, uint8_t code, uint32_t len)
{
	q->version = len > 8 ? 3 : code ? 2 : 1;
	q->within = (q->version == 1 ? 100 : q->version == 2 ? code : code8(code)) * 100 *
		    USEC_PER_MSEC;
	return q->version < 3 || newest_parse(r, q, 4);
}

enum drop igmp_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t b[1500], g[4], type, code;
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct query q = { .version = 2 };
	struct sum s = { 0 };

	type = rd_u8(&r);
	code = rd_u8(&r);
	rd_u16(&r);
	rd_copy(&r, g, sizeof(g));
	q.group = ip_from_v4(g);
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	if (r.fail || ip->ttl != 1 || (pkt->sum == PKT_SUM_NONE && sum_end(&s)) ||
	    (type == IGMP_QUERY && !igmp_query_parse(&r, &q, code, pkt_len(pkt))))
		return drop(st, pkt, DROP_GROUP_BAD);
	if (type == IGMP_QUERY)
		talk_query(ip->nif, true, &q);
	else if (type == IGMP1_REPORT || type == IGMP2_REPORT)
		talk_heard(ip->nif, &q.group);
	pkt_free(pkt);
	return DROP_NONE;
}
