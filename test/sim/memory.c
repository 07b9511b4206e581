/* memory.c - what stacks and connections cost, counted by malloc
 *
 * Stacks of one process hang on one wire without delay. Each figure is what malloc
 * has given out more than before, tables and malloc's own words included, divided by
 * how many there are:
 *
 *   stack        with an interface, IPv4 and IPv6 addresses, nothing open
 *   SYN          a half-open connection of a server
 *   TIME-WAIT    of a server that closed first
 *   connection   one end, its socket included, idle for five minutes after it carried
 *                a question and an answer
 *
 * Under a sanitizer, which has a malloc of its own, all figures are 0.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net.h"
#include "sim.h"
#include "stack/tcp.h"

#define MAX_STACKS	16
#define PER_PORT	20000u		/* connections of two hosts to one port */
#define PORTS		2
#define BATCH		100u
#define SMALL_STATES	5000u
#define STACKS		100
#define IDLE		(300 * USEC_PER_SEC)

struct room {
	usec		now;
	unsigned	n;
	struct stack	*st[MAX_STACKS];
	struct netif	*nif[MAX_STACKS];
	struct list	wire;
	bool		deaf;		/* hosts other than 0 lose what they send */
};

static _Noreturn void give_up(const char *what, int e)
{
	fprintf(stderr, "memory: %s: %s\n", what, strerror(-e));
	exit(1);
}

static size_t used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* --- the wire --- */

static void out(struct netif *nif, struct pkt *pkt)
{
	struct room *r = nif->ctx;

	pkt->nif = nif;
	if (r->deaf && nif != r->nif[0])
		pkt_free(pkt);
	else
		list_add_tail(&r->wire, &pkt->link);
}

static void carry(struct room *r, struct pkt *pkt)
{
	struct netif *from = pkt->nif;
	struct mac to;

	memcpy(to.b, pkt->head + pkt->cur, sizeof(to.b));
	for (unsigned i = 0; i < r->n; i++) {
		if (r->nif[i] != from && (mac_is_group(&to) || mac_eq(&to, &r->nif[i]->mac)))
			stack_input(r->st[i], r->nif[i], pkt_clone(pkt));
	}
	pkt_free(pkt);
}

static void settle(struct room *r)
{
	struct list *l;

	do {
		while ((l = list_pop(&r->wire)))
			carry(r, container_of(l, struct pkt, link));
		for (unsigned i = 0; i < r->n; i++)
			stack_run(r->st[i]);
	} while (!list_empty(&r->wire));
}

static void pass(struct room *r, usec time)
{
	usec end = r->now + time;

	while (r->now < end) {
		usec at = end;

		for (unsigned i = 0; i < r->n; i++)
			at = MIN(at, stack_deadline(r->st[i]));
		r->now = MAX(at, r->now);
		for (unsigned i = 0; i < r->n; i++)
			stack_now(r->st[i], r->now);
		settle(r);
	}
}

static struct ip_addr addr_of(unsigned i)
{
	return IP4(10, 0, 0, (uint8_t)(1 + i));
}

static void join(struct room *r)
{
	static const struct netif_ops ops = { .out = out };
	struct ip_addr v4 = addr_of(r->n), v6 = { { 0xfd, [15] = (uint8_t)(1 + r->n) } };
	struct stack *st = stack_new(1 + r->n, r->now);
	struct netif *nif = netif_add(st, "eth0",
				      (struct mac){ { 2, 0, 0, 0, 0, (uint8_t)(1 + r->n) } },
				      1500, 0, &ops, r);

	r->st[r->n] = st;
	r->nif[r->n++] = nif;
	st->param.tcp_max_syn_backlog = st->param.tcp_max_tw_buckets =
		st->param.somaxconn = 2 * SMALL_STATES;
	netif_addr_add(nif, &v4, 24);
	netif_addr_add(nif, &v6, 64);
	netif_up(nif);
	settle(r);
}

static struct room *room_new(unsigned n)
{
	struct room *r = xzalloc(sizeof(*r));

	list_init(&r->wire);
	r->now = USEC_PER_SEC;
	while (r->n < n)
		join(r);
	pass(r, 5 * USEC_PER_SEC);
	return r;
}

static void leave(struct room *r)
{
	stack_free(r->st[--r->n]);
}

static void room_free(struct room *r)
{
	struct list *l;

	while (r->n)
		leave(r);
	while ((l = list_pop(&r->wire)))
		pkt_free(container_of(l, struct pkt, link));
	free(r);
}

/* --- connections --- */

static struct sock *listen_on(struct room *r, unsigned host, unsigned port)
{
	struct endpoint ep = { addr_of(host), (uint16_t)(80 + port), 0 };
	struct sock *so;
	int e = sock_new(r->st[host], AF_INET, SOCK_STREAM, 0, &so);

	if (e < 0 || (e = sock_bind(so, &ep)) < 0 || (e = sock_listen(so, 2 * SMALL_STATES)) < 0)
		give_up("listen", e);
	return so;
}

static struct sock *call(struct room *r, unsigned from, unsigned to, unsigned port)
{
	struct endpoint ep = { addr_of(to), (uint16_t)(80 + port), 0 };
	struct sock *so;
	int e = sock_new(r->st[from], AF_INET, SOCK_STREAM, 0, &so);

	if (e < 0 || (e = sock_connect(so, &ep)) != -EINPROGRESS)
		give_up("connect", e);
	return so;
}

