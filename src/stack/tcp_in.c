/* tcp_in.c - segment arrival: find the connection, and the states without one
 *
 * tcp_in runs the machine of the connection's state:
 *
 *   none, CLOSE  RST (RFC 9293 3.10.7.1)
 *   LISTEN       tcp_listen.c
 *   SYN-SENT     syn_sent_in: the steps of 3.10.7.3
 *   TIME-WAIT    tcp_tw.c: it has no connection any more
 *   the others   tcp_seg.c: the steps of 3.10.7.4
 */
#include "stack/tcp.h"

#include <errno.h>

/* --- no connection --- */

void tcp_reset_reply(struct stack *st, const struct seg *sg)
{
	struct flow f = { .src = sg->ip->dst, .dst = sg->ip->src, .proto = IPPROTO_TCP, .df = true,
			  .ifindex = ip_is_linklocal(&sg->ip->src) ? sg->ip->nif->index : 0 };
	struct tcp h = { .src_port = sg->h.dst_port, .dst_port = sg->h.src_port,
			 .flags = TCP_RST };

	if ((sg->h.flags & TCP_RST) || sg->ip->group)
		return;
	count_tcp(st, TCP_OutRsts);
	if (sg->h.flags & TCP_ACK) {
		h.seq = sg->h.ack;
	} else {
		h.flags |= TCP_ACK;
		h.ack = tcp_seg_end(sg);
	}
	tcp_send_bare(st, &f, &h);
}

/* --- SYN-SENT (RFC 9293 3.10.7.3) --- */

/* What the SYN took of the sequence space, its data included. */
static struct seq syn_end(const struct tcpc *tc)
{
	return tc->fo ? seq_add(tc->snd_nxt, tc->fo->len) : tc->snd_nxt;
}

/* Data that went with the SYN and was not taken goes again as any other. */
static void syn_acked(struct tcpc *tc, const struct seg *sg)
{
	tcp_fo_syn_acked(tc, sg);
	tc->bytes_acked = (uint32_t)seq_diff(sg->h.ack, tc->snd_nxt);
	tc->syn_data = tc->bytes_acked > 0;
	tc->snd_una = tc->snd_nxt = sg->h.ack;
	tcp_snd_acked(tc, sg->h.ack);
}

static bool syn_sent_ack_ok(struct tcpc *tc, struct seg *sg)
{
	if (!(sg->h.flags & TCP_ACK))
		return true;
	if (seq_gt(sg->h.ack, tc->iss) && seq_le(sg->h.ack, syn_end(tc)))
		return true;
	tcp_reset_reply(tc->so.st, sg);
	tcp_ev_syn_misread(tc);
	sg->why = DROP_TCP_STATE;
	return false;
}

static void syn_options(struct tcpc *tc, const struct seg *sg)
{
	const struct tcp_opts *o = &sg->h.o;

	tc->irs = sg->h.seq;
	tc->rcv_nxt = seq_add(sg->h.seq, 1);
	tc->mss_peer = o->has_mss ? o->mss : 0;
	tc->wscale_ok &= o->has_wscale;
	tc->snd_wscale = tc->wscale_ok ? MIN(o->wscale, 14) : 0; /* RFC 7323 2.3 */
	if (!tc->wscale_ok)
		tc->rcv_wscale = 0;
	tc->sack_ok &= o->sack_ok;
	tc->ts_ok &= o->has_ts;
	tcp_ecn_syn_in(tc, sg);
	tc->ts_recent = o->ts_val;
	tc->ts_recent_at = (uint32_t)(tc->so.st->now / USEC_PER_SEC);
	tc->snd_wnd = tc->max_wnd = sg->h.win;
	tc->snd_wl1 = sg->h.seq;
	tcp_mss_update(tc);
	tcp_rcv_init(tc);
}

