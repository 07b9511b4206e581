/* tcp.c - a connection: socket calls, states, life and death
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
 *
 * Errors and readiness follow Linux case by case (tcp_poll, inet_stream_connect,
 * tcp_sendmsg, tcp_recvmsg), because programs were written against them.
 */
#include "stack/tcp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define SEND_CUT	(128u << 10)	/* hand on large writes in parts */
#define RESERVE_IOV	8
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
	tc->state = TCP_CLOSE;
	tc->so.rcvbuf = st->param.tcp_rmem[1];
	tc->so.sndbuf = st->param.tcp_wmem[1];
	list_init(&tc->rcvq);
	list_init(&tc->ooo);
	list_init(&tc->accept);
	tcp_timer_init(tc);
	tcp_rtt_init(tc);
	return &tc->so;
}

/* The user may still be writing into reserved chunks: those wait for it. */
static void free_sending(struct tcpc *tc)
{
	if (!tc->snd.reserved || tc->orphan)
		tcp_snd_free(tc);
	free(tc->sb);
	tc->sb = NULL;
}

static void tcpc_free(struct tcpc *tc)
{
	tcp_timer_stop_all(tc);
	tcp_snd_free(tc);
	free(tc->sb);
	tcp_rcv_free(tc);
	sock_fini(&tc->so);
	free(tc);
}

void tcp_put(struct tcpc *tc)
{
	if (tc->state == TCP_CLOSE && tc->orphan)
		tcpc_free(tc);
}

static void enter_close(struct tcpc *tc)
{
	tcp_timer_stop_all(tc);
	free_sending(tc);
	list_del(&tc->so.stall);
	sock_table_remove(&tc->so);
	tc->shut = TCP_SHUT_BOTH;
	if (tc->orphan)
		tcp_rcv_free(tc);
}

static void enter_time_wait(struct tcpc *tc)
{
	tcp_ev_time_wait(tc);
	free_sending(tc);
	tc->shut = TCP_SHUT_BOTH;
}

void tcp_set_state(struct tcpc *tc, int state, const char *why)
{
	tc->state = (uint8_t)state;
	tc->why = why;
	switch (state) {
	case TCP_CLOSE:
		enter_close(tc);
		break;
	case TCP_TIME_WAIT:
		enter_time_wait(tc);
		break;
	case TCP_FIN_WAIT2:
		if (tc->orphan)
			tcp_ev_orphan_fin_wait2(tc);
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
	if (!tcp_state_in(tc, UNCONNECTED | 1u << TCP_SYN_SENT | 1u << TCP_TIME_WAIT))
		tcp_send_rst(tc);
	tcp_fail(tc, error, why);
}

void tcp_established(struct tcpc *tc)
{
	tcp_mss_update(tc);
	tcp_cc_init(tc);
	tc->lost = tc->high_rxt = tc->snd_una;
	tc->rcv_mss = MIN(tc->mss, 536);
	/* RFC 6298 5.7: the SYN took long to be answered */
	if (tc->retrans_run && !tc->srtt)
		tc->rto = 3000000;
	tc->backoff = 0;
	tcp_set_state(tc, TCP_ESTABLISHED, "handshake complete");
	tcp_ev_established(tc);
}

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
	tc->shut = 0;
	tc->rec = TCP_REC_OPEN;
	tc->done = tc->fin_queued = tc->fin_sent = false;
	tc->force_rxt = tc->ack_now = tc->pingpong = tc->nospace = false;
	tc->urg_here = tc->urg_valid = tc->urg_read = false;
	tc->backoff = tc->probes = tc->n_sacks = 0;
	tc->dup_acks = tc->retrans_run = tc->srtt = tc->rttvar = 0;
	tc->soft_error = 0;
	tcp_rtt_init(tc);
}

static void syn_prepare(struct tcpc *tc)
{
	struct stack *st = tc->so.st;
	const struct param *p = &st->param;

	start_over(tc);
	tc->iss = SEQ(tcp_isn(st, &tc->so.local, &tc->so.remote));
	tc->snd_una = tc->lost = tc->high_rxt = tc->recover = tc->iss;
	tc->snd_nxt = tc->snd_end = tc->snd_sml = tc->snd_up = seq_add(tc->iss, 1);
	tc->ts_off = tcp_ts_offset(st, &tc->so.local, &tc->so.remote);
	tc->ts_recent = 0;
	tc->ts_ok = p->tcp_timestamps;
	tc->sack_ok = p->tcp_sack;
	tc->wscale_ok = p->tcp_window_scaling;
	tc->rcv_wscale = tcp_window_scale(p);
	tc->rcv_wnd = tcp_initial_window(tc, tcp_mss_offer(st, &tc->so.flow, tc->mss_user));
	tc->mtu = tc->so.flow.mtu;
}

