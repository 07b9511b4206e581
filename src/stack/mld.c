/* mld.c - when an interface tells about its groups: MLDv2 (RFC 3810), IGMPv3
 * (RFC 3376), and their elders while an elder querier is there
 *
 * Each family talks for itself. A change of a group's filter is reported at once
 * and again, robustness times in all; a query is answered after a random part of
 * the time it gives, by records of what was asked for. With an old querier
 * (RFC 2710, 2236, 1112) there are reports of single groups and leaves instead.
 * How it is written and read is mld_msg.c.
 *
 * in:  icmp6_in -> mld_in, ip_deliver -> igmp_in: talk_query, talk_heard
 * out: group.c -> talk_changed -> report_send -> ip6_send_on | ip4_send_igmp
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/group.h"
#include "stack/netif.h"
#include "stack/talk.h"

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
		report_put(r, &ng->addr, ng->exclude ? TO_EXCLUDE : TO_INCLUDE, all, n);
		return;
	}
	if (n_allow)
		report_put(r, &ng->addr, ALLOW, allow, n_allow);
	if (n_block)
		report_put(r, &ng->addr, BLOCK, block, n_block);
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
		elder_send(ng, version(talk_about(ng)), false);
	} else if (!wanted && ng->told && !(v4 && version(talk_about(ng)) == 1)) {
		elder_send(ng, version(talk_about(ng)), true);
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
	report_put(r, &ng->addr, ng->exclude ? IS_EXCLUDE : IS_INCLUDE, src, n);
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
		report_put(r, &ng->addr, IS_INCLUDE, src, n);
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
			elder_send(ng, version(talk_about(ng)), false);
	} else if (ng->asked_all) {
		current_put(&r, ng);
	} else {
		asked_put(&r, ng);
	}
	report_send(&r);
	asked_forget(ng);
}

/* --- in --- */

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

void talk_query(struct netif *nif, bool v4, const struct query *q)
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

/* Another's report is as good as ours to an elder: RFC 2710 4, RFC 2236 3. */
void talk_heard(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);

	if (ng && is_elder(talk_about(ng)))
		stimer_set(nif->st, &ng->reply, NEVER);
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
