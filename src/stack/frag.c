/* frag.c - reassembly (RFC 791 3.2, RFC 815, RFC 8200 4.5, RFC 5722)
 *
 * Fragments of a datagram wait in order of offset; the datagram is whole when
 * they follow each other from 0 to the end the last one told. A fragment that
 * overlaps another spoils the datagram, also for what comes later until its
 * time is over (RFC 5722 4); one that repeats another exactly is ignored.
 * Memory is bounded: the oldest datagram makes room for the newest.
 */
#include "stack/frag.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"

#define MAX_FRAGMENTS	256	/* of one datagram */

struct datagram {
	struct map_node	node;
	struct list	age;		/* oldest first */
	struct stack	*st;
	struct ip	ip;		/* of the first fragment, once it is there */
	uint32_t	id;
	uint8_t		next;
	bool		spoilt;
	uint8_t		ecn;		/* bit N: a fragment had N in its ECN field */
	uint32_t	total;		/* 0: end not known yet */
	uint32_t	have, size;	/* bytes of data; of memory */
	unsigned	n;
	struct list	parts;		/* pkt.note: offset */
	struct stimer	timer;
};

struct frag_table {
	struct map	map;
	struct list	age;
	size_t		held;
};

struct frag_table *frag_table_new(void)
{
	struct frag_table *t = xzalloc(sizeof(*t));

	map_init(&t->map);
	list_init(&t->age);
	return t;
}

size_t frag_held(const struct stack *st)
{
	return st->frags->held;
}

static void hold(struct stack *st, int32_t n)
{
	st->frags->held += (size_t)n;
	if (n > 0)
		budget_take(st, BUDGET_ALL, (uint32_t)n);
	else
		budget_give(st, BUDGET_ALL, (uint32_t)-n);
}

static bool fits(const struct stack *st, uint32_t need)
{
	return st->frags->held + need <= st->param.ipfrag_high_thresh &&
	       budget_room(st, BUDGET_ALL, need);
}

static struct pkt *part_of(struct list *l)
{
	return container_of(l, struct pkt, link);
}

static void parts_drop(struct datagram *d, enum drop why)
{
	struct list *l;

	while ((l = list_pop(&d->parts)))
		drop(d->st, part_of(l), why);
	hold(d->st, -(int32_t)d->size);
	d->size = 0;
	d->n = 0;
}

static void datagram_free(struct datagram *d, enum drop why)
{
	struct stack *st = d->st;

	parts_drop(d, why);
	stimer_set(st, &d->timer, NEVER);
	map_remove(&st->frags->map, &d->node);
	list_del(&d->age);
	hold(st, -(int32_t)sizeof(*d));
	free(d);
}

void frag_table_free(struct stack *st)
{
	struct frag_table *t = st->frags;

	while (!list_empty(&t->age))
		datagram_free(list_first(&t->age, struct datagram, age), DROP_FRAG_TIMEOUT);
	map_fini(&t->map);
	free(t);
}

void frag_flush(struct netif *nif)
{
	list_for_safe(l, &nif->st->frags->age) {
		struct datagram *d = container_of(l, struct datagram, age);

		if (d->ip.nif == nif)
			datagram_free(d, DROP_FRAG_TIMEOUT);
	}
}

/* Only who has the first fragment can say which datagram (RFC 1122 3.3.2). */
static void timed_out(struct stack *st, struct stimer *tm)
{
	struct datagram *d = container_of(tm, struct datagram, timer);
	struct pkt *first = list_first(&d->parts, struct pkt, link);

	if (first && !first->note)
		icmp_error(st, first, ICMP_ERR_FRAG_TIME, 0);
	datagram_free(d, DROP_FRAG_TIMEOUT);
}

/* IPv4's key has the protocol, IPv6's has not (RFC 791 3.2, RFC 8200 4.5). */
static uint32_t key_hash(struct stack *st, const struct ip *ip, const struct frag *f)
{
	struct { struct ip_addr src, dst; uint32_t id, proto; } k = {
		ip->src, ip->dst, f->id, ip->v4 ? f->proto : 0
	};

	return (uint32_t)hash64(&st->secret, &k, sizeof(k));
}

static bool same_key(const struct datagram *d, const struct ip *ip, const struct frag *f)
{
	return d->id == f->id && d->ip.nif == ip->nif && ip_eq(&d->ip.src, &ip->src) &&
	       ip_eq(&d->ip.dst, &ip->dst) && (!ip->v4 || d->ip.proto == f->proto);
}

