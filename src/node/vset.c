/* vset.c - sets of sockets: members, and which are ready
 *
 *   stack wakes -> vset_note -> ready list -> (pump) vset_tell -> who waits
 *
 * The list may hold sockets that are not ready: who collects asks the stack of each, and
 * leaves those in it that stay ready at this level. A socket is near in all of its sets
 * or in none; the one that becomes far again is put into the kernel's sets, and its pair
 * shows what is true, so the kernel says at once what was not collected.
 *
 * A set in which nobody waits (its program computes, polls the set's descriptor, or waits for
 * the set in another) is rung after a millisecond or two, and its ready
 * sockets' pairs show something to read; one that is waited for again and again
 * never is.
 */
#include "node/vset.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/vsock_in.h"

#define ALONE	USEC_PER_MSEC
#define INPUT	(EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP)
#define ALWAYS	(EPOLLERR | EPOLLHUP)

struct vset *vset_of_node(struct node *n)
{
	struct vset *set = n->polled;

	if (set)
		return set;
	set = n->polled = xzalloc(sizeof(*set));
	*set = (struct vset){ .epfd = -1, .bell = -1 };
	list_init(&set->watches);
	list_init(&set->ready);
	list_init(&set->callers);
	return set;
}

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

static uint32_t wanted(const struct vwatch *w)
{
	return w->silent ? 0 : events_of(w->vs) & (w->ev.events | ALWAYS);
}

static void may_be_ready(struct vwatch *w)
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
		uint32_t ev = wanted(w);

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
			any = any || wanted(container_of(k, struct vwatch, ready));
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
		if (wanted(w) && !w->vs->bare)
			vset_expose(w->vs);
	}
}

/* Is it left alone? */
static void look_after(struct node *n, struct node_alarm *a)
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

		if (wanted(w))
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
		may_be_ready(container_of(l, struct vwatch, of_vs));
}

void vset_tell(struct vsock *vs)
{
	if (!vs->near || !vs->so)
		return;
	list_for(l, &vs->watches) {
		struct vwatch *w = container_of(l, struct vwatch, of_vs);

		if (!list_empty(&w->ready) && wanted(w))
			tell(w->set);
	}
}

/* --- near and far --- */

static int kernel(struct vset *set, int op, int fd, struct epoll_event *ev)
{
	if (set->epfd < 0)
		return 0;
	if (epoll_ctl(set->epfd, op, fd, ev) < 0)
		return -errno;
	if (op == EPOLL_CTL_ADD)
		__atomic_add_fetch(&set->far, 1, __ATOMIC_RELAXED);
	else if (op == EPOLL_CTL_DEL)
		__atomic_sub_fetch(&set->far, 1, __ATOMIC_RELAXED);
	return 0;
}

static bool for_output(const struct vsock *vs)
{
	list_for(l, &vs->watches) {
		if (container_of(l, struct vwatch, of_vs)->ev.events & INPUT)
			return false;
	}
	return true;
}

/* What was read by plain calls, or is yet to be, is the pair's to tell. */
static bool may_be_near(const struct vsock *vs)
{
	if (vs->far || vs->shown || vs->lowat || vs->plain || vs->hup || vs->error || vs->unsure || list_empty(&vs->watches))
		return false;
	if (vs->listening)
		return !vs->tokens;
	return (vs->connected || (vs->bare && vs->connecting)) && !vs->shut_out && !vs->no_in && !vs->eof_out && !vs->eof_in &&
	       (vs->is_local || (vs->sends && for_output(vs)));
}

void vset_try(struct vsock *vs)
{
	if (vs->near || !may_be_near(vs))
		return;
	vs->near = true;
	list_for(l, &vs->watches) {
		struct vwatch *w = container_of(l, struct vwatch, of_vs);

		if (!vs->bare)
			kernel(w->set, EPOLL_CTL_DEL, w->fd, NULL);
		w->set->near++;
		may_be_ready(w);
	}
	vset_tell(vs);
}