static int connect_start(struct tcpc *tc, const struct endpoint *ep)
{
	struct sock *so = &tc->so;
	struct endpoint local = so->local;
	int e;

	so->remote = *ep;
	so->flow.df = true;
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
	tcp_rtt_sent(tc, tc->snd_nxt);
	tcp_send_syn(tc);
	tcp_ev_syn_sent(tc);
	tc->conn = TCP_CONN_PENDING;
	return -EINPROGRESS;
}

/* Linux's inet_stream_connect with a non-blocking socket. */
static int connect_again(struct tcpc *tc)
{
	int e = tc->so.error;

	if (tc->conn == TCP_CONN_DONE)
		return -EISCONN;
	if (tcp_state_in(tc, SYN_UNANSWERED))
		return -EALREADY;
	if (tc->state != TCP_CLOSE) {
		tc->conn = TCP_CONN_DONE;
		return 0;
	}
	tc->so.error = 0;
	tc->conn = TCP_CONN_NONE;
	return e ? -e : -ECONNABORTED;
}

/* Connecting to "any" means this machine. */
static struct endpoint self_if_any(const struct endpoint *ep)
{
	struct endpoint to = *ep;

	if (!ip_is_any(&to.addr))
		return to;
	if (ip_is_v4(&to.addr))
		to.addr = IP4(127, 0, 0, 1);
	else
		to.addr.b[15] = 1;
	return to;
}

static int tcp_connect(struct sock *so, const struct endpoint *ep)
{
	struct tcpc *tc = tcpc_of(so);
	struct endpoint to = self_if_any(ep);

	if (tc->conn != TCP_CONN_NONE)
		return connect_again(tc);
	if (tc->state != TCP_CLOSE)
		return -EISCONN;
	if (ip_is_multicast(&to.addr) || ip_eq(&to.addr, &IP4_BROADCAST))
		return -ENETUNREACH;
	return connect_start(tc, &to);
}