static struct datagram *datagram_find(struct stack *st, const struct ip *ip, const struct frag *f)
{
	struct map_node *m = map_find(&st->frags->map, key_hash(st, ip, f));

	for (; m; m = map_find_next(m)) {
		struct datagram *d = container_of(m, struct datagram, node);

		if (same_key(d, ip, f))
			return d;
	}
	return NULL;
}

static struct datagram *datagram_new(struct stack *st, const struct ip *ip, const struct frag *f)
{
	struct datagram *d = xzalloc(sizeof(*d));

	d->st = st;
	d->ip = *ip;
	d->ip.proto = f->proto;
	d->id = f->id;
	list_init(&d->parts);
	stimer_init(&d->timer, timed_out);
	stimer_set(st, &d->timer, st->now +
		   (ip->v4 ? st->param.ipfrag_time : st->param.ip6frag_time) * USEC_PER_SEC);
	list_add_tail(&st->frags->age, &d->age);
	map_insert(&st->frags->map, &d->node, key_hash(st, ip, f));
	hold(st, sizeof(*d));
	return d;
}

/* False: not even alone does it fit. */
static bool make_room(struct stack *st, const struct datagram *keep, uint32_t need)
{
	struct frag_table *t = st->frags;

	list_for_safe(l, &t->age) {
		struct datagram *d = container_of(l, struct datagram, age);

		if (fits(st, need))
			break;
		if (d != keep)
			datagram_free(d, DROP_FRAG_FULL);
	}
	return fits(st, need);
}

static uint32_t part_end(const struct pkt *pkt)
{
	return (uint32_t)pkt->note + pkt_len(pkt);
}

/* Where it goes: behind *prev. Fragments mostly come in order, so from the end. */
static enum drop place(struct datagram *d, const struct pkt *pkt, struct list **prev)
{
	struct pkt *before = NULL, *after = NULL;
	struct list *l = d->parts.prev;

	while (l != &d->parts && part_of(l)->note > pkt->note)
		l = l->prev;
	*prev = l;
	if (l != &d->parts)
		before = part_of(l);
	if (l->next != &d->parts)
		after = part_of(l->next);
	if (before && before->note == pkt->note && pkt_len(before) == pkt_len(pkt))
		return DROP_FRAG_BAD;		/* repeated: RFC 8200 4.5 allows */
	if ((before && part_end(before) > pkt->note) ||
	    (after && part_end(pkt) > after->note))
		return DROP_FRAG_OVERLAP;
	return DROP_NONE;
}

/* The end is where the last fragment says, once, and nothing lies behind. */
static bool end_ok(struct datagram *d, const struct pkt *pkt, bool more)
{
	struct pkt *last = list_last(&d->parts, struct pkt, link);
	uint32_t end = part_end(pkt);

	if (d->total)
		return end < d->total ? more : !more && end == d->total;
	return more || !last || part_end(last) <= end;
}

static enum drop spoil(struct datagram *d, struct pkt *pkt)
{
	d->spoilt = true;
	parts_drop(d, DROP_FRAG_OVERLAP);
	return drop(d->st, pkt, DROP_FRAG_OVERLAP);
}

static void part_add(struct datagram *d, struct pkt *pkt, struct list *prev, const struct ip *ip,
		     const struct frag *f)
{
	uint32_t size = pkt->truesize;

	list_add_head(prev, &pkt->link);
	d->n++;
	d->have += pkt_len(pkt);
	d->ecn |= (uint8_t)(1u << (ip->tos & ECN_CE));
	d->size += size;
	hold(d->st, (int32_t)size);
	if (!f->more)
		d->total = part_end(pkt);
	if (!f->off) {
		d->ip = *ip;
		d->ip.proto = d->next = f->proto;
	}
}

/* All data of part behind what whole has, by reference. */
static bool join(struct stack *st, struct pkt *whole, const struct pkt *part)
{
	uint32_t n = (uint32_t)(part->end - part->cur);
	bool ok = !n || pkt_append(whole, st->heap, part->head + part->cur, n);

	for (unsigned i = 0; i < part->n_ext && ok; i++) {
		const struct ext *e = &part->ext[i];

		ok = pkt_add_ext(whole, chunk_ref(e->chunk), e->p, e->len);
	}
	return ok;
}

