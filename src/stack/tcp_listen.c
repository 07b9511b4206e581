/* tcp_listen.c - listeners: the accept queue, and who may join it
 *
 *   SYN -> tcp_req (tcp_req.c), or a cookie (tcp_cookie.c) -> ACK ->
 *   connection in the accept queue -> sock_accept
 *
 * A listener has at most tcp_max_syn_backlog requests and no more than its backlog
 * allows. Beyond that a SYN gets a cookie (tcp_syncookies 1, the default; 2: always);
 * without cookies the oldest unanswered request gives way. A full accept queue takes
 * neither SYNs nor the last ACK of a handshake: the SYN-ACK is then sent again, and
 * the client tries again, as with Linux.
 */
#include "stack/tcp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/tcp_req.h"

#define BACKLOG_LEAST	8u

/* --- from request to connection --- */

static void child_options(struct tcpc *tc, const struct tcpc *lis)
{
	tc->nodelay = lis->nodelay;
	tc->cork = lis->cork;
	tcp_asked_init(tc, lis);
	tc->cc = lis->cc;
}

static void child_numbers(struct tcpc *tc, const struct tcp_req *rq)
{
	tc->iss = tc->snd_una = tc->recover = rq->iss;
	tc->snd_nxt = tc->snd_end = tc->snd_sml = tc->snd_up = seq_add(rq->iss, 1);
	tc->irs = rq->irs;
	tc->rcv_nxt = seq_add(rq->irs, 1);
	tc->rcv_wnd = rq->rcv_wnd;
	tc->snd_wnd = tc->max_wnd = rq->snd_wnd;
	tc->snd_wl1 = rq->irs;
	tc->mss_peer = rq->mss;
	tc->ts_ok = rq->ts_ok;
	tc->ts_off = tcp_ts_offset(tc->so.st, &tc->so.local, &tc->so.remote);
	tc->ts_recent = rq->ts_recent;
	tc->ts_recent_at = (uint32_t)(tc->so.st->now / USEC_PER_SEC);
	tc->sack_ok = rq->sack_ok;
	tc->wscale_ok = rq->wscale_ok;
	tc->ecn_ok = rq->ecn_ok;
	tc->snd_wscale = rq->snd_wscale;
	tc->rcv_wscale = rq->rcv_wscale;
	tc->total_retrans = rq->retries;
	tc->syn_at = tcp_req_sent(rq);
}

static struct tcpc *child_new(struct tcp_req *rq)
{
	struct tcpc *lis = rq->listener;
	struct sock *so = tcp_sock_new(lis->so.st);
	struct tcpc *tc = tcpc_of(so);

	sock_init(so, lis->so.st, &tcp_ops, lis->so.family, SOCK_STREAM, IPPROTO_TCP);
	sock_inherit(so, &lis->so);
	child_options(tc, lis);
	tcp_req_ends(rq, &so->local, &so->remote);
	so->flow = tcp_req_flow(rq);
	if (sock_table_connect(so) < 0) {
		tcp_set_state(tc, TCP_CLOSE, "four taken");
		tc->orphan = true;
		tcp_put(tc);
		return NULL;
	}
	child_numbers(tc, rq);
	tcp_mss_update(tc);
	tcp_rcv_init(tc);
	tc->conn = TCP_CONN_DONE;
	tcp_set_state(tc, TCP_SYN_RECV, "handshake");
	return tc;
}

static bool queue_full(const struct tcp_listen *l)
{
	return l->n_ready > l->backlog;		/* Linux: one more than asked */
}

static void ready_add(struct tcp_listen *l, struct tcpc *tc)
{
	tc->ready = xmalloc(sizeof(*tc->ready));
	*tc->ready = (struct tcp_ready){ .lis = l, .tc = tc };
	list_add_tail(&l->ready, &tc->ready->link);
	l->n_ready++;
}

/* The last ACK of a handshake: whatever it carries goes to the connection. */
enum drop tcp_listen_complete(struct tcp_req *rq, struct seg *sg)
{
	struct tcpc *lis = rq->listener, *tc;

	if (queue_full(lis->lis)) {
		if (lis->so.st->param.tcp_abort_on_overflow) {
			tcp_reset_reply(lis->so.st, sg);
			if (!rq->cookie)
				tcp_req_free(rq);
		}
		return DROP_TCP_BACKLOG;
	}
	if (!budget_room(lis->so.st, BUDGET_TCP, 0))
		return DROP_TCP_NO_MEMORY;
	tc = child_new(rq);
	if (tc)
		tcp_syn_keep(tc, tcp_req_take_syn(rq));
	if (!rq->cookie)
		tcp_req_free(rq);
	if (!tc)
		return DROP_TCP_STATE;
	ready_add(lis->lis, tc);
	tcp_seg_in(tc, sg);
	sock_wake(&lis->so);
	tcp_put(tc);
	return sg->why;
}

static bool syns_full(const struct tcpc *tc)
{
	uint32_t most = MIN(tc->so.st->param.tcp_max_syn_backlog,
			    MAX(tc->lis->backlog, BACKLOG_LEAST));

	return tc->lis->n_reqs >= most;
}

/* The connection begins with the data of its SYN (RFC 7413 4.2.2); the SYN-ACK is
 * its own, and the user may read and answer before the handshake is over. */
static enum drop fast_open(struct tcp_req *rq, struct seg *sg)
{
	struct tcpc *lis = rq->listener, *tc;
	struct endpoint l, r;

