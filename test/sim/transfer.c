/* transfer.c - every byte arrives, whatever the link does
 *
 * Each seed draws a link (delay, jitter, loss, reordering, duplication,
 * corruption, rate, queue), two hosts (MTU, offload, parameters) and one to
 * four connections with data both ways. It passes when every stream ended with
 * exactly the bytes that were sent and, after the TIME-WAITs, both stacks hold
 * no socket and no packet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim.h"
#include "transfer.h"

#define TIME_LIMIT	(4 * 3600 * USEC_PER_SEC)
#define PORT		80

static double maybe(struct sim *sim, double p, double max)
{
	return sim_chance(sim, p) ? rng_double(&sim->rng) * max : 0;
}

static uint32_t pick(struct sim *sim, const uint32_t *v, uint32_t n)
{
	return v[sim_between(sim, 0, n - 1)];
}

static void draw_lane(struct sim *sim, struct lane_conf *l)
{
	static const uint32_t delays[] = { 0, 50, 1000, 5000, 20000, 100000 };
	static const uint32_t rates[] = { 0, 0, 100000, 1250000, 12500000 };

	*l = (struct lane_conf){
		.delay = pick(sim, delays, ARRAY_LEN(delays)),
		.loss = maybe(sim, 0.5, 0.04),
		.dup = maybe(sim, 0.3, 0.05),
		.reorder = maybe(sim, 0.4, 0.10),
		.corrupt = maybe(sim, 0.3, 0.01),
		.rate = pick(sim, rates, ARRAY_LEN(rates)),
		.queue = sim_between(sim, 10000, 500000),
	};
	if (sim_chance(sim, 0.4))
		l->jitter = sim_between(sim, 1, (uint32_t)l->delay + 100);
}

static void draw(struct sim *sim, struct plan *p)
{
	static const uint32_t mtus[] = { 1500, 1500, 1500, 9000, 576 };

	p->v6 = sim_chance(sim, 0.5);
	p->mtu = pick(sim, mtus, ARRAY_LEN(mtus));
	if (p->v6 && p->mtu < 1280)
		p->mtu = 1280;
	p->flows = sim_between(sim, 1, MAX_FLOWS);
	draw_lane(sim, &p->lane);
}

static void draw_host(struct sim *sim, struct host *h)
{
	static const char *const rmem[] = {
		"4096 131072 6291456", "4096 8192 65536", "4096 65536 65536",
	};

	if (sim_chance(sim, 0.2))
		stack_set(h->st, "tcp_sack", "0");
	if (sim_chance(sim, 0.2))
		stack_set(h->st, "tcp_timestamps", "0");
	if (sim_chance(sim, 0.2))
		stack_set(h->st, "tcp_window_scaling", "0");
	stack_set(h->st, "tcp_rmem", rmem[sim_between(sim, 0, 2)]);
	if (sim_chance(sim, 0.3))
		stack_set(h->st, "tcp_wmem", "4096 16384 65536");
	h->offload = sim_chance(sim, 0.3);
}

/* Small more often than large: up to 10 kB, 20 kB ... 2.5 MB; sometimes nothing. */
static uint32_t draw_size(struct sim *sim)
{
	uint32_t top = 10000u << sim_between(sim, 0, 8);

	return sim_chance(sim, 0.1) ? 0 : sim_between(sim, 1, top);
}

static struct sock *sock_or_die(struct host *h, bool v6)
{
	struct sock *so;
	int r = sock_new(h->st, v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &so);

	if (r < 0) {
		fprintf(stderr, "sock_new: %s\n", strerror(-r));
		exit(1);
	}
	return so;
}

/* Without an address or a route one is told at once: he tries again in a second. */
static void connect_later(struct run *r, struct stream *c)
{
	sock_close(c->so);
	c->so = NULL;
	c->done = true;
	c->error_no = EHOSTUNREACH;
	event_at(&r->sim, &c->resume, r->sim.now + USEC_PER_SEC);
}

static void connect_flow(struct run *r, unsigned i)
{
	struct endpoint ep = { r->plan.v6 ? r->server->ip6 : r->server->ip4, PORT, 0 };
	int e = sock_connect(r->c[i]->so, &ep);

	if (r->mischief && (e == -ENETUNREACH || e == -EHOSTUNREACH)) {
		connect_later(r, r->c[i]);
		return;
	}
	if (e != -EINPROGRESS && !(e == 0 && r->mischief)) {	/* 0: Fast Open */
		fprintf(stderr, "connect: %s\n", strerror(-e));
		exit(1);
	}
}

