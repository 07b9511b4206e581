/* hole.c - a path that drops large packets and says nothing
 *
 * Both hosts have 1500 octets, the path between them has less, and the router that
 * should tell is mute. A transfer of a megabyte must end where tcp_mtu_probing is 1
 * or 2, and its segments must have found the size of the path by then; where it is 0 it must
 * not end, or the path is not what it should be.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net.h"
#include "sim.h"
#include "stack/tcp.h"
#include "stream.h"

#define PORT		80
#define SIZE		1000000
#define TIME_LIMIT	(120 * USEC_PER_SEC)
#define FAR		40	/* bytes that a search may leave unused */

static const struct way {
	const char	*probing;
	bool		v6;
	uint32_t	mtu;
} ways[] = {
	{ "1", false, 1400 }, { "1", true, 1400 }, { "1", false, 600 },
	{ "2", false, 1400 }, { "2", true, 1280 }, { "2", false, 1500 },
	{ "0", false, 1400 },
};

struct hole {
	struct sim	sim;
	const struct way *way;
	struct sock	*listener;
	struct stream	c, s;
	uint32_t	largest;	/* packet that passed */
};

static struct hole *hole_of(struct sim *sim)
{
	return container_of(sim, struct hole, sim);
}

static bool lose(struct lane *l, const uint8_t *frame, size_t len)
{
	struct hole *h = hole_of(l->host->sim);

	if (len > ETH_LEN + h->way->mtu)
		return true;
	h->largest = MAX(h->largest, (uint32_t)len - ETH_LEN);
	return false;
}

static void client_app(struct host *h)
{
	stream_step(&hole_of(h->sim)->c);
}

static void server_app(struct host *h)
{
	struct hole *o = hole_of(h->sim);

	stream_serve(&o->s, o->listener);
}

static bool done(struct sim *sim)
{
	return hole_of(sim)->s.done;
}

static struct sock *sock_of(struct host *host, bool v6)
{
	struct sock *so;

	if (sock_new(host->st, v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &so) < 0)
		abort();
	so->user = host;
	so->wake = sim_host_wake;
	return so;
}

static void join(struct hole *h, struct host *client, struct host *server)
{
	bool v6 = h->way->v6;
	struct endpoint at = { v6 ? IP6_ANY : IP4_ANY, PORT, 0 };
	struct endpoint to = { v6 ? server->ip6 : server->ip4, PORT, 0 };
	struct sock *so = sock_of(client, v6);

	h->listener = sock_of(server, v6);
	sock_bind(h->listener, &at);
	sock_listen(h->listener, 1);
	stream_init(&h->s, server, h->listener);
	h->s.so = NULL;
	stream_init(&h->c, client, so);
	h->s.expect = h->c.total = SIZE;
	h->s.chunk = h->c.chunk = 65536;
	sock_connect(so, &to);
	host_touch(client);
}

static bool as_it_should(const struct hole *h)
{
	bool all = h->s.done && !h->s.error && h->s.recvd == SIZE;

	if (h->way->probing[0] == '0')
		return !all;
	return all && h->largest + FAR >= h->way->mtu;
}

static void one(const struct way *way, struct tally *t)
{
	struct lane_conf conf = { .delay = 10000, .rate = 1250000, .queue = 128000 };
	struct hole *h = xzalloc(sizeof(*h));
	struct host *client, *server;
	bool good;

	h->way = way;
	sim_init(&h->sim, 1);
	client = sim_host(&h->sim, 1500, &conf);
	server = sim_host(&h->sim, 1500, &conf);
	stack_set(client->st, "tcp_mtu_probing", way->probing);
	client->app = client_app;
	server->app = server_app;
	client->up.lose = lose;
	sim_run(&h->sim, h->sim.now + 5 * USEC_PER_SEC, NULL);
	join(h, client, server);
	sim_run(&h->sim, h->sim.now + TIME_LIMIT, done);
	good = as_it_should(h);
	t->passed += good;
	t->failed += !good;
	printf("%s probing %s, %s, path of %u: %u bytes in %ld ms, packets up to %u\n",
	       good ? "hole:" : "FAIL hole:", way->probing, way->v6 ? "ip6" : "ip4", way->mtu,
	       h->s.recvd, (long)((h->s.done ? h->s.ended - h->c.started : 0) / USEC_PER_MSEC),
	       h->largest);
	sim_fini(&h->sim);
	free(h);
}

void hole_run(struct tally *t)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		one(&ways[i], t);
}
