/* tcp_out.c - what may be sent now, and building segments
 *
 * tcp_output is called whenever something has changed that may allow sending.
 * It sends pieces until nothing more may go: first what is lost and not yet
 * sent again, else new data, within the congestion window (cwnd against pipe,
 * RFC 6675), the peer's window, Nagle's rule and the room of the netif. A piece
 * is a super-frame of as many full segments as fit (gso_size says where to cut).
 * An ACK that is owed and found no data to travel with goes alone at the end.
 *
 *   tcp_output -> pick -> fit_room -> xmit -> ip_out
 *
 * When the netif has no room the socket is queued there and ops->resume comes
 * back to tcp_output, also for an ACK that is owed; RSTs go regardless.
 */
#include "stack/ip_extra.h"
#include "stack/netif.h"
#include "stack/tcp_stamp.h"

#include "base/sum.h"

#define TCP_SUM_OFF	16
#define TS_LEN		12
#define HALF_WND_MIN	536u
#define HEAD_MAX	(PKT_HEADROOM - 18)	/* what a super-frame repeats, without Ethernet and tag */

struct piece {
	struct seq	from;
	uint32_t	len;
	uint32_t	mss;
	bool		rxt, fin, push, probe;
};

/* --- building --- */

static inline void dress(struct stack *st, struct pkt *pkt, const struct flow *f, struct tcp *h,
		  uint32_t mss)
{
	unsigned hlen = tcp_hlen(&h->o);
	uint8_t *p = pkt_push(pkt, hlen);
	struct wr w = wr_of(p, hlen);
	struct sum s = { 0 };

	sum_pseudo(&s, &f->src, &f->dst, IPPROTO_TCP, hlen + pkt->paylen);
	h->sum = sum_partial(&s);
	tcp_emit(&w, h);
	pkt->l4 = pkt->start;
	count_tcp(st, TCP_OutSegs);
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_start = 0;
	pkt->sum_off = TCP_SUM_OFF;
	if (pkt->paylen > mss) {
		pkt->gso_size = (uint16_t)mss;
		pkt->gso_hlen = (uint16_t)hlen;
	}
}

static void hand_down(struct tcpc *tc, struct pkt *pkt, struct tcp *h, uint32_t mss)
{
	struct sock *so = &tc->so;

	dress(so->st, pkt, &so->flow, h, mss);
	if (tc->special) {
		pkt->delay = tc->asked->tx_delay;
		tcp_stamp_left(tc, pkt, seq_add(h->seq, h->flags & TCP_SYN ? 1 : 0));
	}
	ip_out_with(so->st, pkt, &so->flow, so->asked->extra);
}

void tcp_send_bare(struct stack *st, struct flow *f, struct tcp *h)
{
	struct pkt *pkt = pkt_new();

	dress(st, pkt, f, h, UINT32_MAX);
	ip_out_with(st, pkt, f, NULL);
}

static void ts_fill(const struct tcpc *tc, struct tcp_opts *o)
{
	o->has_ts = true;
	o->ts_val = tcp_ts_now(tc);
	o->ts_ecr = tc->ts_recent;
}

/* The header of any segment but a SYN. */
static struct tcp header(struct tcpc *tc, struct seq seq, uint8_t flags)
{
	struct tcp h = {
		.src_port = tc->so.local.port, .dst_port = tc->so.remote.port,
		.seq = seq, .ack = tc->rcv_nxt, .flags = flags,
	};

	h.win = (uint16_t)(tcp_rcv_select_window(tc) >> tc->rcv_wscale);
	if (tc->ts_ok)
		ts_fill(tc, &h.o);
	if (tc->ooo)
		tcp_sack_fill(tc, &h.o);
	return h;
}

/* The segment says all we owe: no ACK is pending after it. */
static void send_seg(struct tcpc *tc, struct pkt *pkt, struct tcp *h, uint32_t mss)
{
	if (seq_gt(tc->snd_up, tc->snd_una) && seq_gt(tc->snd_up, h->seq)) {
		h->flags |= TCP_URG;
		h->urg = (uint16_t)MIN(seq_diff(tc->snd_up, h->seq), 65535);
	}
	if (pkt->paylen) {
		uint32_t segs = tcp_count_segs(pkt->paylen, mss);

		tc->so.st->mib.tcp[TCP_OutSegs] += segs - 1;
		tc->so.st->mib.tcp[TCP_TCPOrigDataSent] += segs;
		tc->segs_out += segs;
		tc->count.data_out += segs;
	} else {
		tc->segs_out++;
	}
	if (tc->ooo)
		tcp_ooo_told(tc);
	tcp_ev_ack_sent(tc);
	hand_down(tc, pkt, h, mss);
}

