/* tcp_sock.c - the socket calls of TCP
 *
 * Nothing blocks: what cannot be done now is -EAGAIN, and sock_wake tells when
 * to look again. Errors and readiness follow Linux case by case (tcp_poll,
 * inet_stream_connect, tcp_sendmsg, tcp_recvmsg), because programs were written
 * against them.
 *
 * send is reserve, copy, commit; recv is copy, drop: the calls without a copy
 * are the halves of those with one.
 */
#include "stack/tcp.h"

#include <errno.h>

#define SEND_CUT	(128u << 10)	/* hand on large writes in parts */
#define RESERVE_IOV	8
#define SYN_UNANSWERED	(1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV)
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
	tcp_rec_forget_cut(tc);
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

static int connect_open(struct tcpc *tc, const struct endpoint *ep)
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

static void connect_go(struct tcpc *tc)
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
	int e = connect_open(tc, ep);

	if (e)
		return e;
	if (waits_for_data(tc)) {
		tc->conn = TCP_CONN_DONE;
		return 0;
	}
	connect_go(tc);
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

/* --- sending --- */

static int take_error(struct tcpc *tc, int otherwise)
{
	int e = tc->so.error;

	tc->so.error = 0;
	return e ? -e : -otherwise;
}

static int may_send(struct tcpc *tc)
{
	if (tcp_state_in(tc, SYN_UNANSWERED) && !tcp_answers_early(tc) && !tc->so.error &&
	    !(tc->shut & TCP_SHUT_SND))
		return -EAGAIN;
	if (!tcp_can_write(tc) || tc->so.error || (tc->shut & TCP_SHUT_SND))
		return take_error(tc, EPIPE);
	return 0;
}

bool tcp_writeable(const struct tcpc *tc)
{
	uint32_t unsent = (uint32_t)seq_diff(tc->snd_end, tc->snd_nxt);

	if (tc->asked->notsent_lowat && tcp_state_in(tc, TCP_CAN_SEND) && unsent >= tc->asked->notsent_lowat)
		return false;
	return !tc->no_memory && tcp_snd_space(tc) &&
	       tcp_snd_space(tc) >= tc->snd.bytes / 2;
}

void tcp_wake_writer(struct tcpc *tc)
{
	if (!tc->nospace || !tcp_writeable(tc))
		return;
	tc->nospace = false;
	if (tc->count.rare)
		tcp_count_limits(tc);
	sock_wake(&tc->so);
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

/* The buffer is full: nothing may wait for more to come. */
static void sent_in_part(struct tcpc *tc)
{
	tc->nospace = true;
	if (!tc->more)
		return;
	tc->more = false;
	tcp_output(tc);
}

static bool fo_waits(const struct tcpc *tc)
{
	return tc->fo && tc->fo->waits && tc->state == TCP_SYN_SENT;
}

/* What fits into a SYN beside its options; the server has said once how much it takes
 * (RFC 7413 4.1.3). */
static size_t syn_room(const struct tcpc *tc)
{
	uint32_t head = ip_is_v4(&tc->so.remote.addr) ? IP4_LEN : IP6_LEN, opts = TCP_MAXLEN - TCP_LEN;
	uint32_t mss = MAX(MIN(tc->so.flow.mtu, 1500u), head + TCP_MAXLEN) - head - TCP_LEN;

	if (tc->fo->mss)
		mss = MIN(mss, tc->fo->mss);
	return mss > opts ? mss - opts : 0;
}

/* The first bytes go with the SYN (RFC 7413 4.2.1). */
static ssize_t syn_data(struct tcpc *tc, const struct iovec *iov, int n)
{
	struct source src = { iov, n, 0 };
	size_t room = syn_room(tc);

	tc->fo->len = (uint16_t)queue_some(tc, &src, MIN(iov_total(iov, n), room));
	tc->fo->waits = false;
	connect_go(tc);
	return tc->fo->len || !iov_total(iov, n) ? tc->fo->len : -EAGAIN;
}

/* MSG_FASTOPEN: connect and send in one. Without a cookie it is only the first. */
static ssize_t fast_send(struct tcpc *tc, const struct iovec *iov, int n, const struct msg *m)
{
	int e;

	if (!(tc->so.st->param.tcp_fastopen & FO_CLIENT))
		return -EOPNOTSUPP;
	if (!m || !m->has_peer)
		return -EINVAL;
	if (tc->state != TCP_CLOSE || tc->conn != TCP_CONN_NONE)
		return -EISCONN;
	e = connect_open(tc, &m->peer);
	if (e)
		return e;
	tcp_fo_prepare(tc);
	tc->conn = TCP_CONN_PENDING;
	if (tcp_fo_ready(tc))
		return syn_data(tc, iov, n);
	connect_go(tc);
	return -EINPROGRESS;
}

static ssize_t tcp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct tcpc *tc = tcpc_of(so);
	struct source src = { iov, n, 0 };
	size_t len = iov_total(iov, n), done = 0, want, k;
	int e;

	if (fo_waits(tc))
		return syn_data(tc, iov, n);
	if ((flags & MSG_FASTOPEN) && tc->state == TCP_CLOSE)
		return fast_send(tc, iov, n, m);
	e = may_send(tc);
	if (e)
		return e;
	if (!len)
		return 0;
	do {
		want = MIN(len - done, SEND_CUT);
		k = queue_some(tc, &src, want);
		done += k;
		if ((flags & MSG_OOB) && done == len)
			tc->snd_up = tc->snd_end;
		tc->more = done < len ? k == want : flags & MSG_MORE;
		committed(tc);
	} while (k && done < len);
	if (done < len)
		sent_in_part(tc);
	return done ? (ssize_t)done : -EAGAIN;
}

