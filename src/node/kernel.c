/* kernel.c - a kernel stack, as the program that has it sees it
 *
 *	program --- ask ---> inside	the namespace: makes sockets
 *	                       ^
 *	                       | ends of its interfaces
 *	                     outside	cables: interface - locator (kernel_cable.c)
 *
 * The outside is a fork of the program that opens the locators where the program is; the
 * inside, a fork of the outside, leaves for namespaces of its own (kernel_ns.c) and then
 * answers at the far end of ask: a socket is made there and its descriptor comes back.
 * When nobody holds the near end any more, killed or not, both end. So a
 * stack outlives a program that becomes a daemon by forking.
 *
 * A library must not have children: the program counts its own, by SIGCHLD and wait. So
 * a middle process forks, and ends. It shares our memory while we wait for it, as
 * with vfork: to malloc, fork and whatever has locks it is this thread, and what it forks
 * is sound though other threads run. It ends without a signal and only who asks
 * for such (__WALL) can wait for it.
 */
#include "node/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rights.h"
#include "base/text.h"
#include "node/kernel_in.h"
#include "plug/ifname.h"
#include "plug/shm.h"

#define STACK_SIZE	(1u << 20)	/* of the helpers: touched pages only */
#define PATIENCE_MS	5000

struct kstack {
	int	ask;
	pid_t	owner;		/* who may end it though others have it, too */
	pid_t	outside;
	int	end;		/* of that process: a pidfd */
};

/* --- processes --- */

struct birth {
	struct kernel_plan *plan;
	pid_t	outside;	/* or -errno */
	sigset_t mask;
};

/* The middle process, in our memory. */
static int bear(void *arg)
{
	struct birth *b = arg;
	pid_t pid = fork();

	if (pid == 0)
		kernel_outside(b->plan);
	b->outside = pid < 0 ? -errno : pid;
	_exit(0);
}

/* No signal's handler shall run in the middle process. */
static int give_birth(struct birth *b)
{
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	sigset_t all;
	pid_t middle;
	int error;

	if (stack == MAP_FAILED)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &b->mask);
	middle = clone(bear, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, b);
	error = middle < 0 ? -errno : 0;
	while (middle > 0 && waitpid(middle, NULL, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &b->mask, NULL);
	munmap(stack, STACK_SIZE);
	return error ? error : MIN(b->outside, 0);
}

/* --- the plan --- */

/* NULL, or why not, and its errno. */
static char *plan_if(struct kernel_plan *plan, const char *text, int *error)
{
	struct kernel_if *ifc = &plan->ifs[plan->n_if];

	*error = EINVAL;
	if (plan->n_if == KERNEL_IFS)
		return xasprintf("kernel: more than %d locators", KERNEL_IFS);
	ifc->locator = ifname_split(text, ifc->name);
	if (!*ifc->name)
		snprintf(ifc->name, sizeof(ifc->name), "vde%d", plan->n_if);
	*error = EEXIST;
	if (strcmp(ifc->name, "lo") == 0)
		return xasprintf("%s: there is an interface lo already; choose another name", text);
	for (int i = 0; i < plan->n_if; i++) {
		if (strcmp(plan->ifs[i].name, ifc->name) == 0)
			return xasprintf("%s: two interfaces called %s", text, ifc->name);
	}
	plan->n_if++;
	return NULL;
}

static char *make_plan(struct kernel_plan *plan, const char *const locators[],
		       const char *options, int *error)
{
	char *bad = NULL;

	*error = EINVAL;
	if (options && strcmp(options, "veth") == 0)
		plan->veth = true;
	else if (options && *options)
		return xasprintf("kernel,%s: no such option (there is: veth)", options);
	for (int i = 0; !bad && locators && locators[i]; i++)
		bad = plan_if(plan, locators[i], error);
	snprintf(plan->descr, sizeof(plan->descr), "ioth kernel user=%u pid=%d", getuid(),
		 getpid());
	return bad;
}

/* --- beginning and end --- */

/* Its first words, or 0 if it died before them. */
static ssize_t hear(int sock, struct kernel_answer *a, int *fd)
{
	ssize_t n;

	do
		n = shm_get(sock, a, sizeof(*a), fd);
	while (n == -EINTR);
	return n;
}

