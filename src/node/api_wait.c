/* api_wait.c - ioth.h: waiting for descriptors of stacks and others together
 *
 * A descriptor of a stack is a real one and its readiness is the socket's, so the
 * kernel does the waiting.
 */
#include "ioth.h"

int ioth_poll(struct pollfd *v, nfds_t n, int timeout)
{
	return poll(v, n, timeout);
}

int ioth_ppoll(struct pollfd *v, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	return ppoll(v, n, timeout, mask);
}

int ioth_select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	return select(n, in, out, except, timeout);
}

int ioth_epoll_create1(int flags)
{
	return epoll_create1(flags);
}

int ioth_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return epoll_ctl(epfd, op, fd, event);
}

int ioth_epoll_wait(int epfd, struct epoll_event *v, int n, int timeout)
{
	return epoll_wait(epfd, v, n, timeout);
}
