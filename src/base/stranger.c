/* stranger.c - descriptors from strangers, by SCM_RIGHTS
 *
 * close() of the last reference to a TCP socket with SO_LINGER takes as long as whoever
 * made it has said; of a file of FUSE, as long as its server likes. Who gives us such a
 * descriptor and closes his own would stop us, so it is closed in a thread, which stays as
 * long as it takes: one for each user whose descriptors are being closed, one after the
 * other. Who has sent MOST of them, one of them slow, owes us, and callers take no more from
 * him until they are closed; that our thread is not run is not his fault. Memory (a file that
 * has seals) is closed at once: that is what honest peers send. Without a thread descriptors
 * wait for the next that comes, which is better than to stand.
 *
 * Descriptors that nobody takes from a message are closed by the kernel in recv(), as
 * slowly, and those in the queue of a socket when it is closed. So all of them are taken
 * where one is expected; elsewhere the socket refuses them (SO_PASSRIGHTS); and a
 * connection that may have some is closed as if it were one (stranger_hang_up).
 */
#include "base/stranger.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/mem.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

#define STACK	(64u << 10)
#define MOST	64		/* descriptors of one user that may wait for a slow one, */
#define MUCH	512		/* and at all */
#define SLOW	USEC_PER_SEC
#define SOON	1000000		/* ns: by then what is not slow is closed */

/* Of one user; it is there while anything is being closed. */
struct account {
	struct list	link;
	uid_t		who;
	unsigned	held;		/* descriptors: the one in its thread's hands, and */
	unsigned	n, size;
	int		*fds;		/* those that wait */
	bool		works;		/* has a thread */
	usec		since;		/* when it began with the one in its hands */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t closed = PTHREAD_COND_INITIALIZER;
static struct list accounts = LIST_INIT(accounts);
static unsigned n_accounts;		/* read without the lock: mostly there is none */

/* --- fork: the child has none of our threads, and leaves what they did to the parent --- */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
	list_init(&accounts);
	n_accounts = 0;
	pthread_mutex_unlock(&lock);
}

static void once(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

/* --- accounts --- */

static struct account *account_of(uid_t who)
{
	list_for(l, &accounts) {
		struct account *a = container_of(l, struct account, link);

		if (a->who == who)
			return a;
	}
	return NULL;
}

static struct account *account_get(uid_t who)
{
	struct account *a = account_of(who);

	if (a)
		return a;
	a = xzalloc(sizeof(*a));
	a->who = who;
	a->since = now_mono();
	list_add_tail(&accounts, &a->link);
	__atomic_add_fetch(&n_accounts, 1, __ATOMIC_RELAXED);
	return a;
}

static void account_free(struct account *a)
{
	list_del(&a->link);
	__atomic_sub_fetch(&n_accounts, 1, __ATOMIC_RELAXED);
	free(a->fds);
	free(a);
}

bool stranger_owes(uid_t who)
{
	struct account *a;
	bool owes;

	if (!__atomic_load_n(&n_accounts, __ATOMIC_RELAXED))
		return false;
	pthread_mutex_lock(&lock);
	a = account_of(who);
	owes = a && a->held >= (now_mono() - a->since > SLOW ? MOST : MUCH);
	pthread_mutex_unlock(&lock);
	return owes;
}

/* --- closing --- */

static void *work(void *arg)
{
	struct account *a = arg;

	pthread_mutex_lock(&lock);
	while (a->n) {
		int fd = a->fds[--a->n];

		a->since = now_mono();
		pthread_mutex_unlock(&lock);
		close(fd);
		pthread_mutex_lock(&lock);
		a->held--;
	}
	account_free(a);
	pthread_cond_broadcast(&closed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static bool in_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, was;
	pthread_t t;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, MAX((size_t)PTHREAD_STACK_MIN, (size_t)STACK));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	e = pthread_create(&t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
	return e == 0;
}

/* True: nothing else waits for that. */
static bool put(int fd, uid_t who)
{
	static pthread_once_t registered = PTHREAD_ONCE_INIT;
	struct account *a;
	bool first;

	pthread_once(&registered, once);
	pthread_mutex_lock(&lock);
	a = account_get(who);
	if (a->n == a->size) {
		a->size = a->size * 2 + 8;
		a->fds = xrealloc(a->fds, a->size * sizeof(*a->fds));
	}
	a->fds[a->n++] = fd;
	first = !a->held++;
	if (!a->works)
		a->works = in_thread(work, a);
	pthread_mutex_unlock(&lock);
	return first;
}

void stranger_close(int fd, uid_t who)
{
	if (fcntl(fd, F_GET_SEALS) >= 0)
		close(fd);
	else
		put(fd, who);
}

void stranger_close_all(const int *fds, size_t n, uid_t who)
{
	for (size_t i = 0; i < n; i++)
		stranger_close(fds[i], who);
}

/* --- sockets --- */

/* At the end of a connection it cannot be told: a message may be empty. */
static bool is_empty(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	return poll(&p, 1, 0) >= 0 && !(p.revents & POLLIN);
}

void stranger_hang_up(int sock, uid_t who)
{
	if (stranger_no_files(sock) && is_empty(sock)) {
		close(sock);
		return;
	}
	shutdown(sock, SHUT_RDWR);	/* who waits for us need not wait for that */
	put(sock, who);
}

static bool is_dgram(int sock)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

/* The thread has closed all that it had, or is at something slow. */
static void wait_soon(uid_t who)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += SOON;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	while (account_of(who) && pthread_cond_timedwait(&closed, &lock, &until) == 0)
		;
	pthread_mutex_unlock(&lock);
}

/* Only to a datagram socket can others send, if its owner has it part from its partner. */
void stranger_give_back(int sock, uid_t who)
{
	if (!is_dgram(sock) || is_empty(sock)) {
		close(sock);
		return;
	}
	if (put(sock, who))
		wait_soon(who);
}

uid_t stranger_at(int sock)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.uid;
}

static bool pass(int sock, int on)
{
	return setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &on, sizeof(on)) == 0;
}

bool stranger_no_files(int sock)
{
	return pass(sock, 0);
}

void stranger_files(int sock)
{
	pass(sock, 1);
}
