/* neigh.c - who is on the link (RFC 4861 7.2, 7.3; RFC 826)
 *
 * ARP and ND differ in how a question and an answer look; what an answer means
 * is the same for both and stands here. An ARP reply to us counts as solicited
 * with override, a gratuitous ARP as unsolicited with override.
 *
 *	      neigh_out                  answer
 *	(none) -------> INCOMPLETE ---------------> REACHABLE <--+ confirmed
 *	                 | no answer                 | time      |
 *	                 v              neigh_out    v           |
 *	               FAILED   DELAY <----------- STALE         |
 *	                 ^        | 5 s                          |
 *	                 +----- PROBE ---------------------------+
 *
 * The table is bounded: the entry unused for longest makes room.
 */
#include "stack/neigh.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/icmp.h"
#include "stack/ip.h"
#include "stack/nd.h"
#include "stack/netif.h"


struct neigh_table {
	struct map	map;
	struct list	lru;
	struct neigh	*last;		/* found last; NULL: none */
};

static const char *const state_names[] = {
	[NEIGH_INCOMPLETE] = "INCOMPLETE", [NEIGH_REACHABLE] = "REACHABLE",
	[NEIGH_STALE] = "STALE", [NEIGH_DELAY] = "DELAY",
	[NEIGH_PROBE] = "PROBE", [NEIGH_FAILED] = "FAILED",
	[NEIGH_PERMANENT] = "PERMANENT",
};
static_assert(ARRAY_LEN(state_names) == N_NEIGH_STATES, "a name a state");

const char *neigh_state_name(enum neigh_state s)
{
	return state_names[s];
}

struct neigh_table *neigh_table_new(void)
{
	struct neigh_table *t = xzalloc(sizeof(*t));

	map_init(&t->map);
	list_init(&t->lru);
	return t;
}

static uint32_t key_hash(const struct netif *nif, const struct ip_addr *addr)
{
	struct { struct ip_addr a; uint32_t index; } k = { *addr, nif->index };

	return hash_quick(&nif->st->quick, &k, sizeof(k));
}

static bool is_it(const struct neigh *n, const struct netif *nif, const struct ip_addr *addr)
{
	return n->nif == nif && ip_eq(&n->addr, addr);
}

struct neigh *neigh_find(struct netif *nif, const struct ip_addr *addr)
{
	struct neigh_table *t = nif->st->neigh;
	struct map_node *m;

	if (t->last && is_it(t->last, nif, addr))	/* as often as not the router */
		return t->last;
	m = map_find(&t->map, key_hash(nif, addr));
	while (m && !is_it(container_of(m, struct neigh, node), nif, addr))
		m = map_find_next(m);
	if (m)
		t->last = container_of(m, struct neigh, node);
	return m ? t->last : NULL;
}

struct neigh *neigh_next(struct stack *st, struct neigh *n)
{
	struct list *l = n ? n->lru.next : st->neigh->lru.next;

	return l == &st->neigh->lru ? NULL : container_of(l, struct neigh, lru);
}

static void queue_drop(struct neigh *n, enum drop why)
{
	struct list *l;

	while ((l = list_pop(&n->queue)))
		drop(n->nif->st, container_of(l, struct pkt, link), why);
	n->queued = 0;
}

static void neigh_free(struct neigh *n)
{
	struct stack *st = n->nif->st;

	stack_tell(st, CHANGE_NEIGH, true, n);
	queue_drop(n, DROP_NEIGH_FULL);
	stimer_set(st, &n->timer, NEVER);
	map_remove(&st->neigh->map, &n->node);
	if (st->neigh->last == n)
		st->neigh->last = NULL;
	list_del(&n->lru);
	free(n);
}

void neigh_flush(struct netif *nif)
{
	list_for_safe(l, &nif->st->neigh->lru) {
		struct neigh *n = container_of(l, struct neigh, lru);

		if (n->nif == nif)
			neigh_free(n);
	}
}

void neigh_forget(struct netif *nif, bool only6)
{
	list_for_safe(l, &nif->st->neigh->lru) {
		struct neigh *n = container_of(l, struct neigh, lru);

		if (n->nif == nif && (only6 ? !ip_is_v4(&n->addr) : n->state != NEIGH_PERMANENT))
			neigh_free(n);
	}
}

