/* late.c - a short path that loses frames and holds some back for many round trips
 *
 * On a path of 0.1 ms a frame that is held for up to 2 ms is overtaken by some hundred:
 * it is sent again before it comes, so most of what seems lost was not, and nearly always
 * something is missing. The rows tell what one flow carries in spite of that, in kB/s of
 * goodput over TIME: the median of SEEDS throws. No rate limits it, only its window.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "net.h"
#include "sim.h"
#include "stream.h"

#define PORT	80
#define MTU	1500
#define DELAY	50
#define HOLD	2000
#define TIME	(300 * USEC_PER_MSEC)
#define SEEDS	5

static const struct case_of {
	const char	*cc;
	double		loss, reorder;
} cases[] = {
	{ "cubic", 0, 0.02 },
	{ "cubic", 0.01, 0.02 },
	{ "cubic", 0.03, 0.02 },
	{ "reno", 0.01, 0.02 },
};

struct late {
	struct sim	sim;
	struct sock	*listener;
	struct stream	out, in;
};

static struct late *of(struct host *h)
{
	return container_of(h->sim, struct late, sim);
}

static void client_app(struct host *h) { stream_step(&of(h)->out); }
static void server_app(struct host *h) { stream_serve(&of(h)->in, of(h)->listener); }

static void serve(struct late *l, struct host *h)
{
	struct endpoint ep = { IP4_ANY, PORT, 0 };

	sock_new(h->st, AF_INET, SOCK_STREAM, 0, &l->listener);
	sock_bind(l->listener, &ep);
	sock_listen(l->listener, 1);
	stream_init(&l->in, h, l->listener);
	l->in.so = NULL;
	l->in.chunk = 65536;
	l->in.expect = UINT32_MAX;
}

static void start(struct late *l, struct host *h, struct ip_addr to)
{
	struct endpoint ep = { to, PORT, 0 };
	struct sock *so;

	sock_new(h->st, AF_INET, SOCK_STREAM, 0, &so);
	stream_init(&l->out, h, so);
	l->out.total = UINT32_MAX;
	l->out.chunk = 65536;
	sock_connect(so, &ep);
	host_touch(h);
}

static bool accepted(struct sim *sim)
{
	return container_of(sim, struct late, sim)->in.so;
}

static unsigned measure(const struct case_of *c, uint64_t seed)
{
	struct lane_conf none = { .delay = 0 }, good = { .delay = DELAY }, bad = {
		.delay = DELAY, .loss = c->loss, .reorder = c->reorder, .hold = HOLD,
	};
	struct late *l = xzalloc(sizeof(*l));
	struct host *client, *server;
	unsigned speed;

	sim_init(&l->sim, 1);
	client = sim_host(&l->sim, MTU, &good);
	server = sim_host(&l->sim, MTU, &none);
	client->app = client_app;
	server->app = server_app;
	stack_set(client->st, "tcp_congestion_control", c->cc);
	sim_run(&l->sim, l->sim.now + 5 * USEC_PER_SEC, NULL);
	serve(l, server);
	start(l, client, server->ip4);
	sim_run(&l->sim, l->sim.now + TIME, accepted);
	rng_seed(&l->sim.rng, seed);
	client->up.conf = client->down.conf = bad;
	sim_run(&l->sim, l->sim.now + TIME, NULL);
	speed = l->in.recvd / (TIME / 1000);
	sim_fini(&l->sim);
	free(l);
	return speed;
}

static int order(const void *a, const void *b)
{
	return (int)*(const unsigned *)a - (int)*(const unsigned *)b;
}

static unsigned median(const struct case_of *c)
{
	unsigned v[SEEDS];

	for (unsigned i = 0; i < SEEDS; i++)
		v[i] = measure(c, i + 1);
	qsort(v, SEEDS, sizeof(v[0]), order);
	return v[SEEDS / 2];
}

void late_table(struct text *t)
{
	text_add(t, "# a path of %d us each way that holds frames back for up to %d us: kB/s\n",
		 DELAY, HOLD);
	text_add(t, "# cc    loss%%  reordered%%   kB/s\n");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		text_add(t, "%-5s %6.1f  %10.1f  %5u\n", cases[i].cc, cases[i].loss * 100,
			 cases[i].reorder * 100, median(&cases[i]));
}
