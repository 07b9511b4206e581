/* vset_near.c - sets of sockets: members, and of which the stack's word is enough
 *
 * A socket is near in all of its sets or in none. The one that becomes far again is put into
 * the kernel's sets, and its pair shows what is true, so the kernel says at once what was not
 * collected. One that has no pair (vbare.c) is near, or gets one.
 */
#include "node/vset_in.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/vsock_in.h"

#define INPUT	(EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP)

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
		vwatch_may_be_ready(w);
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
	set->alarm = (struct node_alarm){ .at = NEVER, .ring = vset_look_after };
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
	*now = vwatch_wanted(w) & (events | VSET_ALWAYS);
	if (*now)
		vwatch_may_be_ready(w);
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
		vwatch_may_be_ready(find(set, vs));
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
		vwatch_may_be_ready(w);
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
