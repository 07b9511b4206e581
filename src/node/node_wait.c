/* node_wait.c - who waits in a node drives it
 *
 * He looks at the plugs for a while, without bells and system calls, and sleeps if
 * nothing comes: on futexes of the plugs' wires, or where a plug has but a descriptor, on
 * bells. If something came soon, the node is hot: the plugs go on without either while
 * the caller has what he waited for, who is likely to be back before the next frame
 * comes. The background thread (driver.c) looks each millisecond, and ends it when
 * no call has come for one.
 *
 * Who drives a node for programs (node_drive) does the same, with their descriptors.
 */
#include "node/node_in.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/futex.h"
#include "base/pollset.h"
#include "node/vsock.h"

#define LOOKS		100	/* between yields: about 2 us */
#define STREAM		8	/* times that frames came so soon, and nothing was sent */
#define STREAM_GAP	((usec)50)
#define STREAM_PACE	((usec)16)
#define ASK_EVERY	((usec)500)

static void set_looking(struct node *n, bool on)
{
	for (int i = 0; i < n->n_if; i++) {
		struct plug *p = n->ifs[i]->plug;

		if (!p || !p->ops->look || p->looking == on)
			continue;
		if (on)
			p->ops->awake(p);
		else
			p->ops->doze(p);
		if (!on && p->more)
			n->ifs[i]->woken = true;
	}
}

/* --- signals --- */

#define RESTARTS	1u	/* there is a handler with SA_RESTART */
#define ENDS		2u	/* and one without */

static unsigned handlers(void)
{
	unsigned found = 0;
	struct sigaction sa;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL &&
		    sa.sa_handler != SIG_IGN)
			found |= sa.sa_flags & SA_RESTART ? RESTARTS : ENDS;
	}
	return found;
}

/* signal(7): a call goes on after a handler with SA_RESTART, unless it has a timeout. Which
 * handler ran nobody tells: one without it, if there is any. */
static bool ends_calls(usec until)
{
	unsigned found = handlers();

	return found & ENDS || (until != NEVER && found & RESTARTS);
}

/* Until when may futexes be slept on? They do not tell of handlers with SA_RESTART, for which
 * we ask now and then, as it takes 15 us; a recent answer is good for as long again. 0: not at
 * all. What is missed is the signal that comes in that time to a handler that is as new. */
static usec futexes_until(usec now, usec until)
{
	static _Atomic usec asked_at;
	static atomic_bool restarts;
	bool recent = now - asked_at < ASK_EVERY;

	if (!futexes_work())
		return 0;
	if (until == NEVER)
		return NEVER;
	if (!recent) {
		restarts = handlers() & RESTARTS;
		asked_at = now;
	}
	return restarts ? 0 : recent ? now + ASK_EVERY : NEVER;
}

/* --- sleeping and looking --- */

/* False: some plug has none, or there are too many. */
static bool list_futexes(struct node *n, struct futexes *f)
{
	f->n = 0;
	for (int i = 0; i < n->n_if; i++) {
		struct plug *p = n->ifs[i]->plug;

		if (!p)
			continue;
		if (!p->ops->nap || !p->ops->nap(p, f))
			return false;
		if (p->more || (p->resume && !list_empty(&n->ifs[i]->nif->stalled)))
			n->ifs[i]->woken = true;
	}
	return loop_doze_begin(n->loop, f);
}

/* The set hears the bells meanwhile. */
static void sleep_on_futexes(struct node *n, const struct futexes *f, usec until)
{
	n->on_futexes = true;
	n->asleep_until = MIN(node_deadline(n), until);
	loop_give(n->loop);
	pthread_mutex_unlock(&n->lock);
	if (!futexes_sleep(f, n->asleep_until))
		n->interrupted = true;
	node_lock(n);
	loop_doze_end(n->loop);
	n->on_futexes = false;
	n->asleep_until = 0;
}

/* On futexes, if that can be; awake, he looks. */
static void go_to_sleep(struct node *n, usec until)
{
	usec most = n->stood_in ? futexes_until(n->st->now, until) : 0;
	struct futexes f;

	if (most && list_futexes(n, &f)) {
		sleep_on_futexes(n, &f, MIN(until, most));
		set_looking(n, true);
		return;
	}
	if (most) {
		set_looking(n, true);
		set_looking(n, false);
	}
	node_sleep(n, until);
}

/* Takes in what plugs have. */
static bool look(struct node *n)
{
	bool any = false;

	for (int i = 0; i < n->n_if; i++) {
		struct plug *p = n->ifs[i]->plug;

		if (p && p->ops->look && p->ops->look(p)) {
			iface_recv(n->ifs[i]);
			any = true;
		}
	}
	return any;
}

static void heat(struct node *n)
{
	n->hot = true;
	set_looking(n, true);
}

static void cool(struct node *n)
{
	n->hot = false;
	set_looking(n, false);
	vspare_end(n);
}

void node_stay(struct node *n)
{
	if (!n->hot && spin_is_near(&n->spin, n->st->now))
		heat(n);
}

void node_calm(struct node *n)
{
	if (n->hot)
		cool(n);
}

bool node_stand_in(struct node *n, bool heard)
{
	if (heard)
		node_lock(n);
	else if (pthread_mutex_trylock(&n->lock) != 0)
		return false;
	stack_now(n->st, now_mono());
	if (!heard)
		n->stand_in.told = NEVER;
	if (n->driver) {
		loop_run(n->loop);	/* he sleeps, or looks at plugs only */
	} else {
		if (n->hot && n->st->now - n->used_at >= NODE_HOT_FOR)
			cool(n);
		look(n);
		node_take_in(n);
	}
	node_unlock(n);
	return true;
}

