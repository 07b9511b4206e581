/* frames.c - frames of every other protocol, and each of their fields
 *
 * The good frames are those of test/mutate/templ.c, the values of fields those of
 * spoil.c. A host has sockets of all kinds, has sent a datagram and a SYN (which
 * ICMP errors quote), and is given the frame. Steps of the line of words: what it said; then what each
 * socket was given: data, errors. Afterwards the sockets are closed, and neighbours that came
 * to be are forgotten.
 */
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "../mutate/spoil.h"
#include "../sim/wire.h"
#include "base/rand.h"
#include "differ.h"
#include "words.h"

#define ICMP6_FILTER	1	/* netinet/icmp6.h has names of ours */
#define MOST_ASKED	16
#define MOST_EDITS	3

/* What a host is while it runs a case. */
struct house {
	struct host	*h;
	struct text	*log;		/* NULL: not yet of interest */
	struct lan	lan;		/* seen only: for the templates */
	struct ip_addr	asked[MOST_ASKED];
	unsigned	n_asked;
	bool		v4;		/* the family of the case: the other has no sockets */
	int		s[16];
};

enum use { READS, CONNECTED, LISTENS };

static const struct room {
	const char	*name;
	bool		v4;
	int		type, proto[2];	/* IPv6, IPv4 */
	uint16_t	port;
	enum use	use;
} rooms[] = {
	{ "udp4", true, SOCK_DGRAM, { 0, 0 }, 53, READS },
	{ "udp6", false, SOCK_DGRAM, { 0, 0 }, 53, READS },
	{ "asker4", true, SOCK_DGRAM, { 0, 0 }, 4000, CONNECTED },
	{ "asker6", false, SOCK_DGRAM, { 0, 0 }, 4000, CONNECTED },
	{ "client4", true, SOCK_STREAM, { 0, 0 }, 4001, CONNECTED },
	{ "client6", false, SOCK_STREAM, { 0, 0 }, 4001, CONNECTED },
	{ "listener4", true, SOCK_STREAM, { 0, 0 }, 80, LISTENS },
	{ "listener6", false, SOCK_STREAM, { 0, 0 }, 80, LISTENS },
	{ "raw4", true, SOCK_RAW, { 0, IPPROTO_ICMP }, 0, READS },
	{ "raw6", false, SOCK_RAW, { IPPROTO_ICMPV6, 0 }, 0, READS },
	{ "ping4", true, SOCK_DGRAM, { 0, IPPROTO_ICMP }, 0x100, READS },
	{ "ping6", false, SOCK_DGRAM, { IPPROTO_ICMPV6, 0 }, 0x100, READS },
};
static_assert(ARRAY_LEN(rooms) <= 16, "struct house has a socket for each");

struct edit { unsigned where, value; };

struct test {
	const struct templ *t;
	bool		v4;
	unsigned	n;
	struct edit	e[MOST_EDITS];
	struct text	*what;
};

/* --- what it says --- */

static void note_seen(struct lan *l, const uint8_t *b, uint32_t len)
{
	uint8_t proto = 0;
	unsigned i;

	if (len > FRAME_MAX || !upper_at(b, len, &proto) ||
	    (proto != IPPROTO_UDP && proto != IPPROTO_TCP))
		return;
	i = (proto == IPPROTO_TCP) + 2u * (load(b + 12, 2) == ETHERTYPE_IP6);
	memcpy(l->seen[i], b, len);
	l->seen_len[i] = len;
}

static void heard(void *ctx, const uint8_t *b, uint32_t len)
{
	struct house *o = ctx;

	if (len < ETH_LEN)
		return;
	if (o->n_asked < MOST_ASKED && frame_asks(b, len, &o->asked[o->n_asked]))
		o->n_asked++;
	if (o->log)
		frame_words(o->log, b, len);
	else
		note_seen(&o->lan, b, len);
}

/* --- sockets --- */

