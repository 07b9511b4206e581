/* icmp.c - ICMP for both families: echo, errors we send
 *
 * in:  ip_deliver -> icmp4_in | icmp6_in -> (echo) icmp_send
 *					  -> (error) icmp_note.c -> udp_icmp | tcp_icmp
 *					  -> nd_in
 * out: icmp_error -> icmp_send -> ip_out
 *
 * Errors are rare by rule: never about an error, a group, a later fragment or
 * somebody without an address (RFC 1122 3.2.2, RFC 4443 2.4 e), and within two
 * token buckets, one for all and one a host (RFC 1812 4.3.2.8, RFC 4443 2.4 f).
 */
#include "stack/icmp.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/ip_extra.h"
#include "stack/netif.h"

#define QUOTE4		548	/* RFC 1812 4.3.2.3: 576 in all */
#define QUOTE6		1232	/* RFC 4443 2.4 c: 1280 in all */


#define ALL_RATE	1000	/* errors a second, as Linux's icmp_msgs_per_sec */
#define ALL_BURST	50
#define HOST_BURST	6
#define HOSTS		64	/* buckets, shared by hosts that hash alike */

struct bucket {
	uint32_t	tokens;
	usec		filled;
};

struct icmp_limit {
	struct bucket	all, host[HOSTS];
};

struct icmp_limit *icmp_limit_new(void)
{
	struct icmp_limit *l = xzalloc(sizeof(*l));

	l->all.tokens = ALL_BURST;
	for (int i = 0; i < HOSTS; i++)
		l->host[i].tokens = HOST_BURST;
	return l;
}

void icmp_limit_free(struct icmp_limit *l)
{
	free(l);
}

static void bucket_fill(struct bucket *b, usec now, usec every, uint32_t burst)
{
	usec n = every ? (now - b->filled) / every : burst;

	if (n <= 0)
		return;
	b->tokens = (uint32_t)MIN((usec)burst, b->tokens + n);
	b->filled = b->tokens == burst ? now : b->filled + n * every;
}

bool icmp_limit_ok(struct stack *st, const struct ip_addr *to)
{
	struct icmp_limit *l = st->icmp;
	struct bucket *host = &l->host[hash64(&st->secret, to, sizeof(*to)) % HOSTS];

	if (stack_addr(st, to))
		return true;
	bucket_fill(&l->all, st->now, USEC_PER_SEC / ALL_RATE, ALL_BURST);
	bucket_fill(host, st->now, st->param.icmp_ratelimit * USEC_PER_MSEC, HOST_BURST);
	if (!l->all.tokens || !host->tokens)
		return false;
	l->all.tokens--;
	host->tokens--;
	return true;
}

/* pkt holds what follows the ICMP header. The sum covers the addresses in IPv6,
 * so the route comes first. Takes pkt. */
static enum drop icmp_send(struct stack *st, struct pkt *pkt, struct icmp *h, struct flow *f,
			   const struct ip_extra *x)
{
	struct sum s = { 0 };
	uint8_t *p;
	struct wr w;

	if (ip_route(st, f) < 0)
		return drop(st, pkt, DROP_IP_NO_ROUTE);
	p = pkt_push(pkt, ICMP_LEN);
	h->sum = 0;
	w = wr_of(p, ICMP_LEN);
	icmp_emit(&w, h);
	if (f->proto == IPPROTO_ICMPV6)
		sum_pseudo(&s, &f->src, &f->dst, f->proto, pkt_len(pkt));
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	h->sum = sum_end(&s);
	w = wr_of(p, ICMP_LEN);
	icmp_emit(&w, h);
	return ip_out_with(st, pkt, f, x);
}

