/* net.c - events, lanes, the switch, hosts
 *
 * A frame leaves a stack by host_out, crosses its host's up lane, is looked up
 * by destination MAC in the switch (flooded if it is a group's), crosses one
 * or more down lanes, and enters a stack. Everything happens as an event, so
 * no stack is ever entered from within another one, or from itself.
 *
 * A lane keeps the order of frames whatever the jitter, as cables do; only the
 * share given by reorder is overtaken. Arrivals on a lane are at least one
 * microsecond apart: two at the same instant would have no order.
 */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "proto/proto.h"

#define ARENA_LIMIT	((size_t)256 << 20)
#define START		(1000 * USEC_PER_SEC)

struct flight {
	struct event	ev;
	struct lane	*lane;
	bool		flipped;
	/* Offload notes of a frame that was not split. */
	uint8_t		sum;
	uint16_t	sum_start, sum_off, gso_size, gso_hlen;
	uint32_t	len;
	uint8_t		b[];
};

uint32_t sim_between(struct sim *sim, uint32_t lo, uint32_t hi)
{
	return lo + rng_below(&sim->rng, hi - lo + 1);
}

bool sim_chance(struct sim *sim, double p)
{
	return p > 0 && rng_double(&sim->rng) < p;
}

void event_at(struct sim *sim, struct event *ev, usec at)
{
	timer_set(&sim->events, &ev->t, at);
}

/* --- lanes --- */

static void arrive(struct sim *sim, struct event *ev);

static struct flight *flight_new(const void *b, size_t len)
{
	struct flight *f = xzalloc(sizeof(*f) + len);

	f->ev = (struct event){ TIMER_OFF, arrive };
	f->len = (uint32_t)len;
	memcpy(f->b, b, len);
	return f;
}

static struct flight *flight_copy(const struct flight *f)
{
	struct flight *c = xmalloc(sizeof(*f) + f->len);

	memcpy(c, f, sizeof(*f) + f->len);
	c->ev = (struct event){ TIMER_OFF, arrive };
	return c;
}

static uint64_t waiting(const struct sim *sim, const struct lane *l)
{
	return (uint64_t)MAX(l->free_at - sim->now, 0) * l->conf.rate / 1000000;
}

/* When the lane's transmitter is done with the frame; NEVER: the queue is full. */
static usec transmit(struct sim *sim, struct lane *l, uint32_t len)
{
	const struct lane_conf *c = &l->conf;

	if (!c->rate)
		return sim->now;
	if (waiting(sim, l) > c->queue)
		return NEVER;
	l->free_at = MAX(sim->now, l->free_at) + (usec)((uint64_t)len * 1000000 / c->rate);
	return l->free_at;
}

/* What a router does to an ECT packet instead of dropping it (RFC 3168 5). */
static void mark_ce(struct lane *l, uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	unsigned shift = v4 ? 0 : 4;	/* the class of IPv6 is four bits to the left */
	struct sum s = { 0 };
	be16 sum;

	if (!(ip[1] >> shift & ECN_MASK))
		return;
	ip[1] |= (uint8_t)(ECN_CE << shift);
	l->marked++;
	if (!v4)
		return;
	memset(ip + 10, 0, 2);
	sum_add(&s, ip, (ip[0] & 15) * 4u);
	sum = be16_put(sum_end(&s));
	memcpy(ip + 10, &sum, 2);
}

static usec arrival(struct sim *sim, struct lane *l, usec sent)
{
	const struct lane_conf *c = &l->conf;
	usec at = sent + c->delay;

	if (c->jitter)
		at += sim_between(sim, 0, (uint32_t)c->jitter);
	if (sim_chance(sim, c->reorder))
		return at + sim_between(sim, 1, c->hold ? c->hold :
					(uint32_t)(c->delay + c->jitter) + 1000);
	at = MAX(at, l->last + 1);
	l->last = at;
	return at;
}

static bool is_arp(const struct flight *f)
{
	return f->b[12] == ETHERTYPE_ARP >> 8 && f->b[13] == (ETHERTYPE_ARP & 0xff);
}

/* A bit anywhere after the Ethernet header; what has no checksum (ARP) or none yet
 * is lost. One bit only, on all the way: two may cancel out in the Internet sum. */
