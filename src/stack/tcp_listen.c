/* tcp_listen.c - listeners: half-open requests, the accept queue, challenges
 *
 *   SYN -> tcp_req (small, with its own timer for the SYN-ACK) -> ACK ->
 *   connection in the accept queue -> sock_accept
 *
 * A SYN costs a stranger nothing, so it must cost us little: a request is a few
 * hundred bytes, a listener has at most tcp_max_syn_backlog of them and no more
 * than its backlog allows (the oldest unanswered one gives way). A full accept
 * queue takes neither SYNs nor the last ACK of a handshake: the SYN-ACK is then
 * sent again, and the client tries again, as with Linux.
 *
 * Challenge ACKs (RFC 5961) answer what might be blind attacks, at most a number
 * a second for the stack and one each half second for a connection.
 */
#include "stack/tcp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define SYN_RTO		USEC_PER_SEC		/* RFC 6298 2.1 */
#define CHALLENGE_GAP	(500 * USEC_PER_MSEC)	/* Linux: tcp_invalid_ratelimit */
#define BACKLOG_LEAST	8u

struct tcp_listen {
	uint32_t	backlog;
	uint32_t	n_ready, n_reqs;
	struct list	ready;		/* tcpc.accept */
	struct list	reqs;		/* tcp_req.link */
};

struct tcp_req {
	struct map_node	node;
	struct list	link;
	struct tcpc	*listener;
	struct stimer	timer;
	struct endpoint	local, remote;
	struct flow	flow;
	struct seq	iss, irs;
	uint32_t	ts_recent, ts_off, rcv_wnd, snd_wnd;
	uint16_t	mss;
	uint8_t		snd_wscale, rcv_wscale, retries;
	bool		ts_ok, sack_ok, wscale_ok;
	usec		born, sent_at;
};

/* --- requests --- */

static struct tcp_req *req_find(struct stack *st, const struct endpoint *l,
				const struct endpoint *r)
{
	struct map_node *m = map_find(&st->tcp->reqs, tcp_hash_ends(st, l, r));

	for (; m; m = map_find_next(m)) {
		struct tcp_req *rq = container_of(m, struct tcp_req, node);

		if (rq->local.port == l->port && rq->remote.port == r->port &&
		    ip_eq(&rq->local.addr, &l->addr) && ip_eq(&rq->remote.addr, &r->addr))
			return rq;
	}
	return NULL;
}

static void req_free(struct tcp_req *rq)
{
	struct stack *st = rq->listener->so.st;

	stimer_set(st, &rq->timer, NEVER);
	map_remove(&st->tcp->reqs, &rq->node);
	list_del(&rq->link);
	rq->listener->lis->n_reqs--;
	free(rq);
}

static void ts_fill(const struct tcp_req *rq, struct tcp_opts *o)
{
	o->has_ts = rq->ts_ok;
	o->ts_val = (uint32_t)(rq->listener->so.st->now / USEC_PER_MSEC) + rq->ts_off;
	o->ts_ecr = rq->ts_recent;
}

static void send_syn_ack(struct tcp_req *rq)
{
	struct stack *st = rq->listener->so.st;
	struct tcp h = {
		.src_port = rq->local.port, .dst_port = rq->remote.port,
		.seq = rq->iss, .ack = seq_add(rq->irs, 1), .flags = TCP_SYN | TCP_ACK,
		.win = (uint16_t)rq->rcv_wnd,
	};

	h.o.has_mss = true;
	h.o.mss = tcp_mss_offer(st, &rq->flow, rq->listener->mss_user);
	h.o.sack_ok = rq->sack_ok;
	h.o.has_wscale = rq->wscale_ok;
	h.o.wscale = rq->rcv_wscale;
	ts_fill(rq, &h.o);
	tcp_send_bare(st, &rq->flow, &h);
}

/* RFC 9293 3.10.7.4: an unacceptable segment is answered. */
static void send_ack(struct tcp_req *rq)
{
	struct tcp h = {
		.src_port = rq->local.port, .dst_port = rq->remote.port,
		.seq = seq_add(rq->iss, 1), .ack = seq_add(rq->irs, 1), .flags = TCP_ACK,
		.win = (uint16_t)(rq->rcv_wnd >> rq->rcv_wscale),
	};

	ts_fill(rq, &h.o);
	tcp_send_bare(rq->listener->so.st, &rq->flow, &h);
}

