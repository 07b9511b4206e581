/* repair.c - the time to repair chosen losses, for the golden table
 *
 * A transfer of 30 segments over 1.25 MB/s, of which some are lost on purpose, once or
 * with what is sent again for them. The table tells the time from connect to the end
 * of the data, in virtual milliseconds: without a loss first, then what each costs.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "net.h"
#include "sim.h"
#include "stream.h"

#define MSS		1448	/* of 1500, with timestamps */
#define SEGMENTS	30
#define RATE		1250000
#define QUEUE		128000
#define PORT		80
#define TIME_LIMIT	(600 * USEC_PER_SEC)
#define DATA_MIN	100	/* bytes of a frame that has data */

/* Segments from .. to, counted from 1, are lost so many times each. */
static const struct kind {
	const char	*name;
	int		from, to, times;
} kinds[] = {
	{ "none",		0,  0, 0 },
	{ "first",		1,  1, 1 },
	{ "middle",		15, 15, 1 },
	{ "middle_twice",	15, 15, 2 },
	{ "middle_five",	13, 17, 1 },
	{ "every_of_ten",	1, 10, 1 },
	{ "last",		30, 30, 1 },
	{ "last_twice",		30, 30, 2 },
	{ "last_three",		28, 30, 1 },
	{ "last_ten",		21, 30, 1 },
};

struct repair {
	struct sim	sim;
	struct sock	*listener;
	struct stream	c, s;
	const struct kind *kind;
	uint32_t	first;		/* sequence number of the first segment */
	int		seen[SEGMENTS + 1];
};

static struct repair *repair_of(struct sim *sim)
{
	return container_of(sim, struct repair, sim);
}

/* IPv4 and TCP without IP options. */
static bool lose(struct lane *l, const uint8_t *b, size_t len)
{
	struct repair *r = repair_of(l->host->sim);
	uint32_t seq = (uint32_t)b[38] << 24 | (uint32_t)b[39] << 16 | (uint32_t)b[40] << 8 | b[41];
	int i;

	if (len < DATA_MIN)
		return false;
	if (!r->first)
		r->first = seq;
	i = (int)((seq - r->first) / MSS) + 1;
	if (i < r->kind->from || i > r->kind->to)
		return false;
	return ++r->seen[i] <= r->kind->times;
}

static void client_app(struct host *h)
{
	stream_step(&repair_of(h->sim)->c);
}

static void server_app(struct host *h)
{
	struct repair *r = repair_of(h->sim);

	stream_serve(&r->s, r->listener);
}

static bool done(struct sim *sim)
{
	return repair_of(sim)->s.done;
}

static void listen_at(struct repair *r, struct host *h)
{
	struct endpoint ep = { IP4_ANY, PORT, 0 };

	sock_new(h->st, AF_INET, SOCK_STREAM, 0, &r->listener);
	sock_bind(r->listener, &ep);
	sock_listen(r->listener, 1);
	r->listener->user = h;
	r->listener->wake = sim_host_wake;
	stream_init(&r->s, h, r->listener);
	r->s.so = NULL;
	r->s.expect = SEGMENTS * MSS;
	r->s.chunk = 65536;
}

static void connect_from(struct repair *r, struct host *h, struct ip_addr to)
{
	struct endpoint ep = { to, PORT, 0 };
	struct sock *so;

	sock_new(h->st, AF_INET, SOCK_STREAM, 0, &so);
	stream_init(&r->c, h, so);
	so->user = h;
	r->c.total = SEGMENTS * MSS;
	r->c.chunk = 65536;
	sock_connect(so, &ep);
	host_touch(h);
}

/* Milliseconds until the server has all; 0: it did not end. */
static unsigned measure(const struct kind *k, usec delay)
{
	struct lane_conf slow = { .delay = delay, .rate = RATE, .queue = QUEUE };
	struct lane_conf fast = { .delay = 0 };
	struct repair *r = xzalloc(sizeof(*r));
	struct host *client, *server;
	unsigned ms;

	r->kind = k;
	sim_init(&r->sim, 1);
	client = sim_host(&r->sim, 1500, &slow);
	server = sim_host(&r->sim, 1500, &fast);
	client->app = client_app;
	server->app = server_app;
	client->up.lose = lose;
	sim_run(&r->sim, r->sim.now + 30 * USEC_PER_SEC, NULL);
	listen_at(r, server);
	connect_from(r, client, server->ip4);
	sim_run(&r->sim, r->sim.now + TIME_LIMIT, done);
	ms = r->s.done && !r->s.error ?
		(unsigned)((r->s.ended - r->c.started) / USEC_PER_MSEC) : 0;
	sim_fini(&r->sim);
	free(r);
	return ms;
}

void repair_table(struct text *t)
{
	static const usec delays[] = { 1000, 20000 };

	text_add(t, "# ms to send 30 segments, of which some are lost\n");
	text_add(t, "# lost        delay_ms    ms\n");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (size_t k = 0; k < ARRAY_LEN(delays); k++)
			text_add(t, "%-13s %8d  %4u\n", kinds[i].name, (int)(delays[k] / 1000),
				 measure(&kinds[i], delays[k]));
}
