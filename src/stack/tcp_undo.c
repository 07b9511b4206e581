/* tcp_undo.c - a window that shrank without reason is put back (RFC 4015)
 *
 * A reduction was wrong if what was "lost" arrived after all:
 *
 *	Eifel	the ACK echoes a clock from before the retransmission (RFC 3522)
 *	none	it comes before anything was sent again (as Linux)
 *	DSACK	all that was sent again came twice (RFC 3708)
 *	F-RTO	after a timeout something arrives that was sent only once (tcp_rec.c)
 *
 * What that needs (struct tcp_cut) is had from the first reduction until nothing can be
 * put back any more. A connection that has no memory for it shrinks all the same.
 *
 * Where frames are overtaken for longer than a round trip, the duplicate that proves
 * one recovery wrong comes when the next has begun. So up to OLD_CUTS reductions before
 * the last are remembered, with what each took from the window, as far as later ones
 * have not taken their part of it as well; it is given back when all that was sent
 * again then has come twice. Their octets are acknowledged and disjoint, so it is clear
 * which of them a DSACK is about. Linux forgets them.
 */
#include "stack/tcp.h"

#include <stdlib.h>

#define OLD_AGE	(1 << 30)	/* octets: what is further back may be of another round */

void tcp_undo_forget(struct tcpc *tc)
{
	free(tc->cut);
	tc->cut = NULL;
}

/* A recovery may go on. */
void tcp_undo_disown(struct tcpc *tc)
{
	if (!tc->cut)
		return;
	tc->cut->undo.valid = false;
	tc->cut->n_old = 0;
}

bool tcp_may_undo(const struct tcpc *tc)
{
	return tc->cut && tc->cut->undo.valid;
}

void tcp_undo_never(struct tcpc *tc)
{
	if (!tc->cut)
		return;
	tc->cut->undo.valid = false;
	if (!tc->cut->n_old)
		tcp_undo_forget(tc);
}

void tcp_undo_recovered(struct tcpc *tc)
{
	if (!tcp_may_undo(tc))
		tcp_undo_never(tc);
}

/* --- those before the last --- */

static void drop_old(struct tcp_cut *c, uint32_t i)
{
	c->n_old--;
	memmove(&c->old[i], &c->old[i + 1], (c->n_old - i) * sizeof(c->old[0]));
}

/* The last one is not any more. */
static void keep(struct tcpc *tc)
{
	struct tcp_cut *c = tc->cut;
	const struct undo *u = &c->undo;

	if (!u->valid || !u->rxt || u->cwnd <= tc->ssthresh || seq_ge(u->from, tc->recover))
		return;
	if (c->n_old == OLD_CUTS)
		drop_old(c, 0);
	c->old[c->n_old++] = (struct old_cut){
		.from = u->from, .to = tc->recover, .rxt = u->rxt,
		.took = u->cwnd - tc->ssthresh,
	};
}

/* What went again before and still flies may be heard of by its earlier clock, and may
 * come twice: it counts for this one (as Linux's retrans_stamp and undo_retrans). */
