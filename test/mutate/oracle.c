/* oracle.c - what RFC 9293 (and 5961, 7323) allow to come of a segment
 *
 * Written from 3.10.7, not from our code: from the segment and from where the
 * sequence spaces stand follow what must not change, which answers are allowed, and
 * whether the honest peer can still finish: not if the segment was acceptable and
 * told something that is not true (acknowledged what has not arrived, brought octets
 * or an end that were never sent, a clock ahead of the peer's).
 *
 * Where the RFCs leave a choice (may be answered, may be rate limited), both pass.
 */
#include "oracle.h"

#include <netinet/tcp.h>

static int32_t diff(uint32_t a, uint32_t b) { return (int32_t)(a - b); }

static struct expect nothing(unsigned may)
{
	return (struct expect){ .verdict = NOTHING, .may = may };
}

static struct expect required(unsigned answer)
{
	return (struct expect){ .verdict = NOTHING, .may = answer, .must = true };
}

/* --- 3.10.7.1: CLOSED; 3.10.7.2: LISTEN --- */

static struct expect closed(const struct read_seg *r)
{
	if (r->flags & TCP_RST)
		return nothing(0);
	return required(r->flags & TCP_ACK ? ANS_RST : ANS_RST_ACK);
}

static struct expect listening(const struct read_seg *r)
{
	if (r->flags & TCP_RST)
		return nothing(0);
	if (r->flags & TCP_ACK)
		return required(ANS_RST);
	if (!(r->flags & TCP_SYN))
		return nothing(0);
	return r->flags & TCP_FIN ? nothing(ANS_SYN_ACK) : required(ANS_SYN_ACK);
}

/* A cookie is no state: the segment is a handshake's last or a stranger's; to one
 * that has the ACK right the RST says exactly what the peer must believe. */
static struct expect cookie(const struct view *v, const struct mseg *m,
			    const struct read_seg *r)
{
	struct expect x = listening(r);

	x.poison = m->ack == v->nxt;
	/* Its low bits are the MSS's: those beside it are cookies, too. */
	if (r->flags & (TCP_RST | TCP_SYN) || !(r->flags & TCP_ACK) || m->seq != v->rcv ||
	    diff(m->ack, v->nxt) < -8 || diff(m->ack, v->nxt) > 8)
		return x;
	return (struct expect){ TAKEN, ANS_ACK | ANS_RST | ANS_DATA, false, true };
}

/* --- 3.10.7.3: SYN-SENT --- */

static struct expect syn_sent(const struct view *v, const struct mseg *m,
			      const struct read_seg *r)
{
	bool ack = r->flags & TCP_ACK;

	if (ack && (diff(m->ack, v->una) <= 0 || diff(m->ack, v->nxt) > 0))
		return r->flags & TCP_RST ? nothing(0) : required(ANS_RST);
	if (r->flags & TCP_RST)
		return ack ? (struct expect){ OVER, 0, false, true } : nothing(0);
	if (!(r->flags & TCP_SYN))
		return nothing(0);
	/* Whose SYN it is and which options it has nobody can tell. */
	return (struct expect){ TAKEN, ANS_ACK | ANS_SYN_ACK | ANS_DATA, false, true };
}

/* --- 3.10.7.4: the others --- */

enum zone { OUTSIDE, EDGE, INSIDE };

static bool within(uint32_t seq, const struct view *v)
{
	return diff(seq, v->rcv) >= 0 && diff(seq, v->right) < 0;
}

/* The table of 3.4. Its neighbourhood is free: what ends at or before RCV.NXT but
 * not before our last ACK (its ACK is news), what begins before or at the right edge. */
static enum zone zone(const struct view *v, const struct mseg *m, const struct read_seg *r)
{
	uint32_t end = m->seq + r->len;
	bool open = v->right != v->rcv;

	if (!r->len && (open ? within(m->seq, v) : m->seq == v->rcv))
		return INSIDE;
	if (r->len && open && within(m->seq, v))
		return INSIDE;
	return diff(end, v->wup) >= 0 && diff(m->seq, v->right) <= 0 ? EDGE : OUTSIDE;
}

static bool can_receive(int state)
{
	return state == TCP_SYN_RECV || state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 ||
	       state == TCP_FIN_WAIT2;
}

