/* node.c - the lock, the plugs and the driver of a node
 *
 * in:   node_drive -> iface_ready -> plug_recv -> iface_deliver -> stack_input
 * out:  stack -> iface_out -> plug_send, then once per settling plug_flush
 *
 * Settling is the one place where due work runs: the stack's timers and
 * loopback, then the program ends of sockets with news, until neither has any
 * left; then each plug that was given frames is flushed once, so a burst costs
 * one system call. Programs that write as fast as we read would keep us there:
 * what is left after some rounds is the driver's, who looks after everything
 * else in between.
 *
 * Interfaces are in node_if.c, who waits in node_wait.c.
 */
#include "node/node_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pollset.h"
#include "node/config_node.h"
#include "node/vsock.h"
#include "stack/neigh.h"

#define ROUNDS		4	/* of one settling */
#define POLLS		16	/* batches of events at a time */
#define LET_BATCHES	8	/* of frames that were held */
#define OVERTAKE	4	/* times, by the driver */
#define NAP		(10 * USEC_PER_MSEC)	/* of whom nobody can wake */

static void kicked(struct watch *w, uint32_t events)
{
	uint64_t count;

	if (read(w->fd, &count, sizeof(count)) < 0)
		return;
}

void node_kick(struct node *n)
{
	uint64_t one = 1;

	if (n->kick.fd < 0)
		loop_kick(n->loop);
	else if (write(n->kick.fd, &one, sizeof(one)) < 0)
		return;		/* full: it is being kicked already */
}

/* The interface on whose network gw lies, or an error text. */
static char *gw_add(struct node *n, const struct ip_addr *gw)
{
	const struct route *via = route_find(n->st, gw, 0);
	char text[IP_STRLEN];
	struct route r = {
		.dst = ip_is_v4(gw) ? IP4_ANY : IP6_ANY, .gw = *gw, .metric = 1024,
	};

	if (!via || via->nif == n->st->lo)
		return xasprintf("--gw %s: not on a network of this node; give an --ip of "
				 "the same network first", ip_text(gw, text));
	r.nif = via->nif;
	route_add(n->st, &r);
	return NULL;
}

static char *configure(struct node *n, const struct node_conf *c)
{
	char text[IP_STRLEN];
	char *why = NULL;

	for (int i = 0; i < c->n_set; i++) {
		const char *eq = strchr(c->set[i], '=');
		char *name = xstrdup(c->set[i]);

		name[eq - c->set[i]] = 0;
		if (stack_set(n->st, name, eq + 1) < 0)
			why = xasprintf("--set %s: no such parameter or bad value "
					"(names are Linux's sysctls)", c->set[i]);
		free(name);
		if (why)
			return why;
	}
	for (int i = 0; i < c->n_if; i++) {
		struct iface *ifc = iface_add(n, &c->ifs[i], c->name, &why);

		if (!ifc)
			return why;
		netif_up(ifc->nif);
	}
	for (int i = 0; i < c->n_addr; i++) {
		const struct addr_conf *a = &c->addrs[i];

		if (netif_addr_add(n->ifs[a->ifno]->nif, &a->addr, a->len) < 0)
			return xasprintf("--ip %s/%u: not an address a node can have, or "
					 "given twice", ip_text(&a->addr, text), a->len);
	}
	for (int i = 0; i < c->n_gw && !why; i++)
		why = gw_add(n, &c->gw[i]);
	memcpy(n->dns, c->dns, sizeof(n->dns));
	n->n_dns = c->n_dns;
	return why;
}

static void open_loop(struct node *n, bool stood_in)
{
	n->stood_in = stood_in;
	n->kick = (struct watch){ .fd = -1, .ready = kicked };
	n->loop = stood_in ? driver_loop(n) : loop_new();
	if (stood_in || !n->loop)
		return;
	n->kick.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop_watch(n->loop, &n->kick, EPOLLIN);
}

struct node *node_new(const struct node_conf *conf, char **why)
{
	struct node *n = xzalloc(sizeof(*n));

	pthread_mutex_init(&n->lock, NULL);
	pthread_mutex_init(&n->gate, NULL);
	open_loop(n, conf->stood_in);
	n->alarm_at = NEVER;
	list_init(&n->alarms);
	list_init(&n->dirty);
	list_init(&n->tombs);
	list_init(&n->holders);
	n->let_at = NEVER;
	vspare_init(n);
	n->bare = -1;
	map_init(&n->vsocks);
	n->st = stack_new(0, now_mono());
	n->st->user = n;
	rtnl_init(n);
	if (!n->loop)
		*why = xasprintf("a stack cannot be made: %s", strerror(errno));
	else
		*why = configure(n, conf);
	if (!*why && conf->config)
		*why = node_configure(n, conf->config);
	if (*why) {
		node_free(n);
		return NULL;
	}
	return n;
}

