/* api_epoll.c - ioth.h: epoll sets, of which a stack's own sockets need no system call
 *
 * Descriptor -> set is the table of fds.c. A set is counted while a call is in it, and so
 * is the stack whose sockets are its members, which therefore stays. Sets that are none of
 * ours, and what there is in a child of fork, are the kernel's alone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/native.h"
#include "node/vset.h"

/* Of the table, and of what sets count. Under it nothing else is locked. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void vset_lock(void)
{
	pthread_mutex_lock(&lock);
}

void vset_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

bool vset_claim(struct vset *set, struct ioth *s)
{
	bool fits;

	pthread_mutex_lock(&lock);
	fits = !s || !set->stack || set->stack == s;
	if (fits)
		set->stack = s;
	pthread_mutex_unlock(&lock);
	return fits;
}

static void put(struct vset *set)
{
	bool last;

	pthread_mutex_lock(&lock);
	last = !--set->refs;
	pthread_mutex_unlock(&lock);
	if (!last)
		return;
	if (set->bell >= 0)
		close(set->bell);
	free(set);
}

/* The set of epfd, and its stack, counted; NULL: the kernel's. */
static struct vset *get(int epfd, struct api_call *c)
{
	const struct fd_entry *e = fds_at(epfd);
	struct vset *set;

	*c = (struct api_call){ NULL, NULL };
	if (!e || !__atomic_load_n(&e->set, __ATOMIC_RELAXED) || fds_stack(e))
		return NULL;
	pthread_mutex_lock(&lock);
	set = e->set;
	if (set)
		set->refs++;
	if (set && set->stack)
		*c = api_begin_at(set->stack);
	pthread_mutex_unlock(&lock);
	return set;
}

static bool is_orphan(const struct ioth *s)
{
	return ((const struct native *)s->data)->orphan;
}

/* What was made by that number before; the table has it no more. */
static void end(struct vset *set, struct api_call *c)
{
	struct node *n;

	set->epfd = -1;		/* the number may be another's */
	if (c->s && !is_orphan(c->s)) {
		n = ((struct native *)c->s->data)->node;
		node_lock(n);
		vset_end(set);
		node_unlock(n);
	}
	put(set);
}

static void replace(int epfd, struct vset *set)
{
	struct api_call c;
	struct vset *old = get(epfd, &c);
	struct fd_entry *e = fds_make(epfd);

	pthread_mutex_lock(&lock);
	e->set = set;
	pthread_mutex_unlock(&lock);
	if (old)
		end(old, &c);
	if (c.s)
		api_end(&c, 0);
	if (old)
		put(old);
}

int ioth_epoll_create1(int flags)
{
	int fd = epoll_create1(flags);
	struct vset *set;

	if (fd < 0 || fd >= FDS_MOST)
		return fd;
	set = xzalloc(sizeof(*set));
	*set = (struct vset){ .epfd = fd, .bell = -1, .refs = 1 };
	list_init(&set->watches);
	list_init(&set->ready);
	list_init(&set->callers);
	replace(fd, set);
	return fd;
}

bool epoll_forget(int epfd)
{
	const struct fd_entry *e = fds_at(epfd);

	if (!e || !__atomic_load_n(&e->set, __ATOMIC_RELAXED) || fds_stack(e))
		return false;
	replace(epfd, NULL);
	return true;
}

/* fd is a native socket's. */
static int ctl_of(struct vset *set, int op, int fd, struct epoll_event *ev)
{
	struct vsock *vs = native_enter(fd);
	int ret;

	if (!vs)
		return vset_ctl(set, NULL, op, fd, ev);
	ret = vset_ctl(set, vs->type == SOCK_STREAM ? vs : NULL, op, fd, ev);
	node_unlock(vs->n);
	return ret;
}

/* Others may wait in it for what was there before. */
static void tell(struct vset *set, struct ioth *s)
{
	struct node *n = s && !is_orphan(s) ? ((struct native *)s->data)->node : NULL;

	if (!n)
		return;
	node_lock(n);
	if (set->node == n)
		vset_more(set);
	node_unlock(n);
}

int ioth_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	struct api_call of, c;
	struct vset *set = get(epfd, &of);
	int ret;

	if (!set)
		return epoll_ctl(epfd, op, fd, ev);
	c = api_begin(fd);
	if (c.s && c.s->kind == &kind_native && !is_orphan(c.s))
		ret = ctl_of(set, op, fd, ev);
	else
		ret = vset_ctl(set, NULL, op, fd, ev);
	if (c.s)
		api_end(&c, 0);
	if (ret == 0 && op == EPOLL_CTL_ADD)
		tell(set, of.s);
	if (of.s)
		api_end(&of, 0);
	put(set);
	return libc_result(ret);
}

/* With its stack's, or without any: somebody may put some into it meanwhile. */
static int wait_once(int epfd, struct epoll_event *v, int n, int timeout)
{
	struct api_call c;
	struct vset *set = get(epfd, &c);
	int ret;

	if (!set)
		return epoll_wait(epfd, v, n, timeout);
	if (c.s && !is_orphan(c.s))
		ret = vset_wait(set, ((struct native *)c.s->data)->node, v, n, timeout);
	else
		ret = vset_kernel(set, v, n, timeout);
	if (c.s)
		api_end(&c, 0);
	put(set);
	return libc_result(ret);
}

int ioth_epoll_wait(int epfd, struct epoll_event *v, int n, int timeout)
{
	const struct fd_entry *e = fds_at(epfd);
	usec until, now;
	int ret;

	if (n <= 0 || !e || !__atomic_load_n(&e->set, __ATOMIC_RELAXED))
		return epoll_wait(epfd, v, n, timeout);
	if (timeout <= 0) {
		while (!(ret = wait_once(epfd, v, n, timeout)) && timeout)
			;
		return ret;
	}
	until = now_mono() + timeout * USEC_PER_MSEC;
	while (!(ret = wait_once(epfd, v, n, timeout)) && (now = now_mono()) < until)
		timeout = (int)((until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
	return ret;
}
