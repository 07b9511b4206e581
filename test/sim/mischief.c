/* mischief.c - what happens to two hosts besides a bad link
 *
 * Up to six deeds at random times of a run: forged segments and ICMP errors, users
 * that abort, stop reading or shrink their buffers, cables that are pulled,
 * interfaces that go down, addresses and routes that come and go, a host that is started
 * anew (deeds.c), with buffers of a segment, SYN cookies or Fast Open.
 * Most must not be noticed: every octet arrives. Some end connections, and then the
 * user must hear one of the errors that POSIX names for it, and never see a wrong
 * octet or an end that is not the peer's (mischief_excuses).
 */
#include "mischief.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "books.h"
#include "deeds.h"
#include "proto/proto.h"
#include "transfer.h"

#define LONGEST		(8 * USEC_PER_SEC)

/* --- when --- */

static void act(struct sim *sim, struct event *ev)
{
	struct deed *d = container_of(ev, struct deed, ev);
	const struct kind *k = &kinds[d->what];
	struct mischief *m = d->run->mischief;

	if (d->begun) {
		if (d->applied)
			k->end(d);
	} else {
		d->begun = true;
		d->applied = k->begin(d);
		if (d->applied && k->excuses) {
			m->excuses |= k->excuses;
			m->cut_flows |= k->all ? UINT32_MAX : 1u << d->flow;
		}
		if (k->end)
			event_at(sim, &d->ev, d->until);
	}
	d->run->client->woken = d->run->server->woken = true;
	host_touch(d->run->client);
	host_touch(d->run->server);
	books_check(d->run->client->st);
	books_check(d->run->server->st);
}

/* From a millisecond to ten seconds, as many short as long. */
static usec some_time(struct mischief *m, usec most)
{
	usec t = 1000;

	for (unsigned i = between(m, 0, 4); i; i--)
		t *= 10;
	return MIN(t + (usec)(rng_double(&m->rng) * 9 * (double)t), most);
}

static void plan_one(struct run *r, struct deed *d)
{
	struct mischief *m = r->mischief;

	*d = (struct deed){ .ev = { TIMER_OFF, act }, .run = r,
			    .what = between(m, 0, n_kinds - 1),
			    .on_server = between(m, 0, 1), .flow = between(m, 0, r->plan.flows - 1) };
	d->at = m->start + some_time(m, LONGEST);
	d->until = d->at + some_time(m, LONGEST);
	event_at(&r->sim, &d->ev, d->at);
}

/* Remembers what TCP says, for errors about it. */
static bool listen_in(struct lane *l, const uint8_t *b, size_t len)
{
	struct mischief *m = run_of(l->host)->mischief;
	bool server = l->host == run_of(l->host)->server;
	const uint8_t *ip = b + ETH_LEN;

	if (len < ETH_LEN + 40u || (ip[0] >> 4 == 4 ? ip[9] : ip[6]) != IPPROTO_TCP)
		return false;
	m->seen_len[server] = MIN(len, sizeof(m->seen[0]));
	memcpy(m->seen[server], b, m->seen_len[server]);
	return false;
}

static void tiny(struct mischief *m, struct host *h)
{
	if (!between(m, 0, 9))
		stack_set(h->st, "tcp_rmem", "4096 4096 4096");
	if (!between(m, 0, 9))
		stack_set(h->st, "tcp_wmem", "4096 4608 4608");
	if (!between(m, 0, 2))
		stack_set(h->st, "tcp_ecn", "1");
	if (!between(m, 0, 3))
		stack_set(h->st, "tcp_fastopen", "1543");
	h->up.lose = listen_in;
}

/* With cookies nothing is left of who is turned away, or whose first segment comes late or
 * not at all: what he sends next is reset, as with Linux. */
static void cookies(struct run *r)
{
	struct mischief *m = r->mischief;

	if (between(m, 0, 5))
		return;
	stack_set(r->server->st, "tcp_syncookies", "2");
	m->excuses |= RESET;
	m->cut_flows = UINT32_MAX;
}

/* Deeds leave few of the usual tries, and now and then the link loses each of those.
 * With more of them whoever gives up all the same is wrong. */
static void patient(struct host *h)
{
	stack_set(h->st, "tcp_syn_retries", "15");
	stack_set(h->st, "tcp_synack_retries", "15");
	stack_set(h->st, "tcp_orphan_retries", "15");
}

void mischief_start(struct run *r)
{
	struct mischief *m = r->mischief;

	rng_seed(&m->rng, r->plan.seed);
	m->start = r->sim.now;
	tiny(m, r->client);
	tiny(m, r->server);
	cookies(r);
	patient(r->client);
	patient(r->server);
	m->n = between(m, 1, MAX_DEEDS);
	for (unsigned i = 0; i < m->n; i++)
		plan_one(r, &m->deed[i]);
}

void mischief_stop(struct run *r)
{
	for (unsigned i = 0; i < r->mischief->n; i++)
		event_at(&r->sim, &r->mischief->deed[i].ev, NEVER);
}

void mischief_watch(struct sock *so)
{
	int on = 1, idle = 100, each = 10, times = 5;

	sock_setopt(so, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	sock_setopt(so, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	sock_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	sock_setopt(so, IPPROTO_TCP, TCP_KEEPINTVL, &each, sizeof(each));
	sock_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

/* Some use Fast Open, if they have something to say. */
void mischief_dial(const struct run *r, unsigned i)
{
	struct sock *so = r->c[i]->so;
	int on = r->c[i]->total && (r->plan.seed + i) % 4 == 0;

	mischief_watch(so);
	sock_setopt(so, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
}

/* --- what may come of it --- */

static uint32_t means(int error_no)
{
	switch (error_no) {
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ECONNREFUSED:
		return REFUSED | SILENCE;	/* the last ICMP error tells why nothing comes */
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return SILENCE | RESET;	/* who was reset while away never hears it */
	}
	return 0;
}

bool mischief_excuses(const struct run *r, const struct stream *s, unsigned flow)
{
	const struct mischief *m = r->mischief;

	if (!(m->cut_flows >> flow & 1))
		return false;
	if (!s->done)	/* it never began, since the client had gone */
		return !s->so && !s->error && r->c[flow]->error;
	return s->error && (means(s->error_no) & m->excuses);
}

void mischief_print(const struct mischief *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct deed *d = &m->deed[i];

		fprintf(stderr, "  %10.6f to %10.6f %s, %s, flow %u%s\n",
			(double)(d->at - m->start) / 1e6, (double)(d->until - m->start) / 1e6,
			kinds[d->what].name, d->on_server ? "server" : "client", d->flow,
			!d->begun ? " (too late)" : d->applied ? "" : " (nothing to do)");
	}
}