static void send_empty(struct tcpc *tc, struct seq seq, uint8_t flags)
{
	struct tcp h = header(tc, seq, flags);

	tcp_ecn_out(tc, &h, false);
	send_seg(tc, pkt_new(), &h, UINT32_MAX);
}

/* Of what this ACK covers, up to where one before it might have gone; 0: none. */
static uint32_t first_half(const struct tcpc *tc)
{
	uint32_t segs = (uint32_t)seq_diff(tc->rcv_nxt, tc->rcv_wup) / MAX(tc->rcv_mss, 1);


	if (!tc->merged || segs < 2 || !(tcp_count_lossy(tc) || tcp_path_is_long(tc)))
		return 0;
	return segs / 2 * tc->rcv_mss;
}

uint32_t tcp_out_room(const struct tcpc *tc)
{
	const struct flow *f = &tc->so.flow;

	return f->nif ? netif_room(f->nif, &f->hop) : UINT32_MAX;
}

/* Dropped for want of room it might be the last one, for which the peer would wait until
 * a timeout; of those that wait the newest says it all. */
static bool ack_waits(struct tcpc *tc)
{
	if (!tcp_state_in(tc, TCP_CAN_RECV) || tcp_out_room(tc))
		return false;
	tc->ack_now = true;
	sock_stall(&tc->so, tc->so.flow.nif);
	return true;
}

static void send_half_ack(struct tcpc *tc, uint32_t half)
{
	struct seq ack = seq_add(tc->rcv_wup, half);
	struct tcp h = header(tc, tc->snd_nxt, TCP_ACK);
	uint32_t wnd = tc->rcv_wnd + (uint32_t)seq_diff(tc->rcv_nxt, ack);

	h.ack = ack;
	h.win = (uint16_t)MIN(wnd >> tc->rcv_wscale, 65535);
	tcp_ecn_out(tc, &h, false);
	send_seg(tc, pkt_new(), &h, UINT32_MAX);
}

/* One for all that a plug merged is much to lose: where data is lost ACKs are, and then
 * nothing is left that tells the sender; on a long path he would wait long. RFC 5681 4.2 has
 * one for every second segment; two it shall be. */
void tcp_send_ack(struct tcpc *tc)
{
	uint32_t half = first_half(tc);

	if (ack_waits(tc))
		return;
	if (half)
		send_half_ack(tc, half);
	send_empty(tc, tc->snd_nxt, TCP_ACK);
}

void tcp_send_rst(struct tcpc *tc)
{
	count_tcp(tc->so.st, TCP_OutRsts);
	send_empty(tc, tc->snd_nxt, TCP_RST | TCP_ACK);
}

void tcp_send_probe(struct tcpc *tc)
{
	send_empty(tc, seq_add(tc->snd_una, (uint32_t)-1), TCP_ACK);
}

/* SYN in SYN-SENT offers what the parameters allow; SYN-ACK of a simultaneous
 * open confirms what both want. */
void tcp_send_syn(struct tcpc *tc)
{
	bool reply = tc->state == TCP_SYN_RECV;
	struct pkt *pkt = pkt_new();
	struct tcp h = {
		.src_port = tc->so.local.port, .dst_port = tc->so.remote.port,
		.seq = tc->iss, .ack = reply ? tc->rcv_nxt : SEQ(0),
		.flags = reply ? TCP_SYN | TCP_ACK : TCP_SYN,
		.win = (uint16_t)MIN(tc->rcv_wnd, 65535),
	};

	h.flags |= tcp_ecn_syn(tc);
	h.o.has_mss = true;
	h.o.mss = tcp_mss_offer(tc->so.st, &tc->so.flow, tc->asked->mss);
	h.o.has_wscale = tc->wscale_ok;
	h.o.wscale = tc->rcv_wscale;
	h.o.sack_ok = tc->sack_ok;
	if (tc->ts_ok)
		ts_fill(tc, &h.o);
	if (!reply)
		tcp_fo_syn(tc, &h.o);
	tc->segs_out++;
	tc->last_sent = tc->so.st->now;
	if (!reply && tc->fo && !tc->total_retrans)
		tcp_snd_map(tc, pkt, tc->snd_nxt, tc->fo->len);
	hand_down(tc, pkt, &h, UINT32_MAX);
}

/* --- sizes --- */

