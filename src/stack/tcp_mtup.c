/* tcp_mtup.c - the path's MTU found by trying (RFC 4821, RFC 8899 for its words)
 *
 * A router that drops large packets and does not say so, or whose ICMP somebody
 * filters, is a black hole: the handshake passes and no full segment does. As in Linux,
 * tcp_mtu_probing says what is done about it:
 *
 *	0	nothing
 *	1	after tcp_retries1 timeouts in a row segments shrink to tcp_base_mss, then by
 *		half with each timeout (not below tcp_mtu_probe_floor and
 *		tcp_min_snd_mss), and from there the search goes up
 *	2	every connection begins with tcp_base_mss and searches
 *
 * The search keeps two bounds, low (packets of it arrive) and high (larger ones do not,
 * or the route or the peer forbids them), and sends now and then one segment half-way
 * between them. It is ordinary new data: acknowledged, it raises low; found lost while
 * nothing else is wrong, it lowers high, and that is no sign of congestion (RFC 4821
 * 7.5): its octets go again in small segments and the window stays. Anything sent again
 * meanwhile leaves it undecided. A probe needs enough data behind it for its loss to be
 * seen by duplicates and not by a timeout. The search rests when the bounds are
 * closer than tcp_probe_threshold and begins anew after tcp_probe_interval.
 */
#include "stack/tcp_mtup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "stack/ip_extra.h"
#include "stack/tcp.h"

#define TS_LEN		12
#define CWND_LEAST	11	/* segments, as Linux: one of them may be in vain */

static const struct param *param_of(const struct tcpc *tc)
{
	return &tc->so.st->param;
}

/* --- sizes --- */

static uint32_t headers(const struct tcpc *tc)
{
	bool v4 = ip_is_v4(&tc->so.flow.dst);

	return (v4 ? IP4_LEN : IP6_LEN) + ip_extra_len(tc->so.asked->extra, v4) + TCP_LEN;
}

static uint32_t options(const struct tcpc *tc)
{
	return tc->ts_ok ? TS_LEN : 0;
}

static uint32_t payload(const struct tcpc *tc, uint32_t mtu)
{
	return mtu - headers(tc) - options(tc);
}

static uint32_t mtu_for(const struct tcpc *tc, uint32_t mss)
{
	return mss + headers(tc) + options(tc);
}

static uint32_t least_mss(const struct tcpc *tc)
{
	return MAX(param_of(tc)->tcp_mtu_probe_floor, param_of(tc)->tcp_min_snd_mss);
}

/* What the peer would take, path permitting. */
static uint32_t most(const struct tcpc *tc)
{
	uint32_t mtu = MIN(tc->so.flow.mtu, 65535u);

	if (tc->mss_peer)
		mtu = MIN(mtu, tc->mss_peer + headers(tc));
	return tc->asked->mss ? MIN(mtu, tc->asked->mss + headers(tc)) : mtu;
}

static void begin(struct tcpc *tc, uint32_t low)
{
	struct tcp_mtup *m = tc->mtup;

	m->high = most(tc);
	m->low = MIN(low, m->high);
	m->size = 0;
	m->at = tc->so.st->now;
}

static void start(struct tcpc *tc)
{
	tc->mtup = xzalloc(sizeof(*tc->mtup));
	begin(tc, mtu_for(tc, MAX(param_of(tc)->tcp_base_mss, least_mss(tc))));
}

void tcp_mtup_start(struct tcpc *tc)
{
	if (param_of(tc)->tcp_mtu_probing == 2 && !tc->mtup)
		start(tc);
}

void tcp_mtup_free(struct tcpc *tc)
{
	free(tc->mtup);
	tc->mtup = NULL;
}

uint32_t tcp_mtup_mtu(const struct tcpc *tc, uint32_t path)
{
	struct tcp_mtup *m = tc->mtup;

	if (!m)
		return path;
	m->high = MIN(m->high, path);
	return MIN(m->low, path);
}

/* --- a probe goes --- */

