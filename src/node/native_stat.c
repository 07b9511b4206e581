/* native_stat.c - what a native stack counts: sockets, packets it dropped, and the
 * figures of procnet_snmp.c
 *
 * All is copied first: who is told may call the stack.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/native.h"
#include "node/procnet.h"
#include "stack/drop.h"

struct told {
	char		name[64];
	uint64_t	n;
};

struct list_of {
	struct told	*v;
	unsigned	n, room;
};

static void note(void *arg, const char *name, uint64_t n)
{
	struct list_of *all = arg;
	struct told *t;

	if (all->n == all->room) {
		all->room = all->room ? all->room * 2 : 256;
		all->v = xrealloc(all->v, all->room * sizeof(*all->v));
	}
	t = &all->v[all->n++];
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->n = n;
}

static void collect(struct stack *st, struct list_of *all)
{
	uint64_t sockets = 0;
	char name[64];

	for (struct sock *so = sock_next(st, NULL); so; so = sock_next(st, so))
		sockets++;
	note(all, "sockets", sockets);
	for (int i = 1; i < N_DROPS; i++) {
		snprintf(name, sizeof(name), "drop.%s", drop_name((enum drop)i));
		note(all, name, st->drops[i]);
	}
	procnet_figures(st, note, all);
}

void native_statistics(struct ioth *stack, ioth_statistic_fn *each, void *arg)
{
	struct native *s = stack->data;
	struct list_of all = { NULL, 0, 0 };

	if (s->orphan)
		return;
	node_lock(s->node);
	collect(s->node->st, &all);
	node_unlock(s->node);
	for (unsigned i = 0; i < all.n; i++)
		each(arg, all.v[i].name, all.v[i].n);
	free(all.v);
}
