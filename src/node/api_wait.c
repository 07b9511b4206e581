/* api_wait.c - ioth.h: waiting for descriptors of stacks and others together
 *
 *   ioth_poll, ioth_ppoll, ioth_select -> by_calls: native_poll.c, the stack's own word
 *                                      -> shown: the kernel waits
 *
 * A descriptor of a stack is a real one and its readiness is the socket's, so the kernel
 * can do the waiting. If the sockets are of one native stack, that is asked first, and if there
 * is nothing else to wait for it needs no kernel. What is told of by calls alone (vset.h) is
 * shown to the kernel for as long as it waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/kind.h"
#include "node/native.h"

static struct ioth *native_of(int fd)
{
	struct ioth *s = fds_stack(fds_at(fd));

	return s && s->kind == &kind_native ? s : NULL;
}

static bool begin(int fd, struct api_call *c)
{
	struct ioth *s = native_of(fd);

	if (!s)
		return false;
	*c = api_begin(fd);
	if (c->s == s)
		return true;
	if (c->s)
		api_end(c, 0);
	return false;
}

/* Some are of a native stack, which is entered, and none of another one. */
static bool enter(const struct pollfd *v, nfds_t n, struct api_call *c)
{
	struct ioth *s = NULL;
	int fd = -1;

	for (nfds_t i = 0; i < n; i++) {
		struct ioth *of = native_of(v[i].fd);

		if (of && s && of != s)
			return false;
		if (of && !s)
			fd = v[i].fd;
		s = of ? of : s;
	}
	return begin(fd, c);
}

static int by_calls(struct pollfd *v, nfds_t n, usec *left, bool masked)
{
	struct api_call c;
	int ret;

	if (!enter(v, n, &c))
		return -EOPNOTSUPP;
	ret = native_poll(v, n, left, masked);
	api_end(&c, 0);
	return ret;
}

/* --- the kernel waits --- */

#define FEW	64

/* From the first, which is of a native stack, to the first one of another. */
static nfds_t of_one(const struct pollfd *v, nfds_t n)
{
	const struct ioth *s = native_of(v->fd);
	nfds_t k = 1;

	while (k < n && (!native_of(v[k].fd) || native_of(v[k].fd) == s))
		k++;
	return k;
}

static int in_stacks(const struct shown *sh, int (*fn)(const struct shown *))
{
	struct api_call c;
	int ret = 0;
	nfds_t k;

	for (nfds_t i = 0; i < sh->n && ret == 0; i += k) {
		struct shown of = { .v = sh->v + i, .cookies = sh->cookies + i, .since = sh->since };

		k = 1;
		if (!begin(sh->v[i].fd, &c))
			continue;
		k = of.n = of_one(of.v, sh->n - i);
		ret = fn(&of);
		api_end(&c, 0);
	}
	return ret;
}

/* few: room for so many. 0 or -errno; to be hidden in both cases. */
static int show(struct shown *sh, const struct pollfd *v, nfds_t n, uint64_t *few)
{
	*sh = (struct shown){ .v = v, .n = n, .cookies = few, .since = now_mono() };
	if (n > FEW)
		sh->cookies = xmalloc(n * sizeof(*few));
	memset(sh->cookies, 0, n * sizeof(*few));
	return in_stacks(sh, native_show);
}

static void hide(const struct shown *sh)
{
	int error = errno;

	in_stacks(sh, native_hide);
	if (sh->n > FEW)
		free(sh->cookies);
	errno = error;
}

/* --- poll --- */

static int wait_for(struct pollfd *v, nfds_t n, usec left, const sigset_t *mask)
{
	int ret = by_calls(v, n, &left, mask != NULL);
	struct timespec ts = { left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
	uint64_t few[FEW];
	struct shown sh;

	if (ret != -EOPNOTSUPP)
		return (int)libc_result(ret);
	ret = (int)libc_result(show(&sh, v, n, few));
	if (ret == 0)
		ret = ppoll(v, n, left == NEVER ? NULL : &ts, mask);
	hide(&sh);
	return ret;
}

int ioth_poll(struct pollfd *v, nfds_t n, int timeout)
{
	if (!v || n > FDS_MOST)
		return poll(v, n, timeout);
	return wait_for(v, n, timeout < 0 ? NEVER : timeout * USEC_PER_MSEC, NULL);
}

/* sub is of so many to a second, and rounded up. NEVER - 1: it is too long. */
static usec usec_of(time_t sec, long sub, long to_second)
{
	long of_usec = to_second / USEC_PER_SEC;

	if (sec >= NEVER / USEC_PER_SEC - sub / to_second - 1)
		return NEVER - 1;
	return sec * USEC_PER_SEC + (sub + of_usec - 1) / of_usec;
}

int ioth_ppoll(struct pollfd *v, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	const long second = 1000000000;
	usec left = NEVER;

	if (!v || n > FDS_MOST || (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
					       timeout->tv_nsec >= second)))
		return ppoll(v, n, timeout, mask);
	if (timeout)
		left = usec_of(timeout->tv_sec, timeout->tv_nsec, second);
	return wait_for(v, n, left, mask);
}

