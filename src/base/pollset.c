/* pollset.c - one epoll set for the loops of many owners
 *
 *	event --(number)--> watch: came --> loop: news --> set: heard --> the thread
 *
 * An event has a number and no pointer: a watch that was removed meanwhile is not
 * found, and its descriptor may be another's already. The set is read with its lock
 * held, so that between the kernel's list and ours nothing is out of sight: who
 * asks what came (loop_ask) knows of all that happened before.
 *
 * A bell is a descriptor that tells of frames. It is registered EPOLLONESHOT, and armed while nobody
 * sleeps in the loop, so that who does is alone woken by it. What is no bell
 * (programs' ends of sockets) is always armed; those owners ask for EPOLLET, or
 * read what there is.
 *
 * Who sleeps in a loop can be woken by an eventfd, which is his for that time: there
 * are as many as threads that slept at once.
 */
#include "base/pollset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/loop_in.h"
#include "base/mem.h"

#define KICK	0		/* no watch has this number */

int pollset_init(struct pollset *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = KICK };

	*s = (struct pollset){ .fd = epoll_create1(EPOLL_CLOEXEC),
			       .kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->common_lock, NULL);
	map_init(&s->watches);
	list_init(&s->heard);
	s->common = loop_new_in(s, NULL);
	if (s->fd >= 0 && s->kick >= 0 && epoll_ctl(s->fd, EPOLL_CTL_ADD, s->kick, &ev) == 0)
		return 0;
	return -errno;
}

void pollset_fini(struct pollset *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->kick >= 0)
		close(s->kick);
	while (s->n_wakers)
		close(s->wakers[--s->n_wakers]);
	free(s->wakers);
	map_fini(&s->watches);
	free(s->common);
	pthread_mutex_destroy(&s->lock);	/* a thread that fork left behind may hold the other */
}

struct loop *loop_new_in(struct pollset *s, void *owner)
{
	struct loop *l = xzalloc(sizeof(*l));

	*l = (struct loop){ .fd = -1, .set = s, .owner = owner, .deaf = true, .waker = -1 };
	list_init(&l->bells);
	list_init(&l->news);
	list_init(&l->heard);
	return l;
}

void set_free(struct loop *l)
{
	assert(l->watched == 0);
	loop_hears(l, false);
}

static void ring(int eventfd)
{
	uint64_t one = 1;

	if (write(eventfd, &one, sizeof(one)) < 0)
		return;			/* full: it rings already */
}

static void silence(int eventfd)
{
	uint64_t count;

	if (read(eventfd, &count, sizeof(count)) < 0)
		return;
}

/* --- watches --- */

static int ctl(const struct pollset *s, int op, const struct watch *w)
{
	struct epoll_event ev = { .events = w->events, .data.u64 = w->number };

	if (w->bell)
		ev.events = (w->armed ? w->events : 0) | EPOLLONESHOT;
	return epoll_ctl(s->fd, op, w->fd, &ev) < 0 ? -errno : 0;
}

static void number(struct pollset *s, struct loop *l, struct watch *w)
{
	w->in = l;
	w->number = ++s->last;
	w->came = 0;
	w->armed = w->bell;		/* who sleeps in the loop does not know it yet */
	list_init(&w->news);
	map_insert(&s->watches, &w->by_number, (uint32_t)w->number);
	l->watched++;
}

static void forget(struct pollset *s, struct watch *w)
{
	map_remove(&s->watches, &w->by_number);
	list_del(&w->news);
	w->number = 0;
	w->in->watched--;
}

int set_watch(struct loop *l, struct watch *w, uint32_t events)
{
	struct pollset *s = l->set;
	bool new = !w->added;
	int ret;

	pthread_mutex_lock(&s->lock);
	if (new)
		number(s, l, w);
	w->events = events;
	ret = ctl(s, new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w);
	if (new && ret < 0)
		forget(s, w);
	pthread_mutex_unlock(&s->lock);
	if (new && ret == 0 && w->bell) {
		list_add_tail(&l->bells, &w->beside);
		l->turn++;
	}
	w->added |= ret == 0;
	return ret;
}