static void req_due(struct stack *st, struct stimer *tm)
{
	struct tcp_req *rq = container_of(tm, struct tcp_req, timer);

	if (rq->retries >= st->param.tcp_synack_retries) {
		req_free(rq);
		return;
	}
	rq->retries++;
	rq->sent_at = NEVER;	/* Karn: no sample from this handshake */
	send_syn_ack(rq);
	stimer_set(st, &rq->timer, st->now + (SYN_RTO << rq->retries));
}

static void req_options(struct tcp_req *rq, const struct tcp_opts *o)
{
	struct stack *st = rq->listener->so.st;
	const struct param *p = &st->param;

	rq->mss = o->has_mss ? o->mss : 0;
	rq->sack_ok = o->sack_ok && p->tcp_sack;
	rq->ts_ok = o->has_ts && p->tcp_timestamps;
	rq->ts_recent = o->ts_val;
	rq->wscale_ok = o->has_wscale && p->tcp_window_scaling;
	rq->snd_wscale = rq->wscale_ok ? MIN(o->wscale, 14) : 0;
	rq->rcv_wscale = rq->wscale_ok ? tcp_window_scale(p) : 0;
}

static void req_route(struct tcp_req *rq, const struct ip *ip)
{
	struct tcpc *lis = rq->listener;
	const struct sock_ip *want = sock_ip(&lis->so, &ip->src);

	rq->flow = (struct flow){
		.src = ip->dst, .dst = ip->src, .proto = IPPROTO_TCP,
		.df = want->mtu_discover != IP_PMTUDISC_DONT, .any_src = lis->so.freebind,
		.ttl = want->ttl, .tos = want->tos, .label = rq->iss.v & 0xfffff,
		.ifindex = rq->remote.ifindex ? rq->remote.ifindex : lis->so.flow.ifindex,
		.mark = lis->so.mark, .sport = lis->so.local.port, .dport = rq->remote.port,
	};
	ip_route(lis->so.st, &rq->flow);
}

static void req_new(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		    const struct endpoint *r)
{
	struct stack *st = lis->so.st;
	struct tcp_req *rq = xzalloc(sizeof(*rq));

	rq->listener = lis;
	rq->local = *l;
	rq->remote = *r;
	rq->irs = sg->h.seq;
	rq->iss = SEQ(tcp_isn(st, l, r));
	rq->ts_off = tcp_ts_offset(st, l, r);
	rq->snd_wnd = sg->h.win;
	rq->born = rq->sent_at = st->now;
	req_options(rq, &sg->h.o);
	req_route(rq, sg->ip);
	rq->rcv_wnd = tcp_initial_window(lis, tcp_mss_offer(st, &rq->flow, lis->mss_user));
	stimer_init(&rq->timer, req_due);
	stimer_set(st, &rq->timer, st->now + SYN_RTO);
	map_insert(&st->tcp->reqs, &rq->node, tcp_hash_ends(st, l, r));
	list_add_tail(&lis->lis->reqs, &rq->link);
	lis->lis->n_reqs++;
	send_syn_ack(rq);
}

/* --- from request to connection --- */

static void child_options(struct tcpc *tc, const struct tcpc *lis)
{
	tc->nodelay = lis->nodelay;
	tc->cork = lis->cork;
	tc->mss_user = lis->mss_user;
	tc->keep_idle = lis->keep_idle;
	tc->keep_intvl = lis->keep_intvl;
	tc->keep_cnt = lis->keep_cnt;
	tc->user_timeout = lis->user_timeout;
	tc->notsent_lowat = lis->notsent_lowat;
	tc->linger2 = lis->linger2;
	tc->window_clamp = lis->window_clamp;
	tc->cc = lis->cc;
}

static void child_numbers(struct tcpc *tc, const struct tcp_req *rq)
{
	tc->iss = tc->snd_una = tc->recover = rq->iss;
	tc->snd_nxt = tc->snd_end = tc->snd_sml = tc->snd_up = seq_add(rq->iss, 1);
	tc->lost = tc->high_rxt = tc->snd_una;
	tc->irs = rq->irs;
	tc->rcv_nxt = seq_add(rq->irs, 1);
	tc->rcv_wnd = rq->rcv_wnd;
	tc->snd_wnd = tc->max_wnd = rq->snd_wnd;
	tc->snd_wl1 = rq->irs;
	tc->mss_peer = rq->mss;
	tc->ts_ok = rq->ts_ok;
	tc->ts_off = rq->ts_off;
	tc->ts_recent = rq->ts_recent;
	tc->ts_recent_at = tc->so.st->now;
	tc->sack_ok = rq->sack_ok;
	tc->wscale_ok = rq->wscale_ok;
	tc->snd_wscale = rq->snd_wscale;
	tc->rcv_wscale = rq->rcv_wscale;
	tc->total_retrans = rq->retries;
	tc->rtt_seq = tc->snd_nxt;
	tc->rtt_at = rq->sent_at;
}