/* --- select --- */

#define SETS	3

/* What each of the three is for: Linux's fs/select.c. */
static const short means[SETS] = {
	POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR | POLLNVAL,
	POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR | POLLNVAL,
	POLLPRI | POLLNVAL,
};

/* Also beyond FD_SETSIZE, as the kernel. */
static bool has(const fd_set *set, int fd)
{
	const unsigned bits = 8 * sizeof(unsigned long);
	const unsigned long *words = (const unsigned long *)set;

	return words && words[(unsigned)fd / bits] >> (unsigned)fd % bits & 1;
}

/* Those in the sets. The kernel reads no bits of numbers beyond its table, which programs rely on
 * that give it getdtablesize(); where a chunk of ours is, there is the table. */
static nfds_t list(struct pollfd *v, int n, fd_set *const set[])
{
	nfds_t count = 0;

	for (int fd = 0; fd < n; fd++) {
		int events = 0;

		if (fd >= FD_SETSIZE && !fds_at(fd)) {
			fd |= FDS_CHUNK - 1;
			continue;
		}
		for (int k = 0; k < SETS; k++)
			events |= has(set[k], fd) ? means[k] : 0;
		if (events)
			v[count++] = (struct pollfd){ .fd = fd, .events = (short)events };
	}
	return count;
}

/* How many bits there are of what poll found. */
static int bits_of(const struct pollfd *v, nfds_t n, fd_set *const set[])
{
	int bits = 0;

	for (nfds_t i = 0; i < n; i++) {
		if (v[i].revents & POLLNVAL)
			return -EBADF;
		for (int k = 0; k < SETS; k++)
			bits += has(set[k], v[i].fd) && v[i].revents & means[k];
	}
	return bits;
}

static void leave_bits(const struct pollfd *v, nfds_t n, fd_set *set[])
{
	for (nfds_t i = 0; i < n; i++) {
		for (int k = 0; k < SETS; k++) {
			if (set[k] && !(v[i].revents & means[k]))
				FD_CLR(v[i].fd, set[k]);
		}
	}
}

/* A hang-up poll tells of unasked: with no bit for what it found, the kernel waits on. */
static int select_by_calls(struct pollfd *v, nfds_t n, fd_set *set[], usec *left)
{
	int ret = by_calls(v, n, left, false), bits;

	if (ret < 0)
		return ret;
	bits = bits_of(v, n, set);
	if (ret && !bits)
		return -EOPNOTSUPP;
	if (bits >= 0)
		leave_bits(v, n, set);
	return bits;
}

static bool is_bad(const struct timeval *tv)
{
	return tv && (tv->tv_sec < 0 || tv->tv_usec < 0);
}

int ioth_select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	bool large = n > FD_SETSIZE;
	fd_set *set[SETS] = { in, out, except };
	struct pollfd few[FD_SETSIZE];
	struct pollfd *v = large ? xmalloc((size_t)n * sizeof(*v)) : few;
	usec left = NEVER;
	nfds_t count = list(v, n, set);
	int ret = -EOPNOTSUPP;
	uint64_t shown[FEW];
	struct shown sh;

	if (timeout && !is_bad(timeout))
		left = usec_of(timeout->tv_sec, timeout->tv_usec, USEC_PER_SEC);
	if (!large && !is_bad(timeout))
		ret = select_by_calls(v, count, set, &left);
	if (timeout && left != NEVER)
		*timeout = (struct timeval){ left / USEC_PER_SEC, left % USEC_PER_SEC };
	if (ret == -EOPNOTSUPP) {
		ret = (int)libc_result(show(&sh, v, count, shown));
		if (ret == 0)
			ret = select(n, in, out, except, timeout);
		hide(&sh);
	} else {
		ret = (int)libc_result(ret);
	}
	if (large)
		free(v);
	return ret;
}
