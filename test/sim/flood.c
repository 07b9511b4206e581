/* flood.c - an established transfer while others flood the same stack
 *
 * A server with a fast link takes a transfer from an honest client, while an attacker
 * with a link as fast as the client's sends all that this carries:
 *
 *	syn	from everywhere to a port that listens
 *	ack	from everywhere, and as if from the client with numbers that do not fit
 *	frag	first fragments of datagrams that never become whole
 *	ooo	on a thousand connections of its own, data behind a hole; here the
 *		client's path loses packets, and the server's tcp_mem is 4 MiB
 *
 * Two other stacks on the same switch have a transfer too. The first must end within
 * twice the time that it takes without the flood, the second as if nothing had been;
 * the server's counters name what it dropped (of SYNs nothing: they get cookies), and
 * what it holds is within its limits.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "net.h"
#include "proto/proto.h"
#include "sim.h"
#include "stack/frag.h"
#include "stack/tcp.h"
#include "stream.h"

#define PORT		80
#define VICTIM_PORT	81	/* listens, for the attacker */
#define SIZE		4000000
#define RATE		12500000	/* bytes a second: 100 Mb/s */
#define TICK		USEC_PER_MSEC
#define TIME_LIMIT	(60 * USEC_PER_SEC)
#define HOSTILE		1000

struct flood;

struct kind {
	const char	*name;
	/* The i-th frame from its IP header on; returns its length. NULL: no flood. */
	size_t		(*make)(struct flood *f, uint8_t *p, uint32_t i);
	enum drop	why;
	bool		ooo;
	unsigned	slower;		/* times the quiet transfer */
};

struct flow_pair {
	struct host	*from, *to;
	struct sock	*listener;
	struct stream	c, s;
};

struct flood {
	struct sim	sim;
	const struct kind *kind;
	struct flow_pair flow[2];	/* to the victim; between others */
	struct host	*attacker;
	struct sock	*door;
	struct sock	*own[HOSTILE];
	struct event	tick;
	uint32_t	n;
};

static struct flood *flood_of(struct sim *sim)
{
	return container_of(sim, struct flood, sim);
}

/* --- what the attacker sends --- */

static struct host *victim(const struct flood *f)
{
	return f->flow[0].to;
}

static struct ip_addr stranger(uint32_t i)
{
	return IP4(172, 16 + (i >> 16 & 15), i >> 8 & 255, i & 255);
}

static size_t ip_make(const struct flood *f, uint8_t *p, struct ip4 ip, size_t len)
{
	struct wr w = wr_of(p, IP4_LEN);

	ip.hlen = IP4_LEN;
	ip.ttl = 64;
	ip.dst = victim(f)->ip4;
	ip.len = (uint16_t)(IP4_LEN + len);
	ip4_emit(&w, &ip);
	return IP4_LEN + len;
}

static size_t seg_make(const struct flood *f, uint8_t *p, struct ip_addr src,
		       const struct tcp *h, size_t paylen)
{
	uint8_t *l4 = p + IP4_LEN;
	struct wr w = wr_of(l4, TCP_MAXLEN);
	size_t len = tcp_hlen(&h->o) + paylen;
	struct sum s = { 0 };
	be16 sum;

	tcp_emit(&w, h);
	memset(l4 + len - paylen, 0, paylen);
	sum_pseudo(&s, &src, &victim(f)->ip4, IPPROTO_TCP, (uint32_t)len);
	sum_add(&s, l4, len);
	sum = be16_put(sum_end(&s));
	memcpy(l4 + 16, &sum, sizeof(sum));
	return ip_make(f, p, (struct ip4){ .src = src, .proto = IPPROTO_TCP }, len);
}

static size_t make_syn(struct flood *f, uint8_t *p, uint32_t i)
{
	struct tcp h = { .src_port = (uint16_t)(1024 + i % 60000), .dst_port = VICTIM_PORT,
			 .seq = SEQ(i * 7919), .flags = TCP_SYN, .win = 1000 };

	return seg_make(f, p, stranger(i), &h, 0);
}

static size_t make_ack(struct flood *f, uint8_t *p, uint32_t i)
{
	struct tcp h = { .src_port = f->flow[0].c.so ? f->flow[0].c.so->local.port : 1,
			 .dst_port = PORT, .seq = SEQ(i * 2654435761u),
			 .ack = SEQ(i * 40503u), .flags = TCP_ACK, .win = 1000 };

	return seg_make(f, p, i & 1 ? f->flow[0].from->ip4 : stranger(i), &h, 0);
}

