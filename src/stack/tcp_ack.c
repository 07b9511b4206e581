/* tcp_ack.c - what an acknowledgment means (RFC 9293 3.10.7.4, 5681, 2018, 2883)
 *
 * tcp_ack_in: validate -> snd_una moves -> SACK blocks -> round trip -> window ->
 * recovery (tcp_rec.c) -> cwnd may grow -> timers. What the first steps learn the
 * later ones find in struct ack_news.
 */
#include "stack/tcp_stamp.h"

#include <errno.h>

static uint32_t flight(const struct tcpc *tc)
{
	return (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una);
}

/* --- SACK --- */

/* RFC 2883 4: the first block is below the ACK or inside the second. */
static bool is_dsack(const struct seg *sg)
{
	const struct tcp_sack *s = sg->h.o.sack;

	return seq_lt(s[0].from, sg->h.ack) ||
	       (sg->h.o.n_sack > 1 && seq_ge(s[0].from, s[1].from) && seq_le(s[0].to, s[1].to));
}

/* The blocks that are possible, by sequence number: order tells of reordering. */
static unsigned sort_blocks(const struct tcpc *tc, const struct tcp_opts *o, unsigned first,
			    struct tcp_sack *v)
{
	unsigned n = 0, at;

	for (unsigned i = first; i < o->n_sack; i++) {
		struct tcp_sack s = o->sack[i];

		if (seq_ge(s.from, s.to) || seq_gt(s.to, tc->snd_nxt) ||
		    seq_le(s.to, tc->snd_una))
			continue;
		for (at = n++; at && seq_lt(s.from, v[at - 1].from); at--)
			v[at] = v[at - 1];
		v[at] = s;
	}
	return n;
}

static void sack_in(struct tcpc *tc, const struct seg *sg, struct ack_news *n)
{
	struct tcp_sack v[TCP_MAX_SACK];
	uint32_t new = 0;
	unsigned blocks;

	if (!tc->sack_ok)
		return;
	n->dsack = is_dsack(sg) && seq_lt(sg->h.o.sack[0].from, sg->h.o.sack[0].to);
	n->twice = sg->h.o.sack[0];
	if (n->dsack)
		count_tcp(tc->so.st, TCP_TCPDSACKRecv);
	blocks = sort_blocks(tc, &sg->h.o, n->dsack, v);
	for (unsigned i = 0; i < blocks; i++)
		new += sent_sack(&tc->sent, v[i].from, v[i].to, &n->heard);
	n->dup = new > 0;
}

/* --- duplicates --- */

/* RFC 5681 2: nothing but the same ACK again. With SACK: new blocks. */
static bool is_dup(const struct tcpc *tc, const struct seg *sg, const struct ack_news *n)
{
	if (tc->sack_ok)
		return n->dup && !n->newer;
	return !n->newer && flight(tc) && !sg->len && sg->wnd == tc->snd_wnd;
}

/* No more than can have arrived, so that invented ones gain nothing; segments
 * may be small. */
static void dup_ack(struct tcpc *tc, struct ack_news *n)
{
	uint32_t most = MAX(flight(tc) / tc->mss, tc->so.st->param.tcp_reordering);

	if (tc->dup_acks >= most || (!tc->sack_ok && tc->rec == TCP_REC_RTO))
		return;
	tc->dup_acks++;
	if (!tc->sack_ok)
		n->heard.delivered = tc->mss;
}

/* Without SACK each segment a partial ACK covers was one of the duplicates. */
static void forget_dups(struct tcpc *tc, struct ack_news *n)
{
	uint32_t segs = (n->heard.delivered + tc->mss - 1) / tc->mss;
	uint32_t dups = segs ? MIN(tc->dup_acks, segs - 1) : 0;

	tc->dup_acks -= dups;
	n->heard.delivered -= dups * tc->mss;
}

/* --- the steps --- */

/* RFC 4861 7.3.1: the neighbour lives; telling it once a second is enough. */
static void confirm_path(struct tcpc *tc)
{
	uint32_t now = (uint32_t)(tc->so.st->now / USEC_PER_SEC);

	tc->soft_error = 0;
	if (tc->confirmed == now)
		return;
	tc->confirmed = now;
	neigh_confirm(tc->so.st, &tc->so.flow);
}

/* Growth is deserved only where cwnd was the limit (RFC 7661 4.3, as Linux). */
static bool was_limited(const struct tcpc *tc, uint32_t before)
{
	if (tc->cwnd < tc->ssthresh)
		return tc->cwnd < 2 * before;
	return tc->cwnd_limited;
}

/* Marks that snd_una has passed go along: left 2 GiB behind they would be ahead. */
static void drag_marks(struct tcpc *tc)
{
	tc->snd_up = seq_max(tc->snd_up, tc->snd_una);
	tc->snd_sml = seq_max(tc->snd_sml, tc->snd_una);
	if (tc->rec == TCP_REC_OPEN)
		tc->recover = seq_max(tc->recover, seq_add(tc->snd_una, (uint32_t)-1));
}

