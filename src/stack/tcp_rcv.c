/* tcp_rcv.c - the receive queues
 *
 * Payload stays in the packets it came in, by reference: rcvq holds what is in
 * order and not yet read, ooo what is ahead of rcv_nxt, sorted and without
 * overlap (each packet's sequence number is in pkt.note). The window counts
 * bytes; memory is bounded by truesize, each queue by so.rcvbuf, which is twice
 * the window. In order, beyond that, small pieces of large chunks are copied out
 * and appended to a chunk of our own, so a peer that sends single bytes costs
 * bytes and not pages. Out of order they are copied at once, and what does not
 * fit is dropped: the peer sends it again. Both queues are in the stack's budget.
 *
 * Between tcp_rcv_peek and consume the user reads in the packets without our
 * lock: bytes already queued are never moved.
 */
#include "stack/lend.h"
#include "stack/tcp.h"

#include <stdlib.h>

#include "base/mem.h"

#define COPY_CHUNK	4096

/* What we note in pkt.cb. */
struct rcv_note {
	bool	fin;		/* FIN follows the payload (out of order only) */
	bool	own;		/* last chunk is ours and may be appended to */
	usec	when;		/* the last of it came */
};

static struct rcv_note *note_of(struct pkt *pkt)
{
	return (struct rcv_note *)(void *)pkt->cb;
}

static struct seq seq_of(const struct pkt *pkt)
{
	return SEQ(pkt->note);
}

static struct seq end_of(const struct pkt *pkt)
{
	return SEQ(pkt->note + pkt_len(pkt));
}

static struct pkt *pkt_of(struct list *l)
{
	return container_of(l, struct pkt, link);
}

/* Held by reference it would take more than twice its bytes. */
static bool wasteful(const struct pkt *pkt)
{
	return pkt->truesize > 2 * pkt_len(pkt) + sizeof(*pkt);
}

/* --- copying out --- */

/* The tail of the queue has a chunk of our own with room: fill it. */
static uint32_t copy_to_tail(struct tcpc *tc, const struct pkt *pkt)
{
	struct pkt *tail = list_last(&tc->rcvq, struct pkt, link);
	struct ext *e;
	uint32_t room, n;

	if (!tail || !note_of(tail)->own)
		return 0;
	e = &tail->ext[tail->n_ext - 1];
	room = (uint32_t)(e->chunk->data + e->chunk->size - (e->p + e->len));
	n = pkt_copy(pkt, 0, e->p + e->len, room);
	e->len += n;
	tail->paylen += n;
	note_of(tail)->when = tc->so.st->now;
	return n;
}

/* A packet of our own memory with the same bytes; NULL: no memory. */
static struct pkt *copy_out(struct tcpc *tc, const struct pkt *pkt, uint32_t want)
{
	struct arena *a = tc->so.st->heap;
	struct chunk *c = a->alloc(a, MAX(want, pkt_len(pkt)));
	struct pkt *new;

	if (!c)
		return NULL;
	if (c->size < pkt_len(pkt)) {
		chunk_unref(c);
		return NULL;
	}
	new = pkt_new();
	pkt_add_ext(new, c, c->data, pkt_copy(pkt, 0, c->data, c->size));
	new->note = pkt->note;
	note_of(new)->fin = note_of((struct pkt *)(uintptr_t)pkt)->fin;
	note_of(new)->own = true;
	note_of(new)->when = note_of((struct pkt *)(uintptr_t)pkt)->when;
	return new;
}

/* --- in order --- */

/* Segments cut from one super-frame become one packet again. */
static bool join_tail(struct tcpc *tc, struct pkt *pkt)
{
	struct pkt *tail = list_last(&tc->rcvq, struct pkt, link);
	struct ext *e;

	if (!tail || !tail->n_ext || pkt->n_ext != 1 || pkt->cur != pkt->end)
		return false;
	e = &tail->ext[tail->n_ext - 1];
	if (e->chunk != pkt->ext[0].chunk || e->p + e->len != pkt->ext[0].p)
		return false;
	e->len += pkt->ext[0].len;
	tail->paylen += pkt->ext[0].len;
	note_of(tail)->when = note_of(pkt)->when;
	pkt_free(pkt);
	return true;
}