/* Nothing is missing, and nothing of the peer's is, which would cost room. */
static bool all_well(const struct tcpc *tc)
{
	return tc->rec == TCP_REC_OPEN && !tc->dup_acks && !tc->sent.sacked &&
	       !tcp_sack_blocks(tc) && tc->cwnd >= CWND_LEAST * tc->mss;
}

/* RFC 4821 7.2, or 0: the bounds are close enough. Now and then all is doubted. */
static uint32_t next_size(struct tcpc *tc)
{
	struct tcp_mtup *m = tc->mtup;
	const struct param *p = param_of(tc);

	if (m->high >= m->low + MAX(p->tcp_probe_threshold, 2u))
		return (m->low + m->high) / 2;
	if (tc->so.st->now - m->at >= p->tcp_probe_interval * USEC_PER_SEC)
		begin(tc, mtu_for(tc, tc->mss));
	return 0;
}

bool tcp_mtup_turn(struct tcpc *tc, uint32_t *len)
{
	uint32_t unsent = (uint32_t)seq_diff(tc->snd_end, tc->snd_nxt), pipe = tcp_pipe(tc);
	int32_t window = seq_diff(seq_add(tc->snd_una, tc->snd_wnd), tc->snd_nxt);
	uint32_t size, need;

	if (tc->mtup->size || !all_well(tc) || !(size = next_size(tc)))
		return false;
	need = payload(tc, size) + (param_of(tc)->tcp_reordering + 1) * tc->mss;
	if (unsent < need || tc->snd_wnd < need ||
	    tcp_snd_record(tc, tc->snd_nxt, need) < need)
		return false;
	*len = window >= (int32_t)need && tc->cwnd >= pipe + payload(tc, size) ?
	       payload(tc, size) : 0;
	return *len || pipe;
}

void tcp_mtup_sent(struct tcpc *tc, struct seq from, struct seq to)
{
	uint32_t size = mtu_for(tc, (uint32_t)seq_diff(to, from));

	if (size <= tc->mtup->low)
		return;		/* the bytes lay in too many pieces for one packet */
	tc->mtup->from = from;
	tc->mtup->to = to;
	tc->mtup->size = size;
}

/* --- what became of it --- */

void tcp_mtup_again(struct tcpc *tc)
{
	if (tc->mtup)
		tc->mtup->size = 0;
}

void tcp_mtup_ack(struct tcpc *tc)
{
	struct tcp_mtup *m = tc->mtup;

	if (!m || !m->size || seq_lt(tc->snd_una, m->to))
		return;
	count_tcp(tc->so.st, TCP_TCPMTUPSuccess);
	m->low = m->size;
	m->size = 0;
	tcp_mss_update(tc);
}

/* RFC 4821 7.6.2. More than the first segment of it can be known only by this. */
bool tcp_mtup_lost(struct tcpc *tc)
{
	struct tcp_mtup *m = tc->mtup;

	if (!m || !m->size || tc->rec != TCP_REC_OPEN || !seq_eq(tc->snd_una, m->from))
		return false;
	count_tcp(tc->so.st, TCP_TCPMTUPFail);
	m->high = m->size - 1;
	m->size = 0;
	sent_lose_first(&tc->sent, (uint32_t)seq_diff(m->to, m->from));
	return true;
}

/* RFC 4821 7.7. Where all that waits would fit into a small segment, its size is not
 * why nothing comes back. */
void tcp_mtup_timeout(struct tcpc *tc)
{
	const struct param *p = param_of(tc);
	uint32_t mss;

	if (!p->tcp_mtu_probing || tc->retrans_run < p->tcp_retries1)
		return;
	mss = tc->mtup ? MIN(p->tcp_base_mss, payload(tc, tc->mtup->low) / 2) : p->tcp_base_mss;
	mss = MAX(mss, least_mss(tc));
	if (mss >= tc->mss || (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una) <= mss)
		return;
	if (tc->mtup)
		tc->mtup->low = mtu_for(tc, mss);
	else
		start(tc);
	tcp_mss_update(tc);
}
