/* tcp_timer.c - the timers of a connection, and nobody else knows them
 *
 *   RTX       SYN, data or FIN not acknowledged within the RTO (RFC 6298 5);
 *             doubles each time; ends the connection after tcp_syn_retries,
 *             tcp_retries2, tcp_orphan_retries or TCP_USER_TIMEOUT. Before it the
 *             same timer serves loss detection (RFC 8985 8): a probe (PTO) or
 *             what may only be late (REO), of which one is awaited at a time
 *   PERSIST   something to send, nothing in flight, and the window (or cork)
 *             forbids it: probe (RFC 9293 3.8.6.1)
 *   DELACK    an ACK waits for company (RFC 9293 3.8.6.3)
 *   KEEP      SO_KEEPALIVE: probe after silence (RFC 9293 3.8.4)
 *   PACE      the rate allows the next piece (tcp_pace.c)
 *   MEMORY    the arenas were full when the user wanted to send: let him try again
 *   STATE     an orphan's FIN-WAIT-2 lasted too long (TIME-WAIT: tcp_tw.c)
 *
 * Others report events (tcp_ev_...). A deadline moves by writing a field; the
 * one stimer is touched only when it must fire earlier than it would, and finds
 * the next deadline when it fires.
 */
#include "stack/tcp.h"

#include <assert.h>
#include <errno.h>

#define QUICK_ACKS	16
#define THIN_SEGMENTS	4
#define THIN_RETRIES	6
#define SYN_AGAIN	(2 * USEC_PER_MSEC)
#define MEMORY_RETRY	(10 * USEC_PER_MSEC)

static void set(struct tcpc *tc, enum tcp_timer which, usec at)
{
	tc->at[which] = at;
	if (at < tc->timer.t.at)
		stimer_set(tc->so.st, &tc->timer, at);
}

static void set_in(struct tcpc *tc, enum tcp_timer which, usec in)
{
	set(tc, which, usec_add(tc->so.st->now, in));
}

static void stop(struct tcpc *tc, enum tcp_timer which)
{
	tc->at[which] = NEVER;
}

static bool running(const struct tcpc *tc, enum tcp_timer which)
{
	return tc->at[which] != NEVER;
}

/* RFC 6298 5.5 */
static usec rto(const struct tcpc *tc)
{
	return MIN((usec)tc->rto << MIN(tc->backoff, 30),
		   tc->so.st->param.tcp_rto_max_ms * USEC_PER_MSEC);
}

/* The next try; TCP_USER_TIMEOUT does not wait for it to end. */
static usec next_try(const struct tcpc *tc)
{
	usec end = tc->stuck_since + tc->asked->user_timeout * USEC_PER_MSEC;

	if (!tc->asked->user_timeout)
		return rto(tc);
	return MIN(rto(tc), MAX(end - tc->so.st->now, 1));
}

static void back_off(struct tcpc *tc)
{
	if (tc->backoff < 30)
		tc->backoff++;
}

static void give_up(struct tcpc *tc)
{
	count_tcp(tc->so.st, TCP_TCPAbortOnTimeout);
	tcp_fail(tc, tc->soft_error ? tc->soft_error : ETIMEDOUT, "timed out");
}

/* TCP_USER_TIMEOUT */
static bool user_gives_up(const struct tcpc *tc)
{
	usec waited = tc->so.st->now - tc->stuck_since;

	return tc->asked->user_timeout && waited >= tc->asked->user_timeout * USEC_PER_MSEC;
}

/* Has the peer been silent too long for what we wait for? */
static bool too_long(struct tcpc *tc, unsigned tries)
{
	const struct param *p = &tc->so.st->param;

	if (tc->orphan && tries >= p->tcp_orphan_retries)
		return true;
	return tc->asked->user_timeout ? user_gives_up(tc) : tries >= p->tcp_retries2;
}

/* --- what happens when one is due --- */

static unsigned syn_tries(const struct tcpc *tc)
{
	const struct param *p = &tc->so.st->param;

	if (tc->state == TCP_SYN_RECV)
		return p->tcp_synack_retries;
	return (tc->asked->syn_retries ? tc->asked->syn_retries : p->tcp_syn_retries) +
	       p->tcp_syn_linear_timeouts;
}

/* A client's first ones do not wait longer each time, as with Linux: RFC 6298 5.5 would
 * have them, but there is nothing yet that could be congested by them. */
static bool syn_is_early(const struct tcpc *tc)
{
	return tc->state == TCP_SYN_SENT &&
	       tc->retrans_run <= tc->so.st->param.tcp_syn_linear_timeouts;
}