static void queue_tail(struct tcpc *tc, struct pkt *pkt)
{
	list_add_tail(&tc->rcvq, &pkt->link);
	tc->rcv_true += pkt->truesize;
	budget_take(tc->so.st, BUDGET_TCP, pkt->truesize);
}

static void give(struct tcpc *tc, uint32_t size)
{
	tc->rcv_true -= size;
	budget_give(tc->so.st, BUDGET_TCP, size);
}

/* Memory is short: it has to be worth it. */
static bool dear(const struct tcpc *tc, const struct pkt *pkt)
{
	return tc->rcv_true + pkt->truesize > tc->so.rcvbuf ||
	       budget_pressed(tc->so.st, BUDGET_TCP);
}

static void enqueue_copy(struct tcpc *tc, struct pkt *pkt)
{
	struct pkt *new;

	pkt_trim_front(pkt, copy_to_tail(tc, pkt));
	if (pkt_len(pkt)) {
		new = copy_out(tc, pkt, COPY_CHUNK);
		queue_tail(tc, new ? new : pkt);
		if (!new)
			return;
	}
	pkt_free(pkt);
}

static void enqueue(struct tcpc *tc, struct pkt *pkt)
{
	uint32_t len = pkt_len(pkt);

	tc->rcv_bytes += len;
	tc->bytes_rcvd += len;
	tc->rcv_nxt = seq_add(tc->rcv_nxt, len);
	if (join_tail(tc, pkt))
		return;
	if (wasteful(pkt) && dear(tc, pkt))
		enqueue_copy(tc, pkt);
	else
		queue_tail(tc, pkt);
}

static void ooo_free(struct tcpc *tc)
{
	tc->so.st->tcp->n_ooo--;
	list_del(&tc->ooo->link);
	free(tc->ooo);
	tc->ooo = NULL;
}

/* Who holds nothing ahead of a hole, and has nothing to tell of it, is not asked for
 * memory, and his share is the others'. */
static void ooo_settle(struct tcpc *tc)
{
	if (tc->ooo && list_empty(&tc->ooo->q) && !tcp_sack_blocks(tc))
		ooo_free(tc);
}

void tcp_ooo_told(struct tcpc *tc)
{
	tc->ooo->dsack.to = tc->ooo->dsack.from;
	ooo_settle(tc);
}

/* The stream has ended: whatever is ahead of that never existed. */
void tcp_rcv_end(struct tcpc *tc)
{
	struct list *l;

	if (!tc->ooo)
		return;
	while ((l = list_pop(&tc->ooo->q)))
		pkt_free(pkt_of(l));
	budget_give(tc->so.st, BUDGET_TCP, tc->ooo->truesize);
	ooo_free(tc);
}

/* The peer has it all and will send it again, SACKed or not (RFC 2018 8). */
void tcp_ooo_prune(struct tcpc *tc)
{
	struct tcp_ooo *o = tc->ooo;
	struct list *l;

	budget_give(tc->so.st, BUDGET_TCP, o->truesize);
	o->truesize = 0;
	o->n_sacks = 0;
	while ((l = list_pop(&o->q)))
		drop(tc->so.st, pkt_of(l), DROP_TCP_OFO_PRUNED);
	ooo_settle(tc);
}

struct tcp_ooo *tcp_ooo_get(struct tcpc *tc)
{
	if (!tc->ooo) {
		tc->ooo = xzalloc(sizeof(*tc->ooo));
		tc->ooo->tc = tc;
		list_init(&tc->ooo->q);
		list_add_tail(&tc->so.st->tcp->ooo, &tc->ooo->link);
		tc->so.st->tcp->n_ooo++;
	}
	return tc->ooo;
}

/* A segment up to end brought some of what is queued again; of several duplicates the
 * first is told (RFC 2883 4). */
