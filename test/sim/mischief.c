/* mischief.c - what happens to two hosts besides a bad link
 *
 * Up to six deeds at random times of a run: forged segments and ICMP errors, users
 * that abort, stop reading or shrink their buffers, cables that are pulled,
 * interfaces that go down, addresses that come and go, a host that is started anew.
 * Most must not be noticed: every octet arrives. Some end connections, and then the
 * user must hear one of the errors that POSIX names for it, and never see a wrong
 * octet or an end that is not the peer's (mischief_excuses).
 */
#include "mischief.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "books.h"
#include "forge.h"
#include "transfer.h"

#define LONGEST		(8 * USEC_PER_SEC)

/* What users may see afterwards. */
enum { RESET = 1, SILENCE = 2, REFUSED = 4 };

struct kind {
	const char *name;
	/* False: there was nothing to do it to. */
	bool	(*begin)(struct deed *d);
	void	(*end)(struct deed *d);
	uint32_t excuses;
	bool	all;		/* flows are concerned */
};

static struct host *host_of(const struct deed *d)
{
	return d->on_server ? d->run->server : d->run->client;
}

static struct stream *stream_of(const struct deed *d)
{
	return d->on_server ? d->run->s[d->flow] : d->run->c[d->flow];
}

static const struct tcpc *conn_of(const struct deed *d)
{
	const struct stream *s = stream_of(d);

	return s->so && tcpc_of(s->so)->state >= TCP_ESTABLISHED &&
	       tcp_state_in(tcpc_of(s->so), TCP_CAN_SEND | 1u << TCP_FIN_WAIT2) ?
	       tcpc_of(s->so) : NULL;
}

static uint32_t between(struct mischief *m, uint32_t lo, uint32_t hi)
{
	return lo + rng_below(&m->rng, hi - lo + 1);
}

/* --- forged segments --- */

static bool blind(struct deed *d, uint8_t flags)
{
	struct mischief *m = d->run->mischief;
	const struct tcpc *tc = conn_of(d);
	uint32_t off = between(m, 0, 1) ? between(m, 2, 60000) : (uint32_t)rng_u64(&m->rng);
	struct tcp h = { .flags = flags, .win = (uint16_t)rng_u64(&m->rng) };

	if (!tc || !off)
		return false;
	h.seq = seq_add(tc->rcv_nxt, off);
	h.ack = seq_add(tc->snd_nxt, between(m, 1, 1u << 30));
	h.o.has_ts = tc->ts_ok;
	h.o.ts_val = tc->ts_recent + between(m, 0, 1u << 30);
	forge_segment(host_of(d), &tc->so, &h);
	return true;
}

static bool blind_rst(struct deed *d) { return blind(d, TCP_RST); }
static bool blind_syn(struct deed *d) { return blind(d, TCP_SYN); }
static bool blind_ack(struct deed *d) { return blind(d, TCP_ACK); }
static bool blind_fin(struct deed *d) { return blind(d, TCP_ACK | TCP_FIN); }

static bool exact_rst(struct deed *d)
{
	const struct tcpc *tc = conn_of(d);
	struct tcp h = { .flags = TCP_RST };

	if (!tc)
		return false;
	h.seq = tc->rcv_nxt;
	forge_segment(host_of(d), &tc->so, &h);
	return true;
}

/* --- ICMP --- */

static bool icmp(struct deed *d, uint8_t type, uint8_t code, uint32_t rest)
{
	struct mischief *m = d->run->mischief;

	if (!m->seen_len[d->on_server])
		return false;
	forge_icmp(host_of(d), m->seen[d->on_server], m->seen_len[d->on_server], type, code, rest);
	return true;
}

/* Any error ends what is not yet established, as with Linux (RFC 1122 4.2.3.9 would
 * have it go on), and of an established connection nothing (RFC 5927 5.2). */
static bool error_in_middle(struct deed *d, uint8_t type, uint8_t code)
{
	struct run *r = d->run;

	for (unsigned i = 0; i < r->plan.flows; i++)
		if (!r->s[i]->so || !r->c[i]->so || tcpc_of(r->c[i]->so)->state == TCP_SYN_SENT)
			return false;
	return icmp(d, type, code, 0);
}

static bool soft_error(struct deed *d)
{
	return d->run->plan.v6 ? error_in_middle(d, ICMP6_UNREACH, ICMP6_NOROUTE) :
				 error_in_middle(d, ICMP4_UNREACH, ICMP4_HOST);
}

static bool time_exceeded(struct deed *d)
{
	return error_in_middle(d, d->run->plan.v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED, 0);
}

static bool hard_error(struct deed *d)
{
	return d->run->plan.v6 ? error_in_middle(d, ICMP6_UNREACH, ICMP6_PORT) :
				 error_in_middle(d, ICMP4_UNREACH, ICMP4_PORT);
}

static bool too_big(struct deed *d)
{
	struct mischief *m = d->run->mischief;

	if (d->run->plan.v6)
		return icmp(d, ICMP6_TOO_BIG, 0, between(m, 1200, 1500));
	return icmp(d, ICMP4_UNREACH, ICMP4_FRAG, between(m, 0, 1) ? between(m, 500, 1500) : 0);
}

/* --- users --- */

static bool abort_it(struct deed *d)
{
	struct linger l = { 1, 0 };
	struct stream *s = stream_of(d);

	if (!conn_of(d) || s->done)
		return false;
	sock_setopt(s->so, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	s->error = "aborted by its user";
	s->error_no = ECONNRESET;
	stream_step(s);
	return true;
}

static bool small_buffer(struct deed *d)
{
	int v = (int)between(d->run->mischief, 1, 8192);
	struct stream *s = stream_of(d);

	return s->so && sock_setopt(s->so, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)) == 0;
}

