/* api_stack.c - ioth.h: stacks, and who is in a call of one
 *
 * A call finds the stack of its descriptor in the table of fds.c, without a
 * lock. While it is there it is counted, so that ioth_delstack does not take the
 * stack away under it; the memory of a struct ioth is used again but never given
 * back, so to count first and look again afterwards is safe.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/config_stack.h"
#include "node/kind.h"

#define LOCATORS	16
#define LAST_CALLS	100		/* ms that delstack waits for those under way */

_Thread_local struct ioth *kind_current;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t call_ended = PTHREAD_COND_INITIALIZER;
static struct ioth *unused;

/* The stack that is always there. */
static struct ioth host = { .kind = &kind_host, .f = &kind_host.f, .more = &kind_host.more };
static struct ioth *defstack = &host;

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
		return libc_result(-EINVAL);
	ret = stack_config_end(s);
	if (ret < 0)
		return libc_result(ret);
	ret = calls_end(s) ? s->kind->close(s) : -EBUSY;
	if (ret == 0)
		stack_free(s);
	else
		s->ending = false;
	return libc_result(ret);
}

void ioth_set_defstack(struct ioth *s)
{
	msocket_forget();
	__atomic_store_n(&defstack, s ? s : &host, __ATOMIC_RELEASE);
}

struct ioth *stack_default(int domain)
{
	struct ioth *s;

	if (msocket_default(domain, &s))
		return s;
	return __atomic_load_n(&defstack, __ATOMIC_ACQUIRE);
}

struct ioth *ioth_get_defstack(void)
{
	struct ioth *s = stack_default(AF_UNSPEC);

	return s ? s : &host;
}

/* --- calls under way --- */

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

/* --- what is of a stack, or of all --- */

int ioth_sysctl(struct ioth *s, const char *name, const char *value)
{
	struct api_call c = api_begin_at(s ? s : ioth_get_defstack());
	int ret = c.s->more->sysctl ? c.s->more->sysctl(name, value) : kind_fail(c.s, ENOSYS);

	api_end(&c, ret);
	return ret;
}

void ioth_set_log(void (*fn)(void *arg, const char *line), void *arg)
{
	log_to(fn, arg);
}
