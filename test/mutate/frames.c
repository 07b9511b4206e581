/* frames.c - each kind of frame x each of its fields x the edges of its values
 *
 * A case: a fresh stack with sockets of all kinds (lan.c), a good frame (templ.c)
 * with up to three fields changed, sums made right again unless it is the sum that
 * was changed. Then: no answer to what has a bad sum; no ICMP error about what
 * RFC 1122 3.2.2 and RFC 4443 2.4 e forbid; at most one answer; neighbour discovery
 * from beyond the link (hop limit not 255) says nothing; and a datagram still
 * arrives whole. Time passes, so that what the frame set off comes to its end.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "../sim/wire.h"
#include "base/rand.h"
#include "lan.h"
#include "mutate.h"
#include "pair.h"

#define MOST_PLACES	200
#define PAIR_PART	5	/* a frame has more fields than a segment: fewer of its pairs */
#define TRIPLES		50000	/* of each kind, if all are wanted */

struct place {
	const char	*part;
	uint16_t	at;
	uint8_t		width;		/* 1, 2, 4 or, addresses, 16 */
};

struct frame_case {
	uint8_t		b[FRAME_MAX];
	uint32_t	len;
	struct place	place[MOST_PLACES];
	unsigned	n;
	bool		v4, arp;
	uint32_t	upper;
};

/* --- fields --- */

static void place(struct frame_case *f, const char *part, uint32_t at, uint8_t width)
{
	if (f->n < MOST_PLACES && at + width <= f->len)
		f->place[f->n++] = (struct place){ part, (uint16_t)at, width };
}

static void row(struct frame_case *f, const char *part, uint32_t from, uint32_t to, uint8_t width)
{
	for (uint32_t at = from; at + width <= to; at += width)
		place(f, part, at, width);
}

/* Headers of IP byte by byte; what follows as bytes at first, then as words, too. */
static void find_places(struct frame_case *f)
{
	uint32_t body = f->arp ? ETH_LEN : ETH_LEN + (f->v4 ? IP4_LEN : IP6_LEN);
	uint32_t end = MIN(f->len, body + 96);

	place(f, "eth", 12, 2);
	if (!f->arp) {
		row(f, "ip", ETH_LEN, ETH_LEN + (f->v4 ? 12 : 8), 1);
		row(f, "ip", ETH_LEN + 2, ETH_LEN + (f->v4 ? 12 : 8), 2);
		row(f, "addr", ETH_LEN + (f->v4 ? 12 : 8), body, f->v4 ? 4 : 16);
	}
	row(f, "body", body, MIN(end, body + 24), 1);
	row(f, "body", body, end, 2);
	row(f, "body", body, end, 4);
}

static const uint32_t edges[] = { 0, 1, 0xff, 0x80, 0x7f, 2, 0xfe, 0x40, 4, 8, 16 };
#define N_EDGES		(ARRAY_LEN(edges) + 3)

static const struct ip_addr addrs4[] = {
	IP4(0, 0, 0, 0), IP4(10, 0, 0, 1), IP4(10, 0, 0, 255), IP4(255, 255, 255, 255),
	IP4(127, 0, 0, 1), IP4(224, 0, 0, 1), IP4(224, 0, 0, 251), IP4(240, 0, 0, 1),
	IP4(10, 0, 0, 3), IP4(192, 0, 2, 1), IP4(169, 254, 1, 1), IP4(10, 0, 0, 0),
};
static const struct ip_addr addrs6[] = {
	{ { 0 } }, { { [15] = 1 } }, { { 0xfd, [15] = 1 } }, { { 0xff, 2, [15] = 1 } },
	{ { 0xff, 2, [15] = 2 } }, { { 0xff, 2, [11] = 1, [12] = 0xff, [15] = 1 } },
	{ { 0xff, 5, [15] = 9 } }, { { 0xfe, 0x80, [15] = 9 } }, { { 0xfd, [15] = 9 } },
	{ { 0x20, 1, [15] = 1 } }, { { [10] = 0xff, 0xff, 10, 0, 0, 1 } }, { { 0xfd } },
	{ { 0xff, 1, [15] = 1 } },
};

static unsigned n_values(const struct place *p)
{
	if (p->width == 16)
		return ARRAY_LEN(addrs6);
	return !strcmp(p->part, "addr") ? ARRAY_LEN(addrs4) : N_EDGES;
}

static uint32_t load(const uint8_t *b, unsigned width)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v = v << 8 | b[i];
	return v;
}

static void store(uint8_t *b, unsigned width, uint32_t v)
{
	for (unsigned i = width; i--; v >>= 8)
		b[i] = (uint8_t)v;
}

/* Edges of one byte, spread so that they are those of wider numbers, too: 0xff is
 * the largest, 0x80 the sign, 0x7f the largest positive. */
