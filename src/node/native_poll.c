/* native_poll.c - ioth_poll of sockets of one native stack
 *
 * Whom the stack's word is enough for (vset.h: near) costs no system call, and who waits for
 * such sockets alone drives their node, as in any call that waits. The others are asked for by
 * the kernel's poll, once; if there is to be a wait with them, the kernel has to do it, for all.
 */
#include <errno.h>
#include <poll.h>

#include "node/native.h"
#include "node/vset.h"

static bool by_calls(struct vset *set, struct pollfd *p)
{
	struct node *n = ((struct native *)kind_current->data)->node;
	struct vsock *vs = native_find(n, p->fd);
	uint32_t now;

	if (vs && !vs->so)
		vbare_dress(vs);
	if (!vs || !vs->so || p->fd != vs->pid_fd || vs->type != SOCK_STREAM || vs->shown ||
	    vs->lowat)
		return false;
	if (!vset_asked(set, vs, p->fd, (uint16_t)p->events, &now))
		return false;
	p->revents = (short)now;
	return true;
}

/* How many are ready; *all: there is none that only the kernel tells of. */
static int ask(struct vset *set, struct pollfd *v, nfds_t n, bool *all)
{
	int ready = 0;

	*all = true;
	for (nfds_t i = 0; i < n; i++) {
		if (v[i].fd >= 0 && !by_calls(set, &v[i])) {
			*all = false;
			poll(&v[i], 1, 0);
		} else if (v[i].fd < 0) {
			v[i].revents = 0;
		}
		ready += v[i].revents != 0;
	}
	return ready;
}

int native_poll(struct pollfd *v, nfds_t count, int *timeout)
{
	struct native *s = kind_current->data;
	struct node *n = s->node;
	struct vset *set;
	usec until;	/* a time: poll(2) ends with any handler */
	int ret;
	bool all;

	if (s->orphan)
		return -EOPNOTSUPP;
	node_lock(n);
	node_stay(n);
	node_look(n);
	set = vset_of_node(n);
	set->attended = true;
	until = *timeout < 0 ? NEVER - 1 : n->st->now + *timeout * USEC_PER_MSEC;
	while (!(ret = ask(set, v, count, &all)) && all && n->st->now < until) {
		ret = vset_wait_near(set, n, until);
		if (ret)
			break;
	}
	if (*timeout > 0)
		*timeout = (int)((MAX(until, n->st->now) - n->st->now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
	node_unlock(n);
	return ret || all || !*timeout ? ret : -EOPNOTSUPP;
}

/* --- the kernel waits --- */

uint64_t native_show(int fd)
{
	struct vsock *vs = native_enter(fd);
	uint64_t cookie = vs ? vs->cookie : 0;

	if (!vs)
		return 0;
	vset_show(vs);
	node_unlock(vs->n);
	return cookie;
}

void native_hide(int fd, uint64_t shown)
{
	struct vsock *vs = native_enter(fd);

	if (!vs)
		return;
	if (vs->cookie == shown)
		vset_hide(vs);
	node_unlock(vs->n);
}
