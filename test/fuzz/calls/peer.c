/* peer.c - what comes from the wire: raw, spoilt, close to right, and right
 *
 * The good frames are those of test/mutate/templ.c; of segments there are those whose
 * numbers are near the connection's, and the honest answer to what was sent last, by
 * which the deep states are reached.
 */
#include <netinet/in.h>

#include "../../sim/wire.h"
#include "calls.h"
#include "stack/tcp.h"

static void input(struct world *w, const uint8_t *b, uint32_t len)
{
	stack_input(w->l.st, flip(w) && w->second ? w->second : w->l.nif,
		    wire_pkt(w->l.st->heap, b, len));
}

/* --- anything --- */

static void raw_frame(struct world *w)
{
	uint32_t n = (uint32_t)rd_u8(&w->rd) * 4;
	const uint8_t *p = rd_bytes(&w->rd, MIN(n, rd_left(&w->rd)));

	if (w->rd.p > p)
		input(w, p, (uint32_t)(w->rd.p - p));
}

static void spoil(struct world *w, uint8_t *b, uint32_t *len)
{
	for (unsigned k = below(w, 5); k; k--) {
		uint32_t at = ETH_LEN - 2 + below(w, 128);
		uint8_t v = rd_u8(&w->rd);

		if (at < *len)
			b[at] = v;
	}
	if (below(w, 16) == 1)
		*len = ETH_LEN + (*len - ETH_LEN) * below(w, 64) / 64;
}

/* A good frame, perhaps with bytes that are not; its sums are right, mostly. */
static void templ_frame(struct world *w)
{
	uint8_t b[FRAME_MAX] = { 0 };
	uint32_t len = templs[below(w, n_templs)].make(&w->l, b);
	uint8_t sums = rd_u8(&w->rd);

	spoil(w, b, &len);
	sums_fill(b, len, !(sums & 1), !(sums & 2));
	input(w, b, len);
}

static void datagram(struct world *w)
{
	static const uint16_t ports[] = { 53, 1000, 1001, 1002, 4000, 0 };
	uint8_t b[FRAME_MAX];
	bool v4 = flip(w);
	uint32_t n = (uint32_t)rd_u8(&w->rd) * 4, len = udp_frame(b, v4, n);
	uint32_t at = ETH_LEN + (v4 ? IP4_LEN : IP6_LEN);

	put_u16(b + at + 2, ports[below(w, ARRAY_LEN(ports))]);
	sums_fill(b, len, true, true);
	input(w, b, len);
}

/* --- segments --- */

struct way { struct ip_addr src, dst; };	/* as the peer says */

static void segment(struct world *w, const struct way *y, struct tcp *h, uint32_t paylen)
{
	uint8_t b[ETH_LEN + IP6_LEN + TCP_MAXLEN + 1400] = { 0 };
	uint32_t n = tcp_hlen(&h->o) + MIN(paylen, 1400u);
	bool v4 = ip_is_v4(&y->dst);
	struct wr o = wr_of(b, sizeof(b));

	if (v4 != ip_is_v4(&y->src))
		return;
	eth_emit(&o, &(struct eth){ own_mac, peer_mac, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6 });
	if (v4)
		ip4_emit(&o, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + n),
					    .ttl = 64, .proto = IPPROTO_TCP, .tos = h->urg & 3,
					    .src = y->src, .dst = y->dst });
	else
		ip6_emit(&o, &(struct ip6){ .plen = (uint16_t)n, .next = IPPROTO_TCP, .hops = 64,
					    .src = y->src, .dst = y->dst });
	tcp_emit(&o, h);
	CHECK(!o.fail);
	n += v4 ? ETH_LEN + IP4_LEN : ETH_LEN + IP6_LEN;
	sums_fill(b, n, true, true);
	input(w, b, n);
}

static int32_t near(struct world *w)
{
	int8_t v = (int8_t)rd_u8(&w->rd);

	return v * (int32_t[]){ 1, 100, 1460, 65536 }[below(w, 4)];
}

static void options(struct world *w, const struct tcpc *tc, struct tcp_opts *o)
{
	uint8_t which = rd_u8(&w->rd);

	o->has_ts = which & 1;
	o->ts_val = tc ? tc->ts_recent + (uint32_t)near(w) : rd_u32(&w->rd);
	o->ts_ecr = tc ? tcp_ts_now(tc) + (uint32_t)near(w) : 0;
	o->has_mss = which & 2;
	o->mss = which & 2 ? rd_u16(&w->rd) : 0;
	o->has_wscale = which & 4;
	o->wscale = which & 4 ? rd_u8(&w->rd) : 0;
	o->sack_ok = which & 8;
	o->n_sack = which >> 5 & 3;
	for (unsigned i = 0; i < o->n_sack; i++) {
		o->sack[i].from = seq_add(tc ? tc->snd_una : SEQ(0), (uint32_t)near(w));
		o->sack[i].to = seq_add(o->sack[i].from, (uint32_t)near(w));
	}
}

