/* tcp_sock.c - the socket calls of TCP that open, close and ask; tcp_io.c has the bytes
 *
 * Nothing blocks: what cannot be done now is -EAGAIN, and sock_wake tells when
 * to look again. Errors and readiness follow Linux case by case (tcp_poll,
 * inet_stream_connect), because programs were written against them.
 */
#include "stack/tcp_sock.h"
#include "stack/tcp_stamp.h"

#include <errno.h>

#define UNCONNECTED	(1u << TCP_CLOSE | 1u << TCP_LISTEN)

/* --- opening --- */

static int tcp_bind(struct sock *so, const struct endpoint *ep)
{
	if (tcpc_of(so)->state != TCP_CLOSE || so->bound)
		return -EINVAL;
	return sock_table_bind(so, ep);
}

/* Everything a connection had before; options stay. */
static void start_over(struct tcpc *tc)
{
	tcp_snd_free(tc);
	tcp_rcv_free(tc);
	tcp_stamp_forget(tc);
	tcp_mtup_free(tc);
	tc->shut = 0;
	tc->rec = TCP_REC_OPEN;
	tc->done = tc->fin_queued = tc->fin_sent = false;
	tc->no_memory = tc->ack_now = tc->pingpong = tc->nospace = false;
	tc->urg_here = tc->urg_valid = tc->urg_read = false;
	tc->ecn_ok = tc->ecn_echo = tc->ecn_seen = tc->ecn_cwr = false;
	tc->backoff = tc->probes = 0;
	tc->dup_acks = tc->retrans_run = tc->srtt = tc->rttvar = 0;
	tc->total_retrans = 0;
	tcp_count_clear(tc);
	tc->soft_error = 0;
	tcp_undo_forget(tc);
	if (tc->fo) {
		tc->fo->waits = false;
		tc->fo->len = 0;
	}
	tcp_rtt_init(tc);
}

static void syn_prepare(struct tcpc *tc)
{
	struct stack *st = tc->so.st;
	const struct param *p = &st->param;

	start_over(tc);
	tc->iss = SEQ(tcp_isn(st, &tc->so.local, &tc->so.remote));
	tc->snd_una = tc->recover = tc->iss;
	tc->snd_nxt = tc->snd_end = tc->snd_sml = tc->snd_up = seq_add(tc->iss, 1);
	tc->ts_off = tcp_ts_offset(st, &tc->so.local, &tc->so.remote);
	tc->ts_recent = 0;
	tc->ts_ok = p->tcp_timestamps;
	tc->sack_ok = p->tcp_sack;
	tc->wscale_ok = p->tcp_window_scaling;
	tc->rcv_wscale = tcp_window_scale(p);
	tc->rcv_wnd = tcp_initial_window(tc, tcp_mss_offer(st, &tc->so.flow, tc->asked->mss));
	tc->mtu = tc->so.flow.mtu;
}

/* What an earlier connection chose is chosen anew; what bind chose stays. */
static void forget_last_local(struct sock *so)
{
	if (so->bound)
		return;
	if (!so->port_locked)
		so->local.port = 0;
	if (!so->addr_locked)
		so->local.addr = so->family == AF_INET ? IP4_ANY : IP6_ANY;
}

int tcp_connect_open(struct tcpc *tc, const struct endpoint *ep)
{
	struct sock *so = &tc->so;
	struct endpoint local;
	int e;

	forget_last_local(so);
	local = so->local;
	so->remote = *ep;
	e = sock_route(so);
	if (!e)
		e = sock_table_connect(so);
	if (e) {
		so->remote = (struct endpoint){ 0 };
		so->local = local;
		return e;
	}
	syn_prepare(tc);
	tcp_set_state(tc, TCP_SYN_SENT, "connect");
	return 0;
}

void tcp_connect_go(struct tcpc *tc)
{
	tcp_rtt_syn_sent(tc);
	tcp_send_syn(tc);
	tcp_ev_syn_sent(tc);
}

