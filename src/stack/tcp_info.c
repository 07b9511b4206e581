/* tcp_info.c - TCP_INFO, as Linux lays it out
 *
 * glibc's struct tcp_info ends where Linux's ended long ago; what has been added since
 * follows here in the same order (linux/tcp.h), so ss and iperf3 find it. A caller
 * with a smaller buffer gets the beginning. What we do not count is 0.
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
};
static_assert(offsetof(struct info, pacing_rate) == 104, "as in linux/tcp.h");
static_assert(offsetof(struct info, snd_wnd) == 228, "as in linux/tcp.h");

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
	       (tc->ecn_seen ? TCPI_OPT_ECN_SEEN : 0);
}

static uint32_t segs(const struct tcpc *tc, uint32_t bytes)
{
	return tc->mss ? (bytes + tc->mss - 1) / tc->mss : 0;
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
	i->tcpi_reordering = 3;
	i->tcpi_rcv_rtt = tc->rcv_rtt;
	i->tcpi_rcv_space = tc->drs_space;
	i->tcpi_total_retrans = tc->total_retrans;
}

static void counters(const struct tcpc *tc, struct info *i)
{
	i->pacing_rate = i->max_pacing_rate = UINT64_MAX;	/* not paced */
	i->bytes_acked = tc->bytes_acked;
	i->bytes_received = tc->bytes_rcvd;
	i->segs_out = tc->segs_out;
	i->segs_in = tc->segs_in;
	i->min_rtt = tc->min_rtt;
	i->snd_wnd = tc->snd_wnd;
	i->rcv_wnd = tc->rcv_wnd;
	if (!tcp_state_in(tc, TCP_CAN_SEND))
		return;
	i->notsent_bytes = (uint32_t)MAX(seq_diff(tc->snd_end, tc->snd_nxt), 0);
	i->bytes_sent = tc->bytes_acked + (uint32_t)seq_diff(tc->snd_nxt, tc->snd_una);
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
	*len = (socklen_t)MIN(*len, sizeof(i));
	memcpy(v, &i, *len);
}