static uint32_t ip_len(const struct flow *f)
{
	return ip_is_v4(&f->dst) ? IP4_LEN : IP6_LEN;
}

static uint32_t extra_len(const struct tcpc *tc)
{
	return ip_extra_len(tc->so.asked->extra, ip_is_v4(&tc->so.flow.dst));
}

/* A packet's length has 16 bits, whatever MTU an interface (lo) claims. */
static uint32_t mss_of(const struct flow *f, uint32_t mtu)
{
	return MIN(mtu, 65535u) - ip_len(f) - TCP_LEN;
}

/* RFC 9293 3.7.1: what the interface takes, whatever the path does. */
uint16_t tcp_mss_offer(struct stack *st, const struct flow *f, uint16_t user)
{
	uint32_t mss = mss_of(f, f->nif ? f->nif->mtu : f->mtu);

	if (user)
		mss = MIN(mss, user);
	return (uint16_t)MIN(mss, 65535);
}

void tcp_mss_update(struct tcpc *tc)
{
	const struct flow *f = &tc->so.flow;
	uint32_t dflt = ip_is_v4(&f->dst) ? 536 : 1220;	/* RFC 9293 3.7.1 */
	uint32_t mss = mss_of(f, tcp_mtup_mtu(tc, f->mtu));

	mss = MIN(mss, tc->mss_peer ? tc->mss_peer : dflt);
	if (tc->asked->mss)
		mss = MIN(mss, tc->asked->mss);
	mss -= MIN(mss, extra_len(tc));		/* RFC 6691 3 */
	tc->mtu = f->mtu;
	tc->mss_base = MAX(mss, tc->so.st->param.tcp_min_snd_mss);
	tc->mss = tc->mss_base - (tc->ts_ok ? TS_LEN : 0);
	/* A path that became wider: the least are so many segments of now (RFC 5681 3.1). */
	tc->cwnd = MAX(tc->cwnd, tc->mss);
	tc->ssthresh = MAX(tc->ssthresh, 2 * tc->mss);
}

/* Bytes of SACK option the next header will have. */
static uint32_t sack_len(const struct tcpc *tc)
{
	uint32_t blocks = tcp_sack_blocks(tc);

	return blocks ? 4 + MIN(blocks, tc->ts_ok ? 3u : 4u) * 8 : 0;
}

/* What a full segment carries now: SACK blocks take room, and a peer with a
 * tiny window gets segments of half of it (RFC 9293 3.8.6.2.1). */
static uint32_t mss_now(const struct tcpc *tc)
{
	uint32_t mss = tc->mss - sack_len(tc);
	uint32_t half = tc->max_wnd > HALF_WND_MIN ? tc->max_wnd / 2 : tc->max_wnd;

	return half && mss > half ? MAX(half, 48u) : mss;
}

static uint32_t gso_limit(const struct tcpc *tc, uint32_t mss)
{
	uint32_t most = MIN(tc->so.st->param.tcp_gso_max, 65535u);
	uint32_t head = ip_len(&tc->so.flow) + extra_len(tc) + TCP_MAXLEN;

	if (head > HEAD_MAX)
		return mss;
	most = most > head ? most - head : 0;
	return most > mss ? tcp_pace_burst(tc, mss, most - most % mss) : mss;
}

static uint32_t cwnd_room(const struct tcpc *tc)
{
	uint32_t pipe = tcp_pipe(tc);

	return tc->cwnd > pipe ? tc->cwnd - pipe : 0;
}

/* --- what to send next --- */

/* RFC 9293 3.7.4 with Minshall's amendment: one small segment in flight. */
static bool small_may_go(const struct tcpc *tc, uint32_t part)
{
	if (!part || tc->fin_queued || seq_gt(tc->snd_up, tc->snd_nxt))
		return true;
	if (tc->cork || tc->more)
		return false;
	return tc->nodelay || seq_eq(tc->snd_una, tc->snd_nxt) ||
	       seq_le(tc->snd_sml, tc->snd_una);
}

/* Bytes of one record only. */
static void keep_record(struct tcpc *tc, struct piece *pc)
{
	uint32_t len = tcp_snd_record(tc, pc->from, pc->len + 1);

	if (len > pc->len)
		return;
	pc->fin &= len == pc->len;
	pc->len = len;
	pc->push = true;
}

