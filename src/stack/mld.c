/* mld.c - what an interface tells about its groups: MLDv2 (RFC 3810), IGMPv3
 * (RFC 3376), and their elders while an elder querier is there
 *
 * Each family talks for itself. A change of a group's filter is reported at once
 * and again, robustness times in all; a query is answered after a random part of
 * the time it gives, by records of what was asked for. With an old querier
 * (RFC 2710, 2236, 1112) there are reports of single groups and leaves instead.
 *
 * in:  icmp6_in -> mld_in, ip_deliver -> igmp_in
 * out: group.c -> talk_changed -> report_send -> ip6_send_on | ip4_send_igmp
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"
#include "stack/group.h"
#include "stack/ip.h"
#include "stack/netif.h"

#define REPORT_MAX	1200		/* bytes of records in one report */
#define ELDER_DELAY	(10 * USEC_PER_SEC)	/* unsolicited report interval, RFC 2710 7.10 */
#define DELAY		(1 * USEC_PER_SEC)	/* RFC 3810 9.11, RFC 3376 8.11 */

enum { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW, BLOCK };  /* RFC 3810 5.2.12 */

static struct netif_group *of(struct list *l)
{
	return container_of(l, struct netif_group, link);
}

static struct group_talk *talk_of(const struct netif *nif, bool v4)
{
	return (struct group_talk *)&nif->talk[v4 ? 0 : 1];
}

static const struct group_talk *talk_about(const struct netif_group *ng)
{
	return talk_of(ng->nif, ip_is_v4(&ng->addr));
}

/* The version now: 3 or 2 when nobody older is there. */
static unsigned newest(bool v4)
{
	return v4 ? 3 : 2;
}

static unsigned version(const struct group_talk *t)
{
	const struct param *p = &t->nif->st->param;
	uint32_t forced = t->v4 ? p->force_igmp_version : p->force_mld_version;

	if (forced)
		return MIN(forced, newest(t->v4));
	if (stimer_armed(&t->elder[0]))
		return 1;
	return t->v4 && stimer_armed(&t->elder[1]) ? 2 : newest(t->v4);
}

static bool is_elder(const struct group_talk *t)
{
	return version(t) < newest(t->v4);
}

unsigned talk_robustness(const struct netif *nif, bool v4)
{
	const struct group_talk *t = talk_of(nif, v4);
	const struct param *p = &nif->st->param;

	return t->robust ? t->robust : v4 ? p->igmp_qrv : p->mld_qrv;
}

/* --- out --- */

static void sum_put(uint8_t *p, const struct sum *s)
{
	be16 v = be16_put(sum_end(s));

	memcpy(p + 2, &v, 2);
}

/* A short one is all head. */
static bool message_put(struct stack *st, struct pkt *pkt, const struct wr *w)
{
	unsigned len = (unsigned)wr_len(w);

	if (len > 64)
		return pkt_append(pkt, st->heap, w->start, len);
	memcpy(pkt_push(pkt, len), w->start, len);
	return true;
}

static void igmp_send(struct netif *nif, const struct wr *w, const struct ip_addr *dst)
{
	struct pkt *pkt = pkt_new();
	struct sum s = { 0 };

	sum_add(&s, w->start, wr_len(w));
	sum_put(w->start, &s);
	if (message_put(nif->st, pkt, w))
		ip4_send_igmp(nif, pkt, dst);
	else
		drop(nif->st, pkt, DROP_NO_MEMORY);
}

/* With the router alert option, one hop, from the link: RFC 3810 5. */
static void mld_send(struct netif *nif, const struct wr *w, const struct ip_addr *dst)
{
	static const uint8_t alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct netif_addr *a = netif_linklocal(nif);
	struct ip_addr src = a ? a->addr : IP6_ANY;
	struct pkt *pkt = pkt_new();
	struct sum s = { 0 };

	sum_pseudo(&s, &src, dst, IPPROTO_ICMPV6, (uint32_t)wr_len(w));
	sum_add(&s, w->start, wr_len(w));
	sum_put(w->start, &s);
	if (!message_put(nif->st, pkt, w)) {
		drop(nif->st, pkt, DROP_NO_MEMORY);
		return;
	}
	memcpy(pkt_push(pkt, sizeof(alert)), alert, sizeof(alert));
	ip6_send_on(nif, pkt, &src, dst, IPPROTO_HOPOPTS, 1);
}