/* TCP_FASTOPEN_CONNECT: the SYN waits for the first write, if a cookie is known. */
static bool waits_for_data(struct tcpc *tc)
{
	if (!tc->fo || !tc->fo->connect || !(tc->so.st->param.tcp_fastopen & FO_CLIENT))
		return false;
	tcp_fo_prepare(tc);
	return tc->fo->waits = tcp_fo_ready(tc);
}

static int connect_start(struct tcpc *tc, const struct endpoint *ep)
{
	int e = tcp_connect_open(tc, ep);

	if (e)
		return e;
	if (waits_for_data(tc)) {
		tc->conn = TCP_CONN_DONE;
		return 0;
	}
	tcp_connect_go(tc);
	tc->conn = TCP_CONN_PENDING;
	return -EINPROGRESS;
}

/* Linux's inet_stream_connect with a non-blocking socket. */
static int connect_again(struct tcpc *tc)
{
	int e = tc->so.error;

	if (tc->conn == TCP_CONN_DONE)
		return -EISCONN;
	if (tcp_state_in(tc, TCP_SYN_UNANSWERED))
		return -EALREADY;
	if (tc->state != TCP_CLOSE) {
		tc->conn = TCP_CONN_DONE;
		return 0;
	}
	tc->so.error = 0;
	tc->conn = TCP_CONN_NONE;
	return e ? -e : -ECONNABORTED;
}

static int tcp_connect(struct sock *so, const struct endpoint *ep)
{
	struct tcpc *tc = tcpc_of(so);

	if (tc->conn != TCP_CONN_NONE)
		return connect_again(tc);
	if (tc->state != TCP_CLOSE)
		return -EISCONN;
	if (ip_is_multicast(&ep->addr) || ip_eq(&ep->addr, &IP4_BROADCAST))
		return -ENETUNREACH;
	if (!budget_room(so->st, BUDGET_TCP, 0))
		return -ENOBUFS;
	return connect_start(tc, ep);
}

static int tcp_listen(struct sock *so, int backlog)
{
	struct tcpc *tc = tcpc_of(so);

	if (!tcp_state_in(tc, UNCONNECTED) || tc->conn != TCP_CONN_NONE)
		return -EINVAL;
	tcp_listen_start(tc, backlog);
	tc->shut = 0;
	if (tc->state != TCP_LISTEN)
		tcp_set_state(tc, TCP_LISTEN, "listen");
	return 0;
}

static int tcp_accept(struct sock *so, struct sock **out)
{
	struct tcpc *tc = tcpc_of(so);

	return tc->state == TCP_LISTEN ? tcp_listen_accept(tc, out) : -EINVAL;
}

/* --- closing --- */

/* Our side is finished: FIN after what is queued. */
static void send_fin(struct tcpc *tc)
{
	tc->fin_queued = true;
	tc->more = false;
	if (tc->state == TCP_CLOSE_WAIT)
		tcp_set_state(tc, TCP_LAST_ACK, "close");
	else if (tc->state != TCP_SYN_RECV)	/* when established: RFC 9293 3.10.4 */
		tcp_set_state(tc, TCP_FIN_WAIT1, "close");
	tcp_output(tc);
}

static int tcp_shutdown(struct sock *so, int how)
{
	struct tcpc *tc = tcpc_of(so);
	uint8_t what = (uint8_t)(how + 1);	/* SHUT_RD 0 -> RCV, WR -> SND, RDWR */

	if (tc->state == TCP_CLOSE)
		return -ENOTCONN;
	if (tc->state == TCP_LISTEN) {
		if (what & TCP_SHUT_RCV) {
			tcp_listen_stop(tc, false);
			tcp_set_state(tc, TCP_CLOSE, "shutdown");
		}
		return 0;
	}
	if (tc->state == TCP_SYN_SENT) {
		tc->conn = TCP_CONN_NONE;
		tcp_fail(tc, ECONNRESET, "shutdown");
		return 0;
	}
	tc->shut |= what;
	if ((what & TCP_SHUT_SND) &&
	    tcp_state_in(tc, TCP_CAN_WRITE | 1u << TCP_SYN_RECV))
		send_fin(tc);
	sock_wake(so);
	return 0;
}

