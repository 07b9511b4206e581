/* many.c - hundreds of connections between many hosts at once
 *
 * One to three servers and up to twenty clients on a switch; each client opens
 * connections at random moments, many of them in bursts, with a request and an
 * answer of some kilobytes each. Ports, the listener's queues, the timers and
 * TIME-WAIT are what is exercised; the links lose a little.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net.h"
#include "sim.h"
#include "stream.h"

#define TIME_LIMIT	(3600 * USEC_PER_SEC)
#define PORT		80
#define MAX_CONNS	400
#define MTU		1500

struct pair {
	struct event	start;
	struct stream	c, s;
	struct many	*m;
	struct host	*server;
	uint16_t	port;		/* the client's, once connected */
	bool		started;
};

struct many {
	struct sim	sim;
	unsigned	servers, clients, n;
	bool		v6, over;
	struct sock	*listener[MAX_HOSTS];
	struct pair	pair[MAX_CONNS];
};

static struct many *many_of(struct sim *sim)
{
	return container_of(sim, struct many, sim);
}

static _Noreturn void give_up(const char *what, int e)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-e));
	exit(1);
}

/* The pair a connection belongs to: by the client's address and port. */
static struct pair *pair_of(struct many *m, struct host *server, struct sock *so)
{
	struct endpoint peer;

	sock_peer(so, &peer);
	for (unsigned i = 0; i < m->n; i++) {
		struct pair *p = &m->pair[i];
		struct host *c = p->c.host;

		if (p->started && p->server == server && p->port == peer.port && !p->s.so &&
		    !p->s.done && (ip_eq(&c->ip4, &peer.addr) || ip_eq(&c->ip6, &peer.addr)))
			return p;
	}
	return NULL;
}

static void take(struct many *m, struct host *h)
{
	struct sock *so;

	while (m->listener[h->index] && sock_accept(m->listener[h->index], &so) == 0) {
		struct pair *p = pair_of(m, h, so);

		if (!p)
			give_up("accept of a connection nobody made", -EPROTO);
		p->s.so = so;
		so->user = h;
		so->wake = sim_host_wake;
	}
}

static void app(struct host *h)
{
	struct many *m = many_of(h->sim);

	take(m, h);
	for (unsigned i = 0; i < m->n; i++) {
		struct pair *p = &m->pair[i];

		if (p->c.host == h)
			stream_step(&p->c);
		if (p->server == h)
			stream_step(&p->s);
	}
}

static void start(struct sim *sim, struct event *ev)
{
	struct pair *p = container_of(ev, struct pair, start);
	struct many *m = p->m;
	struct endpoint ep = { m->v6 ? p->server->ip6 : p->server->ip4, PORT, 0 }, local;
	int e = sock_new(p->c.host->st, m->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &p->c.so);

	if (e < 0)
		give_up("sock_new", e);
	p->c.so->user = p->c.host;
	p->c.so->wake = sim_host_wake;
	e = sock_connect(p->c.so, &ep);
	if (e != -EINPROGRESS)
		give_up("connect", e);
	sock_local(p->c.so, &local);
	p->port = local.port;
	p->started = true;
	host_touch(p->c.host);
}

static void pair_init(struct many *m, struct pair *p)
{
	struct sim *sim = &m->sim;
	struct sock none = { 0 };
	struct host *client = sim->host[sim_between(sim, m->servers, sim->n_hosts - 1)];

	p->m = m;
	p->server = sim->host[sim_between(sim, 0, m->servers - 1)];
	stream_init(&p->c, client, &none);
	stream_init(&p->s, p->server, &none);
	p->c.so = p->s.so = NULL;
	p->c.total = p->s.expect = sim_between(sim, 1, 2000);
	p->s.total = p->c.expect = sim_between(sim, 1, 30000);
	p->c.out_key = p->s.in_key = sim_between(sim, 0, 1000000);
	p->s.out_key = p->c.in_key = sim_between(sim, 0, 1000000);
	p->start = (struct event){ TIMER_OFF, start };
	event_at(sim, &p->start, sim->now + sim_between(sim, 0, 20) * 100000);
}

