/* deeds.c - the kinds of mischief: how each begins, how it ends, what it excuses
 *
 * Each is done to one host, or to one end of one flow; false: there was nothing to do
 * it to. What is begun is undone after a while, if it can be.
 */
#include "deeds.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "forge.h"
#include "proto/proto.h"
#include "transfer.h"

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

static bool all_connected(const struct run *r)
{
	for (unsigned i = 0; i < r->plan.flows; i++)
		if (!r->s[i]->so || !r->c[i]->so || tcpc_of(r->c[i]->so)->state == TCP_SYN_SENT)
			return false;
	return true;
}

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
	return all_connected(d->run) && icmp(d, type, code, 0);
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

/* In line: it is part of the stream. */
static bool urgent(struct deed *d)
{
	uint8_t octet;
	struct iovec iov = { &octet, 1 };
	struct msg m = { .ttl = -1, .tos = -1 };
	struct stream *s = stream_of(d);

	if (!conn_of(d) || s->done || s->sent == s->total)
		return false;
	octet = pattern(s->out_key + s->sent);
	if (sock_send(s->so, &iov, 1, MSG_OOB | MSG_NOSIGNAL, &m) != 1)
		return false;
	s->sent++;
	return true;
}

static bool option(struct deed *d, int level, int name, int v)
{
	struct stream *s = stream_of(d);

	return s->so && sock_setopt(s->so, level, name, &v, sizeof(v)) == 0;
}

static bool cork(struct deed *d) { return option(d, IPPROTO_TCP, TCP_CORK, 1); }
static void uncork(struct deed *d) { option(d, IPPROTO_TCP, TCP_CORK, 0); }

static bool user_timeout(struct deed *d)
{
	return option(d, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)between(d->run->mischief, 100, 8000));
}

static bool other_control(struct deed *d)
{
	struct stream *s = stream_of(d);

	return s->so && sock_setopt(s->so, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0;
}

static void first_control(struct deed *d)
{
	struct stream *s = stream_of(d);

	if (s->so)
		sock_setopt(s->so, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
}

static bool accept_nobody(struct deed *d)
{
	if (!d->run->listener || d->run->deaf)
		return false;
	sock_listen(d->run->listener, (int)between(d->run->mischief, 0, 2));
	return d->run->deaf = true;
}

static void accept_again(struct deed *d)
{
	d->run->deaf = false;
	if (d->run->listener)
		sock_listen(d->run->listener, BACKLOG);
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

static bool new_mac(struct deed *d)
{
	struct host *h = host_of(d);

	h->mac.b[4]++;
	return netif_set_mac(h->nif, h->mac) == 0;
}

/* --- routes and sizes --- */

static struct route to_peer(const struct deed *d)
{
	const struct host *peer = d->on_server ? d->run->client : d->run->server;

	return (struct route){ .dst = d->run->plan.v6 ? peer->ip6 : peer->ip4, .gw = IP_NONE,
			       .src = IP_NONE, .len = d->run->plan.v6 ? 128 : 32 };
}

static bool route_narrow(struct deed *d)
{
	struct route r = to_peer(d);

	r.nif = host_of(d)->nif;
	r.mtu = d->run->plan.v6 ? 1280 : 576;
	return route_add(host_of(d)->st, &r) == 0;
}

static void route_wide(struct deed *d)
{
	struct route r = to_peer(d);

	r.nif = host_of(d)->nif;
	route_del(host_of(d)->st, &r);
}

/* Who only begins to connect is told at once. */
static bool route_away(struct deed *d)
{
	struct route r = to_peer(d);

	r.type = ROUTE_UNREACHABLE;
	return all_connected(d->run) && route_add(host_of(d)->st, &r) == 0;
}

static void route_back(struct deed *d)
{
	struct route r = to_peer(d);

	r.type = ROUTE_UNREACHABLE;
	route_del(host_of(d)->st, &r);
}

static bool mtu_small(struct deed *d)
{
	return netif_set_mtu(host_of(d)->nif, d->run->plan.v6 ? 1280 : 576) == 0;
}

static void mtu_back(struct deed *d)
{
	netif_set_mtu(host_of(d)->nif, d->run->plan.mtu);
}

/* --- the host --- */

static bool little_memory(struct deed *d)
{
	return stack_set(host_of(d)->st, "tcp_mem", "1 2 8") == 0;
}

static void much_memory(struct deed *d)
{
	stack_set(host_of(d)->st, "tcp_mem", "24576 32768 49152");
}

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

const struct kind kinds[] = {
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
	{ "urgent", urgent, NULL, 0, false },
	{ "cork", cork, uncork, 0, false },
	{ "user timeout", user_timeout, NULL, RESET | SILENCE, false },
	{ "other control", other_control, first_control, 0, false },
	{ "accept nobody", accept_nobody, accept_again, 0, false },
	{ "cable out", cable_out, cable_in, 0, false },
	{ "cable bad", cable_bad, cable_in, 0, false },
	{ "all marked", all_marked, cable_in, 0, false },
	{ "address away", address_gone, address_back, 0, false },
	{ "address gone", address_gone, NULL, RESET | SILENCE, true },
	{ "address more", address_more, address_less, 0, false },
	{ "new MAC", new_mac, NULL, 0, false },
	{ "route narrow", route_narrow, route_wide, 0, false },
	{ "route away", route_away, route_back, 0, false },
	{ "MTU small", mtu_small, mtu_back, 0, false },
	{ "little memory", little_memory, much_memory, 0, false },
	{ "link down", link_down, link_up, 0, false },
	{ "reboot", reboot, NULL, RESET | REFUSED, true },
};
const unsigned n_kinds = ARRAY_LEN(kinds);
