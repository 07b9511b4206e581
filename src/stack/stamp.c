/* stamp.c - when data left (SO_TIMESTAMPING, Documentation/networking/timestamping)
 *
 * A socket that asks has the time at which each datagram was given to the stack's way
 * down (SCHED) and left it (SND) in its error queue, with the frame as it went, or
 * without (OPT_TSONLY), numbered if asked for (OPT_ID). Times are this program's: there
 * is no hardware that knows better. Datagrams that came in are stamped by dgram.c;
 * of a stream tcp_stamp.c knows which octets it is about.
 */
#include "stack/stamp.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <time.h>

#include <linux/errqueue.h>	/* needs time.h */

#include "proto/proto.h"
#include "stack/errq.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"
#include "stack/tcp.h"

#define KNOWN		0x3ffffu	/* up to SOF_TIMESTAMPING_OPT_RX_FILTER */
#define OPT_ID_TCP	0x10000u
#define FRAME_MAX	2048		/* of a larger one the beginning */

/* What is numbered 0: the next datagram, or an octet. 0 or -EINVAL. */
static int first_key(const struct sock *so, uint32_t flags, uint32_t *key)
{
	const struct tcpc *tc = tcpc_of(so);

	*key = 0;
	if (so->type != SOCK_STREAM)
		return 0;
	if (tcp_state_in(tc, 1u << TCP_CLOSE | 1u << TCP_LISTEN))
		return -EINVAL;
	*key = flags & OPT_ID_TCP ? tc->snd_end.v : tc->snd_una.v;
	return 0;
}

OPT_SET(stamping)
{
	int n, e = opt_take_int(r->level, v, len, &n);
	uint32_t flags = (uint32_t)n, key = so->asked->stamp_key;
	struct sock_asked *a;

	if (e)
		return e;
	if (so->family == AF_PACKET)
		return -ENOPROTOOPT;
	if (flags & ~KNOWN || (flags & OPT_ID_TCP && !(flags & SOF_TIMESTAMPING_OPT_ID)))
		return -EINVAL;
	if (flags & ~so->asked->stamping & SOF_TIMESTAMPING_OPT_ID)
		e = first_key(so, flags, &key);
	if (e || (flags & SOF_TIMESTAMPING_OPT_STATS && !(flags & SOF_TIMESTAMPING_OPT_TSONLY)))
		return -EINVAL;
	a = sock_asked_own(so);
	a->stamping = flags;
	a->stamp_key = key;
	a->stamping_new = r->name == SO_TIMESTAMPING_NEW;
	return 0;
}

/* As Linux: the flags by one name and nothing by the other. */
OPT_GET(stamping)
{
	bool asked = so->asked->stamping_new == (r->name == SO_TIMESTAMPING_NEW);

	return opt_put_int(v, len, asked ? (int)so->asked->stamping : 0);
}

bool stamp_wants_in(const struct sock *so)
{
	return so->stamp || so->asked->stamping & SOF_TIMESTAMPING_RX_SOFTWARE;
}

bool stamp_numbers(const struct sock *so)
{
	return so->asked->stamping & SOF_TIMESTAMPING_OPT_ID;
}

int stamp_take(struct msg *m, uint32_t flags)
{
	if (flags & ~(uint32_t)SOF_TIMESTAMPING_TX_RECORD_MASK)
		return -EINVAL;
	m->stamping = flags | STAMPING_SET;
	return 0;
}

/* pkt without what is below the transport, with the headers it gets now. */
static size_t frame_of(const struct sock *so, const struct pkt *pkt, const struct flow *f,
		       uint8_t *b)
{
	bool v4 = ip_is_v4(&f->dst);
	struct eth e = { .src = f->nif->mac, .type = v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6 };
	uint8_t ttl = f->ttl ? f->ttl : (uint8_t)so->st->param.ip_default_ttl;
	struct ip4 h4 = { .hlen = IP4_LEN, .tos = f->tos, .len = (uint16_t)(IP4_LEN + pkt_len(pkt)),
			  .ttl = ttl, .proto = f->proto, .src = f->src, .dst = f->dst };
	struct ip6 h6 = { .tclass = f->tos, .flow = f->label, .plen = (uint16_t)pkt_len(pkt),
			  .next = f->proto, .hops = ttl, .src = f->src, .dst = f->dst };
	struct wr w = wr_of(b, FRAME_MAX);

	eth_emit(&w, &e);
	if (v4)
		ip4_emit(&w, &h4);
	else
		ip6_emit(&w, &h6);
	return wr_len(&w) + pkt_copy(pkt, 0, w.p, (uint32_t)(FRAME_MAX - wr_len(&w)));
}

/* A copy with the sum that a plug would complete. */
static struct pkt *completed(const struct pkt *pkt)
{
	struct pkt *c = pkt_clone(pkt);

	if (c->sum == PKT_SUM_PARTIAL)
		pkt_sum_finish(c);
	return c;
}

/* What went, as Linux shows it: whole, or its beginning. */
static size_t shown(const struct sock *so, const struct pkt *pkt, const struct flow *f, uint8_t *b)
{
	struct pkt *c;
	size_t n;

	if (so->asked->stamping & SOF_TIMESTAMPING_OPT_TSONLY)
		return 0;
	c = completed(pkt);
	n = frame_of(so, c, f, b);
	pkt_free(c);
	return n;
}

void stamp_left(const struct errq *q, const struct pkt *pkt, const struct flow *f, uint32_t kinds,
		uint32_t key)
{
	static const struct { uint32_t flag, info; } rows[] = {
		{ SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED },
		{ SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND },
	};
	uint8_t b[FRAME_MAX];
	size_t n = shown(q->so, pkt, f, b);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (kinds & rows[i].flag)
			errq_stamp(q, rows[i].info, key, rd_of(b, n));
	}
}

void stamp_sent(struct sock *so, const struct pkt *pkt, const struct flow *f, const struct msg *m)
{
	struct errq q = errq_of(dg_of(so));
	uint32_t want = stamp_kinds(so, m) & STAMP_LEFT, key = 0;

	if (!want)
		return;
	if (stamp_numbers(so))
		key = sock_asked_own(so)->stamp_key++;
	stamp_left(&q, pkt, f, want, key);
}
