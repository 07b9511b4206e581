/* seg.c - a segment whose every field can be what it should not be
 *
 * The values of a field are the boundaries of what it means here: for numbers of
 * a sequence space the edges of the windows and one beside, zero, the largest, the
 * sign flipped; for the data offset all; for flags all or those that make a
 * difference; for options each kind with lengths that fit and that do not.
 */
#include "seg.h"

#include <netinet/in.h>
#include <stdio.h>

#include "../sim/wire.h"
#include "base/sum.h"
#include "proto/proto.h"

const char *const field_names[N_FIELDS] = {
	[F_SEQ] = "seq", [F_ACK] = "ack", [F_DOFF] = "data offset", [F_FLAGS] = "flags",
	[F_WIN] = "window", [F_SUM] = "checksum", [F_URG] = "urgent", [F_OPTS] = "options",
	[F_LEN] = "payload",
};

/* --- numbers --- */

static uint32_t seq_value(unsigned i, const struct view *v)
{
	const uint32_t t[] = {
		v->rcv - 1, v->rcv + 1, v->right - 1, v->right, v->right + 1, v->wup - 1,
		v->rcv ^ 0x80000000, v->rcv + 1000, v->rcv, 0, UINT32_MAX, v->stream - 1,
		v->true_nxt, v->rcv - 70000, v->rcv + 0x7fffffff, v->rcv - 1000, v->wup,
	};

	return t[i];
}
#define N_SEQ		17
#define N_SEQ_FEW	9

static uint32_t ack_value(unsigned i, const struct view *v)
{
	const uint32_t t[] = {
		v->una - 1, v->una, v->una + 1, v->nxt, v->nxt + 1, v->una - v->max_wnd - 1,
		v->una ^ 0x80000000, 0, v->una - v->max_wnd, v->nxt - 1, UINT32_MAX,
		v->nxt + 0x7fffffff, v->una + 0x7fffffff, v->nxt + 100000, v->una - v->max_wnd + 1,
	};

	return t[i];
}
#define N_ACK		15
#define N_ACK_FEW	9

static const int doffs[] = { 0, 4, 6, 15, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14 };
#define N_DOFF_FEW	4

static const uint16_t some_flags[] = {
	TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN,
	TCP_PSH | TCP_ACK, TCP_URG | TCP_ACK, 0, 0xff, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST,
	TCP_ECE | TCP_CWR | TCP_ACK, TCP_SYN | TCP_FIN | TCP_ACK, TCP_FIN | TCP_URG | TCP_ACK, 0xf10,
};

static const uint16_t wins[] = { 0, 1, 0xffff, 0x8000, 0x7fff, 2, 536, 1459, 1460, 1461 };
#define N_WIN_FEW	4

static const uint16_t sums[] = { 0x00ff, 1, 0x8000, 0x0100 };

static const uint16_t urgs[] = { 1, 0xffff, 0x8000, 0, 2, 100, 0x7fff };
#define N_URG_FEW	3

static const uint16_t lens[] = { 0, 1, 1000, 1400, 2, 536, 100, 999 };
#define N_LEN_FEW	4

/* --- options --- */


enum { BYTES, STAMP, SACK, SACK2, SACK4 };