/* A report being written. */
struct report {
	struct group_talk *t;
	uint8_t		buf[8 + REPORT_MAX];
	struct wr	w;
	uint16_t	n;
};

static void report_begin(struct report *r, struct group_talk *t)
{
	r->t = t;
	r->n = 0;
	/* room for a record at least, however small the MTU */
	r->w = wr_of(r->buf, MIN(sizeof(r->buf), MAX((size_t)t->nif->mtu, 60 + 8 + 20) - 60));
	wr_u8(&r->w, t->v4 ? IGMP3_REPORT : MLD2_REPORT);
	wr_zero(&r->w, 7);
}

static void report_send(struct report *r)
{
	static const struct ip_addr mld2_routers = { { 0xff, 0x02, [15] = 0x16 } };
	be16 n = be16_put(r->n);

	if (!r->n)
		return;
	memcpy(r->buf + 6, &n, 2);
	if (r->t->v4)
		igmp_send(r->t->nif, &r->w, &IP4(224, 0, 0, 22));
	else
		mld_send(r->t->nif, &r->w, &mld2_routers);
	report_begin(r, r->t);
}

static void address_put(struct wr *w, const struct ip_addr *a, bool v4)
{
	wr_bytes(w, v4 ? ip_v4(a) : a->b, v4 ? 4 : 16);
}

/* A list too long for a packet is cut. */
static void record_put(struct report *r, const struct ip_addr *g, uint8_t type,
		       const struct ip_addr *const *src, unsigned n)
{
	bool v4 = r->t->v4;
	size_t one = v4 ? 4 : 16;

	if (wr_left(&r->w) < 4 + one * (n + 1))
		report_send(r);
	if (wr_left(&r->w) < 4 + one * (n + 1))
		n = (unsigned)(wr_left(&r->w) - 4) / (unsigned)one - 1;	/* RFC 3810 5.2.15 */
	wr_u8(&r->w, type);
	wr_u8(&r->w, 0);
	wr_u16(&r->w, (uint16_t)n);
	address_put(&r->w, g, v4);
	for (unsigned i = 0; i < n; i++)
		address_put(&r->w, src[i], v4);
	r->n++;
}

/* RFC 3810 6.1: a changed mode says all; else what came and what went, each once
 * less to be said. */
static void changes_put(struct report *r, struct netif_group *ng)
{
	const struct ip_addr *all[MAX_NOTED], *allow[MAX_NOTED],
			     *block[MAX_NOTED];
	unsigned n = 0, n_allow = 0, n_block = 0;

	for (unsigned i = 0; i < ng->n; i++) {
		struct group_source *s = &ng->src[i];

		if (s->in)
			all[n++] = &s->addr;
		if (!s->left)
			continue;
		s->left--;
		if (s->in != ng->exclude)
			allow[n_allow++] = &s->addr;
		else
			block[n_block++] = &s->addr;
	}
	if (ng->mode_left) {
		ng->mode_left--;
		record_put(r, &ng->addr, ng->exclude ? TO_EXCLUDE : TO_INCLUDE, all, n);
		return;
	}
	if (n_allow)
		record_put(r, &ng->addr, ALLOW, allow, n_allow);
	if (n_block)
		record_put(r, &ng->addr, BLOCK, block, n_block);
}

/* Sources that went and are told to have gone; true: something is left to tell. */
static bool changes_left(struct netif_group *ng)
{
	bool left = ng->mode_left || ng->elder_left;
	unsigned n = 0;

	for (unsigned i = 0; i < ng->n; i++) {
		left = left || ng->src[i].left;
		if (ng->src[i].in || ng->src[i].left)
			ng->src[n++] = ng->src[i];
	}
	ng->n = (uint16_t)n;
	return left;
}

/* A report or a leave in an elder's words (RFC 2710 3, RFC 2236 2, RFC 1112 app. I). */
static void elder_send(const struct netif_group *ng, bool leave)
{
	static const struct ip_addr routers6 = { { 0xff, 2, [15] = 2 } };
	const struct group_talk *t = talk_about(ng);
	unsigned v = version(t);
	struct ip_addr to = ng->addr;
	uint8_t b[24];
	struct wr w = wr_of(b, sizeof(b));

	if (leave)
		to = t->v4 ? IP4(224, 0, 0, 2) : routers6;
	if (t->v4)
		wr_u8(&w, leave ? IGMP2_LEAVE : v == 1 ? IGMP1_REPORT : IGMP2_REPORT);
	else
		wr_u8(&w, leave ? MLD1_DONE : MLD1_REPORT);
	wr_zero(&w, t->v4 ? 3 : 7);
	address_put(&w, &ng->addr, t->v4);
	if (t->v4)
		igmp_send(ng->nif, &w, &to);
	else
		mld_send(ng->nif, &w, &to);
}