static bool look_again(struct node *n)
{
	for (int i = 0; i < LOOKS; i++) {
		if (look(n))
			return true;
		cpu_relax();
	}
	return false;
}

/* Others want the lock. */
static void make_way(struct node *n)
{
	pthread_mutex_unlock(&n->lock);
	sched_yield();
	node_lock(n);
}

/* Who reads a stream takes what comes by the dozen: to look for each frame takes the lines
 * of the ring away from him who writes it, and costs both a turn for each. */
static void came(struct node *n)
{
	usec now = n->st->now;

	n->in_row = now - n->came_at < STREAM_GAP ? n->in_row + 1 : 0;
	n->came_at = now;
}

static usec pace(const struct node *n)
{
	return n->in_row < STREAM ? 0 : n->came_at + STREAM_PACE;
}

/* A call that does not wait yet. */
void node_look(struct node *n)
{
	if (!n->hot || n->st->now < pace(n))
		return;
	n->used_at = n->st->now;
	if (look(n))
		came(n);
}

static void relax(void)
{
	for (int i = 0; i < LOOKS; i++)
		cpu_relax();
}

/* True: something came in. */
static bool look_around(struct node *n, const struct caller *c, usec until)
{
	usec now = now_mono(), left = spin_time(&n->spin, now, n->st->param.busy_read);
	bool found = false;

	n->used_at = now;
	until = MIN(MIN(until, node_deadline(n)), now + left);
	if (until <= now)
		return false;
	heat(n);
	vspare_tend(n);
	while (!found && now < until && !c->news) {
		if (__atomic_load_n(&n->waiting, __ATOMIC_RELAXED))
			make_way(n);
		if (now < pace(n))
			relax();
		else
			found = look_again(n);
		if (!found && !spin_yield(&now))
			break;
	}
	stack_now(n->st, now_mono());
	if (found)
		came(n);
	return found;
}

/* The same where programs' descriptors are the loop's, and who drives has no call. */
static bool look_out(struct node *n)
{
	usec now = n->st->now, end = now + spin_time(&n->spin, now, n->st->param.busy_read);
	bool found = false;

	if (MIN(end, node_deadline(n)) <= now)
		return false;
	set_looking(n, true);
	while (!found && now < MIN(end, node_deadline(n))) {
		if (__atomic_load_n(&n->waiting, __ATOMIC_RELAXED))
			make_way(n);
		found = look_again(n) || loop_wait(n->loop, 0) > 0;
		if (!found && !spin_yield(&now))
			break;
	}
	stack_now(n->st, now_mono());
	return found;
}

void node_await(struct node *n)
{
	usec began = n->st->now;

	if (n->stood_in || !look_out(n)) {
		set_looking(n, false);
		node_sleep(n, NEVER);
	}
	spin_ended(&n->spin, n->st->now - began);
}

static void sleep_unless_due(struct node *n, usec until)
{
	usec now = now_mono();

	if (node_deadline(n) > now) {
		cool(n);
		go_to_sleep(n, until);
	} else {
		stack_now(n->st, now);
	}
	look(n);
	node_take_in(n);
}

/* Until there is news for us; or for somebody else, who is likely to be the next to
 * have some and had better drive himself: each of ours for him would wake two. */
static void drive(struct node *n, struct caller *c, usec until)
{
	usec began = n->st->now;

	n->driver = c;
	node_settle(n);
	n->interrupted = false;
	while (!c->news && !n->told_other && !n->interrupted && n->st->now < until) {
		if (!look_around(n, c, until))
			sleep_unless_due(n, until);
		node_settle(n);
	}
	n->driver = NULL;
	n->used_at = n->st->now;
	spin_ended(&n->spin, n->st->now - began);
	if (spin_is_near(&n->spin, n->st->now))
		heat(n);
	else if (!n->hot)
		set_looking(n, false);
}

void node_tell(struct node *n, struct caller *c)
{
	c->news = true;
	if (c == n->driver || !c->waits)
		return;
	n->told_other = true;
	pthread_cond_signal(&c->cond);
}

/* Somebody else drives, or the background thread. */
static void wait_to_be_told(struct node *n, struct caller *c, usec until)
{
	struct timespec ts = { until / USEC_PER_SEC, until % USEC_PER_SEC * 1000 };

	node_settle(n);
	if (c->news)
		return;
	node_rest(n);
	pthread_mutex_lock(&n->lock);
	if (c->news)
		;
	else if (until == NEVER)
		pthread_cond_wait(&c->cond, &n->lock);
	else
		pthread_cond_clockwait(&c->cond, &n->lock, CLOCK_MONOTONIC, &ts);
	stack_now(n->st, now_mono());
}

int node_wait(struct node *n, struct caller *c, usec until)
{
	bool intr = false;

	n->told_other = false;
	pthread_cond_init(&c->cond, NULL);
	c->news = false;
	c->waits = true;
	while (!n->driver && !c->news && !intr && !n->told_other && n->st->now < until) {
		drive(n, c, until);
		intr = n->interrupted && ends_calls(until);
	}
	while (!c->news && !intr && n->st->now < until)
		wait_to_be_told(n, c, until);
	pthread_cond_destroy(&c->cond);
	if (c->news)
		return 0;
	return intr ? -EINTR : -EAGAIN;
}