static void furnish(struct house *o, unsigned i)
{
	static const int on = 1;
	/* Reports of groups are not passed: they come when they come. */
	static const uint32_t no_groups[8] = { [MLD_QUERY / 32] = 0x801c };
	const struct room *r = &rooms[i];
	const struct host_ops *op = o->h->ops;
	struct endpoint any = { r->v4 ? IP4_ANY : IP6_ANY, r->port, 0 };
	struct endpoint peer = { r->v4 ? peer4 : peer6, 9, 0 };
	int s = op->socket(o->h, r->v4 ? AF_INET : AF_INET6, r->type, r->proto[r->v4]);

	o->s[i] = s;
	if (!r->v4)
		op->setopt(o->h, s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	op->setopt(o->h, s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	op->setopt(o->h, s, r->v4 ? IPPROTO_IP : IPPROTO_IPV6, r->v4 ? IP_RECVERR : IPV6_RECVERR, &on,
		   sizeof(on));
	op->setopt(o->h, s, r->v4 ? IPPROTO_IP : IPPROTO_IPV6,
		   r->v4 ? IP_RECVERR_RFC4884 : IPV6_RECVERR_RFC4884, &on, sizeof(on));
	if (r->type == SOCK_RAW && !r->v4)
		op->setopt(o->h, s, IPPROTO_ICMPV6, ICMP6_FILTER, no_groups, sizeof(no_groups));
	if (r->port)
		op->bind(o->h, s, &any);
	if (r->use == LISTENS)
		op->listen(o->h, s, 4);
	if (r->use == CONNECTED)
		op->connect(o->h, s, &peer);
	if (r->use == CONNECTED && r->type == SOCK_DGRAM)
		op->send(o->h, s, "hello", 5, 0);
}

static unsigned digest(const uint8_t *b, ssize_t n)
{
	unsigned d = 0;

	for (ssize_t i = 0; i < n; i++)
		d = d * 31 + b[i];
	return d & 0xffff;
}

/* Data, and what came for an error; of raw sockets only how much. */
static void read_all(struct house *o, unsigned i)
{
	uint8_t b[2048];
	ssize_t r;

	for (unsigned k = 0; k < 10; k++) {
		r = o->h->ops->recv(o->h, o->s[i], b, sizeof(b), 0);
		if (r < 0)
			break;
		text_add(o->log, " %s reads %zd", rooms[i].name, r);
		if (rooms[i].type != SOCK_RAW)
			text_add(o->log, " %04x", digest(b, r));
	}
}

static void read_errors(struct house *o, unsigned i)
{
	uint8_t b[2048];
	uint32_t ext;
	ssize_t r;

	for (unsigned k = 0; k < 10; k++) {
		r = o->h->ops->recv_error(o->h, o->s[i], b, sizeof(b), &ext);
		if (r < 0)
			break;
		text_add(o->log, " %s error %zd", rooms[i].name, r);
		if (ext)
			text_add(o->log, " extended at %u%s", ext & 0xffff,
				 ext >> 16 ? ", invalid" : "");
	}
}

static void look(struct house *o, unsigned i)
{
	const struct host_ops *op = o->h->ops;
	socklen_t n = sizeof(struct tcp_info), en = sizeof(int);
	struct tcp_info info = { 0 };
	int error = 0;

	if (rooms[i].use == LISTENS)
		return;
	op->getopt(o->h, o->s[i], SOL_SOCKET, SO_ERROR, &error, &en);
	if (error)
		text_add(o->log, " %s %s", rooms[i].name, strerrorname_np(error));
	if (rooms[i].type == SOCK_STREAM) {
		op->getopt(o->h, o->s[i], IPPROTO_TCP, TCP_INFO, &info, &n);
		if (info.tcpi_state != TCP_SYN_SENT)
			text_add(o->log, " %s state %u", rooms[i].name, info.tcpi_state);
		return;
	}
	read_all(o, i);
	read_errors(o, i);
}

static void leave(struct house *o, const struct frame_case *f)
{
	static const struct linger l = { 1, 0 };
	const struct host_ops *op = o->h->ops;
	struct ip_addr from = f->arp ? ip_from_v4(f->b + 28) :
		f->v4 ? ip_from_v4(f->b + ETH_LEN + 12) : ip_from_v6(f->b + ETH_LEN + 8);

	for (unsigned i = 0; i < ARRAY_LEN(rooms); i++) {
		if (rooms[i].v4 != o->v4)
			continue;
		op->setopt(o->h, o->s[i], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		op->close(o->h, o->s[i]);
	}
	op->settle(o->h);
	for (unsigned i = 0; i < o->n_asked; i++)
		op->forget(o->h, &o->asked[i]);
	op->forget(o->h, &from);
	o->h->said = NULL;
}

/* --- a case --- */

/* Pieces of one case must not meet those of another. */
static void own_id(struct frame_case *f, unsigned id, const struct place *const *p, unsigned n)
{
	uint32_t at = f->v4 ? ETH_LEN + 4 : ETH_LEN + IP6_LEN + 6;

	if (f->arp || (!f->v4 && f->b[ETH_LEN + 6] != IPPROTO_FRAGMENT))
		return;
	for (unsigned i = 0; i < n; i++)
		if (p[i]->at < at + 2 && p[i]->at + p[i]->width > at)
			return;
	f->b[at] = (uint8_t)(id >> 8);
	f->b[at + 1] = (uint8_t)id;
}

static void spoil(const struct test *c, const struct lan *l, unsigned id, struct frame_case *f)
{
	const struct place *p[MOST_EDITS];
	bool bad;

	frame_load(c->t, l, f);
	for (unsigned i = 0; i < c->n; i++)
		p[i] = &f->place[c->e[i].where];
	own_id(f, id, p, c->n);
	for (unsigned i = 0; i < c->n; i++)
		place_set(f, p[i], c->e[i].value);
	frame_mend(f, p, c->n, &bad);
	for (unsigned i = 0; c->what && i < c->n; i++) {
		text_add(c->what, " %s+%u ", p[i]->part, p[i]->at - ETH_LEN);
		text_hex(c->what, f->b + p[i]->at, p[i]->width);
		text_add(c->what, ",");
	}
}

static void run(void *test, struct host *h, struct text *log)
{
	static struct house o;
	static struct frame_case f;
	static unsigned ids[2];
	struct test *c = test;

	o = (struct house){ .h = h, .v4 = c->v4 };
	h->said = heard;
	h->ctx = &o;
	for (unsigned i = 0; i < ARRAY_LEN(rooms); i++)
		if (rooms[i].v4 == c->v4)
			furnish(&o, i);
	h->ops->settle(h);
	spoil(c, &o.lan, ++ids[h->name[0] == 'L'], &f);
	c->what = NULL;
	o.log = log;
	h->ops->input(h, f.b, f.len);
	text_add(log, "|");
	for (unsigned i = 0; i < ARRAY_LEN(rooms); i++)
		if (rooms[i].v4 == c->v4)
			look(&o, i);
	o.log = NULL;
	leave(&o, &f);
}

/* --- which cases --- */

static void try(struct form *f, struct test *c)
{
	char name[512];
	struct text what = text_of(name, sizeof(name));

	text_add(&what, "%s:", c->t->name);
	c->what = &what;
	compare(f, name, run, c);
}

/* Does it quote what the host sent? That has numbers which each host chooses. */
static bool quotes(const struct templ *t, const struct lan *l)
{
	static const struct lan none = { .seen_len = { 64, 64, 64, 64 } };
	uint8_t a[FRAME_MAX], b[FRAME_MAX];
	uint32_t n = t->make(l, a);

	return t->make(&none, b) != n || memcmp(a, b, n);
}

/* Words consist of bytes: those are enough for every day. What is quoted must not be
 * taken for a header, by another protocol or length of the header before it. */
static bool wanted(const struct form *f, const struct frame_case *fc, const struct place *p,
		   bool quoting)
{
	uint32_t proto = ETH_LEN + (fc->v4 ? 9 : 6);
	bool other = p->at == ETH_LEN || (p->at <= proto && p->at + p->width > proto);

	return (f->full || p->width != 2) && !(quoting && other);
}

static void kind(struct form *f, const struct templ *t, const struct lan *l, struct rng *rng)
{
	static struct frame_case fc;
	struct test c = { .t = t };
	bool quoting = quotes(t, l), good;

	frame_load(t, l, &fc);
	c.v4 = fc.v4 || fc.arp;
	try(f, &c);
	c.n = 1;
	for (unsigned k = 0; k < fc.n; k++)
		for (unsigned v = 0; v < place_values(&fc.place[k]) && wanted(f, &fc, &fc.place[k], quoting); v++) {
			c.e[0] = (struct edit){ k, v };
			try(f, &c);
		}
	for (unsigned i = 0; i < f->n / n_templs; i++) {
		c.n = 2 + rng_below(rng, MOST_EDITS - 1);
		good = true;
		for (unsigned k = 0; k < c.n; k++) {
			c.e[k].where = rng_below(rng, fc.n);
			c.e[k].value = rng_below(rng, place_values(&fc.place[c.e[k].where]));
			good &= wanted(f, &fc, &fc.place[c.e[k].where], quoting);
		}
		if (good)
			try(f, &c);
	}
}

void frame_cases(struct form *f)
{
	static struct lan l;
	struct rng rng;

	rng_seed(&rng, f->seed);
	/* Any packet will do for the fields: their places are the same in all. */
	for (unsigned i = 0; i < 4; i++)
		l.seen_len[i] = udp_frame(l.seen[i], i < 2, i % 2 ? 32 : 5);
	for (unsigned i = 0; i < n_templs; i++)
		if (!strncmp(templs[i].name, f->only, strlen(f->only)))
			kind(f, &templs[i], &l, &rng);
}