static uint8_t icmp_proto(bool v4)
{
	return v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static bool echo_ignored(const struct param *p, const struct ip *ip)
{
	if (ip->v4)
		return p->icmp_echo_ignore_all || (ip->group && p->icmp_echo_ignore_broadcasts);
	return p->echo_ignore_all || (ip->group && p->echo_ignore_multicast);
}

/* RFC 1122 3.2.2.6: the same data back, from the address that was asked, and where the
 * request came along. */
static enum drop echo_in(struct stack *st, struct pkt *pkt, const struct ip *ip, struct icmp *h)
{
	const uint8_t *ip4 = pkt->head + pkt->l3;
	struct ip_extra x = { .n4 = 0 };
	struct flow f = {
		.src = ip->group ? IP_NONE : ip->dst, .dst = ip->src,
		.proto = icmp_proto(ip->v4), .tos = ip->tos,
	};

	if (ip_is_any(&ip->src) || echo_ignored(&st->param, ip))
		return drop(st, pkt, DROP_ICMP_TYPE);
	if (ip_is_linklocal(&ip->src) || ip->group)
		f.ifindex = ip->nif->index;
	h->type = ip->v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;
	if (ip->v4 && !ip->reassembled)
		ip4_opt_echo(&x, ip4 + IP4_LEN, (ip4[0] & 15u) * 4 - IP4_LEN);
	pkt_turn(pkt);
	return icmp_send(st, pkt, h, &f, &x);
}

void icmp_count(struct stack *st, bool v4, bool out, uint8_t type)
{
	st->mib.icmp[v4][out][icmp_kind(v4, type)]++;
}

static bool head_in(struct pkt *pkt, struct icmp *h)
{
	const uint8_t *p = pkt_pull(pkt, ICMP_LEN);
	struct rd r = rd_of(p, p ? ICMP_LEN : 0);

	return icmp_parse(&r, h);
}

static enum drop error_in(struct stack *st, struct pkt *pkt, const struct icmp *h,
			  const struct ip *ip)
{
	uint8_t buf[QUOTE6];
	struct rd q;
	bool ok;

	q = rd_of(buf, pkt_copy(pkt, ICMP_LEN, buf, sizeof(buf)));
	if (ip->v4)
		ok = icmp4_error_in(st, ip, h, q);
	else
		ok = icmp6_error_in(st, ip, h, q);
	if (!ok)
		return drop(st, pkt, DROP_ICMP_SHORT);
	pkt_free(pkt);
	return DROP_NONE;
}

static bool sum4_ok(const struct pkt *pkt)
{
	struct sum s = { 0 };

	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	return pkt->sum != PKT_SUM_NONE || !sum_end(&s);
}

/* What is told to everybody is no answer to what we sent; a broadcast ping is answered
 * if icmp_echo_ignore_broadcasts says so. */
enum drop icmp4_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	struct icmp h;

	if (!head_in(pkt, &h))
		return drop(st, pkt, DROP_ICMP_SHORT);
	icmp_count(st, true, false, h.type);
	if (!sum4_ok(pkt))
		return drop(st, pkt, DROP_ICMP_SUM);
	if (ip->group && h.type != ICMP4_ECHO)
		return drop(st, pkt, DROP_ICMP_TYPE);
	if (icmp_is_error(true, h.type))
		return error_in(st, pkt, &h, ip);
	if (h.type == ICMP4_ECHO_REPLY)
		return ping_in(st, pkt, ip);
	if (h.type != ICMP4_ECHO)
		return drop(st, pkt, DROP_ICMP_TYPE);
	pkt_skip(pkt, ICMP_LEN);
	return echo_in(st, pkt, ip, &h);
}

enum drop icmp6_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	struct icmp h;

	if (!head_in(pkt, &h))
		return drop(st, pkt, DROP_ICMP_SHORT);
	icmp_count(st, false, false, h.type);
	if (!ip_sum_ok(pkt, ip))
		return drop(st, pkt, DROP_ICMP_SUM);
	if (icmp_is_error(false, h.type))
		return error_in(st, pkt, &h, ip);
	if (h.type >= ND_RS && h.type <= ND_REDIRECT)
		return nd_in(st, pkt, ip);
	if (h.type == MLD_QUERY || h.type == MLD1_REPORT)
		return mld_in(st, pkt, ip);
	if (h.type == ICMP6_ECHO_REPLY)
		return ping_in(st, pkt, ip);
	if (h.type != ICMP6_ECHO)
		return drop(st, pkt, DROP_ICMP_TYPE);
	pkt_skip(pkt, ICMP_LEN);
	return echo_in(st, pkt, ip, &h);
}

/* The packet from its IP header on, as far as to holds. */
static uint32_t quote_copy(const struct pkt *pkt, uint8_t *to, uint32_t size)
{
	uint32_t n = MIN((uint32_t)(pkt->end - pkt->l3), size);

	memcpy(to, pkt->head + pkt->l3, n);
	return n + pkt_copy(pkt, (uint32_t)(pkt->end - pkt->cur), to + n, size - n);
}

struct reply { uint8_t type, code; };