static size_t make_frag(struct flood *f, uint8_t *p, uint32_t i)
{
	struct ip4 ip = { .src = stranger(i), .proto = IPPROTO_UDP, .id = (uint16_t)i,
			  .flags = IP4_MF };

	memset(p + IP4_LEN, 0, 1400);
	return ip_make(f, p, ip, 1400);
}

static size_t make_ooo(struct flood *f, uint8_t *p, uint32_t i)
{
	const struct tcpc *tc = tcpc_of(f->own[i % HOSTILE]);
	uint32_t at = 1 + i / HOSTILE % 40 * 1400;
	struct tcp h = { .src_port = tc->so.local.port, .dst_port = VICTIM_PORT,
			 .seq = seq_add(tc->snd_nxt, at), .ack = tc->rcv_nxt,
			 .flags = TCP_ACK, .win = 1000 };

	return seg_make(f, p, f->attacker->ip4, &h, 1400);
}

static const struct kind kinds[] = {
	{ "none",	NULL,	   DROP_NONE,		false, 1 },
	{ "syn",	make_syn,  DROP_NONE,		false, 2 },
	{ "ack",	make_ack,  DROP_TCP_WINDOW,	false, 2 },
	{ "frag",	make_frag, DROP_FRAG_FULL,	false, 2 },
	{ "none",	NULL,	   DROP_NONE,		true, 1 },
	{ "ooo",	make_ooo,  DROP_TCP_OFO_PRUNED, true, 2 },
};

static void strike(struct flood *f)
{
	struct host *a = f->attacker;
	uint8_t b[2048];
	struct eth eth = { victim(f)->mac, a->mac, ETHERTYPE_IP4 };
	struct wr w = wr_of(b, ETH_LEN);
	size_t len = ETH_LEN + f->kind->make(f, b + ETH_LEN, f->n++);
	struct pkt *pkt;

	eth_emit(&w, &eth);
	pkt = wire_pkt(a->arena, b, len);
	a->nif->ops->out(a->nif, pkt);
}

/* As much as the attacker's link carries. */
static void tick(struct sim *sim, struct event *ev)
{
	struct flood *f = flood_of(sim);
	uint64_t before = f->attacker->up.overflowed;

	while (f->attacker->up.overflowed == before)
		strike(f);
	event_at(sim, ev, sim->now + TICK);
}

/* --- the honest --- */

static struct flow_pair *flow_of(struct host *h)
{
	struct flood *f = flood_of(h->sim);

	return h == f->flow[0].from || h == f->flow[0].to ? &f->flow[0] : &f->flow[1];
}

static void client_app(struct host *h)
{
	stream_step(&flow_of(h)->c);
}

static void server_app(struct host *h)
{
	struct flow_pair *p = flow_of(h);
	struct sock *so;

	if (!p->s.so && !p->s.done && sock_accept(p->listener, &so) == 0) {
		p->s.so = so;
		so->user = h;
		so->wake = sim_host_wake;
	}
	stream_step(&p->s);
}

static struct sock *sock_of(struct host *host)
{
	struct sock *so;

	if (sock_new(host->st, AF_INET, SOCK_STREAM, 0, &so) < 0)
		abort();
	so->user = host;
	so->wake = sim_host_wake;
	return so;
}

static struct sock *listen_on(struct host *h, uint16_t port)
{
	struct endpoint at = { IP4_ANY, port, 0 };
	struct sock *so = sock_of(h);

	sock_bind(so, &at);
	sock_listen(so, 2 * HOSTILE);
	return so;
}

static void flow_start(struct flow_pair *p)
{
	struct endpoint to = { p->to->ip4, PORT, 0 };
	struct sock *so = sock_of(p->from);

	p->from->app = client_app;
	p->to->app = server_app;
	p->listener = listen_on(p->to, PORT);
	stream_init(&p->s, p->to, p->listener);
	p->s.so = NULL;
	stream_init(&p->c, p->from, so);
	p->s.expect = p->c.total = SIZE;
	p->s.chunk = p->c.chunk = 65536;
	sock_connect(so, &to);
	host_touch(p->from);
}

/* The attacker's own connections, which nobody accepts. */
static void own_start(struct flood *f)
{
	struct endpoint to = { victim(f)->ip4, VICTIM_PORT, 0 };
	usec at = f->sim.now;

	for (unsigned i = 0; i < HOSTILE; i++) {
		f->own[i] = sock_of(f->attacker);
		sock_connect(f->own[i], &to);
		host_touch(f->attacker);
		sim_run(&f->sim, at += 10 * USEC_PER_MSEC, NULL);
	}
}

