/* tcp_req.c - half-open connections: a SYN has come, the last ACK has not
 *
 * A SYN costs a stranger nothing, so it must cost us little: a request is a hundred
 * bytes, without a route, a socket or a timer of its own. Those of a listener that
 * have had as many SYN-ACKs are in one list in the order of time, and wait equally
 * long (1 s, 2 s, ... 120 s): the listener's one timer looks at the fronts.
 *
 * What a request has not stored is computed again when it is needed: the route, the
 * clock offset of its timestamps (RFC 7323 5.4), the MSS we offer.
 */
#include "proto/proto.h"
#include "stack/tcp_req.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define SYN_RTO		USEC_PER_SEC		/* RFC 6298 2.1 */
#define RTO_MAX		(120 * USEC_PER_SEC)
#define SENT_MASK	((1u << 27) - 1)

static_assert(sizeof(struct tcp_req) <= 104, "with malloc's word and a bucket: 128");
static_assert(RTO_MAX < SENT_MASK, "no SYN-ACK is older than what sent can tell");

/* --- the table --- */

struct tcp_req *tcp_req_find(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	struct map_node *m = map_find(&st->tcp->reqs, tcp_hash_ends(st, l, r));

	for (; m; m = map_find_next(m)) {
		struct tcp_req *rq = container_of(m, struct tcp_req, node);

		if (rq->local_port == l->port && rq->remote_port == r->port &&
		    ip_eq(&rq->local, &l->addr) && ip_eq(&rq->remote, &r->addr))
			return rq;
	}
	return NULL;
}

void tcp_req_ends(const struct tcp_req *rq, struct endpoint *l, struct endpoint *r)
{
	*l = (struct endpoint){ rq->local, rq->local_port, 0 };
	*r = (struct endpoint){ rq->remote, rq->remote_port, rq->ifindex };
}

static struct tcp_syn **syn_of(struct tcp_req *rq)
{
	return (struct tcp_syn **)(rq + 1);
}

struct tcp_syn *tcp_req_take_syn(struct tcp_req *rq)
{
	struct tcp_syn *s = rq->keeps_syn ? *syn_of(rq) : NULL;

	rq->keeps_syn = false;
	return s;
}

void tcp_req_free(struct tcp_req *rq)
{
	free(tcp_req_take_syn(rq));
	map_remove(&rq->listener->so.st->tcp->reqs, &rq->node);
	list_del(&rq->link);
	rq->listener->lis->n_reqs--;
	free(rq);
}

/* --- what is sent --- */

struct flow tcp_req_flow(const struct tcp_req *rq)
{
	const struct sock *so = &rq->listener->so;
	const struct sock_ip *want = sock_ip(so, &rq->remote);
	struct flow f = {
		.src = rq->local, .dst = rq->remote, .proto = IPPROTO_TCP,
		.df = want->mtu_discover != IP_PMTUDISC_DONT, .any_src = sock_any_addr(so),
		.ttl = want->ttl, .tos = want->tos, .label = rq->iss.v & IP6_LABEL_MASK,
		.sport = rq->local_port, .dport = rq->remote_port, .mark = so->flow.mark,
		.ifindex = rq->ifindex ? rq->ifindex : so->flow.ifindex,
	};

	ip_route(so->st, &f);
	return f;
}

static void ts_fill(const struct tcp_req *rq, struct tcp_opts *o)
{
	struct stack *st = rq->listener->so.st;
	struct endpoint l, r;

	o->has_ts = rq->ts_ok;
	if (!rq->ts_ok)
		return;
	tcp_req_ends(rq, &l, &r);
	o->ts_val = (uint32_t)(st->now / USEC_PER_MSEC);
	if (rq->cookie)
		o->ts_val = tcp_cookie_ts(rq, o->ts_val);
	o->ts_val += tcp_ts_offset(st, &l, &r);
	o->ts_ecr = rq->ts_recent;
}

static void reply(const struct tcp_req *rq, struct tcp *h, struct flow *f)
{
	h->src_port = rq->local_port;
	h->dst_port = rq->remote_port;
	h->ack = seq_add(rq->irs, 1);
	ts_fill(rq, &h->o);
	tcp_send_bare(rq->listener->so.st, f, h);
}

static void fo_fill(const struct tcp_req *rq, struct tcp_opts *o)
{
	struct fo_cookie c;

	tcp_fo_cookie(rq->listener->so.st, &rq->remote, &rq->local, &c);
	o->has_fo = true;
	o->fo_len = c.len;
	memcpy(o->fo, c.b, sizeof(c.b));
}

void tcp_req_syn_ack(const struct tcp_req *rq)
{
	struct flow f = tcp_req_flow(rq);
	struct tcp h = { .seq = rq->iss, .flags = TCP_SYN | TCP_ACK, .win = rq->rcv_wnd };

	if (rq->ecn_ok)
		h.flags |= TCP_ECE;
	h.o.has_mss = true;
	h.o.mss = tcp_mss_offer(rq->listener->so.st, &f, rq->listener->asked->mss);
	h.o.sack_ok = rq->sack_ok;
	h.o.has_wscale = rq->wscale_ok;
	h.o.wscale = rq->rcv_wscale;
	if (rq->fo)
		fo_fill(rq, &h.o);
	reply(rq, &h, &f);
}