void neigh_table_free(struct stack *st)
{
	while (!list_empty(&st->neigh->lru))
		neigh_free(list_first(&st->neigh->lru, struct neigh, lru));
	map_fini(&st->neigh->map);
	free(st->neigh);
}

static void neigh_fire(struct stack *st, struct stimer *tm);

/* Unused for longest, of those not set by hand if there are any. */
static struct neigh *oldest(struct neigh_table *t)
{
	for (struct list *l = t->lru.prev; l != &t->lru; l = l->prev) {
		struct neigh *n = container_of(l, struct neigh, lru);

		if (n->state != NEIGH_PERMANENT)
			return n;
	}
	return list_last(&t->lru, struct neigh, lru);
}

static struct neigh *neigh_new(struct netif *nif, const struct ip_addr *addr)
{
	struct neigh_table *t = nif->st->neigh;
	struct neigh *n;

	while (t->map.count >= nif->st->param.gc_thresh3)
		neigh_free(oldest(t));
	n = xzalloc(sizeof(*n));
	n->nif = nif;
	n->addr = *addr;
	n->state = NEIGH_STALE;
	list_init(&n->queue);
	stimer_init(&n->timer, neigh_fire);
	list_add_head(&t->lru, &n->lru);
	map_insert(&t->map, &n->node, key_hash(nif, addr));
	return n;
}

static void touch(struct neigh *n)
{
	struct list *lru = &n->nif->st->neigh->lru;

	if (lru->next == &n->lru)
		return;
	list_del(&n->lru);
	list_add_head(lru, &n->lru);
}

/* The address the first waiting packet has, as RFC 4861 7.2.2 wants, or whatever
 * suits the target. */
static struct ip_addr asker(const struct neigh *n)
{
	const struct pkt *first = list_first(&n->queue, struct pkt, link);
	struct ip_addr src = first ? ip_src_of(first) : IP_NONE;

	if (ip_eq(&src, &IP_NONE) || !netif_addr_find(n->nif, &src))
		src = ip_source(n->nif->st, n->nif, &n->addr);
	return src;
}

/* RFC 4861 10: how often it is asked. */
static uint32_t most_probes(const struct neigh *n)
{
	const struct param *p = &n->nif->st->param;

	return n->state == NEIGH_PROBE ? p->ucast_solicit : p->mcast_solicit;
}

/* Without any address nobody is asked: that would be the test of whether the
 * target's is taken (RFC 5227 2.1.1, RFC 4862 5.4.2), and no answer comes of it. */
static void probe(struct neigh *n)
{
	struct stack *st = n->nif->st;
	const struct mac *to = n->state == NEIGH_PROBE ? &n->mac : NULL;
	struct ip_addr src = asker(n);

	if (ip_is_any(&src)) {
		n->probes = (uint8_t)most_probes(n);
		stimer_set(st, &n->timer, st->now);
		return;
	}
	n->probes++;
	stimer_set(st, &n->timer, st->now + netif_retrans(n->nif));
	if (ip_is_v4(&n->addr))
		arp_request(n->nif, &n->addr, &src, to);
	else
		nd_solicit(n->nif, &n->addr, &src, to);
}

static uint32_t reachable_base(const struct netif *nif)
{
	return nif->reachable_ms ? nif->reachable_ms : nif->st->param.base_reachable_time_ms;
}

/* RFC 4861 6.3.2: uniform between 0.5 and 1.5 of the base. */
static usec reachable_time(const struct netif *nif)
{
	struct stack *st = nif->st;
	uint32_t base = reachable_base(nif);

	return (base / 2 + rng_below(&st->rng, base) + 1) * USEC_PER_MSEC;
}

static void goto_state(struct neigh *n, enum neigh_state to)
{
	struct stack *st = n->nif->st;

	n->state = to;
	n->probes = 0;
	switch (to) {
	case NEIGH_INCOMPLETE:
	case NEIGH_PROBE:
		probe(n);
		break;
	case NEIGH_REACHABLE:
		n->confirmed = st->now;
		stimer_set(st, &n->timer, st->now + reachable_time(n->nif));
		if (n->silent)
			router_speaks(n->nif, &n->addr);
		n->silent = false;
		break;
	case NEIGH_DELAY:
		stimer_set(st, &n->timer, st->now + st->param.delay_first_probe_time * USEC_PER_SEC);
		break;
	default:
		stimer_set(st, &n->timer, NEVER);
	}
	stack_tell(st, CHANGE_NEIGH, false, n);
}

