/* vset.c - sets of sockets: which are ready, and who is told
 *
 *   stack wakes -> vset_note -> ready list -> (pump) vset_tell -> who waits
 *
 * The list may hold sockets that are not ready: who collects asks the stack of each, and
 * leaves those in it that stay ready at this level.
 *
 * A set in which nobody waits (its program computes, polls the set's descriptor, or waits for
 * the set in another) is rung after a millisecond or two, and its ready
 * sockets' pairs show something to read; one that is waited for again and again
 * never is.
 */
#include "node/vset_in.h"

#include <sys/eventfd.h>

#include "node/vsock_in.h"

#define ALONE	USEC_PER_MSEC

/* --- what is ready --- */

static uint32_t events_of(struct vsock *vs)
{
	static const struct { uint32_t is, says; } words[] = {
		{ EV_IN, EPOLLIN | EPOLLRDNORM }, { EV_OUT, EPOLLOUT | EPOLLWRNORM },
		{ EV_HUP, EPOLLHUP }, { EV_ERR, EPOLLERR }, { EV_PRI, EPOLLPRI },
		{ EV_RDHUP, EPOLLRDHUP | EPOLLIN | EPOLLRDNORM },
	};
	uint32_t ev = sock_events(vs->so), says = 0;

	if (vs->listening)
		return vsock_waiting(vs) ? EPOLLIN | EPOLLRDNORM : 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		says |= ev & words[i].is ? words[i].says : 0;
	return says;
}

uint32_t vwatch_wanted(const struct vwatch *w)
{
	return w->silent ? 0 : events_of(w->vs) & (w->ev.events | VSET_ALWAYS);
}

void vwatch_may_be_ready(struct vwatch *w)
{
	if (list_empty(&w->ready))
		list_add_tail(&w->set->ready, &w->ready);
}

int vset_collect(struct vset *set, struct epoll_event *v, int most)
{
	struct list stay;
	int n = 0;

	list_init(&stay);
	while (n < most && !list_empty(&set->ready)) {
		struct vwatch *w = list_first(&set->ready, struct vwatch, ready);
		uint32_t ev = vwatch_wanted(w);

		list_del(&w->ready);
		if (!ev)
			continue;
		v[n++] = (struct epoll_event){ .events = ev, .data = w->ev.data };
		w->silent = w->ev.events & EPOLLONESHOT;
		if (!(w->ev.events & (EPOLLET | EPOLLONESHOT)))
			list_add_tail(&stay, &w->ready);
	}
	list_splice_tail(&set->ready, &stay);
	return n;
}

/* --- who is told --- */

static void ring(struct vset *set)
{
	if (!set->rung)
		set->rung = eventfd_write(set->bell, 1) == 0;
}

/* A set within another is asked by its descriptor, and nobody waits in it who would see. */
void vset_quiet(struct vsock *vs)
{
	list_for(l, &vs->watches) {
		struct vset *set = container_of(l, struct vwatch, of_vs)->set;
		bool any = false;

		if (!set->rung)
			continue;
		list_for(k, &set->ready)
			any = any || vwatch_wanted(container_of(k, struct vwatch, ready));
		if (!any)
			vset_unring(set);
	}
}

static void tell(struct vset *set)
{
	struct node *n = set->node;

	list_for(l, &set->callers)
		node_tell(n, container_of(l, struct caller, on));
	if (set->sleepers)
		ring(set);
	else if (list_empty(&set->callers) && set->alarm.at == NEVER)
		set->alarm.at = n->st->now + ALONE;
}

/* Nobody polls them by calls any more. */
static void expose_ready(struct vset *set)
{
	while (!list_empty(&set->ready)) {
		struct vwatch *w = list_first(&set->ready, struct vwatch, ready);

		list_del(&w->ready);
		if (vwatch_wanted(w) && !w->vs->bare)
			vset_expose(w->vs);
	}
}

/* Is it left alone? */
void vset_look_after(struct node *n, struct node_alarm *a)
{
	struct vset *set = container_of(a, struct vset, alarm);

	if (list_empty(&set->ready) || !list_empty(&set->callers) || set->sleepers)
		return;
	if (set->attended) {
		set->attended = false;
		a->at = n->st->now + ALONE;
		return;
	}
	if (set->bell < 0) {
		expose_ready(set);
		return;
	}
	list_for(l, &set->ready) {
		struct vwatch *w = container_of(l, struct vwatch, ready);

		if (vwatch_wanted(w))
			ring(set);
		if (!w->vs->listening && sock_events(w->vs->so) & EV_IN)
			vlocal_token(w->vs);
	}
}

void vset_note(struct vsock *vs)
{
	if (!vs->near)
		return;
	list_for(l, &vs->watches)
		vwatch_may_be_ready(container_of(l, struct vwatch, of_vs));
}

void vset_tell(struct vsock *vs)
{
	if (!vs->near || !vs->so)
		return;
	list_for(l, &vs->watches) {
		struct vwatch *w = container_of(l, struct vwatch, of_vs);

		if (!list_empty(&w->ready) && vwatch_wanted(w))
			tell(w->set);
	}
}
