/* api.c - ioth.h: which stack does what is asked
 *
 * A call finds the stack of its descriptor in the table of fds.c, without a
 * lock, and goes to the function of the stack's kind. While it is there it is
 * counted, so that ioth_delstack does not take the stack away under it; the
 * memory of a struct ioth is used again but never given back, so to count
 * first and look again afterwards is safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/config_stack.h"
#include "node/derive.h"
#include "node/loan.h"

#define LOCATORS	16
#define LAST_CALLS	100		/* ms that delstack waits for those under way */

_Thread_local struct ioth *kind_current;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t call_ended = PTHREAD_COND_INITIALIZER;
static struct ioth *unused;

/* The stack that is always there. */
static struct ioth host = { .kind = &kind_host, .f = &kind_host.f, .more = &kind_host.more };
static struct ioth *defstack = &host;

static int result(int ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* --- fork: no lock is left locked in the child --- */

static void fork_before(void)
{
	stack_config_fork(FORK_BEFORE);
	native_fork(FORK_BEFORE);
	pthread_mutex_lock(&lock);
	fds_lock();
}

static void fork_over(enum fork_when when)
{
	fds_unlock();
	pthread_mutex_unlock(&lock);
	native_fork(when);
	stack_config_fork(when);
}

static void fork_parent(void)
{
	fork_over(FORK_PARENT);
}

static void fork_child(void)
{
	fork_over(FORK_CHILD);
}

static void begin_once(void)
{
	pthread_atfork(fork_before, fork_parent, fork_child);
}

void ioth_set_log(void (*fn)(void *arg, const char *line), void *arg)
{
	log_to(fn, arg);
}

/* --- stacks --- */

static struct ioth *stack_alloc(void)
{
	struct ioth *s;

	pthread_mutex_lock(&lock);
	s = unused;
	if (s)
		unused = s->next;
	pthread_mutex_unlock(&lock);
	return s ? s : xzalloc(sizeof(*s));
}

/* A late reader of the table may still count and uncount itself: calls stays. */
static void stack_free(struct ioth *s)
{
	fds_drop(s);
	pthread_mutex_lock(&lock);
	if (defstack == s)
		__atomic_store_n(&defstack, &host, __ATOMIC_RELEASE);
	s->kind = NULL;
	s->data = NULL;
	s->ending = false;
	s->next = unused;
	unused = s;
	pthread_mutex_unlock(&lock);
}

/* "kind,options": the kind's name to s, and the options, or NULL. */
static int take_name(struct ioth *s, const char *name, const char **options)
{
	const char *comma;
	size_t len;

	name = name && *name ? name : "host";
	comma = strchrnul(name, ',');
	len = (size_t)(comma - name);
	if (len >= sizeof(s->name))
		return -ENOTSUP;
	memcpy(s->name, name, len);
	s->name[len] = 0;
	*options = *comma ? comma + 1 : NULL;
	return 0;
}

static int stack_open(struct ioth *s, const char *name, const char *locators[])
{
	const char *options;
	int ret = take_name(s, name, &options);

	if (ret < 0)
		return ret;
	s->kind = kind_find(s->name);
	if (!s->kind)
		return -ENOTSUP;
	s->f = &s->kind->f;
	s->more = &s->kind->more;
	return s->kind->open(s, locators, options);
}

struct ioth *ioth_newstackv(const char *name, const char *locators[])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ioth *s = stack_alloc();
	int ret;

	pthread_once(&once, begin_once);
	ret = stack_open(s, name, locators);
	if (ret == 0)
		return s;
	stack_free(s);
	errno = -ret;
	return NULL;
}

struct ioth *ioth_newstack(const char *name, const char *locator)
{
	return ioth_newstackv(name, (const char *[]){ locator, NULL });
}

struct ioth *ioth_newstackl(const char *name, const char *locator, ...)
{
	const char *v[LOCATORS + 1] = { locator };
	int n = locator ? 1 : 0;
	va_list ap;

	va_start(ap, locator);
	while (n && (v[n] = va_arg(ap, const char *)) && ++n <= LOCATORS)
		;
	va_end(ap);
	if (n <= LOCATORS)
		return ioth_newstackv(name, v);
	errno = EINVAL;
	return NULL;
}

/* Those who wait at a descriptor that was closed are on their way out. */
static bool calls_end(struct ioth *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LAST_CALLS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	__atomic_store_n(&s->ending, true, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&s->calls, __ATOMIC_SEQ_CST) &&
	       pthread_cond_timedwait(&call_ended, &lock, &until) == 0)
		;
	pthread_mutex_unlock(&lock);
	return !__atomic_load_n(&s->calls, __ATOMIC_SEQ_CST);
}