static void tell_overlap(struct tcpc *tc, const struct pkt *old, struct seq end)
{
	if (seq_lt(seq_of(old), end) && tcp_sack_blocks(tc) <= tc->ooo->n_sacks)
		tcp_dsack_note(tc, seq_of(old), seq_min(end_of(old), end));
}

static void ooo_unlink(struct tcpc *tc, struct pkt *pkt)
{
	list_del(&pkt->link);
	tc->ooo->truesize -= pkt->truesize;
	budget_give(tc->so.st, BUDGET_TCP, pkt->truesize);
}

/* What has become in order moves over. */
static void ooo_drain(struct tcpc *tc)
{
	struct pkt *pkt;
	bool fin = false;

	while (!fin && (pkt = list_first(&tc->ooo->q, struct pkt, link)) &&
	       seq_le(seq_of(pkt), tc->rcv_nxt)) {
		uint32_t dup = (uint32_t)seq_diff(tc->rcv_nxt, seq_of(pkt));

		ooo_unlink(tc, pkt);
		fin = note_of(pkt)->fin && seq_ge(end_of(pkt), tc->rcv_nxt);
		if (dup >= pkt_len(pkt)) {
			pkt_free(pkt);
			continue;
		}
		pkt_trim_front(pkt, dup);
		enqueue(tc, pkt);
	}
	tcp_sack_advance(tc);
	if (fin)
		tcp_fin_in(tc);
	else
		ooo_settle(tc);
}

/* --- out of order --- */

/* Queued packets that start before the new one ends: those it covers go, one
 * that reaches further cuts its tail. */
static void ooo_trim_next(struct tcpc *tc, struct pkt *pkt, struct list *after)
{
	struct list *l = after->next;

	while (l != &tc->ooo->q && seq_lt(seq_of(pkt_of(l)), end_of(pkt))) {
		struct pkt *old = pkt_of(l);

		tell_overlap(tc, old, end_of(pkt));
		l = l->next;
		if (seq_gt(end_of(old), end_of(pkt))) {
			pkt_trim_to(pkt, (uint32_t)seq_diff(seq_of(old), seq_of(pkt)));
			return;
		}
		note_of(pkt)->fin |= note_of(old)->fin;
		ooo_unlink(tc, old);
		pkt_free(old);
	}
}

static enum drop ooo_insert(struct tcpc *tc, struct pkt *pkt)
{
	struct list *head = &tcp_ooo_get(tc)->q, *prev = head->prev;
	struct seq from = seq_of(pkt), to = end_of(pkt);

	while (prev != head && seq_gt(seq_of(pkt_of(prev)), from))
		prev = prev->prev;
	if (prev != head && seq_ge(end_of(pkt_of(prev)), to)) {
		note_of(pkt_of(prev))->fin |= note_of(pkt)->fin &&
					      seq_eq(end_of(pkt_of(prev)), to);
		tcp_dsack_note(tc, from, to);
		if (!seq_eq(from, to))
			tcp_sack_note(tc, from, to);	/* its block goes first: RFC 2883 4 */
		return DROP_TCP_DUP;
	}
	if (prev != head && seq_gt(end_of(pkt_of(prev)), from)) {
		uint32_t dup = (uint32_t)seq_diff(end_of(pkt_of(prev)), from);

		tcp_dsack_note(tc, from, seq_min(end_of(pkt_of(prev)), to));
		pkt_trim_front(pkt, dup);
		pkt->note += dup;
	}
	ooo_trim_next(tc, pkt, prev);
	list_link(&pkt->link, prev, prev->next);
	tc->ooo->truesize += pkt->truesize;
	budget_take(tc->so.st, BUDGET_TCP, pkt->truesize);
	to = seq_add(to, note_of(pkt)->fin);
	if (!seq_eq(from, to))
		tcp_sack_note(tc, from, to);
	return DROP_NONE;
}