static void close_connection(struct tcpc *tc)
{
	bool unread = tc->rcv_bytes > 0;

	tc->shut = TCP_SHUT_BOTH;
	tcp_rcv_free(tc);
	if (unread) {			/* RFC 2525 2.17, RFC 9293 3.6.1 */
		count_tcp(tc->so.st, TCP_TCPAbortOnClose);
		tcp_abort(tc, 0, "closed with data unread");
	} else if (tc->so.linger_on && !tc->so.asked->linger) {
		tcp_abort(tc, 0, "closed with zero linger");
	} else if (tcp_state_in(tc, TCP_CAN_WRITE | 1u << TCP_SYN_RECV)) {
		send_fin(tc);
	} else if (tc->state == TCP_FIN_WAIT2) {
		tcp_orphan_fin_wait2(tc);
	}
}

static void tcp_close(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);

	tc->orphan = true;
	tc->snd.reserved = false;
	so->keepalive = false;
	switch (tc->state) {
	case TCP_CLOSE:
		break;
	case TCP_LISTEN:
		tcp_listen_stop(tc, false);
		tcp_set_state(tc, TCP_CLOSE, "close");
		break;
	case TCP_SYN_SENT:
		tcp_set_state(tc, TCP_CLOSE, "close");
		break;
	default:
		close_connection(tc);
	}
	tcp_put(tc);
}

/* Linux's tcp_disconnect: the peer learns by a RST, and the socket is new. */
static int tcp_disconnect(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);

	if (tc->state == TCP_LISTEN)
		tcp_listen_stop(tc, false);
	if (tc->state != TCP_CLOSE)
		tcp_abort(tc, 0, "disconnect");
	start_over(tc);
	tc->conn = TCP_CONN_NONE;
	so->error = 0;
	return 0;
}

static void tcp_destroy(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);

	if (tc->state == TCP_LISTEN)
		tcp_listen_stop(tc, true);
	else if (tc->ready)
		tcp_listen_forget(tc);
	so->wake = NULL;
	tcp_free(tc);
}

static void tcp_resume(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);

	tcp_output(tc);
	tcp_wake_writer(tc);
	tcp_put(tc);
}

static const char *tcp_state(const struct sock *so)
{
	return tcp_state_name(tcpc_of(so)->state);
}

static bool tcp_syn_waits(const struct sock *so)
{
	return tcp_fo_waits(tcpc_of(so));
}

/* --- readiness: Linux's tcp_poll, line by line --- */

static uint32_t tcp_events(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);
	uint32_t ev = so->error || tcp_stamp_waits(tc) ? EV_ERR : 0;

	if (tc->state == TCP_LISTEN)
		return tcp_listen_ready(tc) ? EV_IN : 0;
	if (tc->shut == TCP_SHUT_BOTH || tc->state == TCP_CLOSE)
		ev |= EV_HUP;
	if (tc->shut & TCP_SHUT_RCV)
		ev |= EV_IN | EV_RDHUP;
	if (tcp_fo_waits(tc))
		return ev | EV_OUT;
	if (tcp_state_in(tc, TCP_SYN_UNANSWERED) && !tc->fo_child)
		return ev;
	if (tcp_rcv_readable(tc))
		ev |= EV_IN;
	if ((tc->shut & TCP_SHUT_SND) || tcp_writeable(tc))
		ev |= EV_OUT;
	else
		tc->nospace = true;
	if (tc->urg_valid)
		ev |= EV_PRI;
	return ev;
}

const struct sock_ops tcp_ops = {
	.bind = tcp_bind,
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.send = tcp_send,
	.recv = tcp_recv,
	.reserve = tcp_reserve,
	.commit = tcp_commit,
	.peek = tcp_peek,
	.consume = tcp_consume,
	.lend = tcp_lend,
	.lend_end = tcp_lend_end,
	.draft = tcp_draft,
	.draft_end = tcp_draft_end,
	.at_mark = tcp_at_mark,
	.syn_waits = tcp_syn_waits,
	.shutdown = tcp_shutdown,
	.disconnect = tcp_disconnect,
	.close = tcp_close,
	.events = tcp_events,
	.setopt = tcp_setopt,
	.getopt = tcp_getopt,
	.resume = tcp_resume,
	.destroy = tcp_destroy,
	.state = tcp_state,
};