static struct tcpc *child_new(struct tcp_req *rq)
{
	struct tcpc *lis = rq->listener;
	struct sock *so = tcp_sock_new(lis->so.st);
	struct tcpc *tc = tcpc_of(so);

	sock_init(so, lis->so.st, &tcp_ops, lis->so.family, SOCK_STREAM, IPPROTO_TCP);
	sock_inherit(so, &lis->so);
	child_options(tc, lis);
	so->local = rq->local;
	so->remote = rq->remote;
	so->flow = rq->flow;
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

/* TCP_DEFER_ACCEPT: the user wants to see connections with data in them; the
 * bare ACK is forgotten and, as in Linux, the SYN-ACK is sent again later. */
static bool deferred(const struct tcp_req *rq, const struct seg *sg)
{
	usec waited = rq->listener->so.st->now - rq->born;

	return rq->listener->defer_accept && !sg->len &&
	       waited < rq->listener->defer_accept * USEC_PER_SEC;
}

/* The last ACK of a handshake: whatever it carries goes to the connection. */
static enum drop complete(struct tcp_req *rq, struct seg *sg)
{
	struct tcpc *lis = rq->listener, *tc;

	if (queue_full(lis->lis))
		return DROP_TCP_BACKLOG;
	if (deferred(rq, sg))
		return DROP_NONE;
	tc = child_new(rq);
	req_free(rq);
	if (!tc)
		return DROP_TCP_STATE;
	tc->lis = lis->lis;
	list_add_tail(&lis->lis->ready, &tc->accept);
	lis->lis->n_ready++;
	tcp_seg_in(tc, sg);
	sock_wake(&lis->so);
	tcp_put(tc);
	return sg->why;
}

static bool in_window(const struct tcp_req *rq, const struct seg *sg)
{
	int32_t off = seq_diff(sg->h.seq, seq_add(rq->irs, 1));

	return off >= 0 && (uint32_t)off <= rq->rcv_wnd;
}

static bool req_paws_fails(const struct tcp_req *rq, const struct seg *sg)
{
	return rq->ts_ok && sg->h.o.has_ts && (int32_t)(sg->h.o.ts_val - rq->ts_recent) < 0;
}

/* RFC 9293 3.10.7.4 for SYN-RECEIVED. */
static enum drop req_in(struct tcp_req *rq, struct seg *sg)
{
	struct stack *st = rq->listener->so.st;
	uint8_t kind = sg->h.flags & (TCP_SYN | TCP_RST | TCP_ACK);

	if (kind == TCP_SYN && seq_eq(sg->h.seq, rq->irs)) {
		send_syn_ack(rq);	/* ours was lost */
		return DROP_NONE;
	}
	if (!(kind & TCP_RST) && (!in_window(rq, sg) || req_paws_fails(rq, sg))) {
		send_ack(rq);
		return DROP_TCP_WINDOW;
	}
	if (kind & (TCP_RST | TCP_SYN)) {
		if ((kind & TCP_RST) && seq_eq(sg->h.seq, seq_add(rq->irs, 1)))
			req_free(rq);
		return DROP_TCP_STATE;
	}
	if (!(kind & TCP_ACK))
		return DROP_TCP_STATE;
	if (!seq_eq(sg->h.ack, seq_add(rq->iss, 1))) {
		tcp_reset_reply(st, sg);
		return DROP_TCP_STATE;
	}
	return complete(rq, sg);
}

static bool syns_full(const struct tcpc *tc)
{
	uint32_t most = MIN(tc->so.st->param.tcp_max_syn_backlog,
			    MAX(tc->lis->backlog, BACKLOG_LEAST));

	return tc->lis->n_reqs >= most;
}

/* A client that left the first SYN-ACK unanswered may not exist. */
static bool oldest_gives_way(struct tcp_listen *l)
{
	struct tcp_req *rq = list_first(&l->reqs, struct tcp_req, link);

	if (!rq->retries)
		return false;
	req_free(rq);
	return true;
}

/* RFC 9293 3.10.7.2 */
static enum drop listen_in(struct tcpc *tc, struct seg *sg)
{
	bool scoped = ip_is_linklocal(&sg->ip->src) && !sg->ip->v4;
	struct endpoint l = { .addr = sg->ip->dst, .port = sg->h.dst_port };
	struct endpoint r = { .addr = sg->ip->src, .port = sg->h.src_port,
			      .ifindex = scoped ? sg->ip->nif->index : 0 };
	struct tcp_req *rq = req_find(tc->so.st, &l, &r);

