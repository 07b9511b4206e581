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
 * A thread that waits drives (node_wait): it looks at the plugs for a while, without
 * bells and system calls, and sleeps if nothing comes. If something did, the node is
 * hot: the plugs go on without bells while the caller has what he waited for, who is
 * likely to be back before the next frame comes. The thread that stands in looks each
 * millisecond, and ends it when no call has come for one.
 */
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/config_node.h"
#include "node/vsock.h"
#include "stack/neigh.h"

#define RECV_BATCH	64
#define ROUNDS		4	/* of one settling */
#define POLLS		16	/* batches of events at a time */
#define OVERTAKE	4	/* times, by the driver */
#define LOOKS		100	/* between yields: about 2 us */
#define HOT_FOR		USEC_PER_MSEC

/* A plug and the interface it is for the stack. */
struct iface {
	struct node	*node;
	struct plug	*plug;
	struct netif	*nif;
	struct watch	w, hup;
	bool		queued;		/* frames since the last flush */
	bool		woken;		/* the plug has frames, of which its fd is silent */
};

static void iface_out(struct netif *nif, struct pkt *pkt)
{
	struct iface *ifc = nif->ctx;

	if (!ifc->plug) {
		drop(nif->st, pkt, DROP_NETIF_DOWN);
		return;
	}
	ifc->queued = true;
	plug_send(ifc->plug, pkt);
}

static uint32_t iface_room(struct netif *nif)
{
	struct iface *ifc = nif->ctx;

	return ifc->plug ? plug_room(ifc->plug) : UINT32_MAX;
}

/* The link address of a next hop; not known: any that nobody has. */
static const struct mac *mac_of(struct netif *nif, const struct ip_addr *hop)
{
	static const struct mac nobody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	const struct neigh *n = neigh_find(nif, hop);

	return n && n->state != NEIGH_INCOMPLETE && n->state != NEIGH_FAILED ? &n->mac : &nobody;
}

static uint32_t iface_room_to(struct netif *nif, const struct ip_addr *hop)
{
	struct iface *ifc = nif->ctx;

	if (!ifc->plug || !ifc->plug->ops->room_to)
		return iface_room(nif);
	return ifc->plug->ops->room_to(ifc->plug, mac_of(nif, hop));
}

static struct arena *iface_arena_to(struct netif *nif, const struct ip_addr *hop)
{
	struct iface *ifc = nif->ctx;

	if (!ifc->plug || !ifc->plug->ops->arena_to)
		return nif->arena;
	return ifc->plug->ops->arena_to(ifc->plug, mac_of(nif, hop));
}

static const struct netif_ops iface_ops = {
	.out = iface_out, .room = iface_room, .room_to = iface_room_to,
	.arena_to = iface_arena_to,
};

static void iface_deliver(struct plug *p, struct pkt *pkt)
{
	struct iface *ifc = p->user;

	stack_input(ifc->node->st, ifc->nif, pkt);
}

/* The other side has gone: the node lives on without this interface. */
static void iface_lost(struct iface *ifc, int error)
{
	struct node *n = ifc->node;

	err("%s: the network has gone (%s); what needs it will time out",
	    ifc->nif->name, strerror(-error));
	loop_unwatch(n->loop, &ifc->w);
	loop_unwatch(n->loop, &ifc->hup);
	ifc->nif->arena = NULL;		/* the plug's */
	plug_close(ifc->plug);
	ifc->plug = NULL;
}

static void iface_flush(struct iface *ifc)
{
	int ret = plug_flush(ifc->plug);
	uint32_t want = EPOLLIN;

	ifc->queued = false;
	if (ret < 0 && ret != -EAGAIN) {
		iface_lost(ifc, ret);
		return;
	}
	if (ifc->plug->want_write)
		want |= EPOLLOUT;
	if (ifc->plug->fd >= 0 && want != ifc->w.events)
		loop_watch(ifc->node->loop, &ifc->w, want);
}

