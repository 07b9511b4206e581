/* tcp_info.c - TCP_INFO, as Linux lays it out
 *
 * glibc's struct tcp_info ends where Linux's ended long ago; what has been added since
 * follows here in the same order (linux/tcp.h), so ss and iperf3 find it. A caller
 * with a smaller buffer gets the beginning. tcp_count.c counts. What there is not is
 * 0: last_ack_sent and fackets (in Linux as well), fastopen_client_fail, and rehash, for
 * a flow keeps its label.
 */
#include "stack/tcp.h"

#include <assert.h>

#include "stack/tcp_req.h"

struct info {
	struct tcp_info	i;
	uint64_t	pacing_rate, max_pacing_rate;
	uint64_t	bytes_acked, bytes_received;
	uint32_t	segs_out, segs_in;
	uint32_t	notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t	delivery_rate;
	uint64_t	busy_time, rwnd_limited, sndbuf_limited;
	uint32_t	delivered, delivered_ce;
	uint64_t	bytes_sent, bytes_retrans;
	uint32_t	dsack_dups, reord_seen, rcv_ooopack;
	uint32_t	snd_wnd, rcv_wnd, rehash;
	uint16_t	total_rto, total_rto_recoveries;
	uint32_t	total_rto_time;
};
static_assert(offsetof(struct info, pacing_rate) == 104, "as in linux/tcp.h");
static_assert(offsetof(struct info, snd_wnd) == 228, "as in linux/tcp.h");
static_assert(sizeof(struct info) == 248 && sizeof(struct info) <= TCP_INFO_MAX, "the same");

/* The byte in glibc's padding: tcpi_delivery_rate_app_limited is its first bit. */
#define RATE_LIMITED_AT	7

static uint32_t ms_since(const struct tcpc *tc, usec at)
{
	return (uint32_t)((tc->so.st->now - at) / USEC_PER_MSEC);
}

static uint8_t ca_state(const struct tcpc *tc)
{
	if (tc->rec == TCP_REC_RTO)
		return TCP_CA_Loss;
	if (tc->rec == TCP_REC_FAST)
		return TCP_CA_Recovery;
	if (tc->rec == TCP_REC_CWR)
		return TCP_CA_CWR;
	return tc->dup_acks || tc->sent.sacked ? TCP_CA_Disorder : TCP_CA_Open;
}

static uint8_t options(const struct tcpc *tc)
{
	return (tc->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) | (tc->sack_ok ? TCPI_OPT_SACK : 0) |
	       (tc->wscale_ok ? TCPI_OPT_WSCALE : 0) | (tc->ecn_ok ? TCPI_OPT_ECN : 0) |
	       (tc->ecn_seen ? TCPI_OPT_ECN_SEEN : 0) | (tc->syn_data ? TCPI_OPT_SYN_DATA : 0);
}

static uint32_t segs(const struct tcpc *tc, uint32_t bytes)
{
	return tc->mss ? (bytes + tc->mss - 1) / tc->mss : 0;
}

/* Octets that were sent again and of which nothing is known. */
static uint32_t again(const struct tcpc *tc)
{
	uint32_t sum = 0;

	for (uint32_t k = 0; k < tc->sent.n; k++) {
		const struct sent *s = sent_nth(&tc->sent, k);

		if (s->rxt && s->state == SENT_FLYING)
			sum += sent_len(&tc->sent, k);
	}
	return sum;
}

/* Of a listener these are the connections that wait and how many may. */
static void flight(const struct tcpc *tc, struct tcp_info *i)
{
	if (tc->state == TCP_LISTEN) {
		i->tcpi_unacked = tc->lis->n_ready;
		i->tcpi_sacked = tc->lis->backlog;
		return;
	}
	i->tcpi_unacked = segs(tc, (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una));
	i->tcpi_sacked = segs(tc, tc->sent.sacked);
	i->tcpi_lost = segs(tc, tc->sent.lost);
	i->tcpi_retrans = segs(tc, again(tc));
}