static bool done(struct sim *sim)
{
	const struct flood *f = flood_of(sim);

	return f->flow[0].s.done && f->flow[1].s.done;
}

/* --- one kind --- */

static struct flood *build(const struct kind *k)
{
	struct lane_conf slow = { .delay = 1000, .rate = RATE, .queue = 256000 };
	struct lane_conf fast = { .delay = 1000, .rate = 10 * RATE, .queue = 2560000 };
	struct flood *f = xzalloc(sizeof(*f));
	struct route back = { .dst = IP4_ANY };

	f->kind = k;
	sim_init(&f->sim, 1);
	f->flow[0].to = sim_host(&f->sim, 1500, &fast);
	f->flow[0].from = sim_host(&f->sim, 1500, &slow);
	f->flow[1].to = sim_host(&f->sim, 1500, &slow);
	f->flow[1].from = sim_host(&f->sim, 1500, &slow);
	f->attacker = sim_host(&f->sim, 1500, &slow);
	back.gw = f->attacker->ip4;
	back.nif = victim(f)->nif;
	route_add(victim(f)->st, &back);
	f->door = listen_on(victim(f), VICTIM_PORT);
	stack_set(f->attacker->st, "tcp_timestamps", "0");
	return f;
}

static void begin(struct flood *f)
{
	sim_run(&f->sim, f->sim.now + 5 * USEC_PER_SEC, NULL);
	if (f->kind->ooo) {
		f->flow[0].from->up.conf.loss = 0.01;
		stack_set(victim(f)->st, "tcp_mem", "512 768 1024");
		stack_set(victim(f)->st, "tcp_max_syn_backlog", "4096");
		own_start(f);
	}
	flow_start(&f->flow[0]);
	flow_start(&f->flow[1]);
	sim_run(&f->sim, f->sim.now + 20 * USEC_PER_MSEC, NULL);
	if (!f->kind->make)
		return;
	f->tick = (struct event){ TIMER_OFF, tick };
	event_at(&f->sim, &f->tick, f->sim.now + 1);
}

static usec took(const struct flow_pair *p)
{
	return p->s.done && !p->s.error && p->s.recvd == SIZE ? p->s.ended - p->c.started : NEVER;
}

/* Nothing beyond the limits but what the one who gets on may have (budget.c). */
static bool bounded(const struct flood *f)
{
	const struct stack *st = victim(f)->st;

	return st->budget[BUDGET_TCP].most <= budget_limit(st, BUDGET_TCP) + st->param.tcp_rmem[0] &&
	       st->budget[BUDGET_ALL].most <= budget_limit(st, BUDGET_ALL) &&
	       frag_held(st) <= st->param.ipfrag_high_thresh &&
	       st->tcp->reqs.count <= st->param.tcp_max_syn_backlog;
}

static bool named(const struct flood *f)
{
	return !f->kind->why || victim(f)->st->drops[f->kind->why] > 1000;
}

/* quiet: what both took without a flood; 0: this is without. */
static void one(const struct kind *k, usec quiet[2], struct tally *t)
{
	struct flood *f = build(k);
	usec took0, took1;
	bool good;

	begin(f);
	sim_run(&f->sim, f->sim.now + TIME_LIMIT, done);
	took0 = took(&f->flow[0]);
	took1 = took(&f->flow[1]);
	if (!k->make) {
		quiet[0] = took0;
		quiet[1] = took1;
	}
	good = bounded(f) && named(f) && took0 != NEVER && took0 <= quiet[0] * k->slower &&
	       took1 <= quiet[1] + quiet[1] / 100;
	t->passed += good;
	t->failed += !good;
	printf("%s %s%s: %u frames, transfer %ld ms, others' %ld ms, %ju bytes of %ju for TCP\n",
	       good ? "flood:" : "FAIL flood:", k->name, k->ooo ? " with loss" : "", f->n,
	       (long)(took0 / USEC_PER_MSEC), (long)(took1 / USEC_PER_MSEC),
	       (uintmax_t)victim(f)->st->budget[BUDGET_TCP].most,
	       (uintmax_t)budget_limit(victim(f)->st, BUDGET_TCP));
	sim_fini(&f->sim);
	free(f);
}

void flood_run(struct tally *t)
{
	usec quiet[2] = { 0, 0 };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		one(&kinds[i], quiet, t);
}
