/* books.c - the books of every connection of a stack must balance
 *
 * Whatever came in and whatever the users did, between two entries of the engine
 * this holds: the records of what was sent cover [snd_una, snd_nxt) without gaps,
 * the queues' sums are those of their parts, what is in flight or blocked has a
 * timer that will wake it, and what lies ahead of rcv_nxt is in order.
 */
#include "books.h"

#include "../check.h"
#include "stack/sock.h"
#include "stack/tcp.h"

/* Is it known when the i-th, which went again, did so? */
static bool is_queued(const struct sent_log *l, uint32_t i)
{
	const struct again_queue *q = l->ring->again;
	const struct sent *s = sent_nth(l, i);

	for (uint32_t k = q ? q->head : 0; q && k < q->end; k++) {
		if (q->v[k].at == s->at && seq_le(q->v[k].from, sent_start(l, i)) &&
		    seq_gt(q->v[k].to, sent_start(l, i)))
			return true;
	}
	return false;
}

/* Loss detection finds each record without looking at all (tcp_late.c). */
static void check_marks(const struct sent_log *l)
{
	uint32_t runs = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		const struct sent *s = sent_nth(l, i);
		struct seq start = sent_start(l, i);

		runs += s->state == SENT_SACKED;
		CHECK(s->state != SENT_LOST || seq_ge(start, l->ring->hole));
		if (s->state == SENT_FLYING)
			CHECK(s->rxt ? is_queued(l, i) : seq_ge(start, l->ring->once));
	}
	CHECK(runs == sent_sacked_runs(l));
}

/* The records cover what was sent, without gaps, and the sums are theirs. */
static void check_records(const struct tcpc *tc)
{
	const struct sent_log *l = &tc->sent;
	uint32_t octets[3] = { 0 };

	CHECK(seq_eq(l->una, tc->snd_una));
	for (uint32_t i = 0; i < l->n; i++) {
		CHECK(seq_gt(sent_nth(l, i)->end, sent_start(l, i)));
		octets[sent_nth(l, i)->state] += sent_len(l, i);
	}
	CHECK(seq_eq(sent_start(l, l->n), tc->snd_nxt));
	CHECK(octets[SENT_SACKED] == l->sacked && octets[SENT_LOST] == l->lost);
	check_marks(l);
}

static void check_sender(const struct tcpc *tc)
{
	const struct snd_ring *r = tc->snd.ring;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < tc->snd.n; i++)
		sum += r->v[(r->head + i) & (r->size - 1)].len;
	CHECK(sum == tc->snd.bytes);
	if (!tcp_state_in(tc, TCP_CAN_SEND))
		return;
	CHECK(seq_le(tc->snd_una, tc->snd_nxt));
	CHECK(seq_le(tc->snd_nxt, seq_add(tc->snd_end, tc->fin_sent)));
	CHECK(seq_gt(tc->snd_una, tc->snd_end) ||
	      (uint32_t)seq_diff(tc->snd_end, tc->snd_una) == tc->snd.bytes);
	CHECK(tcp_pipe(tc) <= (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una));
	CHECK(tc->cwnd >= tc->mss && tc->mss > 0);
	check_records(tc);
	/* What is in flight or blocked has a timer that will wake it. */
	if (seq_lt(tc->snd_una, tc->snd_nxt))
		CHECK(tc->at[TCP_T_RTX] != NEVER);
	else if (seq_lt(tc->snd_nxt, tc->snd_end))
		CHECK(tc->at[TCP_T_PERSIST] != NEVER || tc->at[TCP_T_PACE] != NEVER ||
		      !list_empty(&tc->so.stall));
}

/* What is ahead is in order, without overlap, and counted. */
static void check_ahead(const struct tcpc *tc)
{
	struct seq at = tc->rcv_nxt;
	uint32_t size = 0;

	list_for(l, &tc->ooo->q) {
		struct pkt *pkt = container_of(l, struct pkt, link);

		CHECK(seq_ge(SEQ(pkt->note), at) && seq_gt(SEQ(pkt->note), tc->rcv_nxt));
		at = SEQ(pkt->note + pkt_len(pkt));
		size += pkt->truesize;
	}
	CHECK(size == tc->ooo->truesize);
	CHECK(tc->ooo->n_sacks == 0 || !list_empty(&tc->ooo->q));
}

static void check_receiver(const struct tcpc *tc)
{
	uint32_t sum = 0, size = 0;

	list_for(l, &tc->rcvq) {
		sum += pkt_len(container_of(l, struct pkt, link));
		size += container_of(l, struct pkt, link)->truesize;
	}
	CHECK(sum == tc->rcv_bytes && size == tc->rcv_true);
	if (tc->ooo)
		check_ahead(tc);
	if (tcp_state_in(tc, TCP_CAN_RECV | 1u << TCP_CLOSE_WAIT) && !tc->orphan)
		CHECK(seq_eq(seq_add(tc->copied, tc->rcv_bytes + tc->done), tc->rcv_nxt));
}

static void check_conn(const struct tcpc *tc)
{
	usec next = NEVER;

	for (unsigned i = 0; i < N_TCP_TIMERS; i++)
		next = MIN(next, tc->at[i]);
	CHECK(tc->timer.t.at <= next);
	CHECK(!tc->orphan || tc->state != TCP_CLOSE);
	check_sender(tc);
	check_receiver(tc);
}

void books_check(struct stack *st)
{
	for (struct sock *so = sock_next(st, NULL); so; so = sock_next(st, so)) {
		if (so->type == SOCK_STREAM)
			check_conn(tcpc_of(so));
		sock_events(so);
	}
}