static const struct tcpc *conn(struct world *w)
{
	const struct sock *so = w->so[below(w, SOCKS)];

	return so && so->type == SOCK_STREAM && so->remote.port ? tcpc_of(so) : NULL;
}

/* To a connection, with numbers near its own; else to whoever listens. */
static void near_segment(struct world *w)
{
	const struct tcpc *tc = conn(w);
	bool v4 = tc ? ip_is_v4(&tc->so.local.addr) : flip(w);
	struct way y = { v4 ? peer4 : peer6, v4 ? own4 : own6 };
	struct tcp h = { .src_port = 9, .dst_port = 80 };

	if (tc) {
		y = (struct way){ tc->so.remote.addr, tc->so.local.addr };
		h.src_port = tc->so.remote.port;
		h.dst_port = tc->so.local.port;
		h.seq = seq_add(tc->rcv_nxt, (uint32_t)near(w));
		h.ack = seq_add(flip(w) ? tc->snd_nxt : tc->snd_una, (uint32_t)near(w));
	} else {
		h.src_port = (uint16_t)(1000 + below(w, 8));
		h.seq = SEQ(rd_u32(&w->rd));
		h.ack = SEQ(rd_u32(&w->rd));
	}
	h.flags = rd_u8(&w->rd);
	h.win = rd_u16(&w->rd);
	h.urg = rd_u8(&w->rd);
	options(w, tc, &h.o);
	segment(w, &y, &h, flip(w) ? rd_u16(&w->rd) % 1400 : 0);
}

static void fresh_syn(struct world *w)
{
	struct tcp h = { .src_port = (uint16_t)(1000 + below(w, 4)), .dst_port = 80,
			 .seq = SEQ(77), .flags = TCP_SYN, .win = 65535,
			 .o = { .has_mss = true, .mss = 1000, .sack_ok = true } };
	bool v4 = flip(w);

	segment(w, &(struct way){ v4 ? peer4 : peer6, v4 ? own4 : own6 }, &h, 0);
}

/* What an honest peer says to our last segment, perhaps with data or FIN. */
void peer_answers(struct world *w)
{
	const struct tcp *l = &w->last;
	bool syn = l->flags & TCP_SYN;
	struct tcp h = { .src_port = l->dst_port, .dst_port = l->src_port, .seq = l->ack,
			 .ack = seq_add(l->seq, w->last_len + syn + !!(l->flags & TCP_FIN)),
			 .flags = TCP_ACK, .win = rd_u16(&w->rd) };
	uint8_t how = rd_u8(&w->rd);

	if (!w->has_last)
		return;
	if (syn && !(l->flags & TCP_ACK)) {
		h.flags |= TCP_SYN;
		h.seq = SEQ(7000);
		h.o = l->o;
	} else {
		h.flags |= (how & 1 ? TCP_FIN : 0) | (how & 2 ? TCP_ECE : 0);
		h.o.has_ts = l->o.has_ts;
	}
	h.o.ts_val = l->o.ts_ecr + 1;
	h.o.ts_ecr = l->o.ts_val;
	segment(w, &(struct way){ w->last_dst, w->last_src }, &h,
		how & 4 ? rd_u16(&w->rd) % 1400 : 0);
}

/* --- what the stack has said --- */

static void hear_segment(struct world *w, const uint8_t *b, uint32_t len, uint32_t at, bool v4)
{
	const uint8_t *ip = b + ETH_LEN;
	struct rd r = rd_of(b + at, len - at);

	if (!tcp_parse(&r, &w->last))
		return;
	w->has_last = true;
	w->last_len = (uint32_t)rd_left(&r);
	w->last_src = v4 ? ip_from_v4(ip + 12) : ip_from_v6(ip + 8);
	w->last_dst = v4 ? ip_from_v4(ip + 16) : ip_from_v6(ip + 24);
}

/* Errors quote the last datagram and the last segment of each family. */
void peer_hears(struct world *w, const uint8_t *b, uint32_t len)
{
	uint8_t proto = 0;
	uint32_t at = upper_at(b, len, &proto);
	bool v4 = get_u16(b + 12) == ETHERTYPE_IP4;
	unsigned i = (proto == IPPROTO_TCP) + 2u * !v4;

	if (!at || (proto != IPPROTO_TCP && proto != IPPROTO_UDP))
		return;
	if (proto == IPPROTO_TCP)
		hear_segment(w, b, len, at, v4);
	if (len > FRAME_MAX)
		return;
	memcpy(w->l.seen[i], b, len);
	w->l.seen_len[i] = len;
}

step *const peer_steps[] = {
	raw_frame, templ_frame, templ_frame, templ_frame, datagram, near_segment, near_segment,
	fresh_syn, peer_answers, peer_answers, peer_answers,
};
const unsigned n_peer_steps = ARRAY_LEN(peer_steps);