static const struct opt { uint8_t how; int32_t x, y; uint8_t n; const char *b; } opts[] = {
#define RAW(s) { BYTES, 0, 0, sizeof(s) - 1, s }
	RAW(""), { STAMP, -1, 0, 0, NULL }, { STAMP, 1, 0, 0, NULL }, { STAMP, INT32_MIN, 0, 0, NULL },
	{ SACK, 0, 1, 0, NULL }, { SACK, 1, 0, 0, NULL }, { SACK, -1, -1, 0, NULL },
	{ SACK4, 0, 0, 0, NULL }, RAW("\2\4\0\0"), RAW("\3\3\xff\1"), RAW("\5\2\1\1"),
	RAW("\x8\xff\0\0"), RAW("\xfe\0\0\0"), RAW("\x8\1\0\0"), RAW("\4\2\4\2"),
	RAW("\x22\x12" "0123456789abcdef\1\1"),
#define N_OPTS_FEW 16
	{ STAMP, 0, 0, 0, NULL }, { STAMP, INT32_MAX, 0, 0, NULL }, { STAMP, 0, 1, 0, NULL },
	{ STAMP, 0, -1, 0, NULL }, { STAMP, 0, INT32_MIN, 0, NULL }, { STAMP, 100000, 0, 0, NULL },
	{ SACK, 0, 0, 0, NULL }, { SACK, 2, 0, 0, NULL }, { SACK, 3, 0, 0, NULL },
	{ SACK, 4, 0, 0, NULL }, { SACK2, 0, 0, 0, NULL }, { SACK2, 1, 0, 0, NULL },
	RAW("\0\0\0\0"), RAW("\1\1\1\1"), RAW("\0\xff\xff\xff"), RAW("\1\1\1\0"),
	RAW("\2\0\0\0"), RAW("\2\1\0\0"), RAW("\2\2\0\0"), RAW("\2\3\0\0"), RAW("\2\5\0\0"),
	RAW("\2\x28\0\0"), RAW("\2\xff\0\0"), RAW("\2\4\0\1"), RAW("\2\4\2\x18"),
	RAW("\2\4\xff\xff"), RAW("\1\1\1\2"), RAW("\2\4\5\xb4\2\4\0\1"),
	RAW("\3\0\0\0"), RAW("\3\1\0\0"), RAW("\3\2\0\0"), RAW("\3\4\0\0"), RAW("\3\3\0\0"),
	RAW("\3\3\xe\0"), RAW("\3\3\xf\0"), RAW("\1\1\1\3"), RAW("\3\xff\xe\0"),
	RAW("\4\0\0\0"), RAW("\4\1\0\0"), RAW("\4\2\0\0"), RAW("\4\3\0\0"), RAW("\4\xff\0\0"),
	RAW("\5\0\0\0"), RAW("\5\1\0\0"), RAW("\5\xa\0\0"), RAW("\5\x9\0\0\0\0\0\0\0\0\0\0"),
	RAW("\5\xb\0\0\0\0\0\0\0\0\0\0"), RAW("\5\x22\0\0"), RAW("\5\x2a\0\0"), RAW("\5\xff\0\0"),
	RAW("\x8\0\0\0"), RAW("\x8\2\0\0"), RAW("\x8\x9\0\0\0\0\0\0\0\0\0\0"),
	RAW("\x8\xb\0\0\0\0\0\0\0\0\0\0"), RAW("\x8\xa\0\0"),
	RAW("\x22\2\1\1"), RAW("\x22\3\0\1"), RAW("\x22\6abcd\1\1"), RAW("\x22\xff\0\0"),
	RAW("\x13\x12" "0123456789abcdef\1\1"), RAW("\x1d\4\0\0"), RAW("\x1e\4\0\0"),
	RAW("\xff\2\0\0"), RAW("\xff\xff\xff\xff"), RAW("\xfd\4\xf9\x89"), RAW("\6\6\0\0\0\0\1\1"),
	RAW("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\x8"),
};

static void put32(uint8_t *p, uint32_t v)
{
	be32 b = be32_put(v);

	memcpy(p, &b, 4);
}

static uint32_t get32(const uint8_t *p)
{
	be32 b;

	memcpy(&b, p, 4);
	return be32_get(b);
}