void vset_more(struct vset *set)
{
	list_for(l, &set->callers)
		node_tell(set->node, container_of(l, struct caller, on));
}

static void become_far(struct vwatch *w, bool open)
{
	struct vset *set = w->set;
	struct epoll_event ev = w->ev;

	if (w->silent)
		ev.events &= EPOLLET | EPOLLONESHOT;
	list_del(&w->ready);
	set->near--;
	if (open)
		kernel(set, EPOLL_CTL_ADD, w->fd, &ev);
	vset_more(set);
}

static void all_far(struct vsock *vs, bool open)
{
	vs->near = false;
	list_for(l, &vs->watches)
		become_far(container_of(l, struct vwatch, of_vs), open);
}

void vset_expose(struct vsock *vs)
{
	if (!vs->near || vbare_dress(vs) < 0)
		return;
	all_far(vs, vsock_of_fd(vs->n, vs->pid_fd) == vs);
	vsock_again(vs);		/* a listener's tokens */
	if (vs->listening || !vs->so)
		return;
	if (vs->is_local && sock_events(vs->so) & EV_IN)
		vlocal_show(vs);
	if (!(sock_events(vs->so) & EV_OUT))
		vlocal_no_room(vs, vs->pid_fd);
}

void vset_no_more(struct vsock *vs)
{
	vbare_dress(vs);
	vset_expose(vs);
	vs->far = true;
}

int vset_show(struct vsock *vs)
{
	int ret = vbare_dress(vs);

	if (ret < 0)
		return ret;
	vset_expose(vs);
	vs->shown++;
	return 0;
}

void vset_hide(struct vsock *vs)
{
	vs->shown--;
	vset_try(vs);
}

/* --- members --- */

static bool bell_new(struct vset *set)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (set->bell >= 0)
		return true;
	set->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (set->bell < 0 || getrandom(&set->mark, sizeof(set->mark), 0) < 0)
		return false;
	ev.data.u64 = set->mark;
	return epoll_ctl(set->epfd, EPOLL_CTL_ADD, set->bell, &ev) == 0;
}

static void join(struct vset *set, struct vsock *vs, int fd, const struct epoll_event *ev)
{
	struct vwatch *w = xzalloc(sizeof(*w));

	*w = (struct vwatch){ .set = set, .vs = vs, .fd = fd, .ev = *ev };
	list_init(&w->ready);
	list_add_tail(&vs->watches, &w->of_vs);
	list_add_tail(&set->watches, &w->in_set);
	if (set->node)
		return;
	set->node = vs->n;
	set->alarm = (struct node_alarm){ .at = NEVER, .ring = look_after };
	list_add_tail(&vs->n->alarms, &set->alarm.link);
}

/* It is far. */
static void forget(struct vwatch *w)
{
	struct vset *set = w->set;

	list_del(&w->of_vs);
	list_del(&w->in_set);
	free(w);
	if (!list_empty(&set->watches))
		return;
	list_del(&set->alarm.link);
	set->node = NULL;
	vset_claim(set, NULL);
}

void vset_leave(struct vsock *vs)
{
	bool open = !list_empty(&vs->watches) && vsock_of_fd(vs->n, vs->pid_fd) == vs;
	bool near = vs->near;

	if (near)
		all_far(vs, open);
	while (!list_empty(&vs->watches)) {
		struct vwatch *w = list_first(&vs->watches, struct vwatch, of_vs);

		if (!open && !near)
			__atomic_sub_fetch(&w->set->far, 1, __ATOMIC_RELAXED);
		forget(w);
	}
}

/* One without a pair stays near where it is. */
static void leave_near(struct vwatch *w)
{
	struct vsock *vs = w->vs;

	list_del(&w->ready);
	w->set->near--;
	vset_more(w->set);
	forget(w);
	if (!list_empty(&vs->watches))
		return;
	vs->near = false;
}