int ioth_delstack(struct ioth *s)
{
	int ret;

	if (!s || s == &host)
		return result(-EINVAL);
	ret = stack_config_end(s);
	if (ret < 0)
		return result(ret);
	ret = calls_end(s) ? s->kind->close(s) : -EBUSY;
	if (ret == 0)
		stack_free(s);
	else
		s->ending = false;
	return result(ret);
}

void ioth_set_defstack(struct ioth *s)
{
	msocket_forget();
	__atomic_store_n(&defstack, s ? s : &host, __ATOMIC_RELEASE);
}

/* NULL with errno: it is one that cannot be reached. */
static struct ioth *default_of(int domain)
{
	struct ioth *s;

	if (msocket_default(domain, &s))
		return s;
	return __atomic_load_n(&defstack, __ATOMIC_ACQUIRE);
}

struct ioth *ioth_get_defstack(void)
{
	struct ioth *s = default_of(AF_UNSPEC);

	return s ? s : &host;
}

/* --- a call --- */

void api_end(struct api_call *c, ssize_t ret)
{
	if (ret < 0 && c->s->errno_at)
		errno = *c->s->errno_at();
	kind_current = c->outer;
	if (__atomic_sub_fetch(&c->s->calls, 1, __ATOMIC_SEQ_CST) ||
	    !__atomic_load_n(&c->s->ending, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&lock);
	pthread_cond_broadcast(&call_ended);
	pthread_mutex_unlock(&lock);
}

struct api_call api_begin_at(struct ioth *s)
{
	struct api_call c = { s, kind_current };

	__atomic_add_fetch(&s->calls, 1, __ATOMIC_SEQ_CST);
	kind_current = s;
	return c;
}

struct api_call api_begin(int fd)
{
	struct fd_entry *e = fds_at(fd);
	struct api_call c = { NULL, kind_current };

	while (e && (c.s = __atomic_load_n(&e->stack, __ATOMIC_ACQUIRE))) {
		c = api_begin_at(c.s);
		if (__atomic_load_n(&e->stack, __ATOMIC_SEQ_CST) == c.s)
			return c;
		api_end(&c, 0);
	}
	c.s = native_of_dup(fd);
	if (!c.s)
		c.s = served_of_dup(fd);
	if (c.s)
		kind_current = c.s;
	else
		errno = EBADF;
	return c;
}

/* As if a function of the stack had. */
static int fail(const struct ioth *s, int error)
{
	*(s->errno_at ? s->errno_at() : &errno) = error;
	return -1;
}

/* The stack of fd does it, if it can. */
#define CALL(fn, fd, ...) ({						\
	struct api_call call_ = api_begin(fd);					\
	ssize_t ret_ = -1;						\
									\
	if (call_.s) {							\
		if (call_.s->f->fn)					\
			ret_ = call_.s->f->fn(fd, ##__VA_ARGS__);	\
		else							\
			fail(call_.s, ENOSYS);					\
		api_end(&call_, ret_);					\
	}								\
	ret_; })

/* The same, of what libioth had not got. */
#define CALL_MORE(fn, of, ...) ({					\
	struct api_call call_ = api_begin(of);					\
	ssize_t ret_ = -1;						\
									\
	if (call_.s) {							\
		ret_ = (call_.s->more->fn ? call_.s->more->fn :		\
					    derive_##fn)(__VA_ARGS__);	\
		api_end(&call_, ret_);					\
	}								\
	ret_; })

/* A descriptor that s made. */
static int adopt(struct ioth *s, int fd)
{
	int ret = fd < 0 ? fd : fds_set(fd, s);

	if (ret == 0 || fd < 0)
		return fd;
	if (s->f->close)
		s->f->close(fd);
	return fail(s, -ret);
}

int ioth_msocket(struct ioth *s, int domain, int type, int protocol)
{
	struct api_call c;
	int fd;

	if (!s)
		s = default_of(domain);
	if (!s)
		return -1;
	c = api_begin_at(s);
	fd = s->f->socket ? adopt(s, s->f->socket(domain, type, protocol)) : fail(s, ENOSYS);
	api_end(&c, fd);
	return fd;
}

int ioth_socket(int domain, int type, int protocol)
{
	return ioth_msocket(NULL, domain, type, protocol);
}

int ioth_close(int fd)
{
	struct api_call c;
	int ret;

	if (epoll_forget(fd))
		return close(fd);
	c = api_begin(fd);
	if (!c.s)
		return -1;
	fds_clear(fd, c.s, 0);
	ret = c.s->f->close ? c.s->f->close(fd) : close(fd);
	api_end(&c, ret);
	return ret;
}

int ioth_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(bind, fd, addr, len);
}

int ioth_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)CALL(connect, fd, addr, len);
}

int ioth_listen(int fd, int backlog)
{
	return (int)CALL(listen, fd, backlog);
}

int ioth_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct api_call c = api_begin(fd);
	int new;

	if (!c.s)
		return -1;
	new = c.s->f->accept ? adopt(c.s, c.s->f->accept(fd, addr, len)) : fail(c.s, ENOSYS);
	api_end(&c, new);
	return new;
}