static int tcp_listen(struct sock *so, int backlog)
{
	struct tcpc *tc = tcpc_of(so);
	struct endpoint any = { .addr = so->family == AF_INET ? IP4_ANY : IP6_ANY };
	int e = 0;

	if (!tcp_state_in(tc, UNCONNECTED) || tc->conn != TCP_CONN_NONE)
		return -EINVAL;
	if (!so->bound)
		e = sock_table_bind(so, &any);
	if (e)
		return e;
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

/* --- sending --- */

static int take_error(struct tcpc *tc, int otherwise)
{
	int e = tc->so.error;

	tc->so.error = 0;
	return e ? -e : -otherwise;
}

static int may_send(struct tcpc *tc)
{
	if (tcp_state_in(tc, SYN_UNANSWERED) && !tc->so.error && !(tc->shut & TCP_SHUT_SND))
		return -EAGAIN;
	if (!tcp_state_in(tc, TCP_CAN_WRITE) || tc->so.error || (tc->shut & TCP_SHUT_SND))
		return take_error(tc, EPIPE);
	return 0;
}

bool tcp_writeable(const struct tcpc *tc)
{
	uint32_t unsent = (uint32_t)seq_diff(tc->snd_end, tc->snd_nxt);

	if (tc->notsent_lowat && tcp_state_in(tc, TCP_CAN_SEND) && unsent >= tc->notsent_lowat)
		return false;
	return tcp_snd_space(tc) >= tc->snd.bytes / 2 && tcp_snd_space(tc) > 0;
}

/* Where the user's bytes are. */
struct source {
	const struct iovec *iov;
	int		n;
	size_t		off;
};

static void source_copy(struct source *s, uint8_t *to, size_t len)
{
	while (len) {
		size_t k = MIN(len, s->iov->iov_len - s->off);

		memcpy(to, (const uint8_t *)s->iov->iov_base + s->off, k);
		to += k;
		len -= k;
		s->off += k;
		if (s->off == s->iov->iov_len) {
			s->iov++;
			s->off = 0;
		}
	}
}

/* Copies up to len bytes into the send queue; 0: it is full. */
static size_t queue_some(struct tcpc *tc, struct source *src, size_t len)
{
	struct iovec to[RESERVE_IOV];
	int n = RESERVE_IOV;
	size_t got = tcp_snd_reserve(tc, to, &n, len);

	for (int i = 0; i < n; i++)
		source_copy(src, to[i].iov_base, to[i].iov_len);
	tcp_snd_commit(tc, got);
	return got;
}

static size_t iov_total(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static void committed(struct tcpc *tc)
{
	tc->nospace = !tcp_writeable(tc);
	tcp_output(tc);
}

static ssize_t tcp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct tcpc *tc = tcpc_of(so);
	struct source src = { iov, n, 0 };
	size_t len = iov_total(iov, n), done = 0, k;
	int e = may_send(tc);

	if (e)
		return e;
	if (!len)
		return 0;
	do {
		k = queue_some(tc, &src, MIN(len - done, SEND_CUT));
		done += k;
		if ((flags & MSG_OOB) && done == len)
			tc->snd_up = tc->snd_end;
		tc->more = (flags & MSG_MORE) || done < len;
		committed(tc);
	} while (k && done < len);
	tc->more = tc->more && (flags & MSG_MORE);
	if (done < len)
		tc->nospace = true;
	return done ? (ssize_t)done : -EAGAIN;
}

static size_t tcp_reserve(struct sock *so, struct iovec *iov, int *n)
{
	struct tcpc *tc = tcpc_of(so);

	if (tcp_state_in(tc, TCP_CAN_WRITE) && !so->error && !(tc->shut & TCP_SHUT_SND))
		return tcp_snd_reserve(tc, iov, n, SIZE_MAX);
	*n = 0;
	return 0;
}

static void tcp_commit(struct sock *so, size_t len)
{
	struct tcpc *tc = tcpc_of(so);

	if (!tcp_state_in(tc, TCP_CAN_WRITE) || (tc->shut & TCP_SHUT_SND)) {
		tcp_snd_commit(tc, 0);
		if (tc->state == TCP_CLOSE)
			tcp_snd_free(tc);
		return;
	}
	tcp_snd_commit(tc, len);
	tc->more = false;
	committed(tc);
}

/* --- receiving --- */

/* Linux's tcp_recv_urg. */
static ssize_t recv_oob(struct tcpc *tc, const struct iovec *iov, int n, int flags)
{
	if (tc->so.oobinline || tc->urg_read || (!tc->urg_here && !tc->urg_valid))
		return -EINVAL;
	if (tc->urg_valid && iov_total(iov, n)) {
		*(uint8_t *)iov[0].iov_base = tc->urg_byte;
		if (!(flags & MSG_PEEK)) {
			tc->urg_valid = false;
			tc->urg_read = true;
		}
		return 1;
	}
	return tc->state == TCP_CLOSE || (tc->shut & TCP_SHUT_RCV) ? 0 : -EAGAIN;
}

/* Nothing is queued. */
static int recv_nothing(struct tcpc *tc)
{
	if (tc->done)
		return 0;
	if (tc->so.error)
		return take_error(tc, 0);
	if (tc->shut & TCP_SHUT_RCV && tc->conn == TCP_CONN_DONE)
		return 0;
	if (tc->state == TCP_CLOSE)
		return -ENOTCONN;
	return tc->shut & TCP_SHUT_RCV ? 0 : -EAGAIN;
}

static size_t discard(struct tcpc *tc, size_t len)
{
	uint32_t n = (uint32_t)MIN(len, tc->rcv_bytes);

	tcp_rcv_drop(tc, n);
	return n;
}

static ssize_t tcp_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct tcpc *tc = tcpc_of(so);
	size_t got;

	if (tc->state == TCP_LISTEN)
		return -ENOTCONN;
	if (flags & MSG_OOB)
		return recv_oob(tc, iov, n, flags);
	if (!iov_total(iov, n))
		return 0;
	if (flags & MSG_TRUNC)		/* Linux: bytes are dropped, not copied */
		got = discard(tc, iov_total(iov, n));
	else
		got = tcp_rcv_copy(tc, iov, n, flags & MSG_PEEK);
	if (!got)
		return recv_nothing(tc);
	if (!(flags & MSG_PEEK))
		tcp_rcv_taken(tc, (uint32_t)got);
	return (ssize_t)got;
}

static size_t tcp_peek(struct sock *so, struct iovec *iov, int *n)
{
	return tcp_rcv_peek(tcpc_of(so), iov, n);
}

