/* tcp_tw.c - TIME-WAIT: what is left of a connection whose end we said last
 *
 * A server that closes first has more connections here than anywhere else, so
 * one costs a hundred bytes: its ends, where both sequence spaces stand, and the
 * peer's last timestamp. The connection and its socket are gone (the user, if he
 * still holds it, has a closed one, as with Linux).
 *
 *   the peer's FIN again      ACK, and the time starts anew (RFC 9293 3.10.7.4)
 *   other old segments        ACK, not too often
 *   RST                       ignored (RFC 1337 3) unless tcp_rfc1337 is 0
 *   SYN, newer for sure       the listener's (RFC 6191 2, RFC 1122 4.2.2.13)
 *
 * All wait equally long, so a list in the order of their ends and one timer do for
 * all. At most tcp_max_tw_buckets: the oldest gives way. Each holds its port.
 */
#include "proto/proto.h"
#include "stack/tcp_tw.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/sock_table.h"
#include "stack/tcp.h"

struct tcp_tw {
	struct map_node	node;
	struct list	by_end;
	struct ip_addr	local, remote;
	uint16_t	local_port, remote_port;
	uint32_t	ifindex;
	struct seq	snd_nxt, rcv_nxt;
	uint32_t	ts_recent, ts_off;
	usec		until;
	uint32_t	answered;	/* ms, low bits: our last ACK of what may be a loop */
	uint16_t	win;		/* as it stands in a header */
	uint8_t		tos;
	bool		ts_ok : 1;
	bool		met_syn : 1;	/* a SYN was answered: a RST may be its answer */
	bool		reuseaddr : 1, reuseport : 1, any_src : 1;
};
static_assert(sizeof(struct tcp_tw) <= 104, "with malloc's word and a bucket: 128");

static struct tcp_tw *of_end(struct list *l)
{
	return container_of(l, struct tcp_tw, by_end);
}

static struct tcp_tws *tws(const struct stack *st)
{
	return &st->tcp->tw;
}

static struct tcp_tw *find(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	struct map_node *m = map_find(&tws(st)->map, tcp_hash_ends(st, l, r));

	for (; m; m = map_find_next(m)) {
		struct tcp_tw *tw = container_of(m, struct tcp_tw, node);

		if (tw->local_port == l->port && tw->remote_port == r->port &&
		    ip_eq(&tw->local, &l->addr) && ip_eq(&tw->remote, &r->addr) &&
		    (!r->ifindex || !tw->ifindex || tw->ifindex == r->ifindex))
			return tw;
	}
	return NULL;
}

static void end(struct stack *st, struct tcp_tw *tw)
{
	list_del(&tw->by_end);
	map_remove(&tws(st)->map, &tw->node);
	sock_port_release(st, IPPROTO_TCP, tw->local_port);
	free(tw);
}

/* --- the waiting --- */

static void arm(struct stack *st)
{
	struct tcp_tw *first = list_first(&tws(st)->by_end, struct tcp_tw, by_end);

	stimer_set(st, &tws(st)->timer, first ? first->until : NEVER);
}

static void due(struct stack *st, struct stimer *tm)
{
	struct tcp_tw *tw;

	while ((tw = list_first(&tws(st)->by_end, struct tcp_tw, by_end)) && tw->until <= st->now)
		end(st, tw);
	arm(st);
}

/* From now on; the place is the last, unless the parameter has become smaller. */
static void wait(struct stack *st, struct tcp_tw *tw)
{
	struct list *at = tws(st)->by_end.prev;

	tw->until = st->now + st->param.tcp_timewait_len * USEC_PER_SEC;
	while (at != &tws(st)->by_end && of_end(at)->until > tw->until)
		at = at->prev;
	list_link(&tw->by_end, at, at->next);
	if (!stimer_armed(&tws(st)->timer) || at == &tws(st)->by_end)
		arm(st);
}