static bool corrupt(struct sim *sim, struct flight *f)
{
	uint32_t at = sim_between(sim, 14, f->len - 1), bit = sim_between(sim, 0, 7);

	if (f->sum == PKT_SUM_PARTIAL || is_arp(f))
		return false;
	if (!f->flipped)
		f->b[at] ^= (uint8_t)(1u << bit);
	f->flipped = true;
	return true;
}

static void launch(struct sim *sim, struct lane *l, struct flight *f, usec at)
{
	f->lane = l;
	sim->in_flight++;
	event_at(sim, &f->ev, at);
}

static void trace(const struct sim *sim, const struct lane *l, const struct flight *f,
		  const char *what)
{
	char buf[512];
	struct text t = text_of(buf, sizeof(buf));

	if (!sim->trace)
		return;
	frame_print(&t, f->b, f->len);
	printf("%10.6f host %u %s%s %s\n", (double)(sim->now - START) / 1e6, l->host->index + 1,
	       l->up ? "up" : "down", what, buf);
}

/* Takes f. */
static void lane_send(struct sim *sim, struct lane *l, struct flight *f)
{
	bool mark = l->conf.mark && waiting(sim, l) > l->conf.mark;
	usec sent = transmit(sim, l, f->len);

	l->frames++;
	if (mark && !is_arp(f))
		mark_ce(l, f->b + ETH_LEN);
	if (l->up)
		trace(sim, l, f, "");
	if (sent == NEVER) {
		l->overflowed++;
		trace(sim, l, f, " overflow");
		free(f);
		return;
	}
	if ((l->lose && l->lose(l, f->b, f->len)) || sim_chance(sim, l->conf.loss) ||
	    (sim_chance(sim, l->conf.corrupt) && !corrupt(sim, f))) {
		l->lost++;
		trace(sim, l, f, " lost");
		free(f);
		return;
	}
	if (sim_chance(sim, l->conf.dup))
		launch(sim, l, flight_copy(f), arrival(sim, l, sent));
	launch(sim, l, f, arrival(sim, l, sent));
}

/* --- the switch --- */

static struct host *owner(struct sim *sim, const uint8_t *mac)
{
	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (memcmp(sim->host[i]->mac.b, mac, 6) == 0)
			return sim->host[i];
	return NULL;
}

/* Takes f. */
static void switch_frame(struct sim *sim, const struct host *from, struct flight *f)
{
	struct host *to = f->b[0] & 1 ? NULL : owner(sim, f->b);

	if (to) {
		lane_send(sim, &to->down, f);
		return;
	}
	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (sim->host[i] != from)
			lane_send(sim, &sim->host[i]->down, flight_copy(f));
	free(f);
}

/* --- hosts --- */

static void deliver(struct host *h, const struct flight *f)
{
	struct pkt *pkt = wire_pkt(h->arena, f->b, f->len);

	if (!pkt)
		return;
	pkt->sum = f->sum;
	pkt->sum_start = f->sum_start;
	pkt->sum_off = f->sum_off;
	pkt->gso_size = f->gso_size;
	pkt->gso_hlen = f->gso_hlen;
	stack_now(h->st, h->sim->now);
	stack_input(h->st, h->nif, pkt);
	host_touch(h);
}

static void arrive(struct sim *sim, struct event *ev)
{
	struct flight *f = container_of(ev, struct flight, ev);
	struct host *h = f->lane->host;

	sim->in_flight--;
	if (f->lane->up) {
		switch_frame(sim, h, f);
		return;
	}
	deliver(h, f);
	free(f);
}

static void send_bytes(void *ctx, const uint8_t *b, size_t len)
{
	struct host *h = ctx;

	lane_send(h->sim, &h->up, flight_new(b, len));
}

static void send_whole(struct host *h, struct pkt *pkt)
{
	uint32_t len = pkt_len(pkt);
	struct flight *f = xzalloc(sizeof(*f) + len);

	f->ev = (struct event){ TIMER_OFF, arrive };
	f->len = len;
	pkt_copy(pkt, 0, f->b, len);
	f->sum = pkt->sum == PKT_SUM_PARTIAL ? PKT_SUM_PARTIAL : PKT_SUM_NONE;
	f->sum_start = pkt->sum_start;
	f->sum_off = pkt->sum_off;
	f->gso_size = pkt->gso_size;
	f->gso_hlen = pkt->gso_hlen;
	pkt_free(pkt);
	lane_send(h->sim, &h->up, f);
}

