/* cc_cubic.c - CUBIC as a controller (RFC 9438), with HyStart++ (RFC 9406)
 *
 * The arithmetic is in cubic.c and hystart.c. The first slow start, in which nothing
 * is known of the path, may be ended by HyStart++; later ones end at ssthresh. As
 * in Linux a decrease counts from cwnd and not from the flight: cwnd does not grow
 * while it is not used, and right after an ACK of many segments little is in flight.
 */
#include "stack/tcp.h"

#include <assert.h>

#include "stack/cubic.h"
#include "stack/hystart.h"

/* What undo brings back (RFC 9438 4.9): there is none before the first decrease,
 * and no HyStart++ after it. */
struct cubic_cc {
	struct cubic	cu;
	uint32_t	acked_at;	/* ms */
	union {
		struct hystart	hy;
		struct cubic	before;
	};
};
static_assert(sizeof(struct cubic_cc) <= sizeof(((struct tcpc *)0)->cc_mem), "fits");

static struct cubic_cc *mem(struct tcpc *tc)
{
	return (struct cubic_cc *)(void *)tc->cc_mem;
}

static uint32_t ms(usec t)
{
	return (uint32_t)(t / USEC_PER_MSEC);
}

static bool first_slow_start(const struct tcpc *tc)
{
	return tc->ssthresh == TCP_CWND_MAX;
}

static void cubic_init(struct tcpc *tc)
{
	*mem(tc) = (struct cubic_cc){ 0 };
	hystart_begin(&mem(tc)->hy, tc->snd_nxt);
}

/* How much of the ACK slow start may use. */
static uint32_t hystart(struct tcpc *tc, const struct tcp_ack *a)
{
	struct hystart *h = &mem(tc)->hy;
	struct hystart_ack ha = {
		.una = tc->snd_una, .nxt = tc->snd_nxt, .acked = a->acked, .mss = tc->mss,
		.rtt = a->rtt == NEVER ? 0 : (uint32_t)MAX(a->rtt, 1),
	};

	if (!tc->so.st->param.hystart)
		return a->acked;
	if (hystart_in(h, &ha))
		tc->ssthresh = tc->cwnd;
	return hystart_growth(h, a->acked);
}

static void cubic_ack(struct tcpc *tc, const struct tcp_ack *a)
{
	struct cubic_ack ca = {
		.mss = tc->mss, .now = ms(tc->so.st->now), .rtt = tc->srtt / 1000,
	};
	uint32_t acked = first_slow_start(tc) ? hystart(tc, a) : a->acked;

	mem(tc)->acked_at = ca.now;
	if (!a->limited)
		return;
	ca.acked = tcp_slow_start(tc, acked);
	ca.cwnd = tc->cwnd;
	if (ca.acked)
		tc->cwnd = cubic_grow(&mem(tc)->cu, &ca);
}

static uint32_t cubic_ssthresh(struct tcpc *tc, uint32_t flight, enum tcp_cc_why why)
{
	struct cubic_cc *m = mem(tc);
	uint32_t thresh;

	m->before = m->cu;
	thresh = cubic_reduce(&m->cu, tc->cwnd, tc->mss,
			      why == TCP_CC_ECN ? CUBIC_BETA_ECN : CUBIC_BETA);
	if (why == TCP_CC_RTO)		/* RFC 9438 4.8 */
		cubic_forget(&m->cu);
	return thresh;
}

static void cubic_undo(struct tcpc *tc)
{
	struct cubic_cc *m = mem(tc);

	m->cu = m->before;
	if (first_slow_start(tc))
		hystart_begin(&m->hy, tc->snd_nxt);
}

/* What is known of the path was seen with a window that was too small; a new epoch
 * begins from where it is now. */
static void cubic_wider(struct tcpc *tc, uint32_t by)
{
	struct cubic_cc *m = mem(tc);

	cubic_widen(&m->cu, by);
	if (!first_slow_start(tc))
		cubic_widen(&m->before, by);
}

/* Waiting for the last ACK was no silence: that one begins with it. */
static void cubic_restart(struct tcpc *tc)
{
	uint32_t now = ms(tc->so.st->now);

	cubic_skip(&mem(tc)->cu, now - mem(tc)->acked_at);
	mem(tc)->acked_at = now;	/* each silence counts once */
}

const struct tcp_cc tcp_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.ack = cubic_ack,
	.ssthresh = cubic_ssthresh,
	.undo = cubic_undo,
	.wider = cubic_wider,
	.restart = cubic_restart,
};