/* An elder knows of no sources: a group is wanted or not. A host of version 1 of
 * IGMP leaves in silence. */
static void elder_change(struct netif_group *ng)
{
	bool wanted = group_wanted(ng), v4 = ip_is_v4(&ng->addr);

	if (wanted && !ng->told)
		ng->elder_left = (uint8_t)talk_robustness(ng->nif, v4);
	else if (!wanted)
		ng->elder_left = 0;
	if (ng->elder_left) {
		ng->elder_left--;
		elder_send(ng, false);
	} else if (!wanted && ng->told && !(v4 && version(talk_about(ng)) == 1)) {
		elder_send(ng, true);
	}
	ng->mode_left = 0;
	for (unsigned i = 0; i < ng->n; i++)
		ng->src[i].left = 0;
}

static usec soon(const struct group_talk *t, usec within)
{
	struct stack *st = t->nif->st;

	return st->now + rng_below(&st->rng, (uint32_t)MIN(within, (usec)UINT32_MAX - 1) + 1);
}

static void change_rearm(struct group_talk *t)
{
	struct stack *st = t->nif->st;

	if (!stimer_armed(&t->change))
		stimer_set(st, &t->change, soon(t, is_elder(t) ? ELDER_DELAY : DELAY));
}

static void one_changed(struct group_talk *t, struct report *r, struct netif_group *ng)
{
	if (is_elder(t)) {
		elder_change(ng);
	} else {
		ng->elder_left = 0;
		changes_put(r, ng);
	}
	ng->told = group_wanted(ng);
	if (changes_left(ng))
		change_rearm(t);
	else
		group_told(ng);
}

void talk_changed(struct netif_group *ng)
{
	struct group_talk *t = talk_of(ng->nif, ip_is_v4(&ng->addr));
	struct report r;

	report_begin(&r, t);
	one_changed(t, &r, ng);
	report_send(&r);
}

static void change_fire(struct stack *st, struct stimer *tm)
{
	struct group_talk *t = container_of(tm, struct group_talk, change);
	struct report r;

	report_begin(&r, t);
	list_for_safe(l, &t->nif->groups) {
		if (ip_is_v4(&of(l)->addr) == t->v4)
			one_changed(t, &r, of(l));
	}
	report_send(&r);
}

/* --- answers --- */

static void current_put(struct report *r, const struct netif_group *ng)
{
	const struct ip_addr *src[MAX_NOTED];
	unsigned n = 0;

	if (!group_wanted(ng) || !group_is_reported(&ng->addr))
		return;
	for (unsigned i = 0; i < ng->n; i++) {
		if (ng->src[i].in)
			src[n++] = &ng->src[i].addr;
	}
	record_put(r, &ng->addr, ng->exclude ? IS_EXCLUDE : IS_INCLUDE, src, n);
}

static void general_fire(struct stack *st, struct stimer *tm)
{
	struct group_talk *t = container_of(tm, struct group_talk, general);
	struct report r;

	report_begin(&r, t);
	list_for(l, &t->nif->groups) {
		if (ip_is_v4(&of(l)->addr) == t->v4)
			current_put(&r, of(l));
	}
	report_send(&r);
}

/* RFC 3810 6.2: of the sources asked for, those we want. */
static void asked_put(struct report *r, const struct netif_group *ng)
{
	const struct ip_addr *src[GROUP_SOURCES];
	unsigned n = 0;

	for (unsigned i = 0; i < ng->n_asked; i++) {
		if (netif_group_wants(ng->nif, &ng->addr, &ng->asked[i]))
			src[n++] = &ng->asked[i];
	}
	if (n)
		record_put(r, &ng->addr, IS_INCLUDE, src, n);
}

static void asked_forget(struct netif_group *ng)
{
	free(ng->asked);
	ng->asked = NULL;
	ng->n_asked = 0;
	ng->asked_all = false;
}