/* RFC 9293 3.10.7.4: an unacceptable segment is answered. */
static void send_ack(const struct tcp_req *rq)
{
	struct flow f = tcp_req_flow(rq);
	struct tcp h = { .seq = seq_add(rq->iss, 1), .flags = TCP_ACK,
			 .win = rq->rcv_wnd >> rq->rcv_wscale };

	reply(rq, &h, &f);
}

/* --- time --- */

static usec interval(const struct stack *st, unsigned level)
{
	return MIN(SYN_RTO << level, st->param.tcp_rto_max_ms * USEC_PER_MSEC);
}

static usec age(const struct tcp_req *rq)
{
	return ((uint32_t)rq->listener->so.st->now - rq->sent) & SENT_MASK;
}

usec tcp_req_sent(const struct tcp_req *rq)
{
	return rq->retries || rq->cookie ? NEVER : rq->listener->so.st->now - age(rq);
}

static void arm(struct tcp_listen *l)
{
	struct stack *st = l->tc->so.st;
	usec at = NEVER;

	for (unsigned i = 0; i < TCP_REQ_LEVELS; i++) {
		struct tcp_req *rq = list_first(&l->reqs[i], struct tcp_req, link);

		if (rq)
			at = MIN(at, st->now + MAX(interval(st, i) - age(rq), 0));
	}
	stimer_set(st, &l->timer, at);
}

/* Joins those who wait as long as it will. */
static void queue(struct tcp_req *rq)
{
	struct tcp_listen *l = rq->listener->lis;
	unsigned level = MIN(rq->retries, TCP_REQ_LEVELS - 1u);
	bool first = list_empty(&l->reqs[level]);

	rq->sent = (uint32_t)rq->listener->so.st->now & SENT_MASK;
	list_add_tail(&l->reqs[level], &rq->link);
	if (first)
		arm(l);
}

/* TCP_DEFER_ACCEPT: the client has said all it must; it is asked again only at the
 * end, in case its data was lost (as Linux). */
static bool wants_syn_ack(const struct tcp_req *rq)
{
	return !rq->acked || rq->retries + 1 >= rq->listener->asked->defer_accept;
}

static void req_due(struct tcp_req *rq)
{
	struct tcpc *lis = rq->listener;
	unsigned most = lis->so.st->param.tcp_synack_retries;

	if (rq->acked)
		most = MAX(most, lis->asked->defer_accept);
	if (rq->retries >= most) {
		tcp_req_free(rq);
		return;
	}
	if (wants_syn_ack(rq))
		tcp_req_syn_ack(rq);
	rq->retries++;
	list_del(&rq->link);
	queue(rq);
}

static void due(struct stack *st, struct stimer *tm)
{
	struct tcp_listen *l = container_of(tm, struct tcp_listen, timer);

	struct tcp_req *rq;

	for (unsigned i = TCP_REQ_LEVELS; i--; ) {
		while ((rq = list_first(&l->reqs[i], struct tcp_req, link)) &&
		       age(rq) >= interval(l->tc->so.st, i))
			req_due(rq);
	}
	arm(l);
}

/* --- a request's life --- */

static void options(struct tcp_req *rq, const struct tcp_opts *o)
{
	const struct param *p = &rq->listener->so.st->param;

	rq->mss = o->has_mss ? o->mss : 0;
	rq->sack_ok = o->sack_ok && p->tcp_sack;
	rq->ts_ok = o->has_ts && p->tcp_timestamps;
	rq->ts_recent = o->ts_val;
	rq->wscale_ok = o->has_wscale && p->tcp_window_scaling;
	rq->snd_wscale = rq->wscale_ok ? MIN(o->wscale, 14) & 15 : 0;
	rq->rcv_wscale = rq->wscale_ok ? tcp_window_scale(p) & 15 : 0;
}

void tcp_req_fill(struct tcp_req *rq, struct tcpc *lis, const struct seg *sg,
		  const struct endpoint *l, const struct endpoint *r)
{
	struct flow f;

	*rq = (struct tcp_req){
		.listener = lis, .local = l->addr, .remote = r->addr, .local_port = l->port,
		.remote_port = r->port, .ifindex = r->ifindex & INT32_MAX, .irs = sg->h.seq,
		.snd_wnd = sg->h.win,
	};
	options(rq, &sg->h.o);
	rq->ecn_ok = tcp_ecn_wanted(lis->so.st, sg);
	f = tcp_req_flow(rq);
	rq->rcv_wnd = (uint16_t)tcp_initial_window(lis, tcp_mss_offer(lis->so.st, &f,
								     lis->asked->mss));
}

