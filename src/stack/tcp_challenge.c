/* tcp_challenge.c - answers to what may be blind attacks, and how many (RFC 5961)
 *
 * A RST, SYN or ACK in the window but not where it must be is answered with an ACK:
 * who really is the peer tells us better, and who guesses learns nothing. An answer
 * costs us and could be counted from outside (RFC 5961 7, CVE-2016-5696), so a
 * connection gives one each tcp_invalid_ratelimit, and a stack a number a second
 * that nobody knows: tcp_challenge_ack_limit / 2 to 3 / 2 of it.
 *
 * The same interval bounds ACKs for what is out of the window or too old: two ends
 * that disagree would otherwise answer each other's answers for ever.
 */
#include "stack/tcp.h"

/* May this connection answer something invalid now? Notes that it did. */
static bool conn_allows(struct tcpc *tc)
{
	uint32_t ms = (uint32_t)(tc->so.st->now / USEC_PER_MSEC);

	if (tc->chal_at && ms - tc->chal_at < tc->so.st->param.tcp_invalid_ratelimit)
		return false;
	tc->chal_at = MAX(ms, 1);
	return true;
}

static bool stack_allows(struct stack *st)
{
	struct tcp_stack *ts = st->tcp;
	uint32_t limit = st->param.tcp_challenge_ack_limit;

	if (!ts->chal_at || st->now - ts->chal_at >= USEC_PER_SEC) {
		ts->chal_at = MAX(st->now, 1);
		ts->chal_left = limit / 2 + rng_below(&st->rng, limit ? limit : 1);
	}
	if (!ts->chal_left)
		return false;
	ts->chal_left--;
	return true;
}

void tcp_challenge_ack(struct tcpc *tc)
{
	if (!conn_allows(tc) || !stack_allows(tc->so.st))
		return;
	count_tcp(tc->so.st, TCP_TCPChallengeACK);
	tcp_send_ack(tc);
}

/* Data is not part of a loop of ACKs. */
bool tcp_may_answer(struct tcpc *tc, const struct seg *sg)
{
	return (sg->len && !(sg->h.flags & TCP_SYN)) || conn_allows(tc);
}
