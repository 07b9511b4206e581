/* stack.c - a stack begins, runs and ends
 *
 * Everything it is hangs on struct stack. Frames that the loopback interface
 * carries wait in its queue until stack_run, so no call ever re-enters the
 * engine from below; a turn delivers a bounded number of them, and if some are
 * left the deadline is now.
 */
#include "stack/stack.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/addr_label.h"
#include "stack/delay.h"
#include "stack/forward.h"
#include "stack/frag.h"
#include "stack/icmp.h"
#include "stack/neigh.h"
#include "stack/netif.h"
#include "stack/pmtu.h"
#include "stack/route.h"
#include "stack/sock.h"
#include "stack/tcp.h"

#define HEAP_LIMIT	((size_t)64 << 20)	/* bytes of payload without a plug's arena */
#define LOOP_TURN	1024			/* frames a stack_run delivers */

/* A key of its own: what leaks of it by time tells nothing of the secret. */
static void quick_key(struct stack *st)
{
	for (unsigned i = 0; i < sizeof(st->quick.b); i++)
		st->quick.b[i] = (uint8_t)hash64(&st->secret, &i, sizeof(i));
}

struct stack *stack_new(uint64_t seed, usec now)
{
	struct stack *st = xzalloc(sizeof(*st));

	st->now = now;
	st->route_gen = 1;
	heap_init(&st->timers);
	list_init(&st->netifs);
	if (seed)
		rng_seed(&st->rng, seed);
	else
		rng_seed_system(&st->rng);
	for (unsigned i = 0; i < sizeof(st->secret.b); i++)
		st->secret.b[i] = (uint8_t)rng_u64(&st->rng);
	quick_key(st);
	for (unsigned i = 0; i < ARRAY_LEN(st->ip_ids); i++)
		st->ip_ids[i] = (uint16_t)rng_u64(&st->rng);
	param_defaults(&st->param);
	st->heap = arena_heap_new(HEAP_LIMIT);
	st->neigh = neigh_table_new();
	st->routes = route_table_new();
	st->rules = rule_table_new();
	st->frags = frag_table_new();
	st->icmp = icmp_limit_new();
	st->pmtu = pmtu_table_new();
	st->socks = sock_table_new(st);
	tcp_stack_init(st);
	st->lo = loopback_add(st);
	return st;
}

/* Nothing is said to anybody: interfaces go down before sockets end. */
void stack_free(struct stack *st)
{
	struct sock *so;

	if (!st)
		return;
	st->on_change = NULL;
	list_for(l, &st->netifs)
		container_of(l, struct netif, link)->flags &= ~(uint32_t)NETIF_UP;
	while ((so = sock_next(st, NULL)))
		so->ops->destroy(so);
	tcp_stack_fini(st);
	while (!list_empty(&st->netifs))	/* the loopback last */
		netif_remove(list_last(&st->netifs, struct netif, link));
	sock_table_free(st->socks);
	pmtu_table_free(st);
	delays_free(st);
	icmp_limit_free(st->icmp);
	frag_table_free(st);
	route_table_free(st->routes);
	rule_table_free(st->rules);
	addr_labels_free(st);
	neigh_table_free(st);
	arena_heap_unref(st->heap);
	heap_fini(&st->timers);
	for (unsigned i = 0; i < N_BUDGETS; i++)
		assert(!st->budget[i].used);	/* what was taken was given back */
	free(st);
}

enum drop stack_input(struct stack *st, struct netif *nif, struct pkt *pkt)
{
	pkt->nif = nif;
	pkt->note = 0;
	pkt_begin(pkt);
	return eth_in(nif, pkt);
}

static void loop_turn(struct stack *st)
{
	int n = 0;

	while (n < LOOP_TURN && !list_empty(&st->lo->loop)) {
		struct list *l = list_pop(&st->lo->loop);
		struct pkt *pkt = container_of(l, struct pkt, link);

		st->lo->looped--;
		pkt->note = PKT_LOOPED;
		eth_in(pkt->nif, pkt);
		n++;
	}
}

static bool timer_turn(struct stack *st)
{
	struct timer *t = heap_pop_due(&st->timers, st->now);
	struct stimer *tm;

	if (!t)
		return false;
	tm = container_of(t, struct stimer, t);
	tm->fire(st, tm);
	return true;
}

void stack_run(struct stack *st)
{
	loop_turn(st);
	while (timer_turn(st))
		;
	loop_turn(st);
	tcp_answer(st);
	if (st->lo->looped == 0)
		netif_ready(st->lo);
}

usec stack_deadline(const struct stack *st)
{
	return list_empty(&st->lo->loop) && list_empty(&st->tcp->answers) ? heap_deadline(&st->timers) : st->now;
}

int stack_set(struct stack *st, const char *name, const char *value)
{
	int e = param_set(&st->param, name, value);

	if (!e)
		forward_update(st);
	return e;
}