static void numbers(const struct tcpc *tc, struct tcp_info *i)
{
	i->tcpi_rto = tc->rto;
	i->tcpi_ato = tc->so.st->param.tcp_delack_ms * 1000;
	i->tcpi_snd_mss = tc->mss;
	i->tcpi_rcv_mss = tc->rcv_mss;
	i->tcpi_pmtu = tc->mtu;
	i->tcpi_rcv_ssthresh = tc->so.rcvbuf / 2;
	i->tcpi_rtt = tc->srtt;
	i->tcpi_rttvar = tc->rttvar;
	i->tcpi_snd_ssthresh = segs(tc, tc->ssthresh);
	i->tcpi_snd_cwnd = tc->mss ? tc->cwnd / tc->mss : 0;
	i->tcpi_advmss = tc->mss_base;
	i->tcpi_reordering = tcp_reordering(tc);
	i->tcpi_rcv_rtt = tc->rcv_rtt;
	i->tcpi_rcv_space = tc->drs_space;
	i->tcpi_total_retrans = tc->total_retrans;
}

static void counters(const struct tcpc *tc, struct info *i)
{
	i->bytes_acked = tc->bytes_acked;
	i->bytes_received = tc->bytes_rcvd;
	i->segs_out = tc->segs_out;
	i->segs_in = tc->segs_in;
	i->data_segs_out = tc->count.data_out;
	i->data_segs_in = tc->count.data_in;
	i->delivered = tc->count.delivered;
	i->min_rtt = tc->min_rtt;
	i->snd_wnd = tc->snd_wnd;
	i->rcv_wnd = tc->rcv_wnd;
	if (!tcp_state_in(tc, TCP_CAN_SEND))
		return;
	i->notsent_bytes = (uint32_t)MAX(seq_diff(tc->snd_end, tc->snd_nxt), 0);
	i->bytes_sent = tc->bytes_acked + (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una);
}

/* What Linux would pace with, whether or not it is done (sk_pacing_rate). */
static void rates(const struct tcpc *tc, struct info *i)
{
	const struct tcp_count *c = &tc->count;

	i->max_pacing_rate = tc->so.asked->max_pacing ? tc->so.asked->max_pacing : UINT64_MAX;
	i->pacing_rate = tc->srtt ? MIN(tcp_pace_own(tc), i->max_pacing_rate) : i->max_pacing_rate;
	if (c->rate_us)
		i->delivery_rate = (uint64_t)c->rate_bytes * USEC_PER_SEC / c->rate_us;
	((uint8_t *)&i->i)[RATE_LIMITED_AT] = c->rate_limited;
}

static usec since(const struct tcpc *tc, usec at)
{
	return at == NEVER ? 0 : tc->so.st->now - at;
}

static void times(const struct tcpc *tc, struct info *i)
{
	const struct tcp_rare *r = tc->count.rare;

	i->busy_time = (uint64_t)tc->count.busy;
	if (tc->snd.bytes && tcp_state_in(tc, TCP_CAN_SEND))
		i->busy_time += (uint64_t)since(tc, tc->snd.ring->since);
	if (!r)
		return;
	i->rwnd_limited = (uint64_t)(r->rwnd_limited + since(tc, r->rwnd_since));
	i->sndbuf_limited = (uint64_t)(r->sndbuf_limited + since(tc, r->sndbuf_since));
}

static void rarities(const struct tcp_rare *r, struct info *i)
{
	i->bytes_sent += r->bytes_retrans;
	i->bytes_retrans = r->bytes_retrans;
	i->delivered_ce = r->delivered_ce;
	i->dsack_dups = r->dsack_dups;
	i->reord_seen = r->reord_seen;
	i->rcv_ooopack = r->ooo_packs;
	i->total_rto = r->rto;
	i->total_rto_recoveries = r->rto_runs;
	i->total_rto_time = r->rto_ms;
}

void tcp_info_get(const struct tcpc *tc, void *v, socklen_t *len)
{
	struct info i = { .i = {
		.tcpi_state = tc->state,
		.tcpi_ca_state = ca_state(tc),
		.tcpi_retransmits = (uint8_t)MIN(tc->retrans_run, 255),
		.tcpi_probes = tc->probes,
		.tcpi_backoff = tc->backoff,
		.tcpi_options = options(tc),
		.tcpi_snd_wscale = tc->snd_wscale & 15,
		.tcpi_rcv_wscale = tc->rcv_wscale & 15,
		.tcpi_last_data_sent = ms_since(tc, tc->last_sent),
		.tcpi_last_data_recv = ms_since(tc, tc->last_data),
		.tcpi_last_ack_recv = ms_since(tc, tc->last_rcvd),
	} };

	flight(tc, &i.i);
	numbers(tc, &i.i);
	counters(tc, &i);
	rates(tc, &i);
	times(tc, &i);
	if (tc->count.rare)
		rarities(tc->count.rare, &i);
	*len = (socklen_t)MIN(*len, sizeof(i));
	memcpy(v, &i, *len);
}
