/* tcp_count.h - what a connection counts only to tell it (TCP_INFO) */
#ifndef STACK_TCP_COUNT_H
#define STACK_TCP_COUNT_H

#include "base/base.h"

struct ack_news;
struct rate;
struct seg;
struct tcp_rare;
struct tcpc;

/* Of every connection. */
struct tcp_count {
	uint32_t	data_in, data_out;	/* segments with data */
	uint32_t	delivered;		/* segments that arrived at the peer */
	uint32_t	rate_bytes;		/* of the last sample of the delivery rate */
	uint32_t	rate_us : 31;
	uint32_t	rate_limited : 1;	/* by what the user had to send */
	usec		busy;			/* something was to be sent or acknowledged */
	struct tcp_rare	*rare;			/* NULL: nothing of it happened */
};

/* Of those to whom something happened. */
struct tcp_rare {
	uint64_t	bytes_retrans;
	usec		rwnd_limited, sndbuf_limited;
	usec		rwnd_since, sndbuf_since;	/* NEVER: not now */
	usec		ooo_at;			/* when data came out of order last */
	usec		rto_at;			/* the first timeout of this run; NEVER: none */
	uint32_t	rto_ms;			/* spent in them */
	uint16_t	rto, rto_runs;
	uint32_t	dsack_dups, reord_seen, ooo_packs, delivered_ce;
	uint32_t	reordering;		/* segments; 0: as tcp_reordering says */
};

struct tcp_rare *tcp_rare_own(struct tcpc *tc);	/* there is one from now on */
void tcp_count_clear(struct tcpc *tc);

/* --- events --- */
void tcp_count_sent_new(struct tcpc *tc);	/* snd_nxt has moved, a record has been made */
void tcp_count_sent_again(struct tcpc *tc, uint32_t len);
/* Is the piece acknowledged whose rate is measured? Then r is it, marked. Before the
 * records move. */
void tcp_count_acked(struct tcpc *tc, struct seq ack, struct rate *r);
/* What the ACK told; after the records have moved. */
void tcp_count_ack(struct tcpc *tc, const struct seg *sg, const struct ack_news *n,
		   const struct rate *r);
void tcp_count_idle(struct tcpc *tc, usec since);	/* all is acknowledged */
void tcp_count_ooo(struct tcpc *tc, const struct pkt *pkt);
bool tcp_count_lossy(const struct tcpc *tc);	/* it did of late */
void tcp_count_rto(struct tcpc *tc, bool first);
void tcp_count_rto_over(struct tcpc *tc);
/* What keeps us from sending: the peer's window, our buffer, or nothing. */
void tcp_count_limits(struct tcpc *tc);

/* Segments that len octets are. */
static inline uint32_t tcp_count_segs(uint32_t len, uint32_t mss)
{
	return len <= mss || !mss ? len > 0 : (len + mss - 1) / mss;
}

#endif
