/* api_wait.c - ioth.h: waiting for descriptors of stacks and others together
 *
 * A descriptor of a stack is a real one and its readiness is the socket's, so the
 * kernel does the waiting. What an epoll set tells of alone (vset.h) is shown first, and
 * from then on.
 */
#include "node/kind.h"
#include "node/native.h"
#include "node/vset.h"

static void show(int fd)
{
	struct ioth *s = fds_stack(fds_at(fd));
	struct api_call c;
	struct vsock *vs;

	if (!s || s->kind != &kind_native || !vset_any())
		return;
	c = api_begin(fd);
	if (c.s && c.s->kind == &kind_native) {
		vs = native_enter(fd);
		if (vs)
			vset_no_more(vs);
		if (vs)
			node_unlock(vs->n);
	}
	if (c.s)
		api_end(&c, 0);
}

static void show_all(const struct pollfd *v, nfds_t n)
{
	for (nfds_t i = 0; v && i < n && vset_any(); i++)
		show(v[i].fd);
}

static void show_set(int n, const fd_set *set)
{
	for (int fd = 0; set && fd < n && vset_any(); fd++) {
		if (FD_ISSET(fd, set))
			show(fd);
	}
}

int ioth_poll(struct pollfd *v, nfds_t n, int timeout)
{
	show_all(v, n);
	return poll(v, n, timeout);
}

int ioth_ppoll(struct pollfd *v, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	show_all(v, n);
	return ppoll(v, n, timeout, mask);
}

int ioth_select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	show_set(n, in);
	show_set(n, out);
	show_set(n, except);
	return select(n, in, out, except, timeout);
}
