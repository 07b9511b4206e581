/* vset_wait.c - waiting for the sockets of a set
 *
 * Whoever waits for near ones alone drives their node, as in a call that waits
 * (node_wait.c): he looks, and sleeps if nothing comes. Where there are far ones he
 * looks a little as well, then sleeps in the kernel's set, which the bell is in. As
 * long as near ones are ready the far ones are asked for now and then only.
 */
#include "node/vset.h"

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>

#define FAR_EVERY	8	/* waits that found near ones ready */

int vset_kernel(struct vset *set, struct epoll_event *v, int most, int timeout)
{
	int n = epoll_wait(set->epfd, v, most, timeout), k = 0;

	for (int i = 0; i < n; i++) {
		if (set->bell < 0 || v[i].data.u64 != set->mark)
			v[k++] = v[i];
	}
	return n < 0 ? -errno : k;
}

void vset_unring(struct vset *set)
{
	eventfd_t bells;

	if (set->rung)
		eventfd_read(set->bell, &bells);
	set->rung = false;
}

static unsigned far(const struct vset *set)
{
	return __atomic_load_n(&set->far, __ATOMIC_RELAXED);
}

/* What there is now. In their turn the far ones are first, who might not be asked for as
 * long as there are near ones enough. */
static int take(struct vset *set, struct epoll_event *v, int most)
{
	bool turn = far(set) && ++set->turn % FAR_EVERY == 0;
	int n = turn ? vset_kernel(set, v, most, 0) : 0;

	vset_unring(set);
	if (n >= 0)
		n += vset_collect(set, v + n, most - n);
	return n || turn || !far(set) ? n : vset_kernel(set, v, most, 0);
}

int vset_wait_near(struct vset *set, struct node *n, usec until)
{
	struct caller c;
	int ret;

	list_add_tail(&set->callers, &c.on);
	ret = node_wait(n, &c, until);
	list_del(&c.on);
	return ret == -EINTR ? ret : 0;
}

static int ms_until(usec until, usec now)
{
	usec ms = (until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC;

	return until == NEVER - 1 ? -1 : (int)CLAMP(ms, 0, INT_MAX);
}

static int wait_far(struct vset *set, struct node *n, struct epoll_event *v, int most, usec until)
{
	usec began = n->st->now;
	int ret;

	node_calm(n);
	set->sleepers++;
	node_unlock(n);
	ret = vset_kernel(set, v, most, ms_until(until, now_mono()));
	node_lock(n);
	spin_ended(&n->spin, n->st->now - began);
	set->sleepers--;
	return ret;
}

usec vset_look_until(const struct node *n, usec until)
{
	return n->hot && n->st->param.busy_read ? MIN(until, n->st->now + n->st->param.busy_read) : 0;
}

int vset_wait(struct vset *set, struct node *n, struct epoll_event *v, int most, int timeout)
{
	usec until;	/* a time: epoll_wait(2) ends with any handler */
	usec look;
	bool looked = false;
	int ret;

	node_lock(n);
	node_stay(n);
	node_look(n);
	set->attended = true;
	until = timeout < 0 ? NEVER - 1 : n->st->now + timeout * USEC_PER_MSEC;
	while (!(ret = take(set, v, most)) && n->st->now < until) {
		if (!far(set))
			ret = vset_wait_near(set, n, until);
		else if (!looked && (look = vset_look_until(n, until)))
			ret = vset_wait_near(set, n, look);
		else
			ret = wait_far(set, n, v, most, until);
		looked = true;
		if (ret)
			break;
	}
	node_unlock(n);
	return ret;
}