static const struct reply reply4[] = {
	[ICMP_ERR_PORT] = { ICMP4_UNREACH, ICMP4_PORT },
	[ICMP_ERR_PROTO] = { ICMP4_UNREACH, ICMP4_PROTO },
	[ICMP_ERR_NET] = { ICMP4_UNREACH, ICMP4_NET },
	[ICMP_ERR_ADMIN] = { ICMP4_UNREACH, ICMP4_ADMIN },
	[ICMP_ERR_HOST] = { ICMP4_UNREACH, ICMP4_HOST },
	[ICMP_ERR_REDIRECT] = { ICMP4_REDIRECT, 1 },
	[ICMP_ERR_TOO_BIG] = { ICMP4_UNREACH, ICMP4_FRAG },
	[ICMP_ERR_TTL] = { ICMP4_TIME_EXCEEDED, 0 },
	[ICMP_ERR_FRAG_TIME] = { ICMP4_TIME_EXCEEDED, 1 },
	[ICMP_ERR_PARAM] = { ICMP4_PARAM, 0 },
};

static const struct reply reply6[] = {
	[ICMP_ERR_PORT] = { ICMP6_UNREACH, ICMP6_PORT },
	[ICMP_ERR_PROTO] = { ICMP6_PARAM, 1 },
	[ICMP_ERR_NET] = { ICMP6_UNREACH, ICMP6_NOROUTE },
	[ICMP_ERR_ADMIN] = { ICMP6_UNREACH, ICMP6_ADMIN },
	[ICMP_ERR_HOST] = { ICMP6_UNREACH, ICMP6_ADDR },
	[ICMP_ERR_TOO_BIG] = { ICMP6_TOO_BIG, 0 },
	[ICMP_ERR_TTL] = { ICMP6_TIME_EXCEEDED, 0 },
	[ICMP_ERR_FRAG_TIME] = { ICMP6_TIME_EXCEEDED, 1 },
	[ICMP_ERR_PARAM] = { ICMP6_PARAM, 0 },
};

static struct icmp head_of(bool v4, enum icmp_err e, uint32_t arg)
{
	struct reply r = v4 ? reply4[e] : reply6[e];
	struct icmp h = { .type = r.type, .code = r.code, .rest = arg };

	if (e == ICMP_ERR_PARAM && v4)
		h.rest = arg << 24;
	if (e == ICMP_ERR_PARAM && !v4) {
		h.code = (uint8_t)(arg >> 16);
		h.rest = arg & 0xffff;
	}
	return h;
}

/* A multicast packet may be complained about for its size and its options
 * (RFC 4443 2.4 e.3). */
static bool group_allows(bool v4, const struct icmp *h)
{
	return !v4 && (h->type == ICMP6_TOO_BIG || (h->type == ICMP6_PARAM && h->code == 2));
}

static bool about_error(struct quote *q)
{
	bool v4 = ip_is_v4(&q->src);

	return q->proto == icmp_proto(v4) &&
	       (!rd_left(&q->l4) || icmp_is_error(v4, q->l4.p[0]));
}

static bool may_complain(struct stack *st, const struct pkt *pkt, struct quote *q,
			 const struct icmp *h)
{
	bool v4 = ip_is_v4(&q->src);
	bool group = ip_is_multicast(&q->dst) || netif_is_broadcast(pkt->nif, &q->dst);

	/* RFC 1122 3.2.2: not of a later fragment. RFC 4443 2.4 e has no such rule: what is
	 * too big must be told of, and RFC 8200 4.5 wants it of a bad fragment. */
	return (q->first || !v4) && !ip_is_any(&q->src) && !ip_is_multicast(&q->src) &&
	       (!group || group_allows(v4, h)) && !about_error(q) &&
	       icmp_limit_ok(st, &q->src);
}

void icmp_error(struct stack *st, const struct pkt *pkt, enum icmp_err e, uint32_t arg)
{
	uint8_t buf[QUOTE6];
	struct rd all = rd_of(buf, quote_copy(pkt, buf, sizeof(buf)));
	bool v4 = rd_left(&all) && buf[0] >> 4 == 4;
	uint32_t len = MIN((uint32_t)rd_left(&all), v4 ? QUOTE4 : QUOTE6);
	struct icmp h = head_of(v4, e, arg);
	/* RFC 1812 4.3.2.5: internetwork control, and the packet's own type of service. */
	struct flow f = { .proto = icmp_proto(v4), .tos = v4 ? 0xc0 | (buf[1] & 0x1e) : 0 };
	struct pkt *out;
	struct quote q;

	if (!quote_parse(all, &q) || !may_complain(st, pkt, &q, &h))
		return;
	f.dst = q.src;
	f.src = stack_addr(st, &q.dst) ? q.dst : IP_NONE;
	f.ifindex = ip_is_linklocal(&q.src) ? pkt->nif->index : 0;
	out = pkt_new();
	if (pkt_append(out, st->heap, buf, len))
		icmp_send(st, out, &h, &f, NULL);
	else
		drop(st, out, DROP_NO_MEMORY);
}
