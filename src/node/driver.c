/* driver.c - one thread that stands in for all nodes in which nobody waits
 *
 * It sleeps on an epoll set of the nodes' own epoll sets and on a heap of their
 * deadlines. A node's set is watched once at a time (EPOLLONESHOT) and given again
 * when the node is left, so a thread that waits in the node is alone woken by what
 * arrives there. The heap has a lock of its own, under which nothing else is locked:
 * a node's lock may be held around it.
 *
 * The set's entry carries the node's descriptor, not its address: a node that was
 * removed meanwhile is not found in the table and left alone. driver_del waits
 * until a round that may have found it is over.
 *
 * A child of fork has the memory but not the thread, and shares every descriptor with
 * its parent: its nodes are its parent's, who goes on with them.
 */
#include "node/driver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/map.h"
#include "node/node.h"

#define EVENTS	64
#define LATER	USEC_PER_MSEC	/* after a call that is in the node just now */

static struct {
	pthread_mutex_t	lock;
	pthread_cond_t	round_over;
	pthread_t	thread;
	bool		running;
	int		poll, kick;
	uint64_t	rounds;
	bool		in_round;
	usec		asleep_until;
	struct heap	due;
	struct map	nodes;		/* by the descriptor of their epoll set */
} drv = { .lock = PTHREAD_MUTEX_INITIALIZER, .round_over = PTHREAD_COND_INITIALIZER };

static struct node *node_at(int fd)
{
	struct map_node *m = map_find(&drv.nodes, (uint32_t)fd);

	return m ? container_of(m, struct node, by_loop) : NULL;
}

/* --- the thread --- */

static int sleep_until(usec at, struct epoll_event *ev)
{
	usec left = at == NEVER ? NEVER : at - now_mono();
	struct timespec ts = { left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };

	if (left <= 0)
		ts = (struct timespec){ 0, 0 };
	return epoll_pwait2(drv.poll, ev, EVENTS, at == NEVER ? NULL : &ts, NULL);
}

static void heard(const struct epoll_event *ev)
{
	uint64_t count;
	struct node *n;

	if (ev->data.fd < 0) {
		if (read(drv.kick, &count, sizeof(count)) < 0)
			return;
		return;
	}
	pthread_mutex_lock(&drv.lock);
	n = node_at(ev->data.fd);
	pthread_mutex_unlock(&drv.lock);
	if (n)
		node_stand_in(n, true);
}

static void run_due(void)
{
	struct timer *t;

	for (;;) {
		pthread_mutex_lock(&drv.lock);
		t = heap_pop_due(&drv.due, now_mono());
		pthread_mutex_unlock(&drv.lock);
		if (!t)
			return;
		if (node_stand_in(container_of(t, struct node, stand_in.due), false))
			continue;
		pthread_mutex_lock(&drv.lock);
		timer_set(&drv.due, t, now_mono() + LATER);
		pthread_mutex_unlock(&drv.lock);
	}
}

static void begin_round(void)
{
	pthread_mutex_lock(&drv.lock);
	drv.asleep_until = 0;
	drv.in_round = true;
	pthread_mutex_unlock(&drv.lock);
}

static usec end_round(void)
{
	usec at;

	pthread_mutex_lock(&drv.lock);
	at = drv.asleep_until = heap_deadline(&drv.due);
	drv.in_round = false;
	drv.rounds++;
	pthread_cond_broadcast(&drv.round_over);
	pthread_mutex_unlock(&drv.lock);
	return at;
}

static void *stand_in(void *arg)
{
	struct epoll_event ev[EVENTS];

	for (;;) {
		int n = sleep_until(end_round(), ev);

		begin_round();
		for (int i = 0; i < n; i++)
			heard(&ev[i]);
		run_due();
	}
	return arg;
}

/* The program's signals are not for this thread. */
static int start_thread(void)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&drv.thread, NULL, stand_in, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

static int open_set(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = -1 };

	drv.poll = epoll_create1(EPOLL_CLOEXEC);
	drv.kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (drv.poll >= 0 && drv.kick >= 0 &&
	    epoll_ctl(drv.poll, EPOLL_CTL_ADD, drv.kick, &ev) == 0)
		return 0;
	return -errno;
}

static void close_set(void)
{
	if (drv.poll >= 0)
		close(drv.poll);
	if (drv.kick >= 0)
		close(drv.kick);
}

static int start(void)
{
	int ret = open_set();

	heap_init(&drv.due);
	map_init(&drv.nodes);
	if (ret == 0)
		ret = start_thread();
	if (ret < 0)
		close_set();
	drv.running = ret == 0;
	return ret;
}

/* --- what nodes say --- */

static void kick(void)
{
	uint64_t one = 1;

	if (write(drv.kick, &one, sizeof(one)) < 0)
		return;		/* full: it is being kicked already */
}

int driver_add(struct node *n)
{
	struct epoll_event ev = { .events = EPOLLONESHOT, .data.fd = loop_fd(n->loop) };
	int ret = 0;

	pthread_mutex_lock(&drv.lock);
	if (!drv.running)
		ret = start();
	if (ret == 0 && epoll_ctl(drv.poll, EPOLL_CTL_ADD, ev.data.fd, &ev) < 0)
		ret = -errno;
	if (ret == 0) {
		map_insert(&drv.nodes, &n->by_loop, (uint32_t)ev.data.fd);
		n->stand_in = (struct stand_in){ .due = TIMER_OFF, .told = NEVER, .on = true };
	}
	pthread_mutex_unlock(&drv.lock);
	return ret;
}

void driver_del(struct node *n)
{
	uint64_t round;

	pthread_mutex_lock(&n->lock);
	n->stand_in.on = false;
	pthread_mutex_unlock(&n->lock);
	pthread_mutex_lock(&drv.lock);
	epoll_ctl(drv.poll, EPOLL_CTL_DEL, loop_fd(n->loop), NULL);
	map_remove(&drv.nodes, &n->by_loop);
	timer_set(&drv.due, &n->stand_in.due, NEVER);
	round = drv.rounds;
	while (drv.in_round && round == drv.rounds)
		pthread_cond_wait(&drv.round_over, &drv.lock);
	timer_set(&drv.due, &n->stand_in.due, NEVER);
	pthread_mutex_unlock(&drv.lock);
}

void driver_fork(bool before, bool child)
{
	if (before) {
		pthread_mutex_lock(&drv.lock);
		return;
	}
	if (child && drv.running) {
		close_set();
		heap_fini(&drv.due);
		map_fini(&drv.nodes);
		drv.running = drv.in_round = false;
		drv.asleep_until = 0;
	}
	pthread_mutex_unlock(&drv.lock);
}

static void watch(struct node *n, uint32_t events)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT, .data.fd = loop_fd(n->loop) };

	epoll_ctl(drv.poll, EPOLL_CTL_MOD, ev.data.fd, &ev);
	n->stand_in.watching = events;
}

/* A deadline that moved away stays: it comes too early, once. */
static void tell(struct node *n, usec at)
{
	bool sooner;

	n->stand_in.told = at;
	pthread_mutex_lock(&drv.lock);
	timer_set(&drv.due, &n->stand_in.due, at);
	sooner = at < drv.asleep_until;
	pthread_mutex_unlock(&drv.lock);
	if (sooner)
		kick();
}

void driver_leave(struct node *n, usec at)
{
	if (!n->stand_in.watching)
		watch(n, EPOLLIN);
	if (at < n->stand_in.told)
		tell(n, at);
}

void driver_enter(struct node *n)
{
	if (n->stand_in.watching)
		watch(n, 0);
}