void node_free(struct node *n)
{
	node_config_free(n);
	vsock_free_all(n);
	for (int i = 0; i < n->n_if; i++) {
		if (n->ifs[i]->plug)
			plug_flush(n->ifs[i]->plug);
	}
	stack_free(n->st);
	for (int i = 0; i < n->n_if; i++) {
		loop_unwatch(n->loop, &n->ifs[i]->w);
		loop_unwatch(n->loop, &n->ifs[i]->hup);
		plug_close(n->ifs[i]->plug);
		free(n->ifs[i]);
	}
	if (n->kick.fd >= 0)
		close(n->kick.fd);
	loop_free(n->loop);
	map_fini(&n->vsocks);
	free(n->polled);
	pthread_mutex_destroy(&n->lock);
	pthread_mutex_destroy(&n->gate);
	free(n);
}

usec node_deadline(const struct node *n)
{
	usec at = MIN(MIN(stack_deadline(n->st), n->alarm_at), n->let_at);

	if (!list_empty(&n->dirty) || (n->driver && n->driver->news))
		return 0;
	list_for(l, &n->alarms)
		at = MIN(at, container_of(l, struct node_alarm, link)->at);
	if (n->hot)
		at = MIN(at, n->used_at + NODE_HOT_FOR);
	for (int i = 0; i < n->n_if; i++) {
		if (n->ifs[i]->plug)
			at = n->ifs[i]->woken ? 0 : MIN(at, plug_deadline(n->ifs[i]->plug));
	}
	return at;
}

static void flush_plugs(struct node *n)
{
	for (int i = 0; i < n->n_if; i++) {
		struct iface *ifc = n->ifs[i];

		if (ifc->plug && ifc->queued)
			iface_flush(ifc);
	}
}

static bool has_room(struct plug *p)
{
	bool room = p->ops->room_to ? p->resume : plug_room(p) > 0;

	p->resume = false;
	return room;
}

/* Frames that a flush sent made room: connections that waited for it go on. */
static bool resume_stalled(struct node *n)
{
	bool any = false;

	for (int i = 0; i < n->n_if; i++) {
		struct iface *ifc = n->ifs[i];

		if (ifc->plug && !list_empty(&ifc->nif->stalled) && has_room(ifc->plug)) {
			netif_ready(ifc->nif);
			any = true;
		}
	}
	return any;
}

/* A plug with a clock (fault) delivers what is due before the stack runs. */
static void run_plugs(struct node *n)
{
	for (int i = 0; i < n->n_if; i++) {
		struct plug *p = n->ifs[i]->plug;

		if (p && plug_deadline(p) <= n->st->now)
			plug_run(p, n->st->now);
	}
}

/* Those that are dirty now: what becomes so meanwhile is of the next round. */
static void pump_dirty(struct node *n)
{
	struct list now, *l;

	list_init(&now);
	list_splice_tail(&now, &n->dirty);
	while ((l = list_pop(&now)))
		vsock_pump(container_of(l, struct vsock, dirty));
}

void node_poll(struct node *n)
{
	vspare_watch_all(n);
	for (int i = 0; i < POLLS && loop_ask(n->loop) == LOOP_BATCH; i++)
		pump_dirty(n);
	pump_dirty(n);
}

void node_settle(struct node *n)
{
	int rounds = 0;

	run_plugs(n);
	do {
		do {
			stack_run(n->st);
			pump_dirty(n);
			stack_run(n->st);
		} while (!list_empty(&n->dirty) && ++rounds < ROUNDS);
		flush_plugs(n);
	} while (resume_stalled(n));
	if (n->settled)
		n->settled(n);
}

void node_lock(struct node *n)
{
	if (pthread_mutex_trylock(&n->lock) != 0) {
		__atomic_add_fetch(&n->waiting, 1, __ATOMIC_RELAXED);
		pthread_mutex_lock(&n->gate);
		pthread_mutex_lock(&n->lock);
		pthread_mutex_unlock(&n->gate);
		__atomic_sub_fetch(&n->waiting, 1, __ATOMIC_RELAXED);
	}
	stack_now(n->st, now_mono());
}

/* A busy driver would take the lock again before whom it wakes gets to it. To
 * overtake a few times is cheaper than to wait each time, and no harm. */
