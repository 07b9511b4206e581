/* tcp_fo.c - TCP Fast Open: data with the SYN (RFC 7413)
 *
 * A server gives a client a cookie, which proves later that SYNs with the client's
 * address come from it; with the right cookie the data of a SYN is taken before the
 * handshake is complete. The cookie is SipHash-2-4 of both addresses under
 * tcp_fastopen_key, or a key nobody set, so as with Linux many servers may share one.
 *
 *   server  tcp_fastopen 2, and TCP_FASTOPEN on the listener: how many connections
 *           may be taken that way and not be complete (4.2.2)
 *   client  tcp_fastopen 1; MSG_FASTOPEN, or TCP_FASTOPEN_CONNECT and the first write
 *
 * The client remembers cookies of a few servers. A SYN with data that got lost may
 * have met a middle box that drops such SYNs: for a while none is sent to that server.
 */
#include "stack/tcp_fo.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/tcp.h"
#include "stack/tcp_req.h"

#define COOKIE_LEN	8
#define KNOWN_MAX	64
#define LOSS_PAUSE	(60 * USEC_PER_SEC)

/* A server as a client knows it. */
struct known {
	struct list	link;		/* the last used first */
	struct ip_addr	server;
	struct fo_cookie cookie;
	uint16_t	mss;		/* 0: not said */
	uint8_t		losses;
	usec		lost_at;
};

struct tcp_fo *tcp_fo_get(struct tcpc *tc)
{
	if (!tc->fo)
		tc->fo = xzalloc(sizeof(*tc->fo));
	return tc->fo;
}

void tcp_fo_free(struct tcpc *tc)
{
	free(tc->fo);
	tc->fo = NULL;
}

/* --- the server --- */

static bool key_read(const char *text, struct hash_key *k)
{
	unsigned v[4];
	int end = 0;

	if (sscanf(text, "%8x-%8x-%8x-%8x%n", &v[0], &v[1], &v[2], &v[3], &end) != 4 ||
	    text[end])
		return false;
	for (unsigned i = 0; i < sizeof(k->b); i++)
		k->b[i] = (uint8_t)(v[i / 4] >> i % 4 * 8);
	return true;
}

bool tcp_fo_key_ok(const char *text)
{
	struct hash_key k;

	return key_read(text, &k);
}

void tcp_fo_cookie(struct stack *st, const struct ip_addr *client, const struct ip_addr *server,
		   struct fo_cookie *out)
{
	size_t n = ip_is_v4(client) ? 4 : 16;
	struct hash_key k = st->secret;
	uint8_t both[32];
	uint64_t v;

	key_read(st->param.tcp_fastopen_key, &k);
	memcpy(both, client->b + 16 - n, n);
	memcpy(both + n, server->b + 16 - n, n);
	v = hash64(&k, both, 2 * n);
	out->len = COOKIE_LEN;
	for (unsigned i = 0; i < COOKIE_LEN; i++)
		out->b[i] = (uint8_t)(v >> 8 * i);
}

static bool is_server(const struct tcpc *lis)
{
	uint32_t how = lis->so.st->param.tcp_fastopen;

	return (how & FO_SERVER) && ((lis->fo && lis->fo->qlen) || (how & FO_ALL_LISTENERS));
}

/* 4.2.2: too many that are not complete may all be forged. */
static bool too_many(const struct tcpc *lis)
{
	uint32_t most = lis->fo && lis->fo->qlen ? lis->fo->qlen : lis->lis->backlog;

	return lis->lis->n_fo >= most;
}

bool tcp_fo_syn_ok(struct tcpc *lis, const struct seg *sg, struct tcp_req *rq)
{
	const struct tcp_opts *o = &sg->h.o;
	struct stack *st = lis->so.st;
	bool free_entry = (st->param.tcp_fastopen & FO_SERVER_NO_COOKIE) ||
			  (lis->fo && lis->fo->no_cookie);
	struct fo_cookie want;

	if (!is_server(lis) || (!o->has_fo && !free_entry))
		return false;
	tcp_fo_cookie(st, &rq->remote, &rq->local, &want);
	if (!free_entry && (o->fo_len != want.len || memcmp(o->fo, want.b, want.len))) {
		rq->fo = true;		/* 4.2.2: asked for one, or had a wrong one */
		return false;
	}
	return sg->paylen && !too_many(lis);
}

/* --- the client --- */

static struct known *known_find(struct stack *st, const struct ip_addr *server)
{
	list_for(l, &st->tcp->known) {
		struct known *k = container_of(l, struct known, link);

		if (ip_eq(&k->server, server))
			return k;
	}
	return NULL;
}

/* The one for that server; the longest unused gives way. */
static struct known *known_get(struct stack *st, const struct ip_addr *server)
{
	struct tcp_stack *ts = st->tcp;
	struct known *k = known_find(st, server);

	if (!k && ts->n_known < KNOWN_MAX) {
		k = xzalloc(sizeof(*k));
		ts->n_known++;
	} else {
		k = k ? k : list_last(&ts->known, struct known, link);
		list_del(&k->link);
	}
	if (!ip_eq(&k->server, server))
		*k = (struct known){ .server = *server };
	list_add_head(&ts->known, &k->link);
	return k;
}

static bool pauses(const struct stack *st, const struct known *k)
{
	return k && k->losses && st->now - k->lost_at < LOSS_PAUSE << MIN(k->losses, 6);
}

void tcp_fo_prepare(struct tcpc *tc)
{
	struct stack *st = tc->so.st;
	struct known *k = known_find(st, &tc->so.remote.addr);
	struct tcp_fo *fo = tcp_fo_get(tc);

	fo->cookie.len = fo->len = 0;
	fo->asked = fo->ready = false;
	fo->mss = k ? k->mss : 0;
	if (pauses(st, k))
		return;
	fo->no_cookie |= (st->param.tcp_fastopen & FO_CLIENT_NO_COOKIE) != 0;
	if (k && !fo->no_cookie)
		fo->cookie = k->cookie;
	fo->ready = fo->no_cookie || fo->cookie.len;
	fo->asked = !fo->ready;
}

bool tcp_fo_ready(const struct tcpc *tc)
{
	return tc->fo && tc->fo->ready;
}

/* Again it goes without: what is lost may have been dropped for this. */
void tcp_fo_syn(const struct tcpc *tc, struct tcp_opts *o)
{
	const struct tcp_fo *fo = tc->fo;

	if (!fo || tc->total_retrans || !(fo->asked || fo->cookie.len))
		return;
	o->has_fo = true;
	o->fo_len = fo->cookie.len;
	memcpy(o->fo, fo->cookie.b, sizeof(o->fo));
}

void tcp_fo_syn_acked(struct tcpc *tc, const struct seg *sg)
{
	const struct tcp_opts *o = &sg->h.o;
	struct stack *st = tc->so.st;
	struct known *k;

	if (!tc->fo || !(tc->fo->asked || tc->fo->ready))
		return;
	if (!o->fo_len && !tc->total_retrans)
		return;
	k = known_get(st, &tc->so.remote.addr);
	if (o->has_fo && o->fo_len) {
		k->cookie.len = o->fo_len;
		memcpy(k->cookie.b, o->fo, sizeof(o->fo));
		k->mss = o->has_mss ? o->mss : 0;
	}
	k->losses = (uint8_t)(tc->total_retrans ? MIN(k->losses + 1, 6) : 0);
	k->lost_at = st->now;
}

void tcp_fo_fini(struct stack *st)
{
	struct list *l;

	while ((l = list_pop(&st->tcp->known)))
		free(container_of(l, struct known, link));
}
