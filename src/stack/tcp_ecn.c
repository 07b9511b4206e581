/* tcp_ecn.c - explicit congestion notification (RFC 3168 6.1)
 *
 *   SYN ECE CWR ->  <- SYN-ACK ECE	both want it: new data is sent as ECT(0)
 *   router: CE      receiver: every ACK has ECE ...
 *   sender: window smaller, next new data has CWR ... until CWR comes
 *
 * tcp_ecn is Linux's: 0 never, 1 ask and agree, 2 agree only (the default). A SYN that
 * must be sent again asks no more: something on the path may swallow such SYNs.
 * Only new data is ECT, no pure ACK, retransmission, probe or SYN (6.1.4-6.1.6).
 * Beyond the RFC, as Linux: whoever sends CE, CWR, or data that is suddenly not ECT
 * (a retransmission), has a small window and gets its ACKs at once.
 */
#include "stack/tcp.h"

#define ECN_SETUP	(TCP_ECE | TCP_CWR)
#define QUICK		2

/* --- handshake --- */

uint8_t tcp_ecn_syn(struct tcpc *tc)
{
	const struct param *p = &tc->so.st->param;

	if (tc->state == TCP_SYN_RECV)		/* simultaneous open */
		return tc->ecn_ok ? TCP_ECE : 0;
	if (tc->total_retrans && p->tcp_ecn_fallback)
		return 0;
	tc->ecn_ok = p->tcp_ecn == 1;
	return tc->ecn_ok ? ECN_SETUP : 0;
}

/* RFC 3168 6.1.1: a SYN-ACK with both bits is the echo of someone who does not know them. */
void tcp_ecn_syn_in(struct tcpc *tc, const struct seg *sg)
{
	uint8_t want = sg->h.flags & TCP_ACK ? TCP_ECE : ECN_SETUP;

	tc->ecn_ok &= (sg->h.flags & ECN_SETUP) == want;
}

/* A SYN is never ECT: one that is has been through something strange (Linux). */
bool tcp_ecn_wanted(const struct stack *st, const struct seg *sg)
{
	return st->param.tcp_ecn && (sg->h.flags & ECN_SETUP) == ECN_SETUP &&
	       !(sg->ip->tos & ECN_MASK);
}

/* --- the receiver --- */

static void no_delay(struct tcpc *tc)
{
	tc->pingpong = false;
	tc->quick = MAX(tc->quick, QUICK);
}

/* RFC 3168 6.1.3. CWR is about marks before this segment. */
void tcp_ecn_data_in(struct tcpc *tc, const struct seg *sg)
{
	uint8_t bits = sg->ip->tos & ECN_MASK;

	if (!tc->ecn_ok)
		return;
	if (sg->h.flags & TCP_CWR) {
		tc->ecn_echo = false;
		tc->ack_now = true;
	}
	if (bits == ECN_CE && !tc->ecn_echo)
		no_delay(tc);
	if (bits == ECN_NONE && tc->ecn_seen)
		no_delay(tc);
	tc->ecn_echo |= bits == ECN_CE;
	tc->ecn_seen |= bits != ECN_NONE;
}

/* --- the sender --- */

bool tcp_ecn_echoed(const struct tcpc *tc, const struct seg *sg)
{
	return tc->ecn_ok && (sg->h.flags & TCP_ECE);
}

void tcp_ecn_reduced(struct tcpc *tc)
{
	tc->ecn_cwr = tc->ecn_ok;
}

void tcp_ecn_out(struct tcpc *tc, struct tcp *h, bool new_data)
{
	uint8_t bits = tc->ecn_ok && new_data ? ECN_ECT0 : ECN_NONE;

	tc->so.flow.tos = (tc->so.flow.tos & ~ECN_MASK) | bits;
	if (tc->ecn_echo)
		h->flags |= TCP_ECE;
	if (tc->ecn_cwr && new_data) {
		h->flags |= TCP_CWR;
		tc->ecn_cwr = false;
	}
}
