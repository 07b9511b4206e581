/* tcp.c - a connection's states, its life and death
 *
 * States and their numbers are Linux's. What a user may call where:
 *
 *   CLOSE         bind, connect, listen
 *   LISTEN        accept; shutdown(RD) ends listening
 *   SYN-SENT/RECV send says EAGAIN; shutdown aborts
 *   ESTABLISHED,  send, recv
 *   CLOSE-WAIT
 *   the others    recv what is queued
 *
 * tcp_set_state is the only place where the state changes. sock_close makes an
 * orphan: the engine goes on until the peer has everything. The block is freed
 * by tcp_put, which every entry (tcp_in, a timer, a socket call) ends with, once
 * the state is CLOSE and the user has gone.
 */
#include "stack/tcp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define SYN_UNANSWERED	(1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV)
#define UNCONNECTED	(1u << TCP_CLOSE | 1u << TCP_LISTEN)

const char *tcp_state_name(int state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTABLISHED", [TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECV] = "SYN-RECEIVED", [TCP_FIN_WAIT1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT2] = "FIN-WAIT-2", [TCP_TIME_WAIT] = "TIME-WAIT",
		[TCP_CLOSE] = "CLOSED", [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK", [TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
	};

	return state > 0 && (size_t)state < ARRAY_LEN(names) ? names[state] : "?";
}

/* --- numbers nobody can guess --- */

static uint64_t hash_four(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	struct { struct ip_addr l, r; uint16_t lp, rp; uint32_t what; } k = {
		l->addr, r->addr, l->port, r->port, 0x7463706eu,
	};

	return hash64(&st->secret, &k, sizeof(k));
}

uint32_t tcp_hash_ends(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	struct { struct ip_addr l, r; uint16_t lp, rp; } k = { l->addr, r->addr, l->port, r->port };

	return hash_quick(&st->quick, &k, sizeof(k));
}

/* RFC 6528 3, with Linux's clock of 64 ns. */
uint32_t tcp_isn(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	return (uint32_t)hash_four(st, l, r) + (uint32_t)((uint64_t)st->now * 1000 / 64);
}

/* RFC 7323 5.4: a clock of its own for each pair of endpoints; it goes on when
 * they meet again, which TIME-WAIT relies on (RFC 6191). */
uint32_t tcp_ts_offset(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	return (uint32_t)(hash_four(st, l, r) >> 32);
}

/* --- life and death --- */

struct sock *tcp_sock_new(struct stack *st)
{
	struct tcpc *tc = xzalloc(sizeof(*tc));

	tc->so.st = st;
	tcp_asked_init(tc, NULL);
	tc->state = TCP_CLOSE;
	tc->so.rcvbuf = st->param.tcp_rmem[1];
	tc->so.sndbuf = st->param.tcp_wmem[1];
	list_init(&tc->rcvq);
	tcp_timer_init(tc);
	tcp_rtt_init(tc);
	return &tc->so;
}

/* The user may still be writing into reserved chunks: those wait for it. */
static void free_sending(struct tcpc *tc)
{
	if (!tc->snd.reserved || tc->orphan)
		tcp_snd_free(tc);
	sent_free(&tc->sent);
	tcp_undo_forget(tc);
}

void tcp_free(struct tcpc *tc)
{
	tcp_timer_stop_all(tc);
	tcp_snd_free(tc);
	sent_free(&tc->sent);
	tcp_undo_forget(tc);
	tcp_rcv_free(tc);
	tcp_fo_free(tc);
	tcp_mtup_free(tc);
	tcp_count_clear(tc);
	tcp_asked_free(tc);
	sock_fini(&tc->so);
	free(tc);
}

void tcp_put(struct tcpc *tc)
{
	if (tc->state == TCP_CLOSE && tc->orphan)
		tcp_free(tc);
}

static void enter_close(struct tcpc *tc)
{
	tcp_timer_stop_all(tc);
	free_sending(tc);
	list_del(&tc->so.stall);
	tc->so.listening = false;
	if (tc->so.port_locked && !tc->orphan)
		sock_table_unconnect(&tc->so);	/* bind's choice stays */
	else
		sock_table_remove(&tc->so);
	tc->shut = TCP_SHUT_BOTH;
	if (tc->orphan)
		tcp_rcv_free(tc);
}

/* A small state takes over; the user's socket is closed, as with Linux. */
static void enter_time_wait(struct tcpc *tc)
{
	if (tc->ack_now)
		tcp_send_ack(tc);
	tcp_tw_start(tc);
	tc->state = TCP_CLOSE;
	enter_close(tc);
}

/* RFC 4022: which changes are opens, failed ones, resets. */
static void count_change(const struct tcpc *tc, int old, int state)
{
	struct stack *st = tc->so.st;

	if (state == TCP_SYN_SENT)
		count_tcp(st, TCP_ActiveOpens);
	else if (state == TCP_SYN_RECV && old != TCP_SYN_SENT)
		count_tcp(st, TCP_PassiveOpens);
	else if (state == TCP_TIME_WAIT)
		count_tcp(st, TCP_TW);
	else if (state == TCP_CLOSE && (1u << old & SYN_UNANSWERED))
		count_tcp(st, TCP_AttemptFails);
	else if (state == TCP_CLOSE && (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT))
		count_tcp(st, TCP_EstabResets);
}

