/* budget.c - how much memory a stack may hold on behalf of others
 *
 * What strangers can make a stack keep is counted where it is kept:
 *
 *	TCP	receive queues, out-of-order queues, send queues (tcp_mem)
 *	UDP	receive and error queues of datagram sockets (udp_mem)
 *	all	these, fragments and sockets (stack_mem, ours: Linux has no such)
 *
 * Each has Linux's three numbers, in pages of 4 KiB. From the second on memory is
 * short until it has fallen below the first: windows do not grow, small pieces are
 * copied out of large chunks, and an out-of-order queue has no more than its share.
 * At the third nothing more is taken: new connections, datagrams, fragments and
 * out-of-order segments are dropped, the queues of those who hold more than their
 * share are given up (tcp_prune.c). A connection that exists goes on with
 * tcp_rmem[0] and one small chunk, a datagram socket with udp_rmem_min, as in Linux;
 * these come on top.
 *
 * Not counted, since limits of their own bound it: half-open connections, TIME-WAIT,
 * neighbours, routes; and packets on their way through.
 */
#include "stack/budget.h"

#include "stack/stack.h"

#define PAGE	4096u

static const uint32_t *limits(const struct stack *st, enum budget_of b)
{
	const struct param *p = &st->param;

	return b == BUDGET_TCP ? p->tcp_mem : b == BUDGET_UDP ? p->udp_mem : p->stack_mem;
}

const char *budget_name(enum budget_of b)
{
	return b == BUDGET_TCP ? "tcp_mem" : b == BUDGET_UDP ? "udp_mem" : "stack_mem";
}

uint64_t budget_limit(const struct stack *st, enum budget_of b)
{
	return (uint64_t)limits(st, b)[2] * PAGE;
}

static void add(struct stack *st, enum budget_of b, uint32_t n)
{
	struct budget *bu = &st->budget[b];

	bu->used += n;
	bu->most = MAX(bu->most, bu->used);
	if (bu->pressed || bu->used <= (uint64_t)limits(st, b)[1] * PAGE)
		return;
	bu->pressed = true;
	bu->pressures++;
}

static void sub(struct stack *st, enum budget_of b, uint32_t n)
{
	struct budget *bu = &st->budget[b];

	bu->used -= n;
	if (bu->pressed && bu->used <= (uint64_t)limits(st, b)[0] * PAGE)
		bu->pressed = false;
}

void budget_take(struct stack *st, enum budget_of b, uint32_t n)
{
	add(st, BUDGET_ALL, n);
	if (b != BUDGET_ALL)
		add(st, b, n);
}

void budget_give(struct stack *st, enum budget_of b, uint32_t n)
{
	sub(st, BUDGET_ALL, n);
	if (b != BUDGET_ALL)
		sub(st, b, n);
}

bool budget_room(const struct stack *st, enum budget_of b, uint64_t n)
{
	return st->budget[b].used + n <= budget_limit(st, b) &&
	       st->budget[BUDGET_ALL].used + n <= budget_limit(st, BUDGET_ALL);
}

bool budget_pressed(const struct stack *st, enum budget_of b)
{
	return st->budget[b].pressed || st->budget[BUDGET_ALL].pressed;
}