static void syn_again(struct tcpc *tc)
{
	tc->total_retrans++;
	count_tcp(tc->so.st, TCP_RetransSegs);
	count_tcp(tc->so.st, TCP_TCPSynRetrans);
	tcp_rtt_syn_again(tc);
	tcp_send_syn(tc);
}

/* One that still waits for the hop's link address has not been lost (as Linux). */
static void syn_due(struct tcpc *tc)
{
	if (!tc->retrans_run)
		tc->stuck_since = tc->so.st->now - rto(tc);
	if (tc->retrans_run >= syn_tries(tc) || (tc->retrans_run && user_gives_up(tc))) {
		tcp_fail(tc, tc->soft_error ? tc->soft_error : ETIMEDOUT, "no answer to SYN");
		return;
	}
	tcp_count_rto(tc, !tc->retrans_run);
	count_tcp(tc->so.st, TCP_TCPTimeouts);
	tc->retrans_run++;
	if (!syn_is_early(tc))
		back_off(tc);
	if (!neigh_waits(&tc->so.flow))
		syn_again(tc);
	set_in(tc, TCP_T_RTX, next_try(tc));
}

/* The peer lives and keeps its window closed: that may last (RFC 9293 3.8.6.1). */
static bool only_closed(const struct tcpc *tc)
{
	return !tc->snd_wnd && !tc->orphan && tc->last_rcvd >= tc->last_sent;
}

/* What is left of the timeout since the first octets were sent. */
static usec rto_left(const struct tcpc *tc)
{
	uint32_t age = tc->sent.n ? sent_age(sent_nth(&tc->sent, 0)->at, (uint32_t)tc->so.st->now) : 0;

	return rto(tc) - age;
}

static void set_rto(struct tcpc *tc, usec in)
{
	tc->rtx_is = RTX_RTO;
	set_in(tc, TCP_T_RTX, MAX(in, 1));
}

/* The probe comes before the timeout (RFC 8985 7.2), or at least with it. */
static bool set_pto(struct tcpc *tc)
{
	usec in = tlp_timeout(tc), left;

	if (in == NEVER)
		return false;
	left = rto_left(tc);
	tc->rtx_is = RTX_PTO;
	tc->pto_one = (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una) <= tc->mss;
	set_in(tc, TCP_T_RTX, left > 0 ? MIN(in, left) : in);
	return true;
}

static void set_reo(struct tcpc *tc, usec in)
{
	tc->rtx_is = RTX_REO;
	set_in(tc, TCP_T_RTX, in);
}

/* RFC 8985 7.3: whatever the probe does, the timeout is the last resort. */
static void pto_due(struct tcpc *tc)
{
	bool probe = tlp_timeout(tc) != NEVER;

	if (probe)
		tlp_probe(tc);
	set_rto(tc, probe ? rto(tc) : rto_left(tc));
}

static void reo_due(struct tcpc *tc)
{
	usec wait = 0;

	tcp_rec_reorder_due(tc, &wait);
	tcp_output(tc);
	if (wait)
		set_reo(tc, wait);
	else if (!running(tc, TCP_T_RTX))
		set_rto(tc, rto_left(tc));
}

/* Linux: who sends little now and then (a game, a shell) waits for his own next segment,
 * not for the network, so a few timeouts come without doubling. */
static bool is_thin(const struct tcpc *tc)
{
	bool wanted = tc->asked->thin || tc->so.st->param.tcp_thin_linear_timeouts;

	return wanted && tc->state == TCP_ESTABLISHED && tc->retrans_run <= THIN_RETRIES &&
	       (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una) < THIN_SEGMENTS * tc->mss;
}

static void rto_due(struct tcpc *tc)
{
	bool closed = only_closed(tc);

	if (!tc->retrans_run)
		tc->stuck_since = tc->so.st->now - rto(tc);
	if (!closed && too_long(tc, tc->retrans_run)) {
		give_up(tc);
		return;
	}
	count_tcp(tc->so.st, TCP_TCPTimeouts);
	tcp_mtup_timeout(tc);
	tcp_count_rto(tc, !tc->retrans_run);
	tc->retrans_run = closed ? MIN(tc->retrans_run + 1, 2) : tc->retrans_run + 1;
	tcp_enter_rto(tc);
	if (is_thin(tc))
		tc->backoff = 0;
	else
		back_off(tc);
	tcp_output(tc);
	set_rto(tc, next_try(tc));
}

static void rtx_due(struct tcpc *tc)
{
	if (tcp_state_in(tc, 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV))
		syn_due(tc);
	else if (seq_eq(tc->snd_una, tc->snd_nxt))
		return;
	else if (tc->rtx_is == RTX_PTO)
		pto_due(tc);
	else if (tc->rtx_is == RTX_REO)
		reo_due(tc);
	else
		rto_due(tc);
}

