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
#include "base/sum.h"
#include "lan.h"
#include "mutate.h"
#include "pair.h"
#include "spoil.h"

#define PAIR_PART	5	/* a frame has more fields than a segment: fewer of its pairs */
#define TRIPLES		50000	/* of each kind, if all are wanted */

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

/* A header before the upper layer's may be complained about before anybody sums
 * that; but IPv4's own sum comes first. */
static bool early(const struct frame_case *f)
{
	const uint8_t *ip = f->b + ETH_LEN;
	struct sum s = { 0 };

	if (!f->v4)
		return f->upper != ETH_LEN + IP6_LEN;
	sum_add(&s, ip, (ip[0] & 15) * 4u);
	return (ip[0] & 15) > 5 && !sum_end(&s);
}

static void judge(const struct lan *l, const struct frame_case *f, bool bad_sum)
{
	const uint8_t *ip = f->b + ETH_LEN;

	if (bad_sum && l->spoke > (early(f) ? l->errors : 0))
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
	frame_load(t, &l, &f);
	for (unsigned i = 0; i < n; i++) {
		p[i] = &f.place[where[i]];
		place_set(&f, p[i], v[i]);
	}
	frame_mend(&f, p, n, &bad);
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
	for (v[i] = 0; v[i] < place_values(&w->f.place[where[i]]); v[i]++)
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
			v[k] = rng_below(&rng, place_values(&w->f.place[where[k]]));
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
	frame_load(w.t, &l, &w.f);
	lan_fini(&l);
	if (s->single)
		places(&w, where, 1, 0, 0, s->single);
	w.seen = i;
	if (s->pair)
		places(&w, where, 2, 0, 0, s->pair > 1 ? s->pair * PAIR_PART : 1);
	if (s->triple)
		some_triples(&w, TRIPLES / (unsigned)s->triple + 1);
	printf("%-28s %3u fields, cases of 1, 2, 3: %6lu %8lu %8lu, answered %lu\n", w.t->name, w.f.n,
	       (unsigned long)w.total[1], (unsigned long)w.total[2], (unsigned long)w.total[3],
	       (unsigned long)w.answered);
}