void tcp_tw_start(const struct tcpc *tc)
{
	struct stack *st = tc->so.st;
	struct tcp_tw *tw = xzalloc(sizeof(*tw));

	tw->local = tc->so.local.addr;
	tw->remote = tc->so.remote.addr;
	tw->local_port = tc->so.local.port;
	tw->remote_port = tc->so.remote.port;
	tw->ifindex = tc->so.flow.ifindex;
	tw->snd_nxt = tc->snd_nxt;
	tw->rcv_nxt = tc->rcv_nxt;
	tw->ts_recent = tc->ts_recent;
	tw->ts_off = tc->ts_off;
	tw->win = (uint16_t)(tcp_rcv_window(tc) >> tc->rcv_wscale);
	tw->tos = tc->so.flow.tos;
	tw->ts_ok = tc->ts_ok;
	tw->reuseaddr = tc->so.reuseaddr;
	tw->reuseport = tc->so.reuseport;
	tw->any_src = tc->so.flow.any_src;
	tw->answered = (uint32_t)(st->now / USEC_PER_MSEC) - st->param.tcp_invalid_ratelimit;
	map_insert(&tws(st)->map, &tw->node, tcp_hash_ends(st, &tc->so.local, &tc->so.remote));
	sock_port_hold(st, IPPROTO_TCP, tw->local_port);
	wait(st, tw);
	if (tws(st)->map.count > st->param.tcp_max_tw_buckets)
		end(st, of_end(tws(st)->by_end.next));
}

/* --- segments --- */

static bool paws_fails(const struct tcp_tw *tw, const struct seg *sg)
{
	return tw->ts_ok && sg->h.o.has_ts && (int32_t)(sg->h.o.ts_val - tw->ts_recent) < 0;
}