static int begun(int ask, char **why)
{
	struct kernel_answer a = { 0 };
	int none = -1;

	if (hear(ask, &a, &none) != sizeof(a))
		a = (struct kernel_answer){
			.error = ESRCH, .text = "kernel: the stack's process was killed",
		};
	a.text[sizeof(a.text) - 1] = 0;
	*why = a.error ? xstrdup(a.text) : NULL;
	return a.error;
}

/* An errno; then *why may be NULL yet. */
static int start(struct kstack *k, struct kernel_plan *plan, char **why)
{
	struct birth b = { .plan = plan };
	int pair[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	k->ask = pair[0];
	plan->ask = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);	/* no standard stream of the helpers */
	close(pair[1]);
	if (plan->ask < 0)
		return errno;
	error = -give_birth(&b);
	close(plan->ask);
	if (error)
		return error;
	k->outside = b.outside;
	k->end = (int)syscall(SYS_pidfd_open, k->outside, 0);
	return begun(k->ask, why);
}

struct kstack *kernel_open(const char *const locators[], const char *options, char **why)
{
	struct kernel_plan plan = { .n_if = 0 };
	struct kstack *k;
	int error;

	*why = make_plan(&plan, locators, options, &error);
	if (*why) {
		errno = error;
		return NULL;
	}
	k = xzalloc(sizeof(*k));
	k->ask = k->end = -1;
	k->owner = getpid();
	error = start(k, &plan, why);
	if (!error)
		return k;
	if (!*why)
		*why = xasprintf("kernel: cannot start a process: %s", strerror(error));
	kernel_close(k);
	errno = error;
	return NULL;
}

static bool has_ended(const struct kstack *k, int ms)
{
	struct pollfd end = { .fd = k->end, .events = POLLIN };
	int n;

	while ((n = poll(&end, 1, ms)) < 0 && errno == EINTR)
		;
	return n != 0;
}

/* The outside ends after the inside. Nobody waits for it but init, or, if we are that (or
 * a subreaper), ourselves. */
static void wait_end(const struct kstack *k)
{
	if (!has_ended(k, PATIENCE_MS)) {	/* a library of its plugs holds it */
		syscall(SYS_pidfd_send_signal, k->end, SIGKILL, NULL, 0);
		has_ended(k, -1);
	}
	waitpid(k->outside, NULL, WNOHANG | __WALL);
}

void kernel_close(struct kstack *k)
{
	int error = errno;

	if (!k)
		return;
	if (k->ask >= 0 && k->owner == getpid())
		shutdown(k->ask, SHUT_RDWR);	/* children may have it, too */
	if (k->ask >= 0)
		close(k->ask);
	if (k->end >= 0 && k->owner == getpid())
		wait_end(k);
	if (k->end >= 0)
		close(k->end);
	free(k);
	errno = error;
}

/* --- asking --- */

/* The inside has closed its own copy of what came: who closes this one ends it. */
static void hear_end(int sock)
{
	char none;

	while (recv(sock, &none, 1, 0) < 0 && errno == EINTR)
		;
}

static struct kernel_answer ask_for(struct kstack *k, const struct kernel_ask *q, int *fd)
{
	struct kernel_answer a = { .error = 0 };
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		a.error = errno;
		return a;
	}
	do
		rc = shm_put(k->ask, q, sizeof(*q), pair[1]);
	while (rc == -EINTR);
	close(pair[1]);
	if (rc < 0 || hear(pair[0], &a, fd) != sizeof(a))
		a.error = ENETDOWN;
	else if (*fd >= 0)
		hear_end(pair[0]);
	close(pair[0]);
	return a;
}

static int ask(struct kstack *k, const struct kernel_ask *q, int *fd)
{
	return ask_for(k, q, fd).error;
}

static int result(int error)
{
	if (error)
		errno = error;
	return error ? -1 : 0;
}