/* The server never hears the answer to its SYN-ACK. */
static size_t syn_cost(struct room *r, unsigned n)
{
	struct sock **so = xmalloc(n * sizeof(*so));
	size_t before, after;

	join(r);
	listen_on(r, r->n - 1, 0);
	sock_close(call(r, 0, r->n - 1, 0));	/* they get to know each other */
	settle(r);
	before = used();
	r->deaf = true;
	for (unsigned i = 0; i < n; i++)
		so[i] = call(r, 0, r->n - 1, 0);
	settle(r);
	for (unsigned i = 0; i < n; i++)
		sock_close(so[i]);
	settle(r);
	r->deaf = false;
	after = used();
	if (r->st[r->n - 1]->tcp->reqs.count < n)
		give_up("half-open connections", -ENOBUFS);
	leave(r);
	free(so);
	return (after - before) / n;
}

static size_t wait_cost(struct room *r, unsigned n)
{
	struct sock *l, *a, *b;
	size_t before, after;
	int e;

	join(r);
	l = listen_on(r, r->n - 1, 0);
	before = used();
	while (r->st[r->n - 1]->tcp->tw.map.count < n) {
		a = call(r, 0, r->n - 1, 0);
		settle(r);
		if ((e = sock_accept(l, &b)) < 0)
			give_up("accept", e);
		sock_close(b);
		settle(r);
		sock_close(a);
		pass(r, USEC_PER_MSEC);	/* so that a port used twice is newer */
	}
	after = used();
	leave(r);
	return (after - before) / n;
}

static size_t stack_cost(void)
{
	struct room *r[STACKS];
	size_t before = used(), after;

	for (unsigned i = 0; i < STACKS; i++)
		r[i] = room_new(1);
	after = used();
	for (unsigned i = 0; i < STACKS; i++)
		room_free(r[i]);
	return (after - before) / STACKS;
}

static void say(struct sock *so, size_t len)
{
	static uint8_t words[1000];
	struct iovec iov = { words, len };
	ssize_t r = sock_send(so, &iov, 1, 0, NULL);

	if (r != (ssize_t)len)
		give_up("send", r < 0 ? (int)r : -EPROTO);
}

static void hear(struct sock *so, size_t len)
{
	static uint8_t words[1000];
	struct iovec iov = { words, sizeof(words) };
	ssize_t r = sock_recv(so, &iov, 1, 0, NULL);

	if (r != (ssize_t)len)
		give_up("recv", r < 0 ? (int)r : -EPROTO);
}

/* A question and an answer, then silence. */
static void talk(struct room *r, struct sock **a, struct sock **b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		say(a[i], 100);
	settle(r);
	for (unsigned i = 0; i < n; i++) {
		hear(b[i], 100);
		say(b[i], 1000);
	}
	settle(r);
	for (unsigned i = 0; i < n; i++)
		hear(a[i], 1000);
}

static unsigned accept_all(struct sock **l, unsigned n, struct sock **out)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		while (got < BATCH && sock_accept(l[i], &out[got]) == 0)
			got++;
	}
	return got;
}

static void connect_batch(struct room *r, struct sock **l, uint64_t first, unsigned n)
{
	unsigned k = r->n / 2, n_lis = k * PORTS;
	struct sock *a[BATCH], *b[BATCH];

	for (unsigned i = 0; i < n; i++) {
		unsigned way = (unsigned)((first + i) % (k * n_lis));

		a[i] = call(r, way % k, k + way / k / PORTS, way / k % PORTS);
		settle(r);
	}
	if (accept_all(l, n_lis, b) != n)
		give_up("not every connection was accepted", -EPROTO);
	talk(r, a, b, n);
}

/* n connections from the first half of the hosts to the second. */
static void connect_all(struct room *r, uint64_t n)
{
	struct sock *l[MAX_STACKS * PORTS];

	for (unsigned i = 0; i < r->n / 2 * PORTS; i++)
		l[i] = listen_on(r, r->n / 2 + i / PORTS, i % PORTS);
	for (uint64_t i = 0; i < n; i += BATCH)
		connect_batch(r, l, i, (unsigned)MIN(n - i, BATCH));
}

static unsigned hosts_for(uint64_t n)
{
	unsigned k = 1;

	while ((uint64_t)k * k * PORTS * PER_PORT < n)
		k++;
	return 2 * k;
}

static size_t connection_cost(uint64_t n, unsigned *hosts)
{
	struct room *r = room_new(*hosts = hosts_for(n));
	size_t before = used(), after;

	connect_all(r, n);
	pass(r, IDLE);
	after = used();
	room_free(r);
	return after - before;
}

/* --- the table --- */

static void row(struct tally *t, const char *what, size_t bytes, size_t most)
{
	printf("memory\t%s\t%zu\tof at most %zu bytes\n", what, bytes, most);
	t->passed += bytes <= most;
	t->failed += bytes > most;
}

void memory_run(uint64_t n, struct tally *t)
{
	struct room *r = room_new(1);
	unsigned small = (unsigned)MIN(n, SMALL_STATES), hosts;
	size_t all;

	row(t, "idle stack", stack_cost(), 65536);
	syn_cost(r, small);		/* the client's tables grow */
	row(t, "SYN", syn_cost(r, small), 128);
	row(t, "TIME-WAIT", wait_cost(r, small), 128);
	room_free(r);
	all = connection_cost(n, &hosts);
	row(t, "idle connection, one end", all / n / 2, 1024);
	printf("memory\t%lu connections of %u stacks\t%zu MiB\n", (unsigned long)n, hosts,
	       all >> 20);
}