	tcp_req_ends(rq, &l, &r);
	rq->iss = SEQ(tcp_isn(lis->so.st, &l, &r));
	tc = child_new(rq);
	if (!tc)
		return DROP_TCP_STATE;
	tcp_syn_keep(tc, tcp_syn_copy(lis, sg->pkt));
	tc->fo_child = tc->syn_data = true;
	count_tcp(lis->so.st, TCP_TCPFastOpenPassive);
	ready_add(lis->lis, tc);
	lis->lis->n_fo++;
	tcp_rcv_data(tc, sg->pkt, tc->rcv_nxt, false);
	sg->pkt = NULL;
	tcp_rtt_syn_sent(tc);
	tcp_send_syn(tc);
	tcp_ev_syn_sent(tc);
	tcp_may_send(tc);
	sock_wake(&lis->so);
	return DROP_NONE;
}

static enum drop syn_in(struct tcpc *tc, struct seg *sg, const struct endpoint *l,
			const struct endpoint *r)
{
	uint32_t cookies = tc->so.st->param.tcp_syncookies;
	bool full = syns_full(tc);
	struct tcp_req rq;

	if (sg->paylen) {
		tcp_req_fill(&rq, tc, sg, l, r);
		if (tcp_fo_syn_ok(tc, sg, &rq))
			return fast_open(&rq, sg);
	}
	if (cookies == 2 || (full && cookies)) {
		if (full)
			count_tcp(tc->so.st, TCP_TCPReqQFullDoCookies);
		count_tcp(tc->so.st, TCP_SyncookiesSent);
		tcp_cookie_answer(tc, sg, l, r);
		return DROP_NONE;
	}
	if (full && !tcp_req_give_way(tc->lis))
		return DROP_TCP_SYN_FULL;
	tcp_req_new(tc, sg, l, r);
	return DROP_NONE;
}

/* No request is known: a cookie comes back, or somebody is mistaken. */
static enum drop ack_in(struct tcpc *tc, struct seg *sg, const struct endpoint *l,
			const struct endpoint *r)
{
	struct tcp_req rq;

	if (!(sg->h.flags & TCP_SYN) && tcp_cookie_check(tc, sg, l, r, &rq)) {
		count_tcp(tc->so.st, TCP_SyncookiesRecv);
		return tcp_listen_complete(&rq, sg);
	}
	tcp_reset_reply(tc->so.st, sg);
	return DROP_TCP_STATE;
}

/* RFC 9293 3.10.7.2 */
static enum drop listen_in(struct tcpc *tc, struct seg *sg)
{
	bool scoped = ip_is_linklocal(&sg->ip->src) && !sg->ip->v4;
	struct endpoint l = { .addr = sg->ip->dst, .port = sg->h.dst_port };
	struct endpoint r = { .addr = sg->ip->src, .port = sg->h.src_port,
			      .ifindex = scoped ? sg->ip->nif->index : 0 };
	struct tcp_req *rq = tcp_req_find(tc->so.st, &l, &r);

	if (rq)
		return tcp_req_in(rq, sg);
	if (sg->h.flags & TCP_RST)
		return DROP_TCP_STATE;
	if (sg->h.flags & TCP_ACK)
		return ack_in(tc, sg, &l, &r);
	if ((sg->h.flags & (TCP_SYN | TCP_FIN)) != TCP_SYN)
		return DROP_TCP_STATE;
	if (queue_full(tc->lis))
		return DROP_TCP_BACKLOG;
	if (!budget_room(tc->so.st, BUDGET_TCP, 0))
		return DROP_TCP_NO_MEMORY;
	return syn_in(tc, sg, &l, &r);
}

void tcp_listen_in(struct tcpc *tc, struct seg *sg)
{
	sg->why = listen_in(tc, sg);
}

/* --- the listener's life --- */

int tcp_listen_start(struct tcpc *tc, int backlog)
{
	uint32_t most = tc->so.st->param.somaxconn;

	if (!tc->lis) {
		tc->lis = xzalloc(sizeof(*tc->lis));
		list_init(&tc->lis->ready);
		tcp_req_init(tc->lis, tc);
	}
	tc->lis->backlog = MIN((uint32_t)backlog, most);	/* negative: the most */
	return 0;
}

static struct tcpc *first_ready(const struct tcp_listen *l)
{
	return list_empty(&l->ready) ? NULL :
	       container_of(l->ready.next, struct tcp_ready, link)->tc;
}

void tcp_listen_done(struct tcpc *child)
{
	if (child->fo_child && child->ready)
		child->ready->lis->n_fo--;
	child->fo_child = false;
}

void tcp_listen_forget(struct tcpc *child)
{
	if (child->fo_child)
		child->ready->lis->n_fo--;
	list_del(&child->ready->link);
	child->ready->lis->n_ready--;
	free(child->ready);
	child->ready = NULL;
}

/* Who connected and was not accepted yet hears it; silent: the stack ends. */
void tcp_listen_stop(struct tcpc *tc, bool silent)
{
	struct tcp_listen *l = tc->lis;
	struct tcpc *child;

	tcp_req_stop(l);
	while ((child = first_ready(l))) {
		tcp_listen_forget(child);
		if (silent)
			continue;
		child->orphan = true;
		tcp_abort(child, 0, "listener closed");
		tcp_put(child);
	}
	free(l);
	tc->lis = NULL;
}

int tcp_listen_accept(struct tcpc *tc, struct sock **out)
{
	struct tcpc *child = first_ready(tc->lis);

	if (!child)
		return -EAGAIN;
	tcp_listen_forget(child);
	*out = &child->so;
	return 0;
}

struct sock_queues tcp_listen_queues(const struct tcpc *tc)
{
	return (struct sock_queues){ .in = tc->lis->n_ready, .out = tc->lis->backlog };
}

bool tcp_listen_ready(const struct tcpc *tc)
{
	return !list_empty(&tc->lis->ready);
}