/* How many descriptors came; -errno. */
static int hear_sockets(int sock, int fds[])
{
	struct kernel_answer a = { .error = ENETDOWN };
	struct iovec iov = { &a, sizeof(a) };
	RIGHTS(KERNEL_BATCH) ctl;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			     .msg_controllen = sizeof(ctl) };
	ssize_t len;
	int n;

	do
		len = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len != sizeof(a) || a.error)
		return len == sizeof(a) ? -a.error : -ENETDOWN;
	n = (int)rights_all(&mh, fds, KERNEL_BATCH);
	hear_end(sock);
	return n ? n : -EMFILE;		/* ours are used up, not the stack's */
}

int kernel_sockets(struct kstack *k, int domain, int type, int protocol, int fds[], int n)
{
	struct kernel_ask q = {
		.op = KERNEL_SOCKET, .domain = domain, .type = type, .protocol = protocol,
		.count = n,
	};
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	do
		rc = shm_put(k->ask, &q, sizeof(q), pair[1]);
	while (rc == -EINTR);
	close(pair[1]);
	rc = rc < 0 ? -ENETDOWN : hear_sockets(pair[0], fds);
	close(pair[0]);
	return rc < 0 ? result(-rc) : rc;
}

int kernel_socket(struct kstack *k, int domain, int type, int protocol)
{
	int fds[KERNEL_BATCH];

	if (kernel_sockets(k, domain, type, protocol, fds, 1) < 0)
		return -1;
	if (!(type & SOCK_CLOEXEC))
		fcntl(fds[0], F_SETFD, 0);
	return fds[0];
}

int kernel_sysctl(struct kstack *k, const char *name, const char *value)
{
	struct kernel_ask q = { .op = KERNEL_SYSCTL };
	size_t n = strlen(name) + 1, m = strlen(value) + 1;
	int none = -1;

	if (n + m > sizeof(q.text))
		return result(EINVAL);
	memcpy(q.text, name, n);
	memcpy(q.text + n, value, m);
	return result(ask(k, &q, &none));
}

/* A path counts from where the program is now, not from where its helpers are. */
static bool put_locator(struct kernel_ask *q, const char *locator)
{
	struct text t = text_of(q->text, sizeof(q->text));
	char *cwd = *locator != '/' && !strchr(locator, ':') ? getcwd(NULL, 0) : NULL;

	text_add(&t, "%s%s%s", cwd ? cwd : "", cwd ? "/" : "", locator);
	free(cwd);
	return !t.cut;
}

int kernel_add_if(struct kstack *k, const char *name, const char *locator, char **why)
{
	struct kernel_ask q = { .op = KERNEL_ADD_IF };
	struct kernel_answer a = { .error = EINVAL };
	int none = -1;

	if (strlen(name) < sizeof(q.name) && put_locator(&q, locator)) {
		memcpy(q.name, name, strlen(name));
		a = ask_for(k, &q, &none);
		a.text[sizeof(a.text) - 1] = 0;
	}
	*why = NULL;
	if (a.error)
		*why = *a.text ? xasprintf("%s", a.text) :
				 xasprintf("interface %s: %s", *name ? name : locator, strerror(a.error));
	return a.error ? result(a.error) : a.value;
}

int kernel_process(struct kstack *k)
{
	struct kernel_ask q = { .op = KERNEL_PROCESS };
	int fd = -1, error = ask(k, &q, &fd);

	return error ? result(error) : fd;
}

/* Root's may be without a user namespace of its own: then the other is all there is. */
int kernel_enter(int process, int flags)
{
	if (setns(process, CLONE_NEWUSER | flags) == 0)
		return 0;
	return errno == EINVAL && (!flags || setns(process, flags) == 0) ? 0 : -1;
}

int kernel_file(struct kstack *k, const char *name)
{
	struct kernel_ask q = { .op = KERNEL_FILE };
	struct text t = text_of(q.text, sizeof(q.text));
	int fd = -1, error;

	text_add(&t, "%s", name);
	error = t.cut ? ENAMETOOLONG : ask(k, &q, &fd);
	if (!error && fd < 0)
		error = EMFILE;
	return error ? result(error) : fd;
}

enum kernel_left kernel_left(struct kstack *k)
{
	struct kernel_ask q = { .op = KERNEL_LEFT };
	int none = -1;
	struct kernel_answer a = ask_for(k, &q, &none);

	return a.error ? KERNEL_LEFT_NONE : (enum kernel_left)a.value;
}