/* RFC 6191 2, RFC 1122 4.2.2.13: a SYN that is newer for sure. */
static bool new_incarnation(const struct tcp_tw *tw, const struct seg *sg)
{
	if ((sg->h.flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return false;
	if (tw->ts_ok && sg->h.o.has_ts && sg->h.o.ts_val != tw->ts_recent)
		return !paws_fails(tw, sg);
	return seq_gt(sg->h.seq, tw->rcv_nxt);
}

/* RFC 1337 3: not believed, unless it answers our ACK of a SYN. A peer that forgot
 * us wants this port again, and would get nothing but ACKs until we forget, too. */
static void reset_in(struct stack *st, struct tcp_tw *tw, const struct seg *sg)
{
	if (!seq_eq(sg->h.seq, tw->rcv_nxt) || paws_fails(tw, sg))
		return;
	if (tw->met_syn || !st->param.tcp_rfc1337)
		end(st, tw);
}

/* Two ends that take each other's ACKs for old ones would never stop. */
static bool may_answer(struct stack *st, struct tcp_tw *tw, const struct seg *sg)
{
	uint32_t ms = (uint32_t)(st->now / USEC_PER_MSEC);

	if (sg->len && !(sg->h.flags & TCP_SYN))
		return true;
	if (ms - tw->answered < st->param.tcp_invalid_ratelimit)
		return false;
	tw->answered = ms;
	return true;
}

static void answer(struct stack *st, struct tcp_tw *tw)
{
	struct flow f = { .src = tw->local, .dst = tw->remote, .proto = IPPROTO_TCP,
			  .tos = tw->tos, .df = true, .any_src = tw->any_src,
			  .label = tw->ts_off & IP6_LABEL_MASK, .ifindex = tw->ifindex };
	struct tcp h = { .src_port = tw->local_port, .dst_port = tw->remote_port,
			 .seq = tw->snd_nxt, .ack = tw->rcv_nxt, .flags = TCP_ACK,
			 .win = tw->win };

	h.o.has_ts = tw->ts_ok;
	h.o.ts_val = (uint32_t)(st->now / USEC_PER_MSEC) + tw->ts_off;
	h.o.ts_ecr = tw->ts_recent;
	tcp_send_bare(st, &f, &h);
}

static void time_wait_in(struct stack *st, struct tcp_tw *tw, struct seg *sg)
{
	sg->why = DROP_TCP_STATE;
	if (sg->h.flags & TCP_RST) {
		reset_in(st, tw, sg);
		return;
	}
	if (!(sg->h.flags & (TCP_ACK | TCP_SYN)))
		return;
	tw->met_syn |= (sg->h.flags & TCP_SYN) != 0;
	if ((sg->h.flags & TCP_FIN) && seq_eq(tcp_seg_end(sg), tw->rcv_nxt)) {
		list_del(&tw->by_end);
		wait(st, tw);
	}
	if (!sg->len && !paws_fails(tw, sg) && seq_eq(sg->h.seq, tw->rcv_nxt)) {
		sg->why = DROP_NONE;
		if (sg->h.o.has_ts)	/* RFC 7323 4.3; the next SYN is measured by it */
			tw->ts_recent = sg->h.o.ts_val;
	} else if (may_answer(st, tw, sg)) {
		answer(st, tw);
	}
}

bool tcp_tw_in(struct stack *st, struct seg *sg)
{
	struct endpoint l = { .addr = sg->ip->dst, .port = sg->h.dst_port };
	struct endpoint r = { .addr = sg->ip->src, .port = sg->h.src_port,
			      .ifindex = sg->ip->nif->index };
	struct tcp_tw *tw = tws(st)->map.count ? find(st, &l, &r) : NULL;

	if (!tw)
		return false;
	if (new_incarnation(tw, sg)) {
		count_tcp(st, TCP_TWRecycled);
		end(st, tw);
		return false;
	}
	time_wait_in(st, tw, sg);
	return true;
}

/* --- the ports and the four --- */

/* Does a's choice of local address take in what b has? */
static bool overlap(const struct sock *so, const struct tcp_tw *tw)
{
	const struct ip_addr *a = &so->local.addr;

	if (so->flow.ifindex && tw->ifindex && so->flow.ifindex != tw->ifindex)
		return false;
	if (ip_eq(a, &tw->local))
		return true;
	if (ip_eq(a, &IP6_ANY))
		return !ip_is_v4(&tw->local) || !so->v6only;
	return ip_eq(a, &IP4_ANY) && ip_is_v4(&tw->local);
}

bool tcp_tw_in_way(const struct sock *so, uint16_t port)
{
	list_for(l, &tws(so->st)->by_end) {
		const struct tcp_tw *tw = of_end(l);

		if (tw->local_port == port && overlap(so, tw) &&
		    !(so->reuseaddr && tw->reuseaddr) && !(so->reuseport && tw->reuseport))
			return true;
	}
	return false;
}

/* RFC 6191 the other way round: after a second our timestamp is newer than any the
 * peer has seen from the old connection. */
static bool may_reuse(struct stack *st, const struct tcp_tw *tw)
{
	usec began = tw->until - st->param.tcp_timewait_len * USEC_PER_SEC;
	uint32_t mode = st->param.tcp_tw_reuse;

	if (!mode || (mode == 2 && !(ip_is_loopback(&tw->local) && ip_is_loopback(&tw->remote))))
		return false;
	return tw->ts_ok && st->param.tcp_timestamps && st->now - began > USEC_PER_SEC;
}

bool tcp_tw_taken(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	struct tcp_tw *tw = tws(st)->map.count ? find(st, l, r) : NULL;

	return tw && !may_reuse(st, tw);
}

void tcp_tw_forget(struct stack *st, const struct endpoint *l, const struct endpoint *r)
{
	struct tcp_tw *tw = tws(st)->map.count ? find(st, l, r) : NULL;

	if (tw)
		end(st, tw);
}

const struct tcp_tw *tcp_tw_next(const struct stack *st, const struct tcp_tw *tw,
				 struct endpoint *l, struct endpoint *r)
{
	const struct list *next = tw ? tw->by_end.next : tws(st)->by_end.next;

	if (next == &tws(st)->by_end)
		return NULL;
	tw = container_of(next, const struct tcp_tw, by_end);
	*l = (struct endpoint){ tw->local, tw->local_port, 0 };
	*r = (struct endpoint){ tw->remote, tw->remote_port, tw->ifindex };
	return tw;
}

usec tcp_tw_until(const struct tcp_tw *tw)
{
	return tw->until;
}

void tcp_tw_init(struct tcp_tws *t)
{
	map_init(&t->map);
	list_init(&t->by_end);
	stimer_init(&t->timer, due);
}

void tcp_tw_fini(struct stack *st)
{
	struct list *l = &tws(st)->by_end;

	while (!list_empty(l))
		end(st, of_end(l->next));
	stimer_set(st, &tws(st)->timer, NEVER);
	map_fini(&tws(st)->map);
}