static void take_over(struct tcpc *tc, struct undo *u)
{
	uint32_t now = (uint32_t)tc->so.st->now, age = 0;

	for (uint32_t i = 0; i < tc->sent.n; i++) {
		const struct sent *s = sent_nth(&tc->sent, i);

		if (s->state != SENT_FLYING || !s->rxt)
			continue;
		u->rxt += sent_len(&tc->sent, i);
		age = MAX(age, sent_age(s->at, now));
	}
	u->has_ts = u->rxt && tc->ts_ok && u->valid;
	u->ts = tcp_ts_now(tc) - (age + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
}

void tcp_undo_begin(struct tcpc *tc, const struct undo *u, const struct prr *prr)
{
	if (tc->cut)
		keep(tc);
	else if ((tc->cut = malloc(sizeof(*tc->cut))))
		tc->cut->n_old = 0;
	if (!tc->cut)
		return;
	tc->cut->undo = *u;
	tc->cut->prr = *prr;
	take_over(tc, &tc->cut->undo);
}

static uint32_t scaled(uint32_t n, uint32_t to, uint32_t from)
{
	return (uint32_t)MIN((uint64_t)n * to / from, TCP_CWND_MAX);
}

static void scale_old(struct tcp_cut *c, uint32_t to, uint32_t from)
{
	for (uint32_t i = 0; i < c->n_old; i++)
		c->old[i].took = scaled(c->old[i].took, to, from);
}

/* Of what is given back the later reduction would have taken its part. */
void tcp_undo_shrunk(struct tcpc *tc, uint32_t from)
{
	if (tc->cut && tc->ssthresh < from)
		scale_old(tc->cut, tc->ssthresh, from);
}

/* The window is wider by so much; before the last reduction, by what that took of it, too. */
static void give_back(struct tcpc *tc, uint32_t took)
{
	struct undo *u = &tc->cut->undo;

	if (u->cwnd > tc->ssthresh)
		u->cwnd = MIN(u->cwnd + scaled(took, u->cwnd, tc->ssthresh), TCP_CWND_MAX);
	tc->ssthresh = MIN(tc->ssthresh + took, TCP_CWND_MAX);
	if (tc->rec == TCP_REC_OPEN)
		tc->cwnd = MIN(tc->cwnd + took, TCP_CWND_MAX);
	if (tc->cc->wider)
		tc->cc->wider(tc, took);
}

static uint32_t overlap(const struct tcp_sack *s, struct seq from, struct seq to)
{
	struct seq a = seq_max(s->from, from), b = seq_min(s->to, to);

	return seq_lt(a, b) ? (uint32_t)seq_diff(b, a) : 0;
}

static void old_came_twice(struct tcpc *tc, const struct tcp_sack *twice)
{
	struct tcp_cut *c = tc->cut;

	for (uint32_t i = c->n_old; i--;) {
		struct old_cut *o = &c->old[i];
		int32_t age = seq_diff(tc->snd_una, o->to);

		o->rxt -= MIN(o->rxt, overlap(twice, o->from, o->to));
		if (!o->rxt && age >= 0 && age < OLD_AGE)
			give_back(tc, o->took);
		if (!o->rxt || age < 0 || age >= OLD_AGE)
			drop_old(c, i);
	}
}

/* --- the last --- */

void tcp_undo(struct tcpc *tc)
{
	struct undo *u = &tc->cut->undo;

	count_tcp(tc->so.st, TCP_TCPFullUndo);
	tc->rack.reordered |= tc->rec == TCP_REC_FAST;
	if (tc->ssthresh < u->cwnd)
		scale_old(tc->cut, u->cwnd, tc->ssthresh);
	tc->cwnd = MAX(tc->cwnd, u->cwnd);
	tc->ssthresh = MAX(tc->ssthresh, u->ssthresh);
	tcp_undo_never(tc);
	tc->cc->undo(tc);
	if (tc->rec < TCP_REC_FAST)
		return;
	tc->rec = TCP_REC_OPEN;
	tc->dup_acks = 0;
	sent_unlose(&tc->sent);
}

/* RFC 3522 3.2: the ACK echoes an earlier clock than that of the first octets
 * that were sent again. */
static bool eifel(const struct tcpc *tc, const struct seg *sg)
{
	const struct undo *u = &tc->cut->undo;

	return u->has_ts && tc->rec >= TCP_REC_FAST && sg->h.o.has_ts && sg->h.o.ts_ecr &&
	       (int32_t)(sg->h.o.ts_ecr - u->ts) < 0;
}

/* RFC 3708 2: all that was sent again had arrived. */
static bool all_came_twice(struct tcpc *tc, const struct tcp_sack *twice)
{
	struct undo *u = &tc->cut->undo;
	struct seq from = seq_max(twice->from, u->from);
	uint32_t len = seq_lt(from, twice->to) ? (uint32_t)seq_diff(twice->to, from) : 0;

	if (!u->rxt || !len)
		return false;
	u->rxt -= MIN(u->rxt, len);
	return !u->rxt;
}

/* All that was thought lost has come before any of it went again, which pacing delays. */
static bool came_first(const struct tcpc *tc)
{
	return tc->rec == TCP_REC_FAST && !tc->cut->undo.again && !tc->sent.lost;
}

void tcp_undo_ack(struct tcpc *tc, const struct seg *sg, const struct ack_news *n)
{
	if (n->dsack && tc->cut && tc->cut->n_old)
		old_came_twice(tc, &n->twice);
	if (!tcp_may_undo(tc))
		return;
	if (came_first(tc) || (n->newer && eifel(tc, sg)) ||
	    (n->dsack && all_came_twice(tc, &n->twice)))
		tcp_undo(tc);
}