void tcp_req_new(struct tcpc *lis, const struct seg *sg, const struct endpoint *l,
		 const struct endpoint *r)
{
	struct stack *st = lis->so.st;
	struct tcp_syn *syn = tcp_syn_copy(lis, sg->pkt);
	struct tcp_req *rq = xmalloc(sizeof(*rq) + (syn ? sizeof(syn) : 0));

	tcp_req_fill(rq, lis, sg, l, r);
	rq->keeps_syn = syn != NULL;
	if (syn)
		*syn_of(rq) = syn;
	tcp_fo_syn_ok(lis, sg, rq);	/* for the cookie alone */
	rq->iss = SEQ(tcp_isn(st, l, r));
	map_insert(&st->tcp->reqs, &rq->node, tcp_hash_ends(st, l, r));
	queue(rq);
	lis->lis->n_reqs++;
	tcp_req_syn_ack(rq);
}

bool tcp_req_give_way(struct tcp_listen *l)
{
	for (unsigned i = TCP_REQ_LEVELS; --i; ) {
		struct tcp_req *rq = list_first(&l->reqs[i], struct tcp_req, link);

		if (!rq)
			continue;
		tcp_req_free(rq);
		return true;
	}
	return false;
}

void tcp_req_init(struct tcp_listen *l, struct tcpc *tc)
{
	l->tc = tc;
	for (unsigned i = 0; i < TCP_REQ_LEVELS; i++)
		list_init(&l->reqs[i]);
	stimer_init(&l->timer, due);
}

void tcp_req_stop(struct tcp_listen *l)
{
	for (unsigned i = 0; i < TCP_REQ_LEVELS; i++) {
		while (!list_empty(&l->reqs[i]))
			tcp_req_free(list_first(&l->reqs[i], struct tcp_req, link));
	}
	stimer_set(l->tc->so.st, &l->timer, NEVER);
}

/* --- segments --- */

/* RFC 9293 3.4, table 6: some of it, or nothing at either edge. */
static bool in_window(const struct tcp_req *rq, const struct seg *sg)
{
	struct seq from = seq_add(rq->irs, 1), to = seq_add(from, rq->rcv_wnd);

	if (seq_eq(sg->h.seq, from) || (seq_eq(sg->h.seq, to) && !sg->len))
		return true;
	return seq_gt(tcp_seg_end(sg), from) && seq_lt(sg->h.seq, to);
}

static bool paws_fails(const struct tcp_req *rq, const struct seg *sg)
{
	return rq->ts_ok && sg->h.o.has_ts && (int32_t)(sg->h.o.ts_val - rq->ts_recent) < 0;
}

/* Ours was lost. RFC 7323 4.3 (2): the echo is of this one, or the peer would take its
 * timeout for the round trip. */
static void syn_again(struct tcp_req *rq, const struct seg *sg)
{
	if (rq->ts_ok && sg->h.o.has_ts && !paws_fails(rq, sg))
		rq->ts_recent = sg->h.o.ts_val;
	tcp_req_syn_ack(rq);
}

/* TCP_DEFER_ACCEPT: the user wants to see connections with data in them. */
static bool deferred(struct tcp_req *rq, const struct seg *sg)
{
	if (sg->len || rq->retries >= rq->listener->asked->defer_accept)
		return false;
	rq->acked = true;
	return true;
}

/* RFC 9293 3.10.7.4 for SYN-RECEIVED. */
enum drop tcp_req_in(struct tcp_req *rq, struct seg *sg)
{
	uint8_t kind = sg->h.flags & (TCP_SYN | TCP_RST | TCP_ACK);

	if (kind == TCP_SYN && seq_eq(sg->h.seq, rq->irs)) {
		syn_again(rq, sg);
		return DROP_NONE;
	}
	if (!(kind & TCP_RST) && (!in_window(rq, sg) || paws_fails(rq, sg))) {
		send_ack(rq);
		return DROP_TCP_WINDOW;
	}
	if (kind & (TCP_RST | TCP_SYN)) {
		if ((kind & TCP_RST) && seq_eq(sg->h.seq, seq_add(rq->irs, 1)))
			tcp_req_free(rq);
		return DROP_TCP_STATE;
	}
	if (!(kind & TCP_ACK))
		return DROP_TCP_STATE;
	if (!seq_eq(sg->h.ack, seq_add(rq->iss, 1))) {
		tcp_reset_reply(rq->listener->so.st, sg);
		return DROP_TCP_STATE;
	}
	return deferred(rq, sg) ? DROP_NONE : tcp_listen_complete(rq, sg);
}

/* An error about our SYN-ACK: the client is not where it said it was. */
bool tcp_req_icmp(struct stack *st, const struct icmp_note *n)
{
	struct endpoint l = { .addr = n->src, .port = n->src_port };
	struct endpoint r = { .addr = n->dst, .port = n->dst_port };
	struct tcp_req *rq = tcp_req_find(st, &l, &r);

	if (!rq)
		return false;
	if (n->hard && seq_eq(n->seq, rq->iss))
		tcp_req_free(rq);
	return true;
}