/* What came in by no interface is, though its address may have been removed. */
static bool is_ours(struct stack *st, const struct pkt *pkt)
{
	struct ip_addr src = ip_src_of(pkt);

	return !pkt->nif || stack_addr(st, &src);
}

/* Whoever waits is told what an ICMP host unreachable would say
 * (RFC 4861 7.2.2, RFC 1122 2.4). */
static void give_up(struct neigh *n)
{
	struct stack *st = n->nif->st;
	struct list waiting, *l;

	list_init(&waiting);
	list_splice_tail(&waiting, &n->queue);
	n->queued = 0;
	n->silent = true;
	router_silent(n->nif, &n->addr);
	goto_state(n, NEIGH_FAILED);
	while ((l = list_pop(&waiting))) {
		struct pkt *pkt = container_of(l, struct pkt, link);

		if (is_ours(st, pkt))
			icmp_local_error(st, pkt, EHOSTUNREACH);
		else
			icmp_error(st, pkt, ICMP_ERR_HOST, 0);
		drop(st, pkt, DROP_NEIGH_FAILED);
	}
}

/* Confirmed while REACHABLE: the timer was not moved each time. */
static bool still_reachable(struct neigh *n)
{
	struct stack *st = n->nif->st;
	usec until = n->confirmed + reachable_base(n->nif) * USEC_PER_MSEC;

	if (until <= st->now)
		return false;
	stimer_set(st, &n->timer, until);
	return true;
}

static void neigh_fire(struct stack *st, struct stimer *tm)
{
	struct neigh *n = container_of(tm, struct neigh, timer);

	if (n->state == NEIGH_REACHABLE) {
		if (!still_reachable(n))
			goto_state(n, NEIGH_STALE);
	} else if (n->state == NEIGH_DELAY) {
		goto_state(n, NEIGH_PROBE);
	} else if (n->probes < most_probes(n)) {
		probe(n);
	} else {
		give_up(n);
	}
}