static int remove_from(struct vwatch *w)
{
	struct vsock *vs = w->vs;
	int ret = 0;

	if (vs->bare && vs->near) {
		leave_near(w);
		return 0;
	}
	vset_expose(vs);
	ret = kernel(w->set, EPOLL_CTL_DEL, w->fd, NULL);
	if (ret < 0)
		return ret;
	forget(w);
	vset_try(vs);		/* in its other sets */
	return 0;
}

void vset_end(struct vset *set)
{
	while (!list_empty(&set->watches))
		remove_from(list_first(&set->watches, struct vwatch, in_set));
}

static struct vwatch *find(struct vset *set, struct vsock *vs)
{
	list_for(l, &vs->watches) {
		struct vwatch *w = container_of(l, struct vwatch, of_vs);

		if (w->set == set)
			return w;
	}
	return NULL;
}

bool vset_asked(struct vset *set, struct vsock *vs, int fd, uint32_t events, uint32_t *now)
{
	struct vwatch *w = find(set, vs);

	if (!w)
		join(set, vs, fd, &(struct epoll_event){ .events = events });
	w = find(set, vs);
	w->ev.events = list_empty(&set->callers) ? events : w->ev.events | events;
	vset_try(vs);
	if (!vs->near)
		return false;
	*now = wanted(w) & (events | ALWAYS);
	if (*now)
		may_be_ready(w);
	else if (list_empty(&set->callers))
		list_del(&w->ready);
	return true;
}

/* What has no pair is near, or it gets one. */
static bool add_near(struct vset *set, struct vsock *vs, int fd, struct epoll_event *ev)
{
	if (!vs->so || !bell_new(set) || !vset_claim(set, kind_current))
		return false;
	join(set, vs, fd, ev);
	if (!vs->near) {
		vset_try(vs);
	} else {
		set->near++;
		may_be_ready(find(set, vs));
		vset_tell(vs);
	}
	if (!vs->near)
		forget(find(set, vs));
	return vs->near;
}

static int add(struct vset *set, struct vsock *vs, int fd, struct epoll_event *ev)
{
	int ret;

	if (vs->bare && add_near(set, vs, fd, ev))
		return 0;
	ret = vbare_dress(vs);
	if (ret < 0)
		return ret;
	vset_expose(vs);	/* where it is near: in all of its sets or in none */
	ret = kernel(set, EPOLL_CTL_ADD, fd, ev);
	if (ret == 0 && !vs->far && vs->so && bell_new(set) && vset_claim(set, kind_current))
		join(set, vs, fd, ev);
	vset_try(vs);
	return ret;
}

static int modify(struct vwatch *w, struct epoll_event *ev)
{
	struct vsock *vs = w->vs;
	int ret = vs->near ? 0 : kernel(w->set, EPOLL_CTL_MOD, w->fd, ev);

	if (ret < 0)
		return ret;
	w->ev = *ev;
	w->silent = false;
	if (vs->near && !may_be_near(vs))
		vset_expose(vs);
	if (vs->near)
		may_be_ready(w);
	else
		vset_try(vs);
	vset_tell(vs);
	return 0;
}

int vset_ctl(struct vset *set, struct vsock *vs, int op, int fd, struct epoll_event *ev)
{
	struct vwatch *w = vs ? find(set, vs) : NULL;

	if (vs && fd != vs->pid_fd && op == EPOLL_CTL_ADD)
		vset_no_more(vs);	/* a copy, of which the kernel has to tell */
	if (!vs || (op != EPOLL_CTL_DEL && !ev) || (w && w->fd != fd))
		return kernel(set, op, fd, ev);
	if (op == EPOLL_CTL_ADD)
		return w ? -EEXIST : add(set, vs, fd, ev);
	if (!w)
		return kernel(set, op, fd, ev);
	return op == EPOLL_CTL_MOD ? modify(w, ev) : remove_from(w);
}