void set_unwatch(struct loop *l, struct watch *w)
{
	struct pollset *s = l->set;

	pthread_mutex_lock(&s->lock);
	epoll_ctl(s->fd, EPOLL_CTL_DEL, w->fd, NULL);
	forget(s, w);
	pthread_mutex_unlock(&s->lock);
	if (w->bell) {
		list_del(&w->beside);
		l->turn++;
	}
}

/* --- what came --- */

static void hear(struct loop *l)
{
	if (!l->deaf && list_empty(&l->heard))
		list_add_tail(&l->set->heard, &l->heard);
}

static void came(struct watch *w, uint32_t events)
{
	w->came |= events;
	if (list_empty(&w->news))
		list_add_tail(&w->in->news, &w->news);
}

static struct watch *numbered(const struct pollset *s, uint64_t n)
{
	struct map_node *m = map_find(&s->watches, (uint32_t)n);

	while (m && container_of(m, struct watch, by_number)->number != n)
		m = map_find_next(m);
	return m ? container_of(m, struct watch, by_number) : NULL;
}

static void sort_in(struct pollset *s, const struct epoll_event *ev)
{
	struct watch *w = numbered(s, ev->data.u64);

	if (ev->data.u64 == KICK)
		silence(s->kick);
	if (!w)
		return;
	came(w, ev->events);
	if (w->bell) {
		w->armed = false;
		w->in->given = false;
	}
	hear(w->in);
}

/* What another thread has begun to read there is told when we return. */
static void run_common(struct pollset *s)
{
	pthread_mutex_lock(&s->common_lock);
	loop_run(s->common);
	pthread_mutex_unlock(&s->common_lock);
}

/* True: there was as much as fits. */
static bool read_batch(struct pollset *s)
{
	struct epoll_event ev[LOOP_BATCH];
	int n;

	pthread_mutex_lock(&s->lock);
	n = epoll_wait(s->fd, ev, LOOP_BATCH, 0);
	for (int i = 0; i < n; i++)
		sort_in(s, &ev[i]);
	pthread_mutex_unlock(&s->lock);
	run_common(s);
	return n == LOOP_BATCH;
}

void pollset_sleep(struct pollset *s, usec at)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };

	if (loop_poll(&pfd, 1, at) > 0)
		read_batch(s);
}

void *pollset_next(struct pollset *s)
{
	struct list *l;

	pthread_mutex_lock(&s->lock);
	l = list_pop(&s->heard);
	pthread_mutex_unlock(&s->lock);
	return l ? container_of(l, struct loop, heard)->owner : NULL;
}

void pollset_kick(struct pollset *s)
{
	ring(s->kick);
}

/* --- owners --- */

static struct watch *next_news(struct loop *l, uint32_t *events)
{
	struct watch *w;

	pthread_mutex_lock(&l->set->lock);
	w = list_first(&l->news, struct watch, news);
	if (w) {
		list_del(&w->news);
		*events = w->came & (w->events | LOOP_ALWAYS);
		w->came = 0;
	}
	pthread_mutex_unlock(&l->set->lock);
	return w;
}

int loop_run(struct loop *l)
{
	uint32_t events;
	struct watch *w;
	int n = 0;

	for (; (w = next_news(l, &events)); n++) {
		if (events)
			w->ready(w, events);
	}
	return n;
}

/* What came for others is left to the thread. */
int set_ask(struct loop *l)
{
	struct pollset *s = l->set;
	bool others, more = read_batch(s);
	int n = loop_run(l);

	pthread_mutex_lock(&s->lock);
	others = !list_empty(&s->heard);
	pthread_mutex_unlock(&s->lock);
	if (others)
		pollset_kick(s);
	return more ? LOOP_BATCH : n;
}

/* Said by who reads the set: he, or the thread, looks at what was heard next. */
void set_say(struct loop *l, struct watch *w, uint32_t events)
{
	pthread_mutex_lock(&l->set->lock);
	if (w->number) {
		came(w, events);
		hear(l);
	}
	pthread_mutex_unlock(&l->set->lock);
}

void loop_hears(struct loop *l, bool on)
{
	pthread_mutex_lock(&l->set->lock);
	l->deaf = !on;
	if (!on)
		list_del(&l->heard);
	else if (!list_empty(&l->news))
		hear(l);
	pthread_mutex_unlock(&l->set->lock);
	if (on)
		pollset_kick(l->set);
}