static void reply_fire(struct stack *st, struct stimer *tm)
{
	struct netif_group *ng = container_of(tm, struct netif_group, reply);
	struct group_talk *t = talk_of(ng->nif, ip_is_v4(&ng->addr));
	struct report r;

	report_begin(&r, t);
	if (is_elder(t)) {
		if (group_wanted(ng))
			elder_send(ng, false);
	} else if (ng->asked_all) {
		current_put(&r, ng);
	} else {
		asked_put(&r, ng);
	}
	report_send(&r);
	asked_forget(ng);
}

/* --- in --- */

/* A query of any version, in one form. */
struct query {
	unsigned	version;
	struct ip_addr	group;		/* any: general */
	usec		within;
	usec		interval;
	uint8_t		robust;		/* 0: not told */
	struct rd	sources;
};

static void earlier(struct stack *st, struct stimer *tm, usec at)
{
	if (!stimer_armed(tm) || at < tm->t.at)
		stimer_set(st, tm, at);
}

static void sources_note(struct netif_group *ng, struct rd r, bool v4)
{
	if (!ng->asked)
		ng->asked = xmalloc(GROUP_SOURCES * sizeof(*ng->asked));
	while (rd_left(&r) && !ng->asked_all) {
		uint8_t b[16] = { 0 };

		if (ng->n_asked == GROUP_SOURCES) {
			ng->asked_all = true;
			break;
		}
		rd_copy(&r, b, v4 ? 4 : 16);
		ng->asked[ng->n_asked++] = v4 ? ip_from_v4(b) : ip_from_v6(b);
	}
}

/* RFC 3810 6.2, cases 3 to 5: the earlier time, and all that was asked. */
static void group_asked(struct group_talk *t, struct netif_group *ng, const struct query *q)
{
	bool pending = stimer_armed(&ng->reply);

	if (!group_wanted(ng) || !group_is_reported(&ng->addr))
		return;
	if (!rd_left(&q->sources) || (pending && ng->asked_all)) {
		asked_forget(ng);
		ng->asked_all = true;
	} else {
		sources_note(ng, q->sources, t->v4);
	}
	earlier(t->nif->st, &ng->reply, soon(t, q->within));
}

/* Case 1: an answer to all that comes sooner will do. */
static void answer_later(struct group_talk *t, const struct query *q)
{
	struct netif_group *ng = group_find(t->nif, &q->group);
	struct stack *st = t->nif->st;

	if (ip_is_any(&q->group) && !is_elder(t)) {
		if (!list_empty(&t->nif->groups))
			earlier(st, &t->general, soon(t, q->within));
		return;
	}
	list_for(l, &t->nif->groups) {
		if (ip_is_any(&q->group) ? ip_is_v4(&of(l)->addr) == t->v4 : of(l) == ng)
			group_asked(t, of(l), q);
	}
}

/* Changes of version end what was under way: RFC 3376 7.2.1, RFC 3810 8.2.1. */
static void elder_note(struct group_talk *t, unsigned v)
{
	struct stack *st = t->nif->st;
	unsigned was = version(t);
	usec span = talk_robustness(t->nif, t->v4) * t->interval + ELDER_DELAY;

	if (v < newest(t->v4))
		stimer_set(st, &t->elder[v - 1], st->now + span);
	if (version(t) == was)
		return;
	stimer_set(st, &t->general, NEVER);
	stimer_set(st, &t->change, NEVER);
	list_for(l, &t->nif->groups) {
		if (ip_is_v4(&of(l)->addr) == t->v4)
			stimer_set(st, &of(l)->reply, NEVER);
	}
}

/* That it is armed is all that counts. */
static void elder_over(struct stack *st, struct stimer *tm)
{
}

static void query_in(struct netif *nif, bool v4, struct query *q)
{
	struct group_talk *t = talk_of(nif, v4);

	elder_note(t, q->version);
	if (q->version == newest(v4)) {
		t->robust = q->robust;
		if (q->interval)
			t->interval = q->interval;
	}
	answer_later(t, q);
}

/* RFC 3376 4.1.1, 4.1.7: from 128 on a mantissa and an exponent. */
static uint32_t code8(uint8_t c)
{
	return c < 128 ? c : (uint32_t)((c & 15) | 16) << ((c >> 4 & 7) + 3);
}

static uint32_t code16(uint16_t c)	/* RFC 3810 5.1.3 */
{
	return c < 32768 ? c : (uint32_t)((c & 0xfff) | 0x1000) << ((c >> 12 & 7) + 3);
}