int ioth_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getsockname, fd, addr, len);
}

int ioth_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)CALL(getpeername, fd, addr, len);
}

int ioth_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)CALL(setsockopt, fd, level, name, value, len);
}

int ioth_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)CALL(getsockopt, fd, level, name, value, len);
}

int ioth_shutdown(int fd, int how)
{
	return (int)CALL(shutdown, fd, how);
}

int ioth_ioctl(int fd, unsigned long cmd, void *arg)
{
	return (int)CALL(ioctl, fd, cmd, arg);
}

int ioth_fcntl(int fd, int cmd, long arg)
{
	struct api_call c = api_begin(fd);
	int ret;

	if (!c.s)
		return -1;
	ret = c.s->f->fcntl ? c.s->f->fcntl(fd, cmd, arg) : fail(c.s, ENOSYS);
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		ret = adopt(c.s, ret);
	api_end(&c, ret);
	return ret;
}

/* --- bytes and messages --- */

ssize_t ioth_read(int fd, void *buf, size_t len)
{
	return CALL(read, fd, buf, len);
}

ssize_t ioth_readv(int fd, const struct iovec *iov, int n)
{
	return CALL(readv, fd, iov, n);
}

ssize_t ioth_recv(int fd, void *buf, size_t len, int flags)
{
	return CALL(recv, fd, buf, len, flags);
}

ssize_t ioth_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
		      socklen_t *addrlen)
{
	return CALL(recvfrom, fd, buf, len, flags, addr, addrlen);
}

ssize_t ioth_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return CALL(recvmsg, fd, msg, flags);
}

ssize_t ioth_write(int fd, const void *buf, size_t len)
{
	return CALL(write, fd, buf, len);
}

ssize_t ioth_writev(int fd, const struct iovec *iov, int n)
{
	return CALL(writev, fd, iov, n);
}

ssize_t ioth_send(int fd, const void *buf, size_t len, int flags)
{
	return CALL(send, fd, buf, len, flags);
}

ssize_t ioth_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
		    socklen_t addrlen)
{
	return CALL(sendto, fd, buf, len, flags, addr, addrlen);
}

ssize_t ioth_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return CALL(sendmsg, fd, msg, flags);
}

/* --- what libioth had not got --- */

int ioth_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct api_call c = api_begin(fd);
	int new;

	if (!c.s)
		return -1;
	new = adopt(c.s, c.s->more->accept4 ? c.s->more->accept4(fd, addr, len, flags) :
					     derive_accept4(fd, addr, len, flags));
	api_end(&c, new);
	return new;
}

int ioth_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	return (int)CALL_MORE(recvmmsg, fd, fd, v, n, flags, timeout);
}

int ioth_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	return (int)CALL_MORE(sendmmsg, fd, fd, v, n, flags);
}

ssize_t ioth_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	return CALL_MORE(sendfile, out_fd, out_fd, in_fd, offset, count);
}

ssize_t ioth_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
		    unsigned flags)
{
	struct api_call c = api_begin(out_fd);
	ssize_t ret;

	if (!c.s)
		c = api_begin(in_fd);
	if (!c.s)
		return -1;
	ret = c.s->more->splice ? c.s->more->splice(in_fd, in_offset, out_fd, out_offset, len,
						    flags) : fail(c.s, EINVAL);
	api_end(&c, ret);
	return ret;
}

/* --- without a copy --- */

static bool lends(int flags, int allowed)
{
	if (!(flags & ~allowed))
		return true;
	errno = EINVAL;
	return false;
}

struct ioth_loan *ioth_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr,
				 socklen_t *addrlen)
{
	struct ioth_loan *l = NULL;

	if (lends(len ? flags : -1, MSG_DONTWAIT))
		CALL_MORE(recv_lend, fd, fd, len, flags, addr, addrlen, &l);
	return l;
}

struct ioth_loan *ioth_send_lend(int fd, size_t len, int flags)
{
	struct ioth_loan *l = NULL;

	if (lends(flags, MSG_DONTWAIT | MSG_NOSIGNAL))
		CALL_MORE(send_lend, fd, fd, len, flags, &l);
	return l;
}

ssize_t ioth_send_lent(int fd, struct ioth_loan *l, size_t len, int flags,
		       const struct sockaddr *addr, socklen_t addrlen)
{
	if (l && len <= l->len)
		return CALL_MORE(send_lent, fd, fd, l, len, flags, addr, addrlen);
	errno = EINVAL;
	return -1;
}

/* --- parameters --- */

int ioth_sysctl(struct ioth *s, const char *name, const char *value)
{
	struct api_call c = api_begin_at(s ? s : ioth_get_defstack());
	int ret = c.s->more->sysctl ? c.s->more->sysctl(name, value) : fail(c.s, ENOSYS);

	api_end(&c, ret);
	return ret;
}
