/* tcp_prune.c - what TCP keeps when memory is short (budget.c)
 *
 * Data ahead of a hole is a favour: the peer has it and sends it again. So it goes
 * first. While memory is short a connection may hold its share of half the budget,
 * or LEAST; at the limit those that hold more than their share lose all of it, in
 * turn, until there is room, as Linux's tcp_prune_ofo_queue does with one. A few are
 * looked at each time, so that a segment costs the same whatever the number of
 * connections.
 *
 * Data in order is taken as long as the connection has less than tcp_rmem[0], and a
 * connection that holds nothing takes that much of a segment of any size; to send, it
 * may have one small chunk. So whoever reads, or is read, always gets on.
 */
#include "stack/tcp.h"

#define LOOKS	8	/* connections asked for room by one segment */
#define LEAST	65536u	/* bytes that each may hold as long as there is room */

/* Of the out-of-order memory, for each. */
static uint64_t share(const struct stack *st)
{
	uint64_t all = MIN(budget_limit(st, BUDGET_TCP), budget_limit(st, BUDGET_ALL));

	return all / 2 / MAX(st->tcp->n_ooo, 1u);
}

/* Those who hold more than their share give up what they have, in turn, until there
 * is room. */
static bool make_room(struct stack *st, uint32_t need)
{
	struct list *all = &st->tcp->ooo;

	for (int i = 0; !budget_room(st, BUDGET_TCP, need); i++) {
		struct tcp_ooo *o = list_first(all, struct tcp_ooo, link);

		if (!o || i == LOOKS)
			return false;
		list_del(&o->link);
		list_add_tail(all, &o->link);
		if (o->truesize > share(st))
			tcp_ooo_prune(o->tc);
	}
	return true;
}

bool tcp_ooo_room(struct tcpc *tc, uint32_t size)
{
	struct stack *st = tc->so.st;
	uint32_t held = tc->ooo->truesize;

	if (budget_pressed(st, BUDGET_TCP) && held + size > MAX(share(st), LEAST))
		return false;
	return make_room(st, size);
}

uint32_t tcp_rcv_room(struct tcpc *tc, uint32_t size)
{
	struct stack *st = tc->so.st;
	uint32_t least = st->param.tcp_rmem[0];

	if (budget_room(st, BUDGET_TCP, size))	/* nearly always */
		return UINT32_MAX;
	if (make_room(st, size) || tc->rcv_true + size <= least)
		return UINT32_MAX;
	return list_empty(&tc->rcvq) ? least : 0;
}

uint32_t tcp_snd_room(const struct tcpc *tc, uint32_t size, uint32_t least)
{
	if (budget_pressed(tc->so.st, BUDGET_TCP))
		size = least;
	if (budget_room(tc->so.st, BUDGET_TCP, size))
		return size;
	return tc->snd.n ? 0 : least;
}
