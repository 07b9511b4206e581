/* api_wait.c - ioth.h: waiting for descriptors of stacks and others together
 *
 * A descriptor of a stack is a real one and its readiness is the socket's, so the kernel
 * can do the waiting. For sockets of one native stack it need not (native_poll.c). What is
 * told of by calls alone (vset.h) is shown to the kernel first, for as long as it waits; in
 * select(), or for many, from then on.
 */
#include <errno.h>

#include "node/kind.h"
#include "node/native.h"
#include "node/vset.h"

#define MOST	64		/* descriptors that are looked after one by one */

/* They are all of one native stack, which is entered. */
static bool enter(const struct pollfd *v, nfds_t n, struct api_call *c)
{
	struct ioth *s = NULL;

	for (nfds_t i = 0; i < n; i++) {
		struct ioth *of = v[i].fd >= 0 ? fds_stack(fds_at(v[i].fd)) : s;

		if ((s && of != s) || (of && of->kind != &kind_native) || (!of && v[i].fd >= 0))
			return false;
		s = of;
	}
	if (!s)
		return false;
	for (nfds_t i = 0; v[i].fd < 0; i++)
		v++;
	*c = api_begin(v->fd);
	if (c->s == s)
		return true;
	if (c->s)
		api_end(c, 0);
	return false;
}

static int by_calls(struct pollfd *v, nfds_t n, int *timeout)
{
	struct api_call c;
	int ret;

	if (!enter(v, n, &c))
		return -EOPNOTSUPP;
	ret = native_poll(v, n, timeout);
	api_end(&c, 0);
	return ret;
}

static bool begin(int fd, struct api_call *c)
{
	struct ioth *s = fds_stack(fds_at(fd));

	if (!s || s->kind != &kind_native)
		return false;
	*c = api_begin(fd);
	if (c->s && c->s->kind == &kind_native)
		return true;
	if (c->s)
		api_end(c, 0);
	return false;
}

static int by_kernel(struct pollfd *v, nfds_t n, int timeout)
{
	uint64_t shown[MOST] = { 0 };
	struct api_call c;
	int ret, error;

	for (nfds_t i = 0; i < n; i++) {
		if (begin(v[i].fd, &c)) {
			shown[i] = native_show(v[i].fd);
			api_end(&c, 0);
		}
	}
	ret = poll(v, n, timeout);
	error = errno;
	for (nfds_t i = 0; i < n; i++) {
		if (shown[i] && begin(v[i].fd, &c)) {
			native_hide(v[i].fd, shown[i]);
			api_end(&c, 0);
		}
	}
	errno = error;
	return ret;
}

static void show(int fd)
{
	struct api_call c;
	struct vsock *vs;

	if (!vset_any() || !begin(fd, &c))
		return;
	vs = native_enter(fd);
	if (vs)
		vset_no_more(vs);
	if (vs)
		node_unlock(vs->n);
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
	int ret;

	if (!v || n > MOST) {
		show_all(v, n);
		return poll(v, n, timeout);
	}
	ret = by_calls(v, n, &timeout);
	return ret != -EOPNOTSUPP ? (int)libc_result(ret) : by_kernel(v, n, timeout);
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
