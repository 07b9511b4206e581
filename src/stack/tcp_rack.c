/* tcp_rack.c - when is something lost: RACK-TLP (RFC 8985)
 *
 * RACK: what was sent before something that arrived, and did not arrive within a
 * reordering window of it, is lost. Each record has its time of sending
 * (tcp_sent.c), so this holds for what was sent again as well. Without a sign of
 * reordering the window is 0 once three segments or a recovery say that
 * something is missing; otherwise it is min_rtt / 4 times a factor that each round
 * trip with a DSACK raises: what was sent again for nothing shows that the window is
 * too small (6.2 step 4). What is missing but not yet late is looked at again by a
 * timer.
 *
 * TLP: when the last segments of a flight are lost, no later one tells. After two
 * round trips without an ACK a probe goes, new data or the last segment
 * again, and its SACK starts RACK (7). If the probe itself has repaired the only
 * loss, the window shrinks for it (7.4.2).
 *
 * Both timers have a lower bound (tcp_reo_min_us, tcp_pto_min_us): on a path of
 * microseconds a process that did not get the processor is not a lost segment. An ACK
 * that comes shows that all run, and what it tells to be late is lost at once.
 */
#include "stack/tcp.h"

#define AGE_MAX		(1u << 30) /* us: 18 minutes, of 32 bits of time */
#define PERSIST		16	/* recoveries that a wide window lasts (RFC 8985 6.2) */
#define REC_STATIC	2	/* bits of tcp_recovery, as Linux: no DSACK adapts */
#define REC_NO_DUPTHRESH 4	/* three duplicates do not end the waiting */
#define EARLY_TLP	3	/* tcp_early_retrans from here on: probes (as Linux) */

static uint32_t now_of(const struct tcpc *tc)
{
	return (uint32_t)tc->so.st->now;
}

void rack_init(struct tcpc *tc)
{
	tc->rack = (struct rack){ .mult = 1 };
	tc->tlp = false;
}

/* --- what arrived (RFC 8985 6.2 steps 1 to 3) --- */

/* Step 2: sent again less than the smallest round trip ago, it was not that copy which
 * arrived; less by an eighth, for a probe may find the path emptier than all before it.
 * The echoed timestamp would not tell: beyond a hole it is an old one. */
uint32_t rack_not_after(const struct tcpc *tc)
{
	uint32_t least = tc->min_rtt == UINT32_MAX ? 0 : tc->min_rtt;

	return now_of(tc) - (least - least / 8);
}

/* 6.2 step 4: once a round trip. A probe's duplicate says nothing about order. */
static void dsack_in(struct tcpc *tc, const struct ack_news *n)
{
	struct rack *r = &tc->rack;

	if (r->in_round && seq_ge(tc->snd_una, r->dsack_round))
		r->in_round = false;
	if (!n->dsack || !r->reordered || r->in_round || tc->tlp)
		return;
	if (tc->so.st->param.tcp_recovery & REC_STATIC)
		return;
	r->in_round = true;
	r->dsack_round = tc->snd_nxt;
	r->mult += r->mult < UINT8_MAX;
	r->persist = PERSIST;
}

void rack_ack(struct tcpc *tc, const struct ack_news *n)
{
	const struct heard *h = &n->heard;
	struct rack *r = &tc->rack;

	r->reordered |= h->reordered > 0;
	dsack_in(tc, n);
	if (!h->any)
		return;
	if (!r->valid || r->idle || sent_after(h->at, h->end, r->at, r->end)) {
		r->at = h->at;
		r->end = h->end;
	}
	r->rtt = sent_age(h->at, now_of(tc));
	if (tc->min_rtt != UINT32_MAX)
		r->rtt = MAX(r->rtt, tc->min_rtt);	/* sent and heard of in one turn of ours */
	r->valid = true;
	r->idle = !tc->sent.n;	/* all that follows is sent after r->at */
}