static bool pick_lost(struct tcpc *tc, struct piece *pc)
{
	struct tcp_sack lost;
	uint32_t len, room = cwnd_room(tc);

	if (!sent_first_lost(&tc->sent, &lost))
		return false;
	len = MIN((uint32_t)seq_diff(lost.to, lost.from), gso_limit(tc, pc->mss));
	if (room < MIN(len, pc->mss))
		return false;
	pc->len = MIN(len, MAX(room - room % pc->mss, pc->mss));
	pc->from = lost.from;
	pc->rxt = true;
	pc->fin = seq_gt(seq_add(pc->from, pc->len), tc->snd_end);
	pc->len -= pc->fin;
	keep_record(tc, pc);
	return true;
}

/* The peer's window from snd_nxt on. */
static uint32_t window_room(const struct tcpc *tc)
{
	int32_t room = seq_diff(seq_add(tc->snd_una, tc->snd_wnd), tc->snd_nxt);

	return room > 0 ? (uint32_t)room : 0;
}

static bool pick_fin(struct tcpc *tc, struct piece *pc)
{
	if (!tc->fin_queued || tc->fin_sent || !window_room(tc))
		return false;
	pc->from = tc->snd_nxt;
	pc->fin = true;
	return true;
}

static bool pick_new(struct tcpc *tc, struct piece *pc)
{
	int32_t avail = seq_diff(tc->snd_end, tc->snd_nxt);
	uint32_t len, part, room, record;

	if (avail <= 0)
		return pick_fin(tc, pc);
	room = cwnd_room(tc);
	len = MIN((uint32_t)avail, window_room(tc));
	if (len > room) {
		tc->cwnd_limited = true;
		len = room;
	}
	len = MIN(len, gso_limit(tc, pc->mss));
	record = tcp_snd_record(tc, tc->snd_nxt, (uint32_t)avail);
	part = len % pc->mss;
	pc->push = record <= len && record < (uint32_t)avail;
	if (pc->push)
		len = record;		/* whole, and there is more behind it */
	else if (len < (uint32_t)avail || !small_may_go(tc, part))
		len -= part;
	pc->from = tc->snd_nxt;
	pc->len = len;
	pc->fin = tc->fin_queued && len == (uint32_t)avail && len < window_room(tc);
	return len > 0;
}

/* One packet larger than those before (tcp_mtup.c); false: not its turn. */
static bool pick_probe(struct tcpc *tc, struct piece *pc)
{
	if (!tc->mtup || !tcp_mtup_turn(tc, &pc->len))
		return false;
	tc->cwnd_limited |= !pc->len;
	pc->from = tc->snd_nxt;
	pc->probe = pc->len;
	pc->mss = MAX(pc->len, pc->mss);
	return true;
}

/* Lost data goes before new data, and holds it back while it may not go; but for the
 * test of a timeout (RFC 5682 3.1 step 2b). */
static bool pick(struct tcpc *tc, struct piece *pc)
{
	*pc = (struct piece){ .mss = mss_now(tc) };
	if (tc->frto_new && pick_new(tc, pc))
		return true;
	if (tc->sent.lost)
		return pick_lost(tc, pc);
	return pick_probe(tc, pc) ? pc->probe : pick_new(tc, pc);
}

/* Back-pressure: no more frames than the netif takes without loss. */
static bool fit_room(struct tcpc *tc, struct piece *pc)
{
	uint32_t room = tcp_out_room(tc);

	if (!room) {
		sock_stall(&tc->so, tc->so.flow.nif);
		return false;
	}
	if (pc->len > (uint64_t)room * pc->mss) {
		pc->len = room * pc->mss;
		pc->fin = false;
	}
	return true;
}

static void note_small(struct tcpc *tc, struct seq end, uint32_t lack)
{
	tc->snd_sml = end;
	tc->sml_lack = (uint16_t)MIN(tc->sml_lack + lack, UINT16_MAX);
}

static void note_sent(struct tcpc *tc, const struct piece *pc)
{
	struct seq end = seq_add(pc->from, pc->len + pc->fin);

	tc->last_sent = tc->so.st->now;
	if (pc->rxt) {
		tcp_rec_sent_again(tc, pc->from, end);
		tcp_mtup_again(tc);
		return;
	}
	if (pc->probe)
		tcp_mtup_sent(tc, pc->from, end);
	if (pc->len % pc->mss)
		note_small(tc, end, pc->mss - pc->len % pc->mss);
	tc->snd_nxt = end;
	tc->fin_sent |= pc->fin;
	tcp_rec_sent_new(tc, pc->len);
}