static void put16(uint8_t *p, uint16_t v)
{
	be16 b = be16_put(v);

	memcpy(p, &b, 2);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void stamp(const struct view *v, const struct opt *o, struct mseg *m)
{
	uint32_t echo = m->n_opts >= 12 ? get32(m->opts + 8) : 0;

	memcpy(m->opts, "\1\1\x8\xa", 4);
	put32(m->opts + 4, v->ts_recent + (uint32_t)o->x);
	put32(m->opts + 8, echo + (uint32_t)o->y);
	m->n_opts = 12;
}

/* The kind of block: what is outstanding, beyond, before, inverted, empty. */
static void block(uint8_t *p, int kind, const struct view *v)
{
	const uint32_t from[] = { v->una, v->nxt, v->una - 100, v->nxt, v->una };
	const uint32_t to[] = { v->nxt, v->nxt + 1000, v->una, v->una, v->una };

	put32(p, from[kind]);
	put32(p + 4, to[kind]);
}

static void sack(const struct view *v, unsigned n, int first, int32_t shift, struct mseg *m)
{
	uint8_t *p = m->opts;

	*p++ = 1;
	*p++ = 1;
	*p++ = 5;
	*p++ = (uint8_t)(2 + 8 * n);
	for (unsigned i = 0; i < n; i++, p += 8) {
		block(p, (first + (int)i) % 5, v);
		put32(p + 4, get32(p + 4) + (uint32_t)shift);
	}
	m->n_opts = (uint32_t)(p - m->opts);
}

static void opts_set(const struct opt *o, const struct view *v, struct mseg *m)
{
	switch (o->how) {
	case STAMP:
		stamp(v, o, m);
		break;
	case SACK:
		sack(v, 1, o->x < 0 ? 0 : o->x, o->y, m);
		break;
	case SACK2:
		sack(v, 2, o->x, 0, m);
		break;
	case SACK4:
		sack(v, 4, 0, 0, m);
		break;
	default:
		memcpy(m->opts, o->b, o->n);
		m->n_opts = o->n;
	}
}

/* --- fields --- */

unsigned field_count(enum field f, bool all)
{
	switch (f) {
	case F_SEQ:	return all ? N_SEQ : N_SEQ_FEW;
	case F_ACK:	return all ? N_ACK : N_ACK_FEW;
	case F_DOFF:	return all ? ARRAY_LEN(doffs) : N_DOFF_FEW;
	case F_FLAGS:	return all ? 512 : ARRAY_LEN(some_flags);
	case F_WIN:	return all ? ARRAY_LEN(wins) : N_WIN_FEW;
	case F_SUM:	return all ? ARRAY_LEN(sums) : 1;
	case F_URG:	return all ? ARRAY_LEN(urgs) : N_URG_FEW;
	case F_OPTS:	return all ? ARRAY_LEN(opts) : N_OPTS_FEW;
	case F_LEN:	return all ? ARRAY_LEN(lens) : N_LEN_FEW;
	default:	return 0;
	}
}

void field_set(enum field f, unsigned i, bool all, const struct view *v, struct mseg *m)
{
	switch (f) {
	case F_SEQ:
		m->seq = seq_value(i, v);
		break;
	case F_ACK:
		m->ack = ack_value(i, v);
		break;
	case F_DOFF:
		m->doff = doffs[i];
		break;
	case F_FLAGS:	/* the second 256 with a reserved bit */
		m->flags = all ? (uint16_t)i : some_flags[i];
		break;
	case F_WIN:
		m->win = wins[i];
		break;
	case F_SUM:
		m->sum_xor = sums[i];
		break;
	case F_URG:
		m->flags |= TCP_URG;
		m->urg = urgs[i];
		break;
	case F_OPTS:
		opts_set(&opts[i], v, m);
		break;
	case F_LEN:
		m->paylen = lens[i];
		break;
	default:
		break;
	}
}

/* --- bytes --- */

bool seg_parse(const uint8_t *b, uint32_t len, struct mseg *m)
{
	const uint8_t *ip = b + ETH_LEN;
	bool v4 = ip[0] >> 4 == 4;
	const uint8_t *t = ip + (v4 ? (ip[0] & 15) * 4 : IP6_LEN);

	if (len < ETH_LEN + 40u || (v4 ? ip[9] : ip[6]) != IPPROTO_TCP)
		return false;
	*m = (struct mseg){
		.from_port = get16(t), .to_port = get16(t + 2), .seq = get32(t + 4),
		.ack = get32(t + 8), .doff = -1, .flags = t[13], .win = get16(t + 14),
		.urg = get16(t + 18), .n_opts = (t[12] >> 4) * 4u - TCP_LEN,
	};
	memcpy(m->opts, t + TCP_LEN, m->n_opts);
	m->paylen = (uint32_t)(b + len - t) - TCP_LEN - m->n_opts;
	return true;
}

static uint32_t ip_head(const struct pair *p, uint8_t *b, uint32_t l4)
{
	struct wr w = wr_of(b, ETH_LEN + IP6_LEN);
	const struct end *us = &p->e[SUBJECT], *peer = &p->e[PEER];

	eth_emit(&w, &(struct eth){ us->nif->mac, peer->nif->mac,
				    p->v6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4 });
	if (p->v6)
		ip6_emit(&w, &(struct ip6){ .plen = (uint16_t)l4, .next = IPPROTO_TCP, .hops = 64,
					    .src = peer->addr, .dst = us->addr });
	else
		ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + l4),
					    .ttl = 64, .proto = IPPROTO_TCP, .flags = IP4_DF,
					    .src = peer->addr, .dst = us->addr });
	return (uint32_t)wr_len(&w);
}