/* The part of a query that only the newest version has; r: all that follows. */
static bool newest_parse(struct rd *r, struct query *q, size_t one)
{
	uint16_t n;

	q->robust = rd_u8(r) & 7;
	q->interval = code8(rd_u8(r)) * USEC_PER_SEC;
	n = rd_u16(r);
	q->sources = rd_sub(r, n * one);
	return !r->fail;
}

/* Another's report is as good as ours to an elder: RFC 2710 4, RFC 2236 3. */
static void report_heard(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);

	if (ng && is_elder(talk_about(ng)))
		stimer_set(nif->st, &ng->reply, NEVER);
}

/* RFC 3810 5.1.14: from the link, one hop; checksum is checked already. */
enum drop mld_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t b[1500], type;
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct query q = { .version = pkt_len(pkt) == 24 ? 1 : 2 };
	uint16_t code;

	type = rd_u8(&r);
	rd_bytes(&r, 3);
	code = rd_u16(&r);
	rd_u16(&r);
	rd_copy(&r, &q.group, sizeof(q.group));
	q.within = (q.version == 1 ? code : code16(code)) * USEC_PER_MSEC;
	if (type == MLD_QUERY && q.version == 2)
		newest_parse(&r, &q, 16);
	if (r.fail || ip->ttl != 1 || !ip_is_linklocal(&ip->src) ||
	    (!ip_is_any(&q.group) && !ip_is_multicast(&q.group)))
		return drop(st, pkt, DROP_GROUP_BAD);
	if (type == MLD_QUERY)
		query_in(ip->nif, false, &q);
	else if (type == MLD1_REPORT)
		report_heard(ip->nif, &q.group);
	pkt_free(pkt);
	return DROP_NONE;
}

static bool igmp_query_parse(struct rd *r, struct query *q, uint8_t code, uint32_t len)
{
	q->version = len > 8 ? 3 : code ? 2 : 1;
	q->within = (q->version == 1 ? 100 : q->version == 2 ? code : code8(code)) * 100 *
		    USEC_PER_MSEC;
	return q->version < 3 || newest_parse(r, q, 4);
}

enum drop igmp_in(struct stack *st, struct pkt *pkt, const struct ip *ip)
{
	uint8_t b[1500], g[4], type, code;
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct query q = { .version = 2 };
	struct sum s = { 0 };

	type = rd_u8(&r);
	code = rd_u8(&r);
	rd_u16(&r);
	rd_copy(&r, g, sizeof(g));
	q.group = ip_from_v4(g);
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	if (r.fail || ip->ttl != 1 || (pkt->sum == PKT_SUM_NONE && sum_end(&s)) ||
	    (type == IGMP_QUERY && !igmp_query_parse(&r, &q, code, pkt_len(pkt))))
		return drop(st, pkt, DROP_GROUP_BAD);
	if (type == IGMP_QUERY)
		query_in(ip->nif, true, &q);
	else if (type == IGMP1_REPORT || type == IGMP2_REPORT)
		report_heard(ip->nif, &q.group);
	pkt_free(pkt);
	return DROP_NONE;
}

/* --- with the interface and the group --- */

void talk_init(struct netif *nif)
{
	for (int i = 0; i < 2; i++) {
		struct group_talk *t = &nif->talk[i];

		t->nif = nif;
		t->v4 = i == 0;
		t->interval = 125 * USEC_PER_SEC;	/* RFC 3810 9.2, RFC 3376 8.2 */
		stimer_init(&t->general, general_fire);
		stimer_init(&t->change, change_fire);
		stimer_init(&t->elder[0], elder_over);
		stimer_init(&t->elder[1], elder_over);
	}
}

void talk_stop(struct netif *nif, bool v4)
{
	struct group_talk *t = talk_of(nif, v4);

	stimer_set(nif->st, &t->general, NEVER);
	stimer_set(nif->st, &t->change, NEVER);
	stimer_set(nif->st, &t->elder[0], NEVER);
	stimer_set(nif->st, &t->elder[1], NEVER);
}

void talk_group_init(struct netif_group *ng)
{
	stimer_init(&ng->reply, reply_fire);
}

void talk_group_fini(struct netif_group *ng)
{
	stimer_set(ng->nif->st, &ng->reply, NEVER);
	asked_forget(ng);
	free(ng->src);
}