void rack_recovered(struct tcpc *tc)
{
	struct rack *r = &tc->rack;

	if (r->persist && !--r->persist)
		r->mult = 1;
}

/* --- what did not --- */

static bool dup_thresh(const struct tcpc *tc)
{
	uint32_t segs = tcp_reordering(tc);

	if (tc->so.st->param.tcp_recovery & REC_NO_DUPTHRESH)
		return false;
	return tc->dup_acks >= segs || tc->sent.sacked > (segs - 1) * tc->mss ||
	       sent_sacked_runs(&tc->sent) >= segs;
}

/* 6.2 step 4, RACK_update_reo_wnd */
static uint32_t reo_wnd(const struct tcpc *tc)
{
	const struct rack *r = &tc->rack;
	uint64_t wnd = (uint64_t)tc->min_rtt / 4 * r->mult;

	if (!r->reordered && (tc->rec >= TCP_REC_FAST || dup_thresh(tc)))
		return 0;
	return (uint32_t)MIN(wnd, tc->srtt);
}

/* 6.2 step 5, RACK_detect_loss */
uint32_t rack_detect(struct tcpc *tc, usec *wait)
{
	struct sent_log *l = &tc->sent;
	const struct rack *r = &tc->rack;
	uint32_t before = l->lost, late = r->rtt + reo_wnd(tc), left;

	if (sent_age(r->at, now_of(tc)) > AGE_MAX)
		return 0;	/* too old to be compared: the timeout decides */
	left = sent_lose_overtaken(l, r->at, r->end, now_of(tc) - late);
	if (left)
		*wait = MAX(*wait, MAX(left, tc->so.st->param.tcp_reo_min_us));
	return l->lost - before;
}

/* --- the probe (RFC 8985 7) --- */

static bool may_probe(const struct tcpc *tc)
{
	return tc->so.st->param.tcp_early_retrans >= EARLY_TLP && tc->sack_ok && !tc->tlp &&
	       tc->rec < TCP_REC_FAST && !tc->sent.sacked && tc->srtt && tc->sent.n;
}

/* 7.2. A single segment may meet a delayed ACK. */
usec tlp_timeout(const struct tcpc *tc)
{
	const struct param *p = &tc->so.st->param;
	usec pto = 2 * (usec)tc->srtt;

	if (!may_probe(tc))
		return NEVER;
	if ((uint32_t)seq_diff(tc->snd_nxt, tc->snd_una) <= tc->mss)
		pto += p->tcp_rto_min_us;
	return MAX(pto, (usec)p->tcp_pto_min_us);
}

/* 7.3. Where there is no room the frames of before have not left yet. */
void tlp_probe(struct tcpc *tc)
{
	if (!may_probe(tc) || !tcp_out_room(tc))
		return;
	count_tcp(tc->so.st, TCP_TCPLossProbes);
	tc->tlp_rxt = !tcp_send_partial(tc);
	if (tc->tlp_rxt)
		tcp_send_last(tc);
	tc->tlp = true;
	tc->tlp_end = tc->snd_nxt;
}

/* 7.4.2: was the probe that was sent again the only copy that arrived? */
void tlp_ack(struct tcpc *tc, const struct seg *sg, const struct ack_news *n)
{
	if (!tc->tlp || seq_lt(sg->h.ack, tc->tlp_end))
		return;
	if (!tc->tlp_rxt || (n->dsack && seq_eq(n->twice.to, tc->tlp_end))) {
		tc->tlp = false;
	} else if (seq_gt(sg->h.ack, tc->tlp_end)) {
		tc->tlp = false;
		count_tcp(tc->so.st, TCP_TCPLossProbeRecovery);
		tcp_rec_probe_lost(tc, (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una) +
				       n->heard.delivered);
	} else if (!n->newer && !sg->len && !sg->h.o.n_sack) {
		tc->tlp = false;
	}
}