static void new_ack(struct tcpc *tc, const struct seg *sg, struct ack_news *n)
{
	tc->bytes_acked += (uint32_t)seq_diff(sg->h.ack, tc->snd_una);
	tc->snd_una = sg->h.ack;
	drag_marks(tc);
	if (tc->special)
		tcp_stamp_acked(tc, tc->snd_una);
	tcp_snd_acked(tc, tc->snd_una);
	sent_ack(&tc->sent, tc->snd_una, &n->heard);
	tcp_mtup_ack(tc);
	if (tc->rec < TCP_REC_FAST)
		tc->dup_acks = 0;
	else if (!tc->sack_ok)
		forget_dups(tc, n);
	confirm_path(tc);
}

/* In recovery cwnd is not the controller's. */
static bool may_grow(const struct tcpc *tc)
{
	return tc->rec == TCP_REC_OPEN || tc->rec == TCP_REC_RTO;
}

/* What cwnd may grow for: new data in order (RFC 5681 3.1), unless it ends a recovery. Where
 * segments overtake many others something is missing nearly always, and growth would wait for
 * it each time: there all that arrives counts, and once (as Linux, tcp_may_raise_cwnd). */
static uint32_t earned(const struct tcpc *tc, uint32_t acked, uint32_t delivered)
{
	if (tcp_reordering(tc) > tc->so.st->param.tcp_reordering)
		return delivered;
	return acked;
}

/* A segment lets cwnd grow by one, however small it was, as with Linux: RFC 5681 3.1 counts
 * its octets against those who acknowledge it in parts, and here it counts once. What is
 * written before a stream (a request, a name) would else leave the window behind. */
static uint32_t small_acked(struct tcpc *tc)
{
	uint16_t lack = tc->sml_lack;

	if (!lack || seq_lt(tc->snd_una, tc->snd_sml))
		return 0;
	tc->sml_lack = 0;
	return lack;
}

/* RFC 9293 3.10.7.4: only newer segments may change the window. Of equal ones the larger
 * holds, for the other is likely to be older; but one that is closed is meant. */
static void window_in(struct tcpc *tc, const struct seg *sg, bool newer)
{
	if (!newer && !seq_lt(tc->snd_wl1, sg->h.seq) &&
	    !(seq_eq(tc->snd_wl1, sg->h.seq) && (sg->wnd > tc->snd_wnd || !sg->wnd)))
		return;
	tc->snd_wl1 = sg->h.seq;
	tc->snd_wnd = sg->wnd;
	tc->max_wnd = MAX(tc->max_wnd, sg->wnd);
}

/* RFC 5961 5.2; and of what we never sent nothing can be acknowledged. */
static bool acceptable(const struct tcpc *tc, const struct seg *sg)
{
	uint32_t back = (uint32_t)MIN((uint64_t)tc->max_wnd, tc->bytes_acked);

	return seq_le(sg->h.ack, tc->snd_nxt) && seq_ge(seq_add(sg->h.ack, back), tc->snd_una);
}

/* Of a peer that sends and is sent nothing, each segment. */
static bool only_window(const struct tcpc *tc, const struct seg *sg, const struct ack_news *n)
{
	return !n->newer && !flight(tc) && !sg->h.o.n_sack && tc->rec == TCP_REC_OPEN && !tc->tlp;
}

bool tcp_ack_in(struct tcpc *tc, struct seg *sg)
{
	struct ack_news n = { .newer = seq_gt(sg->h.ack, tc->snd_una) };
	struct tcp_ack a = { .flight = flight(tc) };
	struct rate rate;
	uint32_t small;
	bool calm = may_grow(tc);

	if (!acceptable(tc, sg)) {
		tcp_challenge_ack(tc);	/* RFC 5961 5.2 */
		sg->why = DROP_TCP_WINDOW;
		return false;
	}
	tcp_ts_update(tc, sg);
	tc->probes = 0;
	if (seq_lt(sg->h.ack, tc->snd_una))
		return true;		/* old; its data may still be wanted */
	if (only_window(tc, sg, &n)) {
		window_in(tc, sg, false);
		return true;
	}
	n.heard.limit = tc->rec == TCP_REC_RTO ? tc->recover : tc->snd_una;
	n.heard.not_after = rack_not_after(tc);
	/* Before this ACK lets cwnd grow; with nothing in flight it was told already. */
	if (a.flight && tcp_ecn_echoed(tc, sg))
		tcp_enter_cwr(tc);
	tcp_count_acked(tc, sg->h.ack, &rate);
	if (n.newer)
		new_ack(tc, sg, &n);
	if (sg->h.o.n_sack)
		sack_in(tc, sg, &n);
	a.rtt = tcp_rtt_heard(tc, sg, &n);
	if (is_dup(tc, sg, &n)) {
		n.dup = true;
		dup_ack(tc, &n);
	}
	window_in(tc, sg, n.newer);
	tcp_count_ack(tc, sg, &n, &rate);
	small = n.newer ? small_acked(tc) : 0;
	a.acked = earned(tc, calm ? a.flight - flight(tc) + small : 0, n.heard.delivered);
	a.limited = was_limited(tc, a.flight);
	tcp_rec_ack(tc, sg, &n);
	if (a.acked && may_grow(tc))
		tc->cc->ack(tc, &a);
	tcp_snd_tune(tc);
	tcp_ev_ack(tc, n.newer, n.reorder);
	return true;
}