static void iface_recv(struct iface *ifc)
{
	int ret;

	ifc->plug->join_udp = ifc->node->st->udp_gro;
	ret = plug_recv(ifc->plug, RECV_BATCH);

	if (ret < 0 && ret != -EAGAIN)
		iface_lost(ifc, ret);
	else if (ifc->plug->more)
		ifc->woken = true;
}

static void iface_ready(struct watch *w, uint32_t events)
{
	struct iface *ifc = container_of(w, struct iface, w);

	if (events & EPOLLOUT) {
		iface_flush(ifc);
		if (ifc->plug && plug_room(ifc->plug))
			netif_ready(ifc->nif);
	}
	if (ifc->plug && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		iface_recv(ifc);
}

static void iface_hup(struct watch *w, uint32_t events)
{
	struct iface *ifc = container_of(w, struct iface, hup);
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		iface_lost(ifc, -EPIPE);
}

/* A plug without fd has frames; called from any thread. */
static void iface_wake(struct plug *p)
{
	struct iface *ifc = p->user;

	__atomic_store_n(&ifc->woken, true, __ATOMIC_RELEASE);
	node_kick(ifc->node);
}

static struct mac mac_choose(void)
{
	struct mac m;
	struct hash_key k;

	hash_key_system(&k);
	memcpy(m.b, k.b, sizeof(m.b));
	m.b[0] = (uint8_t)((m.b[0] & 0xfc) | 0x02);	/* local, unicast */
	return m;
}

static struct iface *iface_add(struct node *n, const struct if_conf *c, const char *of, char **why)
{
	struct plug_conf pc = { .now = n->st->now, .introduce = true };
	struct iface *ifc = xzalloc(sizeof(*ifc));
	char name[16];
	char *descr = xasprintf("ioth%s%s user=%u pid=%d", of ? " " : "",
				of ? of : "", getuid(), getpid());

	pc.descr = descr;
	ifc->node = n;
	ifc->plug = plug_open(c->locator, &pc, why);
	free(descr);
	if (!ifc->plug) {
		free(ifc);
		return NULL;
	}
	ifc->plug->user = ifc;
	ifc->plug->deliver = iface_deliver;
	ifc->plug->wake = iface_wake;
	if (c->name[0])
		memcpy(name, c->name, sizeof(name));
	else
		snprintf(name, sizeof(name), "eth%d", n->n_if);
	ifc->nif = netif_add(n->st, name,
			     mac_is_zero(&c->mac) ? mac_choose() : c->mac,
			     c->mtu ? c->mtu : ifc->plug->mtu, 0, &iface_ops, ifc);
	ifc->nif->mtu_max = MAX(ifc->nif->mtu, ifc->plug->mtu);
	ifc->nif->arena = ifc->plug->arena;
	ifc->w = (struct watch){ .fd = ifc->plug->fd, .ready = iface_ready };
	if (ifc->w.fd >= 0)
		loop_watch(n->loop, &ifc->w, EPOLLIN);
	ifc->hup = (struct watch){ .fd = ifc->plug->hup_fd, .ready = iface_hup };
	if (ifc->hup.fd >= 0)
		loop_watch(n->loop, &ifc->hup, EPOLLIN | EPOLLRDHUP);
	n->ifs[n->n_if++] = ifc;
	return ifc;
}

int node_if_add(struct node *n, const struct if_conf *c, struct netif **nif)
{
	struct iface *ifc;
	char *why;

	if (netif_by_name(n->st, c->name))
		return -EEXIST;
	if (n->n_if == NODE_IFS)
		return -ENOSPC;
	ifc = iface_add(n, c, NULL, &why);
	if (!ifc) {
		err("%s", why);
		free(why);
		return -ENOENT;
	}
	*nif = ifc->nif;
	return 0;
}

static void iface_end(struct iface *ifc)
{
	struct node *n = ifc->node;

	if (ifc->plug) {
		plug_flush(ifc->plug);
		loop_unwatch(n->loop, &ifc->w);
		loop_unwatch(n->loop, &ifc->hup);
	}
	ifc->nif->arena = NULL;
	netif_remove(ifc->nif);
	plug_close(ifc->plug);
	free(ifc);
}

int node_if_del(struct node *n, struct netif *nif)
{
	for (int i = 0; i < n->n_if; i++) {
		if (n->ifs[i]->nif != nif)
			continue;
		iface_end(n->ifs[i]);
		n->n_if--;
		memmove(&n->ifs[i], &n->ifs[i + 1], (size_t)(n->n_if - i) * sizeof(n->ifs[0]));
		return 0;
	}
	return -EOPNOTSUPP;
}

static void kicked(struct watch *w, uint32_t events)
{
	uint64_t count;

	if (read(w->fd, &count, sizeof(count)) < 0)
		return;
}

void node_kick(struct node *n)
{
	uint64_t one = 1;

	if (write(n->kick.fd, &one, sizeof(one)) < 0)
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

struct node *node_new(const struct node_conf *conf, char **why)
{
	struct node *n = xzalloc(sizeof(*n));

	pthread_mutex_init(&n->lock, NULL);
	pthread_mutex_init(&n->gate, NULL);
	n->loop = loop_new();
	n->alarm_at = NEVER;
	list_init(&n->alarms);
	list_init(&n->dirty);
	list_init(&n->tombs);
	map_init(&n->vsocks);
	n->st = stack_new(0, now_mono());
	n->st->user = n;
	rtnl_init(n);
	n->kick = (struct watch){ eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), 0, kicked, false };
	loop_watch(n->loop, &n->kick, EPOLLIN);
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
		plug_close(n->ifs[i]->plug);
		free(n->ifs[i]);
	}
	close(n->kick.fd);
	loop_free(n->loop);
	map_fini(&n->vsocks);
	pthread_mutex_destroy(&n->lock);
	pthread_mutex_destroy(&n->gate);
	free(n);
}

