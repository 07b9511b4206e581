/* tcp_cookie.c - SYN cookies: a handshake without memory (RFC 4987 3.6)
 *
 * When the SYN queue is full, the SYN-ACK's sequence number itself says what we
 * would have noted, and only we can have made it:
 *
 *   hash(ends) + peer's number + minute << 24 + (hash(ends, minute, number) + index) % 2^24
 *
 * where index is the MSS's. With the number in the second hash, too, a segment that
 * comes one octet later (the first was lost) does not pass for another MSS.
 *
 * The ACK brings it back; what is older than two minutes is not ours. With
 * timestamps (RFC 7323) the low six bits of ours, echoed by the peer, hold its
 * window scale and whether it does SACK and ECN, as with Linux; without them the
 * connection has none of these. The rest of the options is lost.
 *
 * ACKs without a request are looked at only for two minutes after a cookie was sent:
 * nobody can save the SYN and guess his way in.
 */
#include "stack/tcp_req.h"

#define PERIOD		(60 * USEC_PER_SEC)
#define MAX_AGE		2u
#define TS_BITS		6
#define TS_MASK		((1u << TS_BITS) - 1)
#define TS_NO_WSCALE	15u
#define TS_SACK		(1u << 4)
#define TS_ECN		(1u << 5)

static const uint16_t msses[] = { 536, 1220, 1300, 1420, 1440, 1460, 8940, 65475 };

static uint32_t hash(struct stack *st, const struct endpoint *l, const struct endpoint *r,
		     uint32_t count, struct seq irs)
{
	struct { struct ip_addr l, r; uint16_t lp, rp; uint32_t count, irs, what; } k = {
		l->addr, r->addr, l->port, r->port, count, irs.v, 0x636f6f6bu,
	};

	return (uint32_t)hash64(&st->secret, &k, sizeof(k));
}

/* Minutes, never 0: that is the part of the hash that stays. */
static uint32_t minute(const struct stack *st)
{
	return (uint32_t)(st->now / PERIOD) + 1;
}

/* The largest of the table that the peer takes. */
static uint32_t mss_index(const struct tcp_req *rq)
{
	uint32_t mss = rq->mss ? rq->mss : ip_is_v4(&rq->remote) ? 536 : 1220;
	uint32_t i = ARRAY_LEN(msses) - 1;

	while (i && msses[i] > mss)
		i--;
	return i;
}

static uint32_t make(const struct tcp_req *rq, const struct endpoint *l, const struct endpoint *r)
{
	struct stack *st = rq->listener->so.st;
	uint32_t count = minute(st);

	return hash(st, l, r, 0, SEQ(0)) + rq->irs.v + (count << 24) +
	       ((hash(st, l, r, count, rq->irs) + mss_index(rq)) & 0xffffff);
}

/* The place in msses, or something beyond: not ours. */
static uint32_t read_back(struct stack *st, uint32_t cookie, struct seq irs,
			  const struct endpoint *l, const struct endpoint *r)
{
	uint32_t age;

	cookie -= hash(st, l, r, 0, SEQ(0)) + irs.v;
	age = (minute(st) - (cookie >> 24)) & 0xff;
	if (age >= MAX_AGE)
		return UINT32_MAX;
	return (cookie - hash(st, l, r, minute(st) - age, irs)) & 0xffffff;
}

/* The clock, a little back so that its low bits can tell the options. */
uint32_t tcp_cookie_ts(const struct tcp_req *rq, uint32_t now)
{
	uint32_t bits = (rq->wscale_ok ? rq->snd_wscale : TS_NO_WSCALE) |
			(rq->sack_ok ? TS_SACK : 0) | (rq->ecn_ok ? TS_ECN : 0);
	uint32_t ts = (now & ~TS_MASK) | bits;

	return (int32_t)(ts - now) > 0 ? ts - (TS_MASK + 1) : ts;
}

void tcp_cookie_answer(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		       const struct endpoint *r)
{
	struct tcp_req rq;

	tcp_req_fill(&rq, lis, sg, l, r);
	rq.cookie = true;
	if (!rq.ts_ok)
		rq.sack_ok = rq.ecn_ok = rq.wscale_ok = rq.snd_wscale = rq.rcv_wscale = 0;
	rq.iss = SEQ(make(&rq, l, r));
	lis->lis->cookie_at = MAX(lis->so.st->now, 1);
	tcp_req_syn_ack(&rq);
}

static bool expected(const struct tcpc *lis)
{
	usec at = lis->lis->cookie_at;

	return at && lis->so.st->now - at < MAX_AGE * PERIOD;
}

/* What the SYN had said, from the echo of our timestamp. */
static void options(struct tcp_req *rq, const struct tcp_opts *o, const struct endpoint *l,
		    const struct endpoint *r)
{
	struct stack *st = rq->listener->so.st;
	uint32_t bits = (o->ts_ecr - tcp_ts_offset(st, l, r)) & TS_MASK;

	rq->ts_ok = o->has_ts && st->param.tcp_timestamps;
	if (!rq->ts_ok)
		return;
	rq->sack_ok = (bits & TS_SACK) && st->param.tcp_sack;
	rq->ecn_ok = (bits & TS_ECN) && st->param.tcp_ecn;
	rq->wscale_ok = (bits & 15) != TS_NO_WSCALE && st->param.tcp_window_scaling;
	rq->snd_wscale = rq->wscale_ok ? MIN(bits & 15, 14u) & 15 : 0;
	rq->rcv_wscale = rq->wscale_ok ? tcp_window_scale(&st->param) & 15 : 0;
}

bool tcp_cookie_check(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		      const struct endpoint *r, struct tcp_req *rq)
{
	struct seq irs = seq_add(sg->h.seq, (uint32_t)-1), iss = seq_add(sg->h.ack, (uint32_t)-1);
	uint32_t i;

	if (!expected(lis))
		return false;
	i = read_back(lis->so.st, iss.v, irs, l, r);
	if (i >= ARRAY_LEN(msses))
		return false;
	tcp_req_fill(rq, lis, sg, l, r);
	rq->cookie = true;
	rq->iss = iss;
	rq->irs = irs;
	rq->mss = msses[i];
	rq->sack_ok = rq->ecn_ok = rq->wscale_ok = rq->snd_wscale = rq->rcv_wscale = 0;
	options(rq, &sg->h.o, l, r);
	return true;
}