static void host_out(struct netif *nif, struct pkt *pkt)
{
	struct host *h = nif->ctx;

	if (h->offload)
		send_whole(h, pkt);
	else
		wire_split(pkt, send_bytes, h);
}

static const struct netif_ops netif_ops = { .out = host_out };

void sim_host_wake(struct sock *so)
{
	if (so->user)
		((struct host *)so->user)->woken = true;
}

void host_touch(struct host *h)
{
	stack_now(h->st, h->sim->now);
	stack_run(h->st);
	while (h->woken && h->app) {
		h->woken = false;
		h->app(h);
		stack_run(h->st);
	}
	event_at(h->sim, &h->ev, stack_deadline(h->st));
}

static void host_due(struct sim *sim, struct event *ev)
{
	host_touch(container_of(ev, struct host, ev));
}

static void lane_init(struct lane *l, struct host *h, bool up, const struct lane_conf *conf)
{
	*l = (struct lane){ .conf = *conf, .host = h, .up = up };
}

static void host_start(struct host *h, uint32_t mtu)
{
	h->st = stack_new(rng_u64(&h->sim->rng) | 1, h->sim->now);
	h->st->user = h;
	h->nif = netif_add(h->st, "eth0", h->mac, mtu, 0, &netif_ops, h);
	h->nif->arena = h->arena;
	netif_up(h->nif);
	netif_addr_add(h->nif, &h->ip4, 24);
	netif_addr_add(h->nif, &h->ip6, 64);
	host_touch(h);
}

struct host *sim_host(struct sim *sim, uint32_t mtu, const struct lane_conf *conf)
{
	struct host *h = xzalloc(sizeof(*h));
	uint8_t n = (uint8_t)(sim->n_hosts + 1);
	uint8_t v6[16] = { 0xfd, [15] = n };

	h->sim = sim;
	h->index = sim->n_hosts;
	h->mac = (struct mac){ { 2, 0, 0, 0, 0, n } };
	h->ip4 = IP4(10, 0, 0, n);
	h->ip6 = ip_from_v6(v6);
	h->ev = (struct event){ TIMER_OFF, host_due };
	lane_init(&h->up, h, true, conf);
	lane_init(&h->down, h, false, conf);
	h->arena = arena_heap_new(ARENA_LIMIT);
	sim->host[sim->n_hosts++] = h;
	host_start(h, mtu);
	return h;
}

void host_reboot(struct host *h)
{
	uint32_t mtu = h->nif->mtu;

	stack_free(h->st);
	h->woken = false;
	host_start(h, mtu);
}

/* --- time --- */

void sim_init(struct sim *sim, uint64_t seed)
{
	*sim = (struct sim){ .now = START };
	rng_seed(&sim->rng, seed);
	heap_init(&sim->events);
}

void sim_run(struct sim *sim, usec at, bool (*stop)(struct sim *sim))
{
	struct timer *t;
	usec d;

	while (!stop || !stop(sim)) {
		d = heap_deadline(&sim->events);
		if (d == NEVER || d > at)
			return;
		sim->now = MAX(sim->now, d);
		t = heap_pop_due(&sim->events, sim->now);
		if (t) {
			struct event *ev = container_of(t, struct event, t);

			ev->fire(sim, ev);
		}
	}
}

const char *host_leak(struct host *h)
{
	if (sock_next(h->st, NULL))
		return "a socket is left";
	if (arena_heap_used(h->arena) || arena_heap_used(h->st->heap))
		return "packets are left";
	return NULL;
}

static void host_free(struct host *h)
{
	event_at(h->sim, &h->ev, NEVER);
	stack_free(h->st);
	if (arena_heap_used(h->arena)) {
		fprintf(stderr, "sim: stack_free kept packets\n");
		abort();
	}
	arena_heap_unref(h->arena);
	free(h);
}

void sim_fini(struct sim *sim)
{
	struct timer *t;

	for (unsigned i = 0; i < sim->n_hosts; i++)
		host_free(sim->host[i]);
	while ((t = heap_pop_due(&sim->events, NEVER - 1))) {
		struct event *ev = container_of(t, struct event, t);

		if (ev->fire == arrive)
			free(container_of(ev, struct flight, ev));
	}
	heap_fini(&sim->events);
}
