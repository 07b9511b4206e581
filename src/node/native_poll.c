/* native_poll.c - ioth_poll, ioth_ppoll and ioth_select of sockets of one native stack
 *
 * Whom the stack's word is enough for (vset.h: near) costs no system call, and who waits for
 * such sockets alone drives their node, as in any call that waits. The others are asked for by
 * the kernel's poll, all at once; if there is to be a wait with them, or with another signal mask,
 * it is for near ones alone for a moment, and then the kernel has to do it, for all.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/native.h"
#include "node/vset.h"

#define FEW	64
#define FAR	(-1)		/* revents, which poll never gives: the kernel is to be asked */

static struct vsock *find(struct node *n, int fd)
{
	return fds_stack(fds_at(fd)) == kind_current ? native_find(n, fd) : NULL;
}

/* What was closed plainly is the kernel's to tell, too. */
static int to_kernel(struct pollfd *p, struct vsock *vs)
{
	int ret = vbare_dress(vs);

	p->revents = FAR;
	return ret == -EBADF ? 0 : ret;
}

/* 0: revents says what there is, or FAR; -errno: there is no pair for the kernel to tell by. */
static int by_calls(struct vset *set, struct pollfd *p)
{
	struct vsock *vs = find(((struct native *)kind_current->data)->node, p->fd);
	uint32_t now;

	p->revents = FAR;
	if (!vs)
		return 0;
	if (p->fd != vs->pid_fd)
		vset_no_more(vs);	/* a copy, of which the kernel tells */
	if (!vs->so || vs->type != SOCK_STREAM || vs->shown || vs->lowat ||
	    !vset_asked(set, vs, p->fd, (uint16_t)p->events, &now))
		return to_kernel(p, vs);
	p->revents = (short)now;
	return 0;
}

/* How many are ready, or -errno. */
static int ask_kernel(struct pollfd *v, nfds_t n, struct pollfd *far)
{
	nfds_t count = 0;
	int ready;

	for (nfds_t i = 0; i < n; i++) {
		if (v[i].revents == FAR)
			far[count++] = (struct pollfd){ .fd = v[i].fd, .events = v[i].events };
	}
	ready = poll(far, count, 0);
	for (nfds_t i = 0; i < n; i++) {
		if (v[i].revents == FAR)
			v[i].revents = far++->revents;
	}
	return ready < 0 ? -errno : ready;
}

/* The same; *all: there is none that only the kernel tells of. */
static int ask(struct vset *set, struct pollfd *v, nfds_t n, struct pollfd *far, bool *all)
{
	int ready = 0, more;

	*all = true;
	for (nfds_t i = 0; i < n; i++) {
		v[i].revents = 0;
		more = v[i].fd < 0 ? 0 : by_calls(set, &v[i]);
		if (more < 0)
			return more;
		if (v[i].revents == FAR)
			*all = false;
		else
			ready += v[i].revents != 0;
	}
	more = *all ? 0 : ask_kernel(v, n, far);
	return more < 0 && !ready ? more : ready + MAX(more, 0);
}

/* 0: nothing yet; *kernel: it has to wait. */
static int wait_for(struct node *n, struct pollfd *v, nfds_t count, struct pollfd *far, usec until,
		    bool *kernel)
{
	struct vset *set = vset_of_node(n);
	bool all, masked = *kernel, looked = false;
	int ret;

	set->attended = true;
	while (!(ret = ask(set, v, count, far, &all)) && n->st->now < until) {
		usec most = until;

		*kernel = masked || !all;
		if (*kernel)
			most = looked ? 0 : vset_look_until(n, until);
		if (!most)
			break;
		ret = vset_wait_near(set, n, most);
		if (ret)
			break;
		looked = true;
	}
	return ret;
}

int native_poll(struct pollfd *v, nfds_t count, usec *left, bool masked)
{
	struct native *s = kind_current->data;
	struct pollfd few[FEW], *far = few;
	struct node *n = s->node;
	bool kernel = masked;
	usec end;	/* a time: poll(2) ends with any handler */
	int ret;

	if (s->orphan)
		return -EOPNOTSUPP;
	if (count > FEW)
		far = xmalloc(count * sizeof(*far));
	node_lock(n);
	node_stay(n);
	node_look(n);
	end = MIN(usec_add(n->st->now, *left), NEVER - 2);
	ret = wait_for(n, v, count, far, end + (*left > 0), &kernel);	/* now is rounded down */
	if (*left != NEVER)
		*left = CLAMP(end - n->st->now, 0, *left);
	node_unlock(n);
	if (far != few)
		free(far);
	return ret || !kernel || (!masked && !*left) ? ret : -EOPNOTSUPP;
}

/* --- the kernel waits --- */

int native_show(const struct shown *sh)
{
	struct native *s = kind_current->data;
	int ret = 0;

	if (s->orphan)
		return 0;
	node_lock(s->node);
	node_calm(s->node);
	for (nfds_t i = 0; i < sh->n && ret == 0; i++) {
		struct vsock *vs = find(s->node, sh->v[i].fd);

		ret = vs ? vset_show(vs) : 0;	/* may give it a pair, so another cookie */
		if (vs && ret == 0)
			sh->cookies[i] = vs->cookie;
		if (ret == -EBADF)
			ret = 0;
	}
	node_unlock(s->node);
	return ret;
}

int native_hide(const struct shown *sh)
{
	struct native *s = kind_current->data;
	struct node *n = s->node;

	if (s->orphan)
		return 0;
	node_lock(n);
	spin_ended(&n->spin, n->st->now - sh->since);
	for (nfds_t i = 0; i < sh->n; i++) {
		struct vsock *vs = sh->cookies[i] ? find(n, sh->v[i].fd) : NULL;

		if (vs && vs->cookie == sh->cookies[i])
			vset_hide(vs);
	}
	node_unlock(n);
	return 0;
}