static void let_pass(struct node *n)
{
	if (!__atomic_load_n(&n->waiting, __ATOMIC_RELAXED)) {
		n->overtook = 0;
	} else if (++n->overtook > OVERTAKE) {
		pthread_mutex_lock(&n->gate);	/* it has the lock by then */
		pthread_mutex_unlock(&n->gate);
		n->overtook = 0;
	}
}

/* Who looks after the node from here on knows until when he may sleep. */
static void rest(struct node *n, usec at)
{
	bool kick = false;

	if (!n->stand_in.on || n->driver)
		kick = at < n->asleep_until;
	else
		driver_leave(n, at);
	if (n->on_futexes)
		loop_give(n->loop);
	pthread_mutex_unlock(&n->lock);
	if (kick)
		node_kick(n);
}

void node_rest(struct node *n)
{
	rest(n, node_deadline(n));
}

/* Room that comes may be for them. */
static bool some_stalled(const struct node *n)
{
	for (int i = 0; i < n->n_if; i++) {
		if (!list_empty(&n->ifs[i]->nif->stalled))
			return true;
	}
	return !list_empty(&n->st->lo->stalled);
}

/* Most calls leave nothing behind but a frame to send. */
void node_unlock(struct node *n)
{
	usec at = node_deadline(n);
	bool settled = !n->settled && at > n->st->now && !some_stalled(n);

	if (settled) {
		flush_plugs(n);
		settled = list_empty(&n->dirty);	/* no plug ended */
	}
	if (!settled) {
		node_settle(n);
		at = node_deadline(n);
	}
	rest(n, at);
}

static void recv_woken(struct node *n)
{
	for (int i = 0; i < n->n_if; i++) {
		struct iface *ifc = n->ifs[i];

		if (ifc->plug && __atomic_exchange_n(&ifc->woken, false, __ATOMIC_ACQUIRE))
			iface_recv(ifc);
	}
}

void node_let(struct node *n)
{
	for (int i = 0; i < n->n_if; i++) {
		struct iface *ifc = n->ifs[i];

		if (ifc->plug && ifc->plug->ops->let) {
			ifc->plug->ops->let(ifc->plug);
			ifc->woken = true;
		}
	}
}

/* A ring at most, of small frames. */
void node_take_let(struct node *n)
{
	for (int i = 0; i < LET_BATCHES; i++)
		recv_woken(n);
}

static void ring_alarms(struct node *n)
{
	if (n->let_at <= n->st->now)
		vhold_late(n);
	if (n->alarm_at <= n->st->now && n->alarm) {
		n->alarm_at = NEVER;
		n->alarm(n);
	}
	list_for_safe(l, &n->alarms) {
		struct node_alarm *a = container_of(l, struct node_alarm, link);

		if (a->at > n->st->now)
			continue;
		a->at = NEVER;
		a->ring(n, a);
	}
}

void node_take_in(struct node *n)
{
	recv_woken(n);
	vspare_watch_all(n);
	loop_wait(n->loop, 0);
	ring_alarms(n);
}

/* With the lock, which others have meanwhile. */
void node_sleep(struct node *n, usec until)
{
	usec at = MIN(node_deadline(n), until);
	struct nap nap;

	if (!loop_nap_begin(n->loop, &nap))
		at = MIN(at, now_mono() + NAP);
	n->asleep_until = at;
	pthread_mutex_unlock(&n->lock);
	if (loop_poll(nap.fd, nap.n, at) < 0 && errno == EINTR)
		n->interrupted = true;
	node_lock(n);
	loop_nap_end(n->loop, &nap);
	n->asleep_until = 0;
}

void node_drive(struct node *n)
{
	let_pass(n);
	pthread_mutex_lock(&n->lock);
	stack_now(n->st, now_mono());
	node_await(n);
	node_take_in(n);
	node_unlock(n);
}

struct node_work node_work(struct node *n)
{
	static const char *const flushing[] = { "ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1",
						"CLOSING", "LAST-ACK", "SYN-RECEIVED" };
	struct node_work w = { 0, 0 };

	for (struct sock *so = sock_next(n->st, NULL); so; so = sock_next(n->st, so)) {
		const char *state = sock_state_name(so);

		for (size_t i = 0; so->type == SOCK_STREAM && i < ARRAY_LEN(flushing); i++)
			w.flushing += strcmp(state, flushing[i]) == 0;
		w.half_closed += strcmp(state, "FIN-WAIT-2") == 0;
	}
	return w;
}