static void ooo_add(struct tcpc *tc, struct pkt *pkt)
{
	struct pkt *new = wasteful(pkt) ? copy_out(tc, pkt, 1) : NULL;
	enum drop why = DROP_TCP_OOO_FULL;

	count_tcp(tc->so.st, TCP_TCPOFOQueue);
	tcp_count_ooo(tc, pkt);
	if (new) {
		pkt_free(pkt);
		pkt = new;
	}
	if (tcp_ooo_get(tc)->truesize + pkt->truesize <= tc->so.rcvbuf &&
	    tcp_ooo_room(tc, pkt->truesize))
		why = ooo_insert(tc, pkt);
	if (why)
		drop(tc->so.st, pkt, why);
	ooo_settle(tc);
}

/* What memory there is cuts what is taken. False: nothing. */
static bool fit(struct tcpc *tc, struct pkt *pkt, bool *fin)
{
	uint32_t most = tcp_rcv_room(tc, pkt->truesize);

	if (pkt_len(pkt) > most) {
		pkt_trim_to(pkt, most);
		*fin = false;
	}
	return most != 0;
}

void tcp_rcv_data(struct tcpc *tc, struct pkt *pkt, struct seq seq, bool fin)
{
	pkt->note = seq.v;
	*note_of(pkt) = (struct rcv_note){ .fin = fin, .when = tc->so.st->now };
	if (seq_gt(seq, tc->rcv_nxt)) {
		tc->ack_now = true;	/* RFC 5681 4.2: tell the gap */
		ooo_add(tc, pkt);
		return;
	}
	if (pkt_len(pkt) && !fit(tc, pkt, &fin)) {
		tc->ack_now = true;
		drop(tc->so.st, pkt, DROP_TCP_RCVQ_DROP);
		return;
	}
	if (pkt_len(pkt))
		enqueue(tc, pkt);
	else
		pkt_free(pkt);
	if (fin) {
		tcp_fin_in(tc);
	} else if (tc->ooo && !list_empty(&tc->ooo->q)) {
		tc->ack_now = true;	/* a gap is filled, wholly or in part */
		tell_overlap(tc, list_first(&tc->ooo->q, struct pkt, link), tc->rcv_nxt);
		ooo_drain(tc);
	}
}

/* --- the user's side --- */

/* The urgent byte is not part of the stream unless SO_OOBINLINE: reading stops
 * before it, and the next read goes on after it. */
static uint32_t readable(const struct tcpc *tc)
{
	int32_t to_mark = seq_diff(tc->urg_seq, tc->copied);

	if (tc->urg_here && to_mark > 0)
		return MIN(tc->rcv_bytes, (uint32_t)to_mark);
	return tc->rcv_bytes;
}

/* As Linux: an urgent byte that stands first is not worth waking for. */
bool tcp_rcv_readable(const struct tcpc *tc)
{
	bool at_mark = tc->urg_here && !tc->so.oobinline && seq_eq(tc->urg_seq, tc->copied);

	return tc->rcv_bytes >= MIN(MAX(tc->so.asked->rcvlowat, 1u), tcp_rcv_space(tc)) + at_mark;
}

static void pass_mark(struct tcpc *tc)
{
	if (!tc->urg_here || !seq_eq(tc->copied, tc->urg_seq) || !tc->rcv_bytes)
		return;
	tc->urg_here = false;
	if (!tc->so.oobinline) {
		tcp_rcv_drop(tc, 1);
		return;
	}
	tc->urg_valid = false;
}

void tcp_rcv_drop(struct tcpc *tc, uint32_t n)
{
	n = MIN(n, tc->rcv_bytes);
	tc->rcv_bytes -= n;
	tc->copied = seq_add(tc->copied, n);
	while (n) {
		struct pkt *pkt = list_first(&tc->rcvq, struct pkt, link);
		uint32_t len = pkt_len(pkt), size = pkt->truesize;

		if (n < len) {
			pkt_trim_front(pkt, n);
			give(tc, size - pkt->truesize);
			return;
		}
		list_del(&pkt->link);
		give(tc, size);
		pkt_free(pkt);
		n -= len;
	}
}