void loop_kick(struct loop *l)
{
	pthread_mutex_lock(&l->set->lock);
	if (l->waker >= 0) {
		ring(l->waker);
	} else if (l->by_futex) {
		l->kicks++;
		futex_wake(&l->kicks, false);
	} else {
		hear(l);
		pollset_kick(l->set);
	}
	pthread_mutex_unlock(&l->set->lock);
}

static void arm(struct pollset *s, struct watch *w, bool on)
{
	if (w->armed == on)
		return;
	w->armed = on;
	ctl(s, EPOLL_CTL_MOD, w);
}

void loop_give(struct loop *l)
{
	if (atomic_load_explicit(&l->given, memory_order_relaxed))
		return;
	pthread_mutex_lock(&l->set->lock);
	list_for(at, &l->bells)
		arm(l->set, container_of(at, struct watch, beside), true);
	l->given = true;
	pthread_mutex_unlock(&l->set->lock);
}

/* --- who sleeps in a loop, or looks at it --- */

bool loop_doze_begin(struct loop *l, struct futexes *w)
{
	pthread_mutex_lock(&l->set->lock);
	l->by_futex = futexes_add(w, &l->kicks, l->kicks, false);
	pthread_mutex_unlock(&l->set->lock);
	return l->by_futex;
}

void loop_doze_end(struct loop *l)
{
	pthread_mutex_lock(&l->set->lock);
	l->by_futex = false;
	pthread_mutex_unlock(&l->set->lock);
}

/* The first of the bells: there seldom are more, and those are left to the set. */
static void list_bells(struct loop *l, struct nap *nap)
{
	nap->n = 1;
	nap->turn = l->turn;
	list_for(at, &l->bells) {
		const struct watch *w = container_of(at, struct watch, beside);

		if (nap->n < ARRAY_LEN(nap->fd))
			nap->fd[nap->n++] = (struct pollfd){ w->fd, (short)w->events, 0 };
	}
}

static void heard_bells(struct loop *l, const struct nap *nap)
{
	unsigned i = 1;

	list_for(at, &l->bells) {
		if (i < nap->n && nap->fd[i].revents)
			came(container_of(at, struct watch, beside), (uint32_t)nap->fd[i].revents);
		i++;
	}
}

/* Bells that the set hears it tells of. */
int set_look(struct loop *l)
{
	struct nap nap = { .fd = { { .fd = -1 } } };
	int n = loop_run(l);

	if (n || atomic_load_explicit(&l->given, memory_order_relaxed))
		return n;
	list_bells(l, &nap);
	if (poll(nap.fd, nap.n, 0) <= 0)
		return n;
	pthread_mutex_lock(&l->set->lock);
	heard_bells(l, &nap);
	pthread_mutex_unlock(&l->set->lock);
	return loop_run(l);
}

/* -1: no descriptor is left for one. */
static int take_waker(struct pollset *s)
{
	return s->n_wakers ? s->wakers[--s->n_wakers] : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void give_waker(struct pollset *s, int waker)
{
	s->wakers = xrealloc(s->wakers, (s->n_wakers + 1) * sizeof(s->wakers[0]));
	s->wakers[s->n_wakers++] = waker;
}

bool set_nap_begin(struct loop *l, struct nap *nap)
{
	unsigned i = 1;

	list_bells(l, nap);
	pthread_mutex_lock(&l->set->lock);
	l->waker = take_waker(l->set);
	l->given = false;
	list_for(at, &l->bells)
		arm(l->set, container_of(at, struct watch, beside), i++ >= nap->n);
	pthread_mutex_unlock(&l->set->lock);
	nap->fd[0] = (struct pollfd){ l->waker, POLLIN, 0 };
	return l->waker >= 0;
}

void set_nap_end(struct loop *l, const struct nap *nap)
{
	if (nap->fd[0].revents)
		silence(l->waker);
	pthread_mutex_lock(&l->set->lock);
	if (l->waker >= 0)
		give_waker(l->set, l->waker);
	l->waker = -1;
	if (nap->turn == l->turn)
		heard_bells(l, nap);
	pthread_mutex_unlock(&l->set->lock);
}
