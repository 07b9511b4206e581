/* native_stat.c - what a native stack counts: packets it dropped, sockets */
#include "node/kind.h"
#include "node/native.h"
#include "stack/drop.h"

/* A copy first: who is told may call the stack. */
void native_statistics(struct ioth *stack, ioth_statistic_fn *each, void *arg)
{
	struct native *s = stack->data;
	uint64_t drops[N_DROPS], sockets = 0;
	char name[64];

	if (s->orphan)
		return;
	node_lock(s->node);
	for (int i = 1; i < N_DROPS; i++)
		drops[i] = s->node->st->drops[i];
	for (struct sock *so = sock_next(s->node->st, NULL); so; so = sock_next(s->node->st, so))
		sockets++;
	node_unlock(s->node);
	each(arg, "sockets", sockets);
	for (int i = 1; i < N_DROPS; i++) {
		snprintf(name, sizeof(name), "drop.%s", drop_name((enum drop)i));
		each(arg, name, drops[i]);
	}
}