	if (rq)
		return req_in(rq, sg);
	if (sg->h.flags & TCP_RST)
		return DROP_TCP_STATE;
	if (sg->h.flags & TCP_ACK) {
		tcp_reset_reply(tc->so.st, sg);
		return DROP_TCP_STATE;
	}
	if ((sg->h.flags & (TCP_SYN | TCP_FIN)) != TCP_SYN)
		return DROP_TCP_STATE;
	if (queue_full(tc->lis))
		return DROP_TCP_BACKLOG;
	if (syns_full(tc) && !oldest_gives_way(tc->lis))
		return DROP_TCP_SYN_FULL;
	req_new(tc, sg, &l, &r);
	return DROP_NONE;
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
		list_init(&tc->lis->reqs);
	}
	tc->lis->backlog = MIN((uint32_t)backlog, most);	/* negative: the most */
	return 0;
}

void tcp_listen_forget(struct tcpc *child)
{
	list_del(&child->accept);
	child->lis->n_ready--;
	child->lis = NULL;
}

/* Who connected and was not accepted yet hears it; silent: the stack ends. */
void tcp_listen_stop(struct tcpc *tc, bool silent)
{
	struct tcp_listen *l = tc->lis;
	struct tcpc *child;

	while (!list_empty(&l->reqs))
		req_free(list_first(&l->reqs, struct tcp_req, link));
	while ((child = list_first(&l->ready, struct tcpc, accept))) {
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
	struct tcpc *child = list_first(&tc->lis->ready, struct tcpc, accept);

	if (!child)
		return -EAGAIN;
	tcp_listen_forget(child);
	*out = &child->so;
	return 0;
}

bool tcp_listen_ready(const struct tcpc *tc)
{
	return !list_empty(&tc->lis->ready);
}

/* An error about our SYN-ACK: the client is not where it said it was. */
bool tcp_req_icmp(struct stack *st, const struct icmp_note *n)
{
	struct endpoint l = { .addr = n->src, .port = n->src_port };
	struct endpoint r = { .addr = n->dst, .port = n->dst_port };
	struct tcp_req *rq = req_find(st, &l, &r);

	if (!rq)
		return false;
	if (n->hard && seq_eq(n->seq, rq->iss))
		req_free(rq);
	return true;
}

/* --- challenge ACKs --- */

/* RFC 5961 7, with a limit that an attacker cannot count on: it varies. */
static bool challenge_allowed(struct tcpc *tc)
{
	struct stack *st = tc->so.st;
	struct tcp_stack *ts = st->tcp;
	uint32_t limit = st->param.tcp_challenge_ack_limit;

	if (tc->chal_at && st->now - tc->chal_at < CHALLENGE_GAP)
		return false;
	if (!ts->chal_at || st->now - ts->chal_at >= USEC_PER_SEC) {
		ts->chal_at = MAX(st->now, 1);
		ts->chal_left = limit / 2 + rng_below(&st->rng, limit ? limit : 1);
	}
	if (!ts->chal_left)
		return false;
	ts->chal_left--;
	tc->chal_at = MAX(st->now, 1);
	return true;
}

void tcp_challenge_ack(struct tcpc *tc)
{
	if (challenge_allowed(tc))
		tcp_send_ack(tc);
}

/* --- TCP's part of a stack --- */

void tcp_stack_init(struct stack *st)
{
	st->tcp = xzalloc(sizeof(*st->tcp));
	map_init(&st->tcp->reqs);
	tcp_tw_init(&st->tcp->tw);
}

void tcp_stack_fini(struct stack *st)
{
	tcp_tw_fini(st);
	map_fini(&st->tcp->reqs);
	free(st->tcp);
	st->tcp = NULL;
}