static uint32_t widen(uint32_t v, unsigned width)
{
	unsigned shift = 8 * (width - 1);

	if (v < 0x40 || width == 1)
		return v;
	return v << shift | (v & 1 ? (1u << shift) - 1 : 0);
}

static void set_place(struct frame_case *f, const struct place *p, unsigned i)
{
	uint8_t *b = f->b + p->at;
	uint32_t old;

	if (p->width == 16) {
		memcpy(b, addrs6[i].b, 16);
		return;
	}
	if (!strcmp(p->part, "addr")) {
		memcpy(b, addrs4[i].b + 12, 4);
		return;
	}
	old = load(b, p->width);
	if (i < ARRAY_LEN(edges))
		store(b, p->width, widen(edges[i], p->width));
	else
		store(b, p->width, (uint32_t[]){ old + 1, old - 1, ~old }[i - ARRAY_LEN(edges)]);
}

/* --- what the frame is now --- */

static bool unicast(const uint8_t *p, bool v4)
{
	if (!v4)
		return p[0] != 0xff && load(p, 4) + load(p + 4, 4) + load(p + 8, 4) +
				       load(p + 12, 4) > 1;
	return p[0] && p[0] != 127 && p[0] < 224 && load(p, 4) != 0x0a0000ff &&
	       load(p, 4) != 0x0a000000;
}

/* Of such a packet no ICMP error is sent (RFC 1122 3.2.2, RFC 4443 2.4 e). */
static bool no_complaint(const struct frame_case *f)
{
	const uint8_t *ip = f->b + ETH_LEN;
	uint8_t proto = 0;
	uint32_t at = upper_at(f->b, f->len, &proto);

	if (ip[0] >> 4 != (f->v4 ? 4 : 6))
		return true;
	if (!unicast(ip + (f->v4 ? 12 : 8), f->v4))
		return true;
	if (f->v4 && (!unicast(ip + 16, true) || load(ip + 6, 2) & 0x1fff))
		return true;
	if (f->v4 ? proto == IPPROTO_ICMP : proto == IPPROTO_ICMPV6)
		return !at || at >= f->len ||
		       (f->v4 ? f->b[at] == 3 || f->b[at] == 5 || f->b[at] == 11 || f->b[at] == 12 ||
				f->b[at] == 4 : f->b[at] < 128);
	return false;
}

/* --- a case --- */

static void hear(struct lan *l, struct frame_case *f)
{
	uint8_t b[FRAME_MAX], got[64];
	struct iovec iov = { got, sizeof(got) };
	struct msg m = { .ttl = -1 };
	uint32_t n = udp_frame(b, f->v4 || f->arp, 24);
	struct sock *so = l->udp[f->v4 || f->arp];
	bool heard = false;

	lan_input(l, b, n);
	for (ssize_t r; (r = sock_recv(so, &iov, 1, 0, &m)) >= 0; ) {
		bool same = r == 24;

		for (uint32_t i = 0; same && i < 24; i++)
			same = got[i] == pattern(i);
		heard |= same;
	}
	if (!heard)
		broken("a datagram does not arrive any more");
}

static void judge(const struct lan *l, const struct frame_case *f, bool bad_sum)
{
	const uint8_t *ip = f->b + ETH_LEN;

	/* An extension header may be complained about before anybody sums. */
	if (bad_sum && l->spoke > (f->v4 || f->upper == ETH_LEN + IP6_LEN ? 0 : l->errors))
		broken("an answer to a bad checksum");
	if (l->spoke > 1)
		broken("%u answers", l->spoke);
	if (l->errors && no_complaint(f))
		broken("an ICMP error that must not be sent");
	/* RFC 4861 6.1, 7.1 */
	if (!f->v4 && !f->arp && f->upper && ip[7] != 255 && ip[6] == IPPROTO_ICMPV6 &&
	    f->b[f->upper] >= ND_RS && f->b[f->upper] <= ND_REDIRECT && l->sent)
		broken("neighbour discovery with hop limit %u was heard", ip[7]);
}

/* Which sum, if any, was changed: it stays as it is. */
static void mend(struct frame_case *f, const struct place *const *p, unsigned n, bool *bad)
{
	bool ip = !f->arp, upper = !f->arp;
	uint32_t place = 0;
	uint8_t proto = 0, before[2];
	uint32_t at = upper_at(f->b, f->len, &proto);

	place = at ? sum_place(proto, f->b[ETH_LEN] >> 4 == 4) : 0;
	place += place ? at : 0;
	for (unsigned i = 0; i < n; i++) {
		if (f->v4 && p[i]->at <= ETH_LEN + 11 && p[i]->at + p[i]->width > ETH_LEN + 10)
			ip = false;
		if (place && p[i]->at <= place + 1 && p[i]->at + p[i]->width > place)
			upper = false;
	}
	sums_fill(f->b, f->len, ip, upper);
	*bad = false;
	if (f->arp || (ip && upper))
		return;
	/* Does it differ from the right one? IPv4's, and UDP's and ICMP's above. */
	if (!ip) {
		memcpy(before, f->b + ETH_LEN + 10, 2);
		sums_fill(f->b, f->len, true, false);
		*bad = memcmp(before, f->b + ETH_LEN + 10, 2) != 0 && load(before, 2) != 0xffff;
		memcpy(f->b + ETH_LEN + 10, before, 2);
	} else if (place && place + 2 <= f->len && (f->v4 || load(f->b + place, 2))) {
		memcpy(before, f->b + place, 2);
		sums_fill(f->b, f->len, false, true);
		*bad = memcmp(before, f->b + place, 2) != 0 && load(before, 2) != 0xffff &&
		       !(proto == IPPROTO_UDP && !load(before, 2));
		memcpy(f->b + place, before, 2);
	}
}