/* A lossy link can lose all questions for the neighbour: then one tries again. */
static bool unreachable(const struct run *r, unsigned i)
{
	const struct stream *c = r->c[i];

	if (r->mischief && mischief_excuses(r, c, i))
		return false;
	return c->done && c->resume.t.at == NEVER && c->error_no == EHOSTUNREACH && !c->recvd &&
	       !r->s[i]->so;
}

static void again(struct run *r, unsigned i)
{
	struct stream *c = r->c[i];

	c->done = c->shut = c->paused = false;
	c->error = NULL;
	c->error_no = 0;
	c->sent = 0;
	c->so = sock_or_die(r->client, r->plan.v6);
	c->so->user = r->client;
	c->so->wake = sim_host_wake;
	if (r->mischief)
		mischief_dial(r, i);
	connect_flow(r, i);
}

static void client_app(struct host *h)
{
	struct run *r = run_of(h);

	for (unsigned i = 0; i < r->plan.flows; i++) {
		stream_step(r->c[i]);
		if (unreachable(r, i))
			again(r, i);
	}
}

/* The client's port says which flow it is: the order of arrival is the link's. */
static struct stream *flow_of(struct run *r, struct sock *so)
{
	struct endpoint peer, local;

	sock_peer(so, &peer);
	for (unsigned i = 0; i < r->plan.flows; i++) {
		struct stream *c = r->c[i];

		if (c->so && sock_local(c->so, &local) == 0 && local.port == peer.port)
			return r->s[i];
	}
	return NULL;
}

static void take(struct run *r, struct sock *so)
{
	struct stream *s = flow_of(r, so);

	if (!s || s->so || s->done) {
		if (!r->mischief) {
			fprintf(stderr, "a connection nobody made was accepted\n");
			exit(1);
		}
		sock_close(so);		/* whoever made it has given up, or never was */
		return;
	}
	if (r->mischief)
		mischief_watch(so);
	s->so = so;
	so->user = r->server;
	so->wake = sim_host_wake;
	s->started = r->sim.now;
	r->accepted++;
}

static void server_app(struct host *h)
{
	struct run *r = run_of(h);
	struct sock *so;

	while (r->listener && !r->deaf && sock_accept(r->listener, &so) == 0)
		take(r, so);
	for (unsigned i = 0; i < r->plan.flows; i++)
		if (r->s[i]->so)
			stream_step(r->s[i]);
}

void transfer_serve(struct run *r)
{
	struct endpoint ep = { r->plan.v6 ? IP6_ANY : IP4_ANY, PORT, 0 };

	r->listener = sock_or_die(r->server, r->plan.v6);
	r->listener->user = r->server;
	r->listener->wake = sim_host_wake;
	if (sock_bind(r->listener, &ep) < 0 || sock_listen(r->listener, BACKLOG) < 0) {
		fprintf(stderr, "bind or listen failed\n");
		exit(1);
	}
}

static void shape(struct sim *sim, struct stream *s, struct stream *peer)
{
	s->total = peer->expect = draw_size(sim);
	s->out_key = peer->in_key = sim_between(sim, 0, 1000000);
	s->chunk = 1u << sim_between(sim, 4, 16);
	s->pause = sim_chance(sim, 0.3) ? 0.02 : 0;
	s->pause_max = sim_between(sim, 1, 1000000);
}

static void make_flow(struct run *r, unsigned i)
{
	struct sock *so = sock_or_die(r->client, r->plan.v6), none = { 0 };
	struct sim *sim = &r->sim;

	r->c[i] = xzalloc(sizeof(struct stream));
	r->s[i] = xzalloc(sizeof(struct stream));
	stream_init(r->c[i], r->client, so);
	stream_init(r->s[i], r->server, &none);
	r->s[i]->so = NULL;
	shape(sim, r->c[i], r->s[i]);
	shape(sim, r->s[i], r->c[i]);
}

static bool all_done(struct sim *sim)
{
	struct run *r = container_of(sim, struct run, sim);

	for (unsigned i = 0; i < r->plan.flows; i++)
		if (!r->c[i]->done || (r->mischief && r->s[i]->so) ||
		    (!r->s[i]->done && !r->c[i]->error))
			return false;
	return true;
}