static void persist_due(struct tcpc *tc)
{
	if (too_long(tc, tc->probes)) {
		give_up(tc);
		return;
	}
	if (tcp_send_partial(tc))
		return;
	tc->probes++;
	back_off(tc);
	count_tcp(tc->so.st, TCP_TCPWinProbe);
	tcp_send_probe(tc);
	set_in(tc, TCP_T_PERSIST, next_try(tc));
}

static void delack_due(struct tcpc *tc)
{
	tc->pingpong = false;
	count_tcp(tc->so.st, TCP_DelayedACKs);
	tcp_send_ack(tc);
}

static usec keep_idle(const struct tcpc *tc)
{
	uint32_t s = tc->asked->keep_idle;

	return (s ? s : tc->so.st->param.tcp_keepalive_time) *
	       USEC_PER_SEC;
}

static usec keep_intvl(const struct tcpc *tc)
{
	uint32_t s = tc->asked->keep_intvl;

	return (s ? s : tc->so.st->param.tcp_keepalive_intvl) *
	       USEC_PER_SEC;
}

static bool keep_over(const struct tcpc *tc, usec silence)
{
	const struct tcp_asked *a = tc->asked;
	unsigned most = a->keep_cnt ? a->keep_cnt : tc->so.st->param.tcp_keepalive_probes;

	if (a->user_timeout)
		return tc->probes && silence >= a->user_timeout * USEC_PER_MSEC;
	return tc->probes >= most;
}

static void keep_due(struct tcpc *tc)
{
	usec silence = tc->so.st->now - tc->last_rcvd;

	if (!tc->so.keepalive)
		return;
	if (tc->snd.bytes || seq_lt(tc->snd_una, tc->snd_nxt)) {
		set_in(tc, TCP_T_KEEP, keep_idle(tc));	/* data does the asking */
	} else if (silence < keep_idle(tc)) {
		tc->probes = 0;
		set_in(tc, TCP_T_KEEP, keep_idle(tc) - silence);
	} else if (keep_over(tc, silence)) {
		count_tcp(tc->so.st, TCP_TCPAbortOnTimeout);
		tcp_abort(tc, ETIMEDOUT, "keepalive not answered");
	} else {
		tc->probes++;
		count_tcp(tc->so.st, TCP_TCPKeepAlive);
		tcp_send_probe(tc);
		set_in(tc, TCP_T_KEEP, keep_intvl(tc));
	}
}

static void memory_due(struct tcpc *tc)
{
	tc->no_memory = false;
	tcp_wake_writer(tc);
}

static void state_due(struct tcpc *tc)
{
	tcp_set_state(tc, TCP_CLOSE, "waited long enough");
}

static void (*const due[])(struct tcpc *tc) = {
	[TCP_T_RTX]	= rtx_due,
	[TCP_T_PERSIST]	= persist_due,
	[TCP_T_DELACK]	= delack_due,
	[TCP_T_KEEP]	= keep_due,
	[TCP_T_PACE]	= tcp_output,
	[TCP_T_MEMORY]	= memory_due,
	[TCP_T_STATE]	= state_due,
};
static_assert(ARRAY_LEN(due) == N_TCP_TIMERS, "a function for each timer");

static void arm(struct tcpc *tc)
{
	usec at = NEVER;

	for (unsigned i = 0; i < N_TCP_TIMERS; i++)
		at = MIN(at, tc->at[i]);
	stimer_set(tc->so.st, &tc->timer, at);
}

static void fire(struct stack *st, struct stimer *tm)
{
	struct tcpc *tc = container_of(tm, struct tcpc, timer);

	for (unsigned i = 0; i < N_TCP_TIMERS; i++) {
		if (tc->at[i] > st->now)
			continue;
		stop(tc, i);
		due[i](tc);
	}
	arm(tc);
	tcp_put(tc);
}

void tcp_timer_init(struct tcpc *tc)
{
	stimer_init(&tc->timer, fire);
	for (unsigned i = 0; i < N_TCP_TIMERS; i++)
		stop(tc, i);
}

void tcp_timer_stop_all(struct tcpc *tc)
{
	for (unsigned i = 0; i < N_TCP_TIMERS; i++)
		stop(tc, i);
	stimer_set(tc->so.st, &tc->timer, NEVER);
}

/* --- events --- */

void tcp_ev_syn_sent(struct tcpc *tc)
{
	tc->retrans_run = 0;
	set_in(tc, TCP_T_RTX, rto(tc));
}

/* The peer took it for a segment of an earlier connection, which our RST has ended:
 * the next one will be welcome (as Linux). */