static size_t tcp_reserve(struct sock *so, struct iovec *iov, int *n)
{
	struct tcpc *tc = tcpc_of(so);

	if (tcp_can_write(tc) && !so->error && !(tc->shut & TCP_SHUT_SND))
		return tcp_snd_reserve(tc, iov, n, SIZE_MAX);
	if (fo_waits(tc)) {	/* who writes in place has nothing to give the SYN yet */
		tc->fo->waits = false;
		connect_go(tc);
	}
	*n = 0;
	return 0;
}

static void tcp_commit(struct sock *so, size_t len)
{
	struct tcpc *tc = tcpc_of(so);

	if (!tcp_can_write(tc) || (tc->shut & TCP_SHUT_SND)) {
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
	if (tc->shut & TCP_SHUT_RCV)
		return 0;
	return tc->state == TCP_CLOSE ? -ENOTCONN : -EAGAIN;
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

static bool tcp_at_mark(const struct sock *so)
{
	const struct tcpc *tc = tcpc_of(so);

	return tc->urg_here && tc->urg_valid && seq_eq(tc->urg_seq, tc->copied);
}

static bool tcp_syn_waits(const struct sock *so)
{
	return fo_waits(tcpc_of(so));
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
	if (unread)			/* RFC 2525 2.17, RFC 9293 3.6.1 */
		tcp_abort(tc, 0, "closed with data unread");
	else if (tc->so.linger_on && !tc->so.asked->linger)
		tcp_abort(tc, 0, "closed with zero linger");
	else if (tcp_state_in(tc, TCP_CAN_WRITE | 1u << TCP_SYN_RECV))
		send_fin(tc);
	else if (tc->state == TCP_FIN_WAIT2)
		tcp_orphan_fin_wait2(tc);
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

/* --- readiness: Linux's tcp_poll, line by line --- */

static uint32_t tcp_events(const struct sock *so)
{
	const struct tcpc *tc = tcpc_of(so);
	uint32_t ev = so->error ? EV_ERR : 0;

	if (tc->state == TCP_LISTEN)
		return tcp_listen_ready(tc) ? EV_IN : 0;
	if (tc->shut == TCP_SHUT_BOTH || tc->state == TCP_CLOSE)
		ev |= EV_HUP;
	if (tc->shut & TCP_SHUT_RCV)
		ev |= EV_IN | EV_RDHUP;
	if (fo_waits(tc))
		return ev | EV_OUT;
	if (tcp_state_in(tc, SYN_UNANSWERED) && !tc->fo_child)
		return ev;
	if (tcp_rcv_readable(tc))
		ev |= EV_IN;
	if ((tc->shut & TCP_SHUT_SND) || tcp_writeable(tc))
		ev |= EV_OUT;
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