static void tcp_consume(struct sock *so, size_t len)
{
	struct tcpc *tc = tcpc_of(so);
	uint32_t n = (uint32_t)MIN(len, tc->rcv_bytes);

	tcp_rcv_drop(tc, n);
	tcp_rcv_taken(tc, n);
}

/* --- closing --- */

/* Our side is finished: FIN after what is queued. */
static void send_fin(struct tcpc *tc)
{
	tc->fin_queued = true;
	tc->more = false;
	if (tc->state == TCP_CLOSE_WAIT)
		tcp_set_state(tc, TCP_LAST_ACK, "close");
	else
		tcp_set_state(tc, TCP_FIN_WAIT1, "close");
	tcp_output(tc);
}

static int tcp_shutdown(struct sock *so, int how)
{
	struct tcpc *tc = tcpc_of(so);
	uint8_t what = (uint8_t)(how + 1);	/* SHUT_RD 0 -> RCV, WR -> SND, RDWR */

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
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
	if (unread)			/* RFC 2525 2.17, RFC 9293 3.6.1 */
		tcp_abort(tc, 0, "closed with data unread");
	else if (tc->so.linger_on && !tc->so.linger)
		tcp_abort(tc, 0, "closed with zero linger");
	else if (tcp_state_in(tc, TCP_CAN_WRITE | 1u << TCP_SYN_RECV))
		send_fin(tc);
	else if (tc->state == TCP_FIN_WAIT2)
		tcp_ev_orphan_fin_wait2(tc);
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
	case TCP_TIME_WAIT:
		tcp_rcv_free(tc);
		break;
	default:
		close_connection(tc);
	}
	tcp_put(tc);
}

static void tcp_destroy(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);

	if (tc->state == TCP_LISTEN)
		tcp_listen_stop(tc, true);
	else if (tc->lis)
		tcp_listen_forget(tc);
	so->wake = NULL;
	tcpc_free(tc);
}

static void tcp_resume(struct sock *so)
{
	struct tcpc *tc = tcpc_of(so);

	tcp_output(tc);
	tcp_put(tc);
}

/* --- readiness: Linux's tcp_poll, line by line --- */

uint32_t tcp_events(const struct sock *so)
{
	const struct tcpc *tc = tcpc_of(so);
	uint32_t ev = so->error ? EV_ERR : 0;

	if (tc->state == TCP_LISTEN)
		return tcp_listen_ready(tc) ? EV_IN : 0;
	if (tc->shut == TCP_SHUT_BOTH || tc->state == TCP_CLOSE)
		ev |= EV_HUP;
	if (tc->shut & TCP_SHUT_RCV)
		ev |= EV_IN | EV_RDHUP;
	if (tcp_state_in(tc, SYN_UNANSWERED))
		return ev;
	if (tcp_rcv_readable(tc))
		ev |= EV_IN;
	if ((tc->shut & TCP_SHUT_SND) || tcp_writeable(tc))
		ev |= EV_OUT;
	if (tc->urg_valid)
		ev |= EV_PRI;
	return ev;
}

/* --- ICMP (RFC 1122 4.2.3.9, RFC 5927) --- */

/* The path MTU fell: what is in flight was too large and is lost. */
static void pmtu_in(struct tcpc *tc, const struct icmp_note *n)
{
	struct flow *f = &tc->so.flow;

	ip_pmtu_update(tc->so.st, &n->dst, n->mtu);
	if (ip_route(tc->so.st, f) < 0 || f->mtu >= tc->mtu)
		return;
	tcp_mss_update(tc);
	if (!tcp_state_in(tc, TCP_CAN_SEND))
		return;
	tc->lost = tc->snd_nxt;
	tc->high_rxt = tc->snd_una;
	tc->force_rxt = true;
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
	if (!quotes_flight(tc, n))
		return;
	if (n->mtu)
		pmtu_in(tc, n);
	else if (tcp_state_in(tc, SYN_UNANSWERED))
		tcp_fail(tc, n->error, "unreachable");
	else
		tc->soft_error = n->error;	/* RFC 5927 5.2: never abort */
	tcp_put(tc);
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
	.shutdown = tcp_shutdown,
	.close = tcp_close,
	.events = tcp_events,
	.setopt = tcp_setopt,
	.getopt = tcp_getopt,
	.resume = tcp_resume,
	.destroy = tcp_destroy,
};