static bool all_gone(struct sim *sim)
{
	struct run *r = container_of(sim, struct run, sim);

	return !sock_next(r->client->st, NULL) && !sock_next(r->server->st, NULL) &&
	       !sim->in_flight;
}

static void print_plan(const struct plan *p)
{
	const struct lane_conf *l = &p->lane;

	fprintf(stderr, "seed %lu: %s mtu %u flows %u delay %ldus jitter %ldus loss %.4f dup %.4f "
		"reorder %.4f corrupt %.4f rate %lu queue %u\n", (unsigned long)p->seed,
		p->v6 ? "ip6" : "ip4", p->mtu, p->flows, (long)l->delay, (long)l->jitter,
		l->loss, l->dup, l->reorder, l->corrupt, (unsigned long)l->rate, l->queue);
}

static int stream_report(const struct run *r, const char *who, unsigned i,
			 const struct stream *s, unsigned verbose)
{
	bool bad = s->error || !s->done || s->recvd != s->expect;

	if (bad && r->mischief && mischief_excuses(r, s, i))
		bad = false;

	if (bad || verbose)
		fprintf(stderr, "  %s %u: sent %u of %u, received %u of %u%s%s %s in %.3f s\n", who,
			i, s->sent, s->total, s->recvd, s->expect, s->error ? ", " : "",
			s->error ? s->error : "", s->error_no ? strerror(s->error_no) : "",
			(double)(s->ended - s->started) / 1e6);
	return bad;
}

static int report(struct run *r, unsigned verbose)
{
	const char *leak[2] = { host_leak(r->client), host_leak(r->server) };
	int bad = 0;

	for (unsigned i = 0; i < r->plan.flows; i++) {
		bad |= stream_report(r, "client", i, r->c[i], verbose);
		bad |= stream_report(r, "server", i, r->s[i], verbose);
	}
	for (int i = 0; i < 2; i++) {
		if (leak[i]) {
			fprintf(stderr, "  %s: %s\n", i ? "server" : "client", leak[i]);
			bad = 1;
		}
	}
	return bad;
}

static void set_up(struct run *r, uint64_t seed, unsigned verbose)
{
	sim_init(&r->sim, seed);
	r->sim.trace = verbose > 1;
	r->plan.seed = seed;
	draw(&r->sim, &r->plan);
	r->client = sim_host(&r->sim, r->plan.mtu, &r->plan.lane);
	r->server = sim_host(&r->sim, r->plan.mtu, &r->plan.lane);
	draw_host(&r->sim, r->client);
	draw_host(&r->sim, r->server);
	r->client->app = client_app;
	r->server->app = server_app;
	sim_run(&r->sim, r->sim.now + 5 * USEC_PER_SEC, NULL);	/* DAD */
	transfer_serve(r);
	for (unsigned i = 0; i < r->plan.flows; i++)
		make_flow(r, i);
	if (r->mischief)
		mischief_start(r);
	for (unsigned i = 0; i < r->plan.flows; i++) {
		if (r->mischief)
			mischief_dial(r, i);
		connect_flow(r, i);
	}
	host_touch(r->client);
}

static int run_one(uint64_t seed, unsigned verbose, struct mischief *m)
{
	struct run *r = xzalloc(sizeof(*r));
	int bad;

	r->mischief = m;
	set_up(r, seed, verbose);
	if (verbose)
		print_plan(&r->plan);
	sim_run(&r->sim, r->sim.now + TIME_LIMIT, all_done);
	if (m)
		mischief_stop(r);
	if (r->listener)
		sock_close(r->listener);
	r->listener = NULL;
	host_touch(r->server);
	sim_run(&r->sim, r->sim.now + TIME_LIMIT, all_gone);
	bad = report(r, verbose);
	if (bad && !verbose)
		print_plan(&r->plan);
	if (m && (bad || verbose))
		mischief_print(m);
	sim_fini(&r->sim);
	for (unsigned i = 0; i < r->plan.flows; i++) {
		free(r->c[i]);
		free(r->s[i]);
	}
	free(r);
	return bad;
}

int transfer_one(uint64_t seed, unsigned verbose)
{
	return run_one(seed, verbose, NULL);
}

int chaos_one(uint64_t seed, unsigned verbose)
{
	struct mischief m = { 0 };

	return run_one(seed, verbose, &m);
}
