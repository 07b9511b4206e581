/* share.c - two flows and one bottleneck: who gets how much
 *
 * Two senders on fast links, a receiver behind a slow one with a queue. The second
 * flow starts two seconds after the first; from then on their shares are counted.
 * Rows of golden.txt; two flows of the same controller must be within 60:40.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "net.h"
#include "sim.h"
#include "stream.h"

#define PORT		80
#define MTU		1500
#define FRAME		1514
#define LATE		(2 * USEC_PER_SEC)
#define SETTLE(c)	(8 * USEC_PER_SEC + (c)->rtt * 500)
#define COUNTED(c)	((c)->rate > 10000000 ? 10 * USEC_PER_SEC : 30 * USEC_PER_SEC)

struct case_of {
	const char	*cc[2];
	uint32_t	rate;		/* bytes a second */
	usec		rtt;
	uint32_t	frames;		/* of the queue */
	bool		ecn;
};

static const struct case_of cases[] = {
	{ { "cubic", "cubic" }, 1250000, 20000, 50, false },
	{ { "cubic", "cubic" }, 1250000, 100000, 50, false },
	{ { "cubic", "cubic" }, 12500000, 1000, 50, false },
	{ { "cubic", "cubic" }, 12500000, 20000, 50, false },
	{ { "cubic", "cubic" }, 1250000, 20000, 50, true },
	{ { "cubic", "cubic" }, 12500000, 20000, 50, true },
	{ { "reno", "reno" }, 1250000, 20000, 50, false },
	{ { "cubic", "reno" }, 1250000, 20000, 50, false },
	{ { "cubic", "reno" }, 12500000, 20000, 50, false },
};

struct share {
	struct sim	sim;
	struct sock	*listener;
	struct host	*server;
	struct stream	out[2], in[2];
	unsigned	accepted;
};

static struct share *of(struct host *h)
{
	return container_of(h->sim, struct share, sim);
}

static void client_app(struct host *h)
{
	stream_step(&of(h)->out[h->index]);
}

/* The sender's address says which flow it is. */
static void server_app(struct host *h)
{
	struct share *s = of(h);
	struct endpoint peer;
	struct sock *so;

	while (sock_accept(s->listener, &so) == 0) {
		sock_peer(so, &peer);
		s->in[ip_v4(&peer.addr)[3] - 1].so = so;
		so->user = h;
		so->wake = sim_host_wake;
	}
	for (int i = 0; i < 2; i++)
		stream_step(&s->in[i]);
}

static void serve(struct share *s)
{
	struct endpoint ep = { IP4_ANY, PORT, 0 };
	struct sock none = { 0 };

	sock_new(s->server->st, AF_INET, SOCK_STREAM, 0, &s->listener);
	sock_bind(s->listener, &ep);
	sock_listen(s->listener, 2);
	s->listener->user = s->server;
	s->listener->wake = sim_host_wake;
	for (int i = 0; i < 2; i++) {
		stream_init(&s->in[i], s->server, &none);
		s->in[i].so = NULL;
		s->in[i].chunk = 65536;
		s->in[i].expect = UINT32_MAX;
	}
}

static void start(struct share *s, int i)
{
	struct endpoint ep = { s->server->ip4, PORT, 0 };
	struct host *h = s->sim.host[i];
	struct sock *so;

	sock_new(h->st, AF_INET, SOCK_STREAM, 0, &so);
	stream_init(&s->out[i], h, so);
	s->out[i].total = UINT32_MAX;
	s->out[i].chunk = 65536;
	sock_connect(so, &ep);
	host_touch(h);
}

static void set_up(struct share *s, const struct case_of *c)
{
	struct lane_conf fast = { .delay = 0 }, slow = {
		.delay = c->rtt / 2, .rate = c->rate, .queue = c->frames * FRAME,
		.mark = c->ecn ? c->frames * FRAME / 3 : 0,
	};

	sim_init(&s->sim, 1);
	for (int i = 0; i < 2; i++) {
		struct host *h = sim_host(&s->sim, MTU, &fast);

		h->app = client_app;
		stack_set(h->st, "tcp_congestion_control", c->cc[i]);
		stack_set(h->st, "tcp_ecn", c->ecn ? "1" : "0");
	}
	s->server = sim_host(&s->sim, MTU, &slow);
	s->server->app = server_app;
	s->server->up.conf.rate = 0;
	sim_run(&s->sim, s->sim.now + 5 * USEC_PER_SEC, NULL);
	serve(s);
}

/* Bytes of each that came while we looked. */
static void measure(struct share *s, const struct case_of *c, uint32_t got[2])
{
	usec begin = s->sim.now;

	start(s, 0);
	sim_run(&s->sim, begin + LATE, NULL);
	start(s, 1);
	sim_run(&s->sim, begin + SETTLE(c), NULL);
	for (int i = 0; i < 2; i++)
		got[i] = s->in[i].recvd;
	sim_run(&s->sim, begin + SETTLE(c) + COUNTED(c), NULL);
	for (int i = 0; i < 2; i++)
		got[i] = s->in[i].recvd - got[i];
}

static void row(struct text *t, const struct case_of *c, struct tally *tally)
{
	struct share *s = xzalloc(sizeof(*s));
	uint32_t got[2];
	unsigned share;
	bool fair;

	set_up(s, c);
	measure(s, c, got);
	share = (unsigned)((uint64_t)got[0] * 100 / ((uint64_t)got[0] + got[1]));
	fair = strcmp(c->cc[0], c->cc[1]) != 0 || (share >= 40 && share <= 60);
	text_add(t, "%-5s %-5s %5u  %6d  %6u  %3s  %5u  %2u\n", c->cc[0], c->cc[1],
		 c->rate / 1000, (int)(c->rtt / 1000), c->frames, c->ecn ? "yes" : "no",
		 (unsigned)(((uint64_t)got[0] + got[1]) * USEC_PER_SEC / COUNTED(c) / 1000), share);
	if (!fair) {
		printf("FAIL sim share: %s has %u %% beside %s\n", c->cc[0], share, c->cc[1]);
		tally->failed++;
	}
	sim_fini(&s->sim);
	free(s);
}

void share_table(struct text *t, struct tally *tally)
{
	text_add(t, "# two flows through one bottleneck: kB/s together, and the first one's %%\n");
	text_add(t, "# flows      kB/s  rtt_ms  frames  ecn   kB/s   %%\n");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		row(t, &cases[i], tally);
}