static void load_case(const struct templ *t, const struct lan *l, struct frame_case *f)
{
	uint8_t proto;

	memset(f, 0, sizeof(*f));
	f->len = t->make(l, f->b);
	f->arp = load(f->b + 12, 2) == ETHERTYPE_ARP;
	f->v4 = load(f->b + 12, 2) == ETHERTYPE_IP4;
	f->upper = upper_at(f->b, f->len, &proto);
	find_places(f);
}

static void say(const struct templ *t, const struct place *const *p, const unsigned *v,
		const struct frame_case *f, unsigned n)
{
	int len = snprintf(trying, TRYING, "%s:", t->name);

	for (unsigned i = 0; i < n; i++)
		len += snprintf(trying + len, TRYING - (size_t)len, " %s+%u:%u=%x (%u)", p[i]->part,
				p[i]->at - ETH_LEN, p[i]->width, load(f->b + p[i]->at, MIN(p[i]->width, 4u)),
				v[i]);
}

/* Was there an answer? */
static bool one(const struct templ *t, const unsigned *where, const unsigned *v, unsigned n)
{
	const struct place *p[3];
	struct frame_case f;
	struct lan l;
	bool bad, answered;

	lan_init(&l);
	load_case(t, &l, &f);
	for (unsigned i = 0; i < n; i++) {
		p[i] = &f.place[where[i]];
		set_place(&f, p[i], v[i]);
	}
	mend(&f, p, n, &bad);
	say(t, p, v, &f, n);
	lan_input(&l, f.b, f.len);
	judge(&l, &f, bad);
	answered = l.sent;
	lan_pass(&l, 20 * USEC_PER_SEC);
	if (l.sent > 100)
		broken("%u frames in 20 seconds", l.sent);
	hear(&l, &f);
	lan_fini(&l);
	return answered;
}

/* --- all cases of a kind --- */

struct walk {
	const struct templ *t;
	struct frame_case f;
	uint64_t	seen, total[4], answered;
};

static void values(struct walk *w, unsigned *where, unsigned *v, unsigned n, unsigned i,
		   uint64_t every)
{
	if (i == n) {
		if (w->seen++ % every == 0) {
			w->answered += one(w->t, where, v, n);
			w->total[n]++;
		}
		return;
	}
	for (v[i] = 0; v[i] < n_values(&w->f.place[where[i]]); v[i]++)
		values(w, where, v, n, i + 1, every);
}

static void places(struct walk *w, unsigned *where, unsigned n, unsigned i, unsigned from,
		   uint64_t every)
{
	unsigned v[3];

	if (i == n) {
		values(w, where, v, n, 0, every);
		return;
	}
	for (where[i] = from; where[i] < w->f.n; where[i]++)
		places(w, where, n, i + 1, where[i] + 1, every);
}

/* There are too many with three: so many, by chance that repeats. */
static void some_triples(struct walk *w, unsigned count)
{
	struct rng rng;
	unsigned where[3], v[3];

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < 3; k++) {
			where[k] = rng_below(&rng, w->f.n);
			v[k] = rng_below(&rng, n_values(&w->f.place[where[k]]));
		}
		w->answered += one(w->t, where, v, 3);
		w->total[3]++;
	}
}

void frame_kind(unsigned i, const struct variant *how, const struct strides *s)
{
	struct walk w = { .t = &templs[i] };
	unsigned where[3];
	struct lan l;

	lan_init(&l);
	load_case(w.t, &l, &w.f);
	lan_fini(&l);
	if (s->single)
		places(&w, where, 1, 0, 0, s->single);
	w.seen = i;
	if (s->pair)
		places(&w, where, 2, 0, 0, s->pair * PAIR_PART);
	if (s->triple)
		some_triples(&w, TRIPLES / (unsigned)s->triple + 1);
	printf("%-28s %3u fields, cases of 1, 2, 3: %6lu %8lu %8lu, answered %lu\n", w.t->name, w.f.n,
	       (unsigned long)w.total[1], (unsigned long)w.total[2], (unsigned long)w.total[3],
	       (unsigned long)w.answered);
}