static void listen_on(struct many *m, struct host *h)
{
	struct endpoint ep = { m->v6 ? IP6_ANY : IP4_ANY, PORT, 0 };
	struct sock **so = &m->listener[h->index];
	int e = sock_new(h->st, m->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, so);

	if (e < 0 || (e = sock_bind(*so, &ep)) < 0 || (e = sock_listen(*so, 128)) < 0)
		give_up("listen", e);
	(*so)->user = h;
	(*so)->wake = sim_host_wake;
}

static void set_up(struct many *m, uint64_t seed, unsigned verbose)
{
	struct sim *sim = &m->sim;
	struct lane_conf lane = { 0 };

	sim_init(sim, seed);
	sim->trace = verbose > 1;
	m->v6 = sim_chance(sim, 0.5);
	m->servers = sim_between(sim, 1, 3);
	m->clients = sim_between(sim, 1, 20);
	m->n = sim_between(sim, 100, MAX_CONNS);
	for (unsigned i = 0; i < m->servers + m->clients; i++) {
		lane.delay = sim_between(sim, 10, 20000);
		lane.loss = sim_chance(sim, 0.5) ? 0.01 : 0;
		sim_host(sim, MTU, &lane)->app = app;
	}
	sim_run(sim, sim->now + 5 * USEC_PER_SEC, NULL);
	for (unsigned i = 0; i < m->servers; i++)
		listen_on(m, sim->host[i]);
	for (unsigned i = 0; i < m->n; i++)
		pair_init(m, &m->pair[i]);
}

static bool all_done(struct sim *sim)
{
	struct many *m = many_of(sim);

	for (unsigned i = 0; i < m->n; i++)
		if (!m->pair[i].c.done || (!m->pair[i].s.done && !m->pair[i].c.error))
			return false;
	return true;
}

static bool all_gone(struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (sock_next(sim->host[i]->st, NULL))
			return false;
	return !sim->in_flight;
}

static int stream_bad(const char *who, unsigned i, const struct stream *s)
{
	if (!s->error && s->done && s->recvd == s->expect)
		return 0;
	fprintf(stderr, "  %s %u: sent %u of %u, received %u of %u: %s %s\n", who, i, s->sent,
		s->total, s->recvd, s->expect, s->error ? s->error : "not done",
		s->error_no ? strerror(s->error_no) : "");
	return 1;
}

static int report(struct many *m, uint64_t seed, unsigned verbose)
{
	int bad = 0;

	for (unsigned i = 0; i < m->n; i++)
		bad |= stream_bad("client", i, &m->pair[i].c) |
		       stream_bad("server", i, &m->pair[i].s);
	for (unsigned i = 0; i < m->sim.n_hosts; i++) {
		const char *leak = host_leak(m->sim.host[i]);

		if (leak) {
			fprintf(stderr, "  host %u: %s\n", i, leak);
			bad = 1;
		}
	}
	if (bad || verbose)
		fprintf(stderr, "seed %lu: %s %u servers %u clients %u connections\n",
			(unsigned long)seed, m->v6 ? "ip6" : "ip4", m->servers, m->clients,
			m->n);
	return bad;
}

int many_one(uint64_t seed, unsigned verbose)
{
	struct many *m = xzalloc(sizeof(*m));
	int bad;

	set_up(m, seed, verbose);
	sim_run(&m->sim, m->sim.now + TIME_LIMIT, all_done);
	for (unsigned i = 0; i < m->servers; i++) {
		sock_close(m->listener[i]);
		m->listener[i] = NULL;
		host_touch(m->sim.host[i]);
	}
	sim_run(&m->sim, m->sim.now + TIME_LIMIT, all_gone);
	bad = report(m, seed, verbose);
	sim_fini(&m->sim);
	free(m);
	return bad;
}
