/* driver.c - the background thread, which drives all nodes in which nobody waits
 *
 * It sleeps on the set that the nodes' loops share (base/pollset.h) and on a heap of
 * their deadlines. The set hears a node's bells while nobody sleeps in the node; a thread
 * that does is alone woken by what arrives there. The heap has a lock of its own, under
 * which nothing else is locked: a node's lock may be held around it.
 *
 * driver_del waits until a round that may have found the node is over.
 *
 * A child of fork has the memory but not the thread, and shares every descriptor with
 * its parent: its nodes are its parent's, who goes on with them.
 */
#include "node/driver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/pollset.h"
#include "node/node.h"

#define LATER	USEC_PER_MSEC	/* after a call that is in the node just now */

static struct {
	pthread_mutex_t	lock;
	pthread_cond_t	round_over;
	pthread_t	thread;
	bool		running;
	struct pollset	set;
	uint64_t	rounds;
	bool		in_round;
	usec		asleep_until;
	struct heap	due;
} drv = { .lock = PTHREAD_MUTEX_INITIALIZER, .round_over = PTHREAD_COND_INITIALIZER };

/* --- the thread --- */

static void run_heard(void)
{
	struct node *n;

	while ((n = pollset_next(&drv.set)))
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
	for (;;) {
		pollset_sleep(&drv.set, end_round());
		begin_round();
		run_heard();
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

static int start(void)
{
	int ret = pollset_init(&drv.set);

	heap_init(&drv.due);
	if (ret == 0)
		ret = start_thread();
	if (ret < 0)
		pollset_fini(&drv.set);
	drv.running = ret == 0;
	return ret;
}

/* --- what nodes say --- */

struct loop *driver_loop(struct node *n)
{
	int ret = 0;

	pthread_mutex_lock(&drv.lock);
	if (!drv.running)
		ret = start();
	pthread_mutex_unlock(&drv.lock);
	errno = -ret;
	return ret == 0 ? loop_new_in(&drv.set, n) : NULL;
}

struct loop *driver_common(void)
{
	return drv.set.common;
}

void driver_add(struct node *n)
{
	n->stand_in = (struct stand_in){ .due = TIMER_OFF, .told = NEVER, .on = true };
	loop_hears(n->loop, true);
}

void driver_del(struct node *n)
{
	uint64_t round;

	pthread_mutex_lock(&n->lock);
	n->stand_in.on = false;
	pthread_mutex_unlock(&n->lock);
	loop_hears(n->loop, false);
	pthread_mutex_lock(&drv.lock);
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
		if (drv.running)
			pthread_mutex_lock(&drv.set.lock);
		return;
	}
	if (drv.running)
		pthread_mutex_unlock(&drv.set.lock);
	if (child && drv.running) {
		pollset_fini(&drv.set);
		heap_fini(&drv.due);
		drv.running = drv.in_round = false;
		drv.asleep_until = 0;
	}
	pthread_mutex_unlock(&drv.lock);
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
		pollset_kick(&drv.set);
}

void driver_leave(struct node *n, usec at)
{
	loop_give(n->loop);
	if (at < n->stand_in.told)
		tell(n, at);
}