static void large_buffer(struct deed *d)
{
	int v = 100000;
	struct stream *s = stream_of(d);

	if (s->so)
		sock_setopt(s->so, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
}

static bool stop_reading(struct deed *d)
{
	struct stream *s = stream_of(d);

	if (!s->so || s->paused)
		return false;
	s->paused = true;
	event_at(&d->run->sim, &s->resume, d->until);
	return true;
}

/* --- the link --- */

static bool cable_out(struct deed *d)
{
	host_of(d)->up.conf.loss = host_of(d)->down.conf.loss = 1;
	return true;
}

static bool cable_bad(struct deed *d)
{
	host_of(d)->up.conf.loss = host_of(d)->down.conf.loss = 0.3;
	return true;
}

static bool all_marked(struct deed *d)
{
	host_of(d)->up.conf.mark = host_of(d)->down.conf.mark = 1;
	return true;
}

static void cable_in(struct deed *d)
{
	host_of(d)->up.conf = host_of(d)->down.conf = d->run->plan.lane;
}

/* --- addresses --- */

static const struct ip_addr *own(const struct deed *d)
{
	return d->run->plan.v6 ? &host_of(d)->ip6 : &host_of(d)->ip4;
}

static unsigned bits(const struct deed *d) { return d->run->plan.v6 ? 64 : 24; }

static bool address_gone(struct deed *d)
{
	return netif_addr_del(host_of(d)->nif, own(d), bits(d)) == 0;
}

static void address_back(struct deed *d)
{
	netif_addr_add(host_of(d)->nif, own(d), bits(d));
}

static struct ip_addr other(const struct deed *d)
{
	uint8_t v6[16] = { 0xfd, 1, [15] = (uint8_t)(d->on_server + 1) };

	return d->run->plan.v6 ? ip_from_v6(v6) : IP4(10, 0, 1, d->on_server + 1);
}

static bool address_more(struct deed *d)
{
	struct ip_addr a = other(d);

	return netif_addr_add(host_of(d)->nif, &a, bits(d)) == 0;
}

static void address_less(struct deed *d)
{
	struct ip_addr a = other(d);

	netif_addr_del(host_of(d)->nif, &a, bits(d));
}

static bool link_down(struct deed *d)
{
	if (!(host_of(d)->nif->flags & NETIF_UP))
		return false;
	netif_down(host_of(d)->nif);
	return true;
}

static void link_up(struct deed *d)
{
	netif_up(host_of(d)->nif);
	address_back(d);	/* those of IPv6 are gone with the link */
}

/* --- the host --- */

static void forget(struct stream *s)
{
	s->so = NULL;
	if (s->done)
		return;
	s->done = true;
	s->error = "its host was started anew";
	s->error_no = ECONNRESET;
}

static bool reboot(struct deed *d)
{
	struct run *r = d->run;

	for (unsigned i = 0; i < r->plan.flows; i++) {
		if (d->on_server && !r->s[i]->so && !r->s[i]->done)
			continue;	/* it will be accepted afterwards, or refused */
		forget(d->on_server ? r->s[i] : r->c[i]);
	}
	host_reboot(host_of(d));
	if (d->on_server)
		transfer_serve(r);
	return true;
}

static const struct kind kinds[] = {
	{ "blind RST", blind_rst, NULL, 0, false },
	{ "blind SYN", blind_syn, NULL, 0, false },
	{ "blind ACK", blind_ack, NULL, 0, false },
	{ "blind FIN", blind_fin, NULL, 0, false },
	{ "RST", exact_rst, NULL, RESET, false },
	{ "soft ICMP error", soft_error, NULL, 0, false },
	{ "time exceeded", time_exceeded, NULL, 0, false },
	{ "hard ICMP error", hard_error, NULL, 0, false },
	{ "too big", too_big, NULL, 0, false },
	{ "abort", abort_it, NULL, RESET, false },
	{ "small buffer", small_buffer, large_buffer, 0, false },
	{ "no reading", stop_reading, NULL, 0, false },
	{ "cable out", cable_out, cable_in, 0, false },
	{ "cable bad", cable_bad, cable_in, 0, false },
	{ "all marked", all_marked, cable_in, 0, false },
	{ "address away", address_gone, address_back, 0, false },
	{ "address gone", address_gone, NULL, RESET | SILENCE, true },
	{ "address more", address_more, address_less, 0, false },
	{ "link down", link_down, link_up, 0, false },
	{ "reboot", reboot, NULL, RESET | REFUSED, true },
};

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
			    .what = between(m, 0, ARRAY_LEN(kinds) - 1),
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
	h->up.lose = listen_in;
}

/* Deeds leave few of the usual tries, and now and then the link loses each of those.
 * With more of them whoever gives up all the same is wrong. */
static void patient(struct host *h)
{
	stack_set(h->st, "tcp_syn_retries", "15");
	stack_set(h->st, "tcp_orphan_retries", "15");
}

void mischief_start(struct run *r)
{
	struct mischief *m = r->mischief;

	rng_seed(&m->rng, r->plan.seed);
	m->start = r->sim.now;
	tiny(m, r->client);
	tiny(m, r->server);
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

	sock_setopt(so, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	sock_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	sock_setopt(so, IPPROTO_TCP, TCP_KEEPINTVL, &each, sizeof(each));
	sock_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
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