static void syn_sent_in(struct tcpc *tc, struct seg *sg)
{
	if (!syn_sent_ack_ok(tc, sg))
		return;
	if (sg->h.flags & TCP_RST) {
		if (sg->h.flags & TCP_ACK)
			tcp_fail(tc, ECONNREFUSED, "refused");
		else
			sg->why = DROP_TCP_STATE;
		return;
	}
	if (!(sg->h.flags & TCP_SYN)) {
		sg->why = DROP_TCP_STATE;
		return;
	}
	syn_options(tc, sg);
	tc->last_rcvd = tc->so.st->now;
	if (sg->h.flags & TCP_ACK) {
		syn_acked(tc, sg);
		tcp_rtt_syn_acked(tc, sg);
		tcp_established(tc);
		tc->ack_now = true;
		tcp_output(tc);
	} else {		/* simultaneous open (RFC 9293 3.5) */
		tcp_set_state(tc, TCP_SYN_RECV, "SYN received");
		tcp_send_syn(tc);
		tcp_ev_syn_sent(tc);
	}
}

/* --- dispatch --- */

static void conn_in(struct tcpc *tc, struct seg *sg)
{
	switch (tc->state) {
	case TCP_CLOSE:
		tcp_reset_reply(tc->so.st, sg);
		sg->why = DROP_TCP_NO_SOCK;
		break;
	case TCP_LISTEN:
		tcp_listen_in(tc, sg);
		break;
	case TCP_SYN_SENT:
		syn_sent_in(tc, sg);
		break;
	default:
		tcp_seg_in(tc, sg);
	}
}

static struct tcpc *find(struct stack *st, const struct seg *sg)
{
	struct sock *so = sock_find(st, IPPROTO_TCP, sg->ip, sg->h.dst_port, sg->h.src_port);

	return so ? tcpc_of(so) : NULL;
}

static void deliver(struct stack *st, struct seg *sg)
{
	struct tcpc *tc = find(st, sg);

	if ((!tc || !tc->so.connected) && tcp_tw_in(st, sg))
		return;
	if (!tc) {
		tcp_reset_reply(st, sg);
		sg->why = DROP_TCP_NO_SOCK;
		return;
	}
	if (sg->ip->ttl < sock_ip(&tc->so, &sg->ip->src)->min_ttl) {
		sg->why = DROP_TCP_TTL;
		return;
	}
	conn_in(tc, sg);
	tcp_put(tc);
}

/* Pulls header and options, as a rule at once. False: malformed. */
static bool parse(struct pkt *pkt, struct tcp *h)
{
	unsigned hint = (pkt_peek(pkt, 12) >> 4) * 4u;
	const uint8_t *p = pkt_pull(pkt, MAX(hint, TCP_LEN));
	unsigned hlen = p ? (p[12] >> 4) * 4u : 0;
	struct rd r;

	if (hlen < TCP_LEN || !(p = pkt_pull(pkt, hlen)))
		return false;
	r = rd_of(p, hlen);
	return tcp_parse(&r, h);
}

enum drop tcp_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	struct seg sg = { .ip = ip, .pkt = pkt };

	count_tcp(st, TCP_InSegs);
	if (!parse(pkt, &sg.h))
		return drop(st, pkt, DROP_TCP_SHORT);
	if (!ip_sum_ok(pkt, ip))
		return drop(st, pkt, DROP_TCP_SUM);
	if (ip->group || ip_is_any(&ip->src))	/* RFC 9293 3.10.7, MUST-57 */
		return drop(st, pkt, DROP_TCP_NO_SOCK);
	pkt_skip(pkt, sg.h.hlen);
	sg.paylen = pkt_len(pkt);
	sg.len = sg.paylen + !!(sg.h.flags & TCP_SYN) + !!(sg.h.flags & TCP_FIN);
	deliver(st, &sg);
	if (!sg.pkt)
		return sg.why;
	if (sg.why)
		return drop(st, sg.pkt, sg.why);
	pkt_free(sg.pkt);
	return DROP_NONE;
}