static void xmit(struct tcpc *tc, struct piece *pc)
{
	struct pkt *pkt = pkt_new();
	uint8_t flags = TCP_ACK;
	uint32_t len = tcp_snd_map(tc, pkt, pc->from, pc->len);
	struct tcp h;

	if (len < pc->len) {	/* too many pieces of memory for one packet */
		pc->fin = false;
		pc->len = len > pc->mss ? len - len % pc->mss : len;
		pkt_trim_to(pkt, pc->len);
	}
	if (pc->fin)
		flags |= TCP_FIN;
	if (pc->push || (pc->len && seq_eq(seq_add(pc->from, pc->len), tc->snd_end)))
		flags |= TCP_PSH;
	h = header(tc, pc->from, flags);
	tcp_ecn_out(tc, &h, pc->len && !pc->rxt);
	note_sent(tc, pc);
	tcp_ev_data_sent(tc, pc->rxt && seq_eq(pc->from, tc->snd_una));
	send_seg(tc, pkt, &h, pc->mss);
}

/* RFC 5681 4.1: the path may have changed during a silence. */
static void restart_after_idle(struct tcpc *tc)
{
	usec silence = tc->so.st->now - tc->last_sent;

	if (seq_eq(tc->snd_una, tc->snd_nxt) && tc->rec == TCP_REC_OPEN)
		tcp_cc_restart(tc, silence);
}

static bool nothing_to_send(const struct tcpc *tc)
{
	bool new = seq_lt(tc->snd_nxt, tc->snd_end) || (tc->fin_queued && !tc->fin_sent);

	return !new && !tc->sent.lost;
}

static void send_all(struct tcpc *tc)
{
	struct piece pc;

	if (tc->so.flow.gen != tc->so.st->route_gen)
		ip_route(tc->so.st, &tc->so.flow);	/* a failure is ip_out's to tell */
	if (tc->so.flow.mtu != tc->mtu)
		tcp_mss_update(tc);
	restart_after_idle(tc);
	if (tcp_pace_wait(tc))
		return;
	tc->cwnd_limited = false;
	while (!tcp_pace_wait(tc) && pick(tc, &pc)) {
		if (!fit_room(tc, &pc))
			break;		/* resume goes on, or the timer */
		tcp_pace_sent(tc, pc.len);
		xmit(tc, &pc);
	}
	tc->pace_waits = tc->pace_at > tc->so.st->now;
	tc->frto_new = false;
	if (tc->count.rare || tc->nospace || seq_lt(tc->snd_nxt, tc->snd_end))
		tcp_count_limits(tc);
	if (seq_eq(tc->snd_una, tc->snd_nxt) && !nothing_to_send(tc))
		tcp_ev_blocked(tc);
	else
		tcp_ev_unblocked(tc);
}

void tcp_output(struct tcpc *tc)
{
	if ((tcp_state_in(tc, TCP_CAN_SEND) || tcp_answers_early(tc)) && !nothing_to_send(tc))
		send_all(tc);
	if (tc->ack_now)
		tcp_send_ack(tc);
	else if (tc->ack_soon && list_empty(&tc->so.stall))
		list_add_tail(&tc->so.st->tcp->answers, &tc->so.stall);
}

void tcp_answer(struct stack *st)
{
	struct list *l;

	while ((l = list_pop(&st->tcp->answers))) {
		struct tcpc *tc = container_of(l, struct tcpc, so.stall);

		tc->ack_now |= tc->ack_soon;
		tc->so.ops->resume(&tc->so);	/* what found no room meanwhile waits for it now */
	}
}

/* The persist timer overrides Nagle and the rule against small segments. */
bool tcp_send_partial(struct tcpc *tc)
{
	int32_t avail = seq_diff(tc->snd_end, tc->snd_nxt);
	struct piece pc = { .from = tc->snd_nxt, .mss = mss_now(tc), .push = true };

	if (avail <= 0 || !window_room(tc))
		return false;
	pc.len = MIN(MIN((uint32_t)avail, window_room(tc)), pc.mss);
	keep_record(tc, &pc);
	xmit(tc, &pc);
	return true;
}

void tcp_send_last(struct tcpc *tc)
{
	uint32_t len = (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una), record;
	struct piece pc = { .mss = mss_now(tc), .rxt = true, .fin = tc->fin_sent };

	pc.len = MIN(len, pc.mss + pc.fin) - pc.fin;
	pc.from = seq_add(tc->snd_nxt, (uint32_t)-(pc.len + pc.fin));
	while ((record = tcp_snd_record(tc, pc.from, pc.len)) < pc.len) {
		pc.from = seq_add(pc.from, record);
		pc.len -= record;
	}
	xmit(tc, &pc);
}