static bool lies(const struct view *v, const struct mseg *m, const struct read_seg *r)
{
	uint32_t end = m->seq + r->paylen, last = v->has_fin ? v->true_fin : v->true_nxt;

	if (diff(m->ack, v->true_ack) > 0)
		return true;
	if (v->ts_ok && r->has_ts && diff(r->ts_val, v->peer_ts) > 0)
		return true;
	/* SND.WL1 runs ahead of the peer: its own windows then count as old. */
	if (diff(m->seq, v->true_nxt) > 0)
		return true;
	if (!can_receive(v->state))
		return false;
	if (r->paylen && (!r->true_bytes || diff(end, last) > 0))
		return true;
	return (r->flags & TCP_FIN) && !(v->has_fin && end == v->true_fin);
}

static struct expect taken(const struct view *v, const struct mseg *m, const struct read_seg *r)
{
	struct expect x = { TAKEN, ANS_ACK | ANS_DATA, false, lies(v, m, r) };

	/* 3.6.1: data for a user who has closed is told to be lost. */
	if (v->orphan && r->paylen && diff(m->seq + r->paylen, v->rcv) > 0) {
		x.may |= ANS_RST;
		x.poison = true;
	}
	return x;
}

/* RFC 5961 5.2: an ACK of the last window or of what is outstanding. */
static bool ack_acceptable(const struct view *v, const struct mseg *m)
{
	return diff(m->ack, v->una - v->max_wnd) >= 0 && diff(m->ack, v->nxt) <= 0;
}

static struct expect handshake_ack(const struct view *v, const struct mseg *m,
				   const struct read_seg *r)
{
	if (diff(m->ack, v->una) <= 0 || diff(m->ack, v->nxt) > 0)
		return required(ANS_RST);
	return taken(v, m, r);
}

static bool crossed(const struct view *v, const struct mseg *m, const struct read_seg *r)
{
	return v->state == TCP_SYN_RECV && !v->passive && (r->flags & TCP_ACK) &&
	       !(r->flags & TCP_RST) && m->seq + 1 == v->rcv;
}

static struct expect synchronized(const struct view *v, const struct mseg *m,
				  const struct read_seg *r)
{
	enum zone z = zone(v, m, r);

	if (!(r->flags & TCP_RST) && v->ts_ok && r->has_ts && diff(r->ts_val, v->ts_recent) < 0) {
		if (m->seq != v->rcv || r->len)
			return nothing(ANS_ACK | (r->flags & TCP_SYN ? ANS_SYN_ACK : 0));
		z = EDGE;	/* an ACK that was overtaken may still be heard */
	}
	if (r->flags & TCP_SYN && crossed(v, m, r))
		return (struct expect){ TAKEN, ANS_ACK | ANS_RST | ANS_DATA, false, true };
	if (r->flags & TCP_RST && m->seq == v->rcv)	/* RFC 5961 3.2 */
		return (struct expect){ OVER, 0, false, true };
	if (r->flags & TCP_RST)
		return nothing(z == OUTSIDE ? 0 : ANS_ACK);
	if (r->flags & TCP_SYN)				/* RFC 5961 4.2 */
		return nothing(ANS_ACK | (v->state == TCP_SYN_RECV ? ANS_SYN_ACK : 0));
	if (z == OUTSIDE)
		return nothing(ANS_ACK);
	if (!(r->flags & TCP_ACK))
		return nothing(z == EDGE ? ANS_ACK : 0);
	if (v->state == TCP_SYN_RECV) {
		struct expect x = handshake_ack(v, m, r);

		if (z == EDGE) {
			x.may |= ANS_ACK;
			x.must = false;
		}
		return x;
	}
	return ack_acceptable(v, m) ? taken(v, m, r) : nothing(ANS_ACK);
}

static struct expect time_wait(const struct read_seg *r)
{
	unsigned fresh = ANS_SYN_ACK | ANS_RST | ANS_RST_ACK;

	if (r->flags & TCP_RST)
		return nothing(0);
	return nothing(ANS_ACK | (r->flags & TCP_SYN ? fresh : 0));
}

struct expect oracle(const struct scene *sc, const struct view *v, const struct mseg *m,
		     const struct read_seg *r)
{
	if (r->bad)
		return nothing(0);
	switch (v->state) {
	case 0:
		return closed(r);
	case TCP_LISTEN:
		return listening(r);
	case TCP_SYN_SENT:
		return syn_sent(v, m, r);
	case TCP_TIME_WAIT:
		return time_wait(r);
	}
	return sc->kind & SC_COOKIE ? cookie(v, m, r) : synchronized(v, m, r);
}