static void queue_send(struct neigh *n)
{
	struct netif *nif = n->nif;
	struct mac mac = n->mac;
	bool v4 = ip_is_v4(&n->addr);
	struct list waiting, *l;

	if (n->queued)
		n->answered = nif->st->now;
	list_init(&waiting);
	list_splice_tail(&waiting, &n->queue);
	n->queued = 0;
	while ((l = list_pop(&waiting)))
		eth_out(nif, container_of(l, struct pkt, link), &mac,
			v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
}

void neigh_heard(struct netif *nif, const struct ip_addr *addr, const struct mac *mac)
{
	struct neigh *n = neigh_find(nif, addr);
	bool known = n && n->state != NEIGH_INCOMPLETE && n->state != NEIGH_FAILED;

	if (mac_is_group(mac) || mac_is_zero(mac) || (n && n->state == NEIGH_PERMANENT))
		return;
	if (known && mac_eq(&n->mac, mac))
		return;
	if (!n)
		n = neigh_new(nif, addr);
	n->mac = *mac;
	goto_state(n, NEIGH_STALE);
	queue_send(n);
}

int neigh_set(struct netif *nif, const struct ip_addr *addr, const struct mac *mac,
	      enum neigh_state state)
{
	struct neigh *n = neigh_find(nif, addr);

	if ((state != NEIGH_PERMANENT && state != NEIGH_REACHABLE && state != NEIGH_STALE) ||
	    mac_is_group(mac) || ip_is_any(addr) || ip_is_multicast(addr))
		return -EINVAL;
	if (!n)
		n = neigh_new(nif, addr);
	n->mac = *mac;
	goto_state(n, state);
	queue_send(n);
	return 0;
}

int neigh_del(struct netif *nif, const struct ip_addr *addr)
{
	struct neigh *n = neigh_find(nif, addr);

	if (!n)
		return -ENOENT;
	neigh_free(n);
	return 0;
}

/* The router flag fell: RFC 4861 7.2.5, last paragraph. */
static void note_router(struct neigh *n, unsigned flags)
{
	bool was = n->router;

	if (!(flags & ADV_IS_ND))
		return;
	n->router = flags & ADV_ROUTER;
	if (was && !n->router)
		router_gone(n->nif, &n->addr);
}

/* RFC 4861 7.2.5, case by case. */
void neigh_advert(struct netif *nif, const struct ip_addr *addr, const struct mac *mac,
		  unsigned flags)
{
	struct neigh *n = neigh_find(nif, addr);
	bool differs;

	if (!n || n->state == NEIGH_FAILED || n->state == NEIGH_PERMANENT ||
	    (mac && mac_is_group(mac)))
		return;
	if (n->state == NEIGH_INCOMPLETE) {
		if (!mac)
			return;
		n->mac = *mac;
		goto_state(n, flags & ADV_SOLICITED ? NEIGH_REACHABLE : NEIGH_STALE);
		note_router(n, flags);
		queue_send(n);
		return;
	}
	differs = mac && !mac_eq(mac, &n->mac);
	if (differs && !(flags & ADV_OVERRIDE)) {
		if (n->state == NEIGH_REACHABLE)
			goto_state(n, NEIGH_STALE);
		return;
	}
	if (differs)
		n->mac = *mac;
	if (flags & ADV_SOLICITED)
		goto_state(n, NEIGH_REACHABLE);
	else if (differs)
		goto_state(n, NEIGH_STALE);
	note_router(n, flags);
}

static struct neigh *neigh_of(const struct flow *f)
{
	if (!f->nif || f->nif->flags & NETIF_NOARP)
		return NULL;
	return neigh_find(f->nif, &f->hop);
}

void neigh_confirm(struct stack *st, const struct flow *f)
{
	struct neigh *n = neigh_of(f);

	if (!n || n->state == NEIGH_INCOMPLETE || n->state == NEIGH_FAILED ||
	    n->state == NEIGH_PERMANENT)
		return;
	if (n->state == NEIGH_REACHABLE)
		n->confirmed = st->now;
	else
		goto_state(n, NEIGH_REACHABLE);
}

bool neigh_waits(const struct flow *f)
{
	const struct neigh *n = neigh_of(f);

	return n && n->state == NEIGH_INCOMPLETE;
}

usec neigh_left(const struct flow *f, usec at)
{
	const struct neigh *n = neigh_of(f);

	return n ? MAX(at, n->answered) : at;
}

/* The oldest makes room (RFC 4861 7.2.2). */
static enum drop enqueue(struct neigh *n, struct pkt *pkt)
{
	struct pkt *old;

	list_add_tail(&n->queue, &pkt->link);
	if (++n->queued <= n->nif->st->param.unres_qlen)
		return DROP_NONE;
	old = list_first(&n->queue, struct pkt, link);
	list_del(&old->link);
	n->queued--;
	drop(n->nif->st, old, DROP_NEIGH_FULL);
	return DROP_NONE;
}

static enum drop resolve_out(struct netif *nif, struct pkt *pkt, const struct ip_addr *hop,
			     uint16_t type)
{
	struct neigh *n = neigh_find(nif, hop);
	bool fresh = !n;

	if (fresh)
		n = neigh_new(nif, hop);
	else
		touch(n);
	if (fresh || n->state == NEIGH_FAILED) {
		enqueue(n, pkt);
		goto_state(n, NEIGH_INCOMPLETE);
		return DROP_NONE;
	}
	if (n->state == NEIGH_INCOMPLETE)
		return enqueue(n, pkt);
	if (n->state == NEIGH_STALE)
		goto_state(n, NEIGH_DELAY);
	return eth_out(nif, pkt, &n->mac, type);
}

enum drop neigh_out(struct netif *nif, struct pkt *pkt, const struct ip_addr *hop)
{
	uint16_t type = ip_is_v4(hop) ? ETHERTYPE_IP4 : ETHERTYPE_IP6;
	struct mac mac = { { 0 } };

	if (ip_is_multicast(hop))
		mac = mac_of_multicast(hop);
	else if (netif_is_broadcast(nif, hop))
		mac = MAC_BROADCAST;
	else if (!(nif->flags & NETIF_NOARP))
		return resolve_out(nif, pkt, hop, type);
	return eth_out(nif, pkt, &mac, type);
}