/* Many small parts: one piece of memory for all. */
static bool join_copied(struct stack *st, struct pkt *whole, const struct datagram *d)
{
	uint8_t *buf = xmalloc(d->total);
	uint32_t n = 0;
	bool ok;

	list_for(l, &d->parts)
		n += pkt_copy(part_of(l), 0, buf + n, d->total - n);
	ok = pkt_append(whole, st->heap, buf, n);
	free(buf);
	return ok;
}

static unsigned extents(const struct datagram *d)
{
	unsigned n = 0;

	list_for(l, &d->parts)
		n += part_of(l)->n_ext + (part_of(l)->end > part_of(l)->cur);
	return n;
}

/* Headers of the first fragment, data of all. */
static struct pkt *assemble(struct datagram *d)
{
	struct pkt *first = list_first(&d->parts, struct pkt, link);
	struct pkt *whole = pkt_clone(first);
	bool ok = true;

	whole->end = whole->cur;
	pkt_trim_to(whole, 0);
	whole->sum = PKT_SUM_NONE;
	whole->note = 0;
	if (extents(d) > PKT_EXTS)
		ok = join_copied(d->st, whole, d);
	else
		list_for(l, &d->parts)
			ok = ok && join(d->st, whole, part_of(l));
	if (ok)
		return whole;
	pkt_free(whole);
	return NULL;
}

static void parts_free(struct datagram *d)
{
	struct list *l;

	while ((l = list_pop(&d->parts)))
		pkt_free(part_of(l));
}

/* RFC 3168 5.3: the mark of any fragment is the datagram's; together with one that
 * cannot have been marked it is no datagram. */
static bool ecn_ok(const struct datagram *d, struct ip *ip)
{
	if (!(d->ecn & 1u << ECN_CE))
		return true;
	ip->tos |= ECN_CE;
	return !(d->ecn & 1u << ECN_NONE);
}

static enum drop complete(struct datagram *d)
{
	struct stack *st = d->st;
	struct pkt *whole = assemble(d);
	struct ip ip = d->ip;
	uint8_t next = d->next;
	enum drop why = ecn_ok(d, &ip) ? DROP_NO_MEMORY : DROP_FRAG_BAD;

	if (!whole || why == DROP_FRAG_BAD) {
		pkt_free(whole);
		datagram_free(d, why);
		return why;
	}
	parts_free(d);
	datagram_free(d, DROP_NONE);
	ip.reassembled = true;
	count_ip(st, ip.v4, IP_ReasmOKs, 1);
	if (ip.v4)
		return ip_deliver(st, whole, &ip);
	return ip6_headers_in(st, whole, &ip, next);
}

/* RFC 791 3.2; a whole datagram is no longer than 65535 (ping of death). */
static bool frag_valid(const struct pkt *pkt, const struct ip *ip, const struct frag *f)
{
	uint32_t len = pkt_len(pkt), hlen = ip->v4 ? (uint32_t)(pkt->cur - pkt->l3) : 0;

	return len && (!f->more || len % 8 == 0) && hlen + f->off + len <= 65535;
}

enum drop frag_in(struct stack *st, struct pkt *pkt, const struct ip *ip, const struct frag *f)
{
	struct datagram *d;
	struct list *prev;
	enum drop why;

	count_ip(st, ip->v4, IP_ReasmReqds, 1);
	if (!frag_valid(pkt, ip, f))
		return drop(st, pkt, DROP_FRAG_BAD);
	d = datagram_find(st, ip, f);
	if (d && d->spoilt)
		return drop(st, pkt, DROP_FRAG_OVERLAP);
	if ((d && d->n >= MAX_FRAGMENTS) ||
	    !make_room(st, d, pkt->truesize + (uint32_t)sizeof(*d)))
		return drop(st, pkt, DROP_FRAG_FULL);
	if (!d)
		d = datagram_new(st, ip, f);

	pkt->note = f->off;
	why = place(d, pkt, &prev);
	if (why == DROP_FRAG_BAD)
		return drop(st, pkt, why);
	if (why || !end_ok(d, pkt, f->more))
		return spoil(d, pkt);
	part_add(d, pkt, prev, ip, f);
	if (d->total && d->have == d->total)
		return complete(d);
	return DROP_NONE;
}