void tcp_ev_syn_misread(struct tcpc *tc)
{
	if (!tc->retrans_run)
		set_in(tc, TCP_T_RTX, SYN_AGAIN);
}

void tcp_ev_established(struct tcpc *tc)
{
	stop(tc, TCP_T_RTX);
	if (seq_lt(tc->snd_una, tc->snd_nxt))	/* it answered early */
		set_rto(tc, rto(tc));
	tc->retrans_run = 0;
	tcp_count_rto_over(tc);
	tc->quick = QUICK_ACKS;
	tcp_ev_keepalive(tc);
}

/* What is sent again first gets the whole time (RFC 6298 5.1 asks less). A probe's
 * time goes on: it is counted from the last ACK, unless it was longer for the sake
 * of a single segment (RFC 8985 7.2 counts from the last octets sent). */
void tcp_ev_data_sent(struct tcpc *tc, bool first_again)
{
	usec now = tc->so.st->now;
	bool waits = running(tc, TCP_T_RTX) && (tc->rtx_is != RTX_PTO || !tc->pto_one);

	stop(tc, TCP_T_PERSIST);
	if ((first_again || !waits) && !set_pto(tc))
		set_rto(tc, rto(tc));
	/* An answer to what just came: the peer and we take turns, and our
	 * data will carry the ACKs. */
	if (now - tc->last_data < tc->so.st->param.tcp_delack_ms * USEC_PER_MSEC)
		tc->pingpong = true;
}

/* RFC 6298 5.2, 5.3 */
void tcp_ev_ack(struct tcpc *tc, bool newer, usec reorder)
{
	if (newer && tc->retrans_run) {
		tc->retrans_run = 0;
		tcp_count_rto_over(tc);
	}
	if (seq_eq(tc->snd_una, tc->snd_nxt))
		stop(tc, TCP_T_RTX);
	else if (reorder)
		set_reo(tc, reorder);
	else if (newer && !set_pto(tc))
		set_rto(tc, rto(tc));
}

/* After a silence the peer starts slowly and waits for each of our ACKs. */
void tcp_ev_data_came(struct tcpc *tc)
{
	usec now = tc->so.st->now;

	if (tc->last_data && now - tc->last_data > tc->rto)
		tc->quick = MAX(tc->quick, QUICK_ACKS);
	tc->last_data = now;
}

void tcp_ev_ack_sent(struct tcpc *tc)
{
	stop(tc, TCP_T_DELACK);
	tc->ack_now = tc->ack_soon = tc->merged = false;
	tc->ack_frames = 0;
	tc->quick -= tc->quick > 0;
}

void tcp_ev_ack_later(struct tcpc *tc)
{
	if (!running(tc, TCP_T_DELACK))
		set_in(tc, TCP_T_DELACK, tc->so.st->param.tcp_delack_ms * USEC_PER_MSEC);
}

void tcp_ev_no_memory(struct tcpc *tc)
{
	tc->no_memory = tc->nospace = true;
	set_in(tc, TCP_T_MEMORY, MEMORY_RETRY);
}

void tcp_ev_paced(struct tcpc *tc, usec until)
{
	set(tc, TCP_T_PACE, until);
}

bool tcp_ack_pending(const struct tcpc *tc)
{
	return running(tc, TCP_T_DELACK);
}

/* The user's patience ends though the peer answers: it is he who waits (as Linux). */
void tcp_ev_blocked(struct tcpc *tc)
{
	if (running(tc, TCP_T_PERSIST))
		return;
	tc->stuck_since = tc->so.st->now;
	set_in(tc, TCP_T_PERSIST, next_try(tc));
}

void tcp_ev_unblocked(struct tcpc *tc)
{
	if (!running(tc, TCP_T_PERSIST))
		return;
	stop(tc, TCP_T_PERSIST);
	tc->backoff = 0;
	tc->probes = 0;
}

/* Nobody will ever read: the peer's FIN is awaited for a limited time only. */
void tcp_ev_orphan_fin_wait2(struct tcpc *tc)
{
	int asked = tc->asked->linger2;
	unsigned s = asked ? (unsigned)asked : tc->so.st->param.tcp_fin_timeout;

	stop(tc, TCP_T_KEEP);
	set_in(tc, TCP_T_STATE, s * USEC_PER_SEC);
}

void tcp_ev_keepalive(struct tcpc *tc)
{
	if (tc->so.keepalive && !tcp_state_in(tc, 1u << TCP_CLOSE | 1u << TCP_LISTEN |
						      1u << TCP_SYN_SENT))
		set_in(tc, TCP_T_KEEP, keep_idle(tc));
	else
		stop(tc, TCP_T_KEEP);
}
