/* pair.c - two stacks and the wire between them, moved by hand
 *
 * What a stack sends waits in the other's queue until pair_settle delivers it, in
 * the order it was sent; an end that holds leaves its frames there, so that a
 * connection can be stopped in any state. Every frame is checked as the wire would
 * see it (test/sim/wire.c). The users write a pattern and compare what they read.
 */
#include "pair.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../sim/wire.h"
#include "base/mem.h"
#include "proto/proto.h"

#define MOST_FRAMES	2000	/* of one pair_settle: more is a storm */

#define MOST_WORDS	4	/* complaints of one group of cases */

char *trying;
unsigned n_broken;

void broken(const char *fmt, ...)
{
	va_list ap;

	if (++n_broken > MOST_WORDS)
		return;
	printf("FAIL %s: ", trying);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

/* --- frames --- */

static void enqueue(void *ctx, const uint8_t *b, size_t len)
{
	struct end *to = end_other(ctx);
	struct frame *f = xmalloc(sizeof(*f) + len);
	const char *bad = wire_check(b, len);

	if (bad)
		broken("end %u sent a frame with %s", to->index ^ 1, bad);
	f->len = (uint32_t)len;
	memcpy(f->b, b, len);
	memcpy(f->b, to->nif->mac.b, 6);	/* without ARP it is not known */
	list_add_tail(&to->q, &f->link);
}

static void out(struct netif *nif, struct pkt *pkt)
{
	wire_split(pkt, enqueue, nif->ctx);
}

void frames_drop(struct list *q)
{
	while (!list_empty(q)) {
		struct frame *f = list_first(q, struct frame, link);

		list_del(&f->link);
		free(f);
	}
}

void end_input(struct end *e, const uint8_t *b, uint32_t len)
{
	struct pkt *pkt = wire_pkt(e->st->heap, b, len);

	stack_now(e->st, e->pair->now);
	stack_input(e->st, e->nif, pkt);
	stack_run(e->st);
}

static bool waiting(const struct end *e)
{
	return !e->hold && !list_empty(&e->q);
}

static void deliver_one(struct end *e)
{
	struct frame *f;
	bool lost = e->drop & 1;

	if (!waiting(e))
		return;
	f = list_first(&e->q, struct frame, link);
	list_del(&f->link);
	e->drop >>= 1;
	if (!lost)
		end_input(e, f->b, f->len);
	free(f);
}

/* --- users --- */

static uint32_t key(const struct end *e)
{
	return e->index * 100000;
}

static void check(struct end *e, const uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		e->wrong |= b[i] != pattern(key(end_other(e)) + e->recvd + i);
	e->recvd += n;
}

static void write_some(struct end *e)
{
	uint8_t buf[8192];
	ssize_t r = 1;

	while (e->sent < e->goal && r > 0) {
		uint32_t n = MIN(e->goal - e->sent, (uint32_t)sizeof(buf));
		struct iovec iov = { buf, n };
		struct msg m = { .ttl = -1, .tos = -1 };

		for (uint32_t i = 0; i < n; i++)
			buf[i] = pattern(key(e) + e->sent + i);
		r = sock_send(e->so, &iov, 1, MSG_NOSIGNAL, &m);
		e->sent += r > 0 ? (uint32_t)r : 0;
	}
	if (r < 0 && r != -EAGAIN && !e->error)
		e->error = (int)-r;
}

static void read_all(struct end *e)
{
	uint8_t buf[8192];
	ssize_t r = 1;

	while (r > 0) {
		struct iovec iov = { buf, sizeof(buf) };
		struct msg m = { .ttl = -1 };

		r = sock_recv(e->so, &iov, 1, 0, &m);
		if (r > 0)
			check(e, buf, (uint32_t)r);
	}
	if (r == 0)
		e->eof = true;
	else if (r != -EAGAIN && r != -ENOTCONN && !e->error)
		e->error = (int)-r;
}

static bool connecting(const struct end *e)
{
	const struct tcpc *tc = tcpc_of(e->so);

	return tc->state == TCP_SYN_SENT || tc->state == TCP_SYN_RECV;
}

void end_use(struct end *e)
{
	if (!e->so && e->listener)
		sock_accept(e->listener, &e->so);
	if (!e->so)
		return;
	if (sock_events(e->so) & EV_ERR && !e->error)
		e->error = sock_take_error(e->so);
	if (e->error || connecting(e))
		return;
	if (!e->shut)
		write_some(e);
	if (!e->shut && e->want_shut && e->sent == e->goal) {
		e->shut = true;
		sock_shutdown(e->so, SHUT_WR);
	}
	if (!e->deaf && !e->eof)
		read_all(e);
	stack_run(e->st);
}

static struct sock *sock_make(struct end *e, uint16_t port)
{
	struct endpoint ep = { e->pair->v6 ? IP6_ANY : IP4_ANY, port, 0 };
	int one = 1, r;
	struct sock *so;

	r = sock_new(e->st, e->pair->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &so);
	if (r < 0)
		broken("sock_new: %s", strerror(-r));
	/* The urgent octet stays in the stream, so that a forged pointer takes none out. */
	sock_setopt(so, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
	sock_setopt(so, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (port && (r = sock_bind(so, &ep)) < 0)
		broken("bind: %s", strerror(-r));
	return so;
}

void end_listen(struct end *e)
{
	e->listener = sock_make(e, PORT);
	if (sock_listen(e->listener, 8) < 0)
		broken("listen failed");
}

void end_connect(struct end *e, uint16_t from)
{
	struct endpoint to = { end_other(e)->addr, PORT, 0 };
	int r;

	stack_now(e->st, e->pair->now);
	e->so = sock_make(e, from);
	e->sent = e->recvd = 0;
	e->shut = e->eof = e->wrong = false;
	e->error = 0;
	r = sock_connect(e->so, &to);
	if (r != -EINPROGRESS)
		broken("connect: %s", strerror(-r));
	stack_run(e->st);
}

void end_close(struct end *e)
{
	if (e->so)
		sock_close(e->so);
	e->so = NULL;
	stack_run(e->st);
}

/* --- the pair --- */

static void end_init(struct pair *p, unsigned i)
{
	static const struct netif_ops ops = { .out = out };
	struct end *e = &p->e[i];
	uint8_t v6[16] = { 0xfd, [15] = (uint8_t)(i + 1) };
	struct mac mac = { { 2, 0, 0, 0, 0, (uint8_t)(i + 1) } };

	*e = (struct end){ .pair = p, .index = i };
	list_init(&e->q);
	e->st = stack_new(i + 1, p->now);
	e->nif = netif_add(e->st, "eth0", mac, 1500, NETIF_NOARP, &ops, e);
	e->addr = p->v6 ? ip_from_v6(v6) : IP4(10, 0, 0, (uint8_t)(i + 1));
	netif_up(e->nif);
	netif_addr_add(e->nif, &e->addr, p->v6 ? 64 : 24);
}

void pair_init(struct pair *p, bool v6)
{
	*p = (struct pair){ .now = 1000 * USEC_PER_SEC, .v6 = v6 };
	end_init(p, SUBJECT);
	end_init(p, PEER);
	pair_settle(p);
}

void pair_settle(struct pair *p)
{
	unsigned n = 0;
	bool more = true;

	while (more) {
		for (unsigned i = 0; i < 2; i++) {
			deliver_one(&p->e[i]);
			end_use(&p->e[i]);
		}
		more = waiting(&p->e[0]) || waiting(&p->e[1]);
		if (++n > MOST_FRAMES) {
			broken("the two never stop answering each other");
			return;
		}
	}
}

void pair_pass(struct pair *p, usec d, bool (*stop)(struct pair *p))
{
	usec end = p->now + d, next;

	pair_settle(p);
	while (!stop || !stop(p)) {
		next = MIN(stack_deadline(p->e[0].st), stack_deadline(p->e[1].st));
		if (next >= end)
			break;
		p->now = MAX(next, p->now);
		for (unsigned i = 0; i < 2; i++) {
			stack_now(p->e[i].st, p->now);
			stack_run(p->e[i].st);
		}
		pair_settle(p);
	}
	if (!stop)
		p->now = end;
	for (unsigned i = 0; i < 2; i++)
		stack_now(p->e[i].st, p->now);
}

static void end_fini(struct end *e)
{
	struct arena *heap = e->st->heap;

	frames_drop(&e->q);
	e->st->heap = arena_heap_new(1);
	stack_free(e->st);
	if (arena_heap_used(heap))
		broken("end %u: packets are left", e->index);
	arena_heap_unref(heap);
}

void pair_fini(struct pair *p)
{
	end_fini(&p->e[0]);
	end_fini(&p->e[1]);
}