static usec deadline(const struct node *n)
{
	usec at = MIN(stack_deadline(n->st), n->alarm_at);

	if (!list_empty(&n->dirty) || (n->driver && n->driver->news))
		return 0;
	list_for(l, &n->alarms)
		at = MIN(at, container_of(l, struct node_alarm, link)->at);
	if (n->hot)
		at = MIN(at, n->used_at + HOT_FOR);
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

		if (!ifc->plug)
			continue;
		plug_run(ifc->plug, n->st->now);
		if (ifc->queued)
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
		if (n->ifs[i]->plug)
			plug_run(n->ifs[i]->plug, n->st->now);
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
	for (int i = 0; i < POLLS && loop_wait(n->loop, 0) == LOOP_BATCH; i++)
		pump_dirty(n);
	pump_dirty(n);
}

static void settle(struct node *n)
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
static void rest(struct node *n)
{
	usec at = deadline(n);
	bool kick = false;

	if (!n->stand_in.on || n->driver)
		kick = at < n->asleep_until;
	else
		driver_leave(n, at);
	pthread_mutex_unlock(&n->lock);
	if (kick)
		node_kick(n);
}

void node_unlock(struct node *n)
{
	settle(n);
	rest(n);
}

static void recv_woken(struct node *n)
{
	for (int i = 0; i < n->n_if; i++) {
		struct iface *ifc = n->ifs[i];

		if (ifc->plug && __atomic_exchange_n(&ifc->woken, false, __ATOMIC_ACQUIRE))
			iface_recv(ifc);
	}
}

