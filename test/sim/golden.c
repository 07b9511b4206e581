/* golden.c - throughput by loss, delay and buffer, compared with a table
 *
 * Its other parts are in share.c (two flows), repair.c (chosen losses) and late.c
 * (overtaken frames). Transfers of 4 MB over a bottleneck of 1.25 MB/s (10 Mbit/s), for each combination: the median of
 * SEEDS of them where frames are lost, since one throw of the dice moves a cell by half;
 * the time is virtual and the seeds fixed, so the table is the same on every machine and
 * any difference is a change of the engine's behaviour. A wanted one is committed with
 * "sim golden -w" and reviewed as a diff.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "net.h"
#include "sim.h"
#include "stack/nd.h"
#include "stream.h"

#define BYTES		(4u << 20)
#define RATE		1250000
#define PORT		80
#define MTU		1500
#define TIME_LIMIT	(3600 * USEC_PER_SEC)
#define TABLE_SIZE	16384
#define SEEDS		7

static const char *const ccs[] = { "reno", "cubic" };
static const double losses[] = { 0, 0.001, 0.01, 0.05 };
static const usec delays[] = { 1000, 10000, 50000 };	/* one way */
static const uint32_t queues[] = { 8000, 32000, 128000 };

struct golden {
	struct sim	sim;
	struct sock	*listener;
	struct stream	c, s;
};

static void client_app(struct host *h)
{
	stream_step(&container_of(h->sim, struct golden, sim)->c);
}

static void server_app(struct host *h)
{
	struct golden *g = container_of(h->sim, struct golden, sim);
	struct sock *so;

	if (!g->s.so && !g->s.done && sock_accept(g->listener, &so) == 0) {
		g->s.so = so;
		so->user = h;
		so->wake = sim_host_wake;
	}
	stream_step(&g->s);
}

static bool done(struct sim *sim)
{
	return container_of(sim, struct golden, sim)->s.done;
}

static void open_both(struct golden *g, struct host *client, struct host *server)
{
	struct endpoint ep = { IP4_ANY, PORT, 0 };
	struct sock *so;

	sock_new(server->st, AF_INET, SOCK_STREAM, 0, &g->listener);
	sock_bind(g->listener, &ep);
	sock_listen(g->listener, 1);
	g->listener->user = server;
	g->listener->wake = sim_host_wake;
	sock_new(client->st, AF_INET, SOCK_STREAM, 0, &so);
	stream_init(&g->c, client, so);
	stream_init(&g->s, server, so);
	g->s.so = NULL;
	so->user = client;
	g->c.total = g->s.expect = BYTES;
	g->c.chunk = g->s.chunk = 65536;
	ep.addr = server->ip4;
	sock_connect(so, &ep);
	host_touch(client);
}

/* Which frames are lost does not depend on what was said at start-up, nor on
 * what hosts say from time to time. */
static void settled(struct sim *sim, uint64_t seed)
{
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		solicit_end(sim->host[i]->nif);
		rng_seed(&sim->host[i]->st->rng, i + 1);
	}
	rng_seed(&sim->rng, seed);
}

/* kB a second as seen by the receiver; 0: it did not end. */
static unsigned measure(const char *cc, double loss, usec delay, uint32_t queue, uint64_t seed)
{
	struct lane_conf slow = { .delay = delay, .loss = loss, .rate = RATE, .queue = queue };
	struct lane_conf fast = { .delay = 0 };
	struct golden *g = xzalloc(sizeof(*g));
	struct host *client, *server;
	unsigned speed;

	sim_init(&g->sim, 1);
	client = sim_host(&g->sim, MTU, &slow);
	server = sim_host(&g->sim, MTU, &fast);
	client->app = client_app;
	server->app = server_app;
	stack_set(client->st, "tcp_congestion_control", cc);
	client->down.conf.loss = 0;
	sim_run(&g->sim, g->sim.now + 5 * USEC_PER_SEC, NULL);
	settled(&g->sim, seed);
	open_both(g, client, server);
	sim_run(&g->sim, g->sim.now + TIME_LIMIT, done);
	speed = g->s.done && !g->s.error && !g->c.error ?
		(unsigned)((uint64_t)BYTES * 1000 / (uint64_t)(g->s.ended - g->c.started)) : 0;
	sim_fini(&g->sim);
	free(g);
	return speed;
}

static int order(const void *a, const void *b)
{
	return (int)*(const unsigned *)a - (int)*(const unsigned *)b;
}

static unsigned median(const char *cc, double loss, usec delay, uint32_t queue)
{
	unsigned v[SEEDS], n = loss > 0 ? SEEDS : 1;

	for (unsigned i = 0; i < n; i++)
		v[i] = measure(cc, loss, delay, queue, i + 1);
	qsort(v, n, sizeof(v[0]), order);
	return v[n / 2];
}

static void rows(struct text *t, const char *cc)
{
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		for (size_t k = 0; k < ARRAY_LEN(delays); k++)
			for (size_t q = 0; q < ARRAY_LEN(queues); q++)
				text_add(t, "%-5s %5.1f  %8d  %8u  %4u\n", cc, losses[i] * 100,
					 (int)(delays[k] / 1000), queues[q],
					 median(cc, losses[i], delays[k], queues[q]));
}

static void table(struct text *t)
{
	text_add(t, "# one transfer over 1250 kB/s; kB/s by loss, delay one way and buffer\n");
	text_add(t, "# cc    loss%%  delay_ms  buffer_B  kB/s\n");
	for (size_t i = 0; i < ARRAY_LEN(ccs); i++)
		rows(t, ccs[i]);
}

static int write_file(const char *path, const char *s)
{
	FILE *fp = fopen(path, "w");

	if (!fp || fputs(s, fp) < 0 || fclose(fp) != 0) {
		fprintf(stderr, "%s: %m\n", path);
		return -1;
	}
	return 0;
}

/* Counts lines; prints those that differ. */
static void compare(const char *path, char *got, struct tally *t)
{
	FILE *fp = fopen(path, "r");
	char want[256], *save = NULL, *line;

	if (!fp) {
		printf("FAIL sim golden: %s: %m\n", path);
		t->failed++;
		return;
	}
	for (line = strtok_r(got, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!fgets(want, sizeof(want), fp))
			want[0] = 0;
		want[strcspn(want, "\n")] = 0;
		if (strcmp(want, line) == 0) {
			t->passed += line[0] != '#';
			continue;
		}
		printf("FAIL sim golden\n\twas: %s\n\tnow: %s\n", want, line);
		t->failed++;
	}
	fclose(fp);
}

void golden_run(const char *path, bool write, struct tally *t)
{
	char *buf = xmalloc(TABLE_SIZE);
	struct text text = text_of(buf, TABLE_SIZE);

	table(&text);
	share_table(&text, t);
	repair_table(&text);
	late_table(&text);
	fputs(buf, stdout);
	if (!write)
		compare(path, buf, t);
	else if (write_file(path, buf) < 0)
		t->failed++;
	else
		t->passed++;
	free(buf);
}