uint32_t seg_emit(const struct pair *p, const struct mseg *m, uint8_t *b, uint32_t size)
{
	uint32_t l4 = TCP_LEN + m->n_opts + m->paylen, head = ip_head(p, b, l4);
	unsigned doff = m->doff < 0 ? (TCP_LEN + m->n_opts) / 4 : (unsigned)m->doff;
	uint8_t *t = b + head, *pay = t + TCP_LEN + m->n_opts;
	struct sum s = { 0 };

	put16(t, m->from_port);
	put16(t + 2, m->to_port);
	put32(t + 4, m->seq);
	put32(t + 8, m->ack);
	t[12] = (uint8_t)(doff << 4 | (m->flags >> 8 & 15));
	t[13] = (uint8_t)m->flags;
	put16(t + 14, m->win);
	put16(t + 16, 0);
	put16(t + 18, m->urg);
	memcpy(t + TCP_LEN, m->opts, m->n_opts);
	for (uint32_t i = 0; i < m->paylen; i++)
		pay[i] = pattern(100000 * PEER + m->place + i);
	sum_pseudo(&s, &p->e[PEER].addr, &p->e[SUBJECT].addr, IPPROTO_TCP, l4);
	sum_add(&s, t, l4);
	put16(t + 16, sum_end(&s) ^ m->sum_xor);
	return head + l4;
}

/* RFC 9293 3.1: options end at the first that does not fit. */
static void read_options(const uint8_t *o, uint32_t n, struct read_seg *r)
{
	for (uint32_t i = 0; i < n && o[i]; ) {
		if (o[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= n || o[i + 1] < 2 || i + o[i + 1] > n)
			return;
		if (o[i] == 8 && o[i + 1] == 10) {
			r->has_ts = true;
			r->ts_val = get32(o + i + 2);
		}
		i += o[i + 1];
	}
}

void seg_read(const struct mseg *m, struct read_seg *r)
{
	uint32_t natural = TCP_LEN + m->n_opts, total = natural + m->paylen;
	uint32_t hlen = m->doff < 0 ? natural : (uint32_t)m->doff * 4;

	*r = (struct read_seg){ .flags = (uint8_t)m->flags };
	r->bad = m->sum_xor || hlen < TCP_LEN || hlen > total;
	if (r->bad)
		return;
	r->paylen = total - hlen;
	r->len = r->paylen + !!(r->flags & TCP_SYN) + !!(r->flags & TCP_FIN);
	r->true_bytes = hlen == natural;
	if (hlen <= natural)
		read_options(m->opts, hlen - TCP_LEN, r);
}

void seg_print(const struct mseg *m, const struct view *v, char *s, size_t size)
{
	int n = snprintf(s, size, "seq rcv%+d (right%+d) ack una%+d (nxt%+d) doff %d flags %03x "
			 "win %u sum^%x urg %u paylen %u opts",
			 (int32_t)(m->seq - v->rcv), (int32_t)(m->seq - v->right),
			 (int32_t)(m->ack - v->una), (int32_t)(m->ack - v->nxt), m->doff,
			 m->flags, m->win, m->sum_xor, m->urg, m->paylen);

	for (uint32_t i = 0; i < m->n_opts && (size_t)n + 4 < size; i++)
		n += snprintf(s + n, size - (size_t)n, " %02x", m->opts[i]);
}