static void ring_alarms(struct node *n)
{
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

static void take_in(struct node *n)
{
	recv_woken(n);
	loop_wait(n->loop, 0);
	ring_alarms(n);
}

/* With the lock, which others have meanwhile. */
static void sleep_until(struct node *n, usec until)
{
	struct pollfd pfd = { .fd = loop_fd(n->loop), .events = POLLIN };
	struct timespec ts;
	usec left;

	n->asleep_until = MIN(deadline(n), until);
	left = n->asleep_until == NEVER ? NEVER : n->asleep_until - now_mono();
	pthread_mutex_unlock(&n->lock);
	if (left < 0)
		left = 0;
	ts = (struct timespec){ left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
	if (ppoll(&pfd, 1, left == NEVER ? NULL : &ts, NULL) < 0 && errno == EINTR)
		n->interrupted = true;
	node_lock(n);
	n->asleep_until = 0;
}

void node_drive(struct node *n)
{
	let_pass(n);
	pthread_mutex_lock(&n->lock);
	sleep_until(n, NEVER);
	take_in(n);
	node_unlock(n);
}

/* --- who waits drives --- */

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

void node_look(struct node *n)
{
	if (!n->hot)
		return;
	n->used_at = n->st->now;
	look(n);
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
}

void node_stand_in(struct node *n, bool heard)
{
	node_lock(n);
	if (heard)
		n->stand_in.watching = false;
	else
		n->stand_in.told = NEVER;
	if (!n->driver) {
		if (n->hot && n->st->now - n->used_at >= HOT_FOR)
			cool(n);
		look(n);
		take_in(n);
	}
	node_unlock(n);
}

static bool look_again(struct node *n)
{
	for (int i = 0; i < LOOKS; i++) {
		if (look(n))
			return true;
		__builtin_ia32_pause();
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

/* True: something came in. */
static bool look_around(struct node *n, const struct caller *c, usec until)
{
	usec now = now_mono(), left = spin_time(&n->spin, now);
	bool found = false;

	n->used_at = now;
	until = MIN(MIN(until, deadline(n)), now + left);
	if (until <= now)
		return false;
	heat(n);
	while (!found && now < until && !c->news) {
		if (__atomic_load_n(&n->waiting, __ATOMIC_RELAXED))
			make_way(n);
		found = look_again(n);
		if (!found && !spin_yield(&now))
			break;
	}
	stack_now(n->st, now_mono());
	return found;
}

/* Until there is news for us; or for somebody else, who is likely to be the next to
 * have some and had better drive himself: each of ours for him would wake two. */
static void drive(struct node *n, struct caller *c, usec until)
{
	usec began = n->st->now;

	n->driver = c;
	settle(n);
	n->interrupted = false;
	while (!c->news && !n->told_other && !n->interrupted && n->st->now < until) {
		if (!look_around(n, c, until)) {
			cool(n);
			driver_enter(n);
			sleep_until(n, until);
			take_in(n);
		}
		settle(n);
	}
	n->driver = NULL;
	n->used_at = n->st->now;
	spin_ended(&n->spin, n->st->now - began);
	if (!n->hot && spin_pays(&n->spin, n->st->now))
		heat(n);
}

void node_tell(struct node *n, struct caller *c)
{
	c->news = true;
	if (c == n->driver || !c->waits)
		return;
	n->told_other = true;
	pthread_cond_signal(&c->cond);
}

/* Somebody else drives, or the thread that stands in. */
static void wait_to_be_told(struct node *n, struct caller *c, usec until)
{
	struct timespec ts = { until / USEC_PER_SEC, until % USEC_PER_SEC * 1000 };

	settle(n);
	if (c->news)
		return;
	rest(n);
	pthread_mutex_lock(&n->lock);
	if (c->news)
		;
	else if (until == NEVER)
		pthread_cond_wait(&c->cond, &n->lock);
	else
		pthread_cond_clockwait(&c->cond, &n->lock, CLOCK_MONOTONIC, &ts);
	stack_now(n->st, now_mono());
}

/* signal(7): a call goes on after a handler with SA_RESTART, unless it has a timeout. Which
 * handler ran nobody tells: one without it, if there is any. */
static bool ends_calls(usec until)
{
	struct sigaction sa;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL &&
		    sa.sa_handler != SIG_IGN && (until != NEVER || !(sa.sa_flags & SA_RESTART)))
			return true;
	}
	return false;
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