void tcp_set_state(struct tcpc *tc, int state, const char *why)
{
	int old = tc->state;

	count_change(tc, old, state);
	tc->state = (uint8_t)state;
	if (tc->so.st->on_state)
		tc->so.st->on_state(tc, old, why);
	switch (state) {
	case TCP_CLOSE:
		enter_close(tc);
		break;
	case TCP_TIME_WAIT:
		enter_time_wait(tc);
		break;
	case TCP_FIN_WAIT2:
		if (tc->orphan)
			tcp_orphan_fin_wait2(tc);
		break;
	}
	sock_wake(&tc->so);
}

void tcp_fail(struct tcpc *tc, int error, const char *why)
{
	if (error && !tc->orphan)
		sock_set_error(&tc->so, error);
	tcp_set_state(tc, TCP_CLOSE, why);
}

void tcp_abort(struct tcpc *tc, int error, const char *why)
{
	if (!tcp_state_in(tc, UNCONNECTED | 1u << TCP_SYN_SENT))
		tcp_send_rst(tc);
	tcp_fail(tc, error, why);
}

/* Nobody will read: the peer's FIN is awaited for a limited time, or not at
 * all (TCP_LINGER2 < 0). */
void tcp_orphan_fin_wait2(struct tcpc *tc)
{
	if (tc->asked->linger2 < 0)
		tcp_abort(tc, 0, "no linger in FIN-WAIT-2");
	else
		tcp_ev_orphan_fin_wait2(tc);
}

void tcp_may_send(struct tcpc *tc)
{
	tcp_mtup_start(tc);
	tcp_mss_update(tc);
	tcp_cc_init(tc);
	if (tc->total_retrans > 1)	/* RFC 6928 2: a SYN lost twice is a bad sign */
		tc->cwnd = tc->mss;
	sent_init(&tc->sent, tc->snd_nxt);
	tc->snd_sml = tc->snd_una;
	rack_init(tc);
	tc->rcv_mss = MIN(tc->mss, 536);
}

void tcp_established(struct tcpc *tc)
{
	if (!tcp_answers_early(tc))
		tcp_may_send(tc);
	/* RFC 6298 5.7: the SYN took long to be answered */
	if (tc->total_retrans && !tc->srtt)
		tc->rto = 3000000;
	tc->backoff = 0;
	tc->count.delivered++;	/* the SYN */
	tcp_fo_free(tc);
	tcp_listen_done(tc);
	tcp_set_state(tc, TCP_ESTABLISHED, "handshake complete");
	tcp_ev_established(tc);
	if (tc->fin_queued)
		tcp_set_state(tc, TCP_FIN_WAIT1, "closed before");
}

/* --- ICMP (RFC 1122 4.2.3.9, RFC 5927) --- */

/* The path MTU fell: what is in flight was too large and is lost, unless all of
 * it fits into a segment of the new size. */
static void pmtu_in(struct tcpc *tc, const struct icmp_note *n)
{
	struct flow *f = &tc->so.flow;

	ip_pmtu_update(tc->so.st, &n->dst, n->mtu);
	if (ip_route(tc->so.st, f) < 0 || f->mtu >= tc->mtu)
		return;
	tcp_mss_update(tc);
	if (!tcp_state_in(tc, TCP_CAN_SEND))
		return;
	if ((uint32_t)seq_diff(tc->snd_nxt, tc->snd_una) <= tc->mss)
		return;
	tcp_mark_all_lost(tc);
	tcp_output(tc);
}

/* Believed only if it quotes something in flight (RFC 5927 4.1). */
static bool quotes_flight(const struct tcpc *tc, const struct icmp_note *n)
{
	return seq_ge(n->seq, tc->snd_una) && seq_lt(n->seq, tc->snd_nxt);
}

void tcp_icmp(struct stack *st, const struct icmp_note *n)
{
	struct endpoint l = { .addr = n->src, .port = n->src_port };
	struct endpoint r = { .addr = n->dst, .port = n->dst_port };
	struct sock *so = sock_find_connected(st, IPPROTO_TCP, &l, &r);
	struct tcpc *tc;

	if (!so) {
		tcp_req_icmp(st, n);
		return;
	}
	tc = tcpc_of(so);
	if (!quotes_flight(tc, n)) {
		count_tcp(st, TCP_OutOfWindowIcmps);
		return;
	}
	if (n->mtu)
		pmtu_in(tc, n);
	else if (tcp_state_in(tc, SYN_UNANSWERED))
		tcp_fail(tc, n->error, "unreachable");
	else
		tc->soft_error = (uint8_t)n->error;	/* RFC 5927 5.2: never abort */
	tcp_put(tc);
}

/* --- TCP's part of a stack --- */

void tcp_stack_init(struct stack *st)
{
	st->tcp = xzalloc(sizeof(*st->tcp));
	map_init(&st->tcp->reqs);
	tcp_tw_init(&st->tcp->tw);
	list_init(&st->tcp->known);
	list_init(&st->tcp->ooo);
	list_init(&st->tcp->answers);
}

void tcp_stack_fini(struct stack *st)
{
	tcp_tw_fini(st);
	tcp_fo_fini(st);
	map_fini(&st->tcp->reqs);
	free(st->tcp);
	st->tcp = NULL;
}