/* Up to max bytes from the packet at *l, *off in it, to p; moves on. */
static uint32_t copy_some(struct list **l, uint32_t *off, uint8_t *p, uint32_t max)
{
	struct pkt *pkt = pkt_of(*l);
	uint32_t n = pkt_copy(pkt, *off, p, max);

	*off += n;
	if (*off == pkt_len(pkt)) {
		*l = (*l)->next;
		*off = 0;
	}
	return n;
}

size_t tcp_rcv_copy(struct tcpc *tc, const struct iovec *iov, int n, bool peek)
{
	struct list *l;
	uint32_t off = 0, done = 0, have;

	pass_mark(tc);
	have = readable(tc);
	l = tc->rcvq.next;
	for (int i = 0; i < n && done < have; i++) {
		uint8_t *p = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left && done < have) {
			uint32_t k = copy_some(&l, &off, p, (uint32_t)MIN(left, have - done));

			p += k;
			left -= k;
			done += k;
		}
	}
	if (!peek)
		tcp_rcv_drop(tc, done);
	return done;
}

usec tcp_rcv_when(const struct tcpc *tc, uint32_t n)
{
	usec when = 0;

	list_for(l, &tc->rcvq) {
		uint32_t len = pkt_len(pkt_of(l));

		when = note_of(pkt_of(l))->when;
		if (n <= len)
			break;
		n -= len;
	}
	return when;
}

size_t tcp_rcv_peek(struct tcpc *tc, struct iovec *iov, int *n)
{
	uint32_t have, done = 0;
	int k = 0;

	pass_mark(tc);
	have = readable(tc);
	list_for(l, &tc->rcvq) {
		struct iovec v[PKT_EXTS + 1];
		int m = pkt_iov(pkt_of(l), v);

		for (int i = 0; i < m && k < *n && done < have; i++) {
			v[i].iov_len = MIN(v[i].iov_len, have - done);
			done += (uint32_t)v[i].iov_len;
			iov[k++] = v[i];
		}
		if (k == *n || done == have)
			break;
	}
	*n = k;
	return done;
}

/* The first len bytes of pkt, which stays with the rest. */
static struct pkt *cut_front(struct pkt *pkt, uint32_t len)
{
	struct pkt *part = pkt_clone(pkt);

	pkt_trim_to(part, len);
	pkt_trim_front(pkt, len);
	return part;
}

static void lend_pkt(struct tcpc *tc, struct lent *l, uint32_t most)
{
	struct pkt *pkt = list_first(&tc->rcvq, struct pkt, link);
	uint32_t len = pkt_len(pkt), size = pkt->truesize;

	if (len > most) {	/* its memory counts in the queue */
		len = most;
		give(tc, size);
		pkt = cut_front(pkt, len);
		size = list_first(&tc->rcvq, struct pkt, link)->truesize + len;
		tc->rcv_true += size;
		budget_take(tc->so.st, BUDGET_TCP, size);
		size = len;
	} else {
		list_del(&pkt->link);
	}
	list_add_tail(&l->pkts, &pkt->link);
	l->len += len;
	l->size += size;
}

uint32_t tcp_rcv_lend(struct tcpc *tc, uint32_t most, struct lent *l)
{
	struct tcp_asked *a;

	pass_mark(tc);
	most = MIN(most, readable(tc));
	while (l->len < most)
		lend_pkt(tc, l, most - l->len);
	tc->rcv_bytes -= l->len;
	tc->copied = seq_add(tc->copied, l->len);
	if (!l->len)
		return 0;
	a = tcp_asked_own(tc);
	a->lent += l->len;
	a->lent_true += l->size;
	return l->len;
}

void tcp_rcv_back(struct tcpc *tc, uint32_t len, uint32_t size)
{
	tcp_asked_own(tc)->lent -= len;
	tcp_asked_own(tc)->lent_true -= size;
	give(tc, size);
}

void tcp_rcv_free(struct tcpc *tc)
{
	struct list *l;

	while ((l = list_pop(&tc->rcvq)))
		pkt_free(pkt_of(l));
	tc->rcv_bytes = 0;
	give(tc, tc->rcv_true - tc->asked->lent_true);
	tcp_rcv_end(tc);
}
